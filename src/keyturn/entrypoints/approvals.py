"""Read a plan that somebody approved of: the JSON that `keyturn plan --format json` writes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from marshmallow import fields as rules

from keyturn.domain.decision import Action, Reason
from keyturn.domain.errors import InvalidValue
from keyturn.domain.narrowing import Approved
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.entrypoints.plan_format import VERSION
from keyturn.entrypoints.refused import first_wrong
from keyturn.settings import ACCOUNT_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """A plan that somebody approved of."""

    name: str
    sha256: str
    """In hex: what `sha256sum` says of the file."""
    lines: Mapping[str, frozenset[Approved]]
    """What was approved of, by account."""


ACTIONS: Final = validate.OneOf([*Action], error="must be one of {choices}")


class _Loose(Schema):
    class Meta:
        unknown = EXCLUDE  # a plan tells people more than an approval needs


class _Next(_Loose):
    action = rules.String(required=True, validate=ACTIONS)


class _Decision(_Loose):
    user = rules.String(required=True)
    key = rules.String(required=True)
    action = rules.String(required=True, validate=ACTIONS)
    reason = rules.String(required=True)
    next = rules.Nested(_Next, allow_none=True)


class _Account(_Loose):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    decisions = rules.List(rules.Nested(_Decision), required=True)


class _Plan(_Loose):
    version = rules.Integer(
        required=True, validate=validate.Equal(VERSION, error="must be {other}")
    )
    accounts = rules.List(rules.Nested(_Account), required=True)


def read_plan(body: bytes, *, option: str, name: str) -> Approvals:
    """
    Read a plan.

    A line that waits over the cap stands for what it waits to do: whoever approves of it has
    seen it. Raises InvalidValue where it is no plan, in the name of the option and the file.
    """
    try:
        loaded: Mapping[str, Any] = _Plan().load(read_json(body))
    except (NotReadableError, ValidationError) as error:
        raise InvalidValue(option, name, _rule(error)) from None
    return Approvals(
        name=name,
        sha256=sha256(body).hexdigest(),
        lines={
            account["account"]: frozenset(_lines(account["decisions"]))
            for account in loaded["accounts"]
        },
    )


def _lines(decisions: list[Mapping[str, Any]]) -> Iterator[Approved]:
    for made in decisions:
        action = made["action"]
        if made["reason"] == Reason.OVER_CAP and made.get("next"):
            action = made["next"]["action"]
        if action not in {Action.KEEP, Action.WAIT}:
            yield Approved(made["user"], made["key"], Action(action))


def _rule(error: NotReadableError | ValidationError) -> str:
    """What is wrong with it, and where: `accounts.0.decisions.3.key`."""
    if not isinstance(error, ValidationError):
        return str(error)
    path, rule = first_wrong(error)
    where = f"{'.'.join(path)}: " if path else ""
    return f"is no plan: {where}{rule}"
