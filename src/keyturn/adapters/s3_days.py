"""Folders of the bucket that are named for a UTC day, as Athena takes them for partitions."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


class DatedFolders:
    """
    The folders `<prefix>/<folder>/date=<day>/`.

    To list them needs s3:ListBucket on `<prefix>/<folder>/*`.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str, folder: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._days = "/".join(filter(None, (prefix.strip("/"), folder, "date=")))

    def of(self, day: date) -> str:
        """The name of a day's folder, with the stroke at its end."""
        return f"{self._days}{day.isoformat()}/"

    def has_before(self, day: date) -> bool:
        """Whether anything is stored of an earlier day: S3 lists names as they sort."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._days, MaxKeys=1)
        return any(each["Key"] < self.of(day) for each in answer.get("Contents", []))

    def objects(self, day: date, begins: str = "") -> Iterator[tuple[str, "ObjectTypeDef"]]:
        """What a day's folder holds, from page to page: the name behind `begins` → the object."""
        start = f"{self.of(day)}{begins}"
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start
            )
            for page in pages:
                for each in page.get("Contents", []):
                    yield each["Key"].removeprefix(start), each
