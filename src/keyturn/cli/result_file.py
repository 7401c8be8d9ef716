"""A file that is written whole or not at all, and known to be writable before the work begins."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyturn.domain.errors import InvalidValue, KeyturnError


@contextmanager
def result_file(path: Path, *, option: str = "--output") -> Generator[Callable[[str], None]]:
    """
    Open a file beside `path`; what it gives puts the answer there, and the file in its place.

    If the work fails before that, nothing is left. option: what named the path.
    Raises InvalidValue where it cannot be written, KeyturnError where that shows only at the end.
    """
    with refusing(path, option=option):
        target = path.resolve()
        if target.is_dir():
            raise InvalidValue(option, path, "is a directory")
        if target.exists() and not os.access(target, os.W_OK):
            raise InvalidValue(option, path, "is write-protected")
        in_place = target.exists() and not target.is_file()  # /dev/stdout, a pipe
        written = target if in_place else target.with_name(f".{target.name}.{os.getpid()}.part")
        file = written.open("w", encoding="utf-8", newline="\n")

    def put(text: str) -> None:
        with refusing(path, begun=True, option=option):
            with file:
                file.write(text)
            if not in_place:
                written.replace(target)

    try:
        yield put
    finally:
        with suppress(OSError):
            file.close()
        if not in_place:
            with suppress(OSError):
                written.unlink()


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
