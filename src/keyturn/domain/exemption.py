"""A change of who is exempt: made by a person in an account, and seen by CloudTrail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GroupChange(StrEnum):
    """What was done to the exemption group."""

    ADDED = "added"
    REMOVED = "removed"
    CREATED = "created"
    DELETED = "deleted"
    RENAMED_TO = "renamed-to"
    """Another group got its name: whoever is in that one is exempt now."""
    RENAMED_FROM = "renamed-from"
    """It got another name: nobody is exempt any more."""
    FOUND = "found"
    """A run found a user exempt who was not before; who made the call, CloudTrail knows."""
    POLICY = "policy"
    POLICY_REMOVED = "policy-removed"

    @property
    def exempts(self) -> bool:
        """Whether somebody may be exempt now who was not before."""
        return self in {GroupChange.ADDED, GroupChange.RENAMED_TO}


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
    """The policy that was put on the group, or taken off it: a name, or an ARN."""
    other_group: str | None = None
    """The name that the group had before it was renamed, or has since."""
    by: str
    """Who made the call, as CloudTrail names them."""
    at: datetime
    """When the call was made, UTC, by CloudTrail's word."""
