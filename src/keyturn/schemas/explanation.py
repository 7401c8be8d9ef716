"""What `explain` answers: where keys stand, and every date that is coming for them."""

from typing import Literal, TypedDict

from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.plan import Planned
from keyturn.schemas.snapshot import LastUsed


class ComingDate(TypedDict):
    """A date, and what comes on it."""

    date: Day
    what: str


class ExplainedKey(Planned):
    """A key, and every date that is coming for it; last_used is null where nobody asked."""

    created: Moment
    last_used: LastUsed | None
    coming: list[ComingDate]


class Explained(TypedDict):
    """A user, and the secret in which new keys are stored."""

    account: AccountId
    name: str
    user: str
    exempt: bool
    secret: str
    keys: list[ExplainedKey]


class Explanation(TypedDict):
    """What `explain` writes with `--format json`."""

    version: Literal[1]
    generated_at: Moment
    users: list[Explained]
    failures: list[str]
    warnings: list[str]
