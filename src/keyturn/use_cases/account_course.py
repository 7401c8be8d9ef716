"""What the snapshots of several days say of one account: where its keys are, and how they came."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from keyturn.domain.days import read_day
from keyturn.domain.decision import WRITING, Action, Overlay, Reason, State
from keyturn.domain.key import LastUse
from keyturn.domain.tag_text import moment
from keyturn.domain.way_out import KeyKnown, UserKnown
from keyturn.schemas.snapshot import LastUsed, Snapshot, SnapshotKey, SnapshotUser

GONE: Final = "GONE"
"""A key that is not there any more, and no run deleted it: a person did, or the user is gone."""

_AFTER: Final[Mapping[Action, State]] = {
    Action.ROTATE: State.ROTATED,
    Action.DISABLE: State.DISABLED,
    Action.REVOKE: State.DISABLED,
    Action.DELETE: State.DELETED,
}
"""The state of a key once an action was carried out."""
UNREADABLE: Final = "its snapshot could not be read: it is of no known form, or has gone"
NO_RUN: Final = "there was no run: no snapshot of the day is stored"


class Seen(StrEnum):
    """How much was seen of an account on a day."""

    WHOLE = "seen"
    PARTLY = "partly seen"
    NOT_ENTERED = "not entered"
    NO_RUN = "not seen"
    LEFT_OUT = "left out"
    """No run was to come: it is closed, or left out on purpose, since."""


@dataclass(slots=True)
class DayFigures:
    """What a day's chart says of an account, or of all of them."""

    accounts: int = 0
    users: int = 0
    keys: int = 0
    active: int = 0
    ages: int = 0
    """The sum of the Active keys' ages, in days."""
    oldest: int = 0
    within: int = 0
    """How many of them are no older than the rotation period."""

    def add(self, other: "DayFigures") -> None:
        """Count another account."""
        self.accounts += other.accounts
        self.users += other.users
        self.keys += other.keys
        self.active += other.active
        self.ages += other.ages
        self.oldest = max(self.oldest, other.oldest)
        self.within += other.within


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a run did about a key."""

    day: date
    action: str
    sentence: str


@dataclass(slots=True, kw_only=True)
class KeyCourse:
    """A key, and its days."""

    key_id: str
    user: str
    created: date | None
    state: str
    states: list[tuple[date, str]] = field(default_factory=list)
    """Each state with its first day, as the run left it."""
    steps: list[Step] = field(default_factory=list)
    blocked_since: date | None = None
    last: SnapshotKey
    """As the newest snapshot has it."""
    last_day: date
    last_use: LastUsed | None = None
    """As the newest snapshot has it that has any; None: no run read it."""
    read_on: date | None = None
    """The day of that snapshot."""


@dataclass(slots=True, kw_only=True)
class AccountCourse:
    """An account: what was seen of it on the day of the page, and its keys' days until then."""

    account: str
    name: str = ""
    seen: Seen = Seen.NO_RUN
    why: str = NO_RUN
    last_seen: date | None = None
    dry_run: bool = False
    policy: tuple[int, int, int] | None = None
    """Rotation, inactive and grace period."""
    left: int = 0
    """How many users there was no time for."""
    failures: list[tuple[str | None, str]] = field(default_factory=list)
    users: list[SnapshotUser] = field(default_factory=list)
    keys: dict[str, KeyCourse] = field(default_factory=dict)
    """Key id → its course; of the day of the page, or gone by then."""
    days: dict[date, DayFigures] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    """Every address that an owner of its users had."""


def course_of(
    account: str, name: str, days: Iterable[tuple[date, Snapshot | None]], *, day: date
) -> AccountCourse:
    """
    Fold an account's days.

    Args:
        account: its id.
        name: as the inventory has it, for an account without a snapshot.
        days: its snapshots, the oldest first; None: it could not be read.
        day: the day of the page: what is of another is history.

    """
    course = AccountCourse(account=account, name=name)
    for on, snapshot in days:
        read = None if snapshot is None else _checked(snapshot)
        is_last = on == day
        if read is None:
            if is_last:
                course.seen, course.why = Seen.NOT_ENTERED, UNREADABLE
            continue
        _add(course, on, read)
        if is_last:
            _finish(course, read)
    _let_go(course, day)
    return course


def _checked(found: Snapshot) -> Snapshot | None:
    """
    The snapshot, if what a page reads of it is of the form that is written.

    One account's is never to keep the page of all the others from being made.
    """
    try:
        is_known = all(map(_is_known, found["keys"])) and all(map(_is_known_user, found["users"]))
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    return found if is_known else None


def _is_known(key: SnapshotKey) -> bool:
    """Whether a key is of the form that is written; it raises where a field is not there."""
    Action(key["action"]), State(key["state"])
    used, coming = key["last_used"], key["next"]
    texts = [key["sentence"], key["created"], *([coming["action"]] if coming else ())]
    optional = [key["successor"], *((used["at"], used["service"]) if used else ())]
    breaks = key.get("breaks")
    return (
        type(key["age"]) is int
        and isinstance(key["done"], bool)
        and all(isinstance(each, str) for each in texts)
        and all(each is None or isinstance(each, str) for each in optional)
        and (breaks is None or isinstance(breaks, bool))
        and (not coming or read_day(coming["date"]) is not None)
    )


def _is_known_user(user: SnapshotUser) -> bool:
    """Whether what is known of a user's owner is of the form that is written."""
    rejected = user.get("owner_rejected", [])
    texts = [user.get("owner"), user.get("owner_source")]
    return all(each is None or isinstance(each, str) for each in texts) and (
        isinstance(rejected, list) and all(isinstance(each, str) for each in rejected)
    )


def _add(course: AccountCourse, on: date, found: Snapshot) -> None:
    """Add a day to the courses of its keys, and to the chart."""
    course.name = found["name"] or course.name
    if not _is_entered(found):
        return
    course.last_seen = on
    rotation = found["policy"].get("RotationPeriod", 0)
    figures = DayFigures(accounts=1, users=len(found["users"]), keys=0)
    for user in found["users"]:
        owner = user.get("owner")
        if isinstance(owner, str):
            course.owners.update(each.strip() for each in owner.split(","))
    for step in found.get("done_earlier", ()):
        known = course.keys.get(step["key"])
        if known is not None:
            known.steps.append(Step(on, step["action"], step["sentence"]))
    for key in found["keys"]:
        state = state_after(key)
        _follow(course, on, key, state)
        if state in {State.DELETED, GONE}:
            continue
        figures.keys += 1
        if state != State.DISABLED:
            figures.active += 1
            figures.ages += key["age"]
            figures.oldest = max(figures.oldest, key["age"])
            figures.within += key["age"] <= rotation
    course.days[on] = figures


def _follow(course: AccountCourse, on: date, key: SnapshotKey, state: str) -> None:
    known = course.keys.get(key["key"])
    if known is None:
        known = course.keys[key["key"]] = KeyCourse(
            key_id=key["key"],
            user=key["user"],
            created=read_day(key["created"][:10]),
            state=state,
            last=key,
            last_day=on,
        )
    if not known.states or known.states[-1][1] != state:
        known.states.append((on, state))
    if key["done"] and key["action"] in WRITING:
        known.steps.append(Step(on, key["action"], key["sentence"]))
    if Overlay.BLOCKED not in key["overlays"]:
        known.blocked_since = None
    elif known.blocked_since is None:
        known.blocked_since = on
    known.user, known.state, known.last, known.last_day = key["user"], state, key, on
    if key["last_used"]:
        known.last_use, known.read_on = key["last_used"], on


def state_after(key: SnapshotKey) -> str:
    """Where a key is once the run is over: a snapshot has it as the run found it."""
    if not key["done"]:
        return key["state"]
    if key["action"] == Action.REPAIR:
        return State.DELETED if key["reason"] == Reason.ORPHAN_OVER else State.DISABLED
    return _AFTER.get(key["action"], key["state"])


def _is_entered(found: Snapshot) -> bool:
    """Whether the account was entered: a failure of no user is one of the account."""
    has_users = bool(found["users"] or found["left"])
    return has_users or all(each["user"] is not None for each in found["failures"])


def _finish(course: AccountCourse, found: Snapshot) -> None:
    """Take over what stands in the snapshot of the page's day."""
    course.dry_run = found["dry_run"]
    course.failures = [(each["user"], each["message"]) for each in found["failures"]]
    periods = found["policy"]
    names = ("RotationPeriod", "InactivePeriod", "RecoveryGracePeriod")
    if all(isinstance(periods.get(name), int) for name in names):
        course.policy = (
            periods["RotationPeriod"],
            periods["InactivePeriod"],
            periods["RecoveryGracePeriod"],
        )
    if not _is_entered(found):
        course.seen = Seen.NOT_ENTERED
        course.why = next((each["message"] for each in found["failures"]), "")
        return
    course.users = list(found["users"])
    course.left = len(found["left"])
    partly = list(_what_lacks(found))
    course.seen, course.why = (Seen.PARTLY if partly else Seen.WHOLE), "; ".join(partly)


def _what_lacks(found: Snapshot) -> Iterator[str]:
    if found["left"]:
        yield f"there was no time for {len(found['left'])} of its users"
    if not found["whole"]:
        yield "the run was for some of its users alone"
    messages = [each["message"] for each in found["failures"] if each["user"] is None]
    yield from messages[:1]


def _let_go(course: AccountCourse, day: date) -> None:
    """
    What became of keys that the page's day does not have.

    Only an account that was seen whole says that a key is gone; of any other, nothing is known of
    its keys on that day, and none is shown.
    """
    today = {key_id: key for key_id, key in course.keys.items() if key.last_day == day}
    if course.seen is Seen.WHOLE:
        for key_id, key in course.keys.items():
            if key_id in today:
                continue
            if key.state != State.DELETED:
                gone = min((on for on in course.days if on > key.last_day), default=day)
                key.state = GONE
                key.states.append((gone, GONE))
            today[key_id] = key
    course.keys = today


def users_known(course: AccountCourse, on: date) -> Iterator[UserKnown]:
    """What is known of the users who are there, for the advice on each; on: the page's day."""
    of_user: dict[str, list[KeyKnown]] = {}
    for key in course.keys.values():
        if key.state in {State.DELETED, GONE}:
            continue
        used = key.last_use
        known = KeyKnown(
            key_id=key.key_id,
            age=key.last["age"],
            is_active=key.state != State.DISABLED,
            last_use=_last_use(used) if used else None,
            read_on=key.read_on,
        )
        of_user.setdefault(key.user, []).append(known)
    for user in course.users:
        signed_in = moment(str(user.get("password_last_used") or ""))
        yield UserKnown(
            account=course.account,
            user=user["user"],
            on=on,
            keys=tuple(of_user.get(user["user"], ())),
            exempt=user["exempt"],
            owner=str(user.get("owner") or ""),
            password_used=signed_in.date() if signed_in else None,
        )


def _last_use(used: LastUsed) -> LastUse | None:
    at = moment(used["at"]) if used["at"] else None
    if used["at"] and at is None:
        return None  # of no form that is known, which is not "never"
    return LastUse(at=at, service=used["service"], region=used.get("region"))


def last_used_on(key: SnapshotKey) -> date | None:
    """The day of a key's last use, if it is known and there was one."""
    used = key["last_used"]
    at: datetime | None = moment(used["at"]) if used and used["at"] else None
    return at.date() if at else None
