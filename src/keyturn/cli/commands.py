"""What an operator orders from the command line: show it, ask, do it, write down who did."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from keyturn.cli.audit import entry_of, said, unkept
from keyturn.cli.checked import Checked, checked
from keyturn.cli.consoles import make_console
from keyturn.cli.identifiers import check_key
from keyturn.cli.local_run import FleetRun, now
from keyturn.cli.options import (
    AccountOptions,
    CommandOptions,
    Findings,
    NotifyOptions,
    SettingOptions,
)
from keyturn.cli.report import Report, as_json
from keyturn.cli.session import CliSession, confirm
from keyturn.cli.tables import print_report
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action, Decision, State
from keyturn.domain.errors import InvalidValue
from keyturn.domain.key import Account, SecretFacts, Unknown, UserFacts
from keyturn.domain.ownership import why_foreign
from keyturn.domain.plain_text import shown
from keyturn.domain.result import AccountPlan, AccountResult, Request
from keyturn.domain.secret_names import (
    RESTORED_TAG,
    REVOKED_TAG,
    secret_name,
)
from keyturn.domain.tag_text import format_utc
from keyturn.use_cases.stop import refuse_if_paused

CATCHING_UP = timedelta(minutes=1)
"""By when everybody in AWS has heard that a key is Inactive, generously."""
LEAKED = (
    "is for a key that somebody else may have: it disables the key at once, without any notice "
    "before. If that is what you want, say --leaked; to replace a key in peace, keyturn rotate"
)

OWN_KEY = (
    "is the key that you run Keyturn with: once it is disabled, nothing of the rest can be done. "
    "Give the order with other credentials (--profile). Where there are none: "
    "aws iam create-access-key, then give the order with the new key"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What only `revoke` is asked for."""

    key: str
    leaked: bool
    even_exempt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A command about one user's keys."""

    name: str
    about: str
    """What was asked for: a key's id, or a user's name."""
    request: Request = field(default_factory=Request)
    ordered: OperatorCommand | None = None
    """What is ordered about one key; None: a rotation."""
    key: str | None = None
    acts: frozenset[Action]
    """What has to be due for the command to have a meaning."""
    must_tell: str | None = None
    """Why it cannot be enforced where nobody can be told; None: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A decision that was asked for."""

    account: Account
    user: UserFacts
    decision: Decision


def restore(
    key: str,
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """Enable a key again."""
    command = _about_key("restore", key, Action.RESTORE)
    return _carry_out(command, where, rules, telling, ordering)


def revoke(
    what: Revocation,
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """Disable a leaked key at once. Raises InvalidValue where nobody says that it leaked."""
    if not what.leaked:
        raise InvalidValue("keyturn revoke", "", LEAKED)
    command = _about_key("revoke", what.key, Action.REVOKE, even_exempt=what.even_exempt)
    return _carry_out(command, where, rules, telling, ordering)


def rotate(
    user: str,
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """Rotate a user's key at any age."""
    at = now().replace(microsecond=0)
    command = _Command(
        name="rotate",
        about=user,
        request=Request(users=frozenset({user}), forced=user, forced_at=at),
        acts=frozenset({Action.ROTATE}),
        must_tell=": a rotation begins with telling the owner",
    )
    return _carry_out(command, where, rules, telling, ordering)


def _about_key(name: str, key: str, action: Action, *, even_exempt: bool = False) -> _Command:
    check_key(key)
    ordered = OperatorCommand(action=action, key_id=key, given=now(), even_exempt=even_exempt)
    # What is revoked already is stopped once more: IAM tells of changes half a minute late.
    acts = frozenset({action} | ({Action.KEEP} if action is Action.REVOKE else set()))
    return _Command(name=name, about=key, ordered=ordered, key=key, acts=acts)


def _carry_out(
    command: _Command,
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """Look, show what is due, and do it if that is wanted. Gives the exit code."""
    asked = _checked(command, where, rules, telling, ordering)
    cli_session = _session(command, asked, ordering)
    fleet_run = cli_session.fleet_run(
        replace(command.request, even_paused=ordering.even_paused),
        command=command.ordered and replace(command.ordered, even_paused=ordering.even_paused),
        dry_run=not ordering.enforce,
    )
    planned = cli_session.look(fleet_run, fleet_run.plan, "Looking at")
    report = cli_session.report(fleet_run, planned)
    due = list(_due(planned, command))
    if not ordering.yes or not due:
        console = cli_session.err if asked.asks else for_people(cli_session, ordering)
        _show(console, report, due, cli_session)
    holds = _has_failed(report) and command.name != "revoke"
    if not ordering.enforce or not due or holds:
        if due and not ordering.enforce:
            cli_session.say(
                f"Dry run: nothing was written, nobody was notified. {asked.to_enforce}"
            )
        return _closed(cli_session, report, command, due, ordering)
    if asked.asks:
        confirm(f"{command.name} {shown(command.about)}.")
    [plan] = [result.plan for result in planned if result.plan.users]
    return _enforced(cli_session, fleet_run, plan, command, ordering, due)


def _checked(
    command: _Command,
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> Checked:
    accounts = len(set(where.account or ()))
    if accounts > 1:
        raise InvalidValue("--account", "", "is one account at most here")
    # Of a key, AWS says the account.
    is_lost = command.key is None and not accounts and (where.role_name or where.deployed)
    return checked(
        where,
        rules,
        telling,
        enforce=ordering.enforce,
        yes=ordering.yes,
        needs={"--account": ", exactly one: a user is of one account"} if is_lost else {},
        must_tell=command.must_tell,
        writes_secrets=command.name != "revoke",
    )


def _session(command: _Command, asked: Checked, ordering: CommandOptions) -> CliSession:
    """Connect; who orders something about one key means that key, in whichever account it is."""
    cli_session = CliSession(
        asked, key_id=command.key, hints=False, everywhere=command.key is not None
    )
    if command.name == "revoke" and command.key == cli_session.own.signing:
        raise InvalidValue("KEY", command.key, OWN_KEY)
    heed_pause(cli_session, ordering, urgent=command.name == "revoke")
    return cli_session


def _enforced(  # noqa: PLR0913, PLR0917 -- what was looked at, what is due of it, and how it was asked for
    cli_session: CliSession,
    fleet_run: FleetRun,
    plan: AccountPlan,
    command: _Command,
    ordering: CommandOptions,
    due: Sequence[_Due],
) -> int:
    """Do what is due, write down who ordered it and what came of it, and answer."""
    account, user, urgent = plan.run.account.id, plan.users[0].user.name, command.key is not None
    entry = replace(
        entry_of(cli_session.aws, command.name, why=ordering.reason, urgent=urgent),
        account=account,
        user=user,
        key=command.key,
        run=plan.run.id,
    )
    with cli_session.audited(entry, urgent=urgent) as notes:
        results = cli_session.look(
            fleet_run, lambda _, progress: fleet_run.finish(plan, progress), "Working on"
        )
        undone = list(_undone(results, due))
        lines = [*said(results), *undone, *map(str, results[0].failures)]
        notes.ends(*lines, failed=bool(undone or results[0].failures))
    report = cli_session.report(fleet_run, results)
    out = for_people(cli_session, ordering)
    again = any(each.decision.action is Action.KEEP for each in due)
    print_report(out, report, only_acts=not again, every_key=again)
    if command.name == "revoke":
        _print_advice(out, account, user, command.about, now())
    if not cli_session.can_notify:
        cli_session.say(
            f"Nobody was notified: without --notify, notify the owner of {shown(user)} yourself."
        )
    report = replace(report, failures=(*report.failures, *undone, *unkept(notes.unwritten)))
    _answer(report, ordering)
    code = cli_session.close(report)
    if code and command.name == "revoke":
        fix = "Fix the cause, wait 15 minutes and run the command again; it resumes."
        cli_session.complain([fix])
    return code


def for_people(cli_session: CliSession, ordering: CommandOptions) -> Console:
    """Where people read: beside the answer, if that is for programs."""
    return cli_session.err if ordering.format is Findings.JSON else make_console()


def _answer(report: Report, ordering: CommandOptions) -> None:
    """Write the answer for programs, if it is asked for: the form of a plan."""
    if ordering.format is Findings.JSON:
        sys.stdout.write(as_json(report))


def heed_pause(cli_session: CliSession, ordering: CommandOptions, *, urgent: bool = False) -> None:
    """
    Do nothing while Keyturn is paused, and promise nothing without saying so.

    urgent: a leaked key is stopped all the same; the rest of its order heeds the pause.
    """
    if not ordering.enforce or (urgent and not ordering.even_paused):
        cli_session.tell_of_pause()
    elif not ordering.even_paused:
        refuse_if_paused(cli_session.aws.pause_flag())


def _due(results: Sequence[AccountResult], command: _Command) -> Iterator[_Due]:
    for result in results:
        for decided in result.plan.users:
            for decision in decided.decisions:
                if decision.action in command.acts:
                    account = result.plan.run.account
                    yield _Due(account=account, user=decided.user, decision=decision)


def _show(console: Console, report: Report, due: Sequence[_Due], cli_session: CliSession) -> None:
    """Show what would be done, step by step."""
    if any(result.plan.users for result in report.results):
        print_report(console, report, every_key=True)
    for each in due:
        console.print()
        for number, step in enumerate(_steps(each, cli_session), start=1):
            console.print(Text(f"  {number}. {shown(step)}"), soft_wrap=True)
        if each.decision.action is Action.REVOKE:
            _print_advice(
                console, each.account.id, each.user.name, each.decision.key_id, report.at
            )


def _steps(due: _Due, cli_session: CliSession) -> Iterator[str]:
    """What is done, in order."""
    decision = due.decision
    settings = cli_session.aws.settings
    secret = secret_name(due.account.id, due.user.name)
    match decision.action:
        case Action.RESTORE:
            yield f"the tag {RESTORED_TAG}{decision.key_id} of {secret}: restored now"
            yield f"iam:UpdateAccessKey: {decision.key_id} becomes Active"
        case Action.KEEP:
            inactive = f"iam:UpdateAccessKey: {decision.key_id} becomes Inactive"
            yield f"{inactive}, if it was enabled since"
        case Action.REVOKE:
            if decision.state is not State.DISABLED:
                yield f"iam:UpdateAccessKey: {decision.key_id} becomes Inactive"
            if (closed := _why_unwritable(due.user, settings.secrets_key)) is not None:
                yield f"nothing is put on record: {closed}"
            else:
                yield f"the tag {REVOKED_TAG}{decision.key_id} of {secret}: revoked now"
    if decision.action is Action.ROTATE or decision.rotates:
        yield f"iam:CreateAccessKey: a new key for {due.user.name}"
        yield f"secretsmanager:PutSecretValue: it is stored in {secret}"
    yield from _left_behind(decision, cli_session)


def _left_behind(decision: Decision, cli_session: CliSession) -> Iterator[str]:
    """Who is told, and what is kept; and what is not."""
    settings = cli_session.aws.settings
    if decision.notice is None:
        yield "no new notice is sent"
    elif cli_session.would_tell:
        yield f"the owner and {settings.admin} are notified"
    else:
        yield "nobody is notified: there is no --notify"
    if settings.bucket:
        yield f"an audit entry in {settings.bucket}"
    else:
        yield "no audit entry is kept: there is no --bucket"
        if decision.action is not Action.ROTATE:
            yield "a run that is under way is not seen: there is no --bucket"


def _why_unwritable(user: UserFacts, kms_key: str | None) -> str | None:
    """Why nothing can be put on a user's record, if nothing can."""
    match user.secret:
        case Unknown(why=why):
            return why
        case SecretFacts() as secret:
            return why_foreign(user, secret, kms_key=kms_key)
    return None


def _closed(
    cli_session: CliSession,
    report: Report,
    command: _Command,
    due: Sequence[_Due],
    ordering: CommandOptions,
) -> int:
    """End where nothing is done: an order that cannot be followed is a failure."""
    if not due and not _has_failed(report):
        decided = [
            decision
            for each in report.results
            for t in each.plan.users
            for decision in t.decisions
        ]
        why = "; ".join(f"{decision.key_id}: {decision.sentence}" for decision in decided)
        nothing = f"nothing to {command.name}: {why or 'there is no access key'}"
        report = replace(report, failures=(*report.failures, nothing))
    _answer(report, ordering)
    return cli_session.close(report)


def _has_failed(report: Report) -> bool:
    return bool(report.failures) or any(result.failures for result in report.results)


def _undone(results: Sequence[AccountResult], due: Sequence[_Due]) -> Iterator[str]:
    """What was asked for and did not happen, where that is nobody's failure."""
    done = {
        step.decision.key_id
        for result in results
        for outcome in result.outcomes
        for step in outcome.done
    }
    why = {
        str(outcome.error)
        for result in results
        for outcome in result.outcomes
        if outcome.error is not None and not outcome.is_failure
    }
    failed = any(result.failures for result in results)
    for each in due:
        if each.decision.key_id not in done and not failed:
            because = "; ".join(why) or "it was exempted since, or there was no time left"
            yield f"{each.decision.key_id}: nothing was done ({because})"


# --- what else to do about a leaked key ---------------------------------------------------


def _print_advice(console: Console, account: str, user: str, key_id: str, at: datetime) -> None:
    """
    Say how to end the key's sessions, and where to look.

    From IAM's user guide, "Disabling permissions for temporary security credentials": they
    outlive the key, and are judged anew at every call.
    """
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", '
        '"Resource": "*", "Condition": {"DateLessThan": '
        f'{{"aws:TokenIssueTime": "{format_utc(at + CATCHING_UP)}"}}}}}}]}}'
    )
    put = (
        f"aws iam put-user-policy --user-name {shlex.quote(user)} "
        f"--policy-name RevokeOlderSessions --policy-document {shlex.quote(policy)}"
    )
    look = (
        "aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey=AccessKeyId,AttributeValue={key_id}"
    )
    console.print()
    for line in (
        f"Sessions that the key made outlive it, up to 36 hours. In {account} this ends them:",
        f"  {put}",
        "For each role that it may have assumed: the same with put-role-policy,",
        "or Revoke active sessions in the console.",
        "What was done with it, in each region (look for CreateAccessKey, CreateUser,",
        "policies, AssumeRole):",
        f"  {look}",
    ):
        console.print(Text(line), soft_wrap=True)
