"""What pauses and resumes: an event about the whole organisation."""

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import Schema, validate
from marshmallow import fields as rules

from keyturn.domain.errors import InvalidValue
from keyturn.schemas.rules import Flag, load


class PauseEvent(Schema):
    """`{"Pause": "an incident"}`, or `{"Resume": "it is over"}`: about the whole organisation."""

    pause = rules.String(data_key="Pause", validate=validate.Length(min=1, max=1000))
    resume = rules.String(data_key="Resume", validate=validate.Length(min=1, max=1000))
    by = rules.String(validate=validate.Length(min=1, max=200))
    dry_run = Flag(data_key="dryrun")


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequest:
    """What an event wants of the pause, read."""

    pauses: bool
    why: str
    by: str | None
    dry_run: bool


def is_about_pause(event: object) -> bool:
    """Whether an event is about all of Keyturn, and about no account."""
    return isinstance(event, Mapping) and not {"Pause", "Resume"}.isdisjoint(event)


def read_pause_event(event: object) -> PauseRequest:
    """Read an event that pauses or resumes. Raises InvalidValue where it is none, or both."""
    given = load(PauseEvent(), event)
    if "pause" in given and "resume" in given:
        raise InvalidValue("Resume", given["resume"], "goes without Pause")
    return PauseRequest(
        pauses="pause" in given,
        why=given.get("pause") or given["resume"],
        by=given.get("by"),
        dry_run=given.get("dry_run", False),
    )
