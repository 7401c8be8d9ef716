"""
Put a report that is stored on the bus, and then note that it was.

The notifier sends it. Broken off between the two, the next turn publishes what is stored: the same
twice is one mail by the report's receipt.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.errors import AlreadyThere
from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.key import Account
from keyturn.ports import Bus


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """Publishes the reports of the organisation."""

    bus: Bus
    account: str
    """The id of the account that the bus is in."""

    def publish(
        self,
        name: str,
        detail: Mapping[str, object],
        now: datetime,
        *,
        note: Callable[[], None],
        dry_run: bool = False,
    ) -> None:
        """
        Publish a report; what is raised leaves it to the next turn.

        Args:
            name: its own, which no other report has.
            detail: what stands in the event.
            now: UTC.
            note: stores that it was published; AlreadyThere: another turn did at the same time.
            dry_run: whether nothing was changed by what it tells of.

        """
        run = Run(id=name, account=Account(id=self.account), at=now, dry_run=dry_run)
        self.bus.publish([Event(type=EventType.DIGEST_DUE, run=run, detail={**detail})])
        with suppress(AlreadyThere):
            note()
