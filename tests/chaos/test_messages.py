"""The queue hands a message over twice, or again after a run that outlived its time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from keyturn.sandbox.deployment import MEMBER_ROLE, ROTATION_ROLE
from keyturn.sandbox.faults import Fault, Faults, KilledError
from keyturn.sandbox.wire import Request
from tests.chaos.scale import FORM
from tests.use_cases.stage import ASKED, Stage, batch, before, staged

USERS = ("ann", "bob", "carl")
CALLS = range(1, 90, 1 if FORM else 17)
"""The calls after which a run is ended by its time-out."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        for name in USERS:
            stage.user(name, 137)
        yield stage


def message(stage: Stage) -> dict[str, Any]:
    """What the inventory's message becomes when Lambda gets it."""
    stage.send(ASKED)
    return batch(stage.receive(stage.deployment.rotation_queue))


def ours(request: Request) -> bool:
    return f"/{ROTATION_ROLE}/" in request.principal or f"/{MEMBER_ROLE}/" in request.principal


def assert_each_was_rotated_and_told_once(stage: Stage) -> None:
    for name in USERS:
        assert list(stage.keys(name).values()) == ["Active", "Active"]
        assert stage.value(name)["AccessKeyId"] in stage.keys(name)
    told = Counter((mail.to[0], mail.subject) for mail in stage.cloud.sent_mails)
    assert set(told.values()) == {1}


def test_a_message_that_comes_twice_rotates_and_tells_once(stage: Stage) -> None:
    event = message(stage)

    answers = [stage.hand_over(event) for _ in range(2)]
    stage.tell()

    assert answers == [{"batchItemFailures": []}] * 2
    assert_each_was_rotated_and_told_once(stage)


@pytest.mark.parametrize(
    "operation", ["GetGroup", "CreateSecret", "CreateAccessKey", "PutSecretValue"]
)
def test_a_message_that_comes_while_it_is_being_handled_rotates_and_tells_once(
    stage: Stage, operation: str
) -> None:
    event = message(stage)
    inner: list[object] = []
    stage.cloud.layers.append(before(operation, lambda: inner.append(stage.hand_over(event))))

    outer = stage.hand_over(event)
    stage.tell()

    assert [*inner, outer] == [{"batchItemFailures": []}] * 2
    assert_each_was_rotated_and_told_once(stage)


@pytest.mark.parametrize("call", CALLS)
def test_a_run_that_outlives_its_time_is_tried_again_and_loses_nothing(
    stage: Stage, call: int
) -> None:
    event = message(stage)
    stage.cloud.layers.append(Faults(fault=Fault.KILLED_AFTER, at=call, watches=ours))
    with suppress(KilledError):
        stage.hand_over(event)
    stage.cloud.layers.clear()

    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=20))
    again = stage.hand_over(event)
    stage.tell()

    assert again == {"batchItemFailures": []}
    for day in (1, 2):
        stage.at(day).run()
    assert_each_was_rotated_and_told_once(stage)
