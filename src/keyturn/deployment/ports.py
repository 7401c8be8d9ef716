"""
What a deployment, and a look at one, need from outside, in the words of `deployment/model`.

As in the engine's ports, every method raises a PortError of domain/errors.py when the answer is
not the one asked for.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from keyturn.deployment.model.bucket import ObjectLock, Protection, Stored
from keyturn.deployment.model.bucket_policy import Statement
from keyturn.deployment.model.facts import (
    Concurrency,
    Durations,
    FunctionFacts,
    LastRun,
    SecretSeen,
    SendingFacts,
    Trail,
)
from keyturn.deployment.model.organization import ControlPolicy, OrganizationFacts
from keyturn.deployment.model.stacks import (
    Proposal,
    Stack,
    StackInstance,
    StackSet,
)


class Stacks(Protocol):
    """CloudFormation in one account and region."""

    def find(self, name: str) -> Stack | None:
        """The stack, if there is one."""

    def body_of(self, name: str) -> str:
        """The template that the stack was made of."""

    def propose(
        self, name: str, body: str, parameters: Mapping[str, str | None], *, new: bool
    ) -> Proposal:
        """
        Work out what a template and parameters would change, and change nothing.

        parameters: name → value; None keeps what it is.
        Raises DeploymentFailed, with CloudFormation's reason, where it refuses.
        """

    def discard(self, proposal: Proposal) -> None:
        """Throw a proposal away, and with it the empty shell of a stack that is not there yet."""

    def carry_out(self, proposal: Proposal) -> None:
        """
        Make it so and wait.

        Raises DeploymentFailed, which names the first resource that failed, and why.
        """

    def remove(self, name: str) -> None:
        """Delete a stack and wait. Raises DeploymentFailed where it could not be deleted."""


class StackSets(Protocol):
    """
    Service-managed stack sets, from the management account.

    What acts waits for the end, and raises DeploymentFailed where an account failed; the others
    have been tried all the same.
    """

    def find(self, name: str) -> StackSet | None:
        """The stack set, if there is one."""

    def create(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        """Make the stack set, which goes by itself to accounts that come later; nowhere yet."""

    def update(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        """Bring template and parameters (name → value; None keeps it) to where it is."""

    def extend(self, name: str, units: Collection[str], regions: Collection[str]) -> None:
        """Go to the accounts of these units (by their ids), in these regions."""

    def instances(self, name: str) -> Iterator[StackInstance]:
        """Where it is."""


class ArtifactBucket(Protocol):
    """S3 in the security account, for the bucket with the zips and the receipts."""

    def exists(self, bucket: str) -> bool:
        """Whether the bucket is there and ours. Raises Denied where it is somebody else's."""

    def create(self, bucket: str) -> None:
        """Make the bucket."""

    def lacks(self, bucket: str, prefix: str) -> tuple[Protection, ...]:
        """The protections that it does not have."""

    def missing_statements(self, bucket: str, prefix: str) -> tuple[Statement, ...]:
        """What the bucket's policy should say and does not, to be copied."""

    def object_lock(self, bucket: str) -> ObjectLock | None:
        """What Object Lock keeps of the bucket; None: it is off."""

    def protect(self, bucket: str, prefix: str, protection: Protection) -> None:
        """Give it a protection; what else it was told stays."""

    def stored(self, bucket: str, name: str) -> Stored | None:
        """An object by its content; None if there is none."""

    def put(self, bucket: str, name: str, body: bytes) -> None:
        """Put an object, and say in it what checksum it has."""


class OrganizationFeatures(Protocol):
    """The organisation, as its management account knows it."""

    def facts(self) -> OrganizationFacts:
        """What it says of itself. Raises Denied for whoever may not ask."""

    def control_policies(self) -> Iterable[ControlPolicy]:
        """The service control policies. Raises Denied for whoever may not ask."""

    def has_unit(self, unit: str) -> bool:
        """Whether a unit, or a root, is its own. Raises Denied for whoever may not ask."""


class Functions(Protocol):
    """Lambda in the security account."""

    def look(self, name: str) -> FunctionFacts:
        """A function as it is. Raises NotFound where there is none."""

    def takes_from(self, name: str) -> Collection[str]:
        """The names of the queues that give it work now."""

    def concurrency(self) -> Concurrency:
        """How many functions may run at the same time."""


class FunctionDurations(Protocol):
    """CloudWatch in the security account."""

    def between(self, name: str, since: datetime, until: datetime) -> Durations | None:
        """
        How long the invocations of a function took that ended in this time, UTC.

        None: CloudWatch knows of none. Raises Unavailable where it does not tell all.
        """


class LogGroups(Protocol):
    """CloudWatch Logs in the security account."""

    def exists(self, name: str) -> bool:
        """Whether there is a log group of this name."""


class EventRules(Protocol):
    """EventBridge in the security account."""

    def is_enabled(self, name: str, bus: str | None) -> bool:
        """
        Whether the rule is enabled. Raises NotFound where there is none.

        bus: the bus that it is on; None: the default bus.
        """

    def targets(self, name: str) -> tuple[str, ...]:
        """The ARNs that a rule of the default bus sends to. Raises NotFound without it."""


class QueueDepth(Protocol):
    """The queues of the security account, seen from above."""

    def waiting(self, queue: str) -> int:
        """About how many messages are in it. Raises NotFound where there is no such queue."""


class SesIdentities(Protocol):
    """What SES lets the security account send."""

    def is_verified(self, address: str) -> bool:
        """Whether SES knows that the address, its domain, or one above that, is ours."""

    def is_in_sandbox(self) -> bool:
        """Whether mails go to verified addresses only."""

    def dkim_of(self, address: str) -> str | None:
        """
        How far the signing of mails from an address is, in SES's word: `SUCCESS` is well.

        None: no identity of the address, its domain or one above signs.
        """

    def published(self, configuration_set: str) -> frozenset[str]:
        """The types of events that a set publishes to EventBridge. Raises NotFound without it."""

    def suppressed(self) -> Mapping[str, str]:
        """The account's suppression list: address in lower case → SES's reason."""

    def sending(self) -> SendingFacts:
        """What SES lets the account send."""


class ChannelSecrets(Protocol):
    """The secrets of the channels beside mail. Raises NotFound where there is none of an ARN."""

    def check(self, parameter: str, arn: str) -> None:
        """
        Read the secret of a channel (by its parameter), as the channel does; nothing comes back.

        Raises Refused, which names no value, where it lacks what the channel needs.
        """

    def kms_key(self, arn: str) -> str:
        """The KMS key of the secret: an ARN, an id or an alias; empty: AWS's own."""


class CloudTrailStatus(Protocol):
    """CloudTrail, seen from one account."""

    def trails(self) -> tuple[Trail, ...]:
        """The trails that there are."""


class Archive(Protocol):
    """What is in the bucket, for whoever asks about the runs and the zips."""

    def last_runs(self) -> tuple[LastRun, ...]:
        """The newest run of each account, of the two newest days; none, if none ran."""

    def code_of(self, name: str) -> str:
        """Lambda's hash of a zip below the prefix. Raises NotFound where it is not there."""


class MemberAccountProbe(Protocol):
    """One account of the organisation, entered to look."""

    def trust_of(self, role: str) -> str:
        """A role's trust policy, a JSON text. Raises NotFound where there is no such role."""

    def has_group(self, name: str) -> bool:
        """Whether there is such an IAM group."""

    def key_state(self, alias: str) -> str:
        """The state of the KMS key behind an alias. Raises NotFound where there is none."""

    def rule_is_enabled(self, name: str) -> bool:
        """
        Whether the rule in the region of IAM's events is enabled.

        Raises NotFound where there is none.
        """

    def secrets(self) -> Iterable[SecretSeen]:
        """The secrets that are called as those of users' keys are."""
