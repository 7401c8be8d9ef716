"""
How the accounts' weeks or months become the report of the organisation.

A fold, an account after the other: of each list it keeps the worst few hundred and how many there
are, so ten thousand accounts take little more room than ten. What was not seen is said first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from statistics import median
from typing import Any, Final

from keyturn.domain.account_period import AccountPeriod, ListName, PeriodLine, Standing
from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import Action
from keyturn.domain.figures import MONTHLY_ALONE, SECRET_PRICE, WAY_OUT_OF, FigureName
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.users_target import UsersCount, UsersTarget, course_to_target
from keyturn.domain.way_out import Kind

LISTED: Final = 500
"""Lines of each list in a report; its CSV has all."""
_KEPT: Final = 4 * LISTED
"""Lines that are kept before the worst of them are chosen: to sort at each line takes long."""
NOT_OVER: Final = "The {kind} is not over: it is reported up to {day}"
NO_INVENTORY: Final = (
    "Nobody knows who was to be seen on {days}: no inventory left word. An account without a run "
    "on them may be missing here"
)
NO_EXEMPTIONS: Final = "The exemptions file could not be read, or there is none: no entry is shown"
BROKEN_EXEMPTIONS: Final = "The exemptions file is broken, so an entry may be missing: {why}"
UNREAD: Final = "{account} on {day}: its snapshot could not be read ({why})"
_OF_NOTHING: Final = frozenset({FigureName.USERS_TARGET})
_OF_COVERAGE: Final = _OF_NOTHING | {
    FigureName.ACCOUNTS_LISTED,
    FigureName.ACCOUNTS_WHOLE,
    FigureName.ACCOUNTS_PARTLY,
    FigureName.ACCOUNTS_NEVER,
}
"""The figures that are known where no account was seen, but it is known which there are."""
_DAYS_NAMED: Final = 7
"""Days that are named; of more the first and the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodList:
    """The worst lines of a list, the worst first, and how many there are."""

    total: int = 0
    worst: tuple[PeriodLine, ...] = ()

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account, as the table of accounts has it."""

    account: str
    name: str
    last: date | None
    """The last day on which it was seen, UTC; None: never, so the numbers are of nothing."""
    days_missing: int
    dry_run: bool
    users: int
    active: int
    within: int
    over_90: int
    oldest: int
    age_average: float | None
    rotated: int
    disabled: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The number of IAM users on a day, and of how many accounts."""

    day: date
    users: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReport:
    """A week or a month of the organisation."""

    period: Period
    made: datetime
    """UTC."""
    is_over: bool
    is_whole: bool
    """Whether everything was seen: every account on every day, and every user at the last look."""
    figures: Mapping[FigureName, float | None]
    """None: there is nothing to count it of, or nobody knows."""
    lists: Mapping[ListName, PeriodList]
    accounts: tuple[AccountRow, ...]
    """The accounts with the smallest part within policy first."""
    accounts_more: int
    trend: tuple[Point, ...]
    months: tuple[UsersCount, ...] = ()
    """The users at the end of earlier months, the first one first; gaps are there, too."""
    course: str = ""
    """How the users stand to their target, a clause; empty: none is set, or none was counted."""
    remarks: tuple[str, ...] = ()
    """What is odd about the report itself, a sentence each: to be read before the rest."""
    csv: str = ""
    """Where all lines are stored: the name of an object in the bucket; empty: nowhere."""
    page: str = ""
    """Where its page is stored, likewise."""
    fleet: str = ""
    """Where the page of all keys of its last day is stored, likewise."""
    ocsf: str = ""
    """Where its findings are stored, likewise."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each of these objects, in hex: a change of one shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOfPeriod:
    """What is known beside the snapshots."""

    period: Period
    made: datetime
    """UTC."""
    days_without_inventory: tuple[date, ...] = ()
    has_exemptions: bool = True
    users_target: UsersTarget | None = None
    months: tuple[UsersCount, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Worst:
    """Keeps the things with the smallest ranks."""

    total: int = 0
    kept: list[tuple[tuple[Any, ...], Any]] = field(default_factory=list)

    def add(self, rank: tuple[object, ...], found: object) -> None:
        self.total += 1
        self.kept.append((rank, found))
        if len(self.kept) >= _KEPT:
            self.cut()

    def cut(self) -> tuple[Any, ...]:
        self.kept = sorted(self.kept, key=lambda each: each[0])[:LISTED]
        return tuple(found for _, found in self.kept)


@dataclass(slots=True)
class FoldPeriod:
    """Takes the accounts in, in any order, and lets go of each."""

    known: KnownOfPeriod
    whole: int = 0
    partly: int = 0
    never: int = 0
    users_left: int = 0
    users: int = 0
    users_change: int | None = None
    with_two: int = 0
    age_sum: int = 0
    oldest: int = 0
    over_90: int = 0
    users_rotated: int = 0
    users_active: int = 0
    secrets_accounts: int = 0
    secrets_stored: int = 0
    secrets_scheduled: int = 0
    secrets_of_gone: int = 0
    new_keys: int = 0
    standings: Counter[Standing] = field(default_factory=Counter)
    ways_out: Counter[Kind] = field(default_factory=Counter)
    done: Counter[Action] = field(default_factory=Counter)
    first_uses: Counter[int] = field(default_factory=Counter)
    lists: dict[ListName, _Worst] = field(
        default_factory=lambda: {name: _Worst() for name in ListName}
    )
    rows: _Worst = field(default_factory=_Worst)
    by_day: Counter[date] = field(default_factory=Counter)
    seen_by_day: Counter[date] = field(default_factory=Counter)

    def add(self, account: AccountPeriod) -> None:
        """Take an account in."""
        if account.last is None:
            self.never += 1
        elif account.days_missing:
            self.partly += 1
        else:
            self.whole += 1
        self.users_left += account.users_left
        self.users += account.users
        if account.users_first is not None and account.days_seen > 1:
            self.users_change = (self.users_change or 0) + account.users - account.users_first
        self.with_two += account.users_with_two
        self.age_sum += account.age_sum
        self.oldest = max(self.oldest, account.oldest)
        self.over_90 += account.over_control
        self.users_rotated += len(account.users_rotated)
        self.users_active += account.users_active
        if account.secrets is not None:
            self.secrets_accounts += 1
            self.secrets_stored += account.secrets.stored
            self.secrets_scheduled += account.secrets.scheduled
            self.secrets_of_gone += account.secrets.of_gone
        self.new_keys += account.new_keys
        self.standings.update(account.standings)
        self.ways_out.update(account.ways_out)
        self.done.update(account.done)
        self.first_uses.update(account.first_uses)
        self.by_day.update(account.users_by_day)
        self.seen_by_day.update(account.users_by_day.keys())
        for name, lines in account.lines.items():
            for line in lines:
                self.lists[name].add(_rank(line), line)
        row = row_of(account)
        self.rows.add(_row_rank(row), row)

    def report(self, remarks: Sequence[str] = ()) -> PeriodReport:
        """What the accounts so far came to; remarks: what else is odd about it."""
        known = replace(self.known, remarks=(*self.known.remarks, *remarks))
        period = known.period
        is_over = period.last < known.made.date()
        figures = self._figures()
        if not self.whole + self.partly:
            # Where nobody looked nothing was counted, and that is no 0.
            known_all_the_same = _OF_COVERAGE if self.never else _OF_NOTHING
            figures = {
                name: found if name in known_all_the_same else None
                for name, found in figures.items()
            }
        if period.kind is not PeriodKind.MONTHLY:
            figures = {name: found for name, found in figures.items() if name not in MONTHLY_ALONE}
        unseen = self.partly or self.never or self.users_left or known.days_without_inventory
        return PeriodReport(
            period=period,
            made=known.made,
            is_over=is_over,
            is_whole=not unseen and not known.remarks and bool(self.whole),
            figures=figures,
            lists={
                name: PeriodList(total=lines.total, worst=lines.cut())
                for name, lines in self.lists.items()
            },
            accounts=self.rows.cut(),
            accounts_more=max(0, self.rows.total - LISTED),
            trend=tuple(
                Point(day=day, users=self.by_day[day], accounts=self.seen_by_day[day])
                for day in sorted(self.by_day)
            ),
            months=known.months,
            course=self._course(),
            remarks=tuple(self._remarks(known, is_over=is_over)),
        )

    def _course(self) -> str:
        """How the users at the last look stand to the target."""
        known = self.known
        if known.users_target is None or not self.by_day:
            return ""
        accounts = self.whole + self.partly + self.never
        today = min(known.period.last, known.made.date())
        # The last day's inventory says who there is: an earlier one that lacks hides nobody.
        is_unsure = self.never or self.users_left or today in known.days_without_inventory
        days = [
            UsersCount(day=day, users=users, is_whole=self.seen_by_day[day] == accounts)
            for day, users in sorted(self.by_day.items())
            if day < today
        ]
        now = UsersCount(day=today, users=self.users, is_whole=not is_unsure)
        course = course_to_target(known.users_target, [*known.months, *days, now])
        return course.says if course else ""

    def _figures(self) -> dict[FigureName, float | None]:
        keys = self.standings.total()
        active = keys - self.standings[Standing.INACTIVE]
        uses = sorted(self.first_uses.elements())
        target = self.known.users_target.users if self.known.users_target else None
        return {
            FigureName.ACCOUNTS_LISTED: self.whole + self.partly + self.never,
            FigureName.ACCOUNTS_WHOLE: self.whole,
            FigureName.ACCOUNTS_PARTLY: self.partly,
            FigureName.ACCOUNTS_NEVER: self.never,
            FigureName.USERS_LEFT: self.users_left,
            FigureName.KEYS: keys,
            FigureName.KEYS_ACTIVE: active,
            **{FigureName(f"keys_{standing}"): self.standings[standing] for standing in Standing},
            FigureName.WITHIN_PERCENT: percent(self.standings[Standing.WITHIN], active),
            FigureName.OVER_90: self.over_90,
            FigureName.USERS_WITH_TWO: self.with_two,
            FigureName.AGE_AVERAGE: round(self.age_sum / active, 1) if active else None,
            FigureName.AGE_OLDEST: self.oldest if active else None,
            FigureName.ROTATED: self.done[Action.ROTATE],
            FigureName.DISABLED: self.done[Action.DISABLE],
            FigureName.DELETED: self.done[Action.DELETE],
            FigureName.RESTORATIONS: self.lists[ListName.RESTORED].total,
            FigureName.WITHOUT_OWNER: self.lists[ListName.WITHOUT_OWNER].total,
            FigureName.USERS: self.users,
            FigureName.USERS_CHANGE: self.users_change,
            FigureName.USERS_TARGET: target,
            FigureName.USERS_ABOVE_TARGET: self._above(target),
            FigureName.USERS_WITH_KEYS: self.ways_out.total(),
            **{WAY_OUT_OF[kind]: self.ways_out[kind] for kind in Kind},
            FigureName.NEW_KEYS: self.new_keys,
            FigureName.NEW_KEYS_USED: len(uses),
            FigureName.NEW_KEYS_NOT_SEEN_USED: self.new_keys - len(uses),
            FigureName.FIRST_USE_MEDIAN: float(median(uses)) if uses else None,
            FigureName.FIRST_USE_LONGEST: uses[-1] if uses else None,
            FigureName.USERS_ROTATED: self.users_rotated,
            FigureName.SECRETS_COST: cost_of(self.users_rotated),
            FigureName.SECRETS_COST_OF_ALL: cost_of(self.users_active),
            FigureName.SECRETS_ACCOUNTS: self.secrets_accounts,
            **self._of_secrets(),
        }

    def _above(self, target: int | None) -> int | None:
        """Users above the target; None: nobody knows, for some were not seen."""
        if target is None:
            return None
        above = max(0, self.users - target)
        return None if not above and (self.never or self.users_left) else above

    def _of_secrets(self) -> dict[FigureName, float | None]:
        """What is known of the secrets; where nobody listed any, nothing is, and that is no 0."""
        known = self.secrets_stored + self.secrets_scheduled
        figures = {
            FigureName.SECRETS_KNOWN: known,
            FigureName.SECRETS_STORED: self.secrets_stored,
            FigureName.SECRETS_SCHEDULED: self.secrets_scheduled,
            FigureName.SECRETS_OF_GONE: self.secrets_of_gone,
            FigureName.SECRETS_COST_BEFORE: cost_of(known),
            FigureName.SECRETS_COST_AFTER: cost_of(self.secrets_stored),
        }
        return {name: found if self.secrets_accounts else None for name, found in figures.items()}

    def _remarks(self, known: KnownOfPeriod, *, is_over: bool) -> list[str]:
        remarks = []
        if not is_over:
            kind = "week" if known.period.kind is PeriodKind.WEEKLY else "month"
            remarks.append(NOT_OVER.format(kind=kind, day=known.made.date().isoformat()))
        if known.days_without_inventory:
            remarks.append(NO_INVENTORY.format(days=_named(known.days_without_inventory)))
        if not known.has_exemptions and self.lists[ListName.EXEMPT].total:
            remarks.append(NO_EXEMPTIONS)
        return [*remarks, *known.remarks]


def cost_of(secrets: int) -> float:
    """US dollars a month."""
    return round(secrets * SECRET_PRICE, 2)


def percent(part: int, whole: int) -> float | None:
    """A part in percent, one digit; 100 only where it is the whole, 0 only where it is none."""
    if not whole:
        return None
    found = round(100 * part / whole, 1)
    if part < whole:
        found = min(found, 99.9)
    return max(found, 0.1) if part else found


def row_of(account: AccountPeriod) -> AccountRow:
    """The row of an account."""
    active = account.active
    return AccountRow(
        account=account.account,
        name=account.name,
        last=account.last,
        days_missing=account.days_missing,
        dry_run=account.dry_run,
        users=account.users,
        active=active,
        within=account.standings.get(Standing.WITHIN, 0),
        over_90=account.over_control,
        oldest=account.oldest,
        age_average=round(account.age_sum / active, 1) if active else None,
        rotated=account.done.get(Action.ROTATE, 0),
        disabled=account.done.get(Action.DISABLE, 0),
        deleted=account.done.get(Action.DELETE, 0),
    )


def saw_nothing(report: PeriodReport) -> bool:
    """Whether no account was seen on any day: nothing but who there is was counted."""
    seen = (FigureName.ACCOUNTS_WHOLE, FigureName.ACCOUNTS_PARTLY)
    return not any(report.figures.get(name) for name in seen)


def unseen_line(report: PeriodReport) -> str:
    """What was not seen, in one sentence; empty: everything was."""
    figures = report.figures
    parts = [
        f"{what}: {pluralize(int(number), thing)}"
        for name, what, thing in (
            (FigureName.ACCOUNTS_NEVER, "never seen", "account"),
            (FigureName.ACCOUNTS_PARTLY, "not seen on every day", "account"),
            (FigureName.USERS_LEFT, "no time for", "user"),
        )
        if (number := figures.get(name))
    ]
    return "; ".join(parts)


def _named(days: tuple[date, ...]) -> str:
    if len(days) <= _DAYS_NAMED:
        return ", ".join(day.isoformat() for day in days)
    return f"{len(days)} days from {days[0].isoformat()} to {days[-1].isoformat()}"


def _rank(line: PeriodLine) -> tuple[object, ...]:
    """The oldest first; then in the order of names."""
    return *line.rank, -(line.age or 0), line.account, line.user or "", line.key_id or ""


def _row_rank(row: AccountRow) -> tuple[object, ...]:
    """What was never seen first, then the accounts with the smallest part within policy."""
    if row.last is None:
        return 0, 0.0, row.account
    return 1, (row.within / row.active if row.active else 1.0), row.account
