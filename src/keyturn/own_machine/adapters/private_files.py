"""
What a file is made with that holds a secret: rights, owner, and that it is on the disk.

Windows has no mode and no user's number: there a file in the user's own folders is theirs alone
by what it inherits. So the rule is asked of the system, here and nowhere else.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

OWNER_ALONE: Final = stat.S_IRUSR | stat.S_IWUSR
"""Mode 0600."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
NO_LINK: Final[int] = getattr(os, "O_NOFOLLOW", 0)
"""Opens no symbolic link: it would have us read what somebody else chose."""


def own_number() -> int | None:
    """The number of the user that this process works as; None: users have none here."""
    if sys.platform == "win32":
        return None
    return os.geteuid()


def is_ours(there: os.stat_result) -> bool:
    """Whether a file or folder is our own user's, as far as the system says."""
    return own_number() in {None, there.st_uid}


def is_open_to_others(there: os.stat_result) -> bool:
    """Whether other users have any right to it, as far as its mode says."""
    return own_number() is not None and bool(there.st_mode & _OTHERS)


def give_to_owner_of(target: Path, descriptor: int) -> None:
    """Of a file that is not ours (root's work for somebody) the owner stays the same."""
    if sys.platform != "win32":
        there = target.stat()
        if not is_ours(there):
            os.fchown(descriptor, there.st_uid, there.st_gid)


def write_whole(descriptor: int, content: bytes) -> None:
    """Write and close a file, and come back when it is on the disk."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have a new name on the disk, too."""
    with suppress(OSError):  # Windows opens no folders; the file itself is on the disk
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
