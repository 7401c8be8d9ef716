"""An organisation of any size, made up as it is read, and a report of it."""

import json
import resource
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from functools import partial

from keyturn.domain.errors import AlreadyThere, NotFound
from keyturn.domain.figures import FigureName
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodReport
from keyturn.ports.evidence import StoredObject
from keyturn.ports.period_reports import ReportRows
from keyturn.schemas.period_report import rows_of
from keyturn.schemas.snapshot import as_line, counted
from keyturn.use_cases.report_in_parts import ReportInParts
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod
from tests.report.bucket import key

NOW = datetime(2026, 5, 26, 7, tzinfo=UTC)
MONDAY = date(2026, 5, 18)
MONTH = date(2026, 5, 1)
TURN = 780.0
"""Seconds of a turn of the reporter, without what it spares."""
PROCESSOR = 0.58
"""What a function of 1,024 MB has of one: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
READ = 0.002
"""Seconds of a processor that the SDK takes for a GetObject: an estimate."""


class ManyAccounts:
    """Meets `ports.Evidence`: so many accounts with so many keys each, on so many days."""

    place = "made up"

    def __init__(self, *, accounts: int, keys: int, days: int, first: date = MONDAY) -> None:
        self.accounts = [f"{100_000_000_000 + each}" for each in range(accounts)]
        self.days = [first + timedelta(days=each) for each in range(days)]
        self.read_bytes = self.reads = 0
        self._keys = keys
        self._bodies: dict[str, bytes] = {}

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """The snapshots of a day, and its inventory."""
        del after
        day = start.partition("date=")[2][:10]
        if day not in map(str, self.days):
            return
        if start.startswith("snapshots/"):
            for account in self.accounts:
                yield StoredObject(name=f"{start}{account}.json", size=1, at=NOW)
        else:
            yield StoredObject(name=f"{start}run.json", size=1, at=NOW)

    def folders(self, start: str) -> Iterator[str]:
        """Nobody asks."""
        raise NotImplementedError(start)

    def sha256(self, name: str) -> str:
        """Likewise."""
        raise NotImplementedError(name)

    def read(self, name: str) -> bytes:
        """An object; the ids in it are those of the first account, which nobody minds."""
        if name.endswith("run.json"):
            body = self._inventory(name)
        elif name.startswith("snapshots/"):
            body = self._snapshot(name.partition("date=")[2][:10])
        else:
            raise NotFound(name)
        self.read_bytes += len(body)
        self.reads += 1
        return body

    def _inventory(self, name: str) -> bytes:
        queued = dict.fromkeys(self.accounts, "workload")
        day = name.partition("date=")[2][:10]
        found = {"version": 1, "run": "r", "at": f"{day}T03:00:00Z", "queued": queued}
        return json.dumps({**found, "skipped": 0}).encode()

    def _snapshot(self, day: str) -> bytes:
        if day not in self._bodies:
            keys = [
                key(f"user-{number}", number, age=20 + number * 80 // self._keys)
                for number in range(self._keys)
            ]
            users = [
                {"user": each["user"], "exempt": False, "owner_source": "tag"} for each in keys
            ]
            form = {
                "version": 1,
                "date": day,
                "account": self.accounts[0],
                "name": "workload",
                "run": "r",
                "at": f"{day}T04:00:00Z",
                "dry_run": False,
                "whole": True,
                "policy": {"RotationPeriod": 90, "InactivePeriod": 100, "RecoveryGracePeriod": 10},
                "users": users,
                "keys": keys,
                "quarantined": [],
                "failures": [],
                "warnings": [],
                "left": [],
            }
            self._bodies[day] = as_line(counted(form))  # type: ignore[arg-type]  # all of its fields
        return bytes(bytearray(self._bodies[day]))  # another one each time, as S3 gives it


class KeptParts:
    """Meets `ports.period_reports.PeriodReports`, as far as parts go; nothing is replaced."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def names(self, start: str, *, after: str) -> Iterator[str]:
        """The names that begin so."""
        return iter(
            sorted(name for name in self.objects if name.startswith(start) and name > after)
        )

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return name in self.objects

    def read(self, name: str) -> bytes:
        """An object."""
        if name not in self.objects:
            raise NotFound(name)
        return self.objects[name]

    def add(self, name: str, body: bytes) -> None:
        """Store a new object."""
        if name in self.objects:
            raise AlreadyThere(name)
        self.objects[name] = body

    def rows(self) -> AbstractContextManager[ReportRows]:
        """Nobody asks."""
        raise NotImplementedError


def report_of(many: ManyAccounts, *, workers: int = 1) -> PeriodReport:
    """The report of the week; its rows are made and let go."""
    now = datetime(2026, 5, 25, 6, tzinfo=UTC)
    asked = PeriodAsked(period=Period.of(PeriodKind.WEEKLY, MONDAY), now=now)
    return ReportPeriod(evidence=many, workers=workers).of(asked, each=rows_of)


def peak_of(many: ManyAccounts) -> int:
    """The bytes that a report takes at most."""
    report_of(ManyAccounts(accounts=1, keys=1, days=1))  # what is loaded once counts once
    many.read(f"snapshots/date={MONDAY}/account={many.accounts[0]}.json")
    tracemalloc.start()
    try:
        report_of(many)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def large_month(*, accounts: int, keys: int) -> str:
    """How many turns a month of a large organisation takes, by Lambda's clock and by ours."""
    many = ManyAccounts(accounts=accounts, keys=keys, days=31, first=MONTH)
    kept, period = KeptParts(), Period.of(PeriodKind.MONTHLY, MONTH)
    making = ReportInParts(reports=kept, report_period=ReportPeriod(evidence=many, workers=1))
    turns, worked, began = 0, 0.0, time.perf_counter()
    while True:
        turns += 1
        spent = partial(_spent, many, time.process_time(), many.reads)
        plan = making.plan(period, datetime(2026, 6, 1, 6, 10, tzinfo=UTC))
        unfinished = making.go_on(plan, lambda spent=spent: spent() < TURN)  # type: ignore[misc]  # as mypy sees no default
        if unfinished is None:
            break
        worked += spent()
    fold = making.report_period.fold(plan, users_target=None)
    for account in making.accounts(plan, print):
        fold.add(account)
        rows_of(account)
    report = fold.report()
    worked += spent()
    assert report.figures[FigureName.KEYS] == accounts * keys
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    stored = sum(map(len, kept.objects.values())) // 1_000_000
    return (
        f"a month of {accounts:,} accounts with {keys} keys each ({many.reads:,} objects, "
        f"{many.read_bytes // 1_000_000:,} MB): {turns} turns, {worked / 60:.0f} minutes by "
        f"Lambda's clock, {stored} MB of parts; here {took:.1f} s, at most {peak} MB"
    )


def _spent(many: ManyAccounts, work: float, reads: int) -> float:
    """Seconds of a turn, as Lambda would take them: it waits for no read, so many are at once."""
    return (time.process_time() - work + (many.reads - reads) * READ) / PROCESSOR


def large_report(*, accounts: int, keys: int) -> str:
    """How long a week of a large organisation takes, and the memory of this process."""
    many = ManyAccounts(accounts=accounts, keys=keys, days=7)
    began, worked = time.perf_counter(), time.process_time()
    report_of(many)
    took, work = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return (
        f"a week of {accounts:,} accounts with {keys} keys each ({accounts * 7:,} snapshots, "
        f"{many.read_bytes // 1_000_000:,} MB): {took:.1f} s, {work:.1f} of the processor, "
        f"at most {peak} MB"
    )
