"""Files that were exported: as they are, or compressed by gzip, one or a folder of them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from keyturn.domain.errors import InvalidValue
from keyturn.domain.reading import LARGEST, NotReadableError, read_json

_GZIP: Final = b"\x1f\x8b"
LONGEST_LINE: Final = 8 * 1024 * 1024
"""Characters; what is longer is cut there, and then it is nothing that can be read."""


def exported(path: Path, option: str) -> Iterator[tuple[str, str]]:
    """
    The lines of a file, or of every file of a folder: where each is, and its text.

    A file that is one JSON document over several lines comes as one. What is no text comes with
    marks in its place. Raises InvalidValue where there is nothing, or it cannot be opened.
    """
    try:
        found = path.rglob("*") if path.is_dir() else (path,)
        for each in sorted(each for each in found if not each.is_dir()):
            yield from _lines(each)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or "it is cut off"
        raise InvalidValue(option, path, f"cannot be read ({why})") from None


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
    with gzip.open(path) if is_compressed else path.open("rb") as file:
        first = _next(file)
        if first is not None and not _is_json(first):
            rest = file.read(LARGEST + 1 - len(first))
            if _is_json(whole := first + rest):
                yield str(path), _text(whole)
                return
            for number, line in enumerate((first + rest).splitlines(), start=1):
                if line.strip():
                    yield f"{path}:{number}", _text(line)
            return
        number = 1
        while first is not None:
            if first.strip():
                yield f"{path}:{number}", _text(first)
            first, number = _next(file), number + 1


class _Lines(Protocol):
    def readline(self, size: int, /) -> bytes: ...


def _next(file: _Lines) -> bytes | None:
    return file.readline(LONGEST_LINE) or None


def _is_json(text: bytes) -> bool:
    try:
        read_json(text)
    except NotReadableError:
        return False
    return True


def _text(line: bytes) -> str:
    return line.decode("utf-8-sig", errors="replace").strip()
