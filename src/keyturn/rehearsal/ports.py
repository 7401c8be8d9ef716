"""What a rehearsal needs from outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from keyturn.domain.errors import PortError
from keyturn.rehearsal.model.delivered import DeliveredKey
from keyturn.rehearsal.model.own import Marks, RehearsalId

Clock = Callable[[], datetime]
"""The time, UTC."""
Sleep = Callable[[float], None]
"""Waits so many seconds."""
Say = Callable[[str], None]
"""Gets a line of progress."""
Disarm = Callable[[str], int]
"""Takes away the keys of a user of ours, by name; how many. Raises PortError where one stays."""


# --- what is left, and taken away ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A thing that lies where a rehearsal's things lie."""

    kind: str
    """In words: "user", "secret"."""
    name: str
    id: RehearsalId | None
    """Of the rehearsal that made it, by its name; None: its name is none that one gives."""
    not_ours: str | None = None
    """Why it is not surely a rehearsal's, and is left; None: it is one's."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Its tags, as far as they are a rehearsal's: name → value."""


def why_unread(error: PortError) -> str:
    """What `Found.not_ours` says of one thing that AWS lets nobody look at, as its owner may."""
    return f"nobody could look at it: {error}"


class Leftovers(Protocol):
    """One kind of thing that a rehearsal makes."""

    @property
    def kind(self) -> str:
        """In words, one of them: "user"."""

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """
        All of this kind that is there, found by looking.

        made: names that were surely asked for, and that a list may not show yet.
        One that AWS refuses to show is among them, as not surely ours: whoever can make such a
        thing must not keep the others from being seen. Raises PortError where nobody can tell
        what there is: then something may be left.
        """

    def remove(self, found: Found) -> None:
        """
        Take one away, with what hangs on it; what is gone already counts as taken away.

        Raises PortError, with the reason, where it stays.
        """


# --- the stage ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSeen:
    """A user's secret, as AWS describes it without its value."""

    arn: str
    kms_key: str | None
    """As AWS names it; None: aws/secretsmanager."""
    tags: Mapping[str, str]
    current: str | None
    """The id of the version that applications read."""


class Stage(Protocol):
    """The account that the rehearsal plays in, with the operator's own hands."""

    @property
    def account(self) -> str:
        """Its id."""

    def caller(self) -> str:
        """The ARN of who acts there."""

    def make_user(self, name: str, marks: Marks) -> str:
        """
        Make a user without any right; gives their `UserId`.

        Raises AlreadyThere where there is one of the name, and other PortErrors.
        """

    def make_key(self, user: str) -> str:
        """Make an access key of a user, and forget its secret; gives its id."""

    def make_group(self, name: str) -> None:
        """Make a group without any right."""

    def put_in_group(self, user: str, group: str) -> None:
        """Put a user into a group."""

    def is_in_group(self, user: str, group: str) -> bool:
        """Whether IAM shows the user in the group by now."""

    def stop_key(self, user: str, key_id: str) -> None:
        """Make a key Inactive, as a person would."""

    def is_listed(self, user: str) -> bool:
        """Whether IAM's lists show the user by now."""

    def keys(self, user: str) -> Mapping[str, bool]:
        """The user's keys: id → whether it is Active."""

    def secret(self, user: str) -> SecretSeen | None:
        """The user's secret; None: there is none."""

    def is_known(self, key_id: str) -> bool:
        """Whether IAM says by now whose the key is, and when it was last used."""


class Reader(Protocol):
    """Who should be able to read a delivered key."""

    def read(self, secret: str) -> DeliveredKey:
        """
        The key in a secret, by its name.

        Raises Denied where this principal may not read it, NotDelivered where it holds none.
        """


class KeyHolder(Protocol):
    """Who has an access key, and no right at all."""

    def identity(self, key: DeliveredKey) -> str:
        """
        The ARN that AWS knows the key by.

        Raises NotFound where AWS knows no such key, or not yet, or it is Inactive.
        """

    def may_read(self, key: DeliveredKey, secret: str) -> bool:
        """
        Whether AWS lets the key's user read a secret's value, which is dropped unread.

        Raises NotFound where Secrets Manager knows no such key, or not yet.
        """


# --- the engine ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the engine decided about one key."""

    key: str
    action: str
    reason: str
    sentence: str
    notice: str | None
    """The step of the notice that goes with it; None: none does."""
    is_done: bool
    """Whether it was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one run, or one order, came to for one user."""

    decided: tuple[Decided, ...] = ()
    failures: tuple[str, ...] = ()
    """What went wrong, a sentence each."""
    untold: tuple[str, ...] = ()
    """Those of them that only kept people from being notified."""
    is_paused: bool = False
    """Whether it stopped because Keyturn is paused."""
    denied: str | None = None
    """What AWS refused for lack of a permission, or did not answer; None: nothing."""

    def of(self, key_id: str) -> Decided | None:
        """What was decided about a key."""
        return next((each for each in self.decided if each.key == key_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice about a key that a channel accepted, and what became of it."""

    step: str
    at: datetime
    """When it was accepted, UTC."""
    delivered_at: datetime | None = None
    bounced_at: datetime | None = None


class Engine(Protocol):
    """
    Keyturn itself, from this machine or as it is deployed.

    A method raises NotTried, with the reason, for what this engine cannot be brought to do.
    """

    @property
    def kms_key(self) -> str | None:
        """The key that it encrypts new secrets with; None: aws/secretsmanager."""

    def run(self, user: str, *, ahead: timedelta = ..., exempt_group: str | None = None) -> Turn:
        """
        One enforcing run over one user.

        Args:
            user: the name; nobody else is looked at.
            ahead: by how much its clock is ahead of the true one, for what takes days.
            exempt_group: whose members are exempt; None: those of the account's own group.

        """

    def rotate(self, user: str) -> Turn:
        """An operator's order to rotate a user's key."""

    def rotate_and_die(self, user: str) -> None:
        """The same, and the engine dies when the new key is made and not stored yet."""

    def restore(self, user: str, key_id: str, *, ahead: timedelta = ...) -> Turn:
        """An operator's order to enable a key again."""

    def revoke(self, user: str, key_id: str, *, ahead: timedelta = ...) -> Turn:
        """An operator's order to stop a leaked key."""

    def paused(self, user: str) -> Turn:
        """An order to rotate, while a pause flag of the rehearsal's own is set."""

    def told(self, user: str, key_id: str) -> Sequence[Told]:
        """The notices about a key that were accepted."""

    def asks_about_groups(self) -> None:
        """Raises NotTried where this engine asks about no group but the account's own."""

    def hears_of_deliveries(self) -> None:
        """Raises NotTried where nothing tells this engine what became of a mail."""

    def writes(self) -> int:
        """How many writes to keys and secrets this rehearsal has sent so far."""
