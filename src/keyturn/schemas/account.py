"""What is told of an account as a whole, in whatever tells of one."""

from typing import Annotated, TypedDict

from keyturn.domain.decision import Action, State

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


class AccountFound(TypedDict):
    """What the answer and the plan say alike of an account."""

    account: AccountId
    run: str
    failures: list[Failed]
    quarantined: list[Quarantined]
    warnings: list[str]
    counts: Counts
