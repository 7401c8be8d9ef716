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

A channel that is only too busy is asked again while the sender has patience, with the claims held;
that is safe, for it said that nothing was sent. What nobody knows is never sent again at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final, Generic, TypeVar

from keyturn.domain.errors import (
    KeyturnError,
    NoticesNotSent,
    PortError,
    RateExceeded,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Channel, Claim, ReceiptBook, RenderedNotice, SentMessage, SentMessages
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.side_by_side import side_by_side

AT_ONCE: Final = 4
"""
Parts of a message that are claimed or confirmed at the same time.

For each of sixteen messages (functions/notifier.py): fewer together than a client's connections.
"""

Part = TypeVar("Part")
"""What is claimed on its own: a message may hold several."""
Thing = TypeVar("Thing")
Result = TypeVar("Result")


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
    messages: SentMessages | None
    """None: nobody hears later what became of a message, so none is written down."""
    channels: Mapping[ChannelName, Channel]
    """Channel's name → the channel; a recipient of any other is refused."""

    def send(  # noqa: PLR0913 -- who calls it sees all that sending once takes
        self,
        parts: Sequence[Part],
        recipient: Recipient,
        now: datetime,
        *,
        claim: Callable[[Part], Claim | None],
        write: Callable[[tuple[Part, ...]], NoticeContent],
        patience: Patience,
    ) -> Sent[Part]:
        """
        Send in one message whatever can be claimed.

        Args:
            parts: what the message is to hold.
            recipient: to whom it goes, and by which channel.
            now: UTC; the time that stands in the receipts.
            claim: claims a part; None: it was sent before. Several threads call it.
            write: what the message says of the parts that were claimed.
            patience: how long to wait for the channel.

        Returns:
            The parts that were sent now, and the channel's id of the message.

        Raises:
            Refused, Throttled: nothing was sent; NoSuchRecipient: nor ever will be.
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
            message_id = _sent(message, channel, recipient, patience)
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
        if self.messages is None:
            return
        names = tuple(claim.name for claim in ours.claims)
        message = SentMessage(id=message_id, recipient=recipient, receipts=names)
        try:
            self.messages.note(message, now)
        except KeyturnError as error:
            raise NoticesNotSent([error, *ours.errors]) from error

    def _release(self, claims: Sequence[Claim], because: Exception) -> None:
        """Give the claims back; one that stays is only tried again later."""
        _note(because, _each(claims, self.book.release))


def _sent(
    message: RenderedNotice, channel: Channel, recipient: Recipient, patience: Patience
) -> str:
    """
    Send at the channel's pace, and once more as often as it says "too fast"; the message's id.

    Raises what the last attempt raised; Throttled where there is no time to wait for a turn.
    """
    for refusals in count(1):
        turn = channel.take_turn(recipient, within=patience.left())
        if turn is None or not patience.waits(turn):
            raise Throttled(f"{channel.name}: no time left to wait for a turn to send")
        try:
            return message.send()
        except RateExceeded as refused:
            pause = refused.retry_after
            if not patience.waits(patience.pause_after(refusals) if pause is None else pause):
                raise
    raise AssertionError("count() has an end")


def _claimed(parts: Sequence[Part], claim: Callable[[Part], Claim | None]) -> _Claimed[Part]:
    """Claim all that can be claimed; one part in another's hands does not hold the rest."""
    made = _side_by_side(claim, parts)
    ours = [
        (part, claimed)
        for part, claimed in zip(parts, made, strict=True)
        if isinstance(claimed, Claim)
    ]
    return _Claimed(
        tuple(part for part, _ in ours),
        tuple(claimed for _, claimed in ours),
        tuple(error for error in made if isinstance(error, KeyturnError)),
    )


def _each(claims: Sequence[Claim], do: Callable[[Claim], None]) -> list[KeyturnError]:
    """Do it for each claim, whatever comes of the others."""
    return [error for error in _side_by_side(do, claims) if error is not None]


def _side_by_side(
    work: Callable[[Thing], Result], things: Sequence[Thing]
) -> list[Result | KeyturnError]:
    """What came of the work on each, in their order: one that fails does not hold the others."""

    def result_of(thing: Thing) -> Result | KeyturnError:
        try:
            return work(thing)
        except KeyturnError as error:
            return error

    return side_by_side(result_of, things, workers=AT_ONCE)


def _note(error: Exception, others: Iterable[KeyturnError]) -> None:
    for other in others:
        error.add_note(f"and: {other}")


def _raise_if_any(errors: Sequence[KeyturnError]) -> None:
    if errors:
        raise NoticesNotSent(errors) from errors[0]
