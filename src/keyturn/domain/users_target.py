"""The target on the number of IAM users: the line to it, and how far users are from that line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from keyturn.domain.days import DAY, read_day

MOST_USERS: Final = 10**9
_FORM: Final = re.compile(r"([0-9]{1,10})(?:@(\d{4}-\d\d-\d\d))?", re.ASCII)
_UNSURE: Final = "not known, for not every account was seen"
_NO_LINE: Final = "There is no line, for no earlier day was seen whole"
RULE: Final = "must be a number of users, or with its day, such as 120@2026-12-31"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersTarget:
    """At most so many users; by: the last day for it, UTC, None: that of the quarter."""

    users: int
    by: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersCount:
    """How many users there were on a day; None: nobody knows."""

    day: date
    users: int | None
    is_whole: bool
    """Whether every account was seen; else there were at least so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where the number of users is, beside the line to the target."""

    users: int
    """The target."""
    by: date
    start: UsersCount | None
    """Where the line begins; None: there is no day before that was seen whole."""
    line: int | None
    """How many there would be on the line, on the day of the last count."""
    says: str


def read_users_target(text: str) -> UsersTarget | None:
    """Read `120` or `120@2026-12-31`; None: it is neither."""
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) > MOST_USERS:
        return None
    if found[2] is None:
        return UsersTarget(users=int(found[1]))
    by = read_day(found[2])
    return None if by is None else UsersTarget(users=int(found[1]), by=by)


def end_of_quarter(day: date) -> date:
    """The last day of the quarter that a day is in."""
    month = (day.month - 1) // 3 * 3 + 3
    return (day.replace(month=month, day=1) + 31 * DAY).replace(day=1) - DAY


def course_to_target(target: UsersTarget, counts: Sequence[UsersCount]) -> Course | None:
    """
    How the last count stands to the target, in words; None: nothing was counted.

    The line begins at the first day that was seen whole: one that was not would put it too low. A
    count that is not whole says "at least", and never that users are ahead or that it is reached.
    """
    known = [each for each in counts if each.users is not None]
    if not known:
        return None
    last = known[-1]
    by = target.by or end_of_quarter(last.day)
    start = next((each for each in known[:-1] if each.is_whole and each.day < by), None)
    line = _line(start, target.users, by, last.day)
    return Course(
        users=target.users,
        by=by,
        start=start,
        line=line,
        says=_says(target.users, by, start, line, last),
    )


def _line(start: UsersCount | None, target: int, by: date, day: date) -> int | None:
    if start is None or start.users is None:
        return None
    if day >= by:
        return target
    part = (day - start.day) / (by - start.day)
    return round(start.users + (target - start.users) * part)


def _says(
    target: int, by: date, start: UsersCount | None, line: int | None, now: UsersCount
) -> str:
    users = now.users or 0
    at_least = "" if now.is_whole else "at least "
    head = f"{at_least}{users:,} IAM users, target {target:,} by {by.isoformat()}: "
    head = head[0].upper() + head[1:]
    if users <= target:
        if not now.is_whole:
            return f"{head}whether it is reached is {_UNSURE}"
        return f"{head}reached" + (
            "" if users == target else f", with {target - users:,} to spare"
        )
    if now.day > by:
        return f"{head}missed by {at_least}{users - target:,}"
    if start is None or start.users is None or line is None:
        return f"{head}{at_least}{users - target:,} too many. {_NO_LINE}"
    on_line = f"{line:,} on the line from {start.users:,} on {start.day.isoformat()}"
    return f"{head}{_beside(users, line, now)} ({on_line})"


def _beside(users: int, line: int, now: UsersCount) -> str:
    if users > line:
        return f"behind by {'' if now.is_whole else 'at least '}{users - line:,}"
    if not now.is_whole:
        return f"whether that is ahead or behind is {_UNSURE}"
    return "on the line" if users == line else f"ahead by {line - users:,}"
