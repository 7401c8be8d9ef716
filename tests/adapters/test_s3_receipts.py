"""What was told is remembered, on the fake as in S3; and how it lies in the bucket."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from keyturn.adapters.s3_receipts import S3Receipts
from keyturn.domain.decision import Action, Notice, NoticeType, Reason, State
from keyturn.domain.errors import ClaimInProgress, Denied, InvalidValue, PortError, Unavailable
from keyturn.domain.events import Audience, Digest, NoticeItem, Run
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import Account, Act, Receipt
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.ports import Claim, ClaimItem
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.fakes_notify import FakeReceipts

START = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACCOUNT = "222222222222"
KEY = "AKIAOLDEXAMPLE000001"
DISABLE_ON, DELETE_ON = date(2027, 3, 11), date(2027, 3, 21)
BUCKET = "keyturn-bucket"
ROLE = "notifier"
DEV = Recipient(ChannelName.EMAIL, "dev@example.com")
DEV_IN_NAMES = "email.eb2b6c0d061bbd5c"
OTHER = Recipient(ChannelName.EMAIL, "other@example.com")

RUN = Run(id="run-1", account=Account(id=ACCOUNT), at=START, dry_run=False)
ROTATED = Notice(
    type=NoticeType.ROTATED,
    day=DISABLE_ON,
    promises={Act.DISABLE: DISABLE_ON, Act.DELETE: DELETE_ON},
)


A_CHANGE = ExemptionChange(
    id="0f5b3c1e-2a7d-4b8e-9c61-4d2f8a7e1b30",
    account=ACCOUNT,
    group="IAMKeyRotationExemptionGroup",
    change=GroupChange.ADDED,
    user="deploy-bot",
    policy=None,
    by="arn:aws:iam::222222222222:user/jane",
    at=START,
)


def an_item(notice: Notice = ROTATED, user: str = "deploy-bot", key_id: str = KEY) -> NoticeItem:
    return NoticeItem(
        user=user,
        key_id=key_id,
        age=90,
        state=State.ROTATED,
        overlays=frozenset(),
        action=Action.ROTATE,
        reason=Reason.ROTATION_DUE,
        sentence="it is 90 days old",
        notice=notice,
    )


def a_digest(*items: NoticeItem, dry_run: bool = False, **changes: Any) -> Digest:  # noqa: ANN401 -- any of its fields
    digest = Digest(
        run=replace(RUN, dry_run=dry_run),
        audience=Audience.OWNER,
        recipient=DEV,
        region="eu-central-1",
        items=items,
    )
    return replace(digest, **changes)


class Book:
    """A receipt book and the clock that it goes by."""

    def __init__(
        self,
        of: FakeReceipts | S3Receipts,
        now: Callable[[], datetime],
        move_to: Callable[[datetime], None],
        bounce: Callable[[Claim], None],
    ) -> None:
        self.of = of
        self.now = now
        self.bounce = bounce
        self._move_to = move_to

    def move(self, by: timedelta) -> None:
        self._move_to(self.now() + by)

    def claim(self, digest: Digest, item: NoticeItem | None) -> Claim | None:
        return self.of.claims_of(digest, [item], self.now())(item)

    def looks_at(self, *items: NoticeItem) -> ClaimItem:
        return self.of.claims_of(a_digest(*items), items, self.now())

    def claim_change(self, change: ExemptionChange) -> Claim | None:
        return self.of.claim_change(change, DEV, self.now())

    def confirm(self, claim: Claim | None) -> None:
        assert claim is not None
        self.of.confirm(claim, message_id="message-1", now=self.now())

    def tell(self, item: NoticeItem, digest: Digest | None = None) -> Claim:
        claim = self.claim(digest or a_digest(item), item)
        self.confirm(claim)
        assert claim is not None
        return claim

    def of_key(self, user: str = "deploy-bot", key_id: str = KEY) -> tuple[Receipt, ...]:
        return self.of.of_key(ACCOUNT, user, key_id)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, ROLE, MANAGEMENT_ACCOUNT)
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


def in_s3(cloud: LocalCloud) -> Book:
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, ROLE).client("s3")

    def bounce(claim: Claim) -> None:
        s3.put_object(Bucket=BUCKET, Key=claim.name + ".bounced", Body=b"{}")

    book = S3Receipts(s3, bucket=BUCKET, prefix="keyturn/")
    return Book(book, lambda: cloud.now, cloud.move_to, bounce)


@dataclass
class Clock:
    now: datetime = START

    def move_to(self, moment: datetime) -> None:
        self.now = moment


def in_memory() -> Book:
    clock = Clock()
    fake = FakeReceipts(lambda: clock.now)
    return Book(fake, lambda: clock.now, clock.move_to, lambda claim: fake.bounced.add(claim.name))


@pytest.fixture(params=["fake", "s3"])
def book(request: pytest.FixtureRequest) -> Book:
    if request.param == "fake":
        return in_memory()
    return in_s3(request.getfixturevalue("cloud"))


# The contract


def test_a_receipt_holds_step_day_time_and_promises(book: Book) -> None:
    before = book.now().replace(microsecond=0)

    book.tell(an_item())

    [receipt] = book.of_key()
    assert (receipt.step, receipt.day) == ("disable", DISABLE_ON)
    assert receipt.promises == {Act.DISABLE: DISABLE_ON, Act.DELETE: DELETE_ON}
    assert before <= receipt.at <= book.now()
    assert receipt.at.tzinfo is not None


@pytest.mark.parametrize(
    "notice",
    [
        ROTATED,
        Notice(type=NoticeType.RETIRING, day=DISABLE_ON, promises=ROTATED.promises),
        Notice(type=NoticeType.BEFORE_DISABLE, day=DISABLE_ON, promises={Act.DISABLE: DISABLE_ON}),
        Notice(type=NoticeType.DISABLED, day=DELETE_ON, promises={Act.DELETE: DELETE_ON}),
        Notice(type=NoticeType.DELETING, day=DELETE_ON, promises={Act.DELETE: DELETE_ON}),
        Notice(type=NoticeType.GRACE_RENEWED, day=DELETE_ON, promises={Act.DELETE: DELETE_ON}),
        Notice(type=NoticeType.BEFORE_DELETE, day=DELETE_ON, promises={Act.DELETE: DELETE_ON}),
        Notice(type=NoticeType.DELETED, day=DELETE_ON),
        Notice(type=NoticeType.UPCOMING, day=DISABLE_ON, variant="14"),
        Notice(type=NoticeType.RESTORED, day=DISABLE_ON),
        Notice(type=NoticeType.BLOCKED, day=DISABLE_ON, variant="two-keys-in-use"),
        Notice(type=NoticeType.OVERWRITTEN, day=DISABLE_ON),
        Notice(type=NoticeType.ORPHAN, day=DISABLE_ON, variant="removed"),
    ],
    ids=lambda notice: str(notice.type),
)
def test_whatever_is_told_is_remembered_as_it_was(book: Book, notice: Notice) -> None:
    book.tell(an_item(notice))

    [receipt] = book.of_key()
    assert (receipt.step, receipt.day) == (notice.step, notice.day)
    assert receipt.promises == notice.promises


def test_what_was_told_is_not_claimed_again(book: Book) -> None:
    book.tell(an_item())
    book.move(timedelta(days=1))

    assert book.claim(a_digest(an_item()), an_item()) is None


def test_another_day_key_user_or_step_is_another_thing(book: Book) -> None:
    book.tell(an_item())
    later = DISABLE_ON + timedelta(days=1)
    others = [
        an_item(replace(ROTATED, day=later, promises={**ROTATED.promises, Act.DISABLE: later})),
        an_item(key_id="AKIAOLDEXAMPLE000002"),
        an_item(user="etl"),
        an_item(Notice(type=NoticeType.DELETED, day=DISABLE_ON)),
    ]

    assert all(book.claim(a_digest(item), item) is not None for item in others)


def test_a_claim_is_no_receipt(book: Book) -> None:
    book.claim(a_digest(an_item()), an_item())

    assert book.of_key() == ()


def test_a_claim_is_anothers_for_fifteen_minutes(book: Book) -> None:
    book.claim(a_digest(an_item()), an_item())

    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())
    book.move(14 * MINUTE)
    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())
    book.move(MINUTE)
    assert book.claim(a_digest(an_item()), an_item()) is not None
    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())


def test_a_claim_given_back_can_be_taken_at_once(book: Book) -> None:
    claim = book.claim(a_digest(an_item()), an_item())
    assert claim is not None

    book.of.release(claim)

    assert book.claim(a_digest(an_item()), an_item()) is not None


def test_nobody_gives_back_what_another_has_taken_over(book: Book) -> None:
    slow = book.claim(a_digest(an_item()), an_item())
    assert slow is not None
    book.move(15 * MINUTE)
    book.claim(a_digest(an_item()), an_item())

    book.of.release(slow)

    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())


def test_nobody_gives_back_what_was_told_meanwhile(book: Book) -> None:
    slow = book.claim(a_digest(an_item()), an_item())
    assert slow is not None
    book.move(15 * MINUTE)
    book.tell(an_item())

    book.of.release(slow)
    book.of.release(slow)

    assert len(book.of_key()) == 1


def test_a_bounce_voids_the_receipt_and_frees_the_step(book: Book) -> None:
    book.bounce(book.tell(an_item()))
    assert book.of_key() == ()

    again = book.claim(a_digest(an_item()), an_item())
    assert book.of_key() == ()
    book.confirm(again)

    assert len(book.of_key()) == 1
    assert book.claim(a_digest(an_item()), an_item()) is None


def test_the_admins_copy_proves_nothing_and_stands_in_nobodys_way(book: Book) -> None:
    copy = a_digest(an_item(), audience=Audience.ADMIN, proves=False)

    book.tell(an_item(), copy)

    assert book.of_key() == ()
    assert book.claim(copy, an_item()) is None
    assert book.claim(a_digest(an_item()), an_item()) is not None


def test_the_admin_told_in_the_owners_stead_is_proof(book: Book) -> None:
    book.tell(an_item(), a_digest(an_item(), audience=Audience.ADMIN))

    assert len(book.of_key()) == 1


def test_another_recipient_is_told_for_the_first_time_and_has_a_receipt_of_their_own(
    book: Book,
) -> None:
    first = book.tell(an_item())
    book.tell(an_item(), a_digest(an_item(), recipient=OTHER))
    assert len(book.of_key()) == 2

    book.bounce(first)

    assert len(book.of_key()) == 1
    assert book.claim(a_digest(an_item(), recipient=OTHER), an_item()) is None
    assert book.claim(a_digest(an_item()), an_item()) is not None


def test_one_address_is_one_recipient_however_it_is_spelt(book: Book) -> None:
    book.tell(an_item())
    shouted = Recipient(ChannelName.EMAIL, "DEV@example.com")

    assert book.claim(a_digest(an_item(), recipient=shouted), an_item()) is None


def test_a_dry_run_is_told_to_an_owner_once_a_day_and_proves_nothing(book: Book) -> None:
    digest = a_digest(an_item(), dry_run=True)
    book.confirm(book.claim(digest, None))
    book.move(timedelta(hours=23))

    assert book.claim(digest, None) is None
    assert book.claim(replace(digest, run=replace(digest.run, id="run-2")), None) is None
    assert book.claim(replace(digest, recipient=OTHER), None) is not None
    tomorrow = replace(digest.run, id="run-3", at=START + timedelta(days=1))
    assert book.claim(replace(digest, run=tomorrow), None) is not None
    assert book.of_key() == ()


def test_a_dry_run_is_told_to_the_admin_once_a_run(book: Book) -> None:
    digest = a_digest(an_item(), dry_run=True, audience=Audience.ADMIN)
    book.confirm(book.claim(digest, None))

    assert book.claim(digest, None) is None
    assert book.claim(replace(digest, proves=False), None) is not None
    assert book.claim(replace(digest, run=replace(digest.run, id="run-2")), None) is not None


def test_the_last_dry_run_digest_is_the_newest_that_was_sent(book: Book) -> None:
    def last(address: str = "dev@example.com") -> datetime | None:
        return book.of.last_dry_run_digest(ACCOUNT, Recipient(ChannelName.EMAIL, address))

    assert last() is None
    claim = book.claim(a_digest(an_item(), dry_run=True), None)
    assert last() is None
    book.confirm(claim)
    book.move(timedelta(days=8))
    book.tell(an_item())
    first = last()
    digest = a_digest(an_item(), dry_run=True)
    book.confirm(book.claim(replace(digest, run=replace(digest.run, at=book.now())), None))

    assert first is not None
    assert abs(first - START) < MINUTE
    assert last("Dev@Example.com") == last()
    assert last() is not None
    assert (last() or START) - first > timedelta(days=7)
    assert last("other@example.com") is None


def test_the_failures_of_a_run_are_told_once(book: Book) -> None:
    digest = a_digest(failures=("it broke",), audience=Audience.ADMIN)
    book.confirm(book.claim(digest, None))

    assert book.claim(digest, None) is None
    assert book.claim(replace(digest, run=replace(RUN, id="run-2")), None) is not None


def test_a_change_of_the_exemption_group_is_told_once_and_promises_nothing(book: Book) -> None:
    claim = book.claim_change(A_CHANGE)

    with pytest.raises(ClaimInProgress):
        book.claim_change(A_CHANGE)
    book.confirm(claim)

    assert book.claim_change(A_CHANGE) is None
    assert book.claim_change(replace(A_CHANGE, id="another")) is not None
    assert book.of_key() == ()


def test_one_user_is_not_taken_for_another_whose_name_begins_alike(book: Book) -> None:
    book.tell(an_item(user="deploy-bot-2"))
    book.tell(an_item(user="deploy", key_id=KEY + "0"))

    assert book.of_key(user="deploy-bot") == ()
    assert book.of_key(user="deploy") == ()
    assert len(book.of_key(user="deploy-bot-2")) == 1


# How it lies in the bucket


def the_only_object(cloud: LocalCloud) -> tuple[str, bytes]:
    [(name, body)] = cloud.objects(BUCKET).items()
    return name, body


@pytest.mark.parametrize(
    ("item", "digest", "name"),
    [
        (an_item(), {}, f"deploy-bot/{KEY}/disable/2027-03-11_2027-03-21.{DEV_IN_NAMES}.json"),
        (
            an_item(),
            {"audience": Audience.ADMIN, "proves": False},
            f"deploy-bot/{KEY}/disable/2027-03-11_2027-03-21.{DEV_IN_NAMES}.admin.json",
        ),
        (
            an_item(Notice(type=NoticeType.UPCOMING, day=DISABLE_ON, variant="14"), user="a,b=c"),
            {},
            f"a=2Cb=3Dc/{KEY}/upcoming-14/2027-03-11.{DEV_IN_NAMES}.json",
        ),
        (None, {"failures": ("it broke",)}, f"_runs/run-1.{DEV_IN_NAMES}.json"),
        (
            None,
            {"dry_run": True},
            f"_dry-run/owner/eb2b6c0d061bbd5c/2027-03-01.{DEV_IN_NAMES}.json",
        ),
        (
            None,
            {"dry_run": True, "audience": Audience.ADMIN},
            f"_dry-run/admin/eb2b6c0d061bbd5c/2027-03-01_run-1.{DEV_IN_NAMES}.json",
        ),
    ],
)
def test_the_name_says_what_was_told(
    cloud: LocalCloud, item: NoticeItem | None, digest: dict[str, Any], name: str
) -> None:
    in_s3(cloud).claim(a_digest(**digest), item)

    assert the_only_object(cloud)[0] == f"keyturn/receipts/{ACCOUNT}/{name}"


def test_a_claim_is_36_characters_and_a_receipt_says_everything(cloud: LocalCloud) -> None:
    book = in_s3(cloud)

    claim = book.claim(a_digest(an_item()), an_item())
    claimed = the_only_object(cloud)[1]
    book.confirm(claim)

    assert len(claimed) == 36
    told = json.loads(the_only_object(cloud)[1])
    assert told.pop("time").startswith("2027-03-01T04:00:")
    assert told == {
        "channel": "email",
        "address": "dev@example.com",
        "message_id": "message-1",
        "promises": {"disable": "2027-03-11", "delete": "2027-03-21"},
        "run": "run-1",
    }


def test_a_key_costs_one_listing_and_opens_nothing(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    for notice in (ROTATED, Notice(type=NoticeType.DELETED, day=DELETE_ON)):
        book.tell(an_item(notice))
    cloud.calls.clear()

    assert len(book.of_key()) == 2

    assert [call.operation for call in cloud.calls] == ["ListObjectsV2"]


def test_receipts_go_on_beyond_the_first_page(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    folder = f"keyturn/receipts/{ACCOUNT}/deploy-bot/{KEY}/deleted/"
    for days in range(1003):
        day = (START + timedelta(days=days)).date()
        s3.put_object(Bucket=BUCKET, Key=f"{folder}{day}.json", Body=b"x" * 40)

    assert len(book.of_key()) == 1003


@pytest.mark.parametrize("name", ["note.txt", "deleted/soon.json", "deleted/2027-03-11", "x.json"])
def test_what_else_lies_there_is_no_receipt(cloud: LocalCloud, name: str) -> None:
    book = in_s3(cloud)
    cloud.session(MANAGEMENT_ACCOUNT).client("s3").put_object(
        Bucket=BUCKET, Key=f"keyturn/receipts/{ACCOUNT}/deploy-bot/{KEY}/{name}", Body=b"x" * 40
    )

    assert book.of_key() == ()


def test_a_promise_that_a_name_cannot_hold_is_refused_before_anything_is_told(
    cloud: LocalCloud,
) -> None:
    odd = an_item(
        Notice(type=NoticeType.DELETED, day=DISABLE_ON, promises={Act.DISABLE: DELETE_ON}),
    )

    with pytest.raises(InvalidValue):
        in_s3(cloud).claim(a_digest(odd), odd)

    assert cloud.objects(BUCKET) == {}


def test_a_claim_whose_answer_was_lost_is_known_as_ours(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    lost: list[str] = []

    def lose_the_first(
        request: ApiRequest, perform: Callable[[ApiRequest], ApiResponse]
    ) -> ApiResponse:
        answer = perform(request)
        if request.operation == "PutObject" and not lost:
            lost.append(request.operation)
            raise ReadTimeoutError(endpoint_url="https://s3.example")
        return answer

    cloud.layers.append(lose_the_first)

    claim = book.claim(a_digest(an_item()), an_item())

    assert lost == ["PutObject"]
    assert claim is not None
    book.of.release(claim)
    assert cloud.objects(BUCKET) == {}


def test_of_two_who_take_over_an_old_claim_one_gets_it(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    book.claim(a_digest(an_item()), an_item())
    book.move(15 * MINUTE)
    others: list[Claim | None] = []

    def another_is_faster(
        request: ApiRequest, perform: Callable[[ApiRequest], ApiResponse]
    ) -> ApiResponse:
        if request.operation == "PutObject" and request.params.get("IfMatch") and not others:
            others.append(None)
            others.append(book.claim(a_digest(an_item()), an_item()))
        return perform(request)

    cloud.layers.append(another_is_faster)

    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())

    assert others[1] is not None


def test_a_claim_given_back_while_we_look_is_left_to_the_next_try(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    look = book.looks_at(an_item())
    first = book.claim(a_digest(an_item()), an_item())
    assert first is not None

    def given_back(
        request: ApiRequest, perform: Callable[[ApiRequest], ApiResponse]
    ) -> ApiResponse:
        if request.operation == "HeadObject" and request.params["Key"] == first.name:
            cloud.layers.pop()
            book.of.release(first)
        return perform(request)

    cloud.layers.append(given_back)

    with pytest.raises(ClaimInProgress, match="given back"):
        look(an_item())


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("ListObjectsV2", lambda book: book.of_key()),
        ("ListObjectsV2", lambda book: book.of.last_dry_run_digest(ACCOUNT, DEV)),
        ("ListObjectsV2", lambda book: book.claim(a_digest(an_item()), an_item())),
        ("PutObject", lambda book: book.claim(a_digest(an_item()), an_item())),
    ],
    ids=["of_key", "last_dry_run_digest", "look before a claim", "claim"],
)
def test_denied_is_never_taken_for_nothing(
    cloud: LocalCloud, operation: str, call: Callable[[Book], object]
) -> None:
    book = in_s3(cloud)
    cloud.deny(MANAGEMENT_ACCOUNT, operation)

    with pytest.raises(Denied):
        call(book)


def test_a_missing_bucket_is_an_error(cloud: LocalCloud) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    receipts = S3Receipts(s3, bucket="no-such-bucket")

    with pytest.raises(PortError):
        receipts.of_key(ACCOUNT, "deploy-bot", KEY)
    with pytest.raises(PortError):
        receipts.claims_of(a_digest(an_item()), [an_item()], START)


def test_s3_away_is_said_so(cloud: LocalCloud) -> None:
    book = in_s3(cloud)

    def away(request: ApiRequest, perform: Callable[[ApiRequest], ApiResponse]) -> ApiResponse:
        raise ReadTimeoutError(endpoint_url="https://s3.example")

    cloud.layers.append(away)

    with pytest.raises(Unavailable):
        book.of_key()


@pytest.mark.parametrize(
    "name",
    [
        "disable/9999-12-31_9999-12-31.json",
        "disable/0001-01-01_2027-03-21.json",
        "disable/2027-03-11_2201-01-01.json",
        "disable/1999-12-31.json",
        "disable/20270311_20270321.json",  # a date in ISO's other spelling
        "disable/2027-W10-4.json",
        "disable/_.json",
        "disable/2027-03-11_.json",
        "disable/.json",
        "9999-12-31.json",
        "disable/" + "9" * 300 + ".json",
        "disable/\u202e2027-03-11.json",
        "disable/\N{ARABIC-INDIC DIGIT TWO}027-03-11.json",
    ],
)
def test_what_names_no_date_that_can_be_is_no_receipt(name: str, cloud: LocalCloud) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"receipts/{ACCOUNT}/ann/{KEY}/{name}", Body=b"x" * 99)

    assert S3Receipts(s3, bucket=BUCKET).of_key(ACCOUNT, "ann", KEY) == ()


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("disable/2027-03-11_2027-03-21.slack.0123456789abcdef.json", ChannelName.SLACK),
        # Whom none of these names they prove nothing to, but what was promised is kept to.
        ("disable/2027-03-11_2027-03-21.webhook.0123456789abcdef.json", None),
        ("disable/2027-03-11_2027-03-21.email.0123456789abcdef.json", None),
        ("disable/2027-03-11_2027-03-21.slack.0123.json", None),
        ("disable/2027-03-11_2027-03-21.json", None),
    ],
)
def test_in_the_folder_of_the_channels_each_believes_the_one_that_is_chosen_alone(
    name: str, whose: ChannelName | None, cloud: LocalCloud
) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"channels/{ACCOUNT}/ann/{KEY}/{name}", Body=b"x" * 99)

    [receipt] = S3Receipts(s3, bucket=BUCKET, besides={ChannelName.SLACK}).of_key(
        ACCOUNT, "ann", KEY
    )

    hashed = "0123456789abcdef" if whose else ""
    assert receipt.to == RecipientId(whose or ChannelName.EMAIL, hashed)
    assert receipt.promises[Act.DISABLE] == date(2027, 3, 11)
    assert S3Receipts(s3, bucket=BUCKET).of_key(ACCOUNT, "ann", KEY) == ()


def test_claims_and_copies_of_channels_count_as_little_as_mails(cloud: LocalCloud) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    folder = f"{ACCOUNT}/ann/{KEY}/disable/2027-03-11_2027-03-21.slack.0123456789abcdef"
    s3.put_object(Bucket=BUCKET, Key=f"channels/{folder}.json", Body=b"x" * 36)
    s3.put_object(Bucket=BUCKET, Key=f"channels/{folder}.admin.json", Body=b"x" * 99)
    # In mail's folder, a receipt of Slack is another's.
    s3.put_object(Bucket=BUCKET, Key=f"receipts/{folder}.json", Body=b"x" * 99)

    [foreign] = S3Receipts(s3, bucket=BUCKET, besides={ChannelName.SLACK}).of_key(
        ACCOUNT, "ann", KEY
    )

    assert foreign.to == RecipientId(ChannelName.EMAIL, "")


# One look, many claims


def key_of(number: int) -> str:
    return f"AKIAOLDEXAMPLE{number:06}"


def many(count: int) -> list[NoticeItem]:
    return [an_item(user=f"user-{n:04}", key_id=key_of(n)) for n in range(count)]


def fill(cloud: LocalCloud, users: int, *, each: int) -> None:
    """So many receipts of earlier years for each of so many users."""
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    for item in many(users):
        for day in range(each):
            name = f"{item.user}/{item.key_id}/deleted/2026-01-{day + 1:02}.{DEV_IN_NAMES}.json"
            s3.put_object(Bucket=BUCKET, Key=f"keyturn/receipts/{ACCOUNT}/{name}", Body=b"x" * 99)


def calls(cloud: LocalCloud, since: int) -> Counter[str]:
    return Counter(call.operation for call in cloud.calls[since:])


def test_a_second_try_never_costs_more_than_the_first(cloud: LocalCloud) -> None:
    book, items = in_s3(cloud), many(40)
    costs = []
    for _ in range(2):
        since = len(cloud.calls)
        claim = book.looks_at(*items)
        for item in items:
            if claimed := claim(item):
                book.confirm(claimed)
        costs.append(calls(cloud, since))

    assert costs == [{"ListObjectsV2": 1, "PutObject": 80}, {"ListObjectsV2": 1}]


def test_nor_does_one_after_a_notifier_that_died_with_its_claims(cloud: LocalCloud) -> None:
    book, items = in_s3(cloud), many(40)
    first = book.looks_at(*items)
    for item in items:
        first(item)
    book.move(15 * MINUTE)
    since = len(cloud.calls)

    claim = book.looks_at(*items)
    for item in items:
        book.confirm(claim(item))

    assert calls(cloud, since) == {"ListObjectsV2": 1, "PutObject": 80}


def test_claims_of_another_notifier_cost_the_look_alone(cloud: LocalCloud) -> None:
    book, items = in_s3(cloud), many(10)
    first = book.looks_at(*items)
    for item in items:
        first(item)
    since = len(cloud.calls)

    claim = book.looks_at(*items)
    for item in items:
        with pytest.raises(ClaimInProgress):
            claim(item)

    assert calls(cloud, since) == {"ListObjectsV2": 1}


def test_no_more_is_listed_than_there_are_names_or_pages(cloud: LocalCloud) -> None:
    fill(cloud, 100, each=25)  # two and a half pages
    book, everybody = in_s3(cloud), many(100)
    for item in everybody[::2]:
        book.tell(item)
    for numbers, lists in (
        ([], 0),
        ([77], 1),
        ([0, 1, 2], 1),  # on one page
        ([0, 99], 2),  # what lies between is skipped
        ([0, 50, 99], 3),
        ([99, 0, 99], 2),
        (range(100), 3),
    ):
        items = [everybody[number] for number in numbers]
        since = len(cloud.calls)

        claim = book.looks_at(*items)

        assert calls(cloud, since) == Counter({"ListObjectsV2": lists} if lists else {}), numbers
        told = [item for item, number in zip(items, numbers, strict=True) if number % 2 == 0]
        assert all(claim(item) is None for item in told)
    assert claim(everybody[77]) is not None


def test_a_page_of_nothing_is_not_the_end(cloud: LocalCloud) -> None:
    """S3 gives such pages where a bucket keeps what was deleted."""
    book, items = in_s3(cloud), many(2)
    book.tell(items[1], a_digest(items[1]))
    pages = [0]

    def nothing_first(
        request: ApiRequest, perform: Callable[[ApiRequest], ApiResponse]
    ) -> ApiResponse:
        if request.operation != "ListObjectsV2" or pages[0]:
            return perform(request)
        pages[0] += 1
        body = (
            b"<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount>"
            b"<NextContinuationToken>keyturn/</NextContinuationToken></ListBucketResult>"
        )
        return ApiResponse(status=200, body=body)

    cloud.layers.append(nothing_first)
    claim = book.looks_at(*items)

    assert claim(items[1]) is None
    assert claim(items[0]) is not None


def test_an_old_look_sends_nothing_twice(cloud: LocalCloud) -> None:
    book = in_s3(cloud)
    before = book.looks_at(an_item())
    mine = book.claim(a_digest(an_item()), an_item())

    with pytest.raises(ClaimInProgress):
        before(an_item())
    book.confirm(mine)
    assert before(an_item()) is None


def test_of_two_who_saw_the_same_dead_claim_one_takes_it_over(book: Book) -> None:
    book.claim(a_digest(an_item()), an_item())
    book.move(15 * MINUTE)
    one, other = book.looks_at(an_item()), book.looks_at(an_item())

    assert one(an_item()) is not None
    with pytest.raises(ClaimInProgress):
        other(an_item())


def test_a_notice_that_no_name_can_hold_is_no_hindrance_to_the_others(cloud: LocalCloud) -> None:
    odd = an_item(Notice(type=NoticeType.DELETED, day=DISABLE_ON, promises=ROTATED.promises))
    claim = in_s3(cloud).looks_at(odd, an_item())

    assert claim(an_item()) is not None
    with pytest.raises(InvalidValue):
        claim(odd)
