"""
That a run removed a user from the exemption group, as later runs have to know it.

What was told before it proves nothing after it: neither that a key's end was announced, nor, of
somebody who was put back, that the exemption ends. Source: decision 0067.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RemovalState(StrEnum):
    """How far a removal came."""

    BEGUN = "begun"
    """It was about to be made; whether it was, nobody may know."""
    DONE = "done"
    REFUSED = "refused"
    """IAM refused it: the user is in the group still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The last time that a run set out to remove a user from the exemption group."""

    account: str
    user: str
    """The user's name."""
    user_id: str
    """IAM's own id (`UserId`)."""
    group: str
    run: str
    at: datetime
    """When the run set out to, UTC."""
    state: RemovalState = RemovalState.BEGUN

    @property
    def may_have_happened(self) -> bool:
        """Whether the user may have been outside of the group since; unknown is not no."""
        return self.state is not RemovalState.REFUSED
