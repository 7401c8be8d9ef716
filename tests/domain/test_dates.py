"""No date that cannot be kept: what people are told of a day comes on that day."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.domain.decision import (
    WRITING,
    Action,
    Asked,
    Decision,
    Next,
    NoticeType,
    Overlay,
    Reason,
)
from keyturn.domain.key import Act, KeyFacts, SecretFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from keyturn.domain.secret_names import USER_TAG
from tests.domain.test_promises import examples
from tests.domain.world import SILENCE, TODAY, Life, a_key, a_secret, ago, ann, look, on, told

YOUNG = (75, 76, 80, 83, 88, 89)
"""Ages at which rotation comes, with and without a warning of it."""
STALE = SecretFacts(tags={USER_TAG: "bob"})


def is_of_a_rotation(made: Decision) -> bool:
    """Whether it names a day on which its key is rotated."""
    is_warned = made.notice is not None and made.notice.type is NoticeType.UPCOMING
    return is_warned or (made.next is not None and made.next.action is Action.ROTATE)


# --- nobody is warned of a rotation that cannot come --------------------------------------


@pytest.mark.parametrize("age", YOUNG)
@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(a_key("OTHER", age=300), id="old and in use"),
        pytest.param(a_key("OTHER", age=100, used=5), id="old and just not quiet"),
        pytest.param(a_key("OTHER", age=300, used=SILENCE), id="old, and nobody knows"),
        pytest.param(a_key("OTHER", age=89), id="young and in use"),
        pytest.param(a_key("OTHER", age=20, used=None), id="younger and never used"),
        pytest.param(a_key("OTHER", age=300, inactive=True, told=SILENCE), id="Inactive, unread"),
    ],
)
def test_while_a_slot_is_taken_with_no_end_in_sight_no_day_is_told(
    age: float, beside: KeyFacts
) -> None:
    made = look(ann(a_key(age=age), beside))["OLD"]

    assert not is_of_a_rotation(made)
    assert made.notice is None
    assert made.next == Next(Action.WAIT, on(90 - int(age)))
    assert "has a second key" in made.sentence


@pytest.mark.parametrize("age", YOUNG)
def test_beside_a_secret_that_is_not_ours_no_day_is_told(age: float) -> None:
    looked = look(ann(a_key(age=age), secret=STALE))

    made = looked["OLD"]
    if age < 76:
        assert looked.asked == ()  # nothing is read on a quiet day, so nobody can know
        return
    assert not is_of_a_rotation(made)
    assert made.reason is Reason.SECRET_FOREIGN
    assert made.notice is not None
    assert made.notice.type is NoticeType.BLOCKED


@pytest.mark.parametrize("age", [76, 83, 89])
def test_a_user_with_one_key_is_warned_as_ever(age: float) -> None:
    made = look(ann(a_key(age=age)))["OLD"]

    assert made.reason is Reason.ROTATION_AHEAD
    assert made.notice is not None
    assert made.notice.day == on(90 - int(age))
    assert made.next == Next(Action.ROTATE, made.notice.day)


@pytest.mark.parametrize(("gone_in", "warns"), [(13, True), (14, True), (15, False)])
def test_a_rotation_is_warned_of_only_if_the_slot_is_free_by_then(
    gone_in: int, *, warns: bool
) -> None:
    records = {"OTHER": KeyRecord(disabled=ago(5))}
    other = a_key("OTHER", age=300, inactive=True, told=[told(5, delete=gone_in)])

    made = look(ann(a_key(age=76), other, secret=a_secret(records=records)))["OLD"]

    assert (made.action is Action.WARN) is warns
    assert made.next == Next(Action.ROTATE, on(max(14, gone_in)))


def test_a_slot_that_is_freed_today_is_in_the_way_of_no_warning() -> None:
    records = {"OTHER": KeyRecord(disabled=ago(10))}
    other = a_key("OTHER", age=300, inactive=True, used=50, told=[told(10, delete=0)])

    looked = look(ann(a_key(age=76), other, secret=a_secret(records=records)))

    assert looked["OTHER"].action is Action.DELETE
    assert looked["OLD"].action is Action.WARN


def test_a_key_that_will_end_unused_is_not_warned_of_a_rotation() -> None:
    policy = RotationPolicy(unused_period=60)
    unused = a_key(age=76, used=50)
    used = a_key(age=76, used=40)

    assert look(ann(unused), policy)["OLD"].next == Next(Action.NOTICE, on(14))
    assert look(ann(unused), policy)["OLD"].notice is None
    assert look(ann(used), policy)["OLD"].action is Action.WARN
    assert look(ann(replace(used, last_use=SILENCE)), policy)["OLD"].reason is (
        Reason.LAST_USE_UNKNOWN
    )


# --- whose slot is taken is told what it waits for ----------------------------------------


@pytest.mark.parametrize(("age", "tells"), [(90, False), (99, False), (100, True), (396, True)])
def test_an_overdue_key_whose_slot_is_taken_is_told(age: float, *, tells: bool) -> None:
    other = a_key("OTHER", age=30, inactive=True)

    made = look(ann(a_key(age=age), other))["OLD"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.SLOT_TAKEN)
    assert made.overlays == {Overlay.BLOCKED}
    assert (made.notice is not None) is tells
    if made.notice is not None:
        assert made.notice.step == "blocked-slot-taken"


@pytest.mark.parametrize(("days_ago", "tells"), [(6, False), (7, True)])
def test_that_a_slot_is_taken_is_told_weekly(days_ago: int, *, tells: bool) -> None:
    receipt = told(days_ago, step="blocked-slot-taken")
    other = a_key("OTHER", age=30, inactive=True)

    made = look(ann(a_key(age=300, told=[receipt]), other))["OLD"]

    assert (made.notice is not None) is tells


def test_in_a_life_whose_slot_is_taken_the_overdue_key_is_told_of_every_week() -> None:
    """A second key that a person made, and made Inactive: it is 110 days old before it goes."""
    life = Life(a_key(age=137), a_key("OTHER", age=30, inactive=True)).days(0, 60)

    told_of = [day for day, key_id, what in life.told if (key_id, what) == ("OLD", "blocked")]
    assert told_of == list(range(0, 61, 7))


@pytest.mark.parametrize("in_use", [True, False])
def test_of_two_quiet_keys_the_one_that_was_announced_goes_on(*, in_use: bool) -> None:
    """The older fell quiet a day later, and was retired in the place of the one told of."""
    announced = a_key("SECOND", age=150, used=12, told=[told(1, disable=9, delete=19)])
    older = a_key(age=300, used=0 if in_use else 11)

    looked = look(ann(older, announced))

    assert looked["SECOND"].reason is Reason.WINDOW_RUNNING
    assert looked["SECOND"].next == Next(Action.DISABLE, on(9))
    assert looked["OLD"].reason is Reason.SLOT_TAKEN
    assert looked["OLD"].next == Next(Action.ROTATE, on(19))


def test_retire_in_use_goes_on_with_the_key_that_was_announced() -> None:
    announced = a_key(age=300, told=[told(1, disable=9, delete=19)])
    policy = RotationPolicy(retire_in_use=True)

    looked = look(ann(announced, a_key("SECOND", age=150, used=50)), policy)

    assert looked["OLD"].reason is Reason.WINDOW_RUNNING
    assert looked["SECOND"].reason is Reason.SLOT_TAKEN


def test_no_notice_names_a_date_before_one_that_was_promised_already() -> None:
    """G was 40 days when its deletion was promised; it was restored since, and G is 10 now."""
    records = {"OLD": KeyRecord(restored=ago(11))}
    old = a_key(age=300, told=[told(40, disable=-30), told(30, delete=40)])

    made = look(ann(old, a_key("NEW", age=50), secret=a_secret("NEW", records=records)))["OLD"]

    assert made.notice is not None
    assert made.notice.promises == {Act.DISABLE: on(10), Act.DELETE: on(40)}


def test_a_key_that_is_rotated_anew_is_promised_no_sooner_end_than_before() -> None:
    """I was 180 days when its end was promised, and its successor was deleted since."""
    records = {"NEW": KeyRecord(delivered=ago(5))}
    old = a_key(age=160, told=[told(5, disable=20, delete=30)])

    made = look(ann(old, secret=a_secret(records=records)))["OLD"]

    assert made.action is Action.ROTATE
    assert made.notice is not None
    assert made.notice.promises == {Act.DISABLE: on(20), Act.DELETE: on(30)}


# --- a date that is told is kept, in any life in which nobody interferes -----------------


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """One or two keys of any age and use, a policy, and what stands on record."""
    rotation = draw(st.sampled_from([90, 30, 5]))
    warn_days = draw(st.sampled_from([(14, 7, 1), (), (3,)]))
    most_early = max(0, rotation - max(warn_days) - 1) if warn_days else 0
    policy = RotationPolicy(
        rotation_period=rotation,
        inactive_period=rotation + draw(st.sampled_from([10, 2, 20])),
        recovery_grace_period=draw(st.sampled_from([10, 2, 40])),
        warn_days=warn_days,
        unused_period=draw(st.sampled_from([None, 60])),
        retire_in_use=draw(st.booleans()),
        spread_days=draw(st.sampled_from([1, 1, 5])),
        rotate_early_days=min(draw(st.sampled_from([0, 0, 1, 3, 14, 26, 75])), most_early),
    )
    ages = draw(
        st.lists(
            st.one_of(
                st.sampled_from([rotation - days for days in (14, 7, 2, 1) if days < rotation]),
                st.integers(0, 2 * rotation),
                st.sampled_from([300, 900]),
            ),
            min_size=1,
            max_size=2,
        )
    )
    keys = [
        a_key(name, age=age, inactive=draw(st.integers(0, 3)) == 0)
        for name, age in zip(("OLD", "SECOND"), ages, strict=False)
    ]
    life = Life(*keys, policy=policy)
    life.uses = {key.key_id: ago(draw(st.integers(0, 80))) for key in keys}
    life.uses = {k: max(at, life.keys[k].created) for k, at in life.uses.items() if at}
    life.left = {key.key_id for key in keys if draw(st.booleans())}
    if draw(st.integers(0, 5)) == 0:
        life.secret = STALE
    return life


@examples(120)
@given(lives())
def test_every_date_that_is_told_is_kept(life: Life) -> None:
    """Hypothesis makes the lives; nobody changes his ways in them, and nothing breaks."""
    began = (dict(life.keys), dict(life.uses), life.left, life.policy, life.secret)
    promised: dict[tuple[str, Action, date], int] = {}
    for day in range(130):
        looked = life.run(day)
        for made in looked.decided.decisions:
            if (Asked.SECRET, None) not in looked.questions and life.secret is STALE:
                continue  # of a quiet day's key it is not read, so nobody can know
            for action, on_day in dates_of(made):
                promised.setdefault((made.key_id, action, on_day), day)

    done = {(key_id, action): day for day, key_id, action in life.acts}
    for (key_id, action, on_day), told_on in promised.items():
        due = (on_day - TODAY).days
        if due < 129:
            came = done.get((key_id, action.value))
            if action is Action.ROTATE and life.policy.unused_period is not None and came is None:
                continue  # people ceased to use it: nobody asks of a young key whether they did
            is_kept = came is not None and abs(came - due) <= 1
            assert is_kept, (
                f"{began}: told on day {told_on}: {action} of {key_id} on day {due}; came: {came}"
            )


def dates_of(made: Decision) -> Iterator[tuple[Action, date]]:
    """The days that a plan or a notice names for what is done to a key."""
    if made.notice is not None:
        for act, day in made.notice.promises.items():
            yield Action(act.upper()), day
        if made.notice.type is NoticeType.UPCOMING:
            yield Action.ROTATE, made.notice.day
    if made.next is not None and made.next.action in WRITING:
        yield made.next.action, made.next.day
