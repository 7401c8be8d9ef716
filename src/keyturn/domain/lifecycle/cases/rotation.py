"""
T0, T6 and T1 of an Active key that has no successor: warned of, waited for, rotated.

Source: docs/lifecycle.md, "A second key that is Inactive",
"A rotation on a day that cannot come".
"""

from dataclasses import replace
from datetime import date
from typing import Final

from keyturn.domain.days import DAY, have_passed
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Overlay, Reason
from keyturn.domain.key import Act, KeyFacts, Unknown
from keyturn.domain.lifecycle.answers import (
    WEEK,
    blocked,
    last_use_unknown,
    receipts_unreadable,
    waiting,
)
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.cases.people import contested, taken_away
from keyturn.domain.lifecycle.due import days_warned_of
from keyturn.domain.lifecycle.findings import history
from keyturn.domain.lifecycle.promises import dates_to_promise, is_told
from keyturn.domain.lifecycle.slots import (
    comes_free,
    days_to_turn,
    rotation_day,
    turn_from,
)
from keyturn.domain.lifecycle.view import KeyList, KeyView

MOST_TRIES: Final = 3
"""Rotations in a row that deliver nothing, behind which it is tried once a week."""
SECOND_KEY: Final = "its user has a second key, and IAM allows two"
"""What `keep_young` says is in the way; IAM's quota: two access keys for each user."""
NO_KEY_CAN_BE_MADE: Final = "the account lets no new access key be made and delivered"
"""Likewise: an SCP, a boundary or a KMS policy forbids it, as another user's rotation showed."""


@case(Reason.LAST_USE_UNKNOWN)
def wait_while_nobody_knows_whether_it_is_unused(view: KeyView) -> Decision | None:
    """UnusedPeriod: a key that nobody uses ends instead of being rotated; unknown is neither."""
    at, key = view.at, view.key
    if at.policy.unused_period is None or view.is_forced or not view.is_to_be_rotated:
        return None
    use = at.last_use(key)
    return last_use_unknown(at, key, use) if isinstance(use, Unknown) else None


@case(Reason.RECEIPTS_UNREADABLE)
def wait_while_nobody_knows_of_which_day_people_were_warned(view: KeyView) -> Decision | None:
    """RotateEarlyDays: its early day has come, and which day people were told is not known."""
    at, key = view.at, view.key
    # It waits until R at most: then it is due, whatever people were told.
    if view.is_to_be_rotated or not at.is_past(key, at.first_due_age(key)):
        return None
    receipts = at.receipts(key)
    return receipts_unreadable(at, key, receipts) if isinstance(receipts, Unknown) else None


@case(Reason.SLOT_TAKEN)
def wait_for_a_slot(view: KeyView) -> Decision | None:
    """
    T6: due, and IAM allows two keys. Told once the key is overdue (past I), and then weekly.

    No grace is shortened and no key in use is sacrificed to make room.
    """
    at, key = view.at, view.key
    if not view.is_to_be_rotated or view.slot_is_free:
        return None
    free = None if view.beside is None else comes_free(at, view.beside)
    [second] = (other.key_id for other in at.user.keys if other is not key)
    if at.orphan is not None:
        second += " (nobody has its secret; Keyturn removes it)"
    # Before I a slot that comes free by itself is shown, not mailed (decision 0011).
    wait = blocked if at.is_past(key, at.policy.inactive_period) else waiting
    return wait(
        at,
        key,
        Reason.SLOT_TAKEN,
        f"its user has a second key, {second}, and IAM allows two"
        + (f"; the slot comes free from {free}" if free else ""),
        None if free is None else Next(Action.ROTATE, turn_from(at, key, free)),
    )


@case(Reason.SPREAD, Reason.RECEIPTS_UNREADABLE)
def wait_for_its_users_day(view: KeyView) -> Decision | None:
    """
    SpreadDays: keys that were found old are rotated on their user's day, announced once.

    Who was warned is rotated from the day that the warning said: should no run come on that
    day, then by the next one. Where no key can be made, that is said instead.
    """
    at, key = view.at, view.key
    if not view.is_to_be_rotated or view.is_forced or at.constraints.forbids_new_keys:
        return None
    day = at.today + days_to_turn(at, at.today) * DAY
    if day == at.today:
        return None
    # The receipt is the memory of who was warned. Taken for "not warned", a key that people
    # expect to change today would wait for another day, and they would be told a second date.
    receipts = at.receipts(key)
    if isinstance(receipts, Unknown):
        return receipts_unreadable(at, key, receipts)
    warned = days_warned_of(receipts)
    # "From that day on", not "on that day": with weekly runs a day may pass without one.
    if warned and min(warned) <= at.today:
        return None
    notice = Notice(type=NoticeType.UPCOMING, day=day, variant=Reason.SPREAD)
    day = min(warned, default=day)
    return at.decision(
        key,
        Action.WAIT if warned else Action.WARN,
        Reason.SPREAD,
        f"{at.how_old(key)} and will be rotated on {day}: "
        f"keys that were found old are spread (SpreadDays={at.policy.spread_days})",
        overlays=frozenset({Overlay.BLOCKED}),
        notice=None if warned else notice,
        next_step=Next(Action.ROTATE, day),
    )


@case(Reason.CREATION_DENIED)
def wait_while_the_account_forbids_keys(view: KeyView) -> Decision | None:
    """Another user's rotation showed today that CreateAccessKey is denied: try no more of them."""
    why = view.at.constraints.creation_denied
    if why is None or not view.is_to_be_rotated:
        return None
    sentence = f"the account forbids new access keys ({why})"
    return blocked(view.at, view.key, Reason.CREATION_DENIED, sentence)


@case(Reason.DELIVERY_FAILING)
def wait_while_no_key_can_be_delivered(view: KeyView) -> Decision | None:
    """
    Make no key that cannot be stored: it would be made and taken back every day for ever.

    Denied for one user of the account, it is tried with one a day; failing for this user three
    times in a row, once a week. An operator's ForceRotate tries at once.
    """
    at, key = view.at, view.key
    if not view.is_to_be_rotated:
        return None
    if (why := at.constraints.delivery_denied) is not None:
        sentence = f"no new key can be delivered in the account, as another user's showed ({why})"
        return blocked(at, key, Reason.DELIVERY_FAILING, sentence)
    # The tries are counted in the intent, which outlives each key that was taken back.
    intent = at.record.intent
    if view.is_forced or intent is None or intent.settled or intent.tries < MOST_TRIES:
        return None
    if have_passed(WEEK, intent.at, at.now):
        return None
    again = at.day(intent.at, WEEK)
    return blocked(
        at,
        key,
        Reason.DELIVERY_FAILING,
        f"{intent.tries} rotations in a row made a key that could not be delivered; "
        f"it is tried again on {again}",
        Next(Action.WAIT, again),  # a try: nobody can promise a key
    )


@case(Reason.ROTATION_DUE, Reason.FORCED, Reason.SUCCESSOR_TAKEN_AWAY)
def rotate_when_due(view: KeyView) -> Decision | None:
    """
    T1: create the successor, deliver it, and promise the dates of T2 and T3.

    Behind everything that forbids a new key: one that is made and cannot be kept is worse
    than an old one.
    """
    at, key = view.at, view.key
    # Asked once more, for it creates a key. The old one is not touched by this: it ends by T2,
    # on the receipt of this very notice, and not in this run.
    if not view.is_to_be_rotated or not view.slot_is_free:
        return None
    promises = dates_to_promise(at, key, forced=view.is_forced)
    reason = Reason.ROTATION_DUE
    sentence = f"{at.how_old(key)} (RotationPeriod={at.policy.rotation_period})"
    if not at.is_of_age(key):
        sentence = f"{at.how_old(key)} ({_why_early(at)})"
    if (taken := taken_away(view)) is not None:
        reason, sentence = taken.reason, f"{sentence}; {taken.sentence}"
    if view.is_forced:
        reason, sentence = Reason.FORCED, "an operator asked for it"
    return at.decision(
        key,
        Action.ROTATE,
        reason,
        sentence,
        overlays=contested(history(at, key)),
        notice=Notice(type=NoticeType.ROTATED, day=promises[Act.DISABLE], promises=promises),
        next_step=Next(Action.DISABLE, promises[Act.DISABLE]),
    )


@case(
    Reason.ROTATION_AHEAD,
    Reason.NOTHING_DUE,
    Reason.LAST_USE_UNKNOWN,
    Reason.RECEIPTS_UNREADABLE,
)
def warn_before_rotation(view: KeyView) -> Decision | None:
    """
    T0: the latest of the early warnings that has come, once each.

    Only of a day on which it can come: while the other slot is taken for longer, or while
    nobody can say for how long, people are told what is in its way, and of no day.
    """
    if view.is_to_be_rotated:
        return None
    return early_warning(view.at, view.key, _day_of_rotation(view))


def early_warning(at: KeyList, key: KeyFacts, comes: date | None) -> Decision | None:
    """
    Warn of a rotation that comes on the day on which it is due; None: nothing to say.

    comes: the date on which it can come, UTC; None: nobody can name one.
    """
    due = at.due_day(key)
    warnings = at.warnings_come(key)
    # A date that cannot be kept is not told (docs/lifecycle.md, "A rotation on a day that cannot
    # come"): whoever prepares for a day and sees nothing happen ignores the next mail.
    if not warnings or comes != due:
        return None
    keep = keep_young(at, key, comes, SECOND_KEY)
    if at.policy.unused_period is not None:
        use = at.last_use(key)
        if isinstance(use, Unknown):
            return last_use_unknown(at, key, use)
        # Whether it will be unused *then*: a new key must not be announced that is never made.
        then = at.now + (due - at.today)
        if have_passed(at.policy.unused_period, use.at or key.created, then):
            # It ends, unused; at R, for nobody is warned of an early day.
            return replace(keep, next=Next(Action.NOTICE, at.last_due_day(key)))
    # The latest that has come, alone: after a skipped week nobody gets three mails at once.
    notice = Notice(type=NoticeType.UPCOMING, day=due, variant=str(min(warnings)))
    receipts = at.notified(key)
    if isinstance(receipts, Unknown):
        return receipts_unreadable(at, key, receipts)
    if is_told(receipts, notice):
        return None
    return replace(
        keep,
        action=Action.WARN,
        reason=Reason.ROTATION_AHEAD,
        sentence=f"{at.how_old(key)} and will be rotated on {due}",
        notice=notice,
    )


def keep(view: KeyView) -> Decision:
    """What no case speaks of is kept; with the day of its rotation, if one can be named."""
    denied = view.at.constraints.forbids_new_keys
    obstacle = NO_KEY_CAN_BE_MADE if denied else SECOND_KEY
    return keep_young(view.at, view.key, _day_of_rotation(view), obstacle)


def keep_young(at: KeyList, key: KeyFacts, comes: date | None, obstacle: str) -> Decision:
    """
    Keep a key that is not due; say when it is rotated, or what it will have to wait for.

    comes: the date of its rotation, UTC; None: nobody can name one, because of `obstacle`.
    """
    period, due, latest = at.due_age(key), at.due_day(key), at.policy.rotation_period
    sentence = f"{at.how_old(key)}, rotation comes at {period}"
    if period < latest:
        sentence += f" ({_why_early(at)})"
    if comes is None:
        sentence = f"{at.how_old(key)}, rotation is due at {period} and waits: {obstacle}"
    elif comes == at.deferred_until(key):
        sentence = (
            f"{at.how_old(key)}, rotation is due at {period}; it has more time until {comes}"
        )
    elif comes != due and comes == at.last_due_day(key):
        sentence = f"{at.how_old(key)}, rotation comes at {latest}: its slot is taken at {period}"
    elif comes != due:
        sentence = f"{at.how_old(key)}, rotation is due at {period} and waits for its slot"
    return at.decision(
        key,
        Action.KEEP,
        Reason.NOTHING_DUE,
        sentence,
        next_step=Next(Action.ROTATE, comes) if comes else Next(Action.WAIT, due),
    )


def _why_early(at: KeyList) -> str:
    policy = at.policy
    return f"RotationPeriod={policy.rotation_period}, RotateEarlyDays={policy.rotate_early_days}"


def _day_of_rotation(view: KeyView) -> date | None:
    if view.at.constraints.forbids_new_keys:
        return None
    return rotation_day(view.at, view.key, view.beside)
