"""
The tally of keys that end: one object in the bucket for each run and UTC day.

    <prefix>/tally/<account>/<day>/<run>.json           what a run is about to end
    <prefix>/tally/<account>/<day>/<run>.order.json     what an operator's order is about

A run writes its object before it disables or deletes the first key, and then looks for those
of others: S3 shows every object at once after its PUT, so of two runs at least one sees both.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from itertools import chain
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError
from keyturn.ports import Reservation
from keyturn.schemas.reservation import read_reservation, write_reservation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_END = {False: ".json", True: ".order.json"}


class S3DailyLimitLedger:
    """
    Meets `ports.DailyLimitLedger`.

    It needs s3:PutObject and GetObject on `<prefix>/tally/*`, and s3:ListBucket on that prefix.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "tally")))

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:
        """
        What each run noted down on a UTC day.

        Raises PortError where an object cannot be read: that is no small number of keys.
        """
        folder = f"{self._root}/{account}/{day.isoformat()}/"
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder
            )
            found = list(chain.from_iterable(page.get("Contents", []) for page in pages))
        return [
            self._note(thing["Key"], thing["Key"].removeprefix(folder), thing["LastModified"])
            for thing in found
        ]

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        """Note down a run's keys, in place of what it noted before."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"{self._root}/{account}/{day.isoformat()}/{run}{_END[ordered]}",
                Body=write_reservation(keys),
                ContentType="application/json",
            )

    def _note(self, name: str, run: str, at: datetime) -> Reservation:
        ordered = run.endswith(_END[True])
        run = run.removesuffix(_END[ordered])
        return Reservation(run=run, keys=self._keys(name), at=at, ordered=ordered)

    def _keys(self, name: str) -> frozenset[str]:
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        try:
            return read_reservation(body)
        except (KeyError, TypeError, ValueError):
            raise PortError(f"{name} holds no list of keys") from None
