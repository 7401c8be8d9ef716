"""
Play the coming days of the whole organisation, from the newest snapshot of each account.

An account at a time: what is done with one is numbers, so that ten thousand need no more memory
than one. Source: decision 0066.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from keyturn.domain.days import DAY, read_day
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.fleet_course import Coverage, Simulation
from keyturn.domain.tag_text import moment
from keyturn.ports.evidence import Evidence
from keyturn.schemas.inventory_record import read_inventory
from keyturn.schemas.seen_users import read_seen_users
from keyturn.schemas.snapshot import Snapshot, read_snapshot
from keyturn.use_cases.play_account import SeenAccount, Setting, empty_course, play_account
from keyturn.use_cases.side_by_side import side_by_side

LOOKS_BACK: Final = 15
"""Days on which an account's last snapshot is looked for, with the newest day."""
AT_ONCE: Final = 16
"""Snapshots that are held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulate:
    """Reads the newest snapshots, and plays."""

    evidence: Evidence
    workers: int

    def of(
        self,
        settings: Sequence[Setting],
        *,
        accounts: frozenset[str] | None = None,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> Simulation:
        """
        Play each account under each setting.

        accounts: only these, by their ids; None: all.
        Raises InvalidValue where there is no snapshot, or none of an account that was asked for; a
        PortError where they cannot be listed.
        """
        newest, day = newest_snapshots(self.evidence)
        listed = self._listed(day)
        coverage = Coverage(day=day, is_listed=listed is not None)
        wanted = sorted({*newest, *(listed or ())})
        for each in sorted((accounts or frozenset()).difference(wanted)):
            raise InvalidValue("--account", each, "has no snapshot, and no inventory names it")
        wanted = [each for each in wanted if accounts is None or each in accounts]
        courses = tuple(empty_course(day, setting.days) for setting in settings)
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            read = side_by_side(
                lambda each: snapshot_of(self.evidence, each, newest.get(each)),
                some,
                workers=self.workers,
            )
            for account, found in zip(some, read, strict=True):
                seen = _seen(account, found, newest.get(account), coverage)
                for setting, course in zip(settings, courses, strict=True):
                    if seen is not None:
                        play_account(seen, setting, course)
            progress(min(start + AT_ONCE, len(wanted)), len(wanted))
        return Simulation(coverage=coverage, courses=courses)

    def _listed(self, day: date) -> frozenset[str] | None:
        """The accounts that an inventory of the day queued; None: nobody can tell."""
        folder = f"reports/daily/date={day.isoformat()}/inventory/"
        taken = [
            read_inventory(self.evidence.read(each.name)) for each in self.evidence.listed(folder)
        ]
        if not taken or not all(taken):
            return None
        return frozenset(account for each in taken if each for account in each.queued)


def newest_snapshots(evidence: Evidence) -> tuple[Mapping[str, date], date]:
    """
    The day of the newest snapshot of each account, and the newest day of all.

    Raises InvalidValue where there is none.
    """
    days = sorted(filter(None, map(_day_of, evidence.folders("snapshots/"))), reverse=True)
    if not days:
        raise InvalidValue("snapshots", "", "there are none: no run has left one there")
    found: dict[str, date] = {}
    for day in days:
        if days[0] - day >= LOOKS_BACK * DAY:
            break
        for each in evidence.listed(f"snapshots/date={day.isoformat()}/"):
            account = each.name.rpartition("account=")[2].removesuffix(".json")
            found.setdefault(account, day)
    return found, days[0]


def snapshot_of(evidence: Evidence, account: str, day: date | None) -> Snapshot | None:
    """A stored snapshot; None: there is none, or none that can be read."""
    if day is None:
        return None
    try:
        return read_snapshot(
            evidence.read(f"snapshots/date={day.isoformat()}/account={account}.json")
        )
    except PortError:
        return None


def _day_of(folder: str) -> date | None:
    return read_day(folder.rstrip("/").rpartition("date=")[2])


def _seen(
    account: str, snapshot: Snapshot | None, day: date | None, coverage: Coverage
) -> SeenAccount | None:
    """An account to play, as if the newest day had found what its last one did; None: not seen."""
    if snapshot is None or day is None:
        coverage.not_seen.append(account)
        return None
    seen = seen_account(account, snapshot)
    if seen is None:
        coverage.not_seen.append(account)
        return None
    if day == coverage.day and snapshot["whole"]:
        coverage.seen += 1
    else:
        coverage.earlier[account] = day
    coverage.users_left += len(snapshot["left"])
    return replace(seen, at=seen.at + (coverage.day - day))


def seen_account(account: str, snapshot: Snapshot) -> SeenAccount | None:
    """An account as its snapshot has it; None: it was not entered, or the form is none of ours."""
    at = moment(snapshot["at"])
    try:
        users = list(read_seen_users(snapshot))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    entered = bool(users) or not any(each["user"] is None for each in snapshot["failures"])
    if at is None or not entered:
        return None
    return SeenAccount(account=account, at=at, users=users)
