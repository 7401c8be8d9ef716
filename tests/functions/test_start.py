"""What a function loads before its first event, and in it (docs/decisions/0080)."""

import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import pytest

import keyturn
from keyturn.cli.start import NEEDED
from tests.use_cases.harness import staged
from tools.package import HANDLERS

SOURCE = Path(keyturn.__file__).parent.parent

NO_FUNCTIONS = {
    *NEEDED,  # by the command line; no zip has it
    # Powertools' batches load every kind of event that AWS has, and asyncio.
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes",
    "asyncio",
    # botocore makes clients by itself; boto3 loads what moves files, in processes of its own.
    "boto3",
    "multiprocessing",
    "s3transfer",
    "yaml",
    "slack_sdk",
    "keyturn.adapters.local_evidence",
    "keyturn.adapters.local_owners_file",
    "keyturn.use_cases.simulate",
}
REPORTS = {"keyturn.domain.period_report", "keyturn.domain.way_out"}
MAILS = {"jinja2", "keyturn.mail.renderer", "keyturn.schemas.notices_due"}
RUNS = {"keyturn.use_cases.run_account", "keyturn.domain.lifecycle.decide"}
CHANNELS = {"keyturn.channel_wiring", "keyturn.adapters.channels.slack"}
NOT_LOADED = {
    "inventory": REPORTS | MAILS | RUNS | CHANNELS,
    "rotation": REPORTS | MAILS | CHANNELS | {"keyturn.use_cases.notify"},
    "notifier": RUNS | CHANNELS,
    "channels": RUNS - {"keyturn.domain.lifecycle.decide"},
    "reporter": MAILS | CHANNELS | RUNS - {"keyturn.domain.lifecycle.decide"},
}


def loaded_with(handler: str) -> set[str]:
    """The modules that Python has loaded when it has loaded the handler."""
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {handler}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {*loaded.stdout.split()}


def test_every_module_named_here_is_one() -> None:
    named = NO_FUNCTIONS.union(*NOT_LOADED.values())

    assert {name for name in named if find_spec(name) is None} == set()


@pytest.mark.parametrize(("function", "handler"), HANDLERS.items())
def test_a_function_loads_nothing_that_its_events_do_not_need(function: str, handler: str) -> None:
    assert (NO_FUNCTIONS | NOT_LOADED[function]) & loaded_with(handler) == set()


def test_a_rotation_runs_with_what_was_loaded_before_its_first_event() -> None:
    """For while Lambda starts a function, it has a whole processor; later a part of one."""
    ran: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            ran.add(frame.f_code.co_filename)

    with staged() as stage:
        stage.user("ann", 137)
        stage.user("bob", 12)
        stage.user("carl")
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            answer = stage.invoke()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    names = {
        Path(file).relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
        for file in ran
        if Path(file).is_relative_to(SOURCE / "keyturn")
    }
    assert [each["action"] for each in answer["decisions"]] == ["ROTATE", "KEEP"]
    assert "keyturn.adapters.secrets_manager" in names
    assert names - loaded_with(HANDLERS["rotation"]) == set()
