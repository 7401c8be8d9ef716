"""
Write the JSON Schemas of what goes in and comes out: python -m tests.schemas.

They are made from the forms that the code itself goes by, so they cannot say what it does not;
a test checks that those in docs/schemas are current.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from marshmallow import Schema as MarshmallowSchema
from marshmallow import fields as rules
from marshmallow import validate

from keyturn.domain.events import SOURCE, EventType
from keyturn.schemas.admin_digest import AdminDigestFile
from keyturn.schemas.adoption import AdoptionFile
from keyturn.schemas.advice import AdviceListFile
from keyturn.schemas.answer import Answer
from keyturn.schemas.audit_answer import AuditAnswerFile
from keyturn.schemas.audit_link import LinkFile
from keyturn.schemas.audit_verdict import VerdictFile
from keyturn.schemas.daily_report import DailyDigestFile
from keyturn.schemas.deferral import DeferralFile
from keyturn.schemas.event import (
    DigestDetail,
    ExemptionDetail,
    FailureDetail,
    KeyDetail,
    NoticesDetail,
    RunDetail,
    SecretDetail,
)
from keyturn.schemas.exemptions_answer import ExemptionsFileAnswer
from keyturn.schemas.explanation import Explanation
from keyturn.schemas.inventory_record import InventoryFile
from keyturn.schemas.key_trace import TraceFile
from keyturn.schemas.mail_fate import FateFile, MessageFile, ReachedFile, UndeliverableFile
from keyturn.schemas.owners_check import OwnersCheckFile
from keyturn.schemas.owners_shown import OwnersShownFile
from keyturn.schemas.pause_answer import SwitchFile
from keyturn.schemas.pause_event import PauseEvent
from keyturn.schemas.period_report import PeriodReportFile
from keyturn.schemas.plan import PlanFile
from keyturn.schemas.plan_difference import PlanDifferenceFile
from keyturn.schemas.reachable_event import ReachableEvent
from keyturn.schemas.receipt import ReceiptFile
from keyturn.schemas.rehearsal import RehearsalFile
from keyturn.schemas.removal import RemovalFile
from keyturn.schemas.rotation_event import QueueMessage, RotationEvent
from keyturn.schemas.rules import Flag
from keyturn.schemas.simulation import SimulationFile
from keyturn.schemas.snapshot import Snapshot
from keyturn.schemas.webhook_message import WebhookMessage

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
Defs = dict[str, Schema]

_FAILURES = {EventType.ROTATION_FAILED, EventType.ACCOUNT_FAILED}
_OTHERS = {
    EventType.RUN_COMPLETED: RunDetail,
    EventType.NOTICES_DUE: NoticesDetail,
    EventType.DIGEST_DUE: DigestDetail,
    EventType.EXEMPTION_CHANGED: ExemptionDetail,
    EventType.SECRET_SCHEDULED: SecretDetail,
}
DETAILS: Mapping[type, list[EventType]] = {
    KeyDetail: [each for each in EventType if each not in {*_FAILURES, *_OTHERS}],
    FailureDetail: [each for each in EventType if each in _FAILURES],
    **{form: [event] for event, form in _OTHERS.items()},
}
"""The form of each event's detail."""


def of_form(form: type, title: str) -> Schema:
    """The schema of a form of ours."""
    defs: Defs = {}
    ref = _of(form, defs)
    return {"$schema": DRAFT, "title": title, **ref, "$defs": dict(sorted(defs.items()))}


def of_events() -> Schema:
    """The schema of what is on the bus, as its receivers see it."""
    defs: Defs = {}
    kinds = [
        {
            "properties": {
                "detail-type": {"enum": [*map(str, events)]},
                "detail": _of(form, defs),
            },
        }
        for form, events in DETAILS.items()
    ]
    return {
        "$schema": DRAFT,
        "title": "An event on the bus",
        "type": "object",
        "properties": {"source": {"const": SOURCE}, "detail-type": {"type": "string"}},
        "required": ["source", "detail-type", "detail"],
        "oneOf": kinds,
        "$defs": dict(sorted(defs.items())),
    }


def of_taken(taken: MarshmallowSchema, title: str, *, required: tuple[str, ...] = ()) -> Schema:
    """The schema of what a function takes."""
    fields = {field.data_key or name: field for name, field in taken.fields.items()}
    needed = {name for name, field in fields.items() if field.required} | set(required)
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": {name: _of_field(field) for name, field in fields.items()},
        "required": sorted(needed),
        "additionalProperties": False,
    }


SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "answer": partial(of_form, Answer, "What a direct invocation answers"),
    "admin-digest": partial(of_form, AdminDigestFile, "A day of the organisation"),
    "adoption": partial(of_form, AdoptionFile, "What `adopt` answers"),
    "audit-answer": partial(of_form, AuditAnswerFile, "What `audit` answers"),
    "audit-link": partial(of_form, LinkFile, "A link of the audit chain"),
    "audit-verdict": partial(of_form, VerdictFile, "What `audit verify` answers"),
    "daily-digest": partial(of_form, DailyDigestFile, "The administrators' digest of a day"),
    "event": of_events,
    "explanation": partial(of_form, Explanation, "What `explain` answers"),
    "inventory": partial(of_form, InventoryFile, "What an inventory queued"),
    "mail-fate": partial(of_form, FateFile, "What became of the message of a receipt"),
    "message": partial(of_form, MessageFile, "A message, and its receipts"),
    "deferral": partial(of_form, DeferralFile, "More time for a key, as it is stored"),
    "rehearsal": partial(of_form, RehearsalFile, "What a rehearsal found"),
    "removal": partial(of_form, RemovalFile, "That a user was removed from the exemption group"),
    "exemptions": partial(of_form, ExemptionsFileAnswer, "What `exemptions list` answers"),
    "owners-check": partial(of_form, OwnersCheckFile, "What `owners check` answers"),
    "period-report": partial(of_form, PeriodReportFile, "A week or a month of the organisation"),
    "owners-shown": partial(of_form, OwnersShownFile, "What `owners show` answers"),
    "plan": partial(of_form, PlanFile, "A plan, or what became of it"),
    "plan-difference": partial(of_form, PlanDifferenceFile, "What `plan --against` answers"),
    "queue-message": partial(
        of_taken, QueueMessage(), "A message of the rotation queue", required=("account", "run")
    ),
    "reached": partial(of_form, ReachedFile, "An address that was reached"),
    "reachable-event": partial(of_taken, ReachableEvent(), "What says that an address is good"),
    "receipt": partial(of_form, ReceiptFile, "The proof that somebody was told"),
    "rotation-event": partial(of_taken, RotationEvent(), "What the rotation function takes"),
    "simulation": partial(of_form, SimulationFile, "What `simulate` answers"),
    "snapshot": partial(of_form, Snapshot, "An account on a day"),
    "trace": partial(of_form, TraceFile, "What `trace` answers"),
    "advice": partial(of_form, AdviceListFile, "What `advise` answers"),
    "undeliverable": partial(of_form, UndeliverableFile, "An address that cannot be reached"),
    "switch": partial(of_form, SwitchFile, "What `pause` and `resume` answer"),
    "switch-event": partial(of_taken, PauseEvent(), "What pauses and resumes"),
    "webhook-message": partial(of_form, WebhookMessage, "What the signed webhook sends"),
}


def text_of(name: str) -> str:
    """The file of a schema."""
    return json.dumps(SCHEMAS[name](), indent=2) + "\n"


def closed(schema: Schema) -> Schema:
    """The schema without leave for anything that it does not name: for tests."""
    defs = {
        name: {**each, "additionalProperties": False} if "properties" in each else each
        for name, each in schema.get("$defs", {}).items()
    }
    return {**schema, "$defs": defs}


def _of(hint: Any, defs: Defs) -> Schema:  # noqa: ANN401, PLR0911 -- a type hint can be anything; a return for each kind
    match get_origin(hint) or hint:
        case origin if origin is Annotated:
            inner, (word, value) = get_args(hint)
            return {**_of(inner, defs), word: value}
        case origin if origin is NotRequired:
            return _of(get_args(hint)[0], defs)
        case origin if origin is Literal:
            [*values] = get_args(hint)
            return {"const": values[0]} if len(values) == 1 else {"enum": values}
        case origin if origin in {Union, UnionType}:
            return {"anyOf": [_of(each, defs) for each in get_args(hint)]}
        case origin if origin is list:
            [item] = get_args(hint)
            return {"type": "array", "items": _of(item, defs)}
        case origin if origin is dict:
            key, value = get_args(hint)
            names = {} if key is str else {"propertyNames": _of(key, defs)}
            return {"type": "object", **names, "additionalProperties": _of(value, defs)}
        case kind if kind in _PLAIN:
            return {"type": _PLAIN[kind]}
        case kind if is_typeddict(kind) or issubclass(kind, StrEnum):
            if kind.__name__ not in defs:
                defs[kind.__name__] = {}  # for a form that holds itself
                defs[kind.__name__] = _object(kind, defs) if is_typeddict(kind) else _words(kind)
            return {"$ref": f"#/$defs/{kind.__name__}"}
    raise TypeError(hint)


_PLAIN: Mapping[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}


def _object(form: type, defs: Defs) -> Schema:
    hints = get_type_hints(form, include_extras=True)
    return {
        "description": form.__doc__,
        "type": "object",
        "properties": {name: _of(hint, defs) for name, hint in hints.items()},
        "required": [name for name in hints if name in vars(form)["__required_keys__"]],
    }


def _words(words: type[StrEnum]) -> Schema:
    return {"description": words.__doc__, "enum": [*map(str, words)]}


def _of_field(field: rules.Field[Any]) -> Schema:
    schema: Schema
    match field:
        case Flag():
            either = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"
            schema = {"type": ["boolean", "string"], "pattern": f"^({either})$"}
        case rules.AwareDateTime():
            schema = {"type": "string", "format": "date-time"}
        case rules.List():
            schema = {"type": "array", "items": _of_field(field.inner)}
        case rules.String():
            schema = {"type": "string"}
        case _:
            raise TypeError(field)
    if field.allow_none:
        schema["type"] = [schema["type"], "null"]
    for rule in field.validators:
        match rule:
            case validate.Regexp():
                schema["pattern"] = "^" + str(rule.regex.pattern).replace(r"\Z", "$")
            case validate.Length():
                what = "Items" if schema["type"] == "array" else "Length"
                limits = {f"min{what}": rule.min, f"max{what}": rule.max}
                schema |= {name: limit for name, limit in limits.items() if limit is not None}
            case _:
                raise TypeError(rule)
    return schema


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SCHEMAS:
        (FOLDER / f"{each}.json").write_text(text_of(each), encoding="utf-8")
