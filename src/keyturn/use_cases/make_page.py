"""Make the page of all accounts of the day before: once, and it stays as it is."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from keyturn.domain.days import DAY
from keyturn.domain.errors import AlreadyThere, NoTimeLeft
from keyturn.domain.users_target import UsersTarget
from keyturn.ports.period_reports import PeriodReports
from keyturn.schemas.page_record import PageRecord, write_page_record
from keyturn.use_cases.page_data import GatherPage, PageAsked, counts_of
from keyturn.use_cases.stored_page import PAGE, RECORD, folder_of

MOST_SNAPSHOTS: Final = 60_000
"""That are read for a page: of more accounts its history has fewer days."""
MOST_KEYS: Final = 300_000
"""Of which a page is made: more do not fit the function's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePage:
    """Makes and stores the page."""

    reports: PeriodReports
    gather: GatherPage
    write: Callable[[Mapping[str, Any]], str]
    users_target: UsersTarget | None = None

    def turn(self, now: datetime, may_go_on: Callable[[], bool]) -> PageRecord | None:
        """
        Make the page of the day before; now: UTC. None: that was done.

        Raises InvalidValue where no snapshot of that day is stored, or there are too many keys for
        one page, NoTimeLeft where the time was too short, a PortError where something could not be
        read or written. Nothing is stored then.
        """
        day = now.date() - DAY
        folder = folder_of(day)
        if self.reports.has(f"{folder}{RECORD}"):
            return None

        def progress(done: int, of: int) -> None:
            if not may_go_on():
                raise NoTimeLeft(f"there was time for {done} of {of} accounts")

        asked = PageAsked(
            made=now,
            day=day,
            most_snapshots=MOST_SNAPSHOTS,
            most_keys=MOST_KEYS,
            users_target=self.users_target,
        )
        block = self.gather.of(asked, progress)
        with self.reports.rows() as page:
            page.write(self.write(block))
            stored = page.store(f"{folder}{PAGE}")
        counts = counts_of(block)
        record = PageRecord(
            day=day,
            made=now,
            page=stored.name,
            sha256=stored.sha256,
            keys=counts.keys,
            accounts=counts.seen,
            lacking=counts.lacking,
        )
        with suppress(AlreadyThere):  # another turn at the same time: its page is the page
            self.reports.add(f"{folder}{RECORD}", write_page_record(record))
        return record
