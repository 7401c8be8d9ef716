"""What is stored in the bucket below Keyturn's prefix."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.ports.archive import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Archive:
    """Meets `ports.Archive`. It needs s3:GetObject and s3:ListBucket on what is asked for."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def folders(self, below: str) -> tuple[str, ...]:
        """The folders right below one."""
        start = f"{self._root}{below}/"
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start, Delimiter="/"
            )
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        return tuple(sorted(each.removeprefix(start).removesuffix("/") for each in found))

    def objects(self, below: str) -> Iterator[StoredObject]:
        """Every object below a folder: S3 lists names as they sort."""
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._root}{below}/"
            )
            for page in pages:
                for each in page.get("Contents", []):
                    yield StoredObject(
                        name=each["Key"].removeprefix(self._root),
                        at=each["LastModified"].astimezone(UTC),
                        size=each["Size"],
                    )

    def read(self, name: str) -> bytes | None:
        """An object."""
        with suppress(NotFound), aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._root}{name}")
            return answer["Body"].read()
        return None
