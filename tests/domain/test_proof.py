"""Whose receipts prove something, and who is notified."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Act, Receipt
from keyturn.domain.owner import Owner, OwnerCandidate, OwnerSource, RejectedValue
from keyturn.domain.policy import ProofOfNotice, RotationPolicy
from keyturn.domain.proof import (
    are_all_notified,
    are_each_notified,
    comes_back,
    former_owners,
    next_unread,
    notified_now,
    of_anybody,
    of_owner,
    proven_at,
)
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId

NOW = datetime(2026, 3, 20, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ACCEPTED, DELIVERED = ProofOfNotice.ACCEPTED, ProofOfNotice.DELIVERED


def by(proof: ProofOfNotice, *channels: ChannelName) -> RotationPolicy:
    return RotationPolicy(proof_of_notice=proof, proving_channels=(ChannelName.EMAIL, *channels))


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
    asked = notified_now(OWNER, receipts, by(proof), NOW)
    return tuple(recipient for candidate in asked for recipient in candidate.recipients)


def proving(*receipts: Receipt, proof: ProofOfNotice) -> list[RecipientId | None]:
    return [each.to for each in of_owner(OWNER, receipts, by(proof), NOW)]


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


@pytest.mark.parametrize(
    ("newest", "asked"),
    [
        (receipt(ANN, days_ago=9), (ANN, BOB, TEAM)),
        (receipt(ANN, days_ago=2), (ANN, BOB)),  # may arrive yet
        (replace(receipt(ANN, days_ago=2), missed_at=NOW), (ANN, BOB, TEAM)),
        (replace(receipt(ANN, days_ago=9, delivered=1), missed_at=NOW), (ANN, BOB)),
    ],
    ids=["overdue", "on its way", "given up", "arrived after all"],
)
def test_what_arrived_long_ago_ends_no_doubt_of_what_was_sent_since(
    newest: Receipt, asked: tuple[Recipient, ...]
) -> None:
    early = receipt(ANN, days_ago=30, delivered=30)

    assert notified([early, newest], DELIVERED) == asked
    assert notified([newest, early], DELIVERED) == asked
    # The earlier one proves what it did.
    assert ANN.id in proving(early, newest, proof=DELIVERED)


def test_one_of_two_owners_whose_last_message_arrived_ends_the_doubt() -> None:
    sent = [receipt(ANN, days_ago=9), receipt(BOB, days_ago=9, delivered=9)]

    assert notified(sent, DELIVERED) == (ANN, BOB)


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
        return are_all_notified(OWNER, receipts, receipts, by(DELIVERED), NOW)

    assert announced(fresh)
    assert not announced(doubted)
    assert not announced(doubted, second)  # in doubt, too: now the administrators
    assert announced(doubted, receipt(TEAM, days_ago=2))
    assert announced(receipt(None, days_ago=9))
    assert not announced()


def test_where_no_owner_is_known_nobody_is_notified_and_nothing_proves() -> None:
    nobody = Owner(unknown=OwnerSource.NONE)

    assert notified_now(nobody, [], by(ACCEPTED), NOW) == ()
    assert of_owner(nobody, [receipt(ANN, days_ago=1)], by(ACCEPTED), NOW) == ()


BY_SLACK = by(ACCEPTED, ChannelName.SLACK)


@pytest.mark.parametrize("proof", ProofOfNotice)
@pytest.mark.parametrize("chosen", [(), (ChannelName.SLACK,)], ids=["mail", "Slack too"])
def test_what_a_channel_says_that_is_not_chosen_proves_nothing_to_anybody(
    proof: ProofOfNotice, chosen: tuple[ChannelName, ...]
) -> None:
    policy = by(proof, *chosen)
    channels = set(ChannelName) - set(policy.proving_channels)
    receipts = [
        receipt(Recipient(each, ANN.address), days_ago=9, delivered=8) for each in channels
    ]

    assert len(receipts) >= 2
    assert of_anybody(receipts, policy) == ()
    assert of_owner(OWNER, receipts, policy, NOW) == ()
    assert notified_now(OWNER, receipts, policy, NOW) == OWNER.candidates[:1]
    assert not are_all_notified(OWNER, receipts, receipts, policy, NOW)


def in_slack(recipient: Recipient) -> Recipient:
    return Recipient(ChannelName.SLACK, recipient.address)


def test_where_slack_is_chosen_it_proves_to_whom_it_found_by_the_owners_address() -> None:
    theirs = receipt(Recipient(ChannelName.SLACK, "Ann@Example.com"), days_ago=9)
    others = [receipt(in_slack(each), days_ago=9) for each in (to("eve"), TEAM, ADMIN)]
    a_channel = receipt(Recipient(ChannelName.SLACK, "C0ADMINS"), days_ago=9)

    assert of_owner(OWNER, [theirs, *others, a_channel], BY_SLACK, NOW) == (theirs,)
    assert theirs.to is not None
    assert OWNER.spelt(theirs.to) == ANN.address
    assert are_all_notified(OWNER, [theirs], [theirs], BY_SLACK, NOW)
    assert not are_all_notified(OWNER, others, others, BY_SLACK, NOW)


def test_both_channels_count_each_from_its_own_time() -> None:
    by_mail, said = receipt(ANN, days_ago=2), receipt(in_slack(ANN), days_ago=9)

    proving = of_owner(OWNER, [by_mail, said], BY_SLACK, NOW)

    assert proven_at(proving, ACCEPTED) == (NOW - 2 * DAY, NOW - 9 * DAY)


def test_what_slack_took_was_delivered_and_puts_nobody_in_doubt() -> None:
    policy = by(DELIVERED, ChannelName.SLACK)
    on_its_way, said = receipt(ANN, days_ago=9), receipt(in_slack(ANN), days_ago=9)

    assert proven_at([on_its_way, said], DELIVERED) == (NOW - 9 * DAY,)
    assert notified_now(OWNER, [on_its_way, said], policy, NOW) == OWNER.candidates[:1]
    assert notified_now(OWNER, [on_its_way, said], by(DELIVERED), NOW) == OWNER.candidates[:2]


@pytest.mark.parametrize(
    "channels",
    [
        (),
        (ChannelName.SLACK,),
        (ChannelName.EMAIL, ChannelName.WEBHOOK),
        (ChannelName.EMAIL, ChannelName.TEAMS),
    ],
)
def test_mail_proves_always_and_what_no_person_gets_never(
    channels: tuple[ChannelName, ...],
) -> None:
    with pytest.raises(InvalidValue, match=r"^ProvingChannels=.*: must be email, or email,slack$"):
        RotationPolicy(proving_channels=channels)


def came_back(*dates: int, of: Recipient = ANN) -> list[Receipt]:
    """Notices that came back, of ends that were promised for these days of March."""
    return [
        replace(receipt(of, days_ago=9), promises={Act.DISABLE: date(2026, 3, day)})
        for day in dates
    ]


@pytest.mark.parametrize("proof", ProofOfNotice)
@pytest.mark.parametrize(
    ("returned", "doubted"),
    [
        (came_back(30), False),
        (came_back(30, 30), False),  # the reminder of one end
        (came_back(30) + came_back(30, of=BOB), False),  # two addresses that heard of one end
        (came_back(20, 30), True),
        (came_back(20) + came_back(30, of=BOB), True),  # who takes turns within one tag
        (came_back(20, 30, of=to("former")), False),
        (came_back(20, 30, of=TEAM), False),  # another source
        ([receipt(ANN, days_ago=20), receipt(ANN, days_ago=9)], False),  # it promised nothing
    ],
)
def test_a_source_whose_mails_come_back_again_and_again_is_not_believed_alone(
    returned: list[Receipt],
    doubted: bool,
    proof: ProofOfNotice,
) -> None:
    policy = by(proof)
    [back_again, behind] = [
        receipt(ANN, days_ago=0, delivered=0),
        receipt(TEAM, days_ago=9, delivered=9),
    ]

    asked = notified_now(OWNER, [back_again, behind], policy, NOW, returned=returned)
    proven = of_owner(OWNER, [back_again, behind], policy, NOW, returned=returned)
    settled = are_all_notified(OWNER, [behind], [behind], policy, NOW, returned=returned)
    heard = are_each_notified(OWNER, [behind], [behind], policy, NOW, returned=returned)

    assert asked == OWNER.candidates[: 2 if doubted else 1]
    assert proven == ((back_again, behind) if doubted else (back_again,))
    assert settled is doubted, "no end waits for who sends its notices back"
    assert not heard, "but they hear of it"


def test_who_was_lost_of_a_source_counts_with_who_is_left_of_it() -> None:
    left = replace(
        OWNER,
        candidates=(OwnerCandidate(OwnerSource.TAG, (BOB,)), *OWNER.candidates[1:]),
        rejected=(RejectedValue(OwnerSource.TAG, ANN.address, "could not be reached"),),
    )

    assert comes_back(left, OwnerSource.TAG, came_back(20, 30))


def test_where_mails_of_all_that_are_known_come_back_an_unread_source_is_waited_for() -> None:
    known = replace(OWNER, candidates=OWNER.candidates[:1], unread_behind="denied")
    policy = by(ACCEPTED)

    assert next_unread(known, [], policy, NOW, returned=came_back(20)) is None
    assert next_unread(known, [], policy, NOW, returned=came_back(20, 30)) == "denied"


def test_the_last_source_is_asked_whatever_comes_back() -> None:
    last = replace(OWNER, candidates=OWNER.candidates[:1])
    policy, returned = by(ACCEPTED), came_back(20, 30)
    told = [receipt(ANN, days_ago=9)]

    assert notified_now(last, told, policy, NOW, returned=returned) == last.candidates
    assert are_all_notified(last, told, told, policy, NOW, returned=returned)
    assert not are_all_notified(last, [], [], policy, NOW, returned=returned)


def test_who_came_back_is_a_former_owner_unless_a_source_names_them_still() -> None:
    returned = came_back(20, of=to("eve")) + came_back(30, of=to("mal"))
    days = [replace(each, day=each.promises[Act.DISABLE]) for each in returned]
    still = RejectedValue(OwnerSource.USER_NAME, "mal@example.com", "could not be reached")

    assert former_owners(OWNER, [], days) == 2
    assert former_owners(replace(OWNER, rejected=(still,)), [], days) == 1
