"""`keyturn doctor`, as an operator types it: over what `keyturn deploy` has just made."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import boto3
import botocore.session
import pytest
from moto.sesv2.responses import SESV2Response
from rich.console import Console
from typer.testing import CliRunner, Result

from keyturn.cli import doctor as doctor_command
from keyturn.cli.app import app
from keyturn.deployment.doctor import CHECKS, NEEDS, REMEDIES
from keyturn.deployment.model.health import (
    Check,
    Finding,
    FindingCode,
    Grade,
)
from keyturn.deployment.model.places import Names
from keyturn.deployment.wiring import Accounts
from keyturn.domain.errors import NotFound
from keyturn.domain.key import Account
from tests.cli.test_deploy import CORE_STACK, MANAGEMENT, World, opened, session_in

ROLE = "asa-iam-key-auto-rotation"
BEYOND_MOTO = {
    "get_account": {
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
        "SendQuota": {"Max24HourSend": 50000.0, "SentLast24Hours": 0.0, "MaxSendRate": 14.0},
    },
    "list_suppressed_destinations": {"SuppressedDestinationSummaries": []},
    "get_configuration_set_event_destinations": {"EventDestinations": []},
}
"""What SES answers that moto does not: ours has left the sandbox, and a set without events."""
BOTH = ("--profile", "security", "--management-profile", "management")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("doctor")
    with opened(folder) as world, ses_beyond_moto():
        assert world.deploy(*world.first).exit_code == 0
        sessions = [*world.sessions.values(), session_in(world.member)]
        for each in sessions:
            put_in_place(each, world.security)
        yield world


@contextmanager
def ses_beyond_moto() -> Iterator[None]:
    with ExitStack() as patched:
        for method, answer in BEYOND_MOTO.items():
            text = json.dumps(answer)
            told = patch.object(SESV2Response, method, lambda _, said=text: said, create=True)
            patched.enter_context(told)
        yield


def put_in_place(account: boto3.Session, security: str) -> None:
    """Make what moto leaves out of the member template: it takes its conditions for false."""
    iam, kms = account.client("iam"), account.client("kms")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust_in(security)))
    iam.create_group(GroupName="IAMKeyRotationExemptionGroup")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/asa-iam-key-rotation", TargetKeyId=key)


def trust_in(security: str) -> dict[str, object]:
    arn = f"arn:aws:iam::{security}:role/ASA-IAM-Access-Key-Rotation-Role"
    only = {"ArnEquals": {"aws:PrincipalArn": arn}}
    principal = {"AWS": f"arn:aws:iam::{security}:root"}
    return {"Statement": [{"Principal": principal, "Condition": only}]}


def doctor(*options: str, width: int = 200) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, ["doctor", *BOTH, *options])


def as_json(*options: str) -> dict[str, dict[str, str | None]]:
    result = doctor("--format", "json", *options)
    assert result.stdout, result.output
    document = json.loads(result.stdout)
    assert document["version"] == 1
    return {each["check"]: each for each in document["findings"]}


def test_every_check_answers_and_says_what_to_do_where_all_is_not_well(world: World) -> None:
    found = as_json()

    assert set(found) == set(Check)
    for each in found.values():
        assert (each["fix"] is None) is (each["grade"] == Grade.OK), each


def test_what_was_just_deployed_is_found(world: World) -> None:
    found = as_json()

    well_made = (Check.CORE, Check.LIST_ROLE, Check.BUCKET, Check.TRUSTED_ACCESS, Check.PAUSE)
    assert {check: found[check]["grade"] for check in well_made} == dict.fromkeys(well_made, "OK")
    assert found[Check.MEMBER_STACKS]["said"] == "2 stacks, all up to date"
    assert found[Check.MANAGEMENT_ACCOUNT]["said"] == "a stack of its own in us-east-1"
    assert found[Check.CORE]["said"] == (
        f"stack {CORE_STACK} in {world.security} us-east-1; in dry run"
    )
    assert found[Check.LAST_RUN]["fault"] == FindingCode.NEVER_RAN


def test_what_the_local_aws_does_not_make_is_missed(world: World) -> None:
    found = as_json()

    assert found[Check.FUNCTIONS]["fault"] == FindingCode.FUNCTION_OFF
    assert found[Check.RULES]["fault"] == FindingCode.RULE_MISSING
    assert found[Check.SENDER]["fault"] == FindingCode.SENDER_UNVERIFIED
    assert found[Check.DKIM]["fault"] == FindingCode.DKIM_OFF
    assert found[Check.MAIL_EVENTS]["fault"] == FindingCode.MAIL_EVENTS_LACKING
    assert found[Check.TRAIL]["fault"] == FindingCode.NO_TRAIL


@pytest.mark.parametrize("options", [(), ("--role-name", "OrganizationAccountAccessRole")])
def test_every_account_is_entered_by_the_member_role_or_by_another(
    world: World, options: tuple[str, ...]
) -> None:
    found = as_json(*options)

    assert found[Check.MEMBER_ROLE]["said"] == f"{ROLE} in each of 3 accounts"
    assert found[Check.EXEMPTION_GROUP]["grade"] == "OK"
    assert found[Check.SECRETS_KEY]["grade"] == "OK"


def test_an_account_that_lost_its_role_is_named(world: World) -> None:
    iam = world.client("management", "iam")
    iam.delete_role(RoleName=ROLE)

    found = as_json("--role-name", "OrganizationAccountAccessRole")[Check.MEMBER_ROLE]

    trust = json.dumps(trust_in(world.security))
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    assert found["fault"] == FindingCode.ROLE_MISSING
    assert found["said"] == f"no {ROLE} in {MANAGEMENT}"


def test_a_problem_is_the_exit_code(world: World) -> None:
    assert doctor().exit_code == 1


def test_a_deployment_that_is_not_there_is_one_problem(world: World) -> None:
    result = doctor("--core-stack", "nobodys")

    assert result.exit_code == 1
    assert "there is no stack nobodys" in result.stdout
    assert result.stdout.endswith("1 problem, 0 warnings, 0 OK\n")


def test_a_role_is_a_name(world: World) -> None:
    result = doctor("--role-name", "arn:aws:iam::1:role/r")

    assert result.exit_code == 2
    assert result.stderr == (
        "--role-name arn:aws:iam::1:role/r: must be a role's name, not its ARN\n"
    )


def test_a_stack_that_no_stack_can_be_called_is_refused(world: World) -> None:
    result = doctor("--core-stack", "bad name!")

    assert result.exit_code == 2
    assert result.stderr == (
        "--core-stack bad name!: must be a letter, then letters, digits and hyphens, "
        "at most 121 in all\n"
    )


def test_it_only_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(model: object, **_: object) -> None:
        asked.append(getattr(model, "name", ""))

    original = botocore.session.Session.create_client

    def create_client(self: botocore.session.Session, *args: object, **kwargs: object) -> object:
        client = original(self, *args, **kwargs)  # type: ignore[arg-type]  # passed on as it is
        client.meta.events.register("before-call.*.*", note)
        return client

    monkeypatch.setattr(botocore.session.Session, "create_client", create_client)

    doctor()

    reading = re.compile(r"(Get|List|Describe|Head|AssumeRole)")
    assert len(asked) > 20
    assert [each for each in asked if not reading.match(each)] == []


# --- how it looks -------------------------------------------------------------------------------

CORE, PAUSE, MEMBER_STACKS = (
    next(each for each in CHECKS if each.id is check)
    for check in (Check.CORE, Check.PAUSE, Check.MEMBER_STACKS)
)
FINDINGS = [
    CORE.well("stack iam-key-auto-rotation in 999999999999 us-east-1; in dry run"),
    PAUSE.faulty(FindingCode.PAUSED, "paused by ann since 2026-03-02 09:00Z: INC-7"),
    MEMBER_STACKS.faulty(FindingCode.ACCOUNTS_WITHOUT_STACK, "no stack in 222222222222"),
]

AT_80 = """\
OK       core                stack iam-key-auto-rotation in 999999999999
                             us-east-1; in dry run
WARNING  pause               paused by ann since 2026-03-02 09:00Z: INC-7
                             → nothing is written until `keyturn resume`
PROBLEM  member-stacks       no stack in 222222222222
                             → run `keyturn deploy` with the --ou that they are
                             in, or keep them out by InventoryOU
1 problem, 1 warning, 1 OK
"""


def test_a_finding_is_a_line_and_its_fix_stands_below_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    doctor_command._print(Console(width=80), FINDINGS)  # noqa: SLF001 -- as a terminal of 80 columns has it

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == AT_80.splitlines()


def test_the_words_of_a_finding_are_stable_for_programs() -> None:
    told = json.loads(doctor_command.as_json(FINDINGS[1:2], datetime(2026, 3, 2, 9, tzinfo=UTC)))

    assert told == {
        "version": 1,
        "generated_at": "2026-03-02T09:00:00Z",
        "findings": [
            {
                "check": "pause",
                "grade": "WARNING",
                "fault": "paused",
                "said": "paused by ann since 2026-03-02 09:00Z: INC-7",
                "fix": REMEDIES[FindingCode.PAUSED].fix,
            }
        ],
    }


# --- the manual ---------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()


@pytest.mark.parametrize("fault", FindingCode)
def test_the_manual_tells_each_fault_how_bad_it_is_and_what_to_do(fault: FindingCode) -> None:
    remedy = REMEDIES[fault]

    assert re.search(
        rf"^\| `{fault}` \| {remedy.grade} \| [^|]+ \| {re.escape(remedy.fix)} \|$",
        PAGE,
        re.MULTILINE,
    )


@pytest.mark.parametrize("check", Check)
def test_the_manual_tells_what_each_check_needs(check: Check) -> None:
    row = re.search(rf"^\| `{check}` \| (?P<rest>.+) \|$", PAGE, re.MULTILINE)

    assert row is not None
    needs = re.findall(r"\w+:\w+|(?<=and )[A-Z]\w+|(?<=, )[A-Z]\w+", NEEDS[check])
    assert [each for each in needs if each.rpartition(":")[2] not in row["rest"]] == []


def test_the_manual_tells_of_no_fault_that_is_not_there() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (?:WARNING|PROBLEM) \|", PAGE, re.MULTILINE)

    assert sorted(told) == sorted(FindingCode)


def test_a_finding_that_is_well_has_no_fix() -> None:
    assert Finding(check=Check.CORE, said="").grade is Grade.OK


def test_a_member_is_looked_at_where_its_secrets_are(world: World) -> None:
    accounts = Accounts(
        security=world.sessions["security"], management=world.sessions["management"]
    )
    names = Names(core=CORE_STACK, member="member", listing="listing")
    probes = accounts.observed(names, datetime.now(UTC), None).probes
    member = Account(id=world.member)
    here, elsewhere = {"IAMRoleName": ROLE}, {"IAMRoleName": ROLE, "HomeRegion": "eu-north-1"}
    name = f"Account_{world.member}_User_gone_AccessKey"
    secrets = session_in(world.member).client("secretsmanager", region_name="eu-north-1")
    secrets.create_secret(Name=name, SecretString="of-somebody")

    assert probes.member(member, here).key_state("alias/asa-iam-key-rotation") == "Enabled"
    with pytest.raises(NotFound):
        probes.member(member, elsewhere).key_state("alias/asa-iam-key-rotation")
    assert probes.leftovers(member, here) == ()
    assert [each.name for each in probes.leftovers(member, elsewhere)] == [name]
