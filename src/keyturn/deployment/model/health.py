"""The words for what is looked at, what can be wrong, how bad that is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


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
    RUN_TIME = "run-time"
    CHANGES = "changes"
    STAGE = "stage"
    DEAD_LETTERS = "dead-letters"
    CONCURRENCY = "concurrency"
    SENDER = "sender"
    OWNERS = "owners"
    OWNER_VALUES = "owner-values"
    OWNERS_FILE = "owners-file"
    DKIM = "dkim"
    MAIL_EVENTS = "mail-events"
    REPORTS = "reports"
    CHANNELS = "channels"
    CHANNEL_SECRETS = "channel-secrets"
    SUPPRESSED = "suppressed"
    SENDING = "sending"
    TRAIL = "trail"
    INVOCATIONS = "invocations"
    EXEMPTION_RULE = "exemption-rule"
    EXEMPTIONS = "exemptions"
    GUARD = "guard"
    SECRETS = "secrets"
    READERS = "readers"
    BUCKET = "bucket"
    OBJECT_LOCK = "object-lock"
    PAUSE = "pause"


class Grade(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARNING = "WARNING"
    PROBLEM = "PROBLEM"


class FindingCode(StrEnum):
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
    RUN_TOO_LONG = "run-too-long"
    CHANGED_SINCE = "changed-since"
    STAGE_EMPTY = "stage-empty"
    STAGE_UNKNOWN = "stage-unknown"
    DEAD_LETTERS = "dead-letters"
    CONCURRENCY_SMALL = "concurrency-small"
    RESERVATION_SMALL = "reservation-small"
    SENDER_UNVERIFIED = "sender-unverified"
    SES_SANDBOX = "ses-sandbox"
    OWNERS_UNVERIFIED = "owners-unverified"
    DKIM_OFF = "dkim-off"
    NO_CONFIGURATION_SET = "no-configuration-set"
    CONFIGURATION_SET_MISSING = "configuration-set-missing"
    MAIL_EVENTS_LACKING = "mail-events-lacking"
    DELIVERY_UNREPORTED = "delivery-unreported"
    REPORTER_MISSING = "reporter-missing"
    REPORTER_NOT_NEEDED = "reporter-not-needed"
    REPORTER_OFF = "reporter-off"
    PROVING_CHANNEL_OFF = "proving-channel-off"
    CHANNELS_MISSING = "channels-missing"
    CHANNELS_OFF = "channels-off"
    CHANNELS_CODE_DIFFERS = "channels-code-differs"
    CHANNEL_SECRET_WRONG = "channel-secret-wrong"  # noqa: S105 -- a word for a fault
    CHANNEL_SECRET_LOCKED = "channel-secret-locked"  # noqa: S105 -- likewise
    MAIL_RULE_OFF = "mail-rule-off"
    OWNER_VALUES_ODD = "owner-values-odd"
    OWNERS_FILE_ODD = "owners-file-odd"
    EXEMPTIONS_NOT_ENDED = "exemptions-not-ended"
    EXEMPTIONS_FILE_ODD = "exemptions-file-odd"
    EXEMPTIONS_LAPSED = "exemptions-lapsed"
    ADMIN_SUPPRESSED = "admin-suppressed"
    OWNERS_SUPPRESSED = "owners-suppressed"
    SENDING_PAUSED = "sending-paused"
    QUOTA_SMALL = "quota-small"
    NO_TRAIL = "no-trail"
    TRAIL_OF_ONE_ACCOUNT = "trail-of-one-account"
    INVOCATIONS_UNLOGGED = "invocations-unlogged"
    EXEMPTION_RULE_OFF = "exemption-rule-off"
    SECRETS_UNGUARDED = "secrets-unguarded"
    SECRETS_SHARED = "secrets-shared"
    NO_READERS = "no-readers"
    BUCKET_MISSING = "bucket-missing"
    BUCKET_UNPROTECTED = "bucket-unprotected"
    LOCK_KEEPS_NOTHING = "lock-keeps-nothing"
    PAUSED = "paused"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Remedy:
    """How bad a fault is, and what to do about it."""

    grade: Grade
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found."""

    check: Check
    said: str
    fault: FindingCode | None = None
    """None: all is well."""
    grade: Grade = Grade.OK
    """How bad it is."""
    fix: str = ""
    """What to do about it; empty if all is well."""
