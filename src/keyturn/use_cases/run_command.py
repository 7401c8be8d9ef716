"""
What an operator orders about one key: enable it again, or revoke it as leaked.

A way of its own beside the daily run (`keep_account`): nobody else is looked at, no cap counts,
no snapshot is kept. A leaked key is made Inactive before anything else is asked; whatever then
cannot be read or done is said, and keeps nobody from that.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from keyturn.domain.commands import OperatorCommand, stop_alone
from keyturn.domain.decision import Action, UserDecisions
from keyturn.domain.errors import (
    Exempted,
    KeyturnError,
    NotFound,
    OrderNotDone,
    PortError,
    SkippedAccount,
    Unexpected,
    WriteStopped,
)
from keyturn.domain.events import Run
from keyturn.domain.key import KeyFacts, Unknown, UserFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, AccountResult, Failure, Outcome
from keyturn.ports import AccessKeys, Clock, PauseFlag, User
from keyturn.use_cases.announcers import Announcer
from keyturn.use_cases.executor import Executor
from keyturn.use_cases.exempt_users import ExemptUsers
from keyturn.use_cases.fact_gatherer import FactGatherer
from keyturn.use_cases.gate import Gate
from keyturn.use_cases.notifications import BuildNotifications
from keyturn.use_cases.plan_remarks import exempted_meanwhile, unproven, with_what_was_not_done
from keyturn.use_cases.stop import ALL_THE_SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Whose a leaked key is, and which keys that user has, as far as IAM said."""

    user: str
    """The user's name, which UpdateAccessKey wants."""
    keys: tuple[KeyFacts, ...] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """
    Decide about one key, do it, tell.

    No KeyturnError leaves it: what stands in the way is among the result's failures.
    Source: docs/lifecycle.md, "Restored", "Revoked".
    """

    keys: AccessKeys
    """For the stop of a leaked key, and what is read before it; the rest is the executor's."""
    fact_gatherer: FactGatherer
    executor: Executor
    exempt_users: ExemptUsers
    policy: RotationPolicy
    pause_flag: PauseFlag
    clock: Clock
    build_notifications: BuildNotifications
    announcer: Announcer

    def run(
        self, run: Run, command: OperatorCommand, has_time: Callable[[], bool] = lambda: True
    ) -> AccountResult:
        """
        Do what is ordered, unless it is a dry run, and tell of it.

        Args:
            run: of the account whose key it is.
            command: one key, and what is to become of it.
            has_time: whether another write may begin; the stop of a leaked key does not ask.

        Returns:
            What was done, and each failure: an order that did not come to its end is one.

        """
        # Before any plan: each call that a plan makes is time in which a thief has the key, and
        # may fail for reasons of its own (decision 0023).
        leak = self._stop_first(run, command)
        return self.carry_out(self.plan(run, command, leak), has_time)

    def plan(self, run: Run, command: OperatorCommand, leak: Leak | None = None) -> AccountPlan:
        """
        Only read and decide; what stands in the way is among the failures.

        leak: whose the key is, where that is known already; None: it is looked up.
        """
        plan = AccountPlan(run=run, command=command, warnings=self.policy.warnings)
        if command.action is Action.REVOKE:
            return self._planned_revocation(plan, command, leak)
        return self._planned_restoration(plan, command)

    def carry_out(
        self, plan: AccountPlan, has_time: Callable[[], bool] = lambda: True
    ) -> AccountResult:
        """Do what a plan says, unless it is of a dry run, and tell of it."""
        result = self._done(plan, has_time)
        notifications = self.build_notifications.of(result)
        not_notified = (*notifications.failures, *self.announcer.announce(notifications))
        return replace(result, not_notified=not_notified, rejected=notifications.rejected)

    def _done(self, plan: AccountPlan, has_time: Callable[[], bool]) -> AccountResult:
        command = plan.command
        if plan.run.dry_run or command is None:
            return AccountResult(plan=plan, left=plan.left)
        if command.action is Action.REVOKE:
            return self._revoked(plan, command, has_time)
        result = self._restored(plan, command, has_time)
        if not plan.users:
            return result
        return with_what_was_not_done(
            result, plan.users[0], lambda decision: decision.key_id == command.key_id
        )

    def _gate(self, command: OperatorCommand) -> Gate:
        """What every write passes, but for the stop of a leaked key."""
        pause_flag = None if command.even_paused else self.pause_flag
        return Gate(pause_flag, self.clock, self.exempt_users.ids)

    # --- enable it again ------------------------------------------------------------------

    def _planned_restoration(self, plan: AccountPlan, command: OperatorCommand) -> AccountPlan:
        try:
            exempt, warning = self.exempt_users.with_warning(dry_run=plan.run.dry_run)
            name = self.keys.owner_of(command.key_id)
            listed = list(self.keys.users())
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        user = next((each for each in listed if each.name == name), None)
        living = {each.id: each.name for each in listed}
        found = self._looked(plan.run, command, user, name, exempt, living)
        warnings = (*plan.warnings, *((warning,) if warning else ()))
        if isinstance(found, Failure):
            return replace(plan, failures=(found,), warnings=warnings)
        return replace(plan, users=(found,), warnings=(*warnings, *unproven([found])))

    def _looked(  # noqa: PLR0913, PLR0917 -- what was read about one user, and of what for
        self,
        run: Run,
        command: OperatorCommand,
        user: User | None,
        name: str,
        exempt: frozenset[str],
        living: dict[str, str],
    ) -> UserDecisions | Failure:
        if user is None:
            message = f"{command.key_id}: IAM does not list its user yet: order it again"
            return Failure(error=OrderNotDone(message), user=name)
        try:
            facts = UserFacts(
                account=run.account.id,
                name=name,
                user_id=user.id,
                path=user.path,
                keys=self.keys.keys_of(name),
                exempt=user.id in exempt,
                living=living,
            )
            return self.fact_gatherer.decide_command(command, facts, run.at)
        except NotFound:
            message = f"{command.key_id}: it or its user was deleted meanwhile"
            return Failure(error=OrderNotDone(message), user=name)
        except KeyturnError as error:
            return Failure(error=error, user=name)
        except Exception as error:  # noqa: BLE001 -- a fault of ours is told as any other
            return Failure(error=Unexpected(error), user=name)

    def _restored(
        self, plan: AccountPlan, command: OperatorCommand, has_time: Callable[[], bool]
    ) -> AccountResult:
        gate = self._gate(command)
        try:
            if any(decided.writes for decided in plan.users) and gate.is_open():
                plan = exempted_meanwhile(plan, gate)
        except KeyturnError as error:
            failures = (*plan.failures, Failure(error=error))
            return AccountResult(plan=replace(plan, failures=failures))
        outcomes: list[Outcome] = []
        left = () if has_time() else tuple(decided.user.name for decided in plan.users)
        for decided in plan.users if not left else ():
            if gate.is_open():
                may_write = partial(gate.pass_by, decided.user)
                outcomes.append(self.executor.carry_out(decided, may_write))
        if gate.shut is not None:
            plan = replace(plan, failures=(*plan.failures, Failure(error=gate.shut)))
        said = (str(each.error) for each in outcomes if isinstance(each.error, Exempted))
        plan = replace(plan, warnings=(*plan.warnings, *said))
        return AccountResult(plan=plan, outcomes=tuple(outcomes), left=left)

    # --- revoke it as leaked --------------------------------------------------------------

    def _stop_first(self, run: Run, command: OperatorCommand) -> Leak | None:
        """
        Make a leaked key Inactive before anything else is asked, if one is to be revoked.

        What goes wrong here is tried again when the plan is carried out, and said there.
        """
        if command.action is not Action.REVOKE or run.dry_run:
            return None
        leak: Leak | None = None
        try:
            # Void after a day: a late redelivery must not stop a key that was enabled since.
            command.refuse_if_void(run.at)
            leak = self._leak(command)
            # Past every gate: neither who is exempt nor a pause is asked, for both are questions
            # that somebody with a stolen key may have made unanswerable.
            self.keys.disable(leak.user, command.key_id)
        except Exception:  # noqa: BLE001 -- nothing may keep the plan itself from trying
            return leak
        return leak

    def _leak(self, command: OperatorCommand) -> Leak:
        """Find whose a leaked key is, in another way if IAM does not answer in the first."""
        try:
            user = self.keys.owner_of(command.key_id)
        except NotFound:
            raise  # that is an answer: the account has no such key
        except PortError as error:
            # Denied or throttled: the slow way, over all users, finds the same.
            for each in self.keys.users():
                keys = self.keys.keys_of(each.name)
                if any(key.key_id == command.key_id for key in keys):
                    return Leak(user=each.name, keys=keys)
            raise error from None
        try:
            return Leak(user=user, keys=self.keys.keys_of(user))
        except KeyturnError as error:
            return Leak(user=user, keys=Unknown(str(error)))
        except Exception as error:  # noqa: BLE001 -- an odd answer keeps no leaked key working
            return Leak(user=user, keys=Unknown(str(Unexpected(error))))

    def _planned_revocation(
        self, plan: AccountPlan, command: OperatorCommand, leak: Leak | None
    ) -> AccountPlan:
        """Decide about a leaked key: what cannot be read keeps it from nothing but the rest."""
        try:
            command.refuse_if_void(plan.run.at)
            leak = leak or self._leak(command)
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        user = UserFacts(
            account=plan.run.account.id,
            name=leak.user,
            user_id="",
            keys=() if isinstance(leak.keys, Unknown) else leak.keys,
        )
        # From here on every way out leads to `stop_alone`, and none to an empty plan: that would
        # leave the key to the first try in `_stop_first`, which may have failed.
        warning: str | None = None
        try:
            exempt, warning = _exempt_for(self.exempt_users, command, dry_run=plan.run.dry_run)
            found = next((each for each in self.keys.users() if each.name == leak.user), None)
            if found is None:
                raise OrderNotDone("IAM does not list its user yet")  # noqa: TRY301 -- one of many hindrances
            if isinstance(leak.keys, Unknown):
                raise OrderNotDone(f"its user's keys could not be read ({leak.keys.why})")  # noqa: TRY301 -- another
            user = replace(user, user_id=found.id, path=found.path, exempt=found.id in exempt)
            decided = self.fact_gatherer.decide_command(command, user, plan.run.at)
        except KeyturnError as error:
            decided = stop_alone(command, user, plan.run.at, str(error))
        except Exception as error:  # noqa: BLE001 -- no fault of ours keeps a leaked key working
            decided = stop_alone(command, user, plan.run.at, str(Unexpected(error)))
        warnings = (*plan.warnings, *((warning,) if warning else ()))
        return replace(plan, users=(decided,), warnings=warnings)

    def _revoked(
        self, plan: AccountPlan, command: OperatorCommand, has_time: Callable[[], bool]
    ) -> AccountResult:
        """Stop a leaked key, and do the rest of the command if nothing hinders it."""
        gate = self._gate(command)

        # Asked by the executor behind the stop; what it raises ends the rest, and never the stop.
        def may_write(user: UserFacts) -> None:
            if not has_time():
                message = "too much time has passed since it was looked at: order it again"
                raise WriteStopped(message)
            if not gate.is_open():
                raise WriteStopped(f"{gate.shut}; {ALL_THE_SAME}")
            if not command.even_exempt:
                gate.pass_by(user)

        outcomes = tuple(
            self.executor.carry_out(decided, partial(may_write, decided.user))
            for decided in plan.users
        )
        return AccountResult(plan=plan, outcomes=outcomes)


def _exempt_for(
    exempt_users: ExemptUsers, command: OperatorCommand, *, dry_run: bool
) -> tuple[frozenset[str], str | None]:
    """Who is exempt; a command that stands even so does not wait for the answer."""
    try:
        return exempt_users.with_warning(dry_run=dry_run)
    except SkippedAccount as error:
        if not command.even_exempt:
            raise
        return frozenset(), f"{error}, but not for what was ordered"
