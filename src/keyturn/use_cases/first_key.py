"""
Let one user's rotation tell whether the account lets keys be made and delivered at all.

Where a service control policy or a boundary says no, it says so to every user: the first
refusal of a run is the account's, and nobody else's secret is made for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import Action, Decision, NoticeType, UserDecisions
from keyturn.domain.errors import CreationDenied, SecretNotStored
from keyturn.domain.key import SecretFacts, UserFacts
from keyturn.domain.result import AccountPlan, Failure, Outcome

CarryOut = Callable[[UserDecisions], Outcome | None]
Decide = Callable[[UserFacts, RunConstraints], UserDecisions]


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


def halted(
    plan: AccountPlan, tried: Tried, carry_out: CarryOut, decide: Decide
) -> tuple[AccountPlan, tuple[Outcome | None, ...]]:
    """
    Make no key for anybody else once the account has refused one.

    Returns the plan, decided anew for who was to get a key, and what became of who was tried.
    """
    refusal = tried.refusal
    if refusal is None or plan.request.forced is not None:
        return plan, tried.outcomes
    denied = isinstance(refusal, CreationDenied)
    what = "creation_denied" if denied else "delivery_denied"
    forbids = {what: str(refusal)}

    def anew(decided: UserDecisions) -> UserDecisions:
        if not any(map(_names_a_rotation, decided.decisions)):
            return decided
        if not denied and decided.user.name in tried.users:
            return decided  # its own failure says more
        constraints = replace(decided.constraints, **forbids)  # type: ignore[arg-type]  # named above
        return plan.request.narrowed(decide(decided.user, constraints))

    all_decided = tuple(map(anew, plan.users))
    if not denied:
        return replace(plan, users=all_decided), tried.outcomes
    plan = replace(plan, users=all_decided, failures=(*plan.failures, Failure(error=refusal)))
    now = {decided.user.name: decided for decided in all_decided}
    return plan, tuple(
        carry_out(now[outcome.decided.user.name])
        if outcome is not None and outcome.error is refusal
        else outcome
        for outcome in tried.outcomes
    )


def _names_a_rotation(decision: Decision) -> bool:
    """Whether a key is to be rotated now, or people are to be told of the day."""
    notice_type = None if decision.notice is None else decision.notice.type
    return decision.action is Action.ROTATE or notice_type is NoticeType.UPCOMING
