"""Each thing is told once, whatever fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from keyturn.domain.decision import Action, Notice, NoticeType, Reason, State
from keyturn.domain.errors import (
    ClaimInProgress,
    Denied,
    KeyturnError,
    NotFound,
    NoticesNotSent,
    RateExceeded,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Audience, Digest, NoticeItem, Run
from keyturn.domain.key import Account
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Channel
from keyturn.use_cases.mail_fate import Reachable
from keyturn.use_cases.notify import Notify
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent
from tests.fakes_notify import FakeAddresses, FakeChannel, FakeReceipts

NOW = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUN = Run(
    id="run-1", account=Account(id="222222222222", name="prod-workload"), at=NOW, dry_run=False
)


def an_item(key_id: str) -> NoticeItem:
    return NoticeItem(
        user="deploy-bot",
        key_id=key_id,
        age=76,
        state=State.ACTIVE,
        overlays=frozenset(),
        action=Action.WARN,
        reason=Reason.ROTATION_AHEAD,
        sentence="it is 76 days old",
        notice=Notice(type=NoticeType.UPCOMING, day=NOW.date(), variant="14"),
    )


A, B, C = an_item("AKIA-A"), an_item("AKIA-B"), an_item("AKIA-C")
DIGEST = Digest(
    run=RUN,
    audience=Audience.OWNER,
    recipient=Recipient(ChannelName.EMAIL, "dev@example.com"),
    region="eu-central-1",
    items=(A, B, C),
)
DRY = replace(DIGEST, run=replace(RUN, dry_run=True))


@dataclass
class Office:
    """A notifier with everything around it in memory, and a clock."""

    now: datetime = NOW
    mailer: FakeChannel = field(default_factory=FakeChannel)
    addresses: FakeAddresses = field(default_factory=FakeAddresses)
    warned: list[str] = field(default_factory=list)
    book: FakeReceipts = field(init=False)
    seconds: float = 60
    """For which there is patience."""
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book = FakeReceipts(lambda: self.now)

    @property
    def notify(self) -> Notify:
        return self.notify_by({ChannelName.EMAIL: self.mailer})

    def notify_by(self, channels: Mapping[ChannelName, Channel]) -> Notify:
        return Notify(
            sender=SendOnce(book=self.book, messages=self.book, channels=channels),
            reachable=Reachable(
                suppression_list=self.addresses, marks=self.addresses, warn=self.warned.append
            ),
        )

    def tell(self, digest: Digest = DIGEST) -> Sent[NoticeItem | None]:
        return self.notify.send(digest, self.now, self.patience)

    @property
    def patience(self) -> Patience:
        left = self.seconds + sum(self.slept)
        return Patience(
            left=lambda: left - sum(self.slept), sleep=self.slept.append, chance=lambda: 0.5
        )

    @property
    def texts(self) -> list[str]:
        return [mail.text for _, mail in self.mailer.sent]


@pytest.fixture
def office() -> Office:
    return Office()


def test_one_mail_tells_all_and_every_item_is_noted_down(office: Office) -> None:
    result = office.tell()

    assert result == Sent(parts=(A, B, C), message_id="message-1")
    assert [address for address, _ in office.mailer.sent] == ["dev@example.com"]
    assert office.texts == ["AKIA-A AKIA-B AKIA-C"]
    assert len(office.book.told) == 3
    assert office.book.claimed == []


def test_what_was_told_is_not_told_again(office: Office) -> None:
    office.tell(replace(DIGEST, items=(B,)))

    result = office.tell()
    again = office.tell()

    assert result.parts == (A, C)
    assert again == Sent()
    assert office.texts == ["AKIA-B", "AKIA-A AKIA-C"]


def test_nothing_to_say_is_no_mail(office: Office) -> None:
    assert office.tell(replace(DIGEST, items=())) == Sent()
    assert office.tell(replace(DRY, items=())) == Sent()

    assert office.mailer.sent == []
    assert office.book.entries == {}


def test_failures_alone_are_a_mail_and_told_once_a_run(office: Office) -> None:
    failed = replace(DIGEST, items=(), failures=("it broke",), audience=Audience.ADMIN)

    office.tell(failed)
    office.tell(failed)
    office.tell(replace(failed, run=replace(RUN, id="run-2")))

    assert office.texts == ["it broke", "it broke"]


def test_failures_told_already_are_not_in_the_next_mail(office: Office) -> None:
    office.tell(replace(DIGEST, items=(), failures=("it broke",)))

    office.tell(replace(DIGEST, failures=("it broke",)))

    assert office.texts == ["it broke", "AKIA-A AKIA-B AKIA-C"]


@pytest.mark.parametrize("error", [Refused("no"), Denied("no"), NotFound("no"), Throttled("no")])
def test_a_mail_that_was_surely_not_taken_leaves_no_claim(office: Office, error: Refused) -> None:
    office.mailer.error = error

    with pytest.raises(type(error)):
        office.tell()

    assert office.book.entries == {}
    office.mailer.error = None
    assert office.tell().parts == (A, B, C)


def test_a_mail_that_may_have_been_taken_is_not_sent_again_at_once(office: Office) -> None:
    office.mailer.error = Unavailable("timed out")

    with pytest.raises(Unavailable):
        office.tell()

    office.mailer.error = None
    office.now += 14 * MINUTE
    with pytest.raises(NoticesNotSent):
        office.tell()
    assert office.mailer.sent == []
    office.now += MINUTE
    assert office.tell().parts == (A, B, C)


def test_an_item_in_anothers_hands_does_not_hold_the_rest(office: Office) -> None:
    office.book.claim(DIGEST, B, NOW)

    with pytest.raises(NoticesNotSent) as raised:
        office.tell()

    assert [type(error) for error in raised.value.errors] == [ClaimInProgress]
    assert office.texts == ["AKIA-A AKIA-C"]
    assert len(office.book.told) == 2


def test_a_claim_that_cannot_be_made_does_not_hold_the_rest(office: Office) -> None:
    office.book.refuses = {"claim AKIA-B": Unavailable("S3 is away")}

    with pytest.raises(NoticesNotSent, match="S3 is away"):
        office.tell()

    assert office.texts == ["AKIA-A AKIA-C"]


def test_nothing_that_can_be_claimed_is_no_mail_but_an_error(office: Office) -> None:
    office.book.refuses = {"claim": Denied("no access")}

    with pytest.raises(NoticesNotSent, match="no access"):
        office.tell()

    assert office.mailer.sent == []


def test_a_receipt_that_cannot_be_written_holds_no_other_and_the_mail_is_not_repeated_at_once(
    office: Office,
) -> None:
    office.book.refuses = {"confirm AKIA-A": Unavailable("S3 is away")}

    with pytest.raises(NoticesNotSent, match="S3 is away"):
        office.tell()

    assert len(office.book.told) == 2
    office.book.refuses = {}
    with pytest.raises(NoticesNotSent):
        office.tell()
    assert len(office.mailer.sent) == 1
    office.now += 15 * MINUTE
    assert office.tell().parts == (A,)


def test_all_that_went_wrong_is_told_to_whoever_asked(office: Office) -> None:
    office.book.claim(DIGEST, B, NOW)
    office.book.refuses = {"release AKIA-A": Unavailable("S3 is away")}
    office.mailer.error = Refused("address not verified")

    with pytest.raises(Refused) as raised:
        office.tell()

    notes = raised.value.__notes__
    assert notes[0] == "and: S3 is away"
    assert "AKIA-B" in notes[1]
    assert any("AKIA-A" in name for name in office.book.claimed)
    assert not any("AKIA-C" in name for name in office.book.claimed)


def test_a_broken_template_leaves_no_claim(office: Office) -> None:
    office.mailer.breaks_on = "render"

    with pytest.raises(ZeroDivisionError):
        office.tell()

    assert office.book.entries == {}
    assert office.mailer.sent == []


def test_a_fault_in_the_mailer_itself_leaves_the_claims(office: Office) -> None:
    office.mailer.breaks_on = "send"

    with pytest.raises(ZeroDivisionError):
        office.tell()

    assert len(office.book.claimed) == 3


def test_a_dry_run_is_told_whole_and_once_a_day(office: Office) -> None:
    result = office.tell(DRY)
    again = office.tell(replace(DRY, run=replace(DRY.run, id="run-2"), items=(A,)))

    assert result.parts == (None,)
    assert office.texts == ["AKIA-A AKIA-B AKIA-C"]
    assert again == Sent()
    assert office.book.of_key("222222222222", "deploy-bot", "AKIA-A") == ()


def test_the_admin_hears_of_every_dry_run_once(office: Office) -> None:
    admins = replace(DRY, audience=Audience.ADMIN, failures=("it broke",))

    office.tell(admins)
    office.tell(admins)
    office.tell(replace(admins, run=replace(DRY.run, id="run-2")))

    assert office.texts == ["AKIA-A AKIA-B AKIA-C it broke"] * 2


def test_a_dry_run_does_not_stand_in_for_a_notice(office: Office) -> None:
    office.tell(DRY)

    assert office.tell(DIGEST).parts == (A, B, C)


def test_of_several_errors_the_first_is_the_cause(office: Office) -> None:
    office.book.refuses = {
        "claim AKIA-A": Unavailable("one"),
        "claim AKIA-B": Unavailable("two"),
    }

    with pytest.raises(NoticesNotSent) as raised:
        office.tell()

    assert str(raised.value.__cause__) == "one"


def test_the_errors_are_all_in_the_message() -> None:
    error = NoticesNotSent([KeyturnError("one"), KeyturnError("two")])

    assert str(error) == "one; two"


def test_a_channel_that_is_not_set_up_claims_nothing(office: Office) -> None:
    notify = office.notify_by({})

    with pytest.raises(Refused, match="no channel email is set up"):
        notify.send(DIGEST, NOW, office.patience)

    assert office.book.entries == {}


def test_a_message_is_written_down_with_all_its_claims(office: Office) -> None:
    office.tell()

    [message] = office.book.messages.values()
    assert (message.id, message.recipient) == ("message-1", DIGEST.recipient)
    assert sorted(message.receipts) == sorted(office.book.told)


def test_what_cannot_be_written_down_is_no_receipt(office: Office) -> None:
    office.book.refuses["note"] = Unavailable("no answer")

    with pytest.raises(NoticesNotSent, match="no answer"):
        office.tell()

    assert office.book.told == []
    assert len(office.book.claimed) == 3


def test_nobody_is_sent_a_proof_who_cannot_be_reached(office: Office) -> None:
    office.addresses.suppressed["dev@example.com"] = "COMPLAINT"

    sent = office.tell()

    assert sent == Sent(unreachable="on the account's suppression list of SES (COMPLAINT)")
    assert office.mailer.sent == []
    assert office.book.entries == {}
    assert list(office.addresses.marked) == ["dev@example.com"]


def test_an_invocation_asks_for_an_address_once(office: Office) -> None:
    notify = office.notify

    for part in (A, B):
        notify.send(replace(DIGEST, items=(part,)), office.now, office.patience)

    assert office.addresses.asked == ["dev@example.com"]


def test_a_copy_is_sent_without_asking(office: Office) -> None:
    office.addresses.suppressed["dev@example.com"] = "BOUNCE"

    assert office.tell(replace(DIGEST, proves=False)).parts == (A, B, C)

    assert office.addresses.asked == []


def test_unknown_is_not_unreachable_and_is_said_once(office: Office) -> None:
    office.addresses.error = Denied("GetSuppressedDestination: AccessDenied")
    notify = office.notify
    other = Recipient(ChannelName.EMAIL, "other@example.com")

    notify.send(DIGEST, office.now, office.patience)
    notify.send(replace(DIGEST, recipient=other), office.now, office.patience)

    assert len(office.mailer.sent) == 2
    assert len(office.warned) == 1
    assert "AccessDenied" in office.warned[0]


# A channel that is busy


def test_too_fast_is_repeated_with_the_claims_held_and_longer_and_longer_pauses(
    office: Office,
) -> None:
    office.mailer.refusals = [RateExceeded("slow down")] * 7

    assert office.tell().parts == (A, B, C)

    assert len(office.mailer.sent) == 1
    assert office.mailer.attempts == 8
    assert office.slept == [0.1875, 0.375, 0.75, 1.5, 3, 6, 6]  # three quarters of 0.25 to 8
    assert len(office.book.told) == 3


def test_who_says_when_to_come_again_is_asked_then(office: Office) -> None:
    office.mailer.refusals = [RateExceeded("slow down", retry_after=30)]

    office.tell()

    assert office.slept == [30]


def test_when_patience_ends_the_claims_are_given_back(office: Office) -> None:
    office.seconds = 2
    office.mailer.refusals = [RateExceeded("slow down")] * 9

    with pytest.raises(RateExceeded):
        office.tell()

    assert office.slept == [0.1875, 0.375, 0.75]  # a second and a half more would be too much
    assert office.book.entries == {}
    office.mailer.refusals = []
    assert office.tell().parts == (A, B, C)


@pytest.mark.parametrize(
    "error", [Throttled("no more today"), Unavailable("timed out"), Refused("no")]
)
def test_nothing_but_too_fast_is_repeated_at_once(office: Office, error: Refused) -> None:
    office.mailer.refusals = [error]

    with pytest.raises(type(error)):
        office.tell()

    assert office.mailer.attempts == 1
    assert office.slept == []


def test_an_unclear_answer_after_a_refusal_leaves_the_claims(office: Office) -> None:
    office.mailer.refusals = [RateExceeded("slow down"), Unavailable("timed out")]

    with pytest.raises(Unavailable):
        office.tell()

    assert office.mailer.attempts == 2
    assert len(office.book.claimed) == 3


def test_each_attempt_waits_for_its_turn(office: Office) -> None:
    office.mailer.turns = [5, 4]
    office.mailer.refusals = [RateExceeded("slow down", retry_after=1)]

    office.tell()

    assert office.slept == [5, 1, 4]


def test_a_turn_that_comes_too_late_sends_nothing_and_leaves_no_claim(office: Office) -> None:
    office.mailer.turns = [61]

    with pytest.raises(Throttled, match="no time left to wait for a turn"):
        office.tell()

    assert office.mailer.attempts == 0
    assert office.slept == []
    assert office.book.entries == {}


def test_where_what_was_sent_cannot_be_looked_at_nothing_is_sent(office: Office) -> None:
    office.book.refuses = {"look": Denied("no access")}

    with pytest.raises(Denied):
        office.tell()

    assert office.mailer.attempts == 0


def test_many_items_are_claimed_and_confirmed_side_by_side_in_their_order(office: Office) -> None:
    items = tuple(an_item(f"AKIA-{number:03}") for number in range(100))

    result = office.tell(replace(DIGEST, items=items))

    assert result.parts == items
    assert len(office.book.told) == 100
