"""The proof that somebody was notified, as it is stored."""

from typing import TypedDict

from keyturn.domain.key import Act
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day


class ReceiptFile(TypedDict):
    """The proof that a channel took a notice."""

    time: Moment
    channel: str
    address: str
    message_id: str
    promises: dict[Act, Day]
    run: str
