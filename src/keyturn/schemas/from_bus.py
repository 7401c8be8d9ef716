"""What every report has in common that comes over the bus to the notifier: checked."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, validate
from marshmallow import fields as rules

from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import SOURCE, EventType
from keyturn.schemas.digest_of_day import STORED_OBJECT
from keyturn.schemas.rules import LenientSchema, like, load

OBJECT: Final = like(STORED_OBJECT, "must be the name of an object in the bucket")


class FromBus(LenientSchema):
    """An event of ours; whose it is, `detail_of` checks."""

    account = rules.String(required=True)
    source = rules.String(required=True, validate=validate.Equal(SOURCE, error="must be ours"))


def is_due(event: object, field: str) -> bool:
    """Whether it is a `Digest Due` event with that field, whatever it holds."""
    return (
        isinstance(event, Mapping)
        and event.get("detail-type") == EventType.DIGEST_DUE
        and isinstance(detail := event.get("detail"), Mapping)
        and field in detail
    )


def detail_of(form: Schema, event: object, *, own_account: str, what: str) -> Mapping[str, Any]:
    """The detail of an event. Raises InvalidValue where it is of another form, or account."""
    given = load(form, event)
    if given["account"] != own_account:
        raise InvalidValue("account", given["account"], f"may not ask for a {what}")
    detail: Mapping[str, Any] = given["detail"]
    return detail
