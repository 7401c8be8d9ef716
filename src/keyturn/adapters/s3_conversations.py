"""
What was begun about a key in a channel: one small object for each recipient, account and key.

    <prefix>/channels/_conversations/<recipient>/<account>/<key id>.txt

It holds the channel's own reference and nothing else. A lost one costs a new conversation.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.domain.recipient import Recipient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FOLDER: Final = "channels/_conversations"
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
            return text if text.isprintable() and text else None
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

    def _name(self, recipient: Recipient, account: str, key_id: str) -> str:
        return f"{self._root}/{recipient.id}/{account}/{key_id}.txt"
