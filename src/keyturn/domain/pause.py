"""The pause: while it is in force, nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

MOST_ORDERS: Final = 20
"""Beside the one that is in force; each has its entry in the audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That every write is stopped: by whom, since when (UTC), and why."""

    by: str
    """An ARN, or what an event says of itself."""
    at: datetime
    why: str
    """The operator's own words."""
    also: tuple["Pause", ...] = ()
    """Who asked for a pause while this one was in force, the first one first."""

    def with_order(self, order: "Pause") -> "Pause":
        """This pause, with a later order kept beside it; the same order is kept once."""
        if any((each.by, each.why) == (order.by, order.why) for each in (self, *self.also)):
            return self
        return replace(self, also=(*self.also, order)[:MOST_ORDERS])

    @property
    def others(self) -> Iterator[str]:
        """A sentence for each later order: whoever lifts the pause lifts these, too."""
        for each in self.also:
            yield f"{each.by} asked for a pause too, at {each.at:%Y-%m-%d %H:%MZ}: {each.why}"
