"""Snapshots are kept by account and day, by the fake as in S3; and how they lie there."""

import json
from collections.abc import Iterator
from datetime import date

import pytest

from keyturn.adapters.s3_snapshots import S3Snapshots
from keyturn.domain.errors import Denied
from keyturn.ports import Snapshots
from keyturn.schemas.snapshot import Snapshot
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from tests.fakes import FakeSnapshots
from tests.use_cases.harness import MEMBER, START

BUCKET = "keyturn-bucket"
DAY = date(2026, 3, 2)
NAME = f"asa/keyturn/snapshots/date=2026-03-02/account={MEMBER}.json"


def a_snapshot(run: str = "run-1") -> Snapshot:
    return {
        "version": 1,
        "date": "2026-03-02",
        "account": MEMBER,
        "name": "prod",
        "run": run,
        "at": "2026-03-02T05:00:00Z",
        "dry_run": True,
        "whole": True,
        "policy": {"RotationPeriod": 90, "InactivePeriod": 100, "RecoveryGracePeriod": 10},
        "counts": {
            "users": 1,
            "exempt": 0,
            "keys": 0,
            "states": {},
            "actions": {},
            "blocked": 0,
            "over_cap": 0,
            "quarantined": 0,
            "failures": 0,
            "left": 0,
        },
        "users": [{"user": "Grüße", "exempt": False}],
        "keys": [],
        "quarantined": [],
        "failures": [],
        "warnings": [],
        "left": [],
    }


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, "rotation", MANAGEMENT_ACCOUNT)
        cloud.session(MANAGEMENT_ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        yield cloud


def in_s3(cloud: LocalCloud) -> S3Snapshots:
    s3 = cloud.role_session(MANAGEMENT_ACCOUNT, "rotation").client("s3")
    return S3Snapshots(s3, bucket=BUCKET, prefix="/asa/keyturn/")


@pytest.fixture(params=["fake", "s3"])
def snapshots(request: pytest.FixtureRequest, cloud: LocalCloud) -> Snapshots:
    return FakeSnapshots() if request.param == "fake" else in_s3(cloud)


def test_what_is_put_is_found_by_account_and_day(snapshots: Snapshots) -> None:
    snapshots.put(MEMBER, DAY, a_snapshot())

    assert snapshots.of_day(MEMBER, DAY) == a_snapshot()
    assert snapshots.of_day("222222222222", DAY) is None
    assert snapshots.of_day(MEMBER, date(2026, 3, 3)) is None


def test_a_later_one_of_the_day_takes_its_place(snapshots: Snapshots) -> None:
    snapshots.put(MEMBER, DAY, a_snapshot("run-1"))
    snapshots.put(MEMBER, DAY, a_snapshot("run-2"))

    assert snapshots.of_day(MEMBER, DAY) == a_snapshot("run-2")


def test_the_first_of_a_day_is_written_and_no_second_in_its_place(snapshots: Snapshots) -> None:
    assert snapshots.put_first(MEMBER, DAY, a_snapshot("run-1"))
    assert not snapshots.put_first(MEMBER, DAY, a_snapshot("run-2"))

    assert snapshots.of_day(MEMBER, DAY) == a_snapshot("run-1")


def test_it_lies_in_one_line_where_athena_looks_for_it(cloud: LocalCloud) -> None:
    in_s3(cloud).put(MEMBER, DAY, a_snapshot())

    [(name, body)] = cloud.objects(BUCKET).items()
    assert name == NAME
    assert body.count(b"\n") == 1
    assert body.endswith(b"\n")
    assert json.loads(body) == a_snapshot()


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"null", b'{"version": 2}', b'{"version": 1, "keys": []}']
)
def test_what_is_no_snapshot_of_a_known_form_is_none(body: bytes, cloud: LocalCloud) -> None:
    s3 = cloud.session(MANAGEMENT_ACCOUNT).client("s3")
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=body)

    assert in_s3(cloud).of_day(MEMBER, DAY) is None


def test_denied_is_never_taken_for_nothing(cloud: LocalCloud) -> None:
    for operation in ("GetObject", "PutObject"):
        cloud.deny(MANAGEMENT_ACCOUNT, operation)

    with pytest.raises(Denied):
        in_s3(cloud).of_day(MEMBER, DAY)
    with pytest.raises(Denied):
        in_s3(cloud).put(MEMBER, DAY, a_snapshot())
