"""The pause: while it is in force, nothing is written."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That every write is stopped: by whom, since when (UTC), and why."""

    by: str
    """An ARN, or what an event says of itself."""
    at: datetime
    why: str
    """The operator's own words."""
