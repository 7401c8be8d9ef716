"""What the demo's bucket holds in the end, as the page's maker reads it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from keyturn.domain.reading import NotReadableError, read_json
from keyturn.ports.archive import StoredObject
from keyturn.schemas.receipt import CLAIM_SIZE

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class DemoArchive:
    """Meets `ports.Archive`."""

    def __init__(self, objects: Mapping[str, bytes], *, prefix: str) -> None:
        """objects: name → what the bucket holds; prefix: Keyturn's."""
        start = f"{prefix}/"
        self._objects = {
            name.removeprefix(start): body
            for name, body in sorted(objects.items())
            if name.startswith(start)
        }

    def folders(self, below: str) -> tuple[str, ...]:
        """The folders right below one."""
        start = f"{below}/"
        found = (name.removeprefix(start) for name in self._objects if name.startswith(start))
        return tuple(sorted({each.partition("/")[0] for each in found if "/" in each}))

    def objects(self, below: str) -> Iterator[StoredObject]:
        """Every object below a folder."""
        for name, body in self._objects.items():
            if name.startswith(f"{below}/"):
                yield StoredObject(name=name, at=_time(name, body), size=len(body))

    def read(self, name: str) -> bytes | None:
        """An object."""
        return self._objects.get(name)


def _time(name: str, body: bytes) -> datetime:
    """When it was written: the objects have no times any more, but a receipt tells its own."""
    if not name.startswith(("receipts/", "channels/")) or len(body) <= CLAIM_SIZE:
        return _NO_TIME
    try:
        found: Any = read_json(body)
        return datetime.fromisoformat(found["time"])
    except (NotReadableError, KeyError, TypeError, ValueError):
        return _NO_TIME
