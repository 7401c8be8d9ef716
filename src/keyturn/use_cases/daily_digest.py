"""
Make the administrators' one digest of each day, when the day's runs are over.

The notifier sends it: this only stores it, puts it on the bus, and then stores that it did
(publish_report.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final

from keyturn.domain.admin_digest import (
    AdminDigest,
    Expected,
    MadeDigest,
    RecordedInventory,
    Reported,
)
from keyturn.domain.days import DAY
from keyturn.domain.errors import PortError
from keyturn.domain.fold_day import REPEATED_AFTER
from keyturn.domain.pause import Pause
from keyturn.ports import DailyReports, PauseFlag, Rows, StoredDay
from keyturn.schemas.digest_of_day import write_digest_due
from keyturn.use_cases.audit_chain import MakeChain
from keyturn.use_cases.day_over import DayOver, Due, Waits
from keyturn.use_cases.publish_report import PublishReport
from keyturn.use_cases.report_day import DayAsked, ReportDay

LOOKS_BACK: Final = REPEATED_AFTER.days + 1
"""Days in which an earlier digest is looked for: a lasting failure is reported weekly."""

INVENTORY_UNREAD: Final = "Which accounts were queued on {day} could not be read ({why})"
MEMORY_UNREAD: Final = (
    "What was reported before could not be read ({why}): every failure is reported. What was "
    "done after the last digest is not reported"
)
NOT_REPORTED: Final = "There was no digest of {days}: `keyturn digest --date` shows such a day"
UNKNOWN_FORM: Final = "it is of no known form, or has gone"
CHAIN_UNREAD: Final = "The end of the audit chain could not be read ({why})"
PAUSE_UNREAD: Final = (
    "Whether Keyturn is paused could not be read ({why}): where a run cannot read it either, "
    "nothing is written"
)
NO_CSV: Final = "The list of all keys could not be stored ({why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyDigest:
    """Looks at the day before and at today, and makes the digest that is due."""

    reports: DailyReports
    day_over: DayOver
    report_day: ReportDay
    chain: MakeChain
    publisher: PublishReport
    pause_flag: PauseFlag

    def turn(self, now: datetime, may_go_on: Callable[[], bool]) -> Iterator[AdminDigest | Waits]:
        """
        Make what is due at this moment, UTC; a day that has its digest costs one look.

        Raises a PortError where something vital could not be read or written, NoTimeLeft where the
        time was too short: the next turn begins anew.
        """
        today = now.date()
        before = today - DAY
        stored = {day: self.reports.of_day(day) for day in (before, today)}
        failed: list[Exception] = []
        for day, found in stored.items():
            if found.has_digest:
                continue
            into_next = day < today and not stored[today].inventories
            try:
                made = self._of_day(day, found, now, into_next=into_next, may_go_on=may_go_on)
            except Exception as error:  # noqa: BLE001 -- one day must not hold the next one; raised below
                failed.append(error)
                continue
            if made is not None:
                yield made
        if failed:
            raise failed[0]

    def _of_day(
        self,
        day: date,
        found: StoredDay,
        now: datetime,
        *,
        into_next: bool,
        may_go_on: Callable[[], bool],
    ) -> AdminDigest | Waits | None:
        held = self.reports.held(day) if found.is_held else None
        if held is None:
            state = self.day_over.state(day, found, now)
            if not isinstance(state, Due):
                return state
            digest = self._folded(state, into_next=into_next, may_go_on=may_go_on)
            held = MadeDigest(digest=digest, at=now)
            # Stored before it is published: a later turn would find more, and the notifier, which
            # knows the day by then, would tell nobody of that.
            self.reports.hold(held)
        digest = held.digest
        self.publisher.publish(
            f"digest-{day.isoformat()}",
            {**write_digest_due(digest)},
            now,
            note=partial(self.reports.put, held),
            dry_run=not digest.accounts_enforced,
        )
        return digest

    def _folded(self, due: Due, *, into_next: bool, may_go_on: Callable[[], bool]) -> AdminDigest:
        """The digest of a day; the rows of all its keys are stored."""
        expected, said = self._expected(due)
        before, since, said_before = self._before(due.day)
        asked = DayAsked(
            day=due.day,
            expected=expected,
            memory=before.memory if before else {},
            runs_into_next=into_next,
            made_before=since,
        )
        with self.reports.rows(due.day) as rows:
            digest = self.report_day.of(asked, write=rows.write, may_go_on=may_go_on)
            csv, odd = self._stored(due.day, rows)
        end, unread = self._chain_end()
        pause, unsure = pause_of(self.pause_flag)
        remarks = (*unsure, *due.remarks, *said, *said_before, *odd, *unread)
        return replace(digest, csv=csv, chain_end=end, remarks=remarks, pause=pause)

    def _chain_end(self) -> tuple[str, tuple[str, ...]]:
        """
        The audit chain's last link, and what was odd.

        A mail is another store than the bucket: who cuts the chain's end off there cannot take it
        back from the administrators' mailboxes.
        """
        try:
            end = self.chain.end()
        except PortError as error:
            return "", (CHAIN_UNREAD.format(why=error),)
        return (str(end) if end else ""), ()

    def _stored(self, day: date, rows: Rows) -> tuple[str, tuple[str, ...]]:
        """Store the rows; where they are stored, and what was odd."""
        try:
            rows.store()
        except PortError as error:
            return "", (NO_CSV.format(why=error),)
        return self.reports.csv_of(day), ()

    def _expected(self, due: Due) -> tuple[Expected | None, tuple[str, ...]]:
        """Who was to be seen, by all inventories of the day: one takes nothing from another."""
        if not due.stored.inventories:
            return None, ()
        day = due.day
        taken: list[RecordedInventory] = []
        for name in due.stored.inventories:
            why: object = UNKNOWN_FORM
            try:
                record = self.reports.inventory(day, name)
            except PortError as error:
                record, why = None, error
            if record is None:
                return None, (INVENTORY_UNREAD.format(day=day.isoformat(), why=why),)
            taken.append(record)
        taken.sort(key=lambda each: each.at)
        queued = {account: name for each in taken for account, name in each.queued.items()}
        return Expected(queued=queued, skipped=taken[-1].skipped), ()

    def _before(self, day: date) -> tuple[Reported | None, datetime | None, tuple[str, ...]]:
        """What the last digest remembers; since when nothing was told; and what was odd."""
        for back in range(1, LOOKS_BACK + 1):
            earlier = day - back * DAY
            why: object = UNKNOWN_FORM
            try:
                if not self.reports.of_day(earlier).has_digest:
                    continue
                reported = self.reports.reported(earlier)
            except PortError as error:
                reported, why = None, error
            if reported is None:
                return None, None, (MEMORY_UNREAD.format(why=why),)
            if back == 1:
                return reported, reported.made, ()
            first, last = earlier + DAY, day - DAY
            days = first.isoformat() + (f" to {last.isoformat()}" if first != last else "")
            return reported, None, (NOT_REPORTED.format(days=days),)
        return None, None, ()


def pause_of(flag: PauseFlag) -> tuple[Pause | None, tuple[str, ...]]:
    """The pause that is in force, if any, and what was odd: no answer is no "not paused"."""
    try:
        return flag.pause(), ()
    except PortError as error:
        return None, (PAUSE_UNREAD.format(why=error),)
