"""Start the command line from a shell, or say what it lacks: the functions carry none of it."""

import sys
from importlib.util import find_spec

from keyturn import __version__
from keyturn.cli.exit_codes import BAD_USAGE
from keyturn.cli.streams import answered

NEEDED = frozenset({"rich", "typer"})
"""The modules that no function has, and that pip leaves out if it is told `--no-deps`."""


def main() -> None:
    """Start the command line; where it was not installed whole, one line and exit code 2."""
    if sys.argv[1:] == ["--version"]:  # scripts ask; it needs no half a second of loading
        sys.exit(answered(_say_version))
    if missing := sorted(each for each in NEEDED if not _is_there(each)):
        sys.stderr.write(f"Error: {', '.join(missing)}: not installed. Install Keyturn again\n")
        sys.exit(BAD_USAGE)
    from keyturn.cli.app import app  # noqa: PLC0415 -- it needs what was looked for

    app(prog_name="keyturn")


def _say_version() -> int:
    sys.stdout.write(f"keyturn {__version__}\n")
    return 0


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # it was switched off
        return False
