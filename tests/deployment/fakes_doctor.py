"""What the doctor looks with, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median_high
from typing import Self

from keyturn.deployment.model.facts import (
    Concurrency,
    Durations,
    FunctionFacts,
    LastRun,
    SecretSeen,
    SendingFacts,
    Trail,
)
from keyturn.domain.errors import AccountUnreachable, Denied, NotFound, Refused
from keyturn.domain.exemptions_file import ExemptionsFile
from keyturn.domain.owner import AllowedDomains
from keyturn.domain.owners_file import OwnersFile
from keyturn.schemas.exemptions_file import read_exemptions_file
from keyturn.schemas.owners_file import FileForm, read_owners_file
from tests.fakes import Refusals


@dataclass
class FakeFunctions(Refusals):
    """Meets `deployment.ports.Functions`."""

    held: dict[str, FunctionFacts] = field(default_factory=dict)
    sources: dict[str, set[str]] = field(default_factory=dict)
    """The queues that give each function work."""
    limit: Concurrency = field(default_factory=lambda: Concurrency(limit=1000, unreserved=1000))

    def look(self, name: str) -> FunctionFacts:
        self.may_refuse("look")
        if name not in self.held:
            raise NotFound(name)
        return self.held[name]

    def takes_from(self, name: str) -> set[str]:
        self.may_refuse("takes_from")
        return self.sources.get(name, set())

    def concurrency(self) -> Concurrency:
        self.may_refuse("concurrency")
        return self.limit


@dataclass
class FakeDurations(Refusals):
    """Meets `deployment.ports.FunctionDurations`."""

    ended: dict[str, list[tuple[datetime, timedelta]]] = field(default_factory=dict)
    """Function → when each of its invocations ended, and how long it took."""

    def between(self, name: str, since: datetime, until: datetime) -> Durations | None:
        self.may_refuse("between")
        took = [each for at, each in self.ended.get(name, []) if since <= at < until]
        if not took:
            return None
        return Durations(median=median_high(took), total=sum(took, timedelta()))


@dataclass
class FakeEventRules(Refusals):
    """Meets `deployment.ports.EventRules`."""

    enabled: dict[tuple[str, str | None], bool] = field(default_factory=dict)
    sends_to: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """A rule of the default bus → the ARNs of its targets."""

    def is_enabled(self, name: str, bus: str | None) -> bool:
        self.may_refuse("is_enabled")
        if (name, bus) not in self.enabled:
            raise NotFound(name)
        return self.enabled[name, bus]

    def targets(self, name: str) -> tuple[str, ...]:
        self.may_refuse("targets")
        if name not in self.sends_to:
            raise NotFound(name)
        return self.sends_to[name]


@dataclass
class FakeQueueDepth(Refusals):
    """Meets `deployment.ports.QueueDepth`."""

    counts: dict[str, int] = field(default_factory=dict)

    def waiting(self, queue: str) -> int:
        self.may_refuse("waiting")
        if queue not in self.counts:
            raise NotFound(queue)
        return self.counts[queue]


@dataclass
class FakeChannelSecrets(Refusals):
    """Meets `deployment.ports.ChannelSecrets`."""

    held: dict[str, str] = field(default_factory=dict)
    """ARN → the KMS key; empty: AWS's own."""
    wrong: dict[str, str] = field(default_factory=dict)
    """ARN → what its value lacks."""

    def check(self, parameter: str, arn: str) -> None:
        self.may_refuse("check")
        self.kms_key(arn)
        if arn in self.wrong:
            raise Refused(f"{parameter}: {self.wrong[arn]}")

    def kms_key(self, arn: str) -> str:
        self.may_refuse("kms_key")
        if arn not in self.held:
            raise NotFound(arn)
        return self.held[arn]


@dataclass
class FakeSesIdentities(Refusals):
    """Meets `deployment.ports.SesIdentities`."""

    verified: set[str] = field(default_factory=set)
    sandbox: bool = False
    dkim: str | None = "SUCCESS"
    sets: dict[str, frozenset[str]] = field(default_factory=dict)
    """Configuration set → what it publishes to EventBridge."""
    dead: dict[str, str] = field(default_factory=dict)
    """Address → why SES sends it nothing."""
    facts: SendingFacts = field(
        default_factory=lambda: SendingFacts(enabled=True, quota=50_000, sent=100, rate=14)
    )

    def is_verified(self, address: str) -> bool:
        self.may_refuse("is_verified")
        domain = address.rpartition("@")[2]
        return address in self.verified or any(
            domain == each or domain.endswith(f".{each}") for each in self.verified
        )

    def is_in_sandbox(self) -> bool:
        self.may_refuse("is_in_sandbox")
        return self.sandbox

    def dkim_of(self, address: str) -> str | None:
        self.may_refuse("dkim_of")
        return self.dkim

    def published(self, configuration_set: str) -> frozenset[str]:
        self.may_refuse("published")
        if configuration_set not in self.sets:
            raise NotFound(configuration_set)
        return self.sets[configuration_set]

    def suppressed(self) -> Mapping[str, str]:
        self.may_refuse("suppressed")
        return self.dead

    def sending(self) -> SendingFacts:
        self.may_refuse("sending")
        return self.facts


@dataclass
class FakeCloudTrail(Refusals):
    """Meets `deployment.ports.CloudTrailStatus`."""

    held: list[Trail] = field(default_factory=list)

    def trails(self) -> tuple[Trail, ...]:
        self.may_refuse("trails")
        return tuple(self.held)


@dataclass
class FakeArchive(Refusals):
    """Meets `deployment.ports.Archive`."""

    runs: list[LastRun] = field(default_factory=list)
    zips: dict[str, str] = field(default_factory=dict)

    def last_runs(self) -> tuple[LastRun, ...]:
        self.may_refuse("last_runs")
        return tuple(self.runs)

    def code_of(self, name: str) -> str:
        self.may_refuse("code_of")
        if name not in self.zips:
            raise NotFound(name)
        return self.zips[name]


@dataclass
class FakeExemptionsFile(Refusals):
    """Meets `ports.ExemptionsFileStore`."""

    body: bytes | None = None
    place: str = "exemptions.yaml"

    def read(self) -> ExemptionsFile | None:
        self.may_refuse("read")
        return None if self.body is None else read_exemptions_file(self.body, place=self.place)

    def write(self, text: str, *, instead_of: str | None) -> None:
        raise AssertionError(text, instead_of)


@dataclass
class FakeOwnersFile(Refusals):
    """Meets `ports.OwnersFileStore`."""

    body: bytes | None = None
    allowed: AllowedDomains = field(default_factory=lambda: AllowedDomains(None))

    def allowing(self, allowed: AllowedDomains) -> Self:
        self.allowed = allowed
        return self

    def read(self) -> OwnersFile | None:
        self.may_refuse("read")
        if self.body is None:
            return None
        form, allows = FileForm.YAML, self.allowed.allow
        return read_owners_file(self.body, form, place="owners.yaml", allows=allows)


@dataclass
class FakeMemberAccount(Refusals):
    """Meets `deployment.ports.MemberAccountProbe`; shut: the account cannot be entered."""

    shut: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)
    rules: dict[str, bool] = field(default_factory=dict)
    held: list[SecretSeen] = field(default_factory=list)

    def rule_is_enabled(self, name: str) -> bool:
        self._enter("rule_is_enabled")
        if name not in self.rules:
            raise NotFound(name)
        return self.rules[name]

    def secrets(self) -> list[SecretSeen]:
        self._enter("secrets")
        return self.held

    def trust_of(self, role: str) -> str:
        self._enter("trust_of")
        if role not in self.roles:
            raise NotFound(role)
        return self.roles[role]

    def has_group(self, name: str) -> bool:
        self._enter("has_group")
        return name in self.groups

    def key_state(self, alias: str) -> str:
        self._enter("key_state")
        if alias not in self.keys:
            raise NotFound(alias)
        return self.keys[alias]

    def _enter(self, method: str) -> None:
        if self.shut:
            raise AccountUnreachable("the role could not be assumed (AccessDenied)")
        self.may_refuse(method)


DENIED = Denied("AccessDenied: you may not")
