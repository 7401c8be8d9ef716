"""How the rule says that something cannot be done yet: always with a reason and a date."""

from dataclasses import replace
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Overlay, Reason
from keyturn.domain.key import Act, KeyFacts, Unknown
from keyturn.domain.lifecycle.promises import owner_changes
from keyturn.domain.lifecycle.view import KeyList, KeyView

WEEK: Final = 7
"""Days between two notices of the same obstacle."""


def blocked(  # noqa: PLR0913 -- as a decision
    at: KeyList,
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
    Raises NeededError where nobody has asked for the key's receipts.
    """
    notice = Notice(type=NoticeType.BLOCKED, day=at.today, variant=reason)
    receipts = at.notified(key)
    # Unreadable receipts: silent for now. A mail every day is one that nobody reads any more, and
    # what is blocked ends nothing, so nothing is lost by it.
    tell = anew or (
        not isinstance(receipts, Unknown)
        and not any(
            receipt.step == notice.step and not have_passed(WEEK, receipt.at, at.now)
            for receipt in receipts
        )
    )
    waits = waiting(at, key, reason, sentence, next_step)
    return replace(waits, notice=notice if tell else None)


def with_owner_changes(view: KeyView, act: Act, decision: Decision) -> Decision:
    """Say besides that an end moves from owner to owner, where it has done so again."""
    changes = owner_changes(view, act)
    if changes is None:
        return decision
    return replace(
        decision,
        sentence=f"{decision.sentence}; {changes}",
        overlays=decision.overlays | {Overlay.CONTESTED},
    )


def waiting(
    at: KeyList, key: KeyFacts, reason: Reason, sentence: str, next_step: Next | None = None
) -> Decision:
    """Say what stands in the way; without a notice, for it passes by itself (decision 0011)."""
    return at.decision(
        key,
        Action.WAIT,
        reason,
        sentence,
        overlays=frozenset({Overlay.BLOCKED}),
        next_step=next_step or at.tomorrow(Action.WAIT),
    )


def unreadable(at: KeyList, key: KeyFacts, reason: Reason, what: str, why: Unknown) -> Decision:
    """Wait for a fact that could not be read: unknown is never "no"."""
    return waiting(at, key, reason, f"{what} could not be read ({why.why})")


def receipts_unreadable(at: KeyList, key: KeyFacts, why: Unknown) -> Decision:
    """Wait while nobody can say what its owner was notified of."""
    return unreadable(at, key, Reason.RECEIPTS_UNREADABLE, "which notices its owner got", why)


def undelivered(at: KeyList, key: KeyFacts) -> Decision:
    """Wait while no mail server is known to have taken its notice (ProofOfNotice=Delivered)."""
    sentence = "its notice was sent, and is not reported as delivered long enough"
    return blocked(at, key, Reason.NOTICE_UNDELIVERED, sentence)


def last_use_unknown(at: KeyList, key: KeyFacts, why: Unknown) -> Decision:
    """Wait while nobody can say whether it is in use."""
    return unreadable(at, key, Reason.LAST_USE_UNKNOWN, "the last use of its user's keys", why)
