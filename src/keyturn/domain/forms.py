"""
The forms that others may build on, as they leave us in JSON.

docs/schemas is made of these. A change that a reader could stumble over raises the form's
version; a new field, or a new word of a list, does not.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from keyturn.domain.decision import Action, Overlay, Reason, State, Told
from keyturn.domain.exemption import GroupChange
from keyturn.domain.key import Act
from keyturn.domain.owner import OwnerSource

# Pairs and no dicts: Python 3.11 wants to hash them.
AccountId = Annotated[str, ("pattern", "^[0-9]{12}$")]
Day = Annotated[str, ("format", "date")]
Moment = Annotated[str, ("format", "date-time")]
Count = Annotated[int, ("minimum", 0)]


class NextStep(TypedDict):
    """The next step of a key, and the date from which it can come."""

    action: Action
    date: Day


class Decided(TypedDict):
    """What was decided for one key, and why; its age is in days."""

    user: str
    key: str
    age: int
    state: State
    overlays: list[Overlay]
    action: Action
    reason: Reason
    sentence: str
    next: NextStep | None
    successor: str | None
    promises: dict[Act, Day]


class Failed(TypedDict):
    """What could not be done, read or told; the user is null where it is about the account."""

    user: str | None
    message: str


class Quarantined(TypedDict):
    """A key whose secret nobody can have."""

    user: str
    key: str


class Counts(TypedDict):
    """How many users, keys by state and action, and failures."""

    users: Count
    exempt: Count
    keys: Count
    states: dict[State, Count]
    actions: dict[Action, Count]
    blocked: Count
    over_cap: Count
    quarantined: Count
    failures: Count
    left: Count


class _Found(TypedDict):
    account: AccountId
    run: str
    failures: list[Failed]
    quarantined: list[Quarantined]
    warnings: list[str]
    counts: Counts


class Answer(_Found):
    """What a direct invocation of the rotation function answers."""

    dry_run: bool
    decisions: list[Decided]


# The plan


class DoneStep(TypedDict):
    """A step that was carried out."""

    user: str
    key: str
    action: Action
    new_key: str | None


class Planned(Decided):
    """What was decided for one key, and whose it is; the owner is null where none is known."""

    owner: str | None
    owner_source: OwnerSource


class LeftoverSecret(TypedDict):
    """A secret whose user is gone, or is called otherwise by now."""

    secret: str
    user: str
    user_id: str | None
    now_called: str | None
    empty: bool
    to_be_deleted: bool


class AccountReport(_Found):
    """One account of a plan, and what was done in it."""

    name: str
    decisions: list[Planned]
    secrets_without_user: list[LeftoverSecret] | None
    done: list[DoneStep]
    left: list[str]


class Skipped(TypedDict):
    """An account that was not looked at."""

    account: AccountId
    name: str
    reason: str


class PlanFile(TypedDict):
    """What `plan` and `run` write with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    dry_run: bool
    policy: dict[str, int | bool | list[int] | None]
    accounts: list[AccountReport]
    skipped: list[Skipped]
    failures: list[str]


# The snapshot


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


# What the other commands answer


class ComingDate(TypedDict):
    """A date, and what comes on it."""

    date: Day
    what: str


class ExplainedKey(Planned):
    """A key, and every date that is coming for it; last_used is null where nobody asked."""

    created: Moment
    last_used: LastUsed | None
    coming: list[ComingDate]


class Explained(TypedDict):
    """A user, and the secret in which new keys are stored."""

    account: AccountId
    name: str
    user: str
    exempt: bool
    secret: str
    keys: list[ExplainedKey]


class Explanation(TypedDict):
    """What `explain` writes with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    users: list[Explained]
    failures: list[str]
    warnings: list[str]


class AdoptionFile(TypedDict):
    """
    What `adopt` writes: a secret as it was found, and what is written to take it.

    `foreign`: why it is not ours (null: it is). `policy`: its resource policy (null: it has none,
    or `policy_unread` says why nobody knows). `kms_key` null: `aws/secretsmanager`.
    """

    version: Literal[1]
    account: AccountId
    user: str
    secret: str
    foreign: str | None
    policy: str | None
    policy_unread: str | None
    replicas: list[str]
    rotates: bool
    kms_key: str | None
    removes: list[str]
    sets: dict[str, str]
    adopted: bool


class SwitchFile(TypedDict):
    """What `pause` and `resume` write: how things stand at the end, and where that is kept."""

    version: Literal[1]
    paused: bool
    by: str | None
    since: Moment | None
    why: str | None
    place: str


# The receipt


class ReceiptFile(TypedDict):
    """The proof that a channel took a notice."""

    time: Moment
    channel: str
    address: str
    message_id: str
    promises: dict[Act, Day]
    run: str


# The events on the bus


class _Head(TypedDict):
    version: Literal[1]
    run: str
    account: AccountId
    dry_run: bool


class KeyDetail(_Head, Decided):
    """What became of a key."""


class FailureDetail(_Head, Failed):
    """What went wrong."""


class RunDetail(_Head):
    """The end of a run over an account."""

    counts: Counts


class ExemptionDetail(_Head):
    """A change of the exemption group."""

    change: GroupChange
    group: str
    user: str | None
    policy: str | None
    other_group: str | None
    by: str


class DigestAccount(TypedDict):
    """The account that a digest is about."""

    id: AccountId
    name: str
    email: str


class DigestRun(TypedDict):
    """The run that a digest is about."""

    id: str
    at: Moment
    dry_run: bool
    account: DigestAccount


class DigestItem(TypedDict):
    """One key in a digest."""

    user: str
    key: str
    age: int
    state: State
    overlays: list[Overlay]
    action: Action
    reason: str
    sentence: str
    told: Told
    day: Day
    variant: str
    promises: dict[Act, Day]
    next: NextStep | None
    successor: str | None
    secret: str | None


class DigestForm(TypedDict):
    """All that one address is told of one run; Keyturn's own, do not build on it."""

    run: DigestRun
    audience: Literal["owner", "admin"]
    address: str
    region: str
    failures: list[str]
    proves: bool
    part: Annotated[int, ("minimum", 1)]
    items: list[DigestItem]


class NoticesDetail(_Head):
    """That a mail is to be sent."""

    digest: DigestForm
