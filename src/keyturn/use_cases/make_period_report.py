"""
Make the report of a week or a month that is over: once, and it stays as it is.

It is stored before it is put on the bus, and that it was comes last (publish_report.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keyturn.domain.account_period import AccountPeriod
from keyturn.domain.days import DAY
from keyturn.domain.errors import InvalidValue
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.users_target import UsersTarget
from keyturn.ports.period_reports import PeriodReports
from keyturn.schemas.ocsf import ocsf_of
from keyturn.schemas.period_report import heading, read_period_report, rows_of, write_period_report
from keyturn.schemas.report_of_period import write_report_due
from keyturn.use_cases.publish_report import PublishReport
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod

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
    report_period: ReportPeriod
    publisher: PublishReport
    write_page: Callable[[PeriodReport], str]
    users_target: UsersTarget | None = None

    def turn(
        self, kind: PeriodKind, now: datetime, may_go_on: Callable[[], bool]
    ) -> PeriodReport | None:
        """
        Make and publish the report of the last week or month that is over; None: that was done.

        Raises a PortError where something vital could not be read or written, NoTimeLeft where the
        time was too short: the next turn begins anew. Raises InvalidValue where a report is stored
        that nobody can read.
        """
        period = Period.of(kind, now.date()).before
        folder = self._folder(period)
        if folder is None:
            report = self._made(period, now, may_go_on)
            folder = self._folder_of(period, now)
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

    def _made(self, period: Period, now: datetime, may_go_on: Callable[[], bool]) -> PeriodReport:
        folder = self._folder_of(period, now)
        with self.reports.rows() as rows, self.reports.rows() as findings:

            def each(account: AccountPeriod) -> None:
                rows.write(rows_of(account))
                findings.write(ocsf_of(account, period, now))

            rows.write(heading())
            asked = PeriodAsked(period=period, now=now, users_target=self.users_target)
            report = self.report_period.of(asked, each=each, may_go_on=may_go_on)
            # An earlier try may have left parts: until there is a report, they are not final.
            report = replace(report, csv=rows.store(f"{folder}{CSV}"))
            findings.store(f"{folder}{OCSF}")
        with self.reports.rows() as page:
            page.write(self.write_page(report))
            report = replace(report, page=page.store(f"{folder}{PAGE}"))
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
