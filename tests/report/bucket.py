"""A made-up bucket with the snapshots and receipts of an organisation, as a folder."""

import base64
import gzip
import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.snapshot import counted

DAY = date(2026, 5, 20)
NOW = datetime(2026, 5, 20, 9, tzinfo=UTC)
SHOP, LAB, BOUGHT = "222222222222", "333333333333", "444444444444"
OWNER = "team@example.com"
NASTY = "</script><img src=x onerror=alert(1)>"
"""No user is called so, but an account may be."""


def key(user: str, number: int, **fields: object) -> dict[str, Any]:
    """A key as a snapshot has it."""
    age = int(str(fields.pop("age", 40)))
    return {
        "user": user,
        "key": f"AKIA{number:016d}",
        "age": age,
        "state": "ACTIVE",
        "overlays": [],
        "action": "KEEP",
        "reason": "nothing-due",
        "sentence": f"it is {age} days old, rotation comes at 90",
        "next": {"action": "ROTATE", "date": (DAY + timedelta(days=90 - age)).isoformat()},
        "successor": None,
        "promises": {},
        "created": f"{DAY - timedelta(days=age)}T04:00:00Z",
        "last_used": None,
        "exempt": False,
        "done": False,
        **fields,
    }


class Bucket:
    """What is below Keyturn's prefix, in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, body: bytes, at: datetime | None = None) -> None:
        """Store an object."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if at is not None:
            os.utime(path, (at.timestamp(), at.timestamp()))

    def snapshot(
        self, account: str, day: date, keys: list[dict[str, Any]], **fields: object
    ) -> None:
        """Store an account's day, of the users that its keys name."""
        names = dict.fromkeys([each["user"] for each in keys])
        found: Any = {
            "version": 1,
            "date": day.isoformat(),
            "account": account,
            "name": f"account {account[0]}",
            "run": "run",
            "at": f"{day}T04:00:00Z",
            "dry_run": False,
            "whole": True,
            "policy": {
                "RotationPeriod": 90,
                "InactivePeriod": 100,
                "RecoveryGracePeriod": 10,
            },
            "users": [
                {"user": each, "exempt": False, "owner": OWNER, "owner_source": "tag"}
                for each in names
            ],
            "keys": keys,
            "quarantined": [],
            "failures": [],
            "warnings": [],
            "left": [],
            **fields,
        }
        body = json.dumps(counted(found)).encode()
        self.put(f"snapshots/date={day}/account={account}.json", body)

    def inventory(self, day: date, *accounts: str) -> None:
        """Store which accounts were queued."""
        body = {
            "version": 1,
            "run": "run",
            "at": f"{day}T03:00:00Z",
            "queued": {each: f"account {each[0]}" for each in accounts},
            "skipped": 1,
        }
        self.put(f"reports/daily/date={day}/inventory/run.json", json.dumps(body).encode())

    def receipt(  # noqa: PLR0913, PLR0917 -- what stands in its name
        self, account: str, user: str, number: int, step: str, about: date, sent: datetime
    ) -> str:
        """Store a receipt for the owner; its name."""
        to = Recipient(ChannelName.EMAIL, OWNER).id
        name = f"receipts/{account}/{user}/AKIA{number:016d}/{step}/{about}.{to}.json"
        self.put(name, b"{" + b" " * 100 + b"}", sent)
        return name


def block_of(page: str) -> dict[str, Any]:
    """The data of a page."""
    [packed] = re.findall(r'<script type="text/plain" id="data">([^<]*)</script>', page)
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return found


def rows(block: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    columns = block[table]
    return [
        dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
    ]


def said(block: dict[str, Any], number: int) -> str:
    """A text of it."""
    text: str = block["texts"][number]
    return text
