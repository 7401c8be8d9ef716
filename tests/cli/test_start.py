"""Where the command line starts: not installed whole it says so, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyturn import __version__
from keyturn.cli.app import app
from keyturn.cli.start import NEEDED
from keyturn_sandbox.demo import start as demo
from keyturn_sandbox.demo.start import NEEDED as NEEDED_BY_THE_DEMO


def started_without(module: str) -> "subprocess.CompletedProcess[str]":
    code = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['keyturn', 'version']\n"
        "from keyturn.cli.start import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", sorted(NEEDED))
def test_what_was_installed_in_part_says_what_is_missing(module: str) -> None:
    started = started_without(module)

    assert started.returncode == 2
    assert started.stderr == f"Error: {module}: not installed. Install Keyturn again\n"
    assert started.stdout == ""


def test_what_else_is_missing_is_no_matter_of_the_installation() -> None:
    started = started_without("keyturn.cli.options")

    assert started.returncode == 1
    assert "options" in started.stderr


def test_the_module_is_started_like_the_script() -> None:
    help_ = [
        subprocess.run([*start, "--help"], capture_output=True, text=True, check=True).stdout
        for start in (
            [sys.executable, "-m", "keyturn.cli"],
            [sys.executable, "-c", "from keyturn.cli.start import main; main()"],
        )
    ]

    assert help_[0] == help_[1]
    assert "Usage: keyturn [OPTIONS] COMMAND" in help_[0]


@pytest.mark.parametrize("command", ["run", "commands", "pause", "deploy", "doctor"])
def test_a_command_imports_nothing_that_only_the_functions_need(command: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, keyturn.cli.{command}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "aws_lambda_powertools" not in loaded.stdout.split()


def test_a_key_from_the_cache_needs_nothing_of_the_sdk() -> None:
    code = "import sys, keyturn.cli.app, keyturn.cli.credentials; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert {"boto3", "botocore"} & {*loaded.stdout.split()} == set()


@pytest.mark.parametrize("missing", NEEDED_BY_THE_DEMO)
def test_without_its_extra_the_demo_says_in_one_line_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == missing else name)

    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "demo")])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"the demo needs more ({missing} is missing): uv tool install, pipx install --force or "
        f"pip install './keyturn-{__version__}-py3-none-any.whl[sandbox]' "
        "(from an index 'keyturn[sandbox]')\n"
    )
    assert not (tmp_path / "demo").exists()
