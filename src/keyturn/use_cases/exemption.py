"""Tell of a change of the exemption group: on the bus, and to the admin."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.errors import KeyturnError, Unavailable
from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Account
from keyturn.ports import Bus, Mailer, ReceiptBook, Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class TellOfExemption:
    """Tells each change once."""

    book: ReceiptBook
    bus: Bus
    mailer: Mailer
    renderer: Renderer
    admin: str
    channel: str = "email"

    def tell(self, change: ExemptionChange, now: datetime) -> bool:
        """
        Tell, unless it was told already; whether it was told now.

        The event comes first: one that comes twice does no harm. A mail whose answer was lost
        is not sent again at once.
        """
        claim = self.book.claim_change(change, now)
        if claim is None:
            return False
        try:
            self.bus.publish([event_of(change)])
            mail = self.renderer.exemption(change)
        except Exception:
            self.book.release(claim)
            raise
        try:
            message_id = self.mailer.send(self.admin, mail)
        except Unavailable:
            raise
        except KeyturnError:
            self.book.release(claim)
            raise
        self.book.confirm(
            claim, channel=self.channel, address=self.admin, message_id=message_id, now=now
        )
        return True


def event_of(change: ExemptionChange) -> Event:
    """The event; it belongs to no run, so it goes by the id that CloudTrail gave the call."""
    return Event(
        type=EventType.EXEMPTION_CHANGED,
        run=Run(id=change.id, account=Account(id=change.account), at=change.at, dry_run=False),
        detail={
            "change": change.change,
            "group": change.group,
            "user": change.user,
            "policy": change.policy,
            "other_group": change.other_group,
            "by": change.by,
        },
    )
