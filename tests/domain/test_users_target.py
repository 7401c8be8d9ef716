"""The target on the number of users: the line to it, and what is said beside it."""

from datetime import date

import pytest

from keyturn.domain.users_target import (
    UsersCount,
    UsersTarget,
    course_to_target,
    end_of_quarter,
    read_users_target,
)

BY = date(2026, 12, 31)
TARGET = UsersTarget(users=100, by=BY)


def count(month: int, day: int, users: int | None, *, whole: bool = True) -> UsersCount:
    return UsersCount(day=date(2026, month, day), users=users, is_whole=whole)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("120", UsersTarget(users=120)),
        ("0", UsersTarget(users=0)),
        ("120@2026-12-31", UsersTarget(users=120, by=BY)),
        ("120@2026-02-29", None),
        ("120@", None),
        (" 120", None),
        ("-1", None),
        ("1.5", None),
        ("9999999999", None),
        ("١٢", None),
        ("", None),
    ],
)
def test_a_target_is_a_number_with_or_without_its_day(
    text: str, target: UsersTarget | None
) -> None:
    assert read_users_target(text) == target


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 1), date(2026, 3, 31)),
        (date(2026, 6, 30), date(2026, 6, 30)),
        (date(2026, 7, 1), date(2026, 9, 30)),
        (date(2026, 12, 31), BY),
    ],
)
def test_a_target_without_a_day_is_for_the_quarter(day: date, end: date) -> None:
    assert end_of_quarter(day) == end


START = count(10, 1, 191)  # 91 days before, 91 users above: one a day


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([START, count(10, 31, 161)], "161 IAM users, target 100 by 2026-12-31: on the line"),
        ([START, count(10, 31, 150)], "ahead by 11 (161 on the line from 191 on 2026-10-01)"),
        ([START, count(10, 31, 170)], "behind by 9 (161 on the line"),
        ([START, count(10, 31, 170, whole=False)], "At least 170 IAM users, target 100"),
        ([START, count(10, 31, 170, whole=False)], "behind by at least 9"),
        ([START, count(10, 31, 150, whole=False)], "whether that is ahead or behind is not known"),
        ([START, count(10, 31, 100)], "reached"),
        ([START, count(10, 31, 90)], "reached, with 10 to spare"),
        ([START, count(10, 31, 90, whole=False)], "whether it is reached is not known"),
        ([count(10, 31, 170)], "70 too many. There is no line, for no earlier day was seen whole"),
        # A first day that was not seen whole would put the line too low.
        ([count(9, 1, 90, whole=False), START, count(10, 31, 161)], "on the line"),
        ([count(9, 30, None, whole=False), START, count(10, 31, 161)], "on the line"),
        (
            [START, UsersCount(day=date(2027, 1, 1), users=101, is_whole=True)],
            "missed by 1",
        ),
        ([START, count(12, 31, 101)], "behind by 1 (100 on the line"),
    ],
)
def test_it_is_said_in_words_how_users_stand_to_the_line(
    counts: list[UsersCount], says: str
) -> None:
    found = course_to_target(TARGET, counts)

    assert found is not None
    assert says in found.says


def test_without_a_count_there_is_nothing_to_say() -> None:
    assert course_to_target(TARGET, [count(10, 1, None)]) is None
