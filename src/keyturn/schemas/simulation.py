"""What `keyturn simulate` answers: the coming days under one setting or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from keyturn.domain.fleet_course import (
    FIGURES,
    CourseDay,
    Coverage,
    FleetCourse,
    Simulation,
)
from keyturn.schemas.account import AccountId
from keyturn.schemas.decision import Day
from keyturn.schemas.plan_csv import csv_text

VERSION: Final = 1
COLUMNS: Final = ("setting", "date", *FIGURES)


class SimulatedDay(TypedDict):
    """
    One coming day of all accounts.

    The three `ends` add up to `disabled`: by whether somebody worked with the key when it was last
    seen. owner_mails_least, _most: whose owner is not known yet may be anybody. admin_mails: but
    for the digest of the day. late: keys that are past I, or past R and not replaced, when the
    day is over.
    """

    date: Day
    warned: int
    noticed: int
    rotated: int
    disabled: int
    deleted: int
    ends_in_use: int
    ends_not_in_use: int
    ends_use_unknown: int
    over_cap: int
    owner_mails_least: int
    owner_mails_most: int
    admin_mails: int
    late: int


class EndInUseFile(TypedDict):
    """A key in use that stops: it breaks something unless its owner has moved by then."""

    date: Day
    account: AccountId
    user: str
    key: str


class SettingPlayed(TypedDict):
    """
    What comes under one setting.

    nothing_late_on: the first day from which on no key is late, in these days; null: there is
    none, or nothing was seen. active, within_policy: Active keys when the last day is over, and
    those of them that are at most R days old, as reports count. held: why keys are late then →
    keys. supposed: what the snapshots do not say → keys or users. not_foretold: why nobody can say
    what comes → keys. in_use: the first keys in use that stop.
    """

    setting: str
    parameters: dict[str, str]
    nothing_late_on: Day | None
    active: int
    within_policy: int
    held: dict[str, int]
    accounts: int
    users: int
    keys: int
    exempt: int
    supposed: dict[str, int]
    not_foretold: dict[str, int]
    in_use: list[EndInUseFile]
    days: list[SimulatedDay]


class CoverageOfSnapshots(TypedDict):
    """What the days are played from; earlier: account → the day of its last snapshot."""

    date: Day
    seen: int
    earlier: dict[str, Day]
    not_seen: list[str]
    users_left: int
    is_listed: bool


class SimulationFile(TypedDict):
    """The coming days, played from the newest snapshots; nothing of it is done."""

    version: Literal[1]
    owners: Literal["act", "never"]
    assumptions: list[str]
    coverage: CoverageOfSnapshots
    settings: list[SettingPlayed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A setting as it was asked for, and the rule's parameters under it."""

    label: str
    parameters: Mapping[str, str]


def write_simulation(
    found: Simulation,
    settings: Sequence[Labelled],
    *,
    owners: Literal["act", "never"],
    assumptions: Sequence[str],
) -> SimulationFile:
    """The form of all that was played."""
    return {
        "version": VERSION,
        "owners": owners,
        "assumptions": list(assumptions),
        "coverage": _coverage(found.coverage),
        "settings": [
            _setting(setting, course)
            for setting, course in zip(settings, found.courses, strict=True)
        ],
    }


def write_simulation_csv(found: Simulation, settings: Sequence[Labelled]) -> str:
    """A row for each setting and day."""
    return csv_text(
        COLUMNS,
        (
            [setting.label, *_day(each).values()]
            for setting, course in zip(settings, found.courses, strict=True)
            for each in course.days
        ),
    )


def _coverage(coverage: Coverage) -> CoverageOfSnapshots:
    return {
        "date": coverage.day.isoformat(),
        "seen": coverage.seen,
        "earlier": {account: day.isoformat() for account, day in coverage.earlier.items()},
        "not_seen": coverage.not_seen,
        "users_left": coverage.users_left,
        "is_listed": coverage.is_listed,
    }


def _setting(setting: Labelled, course: FleetCourse) -> SettingPlayed:
    on = course.nothing_late_on
    return {
        "setting": setting.label,
        "parameters": dict(setting.parameters),
        "nothing_late_on": on.isoformat() if on else None,
        "active": course.active,
        "within_policy": course.within_policy,
        "held": dict(course.held.most_common()),
        "accounts": course.accounts,
        "users": course.users,
        "keys": course.keys,
        "exempt": course.exempt,
        "supposed": dict(course.supposed),
        "not_foretold": dict(course.not_foretold),
        "in_use": [
            {
                "date": each.day.isoformat(),
                "account": each.account,
                "user": each.user,
                "key": each.key_id,
            }
            for each in course.first_ends()
        ],
        "days": [_day(each) for each in course.days],
    }


def _day(day: CourseDay) -> SimulatedDay:
    figures: dict[str, int] = {name: getattr(day, name) for name in FIGURES}
    return {"date": day.day.isoformat(), **figures}  # type: ignore[typeddict-item]  # FIGURES names them all
