"""What is said of a weekly or monthly report, in the same words wherever people read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyturn.domain.account_period import ListName, PeriodLine
from keyturn.domain.figures import DEFINITIONS, SUMS, FigureName, Unit
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodReport, saw_nothing, unseen_line
from keyturn.domain.users_target import UsersCount
from keyturn.domain.worst_lines import who_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What is said of a list, wherever it is shown."""

    title: str
    means: str
    """What stands in it, and what the date of a line is."""


SECTIONS: Final[Mapping[ListName, Section]] = {
    ListName.NOT_REACHED: Section(
        title="Accounts that were not seen, or not on every day",
        means="Since: the last day on which the account was seen.",
    ),
    ListName.OVERDUE: Section(
        title="Overdue keys",
        means="Since: the first day on which the key was older than RotationPeriod.",
    ),
    ListName.BLOCKED: Section(
        title="Blocked keys",
        means="Since: the first day without a break on which it was held up.",
    ),
    ListName.EXEMPT: Section(
        title="Keys past their age in the exemption group",
        means=(
            "Since: the first day on which the key was older than RotationPeriod. Ticket, reason "
            "and end are those of the exemptions file when the report was made."
        ),
    ),
    ListName.EXEMPTION_OVER: Section(
        title="Users who were removed from the exemption group",
        means="Since: the day of the removal (EndExemptions).",
    ),
    ListName.DEFERRED: Section(
        title="Keys that were given more time",
        means="By an operator (`keyturn defer`), as the last look found them.",
    ),
    ListName.RESTORED: Section(
        title="Keys that somebody enabled again",
        means="Since: the first day on which a run saw it.",
    ),
    ListName.WITHOUT_OWNER: Section(
        title="Users whose owner is not known",
        means="Of those whose owner a run looked for.",
    ),
    ListName.WAY_OUT: Section(
        title="Users who could stop having keys",
        means=(
            "By the last snapshot alone: `keyturn advise` looks further back, and asks IAM. Days "
            "are those of the oldest key. Most keys for the least effort first."
        ),
    ),
}
"""
The lists of a week or a month, in the order in which all show them: what was not seen is first.

One more: its name in `ListName`, its words here, its field in `ReportLists`
(schemas/period_report.py), and its lines where an account is folded (account_period.py).
"""
NOTHING: Final = "not known"


def title_of(period: Period) -> str:
    """What a report is called."""
    kind = "Week" if period.kind is PeriodKind.WEEKLY else "Month"
    return f"{kind} {period.name}, {period.first.isoformat()} to {period.last.isoformat()} (UTC)"


def seen_text(report: PeriodReport) -> str:
    """How much was seen: nobody may take what is unseen for good."""
    listed = int(report.figures.get(FigureName.ACCOUNTS_LISTED) or 0)
    if not listed:
        return "NOTHING WAS SEEN: there is no snapshot and no inventory of this time"
    if saw_nothing(report):
        return f"NOTHING WAS SEEN: none of {listed:,} accounts was entered and read on any day"
    if report.is_whole:
        return f"Everything was seen: all {listed:,} accounts on every day"
    return f"NOT EVERYTHING WAS SEEN. {unseen_line(report) or 'See the remarks'}"


def month_text(month: UsersCount) -> str:
    """The users at the end of a month: a gap is one."""
    name = f"{month.day:%Y-%m}"
    if month.users is None:
        return f"{name} not known"
    return f"{name} {'' if month.is_whole else 'at least '}{month.users:,}"


def figure_text(name: FigureName, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return NOTHING
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    match DEFINITIONS[name].unit:
        case Unit.PERCENT:
            return f"{text} %"
        case Unit.DAYS:
            return f"{text} days"
        case Unit.DOLLARS_A_MONTH:
            return f"${value:,.2f} a month"
        case Unit.COUNT:
            return text


def depth_of(name: FigureName) -> int:
    """How deep a figure stands among the parts of others: 0 is a part of none."""
    above = next((whole for whole, parts in SUMS.items() if name in parts), None)
    return 0 if above is None else depth_of(above) + 1


def since_text(line: PeriodLine) -> str:
    """Since when it is so; empty: not known."""
    if line.since is None:
        return ""
    day = line.since.isoformat()
    return day if line.is_since_known else f"{day} or before"


def line_text(line: PeriodLine) -> str:
    """A line of a list, as one line."""
    parts = [
        f"{line.age} days old" if line.age is not None else "",
        f"since {since_text(line)}" if line.since else "",
        line.what,
        f"ticket {line.ticket}" if line.ticket else "",
        line.reason,
        f"owner {line.owner}" if line.owner else "",
        "dry run" if line.dry_run else "",
    ]
    return f"{who_text(line)}: {'; '.join(filter(None, parts))}"
