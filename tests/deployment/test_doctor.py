"""Each fault of a deployment is found, by name and with its fix; a healthy one has none."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyturn.deployment.checks.mails import HEARD
from keyturn.deployment.checks.observed import Observed, Probes
from keyturn.deployment.doctor import CHECKS, NEEDS, REMEDIES, findings
from keyturn.deployment.model.bucket import ObjectLock, Protection
from keyturn.deployment.model.bucket_policy import statements
from keyturn.deployment.model.facts import (
    Concurrency,
    FunctionFacts,
    LastRun,
    SecretSeen,
    Trail,
)
from keyturn.deployment.model.guard import guard
from keyturn.deployment.model.health import (
    Check,
    Finding,
    FindingCode,
    Grade,
)
from keyturn.deployment.model.organization import ControlPolicy, OrganizationFacts
from keyturn.deployment.model.places import Names, Place
from keyturn.deployment.model.resources import (
    BUS,
    CHANNELS,
    CHANNELS_DEAD,
    CHANNELS_QUEUE,
    CHANNELS_RULES,
    DEAD_LETTERS,
    INVENTORY,
    MAILS_RULE,
    NOTICES,
    REPORTER,
    REPORTER_RULE,
    ROTATION,
    RULES,
    TAKES_FROM,
)
from keyturn.deployment.model.stacks import Stack, StackSet
from keyturn.deployment.model.template import Template
from keyturn.domain.errors import Denied, PortError, Throttled
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.ports import Listed, Pause
from tests.cloudformation.stacks import CHANNELS as OF_THE_CHANNELS
from tests.cloudformation.stacks import CORE, FOLDER, resources
from tests.cloudformation.stacks import Stack as MadeStack
from tests.deployment.fakes import (
    FakeArtifactBucket,
    FakeOrganizationFeatures,
    FakeStacks,
    FakeStackSets,
)
from tests.deployment.fakes_doctor import (
    DENIED,
    FakeArchive,
    FakeChannelSecrets,
    FakeCloudTrail,
    FakeDurations,
    FakeEventRules,
    FakeExemptionsFile,
    FakeFunctions,
    FakeMemberAccount,
    FakeOwnersFile,
    FakeQueueDepth,
    FakeSesIdentities,
)
from tests.fakes import FakeOrganization, FakePauseFlag, Refusals

SECURITY, MANAGEMENT, SHOP = "999999999999", "111111111111", "222222222222"
REGION, UNIT = "us-east-1", "ou-root-aaaaaaaa"
NAMES = Names()
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BODY = (FOLDER / CORE).read_text()
TEMPLATE = Template.read(BODY)
GIVEN = {
    "S3BucketName": "a-bucket",
    "S3BucketPrefix": "asa",
    "AdminEmailAddress": "ops@example.com",
    "AWSOrgID": "o-a1b2c3d4e5",
    "OrgListAccount": MANAGEMENT,
    "ResourceOwnerTag": "owner",
    "ConfigurationSet": "mails",
    "AdminDigest": "Daily",
}
PARAMETERS = {
    name: GIVEN.get(name, rule.default or "") for name, rule in TEMPLATE.parameters.items()
}
TRUST = (
    f'{{"AWS": "arn:aws:iam::{SECURITY}:root", "arn": "role/{PARAMETERS["ExecutionRoleName"]}"}}'
)
ALIAS, ROLE, GROUP = (
    PARAMETERS[name] for name in ("SecretsKmsKey", "IAMRoleName", "IAMExemptionGroup")
)
RULE = f"{ROLE}-exemption"
GUARD = ControlPolicy(
    name="keys", content=json.dumps(guard(partition="aws", role=ROLE)), targets=1
)
TRAIL = Trail(
    name="everything",
    of_organization=True,
    is_logging=True,
    has_global_events=True,
    has_writes=True,
    reaches_iam=True,
    logs_invocations=True,
)
ACCOUNTS = tuple(
    Account(id=each, name=name, email=f"{name}@shop.example")
    for each, name in ((MANAGEMENT, "head"), (SECURITY, "security"), (SHOP, "shop"))
)


def took(*seconds: float) -> list[tuple[datetime, timedelta]]:
    """Invocations of an hour ago that took so long."""
    return [(NOW - timedelta(hours=1), timedelta(seconds=each)) for each in seconds]


def function(name: str) -> FunctionFacts:
    [told] = [each for each in TEMPLATE.functions if each.name == name]
    return FunctionFacts(
        runtime=told.runtime,
        handler=told.handler,
        timeout=told.timeout,
        memory=told.memory,
        architecture="x86_64",
        variables={each: PARAMETERS.get(of, of) for each, of in told.variables.items()},
        code=f"hash of {told.zip}",
    )


def member() -> FakeMemberAccount:
    return FakeMemberAccount(
        roles={ROLE: TRUST}, groups={GROUP}, keys={ALIAS: "Enabled"}, rules={RULE: True}
    )


def run(account: str, **other: Any) -> LastRun:  # noqa: ANN401 -- any field
    told: dict[str, Any] = {
        "account": account,
        "at": NOW - timedelta(hours=4),
        "dry_run": True,
        "policy": {"RotationPeriod": 90, "InactivePeriod": 100, "RecoveryGracePeriod": 10},
        "reached": True,
    }
    return LastRun(**(told | other))


def stack(name: str, parameters: Mapping[str, str] | None = None) -> Stack:
    return Stack(name=name, status="CREATE_COMPLETE", parameters=parameters or {})


TOKEN_ARN = f"arn:aws:secretsmanager:{REGION}:{SECURITY}:secret:slack-a1b2c3"
HOOK_ARN = f"arn:aws:secretsmanager:{REGION}:{SECURITY}:secret:hook-a1b2c3"
OF_CHANNELS = {
    "SlackTokenSecretArn": TOKEN_ARN,
    "WebhookSecretArn": HOOK_ARN,
    "TeamsWebhookSecretArn": "",
    "ChannelSecretsKmsKeyArn": "",
}


@dataclass
class World:
    """A healthy deployment, in an organisation of three accounts."""

    stacks: FakeStacks = field(
        default_factory=lambda: FakeStacks(
            held={
                NAMES.core: stack(NAMES.core, PARAMETERS),
                NAMES.channels: stack(NAMES.channels, OF_CHANNELS),
            },
            bodies={NAMES.core: BODY},
        )
    )
    head: FakeStacks = field(
        default_factory=lambda: FakeStacks(
            held={name: stack(name) for name in (NAMES.listing, NAMES.member)}
        )
    )
    sets: FakeStackSets = field(
        default_factory=lambda: FakeStackSets(
            accounts={UNIT: [SECURITY, SHOP]},
            held={
                NAMES.member: StackSet(
                    name=NAMES.member,
                    body="",
                    parameters={},
                    is_service_managed=True,
                    units=frozenset({UNIT}),
                    regions=frozenset({REGION}),
                )
            },
        )
    )
    organization_features: FakeOrganizationFeatures = field(
        default_factory=lambda: FakeOrganizationFeatures(policies=[GUARD])
    )
    own_cloudtrail: FakeCloudTrail = field(default_factory=FakeCloudTrail)
    organization: FakeOrganization = field(
        default_factory=lambda: FakeOrganization(
            listed={(UNIT,): [Listed(account=each) for each in ACCOUNTS]}, units={UNIT}
        )
    )
    functions: FakeFunctions = field(
        default_factory=lambda: FakeFunctions(
            held={
                **{each.name: function(each.name) for each in TEMPLATE.functions},
                REPORTER: function(INVENTORY),
                CHANNELS: replace(function(INVENTORY), code="hash of channels.zip"),
            },
            sources={
                **{name: {queue} for name, queue in TAKES_FROM.items()},
                CHANNELS: {CHANNELS_QUEUE},
            },
        )
    )
    durations: FakeDurations = field(
        default_factory=lambda: FakeDurations(ended={ROTATION: took(12, 12, 12)})
    )
    event_rules: FakeEventRules = field(
        default_factory=lambda: FakeEventRules(
            enabled=dict.fromkeys(
                (*RULES, (MAILS_RULE, None), (REPORTER_RULE, None), *CHANNELS_RULES), True
            ),
            sends_to={MAILS_RULE: (f"arn:aws:sqs:{REGION}:{SECURITY}:{NOTICES}",)},
        )
    )
    away_rules: FakeEventRules = field(
        default_factory=lambda: FakeEventRules(
            enabled={(MAILS_RULE, None): True},
            sends_to={MAILS_RULE: (f"arn:aws:events:{REGION}:{SECURITY}:event-bus/default",)},
        )
    )
    queue_depth: FakeQueueDepth = field(
        default_factory=lambda: FakeQueueDepth(
            counts=dict.fromkeys((*DEAD_LETTERS, CHANNELS_DEAD), 0)
        )
    )
    ses_identities: FakeSesIdentities = field(
        default_factory=lambda: FakeSesIdentities(
            verified={GIVEN["AdminEmailAddress"]}, sets={"mails": HEARD}
        )
    )
    cloudtrail: FakeCloudTrail = field(default_factory=lambda: FakeCloudTrail(held=[TRAIL]))
    artifact_bucket: FakeArtifactBucket = field(
        default_factory=lambda: FakeArtifactBucket(
            buckets={"a-bucket": {("", each) for each in Protection}}
        )
    )
    archive: FakeArchive = field(
        default_factory=lambda: FakeArchive(
            runs=[run(each.id) for each in ACCOUNTS],
            zips={
                f"Lambda/{name}": f"hash of {name}"
                for name in ("channels.zip", *(each.zip for each in TEMPLATE.functions))
            },
        )
    )
    pause_flag: FakePauseFlag = field(default_factory=FakePauseFlag)
    members: dict[str, FakeMemberAccount] = field(
        default_factory=lambda: {each.id: member() for each in ACCOUNTS}
    )
    enters_as_member: bool = False
    mails_from: set[str] = field(default_factory=set)

    owners: FakeOwnersFile = field(default_factory=FakeOwnersFile)
    exemptions: FakeExemptionsFile = field(default_factory=FakeExemptionsFile)
    channel_secrets: FakeChannelSecrets = field(
        default_factory=lambda: FakeChannelSecrets(held={TOKEN_ARN: "", HOOK_ARN: ""})
    )
    left_over: dict[str, tuple[Leftover, ...] | PortError] = field(default_factory=dict)

    def _left_over(self, account: Account, _told: Mapping[str, str]) -> tuple[Leftover, ...]:
        found = self.left_over.get(account.id, ())
        if isinstance(found, PortError):
            raise found
        return found

    def _senders_in(self, region: str) -> FakeSesIdentities:
        self.mails_from.add(region)
        return self.ses_identities

    def findings(self) -> dict[Check, Finding]:
        seen = Observed(
            probes=Probes(
                stacks=self.stacks,
                head_stacks=lambda _: self.head,
                stack_sets=self.sets,
                organization_features=self.organization_features,
                organization=self.organization,
                functions=self.functions,
                function_durations=self.durations,
                event_rules=self.event_rules,
                rules_of=lambda region: self.event_rules if region == REGION else self.away_rules,
                queue_depth=self.queue_depth,
                ses_identities=self._senders_in,
                cloudtrail=self.cloudtrail,
                own_cloudtrail=self.own_cloudtrail,
                artifact_bucket=self.artifact_bucket,
                archive=lambda _bucket, _prefix: self.archive,
                pause_flag=lambda _bucket, _prefix: self.pause_flag,
                member=lambda account, _told: self.members[account.id],
                leftovers=self._left_over,
                owners_file=lambda _bucket, _prefix, allowed: self.owners.allowing(allowed),
                exemptions_file=lambda _bucket, _prefix: self.exemptions,
                channel_secrets=self.channel_secrets,
            ),
            security=Place(SECURITY, REGION),
            management=Place(MANAGEMENT, REGION),
            now=NOW,
            enters_as_member=self.enters_as_member,
        )
        return {each.check: each for each in findings(seen)}

    def tell(self, **parameters: str) -> None:
        """Give the core stack other parameters."""
        told = {**self.stacks.held[NAMES.core].parameters, **parameters}
        self.stacks.held[NAMES.core] = stack(NAMES.core, told)

    def tell_channels(self, **parameters: str) -> None:
        """Give the stack of the channels other parameters."""
        self.stacks.held[NAMES.channels] = stack(NAMES.channels, {**OF_CHANNELS, **parameters})

    def change(self, name: str, **facts: Any) -> None:  # noqa: ANN401 -- any field
        """Change a function by hand."""
        self.functions.held[name] = replace(self.functions.held[name], **facts)


A_KEY = f"arn:aws:kms:{REGION}:{SECURITY}:key/4b1c2f5e"


def proving_without_token(world: World) -> None:
    world.tell(ProvingChannels="email,slack")
    world.tell_channels(SlackTokenSecretArn="")


def proving_without_stack(world: World) -> None:
    world.tell(ProvingChannels="email, slack")
    del world.stacks.held[NAMES.channels]


def broken_channels(world: World) -> None:
    broken = replace(world.stacks.held[NAMES.channels], status="UPDATE_ROLLBACK_FAILED")
    world.stacks.held[NAMES.channels] = broken


def encrypted(key: str, given: str = "") -> Callable[[World], None]:
    def put(world: World) -> None:
        world.channel_secrets.held[HOOK_ARN] = key
        world.tell_channels(ChannelSecretsKmsKeyArn=given)

    return put


def with_untrusting(world: World) -> None:
    told: OrganizationFacts = world.organization_features.told
    world.organization_features.told = replace(told, trusted=frozenset())


def with_trail(**facts: bool) -> Callable[[World], None]:
    changed: dict[str, Any] = {**facts}

    def put(world: World) -> None:
        world.cloudtrail.held = [replace(TRAIL, **changed)]

    return put


ONLY_TAGS = GUARD.content.replace("secretsmanager:PutSecretValue", "secretsmanager:X")
KEY = SecretSeen(name=f"Account_{SHOP}_User_ann_AccessKey", holds_key=True)


def guarded_by(policy: ControlPolicy) -> Callable[[World], None]:
    return lambda world: setattr(world.organization_features, "policies", [policy])


def holding(*secrets: SecretSeen) -> Callable[[World], None]:
    return lambda world: setattr(world.members[SHOP], "held", list(secrets))


def in_state(state: str) -> Callable[[World], None]:
    return lambda world: world.members[SHOP].keys.update({ALIAS: state})


def without(rule: tuple[str, str | None]) -> Callable[[World], object]:
    return lambda world: world.event_rules.enabled.pop(rule)


def filled(queue: str) -> Callable[[World], None]:
    return lambda world: world.queue_depth.counts.update({queue: 3})


def taking_nothing(name: str) -> Callable[[World], object]:
    return lambda world: world.functions.sources.pop(name)


def lagging(world: World) -> None:
    world.sets.lagging = {SHOP: "the role exists"}


def without_core(world: World) -> None:
    world.stacks.held.clear()


def head_in_state(name: str, status: str) -> Callable[[World], None]:
    """A stack of the management account in a state of CloudFormation's."""
    return lambda world: world.head.held.update({name: replace(stack(name), status=status)})


UNUSABLE = (
    "REVIEW_IN_PROGRESS",
    "CREATE_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "DELETE_FAILED",
    "DELETE_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
)
# Where a stack's resources are all there, of this version or of the one before.
USABLE = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS", "IMPORT_COMPLETE")


def broken_core(world: World) -> None:
    broken = replace(stack(NAMES.core, PARAMETERS), status="UPDATE_ROLLBACK_COMPLETE")
    world.stacks.held[NAMES.core] = broken


def paused(world: World) -> None:
    world.pause_flag.paused = Pause(by="ann", at=NOW, why="INC-7")


def too_few(world: World) -> None:
    world.functions.limit = Concurrency(limit=10, unreserved=7)


def too_slow(world: World) -> None:
    world.durations.ended = {ROTATION: took(*[12 * 3600.0] * 3)}


def with_odd_owners(world: World) -> None:
    odd = 'app: the user\'s tag says "nobody", which is no e-mail address'
    world.archive.runs = [run(each.id) for each in ACCOUNTS if each.id != SHOP]
    world.archive.runs.append(run(SHOP, odd_owners=(odd,) * 4))


def owners_file(rules: str) -> Callable[[World], None]:
    """A file in the bucket, of owners who may be of shop.example."""

    def put(world: World) -> None:
        world.owners.body = f"version: 1\nrules:\n{rules}\n".encode()
        world.tell(AllowedOwnerDomains="shop.example")

    return put


def exemptions_file(entries: str) -> Callable[[World], None]:
    def put(world: World) -> None:
        world.exemptions.body = f"version: 1\nexemptions:\n{entries}\n".encode()

    return put


def with_a_lapsed_member(world: World) -> None:
    world.exemptions.body = b"version: 1\nexemptions: []\n"
    world.archive.runs.append(run(SHOP, lapsed=("app",)))


def sending(**facts: Any) -> Callable[[World], None]:  # noqa: ANN401 -- any field
    def limit(world: World) -> None:
        world.ses_identities.facts = replace(world.ses_identities.facts, **facts)

    return limit


def unreported(world: World) -> None:
    world.tell(ProofOfNotice="Delivered")
    world.ses_identities.sets["mails"] = HEARD - {"DELIVERY"}


def away_without_a_target(world: World) -> None:
    world.tell(MailRegion="eu-west-1")
    world.away_rules.sends_to[MAILS_RULE] = (f"arn:aws:sqs:eu-west-1:{SECURITY}:{NOTICES}",)


def in_the_sandbox(world: World, *verified: str) -> None:
    world.ses_identities.sandbox = True
    world.ses_identities.verified |= set(verified)


def old_run(world: World) -> None:
    world.archive.runs = [run(each.id, at=NOW - timedelta(hours=27)) for each in ACCOUNTS]


def unreached(world: World) -> None:
    world.archive.runs = [run(MANAGEMENT), run(SECURITY, reached=False)]


def long_unreached(world: World) -> None:
    world.archive.runs[-1] = run(SHOP, at=NOW - timedelta(hours=27))


def unprotected(world: World) -> None:
    world.artifact_bucket.buckets["a-bucket"].remove(("", Protection.ONLY_TLS))


# How each fault comes about, which check finds it, and what it names.
Broken = tuple[Callable[[World], object], Check, str]
LEFT = Leftover(name="Account_1_User_builder_AccessKey", user="builder", user_id="AIDA1")
BROKEN: dict[FindingCode, list[Broken]] = {
    FindingCode.CORE_MISSING: [(without_core, Check.CORE, NAMES.core)],
    FindingCode.CORE_BROKEN: [(broken_core, Check.CORE, "UPDATE_ROLLBACK_COMPLETE")],
    FindingCode.LIST_ROLE_MISSING: [
        (lambda world: world.head.held.pop(NAMES.listing), Check.LIST_ROLE, NAMES.listing),
        *(
            (head_in_state(NAMES.listing, status), Check.LIST_ROLE, NAMES.listing)
            for status in UNUSABLE
        ),
        (head_in_state(NAMES.listing, "DELETE_FAILED"), Check.LIST_ROLE, ": DELETE_FAILED"),
    ],
    FindingCode.NO_TRUSTED_ACCESS: [(with_untrusting, Check.TRUSTED_ACCESS, "trusted access")],
    FindingCode.STACK_SET_MISSING: [
        (lambda world: world.sets.held.clear(), Check.MEMBER_STACKS, NAMES.member)
    ],
    FindingCode.ACCOUNTS_WITHOUT_STACK: [
        (
            lambda world: setattr(world.sets, "accounts", {UNIT: [SECURITY]}),
            Check.MEMBER_STACKS,
            SHOP,
        )
    ],
    FindingCode.STACKS_NOT_CURRENT: [
        (lagging, Check.MEMBER_STACKS, f"{SHOP}: the role exists"),
        # It was suspended once, and is not any more.
        (lambda world: world.sets.suspended.add(SHOP), Check.MEMBER_STACKS, SHOP),
    ],
    FindingCode.MANAGEMENT_WITHOUT_STACK: [
        (lambda world: world.head.held.pop(NAMES.member), Check.MANAGEMENT_ACCOUNT, MANAGEMENT),
        *(
            (head_in_state(NAMES.member, status), Check.MANAGEMENT_ACCOUNT, MANAGEMENT)
            for status in UNUSABLE
        ),
    ],
    FindingCode.ROLE_MISSING: [
        (lambda world: world.members[SHOP].roles.clear(), Check.MEMBER_ROLE, SHOP)
    ],
    FindingCode.ROLE_DISTRUSTS: [
        (
            lambda world: world.members[SHOP].roles.update({ROLE: TRUST.replace("role/", "")}),
            Check.MEMBER_ROLE,
            SHOP,
        ),
        (
            lambda world: world.members[SHOP].roles.update({ROLE: TRUST.replace(SECURITY, SHOP)}),
            Check.MEMBER_ROLE,
            SHOP,
        ),
    ],
    FindingCode.GROUP_MISSING: [
        (lambda world: world.members[SHOP].groups.clear(), Check.EXEMPTION_GROUP, SHOP)
    ],
    FindingCode.OWNER_VALUES_ODD: [
        (
            with_odd_owners,
            Check.OWNER_VALUES,
            f'{SHOP}, app: the user\'s tag says "nobody", which is no e-mail address',
        )
    ],
    FindingCode.OWNERS_FILE_ODD: [
        (
            owners_file("- {user: a, addresses: ann@localhost}"),
            Check.OWNERS_FILE,
            "owners.yaml: line 3: addresses=ann@localhost: is no e-mail address",
        ),
        (
            owners_file("- {user: '*', addresses: a@shop.example}\n- {addresses: b@gone.example}"),
            Check.OWNERS_FILE,
            "AllowedOwnerDomains does not allow",
        ),
        (
            owners_file("- {user: x, jira_project: KEYS}\n- addresses: a@shop.example"),
            Check.OWNERS_FILE,
            "line 3: warning: the rule has no addresses, so it takes mails away from line 4",
        ),
        (
            owners_file("- addresses: a@shop.example\n- {user: x, addresses: a@shop.example}"),
            Check.OWNERS_FILE,
            "line 4: warning: the rule never serves",
        ),
    ],
    FindingCode.EXEMPTIONS_NOT_ENDED: [
        (
            lambda world: world.tell(EndExemptions="true"),
            Check.EXEMPTIONS,
            f"may remove nobody from the group: stack set {NAMES.member}",
        )
    ],
    FindingCode.EXEMPTIONS_FILE_ODD: [
        (exemptions_file("- {user: ann}"), Check.EXEMPTIONS, "exemptions.yaml: line 3: "),
    ],
    FindingCode.EXEMPTIONS_LAPSED: [
        (with_a_lapsed_member, Check.EXEMPTIONS, f"without a valid entry: {SHOP}, app")
    ],
    FindingCode.SECRETS_WITHOUT_USER: [
        (
            lambda world: world.left_over.update({SHOP: (LEFT,)}),
            Check.LEFTOVER_SECRETS,
            "there is no user builder",
        )
    ],
    FindingCode.KEY_MISSING: [
        (lambda world: world.members[SHOP].keys.clear(), Check.SECRETS_KEY, SHOP)
    ],
    FindingCode.KEY_UNUSABLE: [
        (
            in_state(state),
            Check.SECRETS_KEY,
            f"{SHOP}: {state}",
        )
        for state in ("Disabled", "PendingDeletion")
    ],
    FindingCode.FUNCTION_MISSING: [
        (lambda world: world.functions.held.pop(ROTATION), Check.FUNCTIONS, ROTATION)
    ],
    FindingCode.FUNCTION_DIFFERS: [
        (lambda world: world.change(ROTATION, timeout=60), Check.FUNCTIONS, "Timeout is 60"),
        (lambda world: world.change(ROTATION, memory=128), Check.FUNCTIONS, "MemorySize is 128"),
        (
            lambda world: world.change(ROTATION, runtime="python3.11"),
            Check.FUNCTIONS,
            "Runtime is python3.11 instead of python3.13",
        ),
        (lambda world: world.change(ROTATION, handler="a.b"), Check.FUNCTIONS, "Handler is a.b"),
        (
            lambda world: world.change(ROTATION, architecture="arm64"),
            Check.FUNCTIONS,
            "Architecture is arm64 instead of x86_64",
        ),
        (
            lambda world: world.change(
                ROTATION, variables={**function(ROTATION).variables, "DryRunFlag": "False"}
            ),
            Check.FUNCTIONS,
            "DryRunFlag is False instead of True",
        ),
        (
            lambda world: world.change(
                ROTATION, variables={**function(ROTATION).variables, "EventBusName": ""}
            ),
            Check.FUNCTIONS,
            "EventBusName is (empty)",
        ),
        (
            lambda world: world.change(ROTATION, reserved=7),
            Check.FUNCTIONS,
            "Reserved concurrency is 7 instead of 0",
        ),
        (
            lambda world: world.tell(NotifierReservedConcurrency="2"),
            Check.FUNCTIONS,
            "ASA-Notifier: Reserved concurrency is 0 instead of 2",
        ),
    ],
    FindingCode.FUNCTION_OFF: [
        (
            lambda world: world.change(ROTATION, reserved=0),
            Check.FUNCTIONS,
            f"{ROTATION} may not run: 0 is reserved for it",
        ),
        *(
            (taking_nothing(name), Check.FUNCTIONS, f"{name} takes nothing from {queue}")
            for name, queue in TAKES_FROM.items()
        ),
    ],
    FindingCode.ZIP_MISSING: [
        (lambda world: world.archive.zips.clear(), Check.CODE, "Lambda/inventory.zip")
    ],
    FindingCode.CODE_DIFFERS: [
        (lambda world: world.change(ROTATION, code="x"), Check.CODE, ROTATION)
    ],
    FindingCode.RULE_MISSING: [(without(rule), Check.RULES, rule[0]) for rule in RULES],
    FindingCode.RULE_DISABLED: [
        (
            lambda world: world.event_rules.enabled.update({RULES[0]: False}),
            Check.RULES,
            RULES[0][0],
        )
    ],
    FindingCode.NEVER_RAN: [
        (lambda world: world.archive.runs.clear(), Check.LAST_RUN, "no account"),
        (lambda world: world.archive.runs.clear(), Check.CHANGES, "nothing to compare with"),
    ],
    FindingCode.RUN_OLD: [(old_run, Check.LAST_RUN, "2026-03-01 06:00Z, 27 hours ago")],
    FindingCode.ACCOUNTS_NOT_REACHED: [
        (unreached, Check.LAST_RUN, f"{SECURITY}, {SHOP}"),
        (long_unreached, Check.LAST_RUN, f"not looked after: {SHOP}"),
    ],
    FindingCode.CHANGED_SINCE: [
        (
            lambda world: world.tell(InactivePeriod="120"),
            Check.CHANGES,
            "InactivePeriod: 100 → 120",
        ),
        (
            lambda world: world.archive.runs.append(run(SHOP, at=NOW, dry_run=False)),
            Check.CHANGES,
            "DryRunFlag: False → True",
        ),
    ],
    FindingCode.STAGE_EMPTY: [
        (
            lambda world: world.tell(DryRunFlag="False", EnforcedAccounts="ou-root-99999999"),
            Check.STAGE,
            "EnforcedAccounts reaches 0 of 3 accounts: nothing is enforced",
        )
    ],
    FindingCode.STAGE_UNKNOWN: [
        (
            lambda world: world.tell(
                DryRunFlag="False", EnforcedAccounts=f"{SHOP},333333333333,ou-root-99999999"
            ),
            Check.STAGE,
            "1 of 3 accounts; EnforcedAccounts names in vain: 333333333333, ou-root-99999999",
        )
    ],
    FindingCode.DEAD_LETTERS: [
        (
            filled(queue),
            Check.DEAD_LETTERS,
            f"3 in {queue}",
        )
        for queue in (*DEAD_LETTERS, CHANNELS_DEAD)
    ],
    FindingCode.RUN_TOO_LONG: [(too_slow, Check.RUN_TIME, "a run takes 7.2 h")],
    FindingCode.CONCURRENCY_SMALL: [(too_few, Check.CONCURRENCY, "7 of 10 are free")],
    FindingCode.RESERVATION_SMALL: [
        (
            lambda world: world.tell(RotationReservedConcurrency="4"),
            Check.CONCURRENCY,
            "4 reserved",
        )
    ],
    FindingCode.SENDER_UNVERIFIED: [
        (lambda world: world.ses_identities.verified.clear(), Check.SENDER, "ops@example.com")
    ],
    FindingCode.SES_SANDBOX: [
        (lambda world: in_the_sandbox(world, "shop.example"), Check.OWNERS, "in its sandbox")
    ],
    FindingCode.OWNERS_UNVERIFIED: [
        (
            lambda world: in_the_sandbox(world, "head@shop.example"),
            Check.OWNERS,
            "security@shop.example, shop@shop.example",
        )
    ],
    FindingCode.DKIM_OFF: [
        (lambda world: setattr(world.ses_identities, "dkim", None), Check.DKIM, "is signed"),
        (
            lambda world: setattr(world.ses_identities, "dkim", "PENDING"),
            Check.DKIM,
            "the domain of ops@example.com is PENDING",
        ),
    ],
    FindingCode.NO_CONFIGURATION_SET: [
        (lambda world: world.tell(ConfigurationSet=""), Check.MAIL_EVENTS, "without")
    ],
    FindingCode.CONFIGURATION_SET_MISSING: [
        (
            lambda world: world.ses_identities.sets.clear(),
            Check.MAIL_EVENTS,
            "SES has no configuration set mails",
        )
    ],
    FindingCode.MAIL_EVENTS_LACKING: [
        (
            lambda world: world.ses_identities.sets.update(mails=HEARD - {"BOUNCE"}),
            Check.MAIL_EVENTS,
            "mails does not publish to EventBridge: BOUNCE",
        )
    ],
    FindingCode.DELIVERY_UNREPORTED: [
        (
            lambda world: world.tell(ProofOfNotice="Delivered", ConfigurationSet=""),
            Check.MAIL_EVENTS,
            "without a configuration set",
        ),
        (unreported, Check.MAIL_EVENTS, "mails does not publish to EventBridge: DELIVERY"),
    ],
    FindingCode.MAIL_RULE_OFF: [
        (without((MAILS_RULE, None)), Check.MAIL_EVENTS, "no rule"),
        (
            lambda world: world.event_rules.enabled.update({(MAILS_RULE, None): False}),
            Check.MAIL_EVENTS,
            "is disabled",
        ),
        (
            lambda world: world.event_rules.sends_to.update({MAILS_RULE: ()}),
            Check.MAIL_EVENTS,
            f"does not send to {REGION}:{SECURITY}:{NOTICES}",
        ),
        (away_without_a_target, Check.MAIL_EVENTS, "in eu-west-1 does not send to us-east-1"),
    ],
    FindingCode.REPORTER_MISSING: [
        (lambda world: world.functions.held.pop(REPORTER), Check.REPORTS, REPORTER),
        (without((REPORTER_RULE, None)), Check.REPORTS, REPORTER_RULE),
    ],
    FindingCode.REPORTER_NOT_NEEDED: [
        (
            lambda world: world.tell(AdminDigest="Account"),
            Check.REPORTS,
            "AdminDigest is Account, and ASA-Reporter makes",
        )
    ],
    FindingCode.REPORTER_OFF: [
        (
            lambda world: world.event_rules.enabled.update({(REPORTER_RULE, None): False}),
            Check.REPORTS,
            "is disabled",
        ),
        (
            lambda world: world.change(REPORTER, reserved=0),
            Check.REPORTS,
            "0 is reserved for it",
        ),
    ],
    FindingCode.PROVING_CHANNEL_OFF: [
        (proving_without_token, Check.CHANNELS, "ProvingChannels names slack, and SlackTokenS"),
        (proving_without_stack, Check.CHANNELS, "ProvingChannels names slack, and SlackTokenS"),
    ],
    FindingCode.CHANNELS_MISSING: [
        (lambda world: world.functions.held.pop(CHANNELS), Check.CHANNELS, CHANNELS),
        *((without(rule), Check.CHANNELS, f"no rule {rule[0]}") for rule in CHANNELS_RULES),
        (broken_channels, Check.CHANNELS, "UPDATE_ROLLBACK_FAILED"),
    ],
    FindingCode.CHANNELS_OFF: [
        (
            lambda world: world.change(CHANNELS, reserved=0),
            Check.CHANNELS,
            "0 is reserved for it",
        ),
        (taking_nothing(CHANNELS), Check.CHANNELS, f"takes nothing from {CHANNELS_QUEUE}"),
        (
            lambda world: world.event_rules.enabled.update({CHANNELS_RULES[0]: False}),
            Check.CHANNELS,
            f"the rule {CHANNELS_RULES[0][0]} is disabled",
        ),
    ],
    FindingCode.CHANNELS_CODE_DIFFERS: [
        (lambda world: world.change(CHANNELS, code="another"), Check.CHANNELS, "other code"),
    ],
    FindingCode.CHANNEL_SECRET_WRONG: [
        (
            lambda world: world.channel_secrets.held.pop(TOKEN_ARN),
            Check.CHANNEL_SECRETS,
            f"SlackTokenSecretArn: {TOKEN_ARN}",
        ),
        (
            lambda world: world.channel_secrets.wrong.update(
                {HOOK_ARN: "the secret has no text 'url'"}
            ),
            Check.CHANNEL_SECRETS,
            "WebhookSecretArn: the secret has no text 'url'",
        ),
    ],
    FindingCode.CHANNEL_SECRET_LOCKED: [
        (encrypted(A_KEY), Check.CHANNEL_SECRETS, f"WebhookSecretArn: encrypted with {A_KEY}"),
        (encrypted("4b1c2f5e"), Check.CHANNEL_SECRETS, "4b1c2f5e"),
        (encrypted("alias/ours"), Check.CHANNEL_SECRETS, "alias/ours"),
        (encrypted(A_KEY, f"{A_KEY}0"), Check.CHANNEL_SECRETS, "is another or empty"),
    ],
    FindingCode.ADMIN_SUPPRESSED: [
        (
            lambda world: world.ses_identities.dead.update({"ops@example.com": "BOUNCE"}),
            Check.SUPPRESSED,
            "ops@example.com is on SES's suppression list (BOUNCE)",
        )
    ],
    FindingCode.OWNERS_SUPPRESSED: [
        (
            lambda world: world.ses_identities.dead.update({"shop@shop.example": "COMPLAINT"}),
            Check.SUPPRESSED,
            "shop@shop.example",
        )
    ],
    FindingCode.SENDING_PAUSED: [
        (sending(enabled=False), Check.SENDING, "paused"),
    ],
    FindingCode.QUOTA_SMALL: [
        (sending(quota=200, sent=198), Check.SENDING, "2 of 200 mails are left"),
    ],
    FindingCode.NO_TRAIL: [
        (lambda world: world.cloudtrail.held.clear(), Check.TRAIL, "no trail"),
        *(
            (with_trail(**{fact: False}), Check.TRAIL, "no trail")
            for fact in ("is_logging", "has_global_events", "has_writes", "reaches_iam")
        ),
    ],
    FindingCode.TRAIL_OF_ONE_ACCOUNT: [
        (with_trail(of_organization=False), Check.TRAIL, "everything is the management")
    ],
    FindingCode.INVOCATIONS_UNLOGGED: [
        (with_trail(logs_invocations=False), Check.INVOCATIONS, f"who invokes {ROTATION}"),
        # The management account's own trail says nothing of the security account.
        (with_trail(of_organization=False), Check.INVOCATIONS, "no trail"),
        (with_trail(is_logging=False), Check.INVOCATIONS, "no trail"),
    ],
    FindingCode.EXEMPTION_RULE_OFF: [
        (lambda world: world.members[SHOP].rules.clear(), Check.EXEMPTION_RULE, SHOP),
        (
            lambda world: world.members[SHOP].rules.update({RULE: False}),
            Check.EXEMPTION_RULE,
            SHOP,
        ),
    ],
    FindingCode.SECRETS_UNGUARDED: [
        (
            lambda world: world.organization_features.policies.clear(),
            Check.GUARD,
            "keeps others from",
        ),
        (guarded_by(replace(GUARD, targets=0)), Check.GUARD, "keeps others from"),
        (guarded_by(replace(GUARD, content=ONLY_TAGS)), Check.GUARD, "keeps others from"),
    ],
    FindingCode.SECRETS_SHARED: [
        (holding(replace(KEY, replicas=("eu-west-1",))), Check.SECRETS, "to eu-west-1"),
        (holding(replace(KEY, rotates=True)), Check.SECRETS, f"{KEY.name}: rotated by AWS"),
        (holding(replace(KEY, service="rds")), Check.SECRETS, "owned by rds"),
        (holding(replace(KEY, has_policy=True)), Check.SECRETS, "with a resource policy"),
    ],
    FindingCode.NO_READERS: [
        (
            holding(KEY, replace(KEY, was_fetched=True), replace(KEY, has_policy=True)),
            Check.READERS,
            "for 2 of 3 new keys no reader was found",
        ),
    ],
    FindingCode.BUCKET_MISSING: [
        (lambda world: world.artifact_bucket.buckets.clear(), Check.BUCKET, "a-bucket")
    ],
    FindingCode.LOCK_KEEPS_NOTHING: [
        (
            lambda world: setattr(world.artifact_bucket, "lock", ObjectLock()),
            Check.OBJECT_LOCK,
            "a-bucket has Object Lock, and no default retention",
        )
    ],
    FindingCode.BUCKET_UNPROTECTED: [(unprotected, Check.BUCKET, Protection.ONLY_TLS)],
    FindingCode.PAUSED: [(paused, Check.PAUSE, "ann since 2026-03-02 09:00Z: INC-7")],
}


@pytest.fixture
def world() -> World:
    return World()


def faults(found: Mapping[Check, Finding]) -> dict[Check, FindingCode]:
    return {check: each.fault for check, each in found.items() if each.fault is not None}


def test_a_healthy_deployment_has_no_findings_and_every_check_was_made(world: World) -> None:
    findings = world.findings()

    assert faults(findings) == {}
    assert set(findings) == set(Check)


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        pytest.param(fault, way, id=f"{fault}-{number}")
        for fault, ways in BROKEN.items()
        for number, way in enumerate(ways, start=1)
    ],
)
def test_a_fault_is_found_by_its_check_and_says_what_to_do(
    world: World, fault: FindingCode, broken: Broken
) -> None:
    spoil, check, named = broken
    spoil(world)

    found = world.findings()[check]

    assert found.fault is fault
    assert found.grade is REMEDIES[fault].grade
    assert named in found.said
    assert found.fix.startswith(REMEDIES[fault].fix)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "EnforcedAccounts is empty: DryRunFlag alone decides, for every account"),
        ({"EnforcedAccounts": SHOP}, "DryRunFlag=True: nothing is enforced. Without it 1 of 3"),
        (
            {"DryRunFlag": "False", "EnforcedAccounts": SHOP},
            "1 of 3 accounts are enforced, the others stay in dry run",
        ),
        (
            {"DryRunFlag": "False", "EnforcedAccounts": UNIT},
            "EnforcedAccounts reaches every account: it can be emptied",
        ),
    ],
)
def test_how_far_the_stage_goes_is_said_and_makes_no_run_look_changed(
    parameters: dict[str, str], said: str
) -> None:
    world = World()
    world.tell(**parameters)

    found = world.findings()

    assert found[Check.STAGE].said.startswith(said)
    assert found[Check.STAGE].fault is None
    assert found[Check.CHANGES].fault is None


def test_every_fault_has_been_provoked() -> None:
    assert set(BROKEN) | {FindingCode.UNCHECKED} == set(FindingCode) == set(REMEDIES)


def test_no_fault_passes_for_well() -> None:
    assert all(remedy.grade is not Grade.OK and remedy.fix for remedy in REMEDIES.values())


@pytest.mark.parametrize(
    "fault", [each for each in BROKEN if each is not FindingCode.CORE_MISSING]
)
def test_one_fault_hides_no_other_check(world: World, fault: FindingCode) -> None:
    BROKEN[fault][0][0](world)

    assert set(world.findings()) == set(Check)


def test_without_a_core_stack_nothing_else_is_guessed(world: World) -> None:
    without_core(world)

    assert set(world.findings()) == {Check.CORE}


# --- what may not be looked at ------------------------------------------------------------------

Shut = tuple[Callable[[World], Refusals], str]
DENIED_BY: dict[Check, Shut] = {
    Check.CORE: (lambda world: world.stacks, "find"),
    Check.LIST_ROLE: (lambda world: world.head, "find"),
    Check.TRUSTED_ACCESS: (lambda world: world.organization_features, "facts"),
    Check.MEMBER_STACKS: (lambda world: world.sets, "instances"),
    Check.MANAGEMENT_ACCOUNT: (lambda world: world.head, "find"),
    Check.MEMBER_ROLE: (lambda world: world.members[SHOP], "trust_of"),
    Check.EXEMPTION_GROUP: (lambda world: world.members[SHOP], "has_group"),
    Check.SECRETS_KEY: (lambda world: world.members[SHOP], "key_state"),
    Check.STAGE: (lambda world: world.organization, "accounts"),
    Check.FUNCTIONS: (lambda world: world.functions, "look"),
    Check.CODE: (lambda world: world.archive, "code_of"),
    Check.RULES: (lambda world: world.event_rules, "is_enabled"),
    Check.LAST_RUN: (lambda world: world.archive, "last_runs"),
    Check.RUN_TIME: (lambda world: world.durations, "between"),
    Check.CHANGES: (lambda world: world.archive, "last_runs"),
    Check.DEAD_LETTERS: (lambda world: world.queue_depth, "waiting"),
    Check.CONCURRENCY: (lambda world: world.functions, "concurrency"),
    Check.SENDER: (lambda world: world.ses_identities, "is_verified"),
    Check.OWNERS: (lambda world: world.ses_identities, "is_in_sandbox"),
    Check.OWNER_VALUES: (lambda world: world.archive, "last_runs"),
    Check.OWNERS_FILE: (lambda world: world.owners, "read"),
    Check.EXEMPTIONS: (lambda world: world.exemptions, "read"),
    Check.DKIM: (lambda world: world.ses_identities, "dkim_of"),
    Check.MAIL_EVENTS: (lambda world: world.ses_identities, "published"),
    Check.REPORTS: (lambda world: world.event_rules, "is_enabled"),
    Check.CHANNELS: (lambda world: world.functions, "takes_from"),
    Check.CHANNEL_SECRETS: (lambda world: world.channel_secrets, "check"),
    Check.SUPPRESSED: (lambda world: world.ses_identities, "suppressed"),
    Check.SENDING: (lambda world: world.ses_identities, "sending"),
    Check.TRAIL: (lambda world: world.cloudtrail, "trails"),
    Check.INVOCATIONS: (lambda world: world.own_cloudtrail, "trails"),
    Check.EXEMPTION_RULE: (lambda world: world.members[SHOP], "rule_is_enabled"),
    Check.GUARD: (lambda world: world.organization_features, "control_policies"),
    Check.SECRETS: (lambda world: world.members[SHOP], "secrets"),
    Check.READERS: (lambda world: world.members[SHOP], "secrets"),
    Check.BUCKET: (lambda world: world.artifact_bucket, "lacks"),
    Check.OBJECT_LOCK: (lambda world: world.artifact_bucket, "object_lock"),
    Check.PAUSE: (lambda world: world.pause_flag, "pause"),
}


@pytest.mark.parametrize("error", [DENIED, Throttled("later")])
@pytest.mark.parametrize("check", DENIED_BY)
def test_what_could_not_be_looked_at_is_a_warning_with_what_it_needs_and_never_ok(
    world: World, check: Check, error: Denied
) -> None:
    of, method = DENIED_BY[check]
    of(world).refuses[method] = error

    found = world.findings()[check]

    assert (found.fault, found.grade) == (FindingCode.UNCHECKED, Grade.WARNING)
    assert str(error) in found.said
    assert found.fix == f"needs {NEEDS[check]}"


def test_where_the_organisation_cannot_be_listed_nobody_is_said_to_be_well(world: World) -> None:
    world.organization.refuses["accounts"] = DENIED

    unchecked = {check for check, fault in faults(world.findings()).items()}

    assert unchecked == {
        Check.LAST_RUN,
        Check.RUN_TIME,
        Check.STAGE,
        Check.MEMBER_STACKS,
        Check.MANAGEMENT_ACCOUNT,
        Check.MEMBER_ROLE,
        Check.EXEMPTION_GROUP,
        Check.SECRETS_KEY,
        Check.LEFTOVER_SECRETS,
        Check.EXEMPTION_RULE,
        Check.SECRETS,
        Check.READERS,
        Check.SUPPRESSED,
        Check.SENDING,
    }


def test_where_no_account_is_found_nothing_is_said_to_be_well_in_each(world: World) -> None:
    world.tell(InventoryOU=UNIT)
    world.organization.listed = {}
    world.ses_identities.sandbox = True

    found = world.findings()

    told = {check: each for check, each in found.items() if each.fault is not None}
    del told[Check.FUNCTIONS]  # which are still told of no unit
    assert set(told) == {
        Check.LAST_RUN,
        Check.RUN_TIME,
        Check.STAGE,
        Check.OWNERS,
        Check.MEMBER_STACKS,
        Check.MANAGEMENT_ACCOUNT,
        Check.MEMBER_ROLE,
        Check.EXEMPTION_GROUP,
        Check.SECRETS_KEY,
        Check.LEFTOVER_SECRETS,
        Check.EXEMPTION_RULE,
        Check.SECRETS,
        Check.READERS,
        Check.SUPPRESSED,
        Check.SENDING,
    }
    for each in told.values():
        assert (each.fault, each.grade) == (FindingCode.UNCHECKED, Grade.WARNING)
        assert each.said == f"could not be checked: no account was found in {UNIT}"
        assert "set InventoryOU" in each.fix


def test_a_stack_set_that_went_nowhere_yet_is_not_up_to_date_everywhere(world: World) -> None:
    nowhere = replace(world.sets.held[NAMES.member], units=frozenset(), regions=frozenset())
    world.sets.held[NAMES.member] = nowhere
    del world.head.held[NAMES.member]

    found = world.findings()

    assert found[Check.MEMBER_STACKS].fault is FindingCode.ACCOUNTS_WITHOUT_STACK
    assert found[Check.MANAGEMENT_ACCOUNT].fault is FindingCode.MANAGEMENT_WITHOUT_STACK


def test_a_parameter_that_an_older_stack_lacks_is_no_crash(world: World) -> None:
    told = dict(PARAMETERS)
    del told["MaximumConcurrency"]
    world.stacks.held[NAMES.core] = stack(NAMES.core, told)

    found = world.findings()[Check.CONCURRENCY]

    assert found.fault is FindingCode.UNCHECKED
    assert "MaximumConcurrency" in found.said


# --- every account, by the member role itself ---------------------------------------------------


def test_where_the_member_role_lets_us_in_elsewhere_it_is_missing_where_it_does_not(
    world: World,
) -> None:
    world.enters_as_member = True
    for each in world.members.values():
        each.refuses["trust_of"] = DENIED  # it may not look at itself
    world.members[SHOP].shut = True

    found = world.findings()[Check.MEMBER_ROLE]

    assert found.fault is FindingCode.ROLE_MISSING
    assert SHOP in found.said


def test_where_the_member_role_lets_us_in_everywhere_all_is_well(world: World) -> None:
    world.enters_as_member = True
    for each in world.members.values():
        each.refuses["trust_of"] = DENIED

    assert world.findings()[Check.MEMBER_ROLE].fault is None


@pytest.mark.parametrize("as_member", [True, False])
def test_where_no_account_lets_us_in_we_do_not_know(world: World, as_member: bool) -> None:
    world.enters_as_member = as_member
    for each in world.members.values():
        each.shut = True

    findings = world.findings()

    for check in (Check.MEMBER_ROLE, Check.EXEMPTION_GROUP, Check.SECRETS_KEY):
        assert findings[check].fault is FindingCode.UNCHECKED
        assert "--role-name" in findings[check].fix


# --- what is as it should be --------------------------------------------------------------------


def test_a_missing_group_is_well_where_operators_allow_it(world: World) -> None:
    world.tell(AllowMissingExemptionGroup="true")
    world.members[SHOP].groups.clear()

    found = world.findings()[Check.EXEMPTION_GROUP]

    assert found.fault is None
    assert SHOP in found.said


@pytest.mark.parametrize("status", USABLE)
@pytest.mark.parametrize("name", [NAMES.listing, NAMES.member])
def test_a_stack_whose_update_failed_or_goes_on_is_still_there(
    world: World, name: str, status: str
) -> None:
    head_in_state(name, status)(world)

    assert faults(world.findings()) == {}


def test_a_suspended_account_needs_no_stack_of_this_version(world: World) -> None:
    world.sets.accounts = {UNIT: [SECURITY, SHOP, "444444444444"]}
    world.sets.suspended = {"444444444444"}

    found = world.findings()[Check.MEMBER_STACKS]

    assert (found.fault, found.said) == (None, "2 stacks, all up to date")


def test_accounts_outside_the_unit_that_is_kept_need_nothing(world: World) -> None:
    world.tell(InventoryOU=UNIT)
    world.change("ASA-Account-Inventory", variables=variables_with(InventoryOU=UNIT))
    world.organization.listed = {
        (): [Listed(account=ACCOUNTS[0])],
        (UNIT,): [Listed(account=each) for each in ACCOUNTS[1:]],
    }
    world.head.held.pop(NAMES.member)

    assert faults(world.findings()) == {}


def variables_with(**other: str) -> Mapping[str, str]:
    return {**function("ASA-Account-Inventory").variables, **other}


def test_an_account_that_was_run_by_hand_since_makes_no_other_one_missing(world: World) -> None:
    world.archive.runs[0] = run(MANAGEMENT, at=NOW)

    assert world.findings()[Check.LAST_RUN].fault is None


def test_a_reservation_that_is_large_enough_leaves_the_others_their_share(world: World) -> None:
    world.tell(RotationReservedConcurrency="5")
    world.change(ROTATION, reserved=5)
    world.functions.limit = Concurrency(limit=105, unreserved=100)

    assert world.findings()[Check.CONCURRENCY].fault is None


@pytest.mark.parametrize(
    ("free", "reserved", "fault"),
    [
        (8, 0, None),  # MaximumConcurrency and three more
        (7, 0, FindingCode.CONCURRENCY_SMALL),
        (3, 5, None),  # three beside what is reserved
        (2, 5, FindingCode.CONCURRENCY_SMALL),
        (100, 4, FindingCode.RESERVATION_SMALL),
    ],
)
def test_exactly_as_many_functions_as_are_needed_are_enough(
    world: World, free: int, reserved: int, fault: FindingCode | None
) -> None:
    world.tell(RotationReservedConcurrency=str(reserved), MaximumConcurrency="5")
    world.functions.limit = Concurrency(limit=100, unreserved=free)

    assert world.findings()[Check.CONCURRENCY].fault is fault


# Whether a run ends in time

SIX_HOURS = 6 * 3600


@pytest.mark.parametrize(
    ("at_once", "reserved", "median", "fault"),
    [
        ("2", "0", 4 * 3600, None),  # three accounts, two at a time: exactly six hours
        ("2", "0", 4 * 3600 + 1, FindingCode.RUN_TOO_LONG),
        ("2", "0", 4 * 3600 - 1, None),
        ("3", "0", 4 * 3600 + 1, None),
        ("3", "2", 4 * 3600 + 1, FindingCode.RUN_TOO_LONG),  # no more than is reserved
        ("3", "3", 4 * 3600 + 1, None),
        ("2", "900", 4 * 3600 + 1, FindingCode.RUN_TOO_LONG),
    ],
)
def test_a_run_has_six_hours_by_the_median_and_how_many_run_at_a_time(
    world: World, at_once: str, reserved: str, median: float, fault: FindingCode | None
) -> None:
    world.tell(MaximumConcurrency=at_once, RotationReservedConcurrency=reserved)
    world.durations.ended = {ROTATION: took(1, median, median)}

    assert world.findings()[Check.RUN_TIME].fault is fault


@pytest.mark.parametrize(
    ("longest", "fault"), [(SIX_HOURS * 2, None), (SIX_HOURS * 2 + 1, FindingCode.RUN_TOO_LONG)]
)
def test_a_few_accounts_that_take_long_count_by_the_sum_of_the_day(
    world: World, longest: float, fault: FindingCode | None
) -> None:
    world.tell(MaximumConcurrency="2")
    parts = [900.0] * int(longest // 900) + ([longest % 900] if longest % 900 else [])
    world.durations.ended = {ROTATION: took(*parts)}

    assert world.findings()[Check.RUN_TIME].fault is fault


def test_what_would_be_enough_is_said(world: World) -> None:
    world.tell(MaximumConcurrency="2")
    world.durations.ended = {ROTATION: took(*[10 * 3600.0] * 3)}

    found = world.findings()[Check.RUN_TIME]

    assert found.grade is Grade.PROBLEM
    assert found.said == (
        "3 accounts, 10.0 h each (median; 30.0 h in all), 2 at a time: a run takes 15.0 h, more "
        "than 6 hours; 5 at a time would do"
    )


def test_what_no_concurrency_is_enough_for_is_said(world: World) -> None:
    world.durations.ended = {ROTATION: took(*[2001 * 3600.0] * 3)}

    said = world.findings()[Check.RUN_TIME].said

    assert said.endswith("; even 1000 at a time, the most there are, would not do")


def test_how_long_a_run_takes_is_said_where_that_is_well(world: World) -> None:
    assert world.findings()[Check.RUN_TIME].said == (
        "3 accounts, 12.0 s each (median; 36.0 s in all), 5 at a time: a run takes 7.2 s"
    )


def without_invocations(world: World) -> None:
    world.durations.ended = {}


def with_those_of_the_day_before(world: World) -> None:
    ago = NOW - timedelta(days=1, seconds=1)
    world.durations.ended = {ROTATION: [(ago, timedelta(seconds=12))]}


def with_those_of_another_function(world: World) -> None:
    world.durations.ended = {INVENTORY: took(12)}


def denied_durations(world: World) -> None:
    world.durations.refuses["between"] = DENIED


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (without_invocations, "no invocation of ASA-IAM-Access-Key-Rotation-Function"),
        (with_those_of_the_day_before, "no invocation"),
        (with_those_of_another_function, "no invocation"),
        (denied_durations, str(DENIED)),
        (lambda world: world.organization.listed.clear(), "no account was found"),
        (lambda world: world.tell(MaximumConcurrency="many"), "MaximumConcurrency=many"),
        (lambda world: world.tell(MaximumConcurrency="0"), "MaximumConcurrency=0"),
        (lambda world: world.tell(RotationReservedConcurrency=""), "RotationReservedConcurrency="),
    ],
)
def test_how_long_a_run_takes_is_never_well_where_nobody_knows(
    world: World, break_it: Callable[[World], None], said: str
) -> None:
    break_it(world)

    found = world.findings()[Check.RUN_TIME]

    assert (found.fault, found.grade) == (FindingCode.UNCHECKED, Grade.WARNING)
    assert said in found.said
    assert found.fix


@pytest.mark.parametrize("who", ["everybody", "one account"])
def test_a_run_of_exactly_26_hours_ago_is_not_old(world: World, who: str) -> None:
    ago = {"everybody": len(ACCOUNTS), "one account": 1}[who]
    limit, fault = (
        timedelta(hours=26),
        {True: FindingCode.RUN_OLD, False: FindingCode.ACCOUNTS_NOT_REACHED},
    )

    def seen(age: timedelta) -> FindingCode | None:
        world.archive.runs[:ago] = [run(each.id, at=NOW - age) for each in ACCOUNTS[:ago]]
        return world.findings()[Check.LAST_RUN].fault

    assert seen(limit) is None
    assert seen(limit + timedelta(seconds=1)) is fault[who == "everybody"]


@pytest.mark.parametrize(
    ("flag", "said"),
    [("False", "enforces"), ("false", "enforces"), ("True", "in dry run"), ("", "in dry run")],
)
def test_whether_a_stack_enforces_is_said_as_its_flag_has_it(
    world: World, flag: str, said: str
) -> None:
    world.tell(DryRunFlag=flag)

    assert world.findings()[Check.CORE].said.endswith(f"; {said}")


@pytest.mark.parametrize(("number", "end"), [(5, "04"), (6, "04 and 1 more")])
def test_five_accounts_are_named_and_the_sixth_is_counted(
    world: World, number: int, end: str
) -> None:
    many = [Account(id=f"3000000000{each:02}", name="a") for each in range(number)]
    world.organization.listed[UNIT,] += [Listed(account=each) for each in many]
    world.members |= {each.id: member() for each in many}

    assert world.findings()[Check.MEMBER_STACKS].said.endswith(f"3000000000{end}")


@pytest.mark.parametrize("protection", [Protection.RECEIPTS, Protection.RECORDS])
def test_what_the_buckets_policy_lacks_is_said_with_the_statement_to_copy(
    world: World, protection: Protection
) -> None:
    world.artifact_bucket.buckets["a-bucket"].remove(("", protection))

    found = world.findings()[Check.BUCKET]

    assert found.said == f"a-bucket lacks: {protection}"
    _, _, told = found.fix.partition(". By hand, add to its policy: ")
    wanted = statements(partition="aws", account=SECURITY, bucket="a-bucket", prefix="asa")
    assert tuple(json.loads(told)) == wanted[protection]


def test_what_no_policy_gives_comes_without_a_statement(world: World) -> None:
    world.artifact_bucket.buckets["a-bucket"].remove(("", Protection.VERSIONS))

    assert world.findings()[Check.BUCKET].fix == REMEDIES[FindingCode.BUCKET_UNPROTECTED].fix


def test_the_policy_that_guards_the_secrets_is_given_whole(world: World) -> None:
    world.organization_features.policies.clear()

    _, _, told = world.findings()[Check.GUARD].fix.partition("management account: ")

    assert json.loads(told) == guard(partition="aws", role=ROLE)


def test_a_trail_of_the_security_account_knows_who_invokes_too(world: World) -> None:
    world.own_cloudtrail.held = [replace(TRAIL, name="own", of_organization=False)]
    world.cloudtrail.held = []

    assert world.findings()[Check.INVOCATIONS].said == f"own logs who invokes {ROTATION}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("SecretReaderArns", "arn:x"), ("OwnersReadBy", "email"), ("UsersReadTheirOwn", "True")],
)
def test_readers_that_the_member_stacks_name_are_readers_and_what_was_not_seen_is_said(
    world: World, name: str, value: str
) -> None:
    holding(KEY)(world)
    world.sets.held[NAMES.member] = replace(
        world.sets.held[NAMES.member], parameters={name: value, "UsersReadTheirOwn": value}
    )

    found = world.findings()[Check.READERS]

    assert found.fault is None
    assert name in found.said
    assert found.said.endswith("whether their policies are attached was not looked at")


def test_a_secret_without_a_key_needs_no_reader(world: World) -> None:
    holding(replace(KEY, holds_key=False))(world)
    world.sets.held[NAMES.member] = replace(
        world.sets.held[NAMES.member], parameters={"UsersReadTheirOwn": "False"}
    )

    assert world.findings()[Check.READERS].fault is None


def test_what_was_seen_is_told_beside_what_was_not(world: World) -> None:
    holding(replace(KEY, rotates=True))(world)
    world.members[SECURITY].refuses["secrets"] = DENIED

    found = world.findings()

    assert found[Check.SECRETS].said == f"{KEY.name}: rotated by AWS. Not seen: {SECURITY}"
    assert found[Check.READERS].said.endswith(f"was not looked at. Not seen: {SECURITY}")


def test_many_accounts_are_counted_and_not_all_named(world: World) -> None:
    many = [Account(id=f"3000000000{number:02}", name="a") for number in range(12)]
    world.organization.listed[UNIT,] += [Listed(account=each) for each in many]
    world.members |= {each.id: member() for each in many}

    found = world.findings()[Check.MEMBER_STACKS]

    assert found.said.endswith("300000000004 and 7 more")


def test_what_the_doctor_knows_by_name_is_what_the_template_makes() -> None:
    queues = {
        each["Properties"]["QueueName"] for each in resources(CORE, "AWS::SQS::Queue").values()
    }
    rules = {
        (each["Properties"]["Name"], BUS if "EventBusName" in each["Properties"] else None)
        for each in resources(CORE, "AWS::Events::Rule").values()
    }
    [bus] = resources(CORE, "AWS::Events::EventBus").values()
    core = MadeStack(name=CORE)

    def named(reference: str, by: str) -> str:
        logical = reference.removeprefix("ref:").removeprefix("arn:")
        return str(core.resources[logical]["Properties"][by])

    assert {
        named(each["FunctionName"], "FunctionName"): named(each["EventSourceArn"], "QueueName")
        for each in core.of_type("AWS::Lambda::EventSourceMapping").values()
    } == TAKES_FROM
    assert {name for name in queues if "dead" in name or "undelivered" in name} == set(
        DEAD_LETTERS
    )
    functions = resources(CORE, "AWS::Lambda::Function").values()
    assert {each["Properties"]["FunctionName"] for each in functions} == {INVENTORY, *TAKES_FROM}
    assert rules == set(RULES)
    assert bus["Properties"]["Name"] == BUS


def test_an_account_without_a_quota_has_enough(world: World) -> None:
    sending(quota=-1)(world)

    found = world.findings()[Check.SENDING]

    assert found.fault is None
    assert found.said.startswith("any number of mails")


def test_a_day_needs_a_copy_for_each_account_only_where_copies_are_sent(world: World) -> None:
    accounts = len(list(world.organization.accounts()))
    sending(quota=200, sent=200 - accounts - 1)(world)
    assert accounts > 1
    assert world.findings()[Check.SENDING].fault is None

    world.tell(AdminDigest="Account")

    found = world.findings()[Check.SENDING]
    assert found.fault is FindingCode.QUOTA_SMALL
    assert found.said.endswith(f"a day may need {2 * accounts}")


def test_events_are_followed_from_the_region_of_ses_to_the_queue(world: World) -> None:
    world.tell(MailRegion="eu-west-1")

    assert world.findings()[Check.MAIL_EVENTS].fault is None


def test_ses_is_looked_at_in_the_region_that_sends_the_mails(world: World) -> None:
    world.findings()
    here = set(world.mails_from)
    world.mails_from.clear()

    world.tell(MailRegion="eu-west-1")
    world.findings()

    assert here == {""}
    assert world.mails_from == {"eu-west-1"}


@pytest.mark.parametrize("spelt", ["{0}", "{0},999999999999", " {0} , {0}"])
def test_an_excluded_account_needs_no_stack(world: World, spelt: str) -> None:
    left_out = "555555555555"
    bought = Listed(account=Account(id=left_out, name="bought"))
    world.organization.listed[("r-root",)] = [bought]
    world.members[left_out] = member()
    without = world.findings()[Check.MEMBER_STACKS]

    world.tell(ExcludedAccounts=spelt.format(left_out))

    assert left_out in without.said
    assert left_out not in world.findings()[Check.MEMBER_STACKS].said


def test_secrets_without_a_living_user_are_named(world: World) -> None:
    world.left_over[SHOP] = (LEFT, replace(LEFT, now_called="builder-ci"))

    found = world.findings()[Check.LEFTOVER_SECRETS]

    assert found.fault is FindingCode.SECRETS_WITHOUT_USER
    assert "there is no user builder" in found.said
    assert "its user builder is now called builder-ci" in found.said


def test_secrets_that_may_not_be_listed_are_no_fault_and_it_is_said(world: World) -> None:
    world.left_over[SHOP] = Denied("ListSecrets: AccessDenied")

    found = world.findings()[Check.LEFTOVER_SECRETS]

    assert found.fault is None
    world.left_over[SHOP] = Throttled("later")
    assert world.findings()[Check.LEFTOVER_SECRETS].fault is FindingCode.UNCHECKED
    world.left_over.clear()
    assert world.findings()[Check.LEFTOVER_SECRETS].said == "none in each of 3 accounts"
    assert f"not looked for in {SHOP}, which needs a role in each account with" in found.said
    assert world.findings()[Check.MEMBER_ROLE].fault is None


def test_every_check_is_tried_without_its_permission() -> None:
    # That one is optional, and has a test of its own.
    assert set(DENIED_BY) == set(Check) - {Check.LEFTOVER_SECRETS}


def test_each_check_is_in_the_list_once() -> None:
    assert sorted(each.id for each in CHECKS) == sorted(Check)


def test_a_fault_that_two_checks_find_has_one_remedy() -> None:
    for each in CHECKS:
        assert {fault: REMEDIES[fault] for fault in each.remedies} == each.remedies


def test_a_check_says_in_a_sentence_what_has_to_be_true() -> None:
    assert [type(each) for each in CHECKS if not (type(each).__doc__ or "").strip()] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.stacks.held.pop(NAMES.channels),
        lambda world: world.tell_channels(SlackTokenSecretArn="", WebhookSecretArn=""),
    ],
    ids=["no stack", "all off"],
)
def test_where_no_channel_is_on_nothing_of_the_channels_is_missed(
    world: World, change: Callable[[World], object]
) -> None:
    change(world)
    world.functions.held.pop(CHANNELS)
    world.channel_secrets.held.clear()

    found = world.findings()

    for check in (Check.CHANNELS, Check.CHANNEL_SECRETS):
        assert (found[check].fault, found[check].said) == (None, "no channel beside mail is on")


def test_without_the_stack_its_dead_letters_are_not_asked_for(world: World) -> None:
    del world.stacks.held[NAMES.channels]
    del world.queue_depth.counts[CHANNELS_DEAD]

    assert world.findings()[Check.DEAD_LETTERS].fault is None


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("", ""),
        (f"arn:aws:kms:{REGION}:{SECURITY}:alias/aws/secretsmanager", ""),
        (A_KEY, A_KEY),
        ("4b1c2f5e", A_KEY),
        ("alias/ours", A_KEY),
    ],
)
def test_a_secret_whose_key_the_function_may_use_is_well(
    world: World, key: str, given: str
) -> None:
    encrypted(key, given)(world)

    found = world.findings()[Check.CHANNEL_SECRETS]

    assert found.fault is None
    assert found.said == "each can be read: SlackTokenSecretArn, WebhookSecretArn"


def test_the_channels_stack_makes_what_the_doctor_looks_for() -> None:
    made = {
        kind: {
            str(each["Properties"][name])
            for each in resources(OF_THE_CHANNELS, f"AWS::{kind}").values()
        }
        for kind, name in (
            ("SQS::Queue", "QueueName"),
            ("Events::Rule", "Name"),
            ("Lambda::Function", "FunctionName"),
        )
    }

    assert made == {
        "SQS::Queue": {CHANNELS_QUEUE, CHANNELS_DEAD},
        "Events::Rule": {name for name, _ in CHANNELS_RULES},
        "Lambda::Function": {CHANNELS},
    }
