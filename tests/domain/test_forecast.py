"""What is forecast for a user's keys is what their days then bring."""

from collections.abc import Mapping

import pytest
from hypothesis import given

from keyturn.domain.decision import ENDING, WRITING, Action
from keyturn.domain.key import KeyFacts, UserFacts
from keyturn.domain.lifecycle.forecast import forecast
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from tests.domain.test_dates import lives
from tests.domain.test_promises import ROLLS, examples, facts_of
from tests.domain.world import (
    NOW,
    POLICY,
    SILENCE,
    TODAY,
    Life,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    told,
)

Days = list[tuple[int, Action]]


def days_of(user: UserFacts, policy: RotationPolicy = POLICY) -> Mapping[str, Days]:
    """What is done to each key, and in how many days."""
    coming = forecast(look(user, policy).decided, policy, NOW)
    return {
        key_id: [
            ((step.day - TODAY).days, step.decision.action)
            for step in steps
            if step.decision.action in WRITING | {Action.NOTICE}
        ]
        for key_id, steps in coming.items()
    }


END = [(10, Action.DISABLE), (20, Action.DELETE)]


@pytest.mark.parametrize(
    ("keys", "old", "second"),
    [
        pytest.param([a_key(age=300), a_key("SECOND", age=120)], [], [], id="both in use"),
        pytest.param(
            [a_key(age=300, used=50), a_key("SECOND", age=200, used=50)],
            [(0, Action.NOTICE), *END],
            [(20, Action.ROTATE), (30, Action.DISABLE), (40, Action.DELETE)],
            id="both quiet: the older ends, and then the younger is rotated",
        ),
        pytest.param(
            [a_key(age=300, used=50), a_key("SECOND", age=120)],
            [(0, Action.NOTICE), *END],
            [(20, Action.ROTATE), (30, Action.DISABLE), (40, Action.DELETE)],
            id="the older quiet",
        ),
        pytest.param(
            [a_key(age=300), a_key("SECOND", age=120, used=50)],
            [(20, Action.ROTATE), (30, Action.DISABLE), (40, Action.DELETE)],
            [(0, Action.NOTICE), *END],
            id="the younger quiet",
        ),
        pytest.param(
            [a_key(age=300, inactive=True), a_key("SECOND", age=120)],
            [(0, Action.NOTICE), (10, Action.DELETE)],
            [(10, Action.ROTATE), (20, Action.DISABLE), (30, Action.DELETE)],
            id="the older Inactive",
        ),
        pytest.param(
            [a_key(age=300, used=SILENCE), a_key("SECOND", age=120)], [], [], id="nobody knows"
        ),
    ],
)
def test_of_two_keys_one_goes_after_the_other(
    keys: list[KeyFacts], old: Days, second: Days
) -> None:
    assert days_of(ann(*keys)) == {"OLD": old, "SECOND": second}


def test_a_key_that_is_announced_ends_as_it_was_announced() -> None:
    keys = a_key(age=97, told=[told(7, disable=3, delete=13)]), a_key("NEW", age=7)

    days = days_of(ann(*keys, secret=a_secret("NEW")))

    assert days["OLD"] == [(3, Action.DISABLE), (13, Action.DELETE)]
    assert days["NEW"] == [(83, Action.ROTATE), (93, Action.DISABLE), (103, Action.DELETE)]


def test_a_restored_key_is_left_alone_then_announced_then_ends() -> None:
    keys = a_key(age=103), a_key("NEW", age=13)
    secret = a_secret("NEW", records={"OLD": KeyRecord(disabled=ago(3))})

    assert days_of(ann(*keys, secret=secret))["OLD"] == [
        (0, Action.NOTICE),
        (10, Action.NOTICE),
        (20, Action.DISABLE),
        (30, Action.DELETE),
    ]


def test_a_held_key_is_taken_to_be_replaced_by_the_new_one() -> None:
    policy = RotationPolicy(hold_if_used_within=3)
    keys = a_key(age=100, used=0, told=[told(10, disable=0)]), a_key("NEW", age=10)

    days = days_of(ann(*keys, secret=a_secret("NEW")), policy)

    assert days["OLD"][0] == (4, Action.DISABLE)


@pytest.mark.parametrize(
    "user",
    [
        ann(a_key(age=300), exempt=True),
        ann(a_key(age=300), secret=SILENCE),
        ann(a_key(age=300, told=SILENCE), a_key("NEW", age=10), secret=a_secret("NEW")),
    ],
)
def test_where_nobody_can_say_nothing_is_forecast(user: UserFacts) -> None:
    assert days_of(user)["OLD"] == []


@examples(60)
@given(lives())
def test_the_days_bring_what_was_forecast(life: Life) -> None:
    keys = set(life.keys)
    first = life.run(0)
    coming = forecast(first.decided, life.policy, NOW)
    if not all(_is_known(life, key_id) for key_id in keys):
        return
    told_of = {
        (key_id, step.decision.action): (step.day - TODAY).days
        for key_id, steps in coming.items()
        for step in steps
        if step.decision.action in WRITING
    }
    life.days(1, 129)

    lived = {(key_id, Action(action)): day for day, key_id, action in life.acts if key_id in keys}
    for act in told_of.keys() | lived.keys():
        if min(told_of.get(act, 999), lived.get(act, 999)) < 128:
            assert abs(told_of.get(act, 999) - lived.get(act, 999)) <= 1, (act, told_of, lived)


def _is_known(life: Life, key_id: str) -> bool:
    """Whether the key is used daily, or was not for long: no way of use changes its course."""
    used = life.uses[key_id]
    return key_id not in life.left or used is None or (NOW - used).days > 60


@examples(150)
@given(ROLLS)
def test_no_forecast_ends_both_keys_of_a_user_on_one_day_or_fails(rolls: bytes) -> None:
    user, policy = facts_of(rolls)
    coming = forecast(look(user, policy).decided, policy, NOW)

    disabled = [
        step.day
        for steps in coming.values()
        for step in steps
        if step.decision.action is Action.DISABLE
    ]
    assert len(disabled) == len(set(disabled))
    for steps in coming.values():
        assert [step.day for step in steps] == sorted(step.day for step in steps)
        assert sum(step.decision.action is Action.DELETE for step in steps) <= 1
        ends = [step.decision.action for step in steps if step.decision.action in ENDING]
        assert ends in ([], [Action.DISABLE], [Action.DELETE], [Action.DISABLE, Action.DELETE])
