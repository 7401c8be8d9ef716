"""What the keys of a plan are sorted by."""

from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from keyturn.domain.decision import Decision


class KeyRow(Protocol):
    """A key in a list."""

    @property
    def user(self) -> str:
        """Its user's name."""

    @property
    def decision(self) -> "Decision":
        """What was decided."""


Row = TypeVar("Row", bound=KeyRow)


class SortBy(StrEnum):
    """By account and user as they are listed, or the first to worry about first."""

    ACCOUNT = "account"
    AGE = "age"
    NEXT = "next"
    STATE = "state"
    USER = "user"

    def sorted(self, rows: Iterable[Row]) -> list[Row]:
        """The rows in this order; what is equal stays as it was."""
        key = _KEYS.get(self)
        return sorted(rows, key=key) if key else list(rows)


_KEYS: dict[SortBy, Callable[[KeyRow], Any]] = {
    SortBy.AGE: lambda row: -row.decision.age,
    SortBy.NEXT: lambda row: row.decision.next.day if row.decision.next else date.max,
    SortBy.STATE: lambda row: list(type(row.decision.state)).index(row.decision.state),
    SortBy.USER: lambda row: row.user.casefold(),
}
