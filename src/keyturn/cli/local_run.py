"""From a laptop: connect, find the accounts, and look at many of them side by side."""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING

import typer

from keyturn.cli.one_line import unforeseen
from keyturn.cli.open_files import make_room
from keyturn.cli.options import AccountOptions
from keyturn.cli.own_credentials import open_session
from keyturn.domain.breaker import Breaker, Rotations
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import UserDecisions
from keyturn.domain.errors import InvalidValue, KeyturnError, NoSuchUser, PortError
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.record import LONGEST_RUN
from keyturn.domain.result import AccountPlan, AccountResult, Failure, Request
from keyturn.domain.scope import EVERYWHERE
from keyturn.ports import OwnersFileStore
from keyturn.schemas.plan import Approvals
from keyturn.settings import Settings
from keyturn.use_cases.announcers import RunAnnouncer
from keyturn.use_cases.inventory import (
    Inventory,
    problems_of,
    take_inventory,
    with_stage,
    with_units,
    without_effect,
)
from keyturn.use_cases.leftovers import LookForLeftovers
from keyturn.use_cases.plan_remarks import Progress
from keyturn.wiring import Aws

if TYPE_CHECKING:
    from keyturn.use_cases.keep_account import KeepAccount

_LOOK_UP = 0.5
"""Seconds."""

Journal = Callable[[str, Mapping[str, str]], None]

Work = Callable[[Account, Progress], AccountResult]


def connect(
    where: AccountOptions,
    settings: Settings,
    journal: Journal,
    owners_file: OwnersFileStore | None = None,
) -> Aws:
    """Connect with the operator's own credentials. Raises what `open_session` raises."""
    session = open_session(where.profile, where.region)
    # Without a role it is the caller's own account, with the caller's own credentials.
    role = where.role_name or ""
    home = settings.home_region if where.deployed else session.region_name
    return Aws(
        session=session,
        settings=replace(settings, home_region=home, member_role=role),
        journal=journal,
        clock=now,
        own_owners_file=owners_file,
    )


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def find_accounts(
    aws: Aws,
    where: AccountOptions,
    say: Callable[[str], None],
    *,
    everywhere: bool = False,
    staged: bool = False,
) -> Inventory:
    """
    The accounts that are meant: the caller's own, or with a role those of the organisation.

    Accounts that were named need no Organizations, but without it they have neither name nor
    address.

    Args:
        aws: reached with the caller's credentials.
        where: the options that name accounts and role.
        say: gets a sentence where names and addresses could not be read.
        everywhere: what is excluded counts too, for an order about one key.
        staged: whether the stage decides where it enforces; it does not for an operator's order.

    Raises:
        InvalidValue: an account was named that is excluded, or is not the caller's own.
        PortError: the organisation could not be read, and nothing else says which accounts.

    """
    own = aws.own_account()
    named = sorted(set(where.account or ()))
    scope = EVERYWHERE if everywhere else aws.settings.scope
    for each in named:
        if each in scope.excluded_accounts:
            raise InvalidValue(
                "--account", each, "is excluded: leave it out, or name it, not both"
            )
    if where.role_name is None:
        for other in named:
            if other != own:
                rule = f"without --role-name it must be your own account, {own}"
                raise InvalidValue("--account", other, rule)
        # Who runs it in their own account is told in the place of its owners.
        account = Account(id=own, email=aws.settings.admin)
        return Inventory(accounts=(account,), warnings=_problems(aws))
    try:
        organization = aws.organization()
        inventory = take_inventory(organization, scope=scope, only=named)
    except PortError as error:
        if scope.needs_units or not named:
            advice = "name the accounts with --account, or give --org-list-role"
            raise PortError(f"the organisation could not be read ({error}); {advice}") from error
        say(f"accounts without their names and addresses: Organizations said no ({error})")
        accounts = tuple(Account(id=each) for each in named)
        return Inventory(accounts=accounts, warnings=_problems(aws))
    if staged:
        stage = aws.settings.stage
        inventory = with_stage(inventory, organization, stage)
        said = () if named else without_effect(inventory, stage)
        inventory = replace(inventory, warnings=(*inventory.warnings, *said))
    if (owners_file := aws.owners_file()) is not None:
        inventory = with_units(inventory, organization, owners_file)
    return replace(
        inventory, accounts=tuple(sorted(inventory.accounts, key=lambda account: account.id))
    )


def _problems(aws: Aws) -> tuple[str, ...]:
    """What is wrong in the operator's own owners file, where no units are asked for."""
    file = aws.own_owners_file and aws.own_owners_file.read()
    return problems_of(file) if file else ()


class Interrupted(typer.TyperException):
    """The operator stopped the command; results: what had come to an end by then."""

    exit_code = 130

    def __init__(self, message: str, results: Sequence[AccountResult]) -> None:
        """Say what became of what had begun."""
        super().__init__(message)
        self.results = results


class _Stop(Exception):
    """Leaves an account that is only being read."""


class Tally:
    """How the rotations of all accounts went so far; accounts are worked on side by side."""

    def __init__(self, breaker: Breaker | None = None) -> None:
        """Begin with none."""
        self._breaker = breaker or Breaker()
        self._lock = Lock()
        self._so_far = Rotations()

    def add(self, result: AccountResult) -> None:
        """Count those of an account."""
        with self._lock:
            self._so_far += Rotations.of(result)

    @property
    def why_stopped(self) -> str | None:
        """Why no further account is entered; None: the next one may be."""
        with self._lock:
            return self._breaker.why_stopped(self._so_far)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRun:
    """One run over several accounts."""

    aws: Aws
    request: Request = field(default_factory=Request)
    dry_run: bool
    command: OperatorCommand | None = None
    """What is ordered about one key; then nobody else is looked at."""
    holds: Callable[[Account], str | None] = lambda _account: None
    """Why an account stays in dry run, whatever the others do; None: it does as they do."""
    announcer: RunAnnouncer | None = None
    """How people are notified; None: nobody is."""
    is_of_the_day: bool = False
    """Whether a deployed reporter makes the day's digest of the snapshots that it leaves."""
    is_summed_up: bool = False
    """Whether the administrators get one mail of it when it is over, and no copy an account."""
    many: bool = False
    """Whether a user who was asked for need not be in each of the accounts."""
    approvals: Approvals | None = None
    """Only what these plans list; None: all that is due."""
    stop: Event = field(default_factory=Event)
    owners_of: Callable[[UserDecisions], bool] = lambda _decided: False
    """Of which users the owners are looked up: a call for each, where a tag names them."""
    lists_notices: bool = False
    """Whether it is looked up what was sent about each key: a call for each."""
    lists_secrets: bool = False
    """Whether secrets without a living user are looked for."""
    rotations: Tally = field(default_factory=Tally)
    hints: dict[str, dict[str, str]] = field(default_factory=dict)
    """User who was asked for → account id → what may have been meant; known as they are read."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def plan(self, account: Account, progress: Progress) -> AccountResult:
        """Only read and decide."""
        held = self.holds(account)
        run = Run(
            id=self.id,
            account=account,
            at=now(),
            dry_run=self.dry_run or held is not None,
            held=held,
        )
        try:
            plan = self._planned(run, progress)
            users = [decided.user for decided in plan.users if self.owners_of(decided)]
            owners = self.aws.owners(account, users)
            plan = replace(plan, owners=owners)
            if self.lists_notices:
                plan = replace(plan, notices=self.aws.notices_of(plan.users))
        finally:
            self.aws.forget(account.id)
        return AccountResult(plan=self._without_absent(plan))

    def owners(self, account: Account, progress: Progress) -> AccountResult:
        """Only read who answers for which user; a plan without decisions."""
        run = Run(id=self.id, account=account, at=now(), dry_run=True)
        try:
            listed = self.aws.list_owners(account)
            plan = listed.of(run, self.request, self._stoppable(progress))
        finally:
            self.aws.forget(account.id)
        return AccountResult(plan=self._without_absent(plan))

    def finish(self, plan: AccountPlan, progress: Progress) -> AccountResult:
        """Carry a plan out and tell of it; a plan that is 15 minutes old is left."""
        account = plan.run.account.id
        try:
            if plan.command is not None:
                commanded = self.aws.run_command(plan.run, self.announcer)
                return commanded.carry_out(plan, self._has_time(plan.run))
            daily = self.aws.run_account(
                plan.run,
                self.announcer,
                is_of_the_day=self.is_of_the_day,
                is_summed_up=self.is_summed_up,
            )
            has_time = self._has_time(plan.run)
            return daily.carry_out(plan, progress, has_time=lambda _: has_time())
        finally:
            self.aws.forget(account)

    def _planned(self, run: Run, progress: Progress) -> AccountPlan:
        if self.command is not None:
            return self.aws.run_command(run, self.announcer).plan(run, self.command)
        request = self._request(run.account)
        daily = self.aws.run_account(run, self.announcer)
        plan = daily.plan(run, request, self._stoppable(progress))
        return self._with_leftovers(plan, daily.keep) if self.lists_secrets else plan

    def _has_time(self, run: Run) -> Callable[[], bool]:
        return lambda: not self.stop.is_set() and now() - run.at < LONGEST_RUN

    def both(self, account: Account, progress: Progress) -> AccountResult:
        """Plan and carry out."""
        return self.finish(self.plan(account, progress).plan, progress)

    def absent(self, results: Sequence[AccountResult], lost: int) -> list[str]:
        """
        The users who were asked for and are in no account, a sentence each.

        lost: how many accounts are not among the results and may have them.
        """
        unread = lost + sum(not result.plan.is_reached for result in results)
        where = f"no account that was read has a user {{}} ({unread} could not be read)"
        sentence = where if unread else "no account has a user {}"
        present = {
            name
            for result in results
            for name in (
                *(decided.user.name for decided in result.plan.users),
                *(failure.user for failure in result.plan.failures),
            )
        }
        return [
            f"{sentence.format(name)}{self._hint(name)}"
            for name in sorted(self.request.users - present)
        ]

    def _hint(self, user: str) -> str:
        """Of the first account that has one, whichever was read first."""
        found = sorted(self.hints.get(user, {}).items())
        return f"{found[0][1]} ({found[0][0]})" if found else ""

    def _request(self, account: Account) -> Request:
        """What is asked for in one account."""
        if self.approvals is None:
            return self.request
        return replace(self.request, approved=self.approvals.lines[account.id])

    def _without_absent(self, plan: AccountPlan) -> AccountPlan:
        """Of many accounts, few have the user who is asked for."""
        if not self.many:
            return plan
        kept: list[Failure] = []
        for failure in plan.failures:
            if not isinstance(failure.error, NoSuchUser):
                kept.append(failure)
            elif failure.user is not None and failure.error.hint:
                self.hints.setdefault(failure.user, {})[plan.run.account.id] = failure.error.hint
        return replace(plan, failures=tuple(kept))

    def _with_leftovers(self, plan: AccountPlan, keep: "KeepAccount") -> AccountPlan:
        """Look for secrets without a living user; a role that may not list them is no failure."""
        if not plan.is_reached:
            return plan
        try:
            look = LookForLeftovers(keys=keep.keys, secrets=keep.fact_gatherer.listed_secrets)
            return replace(plan, leftovers=look.in_account(plan.run.account.id))
        except PortError as error:
            unseen = f"secrets without a living user were not looked for ({error})"
            return replace(plan, warnings=(*plan.warnings, unseen))

    def _stoppable(self, progress: Progress) -> Progress:
        def go_on(done: int, of: int) -> None:
            if self.stop.is_set():
                raise _Stop
            progress(done, of)

        return go_on


def failed(account: Account, error: Exception, *, dry_run: bool) -> AccountResult:
    """What became of an account that broke the program; its message could hold anything."""
    if not isinstance(error, KeyturnError):
        error = KeyturnError(unforeseen(error))
    run = Run(id=uuid.uuid4().hex, account=account, at=now(), dry_run=dry_run)
    return AccountResult(plan=AccountPlan(run=run, failures=(Failure(error=error),)))


def on_accounts(
    work: Work,
    accounts: Sequence[Account],
    *,
    parallel: int,
    fleet_run: FleetRun,
    progress: Callable[[Account, int, int], None],
) -> list[AccountResult]:
    """
    Work on the accounts, several at once; results come in the accounts' order.

    One that fails does not stop the others. Raises Interrupted at Ctrl-C, when what had begun
    has come to the end of its user; nothing else begins.
    """

    def one(account: Account) -> AccountResult:
        try:
            if (why := fleet_run.rotations.why_stopped) is not None:
                return failed(account, KeyturnError(why), dry_run=fleet_run.dry_run)
            result = work(account, lambda done, of: progress(account, done, of))
            fleet_run.rotations.add(result)
        except _Stop:
            raise
        except Exception as error:  # noqa: BLE001 -- one account's failure never stops the others
            return failed(account, error, dry_run=fleet_run.dry_run)
        else:
            return result
        finally:
            progress(account, 1, 1)

    make_room(parallel * fleet_run.aws.settings.parallel_users)
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        futures: list[Future[AccountResult]] = []
        try:
            futures += (pool.submit(one, each) for each in accounts)
            _wait_for(futures)
        except KeyboardInterrupt:
            fleet_run.stop.set()
            for future in futures:
                future.cancel()
            try:
                _wait_for(futures)
            except KeyboardInterrupt:
                os._exit(Interrupted.exit_code)  # asked twice: whatever is under way breaks off
            reads = fleet_run.dry_run and fleet_run.announcer is None
            what = "nothing was written" if reads else "what had begun was finished"
            ended = (each for each in futures if not each.cancelled() and not each.exception())
            raise Interrupted(f"interrupted: {what}", [each.result() for each in ended]) from None
    return [future.result() for future in futures]


def _wait_for(futures: Sequence[Future[AccountResult]]) -> None:
    """Wait until all is done: on Windows, what waits without an end does not hear of Ctrl-C."""
    while wait(futures, timeout=_LOOK_UP).not_done:
        pass
