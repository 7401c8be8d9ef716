"""What is asked for in one account, what was planned of it, and what became of that."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Decision, Reason, UserDecisions
from keyturn.domain.errors import (
    CreationDenied,
    DeliveryUnclear,
    Exempted,
    KeyturnError,
    OrderNotDone,
    Paused,
)
from keyturn.domain.events import Run
from keyturn.domain.key import Seal, SecretFacts
from keyturn.domain.leftover import Leftover
from keyturn.domain.narrowing import Approved, only_approved
from keyturn.domain.owner import Owner
from keyturn.use_cases.executor import Outcome
from keyturn.use_cases.gate import Gate

Progress = Callable[[int, int], None]
"""Is told how many users of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be done or read; user is None where it is about the account."""

    error: KeyturnError
    user: str | None = None

    def __str__(self) -> str:
        """As a sentence."""
        return f"{self.user}: {self.error}" if self.user else str(self.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for in one account: by default all users, none forced."""

    users: frozenset[str] = frozenset()
    """Only these users; empty: all."""
    forced: str | None = None
    forced_at: datetime | None = None
    approved: frozenset[Approved] | None = None
    """Only these actions, and without a cap; None: all that is due."""
    even_paused: bool = False
    """Whether an operator ordered it even while Keyturn is paused."""
    warnings: tuple[str, ...] = ()
    """What was odd about the request, and stops nobody."""

    @property
    def named(self) -> frozenset[str] | None:
        """The users that are looked at, and have to be there; None: all there are."""
        if self.approved is None:
            return self.users or None
        approved = frozenset(line.user for line in self.approved)
        return approved & self.users if self.users else approved

    def narrowed(self, decided: UserDecisions) -> UserDecisions:
        """What is asked for of all that is due for a user."""
        return decided if self.approved is None else only_approved(decided, self.approved)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What is due in one account, user by user."""

    run: Run
    request: Request = Request()
    command: OperatorCommand | None = None
    """What an operator ordered about one key; then nobody else was looked at."""
    users: tuple[UserDecisions, ...] = ()
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Users for whom there was no time to look."""
    owners: Mapping[str, Owner] = field(default_factory=dict)
    """Who answers for the users' keys, as far as somebody asked."""

    leftovers: tuple[Leftover, ...] | None = None
    """Secrets without a living user; None: nobody looked, or they could not be listed."""

    def owner_of(self, user: str) -> Owner:
        """Who answers for a user's keys."""
        return self.owners.get(user, Owner())

    @property
    def is_reached(self) -> bool:
        """Whether the account's users could be listed."""
        return bool(self.users or self.left) or all(failure.user for failure in self.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResult:
    """What became of a plan; of a dry run there are no outcomes."""

    plan: AccountPlan
    outcomes: tuple[Outcome, ...] = ()
    left: tuple[str, ...] = ()
    """Users for whom there was no time left."""
    untold: tuple[Failure, ...] = ()
    """Why not everything could be told."""
    newly_exempt: tuple[str, ...] = ()
    """Users who are exempt now, and were not when the account was last looked at."""
    exemptions_told: bool = True
    """Whether there is nobody left to be told of them."""
    unsaved: Failure | None = None
    """Why there is no snapshot of it; nobody's keys wait for that."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that somebody has to know."""
        failed = (
            Failure(error=outcome.error, user=outcome.decided.user.name)
            for outcome in self.outcomes
            if outcome.error is not None and outcome.is_failure
        )
        unsaved = (self.unsaved,) if self.unsaved else ()
        return (*self.plan.failures, *failed, *self.untold, *unsaved)

    @property
    def lost(self) -> Failure | None:
        """
        Why the account was not looked after, or nobody told of it; None: all that was done.

        An operator's pause is no loss, nor a policy that forbids new keys: to try again would
        change nothing.
        """
        return next(
            (
                each
                for each in self.failures
                if each.user is None
                and each is not self.unsaved
                and not isinstance(each.error, Paused | CreationDenied)
            ),
            None,
        )

    @property
    def quarantined(self) -> tuple[tuple[str, str], ...]:
        """User and id of each key that nobody can have, and that is there still."""
        left = {
            (decided.user.name, decided.quarantined)
            for decided in self.plan.users
            if decided.quarantined
        }
        for outcome in self.outcomes:
            if isinstance(outcome.error, DeliveryUnclear) and outcome.error.key_id:
                left.add((outcome.decided.user.name, outcome.error.key_id))
            left -= {
                (outcome.decided.user.name, done.decision.key_id)
                for done in outcome.done
                if done.decision.reason is Reason.ORPHAN_OVER
            }
        return tuple(sorted(left))


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
    said = (f"{made.key_id}: {made.sentence}" for made in decided.decisions)
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
