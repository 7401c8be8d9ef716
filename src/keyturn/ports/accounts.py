"""The accounts and what is in them: Organizations, and IAM in one account."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from keyturn.domain.key import Account, KeyFacts, LastUse
from keyturn.domain.key_usage import Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An IAM user as iam:ListUsers names them."""

    name: str
    id: str
    """The `UserId`: of a user made again under the same name it is another."""
    path: str
    """Such as `/` or `/robots/ci/`."""
    password_used: datetime | None = None
    """When they last signed in to the console, UTC; None: IAM knows of no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made. Its secret is never shown: no repr, no log, no copy."""

    key_id: str
    created: datetime
    """IAM's CreateDate, UTC."""
    secret: str = field(repr=False)
    """The secret access key, which AWS gives this once and never again."""
    smtp_passwords: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Region → the password for SES's SMTP interface there; no less a secret."""


class AccessKeys(Protocol):
    """IAM in one account."""

    def users(self) -> Iterator[User]:
        """All IAM users."""

    def members_of(self, group: str) -> frozenset[str]:
        """
        The ids (`UserId`) of all users in the group, from all its pages or from none.

        Raises NotFound where there is no such group: in enforcement that is not "nobody".
        """

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """The user's access keys, two at most. Raises NotFound where the user is gone."""

    def owner_of(self, key_id: str) -> str:
        """
        The name of the user whose key it is.

        Raises NotFound where the account has no such key, or it is no user's.
        """

    def last_use(self, key_id: str) -> LastUse:
        """When the key was last used, UTC."""

    def tag_of(self, user: str, tag: str) -> str | None:
        """The value of a tag of the user; None: there is no such tag."""

    def root_has_keys(self) -> bool:
        """Whether the account's root user has access keys."""

    def quarantined(self) -> Mapping[str, str]:
        """User's name → the policy by which AWS says that a key of theirs was found in public."""

    def create(self, user: str) -> NewKey:
        """
        Create a key, in one attempt: a lost answer may have made one, so nothing retries.

        Raises Refused or Throttled where there is none, KeyLimitReached where the user has two,
        Unavailable where nobody knows. Source: decision 0003.
        """

    def disable(self, user: str, key_id: str) -> None:
        """
        Make a key Inactive.

        Raises Refused or Throttled where it surely was not, Unavailable where nobody knows.
        """

    def enable(self, user: str, key_id: str) -> None:
        """Make a key Active again. Raises as `disable` does."""

    def delete(self, user: str, key_id: str) -> bool:
        """
        Delete a key; one already gone counts as deleted.

        False: IAM knows no such key. Of one that was just made, that proves nothing.
        """

    def remove_from_group(self, user: str, group: str) -> None:
        """
        Remove a user from a group; one who is not in it, or gone, counts as removed.

        Raises as `disable` does.
        """


class UsersAlive(Protocol):
    """IAM in one account, asked about everything that users have, and never written to."""

    def users(self) -> Iterator[User]:
        """All IAM users."""

    def keys_of(self, user: str) -> tuple[KeyFacts, ...]:
        """The user's access keys. Raises NotFound where the user is gone."""

    def last_use(self, key_id: str) -> LastUse:
        """When the key was last used, UTC."""

    def tags_of(self, user: str) -> Mapping[str, str]:
        """All tags of the user: name → value. Raises NotFound where the user is gone."""


class CallHistory(Protocol):
    """CloudTrail's event history of one account."""

    def of(self, key_id: str, region: str | None) -> Trail:
        """
        Who used the key of late.

        region: of its last use, if that is known. What cannot be read is said in the answer and
        raises nothing: nothing is decided by it.
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
