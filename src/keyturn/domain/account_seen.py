"""An account on a day, as reports and the advice look at it."""

from dataclasses import dataclass
from datetime import date

from keyturn.domain.decision import Action, State
from keyturn.domain.key import LastUse


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySeen:
    """A key on a day."""

    user: str
    key_id: str
    age: int
    """In days."""
    created: date
    state: State
    action: Action
    reason: str
    sentence: str
    exempt: bool
    done: bool
    overlays: frozenset[str] = frozenset()
    successor: str | None = None
    last_use: LastUse | None = None
    """None: nobody looked, or it could not be read."""

    @property
    def used(self) -> date | None:
        """When it was last used; None: never, or nobody looked."""
        at = self.last_use.at if self.last_use else None
        return at.date() if at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    """What an earlier run of the day did."""

    user: str
    key_id: str
    action: Action
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSeen:
    """A user on a day; source: where the owner was found, None: nobody looked."""

    user: str
    exempt: bool
    source: str | None = None
    owner: str = ""
    password_used: date | None = None
    """When they last signed in to the console; None: not known, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsSeen:
    """How many secrets of Keyturn's names an account has."""

    stored: int
    """Not scheduled for deletion: they cost something."""
    scheduled: int
    of_gone: int
    """Those stored whose user is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """An account on a day."""

    day: date
    account: str
    name: str
    dry_run: bool
    reached: bool
    """Whether its users could be listed."""
    rotation_period: int
    users: tuple[UserSeen, ...] = ()
    keys: tuple[KeySeen, ...] = ()
    steps: tuple[StepSeen, ...] = ()
    secrets: SecretsSeen | None = None
    """None: nobody listed them, or an earlier version wrote it."""
    left: int = 0
    """Users for whom there was no time."""
    why: str = ""
    """Why it could not be entered."""
