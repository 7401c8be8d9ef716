"""Who may act for whom, on which resource, from where; and that no value given widens it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.cloudformation.stacks import (
    ALARMS,
    CORE,
    ENDPOINTS,
    GIVEN,
    IN_A_VPC,
    LIST,
    MEMBER,
    MEMBERS,
    ORGANISATION,
    SECURITY,
    TEMPLATES,
    Stack,
    listed,
    named_in,
    template,
)

OWN = {"aws:ResourceAccount": SECURITY}
ROTATION = f"arn:aws:lambda:us-east-1:{SECURITY}:function:ASA-IAM-Access-Key-Rotation-Function"
INVENTORY = f"arn:aws:lambda:us-east-1:{SECURITY}:function:ASA-Account-Inventory"


def policies(stack: Stack) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of every policy that a stack makes, with the resource that has it."""

    def within(part: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 -- a part of a template
        if isinstance(part, Mapping):
            yield from part.get("Statement", ())
            for each in part.values():
                yield from within(each)
        elif isinstance(part, list):
            for each in part:
                yield from within(each)

    for logical, made in stack.resources.items():
        for statement in within(made.get("Properties", {})):
            yield logical, statement


# --- services -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CORE, MEMBER])
def test_a_service_acts_for_our_own_account_only(name: str) -> None:
    own = SECURITY if name == CORE else MEMBERS
    for logical, statement in policies(Stack(name=name)):
        who = statement.get("Principal")
        if statement["Effect"] != "Allow" or not isinstance(who, Mapping) or "Service" not in who:
            continue
        if statement.get("Sid") == "Logs":  # it names the log group in the encryption context
            continue
        conditions = statement["Condition"]
        accounts = conditions.get("StringEquals", {}).get("aws:SourceAccount")
        sources = conditions.get("ArnEquals", {}).get("aws:SourceArn", ())

        assert accounts == own or sources, (logical, statement)


def test_each_function_role_is_taken_on_by_lambda_in_this_account() -> None:
    roles = Stack(name=CORE).of_type("AWS::IAM::Role")

    assert set(roles) == {"InventoryRole", "RotationRole", "NotifierRole"}
    for role in roles.values():
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": SECURITY}},
            }
        ]


def test_only_the_exemption_rule_takes_on_its_role() -> None:
    member = Stack(name=MEMBER)
    [rule] = member.of_type("AWS::Events::Rule").values()
    [statement] = member.of_type("AWS::IAM::Role")["ExemptionRuleRole"][
        "AssumeRolePolicyDocument"
    ]["Statement"]

    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": MEMBERS},
            "ArnEquals": {
                "aws:SourceArn": f"arn:aws:events:us-east-1:{MEMBERS}:rule/{rule['Name']}"
            },
        },
    }


@pytest.mark.parametrize(
    ("role", "function"), [("RotationRole", ROTATION), ("InventoryRole", INVENTORY)]
)
def test_only_our_own_function_goes_on_from_its_role(role: str, function: str) -> None:
    """Whoever may pass the role to a function of their own must not get into the accounts."""
    core = Stack(name=CORE)
    [enters] = [each for each in core.statements(role) if each["Action"] == "sts:AssumeRole"]
    names = {each["FunctionName"] for each in core.of_type("AWS::Lambda::Function").values()}

    assert enters["Condition"]["ArnEquals"] == {"lambda:SourceFunctionArn": function}
    assert function.rpartition(":")[2] in names


def test_the_hubs_key_lets_two_services_and_the_logs_use_it() -> None:
    key = Stack(name=CORE).of_type("AWS::KMS::Key")["HubKey"]
    first, logs, services = key["KeyPolicy"]["Statement"][:3]

    assert (first["Principal"], first["Action"]) == (
        {"AWS": f"arn:aws:iam::{SECURITY}:root"},
        "kms:*",
    )
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": (
                f"arn:aws:logs:us-east-1:{SECURITY}:log-group:/aws/lambda/ASA-*"
            )
        }
    }
    assert services == {
        "Sid": "RulesAndAlarms",
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": SECURITY}},
    }


def test_the_topic_takes_alarms_of_this_account_and_region_over_tls() -> None:
    [policy] = Stack(name=CORE).of_type("AWS::SNS::TopicPolicy").values()

    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OnlyEncryptedConnections",
            "Effect": "Deny",
            "Principal": "*",
            # SNS takes actions on a topic alone; a wildcard would hold others, too.
            "Action": "sns:Publish",
            "Resource": "ref:AlarmTopic",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "ref:AlarmTopic",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": SECURITY},
                "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:{SECURITY}:alarm:*"},
            },
        },
    ]


MAILS_RULE = f"arn:aws:events:us-east-1:{SECURITY}:rule/asa-iam-key-rotation-mails"
"""Of the mail-events stack, by its name."""
PAUSE_RULE = f"arn:aws:events:us-east-1:{SECURITY}:rule/asa-iam-key-rotation-pause"
"""Of the alarms stack, likewise."""


@pytest.mark.parametrize(
    ("policy", "queues", "rules"),
    [
        ("QueuesPolicy", ["RotationQueue", "RotationDeadLetters", "NotifierDeadLetters"], []),
        ("NotifierQueuePolicy", ["NotifierQueue"], ["NoticesRule", "ExemptionRule", MAILS_RULE]),
        (
            "UndeliveredQueuePolicy",
            ["UndeliveredQueue"],
            ["DailyRule", "NoticesRule", "ExemptionRule", MAILS_RULE, PAUSE_RULE],
        ),
    ],
)
def test_a_queue_takes_what_the_named_rules_send_over_tls(
    policy: str, queues: list[str], rules: list[str]
) -> None:
    made = Stack(name=CORE).of_type("AWS::SQS::QueuePolicy")[policy]
    refuses, *takes = made["PolicyDocument"]["Statement"]

    assert made["Queues"] == [f"ref:{name}" for name in queues]
    assert (refuses["Effect"], refuses["Action"], refuses["Resource"]) == ("Deny", "sqs:*", "*")
    assert [(each["Action"], each["Resource"]) for each in takes] == [
        ("sqs:SendMessage", f"arn:{name}") for name in queues if rules
    ]
    for each in takes:
        assert each["Principal"] == {"Service": "events.amazonaws.com"}
        assert each["Condition"] == {
            "ArnEquals": {
                "aws:SourceArn": [name if ":" in name else f"arn:{name}" for name in rules]
            }
        }


# --- on which resource --------------------------------------------------------------------------

BUCKET = "arn:aws:s3:::a-bucket"
BELOW = f"{BUCKET}/asa/asa-iam-rotation"
LOG = f"arn:aws:logs:us-east-1:{SECURITY}:log-group:/aws/lambda"
IDENTITIES = f"arn:aws:ses:us-east-1:{SECURITY}"
GRANTED: Mapping[str, Mapping[str, set[str]]] = {
    "InventoryRole": {
        "sts:AssumeRole": {
            "arn:aws:iam::111111111111:role/asa-iam-key-auto-rotation-list-accounts"
        },
        "sqs:SendMessage": {"arn:RotationQueue", "arn:UndeliveredQueue"},
        "s3:ListBucket": {BUCKET},
        "s3:PutObject": {f"{BELOW}/reports/daily/*"},
        "s3:GetObject": {f"{BELOW}/owners.*"},
        "kms:Decrypt": {"arn:HubKey"},
        "kms:GenerateDataKey": {"arn:HubKey"},
        "logs:CreateLogStream": {f"{LOG}/ASA-Account-Inventory:*"},
        "logs:PutLogEvents": {f"{LOG}/ASA-Account-Inventory:*"},
    },
    "RotationRole": {
        "sts:AssumeRole": {"arn:aws:iam::*:role/asa-iam-key-auto-rotation"},
        "events:PutEvents": {"arn:EventBus"},
        "sqs:SendMessage": {"arn:RotationQueue", "arn:UndeliveredQueue"},
        "sqs:ReceiveMessage": {"arn:RotationQueue"},
        "sqs:DeleteMessage": {"arn:RotationQueue"},
        "sqs:GetQueueAttributes": {"arn:RotationQueue"},
        "s3:ListBucket": {BUCKET},
        "s3:GetObject": {
            *(f"{BELOW}/{name}" for name in ("tally/*", "paused.json", "plans/*", "snapshots/*")),
            *(f"{BELOW}/{name}" for name in ("owners.*", "exemptions.yaml", "deferrals/*")),
        },
        "s3:PutObject": {
            *(f"{BELOW}/{name}" for name in ("tally/*", "audit/*", "snapshots/*", "paused.json")),
            f"{BELOW}/deferrals/*/AIDA*",
        },
        "s3:DeleteObject": {f"{BELOW}/paused.json"},
        "kms:GenerateMac": {"arn:SealKey"},
        "kms:Decrypt": {"arn:HubKey"},
        "kms:GenerateDataKey": {"arn:HubKey"},
        "logs:CreateLogStream": {f"{LOG}/ASA-IAM-Access-Key-Rotation-Function:*"},
        "logs:PutLogEvents": {f"{LOG}/ASA-IAM-Access-Key-Rotation-Function:*"},
    },
    "NotifierRole": {
        "events:PutEvents": {"arn:EventBus"},
        "sqs:ReceiveMessage": {"arn:NotifierQueue"},
        "sqs:DeleteMessage": {"arn:NotifierQueue"},
        "sqs:GetQueueAttributes": {"arn:NotifierQueue"},
        "s3:ListBucket": {BUCKET},
        "s3:GetObject": {f"{BELOW}/receipts/*", f"{BELOW}/Template/*"},
        "s3:PutObject": {f"{BELOW}/receipts/*"},
        "s3:DeleteObject": {f"{BELOW}/receipts/*"},
        "ses:GetSuppressedDestination": {"*"},
        "ses:GetAccount": {"*"},
        "ses:SendEmail": {f"{IDENTITIES}:identity/*", f"{IDENTITIES}:configuration-set/*"},
        "kms:Decrypt": {"arn:HubKey"},
        "kms:GenerateDataKey": {"arn:HubKey"},
        "logs:CreateLogStream": {f"{LOG}/ASA-Notifier:*"},
        "logs:PutLogEvents": {f"{LOG}/ASA-Notifier:*"},
    },
}


def resources_of(statements: list[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each allowed action is allowed on."""
    found: dict[str, set[str]] = {}
    for each in statements:
        assert each["Effect"] == "Allow"
        for action in listed(each["Action"]):
            found.setdefault(action, set()).update(listed(each["Resource"]))
    return found


@pytest.mark.parametrize("role", GRANTED)
def test_a_function_may_act_on_the_very_resources_that_its_code_names(role: str) -> None:
    assert resources_of(Stack(name=CORE).statements(role)) == GRANTED[role]


def test_the_queues_that_the_functions_are_told_are_those_that_they_may_use() -> None:
    core = Stack(name=CORE)
    for logical, role in (
        ("InventoryFunction", "InventoryRole"),
        ("RotationFunction", "RotationRole"),
    ):
        told = core.resources[logical]["Properties"]["Environment"]["Variables"]["QueueUrl"]
        queue = told.removeprefix("ref:")

        assert f"arn:{queue}" in GRANTED[role]["sqs:SendMessage"]
    for mapping in core.of_type("AWS::Lambda::EventSourceMapping").values():
        role = core.resources[mapping["FunctionName"].removeprefix("ref:")]["Properties"]["Role"]
        taken = GRANTED[role.removeprefix("arn:")]["sqs:ReceiveMessage"]

        assert taken == {mapping["EventSourceArn"]}


def test_every_statement_about_the_bucket_is_about_a_bucket_of_this_account() -> None:
    about = [
        statement
        for _, statement in policies(Stack(name=CORE))
        if any(action.startswith("s3:") for action in listed(statement["Action"]))
    ]

    assert len(about) == 11
    for statement in about:
        assert statement["Condition"]["StringEquals"] == OWN, statement["Sid"]


# --- what is given ------------------------------------------------------------------------------


OWN_RULES = {"SecretReaderArns", "OwnersReadBy"}
"""See test_readers.py: one takes a star in two places."""


def guarded() -> Iterator[tuple[str, str]]:
    """The parameters that stand in a policy, a trust, or an ARN."""
    for name in TEMPLATES:
        parameters = template(name)["Parameters"]
        for made in template(name)["Resources"].values():
            parts = [
                value
                for key, value in made.get("Properties", {}).items()
                if "Polic" in key or key in {"Targets", "PermissionsBoundary"}
            ]
            for parameter in sorted(named_in(parts) & set(parameters) - OWN_RULES):
                yield name, parameter


GUARDED = sorted(set(guarded()))
LIKELY = {
    "WebhookSecretArn": "arn:aws:secretsmanager:us-east-1:222222222222:secret:hook-a1B2c3",
    "TeamsWebhookSecretArn": "arn:aws:secretsmanager:us-east-1:222222222222:secret:team-a1B2c3",
    "JiraSecretArn": "arn:aws:secretsmanager:us-east-1:222222222222:secret:jira-a1B2c3",
    "SlackTokenSecretArn": "arn:aws:secretsmanager:us-east-1:222222222222:secret:bot-a1B2c3",
    "SlackWebhookSecretArn": "arn:aws:secretsmanager:us-east-1:222222222222:secret:in-a1B2c3",
    "ChannelSecretsKmsKeyArn": "arn:aws:kms:us-east-1:222222222222:key/12345678-90ab-cdef",
    "PrimaryAccountID": SECURITY,
    "UsersTarget": "120",
    "AWSOrgID": ORGANISATION,
    "OperatorPrincipalArn": "arn:aws:iam::444444444444:role/path/Ops",
    "PermissionsBoundaryArn": "arn:aws:iam::444444444444:policy/path/Bound",
    "HomeRegion": "eu-west-1",
    "MailRegion": "eu-west-1",
    "CoreRegion": "eu-west-1",
    "ConfigurationSet": "keyturn",
    "PrimaryRegion": "eu-west-1",
    "ExternalId": "a-word:that/is=known",
}
MAY_HAVE_A_PATH = {
    *("OperatorPrincipalArn", "PermissionsBoundaryArn", "S3BucketPrefix", "SecretsKmsKey"),
    *("ExternalId", "AdminEmailAddress"),
}


def test_what_stands_in_a_policy_is_known() -> None:
    assert {parameter for _, parameter in GUARDED} >= {
        *("AWSOrgID", "ExecutionRoleName", "ExternalId", "IAMExemptionGroup", "IAMRoleName"),
        *("InventoryExecutionRoleName", "OperatorPrincipalArn", "OrgListAccount", "OrgListRole"),
        *("PermissionsBoundaryArn", "PrimaryAccountID", "S3BucketName", "S3BucketPrefix"),
        *("HomeRegion", "PrimaryRegion", "SecretsKmsKey", "AdminEmailAddress"),
    }


@pytest.mark.parametrize(("name", "parameter"), GUARDED)
def test_no_parameter_of_a_policy_takes_a_wildcard_anywhere(name: str, parameter: str) -> None:
    rule = template(name)["Parameters"][parameter]
    pattern = rule["AllowedPattern"]
    value = LIKELY.get(parameter) or str(rule.get("Default") or GIVEN[name].get(parameter))
    wrong = {"*", "?", "${aws:username}", f"{value}\n", f"{value} ", f" {value}"}
    wrong |= {
        value[:at] + sign + value[end:]
        for at in range(len(value) + 1)
        for end in {at, min(at + 1, len(value)), len(value)}
        for sign in "*?"
    }
    if parameter not in MAY_HAVE_A_PATH:
        wrong |= {value + "/x", "x/" + value, "/"}

    assert re.search(pattern, value, re.ASCII), value
    assert [each for each in wrong if re.fullmatch(pattern, each, re.ASCII)] == []


@pytest.mark.parametrize(
    ("name", "logical"), [(MEMBER, "RotationRole"), (LIST, "ListAccountsRole")]
)
def test_whoever_enters_must_know_the_external_id_where_there_is_one(
    name: str, logical: str
) -> None:
    given = {"ExternalId": "a-word", "OperatorPrincipalArn": "arn:aws:iam::444444444444:role/Ops"}
    made = Stack(name=name, given=given).of_type("AWS::IAM::Role")[logical]

    statements = made["AssumeRolePolicyDocument"]["Statement"]

    assert len(statements) == 2
    for statement in statements:
        assert statement["Condition"]["StringEquals"] == {
            "aws:PrincipalOrgID": ORGANISATION,
            "sts:ExternalId": "a-word",
        }


# --- the network --------------------------------------------------------------------------------


def test_outside_a_vpc_nothing_of_a_vpc_is_made() -> None:
    core = Stack(name=CORE)

    assert [name for name, each in core.resources.items() if "::EC2::" in each["Type"]] == []
    assert core.of_type("AWS::IAM::ManagedPolicy") == {}


@pytest.mark.parametrize(
    ("egress", "reached"),
    [("Anywhere", ["10.0.0.0/16", "0.0.0.0/0"]), ("VpcOnly", ["10.0.0.0/16"])],
)
def test_the_functions_connect_by_https_and_nobody_connects_to_them(
    egress: str, reached: list[str]
) -> None:
    core = Stack(name=CORE, given={**IN_A_VPC, "VpcEgress": egress})
    [group] = core.of_type("AWS::EC2::SecurityGroup").values()

    assert "SecurityGroupIngress" not in group
    assert [
        (each["IpProtocol"], each["FromPort"], each["ToPort"], each["CidrIp"])
        for each in group["SecurityGroupEgress"]
    ] == [("tcp", 443, 443, address) for address in reached]
    for function in core.of_type("AWS::Lambda::Function").values():
        assert function["VpcConfig"] == {
            "SubnetIds": ["subnet-0123456789abcdef0"],
            "SecurityGroupIds": ["GroupId:FunctionsSecurityGroup"],
        }


def test_the_endpoints_take_https_from_the_vpc_and_connect_to_nothing() -> None:
    [group] = Stack(name=ENDPOINTS).of_type("AWS::EC2::SecurityGroup").values()
    [comes], [goes] = group["SecurityGroupIngress"], group["SecurityGroupEgress"]

    assert (comes["IpProtocol"], comes["FromPort"], comes["ToPort"], comes["CidrIp"]) == (
        *("tcp", 443, 443),
        "10.0.0.0/16",
    )
    assert (goes["IpProtocol"], goes["CidrIp"]) == ("-1", "127.0.0.1/32")


def test_an_endpoint_lets_the_organisations_principals_through() -> None:
    given = {"AWSOrgID": ORGANISATION, "RouteTableId": "rtb-0123456789abcdef0"}
    given |= {"CreateLogsEndpoint": "True", "CreateCloudTrailEndpoint": "True"}
    made = Stack(name=ENDPOINTS, given=given).of_type("AWS::EC2::VPCEndpoint")
    plain = Stack(name=ENDPOINTS).of_type("AWS::EC2::VPCEndpoint")

    assert len(made) == 10
    for logical, endpoint in made.items():
        if logical == "SesEndpoint":
            assert "PolicyDocument" not in endpoint
            continue
        [statement] = endpoint["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Allow"
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}}
    assert not any("PolicyDocument" in endpoint for endpoint in plain.values())


# --- what stays ---------------------------------------------------------------------------------


@pytest.mark.parametrize("logical", ["HubKey", "InventoryLogs", "RotationLogs", "NotifierLogs"])
def test_the_logs_and_the_key_that_they_lie_under_outlive_the_stack(logical: str) -> None:
    made = template(CORE)["Resources"][logical]

    assert made["DeletionPolicy"] == "RetainExceptOnCreate"
    assert made["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("no", ["False", "false", "FALSE"])
def test_logs_that_a_stack_left_are_used_again_by_the_next(no: str) -> None:
    core, plain = Stack(name=CORE, given={"CreateLogGroups": no}), Stack(name=CORE)

    assert core.of_type("AWS::Logs::LogGroup") == {}
    assert set(plain.resources) - set(core.resources) == {
        *("InventoryLogs", "RotationLogs", "NotifierLogs")
    }
    for function in core.of_type("AWS::Lambda::Function").values():
        assert function["LoggingConfig"] == {"LogGroup": f"/aws/lambda/{function['FunctionName']}"}


def test_the_alarms_stack_grants_nothing_but_the_pause_to_its_rule() -> None:
    made = template(ALARMS)["Resources"]

    assert "Policy" not in json.dumps(made)
    assert [name for name in made if made[name]["Type"] == "AWS::Lambda::Permission"] == [
        "PauseRuleMayInvoke"
    ]
