"""Who answers for a user's keys."""

from dataclasses import dataclass
from enum import StrEnum

from keyturn.domain.names import ONE_ADDRESS


class OwnerSource(StrEnum):
    """Where an owner's address was found, or why there is none."""

    TAG = "tag"
    ACCOUNT = "account"
    NONE = "none"
    UNREADABLE = "unreadable"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of a user's keys, as far as it is known."""

    address: str | None = None
    source: OwnerSource = OwnerSource.UNREAD

    @property
    def is_missing(self) -> bool:
        """Whether it was looked for, and there is none."""
        return self.source is OwnerSource.NONE

    def __str__(self) -> str:
        """In words."""
        match self.source:
            case OwnerSource.TAG:
                return f"{self.address} (the user's tag)"
            case OwnerSource.ACCOUNT:
                return f"{self.address} (the account's address)"
            case OwnerSource.NONE:
                return "not known: neither the user's tag nor the account has an address"
            case OwnerSource.UNREADABLE:
                return "not known: it could not be read"
            case OwnerSource.UNREAD:
                return "not looked for"


def owner_of(tagged: str | None, email: str) -> Owner:
    """
    The address of the user's tag, else the account's; what is no address counts as none.

    The notifier sends to nothing else: a tag with a typo would keep its key working for ever.
    """
    for address, source in ((tagged, OwnerSource.TAG), (email, OwnerSource.ACCOUNT)):
        if address and ONE_ADDRESS.fullmatch(address):
            return Owner(address=address, source=source)
    return Owner(source=OwnerSource.NONE)
