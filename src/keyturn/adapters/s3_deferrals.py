"""
The time that operators gave keys: an object for each, `<prefix>/deferrals/<account>/<key>.json`.

It stays when its day is over: what was promised before it proves nothing after it.
"""

from typing import TYPE_CHECKING, TypedDict

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.deferral import Deferral
from keyturn.ports import StoredDeferral
from keyturn.schemas.deferral import read_deferral, write_deferral

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class S3Deferrals:
    """
    Meets `ports.Deferrals`.

    Reading needs s3:ListBucket and s3:GetObject on `<prefix>/deferrals/*`, to give time
    s3:PutObject besides.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "deferrals")))

    def keys_of(self, account: str) -> frozenset[str]:
        """The ids of the keys of an account that were ever given time."""
        folder = f"{self._root}/{account}/"
        found: set[str] = set()
        with aws_errors_translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder
            )
            for page in pages:
                found.update(
                    each["Key"].removeprefix(folder).removesuffix(".json")
                    for each in page.get("Contents", [])
                )
        return frozenset(found)

    def of_key(self, account: str, key_id: str) -> StoredDeferral:
        """What a key was given."""
        with aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._name(account, key_id))
            body, written = answer["Body"].read(), answer["LastModified"]
        found = read_deferral(body, account=account, key_id=key_id, written=written)
        return StoredDeferral(found=found, version=answer["ETag"])

    def put(self, deferral: Deferral, *, instead_of: str | None) -> None:
        """Store it in the place of what was read."""
        condition: _Condition = {"IfMatch": instead_of} if instead_of else {"IfNoneMatch": "*"}
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name(deferral.account, deferral.key_id),
                Body=write_deferral(deferral),
                ContentType="application/json",
                **condition,
            )

    def _name(self, account: str, key_id: str) -> str:
        return f"{self._root}/{account}/{key_id}.json"
