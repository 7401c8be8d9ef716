"""Which accounts were looked after on a day: those whose snapshot of it is in the bucket."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Coverage:
    """
    Meets `ports.Coverage`; it reads no snapshot, only the names that `S3Snapshots` gives them.

    It needs s3:ListBucket on `<prefix>/snapshots/*`.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._days = "/".join(filter(None, (prefix.strip("/"), "snapshots", "date=")))

    def has_before(self, day: date) -> bool:
        """Whether there is a snapshot of an earlier day: S3 lists names as they sort."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._days, MaxKeys=1)
        return any(each["Key"] < self._folder(day) for each in answer.get("Contents", []))

    def accounts_of(self, day: date) -> frozenset[str]:
        """The ids of the accounts that have a snapshot of the day."""
        start = f"{self._folder(day)}account="
        return frozenset(
            each["Key"].removeprefix(start).removesuffix(".json") for each in self._objects(start)
        )

    def changed_since(self, day: date, moment: datetime) -> frozenset[str]:
        """Those whose snapshot of the day was written then or later; S3 knows it to the second."""
        start = f"{self._folder(day)}account="
        return frozenset(
            each["Key"].removeprefix(start).removesuffix(".json")
            for each in self._objects(start)
            if each["LastModified"] >= moment.replace(microsecond=0)
        )

    def _folder(self, day: date) -> str:
        return f"{self._days}{day.isoformat()}/"

    def _objects(self, start: str) -> Iterator[Any]:
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=start
            )
            for page in pages:
                yield from page.get("Contents", [])
