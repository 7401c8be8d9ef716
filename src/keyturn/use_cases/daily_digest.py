"""
Make the administrators' one digest of each day, when the day's runs are over.

The notifier sends it: this only stores it, puts it on the bus, and then stores that it did. Broken
off there, the next turn publishes what is stored: the same twice is one mail by the day's receipt.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from keyturn.domain.admin_digest import AdminDigest, Expected, RecordedInventory, Reported
from keyturn.domain.days import DAY
from keyturn.domain.errors import AlreadyThere, PortError
from keyturn.domain.events import Event, EventType, Run
from keyturn.domain.key import Account
from keyturn.ports import Backlog, Bus, DailyReports, StoredDay
from keyturn.schemas.digest_of_day import write_digest_due
from keyturn.use_cases.report_day import DayAsked, ReportDay

SETTLES: Final = timedelta(minutes=15)
"""How old an inventory must be: it queues for minutes, and SQS counts a minute behind."""
AT_LATEST: Final = timedelta(hours=6)
"""After the day's first inventory the digest waits for no run any more."""
MISSED: Final = time(hour=2, tzinfo=UTC)
"""When, on the day after, a day without an inventory is reported as one."""
LOOKS_BACK: Final = 8
"""Days in which an earlier digest is looked for: a lasting failure is reported weekly."""

NO_INVENTORY: Final = (
    "There is no record of an inventory of {day}: no account was queued, or the record could not "
    "be written. The log of ASA-Account-Inventory says which"
)
INVENTORY_UNREAD: Final = "Which accounts were queued on {day} could not be read ({why})"
MEMORY_UNREAD: Final = (
    "What was reported before could not be read ({why}): every failure is reported, and nothing "
    "that was done after the last digest"
)
NOT_REPORTED: Final = "There was no digest of {days}: `keyturn digest --date` shows such a day"
NOT_OVER: Final = (
    "Not all runs were over {hours} hours after the inventory: the digest waits no more"
)
UNKNOWN_FORM: Final = "it is of no known form, or has gone"
NO_CSV: Final = "The list of all keys could not be stored ({why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Why the digest of a day is not made yet; unknown: what could not be read, if anything."""

    day: date
    why: str
    unknown: PortError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyDigest:
    """Looks at the day before and at today, and makes the digest that is due."""

    reports: DailyReports
    backlog: Backlog
    report_day: ReportDay
    bus: Bus
    account: str
    """The id of the account that the bus is in."""

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
        if held is not None:
            return self._published(*held, now)
        waits = self._waits(day, found, now)
        if waits is None or isinstance(waits, Waits):
            return waits
        return self._made(day, found, now, waits, into_next=into_next, may_go_on=may_go_on)

    def _waits(self, day: date, found: StoredDay, now: datetime) -> Waits | tuple[str, ...] | None:
        """What the digest waits for; what has to be said of it, if it is due; None: nothing."""
        if not found.inventories:
            missed = datetime.combine(day + DAY, MISSED)
            # Before the first inventory of all there is no day that could lack one.
            if now < missed or not self.reports.has_before(day):
                return None
            return (NO_INVENTORY.format(day=day.isoformat()),)
        if now - min(found.inventories.values()) >= AT_LATEST:
            return self._if_not_over()
        if now - max(found.inventories.values()) < SETTLES:
            return Waits(day=day, why="its inventory has only just been taken")
        try:
            is_over = self.backlog.is_empty()
        except PortError as error:
            return Waits(day=day, why="how many accounts wait is not known", unknown=error)
        return () if is_over else Waits(day=day, why="accounts wait for their runs")

    def _if_not_over(self) -> tuple[str, ...]:
        hours = AT_LATEST // timedelta(hours=1)
        try:
            is_over = self.backlog.is_empty()
        except PortError:
            is_over = False
        return () if is_over else (NOT_OVER.format(hours=hours),)

    def _made(  # noqa: PLR0913 -- what was found out about one day
        self,
        day: date,
        found: StoredDay,
        now: datetime,
        remarks: Sequence[str],
        *,
        into_next: bool,
        may_go_on: Callable[[], bool],
    ) -> AdminDigest:
        expected, said = self._expected(day, found)
        before, since, said_before = self._before(day)
        asked = DayAsked(
            day=day,
            expected=expected,
            memory=before.memory if before else {},
            runs_into_next=into_next,
            made_before=since,
        )
        with self.reports.rows(day) as rows:
            digest = self.report_day.of(asked, write=rows.write, may_go_on=may_go_on)
            csv = self.reports.csv_of(day)
            digest = replace(digest, csv=csv, remarks=(*remarks, *said, *said_before))
            try:
                rows.store()
            except PortError as error:
                odd = (*digest.remarks, NO_CSV.format(why=error))
                digest = replace(digest, csv="", remarks=odd)
        reported = Reported(made=now, memory=digest.memory)
        # Stored before it is published: a later turn would find more, and the notifier, which
        # knows the day by then, would tell nobody of that.
        self.reports.hold(reported, digest)
        return self._published(reported, digest, now)

    def _published(self, reported: Reported, digest: AdminDigest, now: datetime) -> AdminDigest:
        self.bus.publish([self._event(digest, now)])
        with suppress(AlreadyThere):  # by another turn at the same time: the day has one receipt
            self.reports.put(reported, digest)
        return digest

    def _expected(self, day: date, found: StoredDay) -> tuple[Expected | None, tuple[str, ...]]:
        """Who was to be seen, by all inventories of the day: one takes nothing from another."""
        if not found.inventories:
            return None, ()
        taken: list[RecordedInventory] = []
        for name in found.inventories:
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

    def _event(self, digest: AdminDigest, now: datetime) -> Event:
        run = Run(
            id=f"digest-{digest.day.isoformat()}",
            account=Account(id=self.account),
            at=now,
            dry_run=not digest.accounts_enforced,
        )
        return Event(type=EventType.DIGEST_DUE, run=run, detail={**write_digest_due(digest)})
