"""Report a week or a month of the organisation, from its accounts' snapshots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from keyturn.domain.account_period import (
    AccountPeriod,
    Exemptions,
    fold_account,
)
from keyturn.domain.account_seen import AccountSeen
from keyturn.domain.days import DAY
from keyturn.domain.errors import NotFound, PortError
from keyturn.domain.exemptions_file import ExemptionsFile
from keyturn.domain.key import Account
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_plan import PeriodPlan, PlannedAccount
from keyturn.domain.period_report import (
    BROKEN_EXEMPTIONS,
    FoldPeriod,
    KnownOfPeriod,
    PeriodReport,
)
from keyturn.domain.users_target import UsersTarget
from keyturn.ports.evidence import Evidence
from keyturn.schemas.account_seen import read_account_seen
from keyturn.schemas.exemptions_file import read_exemptions_file
from keyturn.schemas.inventory_record import read_inventory
from keyturn.use_cases.kept_months import kept_months
from keyturn.use_cases.side_by_side import side_by_side

AT_ONCE: Final = 64
"""Accounts whose months are folded before the next are read: a part of a report."""
EXEMPTIONS: Final = "exemptions.yaml"
LOOKS_BACK: Final = 92
"""Days before the time in which it is looked since when a key is held up."""
MISSING_ENDS: Final = 7
"""Days without a snapshot, one after the other, before which nobody looks any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAsked:
    """Which week or month is to be reported."""

    period: Period
    now: datetime
    """UTC."""
    users_target: UsersTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPeriod:
    """Reads every snapshot of a time once, account by account, and lets go of each."""

    evidence: Evidence
    workers: int

    def of(
        self,
        asked: PeriodAsked,
        *,
        each: Callable[[AccountPeriod], object] = lambda _account: None,
    ) -> PeriodReport:
        """
        Fold the snapshots into a report.

        Args:
            asked: which time.
            each: gets every account, in the order of their ids, with all its lines.

        Raises:
            PortError: the snapshots could not be listed.

        """
        plan = self.plan(asked.period, asked.now)
        fold = self.fold(plan, users_target=asked.users_target)
        for part in plan.parts(AT_ONCE):
            for account in self.accounts(plan, part):
                fold.add(account)
                each(account)
        return fold.report()

    def plan(self, period: Period, now: datetime) -> PeriodPlan:
        """
        Look at what there is to be read; now: UTC.

        Raises PortError where that cannot be listed.
        """
        plan = PeriodPlan(period=period, made=now, accounts={})
        found: dict[str, PlannedAccount] = {}
        without_inventory: list[date] = []
        for number, day in enumerate(plan.days):
            bit, folder = 1 << number, f"snapshots/date={day.isoformat()}/account="
            for stored in self.evidence.listed(folder):
                account = stored.name.removeprefix(folder).removesuffix(".json")
                if ACCOUNT_ID.fullmatch(account):
                    known = found.get(account, PlannedAccount())
                    found[account] = replace(known, stored=known.stored | bit)
            queued = self._queued(day)
            if queued is None:
                without_inventory.append(day)
            for account, name in (queued or {}).items():
                known = found.get(account, PlannedAccount())
                found[account] = replace(known, name=name, queued=known.queued | bit)
        try:
            exemptions = self.evidence.read(EXEMPTIONS)
        except PortError:
            exemptions = None
        return replace(
            plan,
            accounts=dict(sorted(found.items())),
            without_inventory=tuple(without_inventory),
            exemptions=exemptions,
        )

    def fold(self, plan: PeriodPlan, *, users_target: UsersTarget | None) -> FoldPeriod:
        """What takes in the accounts of a plan."""
        file = self._exemptions_file(plan)
        broken = [str(each) for each in file.problems if not each.is_warning] if file else []
        is_month = plan.period.kind is PeriodKind.MONTHLY
        said = [BROKEN_EXEMPTIONS.format(why=broken[0])] if broken else []
        return FoldPeriod(
            KnownOfPeriod(
                period=plan.period,
                made=plan.made,
                days_without_inventory=plan.without_inventory,
                has_exemptions=file is not None,
                users_target=users_target,
                months=kept_months(self.evidence, plan.period) if is_month else (),
                remarks=tuple(said),
            )
        )

    def accounts(self, plan: PeriodPlan, part: Sequence[str]) -> Sequence[AccountPeriod]:
        """Read and fold these accounts of a plan, in their order."""
        file = self._exemptions_file(plan)
        exemptions: Exemptions | None = None
        if file is not None:
            entries = {(each.account, each.user): each for each in file.entries}
            exemptions = Exemptions(entries=entries, is_whole=file.is_whole)

        def folded(account: str) -> AccountPeriod:
            return fold_account(
                (self._seen(account, day) for day in plan.stored(account)),
                account=Account(id=account, name=plan.accounts[account].name),
                period=plan.period,
                expected=plan.expected(account),
                exemptions=exemptions,
                before=self._before(account, plan.period.first),
            )

        return side_by_side(folded, part, workers=self.workers)

    def _before(self, account: str, first: date) -> Iterator[AccountSeen]:
        """What was seen before the time, the last day first, as far as there is anything."""
        missing = 0
        for back in range(1, LOOKS_BACK + 1):
            body = self._body(account, first - back * DAY)
            missing = missing + 1 if body is None else 0
            if missing == MISSING_ENDS:
                return
            found = read_account_seen(body)
            if isinstance(found, AccountSeen):
                yield replace(found, account=account, day=first - back * DAY)

    def _body(self, account: str, day: date) -> bytes | PortError | None:
        try:
            return self.evidence.read(f"snapshots/date={day.isoformat()}/account={account}.json")
        except NotFound:
            return None
        except PortError as error:
            return error

    def _seen(self, account: str, day: date) -> AccountSeen:
        found = read_account_seen(self._body(account, day))
        if isinstance(found, AccountSeen):
            # By where it is stored: what it says of itself must not count it for another.
            return replace(found, account=account, day=day)
        return AccountSeen(
            day=day,
            account=account,
            name="",
            dry_run=False,
            reached=False,
            rotation_period=0,
            why=f"its snapshot could not be read ({found})",
        )

    def _queued(self, day: date) -> Mapping[str, str] | None:
        """Who was to be seen on a day, by all its inventories; None: nobody knows."""
        queued: dict[str, str] = {}
        is_known = False
        folder = f"reports/daily/date={day.isoformat()}/inventory/"
        for stored in self.evidence.listed(folder):
            try:
                record = read_inventory(self.evidence.read(stored.name))
            except PortError:
                return None
            if record is None:
                return None
            is_known = True
            queued |= {
                account: name
                for account, name in record.queued.items()
                if ACCOUNT_ID.fullmatch(account)
            }
        return queued if is_known else None

    def _exemptions_file(self, plan: PeriodPlan) -> ExemptionsFile | None:
        """What the exemptions file says; None: nobody knows."""
        if plan.exemptions is None:
            return None
        return _exemptions_file(plan.exemptions, f"{self.evidence.place}{EXEMPTIONS}")


@lru_cache(maxsize=1)
def _exemptions_file(body: bytes, place: str) -> ExemptionsFile:
    """The same file for each part: it may have thousands of entries."""
    return read_exemptions_file(body, place=place)
