"""
The time that an operator gave a key, as it is stored: `deferrals/<account>/<key id>.json`.

What `keyturn defer` answers, too.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, TypedDict

from keyturn.domain.days import read_day
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import Unknown
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.decision import Day

VERSION: Final = 1


class DeferralFile(TypedDict):
    """
    More time for a key: until which day, by whom, and where that was approved of.

    first: when it was given time for the first time; the longest that it can have counts from
    there. at: when this was ordered.
    """

    version: Literal[1]
    account: AccountId
    key: str
    until: Day
    first: Moment
    at: Moment
    by: str
    ticket: str
    why: str | None


def deferral_form(deferral: Deferral) -> DeferralFile:
    """The form of what an operator gave a key."""
    return {
        "version": VERSION,
        "account": deferral.account,
        "key": deferral.key_id,
        "until": deferral.until.isoformat(),
        "first": format_utc(deferral.first),
        "at": format_utc(deferral.at),
        "by": deferral.by,
        "ticket": deferral.ticket,
        "why": deferral.why,
    }


def write_deferral(deferral: Deferral) -> bytes:
    """What is stored."""
    return (json.dumps(deferral_form(deferral)) + "\n").encode()


def read_deferral(
    body: bytes, *, account: str, key_id: str, written: datetime
) -> Deferral | Unknown:
    """
    Read what is stored for a key.

    Unknown: it is of no form that we know, so it may say "wait". Raises nothing.

    Args:
        body: the object.
        account: in whose folder it is.
        key_id: by whose name.
        written: when it was stored, UTC, by S3's clock: nothing was ordered after it.

    """
    try:
        found = read_json(body)
        read = _read(found, account, key_id) if isinstance(found, Mapping) else None
    except (NotReadableError, KeyError, TypeError, AttributeError):
        read = None
    if read is None:
        return Unknown("what is stored of it is of no form that this version knows")
    at = min(read.at, written)
    return replace(read, at=at, first=min(read.first, at))


def _read(found: Mapping[str, Any], account: str, key_id: str) -> Deferral | None:
    first, at, until = moment(found["first"]), moment(found["at"]), read_day(found["until"])
    if found["version"] != VERSION or first is None or at is None or until is None:
        return None
    return Deferral(
        account=account,
        key_id=key_id,
        until=until,
        first=first,
        at=at,
        by=str(found["by"]),
        ticket=str(found["ticket"]),
        why=None if found["why"] is None else str(found["why"]),
    )
