"""What an owner's machine needs from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from keyturn.own_machine.model.access_key import AccessKey, Caller

Sleep = Callable[[float], None]
"""Waits so many seconds."""


class SecretValues(Protocol):
    """Secrets Manager, as somebody who may read a secret sees it."""

    def read(self, secret: str) -> str:
        """
        The current value of a secret, by name or ARN.

        Raises NotFound where there is none or it has no value, Denied where we may not read it or
        not decrypt it, Refused where it is scheduled for deletion.
        """


class Identities(Protocol):
    """Who stands behind credentials, by sts:GetCallerIdentity, which no policy can deny."""

    def own(self) -> Caller:
        """Who asks."""

    def of_key(self, key: AccessKey) -> Caller:
        """
        Whose key it is.

        Raises NotFound where AWS knows no such key that is Active, WrongSecret where it knows
        another secret of the key.
        """


class KeyDates(Protocol):
    """IAM, as far as it says which of a user's keys is newer."""

    def of(self, user: str) -> Mapping[str, datetime]:
        """Key id → when it was made, UTC. Raises PortError where we may not see that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKey:
    """The key of a profile, and the file that holds it."""

    profile: str
    path: Path
    key: AccessKey
    is_clean: bool = True
    """Whether no token of a session stands beside it."""
    also_in: Path | None = None
    """Another file that holds a key of this profile, which the SDKs do not read then."""


class ProfileFiles(Protocol):
    """The files of the AWS SDKs: shared credentials, and configuration."""

    def key_of(self, profile: str) -> ProfileKey:
        """
        The key that the profile has.

        Raises InvalidValue where there is no such profile, or none with a key; KeyturnError where
        its file cannot be read, or says two things.
        """

    def put(self, old: ProfileKey, new: AccessKey, at: datetime) -> Path:
        """
        Put a new key in the place of the old one, whole or not at all; gives the copy of the file
        as it was before.

        Raises KeyturnError where the file cannot be written, or was changed since it was read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedKey:
    """A delivered key, and when it was read, UTC."""

    key: AccessKey
    at: datetime


class KeyCache(Protocol):
    """One delivered key, kept on this machine."""

    def read(self) -> CachedKey | None:
        """What is kept; None: nothing, or nothing that we can trust."""

    def write(self, kept: CachedKey) -> None:
        """Keep it. Raises KeyturnError where it cannot be written."""
