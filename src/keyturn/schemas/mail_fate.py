"""
What became of a mail, as it is stored: by message, beside each receipt, and by address.

The engine goes by the names of these objects alone (adapters/s3_fates.py); what stands in them
is for people. Ours read two: which receipts a message stands behind, and when an address was
reached.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, TypedDict

from keyturn.domain.mail_fate import MailEvent, MailFate
from keyturn.domain.reading import read_json
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import Moment
from keyturn.schemas.receipt import ASIDE

_RECEIPT: Final = re.compile(r"(\d{12}|_[a-z]+)/[^\x00-\x1f]+\.json")
"""The name of a receipt below `receipts/`: an account's, or one of a report of all of them."""


class MessageFile(TypedDict):
    """A message that was sent: `receipts/_messages/<id>.json`."""

    time: Moment
    channel: str
    address: str
    message_id: str
    receipts: list[str]
    """Names below `receipts/`."""


class FateFile(TypedDict):
    """
    What became of a message.

    `<receipt>.bounced`, `.delivered`, `.missed`; `receipts/_returned/<recipient>.<at>.json`.
    """

    time: Moment
    """When it became so."""
    fate: MailFate
    why: str
    """In the channel's words."""
    message_id: str
    event_id: str


class UndeliverableFile(TypedDict):
    """An address that cannot be reached: `receipts/_undeliverable/<recipient>.<since>.json`."""

    time: Moment
    """Since when."""
    channel: str
    address: str
    why: str
    message_id: str | None
    """The message that came back; null: none was sent."""


class ReachedFile(TypedDict):
    """An address that was reached: `receipts/_reached/<recipient>.json`."""

    time: Moment
    """When the last message that reached it was sent."""
    channel: str
    address: str


def write_message(
    recipient: Recipient, *, at: datetime, message_id: str, receipts: Iterable[str]
) -> bytes:
    """The object of a message, JSON in UTF-8; at: UTC; receipts: their names below `receipts/`."""
    message: MessageFile = {
        "time": format_utc(at),
        "channel": recipient.channel,
        "address": recipient.address,
        "message_id": message_id,
        "receipts": list(receipts),
    }
    return json.dumps(message, indent=2).encode()


def read_message(stored: bytes) -> tuple[Recipient, tuple[str, ...]] | None:
    """To whom a message went, and its receipts; None: the object does not say so in our form."""
    try:
        found: Any = read_json(stored)
        recipient = Recipient(ChannelName(found["channel"]), found["address"])
        receipts = tuple(found["receipts"])
        if isinstance(recipient.address, str) and all(map(_is_receipt, receipts)):
            return recipient, receipts
    except (ValueError, TypeError, KeyError):
        pass
    return None


def _is_receipt(name: object) -> bool:
    if not isinstance(name, str) or not _RECEIPT.fullmatch(name):
        return False
    return name.partition("/")[0] not in ASIDE


def write_fate(event: MailEvent) -> bytes:
    """The object beside a receipt, JSON in UTF-8."""
    fate: FateFile = {
        "time": format_utc(event.at),
        "fate": event.fate,
        "why": event.why,
        "message_id": event.message_id,
        "event_id": event.id,
    }
    return json.dumps(fate, indent=2).encode()


def write_undeliverable(
    recipient: Recipient, *, since: datetime, why: str, message_id: str | None
) -> bytes:
    """The object of an address, JSON in UTF-8; since: UTC."""
    found: UndeliverableFile = {
        "time": format_utc(since),
        "channel": recipient.channel,
        "address": recipient.address,
        "why": why,
        "message_id": message_id,
    }
    return json.dumps(found, indent=2).encode()


def write_reached(recipient: Recipient, *, sent_at: datetime) -> bytes:
    """The object of an address, JSON in UTF-8; sent_at: UTC."""
    found: ReachedFile = {
        "time": format_utc(sent_at),
        "channel": recipient.channel,
        "address": recipient.address,
    }
    return json.dumps(found, indent=2).encode()


def read_reached(stored: bytes) -> datetime | None:
    """When the last message that reached an address was sent, UTC; None: it does not say."""
    try:
        found: Any = read_json(stored)
        return moment(found["time"])
    except (ValueError, TypeError, KeyError):
        return None
