"""
What JSON that comes in is held to: the rules that its forms share, and how a breach is told.

Whoever sends a field of another name, or a value that breaks a rule, is told the field, the value
and the rule, in one line; nothing is done then. The core never meets this file (see __init__.py).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from marshmallow import fields as rules
from marshmallow.exceptions import SCHEMA

from keyturn.domain import names
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.reading import NotReadableError, checked, read_json

ACCOUNT_ID = validate.Regexp(
    rf"{names.ACCOUNT_ID.pattern}\Z", error="must be the 12 digits of an AWS account id"
)


def like(pattern: re.Pattern[str], error: str) -> validate.Regexp:
    """A rule that the whole text is of a pattern."""
    return validate.Regexp(rf"({pattern.pattern})\Z", error=error)


KEY_ID = like(names.KEY_ID, "must be an access key's id")
USER_NAME = like(names.USER_NAME, "must be the name of an IAM user")
UNIT = like(names.UNIT_ID, "must be the id of an organisational unit (ou-…) or root (r-…)")
RUN_ID = like(names.RUN_ID, "must be a run's id")
ADDRESS_OR_NONE = validate.Regexp(
    rf"({names.ONE_ADDRESS.pattern})?\Z", error="must be an e-mail address"
)
"""Of an account: empty, if it has none."""
LONGEST_NAME = 128
"""Characters of an account's name: AWS takes 50."""
MOST_USERS = 10_000
"""In one event: an account has 5,000 at most."""
MOST_UNITS = 100
"""Of one account: AWS nests units five deep."""
QUEUE_HOLDS = timedelta(days=4)
"""How long our queues keep a message; one that is older was put back from the dead letters."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the clock of whoever asks may be ahead of ours."""


class Flag(rules.Field[bool]):
    """True or false, in any case, or a JSON boolean; anything else is an error, never a guess."""

    default_error_messages = {"invalid": "must be true or false"}  # noqa: RUF012 -- marshmallow's way

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if isinstance(value, bool):
            return value
        match str(value).strip().lower():
            case "true":
                return True
            case "false":
                return False
        raise self.make_error("invalid")


class IsoDay(rules.Field[date]):
    """A date as `date.isoformat` writes it, of a year that can be."""

    def _deserialize(self, value: object, *_: object, **__: object) -> date:
        day = read_day(value) if isinstance(value, str) else None
        if day is None:
            raise ValidationError("must be a date that can be")
        return day


def read_body(body: str) -> object:
    """Read what a message of a queue carries. Raises InvalidValue where it is no JSON of ours."""
    try:
        return read_json(body)
    except NotReadableError as error:
        raise InvalidValue("body", body, str(error)) from None


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


UNKNOWN_FIELD = "Unknown field."
"""In marshmallow's words."""


def first_wrong(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """
    Say where the first wrong thing is, step by step from the top, and which rule it breaks.

    Of a thing as a whole marshmallow says only one thing: that it is no object.
    """
    path: list[str] = []
    found: Any = error.messages
    while isinstance(found, dict):
        # A field that we do not know may be a misspelt one that then is missing.
        step, found = min(
            found.items(), key=lambda wrong: (wrong[1] != [UNKNOWN_FIELD], str(wrong[0]))
        )
        if step == SCHEMA:
            return tuple(path), "must be an object"
        path.append(str(step))
    return tuple(path), str(found[0]).rstrip(".")


class LenientSchema(Schema):
    """A part of an event that holds more than we read."""

    class Meta:
        unknown = EXCLUDE  # AWS's events hold more than we read, and may come to hold still more


def _clean(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("must hold no control characters")


def text_of_at_most(most: int, **more: Any) -> rules.String:  # noqa: ANN401 -- marshmallow's own options
    """A field of printable text, of so many characters."""
    return rules.String(validate=[validate.Length(max=most), _clean], **more)


def word_of(words: type[StrEnum]) -> validate.OneOf:
    """A rule that the text is one of these words."""
    return validate.OneOf([*map(str, words)], error="is none of its words")


class Plain(rules.Field[Any]):
    """A value that JSON itself has: marshmallow's fields would take "yes" for true."""

    def __init__(self, kind: type, **more: Any) -> None:  # noqa: ANN401 -- as above
        super().__init__(**more)
        self._kind = kind

    def _deserialize(self, value: object, *_: object, **__: object) -> object:
        if type(value) is not self._kind:
            raise ValidationError(f"must be a JSON {'number' if self._kind is int else 'boolean'}")
        return value


def check_age(field: str, at: datetime, now: datetime, longest: timedelta) -> None:
    """
    Check the time, UTC, that a field of an event gives.

    Raises InvalidValue where it is of the future, Stale where no queue can have held it so long.
    """
    if at > now + CLOCKS_DIFFER:
        raise InvalidValue(field, at.isoformat(), "is in the future")
    if now - at > longest:
        raise Stale(f"{field}={at.isoformat()}: is older than {longest.days} days: it was dropped")
