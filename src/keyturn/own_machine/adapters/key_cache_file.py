"""
One delivered key in a file of its owner's alone.

A file that others could have written is as none: who plants one would have programs work with a
key of theirs.
"""

import json
import os
import stat
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from keyturn.domain.errors import KeyturnError
from keyturn.domain.reading import read_json
from keyturn.domain.tag_text import format_utc
from keyturn.own_machine.adapters.private_files import NO_LINK, is_open_to_others, is_ours
from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.ports import CachedKey

VERSION = 1


class KeyCacheFile:
    """Meets `own_machine.ports.KeyCache`."""

    def __init__(self, path: Path | None) -> None:
        """path: None where this machine has no folder for it."""
        self._path = path

    def read(self) -> CachedKey | None:
        """What is kept; None: nothing, or nothing that we can trust."""
        if self._path is None:
            return None
        try:
            with os.fdopen(os.open(self._path, os.O_RDONLY | NO_LINK), "rb") as file:
                if not _is_ours_alone(os.fstat(file.fileno())):
                    return None
                found: Any = read_json(file.read())
            if found["version"] != VERSION:
                return None
            key = AccessKey(key_id=str(found["AccessKeyId"]), secret=str(found["SecretAccessKey"]))
            at = datetime.fromisoformat(found["read_at"])
            return CachedKey(key=key, at=at) if at.tzinfo else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, kept: CachedKey) -> None:
        """Keep it, whole or not at all. Raises KeyturnError where it cannot be written."""
        if self._path is None:
            raise KeyturnError("the key is not kept: this user has no home folder")
        folder = self._path.parent
        try:
            folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
            _make_private(folder)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".")  # mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                    json.dump(_form(kept), file)
                Path(name).replace(self._path)
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            message = f"the key is not kept: {self._path} cannot be written ({error.strerror})"
            raise KeyturnError(message) from error


def _form(kept: CachedKey) -> dict[str, object]:
    return {
        "version": VERSION,
        "AccessKeyId": kept.key.key_id,
        "SecretAccessKey": kept.key.secret,
        "read_at": format_utc(kept.at),
    }


def _is_ours_alone(there: os.stat_result) -> bool:
    return stat.S_ISREG(there.st_mode) and is_ours(there) and not is_open_to_others(there)


def _make_private(folder: Path) -> None:
    """Raises KeyturnError where the folder is somebody else's: they could put files into it."""
    there = folder.stat()
    if not is_ours(there):
        raise KeyturnError(f"the key is not kept: {folder} is somebody else's")
    if is_open_to_others(there):
        folder.chmod(stat.S_IRWXU)
