"""
The reports of weeks and months.

    <prefix>/reports/weekly/date=<day>/<week>/report.csv        all lines, and a row an account
    <prefix>/reports/weekly/date=<day>/<week>/report.html       the page
    <prefix>/reports/weekly/date=<day>/<week>/report.ocsf.json  findings, one a line
    <prefix>/reports/weekly/date=<day>/<week>/report.json       the report: with it they are final
    <prefix>/reports/weekly/date=<day>/<week>/published.json    that it was put on the bus

And `monthly` likewise. The day is the one on which it was made.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.rows_in_file import RowsInFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}


class S3PeriodReports:
    """
    Meets `ports.period_reports.PeriodReports`.

    It needs s3:GetObject and s3:PutObject on `<prefix>/reports/weekly/*` and
    `<prefix>/reports/monthly/*`, and s3:ListBucket on these prefixes.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "".join(f"{part}/" for part in (prefix.strip("/"),) if part)

    def names(self, start: str, *, after: str) -> Iterator[str]:
        """The names that begin so and sort behind another."""
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=f"{self._root}{start}",
                StartAfter=f"{self._root}{after}",
            )
            for page in pages:
                for each in page.get("Contents", []):
                    yield each["Key"].removeprefix(self._root)

    def has(self, name: str) -> bool:
        """Whether there is an object of that name: by a list, which is never "denied"."""
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(
                Bucket=self._bucket, Prefix=f"{self._root}{name}", MaxKeys=1
            )
        return bool(answer.get("KeyCount"))

    def read(self, name: str) -> bytes:
        """An object."""
        with aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._root}{name}")
            return answer["Body"].read()

    def add(self, name: str, body: bytes) -> None:
        """Store a new object."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"{self._root}{name}",
                Body=body,
                ContentType=_TYPES[name.rpartition(".")[2]],
                IfNoneMatch="*",
            )

    @contextmanager
    def rows(self) -> Generator["_Rows"]:
        """Gather rows in a file, which no organisation is too large for."""
        with TemporaryFile() as file:
            yield _Rows(self, file)

    def put(self, name: str, file: IO[bytes]) -> str:
        """Store rows, in the place of those of an earlier try; the object's whole name."""
        key = f"{self._root}{name}"
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=file,
                ContentType=_TYPES[name.rpartition(".")[2]],
            )
        return key


class _Rows(RowsInFile):
    """Meets `ports.period_reports.ReportRows`."""

    def __init__(self, reports: S3PeriodReports, file: IO[bytes]) -> None:
        super().__init__(file)
        self._reports = reports

    def store(self, name: str) -> str:
        """Store the whole; half of it is not stored."""
        return self._reports.put(name, self.whole())
