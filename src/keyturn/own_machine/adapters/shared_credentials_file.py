"""
`~/.aws/credentials` and `~/.aws/config`, read and changed.

The AWS SDKs read the shared credentials first. A file is replaced by another that is whole on
the disk, beside a copy of how it was; a symbolic link is followed, and stays.
"""

import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn.domain.names import KEY_ID
from keyturn.own_machine.adapters.private_files import (
    OWNER_ALONE,
    give_to_owner_of,
    sync_folder,
    write_whole,
)
from keyturn.own_machine.model.access_key import LONG_TERM, AccessKey
from keyturn.own_machine.model.profile_lines import (
    ID,
    OTHER_WAYS,
    SECRET,
    TOKENS,
    Section,
    section_of,
    with_key,
)
from keyturn.own_machine.ports import ProfileKey

_MOST_COPIES = 100
"""Of one second."""


class SharedCredentialsFile:
    """Meets `own_machine.ports.ProfileFiles`."""

    def __init__(self, credentials: Path, config: Path) -> None:
        self._credentials = credentials
        self._config = config

    def key_of(self, profile: str) -> ProfileKey:
        """The key that the profile has."""
        found = [
            (path, section)
            for path in (self._credentials, self._config)
            if (section := section_of(_read(path), self._headers(path, profile))) is not None
        ]
        if not found:
            where = f"is in neither {self._credentials} nor {self._config}"
            raise InvalidValue("--profile", profile, where)
        with_keys = [(path, section) for path, section in found if section.get(ID) is not None]
        if not with_keys:
            raise InvalidValue("--profile", profile, _why_none(section for _, section in found))
        path, section = with_keys[0]
        return ProfileKey(
            profile=profile,
            path=path,
            key=_key(profile, section),
            is_clean=not any(section.get(token) for token in TOKENS),
            also_in=with_keys[1][0] if with_keys[1:] else None,
        )

    def put(self, old: ProfileKey, new: AccessKey, at: datetime) -> Path:
        """Put a new key in the place of the old one; gives the copy of the file as it was."""
        target = Path(os.path.realpath(old.path))
        headers = self._headers(old.path, old.profile)
        with _refusing(target):
            before = target.read_bytes()
            there = section_of(_text(before, target), headers)
            if there is None or _key(old.profile, there) != old.key:
                raise KeyturnError(f"{target} was changed meanwhile: run the command again")
            if not os.access(target, os.W_OK):
                raise KeyturnError(f"{target} is write-protected: nothing was changed")
            after = with_key(_text(before, target), headers, new).encode(errors="surrogateescape")
            copy = _copy(target, before, at)
            try:
                _replace(target, before, after)
            except BaseException:
                copy.unlink()
                raise
        return copy

    def _headers(self, path: Path, profile: str) -> Sequence[str]:
        """How the profile's section may be called in that file."""
        if path == self._credentials:
            return (profile,)
        named = (f"profile {profile}", f'profile "{profile}"', f"profile '{profile}'")
        return (profile, *named) if profile == "default" else named


def _key(profile: str, section: Section) -> AccessKey:
    """Raises InvalidValue where the section's key is no user's."""
    key_id, secret = section.get(ID), section.get(SECRET)
    name = key_id.value.strip() if key_id else ""
    if not KEY_ID.fullmatch(name):
        raise InvalidValue("--profile", profile, f"its {ID} is no access key's id")
    if not name.startswith(LONG_TERM):
        rule = f"holds {name}, the credentials of a session, and no IAM user's access key"
        raise InvalidValue("--profile", profile, rule)
    return AccessKey(key_id=name, secret=secret.value.strip() if secret else "")


def _why_none(sections: Generator[Section]) -> str:
    """Why a profile has no key: what it has instead."""
    settings = {setting.name for section in sections for setting in section.settings}
    other = next((each for each in OTHER_WAYS if each in settings), None)
    if other is None:
        return f"has no {ID}"
    return f"has no {ID}; its credentials come by {other}. Give the profile that holds the key"


def _read(path: Path) -> str:
    try:
        return _text(path.read_bytes(), path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise KeyturnError(f"{path} cannot be read ({error.strerror})") from error


def _text(content: bytes, path: Path) -> str:
    """A file as text, from which the same bytes can be made again."""
    if b"\0" in content:
        raise KeyturnError(f"{path} is not in UTF-8: no AWS SDK reads it")
    return content.decode(errors="surrogateescape")


def _copy(target: Path, content: bytes, at: datetime) -> Path:
    """Write a copy beside the file, under a name that nothing has."""
    name = f"{target.name}.keyturn-{at:%Y%m%dT%H%M%SZ}"
    for number in range(_MOST_COPIES):
        path = target.with_name(f"{name}{f'-{number}' if number else ''}.bak")
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ALONE)
            try:
                write_whole(descriptor, content)
            except BaseException:
                path.unlink()
                raise
            return path
    raise KeyturnError(f"{target}: there are {_MOST_COPIES} copies of this second")


def _replace(target: Path, before: bytes, after: bytes) -> None:
    """Put other content in the place of the file: all of it, or nothing."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    written = Path(name)
    try:
        give_to_owner_of(target, descriptor)
        write_whole(descriptor, after)
        _check_unchanged(target, before)
        written.replace(target)
    except BaseException:
        with suppress(OSError):
            written.unlink()
        raise
    sync_folder(target.parent)


def _check_unchanged(target: Path, before: bytes) -> None:
    """Raises KeyturnError where somebody wrote the file in the meantime: theirs would be lost."""
    if target.read_bytes() != before:
        raise KeyturnError(f"{target} was changed meanwhile: run the command again")


@contextmanager
def _refusing(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise KeyturnError(f"{path} cannot be written ({error.strerror})") from error
