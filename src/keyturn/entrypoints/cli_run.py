"""What the commands do that talk to AWS: connect, look, ask, act, answer."""

import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account
from keyturn.entrypoints.approvals import Approvals, read_plan
from keyturn.entrypoints.cli_options import (
    Channel,
    Format,
    Output,
    Rules,
    Telling,
    Users,
    Where,
    given,
)
from keyturn.entrypoints.cli_tables import failures, print_report, question, title, warnings
from keyturn.entrypoints.explain import print_explanation
from keyturn.entrypoints.laptop import (
    Campaign,
    Work,
    connect,
    find_accounts,
    now,
    side_by_side,
)
from keyturn.entrypoints.one_line import FAILED, shown
from keyturn.entrypoints.plan_format import Report, as_csv, as_json
from keyturn.entrypoints.result_file import result_file
from keyturn.settings import MOST_PARALLEL, Settings
from keyturn.use_cases.inventory import SUSPENDED, Inventory
from keyturn.use_cases.keep_account import AccountResult, Request
from keyturn.use_cases.run_account import Announcer
from keyturn.wiring import Aws

FILE_WIDTH = 120
"""Columns of a table that goes into a file."""

KEY_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}")
_ROLE = re.compile(r"[\w+=,.@/-]+", re.ASCII)


class Declined(typer.TyperException):
    """The operator said no."""


Tick = Callable[[Account, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What only `run` is asked for."""

    enforce: bool = False
    yes: bool = False
    verbose: bool = False
    approve: Path | None = None


def plan(where: Where, users: Users, rules: Rules, output: Output) -> int:
    """Show what is due."""
    settings = checked(where, rules)
    with _opened(output) as file:
        talk = Talk(where, settings)
        campaign = talk.campaign(Request(users=frozenset(users.user or ())), dry_run=True)
        results = talk.look(campaign, campaign.plan, "Reading")
        report = talk.report(campaign, results)
        _give(report, file, output)
        return talk.close(report)


def run(  # noqa: PLR0913, PLR0917 -- a group of options each
    where: Where, users: Users, rules: Rules, output: Output, telling: Telling, asked: Asked
) -> int:
    """Do what is due, or show it."""
    settings = checked(where, rules, telling)
    asks = asks_first(enforce=asked.enforce, yes=asked.yes)
    request = Request(users=frozenset(users.user or ()))
    approvals = _approvals(users, asked)
    with _opened(output) as file:
        talk = Talk(where, settings, telling, verbose=asked.verbose)
        if approvals is not None:
            talk.keep_to(approvals)
        campaign = replace(talk.campaign(request, dry_run=not asked.enforce), approvals=approvals)
        if asks:
            planned = talk.look(campaign, campaign.plan, "Reading")
            report = talk.report(campaign, planned)
            print_report(talk.err, report, every_key=output.all)
            if (what := question(report)) is not None:
                tell_failures(talk.err, report)
                confirm(what)
            plans = {result.plan.run.account: result for result in planned}
            results = talk.look(
                campaign,
                lambda account, progress: campaign.finish(plans[account].plan, progress),
                "Working",
            )
        else:
            results = talk.look(campaign, campaign.both, "Working")
        report = talk.report(campaign, results)
        _give(report, file, output, only_acts=asks)
        if not asked.enforce:
            talk.say("Dry run: nothing was written. --enforce does it.")
        return talk.close(report)


def explain(who: str, where: Where, rules: Rules) -> int:
    """Explain a user's keys."""
    settings = checked(where, rules)
    is_key = KEY_ID.fullmatch(who) is not None
    request = Request() if is_key else Request(users=frozenset({who}))
    talk = Talk(where, settings)
    campaign = replace(talk.campaign(request, dry_run=True), many=True)
    results = talk.look(campaign, campaign.plan, "Looking")
    found = [
        (result.plan.run, turn)
        for result in results
        for turn in result.plan.turns
        if turn.user.name == who or any(key.key_id == who for key in turn.user.keys)
    ]
    console = Console()
    for run_, turn in found:
        print_explanation(console, run_.account, turn, settings.policy, run_.at)
    report = talk.report(replace(campaign, request=Request()), results)
    if not found:
        kind = "access key" if is_key else "user"
        report = replace(
            report, failures=(*report.failures, f"there is no {kind} {who} in the accounts read")
        )
    return talk.close(report)


def asks_first(*, enforce: bool, yes: bool) -> bool:
    """Whether the operator is to be asked; refused where there is nobody to ask."""
    asks = enforce and not yes
    if asks and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidValue("--enforce", "", "needs --yes where there is no terminal to ask on")
    return asks


def confirm(what: str) -> None:
    """Ask once; whoever does not say yes has said no."""
    if not typer.confirm(f"{what} Go on?", err=True):
        raise Declined("nothing was done")


def checked(where: Where, rules: Rules, telling: Telling | None = None) -> Settings:
    """Read the options; what is wrong is refused before anything is asked of AWS."""
    told = (telling,) if telling else ()
    settings = Settings.read(given(where, rules, *told))
    _check_where(where)
    if telling is not None and telling.notify is not None:
        needed = ["S3BucketName", "AdminEmailAddress"]
        needed += ["EventBusName"] if telling.notify is Channel.BUS else []
        have = given(rules, telling)
        for parameter in needed:
            if parameter not in have:
                raise InvalidValue(parameter, "", f"is needed with --notify {telling.notify}")
    return settings


def _check_where(where: Where) -> None:
    if not 1 <= where.parallel <= MOST_PARALLEL:
        raise InvalidValue("--parallel", where.parallel, f"must be from 1 to {MOST_PARALLEL}")
    for each in where.account or ():
        Account(id=each)
    if where.role_name is not None and not _ROLE.fullmatch(where.role_name):
        raise InvalidValue("--role-name", where.role_name, "must be a role's name, not its ARN")
    if where.role_name is None:
        for option, value in (("--ou", where.ou), ("--org-list-role", where.org_list_role)):
            if value is not None:
                raise InvalidValue(option, value, "needs --role-name")
    if where.org_list_role is not None and where.org_list_account is None:
        raise InvalidValue("--org-list-role", where.org_list_role, "needs --org-list-account")


def _approvals(users: Users, asked: Asked) -> Approvals | None:
    """The plan that was approved of, read before anything is asked of AWS."""
    path = asked.approve
    if path is None:
        return None
    if users.user:
        raise InvalidValue("--approve", path, "goes without --user")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        rule = f"cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})"
        raise InvalidValue("--approve", path, rule) from None
    return read_plan(text, option="--approve", name=str(path))


class Talk:
    """The conversation of one command with AWS and with its operator."""

    def __init__(  # noqa: PLR0913 -- two more than most commands need
        self,
        where: Where,
        settings: Settings,
        telling: Telling | None = None,
        *,
        verbose: bool = False,
        key_id: str | None = None,
        hints: bool = True,
    ) -> None:
        """Connect and find the accounts; of a key that is asked about, AWS knows its account."""
        self.err = Console(stderr=True)
        self._verbose = verbose
        self.aws: Aws = connect(where, settings, self._wrote)
        if key_id is not None and where.role_name is not None and not where.account:
            owner = self.aws.account_of(key_id)
            where = replace(where, account=[owner])
            self.say(f"The key is of account {owner}.")
        self._where = where
        self._announcer = _announcer(self.aws, telling, self.say)
        self.inventory: Inventory = find_accounts(self.aws, where, self.say)
        for account, why in self.inventory.skipped:
            if why == SUSPENDED:
                self.say(f"skipped {title(account)}: {why}")
        if not settings.bucket and hints:
            self.say("Without --bucket, nobody counts as told anything yet.")
        if telling is not None and self._announcer is None and hints:
            self.say("Without --notify nobody can be told: no step is taken that needs a notice.")

    @property
    def can_tell(self) -> bool:
        """Whether there is a way to tell people."""
        return self._announcer is not None

    def say(self, line: str) -> None:
        """Tell the operator something, beside the answer."""
        self.err.print(Text(shown(line)), soft_wrap=True)

    def keep_to(self, approvals: Approvals) -> None:
        """Look at the accounts of a plan alone; one that is not among ours is named."""
        there = {account.id for account in self.inventory.accounts}
        lost = (Account(id=each) for each in sorted(approvals.keys() - there))
        self.inventory = replace(
            self.inventory,
            accounts=tuple(each for each in self.inventory.accounts if each.id in approvals),
            skipped=(
                *self.inventory.skipped,
                *((each, "the plan names it, and it is not looked at here") for each in lost),
            ),
        )

    def campaign(self, request: Request, *, dry_run: bool) -> Campaign:
        """Begin a run over the accounts."""
        return Campaign(
            aws=self.aws,
            request=request,
            dry_run=dry_run,
            announcer=self._announcer,
            many=len(self.inventory.accounts) > 1,
        )

    def look(
        self, campaign: Campaign, work: Work[AccountResult], doing: str
    ) -> list[AccountResult]:
        """Work on all accounts, with a bar on a terminal."""
        accounts = self.inventory.accounts
        with _bar(self.err, doing, len(accounts)) as progress:
            return side_by_side(
                work,
                accounts,
                parallel=self._where.parallel,
                campaign=campaign,
                progress=progress,
            )

    def report(self, campaign: Campaign, results: Sequence[AccountResult]) -> Report:
        """Put together what there is to say."""
        lost = [
            f"{title(account)}: {why}"
            for account, why in self.inventory.skipped
            if why != SUSPENDED
        ]
        absent = campaign.absent(results) if campaign.many else []
        return Report(
            at=now(),
            dry_run=campaign.dry_run,
            policy=self.aws.settings.policy,
            results=results,
            skipped=self.inventory.skipped,
            failures=(*lost, *(f"no account has a user {name}" for name in absent)),
        )

    def close(self, report: Report) -> int:
        """Say what went wrong, and give the exit code."""
        for line in warnings(report):
            self.say(line)
        return FAILED if tell_failures(self.err, report) else 0

    def _wrote(self, action: str, facts: Mapping[str, str]) -> None:
        """Put the writes before the operator's eyes, with AWS's request ids."""
        if self._verbose or action.startswith("iam:"):
            self.say(f"wrote {action} " + " ".join(f"{name}={facts[name]}" for name in facts))


def _announcer(aws: Aws, telling: Telling | None, say: Callable[[str], None]) -> Announcer | None:
    if telling is None or telling.notify is None:
        return None
    return aws.over_bus() if telling.notify is Channel.BUS else aws.by_mail(say)


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
    what = f"{doing} {accounts:,} account{'' if accounts == 1 else 's'}"
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


@contextmanager
def _opened(output: Output) -> Generator[TextIO | None]:
    """Open the file for the answer, if there is to be one, before anything else happens."""
    if output.output is None:
        yield None
        return
    with result_file(output.output) as file:
        yield file


def _give(report: Report, file: TextIO | None, output: Output, *, only_acts: bool = False) -> None:
    """Write the answer in the form that was asked for."""
    match output.format:
        case Format.JSON:
            (file or sys.stdout).write(as_json(report))
        case Format.CSV:
            (file or sys.stdout).write(as_csv(report))
        case Format.TABLE:
            console = Console(file=file, width=FILE_WIDTH if file else None)
            only_acts = only_acts and file is None
            print_report(console, report, every_key=output.all, only_acts=only_acts)
