"""A weekly or monthly report, for programs: as JSON, and its lines as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, Literal, NotRequired, TypedDict

from keyturn.domain.account_period import AccountPeriod, ListName, PeriodLine
from keyturn.domain.days import read_day
from keyturn.domain.figures import DEFINITIONS, SUMS, FigureName, Unit
from keyturn.domain.period import PeriodKind, read_period
from keyturn.domain.period_report import (
    AccountRow,
    PeriodList,
    PeriodReport,
    Point,
    row_of,
)
from keyturn.domain.plain_text import shown
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.domain.users_target import UsersCount
from keyturn.schemas.account import AccountId, Count, Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.plan_csv import harmless

VERSION: Final = 1


class FigureFile(TypedDict):
    """A figure, with all that it needs to be read by itself; null: there is nothing to count."""

    value: float | None
    unit: Unit
    title: str
    definition: str
    controls: list[str]
    parts: list[FigureName]


class PeriodLineFile(TypedDict):
    """
    A line of a list.

    since_known is false where it was so at the first look already. ticket, reason, owner, expiry:
    of an exemption.
    """

    account: AccountId
    name: str
    user: str | None
    key: str | None
    age: Count | None
    since: Day | None
    since_known: bool
    what: str
    ticket: str
    reason: str
    owner: str
    expiry: Day | None
    dry_run: bool


class PeriodListFile(TypedDict):
    """How many there are, and the worst of them, the worst first; the CSV has all."""

    total: Count
    worst: list[PeriodLineFile]


class ReportLists(TypedDict):
    """The lists of a report: a test holds them to `ListName`."""

    overdue: PeriodListFile
    blocked: PeriodListFile
    exempt: PeriodListFile
    exemption_over: PeriodListFile
    deferred: PeriodListFile
    restored: PeriodListFile
    without_owner: PeriodListFile
    not_reached: PeriodListFile
    way_out: PeriodListFile


class AccountRowFile(TypedDict):
    """An account; last is null where it was never seen: then its numbers are of nothing."""

    account: AccountId
    name: str
    last: Day | None
    days_missing: Count
    dry_run: bool
    users: Count
    active: Count
    within: Count
    over_90: Count
    oldest: Count
    age_average: float | None
    rotated: Count
    disabled: Count
    deleted: Count


class PointFile(TypedDict):
    """How many IAM users there were on a day, in how many accounts that were seen on it."""

    date: Day
    users: Count
    accounts: Count


class MonthFile(TypedDict):
    """The IAM users at the end of a month; null: not known. whole: every account was seen."""

    month: str
    users: Count | None
    whole: bool


class PeriodReportFile(TypedDict):
    """
    A week or a month of the whole organisation.

    whole: everything was seen. remarks: what is odd about the report itself. accounts_more: how
    many accounts are in the CSV alone. course: how the users stand to their target. months: those
    before, as their kept reports have them. fleet: the page
    of all keys of its last day. sha256: of each object that is of the report,
    in hex; it has none where it was not stored.
    """

    version: Literal[1]
    kind: PeriodKind
    period: str
    first: Day
    last: Day
    made: Moment
    over: bool
    whole: bool
    remarks: list[str]
    figures: dict[FigureName, FigureFile]
    lists: ReportLists
    accounts: list[AccountRowFile]
    accounts_more: Count
    trend: list[PointFile]
    course: NotRequired[str]
    months: NotRequired[list[MonthFile]]
    csv: str
    page: str
    fleet: str
    ocsf: str
    sha256: dict[str, str]


COLUMNS: Final = ("list", *PeriodLineFile.__annotations__)
ACCOUNT_COLUMNS: Final = tuple(AccountRowFile.__annotations__)


def period_report_file(report: PeriodReport) -> PeriodReportFile:
    """The form of a report."""
    period = report.period
    return {
        "version": VERSION,
        "kind": period.kind,
        "period": period.name,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "made": format_utc(report.made),
        "over": report.is_over,
        "whole": report.is_whole,
        "remarks": [shown(each) for each in report.remarks],
        "figures": {name: _figure(name, value) for name, value in report.figures.items()},
        "lists": {name.value: _list(found) for name, found in report.lists.items()},  # type: ignore[typeddict-item]  # the names of ListName
        "accounts": [account_row(each) for each in report.accounts],
        "accounts_more": report.accounts_more,
        "trend": [
            {"date": each.day.isoformat(), "users": each.users, "accounts": each.accounts}
            for each in report.trend
        ],
        "course": report.course,
        "months": [
            {"month": f"{each.day:%Y-%m}", "users": each.users, "whole": each.is_whole}
            for each in report.months
        ],
        "csv": report.csv,
        "page": report.page,
        "fleet": report.fleet,
        "ocsf": report.ocsf,
        "sha256": dict(report.sha256),
    }


def write_period_report(report: PeriodReport) -> bytes:
    """The object of a report."""
    return (json.dumps(period_report_file(report), separators=(",", ":")) + "\n").encode()


def read_period_report(body: bytes) -> PeriodReport | None:
    """Read a stored report; None: it is of no form that we know."""
    try:
        return _report(read_json(body))
    except (NotReadableError, LookupError, TypeError, ValueError, AttributeError):
        return None


def account_row(row: AccountRow) -> AccountRowFile:
    """The form of an account."""
    return {
        "account": row.account,
        "name": row.name,
        "last": _text(row.last),
        "days_missing": row.days_missing,
        "dry_run": row.dry_run,
        "users": row.users,
        "active": row.active,
        "within": row.within,
        "over_90": row.over_90,
        "oldest": row.oldest,
        "age_average": row.age_average,
        "rotated": row.rotated,
        "disabled": row.disabled,
        "deleted": row.deleted,
    }


def heading() -> str:
    """The first row of the CSV."""
    return _rows([(*COLUMNS, *(each for each in ACCOUNT_COLUMNS if each not in COLUMNS))])


def rows_of(account: AccountPeriod) -> str:
    """
    The rows of an account: one of the list `account` with its numbers, then its lines.

    They are of one table, so that one file has all.
    """
    empty = dict.fromkeys(COLUMNS)
    own = {**empty, **account_row(row_of(account)), "list": "account"}
    lines = (
        {**dict.fromkeys(ACCOUNT_COLUMNS), **line_file(line), "list": name}
        for name, found in account.lines.items()
        for line in found
    )
    names = (*COLUMNS, *(each for each in ACCOUNT_COLUMNS if each not in COLUMNS))
    return _rows([harmless(_cell(row[name])) for name in names] for row in (own, *lines))


def line_file(line: PeriodLine) -> PeriodLineFile:
    """The form of a line."""
    return {
        "account": line.account,
        "name": line.name,
        "user": line.user,
        "key": line.key_id,
        "age": line.age,
        "since": _text(line.since),
        "since_known": line.is_since_known,
        "what": line.what,
        "ticket": line.ticket,
        "reason": line.reason,
        "owner": line.owner,
        "expiry": _text(line.expiry),
        "dry_run": line.dry_run,
    }


def _figure(name: FigureName, value: float | None) -> FigureFile:
    definition = DEFINITIONS[name]
    return {
        "value": value,
        "unit": definition.unit,
        "title": definition.title,
        "definition": definition.means,
        "controls": list(definition.controls),
        "parts": list(SUMS.get(name, ())),
    }


def _list(found: PeriodList) -> PeriodListFile:
    return {"total": found.total, "worst": [line_file(each) for each in found.worst]}


def _report(found: Any) -> PeriodReport:  # noqa: ANN401 -- whatever stands there
    period = read_period(PeriodKind(found["kind"]), found["first"])
    made = moment(found["made"])
    if found["version"] != VERSION or period is None or made is None:
        raise ValueError("version")
    return PeriodReport(
        period=period,
        made=made,
        is_over=bool(found["over"]),
        is_whole=bool(found["whole"]),
        figures={
            FigureName(name): each["value"]
            for name, each in found["figures"].items()
            if name in set(FigureName)
        },
        lists={
            name: PeriodList(
                total=int(found["lists"][name]["total"]),
                worst=tuple(map(read_line, found["lists"][name]["worst"])),
            )
            if name in found["lists"]
            else PeriodList()  # a report of an earlier version has no such list
            for name in ListName
        },
        accounts=tuple(
            AccountRow(**{**each, "last": _day(each["last"])}) for each in found["accounts"]
        ),
        accounts_more=int(found["accounts_more"]),
        trend=tuple(
            Point(day=_known_day(each["date"]), users=each["users"], accounts=each["accounts"])
            for each in found["trend"]
        ),
        months=tuple(map(_month, found.get("months", ()))),
        course=str(found.get("course", "")),
        remarks=tuple(map(str, found["remarks"])),
        csv=str(found["csv"]),
        page=str(found["page"]),
        # Reports of an earlier version name none of these.
        fleet=str(found.get("fleet", "")),
        ocsf=str(found.get("ocsf", "")),
        sha256={str(name): str(each) for name, each in found.get("sha256", {}).items()},
    )


def _month(found: Mapping[str, Any]) -> UsersCount:
    period = read_period(PeriodKind.MONTHLY, found["month"])
    if period is None:
        raise ValueError(found["month"])
    users = None if found["users"] is None else int(found["users"])
    return UsersCount(day=period.last, users=users, is_whole=bool(found["whole"]))


def read_line(found: Mapping[str, Any]) -> PeriodLine:
    """Read a line; raises LookupError, TypeError or ValueError where it is none."""
    return PeriodLine(
        account=found["account"],
        name=found["name"],
        user=found["user"],
        key_id=found["key"],
        age=found["age"],
        since=_day(found["since"]),
        is_since_known=found["since_known"],
        what=found["what"],
        ticket=found["ticket"],
        reason=found["reason"],
        owner=found["owner"],
        expiry=_day(found["expiry"]),
        dry_run=found["dry_run"],
    )


def _day(text: str | None) -> date | None:
    return None if text is None else _known_day(text)


def _known_day(text: str) -> date:
    day = read_day(text)
    if day is None:
        raise ValueError(text)
    return day


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _cell(found: object) -> object:
    return {True: "yes", False: "no"}[found] if isinstance(found, bool) else found


def _rows(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
