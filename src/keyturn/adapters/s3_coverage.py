"""Which accounts were looked after on a day: those whose snapshot of it is in the bucket."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from keyturn.adapters.s3_days import DatedFolders

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


class S3Coverage:
    """
    Meets `ports.Coverage`; it reads no snapshot, only the names that `S3Snapshots` gives them.

    It needs s3:ListBucket on `<prefix>/snapshots/*`.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._days = DatedFolders(s3, bucket=bucket, prefix=prefix, folder="snapshots")

    def has_before(self, day: date) -> bool:
        """Whether there is a snapshot of an earlier day."""
        return self._days.has_before(day)

    def accounts_of(self, day: date) -> frozenset[str]:
        """The ids of the accounts that have a snapshot of the day."""
        return frozenset(name.removesuffix(".json") for name, _ in self._snapshots(day))

    def changed_since(self, day: date, moment: datetime) -> frozenset[str]:
        """Those whose snapshot of the day was written then or later; S3 knows it to the second."""
        return frozenset(
            name.removesuffix(".json")
            for name, found in self._snapshots(day)
            if found["LastModified"] >= moment.replace(microsecond=0)
        )

    def _snapshots(self, day: date) -> Iterator[tuple[str, "ObjectTypeDef"]]:
        return self._days.objects(day, "account=")
