"""The week or month, UTC, that a report is of."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Self

from keyturn.domain.days import DAY, read_day

_WEEK: Final = timedelta(days=7)


class PeriodKind(StrEnum):
    """How long a report's time is."""

    WEEKLY = "weekly"
    """Monday to Sunday, as ISO 8601 counts weeks."""
    MONTHLY = "monthly"
    """A month of the calendar."""


@dataclass(frozen=True, slots=True)
class Period:
    """A week or a month, UTC."""

    kind: PeriodKind
    first: date

    @classmethod
    def of(cls, kind: PeriodKind, day: date) -> Self:
        """The one that a day is in."""
        if kind is PeriodKind.WEEKLY:
            return cls(kind, day - day.weekday() * DAY)
        return cls(kind, day.replace(day=1))

    @property
    def last(self) -> date:
        """Its last day."""
        return self._next_first - DAY

    @property
    def _next_first(self) -> date:
        if self.kind is PeriodKind.WEEKLY:
            return self.first + _WEEK
        return (self.first + 31 * DAY).replace(day=1)

    @property
    def before(self) -> "Period":
        """The one right before."""
        return Period.of(self.kind, self.first - DAY)

    @property
    def days(self) -> tuple[date, ...]:
        """Its days, the first one first."""
        count = (self.last - self.first) // DAY + 1
        return tuple(self.first + each * DAY for each in range(count))

    @property
    def name(self) -> str:
        """As it is stored and shown: 2026-W49, or 2026-11."""
        if self.kind is PeriodKind.WEEKLY:
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first.year}-{self.first.month:02}"


def read_period(kind: PeriodKind, text: str) -> Period | None:
    """Read a day of it, or its name; None: it is neither."""
    day = read_day(text)
    if day is None and kind is PeriodKind.MONTHLY:
        day = read_day(f"{text}-01")
    if day is None and kind is PeriodKind.WEEKLY:
        day = _monday(text)
    return None if day is None else Period.of(kind, day)


def _monday(text: str) -> date | None:
    try:
        day = date.fromisoformat(f"{text}-1")
    except ValueError:
        return None
    return read_day(day.isoformat())
