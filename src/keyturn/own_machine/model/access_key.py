"""An access key with its secret, whose it is, and the secret in which Keyturn delivers it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from keyturn.domain.errors import InvalidValue
from keyturn.domain.names import ACCOUNT_ID, KEY_ID, USER_NAME
from keyturn.domain.reading import read_json
from keyturn.domain.secret_names import owner_of_secret, secret_name
from keyturn.domain.tag_text import format_utc
from keyturn.own_machine.model.errors import NotDelivered

LONG_TERM = "AKIA"
"""How the ids of users' keys begin; those of sessions begin with ASIA."""

_SECRET = re.compile(r"[A-Za-z0-9/+=_-]{16,128}")
_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):(\d{12}):secret:(.+)", re.ASCII)
_SUFFIX = re.compile(r"(?<=_AccessKey)-[A-Za-z0-9]{6}")
"""Secrets Manager adds it to the name in an ARN."""
_USER_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:user/(?:.*/)?([^/]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key; its secret is never shown."""

    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who stands behind a key, as sts:GetCallerIdentity says."""

    account: str
    arn: str

    @property
    def user(self) -> str | None:
        """The IAM user's name, without its path; None: it is no IAM user."""
        found = _USER_ARN.fullmatch(self.arn)
        return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAddress:
    """Where a user's key is delivered."""

    account: str
    user: str
    id: str
    """The secret's name or ARN."""
    region: str | None = None
    """Of an ARN; None: the session's."""

    @classmethod
    def of_user(cls, account: str, user: str) -> "SecretAddress":
        """
        Name the secret by its user.

        Raises InvalidValue where the one is no account's id, or the other no user's name.
        """
        if not ACCOUNT_ID.fullmatch(account):
            raise InvalidValue("--account", account, "must be the 12 digits of an AWS account id")
        if not USER_NAME.fullmatch(user):
            raise InvalidValue("--user", user, "must be the name of an IAM user, without its path")
        return cls(account=account, user=user, id=secret_name(account, user))

    @classmethod
    def read(cls, secret: str) -> "SecretAddress":
        """Read a secret's name or ARN. Raises InvalidValue where it is no user's secret."""
        arn = _ARN.fullmatch(secret)
        region, owner, name = arn.groups() if arn else (None, None, secret)
        name = _SUFFIX.sub("", name) if arn else name
        try:
            account, user = owner_of_secret(name)
        except InvalidValue as error:
            rule = f"{error.rule}, or the ARN of such a secret"
            raise InvalidValue("--secret", secret, rule) from None
        if owner not in {None, account}:
            raise InvalidValue("--secret", secret, f"is in account {owner}, and not in {account}")
        return cls(account=account, user=user, id=secret, region=region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which secret was named: by itself, by its user, or not at all."""

    secret: SecretAddress | None = None
    user: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredKey:
    """A key as Keyturn stored it."""

    key: AccessKey
    created: datetime | None
    """IAM's CreateDate, UTC; None: the secret does not say."""
    smtp: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Region → the password for SES's SMTP interface there."""


def read_delivered(value: str, address: SecretAddress) -> DeliveredKey:
    """
    Read a secret's value, as the engine writes it (docs/delivery.md).

    Raises NotDelivered where it is anything else, or another user's; what it is, is not said, for
    it may be a secret of somebody.
    """
    try:
        found: Any = read_json(value)
        key = AccessKey(key_id=found["AccessKeyId"], secret=found["SecretAccessKey"])
        is_a_key = KEY_ID.fullmatch(key.key_id) and _SECRET.fullmatch(key.secret)
        smtp = {str(region): str(each) for region, each in found.get("SmtpPasswords", {}).items()}
        user, created = found["UserName"], found.get("CreateDate")
    except (ValueError, TypeError, KeyError, AttributeError):
        is_a_key = None
    if not (is_a_key and key.key_id.startswith(LONG_TERM)):
        raise NotDelivered(f"the secret {address.id} holds no access key as Keyturn stores it")
    if user != address.user:
        raise NotDelivered(
            f"the secret {address.id} holds a key that is said to be another user's"
        )
    return DeliveredKey(key=key, created=_moment(created), smtp=smtp)


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def as_credentials(key: AccessKey, until: datetime | None = None) -> str:
    """
    Write a key as AWS's `credential_process` gives it, on one line; until: UTC.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html
    """
    found = {"Version": 1, "AccessKeyId": key.key_id, "SecretAccessKey": key.secret}
    if until is not None:
        found["Expiration"] = format_utc(until)
    return json.dumps(found)
