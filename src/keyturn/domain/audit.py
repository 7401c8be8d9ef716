"""What operators had Keyturn do, as it is kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

BEGUN: Final = "begun"
DONE: Final = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What an operator had Keyturn do: who, what, why, and what came of it. Never a secret."""

    entry_id: str
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
    """UTC; None: it is under way, or broke off."""
