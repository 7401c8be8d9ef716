"""What the house promises about itself, where no tool keeps watch."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "uv.lock").read_text()
LOCKED: dict[str, Any] = {package["name"]: package for package in tomllib.loads(LOCK)["package"]}

# Packages with compiled parts that they can do without.
SPED_UP = {"markupsafe"}


def what_the_product_runs_on() -> set[str]:
    """The packages that end in a Lambda's zip."""
    found: set[str] = set()
    waiting = ["keyturn"]
    while waiting:
        name = waiting.pop()
        needs = {need["name"] for need in LOCKED[name].get("dependencies", [])}
        waiting += needs - found
        found |= needs
    return found


def test_the_zip_holds_no_native_code_so_that_it_runs_on_every_processor() -> None:
    native = {
        name
        for name in what_the_product_runs_on()
        if not any(wheel["url"].endswith("-none-any.whl") for wheel in LOCKED[name]["wheels"])
    }

    assert "botocore" in what_the_product_runs_on()
    assert native <= SPED_UP


@pytest.mark.parametrize("lock", ["uv.lock", "tests/e2e/uv.lock"])
def test_everything_comes_from_pypi_and_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    hosts = set(re.findall(r'"https?://([^/"]+)', text))
    files = [
        file
        for package in tomllib.loads(text)["package"]
        for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    ]

    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    assert all(file["hash"].startswith("sha256:") for file in files)


def test_every_exception_to_a_tools_rule_has_its_reason_beside_it() -> None:
    exception = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no)(?P<rest>.*)")
    reason = re.compile(r"^(:\s*[\w, ]+?|\[[\w, -]+\])?\s+(#|-+)\s*\w+")

    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in ("src", "tests", "tools")
        for file in (ROOT / folder).rglob("*.py")
        if ".venv" not in file.parts
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if (found := exception.search(line)) and not reason.match(found["rest"])
    ]

    assert bare == []


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the one folder on PATH, on a machine without any Python."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def install(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return command


def choose(machine: Path, asked: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", ROOT / "tools" / "python.sh", asked],
        env={"PATH": str(machine), "HOME": str(machine.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


A_PYTHON = (
    f'[ -n "$2" ] && case "$2" in *print*) echo "$0" ;; *) exec {sys.executable} "$@" ;; esac'
)
A_SHIM = "exit 127"
WITHOUT_VENV = 'case "$2" in *venv*) exit 1 ;; esac'
TOO_OLD = "exit 1"


def test_the_newest_python_that_runs_is_taken(machine: Path) -> None:
    install(machine, "python3.13", A_SHIM)
    newest = install(machine, "python3.12", A_PYTHON)
    install(machine, "python3", A_PYTHON)

    assert choose(machine).stdout == f"{newest}\n"


def test_a_python_that_pyenv_holds_but_has_not_switched_on_is_taken(machine: Path) -> None:
    install(machine, "python3.13", A_SHIM)
    install(machine, "python3.11", A_PYTHON)
    held = install(machine.parent / ".pyenv/versions/3.13.0/bin", "python", A_PYTHON)

    assert choose(machine).stdout == f"{held}\n"


def test_the_python_that_is_asked_for_is_taken_or_none(machine: Path) -> None:
    install(machine, "python3.13", A_PYTHON)
    asked = install(machine, "python3.11", A_PYTHON)
    install(machine, "python3.9", TOO_OLD)

    assert choose(machine, "python3.11").stdout == f"{asked}\n"
    assert choose(machine, "python3.9").returncode == 1
    assert choose(machine, "python3.9").stdout == ""


def test_a_python_that_makes_no_environments_is_named_with_the_cure(machine: Path) -> None:
    install(machine, "python3", WITHOUT_VENV)

    answer = choose(machine)

    assert answer.returncode == 1
    assert answer.stderr == (
        "python3 cannot make a virtual environment. Debian, Ubuntu: apt install python3-venv\n"
    )
