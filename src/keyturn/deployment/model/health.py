"""What can be wrong with a deployment, how bad that is, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class Check(StrEnum):
    """What is looked at."""

    CORE = "core"
    LIST_ROLE = "list-role"
    TRUSTED_ACCESS = "trusted-access"
    MEMBER_STACKS = "member-stacks"
    MANAGEMENT_ACCOUNT = "management-account"
    MEMBER_ROLE = "member-role"
    EXEMPTION_GROUP = "exemption-group"
    SECRETS_KEY = "secrets-key"
    LEFTOVER_SECRETS = "leftover-secrets"
    FUNCTIONS = "functions"
    CODE = "code"
    RULES = "rules"
    LAST_RUN = "last-run"
    CHANGES = "changes"
    DEAD_LETTERS = "dead-letters"
    CONCURRENCY = "concurrency"
    SENDER = "sender"
    OWNERS = "owners"
    TRAIL = "trail"
    INVOCATIONS = "invocations"
    EXEMPTION_RULE = "exemption-rule"
    GUARD = "guard"
    SECRETS = "secrets"
    READERS = "readers"
    BUCKET = "bucket"
    PAUSE = "pause"


class Grade(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARNING = "WARNING"
    PROBLEM = "PROBLEM"


class Fault(StrEnum):
    """Stable words for what is wrong; scripts may match on them."""

    CORE_MISSING = "core-missing"
    CORE_BROKEN = "core-broken"
    NO_TRUSTED_ACCESS = "no-trusted-access"
    STACK_SET_MISSING = "stack-set-missing"
    ACCOUNTS_WITHOUT_STACK = "accounts-without-stack"
    STACKS_NOT_CURRENT = "stacks-not-current"
    MANAGEMENT_WITHOUT_STACK = "management-without-stack"
    LIST_ROLE_MISSING = "list-role-missing"
    ROLE_MISSING = "role-missing"
    ROLE_DISTRUSTS = "role-distrusts"
    GROUP_MISSING = "group-missing"
    KEY_MISSING = "key-missing"
    KEY_UNUSABLE = "key-unusable"
    FUNCTION_MISSING = "function-missing"
    SECRETS_WITHOUT_USER = "secrets-without-user"
    FUNCTION_DIFFERS = "function-differs"
    FUNCTION_OFF = "function-off"
    ZIP_MISSING = "zip-missing"
    CODE_DIFFERS = "code-differs"
    RULE_MISSING = "rule-missing"
    RULE_DISABLED = "rule-disabled"
    NEVER_RAN = "never-ran"
    RUN_OLD = "run-old"
    ACCOUNTS_NOT_REACHED = "accounts-not-reached"
    CHANGED_SINCE = "changed-since"
    DEAD_LETTERS = "dead-letters"
    CONCURRENCY_SMALL = "concurrency-small"
    RESERVATION_SMALL = "reservation-small"
    SENDER_UNVERIFIED = "sender-unverified"
    SES_SANDBOX = "ses-sandbox"
    OWNERS_UNVERIFIED = "owners-unverified"
    NO_TRAIL = "no-trail"
    TRAIL_OF_ONE_ACCOUNT = "trail-of-one-account"
    INVOCATIONS_UNLOGGED = "invocations-unlogged"
    EXEMPTION_RULE_OFF = "exemption-rule-off"
    SECRETS_UNGUARDED = "secrets-unguarded"
    SECRETS_SHARED = "secrets-shared"
    NO_READERS = "no-readers"
    BUCKET_MISSING = "bucket-missing"
    BUCKET_UNPROTECTED = "bucket-unprotected"
    PAUSED = "paused"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Remedy:
    """How bad a fault is, and what to do about it."""

    grade: Grade
    fix: str


_AGAIN = "run `keyturn deploy` again"
REMEDIES: Final[Mapping[Fault, Remedy]] = {
    Fault.CORE_MISSING: Remedy(
        Grade.PROBLEM,
        "run `keyturn deploy`; or give the right --profile, --region and --core-stack",
    ),
    Fault.CORE_BROKEN: Remedy(
        Grade.PROBLEM,
        "read the stack's events in CloudFormation, mend what they name, and "
        "run `keyturn deploy` again",
    ),
    Fault.NO_TRUSTED_ACCESS: Remedy(
        Grade.PROBLEM,
        "in the management account: `aws cloudformation activate-organizations-access`",
    ),
    Fault.STACK_SET_MISSING: Remedy(
        Grade.PROBLEM, "run `keyturn deploy` with --ou; or give the right --member-stack"
    ),
    Fault.ACCOUNTS_WITHOUT_STACK: Remedy(
        Grade.PROBLEM,
        "run `keyturn deploy` with the --ou that they are in, or keep them out by InventoryOU",
    ),
    Fault.STACKS_NOT_CURRENT: Remedy(
        Grade.PROBLEM,
        f"mend what is named, and {_AGAIN}. Where something exists already, or the account was "
        'suspended: "An account that comes back" in docs/templates.md',
    ),
    Fault.MANAGEMENT_WITHOUT_STACK: Remedy(
        Grade.PROBLEM, f"{_AGAIN}: stack sets leave that account out, so it has a stack of its own"
    ),
    Fault.LIST_ROLE_MISSING: Remedy(
        Grade.PROBLEM, f"{_AGAIN}: without that role no account is found"
    ),
    Fault.ROLE_MISSING: Remedy(Grade.PROBLEM, f"{_AGAIN}; member-stacks says which stacks lack"),
    Fault.ROLE_DISTRUSTS: Remedy(
        Grade.PROBLEM,
        "give core and member stacks the same ExecutionRoleName: "
        "run `keyturn deploy` with --parameter",
    ),
    Fault.GROUP_MISSING: Remedy(
        Grade.PROBLEM,
        "enforcement skips these accounts: make the group, or set AllowMissingExemptionGroup=True",
    ),
    Fault.SECRETS_WITHOUT_USER: Remedy(
        Grade.WARNING,
        "`keyturn plan --secrets` says of each what became of its user: delete what nobody reads",
    ),
    Fault.KEY_MISSING: Remedy(
        Grade.PROBLEM, f"nothing is rotated there: {_AGAIN}, or make the alias in HomeRegion"
    ),
    Fault.KEY_UNUSABLE: Remedy(
        Grade.PROBLEM,
        "enable it (`aws kms enable-key`), or cancel its deletion: without it delivered secrets "
        "cannot be read",
    ),
    Fault.FUNCTION_MISSING: Remedy(
        Grade.PROBLEM, "somebody deleted it: delete the core stack and deploy anew; keys stay"
    ),
    Fault.FUNCTION_DIFFERS: Remedy(
        Grade.PROBLEM,
        "somebody changed it by hand: change the stack instead. An update of the stack that "
        "changes the function sets all of it back",
    ),
    Fault.FUNCTION_OFF: Remedy(
        Grade.PROBLEM,
        "`aws lambda delete-function-concurrency`, or `aws lambda update-event-source-mapping "
        "--enabled`; to stop Keyturn's writes there is `keyturn pause`",
    ),
    Fault.ZIP_MISSING: Remedy(
        Grade.PROBLEM, f"the function runs on, but could not be made again: {_AGAIN}"
    ),
    Fault.CODE_DIFFERS: Remedy(
        Grade.PROBLEM,
        "the function runs other code than the stack says: find out who changed it; "
        "then `aws lambda update-function-code` with that zip",
    ),
    Fault.RULE_MISSING: Remedy(
        Grade.PROBLEM, "somebody deleted it: delete the core stack and deploy anew; keys stay"
    ),
    Fault.RULE_DISABLED: Remedy(
        Grade.PROBLEM,
        "`aws events enable-rule`; to stop Keyturn's writes there is `keyturn pause`",
    ),
    Fault.NEVER_RAN: Remedy(
        Grade.WARNING,
        "wait for the daily rule, or `aws lambda invoke --function-name ASA-Account-Inventory`",
    ),
    Fault.RUN_OLD: Remedy(
        Grade.PROBLEM, "look at the rule, the inventory function's log and the dead letters"
    ),
    Fault.ACCOUNTS_NOT_REACHED: Remedy(
        Grade.PROBLEM, "member-stacks and member-role say why; else the rotation function's log"
    ),
    Fault.CHANGED_SINCE: Remedy(
        Grade.WARNING,
        "nothing, if that is meant: the next run goes by it, and promises other dates anew",
    ),
    Fault.DEAD_LETTERS: Remedy(
        Grade.PROBLEM,
        "read them and the function's log; afterwards redrive them "
        "(`aws sqs start-message-move-task`) or purge the queue. SQS redrives nothing out of "
        "asa-iam-key-undelivered: invoke the function again by hand",
    ),
    Fault.CONCURRENCY_SMALL: Remedy(
        Grade.PROBLEM,
        "have Lambda's quota of concurrent executions raised, or lower MaximumConcurrency",
    ),
    Fault.RESERVATION_SMALL: Remedy(
        Grade.PROBLEM, "set RotationReservedConcurrency to MaximumConcurrency or more, or to 0"
    ),
    Fault.SENDER_UNVERIFIED: Remedy(
        Grade.PROBLEM,
        "nobody can be told: `aws sesv2 create-email-identity`, and follow the mail that comes",
    ),
    Fault.SES_SANDBOX: Remedy(
        Grade.WARNING,
        "ask for SES production access: an owner who is not verified would not be told",
    ),
    Fault.OWNERS_UNVERIFIED: Remedy(
        Grade.PROBLEM,
        "ask for SES production access, or verify these addresses: nothing of theirs ends "
        "until they can be told",
    ),
    Fault.NO_TRAIL: Remedy(
        Grade.PROBLEM,
        "make an organisation trail of management events: without one nobody reports "
        "who becomes exempt",
    ),
    Fault.TRAIL_OF_ONE_ACCOUNT: Remedy(
        Grade.WARNING,
        "make it an organisation trail, or see to it that each account has one of its own",
    ),
    Fault.INVOCATIONS_UNLOGGED: Remedy(
        Grade.WARNING,
        "log data events of AWS::Lambda::Function with a trail (`aws cloudtrail "
        "put-event-selectors`): without them `by` in an audit entry is only what the caller says",
    ),
    Fault.EXEMPTION_RULE_OFF: Remedy(
        Grade.PROBLEM,
        "somebody there disabled or deleted it: find out who, and "
        "`aws events enable-rule`, or run `keyturn deploy` again",
    ),
    Fault.SECRETS_UNGUARDED: Remedy(
        Grade.WARNING,
        "attach this service control policy to the root or the unit; it does not bind the "
        "management account",
    ),
    Fault.SECRETS_SHARED: Remedy(
        Grade.WARNING,
        "see that this was meant: whoever is let in reads the new keys, and Keyturn writes to no "
        "secret that is replicated or that AWS rotates",
    ),
    Fault.NO_READERS: Remedy(
        Grade.WARNING,
        'name readers before you enforce: "Who reads a new key" in docs/permissions.md',
    ),
    Fault.BUCKET_MISSING: Remedy(Grade.PROBLEM, f"{_AGAIN}; receipts that were in it are lost"),
    Fault.BUCKET_UNPROTECTED: Remedy(
        Grade.PROBLEM, f"{_AGAIN}: it gives the bucket what it lacks"
    ),
    Fault.PAUSED: Remedy(Grade.WARNING, "nothing is written until `keyturn resume`"),
    Fault.UNCHECKED: Remedy(Grade.WARNING, "give what it names, and look again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found."""

    check: Check
    said: str
    fault: Fault | None = None
    """None: all is well."""
    fix: str = ""

    @property
    def grade(self) -> Grade:
        """How bad it is."""
        return Grade.OK if self.fault is None else REMEDIES[self.fault].grade


def well(check: Check, said: str) -> Finding:
    """Say that all is well."""
    return Finding(check=check, said=said)


def faulty(check: Check, fault: Fault, said: str) -> Finding:
    """Say what is wrong; the fix goes with it."""
    return Finding(check=check, said=said, fault=fault, fix=REMEDIES[fault].fix)


# What is looked at, as AWS tells of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """A Lambda function as it is."""

    runtime: str
    handler: str
    timeout: int
    memory: int
    architecture: str
    variables: Mapping[str, str] = field(default_factory=dict)
    code: str
    """Lambda's own hash of the zip: sha256, in Base64."""
    reserved: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many functions may run at the same time in the account."""

    limit: int
    unreserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A CloudTrail trail, as far as IAM's events go into it."""

    name: str
    of_organization: bool
    is_logging: bool
    has_global_events: bool
    has_writes: bool
    """Whether it logs management events that write."""
    reaches_iam: bool
    """Whether it covers the region of IAM's events."""
    logs_invocations: bool = False
    """Whether it logs who invokes the rotation function."""

    @property
    def carries_iam(self) -> bool:
        """Whether IAM's events go into it now."""
        return all((self.is_logging, self.has_global_events, self.has_writes, self.reaches_iam))


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPolicy:
    """A service control policy, and how many roots, units and accounts it is attached to."""

    name: str
    content: str
    targets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSeen:
    """A secret of a user's key, as far as it tells who gets at it."""

    name: str
    holds_key: bool
    was_fetched: bool = False
    replicas: tuple[str, ...] = ()
    """The regions that it is copied to."""
    rotates: bool = False
    """Whether AWS's own rotation is enabled."""
    service: str = ""
    """Another service that owns it."""
    has_policy: bool = False
    """Whether it has a resource policy of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What an account's newest snapshot tells of its run."""

    account: str
    at: datetime
    dry_run: bool
    policy: Mapping[str, int]
    reached: bool
