"""A plan, or what became of it, as JSON and CSV: for programs, and stable."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

from keyturn.domain.decision import Decision, Turn
from keyturn.domain.forms import AccountReport, PlanFile
from keyturn.domain.key import Account
from keyturn.domain.policy import RotationPolicy, parameter
from keyturn.domain.record import stamp
from keyturn.entrypoints.answer import answer
from keyturn.entrypoints.order import Order
from keyturn.use_cases.keep_account import AccountResult
from keyturn.use_cases.tell import describe

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
)


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
    document: PlanFile = {
        "version": VERSION,
        "generated_at": stamp(report.at),
        "dry_run": report.dry_run,
        "policy": {
            parameter(each.name): getattr(report.policy, each.name)
            for each in fields(report.policy)
        },
        "accounts": [_account(result) for result in report.results],
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
            {**made, "owner": owner.address, "owner_source": owner.source}
            for made in told["decisions"]
            for owner in (result.plan.owner_of(made["user"]),)
        ],
        "failures": told["failures"],
        "quarantined": told["quarantined"],
        "warnings": told["warnings"],
        "counts": told["counts"],
        "done": [
            {
                "user": outcome.turn.user.name,
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


def as_csv(report: Report) -> str:
    """One row a key."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for result in _in_order(report):
        for row in _rows(result):
            rows.writerow([_harmless(cell) for cell in row])
    return text.getvalue()


def _in_order(report: Report) -> Iterable[AccountResult]:
    """The results in the order that is asked for; if not by account, key by key."""
    if report.order is Order.ACCOUNT:
        return report.results
    single = (
        _One(user=turn.user.name, decision=made, turn=turn, result=result)
        for result in report.results
        for turn in result.plan.turns
        for made in turn.decisions
    )
    return [one.alone() for one in report.order.sorted(single)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    """A key of a result."""

    user: str
    decision: Decision
    turn: Turn
    result: AccountResult

    def alone(self) -> AccountResult:
        """The result with this key alone."""
        turn = replace(self.turn, decisions=(self.decision,))
        return replace(self.result, plan=replace(self.result.plan, turns=(turn,)))


def _rows(result: AccountResult) -> Iterator[Iterable[object]]:
    account = result.plan.run.account
    for turn in result.plan.turns:
        owner = result.plan.owner_of(turn.user.name)
        for made in turn.decisions:
            told = describe(turn.user, made)
            coming = made.next
            cells = {
                **told,
                "account": account.id,
                "name": account.name,
                "overlays": " ".join(sorted(made.overlays)),
                "next_action": coming.action if coming else "",
                "next_date": coming.day if coming else "",
                "owner": owner.address or "",
                "owner_source": owner.source,
            }
            yield [cells[column] for column in COLUMNS]


def _harmless(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula; user names may begin with = + - @."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
