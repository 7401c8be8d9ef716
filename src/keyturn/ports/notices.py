"""Who is notified of what, by which way, and the proof of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from keyturn.domain.events import Digest, Event, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Receipt, SentNotice
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId

if TYPE_CHECKING:
    from keyturn.domain.notice_content import AdminReport, NoticeContent


class Receipts(Protocol):
    """What people were told, as the engine asks for it."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        """
        The valid receipts of a key: neither claims, nor bounced, nor of a dry run.

        Raises a PortError where they cannot be listed: "none" would announce everything anew.
        """

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:
        """All that was sent about a key to owners, what came back too, in the order of sending."""

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        """
        The recipients that no message reaches → when that was found, UTC.

        Those of the last 30 days: then each is tried again. Raises a PortError where they cannot
        be listed: "none" would notify a dead mailbox, and count that.
        """

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:
        """When that recipient was last sent a dry-run digest of the account, UTC; None: never."""


class ClaimState(StrEnum):
    """
    How far the sending of one notice to one recipient is.

    Named as AWS Lambda Powertools' idempotency names it, which solves the same problem.
    """

    IN_PROGRESS = "IN_PROGRESS"
    """Claimed, and perhaps being sent right now."""
    COMPLETED = "COMPLETED"
    """A channel accepted it: there is a receipt."""
    EXPIRED = "EXPIRED"
    """To be claimed anew: 15 minutes without a receipt, or a receipt that was voided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    The right to send one notice to one recipient, once.

    name is the path of its object: account, user, key, step, dates and recipient; or the run or
    the change, for what is told of one and not of a key. etag tells it from another's of the
    same name.
    """

    name: str
    recipient: Recipient
    run: str
    """The id of the run, or of the change, that it is claimed for."""
    etag: str


ClaimItem = Callable[[NoticeItem | None], Claim | None]
"""
Claims an item of one digest (None: the digest's failures, or all of a dry run).

None if the digest's recipient has been sent it (COMPLETED). Raises ClaimInProgress while another
claim is IN_PROGRESS. Several threads may call it.
"""


class ReceiptBook(Protocol):
    """The notifier's memory: what was claimed, sent, and given up."""

    def claims_of(
        self,
        digest: Digest,
        items: Sequence[NoticeItem | None],
        now: datetime,
        *,
        is_first_try: bool = False,
    ) -> ClaimItem:
        """
        Look once at what is known of all these items, so that each can be claimed in one call.

        is_first_try: probably nothing is known of them. A look only saves calls, so it may be
        left out where it would cost more than it saves.
        Nothing is claimed yet. Raises a PortError where it cannot be looked at.
        """

    def claim_change(
        self, change: ExemptionChange, recipient: Recipient, now: datetime
    ) -> Claim | None:
        """Claim a change of the exemption group, likewise; now: UTC."""

    def claim_report(
        self, report: "AdminReport", recipient: Recipient, now: datetime
    ) -> Claim | None:
        """
        Claim a report, likewise: one of each day, week or month, whatever is in it.

        Of one run from a command line: one a run.
        """

    def confirm(self, claim: Claim, *, message_id: str, now: datetime) -> None:
        """Turn the claim into the receipt: from now on it counts as told."""

    def release(self, claim: Claim) -> None:
        """Give the claim back: it was not sent."""


class RenderedNotice(Protocol):
    """A message to one recipient, written and not sent yet."""

    def send(self) -> str:
        """
        Send it, in one attempt, and answer with the channel's id of the message.

        Raises:
            Refused: it was not sent, and never will be as it is.
            RateExceeded: it was not sent; in a moment it may be.
            Throttled: it was not sent; later it may be.
            Unavailable: nobody knows whether it was sent.
        """


class Channel(Protocol):
    """A way to reach people: it writes a notice in its own form, and sends it."""

    @property
    def name(self) -> ChannelName:
        """Which one it is."""

    def render(self, content: "NoticeContent", recipient: Recipient) -> RenderedNotice:
        """Write the message; nothing is sent, whatever this raises."""

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:
        """
        Take the next turn to send to them, and answer in how many seconds it comes.

        Each channel has its own pace: by the second, or by the second and recipient.
        None: it does not come within so many seconds, and none is taken.
        """


class Bus(Protocol):
    """Where everything that happened is told."""

    def publish(self, events: Iterable[Event]) -> None:
        """Put the events on the bus, in order. Raises a PortError where one was not taken."""
