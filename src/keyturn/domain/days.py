"""
How days are counted, everywhere and always in UTC.

The daily run never starts at the same second twice, and a key made by one run must be 90 days
old at the run 90 days later; hence the slack.
"""

from datetime import date, datetime, timedelta

DAY = timedelta(days=1)
SLACK = timedelta(hours=12)
SLACK_OF_ONE_DAY = timedelta(hours=1)


def days_since(moment: datetime, now: datetime) -> int:
    """Whole days from `moment` to `now`, with the slack of half a day."""
    return (now - moment + SLACK) // DAY


def earliest(moment: datetime, days: int) -> datetime:
    """The first instant at which `days` days count as passed since `moment`."""
    return moment + days * DAY - (SLACK_OF_ONE_DAY if days == 1 else SLACK)


def have_passed(days: int, moment: datetime, now: datetime) -> bool:
    """Whether `moment` was at least `days` days ago."""
    return now >= earliest(moment, days)


def day_of_run(moment: datetime, days: int, now: datetime) -> date:
    """The date of the first daily run, at today's time of day, that finds `days` days passed."""
    first = earliest(moment, days)
    day = first.date() if now.time() >= first.time() else first.date() + DAY
    return max(day, now.date())
