"""
What is said of a user who is exempt: until when, that it ends, and, as an option, its end.

The group alone exempts: nothing here lets a key be written to, or keeps one from it. The owner is
notified on behalf of the oldest key, once for each end. Where EndExemptions is on, the notice says
that the user will be removed from the group, and only whoever was notified of that is removed.
Source: docs/exemptions.md; decisions 0059 and 0067.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from keyturn.domain.days import DAY, have_passed
from keyturn.domain.decision import (
    Action,
    Asked,
    Decision,
    Next,
    Notice,
    NoticeType,
    Question,
    Reason,
    UserDecisions,
)
from keyturn.domain.exemptions_file import ENDS_SOON, Exemption, Standing
from keyturn.domain.key import UNREAD, Receipt, Unknown
from keyturn.domain.lifecycle.promises import RECEIPT_LIFE
from keyturn.domain.lifecycle.view import KeyList, NeededError
from keyturn.domain.proof import proven_at
from keyturn.domain.removal import Removal

REMOVAL: Final = "removal"
"""What tells a notice that announces a removal from one that announces an end alone."""


def why_exempt(at: KeyList) -> tuple[Reason, str]:
    """The reason, and the sentence beside it."""
    exemption = at.user.exemption
    if exemption is None:
        return Reason.EXEMPT, "its user is exempt"
    if exemption.is_lapsed:
        return Reason.EXEMPTION_LAPSED, f"its user is exempt, and {exemption.why}"
    entry = exemption.entry
    if exemption.standing is Standing.UNKNOWN or entry is None:
        return Reason.EXEMPT, f"its user is exempt; until when is not known: {exemption.why}"
    until = f"its user is exempt until {entry.expiry} ({entry.ticket})"
    if exemption.standing is Standing.VALID:
        return Reason.EXEMPT, until
    return Reason.EXEMPTION_ENDING, f"{until}; {entry.owner} answers for that"


def with_its_end(at: KeyList, decided: UserDecisions) -> UserDecisions:
    """
    Tell the owner that the exemption ends, or has no valid entry; once for each end; and end it.

    Raises NeededError where a fact is needed that nobody has read.
    """
    exemption = at.user.exemption
    is_ending = exemption is not None and (
        exemption.is_lapsed or exemption.standing is Standing.ENDING
    )
    if exemption is None or not is_ending or not decided.decisions:
        return decided
    # One key stands for the user: of each a mail would say the same.
    first, *others = decided.decisions
    receipts = at.notified(at.user.keys[0])
    if isinstance(receipts, Unknown):
        # Silent, unless an end waits for what they prove: nothing else comes to an end by it.
        if not (at.policy.end_exemptions and exemption.is_lapsed):
            return decided
        why = f"what its owner was notified of could not be read ({receipts.why})"
        waits = replace(
            first, reason=Reason.RECEIPTS_UNREADABLE, sentence=f"{first.sentence}; {why}"
        )
        return replace(decided, decisions=(waits, *others))
    told = _told(at, exemption, receipts)
    if at.policy.end_exemptions:
        made = _end(at, exemption, first, told)
    else:
        made = first if told else _announced(at, exemption, first)
    return replace(decided, decisions=(made, *others))


def _end(at: KeyList, exemption: Exemption, kept: Decision, told: tuple[Receipt, ...]) -> Decision:
    """Remove the user once the notice of that is old enough; announce it before."""
    if exemption.is_lapsed and _is_due(at, told):
        otherwise = _last_otherwise(at)
        if isinstance(otherwise, Unknown):
            why = f"since when could not be read, so it stays in the group ({otherwise.why})"
            # What its receipts prove is not known: a failure, so that somebody hears of it.
            sentence = f"{kept.sentence}; {why}"
            return replace(kept, reason=Reason.RECEIPTS_UNREADABLE, sentence=sentence)
        told = _since(told, otherwise)
    if not told:
        return _announced(at, exemption, kept)
    if not (exemption.is_lapsed and _is_due(at, told)):
        return replace(kept, next=Next(Action.END_EXEMPTION, _day_of_removal(at, told)))
    notified = min(receipt.at for receipt in told).date()
    return replace(
        kept,
        action=Action.END_EXEMPTION,
        reason=Reason.EXEMPTION_OVER,
        sentence=(
            f"{kept.sentence}; its owner was notified on {notified}, so it is removed from the "
            "group (EndExemptions=true)"
        ),
        notice=Notice(type=NoticeType.EXEMPTION_OVER, day=at.today),
    )


def _announced(at: KeyList, exemption: Exemption, kept: Decision) -> Decision:
    day = max(_end_of(exemption) or at.today, at.today + ENDS_SOON * DAY)
    removes = at.policy.end_exemptions
    return replace(
        kept,
        action=Action.NOTICE,
        notice=Notice(type=NoticeType.EXEMPTION_ENDS, day=day, variant=REMOVAL if removes else ""),
        next=Next(Action.END_EXEMPTION, day) if removes else None,
    )


def _told(at: KeyList, exemption: Exemption, receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    """The receipts of the last notice of this end, since the last removal."""
    end = _end_of(exemption)
    step = f"{NoticeType.EXEMPTION_ENDS}-{REMOVAL}"
    # A removal that nobody announced is none; an end that was announced with one is announced.
    steps = {step} if at.policy.end_exemptions else {step, str(NoticeType.EXEMPTION_ENDS)}
    found = _since(
        (
            receipt
            for receipt in receipts
            if receipt.step in steps
            and (end is None or receipt.day >= end)
            and at.today <= receipt.day + RECEIPT_LIFE * DAY
        ),
        _removed_at(at),
    )
    # Who was warned anew was given another day: nothing is done before it by an older notice.
    last = max((receipt.day for receipt in found if receipt.step.endswith(REMOVAL)), default=None)
    return tuple(each for each in found if last is None or each.day >= last)


def _since(receipts: Iterable[Receipt], moment: datetime | None) -> tuple[Receipt, ...]:
    """Who was put back into the group is warned anew: what was told before is of another time."""
    return tuple(each for each in receipts if moment is None or each.at > moment)


def _removed_at(at: KeyList) -> datetime | None:
    removal = at.user.removal
    if not isinstance(removal, Removal) or not removal.may_have_happened:
        return None
    return removal.at


def _last_otherwise(at: KeyList) -> datetime | Unknown | None:
    """
    Until when it is not sure that it had lapsed as it has now, UTC; None: it is.

    Raises NeededError where nobody has asked.
    """
    if isinstance(at.user.removal, Unknown):
        return at.user.removal
    if at.user.otherwise is UNREAD:
        raise NeededError(Question(Asked.MEMBERSHIP))
    return at.user.otherwise


def _is_due(at: KeyList, told: Iterable[Receipt]) -> bool:
    """Whether one of the notices surely arrived in time (ProofOfNotice), and its day has come."""
    return any(
        receipt.day <= at.today
        and any(
            have_passed(ENDS_SOON, proven, at.now)
            for proven in proven_at((receipt,), at.policy.proof_of_notice)
        )
        for receipt in told
    )


def _day_of_removal(at: KeyList, told: Iterable[Receipt]) -> date:
    """When the next run can come that removes the user."""
    return max(min(receipt.day for receipt in told), at.today + DAY)


def _end_of(exemption: Exemption) -> date | None:
    """The day on which it ends or ended; None: no entry says so."""
    if exemption.entry is None or exemption.standing is Standing.TOO_LONG:
        return None
    return exemption.entry.expiry
