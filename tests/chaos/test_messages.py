"""The queue hands a message over twice, or again after a run that broke off."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from keyturn_sandbox.emulator.faults import Fault, Faults, KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest
from keyturn_sandbox.simulation.demonstration import step_of
from keyturn_sandbox.simulation.deployment import MEMBER_ROLE, NOTIFIER_ROLE, ROTATION_ROLE
from tests.chaos.scale import FORM
from tests.chaos.world import leaves_unnoted
from tests.use_cases.harness import ASKED, OWNER, Harness, batch, before, staged

USERS = ("ann", "bob", "carl")
CALLS = range(1, 59, 1 if FORM else 9)
"""What the rotation function and the notifier make of one message, by their numbers."""
ONE_IN = {"": len(Fault), "ci": 6, "long": 1}[FORM]
OUR_ROLES = (ROTATION_ROLE, MEMBER_ROLE, NOTIFIER_ROLE)


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        for name in USERS:
            stage.user(name, 137)
        yield stage


def message(stage: Harness) -> dict[str, Any]:
    """What the inventory's message becomes when Lambda gets it."""
    stage.send(ASKED)
    return batch(stage.receive(stage.deployment.rotation_queue))


def ours(request: ApiRequest) -> bool:
    return any(f"/{role}/" in request.principal for role in OUR_ROLES)


def assert_each_was_rotated_and_told_once(stage: Harness, *, twice: bool = False) -> None:
    """Or told twice, if what was told could not be noted down."""
    rotated = set()
    for name in USERS:
        assert list(stage.keys(name).values()) == ["Active", "Active"]
        assert stage.value(name)["AccessKeyId"] in stage.keys(name)
        rotated |= stage.keys(name).keys() - {stage.value(name)["AccessKeyId"]}
    told = Counter(
        (mail.to[0], *step) for mail in stage.cloud.sent_mails for step in step_of(mail)
    )
    assert rotated == {key for to, key, step in told if to == OWNER and "disable" in step}
    assert max(told.values()) <= (2 if twice else 1)


def test_a_message_that_comes_twice_rotates_and_tells_once(stage: Harness) -> None:
    event = message(stage)

    answers = [stage.hand_over(event) for _ in range(2)]
    stage.tell()

    assert answers == [{"batchItemFailures": []}] * 2
    assert_each_was_rotated_and_told_once(stage)


@pytest.mark.parametrize(
    "operation", ["GetGroup", "CreateSecret", "CreateAccessKey", "PutSecretValue"]
)
def test_a_message_that_comes_while_it_is_being_handled_rotates_and_tells_once(
    stage: Harness, operation: str
) -> None:
    event = message(stage)
    inner: list[object] = []
    stage.cloud.layers.append(before(operation, lambda: inner.append(stage.hand_over(event))))

    outer = stage.hand_over(event)
    stage.tell()

    assert [*inner, outer] == [{"batchItemFailures": []}] * 2
    assert_each_was_rotated_and_told_once(stage)


def breaks() -> Iterator[object]:
    """Each call, and how it is broken; a fault of KMS finds its call by itself."""
    for call in CALLS:
        for place, fault in enumerate(Fault):
            is_of_kms = not fault.befalls("s3:PutObject")
            if call == 1 if is_of_kms else (call + place) % ONE_IN == 0:
                yield pytest.param(call, fault, id=f"message-{fault}-{call}")


def test_these_are_all_the_calls_of_a_message(stage: Harness) -> None:
    event = message(stage)
    faults = Faults(fault=None, watches=ours)
    stage.cloud.layers.append(faults)

    stage.hand_over(event)
    stage.tell()

    assert len(faults.seen) == CALLS.stop - 1


@pytest.mark.parametrize(("call", "fault"), list(breaks()))
def test_a_message_that_is_broken_off_is_tried_again_and_loses_nothing(
    stage: Harness, record_property: Callable[[str, object], None], call: int, fault: Fault
) -> None:
    record_property("broken", f"message {call} {fault}")
    event = message(stage)
    faults = Faults(fault=fault, at=call, watches=ours)
    stage.cloud.layers.append(faults)
    with suppress(KilledError):
        stage.hand_over(event)
        stage.tell()
    stage.cloud.layers.clear()

    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=20))
    again = stage.hand_over(event)
    stage.tell()

    assert again == {"batchItemFailures": []}
    for day in (1, 2, 3):
        stage.at(day).run()
    assert faults.operation is not None
    assert_each_was_rotated_and_told_once(stage, twice=leaves_unnoted(faults))
