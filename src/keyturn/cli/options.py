"""
The options of the command line, in groups that several commands share.

A command takes a group as one argument; `with_groups` spreads it into the options that Typer
sees. Options that are settings are read by the settings' own rules, under the parameter's
name; what is refused is answered in the option's name.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from keyturn.domain.errors import InvalidValue
from keyturn.domain.policy import RotationPolicy
from keyturn.entrypoints.order import Order

_POLICY = RotationPolicy()
_WHICH = "Which accounts and users"
_PERIODS = "Policy"
_OUTPUT = "Output"
_TELLING = "Notices and receipts"
_ORDER = "What is done"
_STACKS = "Stacks"
_WANTED = "What is wanted"

PARAMETERS = {
    "role_name": "IAMRoleName",
    "ou": "InventoryOU",
    "not_account": "ExcludedAccounts",
    "not_ou": "ExcludedUnits",
    "external_id": "ExternalId",
    "org_list_role": "OrgListRole",
    "org_list_account": "OrgListAccount",
    "region": "HomeRegion",
    "rotation_period": "RotationPeriod",
    "inactive_period": "InactivePeriod",
    "recovery_grace_period": "RecoveryGracePeriod",
    "warn_days": "WarnDays",
    "unused_period": "UnusedPeriod",
    "hold_if_used_within": "HoldIfUsedWithin",
    "max_hold": "MaxHold",
    "retire_in_use": "RetireInUse",
    "max_keys_per_day": "MaxKeysPerDay",
    "max_percent_per_day": "MaxPercentPerDay",
    "spread_days": "SpreadDays",
    "parallel_users": "ParallelUsers",
    "exemption_group": "IAMExemptionGroup",
    "allow_missing_group": "AllowMissingExemptionGroup",
    "report_root_keys": "ReportRootKeys",
    "owner_tag": "ResourceOwnerTag",
    "secrets_kms_key": "SecretsKmsKey",
    "seal_key": "SealKey",
    "bucket": "S3BucketName",
    "prefix": "S3BucketPrefix",
    "bus": "EventBusName",
    "admin": "AdminEmailAddress",
    "mail_region": "MailRegion",
}
"""The parameter of each option that is a setting."""


class Format(StrEnum):
    """How a plan is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    EXCEL = "excel"


class Findings(StrEnum):
    """How an answer is written that is no list of keys."""

    TABLE = "table"
    JSON = "json"


class Channel(StrEnum):
    """How people are told."""

    BUS = "bus"
    SES = "ses"


def _opt(name: str, help_: str, panel: str, metavar: str | None = None) -> Any:  # noqa: ANN401 -- so does typer.Option
    return typer.Option(*name.split(), help=help_, metavar=metavar, rich_help_panel=panel)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """Which accounts are looked at, and with whose credentials."""

    profile: Annotated[
        str | None, _opt("--profile", "The AWS profile to start from.", _WHICH, "NAME")
    ] = None
    region: Annotated[
        str | None,
        _opt(
            "--region",
            "The region of the users' secrets; else AWS_REGION's, AWS_DEFAULT_REGION's or the "
            "profile's.",
            _WHICH,
            "REGION",
        ),
    ] = None
    deployed: Annotated[
        bool,
        _opt(
            "--deployed",
            "Take all settings from the functions that are deployed in the account of --profile. "
            "Options given here override it.",
            _WHICH,
        ),
    ] = False
    role_name: Annotated[
        str | None,
        _opt(
            "--role-name",
            "The role to assume in each account of the organisation. "
            "Without it: your own account, with your own credentials.",
            _WHICH,
            "ROLE",
        ),
    ] = None
    account: Annotated[
        list[str] | None, _opt("--account", "Only this account; repeatable.", _WHICH, "ID")
    ] = None
    not_account: Annotated[
        list[str] | None,
        _opt("--not-account", "Leave this account out; repeatable.", _WHICH, "ID"),
    ] = None
    ou: Annotated[
        list[str] | None,
        _opt(
            "--ou",
            "Only accounts of this organisational unit and below; repeatable.",
            _WHICH,
            "ID",
        ),
    ] = None
    not_ou: Annotated[
        list[str] | None,
        _opt(
            "--not-ou",
            "Leave out the accounts of this unit and below; repeatable.",
            _WHICH,
            "ID",
        ),
    ] = None
    external_id: Annotated[
        str | None,
        _opt(
            "--external-id",
            "The external id that the roles' trust policies ask for.",
            _WHICH,
            "ID",
        ),
    ] = None
    org_list_role: Annotated[
        str | None,
        _opt(
            "--org-list-role",
            "The role that reads Organizations, where your credentials may not.",
            _WHICH,
            "ROLE",
        ),
    ] = None
    org_list_account: Annotated[
        str | None,
        _opt("--org-list-account", "The account of that role: the management one.", _WHICH, "ID"),
    ] = None
    parallel: Annotated[
        int, _opt("--parallel", "How many accounts side by side.", _WHICH, "N")
    ] = 8
    parallel_users: Annotated[
        str | None,
        _opt("--parallel-users", "How many users of each account side by side (8).", _WHICH, "N"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Which users are looked at."""

    user: Annotated[
        list[str] | None, _opt("--user", "Only this user; repeatable.", _WHICH, "NAME")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The policy, and what tells what was done before."""

    rotation_period: Annotated[
        str | None,
        _opt(
            "--rotation-period",
            f"The age at which a key is rotated ({_POLICY.rotation_period}).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    inactive_period: Annotated[
        str | None,
        _opt(
            "--inactive-period",
            f"The age at which it is disabled ({_POLICY.inactive_period}).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    recovery_grace_period: Annotated[
        str | None,
        _opt(
            "--recovery-grace-period",
            f"How long it then lies there before it is deleted ({_POLICY.recovery_grace_period}).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    warn_days: Annotated[
        str | None,
        _opt(
            "--warn-days",
            "How many days before its rotation an owner is warned "
            f"({','.join(map(str, _POLICY.warn_days))}).",
            _PERIODS,
            "DAYS,…",
        ),
    ] = None
    unused_period: Annotated[
        str | None,
        _opt(
            "--unused-period",
            "A key unused for so long is retired instead of rotated (off).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    hold_if_used_within: Annotated[
        str | None,
        _opt(
            "--hold-if-used-within",
            "Disabling waits while the key was used within so many days (off).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    max_hold: Annotated[
        str | None,
        _opt("--max-hold", f"How long it waits at most ({_POLICY.max_hold}).", _PERIODS, "DAYS"),
    ] = None
    retire_in_use: Annotated[
        bool,
        _opt("--retire-in-use", "Of two keys that are both in use, retire the older.", _PERIODS),
    ] = False
    max_keys_per_day: Annotated[
        str | None,
        _opt(
            "--max-keys-per-day",
            "How many keys of an account may be disabled or deleted in one day "
            f"({_POLICY.max_keys_per_day}) …",
            _PERIODS,
            "KEYS",
        ),
    ] = None
    max_percent_per_day: Annotated[
        str | None,
        _opt(
            "--max-percent-per-day",
            f"… or what part of them, whichever is more ({_POLICY.max_percent_per_day}).",
            _PERIODS,
            "PERCENT",
        ),
    ] = None
    spread_days: Annotated[
        str | None,
        _opt(
            "--spread-days",
            "Over how many days the rotation of keys that are found old is spread "
            f"({_POLICY.spread_days}).",
            _PERIODS,
            "DAYS",
        ),
    ] = None
    exemption_group: Annotated[
        str | None,
        _opt(
            "--exemption-group",
            "The IAM group whose members are left alone (IAMKeyRotationExemptionGroup).",
            _PERIODS,
            "GROUP",
        ),
    ] = None
    allow_missing_group: Annotated[
        bool,
        _opt(
            "--allow-missing-group",
            "Write also in accounts that have no such group.",
            _PERIODS,
        ),
    ] = False
    report_root_keys: Annotated[
        bool,
        _opt("--report-root-keys", "Say where the root user has access keys.", _PERIODS),
    ] = False
    owner_tag: Annotated[
        str | None,
        _opt(
            "--owner-tag",
            "The tag of an IAM user that holds the owner's address.",
            _TELLING,
            "TAG",
        ),
    ] = None
    secrets_kms_key: Annotated[
        str | None,
        _opt(
            "--secrets-kms-key",
            "The KMS key that the users' secrets lie under (aws/secretsmanager).",
            _PERIODS,
            "KEY",
        ),
    ] = None
    seal_key: Annotated[
        str | None,
        _opt(
            "--seal-key",
            "The KMS key (HMAC_256) in your own account that seals the users' secrets; a run that "
            "writes needs it.",
            _PERIODS,
            "KEY",
        ),
    ] = None
    bucket: Annotated[
        str | None,
        _opt("--bucket", "The bucket that holds the receipts of notices.", _TELLING, "NAME"),
    ] = None
    prefix: Annotated[
        str | None, _opt("--prefix", "Where in the bucket they lie.", _TELLING, "PREFIX")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the answer goes, and in which form."""

    format: Annotated[Format, _opt("--format", "How it is written.", _OUTPUT)] = Format.TABLE
    output: Annotated[
        Path | None,
        _opt(
            "-o --output",
            "Write to a file, whole or not at all; - is standard output.",
            _OUTPUT,
            "FILE",
        ),
    ] = None
    all: Annotated[
        bool, _opt("--all", "In a table, list also the keys that need nothing now.", _OUTPUT)
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a plan is shown, and in which order."""

    owners: Annotated[
        bool,
        _opt(
            "--owners",
            "Look up the owner of every key, and show it; else of what is due or blocked alone.",
            _OUTPUT,
        ),
    ] = False
    secrets: Annotated[
        bool,
        _opt(
            "--secrets",
            "List the secrets without a living user, too: users who were deleted or renamed.",
            _OUTPUT,
        ),
    ] = False
    summary: Annotated[
        bool, _opt("--summary", "A line for each account, instead of its keys.", _OUTPUT)
    ] = False
    sort: Annotated[
        Order, _opt("--sort", "What the keys are sorted by: the oldest first, and so on.", _OUTPUT)
    ] = Order.ACCOUNT
    state: Annotated[
        list[str] | None,
        _opt(
            "--state",
            "Show only keys in this state (ACTIVE, ROTATED, DISABLED; EXEMPT, BLOCKED, …); "
            "repeatable.",
            _OUTPUT,
            "STATE",
        ),
    ] = None
    action: Annotated[
        list[str] | None,
        _opt(
            "--action",
            "Show only keys of which this is due (ROTATE, DISABLE, …); repeatable.",
            _OUTPUT,
            "ACTION",
        ),
    ] = None
    reason: Annotated[
        list[str] | None,
        _opt(
            "--reason",
            "Show only keys with this reason, as JSON has it; repeatable.",
            _OUTPUT,
            "WORD",
        ),
    ] = None
    over_age: Annotated[
        str | None,
        _opt("--over-age", "Show only keys that are older than so many days.", _OUTPUT, "DAYS"),
    ] = None
    exit_code: Annotated[
        bool,
        _opt("--exit-code", "Leave with 3 if something that is shown is due.", _OUTPUT),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How people are told of a run."""

    notify: Annotated[
        Channel | None,
        _opt(
            "--notify",
            "Tell people: ses sends the mails from here, bus leaves them to the notifier. "
            "Without it nobody is told, and a run takes no step that needs a notice.",
            _TELLING,
        ),
    ] = None
    bus: Annotated[
        str | None, _opt("--bus", "The event bus, for --notify bus.", _TELLING, "NAME")
    ] = None
    admin: Annotated[
        str | None,
        _opt(
            "--admin",
            "The administrators' address: it is told of everything, and mails come from it.",
            _TELLING,
            "ADDRESS",
        ),
    ] = None
    mail_region: Annotated[
        str | None,
        _opt("--mail-region", "The region of SES, for --notify ses.", _TELLING, "REGION"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What every operator's command is asked for."""

    enforce: Annotated[
        bool, _opt("--enforce", "Do it. Without it, only show what would be done.", _ORDER)
    ] = False
    yes: Annotated[bool, _opt("--yes -y", "Do not ask first.", _ORDER)] = False
    reason: Annotated[
        str | None, _opt("--reason", "Why, for the audit entry.", _ORDER, "TEXT")
    ] = None
    even_paused: Annotated[
        bool, _opt("--even-paused", "Also while Keyturn is paused.", _ORDER)
    ] = False
    format: Annotated[Findings, _opt("--format", "How the answer is written.", _OUTPUT)] = (
        Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """What the commands are asked for that stop all writes, and let them go on."""

    deployed: Annotated[
        bool,
        _opt(
            "--deployed",
            "Take bucket and prefix from the functions that are deployed in the account of "
            "--profile.",
            _ORDER,
        ),
    ] = False
    bucket: Annotated[
        str | None, _opt("--bucket", "Keyturn's bucket, in which all runs look.", _ORDER, "NAME")
    ] = None
    prefix: Annotated[
        str | None, _opt("--prefix", "Keyturn's prefix in that bucket.", _ORDER, "PREFIX")
    ] = None
    profile: Annotated[
        str | None, _opt("--profile", "The AWS profile to start from.", _ORDER, "NAME")
    ] = None
    region: Annotated[
        str | None, _opt("--region", "The region; else AWS_REGION's.", _ORDER, "REGION")
    ] = None
    reason: Annotated[
        str | None, _opt("--reason", "Why: shown to whoever is held up.", _ORDER, "TEXT")
    ] = None
    enforce: Annotated[
        bool, _opt("--enforce", "Do it. Without it, only say how things stand.", _ORDER)
    ] = False
    yes: Annotated[bool, _opt("--yes -y", "Do not ask first.", _ORDER)] = False
    format: Annotated[Findings, _opt("--format", "How the answer is written.", _OUTPUT)] = (
        Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployAccounts:
    """The two accounts that a deployment stands in, and what its stacks are called."""

    profile: Annotated[
        str | None, _opt("--profile", "The AWS profile of the security account.", _WHICH, "NAME")
    ] = None
    management_profile: Annotated[
        str | None,
        _opt(
            "--management-profile",
            "The AWS profile of the management account. Without it: the same.",
            _WHICH,
            "NAME",
        ),
    ] = None
    region: Annotated[
        str | None,
        _opt("--region", "The region of the core stack; else AWS_REGION's.", _WHICH, "REGION"),
    ] = None
    core_stack: Annotated[str, _opt("--core-stack", "The core stack's name.", _STACKS, "NAME")] = (
        "iam-key-auto-rotation"
    )
    member_stack: Annotated[
        str,
        _opt(
            "--member-stack", "The name of the stack set and the member stacks.", _STACKS, "NAME"
        ),
    ] = "asa-iam-rotation-member-role"
    list_stack: Annotated[
        str, _opt("--list-stack", "The name of the stack of the list role.", _STACKS, "NAME")
    ] = "asa-iam-rotation-list-accounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """What a deployment is to be like."""

    bucket: Annotated[
        str | None,
        _opt("--bucket", "The bucket for zips and receipts; made if need be.", _WANTED, "NAME"),
    ] = None
    prefix: Annotated[
        str | None, _opt("--prefix", "The folder in it that is Keyturn's.", _WANTED, "PREFIX")
    ] = None
    admin: Annotated[
        str | None,
        _opt(
            "--admin",
            "The administrators' address: it is told of everything, and mails come from it.",
            _WANTED,
            "ADDRESS",
        ),
    ] = None
    org_id: Annotated[
        str | None,
        _opt("--org-id", "Refuse any other organisation than this.", _WANTED, "ID"),
    ] = None
    ou: Annotated[
        list[str] | None,
        _opt("--ou", "A unit whose accounts get the member role; repeatable.", _WANTED, "ID"),
    ] = None
    parameter: Annotated[
        list[str] | None,
        _opt(
            "--parameter",
            "A parameter of the templates; repeatable. What is not given stays as it is.",
            _WANTED,
            "NAME=VALUE",
        ),
    ] = None
    source: Annotated[
        Path,
        _opt(
            "--source", "The folder with CloudFormation/, Lambda/ and template/.", _WANTED, "DIR"
        ),
    ] = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """How a deployment is gone about."""

    enforce: Annotated[
        bool, _opt("--enforce", "End Keyturn's own dry run: DryRunFlag=False.", _WANTED)
    ] = False
    yes: Annotated[bool, _opt("--yes -y", "Do not ask first.", _ORDER)] = False
    dry_run: Annotated[
        bool, _opt("--dry-run", "Show what would change, and change nothing.", _ORDER)
    ] = False
    format: Annotated[
        Findings, _opt("--format", "How it is written what became of each step.", _OUTPUT)
    ] = Findings.TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """How a deployment is looked over, and how the findings are written."""

    role_name: Annotated[
        str | None,
        _opt(
            "--role-name",
            "A role that may look, in each account, and trusts the management account. "
            "Without it: the member role.",
            _WHICH,
            "ROLE",
        ),
    ] = None
    format: Annotated[Findings, _opt("--format", "How the findings are written.", _OUTPUT)] = (
        Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """How an explanation is written."""

    format: Annotated[Findings, _opt("--format", "How the answer is written.", _OUTPUT)] = (
        Findings.TABLE
    )


def given(*groups: object) -> dict[str, object]:
    """
    The settings among the options that were given: parameter → value.

    Raises InvalidValue for an option that is empty: mostly a script's variable that is not set.
    """
    found: dict[str, object] = {}
    for group in groups:
        for each in fields(group):  # type: ignore[arg-type]  # every group is a dataclass
            value = getattr(group, each.name)
            if value == "" or (isinstance(value, list) and "" in value):
                # An unset variable in a script, most likely; it must not become the default.
                raise InvalidValue(_option(each.name), "", "must not be empty")
            if each.name in PARAMETERS and value not in (None, False, []):
                several = isinstance(value, list)
                found[PARAMETERS[each.name]] = ",".join(value) if several else value
    return found


def as_given(error: InvalidValue, given: Mapping[str, object], other: str) -> InvalidValue:
    """
    Complain of what was given, and not of what it contradicts and nobody typed.

    other: what that is.
    """
    rotation = given.get("RotationPeriod")
    if error.field != "InactivePeriod" or "InactivePeriod" in given or rotation is None:
        return error
    rule = f"must be less than InactivePeriod={error.value}, {other}"
    return InvalidValue("RotationPeriod", rotation, rule)


def in_options_words(error: InvalidValue) -> str:
    """What was refused, by the name under which it was given."""
    options = {parameter: _option(name) for name, parameter in PARAMETERS.items()}
    options["account"] = "--account"
    rule = re.sub(
        r"\b(\w+)=",
        lambda found: options.get(found[1], found[1] + "=") + _gap(found[1]),
        error.rule,
    )
    name = options.get(error.field, error.field)
    value = f" {error.value}" if error.value not in {None, ""} else ""
    return f"{name}{value}: {rule}"


def _gap(parameter: str) -> str:
    return " " if parameter in PARAMETERS.values() else ""


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def with_groups(command: Callable[..., int]) -> Callable[..., int]:
    """Spread the groups that a command takes into single options."""
    groups: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and is_dataclass(kind):
            groups[parameter.name] = kind
            parameters += _spread(kind)
        else:
            keyword = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=kind, kind=keyword))

    def spread(**options: object) -> int:
        gathered = {
            name: group(**{each.name: options.pop(each.name) for each in fields(group)})
            for name, group in groups.items()
        }
        return command(**gathered, **options)

    spread.__name__, spread.__doc__ = command.__name__, command.__doc__
    spread.__annotations__ = {each.name: each.annotation for each in parameters}
    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # how inspect is told
    return spread


def _spread(group: type) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for each in fields(group):
        yield inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
