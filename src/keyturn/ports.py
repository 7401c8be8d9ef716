"""
What we need from outside, in the domain's words.

Every method raises a PortError of domain/errors.py when the answer is not the one asked for:
Denied and the other Refused mean that nothing happened, Throttled likewise, Unavailable that
nobody knows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Protocol

from keyturn.domain.events import Digest, Event, Mail, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.forms import Snapshot
from keyturn.domain.key import Account, KeyFacts, LastUse, Receipt, SecretFacts

Clock = Callable[[], datetime]
"""Tells the time, UTC, to whoever has to measure it between two calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An IAM user as iam:ListUsers names them."""

    name: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. Its secret is never shown: no repr, no log, no copy."""

    key_id: str
    created: datetime
    secret: str = field(repr=False)


class AccessKeys(Protocol):
    """IAM in one account."""

    def users(self) -> Iterator[User]:
        """All IAM users."""

    def members_of(self, group: str) -> frozenset[str]:
        """The ids of all users in the group; NotFound if there is no such group."""

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """The user's access keys; NotFound if the user is gone."""

    def owner_of(self, key_id: str) -> str:
        """The name of the user whose key it is; NotFound if the account has no such key."""

    def last_use(self, key_id: str) -> LastUse:
        """When the key was last used."""

    def tag_of(self, user: str, tag: str) -> str | None:
        """The value of a tag of the user."""

    def root_has_keys(self) -> bool:
        """Whether the account's root user has access keys."""

    def create(self, user: str) -> NewKey:
        """
        Create a key, in one attempt: a lost answer may have made one, so nothing retries.

        Refused or Throttled: there is none. Unavailable: nobody knows.
        """

    def disable(self, user: str, key_id: str) -> None:
        """Make a key Inactive."""

    def enable(self, user: str, key_id: str) -> None:
        """Make a key Active again."""

    def delete(self, user: str, key_id: str) -> bool:
        """
        Delete a key; one already gone counts as deleted.

        False: IAM knows no such key. Of one that was just made, that proves nothing.
        """


class SecretStore(Protocol):
    """Secrets Manager in one account; it cannot read a secret's value."""

    def look(self, name: str) -> SecretFacts | None:
        """What is known of the secret, by name or ARN; None if there is none."""

    def create(self, name: str, tags: Mapping[str, str]) -> str:
        """
        Create the secret without a value, seal it, and give its ARN.

        AlreadyThere: another run was first. Tags hold the `UserId` that it is sealed for.
        """

    def seal(self, arn: str, user_id: str, tags: Mapping[str, str] = ...) -> None:
        """Make the secret with this ARN the user's; other tags are set in the same call."""

    def policy_of(self, name: str) -> str | None:
        """The secret's resource policy, a JSON text; None: it has none."""

    def restore(self, name: str) -> None:
        """Take back a scheduled deletion."""

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def untag(self, name: str, tags: Iterable[str]) -> None:
        """Remove tags."""

    def store(
        self, name: str, user: str, key: NewKey, may_go: Callable[[], None] = lambda: None
    ) -> None:
        """
        Store the key as the current version, under the token of its id; safe to repeat.

        may_go is asked before every attempt, and raises what is to end them.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSecret:
    """A secret as secretsmanager:ListSecrets names it; never its value."""

    name: str
    arn: str
    tags: Mapping[str, str]
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The stage labels of each version."""
    deleted: datetime | None = None
    """When it was scheduled for deletion."""


class SecretList(Protocol):
    """The list of secrets of one account; a permission of its own, which a role may lack."""

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so, those to be deleted too."""


class Receipts(Protocol):
    """What people were told, as the engine asks for it."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:
        """The valid receipts of a key: neither claims, nor bounced, nor of a dry run."""

    def last_dry_run_digest(self, account: str, address: str) -> datetime | None:
        """When that address was last sent a dry-run digest of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one run noted down: the keys it set out to disable or delete."""

    run: str
    keys: frozenset[str]
    at: datetime
    """When, by the clock of whoever keeps it, UTC."""
    ordered: bool = False
    """Whether an operator ordered something about one of them: then no other run ends them."""


class DailyLimitLedger(Protocol):
    """Which keys of an account the runs of one UTC day are about to take in hand."""

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:
        """What each run noted down."""

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        """Note down a run's keys, in place of what it noted before."""


class Plans(Protocol):
    """Plans that somebody approved of."""

    def read(self, name: str) -> bytes:
        """A plan, byte by byte: who approves of it has hashed those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That every write is stopped: by whom, since when (UTC), and why."""

    by: str
    at: datetime
    why: str


class Switch(Protocol):
    """The one switch that stops every write in the organisation."""

    def pause(self) -> Pause | None:
        """The pause that is in force; None: writes may go on."""

    def throw(self, pause: Pause) -> None:
        """Stop every write; AlreadyThere if somebody has."""

    def lift(self) -> None:
        """Let writes go on; where nobody paused, nothing is to be lifted."""


class Lever(Switch, Protocol):
    """The switch, for whoever throws it: there it matters that it is the right one."""

    @property
    def place(self) -> str:
        """Where it is, as people write it."""

    def is_alone(self) -> bool:
        """Whether nothing else of Keyturn's lies there: then hardly anybody looks at it."""


BEGUN: Final = "begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What an operator had Keyturn do: who, what, why, and what came of it. Never a secret."""

    mark: str
    """Tells it from another of the same second."""
    command: str
    at: datetime
    by: str
    """Who gave the order: an ARN, or what an event says of itself."""
    claimed: bool = False
    """Whether that is only what an event says: CloudTrail alone knows who sent it."""
    request: str | None = None
    """The id of the function's invocation, by which CloudTrail's data events know the caller."""
    run: str | None = None
    account: str | None = None
    user: str | None = None
    key: str | None = None
    secret: str | None = None
    plan: str | None = None
    plan_sha256: str | None = None
    """The plan that was approved of: its name, and what it was."""
    why: str | None = None
    """The operator's own words."""
    outcome: str = BEGUN
    """begun, done or failed; one that stays begun broke off."""
    said: tuple[str, ...] = ()
    """What was done, or went wrong, in sentences."""
    ended: datetime | None = None


class Audit(Protocol):
    """What operators had Keyturn do, for whoever asks later."""

    def write(self, entry: AuditEntry) -> None:
        """
        Keep the entry, beside the one that was written when the command began.

        AlreadyThere if the same one was written before: none is ever overwritten.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    The right to tell one thing to one audience, once.

    name is the path of its object: account, user, key, step, dates and audience; or the run or
    the change, for what is told of one and not of a key. mark tells it from another's of the
    same name.
    """

    name: str
    run: str
    mark: str


class ReceiptBook(Protocol):
    """The notifier's memory: what was claimed, told, and given up."""

    def claim(self, digest: Digest, item: NoticeItem | None, now: datetime) -> Claim | None:
        """
        Claim an item of a digest (None: the digest's failures, or all of a dry run).

        None if it was told already. Raises BeingTold if another claim is younger than
        15 minutes.
        """

    def claim_change(self, change: ExemptionChange, now: datetime) -> Claim | None:
        """Claim a change of the exemption group, likewise."""

    def confirm(
        self, claim: Claim, *, channel: str, address: str, message_id: str, now: datetime
    ) -> None:
        """Turn the claim into the receipt."""

    def release(self, claim: Claim) -> None:
        """Give the claim back: it was not told."""


class Mailer(Protocol):
    """A channel that takes mails."""

    def send(self, address: str, mail: Mail) -> str:
        """Send, and answer with the channel's message id. Refused: it never will be accepted."""


class Renderer(Protocol):
    """Writes the mails."""

    def digest(self, digest: Digest) -> Mail:
        """Write the mail of a digest."""

    def exemption(self, change: ExemptionChange) -> Mail:
        """Write the mail about a change of the exemption group."""


class Bus(Protocol):
    """Where everything that happened is told."""

    def publish(self, events: Iterable[Event]) -> None:
        """Put the events on the bus, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An account as Organizations lists it."""

    account: Account
    joined: datetime | None = None
    """When it came into the organisation, UTC; None: AWS does not say, so long ago."""
    state: str = "ACTIVE"
    """As AWS calls it: SUSPENDED and PENDING_CLOSURE are not the same, but nobody gets in."""

    @property
    def is_active(self) -> bool:
        """Whether it can be looked after."""
        return self.state == "ACTIVE"


class Snapshots(Protocol):
    """What accounts looked like: one snapshot for each account and UTC day."""

    def of_day(self, account: str, day: date) -> Snapshot | None:
        """The snapshot of a day; None if there is none, or none of a form that we know."""

    def put(self, account: str, day: date, snapshot: Snapshot) -> None:
        """Write it, in the place of the day's earlier one."""


class Coverage(Protocol):
    """Which accounts have a snapshot of a day, and so had a run."""

    def has_before(self, day: date) -> bool:
        """Whether any account has one of an earlier day."""

    def accounts_of(self, day: date) -> frozenset[str]:
        """The accounts that have one of the day."""


class Organization(Protocol):
    """AWS Organizations, read from its management account."""

    def accounts(self, ou: str | None = None) -> Iterator[Listed]:
        """All accounts, or those under an organisational unit and the units below it."""


class Queue(Protocol):
    """The queue between inventory and rotation."""

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        """Queue one rotation request an account, each in its account's own group."""
