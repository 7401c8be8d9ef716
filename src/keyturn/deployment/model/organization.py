"""The organisation, as Organizations tells of it."""

from dataclasses import dataclass
from typing import Final

STACK_SETS_TRUSTED: Final = "member.org.stacksets.cloudformation.amazonaws.com"
"""What Organizations calls the trusted access of service-managed stack sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFacts:
    """What an organisation says of itself."""

    id: str
    management_account: str
    has_all_features: bool
    trusted: frozenset[str]
    """The services that may act in all its accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPolicy:
    """A service control policy, and how many roots, units and accounts it is attached to."""

    name: str
    content: str
    targets: int
