"""A week or a month of the whole organisation, from the snapshots."""

from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from typing import Final

from keyturn.cli.audit_options import EvidenceOptions
from keyturn.cli.evidence import opened
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.json_answers import put
from keyturn.cli.line_breaks import say
from keyturn.cli.local_run import now
from keyturn.cli.options import Findings
from keyturn.cli.period_options import PeriodOptions, users_target
from keyturn.cli.result_file import check_apart, result_file
from keyturn.domain.account_period import AccountPeriod
from keyturn.domain.errors import InvalidValue
from keyturn.domain.figures import DEFINITIONS
from keyturn.domain.period import Period, PeriodKind, read_period
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.period_words import (
    SECTIONS,
    depth_of,
    figure_text,
    line_text,
    month_text,
    seen_text,
    title_of,
)
from keyturn.report.period_page import write_period_page
from keyturn.schemas.ocsf import ocsf_of
from keyturn.schemas.period_report import heading, period_report_file, rows_of
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod

_WORKERS: Final = 8
"""Snapshots of a copy on this machine that are read at once."""
_SHOWN: Final = 20
"""Lines of a list on a terminal: the CSV has all."""


def report_of(kind: PeriodKind, where: EvidenceOptions, asked: PeriodOptions) -> int:
    """
    Show a week or a month; code 1, if not everything was seen.

    Raises InvalidValue where the options do not say which one, or where.
    """
    period = _period(kind, asked.period)
    target = users_target(asked.users_target)
    check_apart(csv=asked.csv, page=asked.page, ocsf=asked.ocsf)
    evidence, aws = opened(where)
    workers = aws.settings.parallel_users if aws else _WORKERS
    rows, findings, made = StringIO(), StringIO(), now()

    def each(account: AccountPeriod) -> None:
        if asked.csv:
            rows.write(rows_of(account))
        if asked.ocsf:
            findings.write(ocsf_of(account, period, made))

    with ExitStack() as files:
        # Whether they can be written is known before a snapshot is read.
        write = {
            path: files.enter_context(result_file(path, option=option))
            for option, path in (
                ("--csv", asked.csv),
                ("--page", asked.page),
                ("--ocsf", asked.ocsf),
            )
            if path
        }
        found = ReportPeriod(evidence=evidence, workers=workers).of(
            PeriodAsked(period=period, now=made, users_target=target), each=each
        )
        if asked.csv:
            write[asked.csv](heading() + rows.getvalue())
        if asked.ocsf:
            write[asked.ocsf](findings.getvalue())
        if asked.page:
            write[asked.page](write_period_page(found))
    if asked.format is Findings.JSON:
        put(period_report_file(found))
    else:
        say(_lines(found))
    return 0 if found.is_whole else FAILED


def _period(kind: PeriodKind, given: str | None) -> Period:
    today = now().date()
    if given is None:
        return Period.of(kind, today).before
    period = read_period(kind, given)
    if period is None:
        example = "2026-W48" if kind is PeriodKind.WEEKLY else "2026-11"
        raise InvalidValue("--period", given, f"must be a day of it, or its name, as {example}")
    if period.first > today:
        raise InvalidValue("--period", given, "has not begun yet, UTC")
    return period


def _lines(report: PeriodReport) -> Iterator[str]:
    """What was not seen comes first."""
    yield title_of(report.period)
    yield seen_text(report)
    yield from report.remarks
    if report.course:
        yield report.course
    yield ""
    for name, value in report.figures.items():
        yield f"{'  ' * depth_of(name)}{DEFINITIONS[name].title}: {figure_text(name, value)}"
    if report.months:
        months = "; ".join(map(month_text, report.months))
        yield f"IAM users at the end of the months before: {months}"
    for listed, section in SECTIONS.items():
        found = report.lists[listed]
        if found.total:
            shown = found.worst[:_SHOWN]
            yield ""
            yield f"{section.title} ({found.total:,}):"
            yield from (f"  {line_text(line)}" for line in shown)
            if found.total > len(shown):
                yield f"  and {found.total - len(shown):,} more: --csv writes all"
