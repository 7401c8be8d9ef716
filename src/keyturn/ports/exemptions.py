"""Until when users are exempt, and which keys are given more time."""

from dataclasses import dataclass
from typing import Protocol

from keyturn.domain.deferral import Deferral
from keyturn.domain.exemptions_file import ExemptionsFile
from keyturn.domain.key import Unknown
from keyturn.domain.removal import Removal


class ExemptionsFileStore(Protocol):
    """Where the exemptions file is stored."""

    @property
    def place(self) -> str:
        """The file, as people write it."""

    def read(self) -> ExemptionsFile | None:
        """
        Read the file, with all that is wrong in it.

        None: there is none. A file that is no exemptions file at all is one without entries, and
        its problems say so. Raises a PortError where nobody can say what it holds.
        """

    def write(self, text: str, *, instead_of: str | None) -> None:
        """
        Put a text in the place of what was read.

        instead_of: the version that was read; None: there was no file.
        Raises AlreadyThere where it is another by now: then nothing is written.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeferral:
    """What is stored of a key's time, and what tells this content from another."""

    found: Deferral | Unknown
    """Unknown: it is of no form that we know."""
    version: str


class Deferrals(Protocol):
    """
    Where it is stored what begins a new stretch: for a key the time that an operator gave it, for
    a user their removal from the exemption group.
    """

    def known_of(self, account: str) -> frozenset[str]:
        """The ids of an account's keys that were ever given time, and of users ever removed."""

    def of_key(self, account: str, key_id: str) -> StoredDeferral:
        """What a key was given. Raises NotFound where that is nothing."""

    def put(self, deferral: Deferral, *, instead_of: str | None) -> None:
        """
        Store it in the place of what was read.

        instead_of: the version that was read; None: there was none.
        Raises AlreadyThere where it is another by now: then nothing is stored.
        """

    def removal_of(self, account: str, user_id: str) -> Removal | Unknown:
        """
        The last removal of a user from the exemption group. Raises NotFound where there was none.

        Unknown: it is of no form that we know.
        """

    def put_removal(self, removal: Removal) -> None:
        """Store it, in the place of an earlier one."""
