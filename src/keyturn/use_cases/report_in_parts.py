"""
Fold a week or a month in parts, so that a turn of the reporter need not make the whole.

    <prefix>/reports/<kind>/_parts/<period>/plan.json   what it is made of, by the first turn
    <prefix>/reports/<kind>/_parts/<period>/0000.json   the accounts of a part, folded

Each is stored once, whoever is faster. All turns go by one plan: every account is in exactly one
part. What was stored and cannot be read any more is said: its accounts count as not seen (decision
0070).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyturn.domain.account_period import AccountPeriod, ListName, PeriodLine
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import AlreadyThere, InvalidValue, NoTimeLeft
from keyturn.domain.period import Period
from keyturn.domain.period_plan import PeriodPlan
from keyturn.ports.period_reports import PeriodReports
from keyturn.schemas.period_parts import read_part, read_plan, write_part, write_plan
from keyturn.use_cases.report_period import AT_ONCE, ReportPeriod

PLAN: Final = "plan.json"
LOST: Final = "its part of the report was stored and cannot be read any more"
LOST_PART: Final = "{name} was stored and cannot be read any more; not seen by that: {accounts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """How far a report is that the next turn goes on with."""

    period: Period
    done: int
    """Accounts that are folded."""
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInParts:
    """Folds the accounts of a plan, part by part."""

    reports: PeriodReports
    report_period: ReportPeriod

    def plan(self, period: Period, now: datetime) -> PeriodPlan:
        """
        What the report is made of, by the first turn that asked; now: UTC.

        Raises a PortError where nobody can say, InvalidValue where what is stored is no plan.
        """
        name = f"{_folder(period)}{PLAN}"
        if not self.reports.has(name):
            with suppress(AlreadyThere):  # another turn was faster: its plan is the plan
                self.reports.add(name, write_plan(self.report_period.plan(period, now)))
        plan = read_plan(self.reports.read(name))
        if plan is None or plan.period != period:
            raise InvalidValue("plan", name, f"is no plan of {period.name}: delete it")
        return plan

    def go_on(self, plan: PeriodPlan, may_go_on: Callable[[], bool]) -> Unfinished | None:
        """
        Fold the parts that are not stored yet; None: all of them are.

        Raises a PortError where one could not be stored, NoTimeLeft where there was no time for a
        single one.
        """
        folder, accounts = _folder(plan.period), len(plan.accounts)
        there = set(self.reports.names(folder, after=folder))
        missing = [(name, part) for name, part in self._parts(plan) if name not in there]
        left = sum(len(part) for _, part in missing)
        done = accounts - left
        for number, (name, part) in enumerate(missing):
            if not may_go_on():
                if number == 0:
                    raise NoTimeLeft(f"there was time for {done} of {accounts} accounts")
                return Unfinished(period=plan.period, done=done, accounts=accounts)
            with suppress(AlreadyThere):  # folded by another turn at the same time
                self.reports.add(name, write_part(self.report_period.accounts(plan, part)))
            done += len(part)
        return None

    def accounts(self, plan: PeriodPlan, remark: Callable[[str], None]) -> Iterator[AccountPeriod]:
        """
        Every account of the plan once, in the order of their ids; remark: what is odd of them.

        Raises a PortError where a part cannot be read now: the next turn tries again.
        """
        for name, part in self._parts(plan):
            found = read_part(self.reports.read(name), part)
            if found is None:
                remark(LOST_PART.format(name=name, accounts=pluralize(len(part), "account")))
                found = [_lost(plan, account) for account in part]
            yield from found

    @staticmethod
    def _parts(plan: PeriodPlan) -> Iterator[tuple[str, Sequence[str]]]:
        folder = _folder(plan.period)
        for number, part in enumerate(plan.parts(AT_ONCE)):
            yield f"{folder}{number:04}.json", part


def _folder(period: Period) -> str:
    # Before the folders of the days, where the audit chain lists: a part is no report.
    return f"reports/{period.kind}/_parts/{period.name}/"


def _lost(plan: PeriodPlan, account: str) -> AccountPeriod:
    name = plan.accounts[account].name
    return AccountPeriod(
        account=account,
        name=name,
        days_missing=len(plan.expected(account)),
        lines={ListName.NOT_REACHED: (PeriodLine(account=account, name=name, what=LOST),)},
    )
