"""What is in the bucket: the newest snapshots, and the zips."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import LastRun
from keyturn.domain.exemptions_file import LAPSED
from keyturn.domain.plain_text import shown
from keyturn.schemas.snapshot import SnapshotUser, read_snapshot

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DAYS = 2
"""A run by hand may have begun a day's folder before the daily run comes to the other accounts."""


class S3Archive:
    """Meets `deployment.ports.Archive`."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = prefix

    def last_runs(self) -> tuple[LastRun, ...]:
        """The newest run of each account, of the two newest days."""
        newest: dict[str, LastRun] = {}
        days = sorted(self._folders(f"{self._root}/snapshots/date="), reverse=True)
        for day in days[:_DAYS]:
            for name in self._names(day):
                of = name.removeprefix(day)
                if of in newest:
                    continue
                for run in _run(self._read(name)):
                    newest[of] = run
        return tuple(newest.values())

    def code_of(self, name: str) -> str:
        """Lambda's hash of a zip."""
        body = self._read(f"{self._root}/{name}")
        return base64.b64encode(hashlib.sha256(body).digest()).decode()

    def _read(self, name: str) -> bytes:
        with aws_errors_translated():
            return self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()

    def _names(self, folder: str) -> list[str]:
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder
            )
            return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def _folders(self, prefix: str) -> list[str]:
        """The folders that begin so; their names sort as their days do."""
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]


def _run(body: bytes) -> Iterator[LastRun]:
    """The run that a snapshot tells of; of one in another form nothing is known."""
    snapshot = read_snapshot(body)
    if snapshot is not None:
        yield LastRun(
            account=snapshot["account"],
            at=datetime.fromisoformat(snapshot["at"]),
            dry_run=snapshot["dry_run"],
            policy=cast("Mapping[str, int]", snapshot["policy"]),  # each of its periods is one
            # A failure of no user is one of the account: it could not be entered or listed.
            reached=all(each["user"] is not None for each in snapshot["failures"]),
            odd_owners=tuple(each for user in snapshot["users"] for each in _odd_values(user)),
            lapsed=tuple(
                user["user"]
                for user in snapshot["users"]
                if "exemption" in user and user["exemption"]["standing"] in LAPSED
            ),
        )


def _odd_values(user: SnapshotUser) -> Iterator[str]:
    """What stands for addresses of a user's owner and cannot be used, a sentence each."""
    found: object = user.get("owner_rejected")
    for why in found if isinstance(found, list) else ():
        yield f"{user['user']}: {shown(why)}"
