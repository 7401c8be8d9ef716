"""Show who answers for which user, by which source, and what does not serve."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keyturn.cli.answer import FILE_WIDTH
from keyturn.cli.checked import Checked, checked
from keyturn.cli.consoles import make_console, text_console
from keyturn.cli.options import AccountOptions, Format, OwnersFileOptions, OwnersShowOptions, Users
from keyturn.cli.report import Report
from keyturn.cli.result_file import result_file
from keyturn.cli.session import CliSession
from keyturn.cli.streams import write_answer
from keyturn.cli.tables import failures, tidy, title
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.domain.owner import Owner, OwnerChannels, OwnerSource
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountResult, Request
from keyturn.schemas.owners_shown import write_owners_csv, write_owners_shown

NO_ADMIN = (
    "No --admin: the administrators are not among the sources, and without "
    "--allowed-owner-domain every domain is allowed. Beside a deployment use --deployed."
)
_WIDEST_USER = 32
"""Columns for users' names, which may have 64 characters."""


def show(
    where: AccountOptions, users: Users, owners_by: OwnersFileOptions, asked: OwnersShowOptions
) -> int:
    """
    Show the owners of the accounts' users, with and without keys.

    Raises InvalidValue for options that break a rule.
    """
    if "" in (users.user or ()):
        raise InvalidValue("--user", "", "must not be empty")
    options = checked(
        where, asked.as_settings, asked.as_notices, owners_by=owners_by, writes_secrets=False
    )
    if asked.output is None or str(asked.output) == "-":
        return _answer(options, users, asked, None)
    with result_file(asked.output) as put:
        return _answer(options, users, asked, put)


def _answer(
    options: Checked, users: Users, asked: OwnersShowOptions, put: Callable[[str], None] | None
) -> int:
    cli_session = CliSession(options, hints=False)
    if not cli_session.aws.settings.admin:
        cli_session.say(NO_ADMIN)
    request = Request(users=frozenset(users.user or ()))
    fleet_run = cli_session.fleet_run(request, dry_run=True)
    results = cli_session.look(fleet_run, fleet_run.owners, "Reading")
    whole = cli_session.report(fleet_run, results)
    report = replace(whole, results=[*map(_missing, whole.results)]) if asked.missing else whole
    if put is None:
        text = _text(whole, report, asked.format, make_console().width)
        write_answer(text, is_table=asked.format is Format.TABLE)
        return cli_session.close(whole)
    code = cli_session.close(whole)
    put(_text(whole, report, asked.format, FILE_WIDTH))
    cli_session.say(f"wrote {asked.output}: {pluralize(len(_owners(report)), 'user')}")
    return code


def _missing(result: AccountResult) -> AccountResult:
    """The users alone whose owner somebody has to care about."""
    plan = result.plan
    users = tuple(each for each in plan.users if plan.owner_of(each.user.name).needs_care)
    return replace(result, plan=replace(plan, users=users))


def _owners(report: Report) -> list[Owner]:
    return [
        result.plan.owner_of(each.user.name)
        for result in report.results
        for each in result.plan.users
    ]


def _text(whole: Report, report: Report, form: Format, width: int) -> str:
    match form:
        case Format.JSON:
            document = write_owners_shown(
                report.results, at=report.at, skipped=report.skipped, failures=report.failures
            )
            return json.dumps(document, indent=2) + "\n"
        case Format.CSV | Format.EXCEL:
            return write_owners_csv(report.results, for_excel=form is Format.EXCEL)
    text = StringIO()
    console = text_console(text, width)
    with tidy(console):
        _print(console, report)
        console.print(Text(_summary(whole, report), style="bold"))
    return text.getvalue()


def _print(console: Console, report: Report) -> None:
    names = [each.user.name for result in report.results for each in result.plan.users]
    widest = min(max(map(len, names), default=0), _WIDEST_USER, console.width // 3)
    for result in report.results:
        plan = result.plan
        if not plan.users:
            continue
        console.print(Text(title(plan.run.account), style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=widest, overflow="fold")
        grid.add_column(overflow="fold")
        for each in plan.users:
            name = each.user.name
            lines = _lines(plan.owner_of(name), plan.channels.get(name, OwnerChannels()))
            grid.add_row(Text(shown(each.user.name)), Text("\n").join(lines))
        console.print(Padding(grid, (0, 0, 0, 2)))
        console.print()


def _lines(owner: Owner, channels: OwnerChannels) -> Iterator[Text]:
    """The owner, beside mail too, what did not serve, and whom the sources behind name."""
    said = str(owner)
    if owner.source is OwnerSource.UNREAD:  # each was asked, but for those that nobody named
        said = "not known: no source that is known here has an address"
    yield Text(shown(said), style="yellow" if owner.needs_care else "")
    if channels.places:
        places = ", ".join(f"{each.channel} {each.address}" for each in channels.places)
        yield Text(shown(f"beside mail {places} (the owners file), where that channel is on"))
    for rejected in owner.rejected:
        yield Text(shown(rejected), style="yellow")
    for candidate in owner.candidates[1:]:
        yield Text(f"then {shown(candidate)}", style="dim")


def _summary(whole: Report, report: Report) -> str:
    """All of it in one line."""
    owners = _owners(whole)
    unknown = sum(owner.address is None or owner.is_missing for owner in owners)
    values = sum(bool(owner.rejected) for owner in owners)
    parts = [
        f"{unknown} without a known owner",
        f"{values} with a value that does not serve",
        pluralize(len(list(failures(whole))), "failure"),
    ]
    if left_out := len(owners) - len(_owners(report)):
        parts.append(f"{left_out} not shown")
    looked_at = f"{pluralize(len(whole.results), 'account')}, {pluralize(len(owners), 'user')}"
    return f"{looked_at}: {', '.join(parts)}"
