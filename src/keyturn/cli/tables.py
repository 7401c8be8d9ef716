"""
A plan, or what became of it, for people: what is due first, then what is blocked.

Key ids stay whole: where columns are few, the reason moves to a line of its own.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from keyturn.cli.report import Report
from keyturn.cli.sorting import SortBy
from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import Action, Decision, Overlay
from keyturn.domain.key import Account
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountResult

SECRETS = "Secrets Manager, each in Account_<account>_User_<user>_AccessKey"
WIDE = 120
"""Columns from which the reason stands beside the facts; below, a key takes two lines."""
NARROW = 78
"""Columns below which there is no table: a key is a few lines of text."""

DONE, BLOCKED, QUIET = "Done", "Blocked", "Nothing to do now"
_HEADINGS = ("User", "Key", "Age", "State", "Action", "Next", "Why")
_WIDTHS = (20, 5, 8, 7, 18)
"""From the key to what comes next."""
_LEAST_WHY = 40
_NAMED = 5
"""How many accounts a warning names; there may be hundreds."""
_USER = 64
"""The longest name that IAM allows."""

STYLES = {
    Action.KEEP: "dim",
    Action.WAIT: "yellow",
    Action.WARN: "cyan",
    Action.NOTICE: "cyan",
    Action.ROTATE: "green",
    Action.REPAIR: "magenta",
    Action.DISABLE: "red",
    Action.DELETE: "bold red",
    Action.END_EXEMPTION: "red",
    Action.RESTORE: "green",
    Action.REVOKE: "bold red",
}
DOING = {
    Action.ROTATE: "rotate",
    Action.REPAIR: "repair",
    Action.DISABLE: "disable",
    Action.DELETE: "delete",
    Action.END_EXEMPTION: "end the exemption of",
    Action.RESTORE: "enable",
    Action.REVOKE: "revoke",
}


def title(account: Account) -> str:
    """An account, as people know it."""
    return shown(f"{account.id} {account.name}".strip())


def _heading(account: Account, *, is_held: bool) -> str:
    """An account above its keys; one that is enforced as others are needs no word."""
    return f"{title(account)}, stays in dry run" if is_held else title(account)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A key of a plan."""

    account: Account
    user: str
    decision: Decision
    note: str = ""
    is_held: bool = False
    """Whether its account stays in dry run, whatever others do."""


def print_report(
    console: Console, report: Report, *, every_key: bool = False, only_acts: bool = False
) -> None:
    """Print sections and a summary; only_acts leaves out what nothing was to be done about."""
    with tidy(console):
        if report.by_account:
            _print_by_account(console, report)
        else:
            _print_keys(console, report, every_key=every_key, only_acts=only_acts)


@contextmanager
def tidy(console: Console) -> Generator[None]:
    """Print without the blanks at the end of lines that a table needs on a terminal alone."""
    if console.is_terminal:
        yield
        return
    with console.capture() as captured:
        yield
    for line in captured.get().splitlines():
        console.file.write(f"{line.rstrip()}\n")


def _print_keys(console: Console, report: Report, *, every_key: bool, only_acts: bool) -> None:
    found = sections_of(report)
    for name, rows in found.items():
        if name == QUIET and not every_key:
            if rows and not only_acts:
                console.print(Text(_quiet_line(rows)), style="dim")
        elif name not in {BLOCKED, QUIET} or not only_acts:
            _section(console, name, rows)
        if name == DONE and any(row.note for row in rows):
            console.print(Text(f"New keys are stored in {SECRETS}.\n"), style="dim")
    _print_lists(console, report.results)
    console.print(Text(summary(report)), style="bold", soft_wrap=False)


def sections_of(report: Report) -> dict[str, Sequence[PlanRow]]:
    """Heading → its keys, in the order in which they are shown: due (or done), blocked, quiet."""
    rows = _sorted(report.results, name_owners=report.with_owners)
    due, blocked, quiet = map(report.order.sorted, rows)
    rest = {BLOCKED: blocked, QUIET: quiet}
    if not is_enforced(report):
        return {"Due now": due, **rest}
    done = list(_done(report.results))
    happened = {(row.account.id, row.decision.key_id) for row in done}
    missed = [
        row
        for row in due
        if not row.is_held and (row.account.id, row.decision.key_id) not in happened
    ]
    held = [row for row in due if row.is_held]
    return {DONE: done, "Not done": missed, "Due, but in dry run": held, **rest}


def _print_by_account(console: Console, report: Report) -> None:
    """Print a line for each account, and the sum."""
    space = 1 if console.width < NARROW else 2
    table = Table(box=None, padding=(0, space, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Account", overflow="fold", min_width=12)
    for heading in ("Users", "Keys", "Due", "Blocked", "Oldest", "Failed"):
        table.add_column(heading, justify="right")
    table.add_column("Next", min_width=10)
    lines = account_lines(report)
    is_staged = any(line.is_held for line in lines)
    if is_staged:
        table.add_column("Mode")
    for line in lines:
        mode = [Text("dry run" if line.is_held else "enforced")] if is_staged else []
        table.add_row(*line.cells(), *mode)
    console.print(table)
    _print_lists(console, report.results)
    console.print(Text(summary(report), style="bold"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """What a summary says of an account."""

    account: Account
    users: int
    due: int
    blocked: int
    failures: int
    ages: tuple[int, ...]
    """Of each key, in days."""
    comes: date | None
    is_held: bool

    @classmethod
    def of(cls, result: AccountResult) -> "AccountLine":
        decision = [each for decided in result.plan.users for each in decided.decisions]
        days = [each.next.day for each in decision if each.next]
        return cls(
            account=result.plan.run.account,
            users=len(result.plan.users),
            due=sum(each.is_due and not each.is_blocked for each in decision),
            blocked=sum(each.is_blocked for each in decision),
            failures=len(result.failures),
            ages=tuple(each.age for each in decision),
            comes=min(days) if days else None,
            is_held=result.plan.run.held is not None,
        )

    def cells(self) -> Iterable[Text]:
        """As they stand in the table."""
        yield Text(title(self.account))
        yield Text(str(self.users))
        yield Text(str(len(self.ages)))
        yield Text(str(self.due), style="bold" if self.due else "")
        yield Text(str(self.blocked), style="yellow" if self.blocked else "")
        yield Text(f"{max(self.ages)}d" if self.ages else "-")
        yield Text(str(self.failures), style="red" if self.failures else "")
        yield Text(str(self.comes or "-"))


_LINES: Mapping[SortBy, Callable[[AccountLine], Any]] = {
    **dict.fromkeys(SortBy, lambda line: line.account.id),
    SortBy.AGE: lambda line: -max(line.ages, default=-1),
    SortBy.NEXT: lambda line: line.comes or date.max,
}
"""What the accounts are sorted by; of what only keys have, by their ids."""


def account_lines(report: Report) -> list[AccountLine]:
    """A line for each account, in the order that is asked for."""
    return sorted(map(AccountLine.of, report.results), key=_LINES[report.order])


def _print_lists(console: Console, results: Sequence[AccountResult]) -> None:
    for heading, lines in secrets_of(results):
        console.print(Text(heading, style="bold"))
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)


def secrets_of(results: Sequence[AccountResult]) -> Iterator[tuple[str, Sequence[str]]]:
    """
    What is said of secrets, a heading and its lines each.

    Those without a living user, where they were looked for; and what is done about secrets, or
    somebody should look at (RemoveSecretsAfter).
    """
    looked_at = [each.plan for each in results if each.plan.leftovers is not None]
    if looked_at:
        left = [shown(each) for plan in looked_at for each in plan.leftovers or ()]
        yield f"{pluralize(len(left), 'secret')} without a living user", left
    plans = [each.plan.secrets for each in results if each.plan.secrets is not None]
    if told := [shown(each) for plan in plans for each in plan.decisions if each.is_told]:
        many = pluralize(len(told), "secret")
        yield f"{many} that nobody needs, or that somebody should look at", told


def is_enforced(report: Report) -> bool:
    """Whether it tells what was done, and not what would be."""
    return any(result.outcomes for result in report.results)


def _sorted(
    results: Iterable[AccountResult], *, name_owners: bool = False
) -> tuple[list[PlanRow], list[PlanRow], list[PlanRow]]:
    due: list[PlanRow] = []
    blocked: list[PlanRow] = []
    quiet: list[PlanRow] = []
    for result in results:
        for decided in result.plan.users:
            owner = result.plan.owner_of(decided.user.name)
            named = f"owner: {owner}" if name_owners else ""
            said = "no known owner" if owner.is_missing else named
            note = "; ".join(filter(None, (said, *map(str, owner.passed_over()))))
            for decision in decided.decisions:
                row = PlanRow(
                    account=result.plan.run.account,
                    is_held=result.plan.run.held is not None,
                    user=decided.user.name,
                    decision=decision,
                    note=note,
                )
                # Of a key that nobody can have everybody hears, even if nobody may touch it.
                is_left = decision.key_id == decided.quarantined and not decision.is_due
                rows = (
                    blocked
                    if decision.is_blocked or is_left
                    else due
                    if decision.is_due
                    else quiet
                )
                rows.append(row)
    return due, blocked, quiet


def _done(results: Iterable[AccountResult]) -> Iterator[PlanRow]:
    for result in results:
        account = result.plan.run.account
        for outcome in result.outcomes:
            for done in outcome.done:
                if done.is_unhindered:
                    yield PlanRow(
                        account=account,
                        user=outcome.decided.user.name,
                        decision=done.decision,
                        note=f"new key {done.new_key}" if done.new_key else "",
                    )


def _section(console: Console, name: str, rows: Sequence[PlanRow]) -> None:
    if not rows:
        return
    console.print(Rule(Text(f"{name}: {pluralize(len(rows), 'key')}"), align="left", style="dim"))
    widths = _widths(console.width, max(len(row.user) for row in rows))
    if widths:
        headings = [Text(each, style="dim") for each in _HEADINGS[: len(widths)]]
        console.print(_line(widths, headings))
    for account, of_account in groupby(rows, key=lambda row: row.account):
        of_one = list(of_account)
        console.print(Text(_heading(account, is_held=of_one[0].is_held), style="bold"))
        for row in of_one:
            console.print(_lines_of(row, widths))
    console.print()


def _widths(columns: int, longest_user: int) -> tuple[int, ...]:
    """How wide each column is; fewer where the reason has no room, none where a table has none."""
    if columns < NARROW:
        return ()
    room = columns - 2 - sum(_WIDTHS) - len(_WIDTHS)  # a margin, and a space behind each column
    wanted = min(max(longest_user, len("User")), _USER)
    if columns < WIDE:
        return (min(wanted, room), *_WIDTHS)
    user = min(wanted, room - _LEAST_WHY)
    return (user, *_WIDTHS, room - user - 1)


def _lines_of(row: PlanRow, widths: Sequence[int]) -> RenderableType:
    """A key's facts, and the reason beside them if there is room, else below."""
    decision = row.decision
    overlays = sorted(each for each in decision.overlays if each is not Overlay.BLOCKED)
    user, key_id = Text(shown(row.user)), Text(shown(decision.key_id))
    age, state = Text(f"{decision.age}d"), Text(" ".join([decision.state, *overlays]))
    action = Text(decision.action, style=STYLES[decision.action])
    why = _joined([decision.sentence, row.note])
    if not widths:
        lines = Text("\n").join(
            [
                Text(" ").join([key_id, age, state]),
                Text.assemble(action, ": ", why),
                *([Text(f"next: {coming(decision)}")] if decision.next else []),
            ]
        )
        return Group(Padding(user, (0, 0, 0, 2)), Padding(lines, (0, 0, 0, 4)))
    facts = [user, key_id, age, state, action, Text(coming(decision))]
    if len(widths) > len(facts):
        return _line(widths, [*facts, why])
    return Group(_line(widths, facts), Padding(why, (0, 0, 0, 4), style="dim"))


def coming(decision: Decision) -> str:
    """What comes next, and when; of a key that waits, that it is looked at again."""
    if decision.next is None:
        return "-"
    what = "check" if decision.next.action in {Action.WAIT, Action.KEEP} else decision.next.action
    return f"{what} {decision.next.day}"


def _joined(parts: Iterable[str]) -> Text:
    return Text("; ".join(shown(part) for part in parts if part))


def _line(widths: Sequence[int], cells: Sequence[Text]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for heading, width in zip(_HEADINGS, widths, strict=False):
        right = heading == "Age"
        grid.add_column(width=width, overflow="fold", justify="right" if right else "left")
    grid.add_row(*cells)
    return Padding(grid, (0, 0, 0, 2))


def _quiet_line(rows: Sequence[PlanRow]) -> str:
    exempt = sum(Overlay.EXEMPT in row.decision.overlays for row in rows)
    need = "needs" if len(rows) == 1 else "need"
    many = "all" if exempt == len(rows) else str(exempt)
    which = f", {many} of them exempt" if exempt else ""
    if len(rows) == 1 and exempt:
        which = ", its user is exempt"
    return f"{pluralize(len(rows), 'key')} {need} nothing now{which}; --all lists them."


def summary(report: Report) -> str:
    """All of it in one line."""
    due, blocked, quiet = _sorted(report.results)
    all_decided = [decided for result in report.results for decided in result.plan.users]
    failures = len(report.failures) + sum(len(result.failures) for result in report.results)
    parts = [
        *(_done_of(report, due) if is_enforced(report) else [f"{len(due)} due"]),
        f"{len(blocked)} blocked",
        f"{pluralize(sum(decided.user.exempt for decided in all_decided), 'user')} exempt",
        pluralize(failures, "failure"),
    ]
    if report.skipped:
        parts.append(f"{pluralize(len(report.skipped), 'account')} skipped")
    looked_at = ", ".join(
        (
            pluralize(len(report.results), "account"),
            pluralize(len(all_decided), "user"),
            pluralize(len(due) + len(blocked) + len(quiet), "key"),
        )
    )
    if ownerless := _without_owner(report.results):
        parts.append(f"{pluralize(ownerless, 'key')} without a known owner")
    if report.left_out:
        parts.append(f"{pluralize(report.left_out, 'key')} not shown")
    return f"{looked_at}: {', '.join(parts)}"


def _done_of(report: Report, due: Sequence[PlanRow]) -> list[str]:
    """How much of what was due was done; what only a dry run was over is neither done nor not."""
    done, held = len(list(_done(report.results))), sum(row.is_held for row in due)
    parts = [f"{done} done", f"{len(due) - held - done} not done"]
    return [*parts, f"{held} due in dry run"] if held else parts


def _without_owner(results: Iterable[AccountResult]) -> int:
    return sum(
        len(decided.decisions)
        for result in results
        for decided in result.plan.users
        if result.plan.owner_of(decided.user.name).is_missing
    )


def what_it_holds(report: Report) -> str:
    """What is in a file, in a few words."""
    due, blocked, quiet = _sorted(report.results)
    failed = len(list(failures(report)))
    parts = [
        pluralize(len(due) + len(blocked) + len(quiet), "key"),
        *([f"{len(due)} due"] if report.dry_run else _done_of(report, due)),
        *([pluralize(failed, "failure")] if failed else []),
    ]
    return ", ".join(parts)


def question(report: Report) -> str | None:
    """What is about to be done, for a person to say yes to; None if nothing is."""
    all_decided = [
        (result.plan.run.account.id, decided)
        for result in report.results
        if result.plan.run.held is None
        for decided in result.plan.users
        if decided.record_changes or any(decision.is_due for decision in decided.decisions)
    ]
    due = [
        decision for _, decided in all_decided for decision in decided.decisions if decision.is_due
    ]
    acts = Counter(DOING.get(decision.action, "tell of") for decision in due)
    parts = [f"{verb} {acts[verb]}" for verb in (*DOING.values(), "tell of") if acts[verb]]
    if changes := sum(bool(decided.record_changes) for _, decided in all_decided):
        parts.append(f"bring {pluralize(changes, 'record')} up to date")
    if not parts:
        return None
    accounts = pluralize(len({account for account, _ in all_decided}), "account")
    return f"{pluralize(len(due), 'key')}: {', '.join(parts)} in {accounts}."


def failures(report: Report) -> Iterator[str]:
    """Everything that somebody has to know, a line each."""
    yield from map(shown, report.failures)
    for result in report.results:
        for failure in result.failures:
            yield f"{title(result.plan.run.account)}: {shown(failure)}"
        if result.left:
            users = pluralize(len(result.left), "user")
            yield f"{title(result.plan.run.account)}: {users} left for another run"


def warnings(report: Report) -> Iterator[str]:
    """What is allowed, but deserves a second thought; each once, with the accounts it is of."""
    found: dict[str, list[str]] = {}
    for result in report.results:
        plan = result.plan
        for warning in (*plan.warnings, *((plan.unlisted,) if plan.unlisted else ())):
            found.setdefault(warning, []).append(title(plan.run.account))
    for warning, accounts in found.items():
        yield f"warning: {shown(warning)}{_where(accounts, len(report.results))}"


def _where(accounts: Sequence[str], of: int) -> str:
    """Which accounts, as far as they fit into a line."""
    if len(accounts) == of > 1:
        return f" (all {of} accounts)"
    more = [f"{len(accounts) - _NAMED} more"] if len(accounts) > _NAMED else []
    return f" ({', '.join([*accounts[:_NAMED], *more])})"
