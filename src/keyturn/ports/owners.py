"""Who answers for users, beside what the users themselves say."""

from enum import StrEnum
from typing import Protocol

from keyturn.domain.owners_file import OwnersFile


class OwnersFileStore(Protocol):
    """Where the owners file is stored."""

    def read(self) -> OwnersFile | None:
        """
        Read the file, with all that is wrong in it.

        None: there is none. A file that is no owners file at all is one without rules, and its
        problems say so. Raises a PortError where nobody can say what it holds.
        """


class ContactType(StrEnum):
    """An account's alternate contacts, as AWS spells them (AlternateContactType)."""

    SECURITY = "SECURITY"
    OPERATIONS = "OPERATIONS"


class AlternateContacts(Protocol):
    """AWS Account Management in a member account."""

    def of(self, account: str, kind: ContactType) -> str:
        """
        The e-mail address of one contact of the account; empty: it has none.

        Raises a PortError where it cannot be read: that is not "none".
        """
