"""What the commands do that talk to AWS: connect, look, ask, act, answer."""

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from keyturn.cli.audit import entry_of, said, unkept
from keyturn.cli.deployed import deployed_settings
from keyturn.cli.explain import print_explanation
from keyturn.cli.given import as_given, given
from keyturn.cli.identifiers import check_role, check_who, is_key
from keyturn.cli.json_answers import explanation, put
from keyturn.cli.local_run import (
    FleetRun,
    Work,
    connect,
    find_accounts,
    now,
    side_by_side,
)
from keyturn.cli.needs import (
    TO_TELL,
    WHICH_KMS_KEY,
    WHICH_SEAL_KEY,
    Needs,
    asks_first,
    to_enforce,
)
from keyturn.cli.one_line import FAILED
from keyturn.cli.options import (
    AccountOptions,
    Channel,
    Explaining,
    Findings,
    Format,
    Output,
    Rules,
    Telling,
    Users,
    View,
)
from keyturn.cli.own_keys import OwnKeys, own_keys
from keyturn.cli.report import Report, as_csv, as_csv_for_excel, as_json
from keyturn.cli.result_file import result_file
from keyturn.cli.tables import (
    failures,
    is_enforced,
    print_report,
    question,
    title,
    warnings,
    what_it_holds,
)
from keyturn.cli.view import DUE, Shown, is_due, owners_wanted
from keyturn.configuration import MOST_PARALLEL
from keyturn.domain.amounts import pluralize
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.errors import InvalidValue, KeyturnError, Paused, PortError
from keyturn.domain.key import Account
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountResult, Request
from keyturn.ports import AuditEntry
from keyturn.schemas.plan import Approvals, read_plan
from keyturn.settings import Settings
from keyturn.use_cases.announcers import Announcer
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.inventory import Inventory
from keyturn.wiring import Aws

FILE_WIDTH = 120
"""Columns of a table that goes into a file."""


class Declined(typer.TyperException):
    """The operator said no."""


Tick = Callable[[Account, int, int], None]
UNKNOWN_NOTICES = (
    "No --bucket: earlier notices are unknown, so this plan assumes none was sent. "
    "Beside a deployment use --deployed."
)
LEFT_OUT = "the plan names it, and it is not looked at here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What only `run` is asked for."""

    enforce: bool = False
    yes: bool = False
    verbose: bool = False
    approve: Path | None = None


def plan(where: AccountOptions, users: Users, rules: Rules, output: Output, view: View) -> int:
    """Show what is due."""
    _check_users(users)
    shown_keys = Shown.read(view, output)
    output = replace(output, all=output.all or shown_keys.filters)
    asked = checked(where, rules)
    with _opened(output) as answer:
        cli_session = CliSession(asked)
        cli_session.tell_of_pause()
        fleet_run = replace(
            cli_session.fleet_run(Request(users=frozenset(users.user or ())), dry_run=True),
            owners_of=owners_wanted(view),
            lists_secrets=view.secrets,
        )
        results = cli_session.look(fleet_run, fleet_run.plan, "Reading")
        report = shown_keys.of(cli_session.report(fleet_run, results))
        code = answer.give(cli_session, report)
        return DUE if view.exit_code and not code and is_due(report) else code


def run(  # noqa: PLR0913, PLR0917 -- a group of options each
    where: AccountOptions,
    users: Users,
    rules: Rules,
    output: Output,
    telling: Telling,
    asked: Asked,
) -> int:
    """Do what is due, or show it; the exit code."""
    _check_users(users)
    request = Request(users=frozenset(users.user or ()))
    approvals = _approvals(users, asked)
    options = checked(
        where, rules, telling, enforce=asked.enforce, yes=asked.yes, must_tell=TO_TELL
    )
    asks = options.asks
    with _opened(output) as answer:
        cli_session = CliSession(options, verbose=asked.verbose)
        cli_session.tell_of_pause()
        if approvals is not None:
            cli_session.keep_to(approvals)
        fleet_run = replace(
            cli_session.fleet_run(request, dry_run=not asked.enforce), approvals=approvals
        )
        if asks:
            planned = cli_session.look(fleet_run, fleet_run.plan, "Reading")
            report = cli_session.report(fleet_run, planned)
            print_report(cli_session.err, report, every_key=output.all)
            if (what := question(report)) is not None:
                cli_session.warn(report)
                tell_failures(cli_session.err, report)
                confirm(what)
            plans = {result.plan.run.account: result for result in planned}
            results, unwritten = _done(
                cli_session,
                fleet_run,
                lambda account, progress: fleet_run.finish(plans[account].plan, progress),
            )
        else:
            results, unwritten = _done(cli_session, fleet_run, fleet_run.both)
        is_kept = not cli_session.complain(unkept(unwritten))
        code = answer.give(cli_session, cli_session.report(fleet_run, results), only_acts=asks)
        if not asked.enforce:
            told = " but notices of a dry run" if cli_session.can_notify else ""
            cli_session.say(f"Dry run: nothing was written{told}. {options.to_enforce}")
        return code if is_kept else FAILED


def _done(
    cli_session: "CliSession", fleet_run: FleetRun, work: Work[AccountResult]
) -> tuple[list[AccountResult], Sequence[KeyturnError]]:
    """Do the work; of an approved plan there is an entry, and why it could not be written."""
    if fleet_run.approvals is None or fleet_run.dry_run:
        return cli_session.look(fleet_run, work, "Working on"), ()
    accounts = [account.id for account in cli_session.inventory.accounts]
    entry = replace(
        entry_of(cli_session.aws, "approve"),
        run=fleet_run.id,
        account=accounts[0] if len(accounts) == 1 else None,
        plan=fleet_run.approvals.name,
        plan_sha256=fleet_run.approvals.sha256,
    )
    with cli_session.audited(entry) as notes:
        results = cli_session.look(fleet_run, work, "Working on")
        failed = list(failures(cli_session.report(fleet_run, results)))
        notes.ends(*said(results), *failed, failed=bool(failed))
    return results, notes.unwritten


def explain(who: str, where: AccountOptions, rules: Rules, explaining: Explaining) -> int:
    """Explain a user's keys."""
    check_who(who)
    key_id = who if is_key(who) else None
    cli_session = CliSession(checked(where, rules), key_id=key_id)
    request = Request(users=frozenset({who if key_id is None else cli_session.owner_of(key_id)}))
    fleet_run = replace(
        cli_session.fleet_run(request, dry_run=True), many=True, owners_of=lambda _turn: True
    )
    results = cli_session.look(fleet_run, fleet_run.plan, "Looking at")
    report = cli_session.report(fleet_run, results)
    if explaining.format is Findings.JSON:
        put(explanation(report))
        return cli_session.close(report)
    console = Console()
    for result in results:
        for decided in result.plan.users:
            print_explanation(console, result.plan, decided, cli_session.aws.settings.policy)
    return cli_session.close(report)


def confirm(what: str) -> None:
    """Ask once. Raises Declined where the answer is anything but yes."""
    if not typer.confirm(f"{what} Go on?", err=True):
        raise Declined("nothing was done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Options that break no rule, and what follows from them."""

    where: AccountOptions
    settings: Settings
    notify: Channel | None = None
    asks: bool = False
    """Whether the operator is to be asked first."""
    later: Needs = field(default_factory=dict)
    """What is missing for --enforce."""

    @property
    def to_enforce(self) -> str:
        """What a dry run says of the run that it promises."""
        return to_enforce(self.later)


def checked(  # noqa: PLR0913 -- a group of options each, and what the command needs
    where: AccountOptions,
    rules: Rules,
    telling: Telling | None = None,
    *,
    enforce: bool = False,
    yes: bool = False,
    needs: Needs | None = None,
    must_tell: str | None = None,
    writes_secrets: bool = True,
) -> Checked:
    """
    Read the options; what is wrong or missing is refused before anything is asked of AWS.

    The functions' settings, where they are wanted, are asked for at the end.

    needs: what is missing even for a dry run. must_tell: why nothing can be enforced without a way
    to tell people; None: it can. writes_secrets: whether it does nothing without the users'
    secrets; a leaked key is stopped before anybody looks at one.
    """
    own = given(where, rules, *((telling,) if telling else ()))
    settings = _settings(own)
    _check_where(where)
    notify = telling.notify if telling else None
    to_tell = _needs_to_tell(settings, notify) if notify and not where.deployed else {}
    later: dict[str, str] = {}
    if not where.deployed:
        if must_tell and notify is None:
            later |= {"--notify": must_tell, **_needs_to_tell(settings, None)}
        if writes_secrets:
            later |= _needs_to_write_secrets(where, rules)
    missing = {**(needs or {}), **to_tell, **(later if enforce else {})}
    asks = asks_first(enforce=enforce, yes=yes, needs=missing)
    if where.deployed:
        where, settings = _as_deployed(where, own)
        if enforce and telling is not None:
            notify = notify or Channel.BUS
        if notify:
            asks_first(enforce=False, yes=yes, needs=_needs_to_tell(settings, notify))
    return Checked(
        where=where,
        settings=settings,
        notify=notify,
        asks=asks,
        later=later,
    )


def _settings(own: Mapping[str, object]) -> Settings:
    """The settings among the options."""
    try:
        return Settings.read(own)
    except InvalidValue as error:
        raise as_given(error, own, "the default") from None


def _needs_to_tell(settings: Settings, notify: Channel | None) -> Needs:
    """What is missing for people to be told; without a channel, on any."""
    values = {"--bucket": settings.bucket, "--admin": settings.admin}
    if notify is Channel.BUS:
        values["--bus"] = settings.bus
    why = f" with --notify {notify}" if notify else " with --notify"
    return {option: why for option, value in values.items() if not value}


def _needs_to_write_secrets(where: AccountOptions, rules: Rules) -> Needs:
    """What is missing to know, and to make, the users' secrets."""
    needs: dict[str, str] = {}
    if where.role_name is not None and rules.secrets_kms_key is None:
        needs["--secrets-kms-key"] = WHICH_KMS_KEY
    if not rules.seal_key:
        needs["--seal-key"] = WHICH_SEAL_KEY
    return needs


def _as_deployed(
    where: AccountOptions, own: Mapping[str, object]
) -> tuple[AccountOptions, Settings]:
    """Look where the functions look, and as what they do."""
    settings = deployed_settings(where.profile, where.region, own)
    filled = replace(
        where,
        role_name=settings.member_role,
        org_list_role=settings.list_role or None,
        org_list_account=settings.list_account or None,
    )
    return filled, settings


def _check_users(users: Users) -> None:
    if "" in (users.user or ()):
        raise InvalidValue("--user", "", "must not be empty")


def _check_where(where: AccountOptions) -> None:
    if not 1 <= where.parallel <= MOST_PARALLEL:
        raise InvalidValue("--parallel", where.parallel, f"must be from 1 to {MOST_PARALLEL}")
    for each in where.account or ():
        Account(id=each)
    check_role(where.role_name)
    if where.role_name is None and not where.deployed:
        for option, value in (
            ("--ou", where.ou),
            ("--not-account", where.not_account),
            ("--not-ou", where.not_ou),
            ("--external-id", where.external_id),
            ("--org-list-role", where.org_list_role),
        ):
            if value:
                shown_value = ",".join(value) if isinstance(value, list) else value
                raise InvalidValue(option, shown_value, "needs --role-name")
    if where.org_list_role is not None and not (where.org_list_account or where.deployed):
        raise InvalidValue("--org-list-role", where.org_list_role, "needs --org-list-account")


def _approvals(users: Users, asked: Asked) -> Approvals | None:
    """The plan that was approved of, read before anything is asked of AWS."""
    path = asked.approve
    if path is None:
        return None
    if users.user:
        raise InvalidValue("--approve", path, "goes without --user")
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InvalidValue("--approve", path, f"cannot be read ({error.strerror})") from None
    return read_plan(body, option="--approve", name=str(path))


class CliSession:
    """The conversation of one command with AWS and with its operator."""

    def __init__(
        self,
        asked: Checked,
        *,
        verbose: bool = False,
        key_id: str | None = None,
        hints: bool = True,
        everywhere: bool = False,
    ) -> None:
        """
        Connect and find the accounts; of a key that is asked about, AWS knows its account.

        everywhere: in accounts too that are excluded, for an order about that key.
        """
        where, settings = asked.where, asked.settings
        self.err = Console(stderr=True)
        self._verbose = verbose
        self._warned: set[str] = set()
        self.aws: Aws = connect(where, settings, self._wrote)
        if key_id is not None:
            where = self._where_it_is(key_id, where)
        self._where = where
        self._announcer = _announcer(self.aws, asked.notify, self.say)
        self.inventory: Inventory = find_accounts(self.aws, where, self.say, everywhere=everywhere)
        self.own: OwnKeys = own_keys(self.aws.session)
        for account, why in self.inventory.skipped:
            self.say(f"skipped {title(account)}: {why}")
        for warning in self.inventory.warnings:
            self.say(f"warning: {warning}")
        if not settings.bucket and hints:
            self.say(UNKNOWN_NOTICES)

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
        self.err.print(Text(shown(line)), soft_wrap=True)

    def tell_of_pause(self) -> None:
        """Say that nothing is written for now, before somebody counts on it."""
        try:
            pause = self.aws.pause_flag().pause()
        except PortError as error:
            self.say(f"Whether Keyturn is paused could not be read ({error}).")
            return
        if pause is not None:
            self.say(f"{Paused(pause.by, pause.at, pause.why)}, until it is resumed.")

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
            knows_accounts=self.inventory.has_addresses,
        )

    def look(
        self, fleet_run: FleetRun, work: Work[AccountResult], doing: str
    ) -> list[AccountResult]:
        """Work on all accounts, with a bar on a terminal."""
        accounts = self.inventory.accounts
        with _bar(self.err, doing, len(accounts)) as progress:
            return side_by_side(
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
            failures=(*lost, *absent),
        )

    def audited(self, entry: AuditEntry, *, urgent: bool = False) -> Audited:
        """Keep an entry of a command, where there is a bucket for it."""
        audit = self.aws.audit()
        if audit is None:
            self.say("Without --bucket no audit entry is kept.")
        return Audited(audit=audit, entry=entry, clock=now, urgent=urgent)

    def complain(self, lines: Iterable[str]) -> bool:
        """Name what went wrong beside the work; whether anything did."""
        named = [Text(shown(line), style="red") for line in lines]
        for line in named:
            self.err.print(line, soft_wrap=True)
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
                self.say(line)

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
            self.say(f"{'tried' if refused else 'wrote'} {action} {said}{refused}")


def _announcer(aws: Aws, notify: Channel | None, say: Callable[[str], None]) -> Announcer | None:
    if notify is None:
        return None
    return aws.over_bus() if notify is Channel.BUS else aws.by_mail(say)


def tell_failures(console: Console, report: Report) -> bool:
    """Name everything that failed; whether anything did."""
    lines = list(failures(report))
    for line in lines:
        console.print(Text(line, style="red"), soft_wrap=True)
    return bool(lines)


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
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=accounts)

        def tick(account: Account, done: int, of: int) -> None:
            part, before = done / of, seen.get(account.id, 0.0)
            if part > before:
                seen[account.id] = part
                progress.advance(task, part - before)

        yield tick


class Answer:
    """Where the answer of `plan` or `run` goes, and in which form."""

    def __init__(self, output: Output, put: Callable[[str], None] | None) -> None:
        """put: what writes it to a file; None: it goes to standard output."""
        self._output = output
        self._put = put

    def give(self, cli_session: CliSession, report: Report, *, only_acts: bool = False) -> int:
        """
        Write it, say what went wrong, and give the exit code.

        A file may turn out to be full when all is done: what went wrong is said before, and of
        what was done the answer is given all the same.
        """
        if self._put is None:
            self._print(report, only_acts=only_acts)
            return cli_session.close(report)
        code = cli_session.close(report)
        try:
            self._put(self._text(report, FILE_WIDTH))
        except KeyturnError:
            if is_enforced(report):
                self._print(report, only_acts=only_acts)
            raise
        cli_session.say(f"wrote {self._output.output}: {what_it_holds(report)}")
        return code

    def _print(self, report: Report, *, only_acts: bool) -> None:
        console = Console()
        if self._output.format is Format.TABLE and console.is_terminal:
            print_report(console, report, every_key=self._output.all, only_acts=only_acts)
        else:
            sys.stdout.write(self._text(report, console.width, only_acts=only_acts))

    def _text(self, report: Report, width: int, *, only_acts: bool = False) -> str:
        match self._output.format:
            case Format.JSON:
                return as_json(report)
            case Format.CSV:
                return as_csv(report)
            case Format.EXCEL:
                return as_csv_for_excel(report)
        text = StringIO()
        console = Console(file=text, width=width)
        print_report(console, report, every_key=self._output.all, only_acts=only_acts)
        return text.getvalue()


@contextmanager
def _opened(output: Output) -> Generator[Answer]:
    """Open the file for the answer, if there is to be one, before anything else happens."""
    if output.output is None or str(output.output) == "-":
        yield Answer(output, None)
        return
    with result_file(output.output) as put:
        yield Answer(output, put)
