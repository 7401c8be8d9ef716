"""A day of the whole organisation, from the snapshots in the bucket."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from io import StringIO

import typer

from keyturn.cli.beside import Level, say
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import given
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import connect, now
from keyturn.cli.options import DigestOptions, Findings
from keyturn.cli.result_file import result_file
from keyturn.domain.admin_digest import AdminDigest, Coverage, Expected
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, KeyturnError, Paused
from keyturn.domain.plain_text import visible
from keyturn.domain.worst_lines import DigestLine, DigestList
from keyturn.schemas.admin_digest import write_admin_digest
from keyturn.settings import Settings
from keyturn.use_cases.daily_digest import pause_of
from keyturn.use_cases.inventory import take_inventory
from keyturn.use_cases.report_day import DayAsked, expected_of
from keyturn.wiring import Aws


def digest(asked: DigestOptions) -> int:
    """
    Show the day; code 1, if an account of it was not seen.

    Raises InvalidValue where the options do not say which day, or where.
    """
    day = _day(asked.date)
    own = given(asked)
    settings = Settings.read(own)
    if asked.deployed:
        settings = deployed_settings(asked.profile, asked.region, own)
    elif not settings.bucket:
        raise InvalidValue("--bucket", "", "is needed, or --deployed")
    aws = connect(asked.as_accounts, settings, lambda _action, _facts: None)
    expected = _expected(aws, settings, day) if asked.deployed else None
    rows = StringIO()
    with result_file(asked.csv, option="--csv") if asked.csv else nullcontext() as write:
        found = aws.report_day().of(DayAsked(day=day, expected=expected), write=rows.write)
        found = _paused(found, aws)
        if write is not None:
            write(rows.getvalue())
    if asked.format is Findings.JSON:
        put(write_admin_digest(found))
    else:
        typer.echo("\n".join(map(visible, _lines(found))).lstrip("\n"))
    coverage = found.coverage
    unseen = coverage.not_seen.total or coverage.failed or coverage.users_left
    return FAILED if unseen or (asked.deployed and coverage.listed is None) else 0


def _paused(digest: AdminDigest, aws: Aws) -> AdminDigest:
    """The day, with the pause that is in force, unless it began only after it."""
    pause, unsure = pause_of(aws.pause_flag())
    if pause is not None and pause.at.date() > digest.day:
        pause = None
    return replace(digest, pause=pause, remarks=(*unsure, *digest.remarks))


def _day(given_day: str | None) -> date:
    if given_day is None:
        return now().date()
    day = read_day(given_day)
    if day is None:
        raise InvalidValue("--date", given_day, "must be a date, such as 2026-03-02")
    if day > now().date():
        raise InvalidValue("--date", given_day, "is a day that has not begun yet, UTC")
    return day


def _expected(aws: Aws, settings: Settings, day: date) -> Expected | None:
    """Who was to be seen; None, and a line on standard error, where that cannot be read."""
    try:
        return expected_of(take_inventory(aws.organization(), scope=settings.scope), day)
    except KeyturnError as error:
        why = (
            f"Which accounts there are could not be read, so nobody knows who is missing: {error}"
        )
        say(why, Level.WARNING)
        return None


def _lines(digest: AdminDigest) -> Iterator[str]:
    if digest.pause is not None:
        pause = digest.pause
        waits = pluralize(digest.keys_waiting, "key")
        yield f"{Paused(pause.by, pause.at, pause.why)}; {waits} for which something is due"
    yield from digest.remarks
    yield from _coverage(digest.coverage)
    yield f"{digest.day.isoformat()} (UTC): {pluralize(digest.keys, 'key')}"
    yield from _list(
        "Breaks soon: in use, and nobody has fetched or used the new key"
        + (" (nothing ends before Keyturn is resumed)" if digest.pause else ""),
        digest.breaks,
    )
    yield from _list(f"Done: {_counts(digest.done_counts)}", digest.done, digest.done_counts)
    if digest.accounts_dry:
        yield from _list(
            f"Would be done, in {pluralize(digest.accounts_dry, 'account')} in dry run: "
            f"{_counts(digest.planned_counts)}",
            digest.planned,
            digest.planned_counts,
        )
    yield from _list("Failed", digest.failures)
    yield from _list("Blocked", digest.blocked)
    yield from _list("Enabled again", digest.restored)
    yield from _list("Not as expected", digest.unexpected)
    yield from _list("Newly exempt", digest.exempted)
    yield from _list("Exemptions that end", digest.exemptions)
    yield from _list("Given more time", digest.deferrals)
    yield from _list("Secrets that nobody needs", digest.secrets)
    yield from _list("Without a known owner", digest.without_owner)
    yield from _list("Owners' addresses that do not serve", digest.rejected)


def _coverage(coverage: Coverage) -> Iterator[str]:
    """What was not seen comes first."""
    yield from _list("NOT SEEN, for there was no run", coverage.not_seen)
    if coverage.failed:
        yield from _list("NOT SEEN, for they could not be entered or read", coverage.not_entered)
    if coverage.users_left:
        yield f"NOT SEEN: {pluralize(coverage.users_left, 'user')} for whom there was no time yet"
    listed = "not known how many are listed"
    if coverage.listed is not None:
        listed = f"of {coverage.listed:,} listed, {coverage.skipped:,} skipped on purpose"
    yield f"Accounts: {coverage.reached:,} looked after, {listed}"


def _list(
    title: str, found: DigestList, counts: Mapping[Action, int] | None = None
) -> Iterator[str]:
    if not (found.total or counts):
        return
    yield ""
    yield title if counts is not None else f"{title}: {found.total:,}"
    for line in found.worst:
        yield f"  {_line(line)}"
    if found.more:
        yield f"  and {found.more:,} more"


def _line(line: DigestLine) -> str:
    place = f"{line.account} ({line.name})" if line.name else line.account
    day = f"{line.day.isoformat()}: " if line.day else ""
    return ", ".join(filter(None, (place, line.user, line.key_id))) + f": {day}{line.what}"


def _counts(counts: Mapping[Action, int]) -> str:
    return ", ".join(f"{number:,} {action}" for action, number in counts.items()) or "nothing"
