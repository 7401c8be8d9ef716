"""The keys that a run is about to end, as it reserves them: an object of the day's ledger."""

import json
from collections.abc import Collection
from typing import TypedDict

from keyturn.domain.reading import read_json


class ReservationFile(TypedDict):
    """The ids of the keys, sorted."""

    keys: list[str]


def write_reservation(keys: Collection[str]) -> bytes:
    """The object of a reservation."""
    document: ReservationFile = {"keys": sorted(keys)}
    return json.dumps(document).encode()


def read_reservation(body: bytes) -> frozenset[str]:
    """Read the ids. Raises KeyError, TypeError or ValueError where it holds no list of them."""
    return frozenset(map(str, read_json(body)["keys"]))
