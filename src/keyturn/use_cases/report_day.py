"""Report a day of the whole organisation, from its accounts' snapshots."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from keyturn.domain.account_day import AccountDay
from keyturn.domain.admin_digest import AdminDigest, Expected, FailureKey, Lasting
from keyturn.domain.days import DAY
from keyturn.domain.errors import NoTimeLeft, PortError
from keyturn.domain.fold_day import Late, fold
from keyturn.ports import DatedCoverage, Snapshots
from keyturn.schemas.account_day import account_day, heading, rows_of
from keyturn.schemas.snapshot import Snapshot
from keyturn.use_cases.inventory import Inventory
from keyturn.use_cases.side_by_side import side_by_side

AT_ONCE = 64
"""Snapshots that are held at a time: of large accounts each has a megabyte or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAsked:
    """Which day is to be reported, and what is known of it beside its snapshots."""

    day: date
    """UTC."""
    expected: Expected | None = None
    """Who was to be seen; None: not known."""
    memory: Mapping[FailureKey, Lasting] = field(default_factory=dict)
    """The failures that an earlier digest reported."""
    runs_into_next: bool = False
    """Whether runs of that day's inventory may have begun after midnight."""
    made_before: datetime | None = None
    """When the digest of the day before was made, UTC: what came after it is told with this day's.

    None: there is none, or nothing of that day is told.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDay:
    """Reads every snapshot of a day once, and lets go of each as soon as it is counted."""

    coverage: DatedCoverage
    snapshots: Snapshots
    workers: int

    def of(
        self,
        asked: DayAsked,
        *,
        write: Callable[[str], object] = lambda _rows: None,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> AdminDigest:
        """
        Fold the day's snapshots into the administrators' digest.

        Args:
            asked: which day.
            write: gets the CSV of all keys, its heading and then the rows of an account at a time.
            may_go_on: whether there is time for some more accounts.

        Returns:
            The digest. A snapshot that cannot be read is a failure of its account.

        Raises:
            PortError: the snapshots could not be listed.
            NoTimeLeft: there was no time for all of them.

        """
        days = dict.fromkeys(self.coverage.accounts_of(asked.day), asked.day)
        if asked.runs_into_next:
            # An account's newest: the older one is of the run before.
            days |= dict.fromkeys(self.coverage.accounts_of(asked.day + DAY), asked.day + DAY)
        before = asked.day - DAY
        late = None
        if asked.made_before is not None:
            came_late = self.coverage.changed_since(before, asked.made_before)
            since = dict.fromkeys(came_late, before)
            late = Late(
                accounts=self._days(since, lambda _rows: None, may_go_on), since=asked.made_before
            )
        write(heading())
        return fold(
            self._days(days, write, may_go_on),
            day=asked.day,
            expected=asked.expected,
            memory=asked.memory,
            late=late,
        )

    def _days(
        self,
        days: Mapping[str, date],
        write: Callable[[str], object],
        may_go_on: Callable[[], bool],
    ) -> Iterator[AccountDay]:
        """Each account's day, in the order of their ids; days: account id → of which date."""
        accounts = sorted(days)
        for start in range(0, len(accounts), AT_ONCE):
            if not may_go_on():
                message = f"there was time for {start} of {len(accounts)} accounts"
                raise NoTimeLeft(message)
            some = accounts[start : start + AT_ONCE]
            read = side_by_side(
                lambda each: self._read(each, days[each]), some, workers=self.workers
            )
            for account, found in zip(some, read, strict=True):
                seen, rows = _looked_at(account, found)
                write(rows)
                yield seen

    def _read(self, account: str, day: date) -> Snapshot | PortError | None:
        try:
            return self.snapshots.of_day(account, day)
        except PortError as error:
            return error


def expected_of(inventory: Inventory, day: date) -> Expected:
    """Who was to be seen on a day, by an inventory that was taken on it or later."""
    # An account that joined on the day itself may have come after its inventory.
    joined_before = [
        account
        for account in inventory.accounts
        if account.id not in inventory.joined or inventory.joined[account.id].date() < day
    ]
    return Expected(
        queued={account.id: account.name for account in joined_before},
        skipped=len(inventory.skipped),
    )


def _looked_at(account: str, found: Snapshot | PortError | None) -> tuple[AccountDay, str]:
    """An account's day, and the rows of its keys: both, or neither of them."""
    why: object = found
    if isinstance(found, Mapping):
        try:
            seen, rows = account_day(found), rows_of(found)
            # By itself first: one account that cannot be folded would take the digest of all.
            fold([seen], day=date.min, expected=None, memory={})
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            why = f"{type(error).__name__}: {error}"
        else:
            return seen, rows
    elif found is None:
        why = "it is of no known form, or has gone"
    message = f"its snapshot could not be read ({why})"
    unread = AccountDay(
        account=account, name="", dry_run=False, reached=False, failures=((None, message),)
    )
    return unread, ""
