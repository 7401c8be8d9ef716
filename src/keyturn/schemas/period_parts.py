"""
What a report that takes several turns leaves for the next one: its plan, and parts of it.

Keyturn's own: nobody else is to build on it. What cannot be read back whole counts as lost.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from typing import Any, Final, TypedDict

from keyturn.domain.account_period import AccountPeriod, ListName, PeriodLine, Standing
from keyturn.domain.account_seen import SecretsSeen
from keyturn.domain.days import read_day
from keyturn.domain.decision import Action
from keyturn.domain.period import PeriodKind, read_period
from keyturn.domain.period_plan import PeriodPlan, PlannedAccount
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.domain.way_out import Kind
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.period_report import line_file, read_line

VERSION: Final = 1


class PlanFile(TypedDict):
    """
    What the report is to be made of.

    accounts: id → name, and a bit for each day with a snapshot, and with a place in an inventory.
    exemptions: the file, in base64; null: there was none that could be read.
    """

    version: int
    kind: PeriodKind
    first: Day
    made: Moment
    accounts: dict[str, tuple[str, int, int]]
    without_inventory: list[Day]
    exemptions: str | None


class PartFile(TypedDict):
    """Some of its accounts, folded."""

    version: int
    accounts: list[dict[str, Any]]


def write_plan(plan: PeriodPlan) -> bytes:
    """The object of a plan."""
    found: PlanFile = {
        "version": VERSION,
        "kind": plan.period.kind,
        "first": plan.period.first.isoformat(),
        "made": format_utc(plan.made),
        "accounts": {
            account: (each.name, each.stored, each.queued)
            for account, each in plan.accounts.items()
        },
        "without_inventory": [day.isoformat() for day in plan.without_inventory],
        "exemptions": None if plan.exemptions is None else b64encode(plan.exemptions).decode(),
    }
    return _json(found)


def read_plan(body: bytes) -> PeriodPlan | None:
    """Read a plan; None: it is of no form that we know."""
    try:
        found: Any = read_json(body)
        period = read_period(PeriodKind(found["kind"]), found["first"])
        made = moment(found["made"])
        if found["version"] != VERSION or period is None or made is None:
            return None
        text = found["exemptions"]
        return PeriodPlan(
            period=period,
            made=made,
            accounts={
                account: PlannedAccount(name=str(name), stored=int(stored), queued=int(queued))
                for account, (name, stored, queued) in found["accounts"].items()
            },
            without_inventory=tuple(map(_day, found["without_inventory"])),
            exemptions=None if text is None else b64decode(text, validate=True),
        )
    except (NotReadableError, LookupError, TypeError, ValueError, AttributeError):
        return None


def write_part(accounts: Sequence[AccountPeriod]) -> bytes:
    """The object of a part."""
    found: PartFile = {"version": VERSION, "accounts": list(map(_account, accounts))}
    return _json(found)


def read_part(body: bytes, expected: Sequence[str]) -> Sequence[AccountPeriod] | None:
    """Read a part; None: it is of no form that we know, or not of exactly these accounts."""
    try:
        found: Any = read_json(body)
        if found["version"] != VERSION:
            return None
        accounts = [_read_account(each) for each in found["accounts"]]
    except (NotReadableError, LookupError, TypeError, ValueError, AttributeError):
        return None
    return accounts if [each.account for each in accounts] == list(expected) else None


def _account(found: AccountPeriod) -> dict[str, Any]:
    """Every field of it: one that is a number or a text stands as it is."""
    return {
        each.name: _FORMS[each.name][0](value) if each.name in _FORMS else value
        for each in fields(found)
        if (value := getattr(found, each.name)) is not None
    }


def _read_account(found: Mapping[str, Any]) -> AccountPeriod:
    return AccountPeriod(
        **{
            name: _FORMS[name][1](value) if name in _FORMS else value
            for name, value in found.items()
        }
    )


def _line(line: PeriodLine) -> dict[str, Any]:
    """A line with its rank, which no report shows: whoever folds it goes by it."""
    return {**line_file(line), "rank": line.rank}


def _read_line(found: Mapping[str, Any]) -> PeriodLine:
    first, second = found.get("rank", (0, 0))
    return replace(read_line(found), rank=(float(first), int(second)))


def _day(text: str) -> date:
    day = read_day(text)
    if day is None:
        raise ValueError(text)
    return day


_Form = tuple[Callable[[Any], Any], Callable[[Any], Any]]
_FORMS: Final[Mapping[str, _Form]] = {
    "last": (date.isoformat, _day),
    "standings": (dict, lambda found: {Standing(name): n for name, n in found.items()}),
    "done": (dict, lambda found: {Action(name): number for name, number in found.items()}),
    "first_uses": (list, tuple),
    "ways_out": (dict, lambda found: {Kind(name): number for name, number in found.items()}),
    "users_rotated": (sorted, frozenset),
    "secrets": (asdict, lambda found: SecretsSeen(**found)),
    "users_by_day": (
        lambda found: {day.isoformat(): number for day, number in found.items()},
        lambda found: {_day(day): number for day, number in found.items()},
    ),
    "lines": (
        lambda found: {name: list(map(_line, lines)) for name, lines in found.items()},
        lambda found: {ListName(name): tuple(map(_read_line, of)) for name, of in found.items()},
    ),
}
"""Field of an account → how it is written, and read; a test reads back all that is written."""


def _json(found: object) -> bytes:
    return (json.dumps(found, separators=(",", ":")) + "\n").encode()
