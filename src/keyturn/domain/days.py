"""
How days are counted, everywhere and always in UTC.

The daily run never starts at the same second twice, and a key made by one run must be 90 days
old at the run 90 days later; hence the slack.
"""

from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)
SLACK = timedelta(hours=12)
"""Half a day: a run that starts earlier than the one before still counts the day."""
SLACK_OF_ONE_DAY = timedelta(hours=1)
"""Of one day twelve hours would be half: an orphan would be deleted after half a day."""
JITTER = timedelta(hours=1)
"""How much sooner than today's a later run may start, half an hour about the same time."""
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""What is told of a time outside these is malformed: sums of days end where years do."""


def can_be(moment: datetime) -> bool:
    """Whether a time that was read, UTC, is one to count with (decision 0023)."""
    return FIRST <= moment <= LAST


def read_day(text: str) -> date | None:
    """Read a date as `date.isoformat` writes it; None if it is none, or one that cannot be."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST.date() <= day <= LAST.date() and day.isoformat() == text else None


def days_since(moment: datetime, now: datetime) -> int:
    """Whole days from `moment` to `now`, with the slack of half a day."""
    return (now - moment + SLACK) // DAY


def earliest(moment: datetime, days: int) -> datetime:
    """The first instant, UTC, at which `days` days count as passed since `moment`."""
    return moment + days * DAY - _slack(days)


def have_passed(days: int, moment: datetime, now: datetime) -> bool:
    """Whether `moment` was at least `days` days ago."""
    return now >= earliest(moment, days)


def are_exceeded(days: int, moment: datetime, now: datetime) -> bool:
    """Whether `moment` was more than `days` days ago: what must not be so lately asks this."""
    return now >= moment + (days + 1) * DAY - _slack(days)


def _slack(days: int) -> timedelta:
    return SLACK_OF_ONE_DAY if days == 1 else SLACK


def day_of_run(moment: datetime, days: int, now: datetime) -> date:
    """
    The date, UTC, of the first daily run that finds `days` days passed since `moment`.

    Runs come at today's time of day, or up to an hour sooner: one that starts shortly after
    midnight today may start before midnight then, and must not come before a promised date.
    """
    runs = -((now - earliest(moment, days)) // DAY)
    return now.date() if runs <= 0 else (now + runs * DAY - JITTER).date()
