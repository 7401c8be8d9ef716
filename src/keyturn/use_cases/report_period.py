"""Report a week or a month of the organisation, from its accounts' snapshots."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from keyturn.domain.account_period import (
    AccountPeriod,
    Exemptions,
    fold_account,
)
from keyturn.domain.account_seen import AccountSeen
from keyturn.domain.errors import NotFound, NoTimeLeft, PortError
from keyturn.domain.key import Account
from keyturn.domain.names import ACCOUNT_ID
from keyturn.domain.period import Period, PeriodKind
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
"""Accounts whose months are folded before the next are read."""
EXEMPTIONS: Final = "exemptions.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAsked:
    """Which week or month is to be reported."""

    period: Period
    now: datetime
    """UTC."""
    users_target: UsersTarget | None = None


@dataclass(slots=True)
class _Known:
    """What listings and inventories say, before a snapshot is read."""

    names: dict[str, str] = field(default_factory=dict)
    """Account id → name."""
    stored: dict[str, int] = field(default_factory=dict)
    """Account id → a bit for each day that has a snapshot: sets would be too large."""
    queued: dict[str, int] = field(default_factory=dict)
    """Account id → a bit for each day on which an inventory queued it."""
    without_inventory: list[date] = field(default_factory=list)


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
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> PeriodReport:
        """
        Fold the snapshots into a report.

        Args:
            asked: which time.
            each: gets every account, in the order of their ids, with all its lines.
            may_go_on: whether there is time for some more accounts.

        Raises:
            PortError: the snapshots could not be listed.
            NoTimeLeft: there was no time for all of them.

        """
        days = [day for day in asked.period.days if day <= asked.now.date()]
        known = self._known(days)
        exemptions, remarks = self._exemptions()
        fold = FoldPeriod(
            KnownOfPeriod(
                period=asked.period,
                made=asked.now,
                days_without_inventory=tuple(known.without_inventory),
                has_exemptions=exemptions is not None,
                users_target=asked.users_target,
                months=kept_months(self.evidence, asked.period)
                if asked.period.kind is PeriodKind.MONTHLY
                else (),
                remarks=remarks,
            )
        )
        for account in self._accounts(asked.period, days, known, exemptions, may_go_on):
            fold.add(account)
            each(account)
        return fold.report()

    def _accounts(
        self,
        period: Period,
        days: list[date],
        known: _Known,
        exemptions: Exemptions | None,
        may_go_on: Callable[[], bool],
    ) -> Iterator[AccountPeriod]:
        accounts = sorted(known.stored.keys() | known.queued.keys())

        def folded(account: str) -> AccountPeriod:
            stored = _days_of(known.stored.get(account, 0), days)
            expected = {*stored, *_days_of(known.queued.get(account, 0), days)}
            return fold_account(
                (self._seen(account, day) for day in stored),
                account=Account(id=account, name=known.names.get(account, "")),
                period=period,
                expected=expected,
                exemptions=exemptions,
            )

        for start in range(0, len(accounts), AT_ONCE):
            if not may_go_on():
                message = f"there was time for {start} of {len(accounts)} accounts"
                raise NoTimeLeft(message)
            some = accounts[start : start + AT_ONCE]
            yield from side_by_side(folded, some, workers=self.workers)

    def _seen(self, account: str, day: date) -> AccountSeen:
        body: bytes | PortError | None
        try:
            body = self.evidence.read(f"snapshots/date={day.isoformat()}/account={account}.json")
        except NotFound:
            body = None
        except PortError as error:
            body = error
        found = read_account_seen(body)
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

    def _known(self, days: list[date]) -> _Known:
        known = _Known()
        for number, day in enumerate(days):
            bit, folder = 1 << number, f"snapshots/date={day.isoformat()}/account="
            for stored in self.evidence.listed(folder):
                account = stored.name.removeprefix(folder).removesuffix(".json")
                if ACCOUNT_ID.fullmatch(account):
                    known.stored[account] = known.stored.get(account, 0) | bit
            queued = self._queued(day)
            if queued is None:
                known.without_inventory.append(day)
            for account, name in (queued or {}).items():
                known.queued[account] = known.queued.get(account, 0) | bit
                known.names[account] = name
        return known

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

    def _exemptions(self) -> tuple[Exemptions | None, tuple[str, ...]]:
        """What the exemptions file says now; None: nobody knows. And what is odd about it."""
        try:
            body = self.evidence.read(EXEMPTIONS)
        except PortError:
            return None, ()
        file = read_exemptions_file(body, place=f"{self.evidence.place}{EXEMPTIONS}")
        broken = [str(each) for each in file.problems if not each.is_warning]
        remarks = (BROKEN_EXEMPTIONS.format(why=broken[0]),) if broken else ()
        entries = {(each.account, each.user): each for each in file.entries}
        return Exemptions(entries=entries, is_whole=file.is_whole), remarks


def _days_of(bits: int, days: list[date]) -> list[date]:
    return [day for number, day in enumerate(days) if bits >> number & 1]
