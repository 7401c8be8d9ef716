"""What becomes of a message after its channel has taken it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.recipient import Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that a channel took, and what it is the proof of."""

    id: str
    """The channel's own."""
    recipient: Recipient
    receipts: tuple[str, ...]
    """The names of its claims, or of the receipts that these became."""


class SentMessages(Protocol):
    """Which messages were sent, for whoever hears later what became of one."""

    def note(self, message: SentMessage, now: datetime) -> None:
        """Write down that it was sent; now: UTC. Of what can have no fate nothing is written."""


class Fates(Protocol):
    """What became of messages, beside their receipts."""

    def sent(self, message_id: str) -> SentMessage | None:
        """The message of an id; None: we sent none of that id, or it is not written down yet."""

    def void(self, receipt: str, event: MailEvent) -> bool:
        """
        Void a receipt, or a claim that may become one; a second time changes nothing.

        False: it is of another message by now, or gone, and stays as it is.
        """

    def note_delivery(self, receipt: str, event: MailEvent) -> bool:
        """
        Write down that what a receipt stands for was delivered.

        False: it is of another message by now, or gone. Raises ClaimInProgress where it is not
        confirmed yet: nobody knows whether the message is its own.
        """

    def note_missed(self, receipt: str, event: MailEvent) -> bool:
        """Write down that it did not arrive, and that the next one may; likewise."""


class AddressMarks(Protocol):
    """Which recipients cannot be reached, for whoever chooses whom to notify."""

    def mark_undeliverable(
        self, recipient: Recipient, *, why: str, since: datetime, message_id: str | None
    ) -> None:
        """Write down since when a recipient cannot be reached, UTC."""

    def mark_deliverable(self, recipient: Recipient, *, since: datetime) -> bool:
        """
        Forget that a recipient could not be reached, as far as that was found before, UTC.

        Answers whether there was anything to forget.
        """

    def dead_since(self, recipient: Recipient) -> datetime | None:
        """Since when a recipient cannot be reached, UTC; None: nothing says so."""

    def note_reached(self, recipient: Recipient, *, sent_at: datetime) -> None:
        """
        Write down when the last message was sent that reached a recipient, UTC.

        An earlier one changes nothing. Raises ClaimInProgress where others write it down at the
        same time: to be tried again.
        """

    def reached_at(self, recipient: Recipient) -> datetime | None:
        """When the last message was sent that reached a recipient, UTC; None: nobody knows."""

    def note_returned(self, recipient: Recipient, event: MailEvent) -> None:
        """Write down that a message to a recipient came back; it is never forgotten."""

    def was_returned(self, recipient: Recipient, *, after: datetime, before: datetime) -> bool:
        """Whether a message to a recipient came back between two times, UTC, both left out."""


class SuppressionList(Protocol):
    """The addresses to which SES takes mails and sends none."""

    def why_suppressed(self, recipient: Recipient) -> str | None:
        """Why the address is on the list, in SES's word; None: it is not."""
