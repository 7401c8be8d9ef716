"""A file that is written whole or not at all, and known to be writable before the work begins."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from keyturn.domain.errors import InvalidValue, KeyturnError

_DEVICES: Final = Path("/dev")
_OF_PROCESSES: Final = Path("/proc")
"""Where /dev/fd leads on Linux."""


@contextmanager
def result_file(path: Path, *, option: str = "--output") -> Generator[Callable[[str], None]]:
    """
    Open a file beside `path`; what it gives puts the answer there, and the file in its place.

    If the work fails before that, nothing is left. A name that is a link is refused: whoever wrote
    the folder chose where it leads. option: what named the path.
    Raises InvalidValue where it cannot be written, KeyturnError where that shows only at the end.
    """
    with refusing(path, option=option):
        refuse_link(path, option=option)
        if path.is_dir():
            raise InvalidValue(option, path, "is a directory")
        if path.exists() and not os.access(path, os.W_OK):
            raise InvalidValue(option, path, "is write-protected")
        in_place = _is_a_device(path) or (path.exists() and not path.is_file())  # a pipe
        # Nobody can have put a link there beforehand: the name is not known, and must be free.
        beside = path.with_name(f".{path.name}.{token_hex(4)}.part")
        written, mode = (path, "a") if in_place else (beside, "x")
        file = written.open(mode, encoding="utf-8", newline="\n")

    def put(text: str) -> None:
        with refusing(path, begun=True, option=option):
            with file:
                file.write(text)
            if not in_place:
                written.replace(path)

    try:
        yield put
    finally:
        with suppress(OSError):
            file.close()
        if not in_place:
            with suppress(OSError):
                written.unlink()


def refuse_link(path: Path, *, option: str) -> None:
    """Raises InvalidValue for the name of a link, but for the system's own: /dev/stdout."""
    if path.is_symlink() and not _is_a_device(path):
        raise InvalidValue(option, path, "is a link: name the file that it leads to")


def _is_a_device(path: Path) -> bool:
    """Whether it is the system's own name of what is open, such as /dev/stdout or /dev/fd/63."""
    folder = path.absolute().parent.resolve()
    is_systems = folder in {_DEVICES, _DEVICES / "fd"} or _OF_PROCESSES in folder.parents
    return is_systems and path.exists()


def check_apart(**named: Path | None) -> None:
    """
    Look whether each of these options names a file of its own; the name of each: its option's.

    Raises InvalidValue where two name one file, however they spell it: one would be lost. Names
    that differ in case alone are one file on macOS and Windows.
    """
    options: dict[str, str] = {}
    for name, path in named.items():
        if path is None:
            continue
        option = f"--{name}"
        with refusing(path, option=option):
            target = path.resolve()
            if target.exists() and not target.is_file():  # /dev/stdout, a pipe
                continue
        file = str(target).casefold()
        if file in options:
            raise InvalidValue(option, path, f"is the file of {options[file]}, too")
        options[file] = option


@contextmanager
def refusing(path: Path, *, begun: bool = False, option: str = "--output") -> Generator[None]:
    """
    Say in one line that `path` cannot be written.

    Raises InvalidValue before work has begun, KeyturnError once it has: then it is a failure.
    """
    try:
        yield
    except BrokenPipeError:
        pass  # whoever reads it has read enough
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError, in Python 3.11
        rule = f"cannot be written ({getattr(error, 'strerror', None) or type(error).__name__})"
        if begun:
            raise KeyturnError(f"{option} {path}: {rule}") from error
        raise InvalidValue(option, path, rule) from None
