"""Receipts listed ahead are those that a list of each key shows, in no more calls."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn.adapters.s3_folders_ahead import BELIEVED_FOR, S3FoldersAhead
from keyturn.adapters.s3_receipts import S3Receipts
from keyturn.domain.errors import Denied
from keyturn.domain.key import SentNotice
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.secret_names import encode
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.adapters.test_s3_receipts import ACCOUNT, BUCKET, ROLE, calls, cloud

__all__ = ["cloud"]

USERS = (
    "ann",
    "Ann",
    "an",
    "ann-",
    "ann.",
    "ann+",
    "ann0",
    "ann,b",  # as `ann=2Cb`
    "ann=2Cb",
    "ann=b",
    "ann@example.com",
    "zoe",
    "_runs",
    "_dry-run",
)
"""Of each of these another's name is the beginning, or sorts beside it, or is what it becomes."""
KEYS = ("AKIAOLDEXAMPLE000001", "AKIAOLDEXAMPLE000002")
TO = "email.eb2b6c0d061bbd5c"
FILES = (
    f"disable/2027-03-11_2027-03-21.{TO}.json",
    f"disable/2027-03-11_2027-03-21.{TO}.json.bounced",
    f"disable/2027-03-11_2027-03-21.{TO}.json.delivered",
    f"disable/2027-03-11_2027-03-21.{TO}.json.missed",
    f"disable/2027-03-11_2027-03-21.{TO}.admin.json",
    "disable/2027-03-12_2027-03-22.json",
    "disable/2027-03-11_2027-03-21.slack.0123456789abcdef.json",
    f"delete/2027-03-21.{TO}.json",
    "a/deeper/2027-03-21.json",
    "stray.json",
)
OTHERS = (f"_runs/run-1.{TO}.json", "_exemptions/1.json", f"_dry-run/owner/eb2b/{TO}.json", "ann")
"""What is beside the folders of keys."""


class Counted:
    """The receipts of an account, listed ahead."""

    def __init__(
        self, cloud: LocalCloud, *, page: int = 1000, slack: bool = False, account: str = ACCOUNT
    ) -> None:
        self.account = account
        s3 = cloud.role_session(MANAGEMENT_ACCOUNT, ROLE).client("s3")
        ahead = S3FoldersAhead(s3, bucket=BUCKET, clock=lambda: cloud.now, largest_page=page)
        besides = {ChannelName.SLACK} if slack else set()
        self.ahead = S3Receipts(s3, bucket=BUCKET, besides=besides, ahead=ahead)
        self.by_key = S3Receipts(s3, bucket=BUCKET, besides=besides)

    def of(self, user: str, key_id: str = KEYS[0]) -> tuple[SentNotice, ...]:
        return self.ahead.notices_of_key(self.account, user, key_id)

    def agrees(self, user: str, key_id: str = KEYS[0]) -> bool:
        return self.of(user, key_id) == self.by_key.notices_of_key(self.account, user, key_id)


def put(
    cloud: LocalCloud,
    *names: str,
    size: int = 99,
    folder: str = "receipts",
    account: str = ACCOUNT,
) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    for name in names:
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{account}/{name}", Body=b"x" * size)


def receipt(number: int) -> str:
    return f"user-{number:03}/{KEYS[0]}/{FILES[0]}"


def user(number: int) -> str:
    return f"user-{number:03}"


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Sequence[tuple[str, int, str]], Sequence[tuple[str, str]]]:
    """What lies in the bucket, with its size, and by which order keys are asked for."""
    keys = list(product(USERS, KEYS))
    folders = [f"{encode(name)}/{key_id}" for name, key_id in keys]
    names = [f"{folder}/{file}" for folder, file in product(folders, FILES)] + [*OTHERS]
    found = draw(st.lists(st.sampled_from(names), max_size=24, unique=True))
    stored = [
        (name, draw(st.sampled_from([36, 99])), draw(st.sampled_from(["receipts", "channels"])))
        for name in found
    ]
    return stored, draw(st.permutations(keys))


NUMBERS = count()
"""Each example has an account of its own."""


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(account=accounts(), page=st.integers(1, 7), slack=st.booleans())
def test_what_is_listed_ahead_is_what_a_list_of_each_key_shows(
    account: tuple[Sequence[tuple[str, int, str]], Sequence[tuple[str, str]]],
    page: int,
    slack: bool,
    cloud: LocalCloud,
) -> None:
    (stored, keys), number = account, f"{next(NUMBERS):012}"
    for name, size, folder in stored:
        put(cloud, name, size=size, folder=folder, account=number)
    receipts = Counted(cloud, page=page, slack=slack, account=number)

    for name, key_id in keys[:10]:
        assert receipts.agrees(name, key_id), (name, key_id)


def test_many_keys_cost_a_list_for_a_thousand_objects(cloud: LocalCloud) -> None:
    put(cloud, *map(receipt, range(40)))
    receipts, since = Counted(cloud), len(cloud.calls)

    assert all(receipts.of(user(number)) for number in range(40))

    assert calls(cloud, since) == {"ListObjectsV2": 1}


@pytest.mark.parametrize(
    "order", [range(30), range(29, -1, -1), [*range(0, 30, 2), *range(1, 30, 2)]]
)
@pytest.mark.parametrize("page", [1, 2, 7, 30])
def test_in_whatever_order_no_more_lists_are_read_than_keys_are_asked_for(
    order: Sequence[int], page: int, cloud: LocalCloud
) -> None:
    """But for the first, and for pages that show no folder whole: its own list comes after."""
    put(cloud, *map(receipt, range(30)))
    receipts, since = Counted(cloud, page=page), len(cloud.calls)

    assert all(len(receipts.of(user(number))) == 1 for number in order)

    assert calls(cloud, since)["ListObjectsV2"] <= 30 + (6 if page == 1 else 0)


def test_in_whatever_order_a_small_account_is_one_list(cloud: LocalCloud) -> None:
    put(cloud, *map(receipt, range(30)))
    receipts, since = Counted(cloud), len(cloud.calls)

    assert all(len(receipts.of(user(number))) == 1 for number in (17, 3, 29, 0, 16))

    assert calls(cloud, since) == {"ListObjectsV2": 1}


def test_one_key_of_a_large_account_is_two_lists_at_most(cloud: LocalCloud) -> None:
    put(cloud, *map(receipt, range(30)))
    receipts, since = Counted(cloud, page=5), len(cloud.calls)

    assert len(receipts.of(user(20))) == 1

    assert calls(cloud, since) == {"ListObjectsV2": 2}


def test_keys_that_lie_far_apart_are_soon_listed_each_by_itself(cloud: LocalCloud) -> None:
    put(cloud, *map(receipt, range(60)))
    receipts, since = Counted(cloud, page=5), len(cloud.calls)

    assert all(receipts.of(user(number)) for number in range(6, 60, 6))

    lists = [call for call in cloud.calls[since:] if call.operation == "ListObjectsV2"]
    assert len(lists) == 1 + 9
    assert ["StartAfter" in call.params for call in lists] == [True] * 5 + [False] * 5


def test_a_key_whose_receipts_are_more_than_a_page_is_listed_by_itself(cloud: LocalCloud) -> None:
    put(cloud, *(f"ann/{KEYS[0]}/deleted/2027-01-{day:02}.{TO}.json" for day in range(1, 9)))
    put(cloud, f"ann/{KEYS[0]}/deleted/2027-01-08.{TO}.json.bounced")
    put(cloud, f"bob/{KEYS[0]}/{FILES[0]}")
    receipts = Counted(cloud, page=5)

    assert len(receipts.of("ann")) == 8
    assert [each.bounced_at is None for each in receipts.of("ann")].count(False) == 1
    assert len(receipts.of("bob")) == 1


@pytest.mark.parametrize("page", range(1, 9))
def test_what_voids_a_receipt_is_not_lost_between_two_pages(page: int, cloud: LocalCloud) -> None:
    """Between two pages somebody notifies anew: a receipt that was voided is a claim by then."""
    files = [FILES[7], FILES[0], FILES[1]]
    put(cloud, *(f"{name}/{KEYS[0]}/{file}" for name in ("ann", "bob", "cid") for file in files))
    receipts = Counted(cloud, page=page)
    receipts.of("ann")
    for name in ("bob", "cid"):
        put(cloud, f"{name}/{KEYS[0]}/{FILES[0]}", size=36)
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").delete_object(
            Bucket=BUCKET, Key=f"receipts/{ACCOUNT}/{name}/{KEYS[0]}/{FILES[1]}"
        )

    for name in ("bob", "cid"):
        valid = [each for each in receipts.of(name) if each.bounced_at is None]
        assert [each.receipt.step for each in valid] == ["delete"]


def test_a_page_is_believed_for_five_minutes(cloud: LocalCloud) -> None:
    put(cloud, receipt(0), receipt(1))
    receipts = Counted(cloud)
    receipts.of(user(0))
    put(cloud, f"{receipt(1)}.bounced")
    assert [each.bounced_at for each in receipts.of(user(1))] == [None]

    cloud.move_to(cloud.now + BELIEVED_FOR + timedelta(seconds=1))

    [sent] = receipts.of(user(1))
    assert sent.bounced_at is not None


def test_a_key_that_nothing_was_sent_about_has_no_receipts_and_costs_no_list(
    cloud: LocalCloud,
) -> None:
    put(cloud, receipt(0), receipt(9))
    receipts = Counted(cloud)
    receipts.of(user(0))
    since = len(cloud.calls)

    assert receipts.of(user(5)) == ()
    assert receipts.of("zoe") == ()
    assert calls(cloud, since) == {}


def test_where_a_page_is_refused_each_key_is_listed_by_itself(cloud: LocalCloud) -> None:
    put(cloud, *map(receipt, range(4)))

    def refuse_pages(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "ListObjectsV2" and "StartAfter" in request.params:
            return ApiResponse(status=500, body=b"", error="InternalError")
        return perform(request)

    cloud.layers.append(refuse_pages)
    receipts, since = Counted(cloud), len(cloud.calls)

    assert all(len(receipts.of(user(number))) == 1 for number in range(4))
    assert calls(cloud, since) == {"ListObjectsV2": 4}  # the pages did not come through


def test_where_nothing_can_be_listed_nobody_says_that_there_is_nothing(cloud: LocalCloud) -> None:
    put(cloud, receipt(0))
    receipts = Counted(cloud)
    cloud.deny(MANAGEMENT_ACCOUNT, "ListObjectsV2")

    with pytest.raises(Denied):
        receipts.of(user(0))


def test_when_owners_last_heard_of_a_dry_run_is_one_list_too(cloud: LocalCloud) -> None:
    owners = [Recipient(ChannelName.EMAIL, f"owner-{number}@example.com") for number in range(20)]
    told, ours = owners[::2], Counted(cloud)
    for each in told:
        put(cloud, f"_dry-run/owner/{each.address_hash}/2027-02-28.{each.id}.json")
    # Who was sent a copy as administrators, or by another channel, was not notified as an owner.
    put(cloud, f"_dry-run/admin/{owners[1].address_hash}/2027-02-28.{owners[1].id}.json")
    since = len(cloud.calls)

    last = {
        each: ours.ahead.last_dry_run_digest(ACCOUNT, each)
        for each in sorted(owners, key=lambda each: each.address_hash)
    }

    assert calls(cloud, since) == {"ListObjectsV2": 1}
    assert {each for each, at in last.items() if at is not None} == set(told)
    assert last == {each: ours.by_key.last_dry_run_digest(ACCOUNT, each) for each in owners}


@pytest.fixture
def empty_pages(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """S3 gives such pages where a bucket keeps what was deleted."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "ListObjectsV2" and "StartAfter" in request.params:
            body = (
                b"<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount>"
                b"<NextContinuationToken>receipts/</NextContinuationToken></ListBucketResult>"
            )
            return ApiResponse(status=200, body=body)
        return perform(request)

    cloud.layers.append(layer)
    yield cloud
    cloud.layers.remove(layer)


def test_a_page_of_nothing_is_not_the_end(empty_pages: LocalCloud) -> None:
    put(empty_pages, receipt(0))

    assert len(Counted(empty_pages).of(user(0))) == 1


def test_a_page_of_the_account_says_nothing_of_folders_deeper_in_it(cloud: LocalCloud) -> None:
    """Dry runs have theirs within: read as an account's keys, each owner would hear daily."""
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, ROLE).client("s3")
    within = f"receipts/{ACCOUNT}/"
    name = f"{within}_dry-run/owner/eb2b/2026-03-02.{TO}.json"
    s3.put_object(Bucket=BUCKET, Key=name, Body=b"{}")
    ahead = S3FoldersAhead(s3, bucket=BUCKET, clock=lambda: cloud.now)

    assert ahead(within, f"{within}ann/{KEYS[0]}/") == {}
    found = ahead(f"{within}_dry-run/", f"{within}_dry-run/owner/eb2b/")

    assert found is not None
    assert list(found) == [name]
