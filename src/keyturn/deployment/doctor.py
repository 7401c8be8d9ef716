"""
Look a deployment over, and say what to do about each finding.

`CHECKS` is all that is looked at, in the order in which an operator reads of it. A new check is
a class in `checks/`, its word in `model/health.py`, and its line here.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from keyturn.deployment.checks.accounts import (
    ExemptionGroup,
    ExemptionRule,
    MemberRole,
    SecretsKey,
)
from keyturn.deployment.checks.bucket import BucketProtections, EvidenceLocked, NotPaused
from keyturn.deployment.checks.channels import ChannelSecretsRead, ChannelsWork
from keyturn.deployment.checks.cloudtrail import IamTrail, InvocationTrail
from keyturn.deployment.checks.core import CoreStack, ListRole
from keyturn.deployment.checks.exemptions import ExemptionsEnd
from keyturn.deployment.checks.functions import (
    FreeConcurrency,
    FunctionCode,
    FunctionSettings,
    NoDeadLetters,
    RulesEnabled,
)
from keyturn.deployment.checks.health_check import UNCHECKED, HealthCheck
from keyturn.deployment.checks.mails import (
    DigestMade,
    DkimSigns,
    EnoughQuota,
    MailEvents,
    NobodySuppressed,
    OwnersVerified,
    SenderVerified,
)
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.checks.organization import (
    Guard,
    ManagementAccount,
    MemberStacks,
    TrustedAccess,
)
from keyturn.deployment.checks.owners import OwnersFileSound, OwnerValues
from keyturn.deployment.checks.runs import RecentRun, RunsEndInTime, UnchangedSince
from keyturn.deployment.checks.secrets import LeftoverSecrets, Readers, SecretsShared
from keyturn.deployment.checks.stage import StageReached
from keyturn.deployment.model.health import (
    Check,
    Finding,
    FindingCode,
    Remedy,
)

CHECKS: Final[tuple[HealthCheck, ...]] = (
    CoreStack(),  # without it there is nothing else to look at
    BucketProtections(),
    EvidenceLocked(),
    NotPaused(),
    FunctionSettings(),
    FunctionCode(),
    FreeConcurrency(),
    RulesEnabled(),
    NoDeadLetters(),
    RecentRun(),
    RunsEndInTime(),
    UnchangedSince(),
    StageReached(),
    SenderVerified(),
    OwnersVerified(),
    OwnerValues(),
    OwnersFileSound(),
    DkimSigns(),
    MailEvents(),
    DigestMade(),
    ChannelsWork(),
    ChannelSecretsRead(),
    NobodySuppressed(),
    EnoughQuota(),
    ListRole(),
    TrustedAccess(),
    MemberStacks(),
    ManagementAccount(),
    MemberRole(),
    ExemptionGroup(),
    SecretsKey(),
    LeftoverSecrets(),
    IamTrail(),
    InvocationTrail(),
    ExemptionRule(),
    ExemptionsEnd(),
    Guard(),
    SecretsShared(),
    Readers(),
)
NEEDS: Final[Mapping[Check, str]] = {check.id: check.needs for check in CHECKS}
"""The permissions that each check needs."""
REMEDIES: Final[Mapping[FindingCode, Remedy]] = {
    fault: remedy for check in CHECKS for fault, remedy in check.remedies.items()
} | {FindingCode.UNCHECKED: UNCHECKED}
"""What to do about each fault."""


def findings(seen: Observed) -> Iterator[Finding]:
    """What every check finds, one after the other; without a core stack only that."""
    core, *others = CHECKS
    first = core.finding(seen)
    yield first
    if first.fault in {FindingCode.CORE_MISSING, FindingCode.UNCHECKED}:
        return
    for check in others:
        yield check.finding(seen)
