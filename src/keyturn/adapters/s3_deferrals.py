"""
What begins a new stretch: the time that keys were given, and removals from the exemption group.

    <prefix>/deferrals/<account>/<key id>.json     the time of a key
    <prefix>/deferrals/<account>/<UserId>.json     the last removal of a user

An object stays when it is over: what was promised before it proves nothing after it. They are in
one folder, so that a run knows of both by one call.
"""

from typing import TYPE_CHECKING, TypedDict

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import Unknown
from keyturn.domain.removal import Removal
from keyturn.ports import StoredDeferral
from keyturn.schemas.deferral import read_deferral, write_deferral
from keyturn.schemas.removal import read_removal, write_removal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class S3Deferrals:
    """
    Meets `ports.Deferrals`.

    Reading needs s3:ListBucket and s3:GetObject on `<prefix>/deferrals/*`; to give time, or to
    remove somebody, s3:PutObject besides.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "deferrals")))

    def known_of(self, account: str) -> frozenset[str]:
        """The ids of an account's keys that were ever given time, and of users ever removed."""
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

    def removal_of(self, account: str, user_id: str) -> Removal | Unknown:
        """The last removal of a user."""
        with aws_errors_translated():
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._name(account, user_id))
            body, written = answer["Body"].read(), answer["LastModified"]
        return read_removal(body, account=account, user_id=user_id, written=written)

    def put_removal(self, removal: Removal) -> None:
        """Store it, in the place of an earlier one."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name(removal.account, removal.user_id),
                Body=write_removal(removal),
                ContentType="application/json",
            )

    def _name(self, account: str, of_id: str) -> str:
        return f"{self._root}/{account}/{of_id}.json"
