"""An organisation of any size, made up as it is read, and a report of it."""

import json
import resource
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from keyturn.domain.errors import NotFound
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodReport
from keyturn.ports.evidence import StoredObject
from keyturn.schemas.period_report import rows_of
from keyturn.schemas.snapshot import as_line, counted
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod
from tests.report.bucket import key

NOW = datetime(2026, 5, 26, 7, tzinfo=UTC)
MONDAY = date(2026, 5, 18)


class ManyAccounts:
    """Meets `ports.Evidence`: so many accounts with so many keys each, on so many days."""

    place = "made up"

    def __init__(self, *, accounts: int, keys: int, days: int) -> None:
        self.accounts = [f"{100_000_000_000 + each}" for each in range(accounts)]
        self.days = [MONDAY + timedelta(days=each) for each in range(days)]
        self.read_bytes = 0
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
