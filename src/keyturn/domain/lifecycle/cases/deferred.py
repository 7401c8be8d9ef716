"""
A key that an operator gave more time: nothing is done about it before that day.

Before everything that warns of, announces or does something, and behind what people did: that is
told all the same. A leaked key's revocation asks none of this (commands.py).
Source: docs/lifecycle.md, "More time"; decision 0060.
"""

from datetime import date
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Reason
from keyturn.domain.key import Act, Unknown
from keyturn.domain.lifecycle.answers import unreadable
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.promises import (
    dates_to_promise,
    deletion,
    disabling,
    is_told,
    last_promised,
)
from keyturn.domain.lifecycle.view import KeyView

_MORE_TIME: Final = "an operator gave it more time, until"


@case(Reason.DEFERRED, Reason.DEFERRAL_UNREADABLE)
def leave_its_end_until_its_time_is_over(view: KeyView) -> Decision | None:
    """More time: no end is announced anew or comes; its owner is notified of later dates once."""
    at, key = view.at, view.key
    until = at.deferred_until(key)
    if until is None:
        return None
    if isinstance(until, Unknown):
        return _unknown(view, until)
    end = disabling(view)
    if end.is_announced:
        return _kept(view, until, Next(Action.DISABLE, end.day))
    promises = dates_to_promise(at, key, forced=view.on_record.forced is not None)
    return _told(view, until, promises, Next(Action.DISABLE, promises[Act.DISABLE]))


@case(Reason.DEFERRED, Reason.DEFERRAL_UNREADABLE)
def leave_its_deletion_until_its_time_is_over(view: KeyView) -> Decision | None:
    """More time: an Inactive key is not deleted; its owner is notified of the later date, once."""
    at, key = view.at, view.key
    until = at.deferred_until(key)
    if until is None:
        return None
    if isinstance(until, Unknown):
        return _unknown(view, until)
    end = deletion(view)
    if end.is_announced:
        return _kept(view, until, Next(Action.DELETE, end.day))
    # G days behind it, as behind any notice of a deletion: nothing brings a deleted key back.
    day = max(
        end.by_policy,
        until + at.policy.recovery_grace_period * DAY,
        last_promised(at, view.receipts(), Act.DELETE),
    )
    return _told(view, until, {Act.DELETE: day}, Next(Action.DELETE, day))


@case(Reason.DEFERRED, Reason.DEFERRAL_UNREADABLE)
def leave_its_rotation_until_its_time_is_over(view: KeyView) -> Decision | None:
    """More time: no new key is made before that day, unless an operator asks for it."""
    at, key = view.at, view.key
    until = at.deferred_until(key)
    if until is None or view.is_forced:
        return None
    comes = view.is_to_be_rotated or bool(at.warnings_come(key))
    if isinstance(until, Unknown):
        return _unknown(view, until) if comes else None
    due = at.due_day(key)
    # Whose time is over by then is warned and rotated as ever.
    if not comes or until <= due:
        return None
    notice = Notice(type=NoticeType.DEFERRED, day=until)
    receipts = at.notified(key)
    next_step = Next(Action.ROTATE, until)
    # Unreadable receipts: silent for now, for nothing comes to an end by it.
    if isinstance(receipts, Unknown) or is_told(receipts, notice):
        return _kept(view, until, next_step)
    return _told(view, until, {}, next_step)


def _unknown(view: KeyView, why: Unknown) -> Decision:
    """Unknown is not no: it may have time still."""
    what = "whether an operator gave it more time"
    return unreadable(view.at, view.key, Reason.DEFERRAL_UNREADABLE, what, why)


def _kept(view: KeyView, until: date, next_step: Next) -> Decision:
    return view.at.decision(
        view.key, Action.KEEP, Reason.DEFERRED, _sentence(view, until), next_step=next_step
    )


def _told(view: KeyView, until: date, promises: dict[Act, date], next_step: Next) -> Decision:
    day = next(iter(promises.values()), until)
    return view.at.decision(
        view.key,
        Action.NOTICE,
        Reason.DEFERRED,
        _sentence(view, until),
        notice=Notice(type=NoticeType.DEFERRED, day=day, promises=promises),
        next_step=next_step,
    )


def _sentence(view: KeyView, until: date) -> str:
    deferral = view.key.deferral
    ticket = "" if deferral is None or isinstance(deferral, Unknown) else f" ({deferral.ticket})"
    return f"{_MORE_TIME} {until}{ticket}"
