"""
The steps of a deployment. Each is planned; a plan is shown and dropped, or carried out.

To plan reads, and has CloudFormation work out a change set, but changes nothing. A plan that is
dropped leaves nothing behind. After a question each step is planned anew, when its turn comes:
minutes may lie between, and an operator's own mail template that came meanwhile stays.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from keyturn.deployment.model.bucket import Protection, Stored
from keyturn.deployment.model.package import Package, checksum_of, code_hash
from keyturn.deployment.model.stacks import Proposal, StackSet, living
from keyturn.deployment.model.template import DeclaredFunction
from keyturn.deployment.model.wanted import Ready, Settled
from keyturn.deployment.ports import ArtifactBucket, Functions, Stacks, StackSets
from keyturn.domain.errors import DeploymentFailed, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What became of a step, in words."""

    said: str
    details: tuple[str, ...] = ()
    changed: bool = False


class StepPlan(ABC):
    """What a step is about to do."""

    @abstractmethod
    def outlook(self) -> StepOutcome:
        """Say what would become of it."""

    @abstractmethod
    def carry_out(self) -> StepOutcome:
        """
        Do it, and say what became of it.

        Raises DeploymentFailed where it did not succeed, a PortError where AWS refuses.
        """

    def drop(self) -> None:  # noqa: B027 -- most plans have made nothing
        """Take away what the planning itself has made, if it made anything."""


@dataclass(frozen=True, slots=True)
class DeployStep:
    """One line of the progress."""

    title: str
    plan: Callable[[], StepPlan]
    is_vital: bool = True
    """Whether the steps after it are in vain if it fails; of many accounts, one may always."""

    def show(self) -> StepOutcome:
        """Say what it would do, and leave all as it is."""
        plan = self.plan()
        outcome = plan.outlook()
        plan.drop()
        return outcome

    def take(self) -> StepOutcome:
        """Plan it now, and carry the plan out."""
        return self.plan().carry_out()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(StepPlan):
    """All is as it should be."""

    details: tuple[str, ...] = ()

    def outlook(self) -> StepOutcome:
        """Say so."""
        return StepOutcome(said="no changes", details=self.details)

    def carry_out(self) -> StepOutcome:
        """Say so, too."""
        return self.outlook()


NOTHING: Final = Nothing()


# --- the bucket ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeBucket(StepPlan):
    """Make the bucket, with every protection."""

    artifact_bucket: ArtifactBucket
    bucket: str
    prefix: str

    def outlook(self) -> StepOutcome:
        """Name all protections: S3 gives some of them by itself, nobody knows which."""
        return StepOutcome(said="would be made", details=tuple(Protection), changed=True)

    def carry_out(self) -> StepOutcome:
        """Make it, and give it what S3 did not."""
        self.artifact_bucket.create(self.bucket)
        lacking = self.artifact_bucket.lacks(self.bucket, self.prefix)
        _protect(self.artifact_bucket, self.bucket, self.prefix, lacking)
        return StepOutcome(said="made", details=tuple(lacking), changed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectBucket(StepPlan):
    """Give a bucket the protections that it lacks."""

    artifact_bucket: ArtifactBucket
    bucket: str
    prefix: str
    lacking: tuple[Protection, ...]

    def outlook(self) -> StepOutcome:
        """Name the protections."""
        return StepOutcome(said="would be protected", details=self.lacking, changed=True)

    def carry_out(self) -> StepOutcome:
        """Give it each of them."""
        _protect(self.artifact_bucket, self.bucket, self.prefix, self.lacking)
        return StepOutcome(said="protected", details=self.lacking, changed=True)


def plan_bucket(artifact_bucket: ArtifactBucket, bucket: str, prefix: str) -> StepPlan:
    """Find out what the bucket lacks, if it is there at all."""
    if not artifact_bucket.exists(bucket):
        return MakeBucket(artifact_bucket=artifact_bucket, bucket=bucket, prefix=prefix)
    lacking = artifact_bucket.lacks(bucket, prefix)
    if not lacking:
        return NOTHING
    return ProtectBucket(
        artifact_bucket=artifact_bucket, bucket=bucket, prefix=prefix, lacking=lacking
    )


def _protect(
    artifact_bucket: ArtifactBucket, bucket: str, prefix: str, lacking: Iterable[Protection]
) -> None:
    for each in lacking:
        artifact_bucket.protect(bucket, prefix, each)


# --- what is in it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(StepPlan):
    """Put files into a folder of the bucket."""

    artifact_bucket: ArtifactBucket
    bucket: str
    folder: str
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    """What is said beside the names."""

    def outlook(self) -> StepOutcome:
        """Name the files."""
        return StepOutcome(said="would be uploaded", details=self._details, changed=True)

    def carry_out(self) -> StepOutcome:
        """Put each of them."""
        for name, body in self.files.items():
            self.artifact_bucket.put(self.bucket, f"{self.folder}/{name}", body)
        return StepOutcome(said="uploaded", details=self._details, changed=True)

    @property
    def _details(self) -> tuple[str, ...]:
        return (*self.files, *self.notes)


def plan_zips(
    artifact_bucket: ArtifactBucket, bucket: str, folder: str, files: Mapping[str, bytes]
) -> StepPlan:
    """Find out which zips (file name → content) are not there, or not as they are built here."""
    differing, _ = _differing(artifact_bucket, bucket, folder, files)
    if not differing:
        return NOTHING
    return Upload(artifact_bucket=artifact_bucket, bucket=bucket, folder=folder, files=differing)


def plan_mails(
    artifact_bucket: ArtifactBucket, bucket: str, folder: str, files: Mapping[str, bytes]
) -> StepPlan:
    """
    Find out which mail templates (path → content) are missing, or are ours of an earlier version.
    """
    differing, there = _differing(artifact_bucket, bucket, folder, files)
    # One that is not as we once put it is the operator's own: it stays, whatever we bring.
    theirs = [name for name in differing if (found := there[name]) and not found.is_ours]
    ours = {name: body for name, body in differing.items() if name not in theirs}
    notes = tuple(f"{name} stays: it is yours" for name in theirs)
    if not ours:
        return Nothing(details=notes)
    return Upload(
        artifact_bucket=artifact_bucket, bucket=bucket, folder=folder, files=ours, notes=notes
    )


def _differing(
    artifact_bucket: ArtifactBucket, bucket: str, folder: str, files: Mapping[str, bytes]
) -> tuple[dict[str, bytes], Mapping[str, Stored | None]]:
    """The files that are not there as they are here, and what is there of all, by their names."""
    there = (
        {name: artifact_bucket.stored(bucket, f"{folder}/{name}") for name in files}
        if artifact_bucket.exists(bucket)
        else dict.fromkeys(files)
    )
    differing = {name: body for name, body in files.items() if not _holds(there[name], body)}
    return differing, there


def _holds(found: Stored | None, body: bytes) -> bool:
    return found is not None and found.checksum == checksum_of(body)


# --- the stack set ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeStackSet(StepPlan):
    """Make the stack set, and bring it to the units' accounts."""

    stack_sets: StackSets
    name: str
    body: str
    ready: Ready

    def outlook(self) -> StepOutcome:
        """Say where to."""
        return StepOutcome(said="would be made", details=self._details, changed=True)

    def carry_out(self) -> StepOutcome:
        """Make it, and bring it there."""
        self.stack_sets.create(self.name, self.body, self.ready.set.values)
        self.stack_sets.extend(self.name, self.ready.units, self.ready.regions)
        return StepOutcome(said="made", details=self._details, changed=True)

    @property
    def _details(self) -> tuple[str, ...]:
        return (_reach(self.ready.units, self.ready.regions),)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStackSet(StepPlan):
    """Bring the stack set up to date where it is, and to where it is not yet."""

    stack_sets: StackSets
    name: str
    body: str
    values: Mapping[str, str | None]
    """Parameter → what CloudFormation gets; None keeps what it is."""
    behind: tuple[str, ...]
    """Why it must be brought up to date; none if it is."""
    reaches: tuple[tuple[frozenset[str], frozenset[str]], ...]
    """The units and regions that it goes to besides."""

    def outlook(self) -> StepOutcome:
        """Say why, and where to."""
        return StepOutcome(said="would be updated", details=self._details, changed=True)

    def carry_out(self) -> StepOutcome:
        """Do all of it: an account that one act fails in must not keep others from the next."""
        acts: list[Callable[[], None]] = []
        if self.behind:
            acts.append(partial(self.stack_sets.update, self.name, self.body, self.values))
        acts += (partial(self.stack_sets.extend, self.name, *where) for where in self.reaches)
        _all_of(acts)
        return StepOutcome(said="updated", details=self._details, changed=True)

    @property
    def _details(self) -> tuple[str, ...]:
        return (*self.behind, *(_reach(*where) for where in self.reaches))


def plan_stack_set(stack_sets: StackSets, name: str, body: str, ready: Ready) -> StepPlan:
    """
    Find out whether the stack set is there, up to date, and everywhere.

    Raises DeploymentFailed where it is not service-managed: that kind goes nowhere by itself.
    """
    found = stack_sets.find(name)
    if found is None:
        return MakeStackSet(stack_sets=stack_sets, name=name, body=body, ready=ready)
    if not found.is_service_managed:
        raise DeploymentFailed(
            f"the stack set {name} is not service-managed: give another name with "
            "--member-stack, or delete it"
        )
    behind = tuple(_behind(stack_sets, found, body, ready.set))
    reaches = tuple(_lacking(found, ready))
    if not behind and not reaches:
        return NOTHING
    return UpdateStackSet(
        stack_sets=stack_sets,
        name=name,
        body=body,
        values=ready.set.values,
        behind=behind,
        reaches=reaches,
    )


def _behind(stack_sets: StackSets, found: StackSet, body: str, settled: Settled) -> Iterator[str]:
    """Why the stack set must be brought up to date where it is."""
    yield from settled.changed
    if found.body.strip() != body.strip():
        yield "another version of the template"
    lagging = {
        each.account
        for each in stack_sets.instances(found.name)
        if not each.is_current and not each.was_suspended
    }
    if lagging:
        yield f"not up to date in {', '.join(sorted(lagging))}"


def _lacking(found: StackSet, ready: Ready) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Where a stack set must go besides: new units in all regions, old ones in new regions."""
    for units, regions in (
        (ready.units - found.units, ready.regions | found.regions),
        (found.units, ready.regions - found.regions),
    ):
        if units and regions:
            yield units, regions


def _reach(units: frozenset[str], regions: frozenset[str]) -> str:
    return f"to {', '.join(sorted(units))} in {', '.join(sorted(regions))}"


def _all_of(acts: Iterable[Callable[[], None]]) -> None:
    failures: list[str] = []
    for act in acts:
        try:
            act()
        except DeploymentFailed as failure:
            failures.append(str(failure))
    if failures:
        raise DeploymentFailed("; ".join(dict.fromkeys(failures)))


# --- a stack ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStack(StepPlan):
    """Make or update a stack by the change set that CloudFormation has worked out."""

    stacks: Stacks
    proposal: Proposal
    changed: tuple[str, ...]
    """What will no longer be as it was, in words."""

    def outlook(self) -> StepOutcome:
        """Name the parameters that change, and the resources."""
        done = "made" if self.proposal.is_new else "updated"
        details = (*self.changed, *_words(self.proposal))
        return StepOutcome(said=f"would be {done}", details=details, changed=True)

    def carry_out(self) -> StepOutcome:
        """Execute the change set."""
        self.stacks.carry_out(self.proposal)
        done = "made" if self.proposal.is_new else "updated"
        return StepOutcome(said=done, details=self.changed, changed=True)

    def drop(self) -> None:
        """Delete the change set."""
        self.stacks.discard(self.proposal)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemakeStack(StepPlan):
    """Delete a stack whose creation was taken back, and make it: AWS lets it only be deleted."""

    stacks: Stacks
    name: str
    body: str
    settled: Settled

    def outlook(self) -> StepOutcome:
        """Say why; there is no change set before it is deleted."""
        return StepOutcome(said="would be made anew: its creation had failed", changed=True)

    def carry_out(self) -> StepOutcome:
        """Delete it, and make it."""
        self.stacks.remove(self.name)
        return _propose(self.stacks, self.name, self.body, self.settled, new=True).carry_out()


def plan_stack(stacks: Stacks, name: str, body: str, settled: Settled) -> StepPlan:
    """
    Find out what would change in a stack, if it is there at all.

    Raises DeploymentFailed where somebody is changing it right now, or CloudFormation refuses.
    """
    found = stacks.find(name)
    if found is not None and found.is_busy:
        raise DeploymentFailed(f"{name} is being changed ({found.status}): try later")
    if found is not None and found.is_stillborn:
        return RemakeStack(stacks=stacks, name=name, body=body, settled=settled)
    return _propose(stacks, name, body, settled, new=living(found) is None)


def _propose(stacks: Stacks, name: str, body: str, settled: Settled, *, new: bool) -> StepPlan:
    proposal = stacks.propose(name, body, settled.values, new=new)
    if proposal.is_empty:
        return NOTHING
    return ChangeStack(stacks=stacks, proposal=proposal, changed=settled.changed)


def _words(proposal: Proposal) -> Iterator[str]:
    for each in proposal.changes:
        replaced = " (replaced)" if each.replaces else ""
        yield f"{each.action} {each.resource} {each.kind}{replaced}"


# --- the proof ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveCode(StepPlan):
    """
    See that the functions run what is built here.

    Between our upload and CloudFormation's reading somebody may have put another zip.
    """

    functions: Functions
    package: Package

    def outlook(self) -> StepOutcome:
        """Nothing is changed by looking."""
        return NOTHING.outlook()

    def carry_out(self) -> StepOutcome:
        """Compare Lambda's hashes. Raises DeploymentFailed for functions that run other code."""
        package = self.package
        others = [each.name for each in package.core.functions if self._differs(each)]
        for each in (*package.channels.functions, *package.reports.functions):
            with suppress(NotFound):  # not everybody has these stacks
                others += [each.name] if self._differs(each) else []
        if others:
            raise DeploymentFailed(
                f"other code than was built here: {', '.join(others)}. Somebody changed the zips "
                "in the bucket, or the functions: pause Keyturn and find out who"
            )
        return StepOutcome(said="they run what was built here")

    def _differs(self, declared: DeclaredFunction) -> bool:
        runs = self.functions.look(declared.name).code
        return runs != code_hash(self.package.zips[declared.zip])
