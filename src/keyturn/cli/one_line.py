"""What went wrong, in one line: no command ends in a stack trace."""

import re
import sys
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any

import typer

from keyturn.cli.beside import Level, manner, say
from keyturn.cli.configured import CONFIGURED, Configured, in_its_words
from keyturn.cli.exit_codes import BAD_USAGE, FAILED, INTERRUPTED
from keyturn.cli.given import in_options_words
from keyturn.cli.once import OnceGroup
from keyturn.cli.streams import answered
from keyturn.domain.errors import InvalidValue, KeyturnError, MissingExtra

_HINTS = (
    (r"^NoCredentialsError", "no AWS credentials were found: give --profile, or set AWS_PROFILE"),
    (r"ExpiredToken|SSOTokenLoadError|UnauthorizedSSOToken|TokenRetrieval", "{}; sign in again"),
    (r"InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch", "{}; sign in again"),
)
"""What helps, where AWS's own words do not say it."""
_NO_HOME = "Could not determine home directory."
"""In Python's words: libraries look for a home folder, too, as `--install-completion` does."""


class OneLine(OnceGroup):
    """Answers whatever went wrong with one line, and leaves with its code."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ANN401 -- as Typer has it
        """Run a command to its end, whatever becomes of its output."""
        code = answered(partial(self._code, *args, standalone_mode=False, **extra))
        if standalone_mode:
            sys.exit(code)
        return code

    def _code(self, *args: Any, **extra: Any) -> int:  # noqa: ANN401 -- as above
        CONFIGURED.set(Configured())  # a process may carry out several
        try:
            code = super().main(*args, **extra)
        except typer.TyperException as error:
            return _complain(error.format_message(), error.exit_code)
        except InvalidValue as error:
            return _complain(in_its_words(in_options_words(error)), BAD_USAGE)
        except KeyturnError as error:
            _debug(error)
            code = BAD_USAGE if isinstance(error, MissingExtra) else FAILED
            return _complain(_with_advice(str(error)), code)
        except typer.Abort:
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001 -- the last catch: nobody needs a trace here
            _debug(error)
            return _complain(unforeseen(error), FAILED)
        if code == INTERRUPTED:  # Typer makes it of a KeyboardInterrupt
            _complain("interrupted", INTERRUPTED)
        return code if isinstance(code, int) else 0


def unforeseen(error: Exception) -> str:
    """
    Name what nobody thought of: this machine said no, or it is a fault of Keyturn's own.

    That is named by its kind and place; its message could hold anything.
    """
    if isinstance(error, OSError) and error.strerror:
        name = f": {error.filename}" if error.filename else ""
        return f"this machine: {error.strerror}{name}"
    if isinstance(error, MemoryError):
        return "this machine: out of memory"
    if isinstance(error, RuntimeError) and str(error) == _NO_HOME:
        return "this machine: your user has no home folder: set HOME to one"
    place = extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"{type(error).__name__} at {where}: this is a bug of Keyturn's"


def _complain(line: str, code: int) -> int:
    say(line, Level.ERROR)
    return code


def _debug(error: Exception) -> None:
    if manner().debugs:
        from keyturn.cli.debug_log import say_where_from  # noqa: PLC0415 -- it loads the SDK

        say_where_from(error)


def _with_advice(line: str) -> str:
    for pattern, advice in _HINTS:
        if re.search(pattern, line):
            return advice.format(line)
    return line
