"""
A weekly or monthly report, as it travels over the bus to the notifier: figures, worst lines.

Keyturn's own: nobody else is to build on it. `report_due` checks one and reads it. What is written
passes there whatever is in it, as `digest_of_day` does.
"""

from typing import Final, NotRequired, TypedDict

from keyturn.domain import names
from keyturn.domain.account_period import PeriodLine
from keyturn.domain.figures import FigureName
from keyturn.domain.period import PeriodKind
from keyturn.domain.period_report import PeriodList, PeriodReport
from keyturn.domain.plain_text import cut, shown
from keyturn.domain.tag_text import format_utc
from keyturn.domain.worst_lines import LONGEST, WORST
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.digest_of_day import STORED_OBJECT
from keyturn.schemas.period_report import PeriodListFile, ReportLists, line_file
from keyturn.schemas.worst_lines import LONGEST_NAME_SHOWN

VERSION: Final = 1


class ReportForm(TypedDict):
    """
    The report, without its tables: they are stored where csv and page say.

    fleet: the page of all keys.
    """

    version: int
    kind: PeriodKind
    first: Day
    made: Moment
    over: bool
    whole: bool
    remarks: list[str]
    figures: dict[FigureName, float | None]
    course: NotRequired[str]
    lists: ReportLists
    csv: str
    page: str
    fleet: str


class ReportDue(TypedDict):
    """What asks for the administrators' mail of a week or a month."""

    report: ReportForm


def write_report_due(report: PeriodReport) -> ReportDue:
    """The detail of a `Digest Due` event: ten lines of each list are never too long for one."""
    lists = {name.value: _list(found) for name, found in report.lists.items()}
    return {
        "report": {
            "version": VERSION,
            "kind": report.period.kind,
            "first": report.period.first.isoformat(),
            "made": format_utc(report.made),
            "over": report.is_over,
            "whole": report.is_whole,
            "remarks": [cut(shown(each), LONGEST) for each in report.remarks[:WORST]],
            "figures": dict(report.figures),
            "course": cut(report.course, LONGEST),
            "lists": lists,  # type: ignore[typeddict-item]  # the names of ListName
            "csv": _object(report.csv),
            "page": _object(report.page),
            "fleet": _object(report.fleet),
        }
    }


def _object(name: str) -> str:
    return name if STORED_OBJECT.fullmatch(name) else ""


def _list(found: PeriodList) -> PeriodListFile:
    worst = [line for line in found.worst if names.ACCOUNT_ID.fullmatch(line.account)][:WORST]
    return {"total": found.total, "worst": [line_file(_clean(line)) for line in worst]}


def _clean(line: PeriodLine) -> PeriodLine:
    return PeriodLine(
        account=line.account,
        name=shown(line.name)[:LONGEST_NAME_SHOWN],
        user=shown(line.user)[:LONGEST_NAME_SHOWN] if line.user else None,
        key_id=line.key_id if names.KEY_ID.fullmatch(line.key_id or "") else None,
        age=line.age,
        since=line.since,
        is_since_known=line.is_since_known,
        what=cut(shown(line.what), LONGEST),
        ticket=cut(shown(line.ticket), LONGEST),
        reason=cut(shown(line.reason), LONGEST),
        owner=cut(shown(line.owner), LONGEST),
        expiry=line.expiry,
        dry_run=line.dry_run,
    )
