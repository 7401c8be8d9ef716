"""
Whether a day's runs are over, so that it can be reported: what every report of days waits for.

A day that nobody looked at has to be reported as well, and so has one whose runs never end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import PortError
from keyturn.ports import Backlog, DailyReports, StoredDay

SETTLES: Final = timedelta(minutes=15)
"""How old an inventory must be: it queues for minutes, and SQS counts a minute behind."""
AT_LATEST: Final = timedelta(hours=6)
"""After the day's first inventory its report waits for no run any more."""
MISSED: Final = time(hour=2, tzinfo=UTC)
"""When, on the day after, a day without an inventory is reported as one."""

NO_INVENTORY: Final = (
    "There is no record of an inventory of {day}: no account was queued, or the record could not "
    "be written. The log of ASA-Account-Inventory says which"
)
NOT_OVER: Final = (
    "Not all runs were over {hours} hours after the inventory: the digest waits no more"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Why the report of a day is not made yet; unknown: what could not be read, if anything."""

    day: date
    why: str
    unknown: PortError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A day whose report is to be made."""

    day: date
    stored: StoredDay = field(repr=False)
    remarks: Sequence[str] = ()
    """What has to be said of it, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOver:
    """Looks at what is stored of a day, and at the work that still waits."""

    reports: DailyReports
    backlog: Backlog

    def state(self, day: date, stored: StoredDay, now: datetime) -> Due | Waits | None:
        """Whether a day can be reported at this moment, UTC; None: there is nothing to report."""
        if not stored.inventories:
            return self._without_inventory(day, stored, now)
        if now - min(stored.inventories.values()) >= AT_LATEST:
            return Due(day=day, stored=stored, remarks=self._if_not_over())
        if now - max(stored.inventories.values()) < SETTLES:
            return Waits(day=day, why="its inventory has only just been taken")
        try:
            is_over = self.backlog.is_empty()
        except PortError as error:
            return Waits(day=day, why="how many accounts wait is not known", unknown=error)
        if not is_over:
            return Waits(day=day, why="accounts wait for their runs")
        return Due(day=day, stored=stored)

    def _without_inventory(self, day: date, stored: StoredDay, now: datetime) -> Due | None:
        missed = datetime.combine(day + DAY, MISSED)
        # Before the first inventory of all there is no day that could lack one.
        if now < missed or not self.reports.has_before(day):
            return None
        return Due(day=day, stored=stored, remarks=(NO_INVENTORY.format(day=day.isoformat()),))

    def _if_not_over(self) -> tuple[str, ...]:
        hours = AT_LATEST // timedelta(hours=1)
        try:
            is_over = self.backlog.is_empty()
        except PortError:
            is_over = False
        return () if is_over else (NOT_OVER.format(hours=hours),)
