"""A link of the chain over audit entries and reports: `audit/chain/<number>.json`."""

import json
import re
from datetime import date, datetime
from typing import Any, Final, Literal, TypedDict

from keyturn.domain.audit_chain import Chained, Link
from keyturn.domain.days import read_day
from keyturn.domain.reading import read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day

VERSION: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ChainedFile(TypedDict):
    """An object, and what it was."""

    name: str
    """Below the prefix."""
    sha256: str


class LinkFile(TypedDict):
    """A link: what was stored since the link before, and which link that is."""

    version: Literal[1]
    number: int
    previous: str | None
    """The SHA-256 of the link before, byte by byte; null: it is the first."""
    made: Moment
    through: Day
    """Every object of an earlier day than this is in this link, or in one before."""
    objects: list[ChainedFile]


def write_link(link: Link) -> bytes:
    """The object of a link, JSON in UTF-8."""
    document: LinkFile = {
        "version": VERSION,
        "number": link.number,
        "previous": link.previous,
        "made": format_utc(link.made),
        "through": link.through.isoformat(),
        "objects": [{"name": each.name, "sha256": each.sha256} for each in link.objects],
    }
    return json.dumps(document, indent=1).encode()


def read_link(stored: bytes) -> Link | None:
    """A link; None: the object is none of a form that we know."""
    try:
        found: Any = read_json(stored)
        if found["version"] != VERSION:
            return None
        return Link(
            number=_number(found["number"]),
            previous=None if found["previous"] is None else _sha256(found["previous"]),
            made=_moment(found["made"]),
            through=_day(found["through"]),
            objects=tuple(
                Chained(_text(each["name"]), _sha256(each["sha256"])) for each in found["objects"]
            ),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _number(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise TypeError(found)
    return found


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found


def _sha256(found: object) -> str:
    if not _SHA256.fullmatch(_text(found)):
        raise ValueError(found)
    return _text(found)


def _moment(found: object) -> datetime:
    when = moment(_text(found))
    if when is None:
        raise ValueError(found)
    return when


def _day(found: object) -> date:
    day = read_day(_text(found))
    if day is None:
        raise ValueError(found)
    return day
