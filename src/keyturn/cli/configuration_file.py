"""
keyturn.toml: where it is looked for, whose it must be, and what it says on which line.

Whoever writes it may be a stranger: a cloned repository may hold one (decision 0088). What may
stand in it, allowed_keys.py says.
"""

import os
import stat
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from keyturn.domain.errors import InvalidValue

NAME: Final = "keyturn.toml"
MOST_BYTES: Final = 65_536
_ROOT: Final = 0
"""Root's user id: a file of root's is the machine's own."""
_LEAVE_OUT: Final = "name it by --config if you trust it, or leave it out by --no-config"

Words = tuple[str, ...]
"""The words of a command, and perhaps an option's name behind them."""


class Kind(StrEnum):
    """How we came by a file: that says how far it is trusted."""

    NAMED = "named"
    """By --config or KEYTURN_CONFIG: the operator means it."""
    FOUND = "found"
    """In this folder or above it: it came with whatever else is there."""
    OWN = "own"
    """In the user's folder for settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFile:
    """A file that was read; table: what it says, as TOML has it."""

    path: Path
    kind: Kind
    text: str
    table: Mapping[str, Any]

    def place(self, words: Words) -> str:
        """Where a key stands, as editors and compilers write it."""
        line = lines_of_keys(self.text).get(words)
        return f"{self.path}:{line}" if line else str(self.path)


def found_upwards() -> Path | None:
    """
    The nearest file in this folder or above it; in the user's home not beyond that.

    A link that leads nowhere is one, too: it is refused later, and not passed over.
    """
    try:
        here = Path.cwd()
    except OSError:  # somebody removed the folder
        return None
    home = _home()
    for folder in (here, *here.parents):
        if os.path.lexists(folder / NAME):
            return folder / NAME
        if folder == home:
            return None
    return None


def own_file() -> Path | None:
    """Where a file of this user's would be; None: the user has no home."""
    home, given = _home(), os.environ.get("XDG_CONFIG_HOME", "")
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA")
        base = Path(roaming) if roaming else home and home / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        base = home and home / "Library" / "Application Support"
    else:
        # https://specifications.freedesktop.org/basedir-spec: a relative one does not count.
        base = Path(given) if given.startswith("/") else home and home / ".config"
    return base / "keyturn" / NAME if base else None


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a container's user without a home
        return None


def read_file(path: Path, kind: Kind) -> ConfigurationFile:
    """Read a file. Raises InvalidValue, which names file, line and rule."""
    text = _text(path, _bytes(path, kind))
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, text, error) from None
    except RecursionError:
        raise InvalidValue(str(path), "", "is nested too deep") from None
    return ConfigurationFile(path=path, kind=kind, text=text, table=table)


def _bytes(path: Path, kind: Kind) -> bytes:
    """What is in it. A file that nobody named must be the user's, and changed by nobody else."""
    try:
        if kind is not Kind.NAMED:
            _check_owner(path)
        if path.is_dir():
            raise InvalidValue(str(path), "", "is a folder, and must be a file")
        if kind is not Kind.NAMED and not path.is_file():  # a pipe would have us wait for ever
            raise InvalidValue(str(path), "", "must be a file")
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        # A loop of links is a RuntimeError in Python 3.11, a NUL in the name a ValueError.
        why = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidValue(str(path), "", f"cannot be read ({why})") from None
    if len(body) > MOST_BYTES:
        raise InvalidValue(str(path), "", f"must be of at most {MOST_BYTES:,} bytes")
    return body


def _check_owner(path: Path) -> None:
    """As git and ssh do. Windows has no such modes: there nobody is asked."""
    if sys.platform == "win32":
        return
    for status in (os.lstat(path), os.stat(path)):  # noqa: PTH116 -- of the link, and of its end
        if status.st_uid not in {_ROOT, os.geteuid()}:
            rule = f"belongs to another user (uid {status.st_uid}), and is not read: {_LEAVE_OUT}"
            raise InvalidValue(str(path), "", rule)
    if status.st_mode & stat.S_IWOTH:
        rule = f"every user of this machine may change it, and it is not read: {_LEAVE_OUT}"
        raise InvalidValue(str(path), "", rule)


def _text(path: Path, body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")  # Notepad puts a mark before it
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise InvalidValue(f"{path}:{line}", "", "must be in UTF-8") from None
    return text.replace("\r\n", "\n")


def _not_toml(path: Path, text: str, error: tomllib.TOMLDecodeError) -> InvalidValue:
    """Say where; of the text nothing is repeated, for a secret may have got into it."""
    what, _, at = str(error).partition(" (at ")
    number = at.removeprefix("line ").partition(",")[0]
    line = int(number) if number.isdecimal() else text.count("\n") + (not text.endswith("\n"))
    if what == "Cannot overwrite a value":
        what = "this key is there twice"
    return InvalidValue(f"{path}:{max(line, 1)}", "", f"is no TOML: {what}")


def lines_of_keys(text: str) -> Mapping[Words, int]:
    """
    Key or section → the line on which it begins: tomllib does not say.

    Each statement is read by itself, for TOML ends none in the middle of a line or of another.
    """
    found: dict[Words, int] = {}
    section: Words = ()
    lines, began = text.split("\n"), 0
    for end in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[began:end]))
        except tomllib.TOMLDecodeError:
            continue  # it goes on behind this line
        is_heading = lines[began].lstrip().startswith("[")
        for each in _names(table):
            section = each if is_heading else section
            words = each if is_heading else (*section, *each)
            for length in range(1, len(words) + 1):
                found.setdefault(words[:length], began + 1)
        began = end
    return found


def _names(table: Mapping[str, Any], above: Words = ()) -> Iterator[Words]:
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _names(value, (*above, name))
        else:
            yield (*above, name)
