"""The accounts and what is in them: Organizations, and IAM in one account."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from keyturn.domain.key import Account, KeyFacts, LastUse


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An IAM user as iam:ListUsers names them."""

    name: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. Its secret is never shown: no repr, no log, no copy."""

    key_id: str
    created: datetime
    secret: str = field(repr=False)


class AccessKeys(Protocol):
    """IAM in one account."""

    def users(self) -> Iterator[User]:
        """All IAM users."""

    def members_of(self, group: str) -> frozenset[str]:
        """The ids of all users in the group; NotFound if there is no such group."""

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """The user's access keys; NotFound if the user is gone."""

    def owner_of(self, key_id: str) -> str:
        """The name of the user whose key it is; NotFound if the account has no such key."""

    def last_use(self, key_id: str) -> LastUse:
        """When the key was last used."""

    def tag_of(self, user: str, tag: str) -> str | None:
        """The value of a tag of the user."""

    def root_has_keys(self) -> bool:
        """Whether the account's root user has access keys."""

    def create(self, user: str) -> NewKey:
        """
        Create a key, in one attempt: a lost answer may have made one, so nothing retries.

        Refused or Throttled: there is none. Unavailable: nobody knows.
        """

    def disable(self, user: str, key_id: str) -> None:
        """Make a key Inactive."""

    def enable(self, user: str, key_id: str) -> None:
        """Make a key Active again."""

    def delete(self, user: str, key_id: str) -> bool:
        """
        Delete a key; one already gone counts as deleted.

        False: IAM knows no such key. Of one that was just made, that proves nothing.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An account as Organizations lists it."""

    account: Account
    joined: datetime | None = None
    """When it came into the organisation, UTC; None: AWS does not say, so long ago."""
    state: str = "ACTIVE"
    """As AWS calls it: SUSPENDED and PENDING_CLOSURE are not the same, but nobody gets in."""

    @property
    def is_active(self) -> bool:
        """Whether it can be looked after."""
        return self.state == "ACTIVE"


class Organization(Protocol):
    """AWS Organizations, read from its management account."""

    def accounts(self, ou: str | None = None) -> Iterator[Listed]:
        """All accounts, or those under an organisational unit and the units below it."""
