"""Tell of a change of the exemption group: on the bus, and to the admin."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Account
from keyturn.domain.recipient import Recipient
from keyturn.ports import Bus
from keyturn.schemas.event import write_exemption
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOfExemption:
    """Tells each change once."""

    sender: SendOnce
    bus: Bus
    admin: Recipient

    def send(self, change: ExemptionChange, now: datetime, patience: Patience) -> bool:
        """
        Tell, unless it was told already; whether it was told now.

        Raises what `SendOnce.send` raises, and what the bus does: then nobody was told.
        """
        sent = self.sender.send(
            [change],
            self.admin,
            now,
            claim=lambda change: self.sender.book.claim_change(change, self.admin, now),
            write=self._published,
            patience=patience,
        )
        return sent.message_id is not None

    def _published(self, changes: tuple[ExemptionChange, ...]) -> ExemptionChange:
        """The change, once its event is out: it comes first, for twice it does no harm."""
        [change] = changes
        self.bus.publish([event_of(change)])
        return change


def event_of(change: ExemptionChange) -> Event:
    """The event; it belongs to no run, so it goes by the id that CloudTrail gave the call."""
    return Event(
        type=EventType.EXEMPTION_CHANGED,
        run=Run(id=change.id, account=Account(id=change.account), at=change.at, dry_run=False),
        detail=write_exemption(change),
    )
