"""An AWS that is asked too fast."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config
from mypy_boto3_iam import IAMClient

from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.rate_limits import RandomThrottling, RateLimit
from tests.sandbox.emulator.aws_says import HUB, MEMBER

START = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START, ticks=False) as cloud:
        for account in (MEMBER, HUB):
            cloud.organization.create_account("a", "a@example.com", account_id=account)
            cloud.add_user(account, "ann")
        yield cloud


def iam_of(cloud: LocalCloud, account: str) -> IAMClient:
    return cloud.session(account).client("iam", config=AT_ONCE)


def asked(iam: IAMClient, times: int) -> list[bool]:
    """Whether each of so many calls was borne."""
    borne, said = [], []
    for _ in range(times):
        try:
            iam.list_access_keys(UserName="ann")
        except iam.exceptions.ClientError as error:
            said.append(error.response["Error"])
            borne.append(False)
        else:
            borne.append(True)
    assert all(each == {"Code": "Throttling", "Message": "Rate exceeded"} for each in said)
    return borne


def test_an_account_bears_a_burst_and_then_so_many_a_second(cloud: LocalCloud) -> None:
    limit = RateLimit(clock=time.time, rate=2, burst=4)
    cloud.layers.append(limit)
    iam = iam_of(cloud, MEMBER)

    assert asked(iam, 6) == [True] * 4 + [False] * 2
    assert asked(iam_of(cloud, HUB), 1) == [True]  # each account by itself
    cloud.session(MEMBER).client("sts").get_caller_identity()  # and each service
    cloud.move_to(cloud.now + timedelta(seconds=1))
    assert asked(iam, 4) == [True] * 2 + [False] * 2
    cloud.move_to(cloud.now + timedelta(days=1))
    assert asked(iam, 5) == [True] * 4 + [False]
    assert (limit.passed, limit.throttled) == (11, 5)


def test_a_share_is_throttled_at_random_and_the_same_again_by_its_seed(cloud: LocalCloud) -> None:
    iam = iam_of(cloud, MEMBER)
    borne = []
    for seed in (1, 1, 2):
        cloud.layers[:] = [RandomThrottling(share=0.1, seed=seed)]
        borne.append(asked(iam, 200))

    assert borne[0] == borne[1] != borne[2]
    assert 10 <= borne[0].count(False) <= 30
