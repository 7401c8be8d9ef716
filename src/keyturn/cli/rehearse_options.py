"""The options of `rehearse`."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.cli.options import ORDER, OUTPUT, TELLING, WHICH, Findings, flag, option, option_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseWhere:
    """Where it plays, and with which Keyturn."""

    account: str | None = option(
        "--account", "The account to rehearse in; else your own.", WHICH, "ID"
    )
    role_name: str | None = option_of("IAMRoleName")
    external_id: str | None = option_of("ExternalId")
    profile: str | None = option("--profile", "The AWS profile to start from.", WHICH, "NAME")
    region: str | None = option_of("HomeRegion")
    deployed: bool = flag(
        "--deployed",
        "Rehearse with the functions that are deployed in the account of --profile, by orders.",
        WHICH,
    )
    reader_role: str | None = option(
        "--reader-role",
        "A role in that account that applications read their secrets with; else you read.",
        WHICH,
        "NAME",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseSettings:
    """The settings of the Keyturn that is rehearsed from this machine."""

    bucket: str | None = option_of("S3BucketName")
    admin: str | None = option_of("AdminEmailAddress")
    mail_to: str | None = option(
        "--mail-to",
        "Where somebody reads the notices; else they go to SES's mailbox simulator.",
        TELLING,
        "ADDRESS",
    )
    mail_region: str | None = option_of("MailRegion")
    seal_key: str | None = option_of("SealKey")
    secrets_kms_key: str | None = option_of("SecretsKmsKey")
    exemption_group: str | None = option_of("IAMExemptionGroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseWhat:
    """What is tried, and what is only shown or taken away."""

    story: bool = flag("--story", "Only the life of a key.", ORDER)
    probes: bool = flag("--probes", "Only what Keyturn relies on AWS to do.", ORDER)
    only: list[str] | None = option(
        "--only", "Only this step or probe, with what it needs; repeatable.", ORDER, "NAME"
    )
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)
    clean: bool = flag("--clean", "Only take away what earlier rehearsals left.", ORDER)
    permissions: bool = flag("--permissions", "Only show the policy that it needs.", ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseOutput:
    """How the answer is written."""

    format: Findings = option(
        "--format", "How the answer is written.", OUTPUT, default=Findings.TABLE
    )
    report: Path | None = option(
        "--report",
        "Also write it as JSON into this file, to attach to an issue.",
        OUTPUT,
        "FILE",
    )
    with_account_ids: bool = flag(
        "--with-account-ids",
        "Leave account ids, key ids, ARNs and addresses in the answer.",
        OUTPUT,
    )
