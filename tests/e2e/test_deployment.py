"""
Keyturn as an operator brings it in, from an empty organisation to the end of a key's life.

One story: the tests run in this order, each from where the last one ended. IAM is enforced
throughout, and the functions run from their zips.
"""

import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyturn_sandbox.judge.secret_scanner import SecretScanner
from tests.e2e.harness import (
    ADMIN,
    BLOCK,
    BUCKET,
    CHANNELS,
    EXEMPT,
    FUNCTIONS,
    INVENTORY,
    KEPT,
    LAB,
    MANAGEMENT,
    NAMES,
    NOTIFIER,
    OUTSIDER,
    PROD,
    REPORTER,
    ROOT,
    ROTATION,
    SECURITY,
    SHOP,
    STACK,
    SUSPENDED,
    WITHOUT_ROLE,
    Harness,
    Hook,
    commands,
    receiving,
    staged,
    until,
)

MEMBER_ROLE = "asa-iam-key-auto-rotation"
LIST_ROLE = "asa-iam-key-auto-rotation-list-accounts"
HUB_ROLES = {
    INVENTORY: "ASA-Account-Inventory-Role",
    ROTATION: "ASA-IAM-Access-Key-Rotation-Role",
    NOTIFIER: "ASA-Notifier-Role",
}
BESIDE = {CHANNELS: "ASA-Channels-Role", REPORTER: "ASA-Reporter-Role"}
"""The roles of the stacks beside the core."""
SIGNING = "c2VjcmV0LW9mLXRoZS13ZWJob29rLTAxMjM0NTY3ODk="
OWNER = "deploy@example.com"
SECRET = f"Account_{PROD}_User_deploy-bot_AccessKey"
USER = {"UserName": "deploy-bot"}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
KEYTURN = ROOT / ".venv" / "bin" / "keyturn"
RECEIPTS = "asa/asa-iam-rotation/receipts/"

ABOUT_STACK_SETS = [
    f"aws cloudformation {command.rstrip()}"
    for page in ("deploy.md", "templates.md")
    for block in BLOCK.findall((ROOT / "docs" / page).read_text())
    for command in block.split("aws cloudformation ")[1:]
    if re.match(r"\w+-stack-(set|instances)", command)
]

DUE = {(PROD, "deploy-bot"), (SHOP, "etl"), (LAB, "reports,finance"), (SECURITY, "scanner")}
"""Users with one key of more than 90 days, in four accounts."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with staged(tmp_path_factory.mktemp("aws")) as stage:
        yield stage


@pytest.fixture(scope="module")
def hook(stage: Harness) -> Iterator[Hook]:
    with receiving(stage.aws) as hook:
        yield hook


# --- bringing it in -----------------------------------------------------------------------------


def test_a_member_stack_that_fails_leaves_nothing_in_the_way_of_the_next_attempt(
    stage: Harness,
) -> None:
    role, stack = f"{MEMBER_ROLE}-events", "asa-iam-rotation-member-role"
    stage.administrator(LAB, role)

    with pytest.raises(AssertionError, match="Failed to create"):
        stage.follow("3. ", LAB, 1)

    aws, iam = stage.client(LAB, "cloudformation"), stage.client(LAB, "iam")
    tried = aws.describe_stack_events(StackName=stack)["StackEvents"]
    # It had come to what is kept when a stack goes.
    assert ("ExemptionGroup", "CREATE_COMPLETE") in {
        (event["LogicalResourceId"], event["ResourceStatus"]) for event in tried
    }
    aws.delete_stack(StackName=stack)
    until(lambda: aws.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"])
    iam.detach_role_policy(RoleName=role, PolicyArn=ADMINISTRATOR)
    iam.delete_role(RoleName=role)


def test_the_commands_of_the_manual_bring_it_in(stage: Harness) -> None:
    stage.follow("1. ", SECURITY)
    stage.follow("2. ", SECURITY, 0)
    stage.follow("2. ", SECURITY, 1)
    for account in KEPT:  # the stack set's work: the same template with the same parameters
        stage.follow("3. ", account, 1)
    stage.follow("4. ", MANAGEMENT)
    stage.follow("5. ", SECURITY)

    states = [
        stack["StackStatus"]
        for account in KEPT
        for stack in stage.client(account, "cloudformation").describe_stacks()["Stacks"]
    ]
    assert states == ["CREATE_COMPLETE"] * 7


@pytest.mark.parametrize("command", ABOUT_STACK_SETS)
def test_what_the_manual_asks_of_stack_sets_the_cli_takes(stage: Harness, command: str) -> None:
    """The emulator has no stack sets, so the AWS CLI checks the commands, and sends nothing."""
    stage.type(f"{command} --generate-cli-skeleton output", MANAGEMENT)


@pytest.mark.parametrize(
    "command",
    [each for each in ABOUT_STACK_SETS if re.search("stack-instances|update-stack-set", each)],
)
def test_one_account_that_fails_keeps_no_other_from_its_stack(command: str) -> None:
    """By themselves stack sets go from account to account, and stop at the first failure."""
    _, _, preferences = command.partition("--operation-preferences ")

    assert preferences.split()[0].split(",") == [
        "RegionConcurrencyType=PARALLEL",
        "FailureTolerancePercentage=100",
        "MaxConcurrentPercentage=100",
    ]


def test_the_stack_set_is_asked_for_with_what_its_template_needs() -> None:
    [create, _] = commands("3. ")[0].split("aws cloudformation ")[1:]
    plain = commands("3. ")[1]
    assert [
        each
        for each in ("PrimaryAccountID", "AWSOrgID", "ResourceOwnerTag", "ReportRootKeys")
        if each not in create or each not in plain
    ] == []


def test_an_organisation_with_old_keys_is_found(stage: Harness) -> None:
    for account, user in sorted(DUE):
        stage.user(account, user, 137, owner=OWNER)
    stage.user(PROD, "young", 10)
    stage.user(PROD, "vendor", 400)
    stage.user(PROD, "nobody")
    stage.client(PROD, "iam").add_user_to_group(GroupName=EXEMPT, UserName="vendor")
    stage.client(SECURITY, "ses").verify_email_identity(EmailAddress=OWNER)

    assert len(stage.every_key()) == 7


# --- dry run ------------------------------------------------------------------------------------


def test_one_account_can_be_asked_for_and_answers_in_json(stage: Harness) -> None:
    answer = json.loads(stage.follow("6. ", SECURITY).partition("}")[2])

    assert (answer["account"], answer["dry_run"], answer["failures"]) == (PROD, True, [])
    decided = {each["user"]: each["action"] for each in answer["decisions"]}
    assert decided == {"deploy-bot": "ROTATE", "young": "KEEP", "vendor": "KEEP"}
    assert any(
        line["message"] == "DryRun=True → skipping iam:CreateAccessKey"
        for line in until(lambda: stage.log(ROTATION))
    )


def test_the_daily_rule_runs_every_account_and_nothing_is_written(stage: Harness) -> None:
    before = stage.every_key()

    stage.next_day()

    until(lambda: stage.metric(ROTATION, "RunCompleted"), lambda runs: sum(runs) == 1 + len(KEPT))
    assert stage.every_key() == before
    assert [stage.secrets(account) for account in KEPT] == [[]] * len(KEPT)
    [skipped] = [line for line in stage.log(INVENTORY) if line.get("level") == "WARNING"]
    assert SUSPENDED in skipped["message"]


def test_people_are_told_what_would_happen(stage: Harness) -> None:
    told = until(stage.told, lambda told: {ADMIN, OWNER} <= told.keys())

    assert all("would" in mail.lower() or "dry run" in mail.lower() for mail in told[OWNER])
    assert all("/_dry-run/" in receipt or "/_runs/" in receipt for receipt in stage.receipts())


def test_a_mail_that_ses_refuses_is_claimed_anew_and_told_later(stage: Harness) -> None:
    ses = stage.client(SECURITY, "ses")
    ses.delete_identity(Identity=ADMIN)
    told = len(stage.told()[ADMIN])

    stage.invoke({"account": LAB, "name": "lab", "dryrun": True})

    until(lambda: sum(stage.metric(NOTIFIER, "NotTold")))
    assert len(stage.told()[ADMIN]) == told
    ses.verify_email_identity(EmailAddress=ADMIN)
    stage.wait(minutes=19)
    until(lambda: len(stage.told()[ADMIN]), lambda now: now > told)


def test_a_message_that_nobody_understands_and_an_account_without_the_role_end_apart(
    stage: Harness,
) -> None:
    runs = sum(stage.metric(ROTATION, "RunCompleted"))
    stage.send({"account": "not-an-account"}, group="poison")

    for _ in range(3):
        until(stage.under_way, lambda count: count == 0)
        stage.wait(minutes=91)

    dead = until(lambda: stage.dead("asa-iam-key-rotation-dead.fifo"), lambda dead: len(dead) == 2)
    assert {each["account"] for each in dead} == {"not-an-account", WITHOUT_ROLE}
    failed = stage.metric(ROTATION, "AccountsFailed")
    assert sum(failed) >= 3
    assert sum(stage.metric(ROTATION, "RunCompleted")) == runs


def parameters(stage: Harness) -> dict[str, str]:
    """What the core stack was told."""
    described = stage.client(SECURITY, "cloudformation").describe_stacks(StackName=STACK)
    listed = described["Stacks"][0]["Parameters"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in listed}


# --- enforcement --------------------------------------------------------------------------------


def test_the_flip_keeps_every_other_parameter(stage: Harness) -> None:
    before = parameters(stage)

    stage.follow("7. ", SECURITY)

    assert parameters(stage) == {**before, "DryRunFlag": "False"}
    assert before["ResourceOwnerTag"] == "owner"


def test_the_next_day_what_is_due_is_rotated_and_delivered_in_every_account(
    stage: Harness,
) -> None:
    before = stage.every_key()

    stage.next_day()

    until(stage.rotated, lambda rotated: rotated == DUE)
    for account, user in DUE:
        keys = stage.keys(account, user)
        value = stage.delivered(account, user)
        [old] = before[f"{account} {user}"]
        assert set(keys) == {old, value["AccessKeyId"]}
        assert set(keys.values()) == {"Active"}
        assert stage.works(value["AccessKeyId"], value["SecretAccessKey"])
    for user in ("young", "vendor", "nobody"):
        assert stage.keys(PROD, user) == before[f"{PROD} {user}"]
    until(
        lambda: [name for name in stage.receipts() if "/disable/" in name],
        lambda names: len([name for name in names if ".admin." not in name]) == len(DUE),
    )


def test_while_it_is_paused_nothing_is_written(stage: Harness) -> None:
    before = stage.every_key()

    stage.type(f"{KEYTURN} pause --deployed --reason 'an incident' --enforce --yes", SECURITY)
    answer = stage.invoke({"account": PROD, "name": "prod-workload", "ForceRotate": "young"})
    stage.invoke({"Resume": "it is over"})
    stage.invoke({"Pause": "another one"})
    resumed = stage.type(f"{KEYTURN} resume --deployed --enforce --yes", SECURITY)

    assert "an incident" in json.dumps(answer)
    assert "another one" in resumed
    assert "Keyturn is not paused." in resumed
    assert stage.every_key() == before


def test_one_digest_a_day_and_a_webhook_are_added_by_the_commands_of_the_manual(
    stage: Harness, hook: Hook
) -> None:
    value = json.dumps({"url": hook.url, "secret": f"whsec_{SIGNING}"})
    secrets = stage.client(SECURITY, "secretsmanager")
    arn = secrets.create_secret(Name="keyturn/webhook", SecretString=value)["ARN"]
    hook.refuses = 1
    before = parameters(stage)

    stage.follow("5. ", SECURITY, 2)
    stage.type(f"WEBHOOK_SECRET_ARN={arn}\n{commands('5. ')[4]}", SECURITY)

    assert parameters(stage) == {**before, "AdminDigest": "Daily"}


def test_ten_days_later_the_old_key_stops_and_the_new_one_goes_on(stage: Harness) -> None:
    stage.next_day(10)

    until(stage.inactive, lambda found: found == DUE)
    for account, user in DUE:
        value = stage.delivered(account, user)
        assert stage.keys(account, user)[value["AccessKeyId"]] == "Active"
        assert stage.works(value["AccessKeyId"], value["SecretAccessKey"])
    until(
        lambda: [name for name in stage.receipts() if "/delete/" in name],
        lambda names: len([name for name in names if ".admin." not in name]) == len(DUE),
    )


def test_the_webhook_hears_what_the_owners_are_mailed_also_what_it_refused_at_first(
    stage: Harness, hook: Hook
) -> None:
    until(lambda: hook.refused)
    stage.wait(minutes=19)

    old = {key for account, user in DUE for key, on in _active(stage, account, user) if not on}
    until(hook.keys, lambda told: told == old)

    # The reporter may have made the digest of the first day by now, too.
    heard = [each["data"]["to"] for each in hook.got if each["type"] == "notices.due"]
    assert heard == [OWNER] * len(DUE)
    assert stage.dead("asa-iam-key-channels-dead") == []


def _active(stage: Harness, account: str, user: str) -> list[tuple[str, bool]]:
    keys = stage.keys(account, user)
    return [(key, status == "Active") for key, status in keys.items()]


def test_the_admin_gets_one_digest_of_the_day_and_the_webhook_hears_of_it(
    stage: Harness, hook: Hook
) -> None:
    day = datetime.now(UTC).date().isoformat()
    stage.wait(minutes=361)  # so long it waits for an account that cannot be entered

    stage.client(SECURITY, "lambda").invoke(FunctionName=REPORTER, Payload="{}")

    def of_this_day() -> list[str]:
        return [to for at, to in _digests(hook) if at == day]

    until(of_this_day)
    csv = f"asa/asa-iam-rotation/reports/daily/date={day}/keys.csv"
    mails = until(lambda: [mail for mail in stage.told()[ADMIN] if csv in mail])
    assert (of_this_day(), len(mails)) == ([ADMIN], 1)
    assert any(f"date={day}/" in each for each in stage.objects("asa/asa-iam-rotation/reports/"))
    assert WITHOUT_ROLE in json.dumps(hook.got)


def _digests(hook: Hook) -> list[tuple[str, str]]:
    """The day of each digest that the webhook heard of, and for whom it was."""
    data = [each["data"] for each in hook.got if each["type"] == "digest.due"]
    return [(each["digest"]["date"], each["to"]) for each in data]


def test_ten_days_after_that_it_is_gone(stage: Harness) -> None:
    stage.next_day(10)

    until(stage.inactive, lambda found: found == set())
    for account, user in DUE:
        assert stage.keys(account, user) == {
            stage.delivered(account, user)["AccessKeyId"]: "Active"
        }


@pytest.mark.parametrize("kind", ["weekly", "monthly"])
def test_what_the_rules_of_the_reports_stack_ask_for_is_made_mailed_and_heard(
    stage: Harness, hook: Hook, kind: str
) -> None:
    rule = f"asa-iam-key-rotation-{kind}"
    [target] = stage.client(SECURITY, "events").list_targets_by_rule(Rule=rule)["Targets"]

    stage.client(SECURITY, "lambda").invoke(FunctionName=REPORTER, Payload=target["Input"])

    def heard() -> list[str]:
        due = [each["data"] for each in hook.got if each["type"] == "report.due"]
        return [each["report"]["page"] for each in due if each["report"]["kind"] == kind]

    # The rule itself may have been due, too, in the days that were skipped: of another time.
    pages = until(heard)
    assert len(pages) == len(set(pages))
    for page in pages:
        folder = page.removesuffix("report.html")
        assert {"report.csv", "report.json", "report.ocsf.json", "published.json"} <= {
            name.removeprefix(folder) for name in stage.objects(folder)
        }
        mails = until(lambda page=page: [m for m in stage.told()[ADMIN] if page in m])  # type: ignore[misc]  # as mypy sees no default
        assert len(mails) == 1


def test_a_secret_that_somebody_scheduled_for_deletion_is_taken_back_for_the_next_key(
    stage: Harness,
) -> None:
    name = f"Account_{SHOP}_User_etl_AccessKey"
    before = stage.delivered(SHOP, "etl")
    stage.client(SHOP, "secretsmanager").delete_secret(SecretId=name, RecoveryWindowInDays=30)

    answer = stage.invoke({"account": SHOP, "name": "shop", "ForceRotate": "etl"})

    assert answer["failures"] == []
    assert stage.delivered(SHOP, "etl")["AccessKeyId"] != before["AccessKeyId"]


def test_a_run_without_time_hands_its_users_back_to_the_queue(stage: Harness) -> None:
    functions = stage.client(SECURITY, "lambda")
    runs = sum(stage.metric(ROTATION, "RunCompleted"))
    functions.update_function_configuration(FunctionName=ROTATION, Timeout=60)

    answer = stage.invoke({"account": PROD, "name": "prod-workload"})
    functions.update_function_configuration(FunctionName=ROTATION, Timeout=900)

    assert answer["counts"]["left"] == 4
    # The emulator may end a function that is running when its settings change: a second try.
    stage.wait(minutes=91)
    until(lambda: sum(stage.metric(ROTATION, "RunCompleted")), lambda now: now > runs)


def test_whoever_exempts_a_user_is_named_to_the_admin(stage: Harness) -> None:
    call = {
        "eventID": "6b9b2d0c-0000-4000-8000-000000000000",
        "eventSource": "iam.amazonaws.com",
        "eventName": "AddUserToGroup",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{PROD}:user/mallory"},
        "requestParameters": {"groupName": EXEMPT, "userName": "deploy-bot"},
    }

    stage.aws.order("forward_api_call", member=PROD, hub=SECURITY, call=call)

    mails = until(
        lambda: [mail for mail in stage.told()[ADMIN] if "mallory" in mail], lambda found: found
    )
    assert "deploy-bot" in mails[0]
    assert stage.metric(NOTIFIER, "ExemptionsAdded")[-1] == 1


def test_a_unit_of_the_organisation_can_be_all_that_is_looked_at(stage: Harness) -> None:
    [root] = stage.client(MANAGEMENT, "organizations").list_roots()["Roots"]
    [flip] = commands("7. ")
    queued = sum(stage.metric(INVENTORY, "AccountsListed"))
    rules = f"version: 1\nrules:\n- {{unit: {root['Id']}, addresses: {OWNER}}}\n"
    s3, name = stage.client(SECURITY, "s3"), RECEIPTS.replace("receipts/", "owners.yaml")
    s3.put_object(Bucket=BUCKET, Key=name, Body=rules.encode())

    to_the_root = flip.replace("DryRunFlag", "InventoryOU").replace("=False", f"={root['Id']}")
    stage.type(to_the_root, SECURITY)
    stage.client(SECURITY, "lambda").invoke(FunctionName=INVENTORY, Payload="{}")

    listed = until(
        lambda: sum(stage.metric(INVENTORY, "AccountsListed")) - queued, lambda count: count > 0
    )
    assert listed == len(NAMES)
    said = [line.get("message", "") for line in stage.log(INVENTORY)]
    assert any(each.startswith("Owners file ") and each.endswith(": 1 rule") for each in said)
    s3.delete_object(Bucket=BUCKET, Key=name)  # a direct invocation does not say below which units


def test_a_secret_that_somebody_made_beforehand_gets_no_key_until_it_is_adopted(
    stage: Harness,
) -> None:
    name = f"Account_{PROD}_User_squatted_AccessKey"
    iam = stage.client(PROD, "iam")
    user_id = iam.create_user(UserName="squatted")["User"]["UserId"]
    iam.create_access_key(UserName="squatted")
    alias = "alias/asa-iam-key-rotation"
    by_id = stage.client(PROD, "kms").describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    stage.client(PROD, "secretsmanager").create_secret(
        Name=name,
        KmsKeyId=by_id,
        Tags=[
            {"Key": "keyturn:user", "Value": "squatted"},
            {"Key": "keyturn:user-id", "Value": user_id},
        ],
    )
    rotate = {"account": PROD, "name": "prod-workload", "ForceRotate": "squatted"}
    # Times are told to the second: an order of the key's own second passes for one that was done.
    time.sleep(1)

    blocked = stage.invoke(rotate)
    adopted = stage.invoke({"account": PROD, "Adopt": name, "by": "ops@example.com"})
    rotated = stage.invoke(rotate)

    assert "not its seal" in json.dumps(blocked)
    assert adopted["failures"] == []
    assert adopted["secret"]["resource_policy"] is None
    assert rotated["failures"] == []
    value = stage.delivered(PROD, "squatted")
    assert stage.works(value["AccessKeyId"], value["SecretAccessKey"])


# --- least privilege ----------------------------------------------------------------------------

RECORD = Path(__file__).with_name("calls.json")
"""Which of their permissions the roles have used, as this story has recorded it."""


def of_a_service() -> set[str]:
    """What AWS's services do with the roles, as the manual lists it with its sources."""
    page = (ROOT / "docs" / "permissions.md").read_text()
    section = page.split("## What services do under these roles")[1].split("\n## ")[0]
    firsts = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {action for first in firsts for action in re.findall(r"`([^`]+)`", first)}


def by_roles(stage: Harness) -> list[dict[str, Any]]:
    """Every call that the functions made, as themselves or in another account."""
    return [call for call in stage.aws.order("calls") if ":assumed-role/" in call["principal"]]


def granted(stage: Harness, account: str, role: str) -> set[str]:
    """Every action that the role, as deployed, allows."""
    iam = stage.client(account, "iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    statements = [each for document in documents for each in document["Statement"]]
    return {
        action
        for each in statements
        if each["Effect"] == "Allow"
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


def test_the_functions_were_never_refused(stage: Harness) -> None:
    assert [call for call in by_roles(stage) if not call["allowed"]] == []


def test_what_a_role_may_do_it_did_and_nothing_else(stage: Harness) -> None:
    roles = dict.fromkeys(HUB_ROLES.values(), SECURITY)
    roles |= {MEMBER_ROLE: PROD, LIST_ROLE: MANAGEMENT}
    used: dict[str, set[str]] = {role: set() for role in roles}
    for call in by_roles(stage):
        used.setdefault(call["principal"].split("/")[1], set()).add(call["action"])

    recorded = {role: sorted(used[role]) for role in roles}
    (stage.aws.folder / RECORD.name).write_text(json.dumps(recorded, indent=2) + "\n")
    for role, account in roles.items():
        assert used[role] - of_a_service() == granted(stage, account, role) - of_a_service(), role
    # `make test` holds the templates to this file; copy the new one over it if it is right.
    assert recorded == json.loads(RECORD.read_text()), stage.aws.folder / RECORD.name


@pytest.mark.parametrize("function", BESIDE)
def test_what_a_role_beside_the_core_did_it_may_do(stage: Harness, function: str) -> None:
    role = BESIDE[function]
    used = {call["action"] for call in by_roles(stage) if call["principal"].split("/")[1] == role}

    assert used - granted(stage, SECURITY, role) == set()
    written = {CHANNELS: {"s3:DeleteObject", "secretsmanager:GetSecretValue"}}
    assert written.get(function, {"events:PutEvents"}) | {"s3:PutObject"} <= used


# The last tests call as nobody of ours does: what follows is not recorded.


def as_member(stage: Harness, account: str = PROD) -> dict[str, str]:
    """The credentials of the role in a member account, as only the rotation function gets them."""
    return stage.assume(account, MEMBER_ROLE, **stage.credentials(ROTATION))


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("secretsmanager", "get_secret_value", {"SecretId": SECRET}),
        ("secretsmanager", "get_secret_value", {"SecretId": "payroll"}),
        ("secretsmanager", "describe_secret", {"SecretId": "payroll"}),
        ("secretsmanager", "put_secret_value", {"SecretId": "payroll", "SecretString": "x"}),
        ("secretsmanager", "create_secret", {"Name": "other", "SecretString": "x"}),
        ("secretsmanager", "delete_secret", {"SecretId": SECRET}),
        ("secretsmanager", "put_resource_policy", {"SecretId": SECRET, "ResourcePolicy": "{}"}),
        ("iam", "put_user_policy", {**USER, "PolicyName": "p", "PolicyDocument": "{}"}),
        ("iam", "attach_user_policy", {**USER, "PolicyArn": ADMINISTRATOR}),
        ("iam", "tag_user", {**USER, "Tags": [{"Key": "owner", "Value": "me@example.com"}]}),
        ("iam", "create_user", {"UserName": "mallory"}),
        ("iam", "add_user_to_group", {**USER, "GroupName": EXEMPT}),
        ("iam", "remove_user_from_group", {**USER, "GroupName": EXEMPT}),
        ("iam", "update_assume_role_policy", {"RoleName": MEMBER_ROLE, "PolicyDocument": "{}"}),
        ("kms", "list_keys", {}),
    ],
)
def test_the_member_role_is_refused(
    stage: Harness, service: str, operation: str, asked: dict[str, object]
) -> None:
    secrets = stage.client(PROD, "secretsmanager")
    if "payroll" not in stage.secrets(PROD):
        secrets.create_secret(Name="payroll", SecretString="of somebody else")
    client = stage.aws.client(PROD, service, **as_member(stage))

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(client, operation)(**asked)


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("s3", "put_object", {"Bucket": BUCKET, "Key": f"{RECEIPTS}x.json", "Body": b"{}"}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": f"{RECEIPTS}x.json"}),
        ("sesv2", "send_email", {"FromEmailAddress": ADMIN, "Content": {}}),
        ("iam", "list_users", {}),
        ("organizations", "list_accounts", {}),
    ],
)
def test_the_rotation_function_makes_up_no_proof_and_sends_no_mail(
    stage: Harness, service: str, operation: str, asked: dict[str, object]
) -> None:
    client = stage.aws.client(SECURITY, service, **stage.credentials(ROTATION))

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(client, operation)(**asked)


def test_not_even_an_administrator_writes_a_receipt_or_changes_a_record(stage: Harness) -> None:
    stage.administrator(SECURITY, "Administrator")
    s3 = stage.aws.client(SECURITY, "s3", **stage.assume(SECURITY, "Administrator"))
    record = {"Bucket": BUCKET, "Key": f"{RECEIPTS.replace('receipts', 'plans')}march.json"}
    s3.put_object(**record, Body=b"{}", IfNoneMatch="*")

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=BUCKET, Key=f"{RECEIPTS}x.json", Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**record, Body=b"other")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**record)


@pytest.mark.parametrize("function", [INVENTORY, NOTIFIER])
def test_no_other_function_becomes_the_member_role(stage: Harness, function: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        stage.assume(PROD, MEMBER_ROLE, **stage.credentials(function))


def test_no_administrator_of_the_security_account_becomes_the_member_role(stage: Harness) -> None:
    stage.administrator(SECURITY, "OtherAdministrator")

    with pytest.raises(ClientError, match="AccessDenied"):
        stage.assume(PROD, MEMBER_ROLE, **stage.assume(SECURITY, "OtherAdministrator"))


def test_another_function_with_the_role_of_ours_does_not_become_the_member_role(
    stage: Harness,
) -> None:
    """Whoever may pass the role to a function of their own gets no further."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("theirs.py", "def handler(*_): pass\n")
    stage.client(SECURITY, "lambda").create_function(
        FunctionName="theirs",
        Runtime="python3.13",
        Handler="theirs.handler",
        Role=f"arn:aws:iam::{SECURITY}:role/{HUB_ROLES[ROTATION]}",
        Code={"ZipFile": archive.getvalue()},
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        stage.assume(PROD, MEMBER_ROLE, **stage.credentials("theirs"))
    assert as_member(stage)


def test_a_role_of_the_same_name_in_another_account_does_not_become_the_member_role(
    stage: Harness,
) -> None:
    stage.administrator(SHOP, HUB_ROLES[ROTATION])

    with pytest.raises(ClientError, match="AccessDenied"):
        stage.assume(PROD, MEMBER_ROLE, **stage.assume(SHOP, HUB_ROLES[ROTATION]))


@pytest.mark.parametrize(("home", "may"), [(LAB, True), (OUTSIDER, False)])
def test_outside_the_organisation_even_who_is_named_does_not_become_the_member_role(
    stage: Harness, home: str, *, may: bool
) -> None:
    stage.administrator(home, HUB_ROLES[ROTATION])
    [names, *_] = commands("3. ")[1].split("--parameter-overrides")
    stage.type(
        names.replace("asa-iam-rotation-member-role", f"for-{home}")
        + f"--parameter-overrides PrimaryAccountID={home} AWSOrgID=$ORG IAMRoleName=for-{home}"
        " CreateExemptionGroup=False CreateSecretsKmsKey=False",
        PROD,
    )

    caller = stage.assume(home, HUB_ROLES[ROTATION])

    if may:
        assert stage.assume(PROD, f"for-{home}", **caller)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.assume(PROD, f"for-{home}", **caller)


# --- what came out ------------------------------------------------------------------------------


def test_no_secret_access_key_is_in_what_came_out(stage: Harness) -> None:
    values, texts = stage.secret_values(), dict(stage.texts())
    scanner = SecretScanner(values)

    assert len(values) >= len(DUE)
    assert all(any(key_id in text for text in texts.values()) for key_id in values)
    assert [next(scanner.find(value))[0] for value in values.values()] == list(values)
    assert {name: found for name, text in texts.items() if (found := [*scanner.find(text)])} == {}
    assert [name for name, text in texts.items() if SIGNING in text] == []


# --- and out again ------------------------------------------------------------------------------


def test_another_version_keeps_every_parameter_but_its_folder(stage: Harness) -> None:
    before = parameters(stage)

    stage.follow("8. ", SECURITY)

    assert parameters(stage) == {**before, "LambdaFolder": "Lambda-next"}
    assert stage.invoke({"account": PROD, "name": "prod-workload"})["failures"] == []


def test_leaving_touches_no_key_and_no_secret(stage: Harness) -> None:
    keys = stage.every_key()
    values = [stage.delivered(account, user) for account, user in sorted(DUE)]

    stage.follow("9. ", SECURITY)
    stage.follow("9. ", MANAGEMENT, 1)

    assert stage.every_key() == keys
    assert [stage.delivered(account, user) for account, user in sorted(DUE)] == values
    left = stage.client(MANAGEMENT, "cloudformation").list_stacks()["StackSummaries"]
    assert {stack["StackStatus"] for stack in left} == {"DELETE_COMPLETE"}
    aliases = stage.client(MANAGEMENT, "kms").list_aliases()["Aliases"]
    assert "alias/asa-iam-key-rotation" in {alias["AliasName"] for alias in aliases}
    assert stage.client(MANAGEMENT, "iam").get_group(GroupName=EXEMPT)["Group"]
    assert not set(FUNCTIONS) & {
        function["FunctionName"]
        for function in stage.client(SECURITY, "lambda").list_functions()["Functions"]
    }
