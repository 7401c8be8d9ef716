"""
What accounts looked like, one object for each account and UTC day.

    <prefix>/snapshots/date=<day>/account=<account>.json

One line of JSON, in folders that Athena takes for partitions: it reads them as they lie.
"""

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, TypedDict

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.s3_days import DatedFolders
from keyturn.domain.errors import AlreadyThere, NotFound
from keyturn.schemas.snapshot import Snapshot, as_line, read_snapshot

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Condition(TypedDict, total=False):
    IfNoneMatch: str


class S3Snapshots:
    """
    Meets `ports.Snapshots`.

    It needs s3:PutObject and GetObject on `<prefix>/snapshots/*`, and s3:ListBucket on that
    prefix, without which S3 answers "denied" instead of "not there".
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._days = DatedFolders(s3, bucket=bucket, prefix=prefix, folder="snapshots")

    def of_day(self, account: str, day: date) -> Snapshot | None:
        """The snapshot of a day, if it is of a form that we know."""
        with suppress(NotFound), aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._name(account, day))
            return read_snapshot(answer["Body"].read())
        return None

    def put(self, account: str, day: date, snapshot: Snapshot) -> None:
        """Write it, in the place of the day's earlier one."""
        self._put(account, day, snapshot, {})

    def put_first(self, account: str, day: date, snapshot: Snapshot) -> bool:
        """Write it where the day has none; False: it has one, and nothing was written."""
        try:
            self._put(account, day, snapshot, {"IfNoneMatch": "*"})
        except AlreadyThere:
            return False
        return True

    def _put(self, account: str, day: date, snapshot: Snapshot, condition: _Condition) -> None:
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name(account, day),
                Body=as_line(snapshot),
                ContentType="application/json",
                **condition,
            )

    def _name(self, account: str, day: date) -> str:
        return f"{self._days.of(day)}account={account}.json"
