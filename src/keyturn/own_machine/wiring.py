"""
Which adapters stand behind an owner's machine.

What needs AWS's SDK is imported where it is made: a key from the cache is given without it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyturn.own_machine.adapters.key_cache_file import KeyCacheFile
from keyturn.own_machine.adapters.shared_credentials_file import SharedCredentialsFile
from keyturn.own_machine.delivered import PAUSES, ReadDelivered
from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.pick_up import PickUp
from keyturn.own_machine.ports import Identities, Sleep

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMachine:
    """What an owner's machine reaches with the credentials of a session."""

    session: "boto3.Session"
    sleep: Sleep = time.sleep

    def pick_up(self, files: SharedCredentialsFile) -> PickUp:
        """What puts a delivered key into a profile."""
        from keyturn.own_machine.adapters.key_dates import IamKeyDates  # noqa: PLC0415 -- as said

        return PickUp(
            identities=self._identities(),
            read_delivered=self.read_delivered(),
            key_dates=IamKeyDates(_client(self.session, "iam")),
            files=files,
        )

    def read_delivered(self, pauses: Sequence[float] = PAUSES) -> ReadDelivered:
        """What reads a delivered key; pauses: in seconds, for one that was just made."""
        from keyturn.own_machine.adapters.secret_values import SecretsManagerValues  # noqa: PLC0415 -- as said

        return ReadDelivered(
            secret_values=SecretsManagerValues(_client(self.session, "secretsmanager")),
            identities=self._identities(),
            sleep=self.sleep,
            pauses=pauses,
        )

    def as_key(self, key: AccessKey) -> "OwnMachine":
        """The same with a key's own credentials."""
        return OwnMachine(session=_session_of(key, self.session), sleep=self.sleep)

    def _identities(self) -> Identities:
        from keyturn.own_machine.adapters.caller_identity import StsIdentities  # noqa: PLC0415 -- as said

        return StsIdentities(
            own=lambda: _client(self.session, "sts"),
            of_key=lambda key: _client(_session_of(key, self.session), "sts"),
        )


def files(credentials: Path, config: Path) -> SharedCredentialsFile:
    """The two files of the AWS SDKs."""
    return SharedCredentialsFile(credentials, config)


def cache(path: Path | None) -> KeyCacheFile:
    """Where a delivered key is kept; None: nowhere."""
    return KeyCacheFile(path)


def _client(session: "boto3.Session", service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    from keyturn.adapters.clients import client  # noqa: PLC0415 -- as said

    return client(session, service)


def _session_of(key: AccessKey, like: "boto3.Session") -> "boto3.Session":
    """A session with a key, for the rest (region, endpoints, certificates) like another one."""
    import boto3  # noqa: PLC0415 -- as said

    profile = like.profile_name
    return boto3.Session(
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        region_name=like.region_name,
        profile_name=profile if profile in like.available_profiles else None,
    )
