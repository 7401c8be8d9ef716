"""What is asked for in one account, what was planned of it, and what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action, Decision, Reason, UserDecisions
from keyturn.domain.errors import (
    AnotherRun,
    ChangedMeanwhile,
    CreationDenied,
    DeliveryUnclear,
    KeyturnError,
    NobodyReached,
    Paused,
    WriteStopped,
)
from keyturn.domain.events import Run
from keyturn.domain.key import SentNotice, Unknown
from keyturn.domain.leftover import Leftover
from keyturn.domain.narrowing import Approved, only_approved
from keyturn.domain.owner import Owner, OwnerChannels, RejectedValue
from keyturn.domain.secret_life import SecretDecision, SecretsPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be done or read; user is None where it is about the account."""

    error: KeyturnError
    user: str | None = None
    """The user's name."""

    def __str__(self) -> str:
        """As a sentence."""
        return f"{self.user}: {self.error}" if self.user else str(self.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRejected:
    """A value that stands for the address of a user's owner, and does not serve."""

    user: str
    """The user's name."""
    rejected: RejectedValue
    instead: str
    """Who is notified, in words."""

    def __str__(self) -> str:
        """As a sentence."""
        return f"{self.user}: {self.rejected}; notified instead: {self.instead}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for in one account: by default all users, none forced."""

    users: frozenset[str] = frozenset()
    """Only these users, by their names; empty: all."""
    forced: str | None = None
    """The name of the user whose key an operator has rotated at any age; None: nobody's."""
    forced_at: datetime | None = None
    """When that was ordered, UTC; void after 24 hours."""
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
class Done:
    """
    A decision that was carried out; new_key is the id of the key that it made.

    "Was it done?" has three answers, and readers of each know it by now. They differ where nothing
    but a notice was due, and where the key is blocked:

        carried out                  is_action   is_reported   is_unhindered
        an action                    yes         yes           yes
        an action on a blocked key   yes         yes           no
        a notice alone               no          yes           yes
        a notice of a blocked key    no          yes           no
        nothing was due              no          no            no
    """

    decision: Decision
    new_key: str | None = None

    @property
    def is_action(self) -> bool:
        """Whether more was done than to notify its owner: `done` of a snapshot's key."""
        return self.decision.action not in {Action.KEEP, Action.WAIT}

    @property
    def is_reported(self) -> bool:
        """Whether anything was due: what a plan's JSON lists as `done`, and an audit entry."""
        return self.decision.is_due

    @property
    def is_unhindered(self) -> bool:
        """Whether anything was due, and the key not blocked: `done` in CSV and in the tables."""
        return self.decision.is_due and not self.decision.is_blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one user's decisions; error says what stopped it, if anything did."""

    decided: UserDecisions
    done: tuple[Done, ...] = ()
    error: KeyturnError | None = None
    failed: Decision | None = None
    """The decision that could not be carried out."""

    @property
    def is_failure(self) -> bool:
        """Whether somebody has to know: what another run did for us is none."""
        # That nobody can tell who is exempt stops the account, and is reported there.
        told_elsewhere = AnotherRun | ChangedMeanwhile | WriteStopped
        return self.error is not None and not isinstance(self.error, told_elsewhere)


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
    """User's name → who answers for their keys, as far as somebody asked."""
    channels: Mapping[str, OwnerChannels] = field(default_factory=dict)
    """User's name → where that owner is reached beside mail, as far as somebody asked."""

    notices: Mapping[str, tuple[SentNotice, ...] | Unknown] = field(default_factory=dict)
    """Key id → what was sent about it, as far as somebody asked."""

    leftovers: tuple[Leftover, ...] | None = None
    """Secrets without a living user; None: nobody looked, or they could not be listed."""

    secrets: SecretsPlan | None = None
    """What is decided about secrets (RemoveSecretsAfter); None: nobody looked, or could."""

    unlisted: str | None = None
    """Why each user's secret was asked for alone, and not all in one list; it hinders nothing."""

    def owner_of(self, user: str) -> Owner:
        """Who answers for a user's keys."""
        return self.owners.get(user, Owner())

    @property
    def is_reached(self) -> bool:
        """Whether the account's users could be listed."""
        return bool(self.users or self.left) or all(failure.user for failure in self.failures)

    @property
    def is_whole(self) -> bool:
        """Whether every user of the account was to be looked at, and could be listed."""
        return self.request.named is None and self.is_reached


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResult:
    """What became of a plan; of a dry run there are no outcomes."""

    plan: AccountPlan
    outcomes: tuple[Outcome, ...] = ()
    left: tuple[str, ...] = ()
    """Users for whom there was no time left."""
    not_notified: tuple[Failure, ...] = ()
    """Why people could not be notified of all of it."""
    rejected: tuple[OwnerRejected, ...] = ()
    """What stands for addresses of owners who were to be notified, and does not serve."""
    newly_exempt: tuple[str, ...] = ()
    """Names of users who are exempt now, and were not when the account was last looked at."""
    exemptions_told: bool = True
    """Whether there is nobody left to be told of them."""
    unsaved: Failure | None = None
    """Why there is no snapshot of it; nobody's keys wait for that."""
    secrets_done: tuple[SecretDecision, ...] = ()
    """What was done about secrets."""
    is_beside: bool = False
    """Whether it is a dry run, and the day's snapshot stays that of a run that did something."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that somebody has to know."""
        failed = (
            Failure(error=outcome.error, user=outcome.decided.user.name)
            for outcome in self.outcomes
            if outcome.error is not None and outcome.is_failure
        )
        unsaved = (self.unsaved,) if self.unsaved else ()
        return (*self.plan.failures, *failed, *self.not_notified, *unsaved)

    @property
    def lost(self) -> Failure | None:
        """
        Why the account was not looked after, or nobody told of it; None: all that was done.

        An operator's pause is no loss, nor a policy that forbids new keys, nor that mails reach
        nobody: to try again would change nothing.
        """
        return next(
            (
                each
                for each in self.failures
                if each.user is None
                and each is not self.unsaved
                and not isinstance(each.error, Paused | CreationDenied | NobodyReached)
            ),
            None,
        )

    @property
    def quarantined(self) -> tuple[tuple[str, str], ...]:
        """(user's name, key id) of each key that nobody can have, and that is there still."""
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
