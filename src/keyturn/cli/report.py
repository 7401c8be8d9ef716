"""What a command answers, and in which order its keys stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from keyturn.cli.sorting import SortBy
from keyturn.domain.decision import Decision, UserDecisions
from keyturn.domain.result import AccountResult
from keyturn.schemas.plan import PlanFrame, write_account, write_plan
from keyturn.schemas.plan_csv import write_csv, write_csv_for_excel


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(PlanFrame):
    """What a command answers."""

    results: Sequence[AccountResult]
    left_out: int = 0
    """How many keys are not shown."""
    order: SortBy = SortBy.ACCOUNT
    by_account: bool = False
    """Whether a table has a line for each account, instead of its keys."""
    with_owners: bool = False
    """Whether a table names each key's owner."""


def as_json(report: Report) -> str:
    """All of it."""
    return write_plan(report, [write_account(result) for result in report.results])


def as_csv(report: Report) -> str:
    """One row a key."""
    return write_csv(_in_order(report), dry_run=report.dry_run)


def as_csv_for_excel(report: Report) -> str:
    """The same, as Excel reads it right."""
    return write_csv_for_excel(_in_order(report), dry_run=report.dry_run)


def _in_order(report: Report) -> Iterable[AccountResult]:
    """The results in the order that is asked for; if not by account, key by key."""
    if report.order is SortBy.ACCOUNT:
        return report.results
    single = (
        _One(user=decided.user.name, decision=decision, decided=decided, result=result)
        for result in report.results
        for decided in result.plan.users
        for decision in decided.decisions
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
