"""A plan, or what became of it, as CSV: one row a key, its version that of the plan's JSON."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from unicodedata import normalize

from keyturn.domain.plain_text import visible
from keyturn.domain.result import AccountResult
from keyturn.schemas.decision import CELLS, cells_of, write_decision

COLUMNS: Final = (
    "account",
    "name",
    *CELLS,
    "owner",
    "owner_source",
    "owner_rejected",
    "done",
    "new_key",
    "error",
)
EXCEL_MARK = "\ufeff"
"""Without it, Excel reads UTF-8 as the encoding of its country."""
AS_TEXT: Final = '="{}"'.format
"""Makes a formula of an account that gives its 12 digits: Excel makes a rounded number else."""


def harmless(cell: object) -> str:
    """
    A cell that no spreadsheet takes for a formula, with nothing in it that hides or turns text.

    User names may begin with = + - @, and names of accounts hold anything.
    """
    text = visible("" if cell is None else str(cell))
    return f"'{text}" if normalize("NFKC", text[:1]) in _FORMULAS else text


_FORMULAS = frozenset("=+-@")
"""What begins one; to some spreadsheets also in its full width."""


def write_csv(results: Iterable[AccountResult], *, dry_run: bool) -> str:
    """A CSV text with one row a key, and a row of headings."""
    return _csv(results, dry_run=dry_run, account=harmless)


def write_csv_for_excel(results: Iterable[AccountResult], *, dry_run: bool) -> str:
    """
    The same, as Excel reads it right: with a mark of its encoding, and accounts as text.

    Not for programs: an account is a formula that gives its 12 digits, for Excel makes a rounded
    number of them otherwise.
    """
    return EXCEL_MARK + _csv(results, dry_run=dry_run, account=AS_TEXT)


def _csv(
    results: Iterable[AccountResult], *, dry_run: bool, account: Callable[[object], str]
) -> str:
    rows = (row for result in results for row in _rows(result, dry_run=dry_run))
    return csv_text(COLUMNS, rows, account=account)


def csv_text(
    headings: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    account: Callable[[object], str] = harmless,
) -> str:
    """A CSV text; account: how the first cell is written, which is an account's id."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    for first, *others in rows:
        writer.writerow([account(first), *map(harmless, others)])
    return text.getvalue()


def _rows(result: AccountResult, *, dry_run: bool) -> Iterator[Iterable[object]]:
    is_dry = dry_run or result.plan.run.dry_run
    account = result.plan.run.account
    steps = {
        (outcome.decided.user.name, step.decision.key_id): step
        for outcome in result.outcomes
        for step in outcome.done
        if step.is_unhindered
    }
    errors: dict[str | None, list[str]] = {}
    for failure in result.failures:
        errors.setdefault(failure.user, []).append(str(failure.error))
    for decided in result.plan.users:
        owner = result.plan.owner_of(decided.user.name)
        for decision in decided.decisions:
            carried_out = steps.get((decided.user.name, decision.key_id))
            cells = {
                **cells_of(write_decision(decided.user.name, decision)),
                "account": account.id,
                "name": account.name,
                "owner": owner.address,
                "owner_source": owner.source,
                "owner_rejected": "; ".join(map(str, owner.passed_over())),
                "done": None if is_dry else "yes" if carried_out else "no",
                "new_key": carried_out.new_key if carried_out else None,
                "error": "; ".join(errors.get(decided.user.name, ())),
            }
            yield [cells[column] for column in COLUMNS]
