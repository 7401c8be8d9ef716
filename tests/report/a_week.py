"""A week of three accounts in a folder: one seen whole, one in part, one never."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.report.bucket import BOUGHT, LAB, OWNER, SHOP, Bucket, key

MONDAY = date(2026, 5, 18)
DAYS = [MONDAY + timedelta(days=each) for each in range(7)]
SUNDAY = DAYS[-1]
EXEMPTIONS = f"""\
version: 1
exemptions:
  - account: "{SHOP}"
    user: printer
    ticket: SEC-12
    owner: {OWNER}
    reason: firmware without an update
    expiry: 2026-08-01
"""


def a_week(root: Path) -> Bucket:
    """Monday to Sunday; on Wednesday `held` is blocked, on Thursday `back` is enabled again."""
    bucket = Bucket(root)
    bucket.put("exemptions.yaml", EXEMPTIONS.encode())
    for number, day in enumerate(DAYS):
        bucket.inventory(day, SHOP, LAB, BOUGHT)
        secrets = {"stored": 4, "scheduled": 1, "of_gone": 1, "changed": []}
        users = shop_users(number)
        bucket.snapshot(SHOP, day, shop_keys(number), users=users, secrets=secrets)
        if number < 5:
            bucket.snapshot(LAB, day, [aged(day, "probe", 20, 12, dry=True)], dry_run=True)
        else:
            failed = [{"user": None, "message": "AccessDenied: the role is gone"}]
            bucket.snapshot(LAB, day, [], users=[], failures=failed, dry_run=True)
    return bucket


def aged(day: date, user: str, number: int, age: int, **fields: object) -> dict[str, Any]:
    """A key of so many days on a day."""
    fields.pop("dry", None)
    created = f"{day - timedelta(days=age)}T04:00:00Z"
    return key(user, number, age=age, created=created, **fields)


def shop_users(number: int) -> list[dict[str, Any]]:
    """Six users, and from Friday on a seventh without keys and without an owner."""
    users: list[dict[str, Any]] = [
        {"user": each, "exempt": each in {"printer", "scanner"}}
        for each in ("new", "held", "printer", "scanner", "late", "back")
    ]
    users[0] |= {"owner": OWNER, "owner_source": "tag"}
    if number >= 4:
        users.append({"user": "nobody", "exempt": False, "owner": None, "owner_source": "none"})
    return users


def shop_keys(number: int) -> list[dict[str, Any]]:
    """The keys of the shop, so many days after Monday."""
    day = DAYS[number]

    def of(user: str, name: int, on_sunday: int, **fields: object) -> dict[str, Any]:
        return aged(day, user, name, on_sunday - 6 + number, **fields)

    old: dict[str, object] = {"state": "ROTATED"}
    if number == 0:
        old = {"action": "ROTATE", "reason": "rotation-due", "done": True}
    keys = [of("new", 1, 96, successor=f"AKIA{2:016d}", **old)]
    if number > 0:
        used = None
        if number > 2:
            used = {"at": f"{DAYS[3]}T09:00:00Z", "service": "s3", "region": "eu-west-1"}
        keys.append(of("new", 2, 6, last_used=used))
    blocked: dict[str, object] = {}
    if number >= 2:
        sentence = "both keys are in use"
        blocked = {"overlays": ["BLOCKED"], "reason": "two-keys-in-use", "sentence": sentence}
    keys += [of("held", 3, 120, **blocked), of("held", 4, 60)]
    keys += [of("printer", 5, 200, exempt=True), of("scanner", 6, 150, exempt=True)]
    keys += [of("late", 7, 93)]
    back: dict[str, object] = {"state": "DISABLED"}
    if number >= 3:
        back = {"reason": "restored", "overlays": ["RESTORED"], "sentence": "somebody enabled it"}
    keys += [of("back", 8, 130, **back)]
    if number == 6:
        keys += [of("back", 9, 115, state="DISABLED", action="DELETE", done=True)]
    return keys
