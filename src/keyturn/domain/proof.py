"""
What proves that a key's owner was notified, and so who is to be notified now.

A receipt proves something for the recipient that it names: who became the owner since has heard
nothing yet, and their days begin with their own notice.
It counts by a channel that proves (ProvingChannels), and for the address that the message was sent
for: in Slack that is the address by which its member was found, so one owner is one address in
every channel.
Source: docs/lifecycle.md, "receipt", "owner"; decisions 0037 and 0047.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import takewhile
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.key import Receipt
from keyturn.domain.owner import Owner, OwnerCandidate
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.recipient import ChannelName

DELIVERY_EXPECTED: Final = 3
"""Days after which a message that was accepted, and not reported as delivered, is doubted."""


def notified_now(
    owner: Owner, receipts: Iterable[Receipt], policy: RotationPolicy, now: datetime
) -> tuple[OwnerCandidate, ...]:
    """Who is notified of a key: the owner, and the next source while that one is in doubt."""
    receipts = of_anybody(receipts, policy)
    if policy.proof_of_notice is ProofOfNotice.ACCEPTED:
        missed = tuple(takewhile(lambda each: is_missed(each, receipts), owner.candidates))
        return owner.candidates[: len(missed) + 1]
    return _asked(owner, receipts, policy, now)


def is_missed(candidate: OwnerCandidate, receipts: Iterable[Receipt]) -> bool:
    """
    Whether the last message to each of its recipients did not arrive, though the next one may.

    It proves what it did before; but whoever stands behind is notified, too.
    """
    last = _last_of_each(candidate, receipts)
    return bool(last) and all(
        each.missed_at is not None and _delivered_at(each) is None for each in last
    )


def next_unread(
    owner: Owner, receipts: Iterable[Receipt], policy: RotationPolicy, now: datetime
) -> str | None:
    """
    Why nobody knows who is notified next, where all that are known are in doubt.

    None: it is known, or nobody else is to be notified. The source behind an unread one is not
    its stand-in: its owner may be somebody else.
    """
    if policy.proof_of_notice is ProofOfNotice.ACCEPTED or owner.unread_behind is None:
        return None
    known = of_anybody(receipts, policy)
    all_doubted = all(_is_doubted(each, known, now) for each in owner.candidates)
    return owner.unread_behind if all_doubted else None


def of_owner(
    owner: Owner, receipts: Iterable[Receipt], policy: RotationPolicy, now: datetime
) -> tuple[Receipt, ...]:
    """The receipts of who answers for the key now: by a channel that proves, accepted at least."""
    proving = of_anybody(receipts, policy)
    asked = {each for found in _asked(owner, proving, policy, now) for each in _hashes(found)}
    return tuple(each for each in proving if each.to is None or each.to.address_hash in asked)


def of_anybody(receipts: Iterable[Receipt], policy: RotationPolicy) -> tuple[Receipt, ...]:
    """The receipts by a channel that proves, whoever is the owner."""
    channels = policy.proving_channels
    return tuple(each for each in receipts if each.to is None or each.to.channel in channels)


def are_all_notified(
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    policy: RotationPolicy,
    now: datetime,
) -> bool:
    """
    Whether everybody who is to be notified of an end was: of several owners one is enough.

    receipts: all of the key, by which somebody is in doubt; of_end: those that tell of the end.
    """
    reached = {each.to and each.to.address_hash for each in of_anybody(of_end, policy)}
    if None in reached:
        return True
    asked = _asked(owner, of_anybody(receipts, policy), policy, now, of_end)
    return bool(asked) and all(reached & _hashes(candidate) for candidate in asked)


def are_each_notified(
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    policy: RotationPolicy,
    now: datetime,
) -> bool:
    """Whether each address was notified of an end: some may have been added since. Likewise."""
    reached = {each.to and each.to.address_hash for each in of_anybody(of_end, policy)}
    asked = _asked(owner, of_anybody(receipts, policy), policy, now, of_end)
    return None in reached or all(_hashes(candidate) <= reached for candidate in asked)


def former_owners(owner: Owner, of_end: Iterable[Receipt]) -> int:
    """
    How many owners before this one were promised an end, each another day.

    Two addresses of one owner were promised one day, and one address may have been promised
    several: the lower number is that of owners.
    """
    current = {each for candidate in owner.candidates for each in _hashes(candidate)}
    theirs = {
        (receipt.to.address_hash, receipt.day)
        for receipt in of_end
        if receipt.to is not None and receipt.to.address_hash not in current
    }
    return min(len({address for address, _ in theirs}), len({day for _, day in theirs}))


def proven_at(receipts: Iterable[Receipt], proof: ProofOfNotice) -> tuple[datetime, ...]:
    """When each of them became a proof, UTC; what is accepted and not delivered may never."""
    if proof is ProofOfNotice.ACCEPTED:
        return tuple(each.at for each in receipts)
    return tuple(at for each in receipts if (at := _delivered_at(each)) is not None)


def _asked(
    owner: Owner,
    receipts: tuple[Receipt, ...],
    policy: RotationPolicy,
    now: datetime,
    of_end: Collection[Receipt] = (),
) -> tuple[OwnerCandidate, ...]:
    """
    The candidates up to the first that is not in doubt; none: nobody is known.

    of_end: receipts of the end that is asked about. Whom one of them reached is in no doubt about
    it, whatever came later: a reminder that is lost must not put off what is proven.
    """
    if policy.proof_of_notice is ProofOfNotice.ACCEPTED:
        return owner.candidates[:1]
    doubted = tuple(
        takewhile(
            lambda each: _is_doubted(each, receipts, now) and not _is_reached(each, of_end),
            owner.candidates,
        )
    )
    return owner.candidates[: len(doubted) + 1]


def _is_doubted(candidate: OwnerCandidate, receipts: tuple[Receipt, ...], now: datetime) -> bool:
    """
    Whether the last message to each of its recipients that should have arrived did not.

    One that arrived earlier proves what it did; but a mailbox may be full since. AWS loses a
    report now and then: then the next source is notified too, until the next report comes.
    """
    last = _last_of_each(
        candidate,
        (
            each
            for each in receipts
            if each.missed_at is not None
            or _delivered_at(each) is not None
            or have_passed(DELIVERY_EXPECTED, each.at, now)
        ),
    )
    return bool(last) and all(_delivered_at(each) is None for each in last)


def _is_reached(candidate: OwnerCandidate, of_end: Iterable[Receipt]) -> bool:
    hashes = _hashes(candidate)
    return any(
        each.to is not None and each.to.address_hash in hashes and _delivered_at(each) is not None
        for each in of_end
    )


def _last_of_each(candidate: OwnerCandidate, receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    """The last of these receipts of each recipient that has one."""
    hashes = _hashes(candidate)
    last = {
        receipt.to: receipt
        for receipt in sorted(receipts, key=lambda each: each.at)
        if receipt.to and receipt.to.address_hash in hashes
    }
    return tuple(last.values())


def _delivered_at(receipt: Receipt) -> datetime | None:
    """When it arrived, UTC: what Slack takes is among the member's messages at once."""
    if receipt.to is not None and receipt.to.channel is ChannelName.SLACK:
        return receipt.at
    return receipt.delivered_at


def _hashes(candidate: OwnerCandidate) -> set[str | None]:
    return {recipient.address_hash for recipient in candidate.recipients}
