"""A bucket of any size, made up as it is read: nothing of it is ever stored."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from keyturn.domain.errors import NotFound
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports.evidence import StoredObject
from keyturn.schemas.snapshot import counted
from tests.report.bucket import DAY, key

NOTICES = 4
"""Of each key that is near its end: three of ten."""
_WORDS = ("billing", "search", "deploy", "logs", "images", "pricing", "ledger", "mail", "dns")
_NAME = re.compile(r"snapshots/date=([\d-]+)/account=(\d+)\.json")


class LargeBucket:
    """Meets `ports.Evidence`: so many accounts, with so many keys each, on so many days."""

    place = "made up"

    def __init__(self, *, accounts: int, keys: int, days: int) -> None:
        self._accounts = [f"{100_000_000_000 + 7919 * each}" for each in range(accounts)]
        self._keys = keys
        self._days = [DAY - timedelta(days=back) for back in reversed(range(days))]

    def folders(self, start: str) -> Iterator[str]:
        """The days of the snapshots."""
        return (f"{start}date={each}/" for each in self._days if start == "snapshots/")

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """Snapshots, receipts, and an inventory that names one account too many."""
        del after
        if start.startswith("snapshots/"):
            for account in self._accounts:
                yield _stored(f"{start}account={account}.json")
        elif start.startswith("receipts/"):
            account = start.split("/")[1]
            for number in range(0, self._keys, 10):
                for each in (number, number + 1, number + 2):
                    yield from _receipts(account, each)
        elif start == f"reports/daily/date={DAY}/inventory/":
            yield _stored(f"{start}run.json")

    def sha256(self, name: str) -> str:
        """Nobody asks."""
        raise NotImplementedError(name)

    def read(self, name: str) -> bytes:
        """An object."""
        found = _NAME.fullmatch(name)
        if found:
            return self._snapshot(found[2], date.fromisoformat(found[1]))
        if name.endswith("inventory/run.json"):
            queued = dict.fromkeys([*self._accounts, "999999999999"], "an account")
            return json.dumps(
                {
                    "version": 1,
                    "run": "r",
                    "at": f"{DAY}T03:00:00Z",
                    "queued": queued,
                    "skipped": 3,
                }
            ).encode()
        raise NotFound(name)

    def _snapshot(self, account: str, day: date) -> bytes:
        back = (DAY - day).days
        keys = [_key(account, number, back) for number in range(self._keys)]
        found: Any = {
            "version": 1,
            "date": day.isoformat(),
            "account": account,
            "name": f"{_WORDS[int(account) % 9]}-{int(account) % 997}",
            "run": "run",
            "at": f"{day}T04:00:00Z",
            "dry_run": int(account) % 10 == 0,
            "whole": True,
            "policy": {
                "RotationPeriod": 90,
                "InactivePeriod": 100,
                "RecoveryGracePeriod": 10,
            },
            "users": [
                {
                    "user": each["user"],
                    "exempt": each["exempt"],
                    "owner": _owner(account, number),
                    "owner_source": "tag",
                }
                for number, each in enumerate(keys)
            ],
            "keys": keys,
            "quarantined": [],
            "failures": [],
            "warnings": [],
            "left": [],
        }
        return json.dumps(counted(found)).encode()


def _stored(name: str) -> StoredObject:
    return StoredObject(name=name, at=datetime(2026, 5, 20, 4, tzinfo=UTC), size=500)


def _owner(account: str, number: int) -> str:
    return f"{_WORDS[number % 9]}-{(int(account) + number) % 400}@example.com"


def _id(account: str, number: int) -> int:
    return (int(account) * 1_000_003 + number * 7_919_917) % 10**16


def _key(account: str, number: int, back: int) -> dict[str, Any]:
    near = number % 10 < 3
    age = max(0, (92 + number % 8 if near else (number * 37) % 90) - back)
    rotated = near and age >= 90
    end = DAY + timedelta(days=100 - 92 - number % 8)
    fields: dict[str, object] = {}
    if rotated:
        fields = {
            "state": "ROTATED",
            "reason": "window-running",
            "sentence": f"it was replaced by AKIA{number:016d}; it works until {end}",
            "next": {"action": "DISABLE", "date": end.isoformat()},
            "last_used": {
                "at": f"{DAY - timedelta(days=number % 30)}T01:00:00Z",
                "service": "s3",
                "region": "us-east-1",
            },
            "breaks": number % 50 == 0,
        }
    return key(
        f"{_WORDS[number % 9]}-{_WORDS[(number // 9) % 9]}-{number}",
        _id(account, number),
        age=age,
        exempt=number % 97 == 0,
        **fields,
    )


def _receipts(account: str, number: int) -> Iterator[StoredObject]:
    to = Recipient(ChannelName.EMAIL, _owner(account, number)).id
    user = f"{_WORDS[number % 9]}-{_WORDS[(number // 9) % 9]}-{number}"
    folder = f"receipts/{account}/{user}/AKIA{_id(account, number):016d}"
    steps = ("upcoming-14", "upcoming-7", "disable", "before-disable-3")[:NOTICES]
    for at, step in enumerate(steps):
        name = f"{folder}/{step}/{DAY + timedelta(days=at)}.{to}.json"
        sent = datetime(2026, 5, 1 + at, 4, number % 60, tzinfo=UTC)
        yield StoredObject(name=name, at=sent, size=500)
        yield StoredObject(name=f"{name}.delivered", at=sent + timedelta(minutes=1), size=200)
