"""The exemptions file: checked, listed, and changed one entry at a time."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keyturn.cli.audit import entry_of, unkept
from keyturn.cli.beside import Level, say
from keyturn.cli.consoles import make_console
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import BAD_USAGE, FAILED
from keyturn.cli.given import given
from keyturn.cli.json_answers import put
from keyturn.cli.local_run import connect, now
from keyturn.cli.needs import asks_first
from keyturn.cli.options import (
    AccountOptions,
    EntryOptions,
    ExemptionsOptions,
    ExpiryOptions,
    Findings,
    Format,
)
from keyturn.cli.session import confirm
from keyturn.cli.streams import write_answer
from keyturn.cli.tables import tidy
from keyturn.domain.amounts import pluralize
from keyturn.domain.by_hand import join_group_command, leave_group_command
from keyturn.domain.days import read_day
from keyturn.domain.errors import AlreadyThere, InvalidValue, KeyturnError, OrderNotDone
from keyturn.domain.exemptions_file import ExemptionEntry, ExemptionsFile, Standing
from keyturn.domain.plain_text import shown, visible
from keyturn.ports import ExemptionsFileStore
from keyturn.schemas.exemptions_answer import listed, write_exemptions, write_exemptions_csv
from keyturn.schemas.exemptions_edit import NEW, refuse_broken, with_entry, with_expiry
from keyturn.schemas.exemptions_file import EntryField, broken_by, read_exemptions_file
from keyturn.schemas.exemptions_file import entry_of as entry_from
from keyturn.settings import Settings
from keyturn.use_cases.audited import Audited
from keyturn.wiring import Aws, local_exemptions_file

DRY = "Dry run: nothing was written. --enforce does it."
_STYLES = {
    Standing.ENDING: "yellow",
    Standing.ENDED: "red",
    Standing.TOO_LONG: "red",
    Standing.UNKNOWN: "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What only a new entry is asked for."""

    ticket: str | None
    owner: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The exemptions file, and by which settings it is read."""

    store: ExemptionsFileStore
    settings: Settings
    aws: Aws | None = None
    """None: the file is on this machine, and nothing is asked of AWS."""

    @property
    def longest(self) -> int:
        """How many days ahead an end may be."""
        return self.settings.policy.max_exemption


def check(where: ExemptionsOptions, form: Findings) -> int:
    """Name what is wrong in the file; code 2, if an entry of it does not count as written."""
    opened = _opened(where)
    file, today = _file(opened), now().date()
    too_long = [
        f"line {each.line}: expiry={each.expiry}: is more than {opened.longest} days ahead "
        "(MaxExemption)"
        for each in file.entries
        if each.is_too_long(today, opened.longest)
    ]
    if form is Findings.JSON:
        put(write_exemptions(file, today, opened.longest))
    else:
        for line in (*map(str, file.problems), *too_long):
            typer.echo(visible(f"{file.place}: {line}"))
        counts = (
            f"{pluralize(len(file.entries) - len(too_long), 'exemption')} can be used",
            pluralize(len(file.problems) + len(too_long), "problem"),
        )
        typer.echo(visible(f"{file.place}: {', '.join(counts)}"))
    return BAD_USAGE if too_long or not file.is_whole else 0


def show(where: ExemptionsOptions, form: Format) -> int:
    """List the entries."""
    opened = _opened(where)
    file, today = _file(opened), now().date()
    match form:
        case Format.JSON:
            put(write_exemptions(file, today, opened.longest))
        case Format.CSV | Format.EXCEL:
            is_excel = form is Format.EXCEL
            text = write_exemptions_csv(file, today, opened.longest, for_excel=is_excel)
            write_answer(text, is_table=False)
        case Format.TABLE:
            _print(make_console(), file, today, opened.longest)
    for problem in file.problems:
        say(f"{file.place}: {problem}", Level.WARNING)
    return 0 if file.is_whole else FAILED


def add(where: ExemptionsOptions, which: EntryOptions, until: ExpiryOptions, new: NewEntry) -> int:
    """Add an entry."""
    needs = {
        **_needs(which),
        **{f"--{name}": "" for name in ("ticket", "owner", "reason") if not getattr(new, name)},
    }
    today = now().date()
    _refuse_bad(which, new)
    expiry = _expiry(until, today)
    asks = asks_first(enforce=which.enforce, yes=which.yes, needs=needs)
    opened = _opened(where)
    _refuse_far(until, expiry, today, opened.longest)
    entry = entry_from(
        {
            EntryField.ACCOUNT: which.account or "",
            EntryField.USER: which.user or "",
            EntryField.TICKET: new.ticket or "",
            EntryField.OWNER: new.owner or "",
            EntryField.REASON: new.reason or "",
            EntryField.EXPIRY: expiry.isoformat(),
            EntryField.SINCE: today.isoformat(),
        },
        line=0,
    )
    change = _Change("exemptions-add", which, new.reason, lambda file: with_entry(file, entry))
    code = _changed(opened, change, asks=asks, may_be_missing=True)
    join = join_group_command(entry.user, opened.settings.exemption_group)
    say(f"An entry alone exempts nobody. The user is exempt once they are in the group: {join}")
    return code


def extend(
    where: ExemptionsOptions, which: EntryOptions, until: ExpiryOptions, reason: str | None
) -> int:
    """Let an exemption end later."""
    today = now().date()
    expiry = _expiry(until, today)
    _refuse_bad(which)
    asks = asks_first(enforce=which.enforce, yes=which.yes, needs=_needs(which))
    opened = _opened(where)
    _refuse_far(until, expiry, today, opened.longest)

    def edited(file: ExemptionsFile) -> str:
        entry = _entry(file, which)
        if expiry <= entry.expiry:
            message = f"it ends on {entry.expiry}, which is no sooner: `exemptions end` ends it"
            raise OrderNotDone(f"nothing was changed: {message}")
        return with_expiry(file, entry, expiry)

    return _changed(opened, _Change("exemptions-extend", which, reason, edited), asks=asks)


def end(where: ExemptionsOptions, which: EntryOptions, reason: str | None) -> int:
    """Let an exemption end today."""
    today = now().date()
    _refuse_bad(which)
    asks = asks_first(enforce=which.enforce, yes=which.yes, needs=_needs(which))
    opened = _opened(where)

    def edited(file: ExemptionsFile) -> str:
        entry = _entry(file, which)
        if entry.expiry <= today:
            raise OrderNotDone(f"nothing was changed: it ended on {entry.expiry}")
        return with_expiry(file, entry, today)

    code = _changed(opened, _Change("exemptions-end", which, reason, edited), asks=asks)
    leave = leave_group_command(which.user or "", opened.settings.exemption_group)
    say(f"The user is exempt as long as they are in the group. To take them out: {leave}")
    return code


# --- the change


@dataclass(frozen=True, slots=True)
class _Change:
    """What is changed, and how."""

    command: str
    """What the audit entry calls it."""
    which: EntryOptions
    why: str | None
    edited: Callable[[ExemptionsFile], str]


def _changed(opened: Opened, change: _Change, *, asks: bool, may_be_missing: bool = False) -> int:
    """Show the change, and make it if that is wanted; nothing is written over another's change."""
    file = opened.store.read()
    if file is None and not may_be_missing:
        raise InvalidValue("FILE", opened.store.place, "is not there")
    before = file or read_exemptions_file(NEW.encode(), place=opened.store.place)
    refuse_broken(before)
    text = change.edited(before)
    _show_difference("" if file is None else before.text, text, opened.store.place)
    if not change.which.enforce:
        say(DRY)
        return 0
    if asks:
        confirm(f"Change {opened.store.place}.")
    version = None if file is None else file.version
    if opened.aws is None:
        _write(opened.store, text, version)
        return 0
    entry = replace(
        entry_of(opened.aws, change.command, why=change.why),
        account=change.which.account,
        user=change.which.user,
    )
    with Audited(audit=opened.aws.audit(), entry=entry, clock=now) as notes:
        _write(opened.store, text, version)
        notes.ends(f"changed {opened.store.place}", failed=False)
    for line in unkept(notes.unwritten):
        say(line)
    return FAILED if notes.unwritten else 0


def _write(store: ExemptionsFileStore, text: str, version: str | None) -> None:
    try:
        store.write(text, instead_of=version)
    except AlreadyThere as error:
        message = f"{store.place} was changed meanwhile: nothing was written; order it again"
        raise OrderNotDone(message) from error
    say(f"wrote {store.place}")


def _show_difference(before: str, after: str, place: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), place, place, n=2, lineterm=""
    )
    for line in lines:
        typer.echo(visible(line))


# --- what was given


def _needs(which: EntryOptions) -> dict[str, str]:
    return {f"--{name}": "" for name in ("account", "user") if getattr(which, name) in {None, ""}}


def _refuse_bad(which: EntryOptions, new: NewEntry | None = None) -> None:
    """Refuse what an entry may not say, in the option's name."""
    texts = {EntryField.ACCOUNT: which.account, EntryField.USER: which.user}
    if new is not None:
        texts |= {
            EntryField.TICKET: new.ticket,
            EntryField.OWNER: new.owner,
            EntryField.REASON: new.reason,
        }
    for name, text in texts.items():
        if text is not None and (rule := broken_by(name, text)) is not None:
            raise InvalidValue(f"--{name}", shown(text), rule)


def _expiry(until: ExpiryOptions, today: date) -> date:
    """The day that was asked for. Raises InvalidValue for none, two, or one that is not ahead."""
    if until.days is not None and until.expiry is not None:
        raise InvalidValue("--days", until.days, "goes without --expiry")
    if until.days is not None:
        if not (until.days.isascii() and until.days.isdigit() and len(until.days) <= _DIGITS):
            raise InvalidValue("--days", until.days, "must be a whole number of days")
        if until.days.strip("0") == "":
            raise InvalidValue("--days", until.days, "must be at least 1")
        return today + timedelta(days=int(until.days))
    if until.expiry is None:
        raise InvalidValue("--days", "", "is needed, or --expiry")
    day = read_day(until.expiry)
    if day is None:
        raise InvalidValue("--expiry", until.expiry, "must be a date, such as 2027-03-31")
    if day <= today:
        raise InvalidValue("--expiry", until.expiry, f"must be after today, {today}")
    return day


_DIGITS = 5
"""Of a number of days; MaxExemption has no more."""


def _refuse_far(until: ExpiryOptions, expiry: date, today: date, longest: int) -> None:
    if (expiry - today).days > longest:
        name, value = ("--days", until.days) if until.days else ("--expiry", until.expiry)
        raise InvalidValue(name, value, f"must be at most {longest} days ahead (MaxExemption)")


def _entry(file: ExemptionsFile, which: EntryOptions) -> ExemptionEntry:
    entry = file.entry_of(which.account or "", which.user or "")
    if entry is None:
        raise OrderNotDone(
            f"nothing was changed: {file.place} has no entry for {which.user} of {which.account}"
        )
    return entry


# --- the file


def _opened(where: ExemptionsOptions) -> Opened:
    own = given(where)
    settings = Settings.read(own)
    if where.file is not None:
        for name, value in (("--bucket", where.bucket), ("--deployed", where.deployed or None)):
            if value is not None:
                raise InvalidValue("--file", where.file, f"goes without {name}")
        return Opened(store=local_exemptions_file(where.file, "--file"), settings=settings)
    if not (settings.bucket or where.deployed):
        rule = "is needed: a file on this machine, or --bucket or --deployed"
        raise InvalidValue("--file", "", rule)
    if where.deployed:
        settings = deployed_settings(where.profile, where.region, own)
    account = AccountOptions(profile=where.profile, region=where.region)
    aws = connect(account, settings, lambda _action, _facts: None)
    store = aws.exemptions_file()
    if store is None:
        raise KeyturnError("the functions have no bucket: there is no exemptions file")
    return Opened(store=store, settings=settings, aws=aws)


def _file(opened: Opened) -> ExemptionsFile:
    file = opened.store.read()
    if file is None:
        raise InvalidValue("FILE", opened.store.place, "is not there")
    return file


def _print(console: Console, file: ExemptionsFile, today: date, longest: int) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("Account", "User", "Stands", "Ends", "Days", "Ticket", "Owner", "Reason"):
        # An account's id or a date in two parts is no id and no date.
        table.add_column(heading, overflow="fold", no_wrap=heading in {"Account", "Ends"})
    rows = list(listed(file, today, longest))
    for each in rows:
        texts = (
            each["account"],
            each["user"],
            each["standing"],
            each["expiry"],
            str(each["days_left"]),
            each["ticket"],
            each["owner"],
            each["reason"],
        )
        table.add_row(*(Text(shown(text)) for text in texts), style=_STYLES.get(each["standing"]))
    with tidy(console):
        if rows:
            console.print(table)
        counts = ", ".join(
            f"{number} {standing}"
            for standing in Standing
            if (number := sum(each["standing"] == standing for each in rows))
        )
        total = pluralize(len(rows), "exemption")
        said = f"{shown(file.place)}: {total}{': ' if counts else ''}{counts}"
        console.print(Text(said, style="bold"), soft_wrap=True)
