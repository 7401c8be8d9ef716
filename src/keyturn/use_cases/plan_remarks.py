"""What else is said of an account's plan and of what became of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import UNREADABLE, Decision, Overlay, Reason, State, UserDecisions
from keyturn.domain.errors import (
    Denied,
    Exempted,
    KeyLeaked,
    OrderNotDone,
    OwnerNotKnown,
    PortError,
)
from keyturn.domain.key import Seal, SecretFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, AccountResult, Failure, Outcome
from keyturn.ports import AccessKeys
from keyturn.use_cases.gate import Gate

Progress = Callable[[int, int], None]
"""Called with how many users are done, and of how many."""


def with_what_was_not_done(
    result: AccountResult, decided: UserDecisions, is_answer: Callable[[Decision], bool]
) -> AccountResult:
    """Say so if nothing came of what was ordered: that is no success, whoever hindered it."""
    name = decided.user.name
    if name in result.left or any(
        f.user in {None, name} and not isinstance(f.error, KeyLeaked) for f in result.failures
    ):
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


def unlisted(failure: PortError | None) -> str | None:
    """Say that the list of secrets was of no use, for that costs a call for each user."""
    if failure is None:
        return None
    if isinstance(
        failure, Denied
    ):  # in the same words for all accounts, of which many may lack it
        why = "the role may not list secrets (secretsmanager:ListSecrets)"
    else:
        why = f"the secrets could not be listed ({failure})"
    return f"{why}: each user's was asked for alone"


def put_off(all_decided: Iterable[UserDecisions], policy: RotationPolicy) -> Iterator[str]:
    """Say loudly that the cap holds keys back: behind it may be a mistake."""
    waiting = sum(
        decision.reason is Reason.OVER_CAP
        for decided in all_decided
        for decision in decided.decisions
    )
    if waiting:
        yield (
            f"{waiting} key{' has' if waiting == 1 else 's have'} to wait: enough keys of the "
            f"account end today (MaxKeysPerDay={policy.max_keys_per_day}, "
            f"MaxPercentPerDay={policy.max_percent_per_day})"
        )


def unreadable(all_decided: Iterable[UserDecisions]) -> Iterator[Failure]:
    """Facts that could not be read: nothing was done about them, and somebody has to know."""
    for decided in all_decided:
        for decision in decided.decisions:
            if decision.reason in UNREADABLE:
                yield Failure(error=PortError(decision.sentence), user=decided.user.name)
                break


def unowned(all_decided: Iterable[UserDecisions]) -> Iterator[Failure]:
    """Whose owner is not known: a line a reason, for one may be that of a whole account."""
    users: dict[str, list[str]] = {}
    for decided in all_decided:
        if decided.owner_unknown is not None:
            users.setdefault(decided.owner_unknown, []).append(decided.user.name)
    for why, [first, *others] in users.items():
        also = f" (and that of {pluralize(len(others), 'other user')})" if others else ""
        yield Failure(error=OwnerNotKnown(f"its owner{also} is not known: {why}"), user=first)


def leaked(keys: AccessKeys, warnings: list[str]) -> Mapping[str, str]:
    """User's name → AWS's quarantine policy; what cannot be read is said, and is not "nobody"."""
    try:
        return keys.quarantined()
    except PortError as error:
        warnings.append(f"who is under AWS's key quarantine could not be read ({error})")
        return {}


def with_leaks(decided: UserDecisions, policies: Mapping[str, str]) -> UserDecisions:
    """Mark the keys that work of a user whom AWS has put into quarantine."""
    if decided.user.name not in policies:
        return decided
    marked = tuple(
        replace(each, overlays=each.overlays | {Overlay.LEAKED})
        if each.state is not State.DISABLED
        else each
        for each in decided.decisions
    )
    return replace(decided, decisions=marked)


def leaks(all_decided: Iterable[UserDecisions], policies: Mapping[str, str]) -> Iterator[Failure]:
    """What to do about them: AWS limits such a user, and lets the key work."""
    for decided in all_decided:
        keys = [each.key_id for each in decided.decisions if Overlay.LEAKED in each.overlays]
        if keys:
            name = decided.user.name
            orders = ", ".join(f"keyturn revoke {key} --leaked" for key in keys)
            yield Failure(
                error=KeyLeaked(
                    f"AWS found an access key of it in public and put it under "
                    f"{policies[name]}; the key still works. Revoke it: {orders}. Then follow "
                    "AWS's support case"
                ),
                user=name,
            )


def root_keys(keys: AccessKeys, failures: list[Failure]) -> tuple[str, ...]:
    """Say whether the root user has keys; they are never touched."""
    try:
        if keys.root_has_keys():
            return ("the root user has access keys: delete them by hand",)
    except PortError as error:
        failures.append(Failure(error=error))
    return ()
