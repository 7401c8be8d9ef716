"""Where the reports of weeks and months are stored."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object that was stored."""

    name: str
    """Its whole name in the bucket."""
    sha256: str
    """In hex."""


class ReportRows(Protocol):
    """The rows of a report's CSV, as they come."""

    def write(self, rows: str) -> None:
        """Add rows; what goes wrong with them, `store` says."""

    def store(self, name: str) -> "Stored":
        """
        Store the whole as a new object, for good; where, and what. Raises a PortError.

        The same, stored before, is left as it is; where something else is stored under that name,
        it goes beside it, under one that tells the two apart.
        """


class PeriodReports(Protocol):
    """What is stored of reports; names are below Keyturn's prefix."""

    def names(self, start: str, *, after: str) -> Iterable[str]:
        """The names that begin so and sort behind another. Raises a PortError."""

    def has(self, name: str) -> bool:
        """Whether there is an object of that name. Raises a PortError where nobody can say."""

    def read(self, name: str) -> bytes:
        """An object. Raises a PortError, NotFound where there is none."""

    def add(self, name: str, body: bytes) -> None:
        """Store a new object, for good. Raises AlreadyThere where there is one."""

    def rows(self) -> AbstractContextManager[ReportRows]:
        """Begin the rows of a CSV; they are stored only when they are told to be."""
