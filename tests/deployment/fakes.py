"""CloudFormation, S3 and the organisation, as far as a deployment sees them, in memory."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from keyturn.deployment.model.bucket import ObjectLock, Protection, Stored
from keyturn.deployment.model.bucket_policy import Statement, statements
from keyturn.deployment.model.organization import (
    STACK_SETS_TRUSTED,
    ControlPolicy,
    OrganizationFacts,
)
from keyturn.deployment.model.stacks import (
    Proposal,
    ResourceChange,
    Stack,
    StackInstance,
    StackSet,
)
from keyturn.domain.errors import DeploymentFailed, NotFound
from tests.fakes import Refusals


@dataclass
class FakeStacks(Refusals):
    """
    Meets `deployment.ports.Stacks`.

    A body with the word `unmakeable` in it never becomes a stack.
    """

    held: dict[str, Stack] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    open: dict[str, tuple[Stack, str]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)

    def find(self, name: str) -> Stack | None:
        self.may_refuse("find")
        return self.held.get(name)

    def body_of(self, name: str) -> str:
        self.may_refuse("body_of")
        if name not in self.bodies:
            raise NotFound(name)
        return self.bodies[name]

    def propose(
        self, name: str, body: str, parameters: Mapping[str, str | None], *, new: bool
    ) -> Proposal:
        self.may_refuse("propose")
        before = self.held.get(name)
        if new is (before is not None and before.is_there):
            raise DeploymentFailed(f"{name}: it is there already, or not yet")
        had = before.parameters if before else {}
        values = {key: had[key] if told is None else told for key, told in parameters.items()}
        proposal = Proposal(stack=name, id=f"proposal-{next(self.numbers)}", is_new=new)
        if not new and (dict(had), self.bodies[name]) == (values, body):
            return replace(proposal, is_empty=True)
        if new:
            self.held[name] = Stack(name=name, status="REVIEW_IN_PROGRESS", parameters={})
        done = "CREATE_COMPLETE" if new else "UPDATE_COMPLETE"
        self.open[proposal.id] = (Stack(name=name, status=done, parameters=values), body)
        change = ResourceChange(
            action="Add" if new else "Modify", resource="Thing", kind="AWS::A::Thing"
        )
        return replace(proposal, changes=(change,))

    def discard(self, proposal: Proposal) -> None:
        self.open.pop(proposal.id)
        if proposal.is_new:
            del self.held[proposal.stack]

    def carry_out(self, proposal: Proposal) -> None:
        self.may_refuse("carry_out")
        stack, body = self.open.pop(proposal.id)
        if "unmakeable" in body:
            status = "ROLLBACK_COMPLETE" if proposal.is_new else "UPDATE_ROLLBACK_COMPLETE"
            kept = {} if proposal.is_new else self.held[stack.name].parameters
            self.held[stack.name] = Stack(name=stack.name, status=status, parameters=kept)
            raise DeploymentFailed(f"{stack.name}: Thing: it is broken")
        self.held[stack.name], self.bodies[stack.name] = stack, body

    def remove(self, name: str) -> None:
        self.held.pop(name, None)
        self.bodies.pop(name, None)


@dataclass
class FakeLogGroups(Refusals):
    """Meets `deployment.ports.LogGroups`."""

    names: set[str] = field(default_factory=set)

    def exists(self, name: str) -> bool:
        self.may_refuse("exists")
        return name in self.names


@dataclass
class FakeStackSets(Refusals):
    """Meets `deployment.ports.StackSets`; of the units, it knows the accounts."""

    accounts: Mapping[str, Collection[str]] = field(default_factory=dict)
    held: dict[str, StackSet] = field(default_factory=dict)
    lagging: dict[str, str] = field(default_factory=dict)
    """The accounts that are not up to date, and why."""
    suspended: set[str] = field(default_factory=set)
    """The accounts that were suspended when it last went there."""
    cannot: dict[str, str] = field(default_factory=dict)
    """The accounts in which nothing can be made, and why."""

    def find(self, name: str) -> StackSet | None:
        self.may_refuse("find")
        return self.held.get(name)

    def create(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        self.may_refuse("create")
        values = {key: value for key, value in parameters.items() if value is not None}
        self.held[name] = StackSet(
            name=name, body=body, parameters=values, is_service_managed=True
        )

    def update(self, name: str, body: str, parameters: Mapping[str, str | None]) -> None:
        self.may_refuse("update")
        had = self.held[name]
        values = {k: had.parameters[k] if told is None else told for k, told in parameters.items()}
        self.held[name] = replace(had, body=body, parameters=values)
        self.lagging = dict(self.cannot)
        self._complain(name)

    def extend(self, name: str, units: Collection[str], regions: Collection[str]) -> None:
        self.may_refuse("extend")
        if name not in self.held:
            raise NotFound(name)
        had = self.held[name]
        self.held[name] = replace(
            had, units=had.units | set(units), regions=had.regions | set(regions)
        )
        self.lagging = dict(self.cannot)
        self._complain(name)

    def instances(self, name: str) -> Iterator[StackInstance]:
        self.may_refuse("instances")
        for unit in sorted(self.held[name].units):
            for account in self.accounts.get(unit, ()):
                for region in sorted(self.held[name].regions):
                    yield StackInstance(
                        account=account,
                        region=region,
                        unit=unit,
                        is_current=account not in {*self.lagging, *self.suspended},
                        was_suspended=account in self.suspended,
                        why=self.lagging.get(account, ""),
                    )

    def _complain(self, name: str) -> None:
        for account, why in self.cannot.items():
            raise DeploymentFailed(f"{name}: {account} in us-east-1: {why}")


OF_A_PREFIX = {Protection.LIFECYCLE, Protection.RECEIPTS, Protection.RECORDS}
"""What each folder of the bucket has for itself."""


@dataclass
class FakeArtifactBucket(Refusals):
    """Meets `deployment.ports.ArtifactBucket`."""

    buckets: dict[str, set[tuple[str, Protection]]] = field(default_factory=dict)
    objects: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    lock: ObjectLock | None = None

    def exists(self, bucket: str) -> bool:
        self.may_refuse("exists")
        return bucket in self.buckets

    def create(self, bucket: str) -> None:
        self.may_refuse("create")
        self.buckets[bucket] = {("", Protection.ENCRYPTION)}  # S3's default

    def lacks(self, bucket: str, prefix: str) -> tuple[Protection, ...]:
        self.may_refuse("lacks")
        has = self.buckets[bucket]
        return tuple(each for each in Protection if not {(prefix, each), ("", each)} & has)

    def object_lock(self, bucket: str) -> ObjectLock | None:
        self.may_refuse("object_lock")
        return self.lock

    def protect(self, bucket: str, prefix: str, protection: Protection) -> None:
        self.may_refuse("protect")
        of = prefix if protection in OF_A_PREFIX else ""
        self.buckets[bucket].add((of, protection))

    def missing_statements(self, bucket: str, prefix: str) -> tuple[Statement, ...]:
        self.may_refuse("missing_statements")
        wanted = statements(partition="aws", account="999999999999", bucket=bucket, prefix=prefix)
        lacking = self.lacks(bucket, prefix)
        return tuple(each for of in lacking for each in wanted.get(of, ()))

    def stored(self, bucket: str, name: str) -> Stored | None:
        self.may_refuse("stored")
        if (bucket, name) not in self.objects:
            return None
        body, claimed = self.objects[bucket, name]
        return Stored(hashlib.sha256(body).hexdigest(), claimed)

    def put(self, bucket: str, name: str, body: bytes) -> None:
        self.may_refuse("put")
        self.objects[bucket, name] = (body, hashlib.sha256(body).hexdigest())


@dataclass
class FakeOrganizationFeatures(Refusals):
    """Meets `deployment.ports.OrganizationFeatures`."""

    told: OrganizationFacts = field(
        default_factory=lambda: OrganizationFacts(
            id="o-a1b2c3d4e5",
            management_account="111111111111",
            has_all_features=True,
            trusted=frozenset({STACK_SETS_TRUSTED}),
        )
    )

    units: frozenset[str] = frozenset({"ou-root-aaaaaaaa", "ou-root-bbbbbbbb"})
    policies: list[ControlPolicy] = field(default_factory=list)

    def control_policies(self) -> list[ControlPolicy]:
        self.may_refuse("control_policies")
        return self.policies

    def has_unit(self, unit: str) -> bool:
        self.may_refuse("has_unit")
        return unit in self.units

    def facts(self) -> OrganizationFacts:
        self.may_refuse("facts")
        return self.told
