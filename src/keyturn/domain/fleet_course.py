"""What the coming days bring to all keys, counted day by day."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Final

LISTED: Final = 100
"""Keys in use that stop and are listed, the first by day; of the rest there is the number."""
FIGURES: Final = (
    "warned",
    "noticed",
    "rotated",
    "disabled",
    "deleted",
    "ends_in_use",
    "ends_not_in_use",
    "ends_use_unknown",
    "over_cap",
    "owner_mails_least",
    "owner_mails_most",
    "admin_mails",
    "late",
)
"""The figures of a day, by the names that programs know."""


@dataclass(slots=True, kw_only=True)
class CourseDay:
    """
    One day of all accounts.

    The three `ends` are the keys that stop on it, by whether somebody worked with them when they
    were last seen. owner_mails: at least and at most, for whose owner is not known yet may be
    anybody. late: keys that are past I, or past R and not replaced, when the day is over; who is
    within policy is another question (`is_within`), for a replaced key is Active until its end.
    """

    day: date
    warned: int = 0
    noticed: int = 0
    rotated: int = 0
    disabled: int = 0
    deleted: int = 0
    ends_in_use: int = 0
    ends_not_in_use: int = 0
    ends_use_unknown: int = 0
    over_cap: int = 0
    owner_mails_least: int = 0
    owner_mails_most: int = 0
    admin_mails: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EndInUse:
    """A key that stops while somebody works with it, unless they have moved by then."""

    day: date
    account: str
    user: str
    key_id: str


@dataclass(slots=True, kw_only=True)
class FleetCourse:
    """The coming days of an organisation, under one setting."""

    days: list[CourseDay]
    accounts: int = 0
    users: int = 0
    keys: int = 0
    exempt: int = 0
    """Keys of exempt users, which nothing touches: they are in no figure of a day."""
    supposed: Counter[str] = field(default_factory=Counter)
    """What the snapshots do not say, and is supposed: the fact → of how many keys or users."""
    not_foretold: Counter[str] = field(default_factory=Counter)
    """Why nobody can say what comes → keys. They count as late once they are old."""
    held: Counter[str] = field(default_factory=Counter)
    """Why keys are late when the last day is over: the reason → keys."""
    active: int = 0
    """Active keys when the last day is over, those of exempt users among them."""
    within_policy: int = 0
    """Those of them that are within policy, as reports and the page count it."""
    in_use: list[EndInUse] = field(default_factory=list)
    """The first keys in use that stop, by day; there may be more."""

    def ends(self, end: EndInUse) -> None:
        """Note down a key in use that stops; only the first ones are kept."""
        self.in_use.append(end)
        if len(self.in_use) > 2 * LISTED:
            self.in_use = sorted(self.in_use)[:LISTED]

    def first_ends(self) -> list[EndInUse]:
        """Those that stop first."""
        return sorted(self.in_use)[:LISTED]

    @property
    def nothing_late_on(self) -> date | None:
        """The first day from which on no key is late; None: there is none, or nothing was seen."""
        found: date | None = None
        if not self.accounts:
            return None
        for each in reversed(self.days):
            if each.late:
                break
            found = each.day
        return found

    def total(self, figure: str) -> int:
        """A figure over all days."""
        return sum(getattr(each, figure) for each in self.days)

    def most(self, figure: str) -> int:
        """A figure of the day on which it is the highest."""
        return max((getattr(each, figure) for each in self.days), default=0)


@dataclass(slots=True, kw_only=True)
class Coverage:
    """What the days are played from, and what was not seen."""

    day: date
    """The newest day with snapshots, UTC: the first day that is played is the next."""
    seen: int = 0
    """Accounts with a snapshot of that day."""
    earlier: dict[str, date] = field(default_factory=dict)
    """Account id → the day of its last snapshot, where it has none of that day."""
    not_seen: list[str] = field(default_factory=list)
    """Accounts that were to be looked at and have no snapshot; or one that nobody can read."""
    users_left: int = 0
    """Users for whom there was no time."""
    is_listed: bool = False
    """Whether the day's inventory says which accounts there are."""

    @property
    def is_whole(self) -> bool:
        """Whether everything was seen, on that day."""
        return self.is_listed and not (self.earlier or self.not_seen or self.users_left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What comes under each setting, in the order in which they were given."""

    coverage: Coverage
    courses: tuple[FleetCourse, ...]
