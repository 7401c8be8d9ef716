"""
Claim, send, confirm: each notice is sent once to each recipient, and that it was can be proved.

The one place that does this, for whatever is sent. A claim is the right to send; whoever has none
does not send. What becomes of it depends on what is known of the message:

    accepted by the channel        the message is written down, so that what becomes of it can void
                                   its receipts; the claim becomes the receipt (COMPLETED)
    surely not sent                the claim is given back: the next try may send at once
    nobody knows                   the claim stays (IN_PROGRESS) until it is 15 minutes old
                                   (EXPIRED): a message that did arrive is not repeated at once

So a message may come twice where an answer was lost; it never comes zero times and counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from keyturn.domain.errors import KeyturnError, NoticesNotSent, PortError, Refused, Unavailable
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import (
    Channel,
    Claim,
    NoticeContent,
    ReceiptBook,
    SentMessage,
    SentMessages,
)

Part = TypeVar("Part")
"""What is claimed on its own: a message may hold several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Generic[Part]):
    """What was sent now."""

    parts: tuple[Part, ...] = ()
    message_id: str | None = None
    """None: no message went out."""
    unreachable: str | None = None
    """Why none was sent: the recipient cannot be reached, and that was written down."""


@dataclass(frozen=True, slots=True)
class _Claimed(Generic[Part]):
    """What is ours to send now, and why the rest is not."""

    parts: tuple[Part, ...]
    claims: tuple[Claim, ...]
    errors: tuple[KeyturnError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOnce:
    """Sends to one recipient, by the recipient's channel, what they have not been sent yet."""

    book: ReceiptBook
    messages: SentMessages
    channels: Mapping[ChannelName, Channel]
    """Channel's name → the channel; a recipient of any other is refused."""

    def send(
        self,
        parts: Sequence[Part],
        recipient: Recipient,
        now: datetime,
        *,
        claim: Callable[[Part], Claim | None],
        write: Callable[[tuple[Part, ...]], NoticeContent],
    ) -> Sent[Part]:
        """
        Send in one message whatever can be claimed.

        Args:
            parts: what the message is to hold.
            recipient: to whom it goes, and by which channel.
            now: UTC; the time that stands in the receipts.
            claim: claims a part; None: it was sent before.
            write: what the message says of the parts that were claimed.

        Returns:
            The parts that were sent now, and the channel's id of the message.

        Raises:
            Refused, Throttled: nothing was sent.
            Unavailable: nobody knows whether it was sent; the claims stay.
            NoticesNotSent: a part was left to another notifier, or was sent and could not be
                written down or confirmed, and then its claim stays, too.

            To try again is safe after each of them.
        """
        channel = self.channels.get(recipient.channel)
        if channel is None:
            raise Refused(f"no channel {recipient.channel} is set up")
        ours = _claimed(parts, claim)
        if not ours.claims:
            _raise_if_any(ours.errors)
            return Sent()

        try:
            message = channel.render(write(ours.parts), recipient)
        except Exception as error:
            self._release(ours.claims, error)
            raise

        try:
            message_id = message.send()
        except Unavailable as error:
            _note(error, ours.errors)
            raise
        except PortError as error:
            self._release(ours.claims, error)
            _note(error, ours.errors)
            raise

        self._note(ours, recipient, message_id, now)
        unconfirmed = _each(
            ours.claims, lambda claim: self.book.confirm(claim, message_id=message_id, now=now)
        )
        _raise_if_any([*unconfirmed, *ours.errors])
        return Sent(parts=ours.parts, message_id=message_id)

    def _note(
        self, ours: "_Claimed[Part]", recipient: Recipient, message_id: str, now: datetime
    ) -> None:
        """
        Write the message down, before any receipt of it counts.

        Raises NoticesNotSent where that fails: a receipt that no bounce can void is none, so all
        claims stay until the message is sent again.
        """
        names = tuple(claim.name for claim in ours.claims)
        message = SentMessage(id=message_id, recipient=recipient, receipts=names)
        try:
            self.messages.note(message, now)
        except KeyturnError as error:
            raise NoticesNotSent([error, *ours.errors]) from error

    def _release(self, claims: Iterable[Claim], because: Exception) -> None:
        """Give the claims back; one that stays is only tried again later."""
        _note(because, _each(claims, self.book.release))


def _claimed(parts: Iterable[Part], claim: Callable[[Part], Claim | None]) -> _Claimed[Part]:
    """Claim all that can be claimed; one part in another's hands does not hold the rest."""
    ours: list[tuple[Part, Claim]] = []
    errors: list[KeyturnError] = []
    for part in parts:
        try:
            claimed = claim(part)
        except KeyturnError as error:
            errors.append(error)
        else:
            if claimed is not None:
                ours.append((part, claimed))
    return _Claimed(
        tuple(part for part, _ in ours), tuple(claimed for _, claimed in ours), tuple(errors)
    )


def _each(claims: Iterable[Claim], do: Callable[[Claim], None]) -> list[KeyturnError]:
    """Do it for each claim, whatever comes of the others."""
    errors: list[KeyturnError] = []
    for claim in claims:
        try:
            do(claim)
        except KeyturnError as error:
            errors.append(error)
    return errors


def _note(error: Exception, others: Iterable[KeyturnError]) -> None:
    for other in others:
        error.add_note(f"and: {other}")


def _raise_if_any(errors: Sequence[KeyturnError]) -> None:
    if errors:
        raise NoticesNotSent(errors) from errors[0]
