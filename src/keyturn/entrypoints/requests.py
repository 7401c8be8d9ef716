"""The events that the functions take; whatever is not of their form is refused, field and all."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, validate
from marshmallow import fields as rules

from keyturn.domain import names
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.days import can_be
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.key import Account
from keyturn.domain.plain_text import shown
from keyturn.domain.reading import (
    NotReadableError,
    checked,
    read_json,
    shortened,
)
from keyturn.domain.result import Request
from keyturn.domain.secret_names import owner_of_secret
from keyturn.entrypoints.refused import first_wrong
from keyturn.settings import ACCOUNT_ID, Flag


def like(pattern: re.Pattern[str], error: str) -> validate.Regexp:
    """A rule that the whole text is of a pattern."""
    return validate.Regexp(rf"({pattern.pattern})\Z", error=error)


KEY_ID = like(names.KEY_ID, "must be an access key's id")
USER_NAME = like(names.USER_NAME, "must be the name of an IAM user")
RUN_ID = like(names.RUN_ID, "must be a run's id")
ADDRESS_OR_NONE = validate.Regexp(
    rf"({names.ONE_ADDRESS.pattern})?\Z", error="must be an e-mail address"
)
"""Of an account: empty, if it has none."""
LONGEST_NAME = 128
"""Characters of an account's name: AWS takes 50."""
MOST_USERS = 10_000
"""In one event: an account has 5,000 at most."""
QUEUE_HOLDS = timedelta(days=4)
"""How long our queues keep a message; one that is older was put back from the dead letters."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the clock of whoever asks may be ahead of ours."""


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


class SwitchEvent(Schema):
    """`{"Pause": "an incident"}`, or `{"Resume": "it is over"}`: about the whole organisation."""

    pause = rules.String(data_key="Pause", validate=validate.Length(min=1, max=1000))
    resume = rules.String(data_key="Resume", validate=validate.Length(min=1, max=1000))
    by = rules.String(validate=validate.Length(min=1, max=200))
    dry_run = Flag(data_key="dryrun")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRequest:
    """A word about the switch, read."""

    pauses: bool
    why: str
    by: str | None
    dry_run: bool


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
        account=Account(id=given["account"], name=name, email=email),
        request=Request(users=frozenset(given.get("users", ())), warnings=warnings),
        dry_run=given.get("dry_run", False),
        run=given.get("run"),
        requested=asked,
    )


def _asked_at(requested: datetime, now: datetime) -> datetime:
    if not can_be(requested):
        raise InvalidValue("requested", requested.isoformat(), "must lie in 2000 to 2200")
    asked = requested.astimezone(UTC).replace(microsecond=0)
    if asked > now + CLOCKS_DIFFER:
        raise InvalidValue("requested", requested.isoformat(), "lies in the future")
    return asked


def _secret_of(given: Mapping[str, Any]) -> str | None:
    """The secret to adopt; its name says of which account it is."""
    name: str | None = given.get("adopt")
    if name is not None and owner_of_secret(name)[0] != given["account"]:
        raise InvalidValue("Adopt", name, f"is not of the account {given['account']}")
    return name


def is_about_switch(event: object) -> bool:
    """Whether an event is about all of Keyturn, and about no account."""
    return isinstance(event, Mapping) and not {"Pause", "Resume"}.isdisjoint(event)


def read_switch(event: object) -> SwitchRequest:
    """Read an event that pauses or resumes. Raises InvalidValue where it is none, or both."""
    given = load(SwitchEvent(), event)
    if "pause" in given and "resume" in given:
        raise InvalidValue("Resume", given["resume"], "goes without Pause")
    return SwitchRequest(
        pauses="pause" in given,
        why=given.get("pause") or given["resume"],
        by=given.get("by"),
        dry_run=given.get("dry_run", False),
    )


def read_body(body: str) -> object:
    """Read what a message of a queue carries. Raises InvalidValue where it is no JSON of ours."""
    try:
        return read_json(body)
    except NotReadableError as error:
        raise InvalidValue("body", body, str(error)) from None


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


def load(schema: Schema, event: object) -> Mapping[str, Any]:
    """Read an event of the schema's form. Raises InvalidValue with the field that is wrong."""
    try:
        checked(event)
    except NotReadableError as error:
        raise InvalidValue("event", "…", str(error)) from None
    if not isinstance(event, Mapping):
        raise InvalidValue("event", repr(event), "must be a JSON object")
    try:
        loaded: Mapping[str, Any] = schema.load(event)
    except ValidationError as error:
        path, rule = first_wrong(error)
        raise InvalidValue(".".join(path), _at(event, path), rule) from None
    return loaded


def _at(event: Mapping[str, Any], path: Iterable[str]) -> object:
    """What an event holds there; nothing, if it ends before."""
    found: Any = event
    for step in path:
        match found:
            case Mapping():
                found = found.get(step, "")
            case list() if step.isdecimal():
                found = found[int(step)]
            case _:
                return ""
    return found
