"""Secrets Manager in one account: it writes secrets and can read none."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated, definite
from keyturn.domain.errors import Denied, NotFound, Refused
from keyturn.domain.key import Seal, SecretFacts
from keyturn.domain.ownership import is_same_key
from keyturn.domain.seal import SealKey, read_seal
from keyturn.domain.secret_life import RECOVERY_WINDOW
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG, version_id_for
from keyturn.ports import CreatedSecret, ListedSecret, NewKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import (
        CreateSecretRequestTypeDef,
        DescribeSecretResponseTypeDef,
        TagTypeDef,
    )


CURRENT = "AWSCURRENT"
"""The label of the version that applications read."""
_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class SecretsManagerStore:
    """Meets `ports.SecretStore`."""

    def __init__(  # noqa: PLR0913 -- what a secret is judged by
        self,
        secrets: "SecretsManagerClient",
        kms_key: str | None,
        *,
        seal_key: Callable[[], SealKey] | None,
        is_one_key: Callable[[str | None, str | None], bool],
        clock: Callable[[], datetime],
        only_reads: bool = False,
    ) -> None:
        """
        Without a seal key nothing is ours, but where nothing is written: there tags are believed.

        Args:
            secrets: the client; many threads and stores may share it.
            kms_key: the key that new secrets are encrypted with; None means aws/secretsmanager.
            seal_key: asked at the first secret that bears a seal; None: there is none.
            is_one_key: whether two names are those of one KMS key.
            clock: the time, UTC, for birth marks.
            only_reads: whether this is a dry run, which writes no secret.

        """
        self._secrets = secrets
        self._kms_key = kms_key
        self._seal_key = seal_key
        self._is_one_key = is_one_key
        self._clock = clock
        self._only_reads = only_reads
        # The SDK makes a request for every attempt; many stores may share the client.
        event = "request-created.secretsmanager.PutSecretValue"
        secrets.meta.events.register(event, _ask, unique_id="keyturn-may-go")

    def look(self, name: str) -> SecretFacts | None:
        """What is known of the secret, by its name or ARN; None if there is none."""
        try:
            with aws_errors_translated():
                secret = self._secrets.describe_secret(SecretId=name)
        except NotFound:
            return None
        labelled = secret.get("VersionIdsToStages", {})
        return SecretFacts(
            tags=_tags_of(secret),
            arn=secret["ARN"],
            seal=self._seal_as_described(secret),
            versions=frozenset(version for version, stages in labelled.items() if stages),
            current=next((v for v, stages in labelled.items() if CURRENT in stages), None),
            scheduled_for_deletion=secret.get("DeletedDate") is not None,
            kms_key=self._spelled(secret["ARN"], secret.get("KmsKeyId")),
            replica_of=_replica_of(secret["ARN"], secret.get("PrimaryRegion")),
            replicas=tuple(sorted(each["Region"] for each in secret.get("ReplicationStatus", []))),
            rotates=secret.get("RotationEnabled", False),
            managed_by=secret.get("OwningService"),
            last_read=_day(secret.get("LastAccessedDate")),
            told_at=_date(secret["ResponseMetadata"]["HTTPHeaders"].get("date")),
            created=secret.get("CreatedDate"),
        )

    def facts_of(self, listed: ListedSecret) -> SecretFacts | None:
        """
        What a list tells of a secret; None: not enough to tell whose it is.

        Whether somebody has given a newborn a policy or a replica stands in no list.
        """
        seal = self._seal_of(listed.arn, listed.name, listed.tags, listed.created)
        if seal is Seal.BORN:
            return None
        return SecretFacts(
            tags=listed.tags,
            arn=listed.arn,
            seal=seal,
            versions=frozenset(version for version, labels in listed.versions.items() if labels),
            current=next((v for v, labels in listed.versions.items() if CURRENT in labels), None),
            scheduled_for_deletion=listed.deleted is not None,
            kms_key=self._spelled(listed.arn, listed.kms_key),
            replica_of=_replica_of(listed.arn, listed.primary),
            rotates=listed.rotates,
            managed_by=listed.managed_by,
            last_read=listed.last_read,
        )

    def create(self, name: str, tags: Mapping[str, str]) -> CreatedSecret:
        """
        Create the secret without a value, and seal it.

        Its birth mark lets the next run seal it, if this one does not come to that.
        Raises AlreadyThere where another run was first, Refused where there is no seal key.
        """
        user_id = tags[USER_ID_TAG]
        mark = self._key().birth_mark(name, user_id, self._clock())
        request: CreateSecretRequestTypeDef = {
            "Name": name,
            "Description": "An IAM access key, rotated by Keyturn",
            "Tags": _tags({**tags, SEAL_TAG: mark}),
        }
        if self._kms_key is not None:
            request["KmsKeyId"] = self._kms_key
        with aws_errors_translated():
            made = self._secrets.create_secret(**request)
        told_at = _date(made["ResponseMetadata"]["HTTPHeaders"].get("date"))
        # Before the seal, which may take its time.
        ahead = None if told_at is None else told_at - self._clock()
        self.seal(made["ARN"], user_id)
        return CreatedSecret(arn=made["ARN"], ahead=ahead)

    def seal(self, arn: str, user_id: str, tags: Mapping[str, str] = _NO_TAGS) -> None:
        """Make the secret with this ARN the user's; other tags are set in the same call."""
        self.tag(arn, {**tags, SEAL_TAG: self._key().seal(arn, user_id)})

    def policy_of(self, name: str) -> str | None:
        """The secret's resource policy, a JSON text; None: it has none."""
        with aws_errors_translated():
            return self._secrets.get_resource_policy(SecretId=name).get("ResourcePolicy")

    def _key(self) -> SealKey:
        if self._seal_key is None:
            raise Refused("SealKey is not set: no secret can be made or sealed without it")
        return self._seal_key()

    def _seal_as_described(self, secret: "DescribeSecretResponseTypeDef") -> Seal:
        seal = self._seal_of(
            secret["ARN"], secret["Name"], _tags_of(secret), secret.get("CreatedDate")
        )
        # A newborn that anybody has added to since is not as we made it: with a policy or a
        # replica of theirs, somebody else would read what we store (decision 0021).
        is_as_made = seal is not Seal.BORN or (
            not secret.get("VersionIdsToStages")
            and not secret.get("ReplicationStatus")
            and self.policy_of(secret["ARN"]) is None
        )
        return seal if is_as_made else Seal.WRONG

    def _seal_of(
        self, arn: str, name: str, tags: Mapping[str, str], created: datetime | None
    ) -> Seal:
        if self._seal_key is None:
            return Seal.ASSUMED if self._only_reads else Seal.UNCHECKED
        if SEAL_TAG not in tags:
            return Seal.WRONG
        try:
            key = self._seal_key()
        except Denied:
            # Whoever may ask for the key can make seals: it takes no such right to look at a plan.
            if self._only_reads:
                return Seal.ASSUMED
            raise
        return read_seal(key, arn=arn, name=name, tags=tags, created=created)

    def _spelled(self, secret: str, reported: str | None) -> str | None:
        """A KMS key's name as we spell it, if it is ours by another name."""
        ours = self._kms_key
        if is_same_key(secret, reported, ours) or not self._is_one_key(reported, ours):
            return reported
        return ours

    def restore(self, name: str) -> None:
        """Take back a scheduled deletion."""
        with aws_errors_translated():
            self._secrets.restore_secret(SecretId=name)

    def schedule(self, name: str) -> None:
        """Schedule its deletion, with the longest recovery window that AWS has."""
        with aws_errors_translated():
            self._secrets.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_WINDOW)

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
        # `definite`: a KMS denial of the second attempt does not say that the first, which was
        # not answered, stored nothing. The new key would be deleted though it is the current one.
        with _asked_before_each_attempt(may_go), definite(), aws_errors_translated():
            self._secrets.put_secret_value(
                SecretId=name,
                ClientRequestToken=version_id_for(key.key_id),
                SecretString=_value(user, key),
            )


def _value(user: str, key: NewKey) -> str:
    """What the user's programs read (docs/delivery.md)."""
    value = {
        "AccessKeyId": key.key_id,
        "SecretAccessKey": key.secret,
        "UserName": user,
        "CreateDate": key.created.isoformat(),
    }
    passwords = {"SmtpPasswords": dict(key.smtp_passwords)} if key.smtp_passwords else {}
    return json.dumps({**value, **passwords})


def _replica_of(arn: str, primary: str | None) -> str | None:
    """The region of the secret that one is a replica of; None: it is none."""
    return None if primary in {None, arn.split(":")[3]} else primary


def _tags_of(secret: "DescribeSecretResponseTypeDef") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}


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


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(UTC).date() if moment else None


def _date(header: str | None) -> datetime | None:
    return parsedate_to_datetime(header) if header else None


def _tags(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    return [{"Key": key, "Value": value} for key, value in tags.items()]
