"""
Bring Keyturn into an organisation, in the order in which an operator would by hand.

Everything is looked at before anything is written. Each step leaves what is right as it is,
so a second run finds no changes, and a run that broke off is simply run again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from keyturn.deployment.model.organization import STACK_SETS_TRUSTED, OrganizationFacts
from keyturn.deployment.model.package import Package
from keyturn.deployment.model.places import IAM_REGIONS, Names, Place
from keyturn.deployment.model.stacks import StackSet, living
from keyturn.deployment.model.template import Template
from keyturn.deployment.model.wanted import (
    ACCOUNT,
    ADMIN_DIGEST,
    CHANNELS,
    CONFIGURATION_SET,
    CREATE_LOG_GROUPS,
    DAILY,
    FLAG,
    WITHOUT_SES,
    DeployRequest,
    Ready,
    Settled,
    check_channels,
    check_delivery,
    check_first,
    check_proving,
    check_users_target,
    enforces_more,
    is_true,
    settle,
    without,
)
from keyturn.deployment.ports import (
    ArtifactBucket,
    Functions,
    LogGroups,
    OrganizationFeatures,
    Stacks,
    StackSets,
)
from keyturn.deployment.steps import (
    DeployStep,
    ProveCode,
    plan_bucket,
    plan_mails,
    plan_stack,
    plan_stack_set,
    plan_zips,
)
from keyturn.domain.errors import DeploymentFailed, InvalidValue, PortError


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """A deployment, from a place that can reach the security and the management account."""

    security: Place
    management: Place
    partition: str
    artifact_bucket: ArtifactBucket
    stacks: Stacks
    own_stacks: Callable[[str], Stacks]
    """The stacks of the security account, by region; `stacks` are those of its own."""
    head_stacks: Callable[[str], Stacks]
    """The stacks of the management account, by region."""
    stack_sets: StackSets
    organization_features: OrganizationFeatures
    functions: Functions
    log_groups: LogGroups
    package: Package
    names: Names = field(default_factory=Names)

    # --- looking ----------------------------------------------------------------------------

    def prepare(self, asked: DeployRequest) -> Ready:
        """
        Find out what is there and what is wanted; it only reads.

        Raises InvalidValue where a value is wrong or lacking, DeploymentFailed where the
        organisation does not allow stack sets, and a PortError where AWS does not answer.
        """
        self.package.check(asked.own)
        facts = self.organization_features.facts()
        self._check_organization(facts, asked)
        core = living(self.stacks.find(self.names.core))
        found = self.stack_sets.find(self.names.member)
        had = core.parameters if core else {}
        given = self._given(asked, facts, had, is_first=core is None)
        if core is None:
            check_first(asked)
        if found is None and not asked.units:
            raise InvalidValue("--ou", "", "is needed: which units get the member role?")
        settled = settle(self.package.core, given, core.parameters if core else None, {})
        channels = self._settle_channels(given, settled.whole)
        of_channels = channels.whole if channels else {}
        check_channels(asked.own, of_channels)
        check_proving(settled.whole, of_channels)
        check_delivery(settled.whole)
        reports = self._settle_reports(given, settled.whole)
        check_users_target(reports.whole if reports else {})
        regions = self._regions(settled.whole, given, found)
        member_given = given | self._where_members_look(settled.whole, regions)
        inherited = {**settled.whole, **(found.parameters if found else {})}
        return Ready(
            core=settled,
            alarms=_settle_stack(
                self.stacks,
                self.package.alarms,
                self.names.alarms,
                # As the core has it, whoever changed that: its alarm is of no use otherwise.
                {**given, ADMIN_DIGEST: settled.whole.get(ADMIN_DIGEST, ACCOUNT)},
                settled.whole,
            ),
            mail_events=self._settle_mail_events(given, settled.whole),
            channels=channels,
            reports=reports,
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
            begins_to_enforce=enforces_more(had, settled.whole),
        )

    def _check_organization(self, facts: OrganizationFacts, asked: DeployRequest) -> None:
        if facts.management_account != self.management.account:
            rule = (
                f"must be of the management account {facts.management_account}, "
                f"and is of {self.management.account}"
            )
            raise InvalidValue("--management-profile", "", rule)
        if asked.organization not in {None, facts.id}:
            raise InvalidValue("--org-id", asked.organization, f"the organisation is {facts.id}")
        for unit in asked.units:
            if not self.organization_features.has_unit(unit):
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

    def _given(
        self,
        asked: DeployRequest,
        facts: OrganizationFacts,
        had: Mapping[str, str],
        *,
        is_first: bool,
    ) -> dict[str, str]:
        given = {
            **asked.own,
            "AWSOrgID": facts.id,
            "PrimaryAccountID": self.security.account,
            "OrgListAccount": self.management.account,
            "LambdaFolder": self.package.folder,
        }
        if "ConfigurationSet" not in had and self.partition not in WITHOUT_SES:
            given.setdefault("ConfigurationSet", CONFIGURATION_SET)
        if ADMIN_DIGEST not in had:
            given.setdefault(ADMIN_DIGEST, DAILY)
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

    def _settle_mail_events(
        self, given: Mapping[str, str], core: Mapping[str, str]
    ) -> Mapping[str, Settled]:
        """By region, that of SES first; where that is the core's own, it is one stack."""
        if not core.get("ConfigurationSet"):
            return {}
        here = self.security.region
        regions = dict.fromkeys((core.get("MailRegion") or here, here))
        return {
            region: _settle_stack(
                self.own_stacks(region),
                self.package.mail_events,
                self.names.mail_events,
                {**given, "CoreRegion": here},
                core,
            )
            for region in regions
        }

    def _settle_channels(
        self, given: Mapping[str, str], core: Mapping[str, str]
    ) -> Settled | None:
        """Once it is there it follows the core, whatever of it is given."""
        is_asked_for = any(given.get(name) for name in CHANNELS)
        if not is_asked_for and living(self.stacks.find(self.names.channels)) is None:
            return None
        return self._settle_beside(self.package.channels, self.names.channels, given, core)

    def _settle_reports(self, given: Mapping[str, str], core: Mapping[str, str]) -> Settled | None:
        """Who makes the digest that the core leaves its copies out for; it follows the core."""
        is_asked_for = core.get(ADMIN_DIGEST) == DAILY
        if not is_asked_for and living(self.stacks.find(self.names.reports)) is None:
            return None
        return self._settle_beside(self.package.reports, self.names.reports, given, core)

    def _settle_beside(
        self, template: Template, name: str, given: Mapping[str, str], core: Mapping[str, str]
    ) -> Settled:
        """
        Settle a stack with a function of its own, as the core has it but for the log groups.

        A function whose stack makes no log group, while there is none, leaves no log, and what is
        counted in it never is. Where one that was kept is in its way, the stack cannot be made.
        """
        found = living(self.stacks.find(name))
        had = found.parameters if found else None
        makes = self._makes_logs(template, had)
        given = {**without(given, CREATE_LOG_GROUPS), **makes}
        return settle(template, given, had, without(core, CREATE_LOG_GROUPS))

    def _makes_logs(self, template: Template, had: Mapping[str, str] | None) -> Mapping[str, str]:
        """
        What such a stack is told of its log groups; empty: it stays as it is, or makes them.

        If AWS does not say whether they exist, a new stack makes them: if they do, it fails aloud.
        """
        if had is not None and is_true(had.get(CREATE_LOG_GROUPS, "True")):
            return {}
        try:
            exist = all(
                self.log_groups.exists(f"/aws/lambda/{function.name}")
                for function in template.functions
            )
        except PortError:
            return {}
        if exist is (had is not None):
            return {}
        return {CREATE_LOG_GROUPS: str(not exist)}

    # --- doing ------------------------------------------------------------------------------

    def steps(self, ready: Ready) -> Iterator[DeployStep]:
        """The steps in their order, to be shown or to be taken."""
        bucket, prefix, package = ready.bucket, ready.prefix, self.package
        zips, mails = f"{prefix}/{package.folder}", f"{prefix}/Template"
        head, names = self.management, self.names
        yield DeployStep(
            f"bucket {bucket}", lambda: plan_bucket(self.artifact_bucket, bucket, prefix)
        )
        yield DeployStep(
            f"zips in {zips}/", lambda: plan_zips(self.artifact_bucket, bucket, zips, package.zips)
        )
        yield DeployStep(
            f"mail templates in {mails}/",
            lambda: plan_mails(self.artifact_bucket, bucket, mails, package.mails),
        )
        yield DeployStep(
            f"stack set {names.member} in {head.account} {head.region}",
            lambda: plan_stack_set(self.stack_sets, names.member, package.member.body, ready),
            is_vital=False,
        )
        for region, settled in ready.members.items():
            yield self._stack(
                self.head_stacks(region),
                names.member,
                Place(head.account, region),
                package.member,
                settled,
            )
        yield self._stack(
            self.head_stacks(head.region), names.listing, head, package.listing, ready.listing
        )
        mail_events = [
            self._stack(
                self.own_stacks(region),
                names.mail_events,
                Place(self.security.account, region),
                package.mail_events,
                settled,
            )
            for region, settled in ready.mail_events.items()
        ]
        reports = [
            self._stack(self.stacks, names.reports, self.security, package.reports, settled)
            for settled in (ready.reports,)
            if settled is not None
        ]
        # A core that runs names the configuration set at once, and SES would refuse every mail. It
        # leaves the administrators' copies out at once, too. A new one sends none yet, and has the
        # queue that the rule names.
        if not ready.is_first:
            yield from (*mail_events, *reports)
        yield self._stack(self.stacks, names.core, self.security, package.core, ready.core)
        if ready.is_first:
            yield from (*mail_events, *reports)
        # After the core: one of an earlier version had these alarms, and has to let them go first.
        alarms = self._stack(
            self.stacks, names.alarms, self.security, package.alarms, ready.alarms
        )
        yield replace(alarms, is_vital=False)
        # It hears of the core's bus, by the core's key.
        if ready.channels is not None:
            channels = self._stack(
                self.stacks, names.channels, self.security, package.channels, ready.channels
            )
            yield replace(channels, is_vital=False)

    def proof(self) -> DeployStep:
        """What is seen to when all steps are taken: only then has the stack this build's zips."""
        plan = ProveCode(functions=self.functions, package=self.package)
        place = f"{self.security.account} {self.security.region}"
        return DeployStep(f"functions in {place}", lambda: plan, is_vital=False)

    def _stack(
        self, stacks: Stacks, name: str, place: Place, template: Template, settled: Settled
    ) -> DeployStep:
        return DeployStep(
            f"stack {name} in {place.account} {place.region}",
            lambda: plan_stack(stacks, name, template.body, settled),
        )


def _settle_stack(
    stacks: Stacks,
    template: Template,
    name: str,
    given: Mapping[str, str],
    inherited: Mapping[str, str],
) -> Settled:
    found = living(stacks.find(name))
    return settle(template, given, found.parameters if found else None, inherited)
