"""What a deployment is made of, as CloudFormation, S3 and Organizations tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

STACK_SETS_TRUSTED: Final = "member.org.stacksets.cloudformation.amazonaws.com"
"""What Organizations calls the trusted access of service-managed stack sets."""

IAM_REGIONS: Final[Mapping[str, str]] = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
"""Where IAM's events are, by partition; the member template has the same table."""


class Protection(StrEnum):
    """What keeps the bucket with the zips and the receipts safe."""

    NO_PUBLIC_ACCESS = "no public access"
    ENCRYPTION = "encryption"
    VERSIONS = "versions"
    ONLY_TLS = "only encrypted connections"
    RECEIPTS = "receipts by the notifier alone"
    RECORDS = "audit entries and plans that nobody can change"
    LIFECYCLE = "an end for old receipts"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in the bucket: what it holds, and what whoever put it said of it."""

    content: str
    """The SHA-256 of its bytes, in hex, as S3 knows it or as they were read."""
    mark: str = ""
    """What our own uploads say that they hold: of somebody else's, or a changed one, not true."""

    @property
    def is_ours(self) -> bool:
        """Whether it is as one of our deployments put it."""
        return self.mark == self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack, and the values of its parameters."""

    name: str
    status: str
    parameters: Mapping[str, str]

    @property
    def is_there(self) -> bool:
        """Whether there is more of it than a change set that nobody carried out."""
        return self.status != "REVIEW_IN_PROGRESS"

    @property
    def is_stillborn(self) -> bool:
        """Whether its creation was taken back: AWS lets such a stack only be deleted."""
        return self.status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}

    @property
    def is_usable(self) -> bool:
        """Whether all that it makes is there, of this version or of the one before."""
        begun = self.status.startswith(("CREATE_COMPLETE", "UPDATE_", "IMPORT_"))
        return begun and not self.status.endswith("_FAILED")

    @property
    def is_busy(self) -> bool:
        """Whether somebody is changing it right now."""
        return self.is_there and self.status.endswith("_IN_PROGRESS")


def living(stack: Stack | None) -> Stack | None:
    """The stack, if it has ever been made."""
    if stack is None or not stack.is_there or stack.is_stillborn:
        return None
    return stack


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """What a change set would do to one resource."""

    action: str
    resource: str
    kind: str
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change set that waits to be carried out, or to be thrown away."""

    stack: str
    id: str
    is_new: bool
    is_empty: bool = False
    """Whether the stack is as it is wanted."""
    changes: tuple[ResourceChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSet:
    """A stack set, and where it has been told to go."""

    name: str
    body: str = field(repr=False)
    parameters: Mapping[str, str]
    is_service_managed: bool
    units: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInstance:
    """What a stack set has made in one account and region."""

    account: str
    region: str
    unit: str
    is_current: bool
    was_suspended: bool = False
    """Whether its account was suspended when the stack set last went there, and left out."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFacts:
    """What an organisation says of itself."""

    id: str
    management_account: str
    has_all_features: bool
    trusted: frozenset[str]
    """The services that may act in all its accounts."""


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a region in it."""

    account: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the stacks are called; the stack set goes by the name of the member stack."""

    core: str = "iam-key-auto-rotation"
    member: str = "asa-iam-rotation-member-role"
    listing: str = "asa-iam-rotation-list-accounts"

    @property
    def alarms(self) -> str:
        """The core's alarms, beside it."""
        return f"{self.core}-alarms"
