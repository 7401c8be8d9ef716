"""
What the rule may ask about a user and their keys.

Two types keep a half-known user apart from a known one. `KeyList` is what a list of keys tells:
ages, states, who replaced whom. `OnRecord` knows the user's record besides. A case that needs
the record takes an `OnRecord`, so it cannot be asked too early. `KeyView` is one key of an
`OnRecord`, with its part beside the other one.

A costly fact that nobody has read raises `NeededError`; `decide` turns it into its answer.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from keyturn.domain.amounts import pluralize
from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.days import DAY, are_exceeded, day_of_run, days_since, have_passed
from keyturn.domain.decision import (
    Action,
    Asked,
    Decision,
    Next,
    Notice,
    Overlay,
    Question,
    Reason,
    State,
)
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import UNREAD, KeyFacts, LastUse, Receipt, SecretFacts, Unknown, UserFacts
from keyturn.domain.lifecycle.due import days_early, days_warned_of
from keyturn.domain.lifecycle.parts import Choice, Part
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.proof import (
    are_all_notified,
    are_each_notified,
    next_unread,
    of_anybody,
    of_owner,
)
from keyturn.domain.record import LONGEST_RUN, KeyRecord, UserRecord, read_record

FORCE_LIFE: Final = timedelta(hours=24)
"""How long an operator's ForceRotate stands: a late redelivery must not rotate twice."""


class NeededError(Exception):
    """
    A fact is needed that nobody has read.

    Raised by the questions below; caught where a decision is asked for (`decide` and
    `decide_command`), which answer with the question. It never leaves the domain as an error.
    """

    def __init__(self, question: Question) -> None:
        self.question = question


def is_forced(user: UserFacts, key: KeyFacts, now: datetime) -> bool:
    """Whether an operator asks that a key be rotated, and it is neither void nor done already."""
    forced = user.forced
    # A key made after the order is what the order made: rotated again, it would take the slot
    # of the key that its owner still works with.
    return forced is not None and key.created < forced and now - forced < FORCE_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyList:
    """One user at one time, as far as the list of keys tells; the record is not read."""

    user: UserFacts
    policy: RotationPolicy
    now: datetime
    """UTC."""
    kms_key: str | None = None
    """The key that our secrets are encrypted with; None: aws/secretsmanager."""
    constraints: RunConstraints = NO_CONSTRAINTS
    """What other runs leave room for today."""
    orphan: KeyFacts | None = None
    """What an unfinished rotation left: it is nobody's successor."""

    # --- time: docs/lifecycle.md, "How days are counted", with a slack for the run's jitter

    @property
    def today(self) -> date:
        """The date of the run, UTC."""
        return self.now.date()

    def day(self, moment: datetime, days: int) -> date:
        """The date, UTC, of the first daily run that is so many days after a moment."""
        return day_of_run(moment, days, self.now)

    def tomorrow(self, action: Action) -> Next:
        """A step that the next run can take."""
        return Next(action, self.today + DAY)

    # --- one key

    def age(self, key: KeyFacts) -> int:
        """Whole days since its CreateDate, with the slack of half a day (days.py)."""
        return days_since(key.created, self.now)

    def how_old(self, key: KeyFacts) -> str:
        """Its age, for a sentence."""
        return f"it is {pluralize(self.age(key), 'day')} old"

    def is_past(self, key: KeyFacts, days: int) -> bool:
        """Whether it is at least so many days old."""
        return have_passed(days, key.created, self.now)

    def is_forced(self, key: KeyFacts) -> bool:
        """Whether an operator's fresh word is about this key, not about one made since."""
        return is_forced(self.user, key, self.now)

    def is_quiet(self, key: KeyFacts, use: LastUse) -> bool:
        """Whether nobody has used it for W days (docs/lifecycle.md, "quiet")."""
        window = self.policy.installation_window
        # Never used proves nothing of a key that its owner has not had for W days yet.
        if use.at is None:
            return self.is_past(key, window)
        return are_exceeded(window, use.at, self.now)

    def is_unused(self, key: KeyFacts, use: LastUse, period: int) -> bool:
        """Whether nobody has used it for `period` days (UnusedPeriod)."""
        return have_passed(period, use.at or key.created, self.now)

    def state(self, key: KeyFacts) -> State:
        """Where it stands: of IAM's list alone, never of something stored."""
        if not key.is_active:
            return State.DISABLED
        return State.ACTIVE if self.successor(key) is None else State.ROTATED

    def successor(self, key: KeyFacts) -> KeyFacts | None:
        """The newest Active key of the user made after it, whoever made that (decision 0006)."""
        newer = [
            other
            for other in self.user.keys
            if other.is_active and other is not self.orphan and other.order > key.order
        ]
        return newer[-1] if newer else None

    # --- when it is due: the only place that says so

    def due_age(self, key: KeyFacts) -> int:
        """
        The age at which it is replaced (T1): R, or up to RotateEarlyDays sooner.

        Sooner only on a day that people were warned of, and not before the last one: an early day
        that passed in silence is none, and the key is due at R. Raises NeededError where nobody
        has asked for the receipts.
        """
        first, latest = self.first_due_age(key), self.policy.rotation_period
        if first == latest or self.is_past(key, latest):
            return latest
        if not self.may_be_warned(key):
            return first
        receipts, has_come = self.receipts(key), self.is_past(key, first)
        if isinstance(receipts, Unknown):
            return latest if has_come else first
        warned = days_warned_of(receipts)
        if not warned:
            return latest if has_come else first
        ages = range(first, latest)
        return next((age for age in ages if self.day(key.created, age) >= max(warned)), latest)

    def first_due_age(self, key: KeyFacts) -> int:
        """The age before which it is not due, whatever people were told."""
        return self.policy.rotation_period - days_early(self.user, key, self.policy)

    def is_due(self, key: KeyFacts) -> bool:
        """Whether it is to be replaced by its age (T1)."""
        return self.is_past(key, self.due_age(key))

    def is_of_age(self, key: KeyFacts) -> bool:
        """Whether it is R days old: what ends beside another key is never early."""
        return self.is_past(key, self.policy.rotation_period)

    def due_day(self, key: KeyFacts) -> date:
        """The date, UTC, of the first daily run that finds it due."""
        return self.day(key.created, self.due_age(key))

    def last_due_day(self, key: KeyFacts) -> date:
        """The same at R: nobody can be warned of its early day, so that passes in silence."""
        return self.day(key.created, self.policy.rotation_period)

    def warned_from(self, key: KeyFacts) -> int:
        """The age before which nothing is said of its rotation."""
        return self.first_due_age(key) - max(self.policy.warn_days, default=0)

    def may_be_warned(self, key: KeyFacts) -> bool:
        """Whether it is so old that people may have been warned of its rotation; or due."""
        return self.is_past(key, self.warned_from(key))

    def is_warned(self, key: KeyFacts) -> bool:
        """
        Whether people were warned of its early day; False, if it has none.

        Raises NeededError where nobody has asked for the receipts.
        """
        is_early = self.first_due_age(key) < self.policy.rotation_period
        if not is_early or not self.may_be_warned(key):
            return False
        receipts = self.receipts(key)
        return not isinstance(receipts, Unknown) and bool(days_warned_of(receipts))

    def warnings_come(self, key: KeyFacts) -> list[int]:
        """The entries of WarnDays that have come: days before its rotation, the latest last."""
        due = self.due_age(key)
        return [days for days in self.policy.warn_days if self.is_past(key, due - days)]

    # --- the time that an operator gave it

    def deferred_until(self, key: KeyFacts) -> date | Unknown | None:
        """The day up to which nothing is done about it; None: it has no time, or no more."""
        ends = self.deferral_ends(key)
        return ends if isinstance(ends, Unknown) or (ends and ends > self.today) else None

    def deferral_ends(self, key: KeyFacts) -> date | Unknown | None:
        """The same, also when that day is over."""
        if not isinstance(key.deferral, Deferral):
            return key.deferral
        return key.deferral.ends(self.policy.max_deferral)

    # --- what other runs leave room for

    def over_limit(self, key: KeyFacts) -> Literal[True] | Unknown | None:
        """Whether it may not end today (True, or nobody can tell); None: it may."""
        return self.constraints.over_limit.get(key.key_id)

    def ending_elsewhere(self, key: KeyFacts) -> Literal[True] | Unknown | None:
        """Whether another run set out to end it just now, or nobody can tell; None: none did."""
        return self.constraints.ending_elsewhere.get(key.key_id)

    # --- what the record says: nothing yet

    def delivers(self, key: KeyFacts) -> bool:  # noqa: ARG002 -- OnRecord asks the record
        """Whether an application reads it from the user's secret, because we put it there."""
        # Not proven is not delivered: a key counted as replaced would be disabled on that word.
        return False

    def overlays_of(self, key: KeyFacts) -> frozenset[Overlay]:  # noqa: ARG002 -- likewise
        """What stands beside every decision about it."""
        return frozenset()

    # --- facts that cost a call: read only where a case needs them

    def secret(self) -> SecretFacts | Unknown | None:
        """The user's secret; None: there is none. Raises NeededError where nobody has asked."""
        if self.user.secret is UNREAD:
            raise NeededError(Question(Asked.SECRET))
        return self.user.secret

    def last_use(self, key: KeyFacts) -> LastUse | Unknown:
        """When it was last used. Raises NeededError where nobody has asked."""
        if key.last_use is UNREAD:
            raise NeededError(Question(Asked.LAST_USE, key.key_id))
        return key.last_use

    def receipts(self, key: KeyFacts) -> tuple[Receipt, ...] | Unknown:
        """
        What anybody was notified of: a promise to a former owner holds a key back, too.

        Raises NeededError where nobody has asked.
        """
        if key.receipts is UNREAD:
            raise NeededError(Question(Asked.RECEIPTS, key.key_id))
        return key.receipts

    def notified(self, key: KeyFacts) -> tuple[Receipt, ...] | Unknown:
        """
        What those who answer for it now were notified of (proof.py).

        Raises NeededError where nobody has asked for the receipts, or then for the owner.
        """
        receipts = self.receipts(key)
        # Where nobody was notified of anything, whose key it is makes no difference, and no call.
        if isinstance(receipts, Unknown):
            return receipts
        if all(receipt.to is None for receipt in receipts):
            return of_anybody(receipts, self.policy)
        owner = self.owner()
        if isinstance(owner, Unknown):
            return owner
        # A plan without an admin's address, which ends nothing: whoever was notified counts.
        if owner.source in {OwnerSource.UNREAD, OwnerSource.NONE}:
            return of_anybody(receipts, self.policy)
        unread = next_unread(owner, receipts, self.policy, self.now, returned=key.returned)
        if unread is not None:
            return Unknown(unread)
        return of_owner(owner, receipts, self.policy, self.now, returned=key.returned)

    def owner(self) -> Owner | Unknown:
        """Who answers for the keys. Raises NeededError where nobody has asked."""
        owner = self.user.owner
        if owner is UNREAD:
            raise NeededError(Question(Asked.OWNER))
        if isinstance(owner, Owner) and owner.source is OwnerSource.UNREADABLE:
            return Unknown(f"its owner is {owner}")
        return owner

    def is_announced(self, key: KeyFacts, of_end: tuple[Receipt, ...]) -> bool:
        """Whether everybody who is to be notified of an end was: `of_end` are its receipts."""
        owner, receipts = self.user.owner, self.receipts(key)
        if not of_end or not isinstance(owner, Owner) or not owner.candidates:
            return bool(of_end)
        known = () if isinstance(receipts, Unknown) else receipts
        return are_all_notified(owner, known, of_end, self.policy, self.now, returned=key.returned)

    def is_told_to_each(self, key: KeyFacts, of_end: tuple[Receipt, ...]) -> bool:
        """Whether each of its owners was notified of an end; some may have been added since."""
        owner, receipts = self.user.owner, self.receipts(key)
        if not isinstance(owner, Owner) or isinstance(receipts, Unknown):
            return True
        return are_each_notified(
            owner, receipts, of_end, self.policy, self.now, returned=key.returned
        )

    # --- the answer

    def decision(  # noqa: PLR0913 -- a decision has so many parts
        self,
        key: KeyFacts,
        action: Action,
        reason: Reason,
        sentence: str,
        *,
        overlays: frozenset[Overlay] = frozenset(),
        notice: Notice | None = None,
        next_step: Next | None = None,
    ) -> Decision:
        """Put a decision about a key together."""
        successor = self.successor(key)
        return Decision(
            key_id=key.key_id,
            age=self.age(key),
            state=self.state(key),
            action=action,
            reason=reason,
            sentence=sentence,
            next=next_step,
            overlays=overlays | self.overlays_of(key) | self._deferred(key),
            notice=notice,
            successor=successor.key_id if successor else None,
            delivered=successor is not None and self.delivers(successor),
        )

    def _deferred(self, key: KeyFacts) -> frozenset[Overlay]:
        is_deferred = isinstance(self.deferred_until(key), date)
        return frozenset({Overlay.DEFERRED} if is_deferred else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord(KeyList):
    """One user at one time, with the record that was read from their secret."""

    record: UserRecord

    def of(self, key: KeyFacts) -> KeyRecord:
        """What is on record for a key; of one that nothing is known of, a record without times."""
        return self.record.of(key)

    def delivers(self, key: KeyFacts) -> bool:
        """Whether an application reads it from the user's secret, because we put it there."""
        return self.record.delivers(key)

    def overlays_of(self, key: KeyFacts) -> frozenset[Overlay]:
        """What stands beside every decision about it."""
        revoked = not key.is_active and self.of(key).revoked is not None
        contested = self.record.history_of(key).is_contested
        return frozenset(
            overlay
            for overlay, applies in ((Overlay.REVOKED, revoked), (Overlay.CONTESTED, contested))
            if applies
        )

    def is_replaced(self, key: KeyFacts) -> bool:
        """Whether a key that we delivered works in its place (invariant 1)."""
        successor = self.successor(key)
        return successor is not None and self.delivers(successor)

    def is_retirable(self, key: KeyFacts) -> bool:
        """Whether it is to go: of age R, or because an operator had it replaced at any age."""
        return self.is_of_age(key) or self.of(key).forced is not None

    def is_restored(self, key: KeyFacts) -> bool:
        """Whether we disabled it and it was enabled again, less than G days ago."""
        on_record = self.of(key)
        since, grace = on_record.restored, self.policy.recovery_grace_period
        # Asked of Active keys: `disabled` on one of them is a restoration that no run has seen
        # yet. Without this line it would be disabled again the day after somebody needed it.
        return on_record.disabled is not None or (
            since is not None and not have_passed(grace, since, self.now)
        )

    def is_under_way(self) -> bool:
        """Whether a run may be inside right now, or IAM may not have caught up with one."""
        intent = self.record.intent
        return self.is_ending() or (intent is not None and intent.is_young(self.now))

    def is_ending(self) -> bool:
        """Whether a run may be about to end a key right now."""
        # Also when `disabled` stands there: for some seconds IAM lists the key as Active still,
        # and that must not pass for a person who enabled it.
        active = (self.of(key) for key in self.user.keys if key.is_active)
        return any(
            begun is not None and self.now - begun <= LONGEST_RUN
            for on_record in active
            for begun in (on_record.disabling, on_record.disabled, on_record.revoked)
        )


def on_record(keys: KeyList, secret: SecretFacts | None) -> OnRecord:
    """Read the record from the user's secret."""
    return OnRecord(
        user=keys.user,
        policy=keys.policy,
        now=keys.now,
        kms_key=keys.kms_key,
        constraints=keys.constraints,
        orphan=keys.orphan,
        record=read_record(keys.user, secret, kms_key=keys.kms_key, now=keys.now),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """One key, its part beside the user's other key, and what was decided about that one."""

    at: OnRecord
    key: KeyFacts
    part: Part
    other: KeyFacts | None = None
    """The other Active key, if there is one that works."""
    choice: Choice | None = None
    """Which of two keys ends, where a person made the newer."""
    beside: Decision | None = None
    """What was decided about the other key, if it was decided first."""

    @property
    def on_record(self) -> KeyRecord:
        """What is on record for this key."""
        return self.at.of(self.key)

    @property
    def is_forced(self) -> bool:
        """Whether an operator has it rotated at any age; what left an orphan is begun again."""
        begun = self.at.orphan is not None and self.on_record.forced is not None
        return self.at.is_forced(self.key) or begun

    @property
    def is_to_be_rotated(self) -> bool:
        """Whether a new key is due for it, by its age or on an operator's word (T1)."""
        return self.is_forced or self.at.is_due(self.key)

    @property
    def slot_is_free(self) -> bool:
        """Whether IAM lets its user have one more key, after what was decided so far."""
        if len(self.at.user.keys) == 1:
            return True
        # What was not decided yet frees nothing: a third CreateAccessKey is LimitExceeded.
        return self.other is None and self.beside is not None and self.beside.frees_slot

    def receipts(self) -> tuple[Receipt, ...]:
        """
        What anybody was notified of; nothing, where that could not be read.

        No end comes sooner by a missing receipt; but a date that is told might be earlier than
        one promised before, so `wait_while_receipts_are_unreadable` stands first in each list.
        """
        receipts = self.at.receipts(self.key)
        return () if isinstance(receipts, Unknown) else receipts

    def notified(self) -> tuple[Receipt, ...]:
        """What those who answer for it now were notified of; nothing likewise."""
        found = self.at.notified(self.key)
        return () if isinstance(found, Unknown) else found
