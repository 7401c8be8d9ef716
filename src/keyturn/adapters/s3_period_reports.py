"""
The reports of weeks and months.

    <prefix>/reports/weekly/date=<day>/<week>/report.csv        all lines, and a row an account
    <prefix>/reports/weekly/date=<day>/<week>/report.html       the page
    <prefix>/reports/weekly/date=<day>/<week>/report.ocsf.json  findings, one a line
    <prefix>/reports/weekly/date=<day>/<week>/report.json       the report: with it they are final
    <prefix>/reports/weekly/date=<day>/<week>/published.json    that it was put on the bus

And `monthly` likewise. The day is the one on which it was made. None of them is ever replaced:
where a broken-off try stored something else, `report-<its hash>.csv` stands beside it. What a turn
leaves for the next one is in `_parts/` (use_cases/report_in_parts.py).
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.adapters.rows_in_file import RowsInFile
from keyturn.domain.errors import AlreadyThere, Refused
from keyturn.ports.period_reports import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PIECE: Final = 1024 * 1024
"""Bytes: a list of keys may be larger than the memory."""
_DIGITS: Final = 12
"""Of a SHA-256, in a name."""
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}


class S3PeriodReports:
    """
    Meets `ports.period_reports.PeriodReports`.

    It needs s3:GetObject and s3:PutObject on `<prefix>/reports/weekly/*`,
    `<prefix>/reports/monthly/*` and `<prefix>/reports/page/*`,
    and s3:ListBucket on these prefixes.
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

    def put(self, name: str, file: IO[bytes]) -> Stored:
        """
        Store rows for good: neither what an earlier try stored nor a later one is replaced.

        Raises Refused where something else has even the second name.
        """
        sha256 = _sha256_of(iter(lambda: file.read(_PIECE), b""))
        for each in (name, _beside(name, sha256)):
            found = Stored(name=f"{self._root}{each}", sha256=sha256)
            file.seek(0)
            with suppress(AlreadyThere), aws_errors_translated():
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=found.name,
                    Body=file,
                    ContentType=_TYPES[name.rpartition(".")[2]],
                    IfNoneMatch="*",
                )
                return found
            if self._sha256(found.name) == sha256:  # stored by an earlier try, or a lost call
                return found
        message = f"{name} is stored already, and is something else"
        raise Refused(message)

    def _sha256(self, key: str) -> str:
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
            return _sha256_of(body.iter_chunks(_PIECE))


def _sha256_of(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _beside(name: str, sha256: str) -> str:
    """Where it goes if an earlier try stored something else under its name."""
    folder, _, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}/{stem}-{sha256[:_DIGITS]}.{ending}"


class _Rows(RowsInFile):
    """Meets `ports.period_reports.ReportRows`."""

    def __init__(self, reports: S3PeriodReports, file: IO[bytes]) -> None:
        super().__init__(file)
        self._reports = reports

    def store(self, name: str) -> Stored:
        """Store the whole; half of it is not stored."""
        return self._reports.put(name, self.whole())
