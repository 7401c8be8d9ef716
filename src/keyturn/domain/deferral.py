"""
More time for one key: an operator's word that nothing is done about it before a day.

It only ever delays. It is stored where no user of an account can write, it is bounded, and a
leaked key's revocation does not ask for it. Source: decision 0060.
"""

from dataclasses import dataclass
from datetime import date, datetime

from keyturn.domain.days import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """What an operator gave a key."""

    account: str
    key_id: str
    until: date
    """The first day, UTC, on which the rule goes on."""
    first: datetime
    """When the key was given more time for the first time, UTC: the bound counts from here."""
    at: datetime
    """When this was ordered, UTC: what was promised before it is of a stretch that is over."""
    by: str
    """Who ordered it."""
    ticket: str
    why: str | None = None
    """The operator's own words."""

    def ends(self, longest: int) -> date:
        """The day on which it is over, whatever it says: `longest` days are the most it has."""
        return min(self.until, self.latest(longest))

    def latest(self, longest: int) -> date:
        """The last day up to which the key can be given time."""
        return self.first.date() + longest * DAY
