"""What else is said of an account's plan and of what became of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from keyturn.domain.decision import Decision, UserDecisions
from keyturn.domain.errors import (
    Exempted,
    OrderNotDone,
)
from keyturn.domain.key import Seal, SecretFacts
from keyturn.domain.result import AccountPlan, AccountResult, Failure, Outcome
from keyturn.use_cases.gate import Gate

Progress = Callable[[int, int], None]
"""Called with how many users are done, and of how many."""


def with_what_was_not_done(
    result: AccountResult, decided: UserDecisions, is_answer: Callable[[Decision], bool]
) -> AccountResult:
    """Say so if nothing came of what was ordered: that is no success, whoever hindered it."""
    name = decided.user.name
    if name in result.left or any(f.user in {None, name} for f in result.failures):
        return result
    outcome = next((each for each in result.outcomes if each.decided.user.name == name), None)
    if outcome is not None and any(is_answer(done.decision) for done in outcome.done):
        return result
    error = OrderNotDone(f"nothing was done: {_why_not(decided, outcome)}")
    failures = (*result.plan.failures, Failure(error=error, user=name))
    return replace(result, plan=replace(result.plan, failures=failures))


def _why_not(decided: UserDecisions, outcome: Outcome | None) -> str:
    if outcome is None:
        return f"{decided.user.name} was exempted meanwhile"
    if outcome.error is not None:
        return str(outcome.error)
    said = (f"{decision.key_id}: {decision.sentence}" for decision in decided.decisions)
    return "; ".join(said) or f"{decided.user.name} has no access key"


def exempted_meanwhile(plan: AccountPlan, gate: Gate) -> AccountPlan:
    """
    Leave out who was exempted since the plan was made, and say so.

    Raises KeyturnError where that cannot be told: then nothing is written.
    """
    if not any(decided.writes for decided in plan.users):
        return plan
    exempt = gate.exempt()
    left_out = [
        each for each in plan.users if not each.user.exempt and each.user.user_id in exempt
    ]
    return replace(
        plan,
        users=tuple(decided for decided in plan.users if decided not in left_out),
        warnings=(
            *plan.warnings,
            *(str(Exempted(decided.user.name)) for decided in left_out if decided.writes),
        ),
    )


def unproven(all_decided: Iterable[UserDecisions]) -> Iterator[str]:
    """Say that a dry run has believed what anybody can write on a secret."""
    secrets = [decided.user.secret for decided in all_decided]
    if any(isinstance(each, SecretFacts) and each.seal is Seal.ASSUMED for each in secrets):
        yield (
            "the seals could not be checked (SealKey, --seal-key): this plan assumes that the "
            "secrets with Keyturn's tags are Keyturn's"
        )
