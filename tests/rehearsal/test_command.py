"""What `keyturn rehearse` takes, refuses and answers."""

import json
import os
import re
import shlex
import signal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import ADMIN, BUCKET, GROUP, OURS, SEALED, SHOP
from tests.rehearsal.scene import HERE, PROBES, Rehearsing

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "rehearsal.json").read_text()
)
SHORT = ("--only", "works")
PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
EXAMPLES = re.findall(r"^\$ keyturn (rehearse.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--account", "12"], "--account 12: must be the 12 digits of an AWS account id"),
        (["--account", ""], "--account: must not be empty"),
        (["--role-name", "R"], "--account: is needed with --role-name: exactly one account"),
        (
            ["--account", SHOP, "--role-name", "arn:aws:iam::1:role/R"],
            "--role-name arn:aws:iam::1:role/R: must be a role's name, not its ARN",
        ),
        (["--reader-role", "a b"], "--reader-role a b: must be a role's name, not its ARN"),
        (["--mail-to", "nobody"], "--mail-to nobody: must be one e-mail address"),
        (["--mail-to", "a@example.com,b@example.com"], "must be one e-mail address"),
        (["--only", "everything"], "--only everything: must be one of user, exempt, paused, "),
        (["--clean", "--only", "works"], "--clean: goes without --only"),
        (["--clean", "--permissions"], "goes without"),
        (["--clean", "--format", "json"], "--clean: goes without --format json"),
        (["--clean", "--with-account-ids"], "--clean: goes without --with-account-ids"),
        (["--deployed", "--seal-key", "x"], "--seal-key x: goes without --deployed"),
        (["--bucket", "NO"], "--bucket NO: must be the name of a bucket"),
        (["--admin", "x"], "--admin x: must be an e-mail address"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line_before_anything_is_asked(
    operator: Rehearsing, args: list[str], line: str
) -> None:
    alone = {"--deployed", "--clean", "--bucket", "--admin"} & {*args}
    base = [] if alone else list(HERE[1:-1])

    refused = operator.keyturn("rehearse", *base, *args, "--yes")

    assert refused.exit_code == 2, refused.output
    assert line in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert operator.cloud.calls == []


def test_a_format_for_all_commands_does_not_keep_from_cleaning_up(
    operator: Rehearsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYTURN_FORMAT", "json")

    assert operator.keyturn("rehearse", "--clean", "--yes").exit_code == 0


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_manuals_examples_run(operator: Rehearsing, example: str) -> None:
    result = operator.keyturn(*shlex.split(example))

    assert result.exit_code == 0, result.output
    assert operator.left() == []
    assert operator.others() == operator.before


def test_the_manual_has_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_all_that_is_missing_is_named_at_once(operator: Rehearsing) -> None:
    refused = operator.keyturn("rehearse", "--yes")

    assert refused.exit_code == 2
    assert refused.stderr.startswith("--bucket, --admin, --seal-key: are needed to rehearse")


def test_another_account_needs_a_role(operator: Rehearsing) -> None:
    refused = operator.keyturn(*HERE, "--account", SHOP)

    assert refused.exit_code == 2
    assert f"without --role-name it must be your own account, {OURS}" in refused.stderr
    assert operator.left() == []


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_policies_to_copy_are_of_the_regions_partition(
    operator: Rehearsing, region: str, partition: str
) -> None:
    result = operator.keyturn("rehearse", "--permissions", "--region", region)

    assert result.exit_code == 0
    assert set(re.findall(r"arn:([a-z-]+):", result.stdout)) == {partition}


def test_without_a_terminal_it_needs_a_yes(operator: Rehearsing) -> None:
    refused = operator.keyturn(*HERE[:-1])

    assert refused.exit_code == 2
    assert refused.stderr == "--yes: is needed where there is no terminal to ask on\n"
    assert operator.cloud.calls == []


def test_it_asks_before_its_first_write_and_says_what_it_makes(
    operator: Rehearsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyturn.cli.rehearse.can_ask", lambda: True)

    declined = operator.keyturn(*HERE[:-1], typed="n\n")

    assert declined.exit_code == 1
    assert f"In account {OURS}, us-east-1, this makes for some minutes:" in declined.stderr
    assert "It costs below $0.05." in declined.stderr
    assert {call.operation for call in operator.made_by_operator()} == {
        *("GetCallerIdentity", "ListObjectVersions", "GenerateMac", "GetGroup"),
        "GetEmailIdentity",
    }


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--bucket", "other-bucket"], "--bucket other-bucket: there is no such bucket\n"),
        (
            ["--seal-key", "alias/typo"],
            "--seal-key alias/typo: is no key that makes seals (HMAC_256) here (GenerateMac: ",
        ),
        (
            ["--admin", "someone@unverified.example"],
            "--admin someone@unverified.example: SES in us-east-1 has not verified the address, ",
        ),
        (
            ["--exemption-group", "Typo"],
            f"--exemption-group Typo: account {OURS} has no such group: make it, it may be empty",
        ),
    ],
)
def test_a_word_that_was_mistyped_is_told_before_anything_is_made(
    operator: Rehearsing, args: list[str], line: str
) -> None:
    right = {"--bucket": BUCKET, "--admin": ADMIN, "--seal-key": SEALED[1]}
    given = right | {args[0]: args[1]}

    refused = operator.keyturn(
        *("rehearse", "--yes", "--only", "works"),
        *(each for pair in given.items() for each in pair),
    )

    assert refused.exit_code == 2, refused.output
    assert refused.stderr.startswith(line)
    assert refused.stderr.count("\n") == 1
    made = {call.operation for call in operator.made_by_operator()}
    assert not [each for each in made if each.startswith(("Create", "Put"))]


@pytest.mark.parametrize("part", [HERE, PROBES])
def test_nothing_is_made_where_the_clean_up_could_not_look_into_the_bucket(
    operator: Rehearsing, part: tuple[str, ...]
) -> None:
    operator.cloud.deny(None, "ListObjectVersions")

    refused = operator.keyturn(*part)

    assert refused.exit_code == 2, refused.output
    assert f"--bucket {BUCKET}: must be your account's, and you may list its obj" in refused.stderr
    assert "CreateUser" not in {call.operation for call in operator.made_by_operator()}


def test_who_may_not_look_first_hears_it_from_the_steps(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "GetEmailIdentity")

    assert operator.keyturn(*HERE, *SHORT).exit_code == 0


def test_the_group_that_everybody_has_is_no_secret(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "GetGroup")

    warned = operator.answer(*HERE, "--only", "warned")["findings"][-1]

    assert warned["verdict"] == "not-tried"
    assert GROUP in warned["why"]


def test_a_mail_that_aws_does_not_let_go_leaves_the_steps_without_a_mail_alone(
    operator: Rehearsing,
) -> None:
    operator.cloud.deny(None, "SendEmail")

    answer = operator.answer(*HERE, "--only", "accepted", "--only", "refused")

    found = {each["name"]: each for each in answer["findings"]}
    assert found.pop("accepted")["verdict"] == "not-tried"
    assert {each["verdict"] for each in found.values()} == {"as-expected"}
    assert "its notice could not be sent: " in found["rotated"]["seen"]


def test_a_rotation_that_s3_hinders_is_no_other_behaviour(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "PutObject")

    answer = operator.answer(*HERE, "--only", "rotated")

    assert answer["findings"][-1]["verdict"] == "not-tried", answer
    assert "in place of" not in json.dumps(answer)


def test_a_rotation_that_was_not_carried_out_is_told_so(operator: Rehearsing) -> None:
    def refuse(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "CreateSecret":
            return refused(request, ApiError("InvalidParameterException", "no such key", 400))
        return perform(request)

    operator.cloud.layers.append(refuse)

    rotated = operator.answer(*HERE, "--only", "rotated")["findings"][-1]

    assert rotated["verdict"] == "different"
    assert rotated["seen"].startswith("ROTATE was decided, and not carried out: ")
    assert "InvalidParameterException" in rotated["seen"]


def test_who_may_nothing_is_told_to_remove_nothing(operator: Rehearsing) -> None:
    for operation in ("CreateUser", "ListUsers", "ListSecrets", "ListGroups"):
        operator.cloud.deny(None, operation)

    ended = operator.keyturn(*HERE)

    assert ended.exit_code == 1
    assert "Not looked for: user" in ended.stdout
    assert "To remove it" not in ended.stderr


def test_a_second_signal_keeps_what_was_found_and_tells_how_to_go_on(
    operator: Rehearsing, tmp_path: Path
) -> None:
    def interrupt(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation in {"PutSecretValue", "DeleteUser"}:
            os.kill(os.getpid(), signal.SIGTERM)
        return perform(request)

    operator.cloud.layers.append(interrupt)
    report = tmp_path / "report.json"

    ended = operator.keyturn("--quiet", *HERE, "--report", str(report))

    assert ended.exit_code == 130
    written = json.loads(report.read_text())
    assert written["findings"][0]["verdict"] == "as-expected"
    assert written["interrupted"]
    assert written["clean_up"]["left"]
    assert "Interrupted again: something may be left." in ended.stderr
    assert "To remove it: keyturn rehearse --clean" in ended.stderr


def test_only_a_step_and_what_it_needs_is_played(operator: Rehearsing) -> None:
    answer = operator.answer(*HERE, *SHORT)

    assert [each["name"] for each in answer["findings"]] == ["user", "rotated", "read", "works"]


def test_what_it_answers_is_what_the_schema_says(operator: Rehearsing, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    result = operator.keyturn(*HERE, *SHORT, "--format", "json", "--report", str(report))

    assert result.stdout == report.read_text()
    Draft202012Validator(SCHEMA).validate(json.loads(result.stdout))


def test_nothing_in_it_tells_of_the_account_unless_that_is_asked_for(
    operator: Rehearsing,
) -> None:
    public = operator.keyturn(*HERE, "--format", "json").stdout
    private = operator.keyturn(*HERE, "--format", "json", "--with-account-ids").stdout

    tells = re.compile(rf"{OURS}|AKIA[A-Z0-9]|arn:aws|{BUCKET}|@|deploy-bot|{SEALED[1]}")
    assert tells.findall(public) == []
    assert {"AKIA", "@"} <= {found[:4] for found in tells.findall(private)}


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_table_fits_its_terminal(operator: Rehearsing, width: int) -> None:
    shown = operator.keyturn(*HERE, *SHORT, width=width).stdout

    assert max(map(len, shown.splitlines()[:-2])) <= width
    assert "as expected" in shown
    assert "Nothing is left." in shown


def test_a_step_that_is_denied_says_nothing_about_what_was_tried(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "GetSecretValue")

    answer = operator.answer(*HERE, "--only", "refused")

    verdicts = {each["name"]: each["verdict"] for each in answer["findings"]}
    assert verdicts["read"] == verdicts["works"] == verdicts["refused"] == "not-tried"
    assert "--reader-role" in next(e["why"] for e in answer["findings"] if e["name"] == "read")


def test_what_comes_out_differently_is_named_and_cleaned_up(operator: Rehearsing) -> None:
    operator.cloud.close_kms(None)

    result = operator.keyturn(*HERE, "--only", "rotated")

    assert result.exit_code == 1
    assert operator.left() == []


def test_mails_go_to_the_address_that_is_given_and_to_nobody_else(operator: Rehearsing) -> None:
    operator.keyturn(*HERE, "--only", "accepted", "--mail-to", "you@example.com")

    to = {address for mail in operator.cloud.sent_mails for address in mail.to}
    assert to <= {"you@example.com", ADMIN}
    assert "you@example.com" in to


def test_a_call_that_is_denied_leaves_a_step_untried(operator: Rehearsing) -> None:
    operator.cloud.deny(None, "CreateGroup")

    answer = operator.answer(*HERE, "--only", "exempt")

    [_, exempt] = answer["findings"]
    assert exempt["verdict"] == "not-tried"
    assert "CreateGroup: AccessDenied" in exempt["why"]


@pytest.mark.parametrize(
    "signals", [(signal.SIGTERM,), (signal.SIGHUP, signal.SIGHUP)], ids=["job", "terminal"]
)
def test_a_command_that_is_ended_cleans_up_as_after_ctrl_c(
    signals: tuple[signal.Signals, ...], operator: Rehearsing
) -> None:
    left = [*signals]  # a shell tells of a closed terminal once more

    def end_at_the_rotation(request: ApiRequest, perform: Perform) -> ApiResponse:
        if left and (request.operation == "PutSecretValue" or len(left) < len(signals)):
            os.kill(os.getpid(), left.pop())
        return perform(request)

    operator.cloud.layers.append(end_at_the_rotation)
    before = [signal.getsignal(each) for each in signals]

    ended = operator.keyturn(*HERE)

    assert ended.exit_code == 130
    assert "Interrupted: cleaning up." in ended.stderr
    assert left == []
    assert operator.left() == []
    assert operator.others() == operator.before
    assert [signal.getsignal(each) for each in signals] == before


def test_a_command_that_goes_on_without_its_terminal_is_not_ended(operator: Rehearsing) -> None:
    def close_the_terminal(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "PutSecretValue":
            os.kill(os.getpid(), signal.SIGHUP)
        return perform(request)

    operator.cloud.layers.append(close_the_terminal)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        answer = operator.answer(*HERE, *SHORT)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert [each["name"] for each in answer["findings"]] == ["user", "rotated", "read", "works"]


@pytest.mark.parametrize(("late", "verdict"), [(2, "as-expected"), (1000, "not-tried")])
def test_a_key_that_is_late_at_secrets_manager_is_waited_for(
    operator: Rehearsing, late: int, verdict: str
) -> None:
    asked = 0

    def knows_it_late(request: ApiRequest, perform: Perform) -> ApiResponse:
        nonlocal asked
        if ":user/" in request.principal and request.service == "secretsmanager":
            asked += 1
            if asked <= late:
                return refused(request, ApiError("UnrecognizedClientException", "invalid", 400))
        return perform(request)

    operator.cloud.layers.insert(0, knows_it_late)

    answer = operator.answer(*HERE, "--only", "refused")

    verdicts = {each["name"]: each["verdict"] for each in answer["findings"]}
    assert (verdicts["works"], verdicts["refused"]) == ("as-expected", verdict)
    assert asked > 2
    assert operator.left() == []
