"""Everything below the prefix, for auditors and for the chain over it."""

import hashlib
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AlreadyThere
from keyturn.domain.reading import LARGEST
from keyturn.ports.evidence import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PIECE: Final = 1024 * 1024
"""Bytes: a report may be larger than the memory."""


class S3Evidence:
    """
    Meets `ports.Evidence` and `ports.ChainStore`.

    Who reads needs s3:ListBucket and s3:GetObject on the prefix, who adds links s3:PutObject on
    `<prefix>/audit/chain/*`.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "".join(f"{part}/" for part in (prefix.strip("/"),) if part)

    @property
    def place(self) -> str:
        """The bucket and the prefix."""
        return f"s3://{self._bucket}/{self._root}"

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """The objects whose names begin so, in S3's order."""
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=f"{self._root}{start}",
                StartAfter=f"{self._root}{after}" if after else "",
            )
            for page in pages:
                for each in page.get("Contents", []):
                    yield StoredObject(
                        name=each["Key"].removeprefix(self._root),
                        size=each["Size"],
                        at=each["LastModified"].astimezone(UTC),
                    )

    def folders(self, start: str) -> Iterator[str]:
        """The folders just below."""
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._root}{start}", Delimiter="/"
            )
            for page in pages:
                for each in page.get("CommonPrefixes", []):
                    yield each["Prefix"].removeprefix(self._root)

    def read(self, name: str) -> bytes:
        """An object, or enough of it to see that it is too large."""
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=f"{self._root}{name}")["Body"]
            return body.read(LARGEST + 1)  # what is larger is refused by whoever reads it

    def sha256(self, name: str) -> str:
        """An object's SHA-256, piece by piece."""
        found = hashlib.sha256()
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=f"{self._root}{name}")["Body"]
            for piece in body.iter_chunks(_PIECE):
                found.update(piece)
        return found.hexdigest()

    def add(self, name: str, body: bytes) -> None:
        """Store a new object; one that is there and the same is ours, of a call that was lost."""
        try:
            with aws_errors_translated():
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{self._root}{name}",
                    Body=body,
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
        except AlreadyThere:
            if self.read(name) != body:
                raise
