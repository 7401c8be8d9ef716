"""The page that people look at, from what is stored of each day."""

from datetime import date

import typer

from keyturn.cli.audit_options import EvidenceOptions
from keyturn.cli.beside import Level, say
from keyturn.cli.evidence import opened
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.local_run import now
from keyturn.cli.options import PageOptions
from keyturn.cli.period_options import users_target
from keyturn.cli.result_file import result_file
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.plain_text import visible
from keyturn.report.page import write_page
from keyturn.use_cases.page_data import (
    LONGEST_HISTORY,
    GatherPage,
    PageAsked,
    counts_of,
)


def page(where: EvidenceOptions, asked: PageOptions) -> int:
    """
    Write the page; code 1, if an account or a user was not seen.

    Raises InvalidValue where the options do not say which day, or where.
    """
    if asked.output is None:
        raise InvalidValue("--output", "", "is needed: the file that the page is written to")
    if asked.users_target is not None and asked.account:
        rule = "goes without --account: it is of the whole organisation"
        raise InvalidValue("--users-target", asked.users_target, rule)
    wanted = PageAsked(
        made=now(),
        day=_day(asked.date),
        history=_history(asked.days),
        accounts=_accounts(asked.account),
        users_target=users_target(asked.users_target),
    )
    evidence, aws = opened(where)
    workers = aws.settings.parallel_users if aws else 1
    with result_file(asked.output) as write:
        block = GatherPage(evidence=evidence, workers=workers).of(wanted)
        write(write_page(block))
    found = counts_of(block)
    typer.echo(
        visible(
            f"Wrote {asked.output}: {pluralize(found.keys, 'key')} of "
            f"{pluralize(found.seen, 'account')} on {found.day.isoformat()} (UTC)"
        )
    )
    if not found.is_whole:
        say(found.lacking, Level.WARNING)
    return 0 if found.is_whole else FAILED


def _day(given_day: str | None) -> date | None:
    if given_day is None:
        return None
    day = read_day(given_day)
    if day is None:
        raise InvalidValue("--date", given_day, "must be a date, such as 2026-03-02")
    return day


def _history(days: int) -> int:
    if not 1 <= days <= LONGEST_HISTORY:
        raise InvalidValue("--days", days, f"must be from 1 to {LONGEST_HISTORY}")
    return days


def _accounts(found: list[str] | None) -> frozenset[str] | None:
    for each in found or ():
        if ACCOUNT_ID.fullmatch(each) is None:
            raise InvalidValue("--account", each, "must be the 12 digits of an account")
    return frozenset(found) if found else None
