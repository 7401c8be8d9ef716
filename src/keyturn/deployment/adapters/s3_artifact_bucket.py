"""The bucket of a deployment: made, protected, filled."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.bucket import ObjectLock, Protection, Stored
from keyturn.deployment.model.bucket_policy import Statement, lacking, statements, with_statements
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CLAIMED: Final = "keyturn-sha256"
_SHUT: Final = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)
_DAYS: Final = {"receipts": 400, "tally": 30}
"""Folder → days, for which the engine may ask for what is in it."""
_OLD_VERSIONS: Final = 30
_DAYS_OF_A_YEAR: Final = 365
"""As S3 counts them for a retention."""
# Each kind of configuration has a code of its own for "there is none".
_NONE: Final = {
    "NoSuchPublicAccessBlockConfiguration": NotFound,
    "ServerSideEncryptionConfigurationNotFoundError": NotFound,
    "NoSuchBucketPolicy": NotFound,
    "NoSuchLifecycleConfiguration": NotFound,
    "ObjectLockConfigurationNotFoundError": NotFound,
    "NoSuchBucket": NotFound,
    "404": NotFound,
}


class S3ArtifactBucket:
    """Meets `deployment.ports.ArtifactBucket`."""

    def __init__(self, s3: "S3Client", *, account: str, region: str, partition: str) -> None:
        self._s3 = s3
        self._account = account
        self._region = region
        self._partition = partition

    def exists(self, bucket: str) -> bool:
        """Whether the bucket is there and ours."""
        return self._ask(lambda: self._s3.head_bucket(Bucket=bucket)) is not None

    def create(self, bucket: str) -> None:
        """Make the bucket."""
        where: Any = {}
        if self._region != "us-east-1":  # the one region that S3 does not want to be told
            where = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        with aws_errors_translated():
            self._s3.create_bucket(Bucket=bucket, **where)

    def lacks(self, bucket: str, prefix: str) -> tuple[Protection, ...]:
        """The protections that it does not have."""
        policy = self._policy(bucket)
        has = {
            Protection.NO_PUBLIC_ACCESS: self._is_shut(bucket),
            Protection.ENCRYPTION: self._is_encrypted(bucket),
            Protection.VERSIONS: self._has_versions(bucket),
            Protection.LIFECYCLE: self._forgets(bucket, prefix),
            **{
                each: not lacking(policy, wanted)
                for each, wanted in self._wanted(bucket, prefix).items()
            },
        }
        return tuple(each for each in Protection if not has[each])

    def missing_statements(self, bucket: str, prefix: str) -> tuple[Statement, ...]:
        """What the bucket's policy should say besides, to be copied."""
        every = chain.from_iterable(self._wanted(bucket, prefix).values())
        return lacking(self._policy(bucket), tuple(every))

    def object_lock(self, bucket: str) -> ObjectLock | None:
        """What Object Lock keeps: its default retention, in days."""
        found = self._ask(lambda: self._s3.get_object_lock_configuration(Bucket=bucket))
        if found is None:
            return None
        kept = found["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention", {})
        days = kept.get("Days") or kept.get("Years", 0) * _DAYS_OF_A_YEAR
        return ObjectLock(mode=kept.get("Mode"), days=days)

    def protect(self, bucket: str, prefix: str, protection: Protection) -> None:
        """Give it a protection."""
        with aws_errors_translated(_NONE):
            match protection:
                case Protection.NO_PUBLIC_ACCESS:
                    shut: Any = dict.fromkeys(_SHUT, True)
                    self._s3.put_public_access_block(
                        Bucket=bucket, PublicAccessBlockConfiguration=shut
                    )
                case Protection.ENCRYPTION:
                    # S3's own keys: under a KMS key each function's role would need that key too.
                    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    self._s3.put_bucket_encryption(
                        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
                    )
                case Protection.VERSIONS:
                    self._s3.put_bucket_versioning(
                        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                    )
                case Protection.ONLY_TLS | Protection.RECEIPTS | Protection.RECORDS:
                    wanted = self._wanted(bucket, prefix)[protection]
                    policy = with_statements(self._policy(bucket), wanted)
                    self._s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
                case Protection.LIFECYCLE:
                    ours = _rules(prefix)
                    named = {rule["ID"] for rule in ours}
                    kept = [each for each in self._rules(bucket) if each.get("ID") not in named]
                    self._s3.put_bucket_lifecycle_configuration(
                        Bucket=bucket, LifecycleConfiguration={"Rules": [*kept, *ours]}
                    )

    def stored(self, bucket: str, name: str) -> Stored | None:
        """
        An object by its content; None if there is none.

        S3 vouches for a checksum: it refuses bytes that do not fit the one they were put with.
        """
        found = self._ask(
            lambda: self._s3.head_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")
        )
        if found is None:
            return None
        claimed = str(found["Metadata"].get(_CLAIMED, ""))
        checksum = str(found.get("ChecksumSHA256", ""))
        if (
            checksum and "-" not in checksum
        ):  # "-2": of the parts' checksums, in an upload of two parts
            return Stored(base64.b64decode(checksum).hex(), claimed)
        with aws_errors_translated(_NONE):
            body = self._s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        return Stored(hashlib.sha256(body).hexdigest(), claimed)

    def put(self, bucket: str, name: str, body: bytes) -> None:
        """Put an object, with its checksum twice: as we know our own by, and as S3 keeps."""
        content = hashlib.sha256(body)
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=bucket,
                Key=name,
                Body=body,
                Metadata={_CLAIMED: content.hexdigest()},
                ChecksumSHA256=base64.b64encode(content.digest()).decode(),
            )

    def _ask(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 -- each answer has its own form
        try:
            with aws_errors_translated(_NONE):
                return call()
        except NotFound:
            return None

    def _is_shut(self, bucket: str) -> bool:
        found = self._ask(lambda: self._s3.get_public_access_block(Bucket=bucket)) or {}
        block = found.get("PublicAccessBlockConfiguration", {})
        return all(block.get(each) for each in _SHUT)

    def _is_encrypted(self, bucket: str) -> bool:
        return self._ask(lambda: self._s3.get_bucket_encryption(Bucket=bucket)) is not None

    def _has_versions(self, bucket: str) -> bool:
        found = self._ask(lambda: self._s3.get_bucket_versioning(Bucket=bucket)) or {}
        return found.get("Status") == "Enabled"

    def _policy(self, bucket: str) -> Statement | None:
        found = self._ask(lambda: self._s3.get_bucket_policy(Bucket=bucket))
        return None if found is None else json.loads(found["Policy"])

    def _wanted(self, bucket: str, prefix: str) -> Mapping[Protection, tuple[Statement, ...]]:
        return statements(
            partition=self._partition, account=self._account, bucket=bucket, prefix=prefix
        )

    def _forgets(self, bucket: str, prefix: str) -> bool:
        return all(rule in map(_essence, self._rules(bucket)) for rule in _rules(prefix))

    def _rules(self, bucket: str) -> list[Any]:
        found = self._ask(lambda: self._s3.get_bucket_lifecycle_configuration(Bucket=bucket))
        return list(found["Rules"]) if found else []


def _rules(prefix: str) -> list[Any]:
    return [
        {
            "ID": folder,
            "Status": "Enabled",
            "Filter": {"Prefix": f"{prefix}/{folder}/"},
            "Expiration": {"Days": days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_VERSIONS},
        }
        for folder, days in _DAYS.items()
    ]


def _essence(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule without what S3 adds to it."""
    kept = ("ID", "Status", "Filter", "Expiration", "NoncurrentVersionExpiration")
    return {name: rule[name] for name in kept if name in rule}
