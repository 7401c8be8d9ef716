"""
The proof that somebody was notified, as it is stored.

For people: what the engine asks stands in the object's name (adapters/s3_receipts.py), so a
receipt of any age counts. Ours read one of an earlier version alone, whose name does not say who
was notified.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, TypedDict

from keyturn.domain.key import Act
from keyturn.domain.reading import read_json
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day

CLAIM_SIZE: Final = 36
"""
Bytes of a claim, which is a uuid and nothing else.

A receipt of that size would pass for a claim; ours have a hundred and more.
"""
BOUNCED: Final = ".bounced"
"""Ends the name of what voids a receipt, beside it."""
DELIVERED: Final = ".delivered"
"""Ends the name of what says that it arrived, beside it."""
UNDELIVERABLE: Final = "_undeliverable"
"""The folder of the addresses that no message reaches; no account is called so."""


class ReceiptFile(TypedDict):
    """The proof that a channel took a notice."""

    time: Moment
    channel: str
    address: str
    message_id: str
    promises: dict[Act, Day]
    run: str


def write_receipt(
    recipient: Recipient,
    *,
    at: datetime,
    message_id: str,
    promises: Mapping[Act, date],
    run: str,
) -> bytes:
    """The object of a receipt, JSON in UTF-8; at: UTC; promises: act → date."""
    receipt: ReceiptFile = {
        "time": format_utc(at),
        "channel": recipient.channel,
        "address": recipient.address,
        "message_id": message_id,
        "promises": {act: day.isoformat() for act, day in promises.items()},
        "run": run,
    }
    return json.dumps(receipt, indent=2).encode()


def read_recipient(receipt: bytes) -> Recipient | None:
    """Who was notified, by the receipt's own words; None: it does not say."""
    try:
        found: Any = read_json(receipt)
        return Recipient(ChannelName(found["channel"]), _text(found["address"]))
    except (ValueError, TypeError, KeyError):
        return None


def read_message_id(receipt: bytes) -> str | None:
    """Which message a receipt stands for; None: it does not say."""
    try:
        found: Any = read_json(receipt)
        return _text(found["message_id"])
    except (ValueError, TypeError, KeyError):
        return None


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found
