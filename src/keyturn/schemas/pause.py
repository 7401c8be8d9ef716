"""
A pause, as it is stored, and as the rotation function tells of one.

That the object is there is what counts; what it says is for people.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from keyturn.domain.pause import Pause
from keyturn.domain.reading import read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import Moment


class PauseOrder(TypedDict):
    """Who asked for a pause, when and why."""

    by: str
    at: Moment
    why: str


class PauseFile(PauseOrder):
    """Who paused, when and why; also: who asked for it while it was in force."""

    also: NotRequired[list[PauseOrder]]


def pause_file(pause: Pause) -> PauseFile:
    """The form of a pause."""
    found: PauseFile = {"by": pause.by, "at": format_utc(pause.at), "why": pause.why}
    if pause.also:
        found["also"] = pause_orders(pause)
    return found


def pause_orders(pause: Pause) -> list[PauseOrder]:
    """Who asked for a pause while this one was in force."""
    return [{"by": each.by, "at": format_utc(each.at), "why": each.why} for each in pause.also]


def write_pause(pause: Pause) -> bytes:
    """The object of a pause."""
    return json.dumps(pause_file(pause), indent=2).encode()


def read_pause(body: bytes, at: datetime) -> Pause:
    """
    Read a pause; one that says nothing is a pause all the same.

    at: since when, by the clock of whoever stores it; what the object says of that is for people.
    Where a later order was stored beside it, that clock says when, and the object's word counts.
    """
    also: tuple[Pause, ...] = ()
    try:
        stored = read_json(body)
        by, why = str(stored["by"]), str(stored["why"])
        also = tuple(filter(None, map(_order, stored.get("also", ()))))
        at = (moment(stored["at"]) or at) if also else at
    except (KeyError, TypeError, ValueError, AttributeError):
        by, why = "somebody", "no reason was given"
    return Pause(by=by, at=at.astimezone(UTC), why=why, also=also)


def _order(stored: object) -> Pause | None:
    if not isinstance(stored, Mapping):
        return None
    at = moment(str(stored.get("at")))
    return Pause(by=str(stored.get("by")), at=at, why=str(stored.get("why"))) if at else None
