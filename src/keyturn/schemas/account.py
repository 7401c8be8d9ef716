"""What answers, plans, snapshots and events say of an account as a whole."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Annotated, TypedDict

from keyturn.domain.decision import Action, Overlay, Reason, State
from keyturn.domain.key import Account
from keyturn.domain.result import AccountResult, Failure
from keyturn.schemas.decision import Decided, write_decision

# Pairs and no dicts: Python 3.11 wants to hash them.
AccountId = Annotated[str, ("pattern", "^[0-9]{12}$")]
Moment = Annotated[str, ("format", "date-time")]
Count = Annotated[int, ("minimum", 0)]


class Failed(TypedDict):
    """What could not be done, read or told; the user is null where it is about the account."""

    user: str | None
    message: str


class Quarantined(TypedDict):
    """A key whose secret nobody can have."""

    user: str
    key: str


class Counts(TypedDict):
    """How many users, keys by state and action, and failures."""

    users: Count
    exempt: Count
    keys: Count
    states: dict[State, Count]
    actions: dict[Action, Count]
    blocked: Count
    over_cap: Count
    quarantined: Count
    failures: Count
    left: Count


class Skipped(TypedDict):
    """An account that was not looked at."""

    account: AccountId
    name: str
    reason: str


class AccountFound(TypedDict):
    """What the answer and the plan say alike of an account."""

    account: AccountId
    run: str
    failures: list[Failed]
    quarantined: list[Quarantined]
    warnings: list[str]
    counts: Counts


def write_failed(failures: Iterable[Failure]) -> list[Failed]:
    """Failures in the form of the answer, the plan and the snapshot."""
    return [{"user": each.user, "message": str(each.error)} for each in failures]


def write_quarantined(result: AccountResult) -> list[Quarantined]:
    """The keys that nobody can have, likewise."""
    return [{"user": user, "key": key_id} for user, key_id in result.quarantined]


def write_counts(result: AccountResult) -> Counts:
    """What there is of each in an account's result."""
    return count(
        exempt=[decided.user.exempt for decided in result.plan.users],
        keys=[
            write_decision(decided.user.name, decision)
            for decided in result.plan.users
            for decision in decided.decisions
        ],
        quarantined=len(result.quarantined),
        failures=len(result.failures),
        left=len(result.left),
    )


def count(
    *,
    exempt: Collection[bool],
    keys: Collection[Decided],
    quarantined: int,
    failures: int,
    left: int,
) -> Counts:
    """
    Count users, keys by state and action, and failures.

    Args:
        exempt: for each user, whether they are exempt.
        keys: the form of each key's decision: a snapshot that is read back has no other.
        quarantined: how many keys nobody can have.
        failures: how many there were.
        left: how many users there was no time for.

    """
    return {
        "users": len(exempt),
        "exempt": sum(exempt),
        "keys": len(keys),
        "states": dict(sorted(Counter(each["state"] for each in keys).items())),
        "actions": dict(sorted(Counter(each["action"] for each in keys).items())),
        "blocked": sum(Overlay.BLOCKED in each["overlays"] for each in keys),
        "over_cap": sum(each["reason"] == Reason.OVER_CAP for each in keys),
        "quarantined": quarantined,
        "failures": failures,
        "left": left,
    }


def write_skipped(skipped: Iterable[tuple[Account, str]]) -> list[Skipped]:
    """The accounts that were not looked at, each with its reason."""
    return [
        {"account": account.id, "name": account.name, "reason": why} for account, why in skipped
    ]
