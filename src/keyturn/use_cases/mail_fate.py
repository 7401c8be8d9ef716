"""
Who can be reached, and what became of what was sent to them.

SES takes a mail before anybody knows whether it arrives. What it says later comes here: a mail
that came back voids its receipts, and its address is left out until a later mail arrives there.
What arrives there is no excuse for what comes back again and again.
An address that SES would not send to is known before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Final

from keyturn.domain.errors import ClaimInProgress, NoSuchRecipient, PortError, Throttled
from keyturn.domain.mail_fate import MailEvent, MailFate
from keyturn.domain.owner import UNDELIVERABLE_LIFE
from keyturn.domain.recipient import Recipient
from keyturn.ports import AddressMarks, Fates, SentMessage, SuppressionList
from keyturn.use_cases.send_once import Part, Sent
from keyturn.use_cases.side_by_side import side_by_side

NOTED_WITHIN: Final = timedelta(minutes=15)
"""A message that is not written down so long after SES took it never will be: a claim's life."""
_WORKERS: Final = 8
"""So many receipts of one mail are written at the same time."""


class FateOutcome(StrEnum):
    """What an event about a mail came to."""

    VOIDED = "voided"
    DELIVERED = "delivered"
    IGNORED = "ignored"
    """It is about another application's mail, or about one that nothing is known of."""
    MISSED = "missed"
    """The mail did not arrive; the next one may."""
    HARMLESS = "harmless"
    """It changes nothing: the mail is no spam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFate:
    """What became of a mail, and what was written down."""

    outcome: FateOutcome
    recipient: Recipient | None = None
    receipts: int = 0
    """How many of them it voided, or proved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMailFate:
    """Writes down what became of a mail; twice, and in any order, changes nothing more."""

    fates: Fates
    marks: AddressMarks

    def record(self, event: MailEvent, now: datetime) -> RecordedFate:
        """
        Write it down, if it says anything about the receipts of a mail of ours.

        Raises ClaimInProgress where the mail is not written down or not confirmed yet: to be
        tried again, until nobody can be about to do so.
        """
        message = self.fates.sent(event.message_id)
        if message is None:
            if event.is_tagged:
                _wait(event, now, "is not written down yet")
            return RecordedFate(outcome=FateOutcome.IGNORED)
        if event.fate.voids:
            return self._void(message, event, now)
        if event.fate is MailFate.DELIVERED:
            noted = self._noted(self.fates.note_delivery, message, event, now)
            # In this order: whoever marks it meanwhile sees the one, or is seen by the other.
            self.marks.note_reached(message.recipient, sent_at=event.sent_at)
            self.marks.mark_deliverable(message.recipient, since=event.sent_at)
            return replace(noted, outcome=FateOutcome.DELIVERED)
        if event.fate is MailFate.TRANSIENT:
            noted = self._noted(self.fates.note_missed, message, event, now)
            return replace(noted, outcome=FateOutcome.MISSED)
        return RecordedFate(outcome=FateOutcome.HARMLESS, recipient=message.recipient)

    def _void(self, message: SentMessage, event: MailEvent, now: datetime) -> RecordedFate:
        voided = side_by_side(
            lambda receipt: self.fates.void(receipt, event), message.receipts, workers=_WORKERS
        )
        if event.fate.condemns_address:
            self._condemn(message, event, now)
        return RecordedFate(
            outcome=FateOutcome.VOIDED, recipient=message.recipient, receipts=sum(voided)
        )

    def _condemn(self, message: SentMessage, event: MailEvent, now: datetime) -> None:
        """
        Mark the address, unless the event is too old to say anything of it now.

        A mail that was sent after another had come back, and comes back itself, is no event of
        long ago: its address is marked from now on, whatever was delivered there meanwhile. Else
        a server that takes each mail, and sends it back once it took the next, would keep a key
        for ever, and nobody but its owner would hear of it.

        Marked is the message's own recipient, whoever the event names: a mail that was forwarded
        comes back from an address that is not ours to judge, and reached nobody all the same.
        """
        recipient = message.recipient
        again = self._came_back_before(recipient, event)
        since = event.at if again else event.dead_since
        self.marks.note_returned(recipient, event)
        if now - since >= UNDELIVERABLE_LIFE or self._reached_after(recipient, since):
            return
        fate = f"{event.fate} again" if again else event.fate
        self.marks.mark_undeliverable(
            recipient,
            why=f"{fate}: {event.why}" if event.why else fate,
            since=since,
            message_id=message.id,
        )
        # Once more: the report of a delivery may have come meanwhile, and found no mark to lift.
        if reached := self._reached_after(recipient, since):
            self.marks.mark_deliverable(recipient, since=reached)

    def _came_back_before(self, recipient: Recipient, event: MailEvent) -> bool:
        """Whether another mail had come back in the 60 days before this one was sent."""
        # Those that were sent before are of the same trouble: their events may come together.
        # Twice the life of a mark: that its time is over is no reason to believe the address
        # again, if the first mail after it comes back.
        return self.marks.was_returned(
            recipient, after=event.sent_at - 2 * UNDELIVERABLE_LIFE, before=event.sent_at
        )

    def _reached_after(self, recipient: Recipient, since: datetime) -> datetime | None:
        """When a later mail was sent that reached the recipient; None: none did."""
        reached = self.marks.reached_at(recipient)
        return reached if reached is not None and reached > since else None

    def _noted(
        self,
        note: Callable[[str, MailEvent], bool],
        message: SentMessage,
        event: MailEvent,
        now: datetime,
    ) -> RecordedFate:
        """Write it beside each receipt that is the message's own."""

        def beside(receipt: str) -> bool:
            try:
                return note(receipt, event)
            except ClaimInProgress as error:
                _wait(event, now, str(error))
                return False

        noted = side_by_side(beside, message.receipts, workers=_WORKERS)
        return RecordedFate(
            outcome=FateOutcome.HARMLESS, recipient=message.recipient, receipts=sum(noted)
        )


def _wait(event: MailEvent, now: datetime, why: str) -> None:
    """Raise ClaimInProgress, unless whoever sent the mail is surely done with it."""
    if now - event.sent_at < NOTED_WITHIN:
        raise ClaimInProgress(f"{event.message_id}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SayReachable:
    """Takes an operator's word for it that an address can be reached again."""

    marks: AddressMarks

    def dead_since(self, recipient: Recipient, now: datetime) -> datetime | None:
        """Since when it counts as dead, UTC; None: it does not."""
        since = self.marks.dead_since(recipient)
        return since if since is not None and now - since < UNDELIVERABLE_LIFE else None

    def say(self, recipient: Recipient, now: datetime) -> bool:
        """
        Lift its mark; what AWS says later of mails from before now makes no new one.

        Answers whether there was one.
        """
        self.marks.note_reached(recipient, sent_at=now)
        return self.marks.mark_deliverable(recipient, since=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """Asks, before a mail that is to prove something, whether SES would send it at all."""

    suppression_list: SuppressionList
    marks: AddressMarks
    warn: Callable[[str], None]
    """Gets a sentence, once, if the list cannot be asked."""
    _asked: dict[Recipient, str | None] = field(default_factory=dict)
    """Recipient → why SES would not send, written down; kept for one invocation."""
    _warned: list[str] = field(default_factory=list)
    _turns: dict[Recipient, Lock] = field(default_factory=dict)
    """Recipient → held while it is asked about: several messages are sent at once."""
    _alone: Lock = field(default_factory=Lock)
    """Held while it is asked again what SES refused to say to several at once."""
    _lock: Lock = field(default_factory=Lock)
    """Held for moments."""

    def sent(
        self, recipient: Recipient, now: datetime, send: Callable[[], Sent[Part]]
    ) -> Sent[Part]:
        """
        Send, unless the recipient cannot be reached; that is written down, and answered.

        Raises what `send` raises, and what `why_not` does; then nothing was sent.
        """
        if why := self.why_not(recipient, now):
            return Sent(unreachable=why)
        return self.sent_or_marked(recipient, now, send)

    def sent_or_marked(
        self, recipient: Recipient, now: datetime, send: Callable[[], Sent[Part]]
    ) -> Sent[Part]:
        """The same, without asking before: what proves nothing may go to whom no mail reaches."""
        try:
            return send()
        except NoSuchRecipient as refused:
            why = f"refused by SES ({refused})"
            self._mark(recipient, why, now)
            return Sent(unreachable=why)

    def why_not(self, recipient: Recipient, now: datetime) -> str | None:
        """
        Say why a recipient cannot be reached, and write it down; None: they can, or nobody knows.

        What nobody knows holds no mail: what comes of it is heard later. Raises a PortError where
        it could not be written down, for then it would be forgotten.
        """
        with self._lock:
            turn = self._turns.setdefault(recipient, Lock())
        with turn:
            if recipient not in self._asked:
                why = self._ask(recipient)
                said = why and f"on the account's suppression list of SES ({why})"
                if said is not None:
                    self._mark(recipient, said, now)
                self._asked[recipient] = said
            return self._asked[recipient]

    def _mark(self, recipient: Recipient, why: str, now: datetime) -> None:
        self.marks.mark_undeliverable(recipient, why=why, since=now, message_id=None)

    def _ask(self, recipient: Recipient) -> str | None:
        try:
            return self._answer(recipient)
        except PortError as error:
            with self._lock:
                if not self._warned:
                    self.warn(f"SES's suppression list could not be asked: {error}")
                    self._warned.append(str(error))
            return None

    def _answer(self, recipient: Recipient) -> str | None:
        try:
            return self.suppression_list.why_suppressed(recipient)
        except Throttled:
            # Asked one after the other, more of them are answered; an unanswered one proves less.
            with self._alone:
                return self.suppression_list.why_suppressed(recipient)
