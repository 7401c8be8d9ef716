"""
What the name of a receipt about a key says.

`receipts/<account>/<user>/<key id>/<step>/<day>[_<delete day>].<channel>.<hash>[.admin].json`, and
what became of it beside it: the same name with an ending more. All names: adapters/s3_receipts.py.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

from keyturn.domain.days import read_day
from keyturn.domain.errors import KeyturnError
from keyturn.domain.recipient import ChannelName, RecipientId, read_recipient_id
from keyturn.domain.secret_names import owner_of_secret
from keyturn.schemas.receipt import BOUNCED, DELIVERED, MISSED

FATES: Final = (BOUNCED, MISSED, DELIVERED)
"""What may stand beside a receipt, by its ending; the first that is there has the last word."""
_RECEIPT: Final = re.compile(
    r"(?:receipts|channels)/(\d{12})/([^/]+)/([A-Z0-9]{16,128})/([a-z0-9-]+)/([^/]+)", re.ASCII
)
_JSON: Final = ".json"
_COPY: Final = "admin"
"""Before that, of the administrators' copy, which proves nothing to an owner (decision 0012)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """What the last part of the name says."""

    days: tuple[date, ...]
    """Which the notice was about, in their order; one at least."""
    recipient: str
    """`<channel>.<hash>`, as it stands there; empty: an earlier version named nobody."""
    is_copy: bool

    @property
    def to(self) -> RecipientId | None:
        """Who was notified; None: it names nobody, or nobody that is known."""
        return read_recipient_id(self.recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptName:
    """What the whole name says."""

    account: str
    encoded_user: str
    key_id: str
    step: str
    file: ReceiptFile
    receipt: str
    """The receipt's own name: that of a fate without its ending."""
    fate: str = ""
    """`.delivered` and so on, where it is not the receipt itself."""

    @property
    def user(self) -> str:
        """The user's name."""
        with suppress(KeyturnError):
            secret = f"Account_{self.account}_User_{self.encoded_user}_AccessKey"
            return owner_of_secret(secret)[1]
        return self.encoded_user

    @property
    def day(self) -> date:
        """Which the notice was about."""
        return self.file.days[0]

    @property
    def is_copy(self) -> bool:
        """Whether it is the administrators' copy."""
        return self.file.is_copy

    @property
    def to(self) -> RecipientId | None:
        """Who was notified; None: an earlier version named nobody; it was by e-mail."""
        return self.file.to

    @property
    def channel(self) -> ChannelName:
        """By which way."""
        return self.to.channel if self.to else ChannelName.EMAIL


def read_receipt_name(name: str) -> ReceiptName | None:
    """Read a name; None: it is of another kind, such as a dry run's."""
    fate = next((each for each in FATES if name.endswith(each)), "")
    receipt = name.removesuffix(fate)
    found = _RECEIPT.fullmatch(receipt)
    file = read_receipt_file(found[5]) if found else None
    if found is None or file is None:
        return None
    account, user, key_id, step, _ = found.groups()
    return ReceiptName(
        account=account,
        encoded_user=user,
        key_id=key_id,
        step=step,
        file=file,
        receipt=receipt,
        fate=fate,
    )


def read_receipt_file(name: str) -> ReceiptFile | None:
    """Read the last part of a receipt's name; None: it is none."""
    if not name.endswith(_JSON):
        return None
    dates, _, rest = name.removesuffix(_JSON).partition(".")
    days = read_days(dates)
    if not days:
        return None
    is_copy = rest == _COPY or rest.endswith(f".{_COPY}")
    recipient = rest.removesuffix(_COPY).removesuffix(".") if is_copy else rest
    return ReceiptFile(days=days, recipient=recipient, is_copy=is_copy)


def read_days(dates: str) -> tuple[date, ...]:
    """The dates in a name; none where one of them is none."""
    days = [read_day(each) for each in dates.split("_")]
    return () if None in days else tuple(day for day in days if day is not None)
