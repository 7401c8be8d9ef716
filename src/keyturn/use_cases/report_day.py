"""Report a day of the whole organisation, from its accounts' snapshots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from keyturn.domain.admin_digest import (
    AccountDay,
    AdminDigest,
    Expected,
    FailureKey,
    Lasting,
    fold,
)
from keyturn.domain.errors import PortError
from keyturn.ports import Coverage, Snapshots
from keyturn.schemas.account_day import account_day, heading, rows_of
from keyturn.schemas.snapshot import Snapshot
from keyturn.use_cases.inventory import Inventory
from keyturn.use_cases.side_by_side import side_by_side

AT_ONCE = 64
"""Snapshots that are held at a time: of large accounts each has a megabyte or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDay:
    """Reads every snapshot of a day once, and lets go of each as soon as it is counted."""

    coverage: Coverage
    snapshots: Snapshots
    workers: int

    def of(
        self,
        day: date,
        *,
        expected: Expected | None,
        memory: Mapping[FailureKey, Lasting],
        write: Callable[[str], object] = lambda _rows: None,
        csv: str = "",
    ) -> AdminDigest:
        """
        Fold the day's snapshots into the administrators' digest.

        Args:
            day: UTC.
            expected: who was to be seen; None: not known.
            memory: the failures that an earlier digest reported.
            write: gets the CSV of all keys, its heading and then the rows of an account at a time.
            csv: where that is stored.

        Returns:
            The digest. A snapshot that cannot be read is a failure of its account.

        Raises:
            PortError: the snapshots could not be listed.

        """
        accounts = sorted(self.coverage.accounts_of(day))
        write(heading())
        days = self._days(accounts, day, write)
        return replace(fold(days, day=day, expected=expected, memory=memory), csv=csv)

    def _days(
        self, accounts: Sequence[str], day: date, write: Callable[[str], object]
    ) -> Iterator[AccountDay]:
        for start in range(0, len(accounts), AT_ONCE):
            some = accounts[start : start + AT_ONCE]
            read = side_by_side(lambda each: self._read(each, day), some, workers=self.workers)
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
            return account_day(found), rows_of(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
    elif found is None:
        why = "it is of no known form, or has gone"
    message = f"its snapshot could not be read ({why})"
    unread = AccountDay(
        account=account, name="", dry_run=False, reached=False, failures=((None, message),)
    )
    return unread, ""
