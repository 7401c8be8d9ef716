"""A deployment as the checks see it: through the probes, and what several of them need once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, TypeVar

from keyturn.deployment.model.facts import LastRun, SecretSeen
from keyturn.deployment.model.places import Names, Place
from keyturn.deployment.model.stacks import Stack, StackSet, living
from keyturn.deployment.model.template import Template
from keyturn.deployment.ports import (
    Archive,
    ArtifactBucket,
    ChannelSecrets,
    CloudTrailStatus,
    EventRules,
    FunctionDurations,
    Functions,
    MemberAccountProbe,
    OrganizationFeatures,
    QueueDepth,
    SesIdentities,
    Stacks,
    StackSets,
)
from keyturn.domain.errors import InvalidValue, NotFound, PortError
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.domain.owner import AllowedDomains
from keyturn.domain.scope import Scope, separated
from keyturn.domain.stage import PARAMETER, Stage
from keyturn.ports import ExemptionsFileStore, Organization, OwnersFileStore, PauseFlag
from keyturn.use_cases.inventory import Inventory, take_inventory, with_stage
from keyturn.use_cases.side_by_side import side_by_side

WORKERS: Final = 8
"""So many accounts are entered at the same time."""
_NAMED: Final = 5
"""So many accounts are named in a line."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What the doctor looks with."""

    stacks: Stacks
    head_stacks: Callable[[str], Stacks]
    """The stacks of the management account, by region."""
    stack_sets: StackSets
    organization_features: OrganizationFeatures
    organization: Organization
    functions: Functions
    function_durations: FunctionDurations
    event_rules: EventRules
    rules_of: Callable[[str], EventRules]
    """The rules of the security account, by region."""
    queue_depth: QueueDepth
    ses_identities: Callable[[str], SesIdentities]
    """SES in a region; "" is the region of the functions."""
    cloudtrail: CloudTrailStatus
    """Those that the management account sees."""
    own_cloudtrail: CloudTrailStatus
    """Those that the security account sees."""
    artifact_bucket: ArtifactBucket
    archive: Callable[[str, str], Archive]
    """By bucket and prefix."""
    pause_flag: Callable[[str, str], PauseFlag]
    """By bucket and prefix."""
    member: Callable[[Account, Mapping[str, str]], MemberAccountProbe]
    """By account, and the core stack's parameters."""
    leftovers: Callable[[Account, Mapping[str, str]], tuple[Leftover, ...]]
    """An account's secrets without a living user, likewise."""
    owners_file: Callable[[str, str, AllowedDomains], OwnersFileStore]
    """By bucket, prefix and the domains that owners may be of."""
    exemptions_file: Callable[[str, str], ExemptionsFileStore]
    """By bucket and prefix."""
    channel_secrets: ChannelSecrets


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """What was seen in one account; an error where it could not be."""

    account: Account
    trust: str | PortError
    """The member role's trust policy, a JSON text."""
    group: bool | PortError
    """Whether it has the exemption group."""
    key: str | PortError
    """The state of the KMS key of its secrets, as KMS calls it."""
    leftovers: tuple[Leftover, ...] | PortError
    rule: bool | PortError
    """Whether the rule that reports exemptions is enabled."""
    secrets: tuple[SecretSeen, ...] | PortError


class NoAccounts(Exception):
    """There is none that anything could be said of."""


@dataclass(kw_only=True)
class Observed:
    """
    One deployment; what several checks need is read once, when the first of them asks.

    Every property raises a PortError of domain/errors.py where it cannot be read.
    """

    probes: Probes
    security: Place
    management: Place
    partition: str = "aws"
    now: datetime
    enters_as_member: bool = True
    """Whether accounts are entered by the member role itself, or by another."""
    names: Names = field(default_factory=Names)

    # --- the core stack ---------------------------------------------------------------------

    @cached_property
    def core(self) -> Stack | None:
        """The core stack, if there is one."""
        return self.probes.stacks.find(self.names.core)

    @cached_property
    def channels(self) -> Stack | None:
        """The stack of the channels beside mail, if there is one."""
        return living(self.probes.stacks.find(self.names.channels))

    @cached_property
    def template(self) -> Template:
        """The template that the stack was made of, and not the one at hand."""
        return Template.read(self.probes.stacks.body_of(self.names.core))

    @property
    def parameters(self) -> Mapping[str, str]:
        """The core stack's parameters, name → value; none, if it is not there."""
        return self.core.parameters if self.core else {}

    def parameter(self, parameter: str) -> str:
        """
        The value of a parameter.

        Raises NotFound where the stack has none of that name, as one of another version may.
        """
        if parameter not in self.parameters:
            raise NotFound(f"the core stack has no parameter {parameter}")
        return self.parameters[parameter]

    def number(self, parameter: str) -> int:
        """The value of a parameter that is a number. Raises InvalidValue where it is none."""
        value = self.parameter(parameter)
        if not value.isdecimal():
            raise InvalidValue(parameter, value, "is no number")
        return int(value)

    @cached_property
    def bucket_and_prefix(self) -> tuple[str, str]:
        """The bucket's name, and the prefix below which zips, snapshots and receipts are."""
        return self.parameter("S3BucketName"), self.parameter("S3BucketPrefix")

    @cached_property
    def archive(self) -> Archive:
        """What is in the bucket."""
        return self.probes.archive(*self.bucket_and_prefix)

    @cached_property
    def runs(self) -> tuple[LastRun, ...]:
        """The newest run of each account; none, if none ran."""
        return self.archive.last_runs()

    @property
    def ses_identities(self) -> SesIdentities:
        """SES, in the region that sends the mails."""
        return self.probes.ses_identities(self.parameters.get("MailRegion", ""))

    # --- the organisation -------------------------------------------------------------------

    @cached_property
    def stack_set(self) -> StackSet | None:
        """The stack set of the member stacks, if there is one."""
        return self.probes.stack_sets.find(self.names.member)

    @property
    def regions(self) -> frozenset[str]:
        """Where member stacks have to be; a stack set that went nowhere yet names no region."""
        of_set = self.stack_set.regions if self.stack_set else frozenset()
        return of_set or frozenset({self.management.region})

    @property
    def scope(self) -> Scope:
        """The accounts that the stack is told to look after; an older one may lack the words."""
        values = self.parameters
        return Scope(
            units=separated(values.get("InventoryOU", "")),
            excluded_accounts=separated(values.get("ExcludedAccounts", "")),
            excluded_units=separated(values.get("ExcludedUnits", "")),
        )

    @cached_property
    def _inventory(self) -> Inventory:
        return take_inventory(self.probes.organization, scope=self.scope)

    @property
    def stage(self) -> Stage:
        """Which accounts the stack is told to enforce; an older one may lack the word."""
        return Stage.of(separated(self.parameters.get(PARAMETER, "")))

    @cached_property
    def staged(self) -> Inventory:
        """The inventory, with the units of the stage that each account is below."""
        return with_stage(self._inventory, self.probes.organization, self.stage)

    @property
    def units_unlisted(self) -> tuple[str, ...]:
        """Units of the stage that are not there, or could not be listed."""
        listed = {unit for each in (self.staged.seen or {}).values() for unit in each.listed}
        return tuple(sorted(self.stage.units - listed))

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts that are looked after. Raises NoAccounts where there are none."""
        if not self._inventory.accounts:
            raise NoAccounts
        return self._inventory.accounts

    # --- in every account -------------------------------------------------------------------

    @property
    def exemption_rule(self) -> str:
        """The name of the rule that reports changes of the exemption group."""
        return f"{self.parameter('IAMRoleName')}-exemption"

    @cached_property
    def entered(self) -> tuple[AccountSeen, ...]:
        """What was seen in each account."""
        return tuple(side_by_side(self._enter, self.accounts, workers=WORKERS))

    def _enter(self, account: Account) -> AccountSeen:
        member = self.probes.member(account, self.parameters)
        return AccountSeen(
            account=account,
            trust=_or_error(lambda: member.trust_of(self.parameter("IAMRoleName"))),
            group=_or_error(lambda: member.has_group(self.parameter("IAMExemptionGroup"))),
            key=_or_error(lambda: member.key_state(self.parameter("SecretsKmsKey"))),
            leftovers=_or_error(lambda: self.probes.leftovers(account, self.parameters)),
            rule=_or_error(lambda: member.rule_is_enabled(self.exemption_rule)),
            secrets=_or_error(lambda: tuple(member.secrets())),
        )


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _or_error(read: Callable[[], Read]) -> Read | PortError:
    try:
        return read()
    except PortError as error:
        return error
