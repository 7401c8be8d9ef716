"""What `keyturn plan --against` answers: what other parameters would change."""

from typing import Final, Literal, TypedDict

from keyturn.domain.decision import Action, DecisionSummary, Reason
from keyturn.domain.plan_difference import KeyBothWays, PlanDifference
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.plan_csv import csv_text

VERSION: Final = 1


class Course(TypedDict):
    """What is decided for a key; next_date is null where nobody can say it."""

    action: Action
    reason: Reason
    next_action: Action | None
    next_date: Day | None


class KeyDifference(TypedDict):
    """
    A key of a snapshot.

    after: with the parameters given; null where nobody can say, and then unknown says why.
    supposed: facts that the snapshot does not hold, and that are supposed to stand in no way.
    """

    account: AccountId
    user: str
    key: str
    age: int
    before: Course
    after: Course | None
    differs: bool
    supposed: list[str]
    unknown: str | None


class ActionsChanged(TypedDict):
    """How many keys change from one action to another; after: not-known where nobody can say."""

    before: str
    after: str
    keys: int


class PlanDifferenceFile(TypedDict):
    """The facts of snapshots, decided anew; first and last: when their runs were."""

    version: Literal[1]
    first: Moment
    last: Moment
    parameters: dict[str, str]
    counts: list[ActionsChanged]
    unread: list[str]
    keys: list[KeyDifference]


_COURSE: Final = ("action", "reason", "next_action", "next_date")
COLUMNS: Final = (
    *("account", "user", "key", "age"),
    *(f"before_{each}" for each in _COURSE),
    *(f"after_{each}" for each in _COURSE),
    *("differs", "supposed", "unknown"),
)


def write_difference(
    found: PlanDifference, parameters: dict[str, str], *, every_key: bool
) -> PlanDifferenceFile:
    """The form of the answer; every_key: also those that do not differ."""
    return {
        "version": VERSION,
        "first": format_utc(found.first),
        "last": format_utc(found.last),
        "parameters": parameters,
        "counts": [
            {"before": before, "after": after, "keys": keys}
            for (before, after), keys in found.counts().most_common()
        ],
        "unread": list(found.unread),
        "keys": [_key(each) for each in (found.keys if every_key else found.changed)],
    }


def write_difference_csv(found: PlanDifference, *, every_key: bool) -> str:
    """A row for each key."""
    return csv_text(
        COLUMNS,
        (_row(_key(each)) for each in (found.keys if every_key else found.changed)),
    )


def _row(each: KeyDifference) -> list[object]:
    after = each["after"]
    return [
        *(each["account"], each["user"], each["key"], each["age"]),
        *each["before"].values(),
        *(after.values() if after else [None] * len(_COURSE)),
        "yes" if each["differs"] else "no",
        " ".join(each["supposed"]),
        each["unknown"],
    ]


def _key(each: KeyBothWays) -> KeyDifference:
    return {
        "account": each.account,
        "user": each.user,
        "key": each.before.key_id,
        "age": each.before.age,
        "before": _course(each.before),
        "after": _course(each.after) if each.after else None,
        "differs": each.differs,
        "supposed": list(each.supposed),
        "unknown": each.unknown,
    }


def _course(decided: DecisionSummary) -> Course:
    coming = decided.next
    return {
        "action": decided.action,
        "reason": decided.reason,
        "next_action": coming.action if coming else None,
        "next_date": coming.day.isoformat() if coming else None,
    }
