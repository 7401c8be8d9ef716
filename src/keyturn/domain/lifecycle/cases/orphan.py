"""
T5: what an unfinished rotation left behind.

A run died between CreateAccessKey and PutSecretValue: the key works, and nobody has its secret.
Source: docs/delivery.md, "Repair"; invariant 3.
"""

from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.decision import Action, Decision, Next, Notice, NoticeType, Reason
from keyturn.domain.key import KeyFacts, Unknown
from keyturn.domain.lifecycle.answers import waiting
from keyturn.domain.lifecycle.case import case
from keyturn.domain.lifecycle.view import KeyView, OnRecord

ORPHAN_REST: Final = 1
"""Days that a key whose secret nobody has lies Inactive before it is removed."""


def find_orphan(at: OnRecord) -> tuple[KeyFacts | None, str | None]:
    """
    Find the key that an unsettled intent made and whose secret nobody can have.

    Returns the key, and why nobody can tell (its last use cannot be read; None: it is known
    never to have been used); None and None, if there is no such key. A key that was used was made
    by a person: whoever used it has its secret. Raises NeededError where nobody has asked for
    a last use. Source: docs/delivery.md, "Repair"; decision 0003.
    """
    intent = at.record.intent
    # Settled: the secret was stored. Whoever looked for an orphan all the same would find the
    # key that its owner works with by now.
    if intent is None or at.record.is_settled(at.user.keys):
        return None, None
    for key in at.user.keys:
        # While an intent is unsettled, the only stored key is the one to be replaced. A key of
        # another minute, or one that was seen before, is a person's: it is never touched.
        if not intent.may_have_made(key) or at.of(key).delivered:
            continue
        use = at.last_use(key)
        # "Known never used" (docs/delivery.md): no answer is not that. The key is named, so that
        # it passes for nobody's successor, and is left as it is.
        if isinstance(use, Unknown):
            return key, use.why
        if use.at is None:
            return key, None
    return None, None


@case(Reason.ORPHAN_FOUND)
def stop_an_orphan(view: KeyView) -> Decision | None:
    """T5: make it Inactive now, at any age; its removal waits for a run a day later."""
    at = view.at
    # Active with `orphan` on record: a run died before it stopped the key. Inactive without it:
    # a person stopped it. Either is made good now, for the day of rest counts from that time.
    if not view.key.is_active and view.on_record.orphan is not None:
        return None
    return at.decision(
        view.key,
        Action.REPAIR,
        Reason.ORPHAN_FOUND,
        "a rotation broke off before the secret of this key was stored: nobody has it",
        notice=Notice(type=NoticeType.ORPHAN, day=at.today),
        next_step=Next(Action.REPAIR, at.day(at.now, ORPHAN_REST)),
    )


@case(Reason.ORPHAN_OVER)
def remove_an_orphan_after_a_day(view: KeyView) -> Decision | None:
    """
    T5: delete it a day after it was made Inactive.

    The day is for whoever can prove the repair wrong: an Inactive key can be enabled again.
    """
    at, stopped = view.at, view.on_record.orphan
    # Asked once more, for it deletes: a person may have enabled it since.
    if view.key.is_active or stopped is None:
        return None
    if not have_passed(ORPHAN_REST, stopped, at.now):
        return None
    # The one deletion without a promised date and without G days (invariant 2): there is nobody
    # who could miss the key, and it blocks the slot for the rotation that is begun anew.
    return at.decision(
        view.key,
        Action.REPAIR,
        Reason.ORPHAN_OVER,
        f"nobody has its secret, and it has been Inactive since {stopped.date()}",
        notice=Notice(type=NoticeType.ORPHAN, day=at.today, variant="removed"),
    )


@case(Reason.ORPHAN_WAITING)
def let_an_orphan_rest(view: KeyView) -> Decision | None:
    """T5: it is Inactive, and its day has not passed."""
    at, stopped = view.at, view.on_record.orphan
    if stopped is None:
        return None
    return waiting(
        at,
        view.key,
        Reason.ORPHAN_WAITING,
        "nobody has its secret; it is Inactive and removed by tomorrow's run",
        Next(Action.REPAIR, at.day(stopped, ORPHAN_REST)),
    )
