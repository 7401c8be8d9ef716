"""
The command line.

Exit codes: 0 done, 1 some account or user failed (or the operator said no), 2 bad usage, 3
something is due (`plan --exit-code` alone), 130 interrupted. Whatever an operator can cause is
answered with one line, never a stack trace.
"""

from pathlib import Path
from typing import Annotated

import typer

from keyturn import __version__
from keyturn.cli.advise_options import AdviseOptions
from keyturn.cli.audit_options import (
    ChainOptions,
    EvidenceOptions,
    QuestionOptions,
    TraceOptions,
    VerifyOptions,
)
from keyturn.cli.deploy_options import DeployAccounts, Deploying, DeployOptions, DoctorOptions
from keyturn.cli.once import Once, OnceGroup
from keyturn.cli.one_line import OneLine
from keyturn.cli.options import (
    AccountOptions,
    AgainstOptions,
    CommandOptions,
    DigestOptions,
    EntryOptions,
    ExemptionsOptions,
    ExpiryOptions,
    ExplainOptions,
    Findings,
    Format,
    LetterheadOptions,
    NoticesTask,
    NotifyOptions,
    Output,
    OwnersCheckOptions,
    OwnersFileOptions,
    OwnersShowOptions,
    PageOptions,
    PauseOptions,
    ReachableOptions,
    RealKeyOptions,
    SettingOptions,
    StageOptions,
    Users,
    View,
    with_groups,
)
from keyturn.cli.period_options import PeriodOptions
from keyturn.cli.pickup_options import CredentialsOptions, PickupOptions, SecretOptions
from keyturn.cli.rehearse_options import (
    RehearseOutput,
    RehearseSettings,
    RehearseWhat,
    RehearseWhere,
)
from keyturn.cli.simulate_options import PlayOptions, SimulateOptions, StoredOptions
from keyturn.domain.breaker_limits import LEAST_ROTATIONS, MOST_FAILED
from keyturn.domain.errors import InvalidValue
from keyturn.domain.period import PeriodKind

app = typer.Typer(
    name="keyturn",
    cls=OneLine,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def keyturn(
    context: typer.Context,
    *,
    version_: Annotated[
        bool, typer.Option("--version", help="Print the version, and nothing else.")
    ] = False,
) -> None:
    """
    Keep the IAM access keys of an AWS organisation inside a policy.

    Rotated at 90 days, disabled at 100, deleted at 110; owners are notified before.

    Begin with `keyturn plan`: it only reads.
    """
    if version_:
        version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)


# AWS's SDK takes half a second to import, and whoever asks for help does not need it: what
# talks to AWS is imported by the commands that do.


@app.command(cls=Once)
@with_groups
def plan(  # noqa: PLR0913, PLR0917 -- a group of options each
    where: AccountOptions,
    users: Users,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    output: Output,
    view: View,
    stage: StageOptions,
    compared: AgainstOptions,
) -> int:
    """
    Show what is due. It only reads.

    Without --role-name: in your own account, with your own credentials.
    """
    if compared.against is not None:
        from keyturn.cli.against import against  # noqa: PLC0415 -- see above

        return against(compared.against, where, users, rules, output, view, owners_by, stage)
    from keyturn.cli.run import plan as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, users, rules, owners_by, output, view, stage)


@app.command(cls=Once)
@with_groups
def run(  # noqa: PLR0913, PLR0917 -- seven groups of options and what is this command's own
    where: AccountOptions,
    users: Users,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    output: Output,
    telling: NotifyOptions,
    stage: StageOptions,
    *,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Do what is due. Without it, only show it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name the smaller writes too, on stderr.")
    ] = False,
    approve: Annotated[
        Path | None,
        typer.Option(
            help="Do exactly what this plan lists (the JSON that `plan` writes), as far as it is "
            "still due, and without the cap.",
            metavar="PLAN.json",
        ),
    ] = None,
    failed_percent_to_pause: Annotated[
        int,
        typer.Option(
            help="Enter no further account once more than so many percent of the rotations "
            "failed.",
            metavar="PERCENT",
            min=1,
            max=99,
        ),
    ] = MOST_FAILED,
    rotations_to_pause: Annotated[
        int,
        typer.Option(
            help="How many rotations have to be tried before their share counts.",
            metavar="N",
            min=1,
            max=100_000,
        ),
    ] = LEAST_ROTATIONS,
) -> int:
    """
    Do what is due. A dry run without --enforce.

    On a terminal it shows the plan and asks once; what you agree to is done.
    """
    from keyturn.cli.run import RunOptions  # noqa: PLC0415 -- see above
    from keyturn.cli.run import run as carry_out  # noqa: PLC0415 -- see above
    from keyturn.domain.breaker import Breaker  # noqa: PLC0415 -- see above

    asked = RunOptions(
        enforce=enforce,
        yes=yes,
        verbose=verbose,
        approve=approve,
        breaker=Breaker(failed_percent=failed_percent_to_pause, rotations=rotations_to_pause),
    )
    return carry_out(where, users, rules, owners_by, output, telling, stage, asked)


@app.command(cls=Once)
@with_groups
def explain(
    who: Annotated[
        str, typer.Argument(metavar="USER|KEY", help="A user's name, or an access key's id.")
    ],
    where: AccountOptions,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
    explaining: ExplainOptions,
) -> int:
    """Explain a user's keys: where they stand, why, and every date that is coming."""
    from keyturn.cli.run import explain as carry_out  # noqa: PLC0415 -- see above

    return carry_out(who, where, rules, owners_by, explaining)


@app.command(cls=Once)
@with_groups
def simulate(where: StoredOptions, rules: PlayOptions, asked: SimulateOptions) -> int:
    """
    Play the coming days from the newest snapshots, before anything is switched on. It only reads.

    Shows what ends on which day, how many mails go out, and from when on the fleet is within
    policy. Exit code 1, if an account or a user was not seen.
    """
    from keyturn.cli.simulate import simulate as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, rules, asked)


_KEY = typer.Argument(metavar="KEY", help="An access key's id.")


@app.command(cls=Once)
@with_groups
def restore(
    key: Annotated[str, _KEY],
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """
    Enable a key again that was disabled. A dry run without --enforce.

    Its owner is notified, and it is left alone for the grace period.
    """
    from keyturn.cli.commands import restore as carry_out  # noqa: PLC0415 -- see above

    return carry_out(key, where, rules, telling, ordering)


@app.command(cls=Once)
@with_groups
def rotate(
    user: Annotated[str, typer.Argument(metavar="USER", help="An IAM user's name.")],
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
) -> int:
    """
    Rotate a user's key at any age. A dry run without --enforce.

    The old key goes on working for the installation window, as after any rotation.
    """
    from keyturn.cli.commands import rotate as carry_out  # noqa: PLC0415 -- see above

    return carry_out(user, where, rules, telling, ordering)


@app.command(cls=Once)
@with_groups
def revoke(  # noqa: PLR0913 -- four groups of options and what is this command's own
    key: Annotated[str, _KEY],
    where: AccountOptions,
    rules: SettingOptions,
    telling: NotifyOptions,
    ordering: CommandOptions,
    *,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Required: somebody else may have the key.")
    ] = False,
    even_exempt: Annotated[
        bool,
        typer.Option("--even-exempt", help="A record and a new key too, if its user is exempt."),
    ] = False,
) -> int:
    """
    Disable a leaked key at once, and give its user a new one. A dry run without --enforce.

    Says also how to end the sessions that the key has made.
    """
    from keyturn.cli.commands import Revocation  # noqa: PLC0415 -- see above
    from keyturn.cli.commands import revoke as carry_out  # noqa: PLC0415 -- see above

    what = Revocation(key=key, leaked=leaked, even_exempt=even_exempt)
    return carry_out(what, where, rules, telling, ordering)


@app.command(cls=Once)
@with_groups
def defer(  # noqa: PLR0913 -- three groups of options and what is this command's own
    key: Annotated[str, _KEY],
    where: AccountOptions,
    rules: SettingOptions,
    ordering: CommandOptions,
    *,
    days: Annotated[
        str | None,
        typer.Option(help="For how many days from today; at most MaxDeferral.", metavar="N"),
    ] = None,
    ticket: Annotated[
        str | None, typer.Option(help="Where it was approved of.", metavar="TEXT")
    ] = None,
) -> int:
    """
    Give one key more time. A dry run without --enforce.

    Nothing is done about it before that day; then its windows count as ever.
    """
    from keyturn.cli.defer import MoreTime  # noqa: PLC0415 -- see above
    from keyturn.cli.defer import defer as carry_out  # noqa: PLC0415 -- see above

    return carry_out(key, MoreTime(days=days, ticket=ticket), where, rules, ordering)


@app.command(cls=Once)
@with_groups
def adopt(
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="A secret's name.")],
    where: AccountOptions,
    rules: SettingOptions,
    ordering: CommandOptions,
) -> int:
    """
    Take a secret that is not Keyturn's into its record. A dry run without --enforce.

    Shows what is known of it, never its value. The user's next rotation then overwrites it.
    """
    from keyturn.cli.adopt import adopt as carry_out  # noqa: PLC0415 -- see above

    return carry_out(secret, where, rules, ordering)


@app.command(cls=Once)
@with_groups
def pause(switching: PauseOptions) -> int:
    """
    Stop every write of Keyturn in the whole organisation. A dry run without --enforce.

    Runs under way stop within half a minute, behind the user they are at.
    """
    from keyturn.cli.pause import pause as carry_out  # noqa: PLC0415 -- see above

    return carry_out(switching)


@app.command(cls=Once)
@with_groups
def resume(switching: PauseOptions) -> int:
    """Let Keyturn's writes go on. A dry run without --enforce."""
    from keyturn.cli.pause import resume as carry_out  # noqa: PLC0415 -- see above

    return carry_out(switching)


@app.command(cls=Once)
@with_groups
def digest(options: DigestOptions) -> int:
    """
    Show a day of the whole organisation: what was not seen, what breaks soon, what was done.

    It only reads. Exit code 1, if an account or a user was not seen.
    """
    from keyturn.cli.digest import digest as carry_out  # noqa: PLC0415 -- see above

    return carry_out(options)


@app.command(cls=Once)
@with_groups
def trace(key: Annotated[str, _KEY], where: AccountOptions, tracing: TraceOptions) -> int:
    """
    Show where a key is used: its last use, and the calls of 90 days, as CloudTrail has them.

    It only reads. What could not be read is said. Exit code 1, if something could not be read.
    """
    from keyturn.cli.trace import trace as carry_out  # noqa: PLC0415 -- see above

    return carry_out(key, where, tracing)


@app.command(cls=Once)
@with_groups
def advise(where: EvidenceOptions, asked: AdviseOptions) -> int:
    """
    Advise, per user, what would let it stop having keys: the replacement, and how sure it is.

    From the snapshots, or from IAM itself with --live; it only reads. Each verdict names its
    evidence. Exit code 1, if something was not seen.
    """
    from keyturn.cli.advise import advise as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, asked)


audit = typer.Typer(cls=OnceGroup, invoke_without_command=True)
app.add_typer(audit, name="audit")


@audit.callback()
@with_groups
def ask(context: typer.Context, where: EvidenceOptions, asked: QuestionOptions) -> int:
    """
    Answer an auditor: who rotated a key, on whose order, who was notified, who enabled it again.

    From receipts, audit entries, snapshots, logs and CloudTrail; it only reads. Each line names
    its sources. Exit code 1, if nothing is known, or some evidence cannot be read.
    """
    from keyturn.cli.audit_query import ask as carry_out  # noqa: PLC0415 -- see above

    if context.invoked_subcommand is None:
        return carry_out(where, asked)
    if (where, asked) != (EvidenceOptions(), QuestionOptions()):
        rule = f"its options go behind {context.invoked_subcommand}"
        raise InvalidValue("keyturn audit", context.invoked_subcommand, rule)
    return 0


@audit.command(cls=Once)
@with_groups
def verify(where: EvidenceOptions, asked: VerifyOptions) -> int:
    """
    Verify that audit entries and reports are as they were: the chain over them. It only reads.

    Exit code 1, if something was changed, is gone, or was put in later.
    """
    from keyturn.cli.audit_chain import verify as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, asked)


@audit.command(cls=Once)
@with_groups
def chain(where: EvidenceOptions, asked: ChainOptions) -> int:
    """
    Put new audit entries and reports into the chain. A dry run without --enforce.

    ASA-Reporter does so every quarter of an hour; this is for who has no reports stack.
    """
    from keyturn.cli.audit_chain import chain as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, asked)


report = typer.Typer(cls=OnceGroup, help="What people are shown of the organisation.")
app.add_typer(report, name="report")


@report.command("page", cls=Once)
@with_groups
def report_page(where: EvidenceOptions, asked: PageOptions) -> int:
    """
    Write the page of the organisation: one HTML file, which asks for nothing when it is opened.

    It only reads. Exit code 1, if an account or a user was not seen: the page says which.
    """
    from keyturn.cli.page import page  # noqa: PLC0415 -- see above

    return page(where, asked)


@report.command(cls=Once)
@with_groups
def weekly(where: EvidenceOptions, asked: PeriodOptions) -> int:
    """
    Report a week: keys that are overdue, blocked or exempt, restorations, what was not seen.

    It only reads. Exit code 1, if not everything was seen: the report says what.
    """
    from keyturn.cli.periods import report_of  # noqa: PLC0415 -- see above

    return report_of(PeriodKind.WEEKLY, where, asked)


@report.command(cls=Once)
@with_groups
def monthly(where: EvidenceOptions, asked: PeriodOptions) -> int:
    """
    Report a month: what was done, ages, keys within policy, users, cost, controls.

    It only reads. Exit code 1, if not everything was seen: the report says what.
    """
    from keyturn.cli.periods import report_of  # noqa: PLC0415 -- see above

    return report_of(PeriodKind.MONTHLY, where, asked)


owners = typer.Typer(
    cls=OnceGroup, help="The owners file, who answers for which user, and who can be reached."
)
app.add_typer(owners, name="owners")


@owners.command("check", cls=Once)
@with_groups
def check_owners(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="An owners file, .yaml or .csv; else the one in the bucket."
        ),
    ] = None,
    *,
    options: OwnersCheckOptions,
) -> int:
    """
    Check an owners file: every mistake in it, with its line.

    Exit code 2, if a rule of it does not serve as it is written.
    """
    from keyturn.cli.owners import check  # noqa: PLC0415 -- see above

    return check(file, options)


@owners.command("reachable", cls=Once)
@with_groups
def say_reachable(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An owner's or the admin's.")],
    asked: ReachableOptions,
) -> int:
    """
    Notify an address again that mails came back from. A dry run without --enforce.

    Says also whether it is on SES's suppression list, and how to take it off. Exit code 1, if so.
    """
    from keyturn.cli.reachable import reachable  # noqa: PLC0415 -- see above

    return reachable(address, asked)


@owners.command("show", cls=Once)
@with_groups
def show_owners(
    where: AccountOptions, users: Users, owners_by: OwnersFileOptions, options: OwnersShowOptions
) -> int:
    """
    Show the owner of each user, by which source, who would be next, and what does not serve.

    Of all users, with and without keys.
    """
    from keyturn.cli.show_owners import show  # noqa: PLC0415 -- see above

    return show(where, users, owners_by, options)


exemptions = typer.Typer(
    cls=OnceGroup, help="Until when each user of the exemption group is exempt, and why."
)
app.add_typer(exemptions, name="exemptions")


@exemptions.command("check", cls=Once)
@with_groups
def check_exemptions(
    where: ExemptionsOptions,
    *,
    format_: Annotated[
        Findings, typer.Option("--format", help="How the answer is written.")
    ] = Findings.TABLE,
) -> int:
    """
    Check the exemptions file: every mistake in it, with its line.

    Exit code 2, if an entry of it does not count as it is written.
    """
    from keyturn.cli.exemptions import check  # noqa: PLC0415 -- see above

    return check(where, format_)


@exemptions.command("list", cls=Once)
@with_groups
def list_exemptions(
    where: ExemptionsOptions,
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="How the answer is written.")
    ] = Format.TABLE,
) -> int:
    """
    List the entries of the exemptions file, those that end first on top.

    It asks nothing of the accounts: who is in the group, `exemptions review` shows.
    """
    from keyturn.cli.exemptions import show  # noqa: PLC0415 -- see above

    return show(where, format_)


@exemptions.command("review", cls=Once)
@with_groups
def review_exemptions(
    where: AccountOptions,
    rules: SettingOptions,
    *,
    html: Annotated[
        Path | None, typer.Option(help="Write the page into this file.", metavar="FILE")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write one line a member into this file.", metavar="FILE")
    ] = None,
) -> int:
    """
    Write the quarterly review: every member of the groups, beside the file. It only reads.

    Since when, why, until when, how old their keys are, when they were last used; and room for a
    decision.
    """
    from keyturn.cli.exemption_review import ReviewFiles, review  # noqa: PLC0415 -- see above

    return review(where, rules, ReviewFiles(html=html, csv=csv))


@exemptions.command("add", cls=Once)
@with_groups
def add_exemption(  # noqa: PLR0913 -- three groups of options and what is this command's own
    where: ExemptionsOptions,
    which: EntryOptions,
    until: ExpiryOptions,
    *,
    ticket: Annotated[
        str | None, typer.Option(help="Where it was approved of.", metavar="TEXT")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who answers for it: an address.", metavar="ADDRESS")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why the user is exempt.", metavar="TEXT")
    ] = None,
) -> int:
    """
    Add an entry to the exemptions file. A dry run without --enforce.

    It exempts nobody: put the user into the exemption group besides.
    """
    from keyturn.cli.exemptions import NewEntry, add  # noqa: PLC0415 -- see above

    return add(where, which, until, NewEntry(ticket=ticket, owner=owner, reason=reason))


@exemptions.command("extend", cls=Once)
@with_groups
def extend_exemption(
    where: ExemptionsOptions,
    which: EntryOptions,
    until: ExpiryOptions,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the audit entry.", metavar="TEXT")
    ] = None,
) -> int:
    """Let an exemption end later. A dry run without --enforce."""
    from keyturn.cli.exemptions import extend  # noqa: PLC0415 -- see above

    return extend(where, which, until, reason)


@exemptions.command("end", cls=Once)
@with_groups
def end_exemption(
    where: ExemptionsOptions,
    which: EntryOptions,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Why, for the audit entry.", metavar="TEXT")
    ] = None,
) -> int:
    """
    Let an exemption end today. A dry run without --enforce.

    The user stays exempt until somebody takes them out of the group.
    """
    from keyturn.cli.exemptions import end  # noqa: PLC0415 -- see above

    return end(where, which, reason)


@app.command(cls=Once)
@with_groups
def notices(  # noqa: PLR0913, PLR0917 -- four groups of options for a real key, and one besides
    what: Annotated[NoticesTask, typer.Argument(metavar="preview|lint", help="What to do.")],
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="preview: where the mails are written. lint: templates of your own.",
        ),
    ],
    options: LetterheadOptions,
    which: RealKeyOptions,
    where: AccountOptions,
    rules: SettingOptions,
    owners_by: OwnersFileOptions,
) -> int:
    """
    See every notice before it is sent, or try templates of your own with each of them.

    Exit code 2, if a template fails with a notice. It asks nothing of AWS. With --user or --key:
    what the owner of a real key would be sent next. Then it reads as `plan` does; nothing is sent.
    """
    from keyturn.cli.next_notice import preview_next, refuse_unused  # noqa: PLC0415 -- see above
    from keyturn.cli.notices import lint, preview  # noqa: PLC0415 -- see above

    match what:
        case NoticesTask.PREVIEW if which.user is not None or which.key is not None:
            return preview_next(folder, which, where, rules, owners_by, options)
        case NoticesTask.PREVIEW:
            refuse_unused(which, where, rules, owners_by, "goes with --user or --key")
            return preview(folder, options)
        case NoticesTask.LINT:
            refuse_unused(which, where, rules, owners_by, "is for preview")
            return lint(folder, options)


@app.command(cls=Once)
@with_groups
def deploy(accounts: DeployAccounts, wanted: DeployOptions, deploying: Deploying) -> int:
    """
    Bring Keyturn into an organisation, or bring it up to date.

    Shows what would change and asks. It starts in Keyturn's dry run. What is right already stays.
    """
    from keyturn.cli.deploy import deploy as carry_out  # noqa: PLC0415 -- see above

    return carry_out(accounts, wanted, deploying)


@app.command(cls=Once)
@with_groups
def doctor(accounts: DeployAccounts, options: DoctorOptions) -> int:
    """
    Look a deployment over, and say what to do about each finding. It only reads.

    The exit code is 1 if it found a PROBLEM.
    """
    from keyturn.cli.doctor import doctor as carry_out  # noqa: PLC0415 -- see above

    return carry_out(accounts, options)


@app.command(cls=Once)
@with_groups
def pickup(which: SecretOptions, options: PickupOptions) -> int:
    """
    Put your new key, once it is delivered, in the place of the old one on this machine.

    It finds the secret of the profile's user, tries the new key, and changes the profile.
    """
    from keyturn.cli.pickup import pickup as carry_out  # noqa: PLC0415 -- see above

    return carry_out(which, options)


@app.command(cls=Once)
@with_groups
def credentials(which: SecretOptions, options: CredentialsOptions) -> int:
    """
    Give the newest delivered key to an AWS SDK, as its credential_process.

    In ~/.aws/config: credential_process = keyturn credentials --secret NAME --source-profile NAME
    """
    from keyturn.cli.credentials import credentials as carry_out  # noqa: PLC0415 -- see above

    return carry_out(which, options)


@app.command(cls=Once)
@with_groups
def rehearse(
    where: RehearseWhere,
    told: RehearseSettings,
    what: RehearseWhat,
    output: RehearseOutput,
) -> int:
    """
    Try the whole life of a key on your own AWS, with a user of its own, and clean up.

    It touches no other user. It asks before its first write.
    """
    from keyturn.cli.rehearse import rehearse as carry_out  # noqa: PLC0415 -- see above

    return carry_out(where, told, what, output)


@app.command(cls=Once)
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where the pages and mails go.")
    ] = Path("demo"),
    days: Annotated[int, typer.Option(help="How many days to play.", metavar="N")] = 130,
    seed: Annotated[int, typer.Option(help="Which company to make up.", metavar="N")] = 1,
    plant: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> int:
    """Play a made-up organisation through its days, on this machine, without AWS."""
    from keyturn_sandbox.demo.start import start  # noqa: PLC0415 -- see above

    return start(output, days, seed, plant)


config = typer.Typer(cls=OnceGroup, help="Settings files, and where each value comes from.")
app.add_typer(config, name="config")


@config.command(
    "show",
    cls=Once,
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
def show_config(
    context: typer.Context,
    line: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="A command, as you would type it."),
    ],
    *,
    format_: Annotated[
        Findings, typer.Option("--format", help="How the answer is written.")
    ] = Findings.TABLE,
) -> int:
    """
    Show each value of a command, and where it comes from: `keyturn config show plan --deployed`.

    The command is not carried out. With --deployed the functions' settings are read.
    """
    from keyturn.cli.show_configuration import show_configuration  # noqa: PLC0415 -- see above

    return show_configuration(context, line, format_)


@app.command(cls=Once)
def help(  # noqa: A001 -- the word that people type
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="Which command to explain.")
    ] = None,
    man: Annotated[
        str | None,
        typer.Option(
            "--man",
            metavar="FOLDER",
            help="Write the manual pages into this folder, one a command, for `man`.",
        ),
    ] = None,
) -> None:
    """Explain Keyturn, or one of its commands: `keyturn help exemptions review`."""
    from keyturn.cli.manual_pages import explain_command, write_manual_pages  # noqa: PLC0415 -- see above

    if man is None:
        return explain_command(context, command or ())
    if command:
        raise InvalidValue("COMMAND", " ".join(command), "goes without --man")
    return write_manual_pages(context, man)


@app.command(cls=Once)
def version() -> None:
    """Print the version."""
    typer.echo(f"keyturn {__version__}")
