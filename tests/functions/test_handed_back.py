"""Users for whom an invocation had no time: each is worked on once, and none is lost."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from keyturn.functions import rotation
from keyturn.schemas import queue_message
from keyturn.schemas.queue_message import LARGEST_MESSAGE, in_parts
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.functions.notifier_at_work import taken
from tests.functions.resumed import calls_of, day_of, rotations
from tests.use_cases.harness import ASKED, MEMBER, START, Harness, staged

SECOND = timedelta(seconds=1)
SPARED = 180 * SECOND
"""What a rotation leaves of its time."""


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged(ticks=False) as stage:
        yield stage


def notified(stage: Harness) -> Counter[str]:
    """User's name → notices of their key that were sent to its owner."""
    told: Counter[str] = Counter()
    for body in taken(stage):
        digest = json.loads(body)["detail"]["digest"]
        if digest["audience"] == "owner":
            told.update(item["user"] for item in digest["items"])
    return told


def test_users_are_handed_back_until_all_are_done_and_none_is_worked_on_twice(
    stage: Harness,
) -> None:
    names = [f"user-{number:02}" for number in range(40)]
    for name in names:
        stage.user(name, 137)

    found = day_of(stage, invocation=SPARED + 90 * SECOND, iam=SECOND)

    assert found.killed == 0
    assert len(found.parts) > 2
    assert rotations(stage) == dict.fromkeys(names, 1)
    assert notified(stage) == dict.fromkeys(names, 1)
    for part, rest in zip(found.parts[1:], found.parts[2:], strict=False):
        assert set(rest) < set(part)
    whole = json.loads(
        stage.cloud.objects(BUCKET)[
            f"{PREFIX}/snapshots/date={START.date()}/account={MEMBER}.json"
        ]
    )
    assert (whole["whole"], whole["left"], whole["counts"]["keys"]) == (True, [], 40)
    assert [line["RunCompleted"][0] for line in stage.measured()] == [
        *(0.0 for _ in found.parts[1:]),
        1.0,
    ]


def test_a_handed_back_user_was_not_begun(stage: Harness) -> None:
    for number in range(16):
        stage.user(f"user-{number:02}", 137)

    found = day_of(stage, invocation=SPARED + 36 * SECOND, iam=SECOND)

    assert len(found.parts) > 2
    for part, rotated in zip(found.parts[1:], found.rotated[1:], strict=True):
        assert rotated.isdisjoint(part)
        assert len(part) == len(set(part))


def test_the_more_was_done_the_more_time_is_left_to_tell_of_it(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All twenty times as slow as with 5,000 users, so that a few are enough."""
    monkeypatch.setattr(rotation, "SPARE_MILLISECONDS", 9_000)
    monkeypatch.setattr(rotation, "TELLING_MILLISECONDS", 2_000)
    names = [f"user-{number:02}" for number in range(40)]
    for name in names:
        stage.user(name, 137)

    found = day_of(stage, invocation=120 * SECOND, iam=SECOND)

    assert found.killed == 0
    assert rotations(stage) == dict.fromkeys(names, 1)
    assert notified(stage) == dict.fromkeys(names, 1)


def test_a_message_whose_invocation_died_comes_again_and_nobody_is_lost(stage: Harness) -> None:
    names = [f"user-{number:02}" for number in range(12)]
    for name in names:
        stage.user(name, 137)

    found = day_of(
        stage, invocation=SPARED + 60 * SECOND, iam=SECOND, dies=(1, SPARED / 6 + 10 * SECOND)
    )

    assert found.killed == 1
    assert rotations(stage) == dict.fromkeys(names, 1)
    assert notified(stage) == dict.fromkeys(names, 1)


def test_the_cap_is_that_of_the_account_and_not_of_those_who_were_handed_back(
    stage: Harness,
) -> None:
    stage.settings |= {"MaxKeysPerDay": "1", "MaxPercentPerDay": "50"}
    names = [f"user-{number}" for number in range(8)]
    for name in names:
        stage.user(name, 137)
    stage.run()
    stage.at(10)
    for name in names:
        stage.value(name)
    stage.cloud.calls.clear()

    found = day_of(stage, invocation=SPARED + 32 * SECOND, iam=SECOND)

    assert len(found.parts) > 1
    assert len(calls_of(stage, "UpdateAccessKey")) == 8  # half of sixteen keys


def test_names_that_fill_more_than_a_message_go_in_several(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"user-{number}" for number in range(9)]
    for name in names:
        stage.user(name, 137)
    monkeypatch.setattr(queue_message, "LARGEST_MESSAGE", 300)

    found = day_of(stage, invocation=SPARED + 30 * SECOND, iam=SECOND)

    assert any(len(part) < 4 for part in found.parts)
    assert rotations(stage) == dict.fromkeys(names, 1)


def test_each_of_5000_users_with_the_longest_names_is_in_one_message_that_sqs_takes() -> None:
    names = [f"{number:04}{'n' * 60}" for number in range(5_000)]
    message = {**ASKED, "run": "0" * 32, "unitsAsked": ["ou-abcd-12345678"] * 2_000}

    parts = list(in_parts(message, names))

    assert [name for part in parts for name in part["users"]] == names
    assert all(len(json.dumps(part)) <= LARGEST_MESSAGE for part in parts)
    assert all(part["unitsAsked"] == message["unitsAsked"] for part in parts)
    assert len(parts) == 3
    assert list(in_parts(message, ["ann"])) == [{**message, "users": ["ann"]}]


def test_a_message_of_nobodys_names_is_none() -> None:
    assert list(in_parts({**ASKED}, [])) == []
