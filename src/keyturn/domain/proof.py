"""
What proves that a key's owner was notified, and so who is to be notified now.

A receipt proves something for the recipient that it names: who became the owner since has heard
nothing yet, and their days begin with their own notice.
Source: docs/lifecycle.md, "receipt", "owner"; decision 0037.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import takewhile
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.key import Receipt
from keyturn.domain.owner import Owner, OwnerCandidate
from keyturn.domain.policy import ProofOfNotice
from keyturn.domain.recipient import ChannelName, RecipientId

PROVING: Final = frozenset({ChannelName.EMAIL})
"""The channels whose receipts prove that somebody was notified (decision 0043)."""
DELIVERY_EXPECTED: Final = 3
"""Days after which a message that was accepted, and not reported as delivered, is doubted."""


def notified_now(
    owner: Owner, receipts: Iterable[Receipt], proof: ProofOfNotice, now: datetime
) -> tuple[OwnerCandidate, ...]:
    """Who is notified of a key: the owner, and the next source while that one is in doubt."""
    return _asked(owner, tuple(receipts), proof, now)


def next_unread(
    owner: Owner, receipts: Iterable[Receipt], proof: ProofOfNotice, now: datetime
) -> str | None:
    """
    Why nobody knows who is notified next, where all that are known are in doubt.

    None: it is known, or nobody else is to be notified. The source behind an unread one is not
    its stand-in: its owner may be somebody else.
    """
    if proof is ProofOfNotice.ACCEPTED or owner.unread_behind is None:
        return None
    known = tuple(receipts)
    all_doubted = all(_is_doubted(each, known, now) for each in owner.candidates)
    return owner.unread_behind if all_doubted else None


def of_owner(
    owner: Owner, receipts: Iterable[Receipt], proof: ProofOfNotice, now: datetime
) -> tuple[Receipt, ...]:
    """The receipts of who answers for the key now: by a channel that proves, accepted at least."""
    receipts = tuple(receipts)
    asked = {each for candidate in _asked(owner, receipts, proof, now) for each in _ids(candidate)}
    return of_anybody(each for each in receipts if each.to is None or each.to in asked)


def of_anybody(receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    """The receipts by a channel that proves, whoever is the owner."""
    return tuple(each for each in receipts if each.to is None or each.to.channel in PROVING)


def are_all_notified(
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    proof: ProofOfNotice,
    now: datetime,
) -> bool:
    """
    Whether everybody who is to be notified of an end was: of several owners one is enough.

    receipts: all of the key, by which somebody is in doubt; of_end: those that tell of the end.
    """
    reached = {each.to for each in of_end}
    if None in reached:
        return True
    asked = _asked(owner, tuple(receipts), proof, now)
    return bool(asked) and all(reached & _ids(candidate) for candidate in asked)


def are_each_notified(
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    proof: ProofOfNotice,
    now: datetime,
) -> bool:
    """Whether each address was notified of an end: some may have been added since. Likewise."""
    reached = {each.to for each in of_end}
    asked = _asked(owner, tuple(receipts), proof, now)
    return None in reached or all(_ids(candidate) <= reached for candidate in asked)


def former_owners(owner: Owner, of_end: Iterable[Receipt]) -> int:
    """
    How many owners before this one were promised an end, each another day.

    Two addresses of one owner were promised one day, and one address may have been promised
    several: the lower number is that of owners.
    """
    current = {each for candidate in owner.candidates for each in _ids(candidate)}
    theirs = [
        receipt for receipt in of_end if receipt.to is not None and receipt.to not in current
    ]
    return min(len({each.to for each in theirs}), len({each.day for each in theirs}))


def proven_at(receipts: Iterable[Receipt], proof: ProofOfNotice) -> tuple[datetime, ...]:
    """When each of them became a proof, UTC; what is accepted and not delivered may never."""
    if proof is ProofOfNotice.ACCEPTED:
        return tuple(each.at for each in receipts)
    return tuple(each.delivered_at for each in receipts if each.delivered_at is not None)


def _asked(
    owner: Owner, receipts: tuple[Receipt, ...], proof: ProofOfNotice, now: datetime
) -> tuple[OwnerCandidate, ...]:
    """The candidates up to the first that is not in doubt; none: nobody is known."""
    if proof is ProofOfNotice.ACCEPTED:
        return owner.candidates[:1]
    doubted = tuple(takewhile(lambda each: _is_doubted(each, receipts, now), owner.candidates))
    return owner.candidates[: len(doubted) + 1]


def _is_doubted(candidate: OwnerCandidate, receipts: tuple[Receipt, ...], now: datetime) -> bool:
    """Whether messages to it are on their way for too long, and none ever arrived."""
    ids = _ids(candidate)
    theirs = [receipt for receipt in receipts if receipt.to in ids]
    # One that arrived is enough: a dead mailbox would have sent the others back, and AWS loses a
    # report now and then.
    return all(receipt.delivered_at is None for receipt in theirs) and any(
        have_passed(DELIVERY_EXPECTED, receipt.at, now) for receipt in theirs
    )


def _ids(candidate: OwnerCandidate) -> set[RecipientId | None]:
    return {recipient.id for recipient in candidate.recipients}
