"""`keyturn deploy`: read what is brought along, ask where it is serious, say what became of it."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain

import typer
from marshmallow import ValidationError
from rich.text import Text

from keyturn.cli.beside import Level, say, shows_progress
from keyturn.cli.brought_along import BroughtAlong, brought_along
from keyturn.cli.consoles import make_console, say_on
from keyturn.cli.deploy_options import DeployAccounts, Deploying, DeployOptions
from keyturn.cli.exit_codes import FAILED
from keyturn.cli.local_run import now
from keyturn.cli.options import Findings
from keyturn.cli.own_credentials import open_session
from keyturn.cli.session import Declined
from keyturn.cli.streams import can_ask
from keyturn.deployment.model.package import Package
from keyturn.deployment.model.places import Names
from keyturn.deployment.model.template import Template
from keyturn.deployment.model.wanted import (
    FLAG,
    FOUND,
    OPTION_OF,
    DeployRequest,
    Ready,
    stage_of,
)
from keyturn.deployment.steps import DeployStep, StepOutcome
from keyturn.deployment.wiring import Accounts
from keyturn.domain.errors import DeploymentFailed, InvalidValue, PortError
from keyturn.domain.plain_text import shown
from keyturn.domain.stage import PARAMETER, Stage
from keyturn.domain.tag_text import format_utc
from keyturn.settings import UNIT, Settings

CORE = "ASA-iam-key-auto-rotation-and-notifier-solution.yaml"
ALARMS = "ASA-iam-key-auto-rotation-alarms.yaml"
MAIL_EVENTS = "ASA-iam-key-auto-rotation-mail-events.yaml"
CHANNELS = "ASA-iam-key-auto-rotation-channels.yaml"
REPORTS = "ASA-iam-key-auto-rotation-reports.yaml"
MEMBER = "ASA-iam-key-auto-rotation-iam-assumed-roles.yaml"
LISTING = "ASA-iam-key-auto-rotation-list-accounts-role.yaml"
QUESTION = (
    "From the next run on, Keyturn makes, disables and deletes access keys in every account that "
    "it reaches. Go on?"
)
QUESTION_OF_STAGE = (
    "From the next run on, Keyturn makes, disables and deletes access keys in every account that "
    "EnforcedAccounts names, by its id or by a unit above it. Go on?"
)
CHANGES = "This is what would change. Make these changes?"
VERSION = 1
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,120}")
"""CloudFormation's own rule, with room for the name of the alarms beside the core."""


def deploy(accounts: DeployAccounts, wanted: DeployOptions, how: Deploying) -> int:
    """
    Show what would change, ask, and bring it there.

    Raises InvalidValue, which names the option that was wrong, and not the template's parameter.
    """
    try:
        return _deploy(accounts, wanted, how)
    except InvalidValue as error:
        # These are no options here: "RotationPeriod=100" stays as the templates spell it.
        rule = re.sub(r"\b([A-Z]\w+)=(?=\d)", r"\1 ", error.rule)
        raise InvalidValue(_option(error.field), error.value, rule) from None


def _deploy(accounts: DeployAccounts, wanted: DeployOptions, how: Deploying) -> int:
    asked = _asked(wanted, enforce=how.enforce)
    asks = not (how.yes or how.dry_run)
    if asks and not can_ask():
        rule = "is needed where there is no terminal to ask on (--dry-run shows the changes)"
        raise InvalidValue("--yes", "", rule)
    names = names_of(accounts)
    source = brought_along(wanted.source)
    package = _package(source, asked)
    deployment = connect(accounts).deploy(package, names)
    ready = deployment.prepare(asked)
    settings = Settings.read({**ready.core.whole, "AWS_REGION": deployment.security.region})
    progress = _Progress(how)
    progress.warn(settings.policy.warnings)
    if asks:
        preview = _Progress(how, aside=True)
        preview.show_all(deployment.steps(ready))
        stage = stage_of(ready.core.whole)
        question = QUESTION if stage is None or stage.is_everywhere else QUESTION_OF_STAGE
        if preview.finds_changes and not typer.confirm(
            f"Templates and code come from {shown(source.place)}. "
            f"{question if ready.begins_to_enforce else CHANGES}",
            err=True,
        ):
            raise Declined("nothing was done")
    try:
        if how.dry_run:
            done = progress.show_all(deployment.steps(ready))
        else:
            done = progress.take_all(chain(deployment.steps(ready), [deployment.proof()]))
    finally:
        progress.write_json()
    progress.close(ready)
    return 0 if done else FAILED


def connect(accounts: DeployAccounts) -> Accounts:
    """Both accounts' credentials; the management account's are the same, unless given."""
    security = open_session(accounts.profile, accounts.region)
    management = open_session(
        accounts.management_profile or accounts.profile,
        security.region_name,
        "--management-profile",
    )
    return Accounts(security=security, management=management)


def names_of(accounts: DeployAccounts) -> Names:
    """What the stacks are called. Raises InvalidValue for what can be no stack's name."""
    for option, name in (
        ("--core-stack", accounts.core_stack),
        ("--member-stack", accounts.member_stack),
        ("--list-stack", accounts.list_stack),
    ):
        if not _STACK.fullmatch(name):
            rule = "must be a letter, then letters, digits and hyphens, at most 121 in all"
            raise InvalidValue(option, name, rule)
    return Names(
        core=accounts.core_stack, member=accounts.member_stack, listing=accounts.list_stack
    )


def _asked(wanted: DeployOptions, *, enforce: bool) -> DeployRequest:
    for option, value in (
        ("--bucket", wanted.bucket),
        ("--prefix", wanted.prefix),
        ("--admin", wanted.admin),
        ("--org-id", wanted.org_id),
    ):
        if value == "":
            # An unset variable in a script, most likely; it must not become the default.
            raise InvalidValue(option, "", "must not be empty")
    for unit in wanted.ou or ():
        try:
            UNIT(unit)
        except ValidationError:
            raise InvalidValue("--ou", unit, str(UNIT.error)) from None
    return DeployRequest(
        bucket=wanted.bucket,
        prefix=wanted.prefix,
        admin=wanted.admin,
        organization=wanted.org_id,
        units=tuple(wanted.ou or ()),
        parameters=_parameters(wanted, enforce=enforce),
        enforce=enforce,
    )


def _parameters(wanted: DeployOptions, *, enforce: bool) -> Mapping[str, str]:
    """What is given as parameters, and by options that stand for some of them."""
    found = _parameters_given(wanted.parameter or (), enforce=enforce)
    if (stage := wanted.enforced_accounts) is not None:
        if "" in stage:
            raise InvalidValue("--enforced-accounts", "", "must not be empty")
        if PARAMETER in found:
            rule = f"goes without --parameter {PARAMETER}"
            raise InvalidValue("--enforced-accounts", ",".join(stage), rule)
        found[PARAMETER] = ",".join(stage)
    if (preset := wanted.preset) is not None:
        for name, days in preset.periods.items():
            if name in found:
                raise InvalidValue("--preset", preset, f"goes without --parameter {name}")
            found[name] = str(days)
    return found


def _parameters_given(given: Iterable[str], *, enforce: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidValue("--parameter", each, "must be NAME=VALUE")
        if name in OPTION_OF:
            raise InvalidValue("--parameter", name, f"has an option of its own: {OPTION_OF[name]}")
        if name in FOUND:
            raise InvalidValue("--parameter", name, f"cannot be chosen: {FOUND[name]}")
        if name == FLAG and value.lower() == "false":
            raise InvalidValue("--parameter", each, "is what --enforce is for")
        if name == FLAG and enforce:
            raise InvalidValue("--parameter", each, "contradicts --enforce")
        if name in found:
            raise InvalidValue("--parameter", name, "is given twice")
        found[name] = value
    return found


def _package(source: BroughtAlong, asked: DeployRequest) -> Package:
    """What is brought along; what was asked for is checked as soon as the templates are read."""
    core, alarms, mail_events, channels, reports, member, listing = (
        Template.read(source.template(name))
        for name in (CORE, ALARMS, MAIL_EVENTS, CHANNELS, REPORTS, MEMBER, LISTING)
    )
    package = Package(
        core=core,
        alarms=alarms,
        mail_events=mail_events,
        channels=channels,
        reports=reports,
        member=member,
        listing=listing,
    )
    package.check(asked.own)
    return replace(
        package,
        zips={
            each.zip: source.zip(each.zip)
            for template in (core, channels, reports)
            for each in template.functions
        },
        mails=source.mails(),
    )


def _option(field: str) -> str:
    """The name under which a value was given."""
    is_parameter = re.fullmatch(r"[A-Z][A-Za-z0-9]+", field) is not None
    return OPTION_OF.get(field, f"--parameter {field}") if is_parameter else field


class _Progress:
    """
    How the steps go on, as the operator sees it: a line for each, and on a terminal what it is at.

    aside: on standard error, for what is only a question's reason.
    """

    def __init__(self, how: Deploying, *, aside: bool = False) -> None:
        self._err = make_console(stderr=True, highlight=False)
        self._out = self._err if aside else make_console(highlight=False)
        self._is_json = how.format is Findings.JSON and not aside
        self._dry_run = how.dry_run
        self._at = now()
        self._done: list[tuple[str, StepOutcome | None, str | None]] = []

    @property
    def finds_changes(self) -> bool:
        """Whether a step changes something, or could not say."""
        return any(outcome is None or outcome.changed for _, outcome, _ in self._done)

    def show_all(self, steps: Iterable[DeployStep]) -> bool:
        """Say what the steps would do; whether all could say it."""
        return self._do_all(steps, DeployStep.show)

    def take_all(self, steps: Iterable[DeployStep]) -> bool:
        """Take the steps in their order; whether all succeeded."""
        return self._do_all(steps, DeployStep.take)

    def _do_all(
        self, steps: Iterable[DeployStep], do: Callable[[DeployStep], StepOutcome]
    ) -> bool:
        failed = [step for step in steps if not self._do(step, do)]
        return not failed

    def _do(self, step: DeployStep, do: Callable[[DeployStep], StepOutcome]) -> bool:
        """Do it with a step, and say what became of it; whether it succeeded. A vital one must."""
        title = shown(step.title)
        busy = self._err.status(Text(title)) if shows_progress() else nullcontext()
        try:
            with busy:
                outcome = do(step)
        except (DeploymentFailed, PortError) as error:
            self._done.append((step.title, None, str(error)))
            if step.is_vital:
                raise DeploymentFailed(f"{title}: {error}") from error
            say_on(self._err, f"{title}: {error}", Level.ERROR)
            return False
        self._done.append((step.title, outcome, None))
        if not self._is_json:
            self._line(title, outcome)
        return True

    def _line(self, title: str, outcome: StepOutcome) -> None:
        style = "green" if outcome.changed else "dim"
        line = Text.assemble(title, ": ", (outcome.said, style))
        self._out.print(line, soft_wrap=True)
        for each in outcome.details:
            self._out.print(Text(f"  {shown(each)}"), soft_wrap=True)

    def write_json(self) -> None:
        """Write what became of every step so far, for programs."""
        if not self._is_json:
            return
        document = {
            "version": VERSION,
            "generated_at": format_utc(self._at),
            "dry_run": self._dry_run,
            "steps": [
                {
                    "step": title,
                    "said": outcome.said if outcome else None,
                    "changed": outcome.changed if outcome else None,
                    "details": list(outcome.details) if outcome else [],
                    "failed": failed,
                }
                for title, outcome, failed in self._done
            ],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")

    def warn(self, warnings: Iterable[str]) -> None:
        """Say what is allowed, but deserves a second thought, before anything is done."""
        for each in warnings:
            say_on(self._err, f"warning: {each}", Level.WARNING)

    def close(self, ready: Ready) -> None:
        """Say where Keyturn stands now, and what comes next."""
        if self._dry_run:
            say("Nothing was written. Without --dry-run it is done.")
            return
        match stage_of(ready.core.whole):
            case None:
                state = "is in its dry run: it writes to no key and no secret"
            case Stage(is_everywhere=True):
                state = "enforces"
            case _:
                state = f"enforces in the accounts of {PARAMETER}; the others stay in dry run"
        say(f"Keyturn {state}. `keyturn doctor` looks the deployment over.")
