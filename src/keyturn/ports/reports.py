"""What is stored of each day of the whole organisation, and how much work still waits."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from keyturn.domain.admin_digest import MadeDigest, RecordedInventory, Reported


class InventoryRecords(Protocol):
    """Where each inventory leaves word of the accounts that it queues."""

    def record(self, taken: RecordedInventory) -> None:
        """Write it down, beside those of the same day. Raises a PortError where that fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDay:
    """What is stored of a day, by its names alone."""

    has_digest: bool = False
    is_held: bool = False
    """Whether there is a digest that was to be published: nobody knows whether it was."""
    inventories: Mapping[str, datetime] = field(default_factory=dict)
    """Name of each inventory's record → when it was stored, UTC."""


class Rows(Protocol):
    """The rows of a day's `keys.csv`, as they come."""

    def write(self, rows: str) -> None:
        """Add rows; what goes wrong with them, `store` says."""

    def store(self) -> None:
        """Store the whole. Raises a PortError where that fails."""


class DailyReports(Protocol):
    """What is stored of each day: its inventories, its digest and the rows of all keys."""

    def has_before(self, day: date) -> bool:
        """Whether anything is stored of an earlier UTC day."""

    def of_day(self, day: date) -> StoredDay:
        """What is stored of a UTC day. Raises a PortError where that cannot be listed."""

    def inventory(self, day: date, name: str) -> RecordedInventory | None:
        """The record of an inventory; None: it is of no form that we know, or has gone."""

    def reported(self, day: date) -> Reported | None:
        """What the digest of a UTC day remembers; None likewise."""

    def csv_of(self, day: date) -> str:
        """Where the rows of all keys are stored: the name of an object in the bucket."""

    def rows(self, day: date) -> AbstractContextManager[Rows]:
        """Begin the rows of all keys; they are stored only when they are told to be."""

    def hold(self, made: MadeDigest) -> None:
        """Store what is to be published, in the place of one that nobody can read."""

    def held(self, day: date) -> MadeDigest | None:
        """What was to be published of a UTC day; None: it is of no form that we know."""

    def put(self, made: MadeDigest) -> None:
        """Store the day's digest. Raises AlreadyThere where there is one."""


class Backlog(Protocol):
    """How much is still to be done."""

    def is_empty(self) -> bool:
        """
        Whether no account waits for its run, nor is being worked on, as far as the queue knows.

        Raises a PortError where nobody can say: that is not "empty".
        """
