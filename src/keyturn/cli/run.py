"""`plan`, `run` and `explain`: look, ask, act, answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from keyturn.cli.answer import opened
from keyturn.cli.audit import entry_of, said, shortened, unkept
from keyturn.cli.checked import checked
from keyturn.cli.consoles import make_console
from keyturn.cli.exit_codes import DUE, FAILED
from keyturn.cli.explain import print_explanation
from keyturn.cli.identifiers import check_who, is_key
from keyturn.cli.json_answers import explanation, put
from keyturn.cli.local_run import FleetRun, Interrupted, Tally, Work
from keyturn.cli.needs import TO_TELL
from keyturn.cli.options import (
    AccountOptions,
    ExplainOptions,
    Findings,
    NotifyOptions,
    Output,
    OwnersFileOptions,
    SettingOptions,
    StageOptions,
    Users,
    View,
)
from keyturn.cli.session import CliSession, confirm, tell_failures
from keyturn.cli.tables import failures, print_report, question
from keyturn.cli.view import Shown, is_due, owners_wanted
from keyturn.domain.breaker import Breaker
from keyturn.domain.errors import InvalidValue, KeyturnError
from keyturn.domain.result import AccountResult, Request
from keyturn.schemas.plan import Approvals, read_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What only `run` is asked for."""

    enforce: bool = False
    yes: bool = False
    verbose: bool = False
    approve: Path | None = None
    breaker: Breaker = field(default_factory=Breaker)


def plan(  # noqa: PLR0913, PLR0917 -- a group of options each
    where: AccountOptions,
    users: Users,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    output: Output,
    view: View,
    stage: StageOptions,
) -> int:
    """Show what is due."""
    _check_users(users)
    shown_keys = Shown.read(view, output)
    output = replace(output, all=output.all or shown_keys.filters)
    asked = checked(where, rules, owners_by=owners_by, stage=stage)
    with opened(output) as answer:
        cli_session = CliSession(asked, staged=True)
        cli_session.tell_of_pause()
        request = Request(users=frozenset(users.user or ()))
        fleet_run = replace(
            cli_session.staged(cli_session.fleet_run(request, dry_run=True)),
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
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    output: Output,
    telling: NotifyOptions,
    stage: StageOptions,
    asked: RunOptions,
) -> int:
    """Do what is due, or show it; the exit code."""
    _check_users(users)
    request = Request(users=frozenset(users.user or ()))
    approvals = _approvals(users, asked)
    options = checked(
        where,
        rules,
        telling,
        owners_by=owners_by,
        stage=stage,
        enforce=asked.enforce,
        yes=asked.yes,
        must_tell=TO_TELL,
    )
    asks = options.asks
    with opened(output) as answer:
        cli_session = CliSession(options, verbose=asked.verbose, staged=True)
        cli_session.tell_of_pause()
        if approvals is not None:
            cli_session.keep_to(approvals)
        fleet_run = cli_session.staged(cli_session.fleet_run(request, dry_run=not asked.enforce))
        fleet_run = replace(cli_session.summed_up(fleet_run), approvals=approvals)
        fleet_run = replace(fleet_run, rotations=Tally(asked.breaker))
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
            but_notices = " but notices of a dry run" if cli_session.can_notify else ""
            cli_session.say(f"Dry run: nothing was written{but_notices}. {options.to_enforce}")
        if (why := fleet_run.rotations.why_stopped) is not None:
            cli_session.complain([f"Stopped: {why}. Fix the cause, and run the command again."])
            return FAILED
        return code if is_kept else FAILED


def _done(
    cli_session: CliSession, fleet_run: FleetRun, work: Work
) -> tuple[list[AccountResult], Sequence[KeyturnError]]:
    """Do the work; of an enforced run there is an entry, and why it could not be written."""
    if fleet_run.dry_run:
        return _summed_up(cli_session, fleet_run, work), ()
    approvals = fleet_run.approvals
    accounts = [account.id for account in cli_session.inventory.accounts]
    users = sorted(fleet_run.request.users or ())
    entry = replace(
        entry_of(cli_session.aws, "approve" if approvals else "run"),
        run=fleet_run.id,
        account=accounts[0] if len(accounts) == 1 else None,
        user=users[0] if len(users) == 1 else None,
        plan=approvals.name if approvals else None,
        plan_sha256=approvals.sha256 if approvals else None,
    )
    with cli_session.audited(entry) as notes:
        results = _summed_up(cli_session, fleet_run, work)
        failed = list(failures(cli_session.report(fleet_run, results)))
        notes.ends(*shortened([*said(results), *failed]), failed=bool(failed))
    return results, notes.unwritten


def _summed_up(cli_session: CliSession, fleet_run: FleetRun, work: Work) -> list[AccountResult]:
    """Do the work, and notify the administrators; of what was done, too, if it is interrupted."""
    try:
        results = cli_session.look(fleet_run, work, "Working on")
    except Interrupted as stopped:
        cli_session.sum_up(fleet_run, stopped.results, interrupted=True)
        cli_session.complain(cli_session.untold)
        raise
    cli_session.sum_up(fleet_run, results)
    return results


def explain(
    who: str,
    where: AccountOptions,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    explaining: ExplainOptions,
) -> int:
    """Explain a user's keys."""
    check_who(who)
    key_id = who if is_key(who) else None
    cli_session = CliSession(checked(where, rules, owners_by=owners_by), key_id=key_id)
    request = Request(users=frozenset({who if key_id is None else cli_session.owner_of(key_id)}))
    cli_session.tell_of_pause()
    fleet_run = replace(
        cli_session.fleet_run(request, dry_run=True),
        many=True,
        owners_of=lambda _decided: True,
        lists_notices=True,
    )
    results = cli_session.look(fleet_run, fleet_run.plan, "Looking at")
    report = cli_session.report(fleet_run, results)
    if explaining.format is Findings.JSON:
        put(explanation(report))
        return cli_session.close(report)
    console = make_console()
    for result in results:
        for decided in result.plan.users:
            print_explanation(console, result.plan, decided, cli_session.aws.settings.policy)
    return cli_session.close(report)


def _check_users(users: Users) -> None:
    if "" in (users.user or ()):
        raise InvalidValue("--user", "", "must not be empty")


def _approvals(users: Users, asked: RunOptions) -> Approvals | None:
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
