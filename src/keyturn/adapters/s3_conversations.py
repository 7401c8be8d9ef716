"""
What was begun about a key in a channel: one small object for each recipient, account and key.

    <prefix>/channels/_conversations/<recipient>/<account>/<key id>.txt

It holds the channel's own reference and nothing else. A lost one costs a new conversation. While
somebody is about to begin one it holds `?` and a uuid.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AlreadyThere, NotFound, Throttled
from keyturn.domain.recipient import Recipient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

_FOLDER: Final = "channels/_conversations"
_RESERVED: Final = "?"
RESERVED_FOR: Final = timedelta(minutes=15)
"""As long as a claim: what was begun by somebody who died can be found by then."""
_LONGEST: Final = 200
"""Characters of a reference."""


class S3Conversations:
    """Meets `ports.Conversations`."""

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), _FOLDER)))

    def find(self, recipient: Recipient, account: str, key_id: str) -> str | None:
        """The reference; None: there is none."""
        with suppress(NotFound), aws_errors_translated():
            answer = self._s3.get_object(
                Bucket=self._bucket, Key=self._name(recipient, account, key_id)
            )
            text = answer["Body"].read(_LONGEST).decode("ascii", "replace")
            is_reference = text.isprintable() and not text.startswith(_RESERVED)
            return text if text and is_reference else None
        return None

    def begin(self, recipient: Recipient, account: str, key_id: str, reference: str) -> None:
        """Remember the reference."""
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._name(recipient, account, key_id),
                Body=reference[:_LONGEST].encode(),
                ContentType="text/plain",
            )

    def reserve(self, recipient: Recipient, account: str, key_id: str, now: datetime) -> str:
        """Take the right to begin one: the ETag of what says so."""
        name, mark = self._name(recipient, account, key_id), f"{_RESERVED}{uuid4()}"
        with suppress(AlreadyThere):
            return self._put_mark(name, mark)
        try:
            with aws_errors_translated():
                found = self._s3.get_object(Bucket=self._bucket, Key=name)
            text = found["Body"].read(_LONGEST).decode("ascii", "replace")
            if text == mark:  # S3 had taken it, but its answer was lost and the SDK tried again
                return found["ETag"]
            if not text.startswith(_RESERVED):
                raise AlreadyThere(f"{name}: it was begun meanwhile")
            if now - found["LastModified"] < RESERVED_FOR:
                raise Throttled(f"{name}: another is about to begin it")
            # If-Match: of two that find the same dead one, one takes it over.
            return self._put_mark(name, mark, instead_of=found["ETag"])
        except NotFound:
            raise Throttled(f"{name}: it was given back a moment ago") from None

    def give_back(self, recipient: Recipient, account: str, key_id: str, right: str) -> None:
        """Delete what says so, and nothing that is there instead."""
        with suppress(AlreadyThere, NotFound), aws_errors_translated():
            self._s3.delete_object(
                Bucket=self._bucket, Key=self._name(recipient, account, key_id), IfMatch=right
            )

    def _put_mark(self, name: str, mark: str, *, instead_of: str | None = None) -> str:
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": name,
            "Body": mark.encode(),
            "ContentType": "text/plain",
        }
        if instead_of is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = instead_of
        with aws_errors_translated():
            return self._s3.put_object(**request)["ETag"]

    def _name(self, recipient: Recipient, account: str, key_id: str) -> str:
        return f"{self._root}/{recipient.id}/{account}/{key_id}.txt"
