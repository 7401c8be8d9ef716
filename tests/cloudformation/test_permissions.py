"""What the templates grant is what the code calls, and nothing that leads to more power."""

import ast
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session
from cloudsplaining.scan.policy_document import PolicyDocument
from policy_sentry.querying.actions import get_action_data

from keyturn.adapters.clients import WRITES
from tests.cloudformation.stacks import (
    ACCOUNT,
    CHANNELS,
    CORE,
    IN_A_VPC,
    LIST,
    MAIL_EVENTS,
    MANAGEMENT,
    MEMBER,
    MEMBERS,
    ORGANISATION,
    REPORTS,
    ROOT,
    SECURITY,
    TEMPLATES,
    Stack,
    granted,
    listed,
    strings,
    template,
)

ADAPTERS = ROOT / "src" / "keyturn" / "adapters"
# Which service each adapter speaks to.
SERVICE = {
    "alternate_contacts.py": "account",
    "channels/email.py": "sesv2",
    "cloudtrail.py": "cloudtrail",
    "channel_secret.py": "secretsmanager",
    "event_bus.py": "events",
    "iam.py": "iam",
    "kms.py": "kms",
    "organizations.py": "organizations",
    "s3_audit.py": "s3",
    "s3_evidence.py": "s3",
    "s3_period_reports.py": "s3",
    "s3_plans.py": "s3",
    "s3_receipts.py": "s3",
    "s3_folders_ahead.py": "s3",
    "s3_fates.py": "s3",
    "s3_conversations.py": "s3",
    "s3_coverage.py": "s3",
    "s3_days.py": "s3",
    "s3_reports.py": "s3",
    "s3_snapshots.py": "s3",
    "s3_pause_flag.py": "s3",
    "s3_ledger.py": "s3",
    "s3_owners_file.py": "s3",
    "s3_exemptions_file.py": "s3",
    "s3_deferrals.py": "s3",
    "s3_templates.py": "s3",
    "secret_list.py": "secretsmanager",
    "secrets_manager.py": "secretsmanager",
    "ses_suppression.py": "sesv2",
    "sqs.py": "sqs",
    "sts.py": "sts",
}
NO_ADAPTER = {
    *(
        "https.py",
        "channels/webhook.py",
        "channels/slack.py",
        "channels/teams.py",
        *(f"channels/jira/{name}.py" for name in ("__init__", "site", "words")),
    ),  # they ask nothing of AWS
    *(
        "__init__.py",
        "channels/__init__.py",
        "aws_errors.py",
        "clients.py",
        "sdk_session.py",
        "no_bucket.py",
    ),
    *("throttling.py", "token_bucket.py"),
    "timestamps.py",
    "rows_in_file.py",
    *("local_exemptions_file.py", "local_owners_file.py", "outbox.py", "pace.py"),
    *("local_evidence.py", "local_exports.py"),
}
# Where the action is not called as the operation is.
ACTION = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sesv2:GetSuppressedDestination": "ses:GetSuppressedDestination",
    "sesv2:GetAccount": "ses:GetAccount",
    "sesv2:SendEmail": "ses:SendEmail",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
# Which adapters work under which role: the whole file, or some of its functions.
WHOLE = None
WORKS_UNDER: Mapping[tuple[str, str], Mapping[str, Collection[str] | None]] = {
    (MEMBER, "RotationRole"): {
        "iam.py": WHOLE,
        "secret_list.py": WHOLE,
        "secrets_manager.py": WHOLE,
        "kms.py": {"_arn"},
        "alternate_contacts.py": WHOLE,
        "cloudtrail.py": WHOLE,
    },
    (LIST, "ListAccountsRole"): {"organizations.py": WHOLE},
    (CORE, "InventoryRole"): {
        "sts.py": WHOLE,
        "sqs.py": {"send", "_send"},
        "s3_coverage.py": WHOLE,
        "s3_days.py": WHOLE,
        "s3_owners_file.py": WHOLE,
        "s3_reports.py": {"record", "_put"},
    },
    (CORE, "RotationRole"): {
        "sts.py": WHOLE,
        "sqs.py": {"send", "_send"},
        "event_bus.py": WHOLE,
        "kms.py": {"__call__"},
        # The engine reads receipts; only the notifier writes them.
        "s3_folders_ahead.py": WHOLE,
        "s3_receipts.py": {"__init__", "_receipts_in"},
        "s3_audit.py": WHOLE,
        "s3_plans.py": WHOLE,
        "s3_snapshots.py": WHOLE,
        "s3_pause_flag.py": WHOLE,
        "s3_ledger.py": WHOLE,
        "s3_owners_file.py": WHOLE,
        "s3_exemptions_file.py": {"read"},
        "s3_deferrals.py": {"known_of", "of_key", "removal_of", "put_removal"},
    },
    (CORE, "NotifierRole"): {
        "s3_receipts.py": WHOLE,
        "s3_fates.py": WHOLE,
        "ses_suppression.py": WHOLE,
        "s3_templates.py": WHOLE,
        "channels/email.py": WHOLE,
        "event_bus.py": WHOLE,
    },
    (CHANNELS, "ChannelsRole"): {
        "s3_receipts.py": WHOLE,
        "s3_conversations.py": WHOLE,
        "channel_secret.py": WHOLE,
    },
    (REPORTS, "ReporterRole"): {
        "s3_reports.py": WHOLE,
        "s3_period_reports.py": WHOLE,
        "s3_evidence.py": WHOLE,
        "s3_coverage.py": WHOLE,
        "s3_days.py": WHOLE,
        "s3_pause_flag.py": {"pause"},
        "s3_snapshots.py": {"of_day"},
        "sqs.py": {"is_empty"},
        "event_bus.py": WHOLE,
    },
    # No code of ours: the rule's own.
    (MEMBER, "ExemptionRuleRole"): {},
    (MAIL_EVENTS, "PassOnRole"): {},
}
# What services do under these roles for us; docs/permissions.md has the source of each.
KMS = {"kms:Decrypt", "kms:GenerateDataKey"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
POLL = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
VPC = {
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
}
DONE_FOR_US = {
    (MEMBER, "RotationRole"): KMS,
    (LIST, "ListAccountsRole"): set(),
    (CORE, "InventoryRole"): KMS | LOGS | VPC,
    (CORE, "RotationRole"): KMS | LOGS | POLL | VPC,
    (CORE, "NotifierRole"): KMS | LOGS | POLL | VPC,
    (CHANNELS, "ChannelsRole"): {"kms:Decrypt"} | LOGS | POLL,
    (REPORTS, "ReporterRole"): LOGS,
    (MEMBER, "ExemptionRuleRole"): {"events:PutEvents"},
    (MAIL_EVENTS, "PassOnRole"): {"events:PutEvents"},
}
# Everything that an operator can switch on.
ALL = {
    MAIL_EVENTS: {"CoreRegion": "eu-west-1"},
    CHANNELS: {
        "WebhookSecretArn": f"arn:aws:secretsmanager:us-east-1:{SECURITY}:secret:hook-a1B2c3",
        "TeamsWebhookSecretArn": f"arn:aws:secretsmanager:us-east-1:{SECURITY}:secret:t-a1B2c3",
        "JiraSecretArn": f"arn:aws:secretsmanager:us-east-1:{SECURITY}:secret:jira-a1B2c3",
        "JiraUrl": "https://example.atlassian.net",
        "SlackTokenSecretArn": f"arn:aws:secretsmanager:us-east-1:{SECURITY}:secret:bot-a1B2c3",
        "SlackWebhookSecretArn": f"arn:aws:secretsmanager:us-east-1:{SECURITY}:secret:in-a1B2c3",
        "ChannelSecretsKmsKeyArn": f"arn:aws:kms:us-east-1:{SECURITY}:key/1234",
    },
    REPORTS: {},
    CORE: IN_A_VPC,
    LIST: {"OperatorPrincipalArn": "arn:aws:iam::222222222222:role/Ops"},
    MEMBER: {
        "OperatorPrincipalArn": "arn:aws:iam::222222222222:role/Ops",
        "ResourceOwnerTag": "Owner",
        "ReportRootKeys": "True",
        "ReportQuarantine": "True",
        "ReadAlternateContacts": "True",
        "ReadCloudTrail": "True",
        "EndExemptions": "True",
        "RemoveSecretsAfter": "35",
    },
}
# Never, in any role. (spec: what the role must not have)
NEVER = re.compile(
    r"iam:(\*|PassRole|Attach.*|Put.*Policy|Detach.*|CreateUser|CreateRole|CreateLoginProfile"
    r"|UpdateLoginProfile|TagUser|AddUserToGroup|CreatePolicy.*|SetDefault.*"
    r"|UpdateAssumeRolePolicy)|secretsmanager:(\*|GetSecretValue|BatchGetSecretValue|PutResourcePolicy)"
    r"|sts:\*|s3:\*|kms:\*|[^:]+:\*|\*"
)

ROLES = [
    (name, logical)
    for name in TEMPLATES
    for logical, each in template(name)["Resources"].items()
    if each["Type"] == "AWS::IAM::Role"
]


# What only a person's credentials do: in a wing of their own, `keyturn deploy` and `doctor`.
WING = ROOT / "src" / "keyturn" / "deployment" / "adapters"


def everything(name: str) -> Stack:
    return Stack(name=name, given=ALL[name])


def operations_in(path: Path, functions: Collection[str] | None) -> Iterator[str]:
    """The operations that an adapter's source calls, or some of its functions do."""
    service = SERVICE[path.relative_to(ADAPTERS).as_posix()]
    model = get_session().get_service_model(service)
    known = {xform_name(operation): operation for operation in model.operation_names}
    for part in ast.walk(ast.parse(path.read_text())):
        if not isinstance(part, ast.FunctionDef) or (functions and part.name not in functions):
            continue
        for call in ast.walk(part):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            name = call.func.attr
            if name == "get_paginator":
                name = ast.literal_eval(call.args[0])
            if name in known:
                yield f"{service}:{known[name]}"


def called_under(role: tuple[str, str]) -> set[str]:
    return {
        ACTION.get(operation, operation)
        for file, functions in WORKS_UNDER[role].items()
        for operation in operations_in(ADAPTERS / file, functions)
    }


# --- the code calls it, or it is not granted ----------------------------------------------------


def test_every_adapter_and_every_role_is_looked_at() -> None:
    adapters = {path.relative_to(ADAPTERS).as_posix() for path in ADAPTERS.rglob("*.py")}
    assert adapters - NO_ADAPTER == set(SERVICE)
    assert {file for files in WORKS_UNDER.values() for file in files} == set(SERVICE)
    assert set(WORKS_UNDER) == set(DONE_FOR_US) == set(ROLES)


def test_no_function_can_reach_what_only_people_do() -> None:
    wired = (ADAPTERS.parent / "wiring.py").read_text()

    assert {"cloudformation.py", "member_account.py"} <= {path.name for path in WING.glob("*.py")}
    assert "keyturn.deployment" not in wired


@pytest.mark.parametrize("role", ROLES, ids="-".join)
def test_a_role_grants_what_its_code_calls_and_nothing_else(role: tuple[str, str]) -> None:
    name, logical = role

    assert granted(everything(name).statements(logical)) == called_under(role) | DONE_FOR_US[role]


# What the roles were seen to do when the functions ran from their zips, with IAM enforced.
# Everybody in it has a tag. tests/adapters/test_alternate_contacts.py asks for contacts, and
# tests/functions/test_cloudtrail.py for the callers of keys, test_quarantine.py for leaked ones,
# test_secret_life.py schedules the deletion of secrets.
NOT_IN_THE_STORY = {
    "account:GetAlternateContact",
    "cloudtrail:LookupEvents",
    "iam:ListEntitiesForPolicy",
    "iam:RemoveUserFromGroup",
    "secretsmanager:DeleteSecret",
}
RECORDED = json.loads((ROOT / "tests" / "e2e" / "calls.json").read_text())


# The stacks of channels and reports are no part of that story: tests/functions/test_channels.py
# and test_reporter.py say what their roles were seen to do.
@pytest.mark.parametrize(
    "role",
    [role for role in ROLES if WORKS_UNDER[role] and role[0] not in {CHANNELS, REPORTS}],
    ids="-".join,
)
def test_a_role_was_seen_to_use_all_that_it_grants(role: tuple[str, str]) -> None:
    name, logical = role
    stack = everything(name)
    [named] = listed(stack.of_type("AWS::IAM::Role")[logical]["RoleName"])

    seen = set(RECORDED[named])

    assert granted(stack.statements(logical)) - DONE_FOR_US[role] - NOT_IN_THE_STORY == seen


def test_every_write_that_is_granted_in_an_account_is_logged() -> None:
    reads = ("Get", "List", "Describe", "Lookup")
    writes = {
        action
        for action in granted(everything(MEMBER).statements("RotationRole"))
        if action.startswith(("iam:", "secretsmanager:"))
        and not action.partition(":")[2].startswith(reads)
    }

    assert {f"{service}:{name}" for service in WRITES for name in WRITES[service]} == writes


@pytest.mark.parametrize(
    ("parameter", "value", "action"),
    [
        ("ReportRootKeys", "true", "iam:GetAccountSummary"),
        ("ReportQuarantine", "true", "iam:ListEntitiesForPolicy"),
        ("ResourceOwnerTag", "Owner", "iam:ListUserTags"),
        ("ReadAlternateContacts", "TRUE", "account:GetAlternateContact"),
        ("ReadCloudTrail", "true", "cloudtrail:LookupEvents"),
        ("EndExemptions", "true", "iam:RemoveUserFromGroup"),
    ],
)
def test_what_is_optional_is_granted_only_where_it_is_asked_for(
    parameter: str, value: str, action: str
) -> None:
    without = granted(Stack(name=MEMBER).statements("RotationRole"))
    given = granted(Stack(name=MEMBER, given={parameter: value}).statements("RotationRole"))

    assert given - without == {action}


def test_secrets_are_listed_everywhere_and_deleted_only_where_that_is_asked_for() -> None:
    without = granted(Stack(name=MEMBER).statements("RotationRole"))
    given = Stack(name=MEMBER, given={"RemoveSecretsAfter": "35"}).statements("RotationRole")

    assert "secretsmanager:ListSecrets" in without
    assert granted(given) - without == {"secretsmanager:DeleteSecret"}


def test_the_functions_make_network_interfaces_only_in_a_vpc() -> None:
    for role in ("InventoryRole", "RotationRole", "NotifierRole"):
        assert not granted(Stack(name=CORE).statements(role)) & VPC


def test_in_a_vpc_lambda_may_use_a_subnet_that_another_account_shares() -> None:
    shared = "arn:aws:ec2:us-east-1:444444444444:subnet/subnet-0123456789abcdef0"
    for role in ("InventoryRole", "RotationRole", "NotifierRole"):
        [attaches] = [
            each
            for each in Stack(name=CORE, given=IN_A_VPC).statements(role)
            if "ec2:CreateNetworkInterface" in listed(each["Action"])
        ]

        assert any(fnmatch(shared, pattern) for pattern in listed(attaches["Resource"]))


def test_in_a_vpc_the_functions_own_code_may_do_nothing_with_interfaces() -> None:
    core = Stack(name=CORE, given=IN_A_VPC)
    functions = core.of_type("AWS::Lambda::Function").values()
    for role in ("InventoryRole", "RotationRole", "NotifierRole"):
        [denied] = [each for each in core.statements(role) if each["Effect"] == "Deny"]
        [pattern] = denied["Condition"]["ArnLike"].values()

        assert (denied["Action"], denied["Resource"]) == ("ec2:*", "*")
        for function in functions:
            arn = f"arn:aws:lambda:us-east-1:{SECURITY}:function:{function['FunctionName']}"
            assert fnmatch(arn, pattern)


# --- and no more than that ----------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES, ids="-".join)
def test_no_role_has_what_it_must_never_have(role: tuple[str, str]) -> None:
    name, logical = role

    # The next test holds what the channels read to the very secrets that are given.
    allowed = {"secretsmanager:GetSecretValue"} if name == CHANNELS else set()
    assert not [
        action
        for action in granted(everything(name).statements(logical)) - allowed
        if NEVER.fullmatch(action)
    ]


@pytest.mark.parametrize(
    "parameter", [name for name in ALL[CHANNELS] if name.endswith("SecretArn")]
)
def test_the_channels_read_the_very_secrets_that_are_given_and_no_receipt(parameter: str) -> None:
    given = {parameter: ALL[CHANNELS][parameter]}
    reads = [
        each["Resource"]
        for each in Stack(name=CHANNELS, given=given).statements("ChannelsRole")
        if each["Action"] == "secretsmanager:GetSecretValue"
    ]
    without = Stack(name=CHANNELS).statements("ChannelsRole")

    assert reads == [given[parameter]]
    assert "secretsmanager:GetSecretValue" not in granted(without)
    assert {
        resource
        for each in without
        if "s3:PutObject" in listed(each["Action"])
        for resource in listed(each["Resource"])
    } == {"arn:aws:s3:::a-bucket/asa/asa-iam-rotation/channels/*"}


def whole(role: tuple[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every action that a role has on everything."""
    name, logical = role
    for statement in everything(name).statements(logical):
        if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
            for action in listed(statement["Action"]):
                yield action, statement


@pytest.mark.parametrize("role", ROLES, ids="-".join)
def test_only_what_aws_knows_no_resource_for_is_granted_on_everything(
    role: tuple[str, str],
) -> None:
    for action, _ in whole(role):
        service, operation = action.split(":")
        [known] = get_action_data(service, operation).values()

        assert {each["resource_arn_format"] for each in known} == {"*"}
        assert {each["access_level"] for each in known} <= {"Read", "List"}


def told_under(heading: str) -> set[str]:
    """The actions in the first cells of the table below a heading of the manual."""
    text = (ROOT / "docs" / "permissions.md").read_text()
    _, _, below = text.partition(f"\n## {heading}\n")
    cells = re.findall(r"^\| (`[^|]+) \|", below.partition("\n## ")[0], re.MULTILINE)
    return {action for cell in cells for action in re.findall(r"`(\w+:\w+)`", cell)}


def test_every_grant_on_everything_stands_in_the_manual_with_its_reason() -> None:
    assert told_under("What is granted on `*`") == {
        action for role in ROLES for action, _ in whole(role)
    }


def test_everything_that_services_do_for_us_stands_in_the_manual_with_its_source() -> None:
    assert told_under("What services do under these roles") == set().union(*DONE_FOR_US.values())


@pytest.mark.parametrize("name", [MEMBER, LIST, CORE])
def test_every_resource_is_of_the_account_region_or_organisation_that_it_must_be(
    name: str,
) -> None:
    own = {MEMBER: MEMBERS, LIST: MANAGEMENT, CORE: SECURITY}[name]
    elsewhere = {
        # A role in a member account; a management account whose id only AWS knows.
        "arn:aws:iam::*:role/asa-iam-key-auto-rotation",
        f"arn:aws:organizations::*:root/{ORGANISATION}/*",
        f"arn:aws:organizations::*:ou/{ORGANISATION}/*",
        f"arn:aws:iam::{MANAGEMENT}:role/asa-iam-key-auto-rotation-list-accounts",
        f"arn:aws:events:us-east-1:{SECURITY}:event-bus/asa-iam-key-rotation",
        # AWS's own policies.
        "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine*",
        # A subnet that another account shares.
        "arn:aws:ec2:us-east-1:*:*/*",
    }
    for _, logical in (role for role in ROLES if role[0] == name):
        for statement in everything(name).statements(logical):
            for resource in set(listed(statement["Resource"])) - {"*"} - elsewhere:
                assert re.match(rf"arn:(\w+$|aws:s3:::|aws:\w+:[\w-]*:{own}:)", resource), resource


def test_the_member_role_reaches_secrets_of_our_names_in_the_home_region_only() -> None:
    member = Stack(name=MEMBER, given={"HomeRegion": "eu-west-1"})
    statements = member.statements("RotationRole")
    of_secrets = {each for each in granted(statements) if each.startswith("secretsmanager:")}
    reached = {
        resource
        for statement in statements
        for resource in listed(statement["Resource"])
        # A list can be narrowed to no secret.
        if set(listed(statement["Action"])) & of_secrets - {"secretsmanager:ListSecrets"}
    }

    assert reached == {
        f"arn:aws:secretsmanager:eu-west-1:{MEMBERS}:secret:Account_{MEMBERS}_User_*_AccessKey*"
    }


def test_the_member_role_uses_one_kms_key_through_secrets_manager_only() -> None:
    member = Stack(
        name=MEMBER, given={"HomeRegion": "cn-north-1"}, partition="aws-cn", region="cn-north-1"
    )
    statements = {
        tuple(listed(each["Action"])): each["Condition"]
        for each in member.statements("RotationRole")
        if any(action.startswith("kms:") for action in listed(each["Action"]))
    }
    ours = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/asa-iam-key-rotation"}}

    assert statements == {
        ("kms:GenerateDataKey", "kms:Decrypt"): {
            "StringEquals": {"kms:ViaService": "secretsmanager.cn-north-1.amazonaws.com.cn"},
            **ours,
        },
        ("kms:DescribeKey",): ours,
    }


def test_only_the_rotation_function_gets_the_key_of_all_seals() -> None:
    core = Stack(name=CORE)
    holders = {
        role: (each["Action"], each["Resource"])
        for role in core.of_type("AWS::IAM::Role")
        for each in core.statements(role)
        if any("Mac" in action for action in listed(each["Action"]))
    }
    [seal_key] = [
        key for key in core.of_type("AWS::KMS::Key").values() if key.get("KeySpec") == "HMAC_256"
    ]

    assert holders.keys() == {"RotationRole"}
    assert holders["RotationRole"][0] == "kms:GenerateMac"
    # Nobody but the account's own administrators, by their policies.
    assert [each["Action"] for each in seal_key["KeyPolicy"]["Statement"]] == ["kms:*"]


def test_the_notifier_sends_from_one_address_and_the_rotation_writes_no_receipt() -> None:
    core = Stack(name=CORE)
    [mails] = [
        each for each in core.statements("NotifierRole") if each["Action"] == "ses:SendEmail"
    ]
    receipts = "arn:aws:s3:::a-bucket/asa/asa-iam-rotation/receipts/*"

    # SES asks for the right to an identity's default configuration set too.
    assert mails["Resource"] == [
        f"arn:aws:ses:us-east-1:{SECURITY}:{kind}/*" for kind in ("identity", "configuration-set")
    ]
    assert mails["Condition"] == {
        "StringEqualsIfExists": {"ses:FromAddress": "security-ops@example.com"}
    }
    for statement in core.statements("RotationRole"):
        if statement["Effect"] == "Allow":
            assert receipts not in listed(statement["Resource"])


def objects(role: str, action: str) -> set[str]:
    """The names below the prefix for which a function's role has an action of S3."""
    below = "arn:aws:s3:::a-bucket/asa/asa-iam-rotation/"
    return {
        resource.removeprefix(below)
        for statement in Stack(name=CORE).statements(role)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_a_function_reaches_its_own_folders_of_the_bucket_only() -> None:
    assert objects("RotationRole", "s3:GetObject") == {
        "owners.*",
        "exemptions.yaml",
        "deferrals/*",
        "tally/*",
        "paused.json",
        "plans/*",
        "snapshots/*",
    }
    assert objects("RotationRole", "s3:PutObject") == {
        "tally/*",
        "audit/*",
        "snapshots/*",
        "paused.json",
        "deferrals/*/AIDA*",
    }
    assert objects("RotationRole", "s3:DeleteObject") == {"paused.json"}
    assert objects("NotifierRole", "s3:GetObject") == {"receipts/*", "Template/*"}
    assert objects("NotifierRole", "s3:PutObject") == {"receipts/*"}
    assert objects("NotifierRole", "s3:DeleteObject") == {"receipts/*"}


def test_the_inventory_sees_names_of_snapshots_and_reads_the_owners_file_alone() -> None:
    [statement] = [
        each
        for each in Stack(name=CORE).statements("InventoryRole")
        if each["Sid"] == "SeeWhoWasReached"
    ]

    assert listed(statement["Action"]) == ["s3:ListBucket"]
    # No "IfExists": a question without a prefix would be one for every name in the bucket.
    assert statement["Condition"] == {
        "StringEquals": {"aws:ResourceAccount": SECURITY},
        "StringLike": {
            "s3:prefix": ["asa/asa-iam-rotation/snapshots/*", "asa/asa-iam-rotation/owners."]
        },
    }
    assert objects("InventoryRole", "s3:GetObject") == {"owners.*"}
    assert objects("InventoryRole", "s3:PutObject") == {"reports/daily/*"}
    assert objects("InventoryRole", "s3:DeleteObject") == set()


def test_a_function_lists_its_own_folders_of_the_bucket_only() -> None:
    folders = {
        "RotationRole": [
            "receipts/*",
            "channels/*",
            "tally/*",
            "paused.json",
            "snapshots/*",
            "owners.",
            "exemptions.yaml",
            "deferrals/*",
        ],
        "NotifierRole": ["receipts/*", "Template/*"],
    }
    for role, names in folders.items():
        [statement] = [
            each
            for each in Stack(name=CORE).statements(role)
            if "s3:ListBucket" in listed(each["Action"])
        ]
        # Whether an object is there is asked without a prefix.
        assert statement["Condition"] == {
            "StringEquals": {"aws:ResourceAccount": SECURITY},
            "StringLikeIfExists": {
                "s3:prefix": ["", *(f"asa/asa-iam-rotation/{name}" for name in names)]
            },
        }


# --- who may become these roles -----------------------------------------------------------------


def trusted(name: str, logical: str, **given: str) -> list[Mapping[str, Any]]:
    role = Stack(name=name, given=given).of_type("AWS::IAM::Role")[logical]
    found: list[Mapping[str, Any]] = role["AssumeRolePolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize(
    ("name", "logical", "who"),
    [
        (MEMBER, "RotationRole", "ASA-IAM-Access-Key-Rotation-Role"),
        (LIST, "ListAccountsRole", "ASA-Account-Inventory-Role"),
    ],
)
def test_a_role_trusts_one_role_of_the_security_account_in_the_organisation(
    name: str, logical: str, who: str
) -> None:
    [statement] = trusted(name, logical)

    assert statement == {
        "Sid": statement["Sid"],
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{SECURITY}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{SECURITY}:role/{who}"},
            "StringEquals": {"aws:PrincipalOrgID": ORGANISATION},
        },
    }


@pytest.mark.parametrize(
    ("name", "logical"), [(MEMBER, "RotationRole"), (LIST, "ListAccountsRole")]
)
def test_an_operators_role_is_trusted_besides_by_its_whole_arn(name: str, logical: str) -> None:
    operator = "arn:aws:iam::444444444444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_1"

    _, statement = trusted(name, logical, OperatorPrincipalArn=operator)

    assert statement["Principal"] == {"AWS": "arn:aws:iam::444444444444:root"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": operator},
        "StringEquals": {"aws:PrincipalOrgID": ORGANISATION},
    }


def test_the_functions_roles_are_the_ones_that_the_others_trust() -> None:
    given = {"ExecutionRoleName": "Mine", "InventoryExecutionRoleName": "Theirs"}
    roles = Stack(name=CORE, given=given).of_type("AWS::IAM::Role")
    [member] = trusted(MEMBER, "RotationRole", ExecutionRoleName="Mine")
    [lister] = trusted(LIST, "ListAccountsRole", InventoryExecutionRoleName="Theirs")

    for statement, logical in ((member, "RotationRole"), (lister, "InventoryRole")):
        arn = f"arn:aws:iam::{SECURITY}:role/{roles[logical]['RoleName']}"
        assert statement["Condition"]["ArnEquals"]["aws:PrincipalArn"] == arn


@pytest.mark.parametrize("policy", ["b", "path/of/b"])
@pytest.mark.parametrize("name", [MEMBER, LIST])
def test_a_boundary_is_the_accounts_own_policy_of_that_name(name: str, policy: str) -> None:
    """IAM takes no boundary of another account, and a stack set gives every account one ARN."""
    given = {"PermissionsBoundaryArn": f"arn:aws:iam::{SECURITY}:policy/{policy}"}
    roles = Stack(name=name, given=given).of_type("AWS::IAM::Role").values()

    assert {each["PermissionsBoundary"] for each in roles} == {
        f"arn:aws:iam::{ACCOUNT[name]}:policy/{policy}"
    }


def test_every_role_can_be_bounded() -> None:
    boundary = {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    for name, logical in ROLES:
        given = ALL.get(name, {})
        bounded = Stack(name=name, given={**given, **boundary}).of_type("AWS::IAM::Role")[logical]
        plain = Stack(name=name, given=given).of_type("AWS::IAM::Role")[logical]

        assert bounded["PermissionsBoundary"] == boundary["PermissionsBoundaryArn"]
        assert "PermissionsBoundary" not in plain


# --- the keys -----------------------------------------------------------------------------------


def test_secrets_are_decrypted_by_principals_of_their_account_through_secrets_manager() -> None:
    _, statement = Stack(name=MEMBER, region="us-east-1").of_type("AWS::KMS::Key")["SecretsKey"][
        "KeyPolicy"
    ]["Statement"]

    assert statement["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": MEMBERS,
            "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        }
    }


def test_every_key_is_renewed_yearly_and_deleted_slowly() -> None:
    for name in (CORE, MEMBER):
        for key in Stack(name=name).of_type("AWS::KMS::Key").values():
            # KMS renews no HMAC key: another key would void every seal.
            assert key.get("EnableKeyRotation", False) is (key.get("KeySpec") != "HMAC_256")
            assert key["PendingWindowInDays"] == 30


# --- what a scanner finds -----------------------------------------------------------------------

FINDINGS = (
    "allows_privilege_escalation",
    "allows_data_exfiltration_actions",
    "credentials_exposure",
    "permissions_management_without_constraints",
    "service_wildcard",
    "write_actions_without_constraints",
)
# What cloudsplaining finds when it takes every statement as if it held for everything: not in how
# a statement is narrowed, but in what the action could do at all. Each is accepted for a reason.
ACCEPTED: Mapping[tuple[str, str], Mapping[str, set[str]]] = {
    (MEMBER, "RotationRole"): {
        # Making keys of any user is what Keyturn is for; the secret goes to Secrets Manager, which
        # this role cannot read. It is why the role's trust is as narrow as it is.
        "allows_privilege_escalation": {"CreateAccessKey", "CreateAndRotateAccessKey"},
        "credentials_exposure": {"iam:CreateAccessKey", "iam:UpdateAccessKey"},
        "permissions_management_without_constraints": {
            "iam:CreateAccessKey",
            "iam:UpdateAccessKey",
            "iam:DeleteAccessKey",
            # Where EndExemptions is true, of the exemption group alone: it takes rights away.
            "iam:RemoveUserFromGroup",
        },
    },
    # One role: the one that lists the organisation. And one file: that of the owners.
    (CORE, "InventoryRole"): {
        "credentials_exposure": {"sts:AssumeRole"},
        "allows_data_exfiltration_actions": {"s3:GetObject"},
    },
    # One name: the role in each account, which trusts nobody else. And tally, pause, plans.
    (CORE, "RotationRole"): {
        "credentials_exposure": {"sts:AssumeRole"},
        "allows_data_exfiltration_actions": {"s3:GetObject"},
    },
    # The secrets of the channels that are on, by their ARNs; and what the channels have said.
    (CHANNELS, "ChannelsRole"): {
        "allows_data_exfiltration_actions": {"s3:GetObject", "secretsmanager:GetSecretValue"},
    },
    # Snapshots and reports alone.
    (REPORTS, "ReporterRole"): {"allows_data_exfiltration_actions": {"s3:GetObject"}},
    # Receipts and mail templates alone.
    (CORE, "NotifierRole"): {"allows_data_exfiltration_actions": {"s3:GetObject"}},
    (LIST, "ListAccountsRole"): {},
    (MEMBER, "ExemptionRuleRole"): {},
    (MAIL_EVENTS, "PassOnRole"): {},
}


def findings(role: tuple[str, str], *, as_if_for_everything: bool) -> dict[str, set[str]]:
    name, logical = role
    return findings_of(
        everything(name).statements(logical), as_if_for_everything=as_if_for_everything
    )


def findings_of(
    statements: Sequence[Mapping[str, Any]], *, as_if_for_everything: bool
) -> dict[str, set[str]]:
    policy = PolicyDocument(
        {"Version": "2012-10-17", "Statement": list(statements)},
        flag_conditional_statements=as_if_for_everything,
        flag_resource_arn_statements=as_if_for_everything,
    )
    found: dict[str, set[str]] = {}
    for kind in FINDINGS:
        for each in getattr(policy, kind):
            found.setdefault(kind, set()).add(each["type"] if isinstance(each, dict) else each)
    return found


@pytest.mark.parametrize("role", ROLES, ids="-".join)
def test_a_scanner_finds_nothing_in_what_is_granted_on_everything(role: tuple[str, str]) -> None:
    assert findings(role, as_if_for_everything=False) == {}


@pytest.mark.parametrize("role", ROLES, ids="-".join)
def test_a_scanner_finds_only_what_was_accepted_for_a_reason(role: tuple[str, str]) -> None:
    found = findings(role, as_if_for_everything=True)
    # How these are narrowed is told by the scan above; as if for everything, they are all writes.
    found.pop("write_actions_without_constraints", None)

    assert found == ACCEPTED[role]


def test_a_way_to_more_power_would_be_found() -> None:
    statements = [{"Effect": "Allow", "Action": ["iam:PutUserPolicy"], "Resource": "*"}]

    for as_if in (False, True):
        found = findings_of(statements, as_if_for_everything=as_if)
        assert found["allows_privilege_escalation"] == {"PutUserPolicy"}


def test_no_policy_is_open_by_negation() -> None:
    for name in TEMPLATES:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(strings(template(name)))
