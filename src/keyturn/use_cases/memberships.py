"""Since when users are in the exemption group, as far as the account's snapshots tell."""

from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import PortError
from keyturn.domain.exemptions_file import ENDS_SOON
from keyturn.domain.lifecycle.promises import RECEIPT_LIFE
from keyturn.domain.tag_text import moment
from keyturn.ports import Snapshots

LOOKS_BACK: Final = ENDS_SOON + RECEIPT_LIFE + 1
"""Days of snapshots that are read: a notice of an earlier day announces no removal any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """
    Those of one account.

    Only a user who is about to be removed from the group is asked about: that is rare, and costs
    a read for each day, once for all users of the account.
    """

    snapshots: Snapshots | None
    """None: there is no bucket."""
    account: str
    _days: dict[date, tuple[datetime, frozenset[str]] | None] = field(default_factory=dict)
    """Day → when its snapshot was taken, and the names of who was not exempt."""
    _lock: Lock = field(default_factory=Lock)

    def last_outside(self, user: str, today: date) -> datetime | None:
        """
        When a run last saw that the user of this name was not exempt, UTC; None: none did of late.

        Raises a PortError where a snapshot cannot be read: it may be the one that says so.
        """
        for back in range(LOOKS_BACK):
            seen = self._of_day(today - back * DAY)
            if seen is not None and user in seen[1]:
                return seen[0]
        return None

    def _of_day(self, day: date) -> tuple[datetime, frozenset[str]] | None:
        with self._lock:
            if day not in self._days:
                self._days[day] = self._read(day)
            return self._days[day]

    def _read(self, day: date) -> tuple[datetime, frozenset[str]] | None:
        if self.snapshots is None:
            raise PortError("without a bucket there are no snapshots")
        found = self.snapshots.of_day(self.account, day)
        if found is None:
            return None
        at = moment(found["at"])
        if at is None:
            raise PortError(f"the snapshot of {day} does not say when it was taken")
        return at, frozenset(each["user"] for each in found["users"] if not each["exempt"])
