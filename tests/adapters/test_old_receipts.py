"""
Receipts that the earlier version wrote, whose names held no recipient, go on counting.

They are put here as that version wrote them: decision 0034.
"""

import json
from datetime import datetime, timedelta

import pytest

from keyturn.domain.errors import ClaimInProgress, Denied
from keyturn.domain.events import Audience, Digest, NoticeItem
from keyturn.domain.key import Act
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.adapters.test_s3_receipts import (
    A_CHANGE,
    ACCOUNT,
    BUCKET,
    DELETE_ON,
    DEV,
    DISABLE_ON,
    KEY,
    MINUTE,
    OTHER,
    START,
    Book,
    a_digest,
    an_item,
    cloud,
    in_s3,
)

__all__ = ["cloud"]

PROOF = f"deploy-bot/{KEY}/disable/2027-03-11_2027-03-21.json"
COPY = f"deploy-bot/{KEY}/disable/2027-03-11_2027-03-21.admin.json"
DRY_RUN = "_dry-run/owner/eb2b6c0d061bbd5c/2027-03-01.json"
CLAIM = b"0f5b3c1e-2a7d-4b8e-9c61-4d2f8a7e1b30"
ADMINS = a_digest(an_item(), audience=Audience.ADMIN, proves=False)


def receipt(**changes: object) -> bytes:
    written = {
        "time": "2027-03-01T04:00:00Z",
        "channel": "email",
        "address": "Dev@example.com",
        "message_id": "message-1",
        "promises": {"disable": "2027-03-11", "delete": "2027-03-21"},
        "run": "run-0",
    }
    return json.dumps({**written, **changes}, indent=2).encode()


def put(cloud: LocalCloud, name: str, body: bytes) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"keyturn/receipts/{ACCOUNT}/{name}", Body=body)


def is_about(moment: datetime, found: datetime | None) -> bool:
    """Whether it is that moment: the local cloud's clock goes on while a test runs."""
    return found is not None and abs(found - moment) < MINUTE


@pytest.fixture
def book(cloud: LocalCloud) -> Book:
    return in_s3(cloud)


def test_the_engine_reads_old_and_new_names_side_by_side(cloud: LocalCloud, book: Book) -> None:
    put(cloud, PROOF, receipt())
    put(cloud, COPY, receipt(address="ops@example.com"))
    book.move(timedelta(days=1))

    [old] = book.of_key()
    book.tell(an_item(), a_digest(an_item(), recipient=OTHER))

    assert (old.step, old.day) == ("disable", DISABLE_ON)
    assert old.promises == {Act.DISABLE: DISABLE_ON, Act.DELETE: DELETE_ON}
    assert is_about(START, old.at)
    assert min(each.at for each in book.of_key()) == old.at
    assert len(book.of_key()) == 2


@pytest.mark.parametrize(
    ("name", "digest", "item"),
    [
        (PROOF, a_digest(an_item()), an_item()),
        (COPY, ADMINS, an_item()),
        (DRY_RUN, a_digest(an_item(), dry_run=True), None),
        ("_runs/run-1.json", a_digest(failures=("it broke",)), None),
    ],
    ids=["proof", "copy", "dry run", "failures"],
)
def test_who_was_notified_before_the_upgrade_is_not_notified_again_after_it(
    cloud: LocalCloud, book: Book, name: str, digest: Digest, item: NoticeItem | None
) -> None:
    put(cloud, name, receipt())
    before = cloud.objects(BUCKET)

    assert book.claim(digest, item) is None
    assert cloud.objects(BUCKET) == before


def test_nor_of_a_change_of_the_exemption_group(cloud: LocalCloud, book: Book) -> None:
    put(cloud, f"_exemptions/{A_CHANGE.id}.json", receipt(promises={}))

    assert book.claim_change(A_CHANGE) is None


@pytest.mark.parametrize(
    "body",
    [
        receipt(address="other@example.com"),
        receipt(channel="slack"),
        receipt(address=["dev@example.com"]),
        receipt(address=None),
        json.dumps({"told": "a sentence that is longer than a claim"}).encode(),
        b"[" * 100,
        b"not JSON, and longer than the 36 of a claim",
    ],
    ids=["another", "channel", "list", "null", "silent", "deep", "no JSON"],
)
def test_a_receipt_that_does_not_name_the_recipient_keeps_nobody_from_being_told(
    cloud: LocalCloud, book: Book, body: bytes
) -> None:
    put(cloud, PROOF, body)

    before = book.of_key()
    assert len(before) == 1

    assert book.claim(a_digest(an_item()), an_item()) is not None
    # What the engine counts is the name, as before: no window begins anew.
    assert book.of_key() == before


def test_a_voided_receipt_frees_the_step(cloud: LocalCloud, book: Book) -> None:
    put(cloud, PROOF, receipt())
    put(cloud, f"{PROOF}.bounced", b"{}")
    assert book.of_key() == ()

    book.tell(an_item())

    assert len(book.of_key()) == 1


def test_a_claim_of_the_earlier_version_is_anothers_for_fifteen_minutes(
    cloud: LocalCloud, book: Book
) -> None:
    put(cloud, PROOF, CLAIM)
    book.move(14 * MINUTE)

    with pytest.raises(ClaimInProgress):
        book.claim(a_digest(an_item()), an_item())
    book.move(MINUTE)

    assert book.claim(a_digest(an_item()), an_item()) is not None
    assert book.of_key() == ()


def test_the_week_between_two_dry_runs_counts_from_an_old_receipt_too(
    cloud: LocalCloud, book: Book
) -> None:
    put(cloud, DRY_RUN, receipt(promises={}))

    assert is_about(START, book.of.last_dry_run_digest(ACCOUNT, DEV))
    assert book.of.last_dry_run_digest(ACCOUNT, OTHER) is None


def test_a_dry_run_told_by_another_channel_is_not_told_by_this_one(
    cloud: LocalCloud, book: Book
) -> None:
    other_channel = DRY_RUN.replace(".json", ".slack.eb2b6c0d061bbd5c.json")
    put(cloud, other_channel, receipt(channel="slack", promises={}))

    assert book.of.last_dry_run_digest(ACCOUNT, DEV) is None


def test_a_receipt_that_may_not_be_read_is_not_taken_for_nothing(
    cloud: LocalCloud, book: Book
) -> None:
    put(cloud, PROOF, receipt())
    cloud.deny(MANAGEMENT_ACCOUNT, "GetObject")

    with pytest.raises(Denied):
        book.claim(a_digest(an_item()), an_item())


def test_the_earlier_version_reads_the_new_names(cloud: LocalCloud, book: Book) -> None:
    """It takes the dates from before the first dot: what was told meanwhile counts for it."""
    book.tell(an_item())

    [name] = cloud.objects(BUCKET)
    last = name.rpartition("/")[2]

    assert last.partition(".")[0] == "2027-03-11_2027-03-21"
    assert last.endswith(".json")
    assert not last.endswith(".admin.json")
