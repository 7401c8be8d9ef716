"""Where the command line starts: without its extra it says so, and nothing else."""

import subprocess
import sys

import pytest

from keyturn.entrypoints.start import NEEDED


def started_without(module: str) -> "subprocess.CompletedProcess[str]":
    code = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['keyturn', 'version']\n"
        "from keyturn.entrypoints.start import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", sorted(NEEDED))
def test_without_its_extra_the_command_line_says_what_to_install(module: str) -> None:
    started = started_without(module)

    assert started.returncode == 2
    assert started.stderr == ("Error: the command line needs more: pip install 'keyturn[cli]'\n")
    assert started.stdout == ""


def test_what_else_is_missing_is_no_matter_of_the_extra() -> None:
    started = started_without("keyturn.entrypoints.cli_options")

    assert started.returncode == 1
    assert "cli_options" in started.stderr
