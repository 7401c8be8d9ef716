"""
What is left of a user's decisions where a run may not do all that is due.

It was asked to do exactly what an operator approved of, nobody can be notified by it, or nobody
knows who is to be notified.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.decision import (
    ENDING,
    Action,
    Decision,
    Next,
    Notice,
    NoticeType,
    Overlay,
    Reason,
    UserDecisions,
)

_SUNDAY: Final = 6
"""Of `date.weekday`."""


@dataclass(frozen=True, slots=True, order=True)
class Approved:
    """One line of a plan that an operator read and approved of."""

    user: str
    key_id: str
    action: Action


def only_approved(decided: UserDecisions, approved: Collection[Approved]) -> UserDecisions:
    """
    The decisions, with everything left out that is due and was not approved of.

    What is left out is shown as `not-approved`; nothing that was not read by an operator is done.
    """
    kept = {
        decision.key_id for decision in decided.decisions if _line(decided, decision) in approved
    }
    blocked = [
        decision
        for decision in decided.decisions
        if decision.is_due and decision.key_id not in kept
    ]
    if any(decision.frees_slot for decision in blocked):
        # A rotation may count on that slot.
        kept -= {
            decision.key_id for decision in decided.decisions if decision.action is Action.ROTATE
        }
    return replace(
        decided,
        decisions=tuple(
            decision if decision.key_id in kept or not decision.is_due else _not_approved(decision)
            for decision in decided.decisions
        ),
        record_changes=decided.record_changes if kept else (),
    )


def silenced(decided: UserDecisions) -> UserDecisions:
    """The decisions when nobody can be notified: what needs a notice waits (decision 0007)."""
    return replace(
        decided,
        decisions=tuple(
            replace(
                decision,
                action=Action.WAIT,
                reason=Reason.NO_NOTIFIER,
                sentence=f"{decision.action} needs a notice, and no notifier was chosen",
                overlays=decision.overlays | {Overlay.BLOCKED},
                notice=None,
            )
            if decision.notice is not None
            else decision
            for decision in decided.decisions
        ),
        record_changes=(),
    )


def needs_owner(decided: UserDecisions) -> bool:
    """Whether something is to be done or told that its owner must hear of."""
    return any(_owner_must_hear_of(decision) for decision in decided.decisions)


def without_owner(decided: UserDecisions, why: str, today: date) -> UserDecisions:
    """
    The decisions where nobody knows whom to notify: what is told first waits, without a date.

    A date that nobody was told is none that can be kept. The administrators are told at first and
    weekly. What people did is put on record all the same, and a key that is due gets its
    successor: that stops nothing, and the old one works on until an owner is known.
    """
    return replace(
        decided,
        owner_unknown=why,
        decisions=tuple(
            _unowned(decision, why, today)
            if _owner_must_hear_of(decision) and decision.action is not Action.ROTATE
            else decision
            for decision in decided.decisions
        ),
    )


def _owner_must_hear_of(decision: Decision) -> bool:
    """
    Whether it comes with a notice that its owner must have.

    An end has had its own by now, a key that nobody has is nobody's, and what an operator ordered
    is done on their word.
    """
    is_told = decision.notice is not None and decision.notice.type is not NoticeType.RESTORED
    goes_on = decision.action in ENDING | {Action.REPAIR} or decision.reason is Reason.FORCED
    return is_told and not goes_on


def _unowned(decision: Decision, why: str, today: date) -> Decision:
    if decision.action is Action.WAIT:
        reason, next_step = decision.reason, decision.next
        sentence = f"{decision.sentence}; its owner is not known: {why}"
    else:
        reason, next_step = Reason.OWNER_UNKNOWN, Next(Action.WAIT, today + DAY)
        sentence = f"its owner is not known, and must hear of it first ({decision.reason}): {why}"
    return replace(
        decision,
        action=Action.WAIT,
        reason=reason,
        sentence=sentence,
        overlays=decision.overlays | {Overlay.BLOCKED},
        # Of a notice the same day is told once: this one moves on by weeks, whoever was told.
        notice=Notice(type=NoticeType.BLOCKED, day=_end_of_week(today), variant=reason),
        next=next_step,
    )


def _end_of_week(today: date) -> date:
    """The Sunday of this week: so all keys of an account are told of in one mail, on Mondays."""
    return today + (_SUNDAY - today.weekday()) * DAY


def not_due(all_decided: Sequence[UserDecisions], approved: Collection[Approved]) -> Iterator[str]:
    """What was approved of and is not due now, a sentence each."""
    decisions = {
        (decided.user.name, decision.key_id): decision
        for decided in all_decided
        for decision in decided.decisions
    }
    for line in sorted(approved):
        decision = decisions.get((line.user, line.key_id))
        if decision is None:
            yield f"{line.user} {line.key_id}: {line.action} was approved, but the key is gone"
        elif decision.action is not line.action:
            yield (
                f"{line.user} {line.key_id}: {line.action} was approved, "
                f"but now it is {decision.action} ({decision.reason}): left"
            )


def _line(decided: UserDecisions, decision: Decision) -> Approved:
    return Approved(decided.user.name, decision.key_id, decision.action)


def _not_approved(decision: Decision) -> Decision:
    return replace(
        decision,
        action=Action.WAIT,
        reason=Reason.NOT_APPROVED,
        sentence=f"{decision.action} is due, and was not approved",
        overlays=decision.overlays | {Overlay.BLOCKED},
        notice=None,
    )
