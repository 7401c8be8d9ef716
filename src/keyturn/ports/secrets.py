"""Secrets Manager in one account: a secret is written and described, and its value never read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from keyturn.domain.key import SecretFacts
from keyturn.ports.accounts import NewKey


class SecretStore(Protocol):
    """Secrets Manager in one account; it cannot read a secret's value."""

    def look(self, name: str) -> SecretFacts | None:
        """What is known of the secret, by name or ARN; None if there is none."""

    def facts_of(self, listed: "ListedSecret") -> SecretFacts | None:
        """
        What a list tells of a secret, without a call for it.

        None: that is not enough to tell whose it is, and AWS must be asked about this one.
        """

    def create(self, name: str, tags: Mapping[str, str]) -> "CreatedSecret":
        """
        Create the secret without a value, and seal it.

        tags: name → value; they hold the `UserId` that it is sealed for.
        Raises AlreadyThere where another run was first, Refused where there is no seal key.
        """

    def seal(self, arn: str, user_id: str, tags: Mapping[str, str] = ...) -> None:
        """
        Make the secret with this ARN the user's; other tags (name → value) go in the same call.

        Raises Refused where there is no seal key.
        """

    def policy_of(self, name: str) -> str | None:
        """The secret's resource policy, a JSON text; None: it has none."""

    def restore(self, name: str) -> None:
        """Take back a scheduled deletion."""

    def schedule(self, name: str) -> None:
        """
        Schedule its deletion, with the longest recovery window that AWS has, and never at once.

        Until it ends, nobody can read it, and `restore` takes it back.
        """

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags, name → value; others stay. name: of the secret, or its ARN."""

    def untag(self, name: str, tags: Iterable[str]) -> None:
        """Remove tags by their names; one that is not there counts as removed."""

    def store(
        self, name: str, user: str, key: NewKey, may_go: Callable[[], None] = lambda: None
    ) -> None:
        """
        Store the key as the current version, under the token of its id; safe to repeat.

        may_go: asked before every attempt; it raises what is to end them.
        Raises Refused or Throttled where the version surely was not stored, Unavailable where
        nobody knows: only on the first may the new key be taken back (docs/delivery.md).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedSecret:
    """A secret that was not there before: AWS makes none under a name that is taken."""

    arn: str
    ahead: timedelta | None = None
    """By how much AWS's clock is ahead of ours; None: AWS did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSecret:
    """A secret as secretsmanager:ListSecrets names it; never its value."""

    name: str
    arn: str
    tags: Mapping[str, str]
    """Tag name → value."""
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Version id → its stage labels."""
    deleted: datetime | None = None
    """When it was scheduled for deletion, UTC; None: it is not."""
    last_read: date | None = None
    """The day, UTC, on which its value was last read in its region; None: it never was."""
    created: datetime | None = None
    """When it was made, UTC, by AWS's clock; None: AWS did not say."""
    kms_key: str | None = None
    """The name of its KMS key that AWS reports; None: aws/secretsmanager."""
    primary: str | None = None
    """The region of the secret that it is a replica of, or its own; None: it has no replica."""
    rotates: bool = False
    """Whether Secrets Manager's own rotation is switched on."""
    managed_by: str | None = None
    """The AWS service that it belongs to."""


class SecretList(Protocol):
    """The list of secrets of one account; a permission of its own, which a role may lack."""

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so, those to be deleted too."""
