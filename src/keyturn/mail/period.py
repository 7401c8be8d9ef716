"""What the administrators' mail of a week or a month is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyturn.domain.account_period import ListName
from keyturn.domain.amounts import pluralize
from keyturn.domain.figures import DEFINITIONS, FigureName
from keyturn.domain.period_report import PeriodList, PeriodReport, saw_nothing
from keyturn.domain.period_words import (
    SECTIONS,
    depth_of,
    figure_text,
    line_text,
)
from keyturn.mail.day import MOST_PARTS
from keyturn.mail.links import line_without_links, without_link

_SUMMARY: Final = (
    FigureName.WITHIN_PERCENT,
    FigureName.KEYS_ACTIVE,
    FigureName.KEYS_WITHIN,
    FigureName.KEYS_REPLACED,
    FigureName.KEYS_RESTORED,
    FigureName.KEYS_BLOCKED,
    FigureName.KEYS_EXEMPT,
    FigureName.KEYS_OVERDUE,
    FigureName.OVER_90,
    FigureName.AGE_AVERAGE,
    FigureName.AGE_OLDEST,
    FigureName.ROTATED,
    FigureName.DISABLED,
    FigureName.DELETED,
    FigureName.USERS,
    FigureName.USERS_CHANGE,
    FigureName.USERS_ABOVE_TARGET,
    FigureName.FIRST_USE_MEDIAN,
    FigureName.SECRETS_COST,
)
"""The figures of the mail, in its order; the page has all, with what they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """A figure, as the mail shows it."""

    title: str
    text: str
    depth: int
    """0: it is a part of no other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListShown:
    """A list, as the mail shows it."""

    title: str
    means: str
    total: int
    lines: tuple[str, ...]
    more: int


def figures_of(report: PeriodReport) -> Sequence[FigureLine]:
    """The figures of the summary that there is something to say of."""
    return [
        FigureLine(
            title=DEFINITIONS[name].title,
            text=figure_text(name, report.figures[name]),
            # Whether a figure is a part is seen below the one that has it.
            depth=1 if depth_of(name) > 1 else 0,
        )
        for name in _SUMMARY
        if report.figures.get(name) is not None
    ]


def lists_of(report: PeriodReport) -> Sequence[ListShown]:
    """The lists that have anything to tell; what was not seen comes first."""
    return [
        ListShown(
            title=section.title,
            means=section.means,
            total=found.total,
            lines=tuple(map(line_text, found.worst)),
            more=found.more,
        )
        for name, section in SECTIONS.items()
        if (found := report.lists[name]).total
    ]


def parts_of(report: PeriodReport) -> Sequence[str]:
    """What a subject tells, what was not seen first."""
    if saw_nothing(report):
        return ["nothing was seen"]  # whatever else there is to say comes from this
    number = report.figures.get
    percent = number(FigureName.WITHIN_PERCENT)
    unseen = int(number(FigureName.ACCOUNTS_NEVER) or 0)
    partly = int(number(FigureName.ACCOUNTS_PARTLY) or 0)
    parts = [
        f"{pluralize(unseen + partly, 'account')} not seen every day" if unseen + partly else "",
        "" if report.is_whole or unseen + partly else "not everything was seen",
        f"no Active key{'' if report.is_whole else ' seen'}"
        if percent is None
        else f"{percent:g} % of keys within policy",
        *(
            f"{pluralize(report.lists[name].total, 'key')} {what}"
            for name, what in ((ListName.OVERDUE, "overdue"), (ListName.BLOCKED, "blocked"))
            if report.lists[name].total
        ),
    ]
    return [each for each in parts if each][:MOST_PARTS]


def report_defanged(report: PeriodReport) -> PeriodReport:
    """The report, in which no name or message of others' makes a link."""
    lists = {
        name: PeriodList(total=found.total, worst=tuple(map(line_without_links, found.worst)))
        for name, found in report.lists.items()
    }
    return replace(report, lists=lists, remarks=tuple(map(without_link, report.remarks)))
