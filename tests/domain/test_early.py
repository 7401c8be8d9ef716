"""RotateEarlyDays: due up to so many days before R, and never after it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.domain.decision import Action, Asked, Next, Overlay, Reason
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import Act, Receipt
from keyturn.domain.lifecycle.due import days_early
from keyturn.domain.lifecycle.forecast import forecast
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from tests.domain.test_promises import examples
from tests.domain.world import (
    ACCOUNT,
    DAY,
    NOW,
    SILENCE,
    TODAY,
    Life,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
    only,
    told,
)

EARLY = RotationPolicy(rotate_early_days=14)
ANNS = 8
"""How many days ann is early, of 14."""
DUE = 90 - ANNS
COHORT = 1500


def early(name: str, policy: RotationPolicy = EARLY, account: str = ACCOUNT) -> int:
    user = replace(ann(a_key(age=0)), name=name, account=account)
    return days_early(user, user.keys[0], policy)


def warned(days: int, *, days_ago: float = 5) -> Receipt:
    """The proof that people were warned of a rotation in so many days."""
    return replace(told(days_ago, step="upcoming-7"), day=on(days))


# --- the hash


@examples(200)
@given(st.integers(0, 75), st.text(max_size=64), st.integers(0, 10**12 - 1))
def test_it_is_due_within_the_early_days_and_never_after_r(
    most: int, name: str, account: int
) -> None:
    policy = RotationPolicy(rotate_early_days=most)
    days = early(name, policy, f"{account:012}")

    assert 0 <= days <= most
    user = replace(ann(a_key(age=0)), name=name, account=f"{account:012}")
    coming = only(user, policy).next
    assert coming is not None
    assert on(90 - most) <= coming.day <= on(90)
    assert coming.day == on(90 - days)


def test_without_early_days_everybody_is_due_at_r() -> None:
    assert {early(f"user-{n}", RotationPolicy()) for n in range(100)} == {0}


def test_a_users_days_are_the_same_in_every_run_of_every_version() -> None:
    assert [early(name) for name in ("ann", "bob", "carl", "ann,bob", "Zoë")] == [8, 10, 5, 2, 4]
    assert early("ann", account="444455556666") == 11


def test_users_are_spread_evenly_over_the_early_days_and_r() -> None:
    found = Counter(early(f"user-{n}") for n in range(COHORT))

    assert set(found) == set(range(15))
    assert all(0.7 < keys / (COHORT / 15) < 1.3 for keys in found.values()), found


@pytest.mark.parametrize("most", [12, 13, 14])
def test_what_spread_days_put_off_the_early_days_do_not_take_back(most: int) -> None:
    """Of 14 days and 13 early ones the same hash would put the whole cohort on one day again."""
    policy = RotationPolicy(spread_days=14, rotate_early_days=most)
    back = Counter[int]()
    for n in range(200):
        user = replace(ann(a_key(age=400)), name=f"user-{n}")
        coming = only(user, policy).next
        assert coming is not None
        first = (coming.day - TODAY).days if only(user, policy).action is not Action.ROTATE else 0
        back[first + 90 - early(user.name, policy)] += 1

    assert max(back.values()) < 25
    assert len(back) > 20


# --- a life


def test_an_early_life_has_every_window_of_a_later_one() -> None:
    life = Life(a_key(age=60), policy=EARLY).days(0, 60)
    born = 60

    assert [(day + born, act) for day, key, act in life.acts if key == "OLD"] == [
        (DUE, "ROTATE"),
        (100, "DISABLE"),
        (110, "DELETE"),
    ]
    assert [(day + born, step) for day, key, step in life.told if key == "OLD"][:4] == [
        (DUE - 14, "upcoming-14"),
        (DUE - 7, "upcoming-7"),
        (DUE - 1, "upcoming-1"),
        (DUE, "rotated"),
    ]


def test_the_notice_of_an_early_rotation_promises_the_dates_of_i_and_g() -> None:
    made = only(ann(a_key(age=DUE, told=[warned(0)])), EARLY)

    assert made.action is Action.ROTATE
    assert "(RotationPeriod=90, RotateEarlyDays=14)" in made.sentence
    assert made.notice is not None
    assert made.notice.promises == {Act.DISABLE: on(18), Act.DELETE: on(28)}


@pytest.mark.parametrize("days", [0, 1, 7, 8, 14])
@pytest.mark.parametrize("warn", [(14, 7, 1), (3,)])
@pytest.mark.parametrize("jitter", [0, 45])
def test_the_day_of_a_rotation_is_the_early_one_at_its_boundaries(
    days: int, warn: tuple[int, ...], jitter: int
) -> None:
    name = next(f"user-{n}" for n in range(200) if early(f"user-{n}") == days)
    policy = replace(EARLY, warn_days=warn)
    due = 90 - days

    def on_day(age: int) -> Action:
        user = ann(a_key(age=age, told=[warned(due - age)]))
        return only(replace(user, name=name), policy, NOW + timedelta(minutes=jitter)).action

    before = {on_day(age) for age in (75, due - 2, due - 1) if age < due}
    assert before <= {Action.KEEP, Action.WARN}
    assert [on_day(age) for age in (due, due + 1, 90, 91)] == [Action.ROTATE] * 4


@pytest.mark.parametrize(
    ("age", "step"),
    [
        (DUE - 15, None),
        (DUE - 14, "upcoming-14"),
        (DUE - 8, "upcoming-14"),
        (DUE - 7, "upcoming-7"),
        (DUE - 1, "upcoming-1"),
    ],
)
def test_warnings_count_to_the_day_on_which_it_is_really_due(age: int, step: str | None) -> None:
    made = only(ann(a_key(age=age)), EARLY)

    if step is None:
        assert made.notice is None
    else:
        assert made.notice is not None
        assert (made.notice.step, made.notice.day) == (step, on(DUE - age))
    assert made.next is not None
    assert made.next.day == on(DUE - age)


def test_a_young_key_costs_no_call_and_says_when_it_is_due() -> None:
    looked = look(ann(a_key(age=40)), EARLY)

    assert looked.asked == ()
    assert looked["OLD"].sentence == (
        "it is 40 days old, rotation comes at 82 (RotationPeriod=90, RotateEarlyDays=14)"
    )


ITS_SECRET = (Asked.SECRET, None)
ITS_RECEIPTS = (Asked.RECEIPTS, "OLD")


@pytest.mark.parametrize(
    ("age", "without", "early_too"),
    [
        (40, [], []),
        (DUE - 14, [], [ITS_SECRET, ITS_RECEIPTS]),
        (76, [ITS_SECRET, ITS_RECEIPTS], [ITS_SECRET, ITS_RECEIPTS]),
        (DUE, [ITS_SECRET, ITS_RECEIPTS], [ITS_SECRET, ITS_RECEIPTS]),
        (90, [ITS_SECRET], [ITS_SECRET]),
        (400, [ITS_SECRET], [ITS_SECRET]),
    ],
)
def test_without_early_days_nothing_more_is_read_and_with_them_no_more_than_the_receipts(
    age: int, without: list[object], early_too: list[object]
) -> None:
    user = ann(a_key(age=age))

    assert look(user).questions == without
    assert look(user, EARLY).questions == early_too


def test_beside_a_taken_slot_its_receipts_are_read_only_where_a_day_was_told_perhaps() -> None:
    dead = a_key("DEAD", age=300, inactive=True, used=50, told=[told(1, delete=40)])
    user = ann(dead, a_key(age=80), secret=a_secret())

    assert ITS_RECEIPTS not in look(user).questions
    assert ITS_RECEIPTS in look(user, EARLY).questions


def test_the_forecast_knows_the_day() -> None:
    decided = look(ann(a_key(age=60)), EARLY).decided
    [steps] = forecast(decided, EARLY, NOW).values()

    rotated = next(step for step in steps if step.decision.action is Action.ROTATE)
    assert rotated.day == on(DUE - 60)


# --- people are not surprised


def test_whoever_was_told_a_later_day_is_not_rotated_before_it() -> None:
    """Switched on three days ahead: the owner counts on the day that the mail named."""
    key = a_key(age=87, told=[warned(3)])
    life = Life(key, policy=EARLY)
    life.receipts["OLD"] = [warned(3)]
    life.days(0, 4)

    assert life.acts == [(3, "OLD", "ROTATE")]
    assert [(day, step) for day, _, step in life.told] == [(2, "upcoming-1"), (3, "rotated")]


@pytest.mark.parametrize("days", [1, 2, 5])
def test_the_last_day_that_was_told_counts(days: int) -> None:
    key = a_key(age=85, told=[warned(-3), warned(days), warned(0)])

    made = only(ann(key), EARLY)

    assert made.action in {Action.KEEP, Action.WARN}
    assert made.next is not None
    assert made.next.day == on(days)


def test_a_day_that_was_told_after_r_puts_nothing_off() -> None:
    """R was 120 when people were warned."""
    key = a_key(age=89, told=[warned(31)])

    made = only(ann(key), EARLY)
    assert made.next is not None
    assert made.next.day == on(1)
    assert only(ann(replace(key, created=ago(90))), EARLY).action is Action.ROTATE


@examples(60)
@given(
    st.integers(50, 95),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 3, 8, 14, 26, 75])), max_size=3),
    st.sets(st.integers(0, 40)),
    st.sampled_from([1, 14]),
)
def test_whatever_is_switched_no_key_comes_before_what_was_told_or_after_r(
    age: int, changes: list[tuple[int, int]], silent: set[int], spread: int
) -> None:
    """The channel is down on the silent days; on the others the last day told is kept, or R."""
    life = Life(a_key(age=age), policy=replace(EARLY, spread_days=spread))
    for day in range(55):
        for on_day, most in changes:
            if on_day == day:
                life.policy = replace(life.policy, rotate_early_days=most)
        life.channel_is_up = day not in silent
        life.run(day)
        if life.acts:
            break

    [(day, _, act), *_] = life.acts
    told_days = [each.day for each in life.receipts["OLD"] if each.step.startswith("upcoming")]
    at_r = max(0, 90 - age)
    assert act == "ROTATE"
    assert on(day) >= min([max(told_days, default=on(at_r)), on(at_r)])
    assert day <= at_r or spread > 1


def test_switching_it_on_makes_no_cohort_of_the_keys_whose_early_day_is_over() -> None:
    for age in range(DUE, 90):
        life = Life(a_key(age=age), policy=EARLY).days(0, 90 - age)
        assert life.acts == [(90 - age, "OLD", "ROTATE")], age
        assert [step for _, _, step in life.told][-2:] == ["upcoming-1", "rotated"]


def test_an_early_day_that_nobody_could_be_told_of_is_none() -> None:
    life = Life(a_key(age=60), policy=EARLY)
    life.channel_is_up = False
    life.days(0, 31)

    assert life.acts == [(30, "OLD", "ROTATE")]


@pytest.mark.parametrize("start", range(7))
def test_with_weekly_runs_it_is_rotated_by_the_first_run_from_the_day_that_was_told(
    start: int,
) -> None:
    life = Life(a_key(age=60), policy=EARLY)
    for day in range(start, 40, 7):
        life.run(day)

    [first, *_] = life.acts
    assert first[0] == next(day for day in range(start, 40, 7) if day >= DUE - 60)


def test_receipts_that_cannot_be_read_hasten_nothing_and_hold_nothing_up_past_r() -> None:
    unread = ann(a_key(age=DUE, told=SILENCE))
    made = only(unread, EARLY)

    assert (made.action, made.reason) == (Action.WAIT, Reason.RECEIPTS_UNREADABLE)
    assert Overlay.BLOCKED in made.overlays
    assert only(ann(a_key(age=89, told=SILENCE)), EARLY).action is Action.WAIT
    assert only(ann(a_key(age=90, told=SILENCE)), EARLY).action is Action.ROTATE


# --- beside everything else


def test_an_order_to_rotate_asks_nobody_for_the_day() -> None:
    looked = look(ann(a_key(age=DUE, told=SILENCE), forced=ago(0)), EARLY)

    assert looked["OLD"].reason is Reason.FORCED
    assert (Asked.RECEIPTS, "OLD") not in looked.questions


@pytest.mark.parametrize("given", [timedelta(days=2), timedelta(days=-2), None])
def test_who_was_given_more_time_is_not_early(given: timedelta | None) -> None:
    deferral = SILENCE if given is None else a_deferral(given)
    key = replace(a_key(age=DUE, told=[warned(0)]), deferral=deferral)

    made = only(ann(key), EARLY)

    assert made.action is not Action.ROTATE
    if given is not None:
        assert made.next is not None
        assert made.next.day == on(ANNS)


def a_deferral(ends: timedelta) -> Deferral:
    return Deferral(
        account=ACCOUNT,
        key_id="OLD",
        until=TODAY + ends,
        first=ago(5),
        at=ago(5),
        by="ops",
        ticket="T-1",
    )


def test_of_two_keys_none_ends_before_it_is_r_days_old() -> None:
    def ends(age: int) -> Reason:
        old = a_key(age=age, used=20, told=[warned(DUE - age)])
        return look(ann(old, a_key("NEW", age=20)), EARLY)["OLD"].reason

    assert ends(DUE) is Reason.SLOT_TAKEN
    assert ends(89) is Reason.SLOT_TAKEN
    assert ends(90) is Reason.DATES_NOT_NOTICED


@pytest.mark.parametrize(("free", "rotated"), [(22, 22), (23, 30), (30, 30), (31, 31)])
def test_where_the_slot_comes_free_after_the_early_day_it_is_due_at_r(
    free: int, rotated: int
) -> None:
    """Nobody can be warned of a day on which no key can be made, so that day passes."""
    secret = a_secret(records={"DEAD": KeyRecord(disabled=ago(2))})
    dead = a_key("DEAD", age=300, inactive=True, used=50, told=[told(1, delete=free)])
    user = ann(dead, a_key(age=60), secret=secret)

    made = look(user, EARLY)["OLD"]

    assert made.next == Next(Action.ROTATE, on(rotated))
    assert ("its slot is taken at 82" in made.sentence) == (free in {23, 30})
    if free == 22:
        steps = forecast(look(user, EARLY).decided, EARLY, NOW)["OLD"]
        assert next(s.day for s in steps if s.decision.action is Action.ROTATE) == on(rotated)


def test_whoever_was_warned_of_the_early_day_and_has_two_keys_then_waits_for_the_slot() -> None:
    secret = a_secret(records={"DEAD": KeyRecord(disabled=ago(9))})
    dead = a_key("DEAD", age=300, inactive=True, used=50, told=[told(1, delete=4)])
    user = ann(dead, a_key(age=DUE - 1, told=[warned(1)]), secret=secret)

    assert look(user, EARLY)["OLD"].next == Next(Action.ROTATE, on(4))
    later = look(user, EARLY, NOW + DAY)["OLD"]
    assert (later.reason, later.next) == (Reason.SLOT_TAKEN, Next(Action.ROTATE, on(4)))
    assert later.notice is None


def test_an_unused_key_ends_as_it_would_without() -> None:
    policy = replace(EARLY, unused_period=60)
    key = a_key(age=DUE - 1, used=DUE - 1)
    made = only(ann(key), policy)

    assert made.action is Action.KEEP
    assert made.next is not None
    assert (made.next.action, made.next.day) == (Action.NOTICE, on(91 - DUE))
    old = replace(key, created=ago(90))
    assert (
        only(ann(old), policy).reason
        is only(ann(old), replace(policy, rotate_early_days=0)).reason
    )


def test_a_key_found_old_is_spread_and_the_next_one_early() -> None:
    policy = replace(EARLY, spread_days=14)
    life = Life(a_key(age=400), policy=policy).days(0, 120)
    rotated = [day for day, _, act in life.acts if act == "ROTATE"]

    assert 0 <= rotated[0] < 14
    assert rotated[1] - rotated[0] == DUE


def test_beside_a_foreign_secret_it_is_said_from_the_first_warning_on_and_not_before() -> None:
    foreign = replace(a_secret(), seal=a_secret().seal.WRONG, tags={})

    def reason(age: int) -> Reason:
        return only(ann(a_key(age=age), a_key("DEAD", age=1), secret=foreign), EARLY).reason

    assert reason(DUE - 15) is Reason.NOTHING_DUE
    assert [reason(age) for age in (DUE - 14, DUE, 89, 90)] == [Reason.SECRET_FOREIGN] * 4


@pytest.mark.parametrize("is_up", [True, False])
@pytest.mark.parametrize("warn", [(14, 7, 1), (1,)])
@pytest.mark.parametrize("most", [1, 7, 14, 40, 75])
def test_no_life_is_later_by_it_whatever_the_channel_does(
    most: int, warn: tuple[int, ...], *, is_up: bool
) -> None:
    policy = RotationPolicy(rotate_early_days=most, warn_days=warn)
    life = Life(a_key(age=0), policy=policy)
    life.channel_is_up = is_up
    life.days(0, 91)

    day, _, act = life.acts[0]
    due = 90 - early("ann", policy)
    assert (day, act) == (due if is_up else 90, "ROTATE")
