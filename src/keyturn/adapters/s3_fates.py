"""
What became of messages, beside the receipts that they stand behind:

    <prefix>/receipts/_messages/<message id>.json              which receipts a message has
    <prefix>/receipts/…/<receipt>.bounced                      voids that receipt
    <prefix>/receipts/…/<receipt>.delivered                    it was delivered
    <prefix>/receipts/…/<receipt>.missed                       it was not, and the next may be
    <prefix>/receipts/_undeliverable/<recipient>.<since>.json  an address that cannot be reached
    <prefix>/receipts/_reached/<recipient>.json                when a mail was sent that arrived
    <prefix>/receipts/_returned/<recipient>.<at>.json          a mail came back

<recipient> is `<channel>.<hash of the address>`, <since> and <at> times, for which nobody opens
the object. Whoever reads receipts (s3_receipts.py) goes by these names. No account is called
`_messages`, `_undeliverable`, `_reached` or `_returned`.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypedDict
from urllib.parse import quote

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import AlreadyThere, ClaimInProgress, NotFound
from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import SentMessage
from keyturn.schemas.mail_fate import (
    read_message,
    read_reached,
    write_fate,
    write_message,
    write_reached,
    write_undeliverable,
)
from keyturn.schemas.receipt import (
    BOUNCED,
    CLAIM_SIZE,
    DELIVERED,
    MESSAGES,
    MISSED,
    REACHED,
    RETURNED,
    UNDELIVERABLE,
    mark_name,
    read_mark_name,
    read_message_id,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEARD_OF: Final = frozenset({ChannelName.EMAIL})
"""The channels that say later what became of a message."""
_TRIES: Final = 3
"""How often a time is put that others put just now; then the queue comes again."""


class _Condition(TypedDict, total=False):
    """Under which an object is put."""

    IfMatch: str
    IfNoneMatch: str


@dataclass(frozen=True, slots=True)
class _Mark:
    """A marker of an address that cannot be reached."""

    name: str
    since: datetime
    etag: str


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
        return self._note_beside(receipt, event, DELIVERED)

    def note_missed(self, receipt: str, event: MailEvent) -> bool:
        """Put `.missed` beside the receipt."""
        return self._note_beside(receipt, event, MISSED)

    def _note_beside(self, receipt: str, event: MailEvent, ending: str) -> bool:
        try:
            body = self._body_of(receipt)
        except NotFound:
            return False
        if len(body) == CLAIM_SIZE:
            raise ClaimInProgress(f"{receipt} is not confirmed yet")
        if read_message_id(body) != event.message_id:
            return False
        self._put_once(receipt + ending, write_fate(event))
        return True

    def mark_undeliverable(
        self, recipient: Recipient, *, why: str, since: datetime, message_id: str | None
    ) -> None:
        """Put the marker of an address, and remove those that it outlasts."""
        marks = self._marks(recipient)
        if any(_second(since) <= each.since for each in marks):
            return
        body = write_undeliverable(recipient, since=since, why=why, message_id=message_id)
        self._put(f"{self._root}/{UNDELIVERABLE}/{mark_name(recipient.id, since)}", body)
        for each in marks:
            self._remove(each)

    def mark_deliverable(self, recipient: Recipient, *, since: datetime) -> bool:
        """Remove the markers of an address that are older."""
        outdated = [each for each in self._marks(recipient) if each.since < _second(since)]
        for each in outdated:
            self._remove(each)
        return bool(outdated)

    def dead_since(self, recipient: Recipient) -> datetime | None:
        """Look at the markers of an address."""
        return max((each.since for each in self._marks(recipient)), default=None)

    def note_reached(self, recipient: Recipient, *, sent_at: datetime) -> None:
        """Put the time beside the markers, in the place of an earlier one."""
        name = self._of_reached(recipient)
        for _ in range(_TRIES):
            known, etag = self._reached(recipient)
            if known is not None and known >= _second(sent_at):
                return
            # If-Match: an earlier time must not take the place of a later one.
            condition: _Condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            with suppress(AlreadyThere, NotFound), aws_errors_translated():
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=write_reached(recipient, sent_at=sent_at),
                    ContentType="application/json",
                    **condition,
                )
                return
        raise ClaimInProgress(f"{name} is written by others just now")

    def reached_at(self, recipient: Recipient) -> datetime | None:
        """Read that time."""
        return self._reached(recipient)[0]

    def note_returned(self, recipient: Recipient, event: MailEvent) -> None:
        """Put the time beside the others."""
        name = f"{self._root}/{RETURNED}/{mark_name(recipient.id, event.at)}"
        self._put_once(name, write_fate(event))

    def was_returned(self, recipient: Recipient, *, after: datetime, before: datetime) -> bool:
        """Look at the first of these times: their names are in their order."""
        folder = f"{self._root}/{RETURNED}/"
        with aws_errors_translated():
            page = self._s3.list_objects_v2(
                Bucket=self._bucket,
                Prefix=f"{folder}{recipient.id}.",
                StartAfter=f"{folder}{mark_name(recipient.id, after)}",
            )
        names = [thing["Key"].removeprefix(folder) for thing in page.get("Contents", [])]
        return bool(names) and names[0] < mark_name(recipient.id, before)

    def _reached(self, recipient: Recipient) -> tuple[datetime | None, str | None]:
        """The time, and the ETag of the object that says it."""
        with suppress(NotFound), aws_errors_translated():
            found = self._s3.get_object(Bucket=self._bucket, Key=self._of_reached(recipient))
            return read_reached(found["Body"].read()), found["ETag"]
        return None, None

    def _marks(self, recipient: Recipient) -> list["_Mark"]:
        """The markers of an address: one, but while two are at work, or after an upgrade."""
        folder = f"{self._root}/{UNDELIVERABLE}/"
        with aws_errors_translated():
            page = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{folder}{recipient.id}.")
        marks = []
        for thing in page.get("Contents", []):
            name = thing["Key"]
            read = read_mark_name(name.removeprefix(folder), thing["LastModified"].astimezone(UTC))
            if read is not None:
                marks.append(_Mark(name=name, since=read[1], etag=thing["ETag"]))
        return marks

    def _remove(self, mark: "_Mark") -> None:
        # If-Match: one that was put meanwhile is about a later message.
        with suppress(AlreadyThere, NotFound), aws_errors_translated():
            self._s3.delete_object(Bucket=self._bucket, Key=mark.name, IfMatch=mark.etag)

    def _of_message(self, message_id: str) -> str:
        return f"{self._root}/{MESSAGES}/{quote(message_id, safe='')}.json"

    def _of_reached(self, recipient: Recipient) -> str:
        return f"{self._root}/{REACHED}/{recipient.id}.json"

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


def _second(moment: datetime) -> datetime:
    """A time as these names have it: two of one second are one."""
    return moment.replace(microsecond=0)
