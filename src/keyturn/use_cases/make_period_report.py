"""
Make the report of a week or a month that is over: once, and it stays as it is.

What does not fit one turn is left in parts for the next one (report_in_parts.py).

It is stored before it is put on the bus, and that it was comes last (publish_report.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import InvalidValue
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_plan import PeriodPlan
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.users_target import UsersTarget
from keyturn.ports.period_reports import PeriodReports
from keyturn.schemas.ocsf import ocsf_of
from keyturn.schemas.period_report import heading, read_period_report, rows_of, write_period_report
from keyturn.schemas.report_of_period import write_report_due
from keyturn.use_cases.publish_report import PublishReport
from keyturn.use_cases.report_in_parts import ReportInParts, Unfinished
from keyturn.use_cases.stored_page import page_of

REPORT: Final = "report.json"
CSV: Final = "report.csv"
OCSF: Final = "report.ocsf.json"
PAGE: Final = "report.html"
PUBLISHED: Final = "published.json"
_UNREADABLE: Final = "is of no form that is known: the report of {period} cannot be sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePeriodReport:
    """Makes the report that is due, and puts it on the bus."""

    reports: PeriodReports
    parts: ReportInParts
    publisher: PublishReport
    write_page: Callable[[PeriodReport], str]
    users_target: UsersTarget | None = None

    def turn(
        self, kind: PeriodKind, now: datetime, may_go_on: Callable[[], bool]
    ) -> PeriodReport | Unfinished | None:
        """
        Make and publish the report of the last week or month that is over; None: that was done.

        Unfinished: there was no time for all accounts, and the next turn goes on. Raises a
        PortError where something vital could not be read or written, NoTimeLeft where this turn
        came to nothing. Raises InvalidValue where something is stored that nobody can read.
        """
        period = Period.of(kind, now.date()).before
        folder = self._folder(period)
        if folder is None:
            plan = self.parts.plan(period, now)
            unfinished = self.parts.go_on(plan, may_go_on)
            if unfinished is not None:
                return unfinished
            folder = self._folder_of(period, now)
            report = self._made(plan, folder)
        elif self.reports.has(f"{folder}{PUBLISHED}"):
            return None
        else:
            body = self.reports.read(f"{folder}{REPORT}")
            found = read_period_report(body)
            if found is None:
                name = f"{folder}{REPORT}"
                raise InvalidValue("report", name, _UNREADABLE.format(period=period.name))
            report = found
        self.publisher.publish(
            f"{kind}-{period.name}",
            {**write_report_due(report)},
            now,
            note=lambda: self.reports.add(f"{folder}{PUBLISHED}", b"{}\n"),
        )
        return report

    def _made(self, plan: PeriodPlan, folder: str) -> PeriodReport:
        """Store the report; the same parts are the same report, however often it is made."""
        remarks: list[str] = []
        fold = self.parts.report_period.fold(plan, users_target=self.users_target)
        with self.reports.rows() as rows, self.reports.rows() as findings:
            rows.write(heading())
            for account in self.parts.accounts(plan, remarks.append):
                fold.add(account)
                rows.write(rows_of(account))
                findings.write(ocsf_of(account, plan.period, plan.made))
            stored = {
                name: found.store(f"{folder}{file}")
                for name, found, file in (("csv", rows, CSV), ("ocsf", findings, OCSF))
            }
        report = replace(
            fold.report(remarks),
            csv=stored["csv"].name,
            ocsf=stored["ocsf"].name,
            fleet=page_of(self.reports, plan.period.last),
        )
        with self.reports.rows() as page:
            page.write(self.write_page(report))
            stored["page"] = page.store(f"{folder}{PAGE}")
        report = replace(
            report,
            page=stored["page"].name,
            sha256={each.name: each.sha256 for each in stored.values()},
        )
        self.reports.add(f"{folder}{REPORT}", write_period_report(report))
        return report

    def _folder(self, period: Period) -> str | None:
        """Where the report is stored; None: nowhere."""
        start = f"reports/{period.kind}/"
        due = period.last + DAY
        for name in self.reports.names(start, after=f"{start}date={due.isoformat()}"):
            if name.endswith(f"/{period.name}/{REPORT}"):
                return name.removesuffix(REPORT)
        return None

    @staticmethod
    def _folder_of(period: Period, now: datetime) -> str:
        # The day on which it is made: the audit chain goes by it (decision 0057).
        return f"reports/{period.kind}/date={now.date().isoformat()}/{period.name}/"
