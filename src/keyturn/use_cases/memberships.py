"""Since when a lapse of an exemption lasts, as far as the account's snapshots tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from threading import Lock
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import PortError
from keyturn.domain.exemptions_file import ENDS_SOON, LAPSED, Exemption, Standing
from keyturn.domain.key import UserFacts
from keyturn.domain.lifecycle.promises import RECEIPT_LIFE
from keyturn.domain.tag_text import moment
from keyturn.ports import Snapshots
from keyturn.schemas.snapshot import SnapshotUser

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
    _days: dict[date, tuple[datetime, Mapping[str, SnapshotUser]] | None] = field(
        default_factory=dict
    )
    """Day → when its snapshot was taken, and its users by name."""
    _lock: Lock = field(default_factory=Lock)

    def last_otherwise(self, user: UserFacts, today: date) -> datetime | None:
        """
        Until when it is not sure that the user's exemption had lapsed as it has now, UTC.

        A run saw them outside of the group, or with a valid entry, or with another end; or no run
        of that day saw them at all. None: all days of late show this very lapse. Today may still
        lack its snapshot.

        Raises a PortError where a snapshot cannot be read: it may be the one that says so.
        """
        for back in range(LOOKS_BACK):
            day = today - back * DAY
            taken = self._of_day(day)
            seen = None if taken is None else taken[1].get(user.name)
            if taken is not None and seen is not None:
                if not _is_same_lapse(seen, user.exemption):
                    return taken[0]
            elif back:
                # Nobody knows what was approved of on that day, and taken back.
                return datetime.combine(day + DAY, time(), tzinfo=UTC)
        return None

    def _of_day(self, day: date) -> tuple[datetime, Mapping[str, SnapshotUser]] | None:
        with self._lock:
            if day not in self._days:
                self._days[day] = self._read(day)
            return self._days[day]

    def _read(self, day: date) -> tuple[datetime, Mapping[str, SnapshotUser]] | None:
        if self.snapshots is None:
            raise PortError("without a bucket there are no snapshots")
        found = self.snapshots.of_day(self.account, day)
        if found is None:
            return None
        at = moment(found["at"])
        if at is None:
            raise PortError(f"the snapshot of {day} does not say when it was taken")
        return at, {each["user"]: each for each in found["users"]}


def _is_same_lapse(seen: SnapshotUser, now: Exemption | None) -> bool:
    """Whether a run saw what has lapsed now: the same end, passed or near; or no entry."""
    said = seen.get("exemption")
    if not seen["exempt"] or said is None or now is None:
        return False
    # Until its day an exemption is valid, and its end is announced before.
    same = LAPSED | ({Standing.ENDING} if now.standing is Standing.ENDED else set())
    expiry = None if now.entry is None else now.entry.expiry.isoformat()
    return said.get("standing") in same and said.get("expiry") == expiry
