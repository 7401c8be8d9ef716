"""What the rule answers: one decision for each key, and what has to be written down with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.history import History
from keyturn.domain.key import Act, UserFacts
from keyturn.domain.record import KeyRecord, UserRecord


class State(StrEnum):
    """Where a key stands, read from IAM on every run."""

    ACTIVE = "ACTIVE"
    ROTATED = "ROTATED"
    DISABLED = "DISABLED"
    DELETED = "DELETED"


class Overlay(StrEnum):
    """What changes a state's course."""

    EXEMPT = "EXEMPT"
    RESTORED = "RESTORED"
    REVOKED = "REVOKED"
    BLOCKED = "BLOCKED"
    DEFERRED = "DEFERRED"
    """An operator gave it more time."""
    LEAKED = "LEAKED"
    """AWS put its user under its quarantine policy: a key of theirs was found in public."""
    CONTESTED = "CONTESTED"
    """Somebody, or something, works against its end, again and again."""


class Action(StrEnum):
    """What is done about a key, gentlest first."""

    KEEP = "KEEP"
    WAIT = "WAIT"
    WARN = "WARN"
    NOTICE = "NOTICE"
    ROTATE = "ROTATE"
    REPAIR = "REPAIR"
    DISABLE = "DISABLE"
    DELETE = "DELETE"
    END_EXEMPTION = "END-EXEMPTION"
    """The user of the key is removed from the exemption group."""
    RESTORE = "RESTORE"
    REVOKE = "REVOKE"


ORDERED = frozenset({Action.RESTORE, Action.REVOKE})
"""The actions that the rule never answers with: an operator orders them (commands.py)."""
WRITING = ORDERED | {
    Action.ROTATE,
    Action.REPAIR,
    Action.DISABLE,
    Action.DELETE,
    Action.END_EXEMPTION,
}
"""The actions that change a key, or who is exempt."""
ENDING = frozenset({Action.DISABLE, Action.DELETE})
"""The actions that take a key away from whoever works with it."""


class Reason(StrEnum):
    """Stable words for why; scripts may match on them."""

    NOTHING_DUE = "nothing-due"
    EXEMPT = "exempt"
    EXEMPTION_ENDING = "exemption-ending"
    EXEMPTION_LAPSED = "exemption-lapsed"
    EXEMPTION_OVER = "exemption-over"
    ROTATION_AHEAD = "rotation-ahead"
    DISABLING_AHEAD = "disabling-ahead"
    DELETION_AHEAD = "deletion-ahead"
    ROTATION_DUE = "rotation-due"
    FORCED = "forced"
    DATES_NOT_NOTICED = "dates-not-noticed"
    DATES_CHANGED = "dates-changed"
    WINDOW_RUNNING = "window-running"
    GRACE_RUNNING = "grace-running"
    WINDOW_OVER = "window-over"
    GRACE_OVER = "grace-over"
    UNUSED = "unused"
    SLOT_TAKEN = "slot-taken"
    SUCCESSOR_TAKEN_AWAY = "successor-taken-away"
    CREATION_DENIED = "creation-denied"
    DELIVERY_FAILING = "delivery-failing"
    TWO_KEYS_IN_USE = "two-keys-in-use"
    NOTICE_UNDELIVERED = "notice-undelivered"
    HELD = "held"
    DEFERRED = "deferred"
    DEFERRAL_UNREADABLE = "deferral-unreadable"
    RESTORED = "restored"
    RESTORED_BY_COMMAND = "restored-by-command"
    DISABLING_INTERRUPTED = "disabling-interrupted"
    FOUND_INACTIVE = "found-inactive"
    USED_AFTER_DISABLING = "used-after-disabling"
    SECRET_OVERWRITTEN = "secret-overwritten"  # noqa: S105 -- a reason, not a password
    SECRET_FOREIGN = "secret-foreign"  # noqa: S105 -- likewise
    RECORD_UNREADABLE = "record-unreadable"
    RECEIPTS_UNREADABLE = "receipts-unreadable"
    LAST_USE_UNKNOWN = "last-use-unknown"
    RUN_UNDER_WAY = "run-under-way"
    ORPHAN_FOUND = "orphan-found"
    ORPHAN_WAITING = "orphan-waiting"
    ORPHAN_OVER = "orphan-over"
    OVER_CAP = "over-cap"
    TALLY_UNREADABLE = "tally-unreadable"
    SPREAD = "spread"
    NOT_APPROVED = "not-approved"
    NO_NOTIFIER = "no-notifier"
    OWNER_UNKNOWN = "owner-unknown"
    LEAKED = "leaked"


UNREADABLE = frozenset(
    {
        Reason.RECORD_UNREADABLE,
        Reason.RECEIPTS_UNREADABLE,
        Reason.LAST_USE_UNKNOWN,
        Reason.TALLY_UNREADABLE,
        Reason.DEFERRAL_UNREADABLE,
    }
)
"""Reasons that are failures: what was needed could not be read."""


class NoticeType(StrEnum):
    """What a notice tells its reader."""

    UPCOMING = "upcoming"
    ROTATED = "rotated"
    RETIRING = "retiring"
    BEFORE_DISABLE = "before-disable"
    DISABLED = "disabled"
    DELETING = "deleting"
    BEFORE_DELETE = "before-delete"
    DELETED = "deleted"
    DEFERRED = "deferred"
    EXEMPTION_ENDS = "exemption-ends"
    EXEMPTION_OVER = "exemption-over"
    RESTORED = "restored"
    GRACE_RENEWED = "grace-renewed"
    BLOCKED = "blocked"
    OVERWRITTEN = "overwritten"
    ORPHAN = "orphan"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    Something that people are told once.

    Once means once for each key, step and day. A step is named for what is promised, not for
    how it came about: whoever rotated the key, its end is announced once for a date.
    Source: decision 0011.
    """

    type: NoticeType
    day: date
    """The date that it is about, UTC; with its step it is the receipt's name."""
    variant: str = ""
    """What tells two notices of one word and day apart: a reason, a number of days."""
    promises: Mapping[Act, date] = field(default_factory=dict)
    """Act → the date that it promises, UTC: nothing comes before it."""

    @property
    def step(self) -> str:
        """
        The stable word under which the receipt is kept; a change of it voids every receipt.

        One word for every notice that promises the same, so that nobody is told a date twice.
        """
        match self.type:
            case NoticeType.ROTATED | NoticeType.RETIRING:
                return "disable"
            case NoticeType.DISABLED | NoticeType.DELETING | NoticeType.GRACE_RENEWED:
                return "delete"
            case NoticeType.REVOKED if self.promises:
                return "delete"
            case NoticeType.DEFERRED if self.promises:
                return str(min(self.promises, key=list(Act).index))
            case _ if self.variant:
                return f"{self.type}-{self.variant}"
            case _:
                return str(self.type)


@dataclass(frozen=True, slots=True)
class Next:
    """The next step of a key and the date, UTC, from which it can come."""

    action: Action
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSummary:
    """What programs and people are told of a decision."""

    key_id: str
    age: int
    """Whole days since its CreateDate, with the slack (days.py)."""
    state: State
    action: Action
    reason: Reason
    sentence: str
    """Why, for people; it begins in lower case, and may change with any release."""
    next: Next | None = None
    """None: nothing comes, or nobody can say what."""
    overlays: frozenset[Overlay] = frozenset()
    notice: Notice | None = None
    """What its owner is notified of with this; None: nothing, or nothing new."""
    successor: str | None = None
    """The id of the newest Active key made after it; None: there is none."""

    @property
    def promises(self) -> Mapping[Act, date]:
        """The dates that its notice promises: act → date, UTC; empty: none."""
        return self.notice.promises if self.notice else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(DecisionSummary):
    """What is due for one key, and why."""

    delivered: bool = False
    """Whether the successor is one that we delivered: it is stored in the user's secret."""
    rotates: bool = False
    """Whether a revocation makes and delivers a new key besides."""

    @property
    def is_blocked(self) -> bool:
        """Whether what is due cannot be done yet."""
        return Overlay.BLOCKED in self.overlays

    @property
    def frees_slot(self) -> bool:
        """Whether the key is gone when this is done."""
        return self.action is Action.DELETE or self.reason is Reason.ORPHAN_OVER

    @property
    def is_due(self) -> bool:
        """Whether enforcement does something about the key now."""
        return self.action not in {Action.KEEP, Action.WAIT} or self.notice is not None


class Change(StrEnum):
    """What is written on the record beside the actions."""

    DISABLED = "disabled"
    SEEN = "seen"
    UNSEEN = "unseen"
    RESTORED = "restored"
    ORDERED = "ordered"
    INTERRUPTED = "interrupted"
    RENEWED = "renewed"
    DELIVERED = "delivered"
    CLEAR_INTENT = "clear-intent"
    COUNTED = "counted"


def changed(record: KeyRecord, change: Change, now: datetime) -> KeyRecord:
    """What is on record for a key once a change is written at `now`, UTC."""
    match change:
        case Change.DISABLED | Change.SEEN | Change.DELIVERED:
            return replace(record, **{str(change): now})
        case Change.UNSEEN:
            return replace(record, seen=None, renewed=None)
        case Change.RESTORED | Change.ORDERED:
            # The older times go in the same write: left there, `disabled` would begin the next
            # grace before the key was disabled again (docs/lifecycle.md, "Enabled again by hand").
            return KeyRecord(
                restored=now,
                ordered=now if change is Change.ORDERED else None,
                forced=record.forced,
                delivered=record.delivered,
            )
        case Change.INTERRUPTED:
            return replace(record, disabling=None, interrupted=now)
        case Change.RENEWED:
            # The grace begins anew, whoever had disabled the key.
            begun = "disabled" if record.disabled else "seen"
            return replace(record, renewed=now, **{begun: now})
        case Change.CLEAR_INTENT | Change.COUNTED:
            return record


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One change of the record; key_id is None where it is about the user."""

    change: Change
    key_id: str | None = None
    history: History | None = None
    """What was counted, if something was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDecisions:
    """All that is decided for one user in one run."""

    user: UserFacts
    decisions: tuple[Decision, ...]
    record_changes: tuple[RecordChange, ...] = ()
    record: UserRecord = field(default=UserRecord(), compare=False, repr=False)
    """What is on record, as far as the decisions needed it."""
    constraints: RunConstraints = field(default=NO_CONSTRAINTS, compare=False, repr=False)
    """What other runs left room for when it was decided."""
    quarantined: str | None = None
    """The id of a key that a rotation left, and whose secret nobody has; until it is gone."""
    owner_unknown: str | None = None
    """Why nobody knows who is to be notified of them, and so they wait; None: it is known."""
    only_stops: str | None = None
    """Why a revocation makes its key Inactive and does nothing else; None: it does the rest."""

    @property
    def leaked(self) -> Decision | None:
        """What an operator ordered about a leaked key, if this is about one."""
        return next(
            (decision for decision in self.decisions if decision.reason is Reason.LEAKED), None
        )

    @property
    def writes(self) -> bool:
        """Whether enforcement writes to the user's keys or record now."""
        return bool(self.record_changes) or any(
            decision.action in WRITING or decision.reason is Reason.LEAKED
            for decision in self.decisions
        )

    @property
    def is_at_rest(self) -> bool:
        """Whether all is kept: nothing is written, nobody is notified, and nothing waits."""
        return (
            not self.record_changes
            and self.quarantined is None
            and all(
                decision.action is Action.KEEP and not decision.is_due and not decision.is_blocked
                for decision in self.decisions
            )
        )

    @property
    def only_rotates(self) -> bool:
        """Whether all that is done is a key's rotation: one key, and nothing else on the way."""
        return not self.record_changes and [each.action for each in self.decisions] == [
            Action.ROTATE
        ]


class Asked(StrEnum):
    """The facts that are read only where a decision needs them."""

    SECRET = "secret"  # noqa: S105 -- the name of a fact
    LAST_USE = "last-use"
    RECEIPTS = "receipts"
    OWNER = "owner"
    MEMBERSHIP = "membership"


@dataclass(frozen=True, slots=True)
class Question:
    """A fact that the rule needs; key_id is None for what is asked of the user as a whole."""

    asked: Asked
    key_id: str | None = None
