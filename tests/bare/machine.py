"""A machine on which nothing of Keyturn is: a HOME, a Python, uv, and the wheel in a folder."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.canary import see

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where somebody types; what they type finds nothing of this checkout."""

    home: Path
    environment: Mapping[str, str]

    @property
    def work(self) -> Path:
        """The folder that they are in."""
        return self.home / "work"

    def try_to(
        self, line: str, shell: str = "bash", **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Type a line into a shell."""
        done = subprocess.run(
            [shell, "-c", line],
            cwd=self.work,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        see("a bare machine", done.stdout + done.stderr)
        return done

    def type(self, line: str, shell: str = "bash", **more: str) -> str:
        """Type a line that has to succeed; what it printed."""
        done = self.try_to(line, shell, **more)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def python_of(version: str) -> Path | None:
    """A Python of this version that runs, and can make environments; a name proves nothing."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates: list[str | Path] = [f"python{version}", *pyenv.glob(f"{version}.*/bin/python")]
    asked = (
        "import ensurepip, sys, venv; print(*sys.version_info[:2], sep='.'); print(sys.executable)"
    )
    for each in candidates:
        try:
            done = subprocess.run([each, "-c", asked], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        said, executable = done.stdout.splitlines()
        if said == version:
            return Path(executable)
    return None


def machine(folder: Path, python: Path, wheel: Path) -> Machine:
    """Make one with this Python, called python3 there."""
    home, tools = folder / "home", folder / "tools"
    (home / "work").mkdir(parents=True)
    tools.mkdir()
    shutil.copy(wheel, home / "work")
    (tools / "python3").symlink_to(python)
    (tools / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return Machine(
        home=home,
        environment={
            "PATH": ":".join([f"{home}/.local/bin", str(tools), *SYSTEM]),
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "200",
            **the_network_here(),
            "UV_PYTHON": str(python),
            "UV_PYTHON_DOWNLOADS": "never",
            # What was fetched for `make setup` is not fetched again, and is what uv.lock names.
            "UV_CACHE_DIR": uv("cache", "dir").strip(),
            "UV_CONSTRAINT": str(constraints(folder)),
            "PIP_CONSTRAINT": str(constraints(folder)),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
    )


def the_network_here() -> Mapping[str, str]:
    """How this machine reaches an index: proxies, certificates, mirrors."""
    told = re.compile(
        r"UV_(?!PROJECT)|PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE
    )
    files = {
        "PIP_CONFIG_FILE": Path.home() / ".config" / "pip" / "pip.conf",
        "UV_CONFIG_FILE": Path.home() / ".config" / "uv" / "uv.toml",
    }
    there = {name: str(path) for name, path in files.items() if path.is_file()}
    return there | {name: value for name, value in os.environ.items() if told.match(name)}


def constraints(folder: Path) -> Path:
    """The versions that uv.lock names, whoever installs them."""
    path = folder / "constraints.txt"
    if not path.exists():
        given = ("--quiet", "--frozen", "--no-hashes", "--no-emit-project", "--no-annotate")
        path.write_text(uv("export", *given, "--no-header", "--no-dev", "--all-extras"))
    return path


def uv(*args: str) -> str:
    """What our own uv answers."""
    command = [str(Path(sys.executable).with_name("uv")), *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
