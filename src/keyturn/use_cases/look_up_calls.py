"""Look calls up in CloudTrail's event history, which keeps 90 days."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from keyturn.domain.errors import PortError
from keyturn.ports.evidence import EventHistory
from keyturn.schemas.exports import TrailEvent, Unreadable, trail_event

KEPT: Final = timedelta(days=90)
"""How long CloudTrail's event history reaches back."""
MOST_EVENTS: Final = 5000
"""Of one lookup: a hundred pages, which take 50 seconds."""
_OF_KEYS: Final = ("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey")
_OF_SECRETS: Final = ("GetSecretValue", "BatchGetSecretValue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Which days are looked up; now: UTC."""

    since: date
    until: date
    now: datetime

    @property
    def begin(self) -> datetime:
        """From when on: CloudTrail has nothing of before."""
        return max(datetime.combine(self.since, time.min, UTC), self.now - KEPT)

    @property
    def end(self) -> datetime:
        """Until when."""
        return min(datetime.combine(self.until, time.max, UTC).replace(microsecond=0), self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCalls:
    """What was found, and what was not seen."""

    events: tuple[TrailEvent | Unreadable, ...]
    unseen: tuple[str, ...]


def calls_about_keys(
    history: EventHistory, regions: Sequence[str], days: Days, tick: Callable[[], None]
) -> KeyCalls:
    """
    Every call about access keys, and every reading of a secret.

    regions: that of the secrets, then that of IAM's calls. tick: is told of each page.
    """
    home, of_iam = regions
    lookups = (
        *((of_iam, "EventName", name) for name in _OF_KEYS),
        *((home, "EventName", name) for name in _OF_SECRETS),
    )
    return look_up(history, lookups, days, tick)


def look_up(
    history: EventHistory,
    lookups: Iterable[tuple[str, str, str]],
    days: Days,
    tick: Callable[[], None],
    most: int = MOST_EVENTS,
) -> KeyCalls:
    """What the event history has; lookups: region, by which attribute, its value."""
    events: list[TrailEvent | Unreadable] = []
    unseen: list[str] = []
    if days.begin.date() > days.since:
        unseen.append(f"CloudTrail's event history begins on {days.begin:%Y-%m-%d}")
    if days.end <= days.begin:
        return KeyCalls(events=(), unseen=tuple(unseen))
    closed: set[str] = set()
    for region, by, value in lookups:
        found = 0
        if region in closed:
            continue
        try:
            for page in history.pages(region, by, value, since=days.begin, until=days.end):
                tick()
                for number, each in enumerate(page, start=found + 1):
                    where = f"{region}, {value}, event {number}"
                    read = trail_event(each, region)
                    events.append(
                        read or Unreadable(where=where, why="is no event of CloudTrail's")
                    )
                found += len(page)
                if found >= most:
                    unseen.append(
                        f"CloudTrail in {region} has more of {value} than the last {found:,} "
                        "events, which were read"
                    )
                    break
        except PortError as error:
            closed.add(region)
            unseen.append(
                f"CloudTrail in {region} did not answer after {found:,} events of {value}, and "
                f"is not asked any more ({error})"
            )
    return KeyCalls(events=tuple(events), unseen=tuple(unseen))
