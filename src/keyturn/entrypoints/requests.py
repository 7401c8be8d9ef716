"""The events that the functions take; whatever is not of their form is refused, field and all."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, validate
from marshmallow import fields as rules

from keyturn.domain.days import can_be
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account
from keyturn.domain.orders import Order
from keyturn.domain.record import owner_of_secret
from keyturn.entrypoints.refused import first_wrong
from keyturn.settings import ACCOUNT_ID, ADDRESS, Flag
from keyturn.use_cases.keep_account import Request

KEY_ID = validate.Regexp(r"A[A-Z]{3}[A-Z0-9]{12,124}\Z", error="must be an access key's id")
CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the clock of whoever asks may be ahead of ours."""


class RotationEvent(Schema):
    """`{"account": "222222222222", "email": "owner@example.com", "name": "prod-workload"}`."""

    # A misspelt field must not be overlooked: "dryRun" would otherwise write.
    account = rules.String(required=True, validate=ACCOUNT_ID)
    email = rules.String(validate=ADDRESS)
    name = rules.String()
    force_rotate = rules.String(data_key="ForceRotate", validate=validate.Length(min=1))
    approve_plan = rules.String(
        data_key="ApprovePlan",
        validate=validate.Regexp(
            r"(?!.*\.\.)[\w.=-][\w.=/-]{0,511}\Z", error="must be the name of a plan below plans/"
        ),
    )
    restore = rules.String(data_key="Restore", validate=KEY_ID)
    revoke = rules.String(data_key="Revoke", validate=KEY_ID)
    even_exempt = Flag(data_key="EvenExempt")
    even_paused = Flag(data_key="EvenPaused")
    adopt = rules.String(data_key="Adopt")
    by = rules.String(validate=validate.Length(min=1, max=200))
    reason = rules.String(validate=validate.Length(min=1, max=1000))
    dry_run = Flag(data_key="dryrun")
    requested = rules.AwareDateTime(format="iso")
    # Whoever computed an empty list did not mean everybody.
    users = rules.List(
        rules.String(),
        validate=validate.Length(min=1, error="must name a user; leave it out for all"),
    )
    run = rules.String(validate=validate.Length(min=1, max=64))


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
    approve_plan: str | None = None
    """The name of the plan whose lines are to be done, and nothing else."""
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
        if self.request.order is not None:
            return str(self.request.order.action).lower()
        if self.approve_plan is not None:
            return "approve"
        return "rotate" if self.request.forced is not None else None


def read_rotation(event: object, *, now: datetime) -> RotationRequest:
    """Read a rotation event; now stands for the time of the request where it tells none."""
    given = load(RotationEvent(), event)
    if not can_be(requested := given.get("requested", now)):
        raise InvalidValue("requested", requested.isoformat(), "must lie in 2000 to 2200")
    asked = requested.astimezone(UTC).replace(microsecond=0)
    if asked > now + CLOCKS_DIFFER:
        raise InvalidValue("requested", given["requested"].isoformat(), "lies in the future")
    order = _order(given, asked)
    forced, users = given.get("force_rotate"), frozenset(given.get("users", ()))
    if forced is not None and users and forced not in users:
        raise InvalidValue("users", sorted(users), f"lacks {forced} of ForceRotate")
    even_paused = given.get("even_paused", False)
    if forced is not None and even_paused:
        users = frozenset({forced})  # what is done during a pause is done for nobody else
    return RotationRequest(
        account=Account(
            id=given["account"], name=given.get("name", ""), email=given.get("email", "")
        ),
        request=Request(
            users=users,
            forced=forced,
            forced_at=asked if forced else None,
            order=order,
            even_paused=even_paused,
        ),
        dry_run=given.get("dry_run", False),
        run=given.get("run"),
        approve_plan=given.get("approve_plan"),
        adopt=_secret_of(given),
        by=given.get("by"),
        reason=given.get("reason"),
    )


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
    """Read a word about the switch."""
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
    """Read what a message of a queue carries."""
    try:
        return json.loads(body)
    except ValueError:
        raise InvalidValue("body", body[:100], "is not JSON") from None


def _order(given: Mapping[str, Any], asked: datetime) -> Order | None:
    """What an operator orders about one key; an event orders one thing."""
    orders = ("force_rotate", "approve_plan", "restore", "revoke", "adopt")
    ordered = [name for name in orders if name in given]
    if len(ordered) > 1:
        first, second = (str(RotationEvent().fields[name].data_key) for name in ordered[:2])
        raise InvalidValue(second, given[ordered[1]], f"goes without {first}")
    even_exempt = given.get("even_exempt", False)
    if even_exempt and "revoke" not in given:
        raise InvalidValue("EvenExempt", even_exempt, "needs Revoke")
    if given.get("even_paused", False) and not ordered:
        raise InvalidValue("EvenPaused", True, "needs an order")  # noqa: FBT003 -- the value that was given
    for action, name in ((Action.RESTORE, "restore"), (Action.REVOKE, "revoke")):
        if name in given:
            key_id = given[name]
            return Order(action=action, key_id=key_id, given=asked, even_exempt=even_exempt)
    return None


def load(schema: Schema, event: object) -> Mapping[str, Any]:
    """Read an event of the schema's form; InvalidValue names the field that is not."""
    if not isinstance(event, Mapping):
        raise InvalidValue("event", repr(event)[:100], "must be a JSON object")
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
            case list():
                found = found[int(step)]
            case _:
                return ""
    return found
