"""The conversation of one command with AWS and with its operator."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from keyturn.cli.beside import Level, manner, say, shows_progress
from keyturn.cli.checked import Checked
from keyturn.cli.consoles import make_console, say_on
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.local_run import FleetRun, Work, connect, find_accounts, now, on_accounts
from keyturn.cli.options import AccountOptions, NotifyBy
from keyturn.cli.own_keys import OwnKeys, own_keys
from keyturn.cli.report import Report
from keyturn.cli.tables import failures, title, warnings
from keyturn.domain.amounts import pluralize
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.errors import InvalidValue, KeyturnError, Paused, PortError
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.policy import CopiesToAdmin
from keyturn.domain.result import AccountResult, Request
from keyturn.domain.stage import PARAMETER
from keyturn.ports import AuditEntry
from keyturn.schemas.plan import Approvals
from keyturn.use_cases.announcers import RunAnnouncer
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.inventory import Inventory, enforced
from keyturn.wiring import Aws

Tick = Callable[[Account, int, int], None]
"""Is told an account, and how many of how many of its users are done."""
UNKNOWN_NOTICES = (
    "No --bucket: earlier notices are unknown, so this plan assumes none was sent. "
    "Beside a deployment use --deployed."
)
NEVER_SENT_AGAIN = "no later run sends this mail: `keyturn digest` shows what was done"
INTERRUPTED = (
    "The run was interrupted. What had begun was finished; the accounts below were not begun, or "
    "only read."
)
LEFT_OUT = "the plan names it, and it is not looked at here"


class Declined(typer.TyperException):
    """The operator said no."""


class CliSession:
    """The conversation of one command with AWS and with its operator."""

    def __init__(  # noqa: PLR0913 -- what each kind of command wants of it
        self,
        asked: Checked,
        *,
        verbose: bool = False,
        key_id: str | None = None,
        hints: bool = True,
        everywhere: bool = False,
        staged: bool = False,
    ) -> None:
        """
        Connect and find the accounts; of a key that is asked about, AWS knows its account.

        everywhere: in accounts too that are excluded, for an order about that key.
        staged: whether accounts outside the stage stay in dry run.
        """
        where, settings = asked.where, asked.settings
        self.err = make_console(stderr=True)
        self._verbose = verbose
        self._warned: set[str] = set()
        self.aws: Aws = connect(where, settings, self._wrote, asked.owners_file)
        if key_id is not None:
            where = self._where_it_is(key_id, where)
        self._where = where
        self.untold: Sequence[str] = ()
        self._announcer = _announcer(self.aws, asked.notify, self.say)
        self.inventory: Inventory = find_accounts(
            self.aws, where, self.say, everywhere=everywhere, staged=staged
        )
        self.own: OwnKeys = own_keys(self.aws.sdk_session)
        for account, why in self.inventory.skipped:
            self.say(f"skipped {title(account)}: {why}")
        for warning in self.inventory.warnings:
            self.warn_of(f"warning: {warning}")
        if staged and not settings.stage.is_everywhere:
            self._say_stage()
        if not settings.bucket and hints:
            self.say(UNKNOWN_NOTICES)

    def _say_stage(self) -> None:
        """Say how far the stage goes, before anybody counts on more."""
        inventory, stage = self.inventory, self.aws.settings.stage
        accounts, there = len(inventory.accounts), len(enforced(inventory, stage))
        if accounts:
            self.say(
                f"{PARAMETER}: {there} of {pluralize(accounts, 'account')} enforced where a run "
                f"enforces, {accounts - there} in dry run all the same"
            )

    @property
    def can_notify(self) -> bool:
        """Whether there is a way to tell people."""
        return self._announcer is not None

    @property
    def would_tell(self) -> bool:
        """Whether `--enforce` tells people: beside a deployment its bus is the way."""
        return self.can_notify or self._where.deployed

    def say(self, line: str) -> None:
        """Tell the operator something, beside the answer."""
        say_on(self.err, line)

    def warn_of(self, line: str) -> None:
        """Tell them something that --quiet must not hide."""
        say_on(self.err, line, Level.WARNING)

    def tell_of_pause(self) -> None:
        """Say that nothing is written for now, before somebody counts on it."""
        try:
            pause = self.aws.pause_flag().pause()
        except PortError as error:
            self.warn_of(f"Whether Keyturn is paused could not be read ({error}).")
            return
        if pause is not None:
            self.warn_of(f"{Paused(pause.by, pause.at, pause.why)}, until it is resumed.")

    def keep_to(self, approvals: Approvals) -> None:
        """Look at the accounts of a plan alone; one that is not among ours is named."""
        there = {account.id for account in self.inventory.accounts}
        lost = (Account(id=each) for each in sorted(approvals.lines.keys() - there))
        needs = "" if self._where.role_name else ": give --role-name or --deployed"
        self.inventory = replace(
            self.inventory,
            accounts=tuple(each for each in self.inventory.accounts if each.id in approvals.lines),
            lost=(*self.inventory.lost, *((each, f"{LEFT_OUT}{needs}") for each in lost)),
        )

    def fleet_run(
        self, request: Request, *, dry_run: bool, command: OperatorCommand | None = None
    ) -> FleetRun:
        """Begin a run over the accounts, or what is ordered about one key."""
        return FleetRun(
            aws=self.aws,
            request=request,
            command=command,
            dry_run=dry_run,
            announcer=self._announcer,
            many=len(self.inventory.accounts) > 1,
        )

    def staged(self, fleet_run: FleetRun) -> FleetRun:
        """Have a run enforce in the accounts of the stage alone."""
        stage, seen = self.aws.settings.stage, self.inventory.seen or {}
        return replace(
            fleet_run,
            holds=lambda account: stage.why_not(account.id, seen.get(account.id)),
        )

    def summed_up(self, fleet_run: FleetRun) -> FleetRun:
        """
        Have the administrators hear of a run in one mail, over however many accounts it is.

        Of one account it is its copy. Beside a deployment that makes a digest of each day, it is
        that one: it is made of the snapshots that this run leaves, too (decision 0054). What a dry
        run would do is in none that was made before it, nor in that of a day that something was
        done on: so it is told at once.
        """
        settings = self.aws.settings
        is_daily = self._where.deployed and settings.copies_to_admin is CopiesToAdmin.DAILY
        if is_daily and not fleet_run.dry_run:
            return replace(fleet_run, is_of_the_day=True)
        return replace(fleet_run, is_summed_up=self.can_notify and fleet_run.many)

    def sum_up(
        self, fleet_run: FleetRun, results: Sequence[AccountResult], *, interrupted: bool = False
    ) -> None:
        """Send that mail; why it could not be sent is among the report's failures."""
        if self._announcer is None or not fleet_run.is_summed_up:
            return
        own = Account(id=self.aws.own_account())
        run = Run(id=fleet_run.id, account=own, at=now(), dry_run=fleet_run.dry_run)
        untold = self.aws.sum_up_run(self._announcer).tell(
            run,
            results,
            inventory=self.inventory,
            remarks=[INTERRUPTED] if interrupted and results else (),
        )
        self.untold = [
            f"the administrators were not notified: {each} ({NEVER_SENT_AGAIN})" for each in untold
        ]

    def look(self, fleet_run: FleetRun, work: Work, doing: str) -> list[AccountResult]:
        """Work on all accounts, with a bar on a terminal."""
        accounts = self.inventory.accounts
        with _bar(self.err, doing, len(accounts)) as progress:
            return on_accounts(
                work,
                accounts,
                parallel=self._where.parallel,
                fleet_run=fleet_run,
                progress=progress,
            )

    def report(self, fleet_run: FleetRun, results: Sequence[AccountResult]) -> Report:
        """Put together what there is to say."""
        lost = [f"{title(account)}: {why}" for account, why in self.inventory.lost]
        absent = fleet_run.absent(results, len(lost)) if fleet_run.many else []
        return Report(
            at=now(),
            dry_run=fleet_run.dry_run,
            policy=self.aws.settings.policy,
            results=[self.own.with_warnings(result) for result in results],
            skipped=(*self.inventory.skipped, *self.inventory.lost),
            failures=(*lost, *absent, *self.untold),
        )

    def audited(self, entry: AuditEntry, *, urgent: bool = False) -> Audited:
        """Keep an entry of a command, where there is a bucket for it."""
        audit = self.aws.audit(urgent=urgent)
        if audit is None:
            self.say("Without --bucket no audit entry is kept.")
        return Audited(audit=audit, entry=entry, clock=now, urgent=urgent)

    def complain(self, lines: Iterable[str]) -> bool:
        """Name what went wrong beside the work; whether anything did."""
        named = list(lines)
        for line in named:
            say_on(self.err, line, Level.ERROR)
        return bool(named)

    def close(self, report: Report) -> int:
        """Say what went wrong, and give the exit code."""
        self.warn(report)
        return FAILED if tell_failures(self.err, report) else 0

    def warn(self, report: Report) -> None:
        """Print the warnings, each once."""
        for line in warnings(report):
            if line not in self._warned:
                self._warned.add(line)
                self.warn_of(line)

    def owner_of(self, key_id: str) -> str:
        """
        The name of the user whose key it is, in the account that the command is about.

        Raises KeyturnError where the account has no such key, or is not looked after.
        """
        inventory = self.inventory
        for account, why in (*inventory.skipped, *inventory.lost):
            raise KeyturnError(f"{key_id} is of the account {title(account)}: {why}")
        [account] = inventory.accounts
        try:
            return self.aws.owner_of(account.id, key_id)
        except PortError as error:
            lost = f"there is no access key {key_id} in {title(account)} ({error})"
            raise KeyturnError(lost) from error

    def _where_it_is(self, key_id: str, where: AccountOptions) -> AccountOptions:
        """
        Look in the account of a key: AWS knows which one that is.

        Where the account is known already, AWS's answer is only to find out a mistake.
        """
        named = where.account or ([] if where.role_name else [self.aws.own_account()])
        try:
            owner = self.aws.account_of(key_id)
        except PortError as error:
            if named:
                return where
            message = f"whose key {key_id} is, AWS does not say ({error}); give --account"
            raise KeyturnError(message) from error
        if named and owner not in named:
            cure = "leave --account out" if where.role_name else "give --role-name or --deployed"
            raise InvalidValue("KEY", key_id, f"is of account {owner}: {cure}")
        if where.role_name is None:
            return where
        if not named:
            self.say(f"The key is of account {owner}.")
        return replace(where, account=[owner])

    def _wrote(self, action: str, facts: Mapping[str, str]) -> None:
        """Put the writes before the operator's eyes, with AWS's request ids."""
        if self._verbose or action.startswith("iam:"):
            said = " ".join(f"{name}={facts[name]}" for name in facts)
            refused = f", refused: {facts['error']}" if "error" in facts else ""
            line = f"{'tried' if refused else 'wrote'} {action} {said}{refused}"
            say_on(self.err, line, facts={"action": action, **facts})


def _announcer(
    aws: Aws, notify: NotifyBy | None, say: Callable[[str], None]
) -> RunAnnouncer | None:
    if notify is None:
        return None
    return aws.over_bus() if notify is NotifyBy.BUS else aws.by_mail(say)


def tell_failures(console: Console, report: Report) -> bool:
    """Name everything that failed; whether anything did."""
    lines = list(failures(report))
    for line in lines:
        say_on(console, str(line), Level.ERROR)
    return bool(lines)


def confirm(what: str) -> None:
    """Ask once. Raises Declined where the answer is anything but yes."""
    if not typer.confirm(f"{what} Go on?", err=True):
        raise Declined("nothing was done")


@contextmanager
def _bar(console: Console, doing: str, accounts: int) -> Generator[Tick]:
    """A bar on a terminal: an account is one step, and each of its users a part of it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    what = f"{doing} {pluralize(accounts, 'account')}"
    seen: dict[str, float] = {}
    with Progress(
        *columns, console=console, transient=True, disable=not shows_progress()
    ) as progress:
        task = progress.add_task(what, total=accounts)

        def tick(account: Account, done: int, of: int) -> None:
            part, before = done / of, seen.get(account.id, 0.0)
            if part > before:
                seen[account.id] = part
                progress.advance(task, part - before)
            if done == of and manner().is_json:
                say(f"{what}: {account.id} is done", facts={"account": account.id})

        yield tick
