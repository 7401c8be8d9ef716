"""
What is stored, read as evidence: audit entries, receipts and what became of them.

Who could write there could write anything. What is no such object, or contradicts its own name,
is `Malformed`: it is named, and nothing is concluded from it.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from keyturn.domain.audit_answer import Notified
from keyturn.domain.days import read_day
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.tag_text import moment
from keyturn.schemas.receipt import CLAIM_SIZE
from keyturn.schemas.receipt_name import ReceiptName

_ENTRY: Final = re.compile(
    r"audit/(\d{4}-\d\d-\d\d)/(\d{6})Z-([a-z]+(?:-[a-z]+)*)-([0-9a-zA-Z]+)(\.begun)?\.json",
    re.ASCII,
)


class Malformed(Exception):
    """It is not what its name says; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRead:
    """An audit entry."""

    name: str
    command: str
    by: str
    claimed: bool
    why: str | None
    account: str | None
    user: str | None
    key: str | None
    run: str | None
    begun: datetime
    outcome: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRead:
    """What a receipt says."""

    at: datetime
    run: str
    notified: Notified


def day_of_entry(name: str) -> date | None:
    """The day of an audit entry by its name; None: it is the name of none."""
    found = _ENTRY.fullmatch(name)
    return read_day(found[1]) if found else None


def read_entry(name: str, stored: bytes) -> EntryRead:
    """An audit entry. Raises Malformed where it is none, or not the one that its name says."""
    named = _ENTRY.fullmatch(name)
    if named is None:
        raise Malformed("it has no name of an audit entry")
    found = _json(stored)
    try:
        begun = moment(_text(found["begun"]))
        if begun is None:
            raise Malformed("it does not say when it began")
        entry = EntryRead(
            name=name,
            command=_text(found["command"]),
            by=_text(found["by"]),
            claimed=found["claimed"] is not False,
            why=_text_or_none(found["why"]),
            account=_text_or_none(found["account"]),
            user=_text_or_none(found["user"]),
            key=_text_or_none(found["key"]),
            run=_text_or_none(found["run"]),
            begun=begun,
            outcome=_text(found["outcome"]),
            said=tuple(_text(each) for each in found["said"]),
        )
    except (KeyError, TypeError, ValueError):
        raise Malformed("it is no audit entry of a form that is known") from None
    if (f"{begun:%Y-%m-%d}", f"{begun:%H%M%S}", entry.command) != named.groups()[:3]:
        raise Malformed("it does not say what its name says")
    return entry


def read_receipt(name: ReceiptName, stored: bytes) -> ReceiptRead | None:
    """A receipt; None: it is a claim, whose notice was never confirmed. Raises Malformed."""
    if len(stored) == CLAIM_SIZE:
        return None
    found = _json(stored)
    try:
        at = moment(_text(found["time"]))
        recipient = Recipient(ChannelName(found["channel"]), _text(found["address"]))
        promises = {_text(act): _text(day) for act, day in found["promises"].items()}
        read = Notified(
            step=name.step,
            channel=recipient.channel,
            address=recipient.address,
            message_id=_text(found["message_id"]),
            promises=promises,
            fate="accepted",
            proves=not name.is_copy,
        )
        run = _text(found["run"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Malformed("it is no receipt of a form that is known") from None
    if at is None:
        raise Malformed("it does not say when the notice was sent")
    if name.file.recipient and name.file.recipient != str(recipient.id):
        raise Malformed(f"its name is that of another recipient than {recipient.address}")
    if not {*promises.values()} <= {day.isoformat() for day in name.file.days}:
        raise Malformed("it promises other dates than its name says")
    return ReceiptRead(at=at, run=run, notified=read)


def read_fate(stored: bytes) -> tuple[str, datetime | None, str]:
    """What became of a notice, when, and why. Raises Malformed."""
    found = _json(stored)
    try:
        return _text(found["fate"]), moment(_text(found["time"])), _text(found["why"])
    except (KeyError, TypeError, ValueError):
        raise Malformed("it does not say what became of a notice") from None


def _json(stored: bytes) -> Any:  # noqa: ANN401 -- JSON can be anything
    try:
        return read_json(stored)
    except NotReadableError as error:
        raise Malformed(f"it {error}") from None


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found


def _text_or_none(found: object) -> str | None:
    return None if found is None else _text(found)
