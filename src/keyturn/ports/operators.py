"""What operators say, and what is kept of it: a pause, an approved plan, the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That every write is stopped: by whom, since when (UTC), and why."""

    by: str
    """An ARN, or what an event says of itself."""
    at: datetime
    why: str
    """The operator's own words."""


class PauseFlag(Protocol):
    """The one flag that stops every write in the organisation, while it is set."""

    def pause(self) -> Pause | None:
        """The pause that is in force; None: writes may go on."""

    def set(self, pause: Pause) -> None:
        """Stop every write. Raises AlreadyThere where somebody has."""

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


BEGUN: Final = "begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What an operator had Keyturn do: who, what, why, and what came of it. Never a secret."""

    mark: str
    """Tells it from another of the same second."""
    command: str
    at: datetime
    """When the command began, UTC."""
    by: str
    """Who gave the order: an ARN, or what an event says of itself."""
    claimed: bool = False
    """Whether that is only what an event says: CloudTrail alone knows who sent it."""
    request: str | None = None
    """The id of the function's invocation, by which CloudTrail's data events know the caller."""
    run: str | None = None
    """The id of the run that it began, if it began one."""
    account: str | None = None
    user: str | None = None
    key: str | None = None
    secret: str | None = None
    plan: str | None = None
    plan_sha256: str | None = None
    """The plan that was approved of: its name, and what it was."""
    why: str | None = None
    """The operator's own words."""
    outcome: str = BEGUN
    """begun, done or failed; one that stays begun broke off."""
    said: tuple[str, ...] = ()
    """What was done, or went wrong, in sentences."""
    ended: datetime | None = None


class Audit(Protocol):
    """What operators had Keyturn do, for whoever asks later."""

    def write(self, entry: AuditEntry) -> None:
        """
        Keep the entry, beside the one that was written when the command began.

        Raises AlreadyThere where the same one was written before: none is ever overwritten.
        """
