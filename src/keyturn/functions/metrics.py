"""
Every metric: its name, unit, function and meaning; and how a function's values reach CloudWatch.

They go by CloudWatch's embedded metric format: one line on standard output for each account
that a function looked after. Nothing is kept between two lines, so a warm function mixes none.
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from keyturn.domain.breaker import Rotations
from keyturn.domain.decision import Action, Change, Decision, Overlay, Reason, State
from keyturn.domain.errors import NobodyReached, Paused
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountResult

if TYPE_CHECKING:
    from keyturn.use_cases.coverage import NotReached
    from keyturn.use_cases.inventory import Inventory

NAMESPACE: Final = "Keyturn"


class Service(StrEnum):
    """The functions, as their log lines and the metrics' one dimension, `service`, name them."""

    INVENTORY = "account-inventory"
    ROTATION = "key-rotation"
    NOTIFIER = "key-notifier"
    CHANNELS = "key-channels"
    REPORTER = "key-reporter"


class CloudWatchUnit(StrEnum):
    """What is counted; CloudWatch has no unit for days."""

    COUNT = MetricUnit.Count.value
    DAYS = MetricUnit.NoUnit.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    service: Service
    unit: CloudWatchUnit
    meaning: str


def _of(service: Service, unit: CloudWatchUnit, **meanings: str) -> Iterator[Metric]:
    for name, meaning in meanings.items():
        yield Metric(name=name, service=service, unit=unit, meaning=meaning)


METRICS: Final[Mapping[str, Metric]] = {
    each.name: each
    for each in (
        *_of(
            Service.INVENTORY,
            CloudWatchUnit.COUNT,
            AccountsListed="accounts found in the organisation or its unit",
            AccountsSkipped="of AccountsListed, those that get no run: suspended or excluded",
            InventoryCompleted="1: every other account is in the queue",
            AccountsNotReached="of AccountsListed, those without a run since the day before began",
        ),
        *_of(
            Service.ROTATION,
            CloudWatchUnit.COUNT,
            KeysActive="Active keys without a successor",
            KeysRotated="Active keys that have a successor",
            KeysDisabled="Inactive keys",
            Users="users, with or without keys",
            ExemptUsers="users in the exemption group",
            KeysBlocked="keys for which something is due and cannot be done yet",
            KeysOverCap="blocked keys that wait because the cap of the day is reached",
            QuarantinedKeys="orphans: keys that a broken rotation left, whose secret nobody has",
            KeysReachNobody="keys whose owner is the administrators, whom no mail reaches",
            KeysOverdue="Active keys older than InactivePeriod + 14 days; not of exempt users",
            KeysRestored="disabled keys that somebody has enabled again; the run that puts it on "
            "record counts it, and no later one",
            SuccessorsTaken="Active keys whose successor somebody made Inactive or deleted",
            KeysLeaked="keys that work, of users whom AWS put under its quarantine policy",
            KeysContested="keys whose end somebody has prevented twice or more",
            ActionsWarned="warnings",
            ActionsNoticed="notices, besides those of the actions below",
            ActionsRotated="keys that got a successor",
            RotationsFailed=(
                "rotations that were begun and failed; where an account forbids new keys, none "
                "was begun"
            ),
            RotationsFailedAccounts="1: a rotation of the account failed (RotationsFailed)",
            ActionsDisabled="keys made Inactive because their time had come",
            ActionsDeleted="keys deleted because their time had come",
            Failures="what could not be read, done or sent",
            RunCompleted="1: the run came to its end for every user, and its events were sent",
            AccountsReached="1: the account's users could be listed",
            AccountsFailed="1: the run over the account failed, or its events could not be sent",
            ExemptionsFound="users who are exempt and were not in the snapshot before",
            RunsDropped="1: a run was older than the queue can hold it, and was dropped",
            Paused="1: an operator paused Keyturn, so nothing more was written",
        ),
        *_of(
            Service.ROTATION,
            CloudWatchUnit.DAYS,
            OldestKeyAge="age of the oldest Active key; missing if there is none",
            AverageKeyAge="average age of the account's Active keys; missing if there is none",
        ),
        *_of(
            Service.NOTIFIER,
            CloudWatchUnit.COUNT,
            NotTold="1: a message was not sent, or not all of it; it is tried again",
            NoticesHandedBack="1: no time was left to begin a message; it comes again",
            EventsDropped="1: an event was malformed or too old, and was dropped: no mail",
            ExemptionsAdded="1: a user may be newly exempt",
            TemplateBroken="1: an operators' template failed, and the mail has Keyturn's words",
            DigestsSent=(
                "1: the administrators were sent the digest of a day, or of one run of a command "
                "line"
            ),
            MailsBounced="1: a mail came back for good, or was called spam: it is no proof",
            MailsDelivered="1: a mail was delivered",
            MailsMissed="1: a mail did not arrive, for a full mailbox or so; the next one may",
            MailsNotSent="1: no mail was sent: the address is on SES's suppression list, or SES "
            "refuses it",
            AdminUnreachable="1: a mail to the administrators came back, or could not be sent",
            MailEventsIgnored="1: an event about a mail changed nothing: it is another's mail, or "
            "no spam",
        ),
        *_of(
            Service.CHANNELS,
            CloudWatchUnit.COUNT,
            ChannelEventsDropped="1: an event was malformed or too old, and was dropped",
            WebhookSent="messages that the webhook's receiver took",
            WebhookNotSent="messages that it did not take; each is tried again",
            WebhookOff="messages dropped, for the receiver answered 410 Gone",
            SlackSent="messages that Slack took",
            SlackNotSent="messages that it did not take; each is tried again",
            TeamsSent="messages that the workflow of Teams took",
            TeamsNotSent="messages that it did not take; each is tried again",
            JiraSent="notices that Jira took, as an issue or a comment",
            JiraNotSent="notices that it did not take; each is tried again",
            JiraUnknown="notices of a key whose issue is gone or closed to comments: they are "
            "in the mail",
            ChannelIncomplete="1: a message was taken, but something beside it was not done",
            SlackUnknown="recipients of a digest whom Slack does not know, or does not let us "
            "reach: they have the mail",
        ),
        *_of(
            Service.REPORTER,
            CloudWatchUnit.COUNT,
            DigestsPublished="1: the administrators' digest of a day is on the bus, to be mailed",
        ),
    )
}
"""All of them, by name; alarms and the dashboard use no other."""

_STATES: Final = {
    State.ACTIVE: "KeysActive",
    State.ROTATED: "KeysRotated",
    State.DISABLED: "KeysDisabled",
}
_ALIVE: Final = frozenset({State.ACTIVE, State.ROTATED})
_ACTIONS: Final = {
    Action.WARN: "ActionsWarned",
    Action.NOTICE: "ActionsNoticed",
    Action.ROTATE: "ActionsRotated",
    Action.DISABLE: "ActionsDisabled",
    Action.DELETE: "ActionsDeleted",
}


OVERDUE_AFTER: Final = 14
"""
Days past InactivePeriod: two weeks in which a key may wait for a receipt, a grace, a free slot.
"""


def of_result(result: AccountResult, policy: RotationPolicy) -> dict[str, float]:
    """
    What a run over an account measured: metric → value (docs/events.md); ages are in days.

    Users whom it left to another run are that run's to count.
    """
    left = set(result.left)
    all_decided = [decided for decided in result.plan.users if decided.user.name not in left]
    decisions = [decision for decided in all_decided for decision in decided.decisions]
    states = Counter(decision.state for decision in decisions)
    steps = [each.decision for outcome in result.outcomes for each in outcome.done]
    done = Counter(each.action for each in steps)
    failed = result.lost is not None
    rotations = Rotations.of(result)
    return {
        **{name: states[state] for state, name in _STATES.items()},
        **{name: done[action] for action, name in _ACTIONS.items()},
        "RotationsFailed": rotations.failed,
        "RotationsFailedAccounts": rotations.accounts,
        **_ages(decisions),
        "Users": len(all_decided),
        "ExemptUsers": sum(decided.user.exempt for decided in all_decided),
        "KeysBlocked": sum(decision.is_blocked for decision in decisions),
        "KeysOverdue": sum(
            decision.state in _ALIVE and decision.age > policy.inactive_period + OVERDUE_AFTER
            for decided in all_decided
            if not decided.user.exempt
            for decision in decided.decisions
        ),
        "KeysRestored": sum(
            change.change is Change.RESTORED
            for outcome in result.outcomes
            if any(each.decision.reason is Reason.RESTORED for each in outcome.done)
            for change in outcome.decided.record_changes
        ),
        "SuccessorsTaken": sum(
            decision.reason is Reason.SUCCESSOR_TAKEN_AWAY for decision in decisions
        ),
        "KeysLeaked": sum(Overlay.LEAKED in decision.overlays for decision in decisions),
        "KeysContested": sum(Overlay.CONTESTED in decision.overlays for decision in decisions),
        "KeysOverCap": sum(decision.reason is Reason.OVER_CAP for decision in decisions),
        "QuarantinedKeys": len(result.quarantined),
        "KeysReachNobody": sum(
            len(each.error.keys)
            for each in result.not_notified
            if isinstance(each.error, NobodyReached)
        ),
        "Failures": len(result.failures),
        "RunCompleted": not failed and not result.left,
        "AccountsReached": result.plan.is_reached,
        "AccountsFailed": failed,
        "ExemptionsFound": len(result.newly_exempt),
        "RunsDropped": 0,
        "Paused": any(isinstance(each.error, Paused) for each in result.failures),
    }


def of_failed_message() -> dict[str, float]:
    """What is measured of a message that made no run: metric → value."""
    return {"AccountsFailed": 1, "Failures": 1, "RunCompleted": 0, "AccountsReached": 0}


def of_dropped_message() -> dict[str, float]:
    """Metric → value, of a message that came too late: newer ones look after its account."""
    return {"RunsDropped": 1}


def of_inventory(inventory: "Inventory", *, queued: bool) -> dict[str, float]:
    """What the inventory measured: metric → value."""
    return {
        "AccountsListed": len(inventory.accounts) + len(inventory.skipped),
        "AccountsSkipped": len(inventory.skipped),
        "InventoryCompleted": queued,
    }


def of_coverage(found: "NotReached") -> dict[str, float]:
    """What the inventory measured of the runs before it: metric → value."""
    return {"AccountsNotReached": len(found.accounts)}


def _ages(decisions: list[Decision]) -> dict[str, float]:
    """Ages in days, of the Active keys; no value where there are none: 0 would be a young key."""
    ages = [decision.age for decision in decisions if decision.state in _ALIVE]
    if not ages:
        return {}
    return {"OldestKeyAge": max(ages), "AverageKeyAge": sum(ages) / len(ages)}


lines = logging.getLogger("keyturn.metrics")
"""Writes the lines: CloudWatch reads the format only where nothing stands around it."""
lines.propagate = False
lines.setLevel(logging.INFO)
lines.addHandler(logging.StreamHandler(sys.stdout))


def emit(service: Service, values: Mapping[str, float], **about: str) -> None:
    """
    Write one line in CloudWatch's embedded metric format.

    values: metric → value, of METRICS alone. about: for whoever searches the log; it makes no
    dimension, for each value of a dimension is a metric of its own that is paid for.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    for name, value in values.items():
        metrics.add_metric(name, METRICS[name].unit, float(value))
    for name, text in about.items():
        metrics.add_metadata(name, text)
    lines.info(json.dumps(metrics.serialize_metric_set(), separators=(",", ":")))
