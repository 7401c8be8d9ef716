"""The page of a week or a month: one file without scripts, to be read, printed and kept."""

from collections.abc import Mapping
from datetime import date
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from keyturn.domain.account_period import ListName
from keyturn.domain.figures import DEFINITIONS, SUMS
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.period_words import (
    SECTIONS,
    depth_of,
    figure_text,
    month_text,
    seen_text,
    since_text,
    title_of,
)
from keyturn.domain.plain_text import visible
from keyturn.domain.tag_text import format_utc


def write_period_page(report: PeriodReport) -> str:
    """The page; everything of others' making is escaped, and what hides or turns text is seen."""
    return _template().render(
        title=title_of(report.period),
        report=report,
        made=format_utc(report.made),
        seen=seen_text(report),
        figures=[
            {
                "title": DEFINITIONS[name].title,
                "text": figure_text(name, value),
                "means": DEFINITIONS[name].means,
                "controls": DEFINITIONS[name].controls,
                "depth": depth_of(name),
                "parts": [DEFINITIONS[part].title for part in SUMS.get(name, ())],
            }
            for name, value in report.figures.items()
        ],
        lists=[
            {
                "title": section.title,
                "means": section.means,
                "found": report.lists[name],
                "exempts": name is ListName.EXEMPT,
            }
            for name, section in SECTIONS.items()
        ],
        trend=_trend(report),
        months=_months(report),
    )


def _months(report: PeriodReport) -> list[Mapping[str, object]]:
    """The users of each month before, in words, with the width of its bar; None: a gap."""
    most = max((each.users or 0 for each in report.months), default=0)
    return [
        {
            "month": f"{each.day:%Y-%m}",
            "users": month_text(each).partition(" ")[2],
            "width": None if each.users is None else round(100 * each.users / (most or 1)),
        }
        for each in report.months
    ]


def _trend(report: PeriodReport) -> list[Mapping[str, object]]:
    """The users of each day, with the width of its bar in percent."""
    most = max((point.users for point in report.trend), default=0)
    return [
        {
            "day": point.day,
            "users": point.users,
            "accounts": point.accounts,
            "width": round(100 * point.users / most) if most else 0,
        }
        for point in report.trend
    ]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("keyturn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda found: visible(found) if isinstance(found, str) else found,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = lambda day: day.isoformat() if isinstance(day, date) else ""
    environment.filters["number"] = lambda number: f"{number:,}"
    environment.filters["since"] = since_text
    return environment.get_template("period.html")
