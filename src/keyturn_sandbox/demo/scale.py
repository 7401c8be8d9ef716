"""Turns days into places across a page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from keyturn.domain.days import DAY

_ROOM = 20
"""The last day of a month that leaves room for a label before the next month's."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Where a month begins."""

    x: str
    label: str


class Scale:
    """The days from `first` to `last`, both shown whole, in percent of the width."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.end = last + DAY
        self._days = (self.end - first).days

    def start_of(self, day: date) -> str:
        """Place the moment at which a day begins."""
        return self._percent((self.within(day) - self.first).days)

    def middle_of(self, day: date) -> str:
        """Place a day's noon."""
        return self._percent((day - self.first).days + 0.5)

    def width(self, start: date, end: date) -> str:
        """Measure what is seen of the days from `start` until `end`."""
        return self._percent((self.within(end) - self.within(start)).days)

    def shows(self, day: date) -> bool:
        """Whether a day lies on the page."""
        return self.first <= day < self.end

    def within(self, day: date) -> date:
        """Move a day that lies outside to the edge."""
        return min(max(day, self.first), self.end)

    def ticks(self) -> Iterator[Tick]:
        """Mark the first of each month; the first day, too, if there is room for it."""
        if self.first.day <= _ROOM:
            yield Tick("0", f"{self.first:%b}")
        day = self.first + DAY
        while day < self.end:
            if day.day == 1:
                yield Tick(self.start_of(day), f"{day:%b}")
            day += DAY

    def _percent(self, days: float) -> str:
        return f"{100 * days / self._days:.2f}".rstrip("0").rstrip(".")
