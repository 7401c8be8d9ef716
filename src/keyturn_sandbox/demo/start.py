"""
The door of `keyturn demo`: the one that the command line knows.

It imports nothing of the extra `sandbox` before it has looked whether that is installed, and
nothing that moto has a part in before the user's settings are out of reach.
"""

from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from keyturn import __version__
from keyturn.domain.errors import InvalidValue, MissingExtra
from keyturn_sandbox.demo.folder import DemoFolder
from keyturn_sandbox.emulator.hermetic import hermetic

NEEDED = ("aws_lambda_powertools", "moto", "time_machine")
"""The modules that come with the extra `sandbox`."""
INSTALL = (
    "uv tool install, pipx install --force or pip install "
    f"'./keyturn-{__version__}-py3-none-any.whl[sandbox]' (from an index 'keyturn[sandbox]')"
)
PROMISES = 12
"""How many are checked; nothing is imported for the number, for moto comes with it."""


def start(output: Path, days: int, seed: int, plant: int | None) -> int:
    """
    Check what was asked for and where it goes, then play; 0 if all promises held.

    Raises InvalidValue if it cannot be played as asked, MissingExtra if not at all.
    """
    if days < 1:
        raise InvalidValue("--days", days, "must be at least 1 day")
    if plant is not None and not 1 <= plant <= PROMISES:
        raise InvalidValue("--plant", plant, f"must be a promise's number, 1 to {PROMISES}")
    if str(output) == "-":
        raise InvalidValue("--output", output, "must be a folder: a demo is many files")
    for module in NEEDED:
        if find_spec(module) is None:
            raise MissingExtra(f"the demo needs more ({module} is missing): {INSTALL}")
    folder = DemoFolder(output)
    folder.check(days)
    with hermetic():
        from keyturn_sandbox.demo.command import demo  # noqa: PLC0415 -- it needs the extra

        return demo(folder, days, seed, plant, Console())
