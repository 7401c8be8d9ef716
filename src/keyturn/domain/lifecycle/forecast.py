"""
What comes to a user's keys: the rule itself, played forward day by day.

It comes so if every run does what is due, notices are accepted, nobody interferes, and people
keep their ways: a key in use stays in use until we replace it, and one that is not stays so. No
period is counted here: every date is the answer that the rule gives on its day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.days import DAY, JITTER
from keyturn.domain.decision import Action, Decision, Overlay, Reason, UserDecisions, changed
from keyturn.domain.key import KeyFacts, LastUse, Receipt, Status, Unknown, Unread, UserFacts
from keyturn.domain.lifecycle.decide import decide_with_record
from keyturn.domain.lifecycle.promises import ACT_WARNING
from keyturn.domain.lifecycle.view import OnRecord
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord, UserRecord
from keyturn.domain.secret_names import version_id_for

RUN = timedelta(minutes=1)
"""How long after its start a run has done what was due, and people were told."""
_MARGIN = 60
"""Days beyond all periods together, after which nothing comes that is not in sight."""
_MADE = "the successor"
"""Begins what stands for the id of a key that is not made yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is due for a key on a day."""

    day: date
    """Of the run that does it, UTC."""
    decision: Decision


def forecast(
    decided: UserDecisions, policy: RotationPolicy, now: datetime
) -> Mapping[str, tuple[Step, ...]]:
    """
    Say what comes to each key of a user that was just decided, and on which day.

    Returns key id → its steps, the next one first; none, where nobody can say what comes.
    """
    steps: dict[str, list[Step]] = {decision.key_id: [] for decision in decided.decisions}
    for day, of_day in _days(decided, policy, now):
        for decision in of_day.decisions:
            if decision.key_id in steps and decision.is_due:
                steps[decision.key_id].append(Step(day, decision))
    return {key_id: tuple(coming) for key_id, coming in steps.items()}


def _days(
    decided: UserDecisions, policy: RotationPolicy, now: datetime
) -> Iterator[tuple[date, UserDecisions]]:
    """Each day with its decisions, until the keys are gone or nothing more is in sight."""
    yield now.date(), decided
    # What could not be read is not supposed to be harmless: a date would be told, and not kept.
    if any(_is_beyond_us(decision) for decision in decided.decisions):
        return
    world = World(user=decided.user, record=decided.record).supposed(policy, now)
    # A limit is of one day; what an account forbids, it goes on forbidding.
    forbidden = RunConstraints(
        creation_denied=decided.constraints.creation_denied,
        delivery_denied=decided.constraints.delivery_denied,
    )
    known = {key.key_id for key in decided.user.keys}
    for number in range(1, policy.delete_period + policy.inactive_period + _MARGIN):
        world = world.after(decided, now + (number - 1) * DAY + RUN)
        # The keys that were asked about are gone; the life of their successors is another story.
        if known.isdisjoint(key.key_id for key in world.user.keys):
            return
        at = now + number * DAY
        world = world.lived_until(at)
        decided = world.decided(policy, at, forbidden)
        # As day_of_run names it: a later run may start before midnight, and what is told must
        # not come before its date.
        yield (at - JITTER).date(), decided


def quiet_until(decided: UserDecisions, policy: RotationPolicy, today: date) -> date | None:
    """
    The first day, UTC, on which the rule may say something new of keys that are only kept.

    By the dates that it named itself, and the warnings before them. None: it may at any time.
    """
    days = [_next_word(decision, policy, today) for decision in decided.decisions]
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def _next_word(decision: Decision, policy: RotationPolicy, today: date) -> date | None:
    coming = decision.next
    if decision.action is not Action.KEEP or decision.notice is not None or coming is None:
        return None
    ahead = policy.warn_days if coming.action is Action.ROTATE else (ACT_WARNING,)
    days = [coming.day - days * DAY for days in (*ahead, 0)]
    return min((day for day in days if day > today), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A user's keys and record as they will be."""

    user: UserFacts
    record: UserRecord
    owners_act: bool = True
    """Whether an owner moves to a new key as soon as it is made; else nobody ever does."""
    of: str = ""
    """Ends what stands for the id of a key that is not made yet: whose it is, among others."""
    in_use: frozenset[str] = field(default=frozenset())
    """The keys that somebody works with, and goes on to."""

    def decided(
        self, policy: RotationPolicy, at: datetime, constraints: RunConstraints
    ) -> UserDecisions:
        """What the rule says then: there is no other that looks ahead."""
        return decide_with_record(
            OnRecord(
                user=self.user, policy=policy, now=at, record=self.record, constraints=constraints
            )
        )

    def supposed(self, policy: RotationPolicy, now: datetime) -> "World":
        """Suppose what nobody asked, and so does not matter today."""
        at = OnRecord(user=self.user, policy=policy, now=now, record=self.record)
        in_use = {
            key.key_id
            for key in self.user.keys
            if key.is_active
            and not (self.owners_act and at.is_replaced(key))
            and not (isinstance(key.last_use, LastUse) and at.is_quiet(key, key.last_use))
        }
        return replace(
            self,
            user=replace(self.user, keys=tuple(self._supposed(key) for key in self.user.keys)),
            in_use=frozenset(in_use),
        )

    def _supposed(self, key: KeyFacts) -> KeyFacts:
        last_use = LastUse(at=None) if isinstance(key.last_use, Unread) else key.last_use
        receipts = () if isinstance(key.receipts, Unread) else key.receipts
        # Nobody had to know who answers for it: whoever was notified, was the right one.
        if isinstance(self.user.owner, Unread) and not isinstance(receipts, Unknown):
            receipts = tuple(replace(receipt, to=None) for receipt in receipts)
        return replace(key, last_use=last_use, receipts=receipts)

    def lived_until(self, at: datetime) -> "World":
        """Let people work with their keys until the next run."""
        keys = tuple(
            replace(key, last_use=LastUse(at=at - timedelta(hours=1)))
            if key.is_active
            and key.key_id in self.in_use
            and not isinstance(key.last_use, Unknown)
            else key
            for key in self.user.keys
        )
        return replace(self, user=replace(self.user, keys=keys))

    def after(self, decided: UserDecisions, at: datetime) -> "World":
        """Write down what was found, do what was decided, and tell it."""
        # An order is done once: left standing, it would rotate the key anew each day.
        world = replace(self, user=replace(self.user, forced=None))
        for change in decided.record_changes:
            if change.key_id is not None:
                before = world.record.keys.get(change.key_id, KeyRecord())
                world = world.noting(change.key_id, changed(before, change.change, at))
        for decision in decided.decisions:
            world = world.notified(decision, at).done(decision, at)
        return world

    def notified(self, decision: Decision, at: datetime) -> "World":
        """Tell people, and keep the proof."""
        key = self.key(decision.key_id)
        # Unreadable receipts stay so: nobody can say when they will be readable.
        if decision.notice is None or not isinstance(key.receipts, tuple):
            return self
        notice = decision.notice
        # Of a step and day people are notified once, whatever the rule goes on saying.
        if any((each.step, each.day) == (notice.step, notice.day) for each in key.receipts):
            return self
        receipt = Receipt(
            step=notice.step,
            day=notice.day,
            at=at,
            promises=notice.promises,
            delivered_at=at,
        )
        return self.with_key(replace(key, receipts=(*key.receipts, receipt)))

    def done(self, decision: Decision, at: datetime) -> "World":
        """Do what is due for a key."""
        key = self.key(decision.key_id)
        on_record = self.record.of(key)
        stopped = replace(key, status=Status.INACTIVE)
        match decision.action:
            case Action.DISABLE:
                noted = replace(on_record, disabled=at)
                return self.with_key(stopped).noting(key.key_id, noted)
            case Action.REPAIR if decision.reason is Reason.ORPHAN_FOUND:
                noted = replace(on_record, orphan=at)
                return self.with_key(stopped).noting(key.key_id, noted)
            case Action.REPAIR:
                return replace(self.without(key), record=replace(self.record, intent=None))
            case Action.DELETE:
                return self.without(key)
            case Action.ROTATE:
                forced = at if decision.reason is Reason.FORCED else on_record.forced
                noted = replace(on_record, forced=forced)
                return self.noting(key.key_id, noted).with_successor(at)
        return self

    def key(self, key_id: str) -> KeyFacts:
        """One of the user's keys."""
        return next(key for key in self.user.keys if key.key_id == key_id)

    def with_key(self, key: KeyFacts) -> "World":
        """Change a key, or make it."""
        return replace(self, user=replace(self.user, keys=(*self.without(key).user.keys, key)))

    def without(self, key: KeyFacts) -> "World":
        """Take a key away."""
        keys = tuple(other for other in self.user.keys if other.key_id != key.key_id)
        return replace(self, user=replace(self.user, keys=keys))

    def noting(self, key_id: str, on_record: KeyRecord) -> "World":
        """Write down what is on record for a key."""
        return replace(
            self, record=replace(self.record, keys={**self.record.keys, key_id: on_record})
        )

    def with_successor(self, at: datetime) -> "World":
        """Make a key and put it into the secret; its owner moves to it."""
        successor = KeyFacts(
            key_id=f"{_MADE} of {at.date()}{self.of}",
            status=Status.ACTIVE,
            created=at,
            last_use=LastUse(at=None),
            receipts=(),
        )
        delivered = version_id_for(successor.key_id)
        record = replace(
            self.record,
            intent=None,
            gone={},
            versions=self.record.versions | {delivered},
            current=delivered,
            usable=True,
        )
        # Its owner moves at once, so the old key falls quiet: the forecast is of a life in which
        # people do what the notice asks of them.
        in_use = frozenset({successor.key_id}) if self.owners_act else self.in_use
        world = replace(self, record=record, in_use=in_use)
        return world.with_key(successor).noting(successor.key_id, KeyRecord(delivered=at))


def _is_beyond_us(decision: Decision) -> bool:
    """Whether nobody can say what comes: nothing, or what nobody could read."""
    return Overlay.EXEMPT in decision.overlays or decision.reason is Reason.RECORD_UNREADABLE
