"""Look for secrets without a living user: what is left of users who were deleted or renamed."""

from dataclasses import dataclass

from keyturn.domain.leftover import Leftover, leftover
from keyturn.ports import AccessKeys, SecretList


@dataclass(frozen=True, slots=True, kw_only=True)
class LookForLeftovers:
    """Two lists, one compared with the other; it only reads, and no value."""

    keys: AccessKeys
    secrets: SecretList

    def in_account(self, account: str) -> tuple[Leftover, ...]:
        """The secrets without a living user. Raises PortError where a list cannot be read."""
        listed = list(self.secrets.named(f"Account_{account}_User_"))
        # Read last: a user who is made in between is no leftover.
        users = {user.id: user.name for user in self.keys.users()}
        found = (
            leftover(
                each.name,
                each.tags,
                users,
                account=account,
                is_empty=not any(each.versions.values()),
                is_leaving=each.deleted is not None,
            )
            for each in listed
        )
        return tuple(sorted((each for each in found if each), key=lambda each: each.name))
