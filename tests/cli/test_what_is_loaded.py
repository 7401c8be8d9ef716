"""How `keyturn` starts from a shell: what it loads of what it could (docs/decisions/0080)."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from keyturn import __version__
from keyturn.cli.start import NEEDED

# In a process of its own, as from a shell; what was loaded goes to standard error.
STARTED = """
import sys
from keyturn.cli.start import main
sys.argv = ["keyturn", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
TO_ASK_AWS = {"boto3", "botocore", "urllib3", "keyturn.wiring", "keyturn.settings"}
TO_WRITE = {"jinja2", "marshmallow", "yaml", "keyturn.mail.renderer"}
THE_RULE = {"keyturn.domain.decision", "keyturn.domain.lifecycle.decide", "keyturn.domain.events"}
OTHERS = {"aws_lambda_powertools", "asyncio", "moto", "keyturn_sandbox", "keyturn.deployment"}
ONLY_SOME_NEED = TO_ASK_AWS | TO_WRITE | THE_RULE | OTHERS

NO_PLAN_NEEDS = {
    "jinja2",
    "keyturn.adapters.channels.slack",
    "keyturn.channel_wiring",
    "keyturn.deployment.wiring",
    "keyturn.mail.renderer",
}


def started(*args: str) -> tuple[str, set[str]]:
    """What it says, and the modules that are loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", STARTED, *args], capture_output=True, text=True, check=True
    )
    return done.stdout, {*done.stderr.split()}


def test_every_module_named_here_is_one() -> None:
    assert {
        name for name in ONLY_SOME_NEED | NEEDED | NO_PLAN_NEEDS if find_spec(name) is None
    } == set()


def test_the_version_is_said_without_loading_the_command_line() -> None:
    said, loaded = started("--version")

    assert said == f"keyturn {__version__}\n"
    assert loaded & (ONLY_SOME_NEED | NEEDED | {"keyturn.cli.app", "importlib.metadata"}) == set()


@pytest.mark.parametrize("args", [("--help",), ("plan", "--help"), ("version",)])
def test_help_loads_nothing_that_only_a_command_needs(args: tuple[str, ...]) -> None:
    said, loaded = started(*args)

    assert "keyturn" in said
    assert "keyturn.cli.app" in loaded
    assert loaded & ONLY_SOME_NEED == set()


def test_a_plan_loads_no_deployment_and_no_channel_until_it_is_asked_for() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, keyturn.cli.run; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert {*loaded} & NO_PLAN_NEEDS == set()
    assert "keyturn.wiring" in loaded


def test_a_version_that_finds_no_room_is_a_failure_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "keyturn.cli", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "standard output: cannot be written (No space left on device)\n"
