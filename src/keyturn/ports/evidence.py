"""What is stored below the prefix, for pages, reports and auditors: a bucket, or a copy of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object, by what a listing says."""

    name: str
    """Below the prefix."""
    size: int
    at: datetime
    """When it was stored, UTC; in a copy, the file's time, which `aws s3 sync` keeps."""


class Evidence(Protocol):
    """Reads everything that is stored, and writes nothing."""

    @property
    def place(self) -> str:
        """Where it is, as people write it."""

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """
        The objects whose names begin with `start`, as the names sort.

        after: only what sorts behind this name. Raises a PortError where they cannot be listed.
        """

    def folders(self, start: str) -> Iterator[str]:
        """The folders just below `start`, which ends in a slash; each ends in one, too."""

    def read(self, name: str) -> bytes:
        """An object. Raises NotFound where there is none of that name."""

    def sha256(self, name: str) -> str:
        """An object's SHA-256, in hex, however large it is. Raises NotFound likewise."""


class ChainStore(Evidence, Protocol):
    """The same, where links may be added."""

    def add(self, name: str, body: bytes) -> None:
        """Store a new object. Raises AlreadyThere where there is another one of that name."""


class EventHistory(Protocol):
    """CloudTrail's event history of an account: 90 days of calls, without data events."""

    def pages(
        self, region: str, by: str, value: str, *, since: datetime, until: datetime
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """
        The events of a region, the latest first, page by page, as AWS gives them.

        by: AccessKeyId or EventName. Raises a PortError where a page is refused; what came before
        it stands.
        """
