"""An account whose IAM and Secrets Manager throttle: it takes longer, and nothing else changes."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from keyturn_sandbox.emulator.protocol import ApiRequest
from keyturn_sandbox.emulator.rate_limits import RandomThrottling, RateLimit
from tests.use_cases.harness import MEMBER, Harness, staged

USERS = 24


def company(stage: Harness) -> None:
    """Keys of every age, so that each kind of step is due for somebody."""
    for number in range(USERS):
        ages = [(10,), (90,), (200,), (400, 150), (80,), ()][number % 6]
        stage.user(f"user-{number:02}", *ages, owner=f"o{number}@example.com")
    stage.exempt("user-01", "user-08")


def in_the_member(request: ApiRequest) -> bool:
    return request.account == MEMBER and request.service in {"iam", "secretsmanager"}


def lone(stage: Harness) -> RandomThrottling:
    layer = RandomThrottling(share=0.1, watches=in_the_member)
    stage.cloud.layers.append(layer)
    return layer


def limited(stage: Harness) -> RateLimit:
    layer = RateLimit(clock=time.time)
    stage.cloud.layers.append(layer)
    return layer


def told(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The decisions in their order; the keys have other ids in each sandbox."""
    return [(made["user"], made["action"], made["reason"]) for made in answer["decisions"]]


def states_of(stage: Harness) -> list[list[str]]:
    """What became of each user's keys."""
    return [list(stage.keys(f"user-{number:02}").values()) for number in range(USERS)]


@pytest.mark.parametrize("throttles", [lone, limited])
def test_an_account_that_throttles_is_kept_like_one_that_does_not(
    throttles: Callable[[Harness], RandomThrottling | RateLimit],
) -> None:
    with staged() as stage:
        company(stage)
        plain = stage.run()
        states = states_of(stage)
    with staged() as stage:
        company(stage)
        layer = throttles(stage)
        answer = stage.run()
        states_there = states_of(stage)

    assert layer.throttled > 10
    assert answer["failures"] == plain["failures"] == []
    assert told(answer) == told(plain)
    assert len(told(plain)) == USERS
    assert answer["counts"] == plain["counts"]
    assert states_there == states
