"""How days are counted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.days import are_exceeded, day_of_run, days_since, have_passed

THEN = datetime(2026, 1, 10, 6, 0, tzinfo=UTC)


def later(days: int, hours: float = 0) -> datetime:
    return THEN + timedelta(days=days, hours=hours)


@pytest.mark.parametrize(
    ("hours", "days"),
    [(-13, 89), (-12.01, 89), (-12, 90), (-11, 90), (0, 90), (11.99, 90), (12, 91)],
)
def test_a_day_counts_from_twelve_hours_before_it_is_over(hours: float, days: int) -> None:
    assert days_since(THEN, later(90, hours)) == days
    assert have_passed(90, THEN, later(90, hours)) is (days >= 90)


@pytest.mark.parametrize(
    ("hours_short", "passed"), [(0, True), (1, True), (1.01, False), (2, False), (12, False)]
)
def test_one_day_counts_from_an_hour_before_it_is_over(
    hours_short: float, *, passed: bool
) -> None:
    assert have_passed(1, THEN, later(1, -hours_short)) is passed


@pytest.mark.parametrize(
    ("days", "hours_short", "more"),
    [(10, 12, True), (10, 12.01, False), (2, 12, True), (1, 1, True), (1, 1.01, False)],
)
def test_more_than_so_many_days_ago_has_the_same_slack(
    days: int, hours_short: float, *, more: bool
) -> None:
    assert are_exceeded(days, THEN, later(days + 1, -hours_short)) is more


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (later(0), date(2026, 1, 20)),  # by a run at six
        (later(3, 11.9), date(2026, 1, 20)),  # shortly before six in the evening is too soon …
        (later(3, 12), date(2026, 1, 19)),  # … and at six it is not
        (later(9, 11), date(2026, 1, 20)),
        (later(9, 12), date(2026, 1, 19)),  # they have passed: today
        (later(15), date(2026, 1, 25)),
    ],
)
def test_the_first_daily_run_is_predicted(now: datetime, expected: date) -> None:
    assert day_of_run(THEN, 10, now) == expected


def test_what_passed_shortly_before_a_run_after_midnight_is_due_today() -> None:
    now = datetime(2026, 1, 20, 0, 30, tzinfo=UTC)

    assert day_of_run(datetime(2026, 1, 10, 12, 10, tzinfo=UTC), 10, now) == date(2026, 1, 20)
    assert day_of_run(datetime(2026, 1, 10, 12, 30, tzinfo=UTC), 10, now) == date(2026, 1, 20)


@pytest.mark.parametrize(
    ("minute", "expected"),
    [(0, date(2026, 1, 19)), (59, date(2026, 1, 19)), (60, date(2026, 1, 20))],
)
def test_a_run_shortly_after_midnight_may_come_before_midnight_next_time(
    minute: int, expected: date
) -> None:
    now = datetime(2026, 1, 10, 0, 0, tzinfo=UTC) + timedelta(minutes=minute)

    assert day_of_run(now, 10, now) == expected
