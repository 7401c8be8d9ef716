"""What a deployment is to be like: what was asked for, and the parameters that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keyturn.deployment.model.template import Template
from keyturn.domain.errors import InvalidValue
from keyturn.domain.policy import CopiesToAdmin, ProofOfNotice
from keyturn.domain.recipient import ChannelName
from keyturn.domain.scope import separated
from keyturn.domain.stage import PARAMETER, Stage
from keyturn.domain.users_target import RULE, read_users_target

FLAG: Final = "DryRunFlag"
OPTION_OF: Final[Mapping[str, str]] = {
    "S3BucketName": "--bucket",
    "S3BucketPrefix": "--prefix",
    "AdminEmailAddress": "--admin",
    "AWSOrgID": "--org-id",
}
"""The parameters that have an option of their own."""
FOUND: Final[Mapping[str, str]] = {
    "PrimaryAccountID": "it is the account of --profile",
    "OrgListAccount": "it is the account of --management-profile",
    "PrimaryRegion": "it is the region of --region",
    "CoreRegion": "it is the region of --region",
    "LambdaFolder": "it is named for what the zips hold",
}
"""The parameters that nobody has to give, and why."""


CONFIGURATION_SET: Final = "asa-iam-key-rotation"
"""What SES's configuration set is called, unless the operator says otherwise."""
WITHOUT_SES: Final = frozenset({"aws-cn"})
"""The partitions in which no mail can be sent from."""


ADMIN_DIGEST: Final = "AdminDigest"
ACCOUNT: Final = CopiesToAdmin.ACCOUNT.value
DAILY: Final = CopiesToAdmin.DAILY.value
"""One digest a day for the administrators: what `keyturn deploy` chooses, with who makes it."""
CREATE_LOG_GROUPS: Final = "CreateLogGroups"
"""Whether a stack makes its functions' log groups: False where they were kept."""
CHANNELS: Final = frozenset(
    {
        *("WebhookSecretArn", "SlackTokenSecretArn", "SlackWebhookSecretArn"),
        *("TeamsWebhookSecretArn", "JiraSecretArn"),
    }
)
"""The parameters that switch a channel beside mail on."""


SWITCH_OF: Final[Mapping[ChannelName, str]] = {ChannelName.SLACK: "SlackTokenSecretArn"}
"""Channel beside mail that can prove → the parameter without which it reaches no owner."""


_OF_A_CHANNEL: Final[Mapping[str, frozenset[str]]] = {
    "SlackAdminChannel": frozenset({"SlackTokenSecretArn"}),
    "JiraUrl": frozenset({"JiraSecretArn"}),
    "JiraProject": frozenset({"JiraSecretArn"}),
    "JiraIssueType": frozenset({"JiraSecretArn"}),
    "ChannelSecretsKmsKeyArn": CHANNELS,
}
"""Parameter of a channel → those of which one switches on what it is for."""


PLACE: Final = "SlackAdminChannel"
"""Where the bot reaches the administrators."""


def check_channels(given: Mapping[str, str], channels: Mapping[str, str]) -> None:
    """
    Raises InvalidValue where a channel is half configured.

    What a channel had before it was switched off may stay: it is no mistake of this deployment.

    Args:
        given: parameter → value, by the operator.
        channels: parameter → value, of the channels' stack as it will be; empty: there is none.

    """
    for name, switches in _OF_A_CHANNEL.items():
        if given.get(name) and not any(channels.get(switch) for switch in switches):
            needed = " or ".join(sorted(switches))
            raise InvalidValue(name, given[name], f"needs {needed}: without it it does nothing")
    bot, hook = "SlackTokenSecretArn", "SlackWebhookSecretArn"
    is_new = given.get(bot) or given.get(hook)
    if is_new and channels.get(bot) and channels.get(hook) and not channels.get(PLACE):
        rule = (
            f"needs {PLACE} beside {hook}: the bot takes the webhook's place, and the "
            f"administrators' channel would get nothing (or give {hook}= to switch it off)"
        )
        raise InvalidValue(bot, channels[bot], rule)
    if channels.get("JiraSecretArn") and not channels.get("JiraUrl"):
        secret = channels["JiraSecretArn"]
        raise InvalidValue("JiraSecretArn", secret, "needs JiraUrl: the address of Jira")


def check_proving(core: Mapping[str, str], channels: Mapping[str, str]) -> None:
    """Raises InvalidValue where a channel is to prove (ProvingChannels) that is off."""
    chosen = core.get("ProvingChannels", "")
    for channel, switch in SWITCH_OF.items():
        if channel in separated(chosen) and not channels.get(switch):
            rule = f"needs {switch}: without it nobody is notified by {channel}"
            raise InvalidValue("ProvingChannels", chosen, rule)


def check_users_target(reports: Mapping[str, str]) -> None:
    """Raises InvalidValue where ASA-Reporter would refuse the target: its day may be none."""
    target = reports.get("UsersTarget", "")
    if target and read_users_target(target) is None:
        raise InvalidValue("UsersTarget", target, RULE)


def check_delivery(core: Mapping[str, str]) -> None:
    """Raises InvalidValue where the delivery of a mail is its proof, and nobody hears of any."""
    proof = core.get("ProofOfNotice", "")
    if proof == ProofOfNotice.DELIVERED and not core.get("ConfigurationSet"):
        rule = "needs ConfigurationSet: without it no delivery is reported, and no key ends"
        raise InvalidValue("ProofOfNotice", proof, rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRequest:
    """What the operator gave; None keeps what is there."""

    bucket: str | None = None
    prefix: str | None = None
    admin: str | None = None
    """The administrators' e-mail address, which mails also come from."""
    organization: str | None = None
    """The organisation's id, `o-…`: a check that it is the one that is meant."""
    units: tuple[str, ...] = ()
    """Ids of units that get the member stack; those that have it keep it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Name → value, of any template's parameters."""
    enforce: bool = False
    """Whether DryRunFlag is to become False; otherwise it stays as it is, and begins as True."""

    @property
    def own(self) -> Mapping[str, str]:
        """All that was given: parameter → value."""
        dedicated = {
            "S3BucketName": self.bucket,
            "S3BucketPrefix": self.prefix,
            "AdminEmailAddress": self.admin,
            "AWSOrgID": self.organization,
        }
        given = {name: value for name, value in dedicated.items() if value is not None}
        return {**self.parameters, **given}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The parameters of one stack."""

    values: Mapping[str, str | None]
    """Parameter → what CloudFormation gets; None keeps what it is."""
    whole: Mapping[str, str]
    """Parameter → value as it will be, of each that is not left to its default."""
    changed: tuple[str, ...] = ()
    """What will no longer be as it was, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """All that was found out before the first write."""

    core: Settled
    alarms: Settled
    mail_events: Mapping[str, Settled]
    """The stack that says what became of mails, by region; none without a configuration set."""
    channels: Settled | None
    """The stack of the channels beside mail; None: it is not there, and none is asked for."""
    reports: Settled | None
    """The stack of the administrators' one digest a day; None: not there, and not asked for."""
    listing: Settled
    set: Settled
    members: Mapping[str, Settled]
    """The plain member stack of the management account, by region."""
    units: frozenset[str]
    """Ids of the units that the operator named: those that have the member stack keep it."""
    regions: frozenset[str]
    """Where member stacks go: to the secrets, and to where IAM's events are."""
    is_first: bool
    begins_to_enforce: bool

    @property
    def bucket(self) -> str:
        """The bucket."""
        return self.core.whole["S3BucketName"]

    @property
    def prefix(self) -> str:
        """The folder in it."""
        return self.core.whole["S3BucketPrefix"]


def stage_of(values: Mapping[str, str]) -> Stage | None:
    """Which accounts a core stack of these parameters enforces; None: it is in its dry run."""
    if values.get(FLAG, "True").lower() != "false":
        return None
    return Stage.of(separated(values.get(PARAMETER, "")))


def enforces_more(had: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether keys may be written to where they were not: parameter → value, of the core."""
    before, after = stage_of(had), stage_of(wanted)
    if after is None or (before is not None and before.is_everywhere):
        return False
    if before is None or after.is_everywhere:
        return True
    return not (after.accounts <= before.accounts and after.units <= before.units)


def is_true(value: str) -> bool:
    """Whether a template's flag is on."""
    return value.lower() == "true"


def without(values: Mapping[str, str], left_out: str) -> dict[str, str]:
    """All parameters but one: name → value."""
    return {name: value for name, value in values.items() if name != left_out}


def settle(
    template: Template,
    given: Mapping[str, str],
    had: Mapping[str, str] | None,
    inherited: Mapping[str, str],
) -> Settled:
    """
    Choose each parameter: as given, else as it was, else as the other stacks have it.

    Raises InvalidValue for one that has no value anywhere, and no default.

    Args:
        template: of the stack.
        given: parameter → value, by the operator or by what was found.
        had: parameter → value, of the stack as it is; None: it is not there yet.
        inherited: parameter → value, of the other stacks.

    """
    values: dict[str, str | None] = {}
    whole: dict[str, str] = {}
    changed: list[str] = []
    for name, parameter in template.parameters.items():
        if name in given:
            values[name] = whole[name] = given[name]
        elif had is not None and name in had:
            values[name], whole[name] = None, had[name]
        elif name in inherited:
            values[name] = whole[name] = inherited[name]
        elif parameter.default is None:
            raise InvalidValue(name, "", "is needed: it has no value yet")
        now = whole.get(name, parameter.default)
        before = now if had is None else had.get(name, parameter.default)
        if before != now:
            changed.append(f"{name}: {before or '(empty)'} → {now or '(empty)'}")
    return Settled(values=values, whole=whole, changed=tuple(changed))


def check_first(asked: DeployRequest) -> None:
    """Raises InvalidValue where a first deployment lacks what a later one finds in the stack."""
    for option, value in (
        ("--bucket", asked.bucket),
        ("--prefix", asked.prefix),
        ("--admin", asked.admin),
    ):
        if value is None:
            raise InvalidValue(option, "", "is needed for the first deployment")
