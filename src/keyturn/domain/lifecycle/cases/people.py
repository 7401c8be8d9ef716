"""
What people did to keys that we had disabled, or to the keys that we made in their place.

An owner who needs more time, a program that owns a key, somebody with a stolen one: nobody can
tell them apart from one act. So it is told, counted, and from the second time on a finding.
Source: docs/lifecycle.md, "Enabled again by hand", "A successor is taken away",
"A delivered secret was overwritten".
"""

from dataclasses import dataclass, replace

from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Overlay, Reason
from keyturn.domain.history import AGAIN, History
from keyturn.domain.key import Unknown
from keyturn.domain.lifecycle.answers import blocked
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.findings import history, successor_taken_from
from keyturn.domain.lifecycle.parts import Part
from keyturn.domain.lifecycle.slots import rotation_day
from keyturn.domain.lifecycle.view import KeyView


@case(Reason.SUCCESSOR_TAKEN_AWAY)
def tell_of_a_taken_successor_beside_a_restoration(view: KeyView) -> Decision | None:
    """
    A lone key that was restored, and whose successor somebody took out of use.

    Before `leave_restored_alone`, unless that has something to tell itself: both acts keep the
    old key alive, and this one would stay unsaid for G days.
    """
    restored = _restored(view)
    taken = None if view.other is not None else taken_away(view)
    if restored is None or restored.notice is not None or taken is None:
        return None
    return replace(taken, overlays=taken.overlays | restored.overlays, next=restored.next)


@case(Reason.RESTORED, Reason.RESTORED_BY_COMMAND)
def leave_restored_alone(view: KeyView) -> Decision | None:
    """
    Leave a key alone that we disabled and somebody enabled again, until G days after that.

    Whoever enabled it needed it: it is told of, and announced anew when the days are over.
    """
    return _restored(view)


@case(Reason.SUCCESSOR_TAKEN_AWAY)
def tell_of_a_taken_successor(view: KeyView) -> Decision | None:
    """
    Tell that the successor of a key in use was taken out of use: at once, and weekly.

    Passed on where a new key is due and can be made: then that is made, and says why.
    """
    # Answered here, such a key would never be rotated: this notice would stand in its way.
    rotates = view.is_to_be_rotated and view.slot_is_free
    return None if rotates else taken_away(view)


def taken_away(view: KeyView) -> Decision | None:
    """
    What there is to say of a successor that was taken away; None: none was.

    Raises NeededError where nobody has asked how the key was last used.
    """
    at, key = view.at, view.key
    taken = successor_taken_from(at, key)
    if taken is None:
        return None
    found = history(at, key)
    sentence = f"its successor {taken} was made Inactive or deleted, and not by Keyturn"
    if found.promised is not None:
        sentence += f"; its end was announced for {found.promised} at first"
    comes = rotation_day(at, key, None if view.part is Part.UNDECIDED else view.beside)
    decision = blocked(
        at,
        key,
        Reason.SUCCESSOR_TAKEN_AWAY,
        sentence + _how_often(found.taken),
        None if comes is None else Next(Action.ROTATE, comes),
        anew=found.taken != at.record.history_of(key).taken,
    )
    return replace(decision, overlays=decision.overlays | contested(found))


@dataclass(frozen=True, slots=True)
class Kept:
    """A key that stays as it is, and what was decided for it."""

    view: KeyView
    decision: Decision


@case(Reason.SECRET_OVERWRITTEN)
def tell_of_an_overwritten_secret(kept: Kept) -> Decision | None:
    """
    Tell once that the secret we delivered is no longer where we put it.

    On top of a decision that keeps the key: it is told of, and nothing else changes. Of two
    keys only the newer is meant, for the older one's secret has been replaced by design.
    Source: docs/lifecycle.md, "A delivered secret was overwritten".
    """
    view, at, key, other = kept.view, kept.view.at, kept.view.key, kept.view.other
    is_newer = other is not None and key.order > other.order and not at.delivers(key)
    was_ours = view.on_record.delivered is not None
    if not (is_newer and was_ours):
        return None
    receipts = at.notified(key)
    # Once, and silent while nobody can say whether it was told: that the old key now ends only if
    # it is quiet holds without a mail, and a mail a day would be the worse fault.
    if isinstance(receipts, Unknown) or any(r.step == NoticeType.OVERWRITTEN for r in receipts):
        return None
    return replace(
        kept.decision,
        action=Action.NOTICE,
        reason=Reason.SECRET_OVERWRITTEN,
        sentence="the secret that Keyturn delivered for it was overwritten or deleted by hand",
        notice=Notice(type=NoticeType.OVERWRITTEN, day=at.today),
    )


def contested(found: History) -> frozenset[Overlay]:
    """Whether people work against a key's end, not for the first time."""
    return frozenset({Overlay.CONTESTED} if found.is_contested else ())


def _restored(view: KeyView) -> Decision | None:
    at, key, on_record = view.at, view.key, view.on_record
    if not at.is_restored(key):
        return None
    found = history(at, key)
    overlays = frozenset({Overlay.RESTORED}) | contested(found)
    how_often = _how_often(found.restored)
    since, grace = on_record.restored, at.policy.recovery_grace_period
    # This run finds it, and writes `restored` as of now (findings.py): G days from today.
    if on_record.disabled or since is None:
        again = at.day(at.now, grace)
        return at.decision(
            key,
            Action.NOTICE,
            Reason.RESTORED,
            f"it was re-enabled by hand and is left alone until {again}{how_often}",
            overlays=overlays,
            notice=Notice(type=NoticeType.RESTORED, day=at.today),
            next_step=Next(Action.NOTICE, again),
        )
    again = at.day(since, grace)
    receipts = at.notified(key)
    # Restored twice on one day, a key is left alone until the same date.
    is_told = isinstance(receipts, Unknown) or any(
        receipt.step == NoticeType.RESTORED
        and (receipt.at >= since or receipt.day == since.date())
        for receipt in receipts
    )
    by_command = on_record.ordered == since
    who = "by an operator's command" if by_command else "by hand"
    return at.decision(
        key,
        Action.KEEP if is_told else Action.NOTICE,
        Reason.RESTORED_BY_COMMAND if by_command else Reason.RESTORED,
        f"it was re-enabled {who} and is left alone until {again}{how_often}",
        overlays=overlays,
        notice=None if is_told else Notice(type=NoticeType.RESTORED, day=since.date()),
        next_step=Next(Action.NOTICE, again),
    )


def _how_often(times: int) -> str:
    return f"; that has happened {times} times by now" if times >= AGAIN else ""
