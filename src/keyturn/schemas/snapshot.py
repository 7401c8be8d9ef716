"""
An account on a day, in one document: for reports, and for whoever asks with SQL.

One line of JSON, which Athena reads as it is stored.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal, NotRequired, TypedDict

from keyturn.domain.decision import Action, Overlay, Reason
from keyturn.domain.key import KeyFacts, LastUse
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.reading import read_json
from keyturn.domain.result import AccountResult
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import (
    AccountId,
    Counts,
    Failed,
    Moment,
    Quarantined,
    write_failed,
    write_quarantined,
)
from keyturn.schemas.decision import Day, Decided, write_decision

VERSION: Final = 1
_NOTHING = {Action.KEEP, Action.WAIT}


class LastUsed(TypedDict):
    """When, where and for what a key was last used; at is null for a key that never was."""

    at: Moment | None
    service: str | None
    region: str | None


class SnapshotUser(TypedDict):
    """A user, with or without keys."""

    user: str
    exempt: bool


class SnapshotKey(Decided):
    """A key as the run found it; done: the action was carried out."""

    created: Moment
    last_used: LastUsed | None
    exempt: bool
    done: bool


class SnapshotPolicy(TypedDict):
    """The periods that the run went by."""

    RotationPeriod: int
    InactivePeriod: int
    RecoveryGracePeriod: int


class Uncounted(TypedDict):
    """
    A snapshot but for its counts.

    exemptions_told is false where nobody could be told yet, or could tell, who was exempted since
    the snapshot before; absent, it is true.
    """

    version: Literal[1]
    date: Day
    account: AccountId
    name: str
    run: str
    at: Moment
    dry_run: bool
    whole: bool
    exemptions_told: NotRequired[bool]
    policy: SnapshotPolicy
    users: list[SnapshotUser]
    keys: list[SnapshotKey]
    quarantined: list[Quarantined]
    failures: list[Failed]
    warnings: list[str]
    left: list[str]


class Snapshot(Uncounted):
    """An account on a day; whole: every user of it is there, or stands in left."""

    counts: Counts


def write_snapshot(result: AccountResult, policy: RotationPolicy) -> Snapshot:
    """What a run found of an account, and did."""
    run = result.plan.run
    taken = counted(
        {
            "version": VERSION,
            "date": run.at.date().isoformat(),
            "account": run.account.id,
            "name": run.account.name,
            "run": run.id,
            "at": format_utc(run.at),
            "dry_run": run.dry_run,
            "whole": result.plan.is_whole,
            "policy": {
                "RotationPeriod": policy.rotation_period,
                "InactivePeriod": policy.inactive_period,
                "RecoveryGracePeriod": policy.recovery_grace_period,
            },
            "users": [
                {"user": decided.user.name, "exempt": decided.user.exempt}
                for decided in result.plan.users
            ],
            "keys": list(_keys(result)),
            "quarantined": write_quarantined(result),
            "failures": write_failed(result.failures),
            "warnings": list(result.plan.warnings),
            "left": list(result.left),
        }
    )
    if not result.exemptions_told:
        taken["exemptions_told"] = False
    return taken


def _keys(result: AccountResult) -> Iterator[SnapshotKey]:
    done = {
        (outcome.decided.user.name, each.decision.key_id): each
        for outcome in result.outcomes
        for each in outcome.done
    }
    for decided in result.plan.users:
        facts = {key.key_id: key for key in decided.user.keys}
        for decision in decided.decisions:
            key, step = facts[decision.key_id], done.get((decided.user.name, decision.key_id))
            successor = step.new_key if step and step.new_key else decision.successor
            yield {
                **write_decision(decided.user.name, replace(decision, successor=successor)),
                "created": format_utc(key.created),
                "last_used": write_last_used(key),
                "exempt": decided.user.exempt,
                "done": step is not None and decision.action not in _NOTHING,
            }


def write_last_used(key: KeyFacts) -> LastUsed | None:
    """How a key was last used; None: no decision needed it, or it could not be read."""
    use = key.last_use
    if not isinstance(use, LastUse):
        return None
    return {
        "at": format_utc(use.at) if use.at else None,
        "service": use.service,
        "region": use.region,
    }


def counted(snapshot: Uncounted) -> Snapshot:
    """Count what the snapshot holds."""
    keys = snapshot["keys"]
    counts: Counts = {
        "users": len(snapshot["users"]),
        "exempt": sum(each["exempt"] for each in snapshot["users"]),
        "keys": len(keys),
        "states": dict(sorted(Counter(each["state"] for each in keys).items())),
        "actions": dict(sorted(Counter(each["action"] for each in keys).items())),
        "blocked": sum(Overlay.BLOCKED in each["overlays"] for each in keys),
        "over_cap": sum(each["reason"] == Reason.OVER_CAP for each in keys),
        "quarantined": len(snapshot["quarantined"]),
        "failures": len(snapshot["failures"]),
        "left": len(snapshot["left"]),
    }
    return {**snapshot, "counts": counts}


def as_line(snapshot: Snapshot) -> bytes:
    """The snapshot as it is stored: one line of JSON in UTF-8, with its line feed."""
    return (json.dumps(snapshot, separators=(",", ":")) + "\n").encode()


def read_snapshot(line: bytes) -> Snapshot | None:
    """Read a snapshot; None: it is of no form that we know."""
    try:
        found: Any = read_json(line)
        known = found["version"] == VERSION and found.keys() >= Snapshot.__required_keys__
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    snapshot: Snapshot = found
    return snapshot if known else None
