"""
T4, T0 and T3 of an Inactive key: its deletion is announced, waited for, and done.

A key is deleted only if it has been Inactive, on record, for G days (invariant 2), and never
before the date that its owner was promised. Source: docs/lifecycle.md, "A key is deleted".
"""

from datetime import date
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Overlay, Reason
from keyturn.domain.key import Act, LastUse, Unknown
from keyturn.domain.lifecycle.answers import (
    last_use_unknown,
    undelivered,
    unreadable,
    with_owner_changes,
)
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.promises import (
    ACT_WARNING,
    deletion,
    deletion_by_policy,
    inactive_since,
    is_near,
    is_told_near,
    last_promised,
)
from keyturn.domain.lifecycle.view import KeyView
from keyturn.domain.record import KeyRecord

_DELETE: Final = Act.DELETE


@case(Reason.RUN_UNDER_WAY, Reason.TALLY_UNREADABLE)
def wait_for_a_key_that_may_be_gone(view: KeyView) -> Decision | None:
    """
    Leave a key alone that a run set out to delete just now: IAM lists it for some seconds more.

    Before its grace is announced, because its record went with it: it would pass for a key
    that a person disabled.
    """
    at, key = view.at, view.key
    ending = at.ending_elsewhere(key)
    # With a time on record it is one that we know: only a key without any can be one whose tags
    # were taken away just now.
    if not _is_found(view.on_record) or ending is None:
        return None
    if isinstance(ending, Unknown):
        what = "whether a run has just deleted it"
        return unreadable(at, key, Reason.TALLY_UNREADABLE, what, ending)
    return at.decision(
        key,
        Action.WAIT,
        Reason.RUN_UNDER_WAY,
        "Keyturn set out to delete it, and it may be gone by now",
        overlays=frozenset({Overlay.BLOCKED}),
        next_step=at.tomorrow(Action.WAIT),
    )


@case(Reason.FOUND_INACTIVE, Reason.DATES_NOT_NOTICED)
def announce_deletion(view: KeyView) -> Decision | None:
    """
    T4: tell when it will be deleted, if nobody was told since it is Inactive.

    A key that a person disabled, or that has no time on record, is recorded as of now: missing
    evidence never speeds anything up.
    """
    if deletion(view).is_announced:
        return None
    # This notice is the beginning of G days (invariant 2), so it is the first thing that an
    # Inactive key gets, whatever its age: also one that was promised a date while it worked.
    on_record, since = view.on_record, inactive_since(view) or view.at.now
    if _is_found(on_record):
        sentence = "it was found Inactive; its grace begins now"
        return _announce(view, NoticeType.DELETING, Reason.FOUND_INACTIVE, sentence, _date(view))
    notice_type = NoticeType.DELETING if on_record.seen else NoticeType.DISABLED
    sentence = f"it has been Inactive since {since.date()}"
    return _announce(view, notice_type, Reason.DATES_NOT_NOTICED, sentence, _date(view))


@case(Reason.DATES_CHANGED)
def put_off_deletion(view: KeyView) -> Decision | None:
    """T4: tell the later date, if R, I or G changed: no date is moved forward."""
    if not deletion(view).is_put_off:
        return None
    sentence = "the date of its deletion has changed"
    return _announce(view, NoticeType.DELETING, Reason.DATES_CHANGED, sentence, _date(view))


@case(Reason.DELETION_AHEAD)
def warn_before_deletion(view: KeyView) -> Decision | None:
    """T0: three days before T3, once, unless the notice itself came that late."""
    at, key, end = view.at, view.key, deletion(view)
    is_ahead = is_near(end.day, at.today) and not is_told_near(view.notified(), _DELETE, end.day)
    if end.is_due or not is_ahead:
        return None
    decision = at.decision(
        key,
        Action.WARN,
        Reason.DELETION_AHEAD,
        _why(view, end.day),
        notice=Notice(type=NoticeType.BEFORE_DELETE, day=end.day, promises={_DELETE: end.day}),
        next_step=Next(Action.DELETE, end.day),
    )
    return with_owner_changes(view, _DELETE, decision)


@case(Reason.DATES_NOT_NOTICED)
def tell_owners_who_were_added_of_the_deletion(view: KeyView) -> Decision | None:
    """T4: tell the date that stands to who was made an owner besides; it is not put off."""
    end = deletion(view)
    if not end.is_news:
        return None
    notice_type = NoticeType.DELETING if view.on_record.seen else NoticeType.DISABLED
    sentence = "its date stands, and not all of its owners were notified"
    return _announce(view, notice_type, Reason.DATES_NOT_NOTICED, sentence, end.promised)


@case(Reason.GRACE_RUNNING)
def wait_for_the_grace(view: KeyView) -> Decision | None:
    """Keep it while it can be enabled again: G days, and until the date that was promised."""
    end = deletion(view)
    if end.is_due:
        return None
    decision = view.at.decision(
        view.key,
        Action.KEEP,
        Reason.GRACE_RUNNING,
        _why(view, end.day),
        next_step=Next(Action.DELETE, end.day),
    )
    return with_owner_changes(view, _DELETE, decision)


@case(Reason.NOTICE_UNDELIVERED)
def wait_for_the_delivery_of_its_last_notice(view: KeyView) -> Decision | None:
    """ProofOfNotice=Delivered: nothing brings a deleted key back, so its owner has the mail."""
    if deletion(view).is_proven:
        return None
    return undelivered(view.at, view.key)


@case(Reason.LAST_USE_UNKNOWN)
def wait_while_its_use_is_unknown(view: KeyView) -> Decision | None:
    """Behind the grace, so that only a key that would be deleted now costs the question."""
    use = view.at.last_use(view.key)
    return last_use_unknown(view.at, view.key, use) if isinstance(use, Unknown) else None


@case(Reason.USED_AFTER_DISABLING)
def renew_the_grace_if_used(view: KeyView) -> Decision | None:
    """Used since it was disabled, something still needs it: its grace begins anew, once."""
    since, use = inactive_since(view), view.at.last_use(view.key)
    # A use that AWS reports since then: something still tries it, or had it enabled for a while.
    was_used = isinstance(use, LastUse) and use.at is not None and since and use.at > since
    # Once: a forgotten cron job that calls every night must not keep a dead key for ever.
    if not was_used or view.on_record.renewed is not None:
        return None
    at = view.at
    day = max(deletion_by_policy(at, view.key, at.now), _date(view))
    sentence = "it was used after it had been disabled, so its grace begins anew"
    return _announce(view, NoticeType.GRACE_RENEWED, Reason.USED_AFTER_DISABLING, sentence, day)


@case(Reason.GRACE_OVER)
def delete_after_the_grace(view: KeyView) -> Decision | None:
    """
    T3: delete it, when its grace is over and its end was announced.

    Stands behind everything that could still save it, and before its user's Active key is
    decided: the slot that it frees is rotated into in the same run.
    """
    at, end, since = view.at, deletion(view), inactive_since(view)
    # Asked once more, for nothing brings a deleted key back: on record as Inactive for G days
    # (invariant 2), and its owner notified of the date since it stopped.
    if since is None or not (end.receipts and end.is_due and end.is_proven):
        return None
    return at.decision(
        view.key,
        Action.DELETE,
        Reason.GRACE_OVER,
        f"it is Inactive since {since.date()}, its deletion was announced for {end.promised}",
        notice=Notice(type=NoticeType.DELETED, day=at.today),
    )


def _is_found(on_record: KeyRecord) -> bool:
    """Whether nothing tells since when it is Inactive."""
    return not (on_record.disabled or on_record.disabling or on_record.seen)


def _date(view: KeyView) -> date:
    """The date to announce: at least some days ahead, and not before what was promised."""
    # Three days, also where the grace is over long since (its first mail did not get out): a
    # notice that names today leaves nobody the time to object.
    at, key = view.at, view.key
    since = inactive_since(view) or at.now
    return max(
        deletion_by_policy(at, key, since),
        last_promised(at, view.receipts(), _DELETE),
        at.today + ACT_WARNING * DAY,
    )


def _announce(
    view: KeyView, notice_type: NoticeType, reason: Reason, sentence: str, day: date
) -> Decision:
    decision = view.at.decision(
        view.key,
        Action.NOTICE,
        reason,
        sentence,
        notice=Notice(type=notice_type, day=day, promises={_DELETE: day}),
        next_step=Next(Action.DELETE, day),
    )
    return with_owner_changes(view, _DELETE, decision)


def _why(view: KeyView, until: date) -> str:
    on_record = view.on_record
    if on_record.revoked:
        return f"it was revoked as leaked on {on_record.revoked.date()}"
    since = inactive_since(view) or view.at.now
    return f"it has been Inactive since {since.date()} and can be re-enabled until {until}"
