"""A change of who is exempt: made by a person in an account, and seen by CloudTrail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GroupChange(StrEnum):
    """What was done to the exemption group."""

    ADDED = "added"
    REMOVED = "removed"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionChange:
    """One call that changed the exemption group of an account."""

    id: str
    """CloudTrail's own id of it: the same however often the event is delivered."""
    account: str
    group: str
    change: GroupChange
    user: str | None
    """Who was added or removed."""
    policy: str | None
    """The inline policy that was put on the group."""
    by: str
    """Who made the call, as CloudTrail names them."""
    at: datetime
