"""What the demo's bucket holds in the end, as whoever makes page and reports reads it."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from keyturn.domain.errors import NotFound
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.ports.evidence import StoredObject
from keyturn.schemas.receipt import CLAIM_SIZE

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class DemoEvidence:
    """Meets `ports.Evidence`."""

    place = "the demo's bucket: "

    def __init__(self, objects: Mapping[str, bytes], *, prefix: str) -> None:
        """objects: name → what the bucket holds; prefix: Keyturn's."""
        start = f"{prefix}/"
        self._objects = {
            name.removeprefix(start): body
            for name, body in sorted(objects.items())
            if name.startswith(start)
        }

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """The objects whose names begin so."""
        for name, body in self._objects.items():
            if name.startswith(start) and name > after:
                yield StoredObject(name=name, at=_time(name, body), size=len(body))

    def folders(self, start: str) -> Iterator[str]:
        """The folders just below."""
        found = (name.removeprefix(start) for name in self._objects if name.startswith(start))
        yield from sorted({f"{start}{each.partition('/')[0]}/" for each in found if "/" in each})

    def read(self, name: str) -> bytes:
        """An object."""
        try:
            return self._objects[name]
        except KeyError:
            raise NotFound(name) from None

    def sha256(self, name: str) -> str:
        """An object's SHA-256."""
        return hashlib.sha256(self.read(name)).hexdigest()


def _time(name: str, body: bytes) -> datetime:
    """When it was written: the objects have no times any more, but a receipt tells its own."""
    if not name.startswith(("receipts/", "channels/")) or len(body) <= CLAIM_SIZE:
        return _NO_TIME
    try:
        found: Any = read_json(body)
        return datetime.fromisoformat(found["time"])
    except (NotReadableError, KeyError, TypeError, ValueError):
        return _NO_TIME
