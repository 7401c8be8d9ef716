"""The command line as a process: on a terminal, without AWS, in a hurry."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from tests.canary import see
from tests.cli.organisation import BUCKET, ROLE, SECRETS, SHOP, TELLING

ROOT = Path(__file__).parents[2]
KEYTURN = Path(sys.executable).with_name("keyturn")
RUN = ("run", "--enforce", "--role-name", ROLE, "--account", SHOP, *SECRETS)
PATIENCE = 60
NO_AWS = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-east-1",
}


class Terminal:
    """A command on a terminal of its own, 80 columns wide."""

    open: ClassVar[list["Terminal"]] = []
    """Those that nobody closed yet: a test that fails leaves its own behind."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None) -> None:
        self.shown = ""
        self._master, slave = pty.openpty()
        # Whoever starts the tests in the background of a shell may have them ignore it.
        as_it_was = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.on_a_terminal", *args],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "80", "TERM": "xterm", **(env or {})},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, as_it_was)
        os.close(slave)
        self.open.append(self)

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def wait_for(self, pattern: str) -> None:
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"never showed {pattern}:\n{self.shown[:2000]}")

    def end(self) -> int:
        while self._read():
            pass
        see("a terminal", self.shown)
        ended = self._process.wait(PATIENCE)
        self.close()
        return ended

    def close(self) -> None:
        """End the command, if it still runs, with all that it started."""
        self.open.remove(self)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)
        os.close(self._master)

    def _read(self) -> bool:
        """Read some more; False at the end."""
        if not select.select([self._master], [], [], PATIENCE)[0]:
            return False
        try:
            some = os.read(self._master, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.shown += some.decode(errors="replace").replace("\r\n", "\n")
        return bool(some)


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Whatever becomes of a test, its processes end with it, and disturb no other."""
    yield
    while Terminal.open:
        Terminal.open[-1].close()


def test_a_test_that_fails_leaves_no_process_behind() -> None:
    terminal = Terminal("version")
    with pytest.raises(AssertionError, match="never showed"):
        terminal.wait_for("what no command shows")

    while Terminal.open:
        Terminal.open[-1].close()

    assert terminal.has_ended


def test_on_a_terminal_it_shows_the_plan_asks_once_and_does_what_was_agreed() -> None:
    terminal = Terminal(*RUN, *TELLING)

    terminal.wait_for(r"Go on\? \[y/N\]")
    asked = terminal.shown
    terminal.type("y\n")

    assert terminal.end() == 0, terminal.shown
    assert "Due now: 1 key" in asked
    assert "1 key: rotate 1 in 1 account. Go on? [y/N]" in asked
    assert "keys: 2" in terminal.shown
    assert terminal.shown.count("Go on?") == 1
    assert "1 done, 0 not done" in terminal.shown


def test_nothing_is_done_without_a_yes() -> None:
    terminal = Terminal(*RUN, *TELLING)

    terminal.wait_for(r"Go on\? \[y/N\]")
    terminal.type("\n")

    assert terminal.end() == 1
    assert "nothing was done" in terminal.shown
    assert "keys: 1" in terminal.shown


def test_an_order_is_shown_step_by_step_and_asked_about_once() -> None:
    terminal = Terminal("revoke", "KEY", "--leaked", "--role-name", ROLE, "--enforce", *TELLING)

    terminal.wait_for(r"Go on\? \[y/N\]")
    asked = terminal.shown
    terminal.type("y\n")

    assert terminal.end() == 0, terminal.shown
    assert re.search(r"1\. iam:UpdateAccessKey: \w+ becomes Inactive", asked)
    assert re.search(r"revoke A\w+\. Go on\? \[y/N\]", asked)
    assert "wrote iam:" not in asked
    assert terminal.shown.count("Go on?") == 1
    assert "1 done, 0 not done" in terminal.shown
    assert "keys: 2" in terminal.shown


def test_an_order_is_dropped_without_a_yes() -> None:
    terminal = Terminal("revoke", "KEY", "--leaked", "--role-name", ROLE, "--enforce", *TELLING)

    terminal.wait_for(r"Go on\? \[y/N\]")
    terminal.type("n\n")

    assert terminal.end() == 1
    assert "nothing was done" in terminal.shown
    assert "wrote iam:" not in terminal.shown
    assert "keys: 1" in terminal.shown


SECRET = f"Account_{SHOP}_User_bot-000_AccessKey"
PAUSED = '{"by": "ann", "at": "2026-03-01T04:00:00Z", "why": "INC-7"}'


@pytest.mark.parametrize(
    ("command", "env", "question", "after"),
    [
        (
            ("adopt", SECRET, "--role-name", ROLE, "--enforce", *SECRETS),
            {"FOREIGN": SECRET},
            f"adopt {SECRET}.",
            ("adopted: []", f"adopted: ['{SECRET}']"),
        ),
        (
            ("pause", "--reason", "INC-7", "--bucket", BUCKET, "--enforce"),
            {},
            "Stop every write in the organisation.",
            ("paused: False", "paused: True"),
        ),
        (
            ("resume", "--bucket", BUCKET, "--enforce"),
            {"PAUSED": PAUSED},
            "Let writes go on.",
            ("paused: True", "paused: False"),
        ),
    ],
    ids=["adopt", "pause", "resume"],
)
@pytest.mark.parametrize("said", ["n", "y"])
def test_what_is_written_for_everybody_or_into_anothers_secret_is_asked_about(
    command: tuple[str, ...],
    env: Mapping[str, str],
    question: str,
    after: tuple[str, str],
    said: str,
) -> None:
    terminal = Terminal(*command, env=env)

    terminal.wait_for(r"Go on\?\s+\[y/N\]")
    terminal.type(f"{said}\n")

    code = terminal.end()
    assert (code == 0) is (said == "y"), terminal.shown
    assert question in " ".join(terminal.shown.split())
    assert ("nothing was done" in terminal.shown) is (said == "n")
    assert after[said == "y"] in terminal.shown


def test_with_nothing_to_do_it_does_not_ask() -> None:
    terminal = Terminal(*RUN, *TELLING, env={"USERS": "0"})

    assert terminal.end() == 0
    assert "Go on?" not in terminal.shown
    assert "keys: 0" in terminal.shown


def test_a_long_plan_shows_how_far_it_is_and_ends_at_once_when_interrupted() -> None:
    terminal = Terminal("plan", "--role-name", ROLE, env={"USERS": "300", "SLOW": "1"})

    terminal.wait_for("Reading 3 accounts")
    terminal.wait_for(r"[1-9]\d?%")
    terminal.interrupt()

    assert terminal.end() == 130
    assert "interrupted: nothing was written\n" in terminal.shown
    assert "Traceback" not in terminal.shown


def test_an_interrupted_run_finishes_the_key_it_is_at() -> None:
    terminal = Terminal(*RUN, *TELLING, "--yes", env={"USERS": "240", "SLOW": "1"})

    terminal.wait_for("wrote iam:CreateAccessKey")
    terminal.interrupt()

    assert terminal.end() == 130
    assert "interrupted: what had begun was finished\n" in terminal.shown
    made = terminal.shown.count("wrote iam:CreateAccessKey")
    assert 1 <= made < 240
    assert f"keys: {240 + made}" in terminal.shown


def run(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [KEYTURN, *args],
        env={**NO_AWS, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_without_credentials_that_is_said_in_one_line() -> None:
    result = run("plan")

    assert result.returncode == 1
    assert result.stderr == ("no AWS credentials were found: give --profile, or set AWS_PROFILE\n")


def test_an_unknown_profile_is_named() -> None:
    result = run("plan", AWS_PROFILE="nobody")

    assert result.returncode == 2
    assert result.stderr == "AWS_PROFILE nobody: is not in your AWS configuration\n"


def test_an_endpoint_that_cannot_be_reached_is_named_in_one_line() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none"}

    result = run("plan", AWS_ENDPOINT_URL="http://127.0.0.1:9", **keys)

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "http://127.0.0.1:9" in result.stderr


def test_asking_for_help_does_not_wait_for_the_aws_sdk() -> None:
    code = "import sys, keyturn.cli.app; print('\\n'.join(sys.modules))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {"boto3", "botocore", "moto", "marshmallow", "jinja2"}.isdisjoint(loaded)


def test_whoever_reads_only_the_beginning_is_no_failure_worth_a_trace() -> None:
    head = f"{KEYTURN} plan --help | head -1"

    result = subprocess.run(
        ["/bin/sh", "-c", head], env=NO_AWS, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in result.stderr


def test_every_secret_stays_out_of_sight() -> None:
    terminal = Terminal(*RUN, *TELLING, "--yes", "--verbose")

    assert terminal.end() == 0
    assert not re.search(r"(?<![\w/+=])[\w/+]{40}(?![\w/+=])", terminal.shown)
