"""An account on a day, as far as the administrators' reports look at it."""

from dataclasses import dataclass
from datetime import date, datetime

from keyturn.domain.decision import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDay:
    """A key on a day, as its account's snapshot has it."""

    user: str
    key_id: str
    age: int
    """In days."""
    action: Action
    reason: str
    sentence: str
    done: bool
    overlays: frozenset[str] = frozenset()
    ends_on: date | None = None
    """The date, UTC, from which it can be disabled or deleted next; None: nothing comes."""
    breaks: bool = False
    """Whether it is known that something breaks then."""
    last_used: date | None = None
    service: str | None = None
    at: datetime | None = None
    """When the run began that decided it, UTC; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an earlier run of the same day did about a key."""

    user: str
    key_id: str
    age: int
    action: Action
    reason: str
    sentence: str
    at: datetime
    """When that run began, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDay:
    """A user on a day, as far as anybody looked for the owner; None: nobody did."""

    user: str
    source: str | None = None
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """An account on a day."""

    account: str
    name: str
    dry_run: bool
    reached: bool
    """Whether its users could be listed."""
    keys: tuple[KeyDay, ...] = ()
    users: tuple[UserDay, ...] = ()
    failures: tuple[tuple[str | None, str], ...] = ()
    """(user's name, or None for the account; message) of each."""
    left: int = 0
    """Users for whom there was no time yet."""
    at: datetime | None = None
    """When the run began, UTC; None: not known."""
    exempted: tuple[str, ...] = ()
    """Names of users who are exempt now, and were not when it was looked at before."""
    secrets: tuple[tuple[str, str], ...] = ()
    """(user's name, what was done) of each secret that nobody needs, of which people are told."""
    earlier: tuple[Step, ...] = ()
    """What runs of the same day before this one did."""

    @property
    def enforces(self) -> bool:
        """Whether a run of the day was no dry one: what is done stays done, whatever comes."""
        return not self.dry_run or bool(self.earlier)
