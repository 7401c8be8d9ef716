"""An account on a day, in one document: one line of JSON, which Athena reads as it lies."""

from typing import Literal, NotRequired, TypedDict

from keyturn.schemas.account import AccountId, Counts, Failed, Moment, Quarantined
from keyturn.schemas.decision import Day, Decided


class LastUsed(TypedDict):
    """When, where and for what a key was last used; at is null for a key that never was."""

    at: Moment | None
    service: str | None
    region: str | None


class SnapshotUser(TypedDict):
    """A user, with or without keys."""

    user: str
    exempt: bool


class SnapshotKey(Decided):
    """A key as the run found it; done: the action was carried out."""

    created: Moment
    last_used: LastUsed | None
    exempt: bool
    done: bool


class SnapshotPolicy(TypedDict):
    """The periods that the run went by."""

    RotationPeriod: int
    InactivePeriod: int
    RecoveryGracePeriod: int


class Uncounted(TypedDict):
    """
    A snapshot but for its counts.

    exemptions_told is false where nobody could be told yet, or could tell, who was exempted since
    the snapshot before; absent, it is true.
    """

    version: Literal[1]
    date: Day
    account: AccountId
    name: str
    run: str
    at: Moment
    dry_run: bool
    whole: bool
    exemptions_told: NotRequired[bool]
    policy: SnapshotPolicy
    users: list[SnapshotUser]
    keys: list[SnapshotKey]
    quarantined: list[Quarantined]
    failures: list[Failed]
    warnings: list[str]
    left: list[str]


class Snapshot(Uncounted):
    """An account on a day; whole: every user of it is there, or stands in left."""

    counts: Counts
