"""`plan --against`: what changed parameters would do, by the facts of snapshots alone."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path

from keyturn.cli.beside import Level, say
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.given import as_given, given
from keyturn.cli.local_run import connect
from keyturn.cli.options import (
    AccountOptions,
    Output,
    PlanFormat,
    RuleOptions,
    SettingOptions,
    Users,
)
from keyturn.cli.result_file import result_file
from keyturn.cli.simulate import parameters_under
from keyturn.cli.streams import write_answer
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import read_day
from keyturn.domain.decision import DecisionSummary
from keyturn.domain.errors import InvalidValue
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.plain_text import visible
from keyturn.domain.plan_difference import KeyBothWays, PlanDifference
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.plan_difference import write_difference, write_difference_csv
from keyturn.schemas.snapshot import Snapshot, read_snapshot
from keyturn.settings import Settings
from keyturn.use_cases.plan_against import plan_against
from keyturn.use_cases.play_account import SeenAccount
from keyturn.use_cases.simulate import newest_snapshots, seen_account, snapshot_of

NEWEST = "newest"
"""In place of a path: the newest snapshot of each account in the bucket."""
_WITH_IT = {
    AccountOptions: {"profile", "region", "deployed", "account", "parallel", "parallel_users"},
    SettingOptions: {each.name for each in fields(RuleOptions)} | {"bucket", "prefix"},
}
"""What goes with --against: where snapshots are, and what is decided from them alone."""

_WHY = "does not go with --against: a snapshot alone is decided, and AWS is not asked"


def against(
    what: str,
    where: AccountOptions,
    users: Users,
    rules: SettingOptions,
    output: Output,
    *others: object,
) -> int:
    """
    Show what the parameters given would change; code 1, if a snapshot cannot be read.

    Raises InvalidValue where the options do not fit, or there is no snapshot.
    """
    _check(what, where, output, (rules, users, *others))
    own = given(where, rules)
    is_stored = what == NEWEST or read_day(what) is not None
    try:
        settings = Settings.read(own)
    except InvalidValue as error:
        raise as_given(error, own, "the default") from None
    if is_stored and not (where.deployed or settings.bucket):
        raise InvalidValue("--against", what, "needs --deployed or --bucket: it is no path")
    if where.deployed:
        settings = deployed_settings(where.profile, where.region, own)
    to_file = output.output is not None and str(output.output) != "-"
    with result_file(output.output) if to_file and output.output else nullcontext() as write:
        found = _stored(what, where, settings) if is_stored else _of_path(Path(what))
        accounts, unread = _accounts(found, where)
        difference = plan_against(accounts, settings.policy, unread)
        if difference is None:
            raise InvalidValue("--against", what, "holds no snapshot that can be read")
        text = _text(difference, settings, output)
        if write is None:
            write_answer(text, is_table=output.format is PlanFormat.TABLE)
        else:
            write(text)
    if unread and (write is not None or output.format is not PlanFormat.TABLE):
        say(_not_read(unread), Level.WARNING)
    return FAILED if unread else 0


def _check(what: str, where: AccountOptions, output: Output, others: tuple[object, ...]) -> None:
    """Refuse what does not go with it before anything is read."""
    for group in (where, *others):
        _refuse_others(group)
    for each in where.account or ():
        if ACCOUNT_ID.fullmatch(each) is None:
            raise InvalidValue("--account", each, "must be the 12 digits of an account")
    if output.format in {PlanFormat.EXCEL, PlanFormat.MARKDOWN}:
        raise InvalidValue("--format", output.format, "does not go with --against")
    if not what:
        raise InvalidValue("--against", what, "must not be empty")


def _refuse_others(group: object) -> None:
    for each in fields(group):  # type: ignore[arg-type]  # every group is a dataclass
        if each.name not in _WITH_IT.get(type(group), set()):
            value = getattr(group, each.name)
            if value != each.default:
                option = "--" + each.name.replace("_", "-")
                raise InvalidValue(option, "", _WHY)


def _stored(
    what: str, where: AccountOptions, settings: Settings
) -> Iterator[tuple[str, Snapshot | None]]:
    evidence = connect(where, settings, lambda _action, _facts: None).evidence()
    day = read_day(what)
    if day is None:
        newest, _ = newest_snapshots(evidence)
    else:
        listed = evidence.listed(f"snapshots/date={day.isoformat()}/")
        names = [each.name.rpartition("account=")[2].removesuffix(".json") for each in listed]
        newest = dict.fromkeys(names, day)
    for account, on in sorted(newest.items()):
        yield account, snapshot_of(evidence, account, on)


def _of_path(path: Path) -> Iterator[tuple[str, Snapshot | None]]:
    """The snapshot of a file; of a folder with snapshots, the newest of each account."""
    try:
        files = sorted(path.rglob("account=*.json")) if path.is_dir() else [path]
        newest: dict[str, tuple[str, Snapshot | None]] = {}
        for each in files:
            found = read_snapshot(each.read_bytes())
            name = each.name.removeprefix("account=").removesuffix(".json")
            account, date = (found["account"], found["date"]) if found else (name, "")
            if account not in newest or date > newest[account][0]:
                newest[account] = date, found
    except OSError as error:
        raise InvalidValue("--against", path, f"cannot be read ({error.strerror})") from None
    for account, (_, found) in sorted(newest.items()):
        yield account, found


def _accounts(
    found: Iterator[tuple[str, Snapshot | None]], where: AccountOptions
) -> tuple[list[SeenAccount], list[str]]:
    accounts, unread = [], []
    for account, snapshot in found:
        if where.account and account not in where.account:
            continue
        seen = seen_account(account, snapshot) if snapshot else None
        if seen is None:
            unread.append(account)
        else:
            accounts.append(seen)
    for each in where.account or ():
        if each not in {*unread, *(seen.account for seen in accounts)}:
            raise InvalidValue("--account", each, "has no snapshot there")
    return accounts, unread


def _text(found: PlanDifference, settings: Settings, output: Output) -> str:
    match output.format:
        case PlanFormat.JSON:
            parameters = parameters_under(settings)
            file = write_difference(found, parameters, every_key=output.all)
            return json.dumps(file, indent=2) + "\n"
        case PlanFormat.CSV:
            return write_difference_csv(found, every_key=output.all)
    return "\n".join(map(visible, _lines(found, every_key=output.all))) + "\n"


def _not_read(accounts: Sequence[str]) -> str:
    return f"NOT READ: the snapshots of {', '.join(accounts)}"


def _lines(found: PlanDifference, *, every_key: bool) -> Iterator[str]:
    if found.unread:
        yield _not_read(found.unread)
    changed = found.changed
    first, last = format_utc(found.first), format_utc(found.last)
    when = first if first == last else f"{first} to {last}"
    yield (
        f"{pluralize(len(found.keys), 'key')} as the runs of {when} found them, decided with the "
        f"parameters given: {pluralize(len(changed), 'key')} of them otherwise."
    )
    for (before, after), keys in found.counts().most_common():
        yield f"  {keys:>6,}  {before} -> {after}"
    supposed = sum(bool(each.supposed) for each in found.keys)
    if supposed:
        yield (
            f"Of {pluralize(supposed, 'key')} the run had not read all that is asked now (*): it "
            "is supposed that nothing stands in the way."
        )
    yield from _table(found.keys if every_key else changed)


def _table(keys: Sequence[KeyBothWays]) -> Iterator[str]:
    account = ""
    for each in keys:
        if each.account != account:
            account = each.account
            yield ""
            yield account
        after = f"not known: {each.unknown}" if each.after is None else _said(each.after)
        mark = " *" if each.supposed else ""
        yield f"  {each.user} {each.before.key_id} ({each.before.age} d)"
        yield f"    {_said(each.before)} -> {after}{mark}"


def _said(decided: DecisionSummary) -> str:
    coming = f", {decided.next.action} {decided.next.day}" if decided.next else ""
    return f"{decided.action} ({decided.reason}{coming})"
