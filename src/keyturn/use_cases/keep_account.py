"""
Keep one account within policy: gather, decide, act, tell.

The dry run is the plan with nothing carried out. One user's failure is an outcome beside the
others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.constraints import NO_CONSTRAINTS, RunConstraints
from keyturn.domain.decision import Action, UserDecisions
from keyturn.domain.errors import (
    AnotherRun,
    ChangedMeanwhile,
    Exempted,
    KeyturnError,
    NotFound,
    Unexpected,
)
from keyturn.domain.events import Run
from keyturn.domain.exemptions_file import ExemptionsFile, exemption_of
from keyturn.domain.key import UserFacts
from keyturn.domain.lifecycle.view import is_forced
from keyturn.domain.narrowing import needs_owner, not_due, silenced, without_owner
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountPlan, AccountResult, Failure, Outcome, Request
from keyturn.ports import (
    AccessKeys,
    Clock,
    Deferrals,
    ExemptionsFileStore,
    PauseFlag,
    User,
)
from keyturn.use_cases.daily_cap import DailyCap, DayClaim, is_too_late
from keyturn.use_cases.deferrals import AccountDeferrals, deferrals_of
from keyturn.use_cases.executor import Executor
from keyturn.use_cases.exempt_users import ExemptUsers, read_exemptions, remarks_on
from keyturn.use_cases.fact_gatherer import FactGatherer
from keyturn.use_cases.first_key import halted, try_first
from keyturn.use_cases.gate import Gate
from keyturn.use_cases.keep_secrets import KeepSecrets, SecretsDone, with_dangers
from keyturn.use_cases.listed_secrets import FEW
from keyturn.use_cases.named_users import missing_users
from keyturn.use_cases.plan_remarks import (
    Progress,
    exempted_meanwhile,
    leaked,
    leaks,
    put_off,
    root_keys,
    unlisted,
    unowned,
    unproven,
    unreadable,
    with_leaks,
    with_what_was_not_done,
)
from keyturn.use_cases.side_by_side import side_by_side

HasTime = Callable[[int], bool]
"""Whether another user may be begun, with the owners of so many to be notified afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is read once for all users of an account, before the first is looked at."""

    exempt: frozenset[str]
    """The `UserId`s of those who are exempt."""
    living: Mapping[str, str]
    """`UserId` → name."""
    deferrals: AccountDeferrals
    file: ExemptionsFile | str | None
    """The exemptions file; why it could not be read; None: there is none."""
    by_list: bool
    """Whether the list of all secrets costs fewer calls than to ask about each user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAccount:
    """One account's plan and what is done of it."""

    keys: AccessKeys
    fact_gatherer: FactGatherer
    executor: Executor
    policy: RotationPolicy
    exempt_users: ExemptUsers
    can_notify: bool
    """Whether notices reach anybody; without that, no step is taken that needs one."""
    cap: DailyCap
    pause_flag: PauseFlag
    clock: Clock
    deferrals: Deferrals
    workers: int
    """How many users are worked on at once."""
    exemptions_file: ExemptionsFileStore | None = None
    """None: there is no place for one."""
    keep_secrets: KeepSecrets | None = None
    """None: nobody asks which secrets are needed any more (RemoveSecretsAfter)."""
    reports_root_keys: bool = False
    """Whether to say that the root user has keys; needs one more read."""
    reports_quarantine: bool = False

    def plan(
        self,
        run: Run,
        request: Request,
        progress: Progress = lambda _done, _of: None,
        may_look: Callable[[], bool] = lambda: True,
    ) -> AccountPlan:
        """
        Decide for every user, as long as there is time. It only reads: it is the dry run.

        Args:
            run: over one account.
            request: which users, and what else an operator asked for.
            progress: called with how many users are done, of how many.
            may_look: whether another user may be begun; those who may not are `left`.

        Returns:
            The decisions of all who were looked at; what went wrong is among its failures.

        """
        plan = AccountPlan(
            run=run,
            request=request,
            warnings=(
                *request.warnings,
                *((run.held,) if run.held else ()),
                *self.policy.warnings,
            ),
        )
        # Who is exempt is known before the first user is looked at: "cannot tell" leaves the whole
        # account alone. The list of users is read whole, for half of it would lose the rest.
        try:
            exempt, warning = self.exempt_users.with_warning(dry_run=run.dry_run)
            wanted = request.named
            listed = list(self.keys.users())
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        living = {user.id: user.name for user in listed}
        known = Known(
            exempt=exempt,
            living=living,
            deferrals=deferrals_of(run.account.id, self.deferrals),
            file=read_exemptions(self.exemptions_file),
            by_list=wanted is None or len(wanted) > FEW,
        )
        users = [user for user in listed if wanted is None or user.name in wanted]
        failures = list(missing_users(self.keys, request, {user.name for user in listed}))
        says_root = self.reports_root_keys and request.forced is None
        root = root_keys(self.keys, failures) if says_root else ()
        remarks: list[str] = []
        policies = leaked(self.keys, remarks) if self.reports_quarantine else {}
        looked = side_by_side(
            lambda user: self._looked(user, run, request, known),
            users,
            workers=self.workers,
            may_begin=may_look,
            progress=progress,
        )
        all_decided = tuple(found for found in looked if isinstance(found, UserDecisions))
        failures += (found for found in looked if isinstance(found, Failure))
        # Over the whole account, and only when all are decided: a cap that counted user by user
        # would let through whoever comes first, and not the oldest.
        if request.approved is None:
            all_decided = self.cap.planned(
                all_decided,
                run,
                lambda user, constraints: self._decided(user, run, constraints),
                is_part=wanted is not None,
            )
            left_out: tuple[str, ...] = ()
        else:
            left_out = tuple(not_due(all_decided, request.approved))
            all_decided = tuple(map(request.narrowed, all_decided))
        all_decided = tuple(with_leaks(each, policies) for each in all_decided)
        plan = replace(
            plan,
            users=all_decided,
            failures=(
                *failures,
                *leaks(all_decided, policies),
                *unreadable(all_decided),
                *unowned(all_decided),
            ),
            warnings=(
                *plan.warnings,
                *((warning,) if warning else ()),
                *remarks_on(known.file, run, living, exempt),
                *root,
                *remarks,
                *left_out,
                *put_off(all_decided, self.policy),
                *unproven(all_decided),
            ),
            left=tuple(user.name for user in users[len(looked) :]),
            unlisted=unlisted(self.fact_gatherer.listed_secrets.failure),
        )
        return plan if self.keep_secrets is None else self.keep_secrets.planned(plan, living)

    def carry_out(
        self,
        plan: AccountPlan,
        progress: Progress = lambda _done, _of: None,
        has_time: HasTime = lambda _to_tell: True,
    ) -> AccountResult:
        """
        Do what is due, several users at once; stops between two users when time is over.

        Args:
            plan: of this run; of a dry run nothing is carried out.
            progress: called with how many users are done, of how many.
            has_time: whether another user may be begun; those who may not are `left`.

        Returns:
            An outcome for each user who was begun. No KeyturnError leaves it: one user's failure
            is an outcome, and the account's stands among the plan's failures.

        """
        if plan.run.dry_run:
            return AccountResult(plan=plan, left=plan.left)
        result = self._done(plan, progress, has_time)
        decided = next(
            (each for each in plan.users if each.user.name == plan.request.forced), None
        )
        if decided is None or _is_settled(decided.user, plan.run.at):
            return result
        return with_what_was_not_done(
            result, decided, lambda decision: decision.action is Action.ROTATE
        )

    def _done(
        self,
        plan: AccountPlan,
        progress: Progress,
        has_time: HasTime,
    ) -> AccountResult:
        gate = self._gate(plan.request)
        # Not when the run began: a plan may be carried out after midnight.
        now, too_late, to_tell = self.clock(), set[str](), list[str]()
        try:
            plan, claim = self._ready(plan, gate, now)
        except KeyturnError as error:
            return AccountResult(
                plan=replace(plan, failures=(*plan.failures, Failure(error=error))),
                left=plan.left,
            )

        def may_begin() -> bool:
            return has_time(len(to_tell))

        def one(decided: UserDecisions) -> Outcome | None:
            if any(decision.notice is not None for decision in decided.decisions):
                to_tell.append(decided.user.name)
            if decided.writes and not gate.is_open():
                return None
            if is_too_late(decided, now, self.clock()):
                too_late.add(decided.user.name)
                return None
            if not claim.may_take(decided):
                message = (
                    f"an operator's order about a key of {decided.user.name} is being carried out"
                )
                return Outcome(decided=decided, error=AnotherRun(message))
            return self.executor.carry_out(
                decided,
                lambda: gate.pass_by(decided.user),
                lambda: self._refuse_if_late(decided, now),
            )

        tried = try_first(plan.users, one, may_begin, now.date())
        plan, first = halted(
            plan,
            tried,
            one,
            lambda user, constraints: self._decided(user, plan.run, constraints),
        )
        before, of_all = len(first), len(plan.users)
        for done in range(1, before + 1):
            progress(done, of_all)
        rest = [decided for decided in plan.users if decided.user.name not in tried.users]
        outcomes = side_by_side(
            one,
            rest,
            workers=self.workers,
            may_begin=may_begin,
            progress=lambda done, _of: progress(before + done, of_all),
        )
        begun = len(outcomes)
        outcomes = [*first, *outcomes]
        # Last: what a rotation of this run stores is of no interest to it before tomorrow.
        of_secrets = (
            SecretsDone()
            if self.keep_secrets is None
            else self.keep_secrets.carry_out(plan, gate, may_begin)
        )
        plan = with_dangers(
            replace(plan, failures=(*plan.failures, *of_secrets.failures)), of_secrets.in_danger
        )
        if gate.shut is not None:
            plan = replace(plan, failures=(*plan.failures, Failure(error=gate.shut)))
        exempted = (
            str(outcome.error)
            for outcome in outcomes
            if outcome is not None and isinstance(outcome.error, Exempted)
        )
        return AccountResult(
            plan=replace(plan, warnings=(*plan.warnings, *exempted)),
            outcomes=tuple(outcome for outcome in outcomes if outcome is not None),
            secrets_done=of_secrets.done,
            left=(
                *sorted(too_late),
                *(decided.user.name for decided in rest[begun:]),
                *plan.left,
            ),
        )

    def _refuse_if_late(self, decided: UserDecisions, claimed: datetime) -> None:
        # Asked at the start alone, a turn that throttling draws out would pass midnight.
        if is_too_late(decided, claimed, self.clock()):
            message = f"the day is over for which the ends of {decided.user.name}'s keys"
            raise ChangedMeanwhile(f"{message} were noted: the next run goes on")

    def _gate(self, request: Request) -> Gate:
        """What every write of a run passes."""
        pause_flag = None if request.even_paused else self.pause_flag
        return Gate(pause_flag, self.clock, self.exempt_users.ids)

    def _ready(self, plan: AccountPlan, gate: Gate, now: datetime) -> tuple[AccountPlan, DayClaim]:
        """Before the first write: is it still allowed, is nobody exempt, is the cap kept."""
        if not any(decided.writes for decided in plan.users) or not gate.is_open():
            return plan, DayClaim(users=plan.users)
        plan = exempted_meanwhile(plan, gate)
        claim = self.cap.claimed(
            plan.users,
            plan.run.account.id,
            lambda user, constraints: plan.request.narrowed(
                self._decided(user, plan.run, constraints)
            ),
            now=now,
            request=plan.request,
        )
        known = {str(failure) for failure in plan.failures}
        new = (failure for failure in unreadable(claim.users) if str(failure) not in known)
        return replace(plan, users=claim.users, failures=(*plan.failures, *new)), claim

    def _looked(
        self,
        user: User,
        run: Run,
        request: Request,
        known: "Known",
    ) -> UserDecisions | Failure | None:
        """Look at one user; what goes wrong is theirs alone. None: gone by now."""
        try:
            return self._first_decided(user, run, request, known)
        except NotFound:
            return None
        except KeyturnError as error:
            return Failure(error=error, user=user.name)
        except Exception as error:  # noqa: BLE001 -- one user's fault must not hold the others
            return Failure(error=Unexpected(error), user=user.name)

    def _first_decided(
        self,
        user: User,
        run: Run,
        request: Request,
        known: "Known",
    ) -> UserDecisions:
        facts = UserFacts(
            account=run.account.id,
            name=user.name,
            user_id=user.id,
            path=user.path,
            password_used=user.password_used,
            keys=self.keys.keys_of(user.name),
            exempt=user.id in known.exempt,
            exemption=exemption_of(
                known.file, run.account.id, user.name, run.at.date(), self.policy.max_exemption
            )
            if user.id in known.exempt
            else None,
            forced=request.forced_at if user.name == request.forced else None,
            living=known.living,
        )
        facts = known.deferrals.of_user(facts)
        return self._decided(facts, run, NO_CONSTRAINTS, by_list=known.by_list)

    def _decided(
        self,
        user: UserFacts,
        run: Run,
        constraints: RunConstraints,
        *,
        by_list: bool = False,
    ) -> UserDecisions:
        decided = self.fact_gatherer.decide(user, run.at, constraints, by_list=by_list)
        if not self.can_notify and not run.dry_run:
            return silenced(decided)
        # Only of those whose owner is looked up for the notices, too: it costs no call more.
        why = self.fact_gatherer.why_unowned(decided.user) if needs_owner(decided) else None
        return decided if why is None else without_owner(decided, why, run.at.date())


def _is_settled(user: UserFacts, now: datetime) -> bool:
    """Whether a rotation that was asked for is done already, or void by now: a redelivery."""
    return user.forced is None or not all(is_forced(user, key, now) for key in user.keys)
