"""
A plan, or what became of it, in Markdown: for the page of a CI job.

Names are others' input: an account's holds anything. So each stands in `<code>`, with a reference
in the place of every character that Markdown or HTML could take for its own: no link, no image, no
mention of anybody comes of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from keyturn.cli.report import Report
from keyturn.cli.tables import (
    BLOCKED,
    QUIET,
    AccountLine,
    PlanRow,
    account_lines,
    coming,
    failures,
    secrets_of,
    sections_of,
    summary,
    title,
    warnings,
)
from keyturn.domain.amounts import pluralize
from keyturn.domain.plain_text import cut, shown
from keyturn.domain.tag_text import format_utc

MOST_ROWS: Final = 200
"""Of a table, and of the lines that say what went wrong."""
LONGEST: Final = 900 * 1024
"""Bytes. GitHub refuses a summary of more than 1 MiB, and shows none."""
_LONGEST_LINE: Final = 400
_PLAIN: Final = frozenset(" -+=,:;()'")
_KEYS: Final = ("Account", "User", "Key", "Age", "State", "Action", "Next", "Why")
_ACCOUNTS: Final = ("Account", "Users", "Keys", "Due", "Blocked", "Oldest", "Failed", "Next")


def as_markdown(report: Report, *, every_key: bool = False, only_acts: bool = False) -> str:
    """All that there is room for; what is left out is counted. The JSON has all of it."""
    room, written = LONGEST, list[str]()
    for part in _parts(report, every_key=every_key, only_acts=only_acts):
        room -= len(part.encode())
        if room < 0:
            written.append("\nThere is no room for more: the JSON has all of it\n")
            break
        written.append(part)
    return "".join(written)


def _parts(report: Report, *, every_key: bool, only_acts: bool) -> Iterator[str]:
    yield f"## Keyturn\n\n{_escaped(summary(report))}\n\n"
    did = "Dry run: nothing was written" if report.dry_run else "Enforced"
    yield f"{did}. {_escaped(format_utc(report.at))}\n"
    yield from _listed("Failures", failures(report))
    if report.by_account:
        yield from _table("Accounts", _ACCOUNTS, map(_account_cells, account_lines(report)))
    else:
        for name, rows in sections_of(report).items():
            if _is_shown(name, every_key=every_key, only_acts=only_acts):
                heading = f"{name}: {pluralize(len(rows), 'key')}"
                yield from _table(heading, _KEYS, map(_key_cells, rows))
    for heading, lines in secrets_of(report.results):
        yield from _listed(heading, lines, is_always_said=True)
    yield from _listed("Warnings", warnings(report))


def _is_shown(section: str, *, every_key: bool, only_acts: bool) -> bool:
    if section == QUIET:
        return every_key and not only_acts
    return section != BLOCKED or not only_acts


def _key_cells(row: PlanRow) -> Sequence[str]:
    decision = row.decision
    why = "; ".join(filter(None, (decision.sentence, row.note)))
    return (
        _account(title(row.account), is_held=row.is_held),
        _code(row.user),
        _code(decision.key_id),
        f"{decision.age}d",
        _escaped(" ".join([decision.state, *sorted(decision.overlays)])),
        _escaped(decision.action),
        _escaped(coming(decision)),
        _escaped(cut(shown(why), _LONGEST_LINE)),
    )


def _account_cells(line: AccountLine) -> Sequence[str]:
    name, *counts = (cell.plain for cell in line.cells())
    return (_account(name, is_held=line.is_held), *map(_escaped, counts))


def _account(name: str, *, is_held: bool) -> str:
    return _code(name) + (" stays in dry run" if is_held else "")


def _table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; nothing where it has no row."""
    found = list(rows)
    if not found:
        return
    yield f"\n### {_escaped(heading)}\n\n"
    yield f"{_row(columns)}{_row(['---'] * len(columns))}"
    yield from map(_row, found[:MOST_ROWS])
    yield from _left_out(len(found))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _listed(heading: str, lines: Iterable[str], *, is_always_said: bool = False) -> Iterator[str]:
    """A list; nothing where it is empty, unless that is worth saying."""
    found = list(lines)
    if not found and not is_always_said:
        return
    yield f"\n### {_escaped(heading)}\n\n"
    yield from (f"- {_code(cut(each, _LONGEST_LINE))}\n" for each in found[:MOST_ROWS])
    yield from _left_out(len(found))


def _left_out(there: int) -> Iterator[str]:
    if there > MOST_ROWS:
        yield f"\nand {there - MOST_ROWS} more: the JSON has all of them\n"


def _code(text: str) -> str:
    return f"<code>{_escaped(shown(text))}</code>"


def _escaped(text: str) -> str:
    """A text of which nothing is markup; letters and digits of every script stay readable."""
    return "".join(
        each if each.isalnum() or each in _PLAIN else f"&#{ord(each)};" for each in text
    )
