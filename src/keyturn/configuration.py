"""
All that an operator can set, each described once.

Knows no library, for the command line's help is made of it: settings.py reads and checks values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keyturn.domain import names
from keyturn.domain.parameter import Parameter, Shape, Topic, Unit, parameters_of, setting
from keyturn.domain.policy import CopiesToAdmin, RotationPolicy

ACCOUNT_ID: Final = Shape(
    pattern=names.ACCOUNT_ID.pattern, rule="must be the 12 digits of an AWS account id"
)
ADDRESS: Final = Shape(pattern=names.MAILABLE.pattern, rule="must be an e-mail address")
"""One that mails are sent to: to any other, all that the administrators are sent is dropped."""
DOMAIN: Final = Shape(
    pattern=r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    rule="must be a domain: example.com, or *.example.com for those below it",
)
TAG: Final = Shape(
    pattern=r"(?! )[^\x00-\x1f!-*,;<>?\[-^`{-\x7f]{1,128}(?<! )",
    rule="must be the key of one tag, without a comma or a blank at its end",
)
"""What IAM takes for one, of ASCII; other letters it knows better than we do."""
UNIT: Final = Shape(
    pattern=names.UNIT_ID.pattern,
    rule="must be the id of an organisational unit (ou-…) or root (r-…)",
)
ACCOUNT_OR_UNIT: Final = Shape(
    pattern=f"([0-9]{{12}}|{names.UNIT_ID.pattern})",
    rule="must be the id of an account (12 digits), of a unit (ou-…) or of the root (r-…)",
)
EXTERNAL_ID: Final = Shape(
    pattern=r"(?a:[\w+=,.@:/-]{2,1224})",
    rule="must be 2 to 1224 letters, digits and _+=,.@:/-",
)
"""As STS takes it."""
CONFIGURATION_SET: Final = Shape(
    pattern=r"[a-zA-Z0-9_-]{1,64}",
    rule="must be the name of an SES configuration set",
)
REGION: Final = Shape(
    pattern=r"[a-z]{2}(-[a-z]+)+-\d{1,2}", rule="must be the name of an AWS region"
)
BUCKET: Final = Shape(
    pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", rule="must be the name of a bucket"
)
USERS: Final = Shape(
    pattern=r"(?a:[\w+=.@*-]{1,64})",
    rule="must be a user's name, in which * is any text (a comma is written *)",
)
PREFIX: Final = Shape(
    pattern=r"[a-zA-Z0-9!_.'()-]+(/[a-zA-Z0-9!_.'()-]+)*",
    rule="must be a folder, without * and without a slash at its begin or end",
)
"""Both as the templates have them."""

SECRET_ARN: Final = Shape(
    pattern=r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}",
    rule="must be the whole ARN of a secret, with the six characters at its end",
)
SLACK_CHANNEL: Final = Shape(
    pattern=r"[CG][A-Z0-9]{2,20}", rule="must be the id of a Slack channel (C…), not its name"
)
JIRA_URL: Final = Shape(
    pattern=r"https://[A-Za-z0-9.-]{1,253}(:\d{1,5})?(/[A-Za-z0-9._~/-]{0,200})?",
    rule="must be https:// and a host, with the path of Jira if it has one",
)
JIRA_PROJECT: Final = Shape(
    pattern=names.JIRA_PROJECT.pattern,
    rule="must be the key of a Jira project, in capital letters",
)
JIRA_ISSUE_TYPE: Final = Shape(
    pattern=r"(?! *$)[^\x00-\x1f\x7f]{1,60}",
    rule="must be the name of a type of issue, and not blank",
)
NAME: Final = Shape(
    pattern=r"(?!.*://)(?! *$)[^\x00-\x1f\x7f<>]{1,60}",
    rule="must be one line without a link, and not blank",
)
ONE_LINE: Final = Shape(
    pattern=r"(?!.*://)(?! *$)[ -;=?-~]{1,60}",
    rule="must be one line of ASCII without a link, and not blank",
)
"""It stands in headers and subjects, which take ASCII."""
HELP_LINK: Final = Shape(pattern=r"https://[!#-;=?-~]{1,200}", rule="must be an https:// link")

MOST_PARALLEL = 64
"""Users of one account side by side, and accounts from a laptop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    The fields of Settings; times in days, regions and names as AWS spells them.

    Each says which CloudFormation parameter it is, what it takes, and which option stands for it.
    """

    policy: RotationPolicy = field(default_factory=RotationPolicy)
    dry_run: bool = setting(default=True, name="DryRunFlag")
    exemption_group: str = setting(
        default="IAMKeyRotationExemptionGroup",
        name="IAMExemptionGroup",
        option="--exemption-group",
        help="The IAM group whose members are left alone ({default}).",
        metavar="GROUP",
    )
    member_role: str = setting(
        default="asa-iam-key-auto-rotation",
        name="IAMRoleName",
        option="--role-name",
        help="The role to assume in each account of the organisation. Without it: your own "
        "account, with your own credentials.",
        metavar="ROLE",
        topic=Topic.ACCOUNTS,
    )
    owner_tag: str | None = setting(
        default=None,
        name="ResourceOwnerTag",
        option="--owner-tag",
        help="The tag of an IAM user that holds the owner's address.",
        metavar="TAG",
        topic=Topic.NOTICES,
        shape=TAG,
    )
    allowed_owner_domains: tuple[str, ...] = setting(
        default=(),
        name="AllowedOwnerDomains",
        option="--allowed-owner-domain",
        help="A domain that an owner's address may be of (those of --admin and of the account's "
        "address); repeatable.",
        metavar="DOMAIN",
        topic=Topic.NOTICES,
        shape=DOMAIN,
        repeatable=True,
    )
    secrets_key: str | None = setting(
        default=None,
        name="SecretsKmsKey",
        option="--secrets-kms-key",
        help="The KMS key that encrypts the users' secrets (aws/secretsmanager).",
        metavar="KEY",
    )
    seal_key: str = setting(
        default="",
        name="SealKey",
        option="--seal-key",
        help="The KMS key (HMAC_256) in your own account that seals the users' secrets; a run "
        "that writes needs it.",
        metavar="KEY",
    )
    home_region: str = setting(
        default="us-east-1",
        name="HomeRegion",
        option="--region",
        help="The region of the users' secrets; else AWS_REGION's, AWS_DEFAULT_REGION's or the "
        "profile's.",
        metavar="REGION",
        topic=Topic.ACCOUNTS,
    )
    admin: str = setting(
        default="",
        name="AdminEmailAddress",
        option="--admin",
        help="The administrators' address: it is notified of everything, and mails come from it.",
        metavar="ADDRESS",
        topic=Topic.NOTICES,
        shape=ADDRESS,
    )
    bucket: str = setting(
        default="",
        name="S3BucketName",
        option="--bucket",
        help="The bucket that holds the receipts of notices.",
        metavar="NAME",
        topic=Topic.NOTICES,
        shape=BUCKET,
    )
    prefix: str = setting(
        default="",
        name="S3BucketPrefix",
        option="--prefix",
        help="The folder in the bucket that holds them.",
        metavar="PREFIX",
        topic=Topic.NOTICES,
        shape=PREFIX,
    )
    bus: str = setting(
        default="",
        name="EventBusName",
        option="--bus",
        help="The event bus, for --notify bus.",
        metavar="NAME",
        topic=Topic.NOTICES,
    )
    queue: str = setting(default="", name="QueueUrl")
    list_role: str = setting(
        default="",
        name="OrgListRole",
        option="--org-list-role",
        help="The role that reads Organizations, where your credentials may not.",
        metavar="ROLE",
        topic=Topic.ACCOUNTS,
    )
    list_account: str = setting(
        default="",
        name="OrgListAccount",
        option="--org-list-account",
        help="The account of that role: the management one.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=ACCOUNT_ID,
    )
    inventory_units: tuple[str, ...] = setting(
        default=(),
        name="InventoryOU",
        option="--ou",
        help="Only accounts of this organisational unit and below; repeatable.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=UNIT,
        repeatable=True,
    )
    excluded_accounts: tuple[str, ...] = setting(
        default=(),
        name="ExcludedAccounts",
        option="--not-account",
        help="Leave this account out; repeatable.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=ACCOUNT_ID,
        repeatable=True,
    )
    excluded_units: tuple[str, ...] = setting(
        default=(),
        name="ExcludedUnits",
        option="--not-ou",
        help="Leave out the accounts of this unit and below; repeatable.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=UNIT,
        repeatable=True,
    )
    enforced: tuple[str, ...] = setting(
        default=(),
        name="EnforcedAccounts",
        option="--enforced-accounts",
        help="Enforce in this account, or in those of this unit and below, and stay in dry run in "
        "all others; repeatable.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=ACCOUNT_OR_UNIT,
        repeatable=True,
    )
    external_id: str | None = setting(
        default=None,
        name="ExternalId",
        option="--external-id",
        help="The external id that the roles' trust policies ask for.",
        metavar="ID",
        topic=Topic.ACCOUNTS,
        shape=EXTERNAL_ID,
    )
    mail_region: str | None = setting(
        default=None,
        name="MailRegion",
        option="--mail-region",
        help="The region of SES, for --notify ses.",
        metavar="REGION",
        topic=Topic.NOTICES,
        shape=REGION,
    )
    configuration_set: str | None = setting(
        default=None,
        name="ConfigurationSet",
        option="--configuration-set",
        help="The configuration set of SES that says what became of a mail, for --notify ses.",
        metavar="NAME",
        topic=Topic.NOTICES,
        shape=CONFIGURATION_SET,
    )
    organization: str = setting(
        default="",
        name="OrganizationName",
        option="--organization-name",
        help="What mails call the organisation.",
        metavar="NAME",
        topic=Topic.NOTICES,
        shape=NAME,
    )
    help_link: str = setting(
        default="",
        name="HelpLink",
        option="--help-link",
        help="The page about access keys that mails link to (https).",
        metavar="URL",
        topic=Topic.NOTICES,
        shape=HELP_LINK,
    )
    subject_prefix: str = setting(
        default="[AWS access keys]",
        name="MailSubjectPrefix",
        option="--mail-subject-prefix",
        help="How the subject of each mail begins ({default}).",
        metavar="TEXT",
        topic=Topic.NOTICES,
        shape=ONE_LINE,
    )
    notifier_concurrency: int = setting(
        default=2,
        name="NotifierConcurrency",
        unit=Unit.FUNCTIONS,
        least=2,
        most=1000,
    )
    slack_token_secret: str = setting(default="", name="SlackTokenSecretArn", shape=SECRET_ARN)
    slack_webhook_secret: str = setting(default="", name="SlackWebhookSecretArn", shape=SECRET_ARN)
    slack_admin_channel: str = setting(default="", name="SlackAdminChannel", shape=SLACK_CHANNEL)
    teams_webhook_secret: str = setting(default="", name="TeamsWebhookSecretArn", shape=SECRET_ARN)
    webhook_secret: str = setting(default="", name="WebhookSecretArn", shape=SECRET_ARN)
    jira_url: str = setting(default="", name="JiraUrl", shape=JIRA_URL)
    jira_secret: str = setting(default="", name="JiraSecretArn", shape=SECRET_ARN)
    jira_project: str = setting(default="", name="JiraProject", shape=JIRA_PROJECT)
    jira_issue_type: str = setting(default="Task", name="JiraIssueType", shape=JIRA_ISSUE_TYPE)
    copies_to_admin: CopiesToAdmin = setting(  # noqa: RUF009 -- a field, as the others
        default=CopiesToAdmin.ACCOUNT, name="AdminDigest"
    )
    tells_owners_of_dry_runs: bool = setting(default=True, name="DryRunNoticesToOwners")
    reads_alternate_contacts: bool = setting(
        default=False,
        name="ReadAlternateContacts",
        option="--read-alternate-contacts",
        help="Where neither tag, user name nor owners file names an owner, notify the account's "
        "security contact, or else its operations contact.",
        topic=Topic.NOTICES,
    )
    reads_cloudtrail: bool = setting(
        default=False,
        name="ReadCloudTrail",
        option="--read-cloudtrail",
        help="Say in notices from where a key is used that is about to end, as CloudTrail has it.",
        topic=Topic.NOTICES,
    )
    reports_root_keys: bool = setting(
        default=False,
        name="ReportRootKeys",
        option="--report-root-keys",
        help="Say where the root user has access keys.",
    )
    reports_quarantine: bool = setting(
        default=False,
        name="ReportQuarantine",
        option="--report-quarantine",
        help="Say whose keys AWS found to have leaked: who is under its quarantine policy.",
    )
    smtp_users: tuple[str, ...] = setting(
        default=(),
        name="SmtpUsers",
        option="--smtp-user",
        help="A user who sends mail by SES's SMTP interface: the secret gets its passwords, too. "
        "* is any text; repeatable.",
        metavar="NAME",
        shape=USERS,
        repeatable=True,
    )
    smtp_regions: tuple[str, ...] = setting(
        default=(),
        name="SmtpRegions",
        option="--smtp-region",
        help="A region of these passwords; else that of the mails, or of the secrets. Repeatable.",
        metavar="REGION",
        shape=REGION,
        repeatable=True,
    )
    parallel_users: int = setting(
        default=8,
        name="ParallelUsers",
        option="--parallel-users",
        help="How many users of each account side by side ({default}).",
        metavar="N",
        topic=Topic.ACCOUNTS,
        unit=Unit.USERS,
        least=1,
        most=MOST_PARALLEL,
    )


DESCRIBED: Mapping[str, Parameter] = {
    **parameters_of(RotationPolicy),
    **parameters_of(Configuration),
}
"""Setting → what its CloudFormation parameter takes."""
BY_NAME: Mapping[str, Parameter] = {each.name: each for each in DESCRIBED.values()}
"""The same by the parameter's name."""
