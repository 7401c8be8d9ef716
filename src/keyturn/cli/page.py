"""The page that people look at, from what is stored of each day."""

from datetime import date

import typer

from keyturn.cli.deployed import deployed_settings
from keyturn.cli.given import given
from keyturn.cli.local_run import connect, now
from keyturn.cli.one_line import FAILED
from keyturn.cli.options import PageOptions
from keyturn.cli.result_file import result_file
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.plain_text import visible
from keyturn.ports.archive import Archive
from keyturn.report.page import write_page
from keyturn.settings import Settings
from keyturn.use_cases.page_data import (
    LONGEST_HISTORY,
    GatherPage,
    PageAsked,
    counts_of,
)
from keyturn.wiring import local_archive


def page(asked: PageOptions) -> int:
    """
    Write the page; code 1, if an account or a user was not seen.

    Raises InvalidValue where the options do not say which day, or where.
    """
    if asked.output is None:
        raise InvalidValue("--output", "", "is needed: the file that the page is written to")
    wanted = PageAsked(
        made=now(),
        day=_day(asked.date),
        history=_history(asked.days),
        accounts=_accounts(asked.account),
    )
    archive, workers = _archive(asked)
    with result_file(asked.output) as write:
        block = GatherPage(archive=archive, workers=workers).of(wanted)
        write(write_page(block))
    found = counts_of(block)
    typer.echo(
        visible(
            f"Wrote {asked.output}: {pluralize(found.keys, 'key')} of "
            f"{pluralize(found.seen, 'account')} on {found.day.isoformat()} (UTC)"
        )
    )
    if not found.is_whole:
        typer.echo(visible(found.lacking), err=True)
    return 0 if found.is_whole else FAILED


def _archive(asked: PageOptions) -> tuple[Archive, int]:
    """Where it is stored, and how many are to read at once; one place alone may be named."""
    own = given(asked)
    settings = Settings.read(own)
    if asked.snapshots is not None:
        for name in ("bucket", "prefix", "deployed", "profile", "region"):
            if getattr(asked, name):
                raise InvalidValue(
                    f"--{name}", getattr(asked, name), "does not go with --snapshots"
                )
        return local_archive(asked.snapshots, option="--snapshots"), 1
    if asked.deployed:
        settings = deployed_settings(asked.profile, asked.region, own)
    elif not settings.bucket:
        raise InvalidValue("--bucket", "", "is needed, or --deployed, or --snapshots")
    aws = connect(asked.as_accounts, settings, lambda _action, _facts: None)
    return aws.archive(), settings.parallel_users


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
