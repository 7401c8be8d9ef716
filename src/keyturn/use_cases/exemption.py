"""Tell of a change of the exemption group: on the bus, and to the admin."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.key import Account
from keyturn.domain.recipient import Recipient
from keyturn.ports import Bus
from keyturn.schemas.event import write_exemption
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOfExemption:
    """Tells each change once."""

    sender: SendOnce
    bus: Bus
    admin: Recipient

    def send(self, change: ExemptionChange, now: datetime, patience: Patience) -> bool:
        """
        Tell, unless it was told already; whether it was told now.

        Raises what `SendOnce.send` raises, and what the bus does: then nobody was told. Nobody is
        marked as out of reach: the administrators send the mail as well as get it, so what SES
        refuses of it, it refuses of every mail, and the dead letters keep it until that is mended.
        """

        def publish() -> None:
            self.bus.publish([event_of(change)])

        # Its event comes before the mail: twice it does no harm.
        sent = send_change(self.sender, change, self.admin, now, patience, before=publish)
        return sent.message_id is not None


def send_change(  # noqa: PLR0913 -- whoever sends one thing to one recipient
    sender: SendOnce,
    change: ExemptionChange,
    recipient: Recipient,
    now: datetime,
    patience: Patience,
    *,
    before: Callable[[], object] = lambda: None,
) -> Sent[ExemptionChange]:
    """
    Send a change to one recipient, by their channel; raises what `SendOnce.send` raises.

    before: what is done before it is sent, and not where it was sent already.
    """

    def written(_: object) -> ExemptionChange:
        before()
        return change

    return sender.send(
        [change],
        recipient,
        now,
        claim=lambda change: sender.book.claim_change(change, recipient, now),
        write=written,
        patience=patience,
    )


def event_of(change: ExemptionChange) -> Event:
    """The event; it belongs to no run, so it goes by the id that CloudTrail gave the call."""
    return Event(
        type=EventType.EXEMPTION_CHANGED,
        run=Run(id=change.id, account=Account(id=change.account), at=change.at, dry_run=False),
        detail=write_exemption(change),
    )
