"""What the doctor looks at, as AWS and the snapshots tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """A Lambda function as it is."""

    runtime: str
    handler: str
    timeout: int
    """Seconds."""
    memory: int
    """MB."""
    architecture: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Name → value, of its environment."""
    code: str
    """Lambda's own hash of the zip: sha256, in Base64."""
    reserved: int | None = None
    """How many of it may run at once, and are kept for it; None: nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many functions may run at the same time in the account and region."""

    limit: int
    unreserved: int
    """Those of them that are kept for no single function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long a function's invocations took."""

    median: timedelta
    total: timedelta
    """All of them together."""


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
class SecretSeen:
    """A secret of a user's key, as far as it tells who gets at it."""

    name: str
    holds_key: bool
    """Whether a version of it is AWSCURRENT; its value is never read."""
    was_fetched: bool = False
    """Whether anybody has ever read its value (LastAccessedDate)."""
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
    """When it began, UTC."""
    dry_run: bool
    policy: Mapping[str, int]
    """RotationPeriod, InactivePeriod and RecoveryGracePeriod → days."""
    reached: bool
    """Whether the account could be entered and its users listed."""
    odd_owners: tuple[str, ...] = ()
    """Of users who were notified of something: a sentence a value that cannot be used."""
    lapsed: tuple[str, ...] = ()
    """The names of the members of the exemption group without a valid entry in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingFacts:
    """What SES lets the account send in its region."""

    enabled: bool
    """Whether it sends at all: AWS pauses an account whose mails bounce too often."""
    quota: float
    """Mails in 24 hours; below 0 is no limit."""
    sent: float
    """Mails in the last 24 hours."""
    rate: float
    """Mails in a second."""

    @property
    def left(self) -> float | None:
        """How many more may be sent in these 24 hours; None: there is no limit."""
        return None if self.quota < 0 else self.quota - self.sent
