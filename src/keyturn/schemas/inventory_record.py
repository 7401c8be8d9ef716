"""Which accounts an inventory of a day queued, as it is stored."""

import json
from typing import Final, Literal, TypedDict

from keyturn.domain.admin_digest import RecordedInventory
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import AccountId, Count, Moment

VERSION: Final = 1


class InventoryFile(TypedDict):
    """Which accounts an inventory queued, by their ids, and how many it skipped on purpose."""

    version: Literal[1]
    run: str
    at: Moment
    queued: dict[AccountId, str]
    skipped: Count


def inventory_file(taken: RecordedInventory) -> InventoryFile:
    """The form of an inventory."""
    return {
        "version": VERSION,
        "run": taken.run,
        "at": format_utc(taken.at),
        "queued": dict(taken.queued),
        "skipped": taken.skipped,
    }


def write_inventory(taken: RecordedInventory) -> bytes:
    """The object of an inventory."""
    return (json.dumps(inventory_file(taken), separators=(",", ":")) + "\n").encode()


def read_inventory(body: bytes) -> RecordedInventory | None:
    """Read an inventory; None: it is of no form that we know."""
    try:
        found = read_json(body)
        at, queued, skipped = moment(found["at"]), found["queued"], found["skipped"]
        known = found["version"] == VERSION and at is not None and _is_count(skipped)
        if (
            not known
            or not all(isinstance(each, str) for each in (*queued, *queued.values()))
            or at is None
        ):
            return None
        return RecordedInventory(run=str(found["run"]), at=at, queued=queued, skipped=skipped)
    except (NotReadableError, KeyError, TypeError, AttributeError):
        return None


def _is_count(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0
