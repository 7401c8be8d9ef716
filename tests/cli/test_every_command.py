"""What every command takes: quiet, without colours, for programs, and what --debug says."""

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.cli.everywhere import everywhere
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.canary import see
from tests.cli.organisation import CLOSED_TO_US, ROLE, SHOP, TELLING, add_user
from tests.cli.test_docs import PAGE, under
from tests.cli.test_process import Terminal

PLAN = ("plan", "--role-name", ROLE, "--account", SHOP)
RUN = ("run", "--enforce", "--yes", "--role-name", ROLE, "--account", SHOP, *TELLING)
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def run(*args: str) -> Result:
    result = CliRunner().invoke(app, args)
    see("standard error of a command", result.stderr)
    return result


def entries(result: Result) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


@pytest.mark.parametrize("command", ["version", "plan --help", "owners --help"])
@pytest.mark.parametrize("option", ["--debug", "--quiet", "-q", "--no-color", "--no-config"])
def test_they_go_before_the_name_and_behind_it(command: str, option: str) -> None:
    words = command.split()

    for line in ([option, *words], [words[0], option, *words[1:]], [*words, option]):
        assert run(*line).exit_code == 0, line


def test_the_manual_names_each_and_so_does_help() -> None:
    help_ = run("plan", "--help").stdout

    for option in everywhere():
        for name in option.opts:
            assert f"`{name}" in under("Every command") or f" {name} " in under("Every command")
            assert name in help_
    assert "## Settings file" in PAGE


def test_quiet_leaves_warnings_and_errors(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "old", 200)
    line = ("plan", "--role-name", ROLE, "--account", SHOP, "--account", CLOSED_TO_US)

    loud, quiet = run(*line), run(*line, "--quiet")

    assert quiet.stdout == loud.stdout
    assert "No --bucket: earlier notices are unknown" in loud.stderr
    assert "No --bucket" not in quiet.stderr
    assert CLOSED_TO_US in quiet.stderr
    assert quiet.exit_code == loud.exit_code == 1


def test_quiet_hides_no_wrong_value() -> None:
    result = run("--quiet", "plan", "--parallel", "0")

    assert result.exit_code == 2
    assert result.stderr == "--parallel 0: must be from 1 to 64\n"


def test_for_programs_each_line_is_an_object(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "old", 200)

    result = run("--log-format", "json", *RUN)

    assert result.exit_code == 0, result.output
    said = entries(result)
    for each in said:
        assert {"time", "level", "message"} <= each.keys() <= {"time", "level", "message", "facts"}
        assert datetime.fromisoformat(each["time"]).tzinfo is not None
        assert each["level"] in {"info", "warning", "error"}
    [made] = [each for each in said if each["message"].startswith("wrote iam:CreateAccessKey")]
    assert made["facts"]["action"] == "iam:CreateAccessKey"
    assert {"account": SHOP} in [each.get("facts") for each in said]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (
            ("plan", "--log-format", "json", "--parallel", "0"),
            2,
            "--parallel 0: must be from 1 to 64",
        ),
        (("plan", "--nonsense", "--log-format=json"), 2, "No such option: --nonsense"),
        (("--log-format", "json", "plna"), 2, "No such command 'plna'."),
        (("run", "--log-format", "json", "--enforce"), 2, "--enforce: needs --yes"),
    ],
)
def test_for_programs_an_error_is_one_too(args: tuple[str, ...], code: int, said: str) -> None:
    result = run(*args)

    [entry] = entries(result)
    assert result.exit_code == code
    assert entry["level"] == "error"
    assert entry["message"].startswith(said)


def test_a_log_format_that_is_none_is_refused() -> None:
    assert run("plan", "--log-format", "xml").stderr == (
        "--log-format xml: must be one of text, json\n"
    )


def test_on_a_terminal_nothing_is_coloured_that_is_not_to_be() -> None:
    shown = {}
    for name, args, env in (
        ("as it is", (), {}),
        ("option", ("--no-color",), {}),
        ("variable", (), {"NO_COLOR": "1"}),
    ):
        terminal = Terminal(*PLAN, *args, env=env)
        assert terminal.end() == 0, terminal.shown
        shown[name] = terminal.shown

    assert COLOUR.search(shown.pop("as it is"))
    for name, text in shown.items():
        assert not COLOUR.search(text), name
        assert "Due now: 1 key" in text


def test_help_is_not_coloured_either() -> None:
    terminal = Terminal("--no-color", "plan", "--help")

    terminal.end()

    assert "Usage: " in terminal.shown
    assert not COLOUR.search(terminal.shown)


def test_colours_that_are_forced_reach_no_file(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_user(cloud, SHOP, "old", 200)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    result = run(*PLAN, "-o", str(tmp_path / "plan.txt"))

    assert result.exit_code == 0
    assert "\x1b" not in (tmp_path / "plan.txt").read_text()


def test_debug_names_each_call_and_no_secret(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "old", 200)
    result = run(*RUN, "--debug")

    assert result.exit_code == 0, result.output
    said = result.stderr
    for each in (
        "debug: iam:CreateAccessKey UserName='old'",
        "debug: > POST https://iam.amazonaws.com/",
        "SecretString=(not shown)",
        "AccessKey: ",
        "debug: sts:AssumeRole RoleArn=",
    ):
        assert each in said, each
    assert re.search(r"debug: < 200, request [\w-]+, \d+ ms", said)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert os.environ[name] not in said
    for word in ("AWS4-HMAC", "Signature", "Security-Token", "StringToSign"):
        assert word not in said


def test_debug_repeats_no_external_id(cloud: LocalCloud) -> None:
    add_user(cloud, SHOP, "old", 200)

    result = run(*PLAN, "--external-id", "x-9999-shared", "--debug")

    assert "ExternalId=(not shown)" in result.stderr
    assert "x-9999-shared" not in result.stderr


def test_debug_says_where_an_error_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    quiet, debugged = run("plan"), run("plan", "--debug")

    assert quiet.stderr.count("\n") == 1
    assert quiet.stderr in debugged.stderr
    assert re.search(
        r"debug: at \S+own_credentials\.py:\d+ in have_credentials: raise", debugged.stderr
    )


def test_a_fault_of_our_own_is_traced_without_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

    monkeypatch.setattr("keyturn.cli.doctor.doctor", broken)

    result = run("doctor", "--debug")

    assert result.exit_code == 1
    assert "debug: RuntimeError\n" in result.stderr
    assert "this is a bug of Keyturn's" in result.stderr
    assert "EXAMPLEKEY" not in result.stderr.replace(
        'raise RuntimeError("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")', ""
    )
