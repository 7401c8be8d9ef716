"""A plan, or what became of it, as JSON and CSV: for programs, and stable."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final
from unicodedata import normalize

from keyturn.domain.decision import Decision, UserDecisions
from keyturn.domain.key import Account
from keyturn.domain.leftover import Leftover
from keyturn.domain.owner import Owner
from keyturn.domain.plain_text import visible
from keyturn.domain.policy import RotationPolicy, parameter
from keyturn.domain.result import AccountResult
from keyturn.domain.tag_text import format_utc
from keyturn.entrypoints.answer import answer
from keyturn.entrypoints.order import Order
from keyturn.schemas.decision import Decided, write_decision
from keyturn.schemas.plan import AccountReport, LeftoverSecret, PlanFile, Planned

VERSION: Final = 1
"""Of both forms; a change that a reader could stumble over makes it 2."""

COLUMNS = (
    "account",
    "name",
    "user",
    "key",
    "age",
    "state",
    "overlays",
    "action",
    "reason",
    "sentence",
    "next_action",
    "next_date",
    "successor",
    "owner",
    "owner_source",
    "done",
    "new_key",
    "error",
)
EXCEL_MARK = "\ufeff"
"""Without it, Excel reads UTF-8 as the encoding of its country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a command answers."""

    at: datetime
    dry_run: bool
    policy: RotationPolicy
    results: Sequence[AccountResult]
    skipped: Sequence[tuple[Account, str]] = ()
    failures: Sequence[str] = ()
    """What went wrong and belongs to no account."""
    left_out: int = 0
    """How many keys are not shown."""
    order: Order = Order.ACCOUNT
    by_account: bool = False
    """Whether a table has a line for each account, instead of its keys."""
    with_owners: bool = False
    """Whether a table names each key's owner."""


def as_json(report: Report) -> str:
    """All of it."""
    return as_plan_file(report, [_account(result) for result in report.results])


def as_plan_file(report: Report, accounts: list[AccountReport]) -> str:
    """The file of a plan, with what is told of each account."""
    document: PlanFile = {
        "version": VERSION,
        "generated_at": format_utc(report.at),
        "dry_run": report.dry_run,
        "policy": {
            parameter(each.name): getattr(report.policy, each.name)
            for each in fields(report.policy)
        },
        "accounts": accounts,
        "skipped": [
            {"account": account.id, "name": account.name, "reason": why}
            for account, why in report.skipped
        ],
        "failures": list(report.failures),
    }
    return json.dumps(document, indent=2) + "\n"


def _account(result: AccountResult) -> AccountReport:
    told = answer(result)
    return {
        "account": told["account"],
        "name": result.plan.run.account.name,
        "run": told["run"],
        "decisions": [
            planned(made, result.plan.owner_of(made["user"])) for made in told["decisions"]
        ],
        "secrets_without_user": _leftovers(result.plan.leftovers),
        "failures": told["failures"],
        "quarantined": told["quarantined"],
        "warnings": told["warnings"],
        "counts": told["counts"],
        "done": [
            {
                "user": outcome.decided.user.name,
                "key": done.decision.key_id,
                "action": done.decision.action,
                "new_key": done.new_key,
            }
            for outcome in result.outcomes
            for done in outcome.done
            if done.decision.is_due
        ],
        "left": list(result.left),
    }


def _leftovers(found: Iterable[Leftover] | None) -> list[LeftoverSecret] | None:
    """The secrets without a living user; null: nobody looked."""
    if found is None:
        return None
    return [
        {
            "secret": each.name,
            "user": each.user,
            "user_id": each.user_id,
            "now_called": each.now_called,
            "empty": each.is_empty,
            "to_be_deleted": each.is_leaving,
        }
        for each in found
    ]


def planned(made: Decided, owner: Owner) -> Planned:
    """A decision, and who answers for its key."""
    return {**made, "owner": owner.address, "owner_source": owner.source}


def as_csv(report: Report) -> str:
    """One row a key."""
    return _csv(report, account=_harmless)


def as_csv_for_excel(report: Report) -> str:
    """
    The same, as Excel reads it right: with a mark of its encoding, and accounts as text.

    Not for programs: an account is a formula that gives its 12 digits, for Excel makes a rounded
    number of them otherwise.
    """
    return EXCEL_MARK + _csv(report, account='="{}"'.format)


def _csv(report: Report, *, account: Callable[[object], str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for result in _in_order(report):
        for first, *others in _rows(result, dry_run=report.dry_run):
            rows.writerow([account(first), *map(_harmless, others)])
    return text.getvalue()


def _in_order(report: Report) -> Iterable[AccountResult]:
    """The results in the order that is asked for; if not by account, key by key."""
    if report.order is Order.ACCOUNT:
        return report.results
    single = (
        _One(user=decided.user.name, decision=made, decided=decided, result=result)
        for result in report.results
        for decided in result.plan.users
        for made in decided.decisions
    )
    return [one.alone() for one in report.order.sorted(single)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    """A key of a result."""

    user: str
    decision: Decision
    decided: UserDecisions
    result: AccountResult

    def alone(self) -> AccountResult:
        """The result with this key alone."""
        decided = replace(self.decided, decisions=(self.decision,))
        return replace(self.result, plan=replace(self.result.plan, users=(decided,)))


def _rows(result: AccountResult, *, dry_run: bool) -> Iterator[Iterable[object]]:
    account = result.plan.run.account
    done = {
        (outcome.decided.user.name, made.decision.key_id): made
        for outcome in result.outcomes
        for made in outcome.done
        if made.decision.is_due and not made.decision.is_blocked
    }
    errors: dict[str | None, list[str]] = {}
    for failure in result.failures:
        errors.setdefault(failure.user, []).append(str(failure.error))
    for decided in result.plan.users:
        owner = result.plan.owner_of(decided.user.name)
        for made in decided.decisions:
            told = write_decision(decided.user.name, made)
            coming = made.next
            did = done.get((decided.user.name, made.key_id))
            cells = {
                **told,
                "account": account.id,
                "name": account.name,
                "overlays": " ".join(sorted(made.overlays)),
                "next_action": coming.action if coming else "",
                "next_date": coming.day if coming else "",
                "owner": owner.address or "",
                "owner_source": owner.source,
                "done": "" if dry_run else "yes" if did else "no",
                "new_key": did.new_key if did else "",
                "error": "; ".join(errors.get(decided.user.name, ())),
            }
            yield [cells[column] for column in COLUMNS]


def _harmless(cell: object) -> str:
    """
    A cell that no spreadsheet takes for a formula, with nothing in it that hides or turns text.

    User names may begin with = + - @, and names of accounts hold anything.
    """
    text = visible("" if cell is None else str(cell))
    return f"'{text}" if normalize("NFKC", text[:1]) in _FORMULAS else text


_FORMULAS = frozenset("=+-@")
"""What begins one; to some spreadsheets also in its full width."""
