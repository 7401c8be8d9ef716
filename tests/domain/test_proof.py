"""Whose receipts prove something, and who is notified."""

from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.key import Receipt
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerSource
from keyturn.domain.policy import ProofOfNotice
from keyturn.domain.proof import are_all_notified, notified_now, of_anybody, of_owner, proven_at
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId

NOW = datetime(2026, 3, 20, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ACCEPTED, DELIVERED = ProofOfNotice.ACCEPTED, ProofOfNotice.DELIVERED


def to(name: str) -> Recipient:
    return Recipient(ChannelName.EMAIL, f"{name}@example.com")


ANN, BOB, TEAM, ADMIN = map(to, ("ann", "bob", "team", "admin"))
OWNER = Owner(
    candidates=(
        OwnerCandidate(OwnerSource.TAG, (ANN, BOB)),
        OwnerCandidate(OwnerSource.ACCOUNT, (TEAM,)),
        OwnerCandidate(OwnerSource.ADMIN, (ADMIN,)),
    )
)


def receipt(
    recipient: Recipient | None, *, days_ago: float, delivered: float | None = None
) -> Receipt:
    return Receipt(
        step="disable",
        day=date(2026, 3, 30),
        at=NOW - days_ago * DAY,
        to=recipient.id if recipient else None,
        delivered_at=None if delivered is None else NOW - delivered * DAY,
    )


def notified(receipts: list[Receipt], proof: ProofOfNotice) -> tuple[Recipient, ...]:
    asked = notified_now(OWNER, receipts, proof, NOW)
    return tuple(recipient for candidate in asked for recipient in candidate.recipients)


def proving(*receipts: Receipt, proof: ProofOfNotice) -> list[RecipientId | None]:
    return [each.to for each in of_owner(OWNER, receipts, proof, NOW)]


def test_a_receipt_of_the_owner_proves_and_of_anybody_else_nothing() -> None:
    theirs, former = receipt(ANN, days_ago=1), receipt(to("eve"), days_ago=30)
    next_source = receipt(TEAM, days_ago=30)

    assert proving(theirs, former, next_source, proof=ACCEPTED) == [ANN.id]


def test_of_several_owners_one_reached_is_the_proof() -> None:
    assert proving(receipt(BOB, days_ago=1), proof=ACCEPTED) == [BOB.id]


def test_a_receipt_of_before_names_nobody_and_counts_for_all() -> None:
    assert proving(receipt(None, days_ago=9), proof=ACCEPTED) == [None]


def test_where_delivery_is_the_proof_it_counts_from_its_report() -> None:
    sent = [receipt(ANN, days_ago=9, delivered=8), receipt(BOB, days_ago=9)]

    assert proven_at(sent, DELIVERED) == (NOW - 8 * DAY,)
    assert proven_at(sent, ACCEPTED) == (NOW - 9 * DAY, NOW - 9 * DAY)


@pytest.mark.parametrize(
    ("days_ago", "asked"),
    [(0, (ANN, BOB)), (2.4, (ANN, BOB)), (2.6, (ANN, BOB, TEAM)), (9, (ANN, BOB, TEAM))],
)
def test_without_a_report_for_three_days_the_next_source_is_notified_too(
    days_ago: float, asked: tuple[Recipient, ...]
) -> None:
    sent = [receipt(ANN, days_ago=days_ago)]

    assert notified(sent, DELIVERED) == asked
    assert notified(sent, ACCEPTED) == (ANN, BOB)


def test_its_receipt_counts_then_until_the_owner_is_reached() -> None:
    doubted, second = receipt(ANN, days_ago=9), receipt(TEAM, days_ago=6, delivered=6)
    reached = receipt(BOB, days_ago=20, delivered=20)

    assert proving(doubted, second, proof=DELIVERED) == [ANN.id, TEAM.id]
    assert proving(doubted, second, reached, proof=DELIVERED) == [ANN.id, BOB.id]
    assert proving(second, proof=DELIVERED) == []


def test_an_end_is_announced_when_one_of_each_source_that_is_asked_was_notified() -> None:
    fresh, doubted, second = (
        receipt(ANN, days_ago=1),
        receipt(ANN, days_ago=9),
        receipt(TEAM, days_ago=6),
    )

    def announced(*receipts: Receipt) -> bool:
        return are_all_notified(OWNER, receipts, receipts, DELIVERED, NOW)

    assert announced(fresh)
    assert not announced(doubted)
    assert not announced(doubted, second)  # in doubt, too: now the administrators
    assert announced(doubted, receipt(TEAM, days_ago=2))
    assert announced(receipt(None, days_ago=9))
    assert not announced()


def test_where_no_owner_is_known_nobody_is_notified_and_nothing_proves() -> None:
    nobody = Owner(unknown=OwnerSource.NONE)

    assert notified_now(nobody, [], ACCEPTED, NOW) == ()
    assert of_owner(nobody, [receipt(ANN, days_ago=1)], ACCEPTED, NOW) == ()


@pytest.mark.parametrize("proof", ProofOfNotice)
def test_what_another_channel_says_proves_nothing_to_anybody(proof: ProofOfNotice) -> None:
    by_webhook = Recipient(ChannelName.WEBHOOK, ANN.address)
    receipts = [receipt(by_webhook, days_ago=5, delivered=4)]
    theirs = Owner(candidates=(OwnerCandidate(OwnerSource.TAG, (by_webhook, ANN)),))

    assert of_anybody(receipts) == ()
    assert of_owner(theirs, receipts, proof, NOW) == ()
