"""An account's snapshot, as weekly and monthly reports look at it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from keyturn.domain.account_seen import AccountSeen, KeySeen, SecretsSeen, StepSeen, UserSeen
from keyturn.domain.days import read_day
from keyturn.domain.decision import Action, State
from keyturn.domain.errors import PortError
from keyturn.domain.key import LastUse
from keyturn.domain.tag_text import moment
from keyturn.schemas.snapshot import Snapshot, read_snapshot


def account_seen(snapshot: Snapshot) -> AccountSeen:
    """
    What reports look at of a snapshot.

    Raises KeyError, TypeError, ValueError or AttributeError where a field is of no known form:
    not all of them are checked when a snapshot is read.
    """
    failed = [each["message"] for each in snapshot["failures"] if each["user"] is None]
    return AccountSeen(
        day=_day(snapshot["date"]),
        account=snapshot["account"],
        name=snapshot["name"],
        dry_run=snapshot["dry_run"],
        reached=bool(snapshot["users"] or snapshot["left"]) or not failed,
        rotation_period=int(snapshot["policy"]["RotationPeriod"]),
        users=tuple(
            UserSeen(
                user=each["user"],
                exempt=each["exempt"],
                source=each.get("owner_source"),
                owner=str(each.get("owner") or ""),
                password_used=_day_at(each.get("password_last_used")),
            )
            for each in snapshot["users"]
        ),
        keys=tuple(map(_key, snapshot["keys"])),
        steps=tuple(
            StepSeen(
                user=each["user"],
                key_id=each["key"],
                action=Action(each["action"]),
                reason=each["reason"],
                sentence=each["sentence"],
            )
            for each in snapshot.get("done_earlier", ())
        ),
        secrets=_secrets(snapshot),
        left=len(snapshot["left"]),
        why="; ".join(failed),
    )


def _secrets(snapshot: Snapshot) -> SecretsSeen | None:
    found = snapshot.get("secrets")
    if found is None:
        return None
    return SecretsSeen(
        stored=found["stored"], scheduled=found["scheduled"], of_gone=found["of_gone"]
    )


def read_account_seen(body: bytes | PortError | None) -> AccountSeen | str:
    """Read a stored snapshot; where it cannot be read: why, a clause."""
    if isinstance(body, PortError):
        return str(body)
    found = None if body is None else read_snapshot(body)
    if found is None:
        return "it is of no known form, or has gone"
    try:
        return account_seen(found)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


def _key(found: Any) -> KeySeen:  # noqa: ANN401 -- what a snapshot of any age holds
    used = found["last_used"]
    return KeySeen(
        user=found["user"],
        key_id=found["key"],
        age=int(found["age"]),
        created=_day(found["created"][:10]),
        state=State(found["state"]),
        action=Action(found["action"]),
        reason=str(found["reason"]),
        sentence=str(found["sentence"]),
        exempt=bool(found["exempt"]),
        done=bool(found["done"]),
        overlays=frozenset(found["overlays"]),
        successor=found["successor"],
        last_use=_last_use(used) if used else None,
    )


def _last_use(found: Mapping[str, Any]) -> LastUse:
    at = moment(found["at"]) if found["at"] else None
    if found["at"] and at is None:
        raise ValueError(found["at"])
    return LastUse(at=at, service=found.get("service"), region=found.get("region"))


def _day_at(text: str | None) -> date | None:
    return None if text is None else _day(text[:10])


def _day(text: str) -> date:
    day = read_day(text)
    if day is None:
        raise ValueError(text)
    return day
