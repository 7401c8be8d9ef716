"""
What became of messages, beside the receipts that they stand behind:

    <prefix>/receipts/_messages/<message id>.json              which receipts a message has
    <prefix>/receipts/…/<receipt>.bounced                      voids that receipt
    <prefix>/receipts/…/<receipt>.delivered                    it was delivered
    <prefix>/receipts/_undeliverable/<channel>.<hash>.json     an address that cannot be reached

Whoever reads receipts (s3_receipts.py) goes by these names. No account is called `_messages` or
`_undeliverable`.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AlreadyThere, ClaimInProgress, NotFound
from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import SentMessage
from keyturn.schemas.mail_fate import (
    read_message,
    write_fate,
    write_message,
    write_undeliverable,
)
from keyturn.schemas.receipt import (
    BOUNCED,
    CLAIM_SIZE,
    DELIVERED,
    UNDELIVERABLE,
    read_message_id,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MESSAGES: Final = "_messages"
_HEARD_OF: Final = frozenset({ChannelName.EMAIL})
"""The channels that say later what became of a message."""


class S3Fates:
    """
    Meets `ports.SentMessages`, `ports.Fates` and `ports.AddressMarks`.

    Needs what `S3Receipts` needs for the notifier: s3:PutObject, GetObject and DeleteObject on
    `<prefix>/receipts/*`, and s3:ListBucket on that prefix.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = "/".join(filter(None, (prefix.strip("/"), "receipts")))

    def note(self, message: SentMessage, now: datetime) -> None:
        """Write down which receipts a message has."""
        if message.recipient.channel not in _HEARD_OF:
            return
        names = [name.removeprefix(f"{self._root}/") for name in message.receipts]
        body = write_message(
            message.recipient, at=now, message_id=message.id, receipts=sorted(names)
        )
        self._put(self._of_message(message.id), body)

    def sent(self, message_id: str) -> SentMessage | None:
        """Read which receipts a message has."""
        try:
            found = read_message(self._body_of(self._of_message(message_id)))
        except NotFound:
            return None
        if found is None:
            return None
        recipient, receipts = found
        names = tuple(f"{self._root}/{name}" for name in receipts)
        return SentMessage(id=message_id, recipient=recipient, receipts=names)

    def void(self, receipt: str, event: MailEvent) -> bool:
        """Put `.bounced` beside the receipt, or the claim."""
        try:
            body = self._body_of(receipt)
        except NotFound:
            return False
        # A claim, and what does not say of which message it is, may be of this one: it is voided.
        # At the worst its recipient is notified once more.
        if len(body) != CLAIM_SIZE and read_message_id(body) not in {None, event.message_id}:
            return False
        self._put_once(receipt + BOUNCED, write_fate(event))
        return True

    def note_delivery(self, receipt: str, event: MailEvent) -> bool:
        """Put `.delivered` beside the receipt."""
        try:
            body = self._body_of(receipt)
        except NotFound:
            return False
        if len(body) == CLAIM_SIZE:
            raise ClaimInProgress(f"{receipt} is not confirmed yet")
        if read_message_id(body) != event.message_id:
            return False
        self._put_once(receipt + DELIVERED, write_fate(event))
        return True

    def mark_undeliverable(
        self, recipient: Recipient, *, why: str, at: datetime, message_id: str | None
    ) -> None:
        """Put the marker of an address, or a newer one."""
        body = write_undeliverable(recipient, at=at, why=why, message_id=message_id)
        self._put(self._of_address(recipient), body)

    def mark_deliverable(self, recipient: Recipient, *, sent_at: datetime) -> bool:
        """Remove the marker of an address, if it is older than the message."""
        name = self._of_address(recipient)
        try:
            with aws_errors_translated():
                head = self._s3.head_object(Bucket=self._bucket, Key=name)
        except NotFound:
            return False
        if head["LastModified"].astimezone(UTC) >= sent_at:
            return False
        # If-Match: one that was put meanwhile is about a later message.
        with suppress(AlreadyThere, NotFound), aws_errors_translated():
            self._s3.delete_object(Bucket=self._bucket, Key=name, IfMatch=head["ETag"])
            return True
        return False

    def _of_message(self, message_id: str) -> str:
        return f"{self._root}/{_MESSAGES}/{quote(message_id, safe='')}.json"

    def _of_address(self, recipient: Recipient) -> str:
        return f"{self._root}/{UNDELIVERABLE}/{recipient.id}.json"

    def _body_of(self, name: str) -> bytes:
        with aws_errors_translated():
            return self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()

    def _put(self, name: str, body: bytes) -> None:
        with aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket, Key=name, Body=body, ContentType="application/json"
            )

    def _put_once(self, name: str, body: bytes) -> None:
        """Put what stays as it was first put: an event may come twice."""
        with suppress(AlreadyThere), aws_errors_translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ContentType="application/json",
                IfNoneMatch="*",
            )
