"""Stacks and stack sets, as CloudFormation tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack, and the values of its parameters."""

    name: str
    status: str
    """CloudFormation's StackStatus."""
    parameters: Mapping[str, str]
    """Name → value."""

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
    """The stack, if it has ever been made; None: there is no more than a failed beginning."""
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
    """The text of its template."""
    parameters: Mapping[str, str]
    """Name → value."""
    is_service_managed: bool
    """Whether Organizations says which accounts it reaches; none of ours is otherwise."""
    units: frozenset[str] = frozenset()
    """Ids of organizational units."""
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
