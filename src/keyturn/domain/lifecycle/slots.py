"""
On which day a key can be rotated: IAM allows two keys a user, and old ones are spread.

No date is named that cannot be kept: where nobody can say when the other key is gone, there is
none. Source: docs/lifecycle.md, "A rotation on a day that cannot come", "How much at once".
"""

import hashlib
from datetime import date

from keyturn.domain.days import DAY
from keyturn.domain.decision import Action, Decision, Next, Notice, Reason
from keyturn.domain.key import Act, KeyFacts, Unknown
from keyturn.domain.lifecycle.due import days_warned_of
from keyturn.domain.lifecycle.promises import last_promised
from keyturn.domain.lifecycle.view import KeyList, OnRecord


def rotation_day(at: OnRecord, key: KeyFacts, beside: Decision | None) -> date | None:
    """The date on which a young key will be rotated; None: nobody can name one."""
    if beside is None:
        return lone_rotation_day(at, key) if len(at.user.keys) == 1 else None
    free = comes_free(at, beside)
    return None if free is None else _rotated_from(at, key, free)


def lone_rotation_day(at: KeyList, key: KeyFacts) -> date:
    """The date on which the only key of a user will be rotated."""
    return _rotated_from(at, key, at.due_day(key))


def _rotated_from(at: KeyList, key: KeyFacts, free: date) -> date:
    """The date of rotation of a key whose slot is free from a date on."""
    due = at.due_day(key)
    if free > due and not at.is_warned(key):
        due = at.last_due_day(key)
    until = at.deferred_until(key)
    # Unknown until when: no date is named that might not be kept for it.
    if isinstance(until, date) and until > due:
        due = until
    if free <= due and at.policy.warn_days:
        return due  # who is warned is rotated on that day
    return turn_from(at, key, max(free, due))


def comes_free(at: OnRecord, beside: Decision) -> date | None:
    """The date on which a key is gone, if nobody interferes; None: nobody can name one."""
    # A guess would be told to people as the day of a rotation, and then not be kept.
    if beside.frees_slot:
        return at.today
    match beside:
        case (
            Decision(notice=Notice(promises={Act.DELETE: day}))
            | Decision(next=Next(Action.REPAIR, day))
        ):
            return day
        # While something is in its way, its next date is that of the next look, and no end.
        case Decision(next=Next(Action.DELETE | Action.DISABLE as end, day)) if (
            not beside.is_blocked
        ):
            return day if end is Action.DELETE else _deleted_on(at, beside.key_id, day)
        # After its rest it is announced anew, W days ahead; but only if its successor is ours.
        # Beside a person's key it might be in use then, and nobody knows for how long.
        case Decision(reason=Reason.RESTORED, delivered=True, next=Next(_, day)):
            disabled_on = day + at.policy.installation_window * DAY
            return _deleted_on(at, beside.key_id, disabled_on)
        case _:
            return None


def _deleted_on(at: OnRecord, key_id: str, disabled_on: date) -> date | None:
    """The date on which a key is deleted that is disabled on another; None: unknown."""
    [key] = (key for key in at.user.keys if key.key_id == key_id)
    receipts = at.receipts(key)
    if isinstance(receipts, Unknown):
        return None
    day = max(
        disabled_on + at.policy.recovery_grace_period * DAY,
        last_promised(at, receipts, Act.DELETE),
    )
    if at.of(key).forced:
        return day
    return max(day, at.day(key.created, at.policy.delete_period))


# --- keys that were found old are rotated on their user's day


def turn_from(at: KeyList, key: KeyFacts, day: date) -> date:
    """The date on which a due key is rotated that waits for nothing else from a day on."""
    if at.policy.spread_days == 1 or at.is_forced(key):
        return day
    # Who was warned of a day is rotated on it: the receipt is what tells a key that we know from
    # one that we found old (decision 0014).
    receipts = at.receipts(key)
    if not isinstance(receipts, Unknown) and (warned := days_warned_of(receipts)):
        return max(day, min(warned))
    return day + days_to_turn(at, day) * DAY


def days_to_turn(at: KeyList, day: date) -> int:
    """How many days it is to the user's day among those over which old keys are spread."""
    # A hash, so that a user's day is the same in every run without being stored anywhere.
    name = f"{at.user.account}/{at.user.name}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest())
    return (number - day.toordinal()) % at.policy.spread_days
