"""The number of IAM users at the end of earlier months, as their kept reports have it."""

from typing import Final

from keyturn.domain.errors import PortError
from keyturn.domain.figures import FigureName
from keyturn.domain.period import Period
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.users_target import UsersCount
from keyturn.ports.evidence import Evidence
from keyturn.schemas.period_report import read_period_report

MONTHS: Final = 12
"""Months that are looked back."""
_FOLDER: Final = "reports/monthly/"
_REPORT: Final = "/report.json"


def kept_months(evidence: Evidence, before: Period) -> tuple[UsersCount, ...]:
    """
    The months before one, the first one first, from the first that has a report.

    One without a report, or with one that cannot be read, is a gap, and is never made up for.
    Raises a PortError where the reports cannot be listed.
    """
    names: dict[str, str] = {}
    for each in evidence.listed(_FOLDER):
        if each.name.endswith(_REPORT):
            # Of one month that was reported twice the later one: it knows more.
            names[each.name.removesuffix(_REPORT).rpartition("/")[2]] = each.name
    months: list[UsersCount] = []
    month = before
    for _ in range(MONTHS):
        month = month.before
        months.append(_count(evidence, month, names.get(month.name)))
    months.reverse()
    known = [number for number, each in enumerate(months) if each.users is not None]
    return tuple(months[known[0] :]) if known else ()


def _count(evidence: Evidence, month: Period, name: str | None) -> UsersCount:
    report: PeriodReport | None = None
    if name is not None:
        try:
            report = read_period_report(evidence.read(name))
        except PortError:
            report = None
    if report is None or report.period != month or not report.is_over:
        return UsersCount(day=month.last, users=None, is_whole=False)
    figures = report.figures
    users = figures.get(FigureName.USERS)
    lacks = figures.get(FigureName.ACCOUNTS_NEVER) or figures.get(FigureName.USERS_LEFT)
    if users is None or not figures.get(FigureName.ACCOUNTS_LISTED):
        return UsersCount(day=month.last, users=None, is_whole=False)
    is_whole = report.is_whole or not (lacks or report.remarks)
    return UsersCount(day=month.last, users=int(users), is_whole=is_whole)
