"""What is stored in the bucket, to be looked at and never written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object, as a list shows it."""

    name: str
    """Below Keyturn's prefix."""
    at: datetime
    """When it was written, UTC."""
    size: int
    """Bytes."""


class Archive(Protocol):
    """Keyturn's part of the bucket, or a copy of it."""

    def folders(self, below: str) -> tuple[str, ...]:
        """The folders right below one, sorted. Raises a PortError where they cannot be listed."""

    def objects(self, below: str) -> Iterable[StoredObject]:
        """Every object below a folder, by name. Raises a PortError where they cannot be listed."""

    def read(self, name: str) -> bytes | None:
        """An object; None: there is none. Raises a PortError where it cannot be read."""
