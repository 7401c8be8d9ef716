"""
The folder of a demo: it replaces what an earlier demo wrote there, and nothing else.

What a demo wrote, and as what, stands in a manifest beside it. Whatever else bears one of the
names that a demo needs is somebody's: it is named before the days are played, and stays.
"""

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile

from keyturn.cli.result_file import refusing
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.reading import read_json

MANIFEST = ".keyturn-demo.json"
MAILS = "mails"
_PAGES = (
    "index.html",
    "weekly.html",
    "monthly.html",
    "notices.html",
    "notices.csv",
    "plan.json",
    "keyturn.log",
)
_MAIL = re.compile(r"\d{4,}\.(html|txt)|index\.html")
_A_DAY = 400_000
_AT_LEAST = 4_000_000
"""Bytes that a demo needs on a disk, generously."""


class DemoFolder:
    """A folder that is looked over before a demo, and filled after it."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is touched yet."""
        self.path = path

    def check(self, days: int) -> None:
        """Make it. Raises InvalidValue where something would be in the way after so many days."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = "is no folder" if os.path.lexists(self.path) else "cannot be made"
            rule = f"{what} ({error.strerror}). Give another folder: -o FOLDER"
            raise InvalidValue("--output", self.path, rule) from None
        with refusing(self.path):
            self._earlier()
            for folder in (self.path, self.path / MAILS):
                if folder.exists():
                    with TemporaryFile(dir=folder):
                        pass  # it can be written to
            free, needed = shutil.disk_usage(self.path).free, _AT_LEAST + days * _A_DAY
        if free < needed:
            demo = f"a demo of {pluralize(days, 'day')}"
            rule = f"has no room: {demo} needs {needed >> 20} MB, {free >> 20} MB are free"
            raise InvalidValue("--output", self.path, rule)

    def write(self, files: Mapping[str, str]) -> None:
        """Put these files (path below the folder → text) in the place of an earlier demo's."""
        bodies = {name: text.encode() for name, text in files.items()}
        hashes = {name: sha256(body).hexdigest() for name, body in bodies.items()}
        with refusing(self.path, begun=True):
            for old in self._earlier():  # looked over again: that was minutes ago
                old.unlink()
            (self.path / MAILS).mkdir(exist_ok=True)
            manifest = json.dumps({"version": 1, "files": hashes}, indent=1)
            for name, body in {MANIFEST: manifest.encode(), **bodies}.items():
                _create(self.path / name, body)

    def _earlier(self) -> list[Path]:
        """What an earlier demo wrote and nobody changed; refused: anything else in the way."""
        hashes = _written_by(self.path / MANIFEST)
        earlier = []
        for path in self._in_the_way():
            name = path.relative_to(self.path).as_posix()
            is_manifest = name == MANIFEST and hashes is not None
            if not (is_manifest or (hashes and _hash(path) == hashes.get(name))):
                rule = f"{name} is in the way: no demo wrote it as it is. Give another folder"
                raise InvalidValue("--output", self.path, rule)
            earlier.append(path)
        return earlier

    def _in_the_way(self) -> Iterator[Path]:
        """Whatever bears a name that a demo needs."""
        for name in (*_PAGES, MANIFEST):
            if _is_there(self.path / name):
                yield self.path / name
        mails = self.path / MAILS
        if not _is_there(mails):
            return
        if not stat.S_ISDIR(mails.lstat().st_mode):
            rule = f"{MAILS} is in the way: it is no folder. Give another folder"
            raise InvalidValue("--output", self.path, rule)
        yield from (each for each in sorted(mails.iterdir()) if _MAIL.fullmatch(each.name))


def _is_there(path: Path) -> bool:
    """Whether anything has this name, even a link to nowhere."""
    return path.is_symlink() or path.exists()


def _written_by(manifest: Path) -> Mapping[str, str] | None:
    """The hash of each file that an earlier demo wrote; None if no manifest says so."""
    try:
        files = read_json(_read(manifest) or b"")["files"]
        return {str(name): str(sum_) for name, sum_ in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _hash(path: Path) -> str | None:
    body = _read(path)
    return None if body is None else sha256(body).hexdigest()


def _read(path: Path) -> bytes | None:
    """A file's content; None of what is no file, or a link to one."""
    if not _is_there(path) or not stat.S_ISREG(path.lstat().st_mode):
        return None
    return path.read_bytes()


def _create(path: Path, body: bytes) -> None:
    """Make a file that is not there: never over another one, never through a link."""
    with path.open("xb") as file:
        try:
            file.write(body)
            file.flush()
        except BaseException:
            path.unlink()  # half a file would be taken for somebody's
            raise
