"""Secrets Manager in one account: it writes secrets and can read none."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated, definite
from keyturn.domain.errors import NotFound
from keyturn.domain.key import SecretFacts
from keyturn.domain.record import token
from keyturn.ports import NewKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import (
        CreateSecretRequestTypeDef,
        TagTypeDef,
    )


class SecretsManagerVault:
    """Meets `ports.Vault`."""

    def __init__(self, secrets: "SecretsManagerClient", kms_key: str | None) -> None:
        """kms_key is the key that new secrets lie under; None means aws/secretsmanager."""
        self._secrets = secrets
        self._kms_key = kms_key
        # The SDK makes a request for every attempt; many vaults may share the client.
        event = "request-created.secretsmanager.PutSecretValue"
        secrets.meta.events.register(event, _ask, unique_id="keyturn-may-go")

    def look(self, name: str) -> SecretFacts | None:
        """What is known of the secret; None if there is none."""
        try:
            with aws_errors_translated():
                secret = self._secrets.describe_secret(SecretId=name)
        except NotFound:
            return None
        labelled = secret.get("VersionIdsToStages", {})
        return SecretFacts(
            tags={tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])},
            versions=frozenset(version for version, stages in labelled.items() if stages),
            current=next((v for v, stages in labelled.items() if "AWSCURRENT" in stages), None),
            scheduled_for_deletion=secret.get("DeletedDate") is not None,
            kms_key=secret.get("KmsKeyId"),
            told_at=_date(secret["ResponseMetadata"]["HTTPHeaders"].get("date")),
        )

    def create(self, name: str, tags: Mapping[str, str]) -> None:
        """Create the secret without a value; AlreadyThere if another run was first."""
        request: CreateSecretRequestTypeDef = {
            "Name": name,
            "Description": "An IAM access key, rotated by Keyturn",
            "Tags": _tags(tags),
        }
        if self._kms_key is not None:
            request["KmsKeyId"] = self._kms_key
        with aws_errors_translated():
            self._secrets.create_secret(**request)

    def restore(self, name: str) -> None:
        """Take back a scheduled deletion."""
        with aws_errors_translated():
            self._secrets.restore_secret(SecretId=name)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""
        with aws_errors_translated():
            self._secrets.tag_resource(SecretId=name, Tags=_tags(tags))

    def untag(self, name: str, tags: Iterable[str]) -> None:
        """Remove tags."""
        with aws_errors_translated():
            self._secrets.untag_resource(SecretId=name, TagKeys=list(tags))

    def store(
        self, name: str, user: str, key: NewKey, may_go: Callable[[], None] = lambda: None
    ) -> None:
        """Store the key as the current version, under the token of its id; safe to repeat."""
        with _asked_before_each_attempt(may_go), definite(), aws_errors_translated():
            self._secrets.put_secret_value(
                SecretId=name,
                ClientRequestToken=token(key.key_id),
                SecretString=json.dumps(
                    {
                        "AccessKeyId": key.key_id,
                        "SecretAccessKey": key.secret,
                        "UserName": user,
                        "CreateDate": key.created.isoformat(),
                    }
                ),
            )


_MAY_GO: ContextVar[Callable[[], None]] = ContextVar("may_go")


@contextmanager
def _asked_before_each_attempt(may_go: Callable[[], None]) -> Iterator[None]:
    before = _MAY_GO.set(may_go)
    try:
        yield
    finally:
        _MAY_GO.reset(before)


def _ask(**_: object) -> None:
    _MAY_GO.get()()


def _date(header: str | None) -> datetime | None:
    return parsedate_to_datetime(header) if header else None


def _tags(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    return [{"Key": key, "Value": value} for key, value in tags.items()]
