"""
What is stored of each day of the whole organisation.

    <prefix>/reports/daily/date=<day>/inventory/<run>.json    the accounts that an inventory queued
    <prefix>/reports/daily/date=<day>/keys.csv                all keys
    <prefix>/reports/daily/date=<day>/held.json               the digest that is to be published
    <prefix>/reports/daily/date=<day>/digest.json             the digest, once it was published

An inventory has an object of its own, so that a second one of a day takes nothing from the first.
"""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, date
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.rows_in_file import RowsInFile
from keyturn.adapters.s3_days import DatedFolders
from keyturn.domain.admin_digest import MadeDigest, RecordedInventory, Reported
from keyturn.domain.errors import NotFound
from keyturn.ports.reports import StoredDay
from keyturn.schemas.daily_report import (
    read_held,
    read_reported,
    write_daily_digest,
    write_held,
)
from keyturn.schemas.inventory_record import read_inventory, write_inventory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DIGEST: Final = "digest.json"
_HELD: Final = "held.json"
_CSV: Final = "keys.csv"
_INVENTORIES: Final = "inventory/"


class S3DailyReports:
    """
    Meets `ports.DailyReports` and `ports.InventoryRecords`.

    An inventory needs s3:PutObject on `<prefix>/reports/daily/*`, and no more. Who makes the
    digest needs s3:GetObject there, too, and s3:ListBucket on that prefix.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._days = DatedFolders(s3, bucket=bucket, prefix=prefix, folder="reports/daily")

    # InventoryRecords

    def record(self, taken: RecordedInventory) -> None:
        """Write down what an inventory queues."""
        name = f"{_INVENTORIES}{taken.run}.json"
        self._put(taken.at.date(), name, write_inventory(taken))

    # DailyReports

    def has_before(self, day: date) -> bool:
        """Whether anything is stored of an earlier day."""
        return self._days.has_before(day)

    def of_day(self, day: date) -> StoredDay:
        """What is stored of a day."""
        found = dict(self._days.objects(day))
        return StoredDay(
            has_digest=_DIGEST in found,
            is_held=_HELD in found,
            inventories={
                name: each["LastModified"].astimezone(UTC)
                for name, each in found.items()
                if name.startswith(_INVENTORIES)
            },
        )

    def inventory(self, day: date, name: str) -> RecordedInventory | None:
        """The record of an inventory, if it is of a form that we know."""
        body = self._get(day, name)
        return None if body is None else read_inventory(body)

    def reported(self, day: date) -> Reported | None:
        """What the digest of a day remembers, if it is of a form that we know."""
        body = self._get(day, _DIGEST)
        return None if body is None else read_reported(body)

    def csv_of(self, day: date) -> str:
        """Where the rows of all keys are stored."""
        return f"{self._days.of(day)}{_CSV}"

    @contextmanager
    def rows(self, day: date) -> Generator["_Rows"]:
        """Gather the rows of all keys in a file, which no organisation is too large for."""
        with TemporaryFile() as file:
            yield _Rows(self, day, file)

    def hold(self, made: MadeDigest) -> None:
        """Store the digest that is to be published."""
        self._put(made.digest.day, _HELD, write_held(made))

    def held(self, day: date) -> MadeDigest | None:
        """The digest that was to be published, if it is of a form that we know."""
        body = self._get(day, _HELD)
        return None if body is None else read_held(body)

    def put(self, made: MadeDigest) -> None:
        """Store the day's digest, if there is none."""
        self._put(made.digest.day, _DIGEST, write_daily_digest(made), IfNoneMatch="*")

    def put_csv(self, day: date, file: IO[bytes]) -> None:
        """Store the rows of all keys, in the place of those that were stored before."""
        self._put(day, _CSV, file, ContentType="text/csv; charset=utf-8")

    def _get(self, day: date, name: str) -> bytes | None:
        with suppress(NotFound), aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._days.of(day)}{name}")
            return answer["Body"].read()
        return None

    def _put(self, day: date, name: str, body: bytes | IO[bytes], **more: Any) -> None:  # noqa: ANN401 -- as S3 takes it
        more = {"ContentType": "application/json", **more}
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket, Key=f"{self._days.of(day)}{name}", Body=body, **more
            )


class _Rows(RowsInFile):
    """Meets `ports.Rows`."""

    def __init__(self, reports: S3DailyReports, day: date, file: IO[bytes]) -> None:
        super().__init__(file)
        self._reports = reports
        self._day = day

    def store(self) -> None:
        """Store the whole; half of it is not stored."""
        self._reports.put_csv(self._day, self.whole())
