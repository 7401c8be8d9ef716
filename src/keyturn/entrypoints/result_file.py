"""A file that is written whole or not at all, and known to be writable before the work begins."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from keyturn.domain.errors import InvalidValue


@contextmanager
def result_file(path: Path) -> Generator[TextIO]:
    """Open beside `path`, and take its place at the end; if the work fails, nothing is left."""
    with _refusing(path):
        target = path.resolve()
        if target.is_dir():
            raise InvalidValue("--output", path, "is a directory")
        if target.exists() and not os.access(target, os.W_OK):
            raise InvalidValue("--output", path, "is write-protected")
        in_place = target.exists() and not target.is_file()  # /dev/stdout, a pipe
        written = target if in_place else target.with_name(f".{target.name}.{os.getpid()}.part")
        file = written.open("w", encoding="utf-8")
    try:
        with _refusing(path):
            with file:
                yield file
            if not in_place:
                written.replace(target)
    finally:
        if not in_place:
            with suppress(OSError):
                written.unlink()


@contextmanager
def _refusing(path: Path) -> Generator[None]:
    try:
        yield
    except BrokenPipeError:  # of another file: whoever read standard output is gone
        raise
    except OSError as error:
        rule = f"cannot be written ({error.strerror or type(error).__name__})"
        raise InvalidValue("--output", path, rule) from None
