"""Secrets Manager in one account: a secret is written and described, and its value never read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from keyturn.domain.key import SecretFacts
from keyturn.ports.accounts import NewKey


class SecretStore(Protocol):
    """Secrets Manager in one account; it cannot read a secret's value."""

    def look(self, name: str) -> SecretFacts | None:
        """What is known of the secret, by name or ARN; None if there is none."""

    def create(self, name: str, tags: Mapping[str, str]) -> str:
        """
        Create the secret without a value, seal it, and give its ARN.

        AlreadyThere: another run was first. Tags hold the `UserId` that it is sealed for.
        """

    def seal(self, arn: str, user_id: str, tags: Mapping[str, str] = ...) -> None:
        """Make the secret with this ARN the user's; other tags are set in the same call."""

    def policy_of(self, name: str) -> str | None:
        """The secret's resource policy, a JSON text; None: it has none."""

    def restore(self, name: str) -> None:
        """Take back a scheduled deletion."""

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""

    def untag(self, name: str, tags: Iterable[str]) -> None:
        """Remove tags."""

    def store(
        self, name: str, user: str, key: NewKey, may_go: Callable[[], None] = lambda: None
    ) -> None:
        """
        Store the key as the current version, under the token of its id; safe to repeat.

        may_go is asked before every attempt, and raises what is to end them.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSecret:
    """A secret as secretsmanager:ListSecrets names it; never its value."""

    name: str
    arn: str
    tags: Mapping[str, str]
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The stage labels of each version."""
    deleted: datetime | None = None
    """When it was scheduled for deletion."""


class SecretList(Protocol):
    """The list of secrets of one account; a permission of its own, which a role may lack."""

    def named(self, prefix: str) -> Iterator[ListedSecret]:
        """The secrets whose names begin so, those to be deleted too."""
