"""
A pause, as it is stored, and as the rotation function tells of one.

That the object is there is what counts; what it says is for people.
"""

import json
from datetime import UTC, datetime
from typing import TypedDict

from keyturn.domain.pause import Pause
from keyturn.domain.reading import read_json
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Moment


class PauseFile(TypedDict):
    """Who paused, when and why."""

    by: str
    at: Moment
    why: str


def pause_file(pause: Pause) -> PauseFile:
    """The form of a pause."""
    return {"by": pause.by, "at": format_utc(pause.at), "why": pause.why}


def write_pause(pause: Pause) -> bytes:
    """The object of a pause."""
    return json.dumps(pause_file(pause), indent=2).encode()


def read_pause(body: bytes, at: datetime) -> Pause:
    """
    Read a pause; one that says nothing is a pause all the same.

    at: since when, by the clock of whoever stores it; what the object says of that is for people.
    """
    try:
        stored = read_json(body)
        by, why = str(stored["by"]), str(stored["why"])
    except (KeyError, TypeError, ValueError):
        by, why = "somebody", "no reason was given"
    return Pause(by=by, at=at.astimezone(UTC), why=why)
