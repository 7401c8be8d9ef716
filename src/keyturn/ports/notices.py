"""Who is notified of what, by which way, and the proof of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from keyturn.domain.events import Digest, Event, Mail, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Receipt


class Receipts(Protocol):
    """What people were told, as the engine asks for it."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        """The valid receipts of a key: neither claims, nor bounced, nor of a dry run."""

    def last_dry_run_digest(self, account: str, address: str) -> datetime | None:
        """When that address was last sent a dry-run digest of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    The right to tell one thing to one audience, once.

    name is the path of its object: account, user, key, step, dates and audience; or the run or
    the change, for what is told of one and not of a key. mark tells it from another's of the
    same name.
    """

    name: str
    run: str
    mark: str


class ReceiptBook(Protocol):
    """The notifier's memory: what was claimed, told, and given up."""

    def claim(self, digest: Digest, item: NoticeItem | None, now: datetime) -> Claim | None:
        """
        Claim an item of a digest (None: the digest's failures, or all of a dry run).

        None if it was told already. Raises BeingTold if another claim is younger than
        15 minutes.
        """

    def claim_change(self, change: ExemptionChange, now: datetime) -> Claim | None:
        """Claim a change of the exemption group, likewise."""

    def confirm(
        self, claim: Claim, *, channel: str, address: str, message_id: str, now: datetime
    ) -> None:
        """Turn the claim into the receipt."""

    def release(self, claim: Claim) -> None:
        """Give the claim back: it was not told."""


class Mailer(Protocol):
    """A channel that takes mails."""

    def send(self, address: str, mail: Mail) -> str:
        """Send, and answer with the channel's message id. Refused: it never will be accepted."""


class Renderer(Protocol):
    """Writes the mails."""

    def digest(self, digest: Digest) -> Mail:
        """Write the mail of a digest."""

    def exemption(self, change: ExemptionChange) -> Mail:
        """Write the mail about a change of the exemption group."""


class Bus(Protocol):
    """Where everything that happened is told."""

    def publish(self, events: Iterable[Event]) -> None:
        """Put the events on the bus, in order."""
