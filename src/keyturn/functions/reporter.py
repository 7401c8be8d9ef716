"""
Makes the administrators' one digest of each day, when its runs are over: ASA-Reporter.

And the reports of weeks and months, and the page of all keys, asked for by rules of their own.
Then it puts new audit entries and reports into the chain that shows what was changed.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import InvalidValue
from keyturn.functions.connect import connected
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log, logger_of
from keyturn.functions.metrics import Service, emit
from keyturn.report.page import write_page
from keyturn.schemas.report_event import (
    PAGE,
    PageOfDay,
    ReportAsked,
    read_page_asked,
    read_report_asked,
)
from keyturn.use_cases import daily_digest  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.use_cases.day_over import Waits
from keyturn.use_cases.make_page import MakePage
from keyturn.use_cases.page_data import GatherPage
from keyturn.use_cases.report_in_parts import Unfinished
from keyturn.wiring import REPORT_READERS, Aws

logger = logger_of(Service.REPORTER)

SPARE_MILLISECONDS: Final = 120_000
"""What the reporter leaves of its time: for the accounts it is at, the list of keys, the bus."""


def handler(event: object, context: LambdaContext) -> dict[str, object]:
    """
    Make the digest of a day that is over and has none; every quarter of an hour, as a rule.

    An event that asks for the report of a week or a month, or for the page, has that made, of the
    last one, of the day before.

    Answers with the days whose digest it made, and why another one waits. Raises KeyturnError, in
    our own words, where one could not be made: the next turn begins anew.
    """

    def may_go_on() -> bool:
        return context.get_remaining_time_in_millis() > SPARE_MILLISECONDS

    made: list[str] = []
    waits: dict[str, str] = {}
    with in_our_words(logger, LogEvent.INVOCATION_FAILED):
        page = read_page_asked(event)
        asked = None if page else read_report_asked(event)
        aws = connected(logger, os.environ, context)
        if page is not None:
            return _page(aws, page, may_go_on)
        if asked is not None:
            return _report(aws, asked, may_go_on)
        try:
            for each in aws.daily_digest().turn(datetime.now(UTC), may_go_on):
                day = each.day.isoformat()
                if isinstance(each, AdminDigest):
                    made.append(day)
                    reached = each.coverage.reached
                    text = f"The digest of {day} is on the bus"
                    log(logger, LogEvent.DIGEST_PUBLISHED, text, day=day, accounts=reached)
                    emit(Service.REPORTER, {"DigestsPublished": 1})
                else:
                    waits[day] = each.why
                    _say(each, day)
        finally:  # what keeps a digest from being made is no reason to leave the chain open
            _chain(aws, may_go_on)
    return {"made": made, "waits": waits}


def _report(aws: Aws, asked: ReportAsked, may_go_on: Callable[[], bool]) -> dict[str, object]:
    """Make the report, or some of its parts, unless that was done."""
    from keyturn.report.period_page import write_period_page  # noqa: PLC0415 -- loads Jinja2

    make = aws.make_period_report(asked.users_target, write_period_page)
    report = make.turn(asked.kind, datetime.now(UTC), may_go_on)
    if report is None:
        return {"made": [], "waits": {}}
    name = report.period.name
    if isinstance(report, Unfinished):
        why = f"{report.done} of {report.accounts} accounts are folded"
        text = f"The report of {name} goes on with the next turn: {why}"
        facts = {"done": report.done, "accounts": report.accounts}
        log(logger, LogEvent.REPORT_UNFINISHED, text, kind=asked.kind, period=name, **facts)
        return {"made": [], "waits": {name: why}}
    text = f"The report of {name} is on the bus"
    whole = report.is_whole
    log(logger, LogEvent.REPORT_PUBLISHED, text, kind=asked.kind, period=name, whole=whole)
    return {"made": [name], "waits": {}}


def _page(aws: Aws, asked: PageOfDay, may_go_on: Callable[[], bool]) -> dict[str, object]:
    """Make the page of the day before, unless that was done."""
    gather = GatherPage(evidence=aws.evidence(), workers=REPORT_READERS)
    make = MakePage(
        reports=aws.period_reports(),
        gather=gather,
        write=write_page,
        users_target=asked.users_target,
    )
    now = datetime.now(UTC)
    try:
        made = make.turn(now, may_go_on)
    except InvalidValue as error:  # nothing to mend: no run yet, or too many keys
        log(logger, LogEvent.PAGE_NOT_MADE, f"No page was made: {error}")
        return {"made": [], "waits": {PAGE: str(error)}}
    if made is None:
        return {"made": [], "waits": {}}
    day = made.day.isoformat()
    facts = {"day": day, "keys": made.keys, "accounts": made.accounts}
    log(logger, LogEvent.PAGE_STORED, f"Stored the page of {day}: {made.page}", **facts)
    return {"made": [day], "waits": {}}


def _chain(aws: Aws, may_go_on: Callable[[], bool]) -> None:
    """Put what is new into the chain; the log is another store, which knows the chain's end."""
    for head in aws.make_chain().turn(datetime.now(UTC), may_go_on):
        text = f"Link {head.number} of the audit chain: {head.sha256}"
        log(logger, LogEvent.AUDIT_CHAINED, text, link=head.number, sha256=head.sha256)


def _say(waits: Waits, day: str) -> None:
    text = f"The digest of {day} waits: {waits.why}"
    if waits.unknown is None:
        log(logger, LogEvent.DIGEST_WAITS, text, day=day)
    else:
        log(logger, LogEvent.BACKLOG_UNKNOWN, f"{text} ({waits.unknown})", day=day)
