"""
Where the page of a day is stored.

    <prefix>/reports/page/date=<the day after>/<day>/page.html
    <prefix>/reports/page/date=<the day after>/<day>/page.json    what it is; with it, it is final
"""

from datetime import date
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import PortError
from keyturn.ports.period_reports import PeriodReports
from keyturn.schemas.page_record import page_named_in

PAGE: Final = "page.html"
RECORD: Final = "page.json"


def folder_of(day: date) -> str:
    """Its folder: made on the day after, by which the audit chain goes (decision 0057)."""
    return f"reports/page/date={(day + DAY).isoformat()}/{day.isoformat()}/"


def page_of(reports: PeriodReports, day: date) -> str:
    """The page of a day, by the name of its object; empty: there is none that can be read."""
    try:
        return page_named_in(reports.read(f"{folder_of(day)}{RECORD}"), day) or ""
    except PortError:  # a report need not wait for a link
        return ""
