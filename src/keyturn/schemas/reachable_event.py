"""What says that an address can be reached again: an event of the notifier."""

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import Schema, validate
from marshmallow import fields as rules

from keyturn.domain import names
from keyturn.schemas.rules import Flag, load


class ReachableEvent(Schema):
    """`{"Reachable": "ann@example.com"}`: mails to this address arrive again."""

    address = rules.String(
        data_key="Reachable",
        required=True,
        validate=validate.Regexp(
            rf"({names.MAILABLE.pattern})\Z", error="must be one e-mail address"
        ),
    )
    by = rules.String(validate=validate.Length(min=1, max=200))
    reason = rules.String(validate=validate.Length(min=1, max=1000))
    dry_run = Flag(data_key="dryrun")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachableRequest:
    """What such an event says, read."""

    address: str
    by: str | None
    reason: str | None
    dry_run: bool


def read_reachable_event(event: object) -> ReachableRequest:
    """Read such an event. Raises InvalidValue where it is none."""
    given: Mapping[str, object] = load(ReachableEvent(), event)
    return ReachableRequest(
        address=str(given["address"]),
        by=None if given.get("by") is None else str(given["by"]),
        reason=None if given.get("reason") is None else str(given["reason"]),
        dry_run=bool(given.get("dry_run", False)),
    )
