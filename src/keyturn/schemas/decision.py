"""What was decided for one key, as the answer, the plan, the snapshot and the events tell it."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, TypedDict

from keyturn.domain.decision import (
    Action,
    DecisionSummary,
    Next,
    Notice,
    Overlay,
    Reason,
    State,
)
from keyturn.domain.key import Act

# Pairs and no dicts: Python 3.11 wants to hash them.
Day = Annotated[str, ("format", "date")]


class NextStep(TypedDict):
    """The next step of a key, and the date from which it can come."""

    action: Action
    date: Day


class KeyNow(TypedDict):
    """Which key, where it stands, and what is done about it; its age is in days."""

    user: str
    key: str
    age: int
    state: State
    overlays: list[Overlay]
    action: Action


class Why(TypedDict):
    """Why it is done: for programs, and for people."""

    reason: Reason
    sentence: str


class Prospect(TypedDict):
    """What comes, and what takes the key's place. A field more has its place here."""

    next: NextStep | None
    successor: str | None


class Promised(TypedDict):
    """What its owner was promised."""

    promises: dict[Act, Day]


# In parts, for a digest has them in another order, and its own fields between them.
class Decided(KeyNow, Why, Prospect, Promised):
    """What was decided for one key, and why; its age is in days."""


_CELLS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "next": ("next_action", "next_date"),
    "promises": (),
}
CELLS: Final = tuple(
    cell for field in Decided.__annotations__ for cell in _CELLS_OF.get(field, (field,))
)
"""The columns of a decision in a table: its fields, but for those that are no single value."""


def write_decision(user: str, decision: DecisionSummary) -> Decided:
    """The form of a decision about a key of the user of this name."""
    coming = decision.next
    return {
        "user": user,
        "key": decision.key_id,
        "age": decision.age,
        "state": decision.state,
        "overlays": sorted(decision.overlays),
        "action": decision.action,
        "reason": decision.reason,
        "sentence": decision.sentence,
        "next": {"action": coming.action, "date": coming.day.isoformat()} if coming else None,
        "successor": decision.successor,
        "promises": {act: day.isoformat() for act, day in decision.promises.items()},
    }


def cells_of(decided: Decided) -> dict[str, object]:
    """The row of a decision: column → a text, a number or None; it has at least CELLS."""
    coming = decided["next"]
    return {
        **decided,
        "overlays": " ".join(decided["overlays"]),
        "next_action": coming["action"] if coming else None,
        "next_date": coming["date"] if coming else None,
    }


def read_decision(found: Mapping[str, Any], notice: Notice | None) -> DecisionSummary:
    """
    Read a decision back; of its notice, the form holds the promises alone.

    Raises KeyError, TypeError or ValueError where it is none.
    """
    coming = found["next"]
    return DecisionSummary(
        key_id=found["key"],
        age=found["age"],
        state=State(found["state"]),
        overlays=frozenset(map(Overlay, found["overlays"])),
        action=Action(found["action"]),
        reason=Reason(found["reason"]),
        sentence=found["sentence"],
        next=(
            Next(Action(coming["action"]), date.fromisoformat(coming["date"])) if coming else None
        ),
        successor=found["successor"],
        notice=notice,
    )
