"""The Keyturn that a rehearsal plays with: from this machine, or as it is deployed."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import boto3

from keyturn.cli.local_run import now
from keyturn.deployment.model.resources import ROTATION
from keyturn.deployment.wiring import functions
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action, UserDecisions
from keyturn.domain.errors import (
    AccountUnreachable,
    CreationDenied,
    Denied,
    Paused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Run
from keyturn.domain.key import Account, KeyFacts, SentNotice, Status, Unknown, UserFacts
from keyturn.domain.result import AccountResult, Request
from keyturn.domain.tag_text import format_utc
from keyturn.ports import Pause
from keyturn.rehearsal.guarding import BrokenOff, Guard
from keyturn.rehearsal.model.verdict import NotTried
from keyturn.rehearsal.ports import Decided, Say, Told, Turn
from keyturn.settings import Settings
from keyturn.wiring import Aws

NO_TIME: Final = timedelta()
WHY: Final = "keyturn rehearse"
_NOTHING_SAID: Final = (Denied, CreationDenied, AccountUnreachable, Throttled, Unavailable)
"""Failures that say nothing about what was tried."""
_NO_DAYS: Final = "the deployed functions have a clock of their own, and this takes days"


def turn_of(result: AccountResult, user: str) -> Turn:
    """What a result says of one user."""
    done = {
        (step.decision.key_id, step.decision.action)
        for outcome in result.outcomes
        for step in outcome.done
    }
    errors = [failure.error for failure in result.failures]
    errors += [each.error for each in result.outcomes if each.error and not each.is_failure]
    return Turn(
        decided=tuple(
            Decided(
                key=decision.key_id,
                action=str(decision.action),
                reason=str(decision.reason),
                sentence=decision.sentence,
                notice=decision.notice.step if decision.notice else None,
                is_done=(decision.key_id, decision.action) in done,
            )
            for decided in result.plan.users
            if decided.user.name == user
            for decision in decided.decisions
        ),
        failures=(
            *map(str, result.failures),
            *(str(each.error) for each in result.outcomes if each.error and not each.is_failure),
        ),
        is_paused=any(isinstance(error, Paused) for error in errors),
        untold=tuple(map(str, result.not_notified)),
        denied=next((str(error) for error in errors if _says_nothing(error)), None),
    )


def _says_nothing(error: BaseException | None) -> bool:
    """Whether it is such a failure, or one is the reason for it."""
    if error is None:
        return False
    return isinstance(error, _NOTHING_SAID) or _says_nothing(error.__cause__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """What is stored of the notices about our keys."""

    aws: Aws
    account: str

    def of(self, user: str, key_id: str) -> Sequence[Told]:
        """The notices about a key that were accepted. Raises NotTried where nobody can tell."""
        key = KeyFacts(key_id=key_id, status=Status.ACTIVE, created=now())
        facts = UserFacts(account=self.account, name=user, user_id="", keys=(key,))
        found = self.aws.notices_of([UserDecisions(user=facts, decisions=())]).get(key_id, ())
        if isinstance(found, Unknown):
            raise NotTried(f"the receipts could not be read ({found.why})")
        return [_told(each) for each in found]


def _told(notice: SentNotice) -> Told:
    receipt = notice.receipt
    return Told(
        step=receipt.step,
        at=receipt.at,
        delivered_at=receipt.delivered_at,
        bounced_at=notice.bounced_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LaptopEngine:
    """Meets `rehearsal.ports.Engine`: all of Keyturn, in this process, for one user."""

    session: boto3.Session
    settings: Settings
    """With a bucket, and a folder of the rehearsal's own in it."""
    account: Account
    """Its address is where the notices go."""
    own_account: str
    guard: Guard
    say: Say

    @property
    def kms_key(self) -> str | None:
        """The key that new secrets are encrypted with."""
        return self.settings.secrets_key

    def run(
        self, user: str, *, ahead: timedelta = NO_TIME, exempt_group: str | None = None
    ) -> Turn:
        """One run over one user, so far ahead."""
        settings = self.settings
        if exempt_group is not None:
            settings = replace(settings, exemption_group=exempt_group)
        return self._kept(user, Request(users=frozenset({user})), ahead, settings)

    def rotate(self, user: str) -> Turn:
        """An order to rotate, by the true clock."""
        return self._kept(user, self._order(user), NO_TIME, self.settings)

    def rotate_and_die(self, user: str) -> None:
        """
        Let the engine die before it stores the key that it made.

        Raises NotTried if the engine lived on.
        """
        self.guard.die_at("secretsmanager", "PutSecretValue")
        try:
            turn = self.rotate(user)
        except BrokenOff:
            return
        said = "; ".join([*turn.failures, *(each.sentence for each in turn.decided)])
        raise NotTried(f"no key was made, so nothing could break off: {said}")

    def restore(self, user: str, key_id: str, *, ahead: timedelta = NO_TIME) -> Turn:
        """An order to enable a key again."""
        return self._ordered(Action.RESTORE, user, key_id, ahead)

    def revoke(self, user: str, key_id: str, *, ahead: timedelta = NO_TIME) -> Turn:
        """An order to stop a leaked key."""
        return self._ordered(Action.REVOKE, user, key_id, ahead)

    def paused(self, user: str) -> Turn:
        """Order a rotation under a pause in the rehearsal's own folder."""
        flag = self._aws(NO_TIME, self.settings).located_pause_flag()
        flag.set(Pause(by=WHY, at=now(), why="a rehearsal: it stops nothing else"))
        try:
            return self.rotate(user)
        finally:
            flag.clear()

    def told(self, user: str, key_id: str) -> Sequence[Told]:
        """What is stored in the rehearsal's own folder."""
        receipts = Receipts(aws=self._aws(NO_TIME, self.settings), account=self.account.id)
        return receipts.of(user, key_id)

    def asks_about_groups(self) -> None:
        """Whichever it is told."""

    def hears_of_deliveries(self) -> None:
        """Nothing listens to SES here."""
        raise NotTried("only a deployment hears from SES what was delivered: --deployed")

    def writes(self) -> int:
        """Of this rehearsal."""
        return self.guard.writes_to("iam", "secretsmanager")

    def _order(self, user: str) -> Request:
        at = now().replace(microsecond=0)
        return Request(users=frozenset({user}), forced=user, forced_at=at)

    def _kept(self, user: str, request: Request, ahead: timedelta, settings: Settings) -> Turn:
        aws = self._aws(ahead, settings)
        run = self._run(aws.clock())
        # The administrators hear of it from whoever rehearses, and not by a copy of each step.
        daily = aws.run_account(run, aws.by_mail(self.say), is_summed_up=True)
        return turn_of(daily.run(run, request), user)

    def _ordered(self, action: Action, user: str, key_id: str, ahead: timedelta) -> Turn:
        aws = self._aws(ahead, self.settings)
        run = self._run(aws.clock())
        command = OperatorCommand(action=action, key_id=key_id, given=run.at)
        return turn_of(aws.run_command(run, aws.by_mail(self.say)).run(run, command), user)

    def _run(self, at: datetime) -> Run:
        return Run(id=uuid.uuid4().hex, account=self.account, at=at, dry_run=False)

    def _aws(self, ahead: timedelta, settings: Settings) -> Aws:
        return Aws(
            session=self.session,
            settings=settings,
            journal=lambda _action, _facts: None,
            clock=lambda: now() + ahead,
            account=self.own_account,
            watched=self.guard.watch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedEngine:
    """Meets `rehearsal.ports.Engine`: the deployed rotation function, by orders alone."""

    session: boto3.Session
    settings: Settings
    """The functions' own."""
    account: Account
    own_account: str
    guard: Guard
    by: str
    """Who orders it, for the audit."""
    clock: Callable[[], datetime] = now

    @property
    def kms_key(self) -> str | None:
        """The key that new secrets are encrypted with."""
        return self.settings.secrets_key

    def run(
        self,
        user: str,  # noqa: ARG002 -- meets Engine
        *,
        ahead: timedelta = NO_TIME,  # noqa: ARG002 -- likewise
        exempt_group: str | None = None,  # noqa: ARG002 -- likewise
    ) -> Turn:
        """
        Nothing that takes days.

        Raises NotTried, always.
        """
        raise NotTried(_NO_DAYS)

    def rotate(self, user: str) -> Turn:
        """An order to rotate."""
        return self._asked(user, {"ForceRotate": user})

    def rotate_and_die(self, user: str) -> None:  # noqa: ARG002 -- meets Engine
        """
        Nobody breaks a function that works for others, too.

        Raises NotTried, always.
        """
        raise NotTried("a deployed function is not broken on purpose; rehearse from here, too")

    def restore(self, user: str, key_id: str, *, ahead: timedelta = NO_TIME) -> Turn:  # noqa: ARG002 -- likewise
        """An order to enable a key again."""
        return self._asked(user, {"Restore": key_id})

    def revoke(self, user: str, key_id: str, *, ahead: timedelta = NO_TIME) -> Turn:  # noqa: ARG002 -- likewise
        """An order to stop a leaked key."""
        return self._asked(user, {"Revoke": key_id})

    def paused(self, user: str) -> Turn:  # noqa: ARG002 -- likewise
        """
        The pause of a deployment stops all of it.

        Raises NotTried, always.
        """
        raise NotTried("a pause would stop the whole deployment; rehearse from here, too")

    def told(self, user: str, key_id: str) -> Sequence[Told]:
        """What the notifier stored in the deployment's bucket."""
        aws = Aws(
            session=self.session,
            settings=self.settings,
            journal=lambda _action, _facts: None,
            clock=self.clock,
            account=self.own_account,
            watched=self.guard.watch,
        )
        return Receipts(aws=aws, account=self.account.id).of(user, key_id)

    def asks_about_groups(self) -> None:
        """The account's own alone, and nobody is put into it."""
        group = self.settings.exemption_group
        raise NotTried(f"the deployed functions ask about {group}, whose members are yours")

    def hears_of_deliveries(self) -> None:
        """By the rule of SES's events, where there is a configuration set."""
        if not self.settings.configuration_set:
            raise NotTried("ConfigurationSet is not set: SES reports no delivery to the notifier")

    def writes(self) -> int:
        """Of this rehearsal; the functions' own are not among them."""
        return self.guard.writes_to("iam", "secretsmanager")

    def _asked(self, user: str, order: Mapping[str, str]) -> Turn:
        event = {
            "account": self.account.id,
            "email": self.account.email or None,
            "users": [user],
            "by": self.by,
            "reason": WHY,
            "requested": format_utc(self.clock().astimezone(UTC)),
            **order,
        }
        answer = functions(self.session).invoke(ROTATION, event)
        if answer.get("dry_run"):
            raise NotTried("the deployed functions are in dry run (DryRunFlag)")
        return _turn_in(answer, user)


def _turn_in(answer: Mapping[str, object], user: str) -> Turn:
    """What a direct invocation answered about one user."""
    decisions = [each for each in _list(answer, "decisions") if each.get("user") == user]
    failures = tuple(str(each.get("message")) for each in _list(answer, "failures"))
    return Turn(
        decided=tuple(
            Decided(
                key=str(each.get("key")),
                action=str(each.get("action")),
                reason=str(each.get("reason")),
                sentence=str(each.get("sentence")),
                notice=None,
                is_done=not failures,
            )
            for each in decisions
        ),
        failures=failures,
    )


def _list(answer: Mapping[str, object], name: str) -> Iterator[Mapping[str, object]]:
    found = answer.get(name)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping):
            yield each
