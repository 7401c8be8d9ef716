"""
What forbids to touch a user at all: asked before any key is looked at.

Each answers for all keys of the user, or passes on. What it forbids holds for the user, not for
one key: a run that cannot read whose secret it is, or whether a key is an orphan, knows of no key
whether another one may be relied on.
Source: docs/lifecycle.md, "Exempt"; docs/delivery.md, "Repair"; invariants 3 and 5.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.days import earliest
from keyturn.domain.decision import WRITING, Action, Decision, Next, Overlay, Reason, UserDecisions
from keyturn.domain.key import KeyFacts, Unknown
from keyturn.domain.lifecycle.answers import blocked
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.cases.exempt import why_exempt, with_its_end
from keyturn.domain.lifecycle.cases.orphan import find_orphan
from keyturn.domain.lifecycle.cases.rotation import (
    NO_KEY_CAN_BE_MADE,
    keep_young,
)
from keyturn.domain.lifecycle.slots import lone_rotation_day
from keyturn.domain.lifecycle.view import KeyList, OnRecord, on_record
from keyturn.domain.record import Intent, UserRecord

NEW_KEY: Final = 2
"""Days within which a lone key may be what a broken rotation left, its old key deleted by hand."""
_MINUTE: Final = timedelta(minutes=1)


# --- before the record is read


@case(
    Reason.EXEMPT,
    Reason.EXEMPTION_ENDING,
    Reason.EXEMPTION_LAPSED,
    Reason.EXEMPTION_OVER,
    Reason.ORPHAN_FOUND,
)
def leave_an_exempt_user_alone(at: KeyList) -> UserDecisions | None:
    """
    Invariant 5: first of all, whatever the keys are. A user with one key costs no call.

    A key that nobody can use is named; to remove it is a person's decision.
    """
    if not at.user.exempt:
        return None
    # Named, not repaired: invariant 5 forbids the write that invariant 3 demands, and wins.
    orphan, why = _orphan_of_exempt(at)
    reason, sentence = why_exempt(at)
    decided = with_its_end(
        at,
        _same_for_all(replace(at, orphan=orphan), Action.KEEP, reason, sentence, Overlay.EXEMPT),
    )
    if orphan is None:
        return decided
    left = "a rotation broke off before the secret of this key was stored"
    if why is not None:
        left += f" (whether it was used since could not be read: {why})"
    named = f"{left}; its user is exempt, so only a person may remove it"
    return replace(
        decided,
        quarantined=orphan.key_id,
        decisions=tuple(
            replace(decision, reason=Reason.ORPHAN_FOUND, sentence=named)
            if decision.key_id == orphan.key_id
            else decision
            for decision in decided.decisions
        ),
    )


@case(Reason.NOTHING_DUE)
def keep_what_no_record_has_a_say_in(at: KeyList) -> UserDecisions | None:
    """A young lone key: nothing is due or pending, so its secret is not even asked for."""
    if _needs_record(at):
        return None
    return _same_for_each(at, _keep)


def wait_while_the_record_is_unreadable(at: KeyList, secret: Unknown) -> UserDecisions:
    """Unknown is not no: without the record nobody can tell an orphan from a successor."""
    # An empty record in its place would say "not restored, nothing under way": the very words
    # that let a key be disabled.
    why = f"its record could not be read ({secret.why})"
    return _same_for_all(at, Action.WAIT, Reason.RECORD_UNREADABLE, why, Overlay.BLOCKED)


# --- with the record


@case(Reason.RUN_UNDER_WAY)
def wait_for_the_run_under_way(at: OnRecord) -> UserDecisions | None:
    """
    Leave the user to a run that may be inside right now.

    Before everything that reads keys as facts: IAM shows a change only after some seconds.
    """
    if not at.is_under_way():
        return None
    why = "Keyturn was at work on this user less than 15 minutes ago; look again in 15 minutes"
    return _same_for_all(at, Action.WAIT, Reason.RUN_UNDER_WAY, why, Overlay.BLOCKED)


@case(Reason.SECRET_FOREIGN, Reason.NOTHING_DUE)
def hold_back_beside_a_foreign_secret(at: OnRecord) -> UserDecisions | None:
    """Write nothing beside a secret that is not ours; say so where something is due."""
    foreign = at.record.foreign
    if foreign is None:
        return None

    # An Inactive key too: its times would have to be written into that secret. A young one is
    # only shown, for its user need not hear of an obstacle months ahead.
    def held_back(at: KeyList, key: KeyFacts) -> Decision:
        pending = not key.is_active or at.may_be_warned(key)
        if pending or at.is_forced(key):
            return blocked(at, key, Reason.SECRET_FOREIGN, f"{foreign.why}; {foreign.cure}")
        return keep_young(at, key, None, foreign.why)

    return _same_for_each(at, held_back)


@case(Reason.LAST_USE_UNKNOWN)
def wait_while_an_orphans_use_is_unknown(at: OnRecord) -> UserDecisions | None:
    """Whether a key is an orphan or a person's decides what every other key is."""
    orphan, why = find_orphan(at)
    if orphan is None or why is None:
        return None
    # Taken for an orphan, a person's key would be stopped and deleted; taken for a successor, an
    # orphan would let the old key be disabled. So the user waits as a whole.
    sentence = (
        f"an unfinished rotation left {orphan.key_id}, and whether that was ever used "
        f"could not be read ({why})"
    )
    seen = replace(at, orphan=orphan)
    decided = _same_for_all(seen, Action.WAIT, Reason.LAST_USE_UNKNOWN, sentence, Overlay.BLOCKED)
    return replace(decided, quarantined=orphan.key_id)


# --- a rotation that ended minutes ago


def has_just_rotated(at: OnRecord) -> Intent | None:
    """
    The intent of a rotation that has ended, and is still under way by the clock; None: none.

    Not while IAM does not list the new key yet, or something else is under way. "Settled" is a
    word in a tag: good enough to look at, and nothing is written on it.
    """
    intent = at.record.intent
    if not at.is_under_way() or intent is None or not intent.settled:
        return None
    if at.is_ending() or at.record.foreign is not None:
        return None
    return intent if at.record.delivered_by_intent(at.user.keys) is not None else None


def shown_after_a_rotation(at: OnRecord, intent: Intent, decided: UserDecisions) -> UserDecisions:
    """
    Show what it left, with its dates; do and tell nothing.

    What would write waits for the next run: two runs within 15 minutes must not meet at one user.
    """
    minutes = max((at.now - intent.at) // _MINUTE, 0)
    ago = f"rotated {pluralize(minutes, 'minute')} ago, all done"
    return replace(
        decided,
        record_changes=(),
        decisions=tuple(
            _shown(at, decision, f"{ago}; " if decision.key_id == intent.replaces else "")
            for decision in decided.decisions
        ),
    )


def _shown(at: OnRecord, decision: Decision, ago: str) -> Decision:
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
            next=Next(decision.action, at.today),
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


# ---


def nothing_due_before(at: KeyList) -> datetime | None:
    """
    Until when a young lone key is left as it is, UTC, so that nobody need ask each day.

    None: it may not be left, or it is no such key.
    """
    if len(at.user.keys) != 1 or _needs_record(at):
        return None
    [only] = at.user.keys
    return earliest(only.created, at.warned_from(only))


def _needs_record(at: KeyList) -> bool:
    """Whether anything can be due or pending that the record has a say in."""
    match at.user.keys:
        case [only]:
            # So young, it may be what is left of a broken rotation: an orphan (decision 0014).
            is_new = at.age(only) <= NEW_KEY
            # What stands in its way is known before anybody is warned of a rotation.
            comes = at.may_be_warned(only)
            return is_new or not only.is_active or comes or at.is_forced(only)
        case keys:
            return len(keys) > 1


def _orphan_of_exempt(at: KeyList) -> tuple[KeyFacts | None, str | None]:
    """What an unfinished rotation left of a user who is exempt by now."""
    if len(at.user.keys) < 2:  # noqa: PLR2004 -- a rotation leaves one key beside another
        return None, None
    secret = at.secret()
    # Nothing is done about it either way, so an unreadable secret costs only the naming.
    if secret is None or isinstance(secret, Unknown):
        return None, None
    return find_orphan(on_record(at, secret))


def _keep(at: KeyList, key: KeyFacts) -> Decision:
    comes = None if at.constraints.forbids_new_keys else lone_rotation_day(at, key)
    return keep_young(at, key, comes, NO_KEY_CAN_BE_MADE)


def _same_for_all(
    at: KeyList, action: Action, reason: Reason, sentence: str, overlay: Overlay
) -> UserDecisions:
    """Give every key the same answer."""
    return _same_for_each(
        at,
        lambda at, key: at.decision(
            key,
            action,
            reason,
            sentence,
            overlays=frozenset({overlay}),
            next_step=at.tomorrow(action) if action is Action.WAIT else None,
        ),
    )


def _same_for_each(at: KeyList, decided: Callable[[KeyList, KeyFacts], Decision]) -> UserDecisions:
    record = at.record if isinstance(at, OnRecord) else UserRecord()
    decisions = tuple(decided(at, key) for key in at.user.keys)
    return UserDecisions(
        user=at.user, record=record, constraints=at.constraints, decisions=decisions
    )
