"""What was begun about a key in a channel, so that what follows is put under it."""

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
