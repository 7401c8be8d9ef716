"""
What the rotation function takes, from an operator or from the queue.

What waits in the queue is written by `queue_message`, apart from this file: a use case writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, validate
from marshmallow import fields as rules

from keyturn.domain import names
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.days import can_be
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.key import Account
from keyturn.domain.plain_text import shown
from keyturn.domain.reading import shortened
from keyturn.domain.result import Request
from keyturn.domain.secret_names import owner_of_secret
from keyturn.domain.stage import SeenBelow
from keyturn.schemas.queue_message import MOST_ASKED
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    ADDRESS_OR_NONE,
    CLOCKS_DIFFER,
    KEY_ID,
    LONGEST_NAME,
    MOST_UNITS,
    MOST_USERS,
    QUEUE_HOLDS,
    RUN_ID,
    UNIT,
    USER_NAME,
    Flag,
    load,
)


class _Run(Schema):
    """A run over one account."""

    # A misspelt field must not be overlooked: "dryRun" would otherwise write.
    account = rules.String(required=True, validate=ACCOUNT_ID)
    dry_run = Flag(data_key="dryrun")
    # Whoever computed an empty list did not mean everybody.
    users = rules.List(
        rules.String(validate=USER_NAME),
        validate=[
            validate.Length(min=1, error="must name a user; leave it out for all"),
            validate.Length(max=MOST_USERS, error="must name {max} users at most"),
        ],
    )
    run = rules.String(validate=RUN_ID)
    # Below which units the account is: nobody else knows it where a run is ordered by hand.
    units = rules.List(
        rules.String(validate=UNIT),
        validate=validate.Length(max=MOST_UNITS, error="must name {max} units at most"),
    )
    units_asked = rules.List(
        rules.String(validate=UNIT),
        data_key="unitsAsked",
        validate=validate.Length(max=MOST_ASKED, error="must name {max} units at most"),
    )


class RotationEvent(_Run):
    """`{"account": "222222222222", "email": "owner@example.com", "name": "prod-workload"}`."""

    email = rules.String(allow_none=True, validate=ADDRESS_OR_NONE)
    name = rules.String(allow_none=True, validate=validate.Length(max=LONGEST_NAME))
    requested = rules.AwareDateTime(format="iso")
    force_rotate = rules.String(data_key="ForceRotate", validate=USER_NAME)
    approve_plan = rules.String(
        data_key="ApprovePlan",
        validate=validate.Regexp(
            r"(?!.*\.\.)[\w.=-][\w.=/-]{0,511}\Z", error="must be the name of a plan below plans/"
        ),
    )
    plan_sha256 = rules.String(
        data_key="PlanSha256",
        validate=validate.Regexp(
            r"[0-9A-Fa-f]{64}\Z", error="must be a SHA-256, in 64 hex digits"
        ),
    )
    restore = rules.String(data_key="Restore", validate=KEY_ID)
    revoke = rules.String(data_key="Revoke", validate=KEY_ID)
    even_exempt = Flag(data_key="EvenExempt")
    even_paused = Flag(data_key="EvenPaused")
    adopt = rules.String(data_key="Adopt", validate=validate.Length(max=512))
    by = rules.String(validate=validate.Length(min=1, max=200))
    reason = rules.String(validate=validate.Length(min=1, max=1000))


class QueueMessage(_Run):
    """
    A run, as it waits in the queue: no order comes this way.

    Whoever may put something there is no operator, and a message outlives what it was meant for.
    An account's address and name are as AWS has them: what is odd about them stops no run.
    """

    email = rules.String(allow_none=True)
    name = rules.String(allow_none=True)
    requested = rules.AwareDateTime(format="iso", required=True)
    # Below which units of EnforcedAccounts it is: here alone, for the inventory writes it.
    stage = rules.List(
        rules.String(validate=UNIT),
        validate=validate.Length(max=MOST_UNITS, error="must name {max} units at most"),
    )
    stage_asked = rules.List(
        rules.String(validate=UNIT),
        data_key="stageAsked",
        validate=validate.Length(max=MOST_ASKED, error="must name {max} units at most"),
    )
    # What stood for unitsAsked before: such messages may wait while Keyturn is upgraded.
    units_of_file = rules.String(data_key="unitsOfFile")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRequest:
    """A rotation event, read."""

    account: Account
    request: Request
    dry_run: bool
    """It asks for a dry run; it cannot ask for the opposite."""
    run: str | None
    """The run that it belongs to, if it came through the queue."""
    requested: datetime
    """When it was asked for, UTC."""
    ordered: OperatorCommand | None = None
    """What an operator orders about one key; then nobody else is looked at."""
    approve_plan: str | None = None
    """The name of the plan whose lines are to be done, and nothing else."""
    plan_sha256: str | None = None
    """The hash of what was approved of: an object in a bucket can be replaced."""
    adopt: str | None = None
    """The name of a secret to adopt; then no user is looked at."""
    by: str | None = None
    """Who ordered it, by the event's own word."""
    reason: str | None = None
    seen: SeenBelow | None = None
    """What the inventory knows of its account and the stage; None: no inventory sent it."""

    @property
    def command(self) -> str | None:
        """What an operator orders by it; None: it is a run like every day's."""
        if self.adopt is not None:
            return "adopt"
        if self.ordered is not None:
            return str(self.ordered.action).lower()
        if self.approve_plan is not None:
            return "approve"
        return "rotate" if self.request.forced is not None else None


def read_rotation(event: object, *, now: datetime) -> RotationRequest:
    """
    Read a rotation event; `now`, UTC, stands for the time of the request where it tells none.

    Raises InvalidValue, which names the field, where it is none or contradicts itself.
    """
    given = load(RotationEvent(), event)
    asked = _asked_at(given.get("requested", now), now)
    ordered = _ordered(given, asked)
    forced, users = given.get("force_rotate"), frozenset(given.get("users", ()))
    if forced is not None and users and forced not in users:
        raise InvalidValue("users", sorted(users), f"lacks {forced} of ForceRotate")
    even_paused = given.get("even_paused", False)
    if forced is not None and even_paused:
        users = frozenset({forced})  # what is done during a pause is done for nobody else
    sha256 = given.get("plan_sha256", "").lower() or None
    return RotationRequest(
        account=Account(
            id=given["account"],
            name=shown(given.get("name") or ""),
            email=given.get("email") or "",
            **_units_of(given),
        ),
        request=Request(
            users=users,
            forced=forced,
            forced_at=asked if forced else None,
            even_paused=even_paused,
        ),
        ordered=ordered,
        dry_run=given.get("dry_run", False),
        run=given.get("run"),
        requested=asked,
        approve_plan=given.get("approve_plan"),
        plan_sha256=sha256,
        adopt=_secret_of(given),
        by=given.get("by"),
        reason=given.get("reason"),
    )


def read_queued(event: object, *, now: datetime) -> RotationRequest:
    """
    Read a message of the rotation queue.

    Raises InvalidValue where it is none, Stale where it is older than the queue can hold it.
    """
    given = load(QueueMessage(), event)
    asked = _asked_at(given["requested"], now)
    if now - asked > QUEUE_HOLDS:
        raise Stale(
            f"requested={asked.isoformat()}: the run of {given['account']} is more than "
            f"{QUEUE_HOLDS.days} days old and was dropped; newer ones look after the account"
        )
    email, warnings = given.get("email") or "", tuple[str, ...]()
    if email and not names.ONE_ADDRESS.fullmatch(email):
        odd = shortened(shown(email))
        who = "who has no owner tag has no known owner"
        email, warnings = "", (f"the account's address {odd} is no e-mail address: {who}",)
    name = shown(given.get("name") or "")[:LONGEST_NAME]
    return RotationRequest(
        account=Account(id=given["account"], name=name, email=email, **_units_of(given)),
        request=Request(users=frozenset(given.get("users", ())), warnings=warnings),
        dry_run=given.get("dry_run", False),
        run=given.get("run"),
        requested=asked,
        seen=_seen_below(given),
    )


def _seen_below(given: Mapping[str, Any]) -> SeenBelow | None:
    """What an inventory says of its account and the stage; without both halves it says nothing."""
    if "stage" not in given or "stage_asked" not in given:
        return None
    listed = frozenset(given["stage_asked"])
    return SeenBelow(frozenset(given["stage"]) & listed, listed)


def _units_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    What an event says of its account's units: an account's field → value.

    Of the version of a file nobody can tell any more for which units it made anybody ask.
    """
    units, asked = given.get("units"), given.get("units_asked")
    if asked is None and "units_of_file" in given:
        asked = ()
    return {
        "units": None if units is None else tuple(units),
        "units_asked": None if asked is None else frozenset(asked),
    }


def _asked_at(requested: datetime, now: datetime) -> datetime:
    if not can_be(requested):
        raise InvalidValue("requested", requested.isoformat(), "must be in the years 2000 to 2200")
    asked = requested.astimezone(UTC).replace(microsecond=0)
    if asked > now + CLOCKS_DIFFER:
        raise InvalidValue("requested", requested.isoformat(), "is in the future")
    return asked


def _secret_of(given: Mapping[str, Any]) -> str | None:
    """The secret to adopt; its name says of which account it is."""
    name: str | None = given.get("adopt")
    if name is not None and owner_of_secret(name)[0] != given["account"]:
        raise InvalidValue("Adopt", name, f"is not of the account {given['account']}")
    return name


def _ordered(given: Mapping[str, Any], asked: datetime) -> OperatorCommand | None:
    """What an operator orders about one key; an event orders one thing."""
    orders = ("force_rotate", "approve_plan", "restore", "revoke", "adopt")
    ordered = [name for name in orders if name in given]
    if len(ordered) > 1:
        first, second = (str(RotationEvent().fields[name].data_key) for name in ordered[:2])
        raise InvalidValue(second, given[ordered[1]], f"goes without {first}")
    if ("approve_plan" in given) != ("plan_sha256" in given):
        present, other = ("ApprovePlan", "PlanSha256")
        if "plan_sha256" in given:
            present, other = other, present
        raise InvalidValue(other, "", f"is needed beside {present}")
    even_exempt = given.get("even_exempt", False)
    if even_exempt and "revoke" not in given:
        raise InvalidValue("EvenExempt", even_exempt, "needs Revoke")
    if given.get("even_paused", False) and not ordered:
        raise InvalidValue("EvenPaused", True, "needs an order")  # noqa: FBT003 -- the value that was given
    for action, name in ((Action.RESTORE, "restore"), (Action.REVOKE, "revoke")):
        if name in given:
            return OperatorCommand(
                action=action,
                key_id=given[name],
                given=asked,
                even_exempt=even_exempt,
                even_paused=given.get("even_paused", False),
            )
    return None
