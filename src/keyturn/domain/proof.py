"""
What proves that a key's owner was notified, and so who is to be notified now.

A receipt proves something for the recipient that it names: who became the owner since has heard
nothing yet, and their days begin with their own notice.
It counts by a channel that proves (ProvingChannels), and for the address that the message was sent
for: in Slack that is the address by which its member was found, so one owner is one address in
every channel.
A source whose mails about a key came back again and again is not believed alone: the next one is
notified besides, and its days run on, however often the earlier one can be reached again.
Source: docs/lifecycle.md, "receipt", "owner"; decisions 0037, 0047 and 0063.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from itertools import takewhile
from typing import Final

from keyturn.domain.days import have_passed
from keyturn.domain.history import AGAIN
from keyturn.domain.key import Receipt
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerSource
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.recipient import ChannelName

DELIVERY_EXPECTED: Final = 3
"""Days after which a message that was accepted, and not reported as delivered, is doubted."""


def notified_now(
    owner: Owner,
    receipts: Iterable[Receipt],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt] = (),
) -> tuple[OwnerCandidate, ...]:
    """
    Who is notified of a key: the owner, and the next source while that one is in doubt.

    returned: what came back of the notices of this key.
    """
    receipts = of_anybody(receipts, policy)
    if policy.proof_of_notice is ProofOfNotice.ACCEPTED:
        missed = tuple(
            takewhile(
                lambda each: is_missed(each, receipts) or comes_back(owner, each.source, returned),
                owner.candidates,
            )
        )
        return owner.candidates[: len(missed) + 1]
    return _asked(owner, receipts, policy, now, returned=returned)


def comes_back(owner: Owner, source: OwnerSource, returned: Iterable[Receipt]) -> bool:
    """
    Whether the mails of two ends of one key came back from what a source names.

    Once is a mailbox that was away: who is behind it has their days when it is back. Twice puts
    an end off twice, and whoever can do that could do it for ever.
    """
    return len(dates_returned(owner, source, returned)) >= AGAIN


def dates_returned(
    owner: Owner, source: OwnerSource, returned: Iterable[Receipt]
) -> frozenset[date]:
    """The dates that were promised to whom a source names, by mails that came back."""
    theirs = owner.named_by(source)
    return frozenset(
        min(each.promises.values())
        for each in returned
        if each.promises and each.to is not None and each.to.address_hash in theirs
    )


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
    owner: Owner,
    receipts: Iterable[Receipt],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt] = (),
) -> str | None:
    """
    Why nobody knows who is notified next, where all that are known are in doubt.

    None: it is known, or nobody else is to be notified. The source behind an unread one is not
    its stand-in: its owner may be somebody else.
    """
    if owner.unread_behind is None:
        return None
    known = of_anybody(receipts, policy)
    all_doubted = all(
        comes_back(owner, each.source, returned)
        or (policy.proof_of_notice is not ProofOfNotice.ACCEPTED and _is_doubted(each, known, now))
        for each in owner.candidates
    )
    return owner.unread_behind if all_doubted else None


def of_owner(
    owner: Owner,
    receipts: Iterable[Receipt],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt] = (),
) -> tuple[Receipt, ...]:
    """The receipts of who answers for the key now: by a channel that proves, accepted at least."""
    proving = of_anybody(receipts, policy)
    candidates = _asked(owner, proving, policy, now, returned=returned)
    asked = {each for found in candidates for each in _hashes(found)}
    return tuple(each for each in proving if each.to is None or each.to.address_hash in asked)


def of_anybody(receipts: Iterable[Receipt], policy: RotationPolicy) -> tuple[Receipt, ...]:
    """The receipts by a channel that proves, whoever is the owner."""
    channels = policy.proving_channels
    return tuple(each for each in receipts if each.to is None or each.to.channel in channels)


def are_all_notified(  # noqa: PLR0913 -- what is known of one key's notices
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt] = (),
) -> bool:
    """
    Whether everybody who is to be notified of an end was: of several owners one is enough.

    receipts: all of the key, by which somebody is in doubt; of_end: those that tell of the end.
    Whose mails come back again and again is notified, and no end waits for them, while somebody
    stands behind them.
    """
    reached = {each.to and each.to.address_hash for each in of_anybody(of_end, policy)}
    if None in reached:
        return True
    asked = _asked(
        owner, of_anybody(receipts, policy), policy, now, returned=returned, of_end=of_end
    )
    standing = [each for each in asked if not comes_back(owner, each.source, returned)]
    needed = standing or asked[-1:]
    return bool(needed) and all(reached & _hashes(candidate) for candidate in needed)


def are_each_notified(  # noqa: PLR0913 -- as above
    owner: Owner,
    receipts: Iterable[Receipt],
    of_end: Collection[Receipt],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt] = (),
) -> bool:
    """Whether each address was notified of an end: some may have been added since. Likewise."""
    reached = {each.to and each.to.address_hash for each in of_anybody(of_end, policy)}
    asked = _asked(
        owner, of_anybody(receipts, policy), policy, now, returned=returned, of_end=of_end
    )
    return None in reached or all(_hashes(candidate) <= reached for candidate in asked)


def former_owners(
    owner: Owner, of_end: Iterable[Receipt], returned: Iterable[Receipt] = ()
) -> int:
    """
    How many owners before this one were promised an end, each another day.

    Two addresses of one owner were promised one day, and one address may have been promised
    several: the lower number is that of owners.
    returned: of this end too. Whom a source names still, though no mail reaches them, is not
    counted by these: that is an owner who cannot be reached, and no change.
    """
    current = {each for candidate in owner.candidates for each in _hashes(candidate)}
    named = current.union(*(owner.named_by(source) for source in OwnerSource))
    theirs = {
        (receipt.to.address_hash, receipt.day)
        for receipts, not_former in ((of_end, current), (returned, named))
        for receipt in receipts
        if receipt.to is not None and receipt.to.address_hash not in not_former
    }
    return min(len({address for address, _ in theirs}), len({day for _, day in theirs}))


def proven_at(receipts: Iterable[Receipt], proof: ProofOfNotice) -> tuple[datetime, ...]:
    """When each of them became a proof, UTC; what is accepted and not delivered may never."""
    if proof is ProofOfNotice.ACCEPTED:
        return tuple(each.at for each in receipts)
    return tuple(at for each in receipts if (at := _delivered_at(each)) is not None)


def _asked(  # noqa: PLR0913 -- as above
    owner: Owner,
    receipts: tuple[Receipt, ...],
    policy: RotationPolicy,
    now: datetime,
    *,
    returned: Collection[Receipt],
    of_end: Collection[Receipt] = (),
) -> tuple[OwnerCandidate, ...]:
    """
    The candidates up to the first that is not in doubt; none: nobody is known.

    of_end: receipts of the end that is asked about. Whom one of them reached is in no doubt about
    it, whatever came later: a reminder that is lost must not put off what is proven.
    """

    def is_in_doubt(each: OwnerCandidate) -> bool:
        if comes_back(owner, each.source, returned):
            return True
        if policy.proof_of_notice is ProofOfNotice.ACCEPTED:
            return False
        return _is_doubted(each, receipts, now) and not _is_reached(each, of_end)

    doubted = tuple(takewhile(is_in_doubt, owner.candidates))
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
