"""What runs leave for one another: requests, keys they set out to end, a picture of the day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from keyturn.schemas.snapshot import Snapshot


class Queue(Protocol):
    """The queue between inventory and rotation."""

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        """Queue one rotation request an account, each in its account's own group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one run noted down: the keys it set out to disable or delete."""

    run: str
    keys: frozenset[str]
    at: datetime
    """When, by the clock of whoever keeps it, UTC."""
    ordered: bool = False
    """Whether an operator ordered something about one of them: then no other run ends them."""


class DailyLimitLedger(Protocol):
    """Which keys of an account the runs of one UTC day are about to take in hand."""

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:
        """What each run noted down."""

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        """Note down a run's keys, in place of what it noted before."""


class Snapshots(Protocol):
    """What accounts looked like: one snapshot for each account and UTC day."""

    def of_day(self, account: str, day: date) -> Snapshot | None:
        """The snapshot of a day; None if there is none, or none of a form that we know."""

    def put(self, account: str, day: date, snapshot: Snapshot) -> None:
        """Write it, in the place of the day's earlier one."""


class Coverage(Protocol):
    """Which accounts have a snapshot of a day, and so had a run."""

    def has_before(self, day: date) -> bool:
        """Whether any account has one of an earlier day."""

    def accounts_of(self, day: date) -> frozenset[str]:
        """The accounts that have one of the day."""
