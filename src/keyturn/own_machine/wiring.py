"""Which adapters stand behind an owner's machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from keyturn.adapters.clients import client
from keyturn.own_machine.adapters.caller_identity import StsIdentities
from keyturn.own_machine.adapters.secret_values import SecretsManagerValues
from keyturn.own_machine.adapters.shared_credentials_file import SharedCredentialsFile
from keyturn.own_machine.delivered import ReadDelivered
from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.pick_up import PickUp
from keyturn.own_machine.ports import Sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMachine:
    """What an owner's machine reaches with the credentials of a session."""

    session: boto3.Session
    sleep: Sleep = time.sleep

    def pick_up(self, files: SharedCredentialsFile) -> PickUp:
        """What puts a delivered key into a profile."""
        return PickUp(
            identities=self._identities(), read_delivered=self.read_delivered(), files=files
        )

    def read_delivered(self) -> ReadDelivered:
        """What reads a delivered key."""
        return ReadDelivered(
            secret_values=SecretsManagerValues(client(self.session, "secretsmanager")),
            identities=self._identities(),
            sleep=self.sleep,
        )

    def _identities(self) -> StsIdentities:
        return StsIdentities(
            own=self._sts_of(lambda: self.session),
            of_key=lambda key: self._sts_of(lambda: session_of(key, self.session))(),
        )

    def _sts_of(self, session: Callable[[], boto3.Session]) -> Callable[[], Any]:
        return lambda: client(session(), "sts")


def files(credentials: Path, config: Path) -> SharedCredentialsFile:
    """The two files of the AWS SDKs."""
    return SharedCredentialsFile(credentials, config)


def session_of(key: AccessKey, like: boto3.Session) -> boto3.Session:
    """A session with a key, for the rest (region, endpoints, certificates) like another one."""
    profile = like.profile_name
    return boto3.Session(
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        region_name=like.region_name,
        profile_name=profile if profile in like.available_profiles else None,
    )
