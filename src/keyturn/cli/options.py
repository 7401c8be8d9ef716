"""
The options of the command line, in groups that several commands share.

A command takes a group as one argument; `with_groups` spreads it into the options that Typer
sees. An option that is a setting is made by `option_of` of the parameter's own description
(domain/policy.py, configuration.py), any other by `option` or `flag` of what stands here.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from keyturn.cli.sorting import SortBy
from keyturn.configuration import BY_NAME
from keyturn.domain.parameter import Topic
from keyturn.domain.policy import Preset

WHICH = Topic.ACCOUNTS
TELLING = Topic.NOTICES
OUTPUT = "Output"
ORDER = "What is done"
PRESET_HELP = (
    "The three periods at once, by the ages at which a key is rotated, disabled and deleted. Goes "
    "without an option of one of them."
)


class PlanFormat(StrEnum):
    """How a plan, or what became of it, is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    EXCEL = "excel"
    MARKDOWN = "markdown"


class Format(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    EXCEL = "excel"


class Findings(StrEnum):
    """How an answer is written that is no list of keys."""

    TABLE = "table"
    JSON = "json"


class NotifyBy(StrEnum):
    """How people are told."""

    BUS = "bus"
    SES = "ses"


def option(
    names: str,
    help_: str,
    panel: str,
    metavar: str | None = None,
    *,
    default: object = None,
) -> Any:  # noqa: ANN401 -- as dataclasses.field
    """Make the field of an option: --name, or -n --name."""
    typer_option = typer.Option(*names.split(), help=help_, metavar=metavar, rich_help_panel=panel)
    return field(default=default, metadata={"option": typer_option})


def flag(names: str, help_: str, panel: str) -> Any:  # noqa: ANN401 -- as above
    """Make the field of an option that is given or not."""
    return option(names, help_, panel, default=False)


def option_of(parameter: str) -> Any:  # noqa: ANN401 -- as above
    """
    Make the field of the option that stands for a parameter, of the parameter's description.

    It has no default of its own: what is not given is not set.
    """
    described = BY_NAME[parameter]
    default = False if isinstance(described.default, bool) else None
    return option(
        described.option or "",
        described.help_text,
        described.topic,
        described.metavar,
        default=default,
    )


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
    hints = get_type_hints(group)
    for each in fields(group):
        yield inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=Annotated[hints[each.name], each.metadata["option"]],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """Which accounts are looked at, and with whose credentials."""

    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option_of("HomeRegion")
    deployed: bool = flag(
        "--deployed",
        "Take all settings from the functions that are deployed in the account of --profile. "
        "Options given here override it.",
        WHICH,
    )
    role_name: str | None = option_of("IAMRoleName")
    account: list[str] | None = option("--account", "Only this account; repeatable.", WHICH, "ID")
    not_account: list[str] | None = option_of("ExcludedAccounts")
    ou: list[str] | None = option_of("InventoryOU")
    not_ou: list[str] | None = option_of("ExcludedUnits")
    external_id: str | None = option_of("ExternalId")
    org_list_role: str | None = option_of("OrgListRole")
    org_list_account: str | None = option_of("OrgListAccount")
    parallel: int = option("--parallel", "How many accounts side by side.", WHICH, "N", default=16)
    parallel_users: str | None = option_of("ParallelUsers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Which users are looked at."""

    user: list[str] | None = option("--user", "Only this user; repeatable.", WHICH, "NAME")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """Where a run that enforces does so."""

    enforced_accounts: list[str] | None = option_of("EnforcedAccounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersFileOptions:
    """An owners file of this machine."""

    owners_file: Path | None = option(
        "--owners-file",
        "Who answers for which users by this file, .yaml or .csv, and not by the bucket's.",
        TELLING,
        "PATH",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """
    The parameters that decide what becomes of a key, from the facts of a snapshot alone.

    What is played from snapshots takes these, and refuses every other (tests/use_cases/
    test_what_is_played.py).
    """

    preset: Preset | None = option("--preset", PRESET_HELP, Topic.POLICY)
    rotation_period: str | None = option_of("RotationPeriod")
    inactive_period: str | None = option_of("InactivePeriod")
    recovery_grace_period: str | None = option_of("RecoveryGracePeriod")
    warn_days: str | None = option_of("WarnDays")
    unused_period: str | None = option_of("UnusedPeriod")
    hold_if_used_within: str | None = option_of("HoldIfUsedWithin")
    max_hold: str | None = option_of("MaxHold")
    retire_in_use: bool = option_of("RetireInUse")
    max_keys_per_day: str | None = option_of("MaxKeysPerDay")
    max_percent_per_day: str | None = option_of("MaxPercentPerDay")
    spread_days: str | None = option_of("SpreadDays")
    rotate_early_days: str | None = option_of("RotateEarlyDays")
    max_exemption: str | None = option_of("MaxExemption")
    max_deferral: str | None = option_of("MaxDeferral")
    proof_of_notice: str | None = option_of("ProofOfNotice")
    proving_channel: list[str] | None = option_of("ProvingChannels")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOptions(RuleOptions):
    """The policy, and what tells what was done before."""

    exemption_group: str | None = option_of("IAMExemptionGroup")
    allow_missing_group: bool = option_of("AllowMissingExemptionGroup")
    end_exemptions: bool = option_of("EndExemptions")
    remove_secrets_after: str | None = option_of("RemoveSecretsAfter")
    report_root_keys: bool = option_of("ReportRootKeys")
    report_quarantine: bool = option_of("ReportQuarantine")
    owner_tag: str | None = option_of("ResourceOwnerTag")
    allowed_owner_domain: list[str] | None = option_of("AllowedOwnerDomains")
    read_alternate_contacts: bool = option_of("ReadAlternateContacts")
    read_cloudtrail: bool = option_of("ReadCloudTrail")
    secrets_kms_key: str | None = option_of("SecretsKmsKey")
    seal_key: str | None = option_of("SealKey")
    smtp_user: list[str] | None = option_of("SmtpUsers")
    smtp_region: list[str] | None = option_of("SmtpRegions")
    bucket: str | None = option_of("S3BucketName")
    prefix: str | None = option_of("S3BucketPrefix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the answer goes, and in which form."""

    format: PlanFormat = option(
        "--format",
        "How it is written; markdown for the page of a CI job.",
        OUTPUT,
        default=PlanFormat.TABLE,
    )
    output: Path | None = option(
        "-o --output",
        "Write to a file, whole or not at all; - is standard output.",
        OUTPUT,
        "FILE",
    )
    all: bool = flag("--all", "In a table, list also the keys that need nothing now.", OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a plan is shown, and in which order."""

    owners: bool = flag(
        "--owners",
        "Look up the owner of every key, and show it; else of what is due or blocked alone.",
        OUTPUT,
    )
    secrets: bool = flag(
        "--secrets",
        "List the secrets without a living user, too: users who were deleted or renamed.",
        OUTPUT,
    )
    summary: bool = flag("--summary", "A line for each account, instead of its keys.", OUTPUT)
    sort: SortBy = option(
        "--sort",
        "What the keys are sorted by: the oldest first, and so on.",
        OUTPUT,
        default=SortBy.ACCOUNT,
    )
    state: list[str] | None = option(
        "--state",
        "Show only keys in this state (ACTIVE, ROTATED, DISABLED; EXEMPT, BLOCKED, …); "
        "repeatable.",
        OUTPUT,
        "STATE",
    )
    action: list[str] | None = option(
        "--action",
        "Show only keys of which this is due (ROTATE, DISABLE, …); repeatable.",
        OUTPUT,
        "ACTION",
    )
    reason: list[str] | None = option(
        "--reason", "Show only keys with this reason, as JSON has it; repeatable.", OUTPUT, "WORD"
    )
    over_age: str | None = option(
        "--over-age", "Show only keys that are older than so many days.", OUTPUT, "DAYS"
    )
    exit_code: bool = flag(
        "--exit-code", "Leave with 3 if something that is shown is due.", OUTPUT
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstOptions:
    """What a plan is compared with."""

    against: str | None = option(
        "--against",
        "Show what the parameters given here would change: by a snapshot alone, a folder of "
        "them, or, with --bucket or --deployed, of a day (YYYY-MM-DD) or the newest (newest).",
        WHICH,
        "SNAPSHOT",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOptions:
    """How people are told of a run."""

    notify: NotifyBy | None = option(
        "--notify",
        "Tell people: ses sends the mails from here, bus leaves them to the notifier. "
        "Without it nobody is notified, and a run takes no step that needs a notice.",
        TELLING,
    )
    bus: str | None = option_of("EventBusName")
    admin: str | None = option_of("AdminEmailAddress")
    mail_region: str | None = option_of("MailRegion")
    configuration_set: str | None = option_of("ConfigurationSet")
    organization_name: str | None = option_of("OrganizationName")
    help_link: str | None = option_of("HelpLink")
    mail_subject_prefix: str | None = option_of("MailSubjectPrefix")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOptions:
    """What every operator's command is asked for."""

    enforce: bool = flag("--enforce", "Do it. Without it, only show what would be done.", ORDER)
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)
    reason: str | None = option("--reason", "Why, for the audit entry.", ORDER, "TEXT")
    even_paused: bool = flag("--even-paused", "Also while Keyturn is paused.", ORDER)
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseOptions:
    """What the commands are asked for that stop all writes, and let them go on."""

    deployed: bool = flag(
        "--deployed",
        "Take bucket and prefix from the functions that are deployed in the account of --profile.",
        ORDER,
    )
    bucket: str | None = option(
        "--bucket", "Keyturn's bucket, in which all runs look.", ORDER, "NAME"
    )
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", ORDER, "PREFIX")
    profile: str | None = option("--profile", "The AWS profile to start from.", ORDER, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", ORDER, "REGION")
    reason: str | None = option("--reason", "Why: shown to those who are held up.", ORDER, "TEXT")
    enforce: bool = flag("--enforce", "Do it. Without it, only say how things stand.", ORDER)
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachableOptions:
    """Where an address is marked, and whether its mark is lifted."""

    deployed: bool = flag(
        "--deployed",
        "Of the functions that are deployed in the account of --profile.",
        ORDER,
    )
    bucket: str | None = option("--bucket", "Without functions: the bucket.", ORDER, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", ORDER, "PREFIX")
    mail_region: str | None = option_of("MailRegion")
    profile: str | None = option("--profile", "The AWS profile to start from.", ORDER, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", ORDER, "REGION")
    reason: str | None = option("--reason", "Why: for the audit entry.", ORDER, "TEXT")
    enforce: bool = flag("--enforce", "Do it. Without it, only say how things stand.", ORDER)
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersCheckOptions:
    """Where the owners file is that is in use, and how the answer is written."""

    deployed: bool = flag(
        "--deployed",
        "Check the file that the functions use that are deployed in the account of --profile.",
        WHICH,
    )
    bucket: str | None = option("--bucket", "The bucket that holds the file.", WHICH, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", WHICH, "PREFIX")
    allowed_owner_domain: list[str] | None = option_of("AllowedOwnerDomains")
    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", WHICH, "REGION")
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )

    @property
    def as_accounts(self) -> AccountOptions:
        """The same, for whoever connects."""
        return AccountOptions(profile=self.profile, region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionsOptions:
    """Where the exemptions file is."""

    deployed: bool = flag(
        "--deployed",
        "The file that the functions use that are deployed in the account of --profile.",
        WHICH,
    )
    bucket: str | None = option("--bucket", "The bucket that holds the file.", WHICH, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", WHICH, "PREFIX")
    file: Path | None = option("--file", "A file on this machine instead.", WHICH, "PATH")
    max_exemption: str | None = option_of("MaxExemption")
    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", WHICH, "REGION")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOptions:
    """Which entry of the exemptions file is changed, and whether it is."""

    account: str | None = option("--account", "The account's id.", ORDER, "ID")
    user: str | None = option("--user", "The user's name.", ORDER, "NAME")
    enforce: bool = flag("--enforce", "Do it. Without it, only show the change.", ORDER)
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryOptions:
    """When an exemption ends: one of the two."""

    days: str | None = option("--days", "It ends in so many days from today.", ORDER, "N")
    expiry: str | None = option("--expiry", "It ends on this day, UTC.", ORDER, "YYYY-MM-DD")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestOptions:
    """Which day of which deployment, and how the answer is written."""

    date: str | None = option("--date", "The day, UTC; else today.", WHICH, "YYYY-MM-DD")
    deployed: bool = flag(
        "--deployed",
        "Of the functions that are deployed in the account of --profile, and of all accounts that "
        "they look after.",
        WHICH,
    )
    bucket: str | None = option("--bucket", "The bucket with the snapshots.", WHICH, "NAME")
    prefix: str | None = option("--prefix", "Keyturn's prefix in that bucket.", WHICH, "PREFIX")
    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option("--region", "The region; else AWS_REGION's.", WHICH, "REGION")
    csv: Path | None = option("--csv", "Also write every key into this file.", OUTPUT, "FILE")
    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )

    @property
    def as_accounts(self) -> AccountOptions:
        """The same, for whoever connects."""
        return AccountOptions(profile=self.profile, region=self.region, deployed=self.deployed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """Which days and accounts, and where the page is written."""

    date: str | None = option(
        "--date", "The day, UTC; else the newest with snapshots.", WHICH, "YYYY-MM-DD"
    )
    days: int = option(
        "--days", "Of how many days, up to that one, the history is.", WHICH, "N", default=30
    )
    account: list[str] | None = option(
        "--account", "Only this account; repeatable.", WHICH, "ACCOUNT"
    )
    users_target: str | None = option(
        "--users-target",
        "How many IAM users there are to be at most at the end of the quarter, or by a day.",
        WHICH,
        "N[@YYYY-MM-DD]",
    )
    output: Path | None = option(
        "-o --output", "The HTML file; it is written whole or not at all.", OUTPUT, "FILE"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersShowOptions:
    """The sources of owners, and how they are shown."""

    owner_tag: str | None = option_of("ResourceOwnerTag")
    allowed_owner_domain: list[str] | None = option_of("AllowedOwnerDomains")
    read_alternate_contacts: bool = option_of("ReadAlternateContacts")
    bucket: str | None = option_of("S3BucketName")
    prefix: str | None = option_of("S3BucketPrefix")
    admin: str | None = option_of("AdminEmailAddress")
    missing: bool = flag(
        "--missing",
        "Show only users without a known owner, or with a value that did not serve.",
        OUTPUT,
    )
    format: Format = option("--format", "How it is written.", OUTPUT, default=Format.TABLE)
    output: Path | None = option(
        "-o --output",
        "Write to a file, whole or not at all; - is standard output.",
        OUTPUT,
        "FILE",
    )

    @property
    def as_settings(self) -> SettingOptions:
        """Those that a plan has, too."""
        return SettingOptions(
            owner_tag=self.owner_tag,
            allowed_owner_domain=self.allowed_owner_domain,
            read_alternate_contacts=self.read_alternate_contacts,
            bucket=self.bucket,
            prefix=self.prefix,
        )

    @property
    def as_notices(self) -> NotifyOptions:
        """The last source; nobody is notified."""
        return NotifyOptions(admin=self.admin)


class NoticesTask(StrEnum):
    """What `notices` does."""

    PREVIEW = "preview"
    LINT = "lint"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterheadOptions:
    """Operators' own templates, and what mails say of their sender."""

    templates: Path | None = option(
        "--templates", "For preview: a folder with templates of your own.", OUTPUT, "DIR"
    )
    admin: str | None = option_of("AdminEmailAddress")
    organization_name: str | None = option_of("OrganizationName")
    help_link: str | None = option_of("HelpLink")
    mail_subject_prefix: str | None = option_of("MailSubjectPrefix")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealKeyOptions:
    """Whose next notice is shown, in the place of every notice of a key that is made up."""

    user: str | None = option("--user", "The next notice of each key of this user.", WHICH, "NAME")
    key: str | None = option("--key", "The next notice of this key.", WHICH, "KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOptions:
    """How an explanation is written."""

    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )
