"""What was begun about a key in a channel, so that what follows is put under it."""

from datetime import datetime
from typing import Protocol

from keyturn.domain.recipient import Recipient


class Conversations(Protocol):
    """One conversation for each recipient, account and key."""

    def find(self, recipient: Recipient, account: str, key_id: str) -> str | None:
        """
        The channel's own reference of it; None: none was begun, or it is not known any more.

        Raises a PortError where nobody can tell.
        """

    def begin(self, recipient: Recipient, account: str, key_id: str, reference: str) -> None:
        """Remember it, instead of one of before. Raises a PortError where that fails."""

    def reserve(self, recipient: Recipient, account: str, key_id: str, now: datetime) -> str:
        """
        Take the right to begin one; what gives it back comes back.

        It lasts until one is begun, it is given back, or 15 minutes are over: who takes it then
        has to look whether the one before began one after all.

        Raises:
            AlreadyThere: one was begun.
            Throttled: another has the right.
            PortError: nobody can tell.

        """

    def give_back(self, recipient: Recipient, account: str, key_id: str, right: str) -> None:
        """Give the right back; what is there by now instead of it stays. Raises a PortError."""
