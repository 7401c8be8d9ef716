"""
The whole rule: what is due for one user's keys today, and why.

`decide` is pure. It reads the facts it is given; where it meets one that nobody has read yet,
it answers with the question, and is asked again with the answer. So the costly facts are
read only where a decision needs them, and the rule alone says where that is.

A user's keys are looked at in this order: what forbids to touch them at all (exempt, a record
that cannot be read, another run under way), what an unfinished rotation left behind, the
Inactive keys (one that goes frees a slot), then the Active ones: alone, with the successor we
delivered, or beside another that a person made. What no line speaks of is kept.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from keyturn.domain.amounts import counted
from keyturn.domain.days import (
    DAY,
    are_exceeded,
    day_of_run,
    days_since,
    have_passed,
)
from keyturn.domain.decision import (
    WRITING,
    Action,
    Asked,
    Change,
    Decision,
    Next,
    Notice,
    Overlay,
    Question,
    Reason,
    RecordChange,
    State,
    Told,
    Turn,
)
from keyturn.domain.key import (
    UNREAD,
    Act,
    KeyFacts,
    LastUse,
    Receipt,
    SecretFacts,
    Unknown,
    UserFacts,
)
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import (
    AGAIN,
    LONGEST_RUN,
    Foreign,
    History,
    KeyRecord,
    UserRecord,
    read_record,
)

ACT_WARNING = 3
"""Days before a key is disabled or deleted on which its owner is told once more."""
WEEK = 7
"""Days between two notices of the same obstacle."""
MOST_TRIES = 3
"""Rotations in a row that deliver nothing, behind which it is tried once a week."""
RECEIPT_LIFE = 30
"""Days past its promised date after which a receipt is stale."""
FORCE_LIFE = timedelta(hours=24)
"""How long an operator's ForceRotate stands: a late redelivery must not rotate twice."""
ORPHAN_REST = 1
"""Days that a key whose secret nobody has lies Inactive before it is removed."""
NEW_KEY = 2
"""Days within which a lone key may be what a broken rotation left, its old key deleted by hand."""
_EARLY_WARNING = f"{Told.UPCOMING}-"
"""How the step of a warning before a rotation begins."""


class NeededError(Exception):
    """A fact is needed that nobody has read; leaves this file as an answer, never as an error."""

    def __init__(self, question: Question) -> None:
        self.question = question


def decide(
    user: UserFacts, policy: RotationPolicy, now: datetime, *, kms_key: str | None = None
) -> Turn | Question:
    """
    Say what is due for a user's keys at `now` (UTC), or which fact is needed to say so.

    kms_key is the key that our secrets lie under; None means aws/secretsmanager.
    """
    try:
        return _turn(user, policy, now, kms_key)
    except NeededError as needed:
        return needed.question


def _turn(user: UserFacts, policy: RotationPolicy, now: datetime, kms_key: str | None) -> Turn:
    rule = Rule(user=user, policy=policy, now=now, record=UserRecord())
    if user.exempt:
        return rule.exempted(kms_key)
    if not rule.needs_record():
        return Turn(user=user, decisions=tuple(rule.upcoming(key) for key in user.keys))

    secret = rule.secret()
    if isinstance(secret, Unknown):
        return rule.for_all(
            Action.WAIT,
            Reason.RECORD_UNREADABLE,
            f"its record could not be read ({secret.why})",
            Overlay.BLOCKED,
        )
    return replace(rule, record=read_record(user, secret, kms_key=kms_key, now=now)).with_record()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule for one user at one time."""

    user: UserFacts
    policy: RotationPolicy
    now: datetime
    record: UserRecord
    orphan: KeyFacts | None = None
    """What an unfinished rotation left: it is nobody's successor."""

    # --- the whole user ---------------------------------------------------------------

    def needs_record(self) -> bool:
        """Whether anything can be due or pending that the record has a say in."""
        match self.user.keys:
            case [only]:
                # So young, it may be what is left of a broken rotation: an orphan.
                is_new = self.age(only) <= NEW_KEY
                # What stands in its way is known before anybody is warned of a rotation.
                comes = self.is_due(only) or bool(self.warnings_come(only))
                return is_new or not only.is_active or comes or self.is_forced(only)
            case keys:
                return len(keys) > 1

    def with_record(self) -> Turn:
        """Decide for a user who is not exempt, and whose record is known."""
        if self.is_under_way():
            return self.just_rotated() or self.for_all(
                Action.WAIT,
                Reason.RUN_UNDER_WAY,
                "Keyturn was at work on this user less than 15 minutes ago; "
                "look again in 15 minutes",
                Overlay.BLOCKED,
            )
        if self.record.foreign is not None:
            return self.held_back_by(self.record.foreign)
        return self.turn()

    def exempted(self, kms_key: str | None) -> Turn:
        """Leave an exempt user's keys alone, whatever they are; name a key that nobody can use."""
        orphan, why = self.orphan_of_exempt(kms_key)
        turn = replace(self, orphan=orphan).for_all(
            Action.KEEP, Reason.EXEMPT, "its user is exempt", Overlay.EXEMPT
        )
        if orphan is None:
            return turn
        left = "a rotation broke off before the secret of this key was stored"
        if why is not None:
            left += f" (whether it was used since could not be read: {why})"
        return replace(
            turn,
            quarantined=orphan.key_id,
            decisions=tuple(
                replace(
                    decision,
                    reason=Reason.ORPHAN_FOUND,
                    sentence=f"{left}; its user is exempt, so only a person may remove it",
                )
                if decision.key_id == orphan.key_id
                else decision
                for decision in turn.decisions
            ),
        )

    def orphan_of_exempt(self, kms_key: str | None) -> tuple[KeyFacts | None, str | None]:
        """What an unfinished rotation left of a user who is exempt by now."""
        if len(self.user.keys) < 2:  # noqa: PLR2004 -- a rotation leaves one key beside another
            return None, None
        secret = self.secret()
        if secret is None or isinstance(secret, Unknown):
            return None, None
        record = read_record(self.user, secret, kms_key=kms_key, now=self.now)
        return replace(self, record=record).find_orphan()

    def just_rotated(self) -> Turn | None:
        """
        Show what a rotation that has ended minutes ago left, with its dates; do and tell nothing.

        None: it has not ended, IAM does not list the new key yet, or something else is under way.
        "Settled" is a word in a tag: good enough to look at, and nothing is written on it.
        """
        intent = self.record.intent
        if intent is None or not intent.settled or self.is_ending() or self.record.foreign:
            return None
        if self.record.delivered_by_intent(self.user.keys) is None:
            return None
        turn = self.turn()
        minutes = max(self.now - intent.at, timedelta()) // timedelta(minutes=1)
        ago = f"rotated {counted(minutes, 'minute')} ago, all done"
        return replace(
            turn,
            record_changes=(),
            decisions=tuple(
                self.shown(made, f"{ago}; " if made.key_id == intent.replaces else "")
                for made in turn.decisions
            ),
        )

    def shown(self, decision: Decision, ago: str) -> Decision:
        """The decision as it is while the next act waits."""
        sentence = ago + decision.sentence
        if decision.action in WRITING:
            return replace(
                decision,
                action=Action.WAIT,
                reason=Reason.RUN_UNDER_WAY,
                sentence=f"{sentence}; that waits until 15 minutes after the rotation",
                overlays=decision.overlays | {Overlay.BLOCKED},
                notice=None,
                next=Next(decision.action, self.today),
            )
        if decision.is_due:
            return replace(
                decision,
                action=Action.KEEP,
                reason=Reason.RUN_UNDER_WAY,
                sentence=sentence,
                notice=None,
            )
        return replace(decision, sentence=sentence)

    def is_under_way(self) -> bool:
        """Whether a run may be inside right now, or IAM may not have caught up with one."""
        intent = self.record.intent
        return self.is_ending() or (intent is not None and intent.is_young(self.now))

    def is_ending(self) -> bool:
        """Whether a run may be about to end a key right now."""
        active = (self.record.of(key) for key in self.user.keys if key.is_active)
        return any(
            begun is not None and self.now - begun <= LONGEST_RUN
            for on_record in active
            for begun in (on_record.disabling, on_record.disabled, on_record.revoked)
        )

    def turn(self) -> Turn:
        """Decide for every key."""
        orphan, why = self.find_orphan()
        rule = replace(self, orphan=orphan)
        quarantined = None if orphan is None else orphan.key_id
        if why is not None:
            turn = rule.for_all(
                Action.WAIT,
                Reason.LAST_USE_UNKNOWN,
                f"an unfinished rotation left {quarantined}, and whether that was ever used "
                f"could not be read ({why})",
                Overlay.BLOCKED,
            )
            return replace(turn, quarantined=quarantined)
        decisions = rule.decisions()
        return Turn(
            user=self.user,
            record=self.record,
            decisions=tuple(decisions[key.key_id] for key in self.user.keys),
            record_changes=rule.record_changes(decisions),
            quarantined=quarantined,
        )

    def decisions(self) -> dict[str, Decision]:
        """Decide for the keys that do not work first: one that goes frees a slot."""
        made: dict[str, Decision] = {}
        for key in self.user.keys:
            if key is self.orphan:
                made[key.key_id] = self.repair(key)
            elif not key.is_active:
                made[key.key_id] = self.disabled(key)
        match [key for key in self.user.keys if key.is_active and key is not self.orphan]:
            case [only]:
                made[only.key_id] = self.alone(only, beside=next(iter(made.values()), None))
            case [older, newer]:
                made |= self.pair(older, newer)
        return made

    def record_changes(self, decisions: dict[str, Decision]) -> tuple[RecordChange, ...]:
        """What was found that the record does not know yet."""
        changes: list[RecordChange] = []
        for key in self.user.keys:
            if key is self.orphan:
                continue
            change = self.record_change(key, decisions[key.key_id])
            if change is not None:
                changes.append(RecordChange(change, key.key_id))
            history = self.history(key)
            if history != self.record.history_of(key):
                changes.append(RecordChange(Change.COUNTED, key.key_id, history))
        if self.record.intent is not None and not self.record.intent.settled:
            delivered = self.record.delivered_by_intent(self.user.keys)
            if delivered is not None:
                changes.append(RecordChange(Change.DELIVERED, delivered.key_id))
            elif self.orphan is None and not any(
                made.action is Action.ROTATE or made.reason is Reason.DELIVERY_FAILING
                for made in decisions.values()
            ):  # a rotation writes its own over it, and one put off goes on counting
                changes.append(RecordChange(Change.CLEAR_INTENT))
        return tuple(changes)

    def record_change(self, key: KeyFacts, decision: Decision) -> Change | None:
        """What was found about one key."""
        on_record = self.record.of(key)
        if decision.reason is Reason.USED_AFTER_DISABLING:
            return Change.RENEWED
        if key.is_active:
            # A restoration of no time that has come: its grace begins now, once.
            ahead = on_record.restored is not None and on_record.restored >= self.now
            if on_record.disabled or on_record.revoked or ahead:
                return Change.RESTORED
            broke_off = Change.INTERRUPTED if on_record.is_interrupted else None
            return broke_off or (Change.UNSEEN if on_record.seen else None)
        if on_record.disabled or on_record.seen:
            return None
        if on_record.disabling:
            return Change.DISABLED
        return None if key.set_to_end else Change.SEEN

    def for_all(self, action: Action, reason: Reason, sentence: str, overlay: Overlay) -> Turn:
        """Give every key the same answer."""
        return Turn(
            user=self.user,
            record=self.record,
            decisions=tuple(
                self.decision(
                    key,
                    action,
                    reason,
                    sentence,
                    overlays=frozenset({overlay}),
                    next_step=self.tomorrow(action) if action is Action.WAIT else None,
                )
                for key in self.user.keys
            ),
        )

    def held_back_by(self, foreign: Foreign) -> Turn:
        """Write nothing beside a secret that is not ours; say so where something is due."""
        return Turn(
            user=self.user,
            record=self.record,
            decisions=tuple(
                self.blocked(key, Reason.SECRET_FOREIGN, f"{foreign.why}; {foreign.cure}")
                if not key.is_active
                or self.is_due(key)
                or self.warnings_come(key)
                or self.is_forced(key)
                else self.young(key, None, foreign.why)
                for key in self.user.keys
            ),
        )

    # --- an unfinished rotation (T5) --------------------------------------------------

    def find_orphan(self) -> tuple[KeyFacts | None, str | None]:
        """
        Find the key that an unsettled intent made and whose secret nobody can have.

        With it comes why nobody can tell, where its last use cannot be read.
        """
        intent = self.record.intent
        if intent is None or self.record.is_settled(self.user.keys):
            return None, None
        for key in self.user.keys:
            on_record = self.record.of(key)
            # Of an unsettled intent no key is stored but the one to be replaced.
            if not intent.may_have_made(key) or on_record.delivered:
                continue
            use = self.last_use(key)
            if isinstance(use, Unknown):
                return key, use.why
            if use.at is None:
                return key, None
        return None, None

    def repair(self, key: KeyFacts) -> Decision:
        """Stop an orphan now, remove it a day later."""
        stopped = self.record.of(key).orphan
        if key.is_active or stopped is None:
            return self.decision(
                key,
                Action.REPAIR,
                Reason.ORPHAN_FOUND,
                "a rotation broke off before the secret of this key was stored: nobody has it",
                notice=Notice(told=Told.ORPHAN, day=self.today),
                next_step=Next(Action.REPAIR, self.day(self.now, ORPHAN_REST)),
            )
        if have_passed(ORPHAN_REST, stopped, self.now):
            return self.decision(
                key,
                Action.REPAIR,
                Reason.ORPHAN_OVER,
                f"nobody has its secret, and it has been Inactive since {stopped.date()}",
                notice=Notice(told=Told.ORPHAN, day=self.today, variant="removed"),
            )
        return self.decision(
            key,
            Action.WAIT,
            Reason.ORPHAN_WAITING,
            "nobody has its secret; it is Inactive and removed by tomorrow's run",
            overlays=frozenset({Overlay.BLOCKED}),
            next_step=Next(Action.REPAIR, self.day(stopped, ORPHAN_REST)),
        )

    # --- DISABLED ---------------------------------------------------------------------

    def disabled(self, key: KeyFacts) -> Decision:
        """Delete an Inactive key when its grace is over and its end was announced (T4, T3)."""
        receipts = self.receipts(key)
        if isinstance(receipts, Unknown):
            return self.blocked_by_receipts(key, receipts)
        # What was promised before the key was disabled is no reason to delete, but to wait.
        promised = self.last_promised(receipts, Act.DELETE)
        on_record = self.record.of(key)
        since = on_record.disabled or on_record.seen
        if since is None or not self.valid(receipts, Act.DELETE, after=since):
            return self.announce_deletion(key, since or self.now, promised)
        by_policy = self.deletion_by_policy(key, since)
        if self.is_put_off(promised, by_policy):
            return self.announce_deletion(key, since, promised, Reason.DATES_CHANGED)
        if (
            self.today < promised
            or not have_passed(self.policy.recovery_grace_period, since, self.now)
            or not (self.is_past(key, self.policy.delete_period) or on_record.forced)
        ):
            day = promised if self.today < promised else by_policy
            return self.warn_or_keep(
                key,
                receipts,
                Told.BEFORE_DELETE,
                Act.DELETE,
                day,
                _why_inactive(on_record, since, day),
            )
        return self.delete(key, since, promised)

    def delete(self, key: KeyFacts, since: datetime, promised: date) -> Decision:
        """Delete a key whose grace is over (T3); if it was used since, the grace begins anew."""
        use = self.last_use(key)
        if isinstance(use, Unknown):
            return self.blocked_by_last_use(key, use)
        if use.at is not None and use.at > since and self.record.of(key).renewed is None:
            return self.announce_deletion(key, self.now, promised, Reason.USED_AFTER_DISABLING)
        if (capped := self.capped(key, Action.DELETE)) is not None:
            return capped
        return self.decision(
            key,
            Action.DELETE,
            Reason.GRACE_OVER,
            f"it is Inactive since {since.date()}, its deletion was announced for {promised}",
            notice=Notice(told=Told.DELETED, day=self.today),
        )

    def deletion_by_policy(self, key: KeyFacts, since: datetime) -> date:
        """The date of deletion that the periods alone give."""
        grace = self.day(since, self.policy.recovery_grace_period)
        if self.record.of(key).forced:
            return grace
        return max(grace, self.day(key.created, self.policy.delete_period))

    def announce_deletion(
        self, key: KeyFacts, since: datetime, promised: date, reason: Reason | None = None
    ) -> Decision:
        """Tell when an Inactive key will be deleted, at least some days ahead (T4)."""
        soonest = self.today + ACT_WARNING * DAY
        day = max(self.deletion_by_policy(key, since), promised, soonest)
        on_record = self.record.of(key)
        found = not on_record.disabled and not on_record.disabling and not on_record.seen
        match reason:
            case Reason.USED_AFTER_DISABLING:
                told, sentence = (
                    Told.GRACE_RENEWED,
                    "it was used after it had been disabled, so its grace begins anew",
                )
            case Reason.DATES_CHANGED:
                told, sentence = Told.DELETING, "the date of its deletion has changed"
            case _ if found and key.set_to_end:
                return self.perhaps_gone(key, key.set_to_end)
            case _ if found:
                reason = Reason.FOUND_INACTIVE
                told, sentence = Told.DELETING, "it was found Inactive; its grace begins now"
            case _:
                reason = Reason.DATES_NOT_NOTICED
                told = Told.DELETING if on_record.seen else Told.DISABLED
                sentence = f"it has been Inactive since {since.date()}"
        return self.decision(
            key,
            Action.NOTICE,
            reason,
            sentence,
            notice=Notice(told=told, day=day, promises={Act.DELETE: day}),
            next_step=Next(Action.DELETE, day),
        )

    def perhaps_gone(self, key: KeyFacts, set_to_end: Literal[True] | Unknown) -> Decision:
        """Leave a key alone that a run may have deleted: IAM lists it for some seconds more."""
        if isinstance(set_to_end, Unknown):
            return self.unreadable(
                key, Reason.TALLY_UNREADABLE, "whether a run has just deleted it", set_to_end
            )
        return self.decision(
            key,
            Action.WAIT,
            Reason.RUN_UNDER_WAY,
            "Keyturn set out to delete it, and it may be gone by now",
            overlays=frozenset({Overlay.BLOCKED}),
            next_step=self.tomorrow(Action.WAIT),
        )

    # --- one Active key ---------------------------------------------------------------

    def alone(self, key: KeyFacts, *, beside: Decision | None) -> Decision:
        """Rotate the only Active key when it is due and a slot is free (T0, T1, T6)."""
        restored, taken = self.restored(key), self.taken_away(key, beside)
        if restored is not None:
            return restored if restored.notice or not taken else _left_alone(taken, restored)
        # A forced rotation that left an orphan is begun again, however long that takes.
        begun = self.orphan is not None and self.record.of(key).forced is not None
        forced = self.is_forced(key) or begun
        is_due = self.is_due(key) or forced
        is_free = beside is None or beside.frees_slot
        if not is_due or (taken is not None and not is_free):
            return taken or self.upcoming(key, beside=beside)
        if self.policy.unused_period is not None and not forced:
            use = self.last_use(key)
            if isinstance(use, Unknown):
                return self.blocked_by_last_use(key, use)
            if self.is_unused(key, use, self.policy.unused_period):
                return self.retire(key, None, because=Reason.UNUSED)
        if not is_free:
            return self.wait_for_slot(key, beside)
        is_spread = not (forced or self.user.creation_denied or self.user.delivery_denied)
        waits = self.spread(key) if is_spread else None
        return waits or self.rotate(key, forced=forced, taken=taken)

    def rotate(self, key: KeyFacts, *, forced: bool, taken: Decision | None = None) -> Decision:
        """Create the successor and tell when the old key ends (T1)."""
        if (waits := self.hindered(key, forced=forced)) is not None:
            return waits
        promises = self.promises(key, forced=forced)
        reason, sentence = (
            Reason.ROTATION_DUE,
            f"{self.how_old(key)} (RotationPeriod={self.policy.rotation_period})",
        )
        if taken is not None:
            reason, sentence = taken.reason, f"{sentence}; {taken.sentence}"
        if forced:
            reason, sentence = Reason.FORCED, "an operator asked for it"
        return self.decision(
            key,
            Action.ROTATE,
            reason,
            sentence,
            overlays=_contested(self.history(key)),
            notice=Notice(told=Told.ROTATED, day=promises[Act.DISABLE], promises=promises),
            next_step=Next(Action.DISABLE, promises[Act.DISABLE]),
        )

    def hindered(self, key: KeyFacts, *, forced: bool) -> Decision | None:
        """Make no key where the account forbids it, or where none can be delivered."""
        if (why := self.user.creation_denied) is not None:
            sentence = f"the account forbids new access keys ({why})"
            return self.blocked(key, Reason.CREATION_DENIED, sentence)
        if (why := self.user.delivery_denied) is not None:
            sentence = (
                f"no new key can be delivered in the account, as another user's showed ({why})"
            )
            return self.blocked(key, Reason.DELIVERY_FAILING, sentence)
        intent = self.record.intent
        if forced or intent is None or intent.settled or intent.tries < MOST_TRIES:
            return None
        if have_passed(WEEK, intent.at, self.now):
            return None
        again = self.day(intent.at, WEEK)
        return self.blocked(
            key,
            Reason.DELIVERY_FAILING,
            f"{intent.tries} rotations in a row made a key that could not be delivered; "
            f"it is tried again on {again}",
            Next(Action.WAIT, again),  # a try: nobody can promise a key
        )

    def wait_for_slot(self, key: KeyFacts, beside: Decision | None) -> Decision:
        """Keep a due key until the other slot comes free (T6); tell people once it is overdue."""
        free = None if beside is None else self.comes_free(beside)
        [second] = (other.key_id for other in self.user.keys if other is not key)
        if self.orphan is not None:
            second += " (nobody has its secret; Keyturn removes it)"
        wait = self.blocked if self.is_past(key, self.policy.inactive_period) else self.waiting
        return wait(
            key,
            Reason.SLOT_TAKEN,
            f"its user has a second key, {second}, and IAM allows two"
            + (f"; the slot comes free from {free}" if free else ""),
            None if free is None else Next(Action.ROTATE, self.turn_from(key, free)),
        )

    def comes_free(self, beside: Decision) -> date | None:
        """The date on which a key is gone, if nobody interferes; None: nobody can name one."""
        if beside.frees_slot:
            return self.today
        match beside:
            case (
                Decision(notice=Notice(promises={Act.DELETE: day}))
                | Decision(next=Next(Action.REPAIR, day))
            ):
                return day
            case Decision(next=Next(Action.DELETE | Action.DISABLE as end, day)) if (
                not beside.is_blocked
            ):
                return day if end is Action.DELETE else self.deleted_on(beside.key_id, day)
            case Decision(reason=Reason.RESTORED, delivered=True, next=Next(_, day)):
                disabled_on = day + self.policy.installation_window * DAY
                return self.deleted_on(beside.key_id, disabled_on)
            case _:
                return None

    def deleted_on(self, key_id: str, disabled_on: date) -> date | None:
        """The date on which a key is deleted that is disabled on another; None: unknown."""
        [key] = (key for key in self.user.keys if key.key_id == key_id)
        receipts = self.receipts(key)
        if isinstance(receipts, Unknown):
            return None
        day = max(
            disabled_on + self.policy.recovery_grace_period * DAY,
            self.last_promised(receipts, Act.DELETE),
        )
        if self.record.of(key).forced:
            return day
        return max(day, self.day(key.created, self.policy.delete_period))

    def upcoming(self, key: KeyFacts, *, beside: Decision | None = None) -> Decision:
        """
        Say that rotation comes nearer: the latest of the early warnings, once each (T0).

        Only of a day on which it can come: while the other slot is taken for longer, or while
        nobody can say for how long, people are told what is in its way, and of no day.
        """
        due = self.day(key.created, self.policy.rotation_period)
        rotated_on = self.rotated_on(key, due, beside)
        obstacle = "its user has a second key, and IAM allows two"
        if self.user.creation_denied or self.user.delivery_denied:
            rotated_on, obstacle = None, "the account lets no new access key be made and delivered"
        keep = self.young(key, rotated_on, obstacle)
        come = self.warnings_come(key)
        if not come or rotated_on != due:
            return keep
        if self.policy.unused_period is not None:
            use = self.last_use(key)
            if isinstance(use, Unknown):
                return self.blocked_by_last_use(key, use)
            then = self.now + (due - self.today)
            if have_passed(self.policy.unused_period, use.at or key.created, then):
                return replace(keep, next=Next(Action.NOTICE, due))
        notice = Notice(told=Told.UPCOMING, day=due, variant=str(min(come)))
        receipts = self.receipts(key)
        if isinstance(receipts, Unknown):
            return self.blocked_by_receipts(key, receipts)
        if self.is_told(receipts, notice):
            return keep
        return replace(
            keep,
            action=Action.WARN,
            reason=Reason.ROTATION_AHEAD,
            sentence=f"{self.how_old(key)} and will be rotated on {due}",
            notice=notice,
        )

    def young(self, key: KeyFacts, rotated_on: date | None, obstacle: str) -> Decision:
        """Keep a key that is not due; say when it is rotated, or what it will have to wait for."""
        period = self.policy.rotation_period
        due = self.day(key.created, period)
        sentence = f"{self.how_old(key)}, rotation comes at {period}"
        if rotated_on is None:
            sentence = f"{self.how_old(key)}, rotation is due at {period} and waits: {obstacle}"
        elif rotated_on != due:
            sentence = f"{self.how_old(key)}, rotation is due at {period} and waits for its slot"
        return self.decision(
            key,
            Action.KEEP,
            Reason.NOTHING_DUE,
            sentence,
            next_step=Next(Action.ROTATE, rotated_on) if rotated_on else Next(Action.WAIT, due),
        )

    def warnings_come(self, key: KeyFacts) -> list[int]:
        """How many days before its rotation people were to be warned by now."""
        period = self.policy.rotation_period
        return [days for days in self.policy.warn_days if self.is_past(key, period - days)]

    def rotated_on(self, key: KeyFacts, due: date, beside: Decision | None) -> date | None:
        """The date on which a young key will be rotated; None: nobody can name one."""
        if beside is None:
            is_alone = len(self.user.keys) == 1
            free: date | None = due if is_alone else None
        else:
            free = self.comes_free(beside)
        if free is None:
            return None
        if free <= due and self.policy.warn_days:
            return due  # who is warned is rotated on that day
        return self.turn_from(key, max(free, due))

    # --- two Active keys --------------------------------------------------------------

    def pair(self, older: KeyFacts, newer: KeyFacts) -> dict[str, Decision]:
        """Retire one of two Active keys: the one we replaced, or the quiet one."""
        if self.record.delivers(newer):
            made = self.restored(older) or self.retire(
                older, newer, because=Reason.WINDOW_OVER, delivered=True
            )
            return {older.key_id: made, newer.key_id: self.newest(newer, beside=made)}
        return self.two_workloads(older, newer)

    def newest(self, key: KeyFacts, *, beside: Decision | None) -> Decision:
        """Decide for a key that cannot be rotated while the other is there."""
        if (restored := self.restored(key)) is not None:
            return restored
        if self.is_due(key) or self.is_forced(key):
            return self.wait_for_slot(key, beside)
        return self.upcoming(key, beside=beside)

    def two_workloads(self, older: KeyFacts, newer: KeyFacts) -> dict[str, Decision]:
        """Two Active keys of which a person made the newer: only a quiet one may go."""
        made = {
            key.key_id: decision
            for key in (older, newer)
            if (decision := self.restored(key)) is not None
        }
        due = [key for key in (older, newer) if key.key_id not in made and self.is_retirable(key)]
        announced = self.announced(due)
        if isinstance(announced, Unknown):
            return made | {key.key_id: self.blocked_by_receipts(key, announced) for key in due}
        due.sort(key=lambda key: (key not in announced, key.order))
        retired, uses = self.quiet_one(due)
        if isinstance(uses, Unknown):
            made |= {key.key_id: self.blocked_by_last_use(key, uses) for key in due}
        elif due and self.policy.retire_in_use and (announced or retired is None):
            retired = due[0]
        elif retired is None:
            made |= {key.key_id: self.in_use(key, uses[key.key_id]) for key in due}
        if retired is not None:
            other = newer if retired is older else older
            made[retired.key_id] = self.retire(retired, other, because=Reason.WINDOW_OVER)
        for key, other in ((older, newer), (newer, older)):
            if key.key_id not in made:
                made[key.key_id] = self.newest(key, beside=made.get(other.key_id))
        return self.with_overwritten(newer, made)

    def announced(self, keys: list[KeyFacts]) -> list[KeyFacts] | Unknown:
        """
        Find the keys whose end people were told of, where there is a choice.

        Had another fallen quiet since, and gone first, what was told would not come.
        """
        if len(keys) == 1:
            return []
        told = []
        for key in keys:
            receipts = self.receipts(key)
            if isinstance(receipts, Unknown):
                return receipts
            if self.valid(receipts, Act.DISABLE, after=self.record.of(key).restored):
                told.append(key)
        return told

    def quiet_one(
        self, keys: list[KeyFacts]
    ) -> tuple[KeyFacts | None, dict[str, LastUse] | Unknown]:
        """
        Find the first quiet key, and how those before it are used.

        Which of two keys ends must not depend on which answer got through today: behind one
        whose use is Unknown, none is quiet.
        """
        uses: dict[str, LastUse] = {}
        for key in keys:
            use = self.last_use(key)
            if isinstance(use, Unknown):
                return None, use
            if self.is_quiet(key, use):
                return key, uses
            uses[key.key_id] = use
        return None, uses

    def in_use(self, key: KeyFacts, use: LastUse) -> Decision:
        """Leave a key alone that is due, in use, and not replaced by us."""
        window = self.policy.installation_window
        if (taken := self.taken_away(key, None)) is not None:
            return taken
        quiet_on = self.day(use.at or key.created, window + (1 if use.at else 0))
        where = f" ({use.service} in {use.region})" if use.service else ""
        used = f"last used on {use.at.date()}{where}" if use.at else "too young to tell"
        return self.blocked(
            key,
            Reason.TWO_KEYS_IN_USE,
            f"its user has two Active keys and this one is in use: {used}",
            Next(Action.NOTICE, quiet_on),
        )

    def with_overwritten(self, newer: KeyFacts, made: dict[str, Decision]) -> dict[str, Decision]:
        """Tell once that the secret we delivered is no longer where we put it."""
        decision = made[newer.key_id]
        if self.record.of(newer).delivered is None or decision.action is not Action.KEEP:
            return made
        receipts = self.receipts(newer)
        if isinstance(receipts, Unknown) or any(r.step == Told.OVERWRITTEN for r in receipts):
            return made
        told = replace(
            decision,
            action=Action.NOTICE,
            reason=Reason.SECRET_OVERWRITTEN,
            sentence="the secret that Keyturn delivered for it was overwritten or deleted by hand",
            notice=Notice(told=Told.OVERWRITTEN, day=self.today),
        )
        return made | {newer.key_id: told}

    # --- retiring an Active key (T4, T0, T2) --------------------------------------------

    def retire(
        self,
        key: KeyFacts,
        other: KeyFacts | None,
        *,
        because: Reason,
        delivered: bool = False,
    ) -> Decision:
        """
        Announce that an Active key will be disabled, warn, and disable it when its time is over.

        other is the Active key that remains; without `delivered` the caller has seen that
        this one is quiet, unused, or may be retired in use.
        """
        on_record = self.record.of(key)
        receipts = self.receipts(key)
        if isinstance(receipts, Unknown):
            return self.blocked_by_receipts(key, receipts)
        told = self.valid(receipts, Act.DISABLE, after=on_record.restored)
        if not told or self.was_interrupted(key, told):
            return (
                self.announce_once_more(key, told)
                if told
                else self.announce_disabling(key, other, Reason.DATES_NOT_NOTICED)
            )
        window = self.policy.installation_window
        first_told = min(receipt.at for receipt in told)
        starts = [first_told] if other is None or not delivered else [first_told, other.created]
        by_policy = max(self.day(start, window) for start in starts)
        if not on_record.forced:
            by_policy = max(by_policy, self.day(key.created, self.policy.inactive_period))
        promised = self.last_promised(told, Act.DISABLE)
        if self.is_put_off(promised, by_policy):
            return self.announce_disabling(key, other, Reason.DATES_CHANGED)

        if (
            self.today < promised
            or not all(have_passed(window, start, self.now) for start in starts)
            or not (self.is_past(key, self.policy.inactive_period) or on_record.forced)
        ):
            day = promised if self.today < promised else by_policy
            return self.warn_or_keep(
                key,
                receipts,
                Told.BEFORE_DISABLE,
                Act.DISABLE,
                day,
                _why_it_ends(key, other) + f"; it works until {day}",
            )
        if (waits := self.held(key, receipts) or self.capped(key, Action.DISABLE)) is not None:
            return waits
        delete_on = max(
            self.deletion_by_policy(key, self.now), self.last_promised(receipts, Act.DELETE)
        )
        return self.decision(
            key,
            Action.DISABLE,
            because,
            f"{_why_it_ends(key, other)}, and its end was announced for {promised}",
            notice=Notice(told=Told.DISABLED, day=delete_on, promises={Act.DELETE: delete_on}),
            next_step=Next(Action.DELETE, delete_on),
        )

    def announce_disabling(
        self, key: KeyFacts, other: KeyFacts | None, reason: Reason
    ) -> Decision:
        """Tell when an Active key will be disabled and deleted (T4)."""
        promises = self.promises(key, forced=self.record.of(key).forced is not None)
        sentence = _why_it_ends(key, other)
        if reason is Reason.DATES_CHANGED:
            sentence += ", and the date of its end has changed"
        return self.decision(
            key,
            Action.NOTICE,
            reason,
            sentence,
            notice=Notice(
                told=Told.RETIRING,
                day=promises[Act.DISABLE],
                promises=promises,
            ),
            next_step=Next(Action.DISABLE, promises[Act.DISABLE]),
        )

    def was_interrupted(self, key: KeyFacts, told: tuple[Receipt, ...]) -> bool:
        """Whether a disabling broke off, and nobody was told since that the key works."""
        on_record = self.record.of(key)
        since = self.now if on_record.is_interrupted else on_record.interrupted
        return since is not None and all(receipt.at < since for receipt in told)

    def announce_once_more(self, key: KeyFacts, told: tuple[Receipt, ...]) -> Decision:
        """Tell that a disabling broke off, and that it comes again some days later."""
        day = max(self.today + ACT_WARNING * DAY, self.last_promised(told, Act.DISABLE))
        delete = day + self.policy.recovery_grace_period * DAY
        promises = {Act.DISABLE: day, Act.DELETE: delete}
        return self.decision(
            key,
            Action.NOTICE,
            Reason.DISABLING_INTERRUPTED,
            f"Keyturn was interrupted while disabling this key; it works until {day}",
            notice=Notice(told=Told.RETIRING, day=day, promises=promises),
            next_step=Next(Action.DISABLE, day),
        )

    def promises(self, key: KeyFacts, *, forced: bool) -> dict[Act, date]:
        """
        The dates that a notice of today can promise; never sooner than W and G from now.

        Nor sooner than what was promised before, as far as that was read: nothing comes before it.
        """
        told = key.receipts if isinstance(key.receipts, tuple) else ()
        stretch = self.valid(told, Act.DISABLE, after=self.record.of(key).restored)
        disable = max(
            self.day(self.now, self.policy.installation_window),
            self.last_promised(stretch, Act.DISABLE),
        )
        if not forced:
            disable = max(disable, self.day(key.created, self.policy.inactive_period))
        delete = max(
            disable + self.policy.recovery_grace_period * DAY,
            self.last_promised(told, Act.DELETE),
        )
        return {Act.DISABLE: disable, Act.DELETE: delete}

    def held(self, key: KeyFacts, receipts: tuple[Receipt, ...]) -> Decision | None:
        """Put disabling off while the key is in use, as long as the policy allows."""
        within = self.policy.hold_if_used_within
        if within is None:
            return None
        last_day = self.hold_begins(key, receipts) + self.policy.max_hold * DAY
        if self.today >= last_day:
            return None
        use = self.last_use(key)
        if isinstance(use, Unknown):
            return self.blocked_by_last_use(key, use)
        if use.at is None or are_exceeded(within, use.at, self.now):
            return None
        where = f" ({use.service} in {use.region})" if use.service else ""
        return self.blocked(
            key,
            Reason.HELD,
            f"it is still in use: last on {use.at.date()}{where}; held until {last_day} at most",
            Next(Action.DISABLE, min(last_day, self.day(use.at, within + 1))),
        )

    def hold_begins(self, key: KeyFacts, receipts: tuple[Receipt, ...]) -> date:
        """
        The date on which the key was to be disabled, had it not been in use.

        A long hold outlives its receipt; what is promised anew after the date has come does
        not begin it anew.
        """
        told = self.promising(receipts, Act.DISABLE, after=self.record.of(key).restored)
        first, *later = sorted(told, key=lambda receipt: receipt.at)
        begins = first.promises[Act.DISABLE]
        for receipt in later:
            if receipt.at.date() < begins:
                begins = max(begins, receipt.promises[Act.DISABLE])
        return begins

    def warn_or_keep(  # noqa: PLR0913, PLR0917 -- one line of the table each
        self,
        key: KeyFacts,
        receipts: tuple[Receipt, ...],
        told: Told,
        act: Act,
        day: date,
        sentence: str,
    ) -> Decision:
        """Keep a key whose end is near or far; within three days of it, warn once more (T0)."""
        disabling = act is Act.DISABLE
        notice = Notice(told=told, day=day, promises={act: day})
        warn = _is_near(day, self.today) and not self.is_told_near(receipts, act, day)
        ahead = Reason.DISABLING_AHEAD if disabling else Reason.DELETION_AHEAD
        running = Reason.WINDOW_RUNNING if disabling else Reason.GRACE_RUNNING
        return self.decision(
            key,
            Action.WARN if warn else Action.KEEP,
            ahead if warn else running,
            sentence,
            notice=notice if warn else None,
            next_step=Next(Action.DISABLE if disabling else Action.DELETE, day),
        )

    # --- a person's hand ----------------------------------------------------------------

    def restored(self, key: KeyFacts) -> Decision | None:
        """Leave a key alone that we disabled and a person re-enabled."""
        on_record = self.record.of(key)
        history = self.history(key)
        overlays = frozenset({Overlay.RESTORED}) | _contested(history)
        how_often = _how_often(history.restored)
        grace = self.policy.recovery_grace_period
        if on_record.disabled:
            again = self.day(self.now, grace)
            return self.decision(
                key,
                Action.NOTICE,
                Reason.RESTORED,
                f"it was re-enabled by hand and is left alone until {again}{how_often}",
                overlays=overlays,
                notice=Notice(told=Told.RESTORED, day=self.today),
                next_step=Next(Action.NOTICE, again),
            )
        since = on_record.restored
        if since is not None and not have_passed(grace, since, self.now):
            again = self.day(since, grace)
            receipts = self.receipts(key)
            # Restored twice on one day, a key is left alone until the same date.
            told = isinstance(receipts, Unknown) or any(
                receipt.step == Told.RESTORED
                and (receipt.at >= since or receipt.day == since.date())
                for receipt in receipts
            )
            by_command = on_record.ordered == since
            who = "by an operator's command" if by_command else "by hand"
            return self.decision(
                key,
                Action.KEEP if told else Action.NOTICE,
                Reason.RESTORED_BY_COMMAND if by_command else Reason.RESTORED,
                f"it was re-enabled {who} and is left alone until {again}{how_often}",
                overlays=overlays,
                notice=None if told else Notice(told=Told.RESTORED, day=since.date()),
                next_step=Next(Action.NOTICE, again),
            )
        return None

    def taken_away(self, key: KeyFacts, beside: Decision | None) -> Decision | None:
        """Tell that the successor of a key was taken out of use: at once, and weekly."""
        history = self.history(key)
        taken = self.taken_from(key)
        if taken is None:
            return None
        sentence = f"its successor {taken} was made Inactive or deleted, and not by Keyturn"
        if history.promised is not None:
            sentence += f"; its end was announced for {history.promised} at first"
        due = self.day(key.created, self.policy.rotation_period)
        comes = self.rotated_on(key, due, beside)
        made = self.blocked(
            key,
            Reason.SUCCESSOR_TAKEN_AWAY,
            sentence + _how_often(history.taken),
            None if comes is None else Next(Action.ROTATE, comes),
            anew=history.taken != self.record.history_of(key).taken,
        )
        return replace(made, overlays=made.overlays | _contested(history))

    def taken_from(self, key: KeyFacts) -> str | None:
        """
        The successor that we delivered for a key in use and that somebody took out of use.

        What we disabled, revoked or took back is on record as ours, and nobody's deed.
        """
        if not key.is_active or self.is_replaced(key):
            return None
        there = {
            other.key_id: self.record.of(other)
            for other in self.user.keys
            if not (other.is_active or other.set_to_end or other is self.orphan)
            and other.order > key.order
        }
        taken = [
            (on_record.delivered, key_id)
            for key_id, on_record in {**self.record.gone, **there}.items()
            if on_record.delivered is not None
            and on_record.delivered > key.created
            and not on_record.is_our_doing
        ]
        if not taken:
            return None
        use = self.last_use(key)
        is_quiet = isinstance(use, LastUse) and self.is_quiet(key, use)
        return None if is_quiet else max(taken)[1]

    def history(self, key: KeyFacts) -> History:
        """What people did against a key's end by now, with what this run finds."""
        known, on_record = self.record.history_of(key), self.record.of(key)
        if key.is_active and (on_record.disabled or on_record.revoked):
            known = replace(known, restored=known.restored + 1)
        taken = self.taken_from(key)
        if taken is None or (taken == known.successor and not self.is_found_inactive(taken)):
            return known
        receipts = self.receipts(key)
        told = () if isinstance(receipts, Unknown) else receipts
        ends = [
            receipt.promises[Act.DISABLE] for receipt in told if Act.DISABLE in receipt.promises
        ]
        first = known.promised or min(ends, default=None)
        return replace(known, taken=known.taken + 1, successor=taken, promised=first)

    def is_found_inactive(self, key_id: str) -> bool:
        """Whether a key is Inactive that no run has seen so."""
        return any(key.key_id == key_id and not self.record.of(key).seen for key in self.user.keys)

    # --- how much at once ---------------------------------------------------------------

    def capped(self, key: KeyFacts, action: Action) -> Decision | None:
        """Put the end of a key off if enough others of its account end today (limits.py)."""
        if isinstance(key.over_cap, Unknown):
            return self.unreadable(
                key,
                Reason.TALLY_UNREADABLE,
                "how many keys of the account were to end today",
                key.over_cap,
            )
        if not key.over_cap:
            return None
        keys, percent = self.policy.max_keys_per_day, self.policy.max_percent_per_day
        return self.decision(
            key,
            Action.WAIT,
            Reason.OVER_CAP,
            f"{action} is due, but enough keys of the account end today "
            f"(MaxKeysPerDay={keys}, MaxPercentPerDay={percent})",
            overlays=frozenset({Overlay.BLOCKED}),
            next_step=self.tomorrow(action),
        )

    def spread(self, key: KeyFacts) -> Decision | None:
        """
        Put the rotation of a key that we met old off to its user's day, and say which that is.

        Who was warned is rotated from the day that the warning said: should no run come on that
        day, then by the next one.
        """
        day = self.today + self.days_to_turn(self.today) * DAY
        if day == self.today:
            return None
        receipts = self.receipts(key)
        if isinstance(receipts, Unknown):
            return self.blocked_by_receipts(key, receipts)
        warned = _warned_of(receipts)
        if warned and min(warned) <= self.today:
            return None
        notice = Notice(told=Told.UPCOMING, day=day, variant=Reason.SPREAD)
        day = min(warned, default=day)
        return self.decision(
            key,
            Action.WAIT if warned else Action.WARN,
            Reason.SPREAD,
            f"{self.how_old(key)} and will be rotated on {day}: "
            f"keys that were found old are spread (SpreadDays={self.policy.spread_days})",
            overlays=frozenset({Overlay.BLOCKED}),
            notice=None if warned else notice,
            next_step=Next(Action.ROTATE, day),
        )

    def turn_from(self, key: KeyFacts, day: date) -> date:
        """The date on which a due key is rotated that waits for nothing else from a day on."""
        if self.policy.spread_days == 1 or self.is_forced(key):
            return day
        receipts = self.receipts(key)
        if not isinstance(receipts, Unknown) and (warned := _warned_of(receipts)):
            return max(day, min(warned))
        return day + self.days_to_turn(day) * DAY

    def days_to_turn(self, day: date) -> int:
        """How many days it is to the user's day among those over which old keys are spread."""
        name = f"{self.user.account}/{self.user.name}".encode()
        turn = int.from_bytes(hashlib.sha256(name).digest())
        return (turn - day.toordinal()) % self.policy.spread_days

    # --- what cannot be done ------------------------------------------------------------

    def blocked(
        self,
        key: KeyFacts,
        reason: Reason,
        sentence: str,
        next_step: Next | None = None,
        *,
        anew: bool = False,
    ) -> Decision:
        """
        Say what stands in the way; to owner and admin at first and then weekly.

        anew: it happened again just now, which is told whatever was told of the last time.
        """
        notice = Notice(told=Told.BLOCKED, day=self.today, variant=reason)
        receipts = self.receipts(key)
        tell = anew or (
            not isinstance(receipts, Unknown)
            and not any(
                receipt.step == notice.step and not have_passed(WEEK, receipt.at, self.now)
                for receipt in receipts
            )
        )
        waits = self.waiting(key, reason, sentence, next_step)
        return replace(waits, notice=notice if tell else None)

    def waiting(
        self, key: KeyFacts, reason: Reason, sentence: str, next_step: Next | None = None
    ) -> Decision:
        """Say what stands in the way; nobody has to be told yet."""
        return self.decision(
            key,
            Action.WAIT,
            reason,
            sentence,
            overlays=frozenset({Overlay.BLOCKED}),
            next_step=next_step or self.tomorrow(Action.WAIT),
        )

    def blocked_by_receipts(self, key: KeyFacts, unknown: Unknown) -> Decision:
        """Wait while nobody can say what was told."""
        return self.unreadable(key, Reason.RECEIPTS_UNREADABLE, "what its owner was told", unknown)

    def blocked_by_last_use(self, key: KeyFacts, unknown: Unknown) -> Decision:
        """Wait while nobody can say whether it is in use."""
        return self.unreadable(
            key, Reason.LAST_USE_UNKNOWN, "the last use of its user's keys", unknown
        )

    def unreadable(self, key: KeyFacts, reason: Reason, what: str, unknown: Unknown) -> Decision:
        """Wait for a fact that could not be read."""
        return self.decision(
            key,
            Action.WAIT,
            reason,
            f"{what} could not be read ({unknown.why})",
            overlays=frozenset({Overlay.BLOCKED}),
            next_step=self.tomorrow(Action.WAIT),
        )

    # --- facts ------------------------------------------------------------------------

    @property
    def today(self) -> date:
        return self.now.date()

    def day(self, moment: datetime, days: int) -> date:
        return day_of_run(moment, days, self.now)

    def tomorrow(self, action: Action) -> Next:
        return Next(action, self.today + DAY)

    def age(self, key: KeyFacts) -> int:
        return days_since(key.created, self.now)

    def how_old(self, key: KeyFacts) -> str:
        return f"it is {counted(self.age(key), 'day')} old"

    def is_past(self, key: KeyFacts, days: int) -> bool:
        return have_passed(days, key.created, self.now)

    def is_due(self, key: KeyFacts) -> bool:
        return self.is_past(key, self.policy.rotation_period)

    def is_retirable(self, key: KeyFacts) -> bool:
        return self.is_due(key) or self.record.of(key).forced is not None

    def is_forced(self, key: KeyFacts) -> bool:
        """Whether an operator's fresh word is about this key, not about one made since."""
        return is_forced(self.user, key, self.now)

    def is_quiet(self, key: KeyFacts, use: LastUse) -> bool:
        window = self.policy.installation_window
        if use.at is None:
            return self.is_past(key, window)
        return are_exceeded(window, use.at, self.now)

    def is_unused(self, key: KeyFacts, use: LastUse, period: int) -> bool:
        return have_passed(period, use.at or key.created, self.now)

    def is_put_off(self, promised: date, by_policy: date) -> bool:
        """Whether the policy now gives a later date; one day is only the run's jitter."""
        return by_policy > max(promised + DAY, self.today)  # what is overdue is not put off

    def valid(
        self, receipts: tuple[Receipt, ...], act: Act, *, after: datetime | None
    ) -> tuple[Receipt, ...]:
        """The receipts that promise the act, are of this stretch, and are not stale."""
        return tuple(
            receipt
            for receipt in self.promising(receipts, act, after=after)
            if self.today <= receipt.promises[act] + RECEIPT_LIFE * DAY
        )

    def promising(
        self, receipts: tuple[Receipt, ...], act: Act, *, after: datetime | None
    ) -> tuple[Receipt, ...]:
        """The receipts that promise the act and are of this stretch, stale ones too."""
        return tuple(
            receipt
            for receipt in receipts
            if act in receipt.promises and (after is None or receipt.at >= after)
        )

    def last_promised(self, receipts: tuple[Receipt, ...], act: Act) -> date:
        """The last date that anybody was promised; today, if nobody was."""
        return max((r.promises[act] for r in receipts if act in r.promises), default=self.today)

    def is_told(self, receipts: tuple[Receipt, ...], notice: Notice) -> bool:
        """Whether people know it."""
        return any(r.step == notice.step and _is_same(r.day, notice.day) for r in receipts)

    def is_told_near(self, receipts: tuple[Receipt, ...], act: Act, day: date) -> bool:
        """Whether people were told of an end when it was near, by reminder or late notice."""
        return any(
            _is_same(receipt.promises[act], day)
            and _is_near(receipt.promises[act], receipt.at.date())
            for receipt in self.promising(receipts, act, after=None)
        )

    def secret(self) -> SecretFacts | Unknown | None:
        if self.user.secret is UNREAD:
            raise NeededError(Question(Asked.SECRET))
        return self.user.secret

    def last_use(self, key: KeyFacts) -> LastUse | Unknown:
        if key.last_use is UNREAD:
            raise NeededError(Question(Asked.LAST_USE, key.key_id))
        return key.last_use

    def receipts(self, key: KeyFacts) -> tuple[Receipt, ...] | Unknown:
        if key.receipts is UNREAD:
            raise NeededError(Question(Asked.RECEIPTS, key.key_id))
        return key.receipts

    def state(self, key: KeyFacts) -> State:
        if not key.is_active:
            return State.DISABLED
        return State.ACTIVE if self.successor(key) is None else State.ROTATED

    def is_replaced(self, key: KeyFacts) -> bool:
        """Whether a key that we delivered works in its place."""
        successor = self.successor(key)
        return successor is not None and self.record.delivers(successor)

    def successor(self, key: KeyFacts) -> KeyFacts | None:
        newer = [
            other
            for other in self.user.keys
            if other.is_active and other is not self.orphan and other.order > key.order
        ]
        return newer[-1] if newer else None

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
        successor = self.successor(key)
        if not key.is_active and self.record.of(key).revoked:
            overlays |= {Overlay.REVOKED}
        if self.record.history_of(key).is_contested:
            overlays |= {Overlay.CONTESTED}
        return Decision(
            key_id=key.key_id,
            age=self.age(key),
            state=self.state(key),
            action=action,
            reason=reason,
            sentence=sentence,
            next=next_step,
            overlays=overlays,
            notice=notice,
            successor=successor.key_id if successor else None,
            delivered=successor is not None and self.record.delivers(successor),
        )


def is_forced(user: UserFacts, key: KeyFacts, now: datetime) -> bool:
    """Whether an operator asks that a key be rotated, and it is neither void nor done already."""
    forced = user.forced
    return forced is not None and key.created < forced and now - forced < FORCE_LIFE


def _is_same(day: date, other: date) -> bool:
    """Whether two dates tell people the same; one day is only the run's jitter."""
    return abs(day - other) <= DAY


def _contested(history: History) -> frozenset[Overlay]:
    return frozenset({Overlay.CONTESTED} if history.is_contested else ())


def _how_often(times: int) -> str:
    return f"; that has happened {times} times by now" if times >= AGAIN else ""


def _left_alone(taken: Decision, restored: Decision) -> Decision:
    """Tell of a successor that was taken away from a key that was restored."""
    return replace(taken, overlays=taken.overlays | restored.overlays, next=restored.next)


def _warned_of(receipts: tuple[Receipt, ...]) -> list[date]:
    """The days of rotation that people were warned of."""
    return [receipt.day for receipt in receipts if receipt.step.startswith(_EARLY_WARNING)]


def _is_near(end: date, today: date) -> bool:
    return today >= end - ACT_WARNING * DAY


def _why_inactive(on_record: KeyRecord, since: datetime, until: date) -> str:
    if on_record.revoked:
        return f"it was revoked as leaked on {on_record.revoked.date()}"
    return f"it has been Inactive since {since.date()} and can be re-enabled until {until}"


def _why_it_ends(key: KeyFacts, other: KeyFacts | None) -> str:
    if other is None:
        return "it is not in use and ends without a successor"
    if other.order > key.order:
        return f"it was replaced by {other.key_id}"
    return f"its user works with {other.key_id}"
