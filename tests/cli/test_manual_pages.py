"""The pages for `man`, as man shows them."""

import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
from typer.testing import CliRunner

from keyturn.cli.app import app
from tests.cli.test_docs import COMMANDS, options

WIDE = "200"
TOP = [command for command in COMMANDS if command and " " not in command]
OVERSTRUCK = re.compile(r".\x08|\x1b\[[\d;]*m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man") / "man1"

    result = CliRunner().invoke(app, ["help", "--man", str(folder)])

    assert result.output == f"Wrote {len(COMMANDS)} pages into {folder}: man keyturn\n"
    return folder


def page_of(command: str) -> str:
    return f"{'-'.join(('keyturn', *command.split()))}.1"


def test_there_is_a_page_for_each_command(folder: Path) -> None:
    assert {each.name for each in folder.iterdir()} == set(map(page_of, COMMANDS))


def test_each_page_has_all_that_help_names(folder: Path) -> None:
    for command, about in COMMANDS.items():
        text = (folder / page_of(command)).read_text().replace("\\-", "-")
        first = " ".join((about.help or "").split("\n\n")[0].split())

        assert first.split("'")[0].split("`")[0] in text, command
        for option in options(command):
            assert re.search(rf"[ ,B]{option}[ ,\\]", text), f"{command} {option}"


@pytest.mark.skipif(which("man") is None, reason="no man is installed")
@pytest.mark.parametrize("command", ["", "plan", "exemptions review"])
def test_man_shows_it_and_finds_no_fault(folder: Path, command: str) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(folder / page_of(command))],  # noqa: S607 -- whichever is installed
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "MANWIDTH": WIDE, "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""},
    )

    text = OVERSTRUCK.sub("", done.stdout)
    assert done.stderr == ""
    assert f"keyturn {command}".strip() in text
    for option in options(command):
        assert re.search(rf"[ ,]{option}[ ,\n]", text), option


@pytest.mark.skipif(which("man") is None, reason="no man is installed")
def test_man_finds_it_after_the_line_of_the_manual(tmp_path: Path) -> None:
    """What uv and pipx install stands in ~/.local/bin; man looks beside what is on PATH."""
    at_home = tmp_path / ".local" / "share" / "man" / "man1"
    (tmp_path / ".local" / "bin").mkdir(parents=True)
    CliRunner().invoke(app, ["help", "--man", str(at_home)])

    found = subprocess.run(
        ["man", "-w", "keyturn", "keyturn-plan"],  # noqa: S607 -- whichever is installed
        capture_output=True,
        check=True,
        text=True,
        env={"PATH": f"{tmp_path}/.local/bin:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )

    assert found.stdout.split() == [f"{at_home}/keyturn.1", f"{at_home}/keyturn-plan.1"]


@pytest.mark.skipif(which("mandoc") is None, reason="no mandoc is installed, the man of macOS")
def test_mandoc_finds_no_fault_in_any_page(folder: Path) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *sorted(folder.iterdir())],  # noqa: S607 -- whichever is installed
        capture_output=True,
        check=False,
        text=True,
    )

    # A page says its version, and no date: it is made when somebody asks for it.
    faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert faults == []
    assert done.stdout


def test_what_roff_would_take_for_something_else_is_shown_as_it_is(folder: Path) -> None:
    text = (folder / "keyturn-plan.1").read_text()

    assert "--profile" not in text  # a hyphen that man may set as another character
    assert r"\-\-profile" in text
    assert "\\[u2026]" in text
    assert not re.search(r"^[.'](?!TH|SH|PP|TP|nh|ad)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["plan", "--man", "x"], "COMMAND plan: goes without --man"),
        (["--man", ""], "--man: must be a folder"),
        (["--man", "/dev/null"], "--man /dev/null: must be a folder"),
        (["--man", "/dev/null/x"], "--man /dev/null/x: cannot be written (Not a directory)"),
        (["plans"], f"COMMAND plans: must be one of {', '.join(TOP)}"),
        (["owners", "shows"], "COMMAND shows: must be one of check, reachable, show"),
        (["plan", "show"], "COMMAND plan: has no commands below it"),
    ],
)  # fmt: skip
def test_bad_input_of_help_is_one_line(typed: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["help", *typed])

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{said}\n")


def test_help_explains_a_command_below_another() -> None:
    helped = CliRunner().invoke(app, ["help", "owners", "show"])

    assert helped.exit_code == 0
    assert helped.output == CliRunner().invoke(app, ["owners", "show", "--help"]).output
