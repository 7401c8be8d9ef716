"""An account whose IAM and Secrets Manager throttle: it takes longer, and nothing else changes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.injected_errors import too_fast
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, refused
from keyturn_sandbox.emulator.rate_limits import RandomThrottling, RateLimit
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE
from tests.use_cases.harness import DAY, MEMBER, MINUTE, START, Harness, staged

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


SECOND = timedelta(seconds=1)
ENDED = "UpdateAccessKey"
EXEMPTED_WITHIN = 30 * SECOND
"""How soon an exemption holds (docs/lifecycle.md, "Exempt")."""


@dataclass
class Held:
    """Some writes are throttled for a while each; meanwhile somebody does something."""

    stage: Harness
    operations: tuple[str, ...]
    holds: timedelta
    meanwhile: Callable[[], object]
    since: dict[str, datetime] = field(default_factory=dict)
    throttled: int = 0
    asked: datetime = START
    ages: list[timedelta] = field(default_factory=list)
    """How old the answer about the exempt was when a key was written to."""

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        now = self.stage.cloud.now
        if MEMBER_ROLE not in request.principal:
            return perform(request)
        if request.operation == "GetGroup":
            self.asked = now
        if request.operation in self.operations:
            since = self.since.setdefault(request.operation, now)
            if now - since < self.holds:
                self.throttled += 1
                if self.throttled == 2:
                    self.meanwhile()
                return refused(request, too_fast(request, "Throttling"))
        if request.operation == ENDED:
            self.ages.append(now - self.asked)
        return perform(request)


def rotated(stage: Harness) -> tuple[str, str]:
    """A user whose key is due to be disabled today, with its successor in use."""
    [old] = stage.user("ann", 137)
    stage.run()
    stage.value("ann")
    stage.at(10)
    [new] = set(stage.keys("ann")) - {old}
    return old, new


@pytest.mark.parametrize(
    ("throttled", "holds", "ends"),
    [
        (("TagResource", ENDED), 1 * SECOND, True),
        (("TagResource", ENDED), 19 * SECOND, False),
        ((ENDED,), 12 * SECOND, False),
    ],
)
def test_no_key_ends_30_seconds_after_its_user_was_exempted_however_aws_throttles(
    throttled: tuple[str, ...], holds: timedelta, *, ends: bool
) -> None:
    with staged(ticks=False) as stage:
        old, new = rotated(stage)
        layer = Held(stage, throttled, holds, lambda: stage.exempt("ann"))
        stage.cloud.layers.append(layer)

        stage.invoke()

        assert layer.throttled >= 2
        assert bool(layer.ages) is ends
        assert all(age <= EXEMPTED_WITHIN for age in layer.ages)
        assert stage.keys("ann") == {old: "Inactive" if ends else "Active", new: "Active"}


def test_a_successor_that_was_made_inactive_while_aws_throttles_leaves_the_old_key() -> None:
    with staged(ticks=False) as stage:
        old, new = rotated(stage)

        def by_hand() -> None:
            stage.iam().update_access_key(UserName="ann", AccessKeyId=new, Status="Inactive")

        stage.cloud.layers.append(Held(stage, (ENDED,), 16 * SECOND, by_hand))

        answer = stage.invoke()

        assert stage.keys("ann") == {old: "Active", new: "Inactive"}
        [failure] = answer["failures"]
        assert failure["message"].startswith("UpdateAccessKey: Throttling")
        assert "disabling" not in stage.noted("ann", old)


@pytest.mark.parametrize(
    ("before_midnight", "operations", "takes"),
    [
        (70 * SECOND, ("ListAccessKeys", "DescribeSecret"), 40 * SECOND),
        (90 * SECOND, ("TagResource",), 95 * SECOND),
        (90 * SECOND, ("GetGroup", "TagResource"), 50 * SECOND),
    ],
)
def test_a_turn_that_is_drawn_out_to_midnight_ends_no_key(
    before_midnight: timedelta, operations: tuple[str, ...], takes: timedelta
) -> None:
    """The cap of the next day does not hold what was noted for this one."""
    with staged(ticks=False) as stage:
        old, new = rotated(stage)
        midnight = (START + 11 * DAY).replace(hour=0, minute=0)
        stage.cloud.move_to(midnight - before_midnight)
        noted: list[str] = []

        def drawn_out(request: ApiRequest, perform: Perform) -> ApiResponse:
            if request.operation == "PutObject" and "/tally/" in request.http.url:
                noted.append(request.http.url)
            if noted and request.operation in operations:
                stage.cloud.move_to(stage.cloud.now + takes)
            return perform(request)

        stage.cloud.layers.append(drawn_out)
        mark = stage.mark()

        answer = stage.invoke()

        assert noted
        assert ENDED not in stage.writes(mark)
        assert stage.keys("ann") == {old: "Active", new: "Active"}
        assert "disabling" not in stage.noted("ann", old)
        assert answer["failures"] == []

        stage.cloud.layers.clear()
        stage.cloud.move_to(midnight + 10 * MINUTE)
        stage.invoke()
        assert stage.keys("ann") == {old: "Inactive", new: "Active"}
