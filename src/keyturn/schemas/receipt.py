"""
The proof that somebody was notified, as it is stored.

For people: what the engine asks stands in the object's name (adapters/s3_receipts.py), so a
receipt of any age counts. Ours read two things: in one of an earlier version, whose name does not
say it, who was notified; and in one whose mail came back, whether it is of that message.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final, TypedDict

from keyturn.domain.days import can_be
from keyturn.domain.key import Act
from keyturn.domain.reading import read_json
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId, read_recipient_id
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
MISSED: Final = ".missed"
"""Ends the name of what says that it did not arrive, and the next may, beside it."""
DAILY: Final = "_daily"
"""The folder of the administrators' digests of a day, of all accounts; no account is called so."""
MESSAGES: Final = "_messages"
"""The folder of the messages, each with its receipts' names; nor so."""
UNDELIVERABLE: Final = "_undeliverable"
"""The folder of the addresses that no message reaches; nor so."""
REACHED: Final = "_reached"
"""The folder of the addresses that a message has reached; nor so."""
RETURNED: Final = "_returned"
"""The folder of the addresses from which a message came back; nor so."""
ASIDE: Final = frozenset({MESSAGES, UNDELIVERABLE, REACHED, RETURNED})
"""The folders beside the receipts: what lies there proves nothing of anybody."""
_SINCE: Final = "%Y%m%dT%H%M%SZ"


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


def mark_name(recipient: RecipientId, since: datetime) -> str:
    """The name of the object that says since when a recipient cannot be reached; since: UTC."""
    return f"{recipient}.{since:{_SINCE}}.json"


def read_mark_name(name: str, written_at: datetime) -> tuple[RecipientId, datetime] | None:
    """
    Who cannot be reached, and since when, UTC, by an object's name; None: it is no such name.

    written_at: when the object was; one of an earlier version does not say since when.
    """
    channel, _, rest = name.removesuffix(".json").partition(".")
    address_hash, _, since = rest.partition(".")
    recipient = read_recipient_id(f"{channel}.{address_hash}")
    if recipient is None or not name.endswith(".json"):
        return None
    with suppress(ValueError):
        found = datetime.strptime(since, _SINCE).replace(tzinfo=UTC)
        return recipient, found if can_be(found) else written_at
    return recipient, written_at
