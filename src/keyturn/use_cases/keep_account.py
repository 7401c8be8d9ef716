"""
Keep one account within policy: gather, decide, act, tell.

The dry run is the plan with nothing carried out. One user's failure is an outcome beside the
others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from keyturn.domain.decision import UNREADABLE, Action, Decision, Overlay, Reason, Told, Turn
from keyturn.domain.errors import (
    AccountUnreachable,
    AnotherRun,
    CreationDenied,
    DeliveryUnclear,
    Exempted,
    KeyturnError,
    NoSuchUser,
    NotFound,
    OrderNotDone,
    Paused,
    PortError,
    SkippedAccount,
    Unexpected,
    WriteStopped,
)
from keyturn.domain.events import Run
from keyturn.domain.key import KeyFacts, Seal, SecretFacts, Unknown, UserFacts
from keyturn.domain.leftover import Leftover
from keyturn.domain.lifecycle.view import is_forced
from keyturn.domain.names import KEY_ID
from keyturn.domain.orders import Order, stop_alone
from keyturn.domain.owner import Owner
from keyturn.domain.policy import RotationPolicy
from keyturn.ports import AccessKeys, Clock, Switch, User
from keyturn.use_cases.approve import Approved, not_due, only_approved
from keyturn.use_cases.daily_cap import Claim, DailyCap, is_too_late
from keyturn.use_cases.first_key import CarryOut, Tried, try_first
from keyturn.use_cases.gate import Gate
from keyturn.use_cases.look import Look
from keyturn.use_cases.side_by_side import side_by_side
from keyturn.use_cases.stop import ALL_THE_SAME
from keyturn.use_cases.turn import Outcome, TakeTurn

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
    order: Order | None = None
    """What an operator orders about one key; then nobody else is looked at."""
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

    @property
    def leaked(self) -> Order | None:
        """The order to stop a leaked key, if it is one."""
        return self.order if self.order and self.order.action is Action.REVOKE else None

    def narrowed(self, turn: Turn) -> Turn:
        """What is asked for of all that is due for a user."""
        return turn if self.approved is None else only_approved(turn, self.approved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Whose a leaked key is, and which keys that user has, as far as IAM said."""

    user: str
    keys: tuple[KeyFacts, ...] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What is due in one account, user by user."""

    run: Run
    request: Request = Request()
    turns: tuple[Turn, ...] = ()
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
        return bool(self.turns or self.left) or all(failure.user for failure in self.failures)


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
            Failure(error=outcome.error, user=outcome.turn.user.name)
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
        left = {(turn.user.name, turn.quarantined) for turn in self.plan.turns if turn.quarantined}
        for outcome in self.outcomes:
            if isinstance(outcome.error, DeliveryUnclear) and outcome.error.key_id:
                left.add((outcome.turn.user.name, outcome.error.key_id))
            left -= {
                (outcome.turn.user.name, done.decision.key_id)
                for done in outcome.done
                if done.decision.reason is Reason.ORPHAN_OVER
            }
        return tuple(sorted(left))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAccount:
    """One account's plan and what is done of it."""

    keys: AccessKeys
    look: Look
    take_turn: TakeTurn
    policy: RotationPolicy
    exemption_group: str
    can_tell: bool
    """Whether notices reach anybody; without that, no step is taken that needs one."""
    cap: DailyCap
    switch: Switch
    clock: Clock
    workers: int
    """How many users are worked on at once."""
    reports_root_keys: bool = False
    """Whether to say that the root user has keys; needs one more read."""

    def plan(
        self,
        run: Run,
        request: Request,
        progress: Progress = lambda _done, _of: None,
        may_look: Callable[[], bool] = lambda: True,
        leak: Leak | None = None,
    ) -> AccountPlan:
        """Decide for every user, as long as there is time. It only reads: it is the dry run."""
        plan = AccountPlan(
            run=run, request=request, warnings=(*request.warnings, *self.policy.warnings)
        )
        if request.leaked is not None:
            return self._planned_stop(plan, request.leaked, leak)
        try:
            exempt, warning = self._exempt_for(request.order, dry_run=run.dry_run)
            wanted = self._wanted(request)
            listed = list(self.keys.users())
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        living = {user.id: user.name for user in listed}
        users = [user for user in listed if wanted is None or user.name in wanted]
        failures = list(self._missing(request, wanted, {user.name for user in listed}))
        is_order = request.order is not None or request.forced is not None
        root = self._root_keys(failures) if self.reports_root_keys and not is_order else ()
        looked = side_by_side(
            lambda user: self._looked(user, run, request, exempt, living),
            users,
            workers=self.workers,
            may_begin=may_look,
            progress=progress,
        )
        turns = tuple(found for found in looked if isinstance(found, Turn))
        failures += (found for found in looked if isinstance(found, Failure))
        if request.approved is None:
            turns = self.cap.planned(turns, run, lambda user: self._decided(user, run))
            left_out: tuple[str, ...] = ()
        else:
            left_out = tuple(not_due(turns, request.approved))
            turns = tuple(map(request.narrowed, turns))
        return replace(
            plan,
            turns=turns,
            failures=(*failures, *_unreadable(turns)),
            warnings=(
                *plan.warnings,
                *((warning,) if warning else ()),
                *root,
                *left_out,
                *_put_off(turns, self.policy),
                *_unproven(turns),
            ),
            left=tuple(user.name for user in users[len(looked) :]),
        )

    def carry_out(
        self,
        plan: AccountPlan,
        progress: Progress = lambda _done, _of: None,
        has_time: Callable[[], bool] = lambda: True,
    ) -> AccountResult:
        """Do what is due, several users at once; stops between two users when time is over."""
        if plan.run.dry_run:
            return AccountResult(plan=plan, left=plan.left)
        if plan.request.leaked is not None:
            return self._stopped(plan, plan.request.leaked, has_time)
        return _with_what_was_not_done(self._done(plan, progress, has_time), plan.turns)

    def _done(
        self,
        plan: AccountPlan,
        progress: Progress,
        has_time: Callable[[], bool],
    ) -> AccountResult:
        gate = self._gate(plan.request)
        # Not when the run began: a plan may be carried out after midnight.
        now, too_late = self.clock(), set[str]()
        try:
            plan, claim = self._ready(plan, gate, now)
        except KeyturnError as error:
            return AccountResult(
                plan=replace(plan, failures=(*plan.failures, Failure(error=error))),
                left=plan.left,
            )

        def one(turn: Turn) -> Outcome | None:
            if turn.writes and not gate.is_open():
                return None
            if is_too_late(turn, now, self.clock()):
                too_late.add(turn.user.name)
                return None
            if not claim.may_take(turn):
                message = (
                    f"an operator's order about a key of {turn.user.name} is being carried out"
                )
                return Outcome(turn=turn, error=AnotherRun(message))
            if turn.even_exempt:
                return self.take_turn.carry_out(turn)
            return self.take_turn.carry_out(turn, lambda: gate.pass_by(turn.user))

        tried = try_first(plan.turns, one, has_time, now.date())
        plan, first = self._halted(plan, tried, one)
        before, of_all = len(first), len(plan.turns)
        for done in range(1, before + 1):
            progress(done, of_all)
        rest = [turn for turn in plan.turns if turn.user.name not in tried.users]
        outcomes = side_by_side(
            one,
            rest,
            workers=self.workers,
            may_begin=has_time,
            progress=lambda done, _of: progress(before + done, of_all),
        )
        begun = len(outcomes)
        outcomes = [*first, *outcomes]
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
            left=(
                *sorted(too_late),
                *(turn.user.name for turn in rest[begun:]),
                *plan.left,
            ),
        )

    def _gate(self, request: Request) -> Gate:
        """What every write of a run passes."""
        switch = None if request.even_paused else self.switch
        return Gate(switch, self.clock, lambda: self.exempt(dry_run=False))

    def _halted(
        self, plan: AccountPlan, tried: Tried, carry_out: CarryOut
    ) -> tuple[AccountPlan, tuple[Outcome | None, ...]]:
        """Make no key for anybody else once the account has refused one."""
        refusal = tried.refusal
        if refusal is None or plan.request.forced is not None:
            return plan, tried.outcomes
        denied = isinstance(refusal, CreationDenied)
        what = "creation_denied" if denied else "delivery_denied"

        def anew(turn: Turn) -> Turn:
            if not any(map(_names_a_rotation, turn.decisions)):
                return turn
            if not denied and turn.user.name in tried.users:
                return turn  # its own failure says more
            user = replace(turn.user, **{what: str(refusal)})  # type: ignore[arg-type]  # named above
            return plan.request.narrowed(self._decided(user, plan.run))

        turns = tuple(map(anew, plan.turns))
        if not denied:
            return replace(plan, turns=turns), tried.outcomes
        plan = replace(plan, turns=turns, failures=(*plan.failures, Failure(error=refusal)))
        now = {turn.user.name: turn for turn in turns}
        return plan, tuple(
            carry_out(now[outcome.turn.user.name])
            if outcome is not None and outcome.error is refusal
            else outcome
            for outcome in tried.outcomes
        )

    def _ready(self, plan: AccountPlan, gate: Gate, now: datetime) -> tuple[AccountPlan, Claim]:
        """Before the first write: is it still allowed, is nobody exempt, is the cap kept."""
        if not any(turn.writes for turn in plan.turns) or not gate.is_open():
            return plan, Claim(turns=plan.turns)
        plan = self._still_not_exempt(plan, gate)
        claim = self.cap.claimed(
            plan.turns,
            plan.run.account.id,
            lambda user: plan.request.narrowed(self._decided(user, plan.run)),
            now=now,
            lifted=plan.request.approved is not None,
        )
        known = {str(failure) for failure in plan.failures}
        new = (failure for failure in _unreadable(claim.turns) if str(failure) not in known)
        return replace(plan, turns=claim.turns, failures=(*plan.failures, *new)), claim

    def _still_not_exempt(self, plan: AccountPlan, gate: Gate) -> AccountPlan:
        """Leave out who was exempted since the plan was made, and say so."""
        if not any(turn.writes and not turn.even_exempt for turn in plan.turns):
            return plan
        exempt = gate.exempt()
        left_out = [
            turn for turn in plan.turns if not turn.user.exempt and turn.user.user_id in exempt
        ]
        return replace(
            plan,
            turns=tuple(turn for turn in plan.turns if turn not in left_out),
            warnings=(
                *plan.warnings,
                *(str(Exempted(turn.user.name)) for turn in left_out if turn.writes),
            ),
        )

    def _missing(
        self, request: Request, wanted: frozenset[str] | None, present: set[str]
    ) -> Iterator[Failure]:
        """Name the users that were asked for and are not there, and what may have been meant."""
        if request.order is not None:
            for name in sorted((wanted or frozenset()) - present):
                message = f"{request.order.key_id}: IAM does not list its user yet: order it again"
                yield Failure(error=OrderNotDone(message), user=name)
            return
        asked = (request.named or set()) | ({request.forced} if request.forced else set())
        for name in sorted(asked - present):
            yield Failure(error=NoSuchUser(name, self._hint(name, present)), user=name)

    def _hint(self, name: str, present: set[str]) -> str:
        """What may have been meant: another case, an ARN, the id of a key."""
        near = _last_part(name)
        for other in sorted(present):
            if other.casefold() == near:
                return f"; did you mean {other}?"
        if KEY_ID.fullmatch(name):
            with suppress(PortError):
                return f"; that key is {self.keys.owner_of(name)}'s: give the user's name"
        return ""

    # --- a leaked key ---------------------------------------------------------------------

    def stop_first(self, run: Run, request: Request) -> Leak | None:
        """
        Make a leaked key Inactive before anything else is asked, if one is to be revoked.

        What goes wrong here is tried again by the order's turn, and said there.
        """
        order = request.leaked
        if order is None or run.dry_run:
            return None
        leak: Leak | None = None
        try:
            order.refuse_if_void(run.at)
            leak = self._leak(order)
            self.keys.disable(leak.user, order.key_id)
        except Exception:  # noqa: BLE001 -- nothing may keep the turn itself from trying
            return leak
        return leak

    def _leak(self, order: Order) -> Leak:
        """Find whose a leaked key is, in another way if IAM does not answer in the first."""
        try:
            user = self.keys.owner_of(order.key_id)
        except NotFound:
            raise
        except PortError as error:
            for each in self.keys.users():
                keys = self.keys.keys_of(each.name)
                if any(key.key_id == order.key_id for key in keys):
                    return Leak(user=each.name, keys=keys)
            raise error from None
        try:
            return Leak(user=user, keys=self.keys.keys_of(user))
        except KeyturnError as error:
            return Leak(user=user, keys=Unknown(str(error)))
        except Exception as error:  # noqa: BLE001 -- an odd answer keeps no leaked key working
            return Leak(user=user, keys=Unknown(str(Unexpected(error))))

    def _planned_stop(self, plan: AccountPlan, order: Order, leak: Leak | None) -> AccountPlan:
        """Decide about a leaked key: what cannot be read keeps it from nothing but the rest."""
        try:
            order.refuse_if_void(plan.run.at)
            leak = leak or self._leak(order)
        except KeyturnError as error:
            return replace(plan, failures=(Failure(error=error),))
        user = UserFacts(
            account=plan.run.account.id,
            name=leak.user,
            user_id="",
            keys=() if isinstance(leak.keys, Unknown) else leak.keys,
        )
        warning: str | None = None
        try:
            exempt, warning = self._exempt_for(order, dry_run=plan.run.dry_run)
            user_id = next((each.id for each in self.keys.users() if each.name == leak.user), None)
            if user_id is None:
                raise OrderNotDone("IAM does not list its user yet")  # noqa: TRY301 -- one of many hindrances
            if isinstance(leak.keys, Unknown):
                raise OrderNotDone(f"its user's keys could not be read ({leak.keys.why})")  # noqa: TRY301 -- another
            user = replace(user, user_id=user_id, exempt=user_id in exempt)
            turn = self._decided(user, plan.run, order)
        except KeyturnError as error:
            turn = stop_alone(order, user, plan.run.at, str(error))
        except Exception as error:  # noqa: BLE001 -- no fault of ours keeps a leaked key working
            turn = stop_alone(order, user, plan.run.at, str(Unexpected(error)))
        warnings = (*plan.warnings, *((warning,) if warning else ()))
        return replace(plan, turns=(turn,), warnings=warnings)

    def _stopped(
        self, plan: AccountPlan, order: Order, has_time: Callable[[], bool]
    ) -> AccountResult:
        """Stop a leaked key, and do the rest of the order if nothing hinders it."""
        gate = self._gate(plan.request)

        def may_write(user: UserFacts) -> None:
            if not has_time():
                message = "too much time has passed since it was looked at: order it again"
                raise WriteStopped(message)
            if not gate.is_open():
                raise WriteStopped(f"{gate.shut}; {ALL_THE_SAME}")
            if not order.even_exempt:
                gate.pass_by(user)

        outcomes = tuple(
            self.take_turn.carry_out(turn, partial(may_write, turn.user)) for turn in plan.turns
        )
        return AccountResult(plan=plan, outcomes=outcomes)

    def _root_keys(self, failures: list[Failure]) -> tuple[str, ...]:
        """Say whether the root user has keys; they are never touched."""
        try:
            if self.keys.root_has_keys():
                return ("the root user has access keys: delete them by hand",)
        except PortError as error:
            failures.append(Failure(error=error))
        return ()

    def _looked(
        self,
        user: User,
        run: Run,
        request: Request,
        exempt: frozenset[str],
        living: Mapping[str, str],
    ) -> Turn | Failure | None:
        """Look at one user; what goes wrong is theirs alone. None: gone by now."""
        try:
            return self._turn(user, run, request, exempt, living)
        except NotFound:
            if request.order is None:
                return None
            message = f"{request.order.key_id}: it or its user was deleted meanwhile"
            return Failure(error=OrderNotDone(message), user=user.name)
        except KeyturnError as error:
            return Failure(error=error, user=user.name)
        except Exception as error:  # noqa: BLE001 -- one user's fault must not hold the others
            return Failure(error=Unexpected(error), user=user.name)

    def _turn(
        self,
        user: User,
        run: Run,
        request: Request,
        exempt: frozenset[str],
        living: Mapping[str, str],
    ) -> Turn:
        facts = UserFacts(
            account=run.account.id,
            name=user.name,
            user_id=user.id,
            keys=self.keys.keys_of(user.name),
            exempt=user.id in exempt,
            forced=request.forced_at if user.name == request.forced else None,
            living=living,
        )
        return self._decided(facts, run, request.order)

    def _decided(self, user: UserFacts, run: Run, order: Order | None = None) -> Turn:
        turn = self.look.at(user, run.at, order)
        # An emergency does not wait for somebody to be told.
        if self.can_tell or run.dry_run or order is not None:
            return turn
        return silenced(turn)

    def _wanted(self, request: Request) -> frozenset[str] | None:
        """The users to look at; None: all."""
        if request.order is None:
            return request.named
        return frozenset({self.keys.owner_of(request.order.key_id)})

    def _exempt_for(
        self, order: Order | None, *, dry_run: bool
    ) -> tuple[frozenset[str], str | None]:
        """Who is exempt; an order that stands even so does not wait for the answer."""
        try:
            return self._exempt(dry_run=dry_run)
        except SkippedAccount as error:
            if order is None or not order.even_exempt:
                raise
            return frozenset(), f"{error}, but not for what was ordered"

    def exempt(self, *, dry_run: bool) -> frozenset[str]:
        """The ids of the users who are exempt; raises where that cannot be told."""
        return self._exempt(dry_run=dry_run)[0]

    def _exempt(self, *, dry_run: bool) -> tuple[frozenset[str], str | None]:
        """Who is exempt; "cannot tell" is never "not exempt"."""
        try:
            return self.keys.members_of(self.exemption_group), None
        except NotFound as error:
            missing = f"the exemption group {self.exemption_group} does not exist"
            if dry_run or self.policy.allow_missing_exemption_group:
                return frozenset(), f"{missing}: nobody is exempt"
            message = f"{missing}: the account was skipped (AllowMissingExemptionGroup=false)"
            raise SkippedAccount(message) from error
        except AccountUnreachable:
            raise
        except PortError as error:
            message = (
                f"the exemption group {self.exemption_group} could not be read: "
                f"the account was skipped ({error})"
            )
            raise SkippedAccount(message) from error


def silenced(turn: Turn) -> Turn:
    """The turn when nobody can be told: every step that needs a notice waits."""
    return replace(
        turn,
        decisions=tuple(
            replace(
                decision,
                action=Action.WAIT,
                reason=Reason.NO_NOTIFIER,
                sentence=f"{decision.action} needs a notice, and no notifier was chosen",
                overlays=decision.overlays | {Overlay.BLOCKED},
                notice=None,
            )
            if decision.notice is not None
            else decision
            for decision in turn.decisions
        ),
        record_changes=(),
    )


def _names_a_rotation(made: Decision) -> bool:
    """Whether a key is to be rotated now, or people are to be told of the day."""
    told = None if made.notice is None else made.notice.told
    return made.action is Action.ROTATE or told is Told.UPCOMING


def _with_what_was_not_done(result: AccountResult, planned: Sequence[Turn]) -> AccountResult:
    """Say so if nothing came of an order: that is no success, whoever hindered it."""
    plan, request = result.plan, result.plan.request
    turn = next((turn for turn in planned if _is_ordered(turn, request)), None)
    if turn is None or turn.user.name in result.left:
        return result
    if any(failure.user in {None, turn.user.name} for failure in result.failures):
        return result
    if request.order is None and _is_settled(turn.user, plan.run.at):
        return result
    outcome = next((each for each in result.outcomes if each.turn.user == turn.user), None)
    if outcome is not None and any(_answers(done.decision, request) for done in outcome.done):
        return result
    name = turn.user.name
    why = _why_not(turn, outcome)
    failure = Failure(error=OrderNotDone(f"nothing was done: {why}"), user=name)
    return replace(result, plan=replace(plan, failures=(*plan.failures, failure)))


def _last_part(name: str) -> str:
    """A user's name without what an ARN or a path has before it; IAM's names know no case."""
    return name.strip().rsplit("/", 1)[-1].casefold()


def _is_ordered(turn: Turn, request: Request) -> bool:
    return request.order is not None or turn.user.name == request.forced


def _is_settled(user: UserFacts, now: datetime) -> bool:
    """Whether a rotation that was asked for is done already, or void by now: a redelivery."""
    return user.forced is None or not all(is_forced(user, key, now) for key in user.keys)


def _answers(decision: Decision, request: Request) -> bool:
    """Whether a decision is what was ordered: that it had been done already is as good."""
    if request.order is not None:
        return decision.key_id == request.order.key_id
    return decision.action is Action.ROTATE


def _why_not(turn: Turn, outcome: Outcome | None) -> str:
    if outcome is None:
        return f"{turn.user.name} was exempted meanwhile"
    if outcome.error is not None:
        return str(outcome.error)
    said = (f"{made.key_id}: {made.sentence}" for made in turn.decisions)
    return "; ".join(said) or f"{turn.user.name} has no access key"


def _put_off(turns: Iterable[Turn], policy: RotationPolicy) -> Iterator[str]:
    """Say loudly that the cap holds keys back: behind it may be a mistake."""
    waiting = sum(made.reason is Reason.OVER_CAP for turn in turns for made in turn.decisions)
    if waiting:
        yield (
            f"{waiting} key{' has' if waiting == 1 else 's have'} to wait: enough keys of the "
            f"account end today (MaxKeysPerDay={policy.max_keys_per_day}, "
            f"MaxPercentPerDay={policy.max_percent_per_day})"
        )


def _unproven(turns: Iterable[Turn]) -> Iterator[str]:
    """Say that a dry run has believed what anybody can write on a secret."""
    secrets = [turn.user.secret for turn in turns]
    if any(isinstance(each, SecretFacts) and each.seal is Seal.ASSUMED for each in secrets):
        yield (
            "the seals could not be checked (SealKey, --seal-key): this plan assumes that the "
            "secrets with Keyturn's tags are Keyturn's"
        )


def _unreadable(turns: Iterable[Turn]) -> Iterator[Failure]:
    """Facts that could not be read: nothing was done about them, and somebody has to know."""
    for turn in turns:
        for decision in turn.decisions:
            if decision.reason in UNREADABLE:
                yield Failure(error=PortError(decision.sentence), user=turn.user.name)
                break
