"""What is stored beside the page of a day: where it is, what it holds; with it that is final."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypedDict

from keyturn.domain.days import read_day
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Count, Moment
from keyturn.schemas.decision import Day

VERSION: Final = 1


class PageFile(TypedDict):
    """sha256: of the page, in hex. lacking: what was not seen; empty: nothing."""

    version: int
    day: Day
    made: Moment
    page: str
    sha256: str
    keys: Count
    accounts: Count
    lacking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """A page that is stored."""

    day: date
    """UTC."""
    made: datetime
    """UTC."""
    page: str
    """Its name in the bucket."""
    sha256: str
    keys: int
    accounts: int
    """Those that were seen."""
    lacking: str


def write_page_record(record: PageRecord) -> bytes:
    """The object."""
    found: PageFile = {
        "version": VERSION,
        "day": record.day.isoformat(),
        "made": format_utc(record.made),
        "page": record.page,
        "sha256": record.sha256,
        "keys": record.keys,
        "accounts": record.accounts,
        "lacking": record.lacking,
    }
    return (json.dumps(found) + "\n").encode()


def page_named_in(body: bytes, day: date) -> str | None:
    """The page of that day, by the name of its object; None: it is of another form, or day."""
    try:
        found: Any = read_json(body)
        page = found["page"] if read_day(found["day"]) == day else None
    except (NotReadableError, LookupError, TypeError, AttributeError):
        return None
    return page if isinstance(page, str) else None
