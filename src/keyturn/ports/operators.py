"""What operators say, and what is kept of it: a pause, an approved plan, the audit."""

from typing import Protocol

from keyturn.domain.audit import AuditEntry
from keyturn.domain.pause import Pause


class PauseFlag(Protocol):
    """The one flag that stops every write in the organisation, while it is set."""

    def pause(self) -> Pause | None:
        """The pause that is in force; None: writes may go on."""

    def set(self, pause: Pause) -> None:
        """Stop every write. Raises AlreadyThere where somebody has."""

    def replace(self, pause: Pause) -> None:
        """Keep stopping every write, by a pause that says more; also where it was just lifted."""

    def clear(self) -> None:
        """Let writes go on; where nobody paused, nothing happens."""


class LocatedPauseFlag(PauseFlag, Protocol):
    """The flag, for whoever sets it: there it matters that it is the right one."""

    @property
    def place(self) -> str:
        """Where it is, as people write it."""

    def is_alone(self) -> bool:
        """Whether nothing else of Keyturn's is stored there: then hardly anybody looks at it."""


class Plans(Protocol):
    """Plans that somebody approved of."""

    def read(self, name: str) -> bytes:
        """
        A plan, byte by byte: who approves of it has hashed those.

        Raises NotFound where there is none of that name.
        """


class Audit(Protocol):
    """What operators had Keyturn do, for whoever asks later."""

    def write(self, entry: AuditEntry) -> None:
        """
        Keep the entry, beside the one that was written when the command began.

        Raises AlreadyThere where the same one was written before: none is ever overwritten.
        """
