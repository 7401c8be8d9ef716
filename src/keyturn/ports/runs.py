"""What runs leave for one another: requests, keys they set out to end, a picture of the day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from keyturn.schemas.snapshot import Snapshot


class Queue(Protocol):
    """The queue between inventory and rotation."""

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        """
        Queue one rotation request an account, each in its account's own group.

        requests: field → value, as JSON has it; "account" names the group.
        Raises a PortError that names the accounts whose requests were not taken; the others' were.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one run noted down: the keys it set out to disable or delete."""

    run: str
    keys: frozenset[str]
    """Their ids."""
    at: datetime
    """When, by the clock of whoever keeps it, UTC."""
    ordered: bool = False
    """Whether an operator ordered something about one of them: then no other run ends them."""


class DailyLimitLedger(Protocol):
    """Which keys of an account the runs of one UTC day are about to take in hand."""

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:
        """What each run noted down on a UTC day. Raises a PortError where one cannot be read."""

    def reserve(
        self, account: str, day: date, run: str, keys: Collection[str], *, ordered: bool = False
    ) -> None:
        """
        Note down a run's keys (by their ids), in place of what it noted before.

        ordered: an operator ordered something about them; then no run is to end them.
        Raises a PortError where it could not be written: then no key may end (decision 0014).
        """


class Snapshots(Protocol):
    """What accounts looked like: one snapshot for each account and UTC day."""

    def of_day(self, account: str, day: date) -> Snapshot | None:
        """The snapshot of a UTC day; None: there is none, or none of a form that we know."""

    def put(self, account: str, day: date, snapshot: Snapshot) -> None:
        """Write it, in the place of the day's earlier one."""

    def put_first(self, account: str, day: date, snapshot: Snapshot) -> bool:
        """Write it where the day has none; False: it has one, and nothing was written."""


class Coverage(Protocol):
    """Which accounts have a snapshot of a day, and so had a run."""

    def has_before(self, day: date) -> bool:
        """Whether any account has one of an earlier day."""

    def accounts_of(self, day: date) -> frozenset[str]:
        """The ids of the accounts that have one of the UTC day."""


class DatedCoverage(Coverage, Protocol):
    """The same, and when each snapshot was written."""

    def changed_since(self, day: date, moment: datetime) -> frozenset[str]:
        """Those whose snapshot of the UTC day was written then or later."""
