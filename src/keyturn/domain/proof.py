"""
What proves that a key's owner was notified, and so who is to be notified now.

A receipt proves something for the recipient that it names: who became the owner since has heard
nothing yet, and their days begin with their own notice.
Source: docs/lifecycle.md, "receipt", "owner"; decision 0037.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.key import Receipt
from keyturn.domain.owner import Owner, OwnerCandidate
from keyturn.domain.policy import ProofOfNotice
from keyturn.domain.recipient import ChannelName

PROVING: Final = frozenset({ChannelName.EMAIL})
"""The channels whose receipts prove that somebody was notified (decision 0043)."""
DELIVERY_EXPECTED: Final = 3
"""Days after which a message that was accepted, and not reported as delivered, is doubted."""


def notified_now(
    owner: Owner, receipts: Iterable[Receipt], proof: ProofOfNotice, now: datetime
) -> tuple[OwnerCandidate, ...]:
    """Who is notified of a key: the owner, and the next source while that one is in doubt."""
    return _asked(owner, tuple(receipts), proof, now)


def proofs(
    owner: Owner, receipts: Iterable[Receipt], proof: ProofOfNotice, now: datetime
) -> tuple[Receipt, ...]:
    """
    The receipts that prove something for who answers for the key now.

    Where delivery is the proof, they count from when it was reported.
    """
    receipts = tuple(receipts)
    asked = {
        recipient.id
        for candidate in _asked(owner, receipts, proof, now)
        for recipient in candidate.recipients
    }
    theirs = (receipt for receipt in receipts if receipt.to is None or receipt.to in asked)
    return of_anybody(theirs, proof)


def of_anybody(receipts: Iterable[Receipt], proof: ProofOfNotice) -> tuple[Receipt, ...]:
    """The receipts that prove something, whoever is the owner; with the time that they prove."""
    receipts = tuple(
        receipt for receipt in receipts if receipt.to is None or receipt.to.channel in PROVING
    )
    if proof is ProofOfNotice.ACCEPTED:
        return receipts
    return tuple(
        replace(receipt, at=receipt.delivered_at)
        for receipt in receipts
        if receipt.delivered_at is not None
    )


def _asked(
    owner: Owner, receipts: tuple[Receipt, ...], proof: ProofOfNotice, now: datetime
) -> tuple[OwnerCandidate, ...]:
    """The candidates up to the first that is not in doubt; none: nobody is known."""
    if proof is ProofOfNotice.ACCEPTED:
        return owner.candidates[:1]
    doubted = tuple(takewhile(lambda each: _is_doubted(each, receipts, now), owner.candidates))
    return owner.candidates[: len(doubted) + 1]


def _is_doubted(candidate: OwnerCandidate, receipts: tuple[Receipt, ...], now: datetime) -> bool:
    # Any of them: an answer that changed with each later message would let the next source's
    # proof count one day, and not the next.
    ids = {recipient.id for recipient in candidate.recipients}
    return any(
        receipt.to in ids
        and receipt.delivered_at is None
        and have_passed(DELIVERY_EXPECTED, receipt.at, now)
        for receipt in receipts
    )
