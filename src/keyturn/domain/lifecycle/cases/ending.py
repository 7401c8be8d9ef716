"""
T4, T0 and T2 of an Active key: its disabling is announced, waited for, and done.

Three parts end so: a key that we replaced, the quiet one of two keys that people made, and,
where UnusedPeriod is set, a lone one that nobody uses. What makes each of them safe to disable
is what made it that part (parts.py, views.py); here its owner is told and given the time.
Source: docs/lifecycle.md, "A key is disabled"; invariants 1 and 10.
"""

from typing import Final

from keyturn.domain.days import DAY, are_exceeded
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Reason
from keyturn.domain.key import Act, Unknown
from keyturn.domain.lifecycle.answers import (
    blocked,
    last_use_unknown,
    receipts_unreadable,
    undelivered,
    unreadable,
    waiting,
    with_owner_changes,
)
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.parts import Part
from keyturn.domain.lifecycle.promises import (
    ACT_WARNING,
    dates_to_promise,
    deletion_by_policy,
    disabling,
    hold_begins,
    is_near,
    is_told_near,
    last_promised,
)
from keyturn.domain.lifecycle.view import KeyView

_DISABLE: Final = Act.DISABLE


@case(Reason.RECEIPTS_UNREADABLE)
def wait_while_receipts_are_unreadable(view: KeyView) -> Decision | None:
    """First of all: without its receipts nobody can say what was promised about a key's end."""
    notified = view.at.notified(view.key)
    # Asked for on top of the list: below, `view.receipts()` takes unreadable for none, which would
    # announce a new date, and an earlier one than people were promised. Whose key it is, too: who
    # cannot be known was not notified.
    if isinstance(notified, Unknown):
        return receipts_unreadable(view.at, view.key, notified)
    return None


@case(Reason.DATES_NOT_NOTICED)
def announce_disabling(view: KeyView) -> Decision | None:
    """T4: tell when it will be disabled and deleted, if no valid receipt shows a notice."""
    if disabling(view).is_announced:
        return None
    return _announce(view, Reason.DATES_NOT_NOTICED, why_it_ends(view))


@case(Reason.DISABLING_INTERRUPTED)
def announce_disabling_again_after_an_interruption(view: KeyView) -> Decision | None:
    """
    Tell that a disabling broke off, and that it comes again some days later.

    The write may never have arrived, or a person may have enabled the key since; nobody can
    tell, so nobody is said to have done it.
    Source: docs/lifecycle.md, "Interrupted while disabling".
    """
    at, on_record, receipts = view.at, view.on_record, disabling(view).receipts
    # A run that finds the mark writes `interrupted` with this time, and the next ones compare
    # with what is written: told once, and disabled only behind that notice.
    since = at.now if on_record.is_interrupted else on_record.interrupted
    if since is None or any(receipt.at >= since for receipt in receipts):
        return None
    # Its window was over already, so W days more are not owed; three are, for it works again.
    day = max(at.today + ACT_WARNING * DAY, last_promised(at, view.receipts(), _DISABLE))
    delete = day + at.policy.recovery_grace_period * DAY
    return at.decision(
        view.key,
        Action.NOTICE,
        Reason.DISABLING_INTERRUPTED,
        f"Keyturn was interrupted while disabling this key; it works until {day}",
        notice=Notice(
            type=NoticeType.RETIRING, day=day, promises={Act.DISABLE: day, Act.DELETE: delete}
        ),
        next_step=Next(Action.DISABLE, day),
    )


@case(Reason.DATES_CHANGED)
def put_off_disabling(view: KeyView) -> Decision | None:
    """T4: tell the later date, if R, I or G changed: no date is moved forward."""
    if not disabling(view).is_put_off:
        return None
    changed = f"{why_it_ends(view)}, and the date of its end has changed"
    return _announce(view, Reason.DATES_CHANGED, changed)


@case(Reason.DISABLING_AHEAD)
def warn_before_disabling(view: KeyView) -> Decision | None:
    """T0: three days before T2, once, unless the notice itself came that late."""
    at, end = view.at, disabling(view)
    # A warning that fails stops nothing: what counts is the notice's receipt (decision 0011).
    is_ahead = is_near(end.day, at.today) and not is_told_near(view.notified(), _DISABLE, end.day)
    if end.is_due or not is_ahead:
        return None
    decision = at.decision(
        view.key,
        Action.WARN,
        Reason.DISABLING_AHEAD,
        f"{why_it_ends(view)}; it works until {end.day}",
        notice=Notice(type=NoticeType.BEFORE_DISABLE, day=end.day, promises={_DISABLE: end.day}),
        next_step=Next(Action.DISABLE, end.day),
    )
    return with_owner_changes(view, _DISABLE, decision)


@case(Reason.DATES_NOT_NOTICED)
def tell_owners_who_were_added(view: KeyView) -> Decision | None:
    """T4: tell the date that stands to who was made an owner besides; no window begins anew."""
    at, end = view.at, disabling(view)
    # Behind its date nothing is said: whoever no mail reaches must not hold the end.
    if not end.is_news:
        return None
    day = end.promised
    delete = max(
        day + at.policy.recovery_grace_period * DAY,
        last_promised(at, view.receipts(), Act.DELETE),
    )
    decision = at.decision(
        view.key,
        Action.NOTICE,
        Reason.DATES_NOT_NOTICED,
        f"{why_it_ends(view)}; its date stands, and not all of its owners were notified",
        # Of the same day as their notice: whoever had that is sent nothing.
        notice=Notice(
            type=NoticeType.RETIRING, day=day, promises={_DISABLE: day, Act.DELETE: delete}
        ),
        next_step=Next(Action.DISABLE, day),
    )
    return with_owner_changes(view, _DISABLE, decision)


@case(Reason.WINDOW_RUNNING)
def wait_for_the_window(view: KeyView) -> Decision | None:
    """Keep it while its owner has time to install the new one: W days from the first notice."""
    end = disabling(view)
    if end.is_due:
        return None
    decision = view.at.decision(
        view.key,
        Action.KEEP,
        Reason.WINDOW_RUNNING,
        f"{why_it_ends(view)}; it works until {end.day}",
        next_step=Next(Action.DISABLE, end.day),
    )
    return with_owner_changes(view, _DISABLE, decision)


@case(Reason.NOTICE_UNDELIVERED)
def wait_for_the_delivery_of_its_notice(view: KeyView) -> Decision | None:
    """ProofOfNotice=Delivered: W days count from the delivery, and not from when SES took it."""
    if disabling(view).is_proven:
        return None
    return undelivered(view.at, view.key)


@case(Reason.HELD, Reason.LAST_USE_UNKNOWN)
def hold_while_used(view: KeyView) -> Decision | None:
    """HoldIfUsedWithin: put T2 off while the key is in use, for MaxHold days at most."""
    at, key = view.at, view.key
    within = at.policy.hold_if_used_within
    if within is None:
        return None
    # Counted from the date that was promised, not from the last use: a key that is used every
    # day would never end.
    last_day = hold_begins(view) + at.policy.max_hold * DAY
    if at.today >= last_day:
        return None
    use = at.last_use(key)
    if isinstance(use, Unknown):
        return last_use_unknown(at, key, use)
    if use.at is None or are_exceeded(within, use.at, at.now):
        return None
    where = f" ({use.service} in {use.region})" if use.service else ""
    return blocked(
        at,
        key,
        Reason.HELD,
        f"it is still in use: last on {use.at.date()}{where}; held until {last_day} at most",
        Next(Action.DISABLE, min(last_day, at.day(use.at, within + 1))),
    )


@case(Reason.OVER_CAP, Reason.TALLY_UNREADABLE)
def wait_over_the_daily_limit(view: KeyView) -> Decision | None:
    """
    Put an end off if enough others of its account end today (limits.py).

    Directly before the ends, T2 and T3, so that only what would end today is counted.
    """
    at, key = view.at, view.key
    action = Action.DISABLE if key.is_active else Action.DELETE
    over = at.over_limit(key)
    # A count that cannot be read ends no key: a wrong parameter could end all of them today.
    if isinstance(over, Unknown):
        what = "how many keys of the account were to end today"
        return unreadable(at, key, Reason.TALLY_UNREADABLE, what, over)
    if over is None:
        return None
    keys, percent = at.policy.max_keys_per_day, at.policy.max_percent_per_day
    return waiting(
        at,
        key,
        Reason.OVER_CAP,
        f"{action} is due, but enough keys of the account end today "
        f"(MaxKeysPerDay={keys}, MaxPercentPerDay={percent})",
        at.tomorrow(action),
    )


@case(Reason.WINDOW_OVER, Reason.UNUSED)
def disable_after_the_window(view: KeyView) -> Decision | None:
    """
    T2: make it Inactive, when its window is over and its end was announced.

    Stands behind everything that gives its owner time. Its part says why another key may be
    relied on: the successor was delivered W days ago, or this key is quiet.
    """
    at, key, end = view.at, view.key, disabling(view)
    # Asked once more, for it disables: the cases above would have answered, and whoever moves one
    # of them must not disable a key whose owner knows of nothing (invariant 1).
    if not (end.receipts and end.is_due and end.is_proven):
        return None
    # The earlier promise of a deletion stands, even if the periods would now allow a sooner one.
    delete_on = max(
        deletion_by_policy(at, key, at.now), last_promised(at, view.receipts(), Act.DELETE)
    )
    return at.decision(
        key,
        Action.DISABLE,
        Reason.UNUSED if view.part is Part.UNUSED else Reason.WINDOW_OVER,
        f"{why_it_ends(view)}, and its end was announced for {end.promised}",
        notice=Notice(type=NoticeType.DISABLED, day=delete_on, promises={Act.DELETE: delete_on}),
        next_step=Next(Action.DELETE, delete_on),
    )


def why_it_ends(view: KeyView) -> str:
    """What stands in its place, as the beginning of a sentence."""
    key, other = view.key, view.other
    if other is None:
        return "it is not in use and ends without a successor"
    if other.order > key.order:
        return f"it was replaced by {other.key_id}"
    return f"its user works with {other.key_id}"


def _announce(view: KeyView, reason: Reason, sentence: str) -> Decision:
    # Without it the end of a forced rotation would wait for age I, which its notice denied.
    forced = view.on_record.forced is not None
    promises = dates_to_promise(view.at, view.key, forced=forced)
    decision = view.at.decision(
        view.key,
        Action.NOTICE,
        reason,
        sentence,
        notice=Notice(type=NoticeType.RETIRING, day=promises[_DISABLE], promises=promises),
        next_step=Next(Action.DISABLE, promises[_DISABLE]),
    )
    return with_owner_changes(view, _DISABLE, decision)
