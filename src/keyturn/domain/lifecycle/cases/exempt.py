"""
What is said of a user who is exempt: until when, and that it ends.

The group alone exempts: nothing here lets a key be written to, or keeps one from it. The owner is
notified on behalf of the oldest key, once for each end. Source: docs/exemptions.md; decision 0059.
"""

from dataclasses import replace
from datetime import date

from keyturn.domain.days import DAY
from keyturn.domain.decision import Action, Notice, NoticeType, Reason, UserDecisions
from keyturn.domain.exemptions_file import ENDS_SOON, Exemption, Standing
from keyturn.domain.key import Unknown
from keyturn.domain.lifecycle.promises import RECEIPT_LIFE
from keyturn.domain.lifecycle.view import KeyList


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


def with_notice_of_its_end(at: KeyList, decided: UserDecisions) -> UserDecisions:
    """
    Tell the owner that the exemption ends, or has no valid entry; once for each end.

    Raises NeededError where nobody has asked for the receipts of the oldest key, or the owner.
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
    # Unreadable receipts: silent for now, for nothing comes to an end by it.
    if isinstance(receipts, Unknown):
        return decided
    end = _end_of(exemption)
    is_told = any(
        receipt.step == NoticeType.EXEMPTION_ENDS
        and (end is None or receipt.day >= end)
        and at.today <= receipt.day + RECEIPT_LIFE * DAY
        for receipt in receipts
    )
    if is_told:
        return decided
    day = max(end or at.today, at.today + ENDS_SOON * DAY)
    notice = Notice(type=NoticeType.EXEMPTION_ENDS, day=day)
    told = replace(first, action=Action.NOTICE, notice=notice)
    return replace(decided, decisions=(told, *others))


def _end_of(exemption: Exemption) -> date | None:
    """The day on which it ends or ended; None: no entry says so."""
    if exemption.entry is None or exemption.standing is Standing.TOO_LONG:
        return None
    return exemption.entry.expiry
