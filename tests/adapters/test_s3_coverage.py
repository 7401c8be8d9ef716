"""Who has a snapshot of a day, by the fake as in S3."""

from collections.abc import Iterator
from datetime import date

import pytest

from keyturn.adapters.s3_coverage import S3Coverage
from keyturn.domain.errors import Denied
from keyturn.ports import Coverage
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.fakes import FakeCoverage
from tests.use_cases.harness import HUB, MEMBER, START

BUCKET = "keyturn-bucket"
DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, "inventory", MANAGEMENT_ACCOUNT)
        s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name in (f"2026-03-02/account={HUB}", f"2026-03-02/account={MEMBER}"):
            s3.put_object(Bucket=BUCKET, Key=f"asa/snapshots/date={name}.json", Body=b"{}")
        # Beside them: another deployment's, and what is no snapshot of an account.
        s3.put_object(Bucket=BUCKET, Key="snapshots/date=2026-03-01/account=1.json", Body=b"{}")
        s3.put_object(Bucket=BUCKET, Key="asa/snapshots/date=2026-03-02/_SUCCESS", Body=b"")
        yield cloud


@pytest.fixture(params=["fake", "s3"])
def coverage(request: pytest.FixtureRequest, cloud: LocalCloud) -> Coverage:
    return FakeCoverage(days={DAY: {HUB, MEMBER}}) if request.param == "fake" else in_s3(cloud)


def in_s3(cloud: LocalCloud) -> S3Coverage:
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, "inventory").client("s3")
    return S3Coverage(s3, bucket=BUCKET, prefix="/asa/")


def test_the_accounts_of_a_day_are_named(coverage: Coverage) -> None:
    assert coverage.accounts_of(DAY) == {HUB, MEMBER}
    assert coverage.accounts_of(NEXT) == frozenset()


def test_a_day_has_earlier_ones_or_is_the_first(coverage: Coverage) -> None:
    assert coverage.has_before(NEXT)
    assert not coverage.has_before(DAY)


def test_more_accounts_than_one_page_holds_are_all_named(cloud: LocalCloud) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    for number in range(1_001):
        name = f"asa/snapshots/date=2026-03-03/account={number:012}.json"
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"{}")

    assert len(in_s3(cloud).accounts_of(NEXT)) == 1_001


def test_a_list_that_is_denied_is_not_an_empty_one(cloud: LocalCloud) -> None:
    cloud.deny(MANAGEMENT_ACCOUNT, "ListObjectsV2")

    with pytest.raises(Denied):
        in_s3(cloud).has_before(NEXT)
    with pytest.raises(Denied):
        in_s3(cloud).accounts_of(DAY)
