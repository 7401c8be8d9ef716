"""Start the command line from a shell, or say what it lacks: the functions carry none of it."""

import sys

NEEDED = frozenset({"rich", "typer", "yaml"})
"""The modules that come with the extra `cli`."""


def main() -> None:
    """Start the command line; without its extra, one line and exit code 2."""
    try:
        from keyturn.entrypoints.cli import app  # noqa: PLC0415 -- it may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        sys.stderr.write("Error: the command line needs more: pip install 'keyturn[cli]'\n")
        sys.exit(2)
    app()
