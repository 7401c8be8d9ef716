"""
Bring Keyturn into an organisation, in the order in which an operator would by hand.

Everything is looked at before anything is written. Each step leaves what is right as it is,
so a second run finds no changes, and a run that broke off is simply run again.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from keyturn.deployment.model.stacks import (
    IAM_REGIONS,
    STACK_SETS_TRUSTED,
    Names,
    OrganizationFacts,
    Place,
    Proposal,
    Protection,
    Stack,
    StackSet,
    Stored,
)
from keyturn.deployment.model.template import Template
from keyturn.deployment.ports import Functions, Headquarters, Stacks, StackSets, Warehouse
from keyturn.domain.errors import DeploymentFailed, InvalidValue

FLAG: Final = "DryRunFlag"
OPTION_OF: Final[Mapping[str, str]] = {
    "S3BucketName": "--bucket",
    "S3BucketPrefix": "--prefix",
    "AdminEmailAddress": "--admin",
    "AWSOrgID": "--org-id",
}
"""The parameters that have an option of their own."""
FOUND: Final[Mapping[str, str]] = {
    "PrimaryAccountID": "it is the account of --profile",
    "OrgListAccount": "it is the account of --management-profile",
    "PrimaryRegion": "it is the region of --region",
    "LambdaFolder": "it is named for what the zips hold",
}
"""The parameters that nobody has to give, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is brought along."""

    core: Template
    alarms: Template
    member: Template
    listing: Template
    zips: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    mails: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> str:
        """
        The folder of the zips, named for what they hold.

        Of a zip that changes under the same name CloudFormation sees nothing.
        """
        whole = hashlib.sha256()
        for name in sorted(self.zips):
            whole.update(f"{name} {_content(self.zips[name])}\n".encode())
        return f"Lambda/{whole.hexdigest()[:16]}"

    def check(self, parameters: Mapping[str, str]) -> None:
        """Refuse a parameter that no template has, and a value that its template refuses."""
        for name, value in parameters.items():
            rules = [
                each.parameters[name]
                for each in (self.core, self.alarms, self.member, self.listing)
                if name in each.parameters
            ]
            if not rules:
                raise InvalidValue("--parameter", name, "is a parameter of no template")
            for rule in rules:
                rule.check(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the operator gave; None keeps what is there."""

    bucket: str | None = None
    prefix: str | None = None
    admin: str | None = None
    organization: str | None = None
    units: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    enforce: bool = False

    @property
    def own(self) -> Mapping[str, str]:
        """All that was given, by its parameter."""
        dedicated = {
            "S3BucketName": self.bucket,
            "S3BucketPrefix": self.prefix,
            "AdminEmailAddress": self.admin,
            "AWSOrgID": self.organization,
        }
        given = {name: value for name, value in dedicated.items() if value is not None}
        return {**self.parameters, **given}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The parameters of one stack."""

    values: Mapping[str, str | None]
    """None keeps what it is."""
    whole: Mapping[str, str]
    """Every parameter that is not left to its default, as it will be."""
    changed: tuple[str, ...] = ()
    """What will no longer be as it was, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """All that was found out before the first write."""

    core: Settled
    alarms: Settled
    listing: Settled
    set: Settled
    members: Mapping[str, Settled]
    """The plain member stack of the management account, by region."""
    units: frozenset[str]
    regions: frozenset[str]
    is_first: bool
    begins_to_enforce: bool

    @property
    def bucket(self) -> str:
        """The bucket."""
        return self.core.whole["S3BucketName"]

    @property
    def prefix(self) -> str:
        """The folder in it."""
        return self.core.whole["S3BucketPrefix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a step, in words."""

    said: str
    details: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the progress."""

    title: str
    work: Callable[[], Outcome]
    is_vital: bool = True
    """Whether the steps after it are in vain if it fails; of many accounts, one may always."""


NOTHING: Final = Outcome(said="no changes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """A deployment, from a place that can reach the security and the management account."""

    security: Place
    management: Place
    partition: str
    warehouse: Warehouse
    stacks: Stacks
    head_stacks: Callable[[str], Stacks]
    """The stacks of the management account, by region."""
    stack_sets: StackSets
    headquarters: Headquarters
    functions: Functions
    package: Package
    names: Names = field(default_factory=Names)

    # --- looking ----------------------------------------------------------------------------

    def prepare(self, asked: Asked) -> Ready:
        """Find out what is there and what is wanted; it only reads."""
        self.package.check(asked.own)
        facts = self.headquarters.facts()
        self._check_organization(facts, asked)
        core = _living(self.stacks.find(self.names.core))
        found = self.stack_sets.find(self.names.member)
        had = core.parameters if core else {}
        given = self._given(asked, facts, is_first=core is None)
        if core is None:
            _check_first(asked)
        if found is None and not asked.units:
            raise InvalidValue("--ou", "", "is needed: which units get the member role?")
        settled = settle(self.package.core, given, core.parameters if core else None, {})
        regions = self._regions(settled.whole, given, found)
        member_given = given | self._where_members_look(settled.whole, regions)
        inherited = {**settled.whole, **(found.parameters if found else {})}
        return Ready(
            core=settled,
            alarms=_settle_stack(
                self.stacks, self.package.alarms, self.names.alarms, given, settled.whole
            ),
            listing=_settle_stack(
                self.head_stacks(self.management.region),
                self.package.listing,
                self.names.listing,
                given,
                inherited,
            ),
            set=settle(
                self.package.member, member_given, found.parameters if found else None, inherited
            ),
            members={
                region: _settle_stack(
                    self.head_stacks(region),
                    self.package.member,
                    self.names.member,
                    member_given,
                    inherited,
                )
                for region in sorted(regions)
            },
            units=frozenset(asked.units),
            regions=regions,
            is_first=core is None,
            begins_to_enforce=asked.enforce and had.get(FLAG, "True").lower() != "false",
        )

    def _check_organization(self, facts: OrganizationFacts, asked: Asked) -> None:
        if facts.management_account != self.management.account:
            rule = (
                f"must be of the management account {facts.management_account}, "
                f"and is of {self.management.account}"
            )
            raise InvalidValue("--management-profile", "", rule)
        if asked.organization not in {None, facts.id}:
            raise InvalidValue("--org-id", asked.organization, f"the organisation is {facts.id}")
        for unit in asked.units:
            if not self.headquarters.has_unit(unit):
                raise InvalidValue("--ou", unit, f"the organisation {facts.id} has no such unit")
        if not facts.has_all_features:
            raise DeploymentFailed(
                "the organisation has only consolidated billing: stack sets need all features "
                "(Organizations, Settings)"
            )
        if STACK_SETS_TRUSTED not in facts.trusted:
            raise DeploymentFailed(
                "stack sets have no trusted access to the organisation: "
                "`aws cloudformation activate-organizations-access` in the management account"
            )

    def _given(self, asked: Asked, facts: OrganizationFacts, *, is_first: bool) -> dict[str, str]:
        given = {
            **asked.own,
            "AWSOrgID": facts.id,
            "PrimaryAccountID": self.security.account,
            "OrgListAccount": self.management.account,
            "LambdaFolder": self.package.folder,
        }
        if asked.enforce:
            given[FLAG] = "False"
        elif is_first:
            given.setdefault(FLAG, "True")
        return given

    def _regions(
        self, core: Mapping[str, str], given: Mapping[str, str], found: StackSet | None
    ) -> frozenset[str]:
        """Where the member stack goes: to the secrets, and to where the role is made."""
        before = found.parameters.get("GlobalRegion") if found else None
        where_global = given.get("GlobalRegion") or before or IAM_REGIONS[self.partition]
        return frozenset({where_global, core.get("HomeRegion") or self.security.region})

    def _where_members_look(
        self, core: Mapping[str, str], regions: frozenset[str]
    ) -> dict[str, str]:
        """What a member stack in another region than the core's has to be told."""
        if regions == {self.security.region}:
            return {}
        home = core.get("HomeRegion") or self.security.region
        return {"HomeRegion": home, "PrimaryRegion": self.security.region}

    # --- doing ------------------------------------------------------------------------------

    def steps(self, ready: Ready, *, dry_run: bool = False) -> Iterator[Step]:
        """The steps in their order; a dry run writes nothing but change sets, and removes them."""
        head = self.management
        yield Step(f"bucket {ready.bucket}", lambda: self._bucket(ready, dry_run=dry_run))
        yield Step(
            f"zips in {ready.prefix}/{self.package.folder}/",
            lambda: self._zips(ready, dry_run=dry_run),
        )
        yield Step(
            f"mail templates in {ready.prefix}/Template/",
            lambda: self._mails(ready, dry_run=dry_run),
        )
        yield Step(
            f"stack set {self.names.member} in {head.account} {head.region}",
            lambda: self._stack_set(ready, dry_run=dry_run),
            is_vital=False,
        )
        for region, settled in ready.members.items():
            where = _Target(
                self.head_stacks(region), self.names.member, Place(head.account, region)
            )
            yield where.step(self.package.member.body, settled, dry_run=dry_run)
        listing = _Target(self.head_stacks(head.region), self.names.listing, head)
        yield listing.step(self.package.listing.body, ready.listing, dry_run=dry_run)
        core = _Target(self.stacks, self.names.core, self.security)
        yield core.step(self.package.core.body, ready.core, dry_run=dry_run)
        # After the core: one of an earlier version had these alarms, and has to let them go first.
        alarms = _Target(self.stacks, self.names.alarms, self.security)
        step = alarms.step(self.package.alarms.body, ready.alarms, dry_run=dry_run)
        yield replace(step, is_vital=False)
        if not dry_run:  # only then has the stack the zips of this build
            place = f"{self.security.account} {self.security.region}"
            yield Step(f"functions in {place}", self._code, is_vital=False)

    def _bucket(self, ready: Ready, *, dry_run: bool) -> Outcome:
        bucket, prefix = ready.bucket, ready.prefix
        new = not self.warehouse.exists(bucket)
        if new and not dry_run:
            self.warehouse.create(bucket)
        lacking = tuple(Protection) if new and dry_run else self.warehouse.lacks(bucket, prefix)
        if not dry_run:
            for each in lacking:
                self.warehouse.protect(bucket, prefix, each)
        if not new and not lacking:
            return NOTHING
        said = _would("made" if new else "protected", dry_run=dry_run)
        return Outcome(said=said, details=tuple(lacking), changed=True)

    def _zips(self, ready: Ready, *, dry_run: bool) -> Outcome:
        folder, files = f"{ready.prefix}/{self.package.folder}", self.package.zips
        there = self._stored(ready.bucket, folder, files)
        wanted = {name: body for name, body in files.items() if not _holds(there[name], body)}
        return self._upload(ready.bucket, folder, wanted, dry_run=dry_run)

    def _mails(self, ready: Ready, *, dry_run: bool) -> Outcome:
        folder, files = f"{ready.prefix}/Template", self.package.mails
        there = self._stored(ready.bucket, folder, files)
        differing = {name: body for name, body in files.items() if not _holds(there[name], body)}
        # One that is not as we once put it is the operator's own: it stays, whatever we bring.
        theirs = [name for name in differing if (found := there[name]) and not found.is_ours]
        wanted = {name: body for name, body in differing.items() if name not in theirs}
        outcome = self._upload(ready.bucket, folder, wanted, dry_run=dry_run)
        stay = (f"{name} stays: it is yours" for name in theirs)
        return replace(outcome, details=(*outcome.details, *stay))

    def _stored(
        self, bucket: str, folder: str, files: Mapping[str, bytes]
    ) -> dict[str, Stored | None]:
        if not self.warehouse.exists(bucket):
            return dict.fromkeys(files)
        return {name: self.warehouse.stored(bucket, f"{folder}/{name}") for name in files}

    def _upload(
        self, bucket: str, folder: str, files: Mapping[str, bytes], *, dry_run: bool
    ) -> Outcome:
        if not files:
            return NOTHING
        if not dry_run:
            for name, body in files.items():
                self.warehouse.put(bucket, f"{folder}/{name}", body)
        said = _would("uploaded", dry_run=dry_run)
        return Outcome(said=said, details=tuple(files), changed=True)

    def _code(self) -> Outcome:
        """
        Whether the functions run what is built here.

        Between our upload and CloudFormation's reading somebody may have put another zip.
        """
        others = [
            each.name
            for each in self.package.core.functions
            if self.functions.look(each.name).code != code_hash(self.package.zips[each.zip])
        ]
        if others:
            raise DeploymentFailed(
                f"other code than was built here: {', '.join(others)}. Somebody changed the zips "
                "in the bucket, or the functions: pause Keyturn and find out who"
            )
        return Outcome(said="they run what was built here")

    def _stack_set(self, ready: Ready, *, dry_run: bool) -> Outcome:
        name, body = self.names.member, self.package.member.body
        found = self.stack_sets.find(name)
        if found is None:
            if not dry_run:
                self.stack_sets.create(name, body, ready.set.values)
                self.stack_sets.extend(name, ready.units, ready.regions)
            said = _would("made", dry_run=dry_run)
            return Outcome(said=said, details=_reach(ready.units, ready.regions), changed=True)
        if not found.is_service_managed:
            raise DeploymentFailed(
                f"the stack set {name} is not service-managed: give another name with "
                "--member-stack, or delete it"
            )
        details = self._behind(name, found, ready)
        acts: list[Callable[[], None]] = []
        if details:
            acts.append(lambda: self.stack_sets.update(name, body, ready.set.values))
        for units, regions in _lacking(found, ready):
            details = (*details, *_reach(units, regions))
            acts.append(partial(self.stack_sets.extend, name, units, regions))
        if not details:
            return NOTHING
        if not dry_run:
            _all_of(acts)
        return Outcome(said=_would("updated", dry_run=dry_run), details=details, changed=True)

    def _behind(self, name: str, found: StackSet, ready: Ready) -> tuple[str, ...]:
        """Why the stack set must be brought up to date where it is."""
        reasons = list(ready.set.changed)
        if found.body.strip() != self.package.member.body.strip():
            reasons.append("another version of the template")
        lagging = sorted(
            {
                each.account
                for each in self.stack_sets.instances(name)
                if not each.is_current and not each.was_suspended
            }
        )
        if lagging:
            reasons.append(f"not up to date in {', '.join(lagging)}")
        return tuple(reasons)


def _settle_stack(
    stacks: Stacks,
    template: Template,
    name: str,
    given: Mapping[str, str],
    inherited: Mapping[str, str],
) -> Settled:
    found = _living(stacks.find(name))
    return settle(template, given, found.parameters if found else None, inherited)


def settle(
    template: Template,
    given: Mapping[str, str],
    had: Mapping[str, str] | None,
    inherited: Mapping[str, str],
) -> Settled:
    """
    Choose each parameter: as given, else as it was, else as the other stacks have it.

    had: the values of the stack, None if it is not there yet.
    """
    values: dict[str, str | None] = {}
    whole: dict[str, str] = {}
    changed: list[str] = []
    for name, parameter in template.parameters.items():
        if name in given:
            values[name] = whole[name] = given[name]
        elif had is not None and name in had:
            values[name], whole[name] = None, had[name]
        elif name in inherited:
            values[name] = whole[name] = inherited[name]
        elif parameter.default is None:
            raise InvalidValue(name, "", "is needed: it has no value yet")
        now = whole.get(name, parameter.default)
        before = now if had is None else had.get(name, parameter.default)
        if before != now:
            changed.append(f"{name}: {before or '(empty)'} → {now or '(empty)'}")
    return Settled(values=values, whole=whole, changed=tuple(changed))


@dataclass(frozen=True, slots=True)
class _Target:
    """A stack, and where it is or will be."""

    stacks: Stacks
    name: str
    place: Place

    def step(self, body: str, settled: Settled, *, dry_run: bool) -> Step:
        """The step that brings it up to date."""
        title = f"stack {self.name} in {self.place.account} {self.place.region}"
        return Step(title, lambda: self._bring(body, settled, dry_run=dry_run))

    def _bring(self, body: str, settled: Settled, *, dry_run: bool) -> Outcome:
        found = self.stacks.find(self.name)
        if found is not None and found.is_busy:
            raise DeploymentFailed(f"{self.name} is being changed ({found.status}): try later")
        if found is not None and found.is_stillborn:
            if dry_run:
                return Outcome(said="would be made anew: its creation had failed", changed=True)
            self.stacks.remove(self.name)
        new = _living(found) is None
        proposal = self.stacks.propose(self.name, body, settled.values, new=new)
        if proposal.is_empty:
            return NOTHING
        details = settled.changed
        if dry_run:
            details = (*details, *_words(proposal))
            self.stacks.discard(proposal)
        else:
            self.stacks.carry_out(proposal)
        said = _would("made" if new else "updated", dry_run=dry_run)
        return Outcome(said=said, details=details, changed=True)


def _living(stack: Stack | None) -> Stack | None:
    """The stack, if it has ever been made."""
    if stack is None or not stack.is_there or stack.is_stillborn:
        return None
    return stack


def _check_first(asked: Asked) -> None:
    """Refuse a first deployment that lacks what a later one finds in the stack."""
    for option, value in (
        ("--bucket", asked.bucket),
        ("--prefix", asked.prefix),
        ("--admin", asked.admin),
    ):
        if value is None:
            raise InvalidValue(option, "", "is needed for the first deployment")


def _words(proposal: Proposal) -> Iterator[str]:
    for each in proposal.changes:
        replaced = " (replaced)" if each.replaces else ""
        yield f"{each.action} {each.resource} {each.kind}{replaced}"


def _reach(units: frozenset[str], regions: frozenset[str]) -> tuple[str, ...]:
    return (f"to {', '.join(sorted(units))} in {', '.join(sorted(regions))}",)


def _lacking(found: StackSet, ready: Ready) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Where a stack set must go besides: new units in all regions, old ones in new regions."""
    for units, regions in (
        (ready.units - found.units, ready.regions | found.regions),
        (found.units, ready.regions - found.regions),
    ):
        if units and regions:
            yield units, regions


def _all_of(acts: Iterable[Callable[[], None]]) -> None:
    """Do all of it: an account that one act fails in must not keep others from the next."""
    failures: list[str] = []
    for act in acts:
        try:
            act()
        except DeploymentFailed as failure:
            failures.append(str(failure))
    if failures:
        raise DeploymentFailed("; ".join(dict.fromkeys(failures)))


def _would(done: str, *, dry_run: bool) -> str:
    return f"would be {done}" if dry_run else done


def code_hash(body: bytes) -> str:
    """Lambda's hash of a zip."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _holds(found: Stored | None, body: bytes) -> bool:
    return found is not None and found.content == _content(body)


def _content(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
