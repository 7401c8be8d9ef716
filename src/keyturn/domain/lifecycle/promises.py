"""
Dates and receipts: what was promised about a key's end, what can be promised now, and when.

T2 and T3 never come before the last date promised (docs/lifecycle.md, "Actions"), and never sooner
than W days after the first notice, nor G days after the key was made Inactive. All dates are
UTC; a day counts as the daily run counts it (domain/days.py).

A key's end is kept in two ways at once, and both must have come: the *periods* count from what
really happened, by the clock; the *promise* is a date that people read. A shorter period in the
settings never moves a promise forward, and a lost receipt never moves an end forward.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from keyturn.domain.days import DAY, have_passed
from keyturn.domain.decision import Notice
from keyturn.domain.deferral import Deferral
from keyturn.domain.history import AGAIN
from keyturn.domain.key import Act, KeyFacts, Receipt
from keyturn.domain.lifecycle.parts import Part
from keyturn.domain.lifecycle.view import KeyView, OnRecord
from keyturn.domain.owner import Owner, OwnerSource
from keyturn.domain.proof import dates_returned, former_owners, proven_at
from keyturn.domain.removal import Removal

ACT_WARNING: Final = 3
"""Days before a key is disabled or deleted on which its owner is told once more."""
RECEIPT_LIFE: Final = 30
"""Days past its promised date after which a receipt is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The next step towards a key's end, as its owner was notified of it."""

    receipts: tuple[Receipt, ...]
    """The receipts that count for it; none: nobody was notified."""
    promised: date
    """The last date that anybody was promised; today, if nobody was."""
    by_policy: date
    """The date that the periods alone give."""
    is_due: bool
    """Whether every period has passed and the promised date has come."""
    today: date
    """The date of the run, UTC."""
    is_announced: bool
    """Whether everybody who is to be notified of it was: of several owners one."""
    is_told_to_each: bool
    """Whether each of several owners was."""
    is_proven: bool
    """Whether one of them surely was, in time (ProofOfNotice)."""

    @property
    def is_put_off(self) -> bool:
        """Whether the policy now gives a later date; one day is only the run's jitter."""
        # What is overdue is not put off.
        return self.by_policy > max(self.promised + DAY, self.today)

    @property
    def is_news(self) -> bool:
        """Whether one of its owners has not heard of it, and it is ahead; nothing waits."""
        return not self.is_told_to_each and self.today < self.promised

    @property
    def day(self) -> date:
        """When it comes, while it is not due."""
        return self.promised if self.today < self.promised else self.by_policy


def disabling(view: KeyView) -> End:
    """When an Active key is disabled (T2): W days after its notice and its successor."""
    at, key, on_record = view.at, view.key, view.on_record
    # What was promised before somebody enabled it again is of a stretch that is over: such a
    # receipt would end the key on the first day after its rest, without a new notice.
    # Nor does what somebody else was told who answered for it before: the new owner has W days.
    # What was told before an operator gave it more time proves nothing of the end after that.
    # Nor what was told before a run removed its user from the exemption group.
    begun = _later(at, key, on_record.restored)
    receipts = valid(at, view.notified(), Act.DISABLE, after=begun)
    told_anybody = valid(at, view.receipts(), Act.DISABLE, after=on_record.restored)
    window = at.policy.installation_window
    # From the first notice, not the last: a reminder begins no window. No notice: from now.
    starts = [min((receipt.at for receipt in receipts), default=at.now)]
    # Invariant 1: a successor that we delivered has to be W days old besides. The notice may be
    # older than the successor: of an end that was announced beside another key.
    if view.part is Part.REPLACED and view.other is not None:
        starts.append(view.other.created)
    if (ends := _end_of_deferral(at, key)) is not None:
        starts.append(ends)
    by_policy = max(at.day(start, window) for start in starts)
    # A forced rotation comes at any age, and so does what follows it.
    if not on_record.forced:
        by_policy = max(by_policy, at.day(key.created, at.policy.inactive_period))
    promised = last_promised(at, told_anybody, Act.DISABLE)
    return End(
        receipts=receipts,
        promised=promised,
        by_policy=by_policy,
        is_due=at.today >= promised
        and all(have_passed(window, start, at.now) for start in starts)
        and (at.is_past(key, at.policy.inactive_period) or on_record.forced is not None),
        today=at.today,
        is_announced=at.is_announced(key, receipts),
        is_told_to_each=at.is_told_to_each(key, receipts),
        is_proven=any(
            have_passed(window, proven, at.now)
            for proven in proven_at(receipts, at.policy.proof_of_notice)
        ),
    )


def deletion(view: KeyView) -> End:
    """When an Inactive key is deleted (T3): G days after it was on record as Inactive."""
    at, key, on_record = view.at, view.key, view.on_record
    since = inactive_since(view)
    # Not on record yet: its grace begins now. Missing evidence never speeds anything up.
    begun = max(filter(None, (since or at.now, _end_of_deferral(at, key))))
    # What was promised before the key was disabled is no reason to delete, but to wait.
    promised = last_promised(at, view.receipts(), Act.DELETE)
    # Only a notice since it stopped proves that its owner could object (decision 0011): the mail
    # about the rotation names the date of deletion too.
    told = _later(at, key, since)
    receipts = () if since is None else valid(at, view.notified(), Act.DELETE, after=told)
    return End(
        receipts=receipts,
        promised=promised,
        by_policy=deletion_by_policy(at, key, begun),
        is_due=at.today >= promised
        and have_passed(at.policy.recovery_grace_period, begun, at.now)
        and (at.is_past(key, at.policy.delete_period) or on_record.forced is not None),
        today=at.today,
        is_announced=at.is_announced(key, receipts),
        is_told_to_each=at.is_told_to_each(key, receipts),
        is_proven=bool(proven_at(receipts, at.policy.proof_of_notice)),
    )


def inactive_since(view: KeyView) -> datetime | None:
    """Since when a key is on record as Inactive, UTC; None: it is not yet (invariant 2)."""
    # `disabling` alone is no proof: the write may never have arrived.
    return view.on_record.disabled or view.on_record.seen


def deletion_by_policy(at: OnRecord, key: KeyFacts, since: datetime) -> date:
    """The date of deletion that the periods alone give to a key that is Inactive since then."""
    grace = at.day(since, at.policy.recovery_grace_period)
    if at.of(key).forced:
        return grace
    return max(grace, at.day(key.created, at.policy.delete_period))


def dates_to_promise(at: OnRecord, key: KeyFacts, *, forced: bool) -> dict[Act, date]:
    """
    The dates that a notice of today can promise, act → date; never sooner than W and G from now.

    Nor sooner than what was promised before, as far as that was read: nothing comes before it.
    """
    # Not asked for, if nobody has: each rotation would cost one call more. What was promised is
    # looked at again before the key ends, so a date that is missed here ends nothing sooner.
    receipts = key.receipts if isinstance(key.receipts, tuple) else ()
    stretch = valid(at, receipts, Act.DISABLE, after=at.of(key).restored)
    disable = max(
        at.day(at.now, at.policy.installation_window),
        last_promised(at, stretch, Act.DISABLE),
    )
    if not forced:
        disable = max(disable, at.day(key.created, at.policy.inactive_period))
    if (ends := _end_of_deferral(at, key)) is not None:
        disable = max(disable, ends.date() + at.policy.installation_window * DAY)
    delete = max(
        disable + at.policy.recovery_grace_period * DAY,
        last_promised(at, receipts, Act.DELETE),
    )
    return {Act.DISABLE: disable, Act.DELETE: delete}


def _end_of_deferral(at: OnRecord, key: KeyFacts) -> datetime | None:
    """When the time is over that an operator gave it, UTC; None: it was given none."""
    ends = at.deferral_ends(key)
    return datetime.combine(ends, time(), UTC) if isinstance(ends, date) else None


def _later(at: OnRecord, key: KeyFacts, since: datetime | None) -> datetime | None:
    """When the stretch began in which people are told of an end, UTC; None: with the key."""
    ordered = key.deferral.at if isinstance(key.deferral, Deferral) else None
    removal = at.user.removal
    removed = removal.at if isinstance(removal, Removal) else None
    return max(filter(None, (since, ordered, removed)), default=None)


def owner_changes(view: KeyView, act: Act) -> str | None:
    """
    What there is to say of an end that moves from owner to owner; None: it has not done so again.

    Each owner is due their days (decision 0037), so whoever may tag a user can put an end off
    for as long as they like. That is not forbidden here, but it is said. So it is where mails
    come back again and again, which puts an end off some days longer (decision 0063).
    """
    since = view.on_record.restored if act is Act.DISABLE else inactive_since(view)
    owner = view.at.user.owner
    told = promising(view.receipts(), act, after=since)
    returned = promising(view.key.returned, act, after=since)
    if not isinstance(owner, Owner) or not owner.candidates or not (told or returned):
        return None
    changes = former_owners(owner, told, returned)
    came_back = max(len(dates_returned(owner, each, returned)) for each in OwnerSource)
    if changes >= AGAIN:
        what = f"its owner has changed {changes} times"
    elif came_back >= AGAIN:
        what = f"mails that named {came_back} different dates of its end came back"
    else:
        return None
    begun = min(receipt.at for receipt in (*told, *returned)).date()
    first = min(receipt.promises[act] for receipt in (*told, *returned))
    return f"{what} since {begun}, and its end was first promised for {first}"


def hold_begins(view: KeyView) -> date:
    """
    The date on which the key was to be disabled, had it not been in use.

    A long hold outlives its receipt; what is promised anew after the date has come does
    not begin it anew.
    """
    # Stale receipts too: with them gone, MaxHold would begin anew each month, and a key that is
    # used every day would never end.
    begun = _later(view.at, view.key, view.on_record.restored)
    receipts = promising(view.receipts(), Act.DISABLE, after=begun)
    begins: date | None = None
    for receipt in sorted(receipts, key=lambda receipt: receipt.at):
        if begins is None:
            begins = receipt.promises[Act.DISABLE]
        elif receipt.at.date() < begins:
            begins = max(begins, receipt.promises[Act.DISABLE])
    return begins or view.at.today


# --- receipts


def valid(
    at: OnRecord, receipts: tuple[Receipt, ...], act: Act, *, after: datetime | None
) -> tuple[Receipt, ...]:
    """
    The receipts that promise the act, are of this stretch, and are not stale.

    after: when this stretch began, UTC (a restoration, a disabling); None: with the key.
    """
    # A promise that is long past is forgotten by its reader: it is made anew (30 days).
    return tuple(
        receipt
        for receipt in promising(receipts, act, after=after)
        if at.today <= receipt.promises[act] + RECEIPT_LIFE * DAY
    )


def promising(
    receipts: tuple[Receipt, ...], act: Act, *, after: datetime | None
) -> tuple[Receipt, ...]:
    """The receipts that promise the act and are of this stretch, stale ones too."""
    return tuple(
        receipt
        for receipt in receipts
        if act in receipt.promises and (after is None or receipt.at >= after)
    )


def last_promised(at: OnRecord, receipts: tuple[Receipt, ...], act: Act) -> date:
    """The last date that anybody was promised; today, if nobody was."""
    # All receipts given, of whatever stretch and however stale: a promise only ever holds back.
    return max((r.promises[act] for r in receipts if act in r.promises), default=at.today)


def is_told(receipts: tuple[Receipt, ...], notice: Notice) -> bool:
    """Whether people were notified of this step for this date, give or take the run's jitter."""
    return any(r.step == notice.step and _is_same(r.day, notice.day) for r in receipts)


def is_told_near(receipts: tuple[Receipt, ...], act: Act, day: date) -> bool:
    """Whether people were told of an end when it was near, by reminder or late notice."""
    return any(
        _is_same(receipt.promises[act], day) and is_near(receipt.promises[act], receipt.at.date())
        for receipt in promising(receipts, act, after=None)
    )


def is_near(end: date, today: date) -> bool:
    """Whether an end is so near that its owner is warned once more."""
    return today >= end - ACT_WARNING * DAY


def _is_same(day: date, other: date) -> bool:
    """Whether two dates tell people the same; one day is only the run's jitter."""
    return abs(day - other) <= DAY
