"""
The tally of keys that end: one object in the bucket for each run and UTC day.

    <prefix>/tally/<account>/<day>/<run>.json

A run writes its object before it disables or deletes the first key, and then looks for those
of others: S3 shows every object at once after its PUT, so of two runs at least one sees both.
"""

import json
from collections.abc import Collection, Mapping
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Tally:
    """
    Meets `ports.Tally`.

    It needs s3:PutObject and GetObject on `<prefix>/tally/*`, and s3:ListBucket on that prefix.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "tally")))

    def of_day(self, account: str, day: date) -> Mapping[str, frozenset[str]]:
        """The ids of the keys, by run; an object that cannot be read is no small number."""
        folder = f"{self._root}/{account}/{day.isoformat()}/"
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder
            )
            found = list(chain.from_iterable(page.get("Contents", []) for page in pages))
        names = [thing["Key"] for thing in found]
        return {
            name.removeprefix(folder).removesuffix(".json"): self._keys(name) for name in names
        }

    def note(self, account: str, day: date, run: str, keys: Collection[str]) -> None:
        """Note down a run's keys, in place of what it noted before."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=f"{self._root}/{account}/{day.isoformat()}/{run}.json",
                Body=json.dumps({"keys": sorted(keys)}).encode(),
                ContentType="application/json",
            )

    def _keys(self, name: str) -> frozenset[str]:
        with aws_errors_translated():
            body = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        try:
            return frozenset(map(str, json.loads(body)["keys"]))
        except (KeyError, TypeError, ValueError):
            raise PortError(f"{name} holds no list of keys") from None
