"""
Look a deployment over, and say what to do about each finding.

Each check answers for itself. One that may not look says so, and is never taken for well.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, TypeVar

from keyturn.deployment.deploy import Names
from keyturn.deployment.model.guard import guard, lacks
from keyturn.deployment.model.health import (
    Check,
    Fault,
    Finding,
    FunctionFacts,
    LastRun,
    SecretSeen,
    faulty,
    well,
)
from keyturn.deployment.model.stacks import STACK_SETS_TRUSTED, Place, Stack, StackSet
from keyturn.deployment.model.template import DeclaredFunction, Template
from keyturn.deployment.ports import (
    Archive,
    Branch,
    Depths,
    Functions,
    Headquarters,
    Rules,
    Senders,
    Stacks,
    StackSets,
    Trails,
    Warehouse,
)
from keyturn.domain.amounts import counted
from keyturn.domain.errors import AccountUnreachable, Denied, InvalidValue, NotFound, PortError
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.domain.scope import Scope, separated
from keyturn.ports import Organization, Switch
from keyturn.use_cases.inventory import Inventory, take_inventory
from keyturn.use_cases.side_by_side import side_by_side

BUS: Final = "asa-iam-key-rotation"
RULES: Final = (
    ("asa-iam-key-rotation-daily", None),
    ("asa-iam-key-rotation-notices", BUS),
    ("asa-iam-key-rotation-exemption", BUS),
)
ROTATION: Final = "ASA-IAM-Access-Key-Rotation-Function"
TAKES_FROM: Final[Mapping[str, str]] = {
    ROTATION: "asa-iam-key-rotation.fifo",
    "ASA-Notifier": "asa-iam-key-notices",
}
"""The queue that gives a function its work."""
DEAD_LETTERS: Final = (
    "asa-iam-key-rotation-dead.fifo",
    "asa-iam-key-notices-dead",
    "asa-iam-key-undelivered",
)
LONGEST_PAUSE: Final = timedelta(hours=26)
"""Between two daily runs, as the alarm on missing runs has it."""
READERS: Final = ("SecretReaderArns", "OwnersReadBy", "UsersReadTheirOwn")
"""The member template's parameters that let somebody read new keys."""
BESIDES: Final = 3
"""Functions that run beside the rotations: the inventory and two notifiers."""
WORKERS: Final = 8
_NAMED: Final = 5
"""So many accounts are named in a line."""

NEEDS: Final[Mapping[Check, str]] = {
    Check.CORE: "cloudformation:DescribeStacks",
    Check.LIST_ROLE: "cloudformation:DescribeStacks in the management account",
    Check.TRUSTED_ACCESS: "organizations:DescribeOrganization and "
    "ListAWSServiceAccessForOrganization in the management account",
    Check.MEMBER_STACKS: "cloudformation:DescribeStackSet and ListStackInstances, "
    "organizations:ListAccounts in the management account",
    Check.MANAGEMENT_ACCOUNT: "cloudformation:DescribeStacks in the management account",
    Check.MEMBER_ROLE: "a role in each account with iam:GetRole: --role-name",
    Check.EXEMPTION_GROUP: "a role in each account with iam:GetGroup: --role-name",
    Check.SECRETS_KEY: "a role in each account with kms:DescribeKey: --role-name",
    Check.LEFTOVER_SECRETS: "a role in each account with secretsmanager:ListSecrets and "
    "iam:ListUsers: --role-name",
    Check.FUNCTIONS: "lambda:GetFunctionConfiguration, GetFunctionConcurrency and "
    "ListEventSourceMappings, cloudformation:GetTemplate",
    Check.CODE: "lambda:GetFunctionConfiguration, s3:GetObject on the zips",
    Check.RULES: "events:DescribeRule",
    Check.LAST_RUN: "s3:ListBucket and GetObject on the snapshots",
    Check.CHANGES: "s3:ListBucket and GetObject on the snapshots",
    Check.DEAD_LETTERS: "sqs:GetQueueUrl and GetQueueAttributes",
    Check.CONCURRENCY: "lambda:GetAccountSettings",
    Check.SENDER: "ses:GetEmailIdentity",
    Check.OWNERS: "ses:GetAccount and GetEmailIdentity, organizations:ListAccounts",
    Check.TRAIL: "cloudtrail:DescribeTrails, GetTrailStatus and GetEventSelectors "
    "in the management account",
    Check.INVOCATIONS: "cloudtrail:DescribeTrails, GetTrailStatus and GetEventSelectors "
    "in both accounts",
    Check.EXEMPTION_RULE: "a role in each account with events:DescribeRule: --role-name",
    Check.GUARD: "organizations:ListPolicies, DescribePolicy and ListTargetsForPolicy "
    "in the management account",
    Check.SECRETS: "a role in each account with secretsmanager:ListSecrets, DescribeSecret and "
    "GetResourcePolicy: --role-name",
    Check.READERS: "the same as secrets",
    Check.BUCKET: "s3:ListBucket, GetBucketPublicAccessBlock, GetEncryptionConfiguration, "
    "GetBucketVersioning, GetBucketPolicy and GetLifecycleConfiguration",
    Check.PAUSE: "s3:ListBucket and GetObject on paused.json",
}
"""The permissions that each check needs."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What the doctor looks with."""

    stacks: Stacks
    head_stacks: Callable[[str], Stacks]
    stack_sets: StackSets
    headquarters: Headquarters
    organization: Organization
    functions: Functions
    rules: Rules
    depths: Depths
    senders: Callable[[str], Senders]
    """SES in a region; "" is the region of the functions."""
    trails: Trails
    own_trails: Trails
    """Those that the security account sees."""
    warehouse: Warehouse
    archive: Callable[[str, str], Archive]
    """By bucket and prefix."""
    switch: Callable[[str, str], Switch]
    branch: Callable[[Account, Mapping[str, str]], Branch]
    leftovers: Callable[[Account, Mapping[str, str]], tuple[Leftover, ...]]
    """An account's secrets without a living user."""
    """By account, and the core stack's parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entered:
    """What was seen in one account; an error where it could not be."""

    account: Account
    trust: str | PortError
    group: bool | PortError
    key: str | PortError
    leftovers: tuple[Leftover, ...] | PortError
    rule: bool | PortError
    secrets: tuple[SecretSeen, ...] | PortError


class _NoAccounts(Exception):
    """There is none that anything could be said of."""


@dataclass(kw_only=True)
class Doctor:
    """A look at one deployment; what several checks need is read once."""

    see: Instruments
    security: Place
    management: Place
    partition: str = "aws"
    now: datetime
    enters_as_member: bool = True
    """Whether accounts are entered by the member role itself, or by another."""
    names: Names = field(default_factory=Names)

    # --- in order ---------------------------------------------------------------------------

    def findings(self) -> Iterator[Finding]:
        """What every check found; without a core stack there is nothing to look at."""
        core = self._done(Check.CORE, self._core)
        yield core
        if core.fault in {Fault.CORE_MISSING, Fault.UNCHECKED}:
            return
        for check, look in self._checks().items():
            yield self._done(check, look)

    def _checks(self) -> Mapping[Check, Callable[[], Finding]]:
        return {
            Check.BUCKET: self._bucket,
            Check.PAUSE: self._pause,
            Check.FUNCTIONS: self._functions,
            Check.CODE: self._code,
            Check.CONCURRENCY: self._concurrency,
            Check.RULES: self._rules,
            Check.DEAD_LETTERS: self._dead_letters,
            Check.LAST_RUN: self._last_run,
            Check.CHANGES: self._changes,
            Check.SENDER: self._sender,
            Check.OWNERS: self._owners,
            Check.LIST_ROLE: self._list_role,
            Check.TRUSTED_ACCESS: self._trusted_access,
            Check.MEMBER_STACKS: self._member_stacks,
            Check.MANAGEMENT_ACCOUNT: self._management_account,
            Check.MEMBER_ROLE: self._member_role,
            Check.EXEMPTION_GROUP: self._exemption_group,
            Check.SECRETS_KEY: self._secrets_key,
            Check.LEFTOVER_SECRETS: self._leftover_secrets,
            Check.TRAIL: self._trail,
            Check.INVOCATIONS: self._invocations,
            Check.EXEMPTION_RULE: self._exemption_rule,
            Check.GUARD: self._guard,
            Check.SECRETS: self._secrets,
            Check.READERS: self._readers,
        }

    def _done(self, check: Check, look: Callable[[], Finding]) -> Finding:
        try:
            return look()
        except (PortError, InvalidValue) as error:
            return _unchecked(check, error)
        except _NoAccounts:
            return self._nobody(check)

    def _nobody(self, check: Check) -> Finding:
        where = f" in {', '.join(self._scope.units)}" if self._scope.units else ""
        return Finding(
            check=check,
            fault=Fault.UNCHECKED,
            said=f"could not be checked: no account was found{where}",
            fix="set InventoryOU to a unit that has accounts, or to nothing: "
            "`keyturn deploy --parameter InventoryOU=`",
        )

    # --- what several checks need -----------------------------------------------------------

    @cached_property
    def _stack(self) -> Stack | None:
        return self.see.stacks.find(self.names.core)

    @cached_property
    def _template(self) -> Template:
        """The template that the stack was made of, and not the one at hand."""
        return Template.read(self.see.stacks.body_of(self.names.core))

    @cached_property
    def _parameters(self) -> Mapping[str, str]:
        return self._stack.parameters if self._stack else {}

    def _told(self, parameter: str) -> str:
        """The value of a parameter; a stack of another version may lack it."""
        if parameter not in self._parameters:
            raise NotFound(f"the core stack has no parameter {parameter}")
        return self._parameters[parameter]

    @cached_property
    def _set(self) -> StackSet | None:
        return self.see.stack_sets.find(self.names.member)

    @property
    def _senders(self) -> Senders:
        return self.see.senders(self._parameters.get("MailRegion", ""))

    @cached_property
    def _inventory(self) -> Inventory:
        return take_inventory(self.see.organization, scope=self._scope)

    @property
    def _scope(self) -> Scope:
        """The accounts that the stack is told to look after; an older one may lack the words."""
        told = self._parameters
        return Scope(
            units=separated(told.get("InventoryOU", "")),
            excluded_accounts=separated(told.get("ExcludedAccounts", "")),
            excluded_units=separated(told.get("ExcludedUnits", "")),
        )

    @property
    def _accounts(self) -> tuple[Account, ...]:
        """The accounts that are looked after; of none, nothing is well."""
        if not self._inventory.accounts:
            raise _NoAccounts
        return self._inventory.accounts

    @property
    def _regions(self) -> frozenset[str]:
        """Where member stacks have to be; a stack set that went nowhere yet names no region."""
        of_set = self._set.regions if self._set else frozenset()
        return of_set or frozenset({self.management.region})

    @cached_property
    def _runs(self) -> tuple[LastRun, ...]:
        return self._archive.last_runs()

    @cached_property
    def _archive(self) -> Archive:
        return self.see.archive(*self._bucket_and_prefix)

    @cached_property
    def _bucket_and_prefix(self) -> tuple[str, str]:
        return self._told("S3BucketName"), self._told("S3BucketPrefix")

    @cached_property
    def _entered(self) -> tuple[_Entered, ...]:
        return tuple(side_by_side(self._enter, self._accounts, workers=WORKERS))

    def _enter(self, account: Account) -> _Entered:
        branch = self.see.branch(account, self._parameters)
        return _Entered(
            account=account,
            trust=_or_error(lambda: branch.trust_of(self._told("IAMRoleName"))),
            group=_or_error(lambda: branch.has_group(self._told("IAMExemptionGroup"))),
            key=_or_error(lambda: branch.key_state(self._told("SecretsKmsKey"))),
            leftovers=_or_error(lambda: self.see.leftovers(account, self._parameters)),
            rule=_or_error(lambda: branch.rule_is_enabled(self._rule)),
            secrets=_or_error(lambda: tuple(branch.secrets())),
        )

    # --- the security account ---------------------------------------------------------------

    def _core(self) -> Finding:
        stack = self._stack
        name = f"stack {self.names.core} in {self.security.account} {self.security.region}"
        if stack is None or not stack.is_there:
            return faulty(Check.CORE, Fault.CORE_MISSING, f"there is no {name}")
        if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return faulty(Check.CORE, Fault.CORE_BROKEN, f"{name}: {stack.status}")
        enforces = stack.parameters.get("DryRunFlag", "True").lower() == "false"
        return well(Check.CORE, f"{name}; {'enforces' if enforces else 'in dry run'}")

    def _list_role(self) -> Finding:
        name = f"stack {self.names.listing} in {self.management.account} {self.management.region}"
        found = self.see.head_stacks(self.management.region).find(self.names.listing)
        if lack := _lack(found, name):
            return faulty(Check.LIST_ROLE, Fault.LIST_ROLE_MISSING, lack)
        return well(Check.LIST_ROLE, name)

    def _bucket(self) -> Finding:
        bucket, prefix = self._bucket_and_prefix
        if not self.see.warehouse.exists(bucket):
            return faulty(Check.BUCKET, Fault.BUCKET_MISSING, f"there is no bucket {bucket}")
        lacking = self.see.warehouse.lacks(bucket, prefix)
        if lacking:
            said = f"{bucket} lacks: {', '.join(lacking)}"
            found = faulty(Check.BUCKET, Fault.BUCKET_UNPROTECTED, said)
            missing = self.see.warehouse.missing_statements(bucket, prefix)
            by_hand = f". By hand, add to its policy: {json.dumps(missing)}" if missing else ""
            return replace(found, fix=f"{found.fix}{by_hand}")
        return well(Check.BUCKET, f"{bucket} has every protection")

    def _pause(self) -> Finding:
        found = self.see.switch(*self._bucket_and_prefix).pause()
        if found is None:
            return well(Check.PAUSE, "nobody has paused Keyturn")
        said = f"paused by {found.by} since {found.at:%Y-%m-%d %H:%MZ}: {found.why}"
        return faulty(Check.PAUSE, Fault.PAUSED, said)

    def _functions(self) -> Finding:
        differences: list[str] = []
        off: list[str] = []
        for each in self._template.functions:
            try:
                found = self.see.functions.look(each.name)
            except NotFound:
                said = f"there is no function {each.name}"
                return faulty(Check.FUNCTIONS, Fault.FUNCTION_MISSING, said)
            differences += (f"{each.name}: {what}" for what in self._differences(each, found))
            off += self._shut_off(each.name, found)
        if off:
            return faulty(Check.FUNCTIONS, Fault.FUNCTION_OFF, "; ".join(off))
        if differences:
            return faulty(Check.FUNCTIONS, Fault.FUNCTION_DIFFERS, "; ".join(differences))
        count = len(self._template.functions)
        return well(Check.FUNCTIONS, f"{count} functions are as the stack says")

    def _shut_off(self, name: str, found: FunctionFacts) -> Iterator[str]:
        """What keeps a function from working at all."""
        if found.reserved == 0:  # "Throttle" in Lambda's console
            yield f"{name} may not run: 0 is reserved for it"
        queue = TAKES_FROM.get(name)
        if queue is not None and queue not in self.see.functions.takes_from(name):
            yield f"{name} takes nothing from {queue}"

    def _differences(self, told: DeclaredFunction, found: FunctionFacts) -> Iterator[str]:
        """What is not as template and parameters say."""
        pairs: dict[str, tuple[object, object]] = {
            "Runtime": (told.runtime, found.runtime),
            "Handler": (told.handler, found.handler),
            "Timeout": (told.timeout, found.timeout),
            "MemorySize": (told.memory, found.memory),
            "Architecture": (self._parameters.get("Architecture"), found.architecture),
            "Reserved concurrency": (
                self._parameters.get(told.reserved, "0"),
                str(found.reserved or 0),
            ),
        }
        for name, source in told.variables.items():
            # What refers to a resource is only known to be set.
            value = found.variables.get(name, "")
            pairs[name] = (self._parameters.get(source, value or "something"), value)
        for name, (wanted, is_so) in pairs.items():
            if wanted != is_so:
                yield f"{name} is {is_so or '(empty)'} instead of {wanted or '(empty)'}"

    def _code(self) -> Finding:
        folder = self._told("LambdaFolder")
        others: list[str] = []
        for each in self._template.functions:
            try:
                wanted = self._archive.code_of(f"{folder}/{each.zip}")
            except NotFound:
                said = f"there is no {folder}/{each.zip} in the bucket"
                return faulty(Check.CODE, Fault.ZIP_MISSING, said)
            if self.see.functions.look(each.name).code != wanted:
                others.append(each.name)
        if others:
            said = f"other code than in {folder}: {', '.join(others)}"
            return faulty(Check.CODE, Fault.CODE_DIFFERS, said)
        return well(Check.CODE, f"the functions run the zips in {folder}")

    def _concurrency(self) -> Finding:
        wanted = int(self._told("MaximumConcurrency"))
        reserved = int(self._told("RotationReservedConcurrency"))
        if 0 < reserved < wanted:
            said = f"{reserved} reserved for rotations, and MaximumConcurrency is {wanted}"
            return faulty(Check.CONCURRENCY, Fault.RESERVATION_SMALL, said)
        found = self.see.functions.concurrency()
        needed = BESIDES if reserved else wanted + BESIDES
        said = f"{found.unreserved} of {found.limit} are free for all functions, {needed} needed"
        if found.unreserved < needed:
            return faulty(Check.CONCURRENCY, Fault.CONCURRENCY_SMALL, said)
        return well(Check.CONCURRENCY, said)

    def _rules(self) -> Finding:
        disabled: list[str] = []
        for name, bus in RULES:
            try:
                if not self.see.rules.is_enabled(name, bus):
                    disabled.append(name)
            except NotFound:
                return faulty(Check.RULES, Fault.RULE_MISSING, f"there is no rule {name}")
        if disabled:
            return faulty(Check.RULES, Fault.RULE_DISABLED, f"disabled: {', '.join(disabled)}")
        return well(Check.RULES, f"{len(RULES)} rules are enabled")

    def _dead_letters(self) -> Finding:
        counts = {queue: self.see.depths.waiting(queue) for queue in DEAD_LETTERS}
        full = [f"{count} in {queue}" for queue, count in counts.items() if count]
        if full:
            return faulty(Check.DEAD_LETTERS, Fault.DEAD_LETTERS, ", ".join(full))
        return well(Check.DEAD_LETTERS, "none")

    def _last_run(self) -> Finding:
        if not self._runs:
            return faulty(Check.LAST_RUN, Fault.NEVER_RAN, "no account was ever looked at")
        last = max(run.at for run in self._runs)
        said = f"{last:%Y-%m-%d %H:%MZ}"
        if self.now - last > LONGEST_PAUSE:
            hours = int((self.now - last).total_seconds() // 3600)
            return faulty(Check.LAST_RUN, Fault.RUN_OLD, f"{said}, {hours} hours ago")
        reached = {
            run.account for run in self._runs if run.reached and self.now - run.at <= LONGEST_PAUSE
        }
        missed = [each.id for each in self._accounts if each.id not in reached]
        if missed:
            said = f"{said}; not looked after: {_some(missed)}"
            return faulty(Check.LAST_RUN, Fault.ACCOUNTS_NOT_REACHED, said)
        return well(Check.LAST_RUN, f"{said}, {counted(len(reached), 'account')}")

    def _changes(self) -> Finding:
        if not self._runs:
            return faulty(
                Check.CHANGES, Fault.NEVER_RAN, "nothing to compare with: nothing ran yet"
            )
        last = max(self._runs, key=lambda run: run.at)
        before = {**{name: str(value) for name, value in last.policy.items()}}
        before["DryRunFlag"] = str(last.dry_run)
        changed = [
            f"{name}: {value} → {now}"
            for name, value in before.items()
            if (now := self._parameters.get(name, value)).lower() != value.lower()
        ]
        if changed:
            return faulty(Check.CHANGES, Fault.CHANGED_SINCE, "; ".join(changed))
        return well(Check.CHANGES, f"{', '.join(before)} are as in the last run")

    # --- mails ------------------------------------------------------------------------------

    def _sender(self) -> Finding:
        admin = self._told("AdminEmailAddress")
        if not self._senders.is_verified(admin):
            said = f"SES in {self.security.region} has not verified {admin}"
            return faulty(Check.SENDER, Fault.SENDER_UNVERIFIED, said)
        return well(Check.SENDER, f"{admin} is verified")

    def _owners(self) -> Finding:
        if not self._senders.is_in_sandbox():
            return well(Check.OWNERS, "SES sends to everybody")
        addresses = sorted({each.email for each in self._accounts if each.email})
        unverified = [each for each in addresses if not self._senders.is_verified(each)]
        if unverified:
            said = f"SES is in its sandbox, and has not verified: {_some(unverified)}"
            return faulty(Check.OWNERS, Fault.OWNERS_UNVERIFIED, said)
        said = "SES is in its sandbox; the accounts' own addresses are verified"
        return faulty(Check.OWNERS, Fault.SES_SANDBOX, said)

    # --- the organisation -------------------------------------------------------------------

    def _trusted_access(self) -> Finding:
        if STACK_SETS_TRUSTED not in self.see.headquarters.facts().trusted:
            said = "stack sets have no trusted access: accounts that join get no role"
            return faulty(Check.TRUSTED_ACCESS, Fault.NO_TRUSTED_ACCESS, said)
        return well(Check.TRUSTED_ACCESS, "stack sets may act in the organisation")

    def _member_stacks(self) -> Finding:
        check, name = Check.MEMBER_STACKS, self.names.member
        if self._set is None:
            said = f"there is no stack set {name} in {self.management.account}"
            return faulty(check, Fault.STACK_SET_MISSING, said)
        instances = list(self.see.stack_sets.instances(name))
        kept = {each.id for each in self._accounts}
        lagging = [
            f"{each.account}: {each.why}"
            for each in instances
            if not each.is_current and (each.account in kept or not each.was_suspended)
        ]
        there = {(each.account, each.region) for each in instances}
        without = [
            account.id
            for account in self._accounts
            if account.id != self.management.account
            and any((account.id, region) not in there for region in self._regions)
        ]
        if without:
            said = f"no stack in {_some(without)}"
            return faulty(check, Fault.ACCOUNTS_WITHOUT_STACK, said)
        if lagging:
            said = f"not up to date in {_some(lagging)}"
            return faulty(check, Fault.STACKS_NOT_CURRENT, said)
        count = sum(each.is_current for each in instances)
        return well(check, f"{counted(count, 'stack')}, all up to date")

    def _management_account(self) -> Finding:
        check = Check.MANAGEMENT_ACCOUNT
        if self.management.account not in {each.id for each in self._accounts}:
            return well(check, "InventoryOU, or an exclusion, leaves it out")
        regions = sorted(self._regions)
        for region in regions:
            name = f"stack {self.names.member} in {self.management.account} {region}"
            found = self.see.head_stacks(region).find(self.names.member)
            if lack := _lack(found, name):
                return faulty(check, Fault.MANAGEMENT_WITHOUT_STACK, lack)
        return well(check, f"a stack of its own in {', '.join(regions)}")

    def _trail(self) -> Finding:
        carrying = [each for each in self.see.trails.trails() if each.carries_iam]
        if not carrying:
            said = "no trail carries IAM's events in the management account"
            return faulty(Check.TRAIL, Fault.NO_TRAIL, said)
        whole = next((each for each in carrying if each.of_organization), None)
        if whole is None:
            said = f"{carrying[0].name} is the management account's only; others not looked at"
            return faulty(Check.TRAIL, Fault.TRAIL_OF_ONE_ACCOUNT, said)
        return well(Check.TRAIL, f"{whole.name}, of the organisation")

    def _invocations(self) -> Finding:
        check = Check.INVOCATIONS
        of_all = [each for each in self.see.trails.trails() if each.of_organization]
        logging = [
            each.name
            for each in (*of_all, *self.see.own_trails.trails())
            if each.is_logging and each.logs_invocations
        ]
        if not logging:
            said = f"no trail logs who invokes {ROTATION}"
            return faulty(check, Fault.INVOCATIONS_UNLOGGED, said)
        return well(check, f"{logging[0]} logs who invokes {ROTATION}")

    def _guard(self) -> Finding:
        told = {"partition": self.partition, "role": self._told("IAMRoleName")}
        found = [
            each.name
            for each in self.see.headquarters.control_policies()
            if each.targets and not lacks(json.loads(each.content), **told)
        ]
        if not found:
            said = "no service control policy keeps others from writing to the secrets"
            missing = faulty(Check.GUARD, Fault.SECRETS_UNGUARDED, said)
            return replace(missing, fix=f"{missing.fix}: {json.dumps(guard(**told))}")
        said = f"{', '.join(found)}; whether it is attached above every account was not looked at"
        return well(Check.GUARD, said)

    # --- in every account -------------------------------------------------------------------

    def _member_role(self) -> Finding:
        check, role = Check.MEMBER_ROLE, self._told("IAMRoleName")
        missing = [each.account.id for each in self._entered if self._lacks_role(each)]
        if missing:
            return faulty(check, Fault.ROLE_MISSING, f"no {role} in {_some(missing)}")
        distrusts = [
            each.account.id
            for each in self._entered
            if isinstance(each.trust, str) and not self._trusts_us(each.trust)
        ]
        if distrusts:
            said = f"{role} does not trust the rotation function in {_some(distrusts)}"
            return faulty(check, Fault.ROLE_DISTRUSTS, said)
        unknown = {
            each.account.id: each.trust
            for each in self._entered
            if isinstance(each.trust, PortError) and not self._has_entered(each)
        }
        return self._everywhere(check, f"{role} in each", unknown)

    def _lacks_role(self, entered: _Entered) -> bool:
        if isinstance(entered.trust, NotFound):
            return True
        # AWS does not tell a role that is missing from one that does not trust us. Where we do
        # enter other accounts by it, it is the role that is missing.
        return (
            self.enters_as_member
            and isinstance(entered.trust, AccountUnreachable)
            and any(self._has_entered(each) for each in self._entered)
        )

    def _has_entered(self, entered: _Entered) -> bool:
        """Whether the member role itself let us in, whatever it may see then."""
        return self.enters_as_member and not isinstance(entered.trust, AccountUnreachable)

    def _trusts_us(self, policy: str) -> bool:
        return self.security.account in policy and (
            f"role/{self._parameters['ExecutionRoleName']}" in policy
        )

    def _exemption_group(self) -> Finding:
        check, group = Check.EXEMPTION_GROUP, self._told("IAMExemptionGroup")
        missing = [each.account.id for each in self._entered if each.group is False]
        if missing and self._told("AllowMissingExemptionGroup").lower() != "true":
            return faulty(check, Fault.GROUP_MISSING, f"no {group} in {_some(missing)}")
        unknown = {e.account.id: e.group for e in self._entered if isinstance(e.group, PortError)}
        said = f"{group} in each"
        if missing:
            said = f"AllowMissingExemptionGroup: no {group} in {_some(missing)}"
        return self._everywhere(check, said, unknown)

    @property
    def _rule(self) -> str:
        return f"{self._told('IAMRoleName')}-exemption"

    def _exemption_rule(self) -> Finding:
        check = Check.EXEMPTION_RULE
        off = [
            each.account.id
            for each in self._entered
            if each.rule is False or isinstance(each.rule, NotFound)
        ]
        if off:
            said = f"no {self._rule} that is enabled in {_some(off)}"
            return faulty(check, Fault.EXEMPTION_RULE_OFF, said)
        unknown = {e.account.id: e.rule for e in self._entered if isinstance(e.rule, PortError)}
        return self._everywhere(check, f"{self._rule} enabled in each", unknown)

    @property
    def _seen(self) -> list[SecretSeen]:
        return [
            secret
            for each in self._entered
            if not isinstance(each.secrets, PortError)
            for secret in each.secrets
        ]

    @property
    def _unseen(self) -> Mapping[str, PortError]:
        return {
            each.account.id: each.secrets
            for each in self._entered
            if isinstance(each.secrets, PortError)
        }

    def _secrets(self) -> Finding:
        shared = [
            f"{each.name}: {', '.join(ways)}"
            for each in self._seen
            if (ways := list(_ways_out(each)))
        ]
        if shared:
            unseen = f". Not seen: {_some(self._unseen)}" if self._unseen else ""
            said = f"{'; '.join(shared)}{unseen}"
            return faulty(Check.SECRETS, Fault.SECRETS_SHARED, said)
        said = "no replica, no rotation by AWS and no resource policy on a secret in each"
        return self._everywhere(Check.SECRETS, said, self._unseen)

    def _readers(self) -> Finding:
        """
        Whether anybody was named who reads the new keys.

        What policies of users, roles and permission sets allow is not looked at, and said so.
        """
        check, told = Check.READERS, self._set.parameters if self._set else {}
        named = [each for each in READERS if told.get(each, "").lower() not in {"", "false"}]
        if named:
            said = f"{' and '.join(named)}; whether their policies are attached was not looked at"
            return well(check, said)
        keys = [each for each in self._seen if each.holds_key]
        without = [each for each in keys if not each.has_policy]
        if without:
            fetched = sum(each.was_fetched for each in without)
            unseen = f". Not seen: {_some(self._unseen)}" if self._unseen else ""
            said = (
                f"for {len(without)} of {counted(len(keys), 'new key')} no reader was found: "
                f"neither {', '.join(READERS)} nor a resource policy names one. Somebody has "
                f"fetched {fetched} of them. What policies of users, roles and permission sets "
                f"allow was not looked at{unseen}"
            )
            return faulty(check, Fault.NO_READERS, said)
        return self._everywhere(check, "no new key without a reader in each", self._unseen)

    def _secrets_key(self) -> Finding:
        check, alias = Check.SECRETS_KEY, self._told("SecretsKmsKey")
        missing = [each.account.id for each in self._entered if isinstance(each.key, NotFound)]
        if missing:
            return faulty(check, Fault.KEY_MISSING, f"no {alias} in {_some(missing)}")
        unusable = [
            f"{each.account.id}: {each.key}"
            for each in self._entered
            if isinstance(each.key, str) and each.key != "Enabled"
        ]
        if unusable:
            return faulty(check, Fault.KEY_UNUSABLE, f"{alias} in {_some(unusable)}")
        unknown = {e.account.id: e.key for e in self._entered if isinstance(e.key, PortError)}
        return self._everywhere(check, f"{alias} enabled in each", unknown)

    def _leftover_secrets(self) -> Finding:
        """Name secrets without a living user; a role that may not list them is no fault."""
        check = Check.LEFTOVER_SECRETS
        seen = {each.account.id: each.leftovers for each in self._entered}
        found = [
            str(each)
            for leftovers in seen.values()
            if not isinstance(leftovers, PortError)
            for each in leftovers
        ]
        if found:
            return faulty(check, Fault.SECRETS_WITHOUT_USER, _some(found))
        closed = [account for account, why in seen.items() if isinstance(why, Denied)]
        if closed:
            said = f"not looked for in {_some(closed)}, which needs {NEEDS[check]}"
            return well(check, said)
        unknown = {a: why for a, why in seen.items() if isinstance(why, PortError)}
        return self._everywhere(check, "none in each", unknown)

    def _everywhere(
        self, check: Check, said: str, unknown: Mapping[str, PortError | object]
    ) -> Finding:
        """All is well, if every account could be looked at."""
        if unknown:
            why = next(iter(unknown.values()))
            return _unchecked(check, f"in {_some(unknown)}: {why}")
        return well(check, f"{said} of {counted(len(self._entered), 'account')}")


def _ways_out(secret: SecretSeen) -> Iterator[str]:
    """By which of its properties somebody else may get at a secret."""
    if secret.replicas:
        yield f"replicated to {', '.join(secret.replicas)}"
    if secret.rotates:
        yield "rotated by AWS"
    if secret.service:
        yield f"owned by {secret.service}"
    if secret.has_policy:
        yield "with a resource policy"


def _lack(stack: Stack | None, name: str) -> str | None:
    """What keeps a stack from being relied on; None if nothing does."""
    if stack is None or not stack.is_there:
        return f"there is no {name}"
    return None if stack.is_usable else f"{name}: {stack.status}"


def _unchecked(check: Check, why: object) -> Finding:
    return Finding(
        check=check,
        fault=Fault.UNCHECKED,
        said=f"could not be checked: {why}",
        fix=f"needs {NEEDS[check]}",
    )


def _or_error(read: Callable[[], Read]) -> Read | PortError:
    try:
        return read()
    except PortError as error:
        return error


def _some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
