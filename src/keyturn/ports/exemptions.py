"""Until when users are exempt, and which keys are given more time."""

from typing import Protocol

from keyturn.domain.exemptions_file import ExemptionsFile


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
