"""
Let one user's rotation tell whether the account lets keys be made and delivered at all.

Where a service control policy or a boundary says no, it says so to every user: the first
refusal of a run is the account's, and nobody else's secret is made for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from keyturn.domain.decision import Action, UserDecisions
from keyturn.domain.errors import CreationDenied, SecretNotStored
from keyturn.domain.key import SecretFacts
from keyturn.domain.result import Outcome

CarryOut = Callable[[UserDecisions], Outcome | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of those who came first, and what that tells of the account."""

    outcomes: tuple[Outcome | None, ...] = ()
    users: frozenset[str] = frozenset()
    """Who they were."""
    refusal: CreationDenied | SecretNotStored | None = None
    """What the account refuses; None: nothing, as far as anybody knows."""


def try_first(
    all_decided: Sequence[UserDecisions],
    carry_out: CarryOut,
    has_time: Callable[[], bool],
    day: date,
) -> Tried:
    """Carry out rotations one by one until one tells how the account answers; day, of UTC."""
    outcomes: list[Outcome | None] = []
    users: set[str] = set()
    for decided in in_turn(all_decided, day):
        if not has_time():
            break
        outcome = carry_out(decided)
        outcomes.append(outcome)
        users.add(decided.user.name)
        error = None if outcome is None else outcome.error
        if isinstance(error, CreationDenied | SecretNotStored):
            return Tried(outcomes=tuple(outcomes), users=frozenset(users), refusal=error)
        if error is None:
            break
    return Tried(outcomes=tuple(outcomes), users=frozenset(users))


def in_turn(all_decided: Iterable[UserDecisions], day: date) -> list[UserDecisions]:
    """
    Who has a secret already comes first: then a day of refusals leaves no second one behind.

    Among those it is another's turn each day: a user whose own secret refuses what is stored in
    it (by its resource policy) must not hold the account's rotations every day.
    """

    def order(decided: UserDecisions) -> tuple[bool, bytes]:
        if not isinstance(decided.user.secret, SecretFacts):
            return True, b""
        return False, sha256(f"{day}/{decided.user.name}".encode()).digest()

    rotating = (
        t for t in all_decided if any(decision.action is Action.ROTATE for decision in t.decisions)
    )
    return sorted(rotating, key=order)
