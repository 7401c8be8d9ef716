"""`keyturn deploy`, as an operator types it, against the local AWS's CloudFormation and S3."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from typer.testing import CliRunner, Result

from keyturn.cli import brought_along
from keyturn.cli import deploy as deploy_command
from keyturn.cli.app import app
from keyturn.cli.brought_along import INDEX, PIECES, TEMPLATES
from keyturn.deployment.model.organization import STACK_SETS_TRUSTED
from keyturn.deployment.model.places import Names
from keyturn.deployment.model.template import Template
from keyturn.deployment.model.zip_parts import ZipParts
from keyturn.deployment.wiring import Accounts
from tests.cloudformation.stacks import (
    ALARMS,
    CHANNELS,
    CORE,
    FOLDER,
    LIST,
    MAIL_EVENTS,
    MEMBER,
    REPORTS,
)
from tools.package import HANDLERS

MANAGEMENT = "123456789012"  # moto's own account
SET = Names().member
CORE_STACK = Names().core
ROOT = Path(__file__).parents[2]


def without(usual: Sequence[str], options: Sequence[str]) -> list[str]:
    """Usual options, but for those that are given another value and can be given once."""
    pairs = zip(usual[::2], usual[1::2], strict=True)
    kept = [pair for pair in pairs if pair[0] == "--parameter" or pair[0] not in options]
    return list(chain.from_iterable(kept))


@dataclass
class World:
    """An organisation with two profiles into it, and a checkout."""

    source: Path
    security: str
    member: str
    unit: str
    sessions: dict[str, boto3.Session]

    @property
    def first(self) -> tuple[str, ...]:
        return (
            *("--bucket", "a-bucket", "--prefix", "asa/rotation", "--ou", self.unit),
            *("--admin", "ops@example.com", "--parameter", "ResourceOwnerTag=owner"),
        )

    def deploy(self, *options: str, width: int = 200, answer: str | None = None) -> Result:
        """Deploy without being asked; or being asked, on a terminal, and giving this answer."""
        if answer is None:
            options = (*options, "--yes")
        profiles = ("--profile", "security", "--management-profile", "management")
        usual = without((*profiles, "--source", str(self.source)), options)
        return CliRunner(env={"COLUMNS": str(width)}).invoke(
            app, ["deploy", *usual, *options], input=answer
        )

    def client(self, who: str, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        return self.sessions[who].client(service)  # type: ignore[call-overload]  # any service

    def core(self) -> dict[str, str]:
        [stack] = self.client("security", "cloudformation").describe_stacks(StackName=CORE_STACK)[
            "Stacks"
        ]
        return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}

    def stacks(self, who: str) -> list[str]:
        found = self.client(who, "cloudformation").describe_stacks()["Stacks"]
        return sorted(each["StackName"] for each in found)


def core_for_moto() -> str:
    """
    The core template with its real parameters and functions, and of its resources only a queue.

    moto cannot make the others, and says CREATE_COMPLETE of many that it does not make: that
    AWS takes the real template is for cfn-lint and `make e2e` to show.
    """
    text = (FOLDER / CORE).read_text()
    parameters = text[text.index("\nParameters:") : text.index("\nRules:")]
    functions = "".join(
        f"  Function{number}:\n    Type: AWS::Lambda::Function\n"
        f"    Properties:\n      FunctionName: {each.name}\n      Runtime: {each.runtime}\n"
        f"      Handler: {each.handler}\n      Timeout: {each.timeout}\n"
        f"      MemorySize: {each.memory}\n      Role: !GetAtt Role.Arn\n"
        f"      Code:\n        S3Bucket: !Ref S3BucketName\n"
        f"        S3Key: !Sub '${{S3BucketPrefix}}/${{LambdaFolder}}/{each.zip}'\n"
        for number, each in enumerate(Template.read(text).functions)
    )
    seen = "".join(
        f"        - {{Key: {name}, Value: !Ref {name}}}\n"
        for name in ("DryRunFlag", "RotationPeriod", "LambdaFolder")
    )
    return (
        f"AWSTemplateFormatVersion: '2010-09-09'\n{parameters}\n"
        "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n"
        "      AssumeRolePolicyDocument: {Statement: []}\n"
        "  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Tags:\n"
        f"{seen}{functions}"
    )


def alarms_for_moto() -> str:
    """The parameters of the alarms' template, and no alarm: moto makes none, and warns."""
    return _parameters_for_moto(ALARMS, "RestorationsPerDay")


def _parameters_for_moto(template: str, parameter: str) -> str:
    """The parameters of a template, and a queue that shows one of them."""
    text = (FOLDER / template).read_text()
    parameters = re.split(r"\n(?:Conditions|Resources):", text[text.index("\nParameters:") :])[0]
    return (
        f"AWSTemplateFormatVersion: '2010-09-09'\n{parameters}\n"
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Tags:\n"
        f"        - {{Key: {parameter}, Value: !Ref {parameter}}}\n"
    )


def checkout(folder: Path) -> Path:
    (folder / "CloudFormation").mkdir(parents=True)
    (folder / "CloudFormation" / CORE).write_text(core_for_moto())
    (folder / "CloudFormation" / ALARMS).write_text(alarms_for_moto())
    events = _parameters_for_moto(MAIL_EVENTS, "ConfigurationSet")
    (folder / "CloudFormation" / MAIL_EVENTS).write_text(events)
    for name, parameter in ((CHANNELS, "WebhookSecretArn"), (REPORTS, "S3BucketPrefix")):
        text = _parameters_for_moto(name, parameter)
        (folder / "CloudFormation" / name).write_text(text)
    for name in (MEMBER, LIST):
        shutil.copy(FOLDER / name, folder / "CloudFormation")
    (folder / "Lambda").mkdir()
    for name in HANDLERS:
        (folder / "Lambda" / f"{name}.zip").write_bytes(name.encode())
    shutil.copytree(ROOT / "template", folder / "template")
    return folder


def session_in(account: str) -> boto3.Session:
    told = boto3.client("sts", region_name="us-east-1").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/admin", RoleSessionName="operator"
    )["Credentials"]
    return boto3.Session(
        told["AccessKeyId"],
        told["SecretAccessKey"],
        told["SessionToken"],
        region_name="us-east-1",
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for all who are refused: none of them writes to it."""
    with opened(tmp_path_factory.mktemp("untouched")) as world:
        yield world


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        # moto judges a bucket's policy without its conditions: ours would lock everybody out.
        patched.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
        organizations = boto3.client("organizations", region_name="us-east-1")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="work")
        made = []
        for name in ("security", "shop"):
            account = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
            made.append(account["CreateAccountStatus"]["AccountId"])
            organizations.move_account(
                AccountId=made[-1],
                SourceParentId=root,
                DestinationParentId=unit["OrganizationalUnit"]["Id"],
            )
        organizations.enable_aws_service_access(ServicePrincipal=STACK_SETS_TRUSTED)
        sessions = {"management": session_in(MANAGEMENT), "security": session_in(made[0])}
        config = folder / "config"
        config.write_text("".join(profile(name, each) for name, each in sessions.items()))
        patched.setenv("AWS_CONFIG_FILE", str(config))
        patched.setenv("AWS_REGION", "us-east-1")
        try:
            yield World(
                source=checkout(folder / "checkout"),
                security=made[0],
                member=made[1],
                unit=unit["OrganizationalUnit"]["Id"],
                sessions=sessions,
            )
        finally:
            config.unlink()  # secrets belong there, and only now


def profile(name: str, session: boto3.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return (
        f"[profile {name}]\naws_access_key_id = {credentials.access_key}\n"
        f"aws_secret_access_key = {credentials.secret_key}\n"
        f"aws_session_token = {credentials.token}\n"
    )


def test_a_deployment_says_in_a_line_for_each_step_what_it_did(world: World) -> None:
    result = world.deploy(*world.first)

    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    folder = world.core()["LambdaFolder"]
    assert lines == [
        "bucket a-bucket: made",
        f"zips in asa/rotation/{folder}/: uploaded",
        "mail templates in asa/rotation/Template/: uploaded",
        f"stack set {SET} in {MANAGEMENT} us-east-1: made",
        f"stack {SET} in {MANAGEMENT} us-east-1: made",
        f"stack {Names().listing} in {MANAGEMENT} us-east-1: made",
        f"stack {CORE_STACK} in {world.security} us-east-1: made",
        f"stack {Names().mail_events} in {world.security} us-east-1: made",
        f"stack {Names().reports} in {world.security} us-east-1: made",
        f"stack {Names().alarms} in {world.security} us-east-1: made",
        f"functions in {world.security} us-east-1: they run what was built here",
    ]
    assert "it writes to no key and no secret" in result.stderr
    assert world.core()["DryRunFlag"] == "True"


def test_each_account_gets_what_is_its_own(world: World) -> None:
    world.deploy(*world.first)

    instances = world.client("management", "cloudformation").list_stack_instances(StackSetName=SET)
    assert {each["Account"] for each in instances["Summaries"]} == {world.security, world.member}
    assert world.stacks("management") == sorted([SET, Names().listing])
    assert CORE_STACK in world.stacks("security")
    names = world.client("security", "s3").list_objects_v2(Bucket="a-bucket")["Contents"]
    mails = [path for path in (world.source / "template").rglob("*") if path.is_file()]
    assert len(names) == 3 + len(mails)


def test_mail_templates_go_and_are_told_in_the_order_of_their_names(world: World) -> None:
    there = {path for path in (world.source / "template").rglob("*") if path.is_file()}
    names = sorted(path.relative_to(world.source / "template").as_posix() for path in there)
    hands = world.client("security", "s3")
    hands.create_bucket(Bucket="a-bucket")
    for name in names[:2]:
        hands.put_object(Bucket="a-bucket", Key=f"asa/rotation/Template/{name}", Body=b"Ahoy")

    result = world.deploy(*world.first)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output

    start = lines.index("mail templates in asa/rotation/Template/: uploaded") + 1
    stay = [f"  {name} stays: it is yours" for name in names[:2]]
    assert lines[start : start + len(names)] == [*(f"  {name}" for name in names[2:]), *stay]


def test_a_second_deployment_finds_no_changes(world: World) -> None:
    world.deploy(*world.first)

    result = world.deploy()

    assert result.exit_code == 0, result.output
    *steps, functions = result.stdout.splitlines()
    assert {line.rsplit(": ", 1)[1] for line in steps} == {"no changes"}
    assert functions.endswith("they run what was built here")


def test_what_changes_is_named_and_the_rest_stays(world: World) -> None:
    world.deploy(*world.first)

    result = world.deploy("--parameter", "RotationPeriod=75")

    assert result.exit_code == 0, result.output
    assert "  RotationPeriod: 90 → 75" in result.stdout
    assert world.core()["RotationPeriod"] == "75"
    assert world.core()["ResourceOwnerTag"] == "owner"


def test_what_deserves_a_second_thought_is_said_first(world: World) -> None:
    result = world.deploy(*world.first, "--parameter", "RecoveryGracePeriod=3", "--dry-run")

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0] == (
        "warning: RecoveryGracePeriod=3: "
        "fewer than 7 days leave little time to notice a broken pipeline"
    )
    assert "warning" not in world.deploy(*world.first, "--dry-run").stderr


def test_a_dry_run_shows_the_change_sets_and_leaves_nothing_behind(world: World) -> None:
    result = world.deploy(*world.first, "--dry-run")

    assert result.exit_code == 0, result.output
    assert "  Add ListAccountsRole AWS::IAM::Role" in result.stdout
    assert "Nothing was written." in result.stderr
    assert world.stacks("management") == world.stacks("security") == []
    assert world.client("security", "s3").list_buckets()["Buckets"] == []
    sets = world.client("management", "cloudformation").list_stack_sets()["Summaries"]
    assert sets == []


def test_a_dry_run_over_a_deployment_leaves_its_stacks_and_no_change_set(world: World) -> None:
    world.deploy(*world.first)

    result = world.deploy("--parameter", "RotationPeriod=75", "--dry-run")

    assert f"stack {CORE_STACK} in {world.security} us-east-1: would be updated" in result.stdout
    assert "  RotationPeriod: 90 → 75" in result.stdout
    assert world.core()["RotationPeriod"] == "90"
    cloudformation = world.client("security", "cloudformation")
    waiting = cloudformation.list_change_sets(StackName=CORE_STACK)["Summaries"]
    assert [each for each in waiting if each["ExecutionStatus"] == "AVAILABLE"] == []


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_command, "can_ask", lambda: True)


@pytest.mark.parametrize("options", [(), ("--enforce",)])
def test_without_a_terminal_it_wants_a_yes_and_says_so_before_anything_is_asked_of_aws(
    world: World, options: tuple[str, ...]
) -> None:
    result = world.deploy(*world.first, *options, answer="")

    assert result.exit_code == 2
    assert result.stderr == (
        "--yes: is needed where there is no terminal to ask on (--dry-run shows the changes)\n"
    )
    assert result.stdout == ""
    assert world.stacks("security") == []


@pytest.mark.usefixtures("on_a_terminal")
def test_what_would_change_is_shown_before_the_one_question(world: World) -> None:
    result = world.deploy(*world.first, answer="n\n")

    assert result.exit_code == 1
    shown, _, rest = result.stderr.partition("This is what would change. Make these changes?")
    for line in (
        "bucket a-bucket: would be made",
        "  receipts by the notifier alone",
        f"stack set {SET} in {MANAGEMENT} us-east-1: would be made",
        f"  to {world.unit} in us-east-1",
        "  Add ListAccountsRole AWS::IAM::Role",
        "  rotation.zip",
    ):
        assert line in shown.splitlines()
    assert "nothing was done" in rest
    assert result.stderr.count("?") == 1
    assert result.stdout.strip() == "n"  # what was typed
    assert world.stacks("management") == world.stacks("security") == []
    assert world.client("security", "s3").list_buckets()["Buckets"] == []


@pytest.mark.usefixtures("on_a_terminal")
def test_after_a_yes_it_is_done_and_where_nothing_changes_nobody_is_asked(world: World) -> None:
    first = world.deploy(*world.first, answer="y\n")
    again = world.deploy(answer="")

    assert first.exit_code == again.exit_code == 0, again.output
    assert "bucket a-bucket: made" in first.stdout
    assert "?" not in again.stderr
    assert "bucket a-bucket: no changes" in again.stdout


@pytest.mark.usefixtures("on_a_terminal")
def test_before_enforcement_the_question_says_what_it_means(world: World) -> None:
    world.deploy(*world.first)

    declined = world.deploy("--enforce", answer="\n")
    flag = world.core()["DryRunFlag"]
    agreed = world.deploy("--enforce", answer="y\n")

    assert declined.exit_code == 1
    assert "  DryRunFlag: True → False" in declined.stderr
    assert deploy_command.QUESTION in declined.stderr
    assert flag == "True"
    assert agreed.exit_code == 0, agreed.output
    assert world.core()["DryRunFlag"] == "False"


def test_a_stage_and_a_preset_are_given_by_options_of_their_own(world: World) -> None:
    stage = ("--enforced-accounts", "222222222222", "--enforced-accounts", "ou-ab12-cdef3456")

    staged = world.deploy(*world.first, *stage, "--preset", "75/85/95", "--enforce")
    twice = world.deploy(*stage, "--parameter", "EnforcedAccounts=")
    beside = world.deploy("--preset", "75/85/95", "--parameter", "InactivePeriod=85")

    assert staged.exit_code == 0, staged.stderr
    assert "enforces in the accounts of EnforcedAccounts; the others stay in dry run" in (
        " ".join(staged.stderr.split())
    )
    core = world.core()
    assert core["EnforcedAccounts"] == "222222222222,ou-ab12-cdef3456"
    periods = ("RotationPeriod", "InactivePeriod", "RecoveryGracePeriod")
    assert [core[each] for each in periods] == ["75", "85", "10"]
    assert (twice.exit_code, beside.exit_code) == (2, 2)
    assert "goes without --parameter EnforcedAccounts" in twice.stderr
    assert "--preset 75/85/95: goes without --parameter InactivePeriod" in beside.stderr


def test_enforcement_may_be_said_without_a_question(world: World) -> None:
    world.deploy(*world.first)

    said = world.deploy("--enforce")

    assert said.exit_code == 0
    assert "DryRunFlag: True → False" in said.stdout
    assert world.core()["DryRunFlag"] == "False"


def test_programs_read_what_was_done_or_would_be(world: World) -> None:
    planned = json.loads(world.deploy(*world.first, "--dry-run", "--format", "json").stdout)
    done = json.loads(world.deploy(*world.first, "--format", "json").stdout)

    assert [(each["version"], each["dry_run"]) for each in (planned, done)] == [
        (1, True),
        (1, False),
    ]
    bucket, *_, code = done["steps"]
    assert (bucket["step"], bucket["said"], bucket["changed"]) == ("bucket a-bucket", "made", True)
    assert "audit entries and plans that nobody can change" in bucket["details"]
    assert (code["said"], code["failed"]) == ("they run what was built here", None)
    assert planned["steps"][0]["said"] == "would be made"


def test_a_first_deployment_without_its_bucket_is_refused(world: World) -> None:
    result = world.deploy("--ou", world.unit)

    assert result.exit_code == 2
    assert result.stderr == "--bucket: is needed for the first deployment\n"


def test_zips_that_were_not_built_are_named_with_the_cure(world: World) -> None:
    (world.source / "Lambda" / "rotation.zip").unlink()

    result = world.deploy(*world.first)

    assert result.exit_code == 2
    assert "has no Lambda/rotation.zip: `make package` makes it" in result.stderr


# --- from what is brought along -----------------------------------------------------------------


@pytest.fixture
def bundle(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a wheel brings along, made of the checkout but for the code of its functions."""
    there = tmp_path / "installed" / "bundle"
    shutil.copytree(world.source / "CloudFormation", there / TEMPLATES)
    parts = ZipParts.cut({f"{name}.zip": zip_of(name) for name in HANDLERS})
    (there / PIECES).write_bytes(parts.pieces)
    (there / INDEX).write_text(parts.write_index())
    installed = {"keyturn.deployment": there.parent, "keyturn.mail": files("keyturn.mail")}
    monkeypatch.setattr(brought_along, "files", installed.__getitem__)
    return there


def zip_of(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}.py"), name)
    return file.getvalue()


def uploaded(world: World) -> dict[str, bytes]:
    """What is in the bucket, by the names below the prefix."""
    store = world.client("security", "s3")
    return {
        each["Key"].removeprefix("asa/rotation/"): store.get_object(
            Bucket="a-bucket", Key=each["Key"]
        )["Body"].read()
        for each in store.list_objects_v2(Bucket="a-bucket").get("Contents", [])
    }


def deploy_what_came_along(world: World) -> Result:
    profiles = ("--profile", "security", "--management-profile", "management")
    return CliRunner().invoke(app, ["deploy", *profiles, *world.first, "--yes"])


def test_without_a_checkout_it_deploys_what_was_installed(world: World, bundle: Path) -> None:
    result = deploy_what_came_along(world)

    assert result.exit_code == 0, result.output
    found = uploaded(world)
    folder = world.core()["LambdaFolder"]
    for name in ("inventory", "rotation", "notifier"):
        assert found[f"{folder}/{name}.zip"] == zip_of(name)
    mails = ROOT / "src" / "keyturn" / "mail" / "templates"
    assert {name for name in found if name.startswith("Template/")} == {
        f"Template/{path.relative_to(mails).as_posix()}"
        for path in mails.rglob("*")
        if path.suffix in {".txt", ".html"}
    }


def test_a_checkout_that_is_named_goes_before_what_was_installed(
    world: World, bundle: Path
) -> None:
    result = world.deploy(*world.first)

    assert result.exit_code == 0, result.output
    assert uploaded(world)[f"{world.core()['LambdaFolder']}/rotation.zip"] == b"rotation"


def test_where_nothing_came_along_it_is_the_checkout_it_runs_from_and_never_the_current_folder(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = shutil.copytree(world.source, tmp_path / "strangers")
    (strangers / "Lambda" / "rotation.zip").write_bytes(b"evil")
    monkeypatch.chdir(strangers)
    ours = world.source / "src" / "keyturn" / "deployment"
    monkeypatch.setattr(brought_along, "files", lambda _: ours)

    result = deploy_what_came_along(world)

    assert result.exit_code == 0, result.output
    assert uploaded(world)[f"{world.core()['LambdaFolder']}/rotation.zip"] == b"rotation"


def test_where_there_is_no_checkout_either_one_has_to_be_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.source)
    installed = tmp_path / "lib" / "site-packages" / "keyturn" / "deployment"
    monkeypatch.setattr(brought_along, "files", lambda _: installed)

    result = deploy_what_came_along(world)

    assert result.exit_code == 2
    assert result.stderr == (
        "--source: is needed: this Keyturn was installed without templates and zips\n"
    )


@pytest.mark.usefixtures("on_a_terminal")
def test_the_question_names_where_the_code_comes_from(world: World) -> None:
    result = world.deploy(*world.first, answer="n\n", width=400)

    assert f"Templates and code come from {world.source}. " in result.stderr


def test_debug_repeats_no_external_id(world: World) -> None:
    result = world.deploy(*world.first, "--parameter", "ExternalId=x-9999-shared", "--debug")

    assert result.exit_code == 0, result.output
    assert "ParameterKey='ExternalId' ParameterValue=(not shown)" in result.stderr
    assert "x-9999-shared" not in result.stderr


def test_code_that_is_not_what_was_built_is_not_deployed(world: World, bundle: Path) -> None:
    pieces = (bundle / PIECES).read_bytes()
    (bundle / PIECES).write_bytes(pieces.replace(b"rotation.pyrotation", b"rotation.pyROTATION"))

    result = deploy_what_came_along(world)

    assert result.exit_code == 1
    assert result.stderr == (
        "rotation.zip is not what was built into this Keyturn: install it again\n"
    )
    assert world.client("security", "s3").list_buckets()["Buckets"] == []


def test_where_git_makes_no_links_the_mail_templates_are_found_all_the_same(world: World) -> None:
    there = world.source / "src" / "keyturn" / "mail" / "templates"
    there.parent.mkdir(parents=True)
    (world.source / "template").rename(there)
    (world.source / "template").write_text("src/keyturn/mail/templates")

    result = world.deploy(*world.first)

    assert result.exit_code == 0, result.output
    assert "Template/owner/subject.txt" in uploaded(world)


def test_a_checkout_without_mail_templates_is_refused(world: World) -> None:
    shutil.rmtree(world.source / "template")

    result = world.deploy(*world.first)

    assert result.exit_code == 2
    assert result.stderr == (
        f"--source {world.source}: has no template/: it is in the repository\n"
    )


def test_a_template_that_is_no_text_is_refused(world: World) -> None:
    (world.source / "CloudFormation" / CORE).write_bytes(b"\xff\xfe")

    result = world.deploy(*world.first)

    assert result.exit_code == 2
    assert f"has a CloudFormation/{CORE} that is no text" in result.stderr


@pytest.mark.parametrize("command", ["deploy", "doctor"])
def test_a_bug_is_named_in_one_line_by_its_kind_and_place_and_never_by_its_message(
    command: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise LookupError("a message that could hold anything")

    monkeypatch.setattr(Accounts, "place", stumble)
    options = [*world.first, "--source", str(world.source), "--yes"] if command == "deploy" else []

    result = CliRunner().invoke(app, [command, "--profile", "security", *options])

    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(
        r"LookupError at test_deploy\.py:\d+: this is a bug of Keyturn's\n", result.stderr
    )


def test_without_trusted_access_the_command_that_gives_it_is_named(world: World) -> None:
    world.client("management", "organizations").disable_aws_service_access(
        ServicePrincipal=STACK_SETS_TRUSTED
    )

    result = world.deploy(*world.first)

    assert result.exit_code == 1
    assert "aws cloudformation activate-organizations-access" in result.stderr
    assert world.stacks("management") == []


@pytest.mark.parametrize("width", [80, 120])
def test_a_step_is_one_line_however_narrow_the_terminal(world: World, width: int) -> None:
    result = world.deploy(*world.first, width=width)

    heads = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert len(heads) == 11


# Last, for their world stays open until the end of the file.


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--parameter", "Foo=1"], "--parameter Foo: is a parameter of no template"),
        (["--parameter", "Foo"], "--parameter Foo: must be NAME=VALUE"),
        (
            ["--parameter", "RotationPeriod=0"],
            "--parameter RotationPeriod 0: must be a whole number from 1 to 36500",
        ),
        (
            ["--parameter", "RotateEarlyDays=-1"],
            "--parameter RotateEarlyDays -1: must be a whole number from 0 to 36500",
        ),
        (
            ["--parameter", "RotateEarlyDays=76"],
            (
                "--parameter RotateEarlyDays 76: must be less than RotationPeriod 90 minus 14, "
                "the most of WarnDays 14,7,1"
            ),
        ),
        (
            ["--parameter", "RotateEarlyDays=14", "--parameter", "WarnDays=0"],
            (
                "--parameter RotateEarlyDays 14: needs more than WarnDays 0: keys are rotated "
                "early only on days that were announced"
            ),
        ),
        (
            ["--parameter", "RotationPeriod=90", "--parameter", "RotationPeriod=91"],
            "--parameter RotationPeriod: is given twice",
        ),
        (
            ["--parameter", "DryRunFlag=False"],
            "--parameter DryRunFlag=False: is what --enforce is for",
        ),
        (
            ["--parameter", "DryRunFlag=True", "--enforce", "--yes"],
            "--parameter DryRunFlag=True: contradicts --enforce",
        ),
        (
            ["--parameter", "S3BucketName=b"],
            "--parameter S3BucketName: has an option of its own: --bucket",
        ),
        (
            ["--parameter", "PrimaryAccountID=999999999999"],
            "--parameter PrimaryAccountID: cannot be chosen: it is the account of --profile",
        ),
        (["--admin", "nobody"], "--admin nobody: must be an e-mail address"),
        (["--bucket", ""], "--bucket: must not be empty"),
        (["--org-id", "o-other12345"], r"--org-id o-other12345: the organisation is o-\w+"),
        (["--management-profile", "nobody"], "--management-profile nobody: is not in your .*"),
        (["--management-profile", "security"], "--management-profile: must be of the .*"),
        (
            ["--ou", "nonsense"],
            "--ou nonsense: must be the id of an organisational unit \\(ou-…\\) or root \\(r-…\\)",
        ),
        (["--ou", ""], "--ou: must be the id of .*"),
        (
            ["--ou", "ou-1234-12345678"],
            r"--ou ou-1234-12345678: the organisation o-\w+ has no such unit",
        ),
        (["--core-stack", "bad name!"], "--core-stack bad name!: must be a letter, then .*"),
        (["--member-stack", "9lives"], "--member-stack 9lives: must be a letter, then .*"),
        (["--list-stack", "a" * 122], "--list-stack a{122}: must be a letter, then .*"),
        (["--prefix", "asa/"], "--prefix asa/: must be a folder, .*"),
        (
            ["--parameter", "RotationPeriod=100"],
            "--parameter InactivePeriod 100: must be greater than RotationPeriod 100",
        ),
    ],
)
def test_what_is_refused_is_named_as_it_was_given_and_nothing_is_written(
    untouched: World, options: list[str], line: str
) -> None:
    result = untouched.deploy(*without(untouched.first, options), *options)

    assert result.exit_code == 2, result.output
    assert re.fullmatch(line + "\n", result.stderr), result.stderr
    assert result.stdout == ""
    assert untouched.stacks("management") == untouched.stacks("security") == []
