"""
A receipt of a key, by the name of its object alone.

`receipts/<account>/<user>/<key id>/<step>/<day>[_<delete day>].<channel>.<hash>.json`, and what
became of it beside it: the same name with an ending more. adapters/s3_receipts.py has them all.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from keyturn.domain.days import read_day
from keyturn.domain.recipient import ChannelName, RecipientId, read_recipient_id
from keyturn.schemas.receipt import BOUNCED, DELIVERED, MISSED

_FATES: Final = (BOUNCED, DELIVERED, MISSED)
_PARTS: Final = 6
"""Folder, account, user, key, step and name."""
_CHANNELS: Final = "channels/"
"""Before the account, for the channels beside mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptName:
    """What stands in it."""

    key_id: str
    """Of a dry run's digest, which names no key, something that is no key's id."""
    step: str
    day: date
    """Which the notice was about."""
    to: RecipientId | None
    """None: an earlier version named nobody; it was by e-mail."""
    receipt: str
    """The receipt's own name: that of a fate without its ending."""
    fate: str = ""
    """`.delivered` and so on, where it is not the receipt itself."""

    @property
    def channel(self) -> ChannelName:
        """By which way."""
        return self.to.channel if self.to else ChannelName.EMAIL


def read_receipt_name(name: str) -> ReceiptName | None:
    """Read a name; None: it is of another kind, such as a copy for the admin."""
    fate = next((each for each in _FATES if name.endswith(each)), "")
    receipt = name.removesuffix(fate)
    parts = receipt.removeprefix(_CHANNELS).split("/")
    # Of the channels beside mail the first part is missing.
    parts = ["receipts", *parts] if receipt.startswith(_CHANNELS) else parts
    if len(parts) != _PARTS or not receipt.endswith(".json") or receipt.endswith(".admin.json"):
        return None
    *_, key_id, step, last = parts
    days, _, to = last.removesuffix(".json").partition(".")
    day = read_day(days.partition("_")[0])
    if day is None:
        return None
    return ReceiptName(
        key_id=key_id,
        step=step,
        day=day,
        to=read_recipient_id(to) if to else None,
        receipt=receipt,
        fate=fate,
    )
