"""
Whose snapshots a report of a week or a month is made of: decided once, before the first is read.

A large month takes several turns. All of them go by the same plan, cut at the same places: so
every account is in exactly one part, whatever is stored or changed between the turns.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from keyturn.domain.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAccount:
    """What listings and inventories say of an account; a bit for each day of the plan."""

    name: str = ""
    """As an inventory has it."""
    stored: int = 0
    """On which days it has a snapshot."""
    queued: int = 0
    """On which days an inventory queued it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPlan:
    """What a report is to be made of."""

    period: Period
    made: datetime
    """When this was decided, UTC."""
    accounts: Mapping[str, PlannedAccount]
    """Account id → what is known of it, in the order of the ids."""
    without_inventory: tuple[date, ...] = ()
    """Days of which nobody knows who was to be seen."""
    exemptions: bytes | None = None
    """The exemptions file as it was then; None: there was none that could be read."""

    @property
    def days(self) -> Sequence[date]:
        """The days of the period, so far."""
        return [day for day in self.period.days if day <= self.made.date()]

    def stored(self, account: str) -> Sequence[date]:
        """The days on which an account has a snapshot, the first one first."""
        return self._days_of(self.accounts[account].stored)

    def expected(self, account: str) -> Collection[date]:
        """The days on which it was to be seen."""
        found = self.accounts[account]
        return self._days_of(found.stored | found.queued)

    def parts(self, size: int) -> Sequence[Sequence[str]]:
        """The account ids, so many a part: each is in one."""
        ids = list(self.accounts)
        return [ids[start : start + size] for start in range(0, len(ids), size)]

    def _days_of(self, bits: int) -> Sequence[date]:
        return [day for number, day in enumerate(self.days) if bits >> number & 1]
