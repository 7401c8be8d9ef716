"""What comes in of a report's lists: checked and read."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, validate, validates_schema
from marshmallow import fields as rules

from keyturn.domain.decision import Action
from keyturn.domain.worst_lines import LONGEST, WORST, DigestLine, DigestList
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    KEY_ID,
    IsoDay,
    LenientSchema,
    Plain,
    text_of_at_most,
    word_of,
)
from keyturn.schemas.worst_lines import LONGEST_NAME_SHOWN

MOST_COUNTED: Final = 10**9


def counted() -> Plain:
    """A number of things."""
    return Plain(int, required=True, validate=validate.Range(min=0, max=MOST_COUNTED))


class _Line(LenientSchema):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    name = text_of_at_most(LONGEST_NAME_SHOWN, required=True)
    user = text_of_at_most(LONGEST_NAME_SHOWN, required=True, allow_none=True)
    key = rules.String(required=True, allow_none=True, validate=KEY_ID)
    what = text_of_at_most(LONGEST, required=True)
    day = IsoDay(required=True, allow_none=True)
    action = rules.String(required=True, allow_none=True, validate=word_of(Action))


class _List(LenientSchema):
    total = counted()
    worst = rules.List(rules.Nested(_Line), required=True, validate=validate.Length(max=WORST))

    @validates_schema
    def _counts_what_it_shows(self, data: Mapping[str, Any], **_: object) -> None:
        if data["total"] < len(data["worst"]):
            raise ValidationError("is less than the lines that are shown", "total")


def lines() -> rules.Nested:
    """A list of lines."""
    return rules.Nested(_List, required=True)


def lines_if_any() -> rules.Nested:
    """One that a reporter of the version before does not write: then nothing is in it."""
    return rules.Nested(_List, load_default=lambda: {"total": 0, "worst": []})


def read_list(found: Mapping[str, Any]) -> DigestList:
    """Read a list that was checked."""
    return DigestList(
        total=found["total"],
        worst=tuple(
            DigestLine(
                account=line["account"],
                name=line["name"],
                user=line["user"],
                key_id=line["key"],
                what=line["what"],
                day=line["day"],
                action=Action(line["action"]) if line["action"] else None,
            )
            for line in found["worst"]
        ),
    )
