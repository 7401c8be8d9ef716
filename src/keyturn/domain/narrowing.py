"""
What is left of a user's decisions where a run may not do all that is due.

It was asked to do exactly what an operator approved of, or nobody can be notified by it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from keyturn.domain.decision import Action, Decision, Overlay, Reason, UserDecisions


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
