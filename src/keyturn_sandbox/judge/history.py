"""
What really happened: the life of each key and each secret, and the questions that can be asked.

Questions are asked at an index of the log rather than at a time: two calls of one second still
have an order.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    BEFORE_ALL,
    INACTIVE,
    Evidence,
    JudgedRun,
    Windows,
    secret_name,
    token_of,
)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A key's status from a call on."""

    index: int
    at: datetime
    status: str
    by_keyturn: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A user as IAM knows it: one and the same under every name that people give it."""

    account: str
    names: tuple[tuple[int, str], ...]
    """Each name with the index of the call from which on the user had it."""

    @property
    def name(self) -> str:
        """The last one."""
        return self.names[-1][1]

    def name_at(self, index: int) -> str:
        """The name just before the call at `index`."""
        earlier = [name for since, name in self.names if since < index]
        return earlier[-1] if earlier else self.names[0][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStory:
    """All that became of one key."""

    holder: Holder
    key_id: str
    created: datetime
    made_by_keyturn: bool
    changes: tuple[StatusChange, ...]
    uses: tuple[datetime, ...]

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.account} {self.holder.name} {self.key_id}"

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.holder.account

    def user_at(self, index: int) -> str:
        """What its user was called just before the call at `index`."""
        return self.holder.name_at(index)

    def last_change(self, index: int) -> StatusChange | None:
        """What the call before `index` left behind; None: there was no such key yet."""
        return next((c for c in reversed(self.changes) if c.index < index), None)

    def status(self, index: int) -> str | None:
        """The status just before the call at `index`."""
        change = self.last_change(index)
        return None if change is None else change.status

    def last_used(self, now: datetime) -> datetime | None:
        """When the key was last used, as seen `now`."""
        seen = bisect_right(self.uses, now)
        return self.uses[seen - 1] if seen else None

    def restored_at(self, index: int) -> datetime | None:
        """When a key that Keyturn had disabled was last made Active again."""
        earlier = [c for c in self.changes if c.index < index]
        restored = (
            after.at
            for before, after in reversed(list(pairwise(earlier)))
            if before.status == INACTIVE and before.by_keyturn and after.status == ACTIVE
        )
        return next(restored, None)


@dataclass(frozen=True, slots=True)
class SecretChange:
    """What a secret holds from a call on, as tokens of its versions."""

    index: int
    current: str | None = None
    by_keyturn: bool = False
    """It was Keyturn that wrote the current version."""
    deleted: bool = False
    """It is scheduled for deletion."""
    ours: bool = False
    """Keyturn made it, or took it into its record on an operator's order."""


@dataclass(frozen=True, slots=True)
class Record:
    """Keyturn wrote down something about a key."""

    index: int
    at: datetime
    account: str
    secret: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedHistory:
    """The evidence, in order and by subject."""

    evidence: Evidence
    calls: tuple[Call, ...]
    keyturns: tuple[tuple[int, Call], ...]
    """Keyturn's own calls, each with its index."""
    runs: tuple[JudgedRun, ...]
    places: tuple[int, ...]
    """For each call, the place in `runs` of the run that it belongs to; or BEFORE_ALL."""
    of_run: Mapping[int, tuple[Call, ...]]
    """Keyturn's own calls, by that place."""
    stories: Mapping[str, KeyStory]
    of_holder: Mapping[Holder, tuple[KeyStory, ...]]
    secrets: Mapping[tuple[str, str], tuple[SecretChange, ...]]
    deliveries: Mapping[str, tuple[int, datetime]]
    """The first PutSecretValue that succeeded, by token."""
    records: tuple[Record, ...]
    intents: Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]
    """Whether Keyturn has not taken an intent back or settled it, by account and secret."""
    memberships: Mapping[tuple[str, str], tuple[tuple[int, bool], ...]]
    naming: Mapping[str, tuple[SentMail, ...]]
    """The mails that name a key, by key id."""

    def run_at(self, at: datetime) -> JudgedRun | None:
        """The run that started last; None: it was before the first one."""
        started = bisect_right(self.runs, at, key=attrgetter("started"))
        return self.runs[started - 1] if started else None

    def run_of(self, index: int) -> JudgedRun | None:
        """The run that the call at `index` belongs to; None: it was before the first one."""
        place = BEFORE_ALL if index == BEFORE_ALL else self.places[index]
        return None if place == BEFORE_ALL else self.runs[place]

    def windows_at(self, at: datetime) -> Windows:
        """The policy's numbers then."""
        run = self.run_at(at)
        return (run.windows if run else None) or self.evidence.windows

    def has_intent(self, account: str, name: str, index: int) -> bool:
        """Whether an intent stood on the secret just before the call at `index`."""
        changes = self.intents.get((account, name), ())
        return next((stands for i, stands in reversed(changes) if i < index), False)

    def calls_of(self, run: JudgedRun) -> tuple[Call, ...]:
        """Keyturn's calls that belong to the run."""
        return self.of_run.get(self.runs.index(run), ())

    def index_after(self, at: datetime) -> int:
        """The index of the first call later than `at`."""
        return bisect_right(self.calls, at, key=lambda call: call.at)

    def keys_beside(self, story: KeyStory) -> tuple[KeyStory, ...]:
        """The other keys that its user has or had."""
        return tuple(other for other in self.of_holder[story.holder] if other is not story)

    def secret_of(self, story: KeyStory, index: int) -> SecretChange | None:
        """The secret of the key's user just before the call at `index`."""
        return self.secret(story.account, secret_name(story.account, story.user_at(index)), index)

    def is_delivered(self, story: KeyStory, index: int) -> bool:
        """Whether the key's secret had been stored before the call at `index`."""
        delivery = self.deliveries.get(token_of(story.key_id))
        return delivery is not None and delivery[0] < index

    def secret(self, account: str, name: str, index: int) -> SecretChange | None:
        """The secret just before the call at `index`."""
        changes = self.secrets.get((account, name), ())
        return next((c for c in reversed(changes) if c.index < index), None)

    def has_exempt_user(self, story: KeyStory, index: int) -> bool:
        """Whether the key's user was in the exemption group just before the call at `index`."""
        return self.is_exempt(story.account, story.user_at(index), index)

    def is_exempt(self, account: str, user: str, index: int) -> bool:
        """Whether the user was in the exemption group just before the call at `index`."""
        changes = self.memberships.get((account, user), ())
        return next((member for i, member in reversed(changes) if i < index), False)
