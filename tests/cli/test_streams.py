"""Standard output as operators have it: full, read by half, closed, in another encoding."""

import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.cli.app import app
from keyturn.cli.streams import Enduring
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.canary import see
from tests.cli.organisation import (
    CLOSED_TO_US,
    NOW,
    OURS,
    ROLE,
    SHOP,
    TELLING,
    add_user,
    build,
    environment,
)

PLAN = ("plan", "--role-name", ROLE, "--account", SHOP)
TWO = ("--account", SHOP, "--account", CLOSED_TO_US)
RUN = ("run", "--enforce", "--yes", "--role-name", ROLE, *TWO, *TELLING)
COMMANDS = [
    pytest.param(("--help",), 0, id="help"),
    pytest.param(("run", "--help"), 0, id="a command's help"),
    pytest.param(("--version",), 0, id="version"),
    pytest.param(PLAN, 0, id="table"),
    pytest.param((*PLAN, "--format", "json"), 0, id="json"),
    pytest.param((*PLAN, "--format", "csv"), 0, id="csv"),
    pytest.param((*PLAN, "--format", "markdown"), 0, id="markdown"),
    pytest.param(("explain", "orders", *PLAN[1:]), 0, id="explain"),
    pytest.param(RUN, 1, id="run"),
    pytest.param((*RUN, "--format", "json"), 1, id="run, json"),
]
FULL = "standard output: cannot be written (No space left on device)\n"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud(now=NOW) as opened:
        build(opened)
        opened.organization.accounts[SHOP].name = "Café Zürich 東京"
        for number in range(3):
            add_user(opened, SHOP, f"bot-{number}", 137)
        add_user(opened, SHOP, "orders", 137)
        for name, value in environment(opened.session(OURS)).items():
            monkeypatch.setenv(name, value)
        yield opened


def run(monkeypatch: pytest.MonkeyPatch, stdout: object, *args: str) -> tuple[int, str]:
    """The exit code, and what is said on stderr."""
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with pytest.raises(SystemExit) as ended:
            app(args)
    said = stderr.buffer.getvalue().decode()
    see("standard error", said)
    assert isinstance(ended.value.code, int)
    assert "bug" not in said
    return ended.value.code, said


def closed_pipe() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_whoever_reads_only_the_beginning_changes_neither_the_work_nor_its_code(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], code: int
) -> None:
    with closed_pipe() as pipe:
        ended, said = run(monkeypatch, pipe, *command)

    assert ended == code
    assert "standard output" not in said
    if "--enforce" in command:
        assert f"{CLOSED_TO_US} bought: " in said
        assert len(cloud.keys(SHOP)) == 8


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_an_answer_that_finds_no_room_is_a_failure_in_one_line_and_stops_nothing(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], code: int
) -> None:
    with Path("/dev/full").open("w") as full:
        ended, said = run(monkeypatch, full, *command)

    assert ended == 1
    assert said.endswith(FULL)
    if "--enforce" in command:
        assert f"{CLOSED_TO_US} bought: " in said
        assert said.count("wrote iam:CreateAccessKey") == 4
    assert code in {0, 1}


def test_a_process_without_standard_output_says_so(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = run(monkeypatch, None, *RUN)

    assert code == 1
    assert f"{CLOSED_TO_US} bought: " in said
    assert said.endswith("standard output: cannot be written (Bad file descriptor)\n")
    assert len(cloud.keys(SHOP)) == 8


def test_a_process_without_standard_input_is_nobody_to_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    code, said = run(monkeypatch, io.StringIO(), "run", "--enforce", "--deployed")

    assert (code, said) == (2, "--enforce: needs --yes where there is no terminal to ask on\n")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp437"])
@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_what_an_encoding_lacks_is_spelled_out(
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    command: tuple[str, ...],
    code: int,
) -> None:
    behind = io.BytesIO()

    ended, said = run(monkeypatch, io.TextIOWrapper(behind, encoding=encoding), *command)
    is_for_programs = {"json", "csv", "markdown"} & {*command}
    answer = behind.getvalue().decode("utf-8" if is_for_programs else encoding)

    assert ended == code
    see("standard output", answer)
    assert "\r" not in answer
    if "--enforce" in command:
        assert f"{CLOSED_TO_US} bought: " in said
    if "json" in command:
        assert json.loads(answer)["accounts"][0]["name"] == "Café Zürich 東京"
    elif command[0] == "plan":
        assert ("東" if is_for_programs else "\\u6771") in answer
    if not is_for_programs and "東" not in answer:
        assert re.findall(r"\\u\w{4}", answer) == re.findall(r"\\u(?:6771|4eac)", answer)


def test_a_file_that_turns_out_to_be_full_loses_neither_failures_nor_what_was_done(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = io.StringIO()

    code, said = run(monkeypatch, answer, *RUN, "--format", "json", "-o", "/dev/full")

    assert code == 1
    assert f"{CLOSED_TO_US} bought: " in said
    assert said.endswith("--output /dev/full: cannot be written (No space left on device)\n")
    assert len(json.loads(answer.getvalue())["accounts"][0]["done"]) == 4


def test_a_plan_that_finds_no_room_in_its_file_is_a_failure(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = io.StringIO()

    code, said = run(monkeypatch, answer, *PLAN, "-o", "/dev/full")

    assert code == 1
    assert said.endswith("--output /dev/full: cannot be written (No space left on device)\n")
    assert answer.getvalue() == ""
    assert cloud.keys(SHOP)


def test_a_machine_that_says_no_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files", "/etc/hosts")

    monkeypatch.setattr("keyturn.cli.run.checked", refuse)

    code, said = run(monkeypatch, io.StringIO(), "plan")

    assert (code, said) == (1, "this machine: Too many open files: /etc/hosts\n")


def test_what_its_lender_has_closed_is_lost_and_nothing_else_goes_wrong() -> None:
    lent = io.BytesIO()
    lasting = Enduring(lent)
    lent.close()

    lasting.write(b"the answer")

    assert lasting.lost is not None
    assert lasting.lost.errno == errno.EBADF
    assert str(lasting.lost) == f"[Errno {errno.EBADF}] {os.strerror(errno.EBADF)}"


def test_what_comes_behind_the_end_goes_nowhere() -> None:
    lent = io.BytesIO()
    lasting = Enduring(lent)
    lasting.write(b"the answer")
    lasting.end()

    lasting.write(b" and more")
    lasting.flush()

    assert lent.getvalue() == b"the answer"


class _ClosedOnWindows(io.RawIOBase):
    """A pipe whose reader is gone, as Windows tells of it."""

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


@pytest.mark.parametrize(("is_windows", "code"), [(True, 0), (False, 1)])
def test_on_windows_a_closed_pipe_is_known_by_another_word(
    monkeypatch: pytest.MonkeyPatch, *, is_windows: bool, code: int
) -> None:
    monkeypatch.setattr("keyturn.cli.streams._IS_WINDOWS", is_windows)
    pipe = io.TextIOWrapper(io.BufferedWriter(_ClosedOnWindows()), encoding="utf-8")

    ended, said = run(monkeypatch, pipe, "--version")

    assert ended == code
    assert ("standard output" in said) is bool(code)
