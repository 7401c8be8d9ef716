"""The options of `deploy` and `doctor`, in groups as those of options.py."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.cli.options import ORDER, OUTPUT, PRESET_HELP, WHICH, Findings, flag, option
from keyturn.configuration import BY_NAME
from keyturn.domain.policy import Preset

_STACKS = "Stacks"
_WANTED = "What is wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployAccounts:
    """The two accounts that a deployment stands in, and what its stacks are called."""

    profile: str | None = option(
        "--profile", "The AWS profile of the security account.", WHICH, "NAME"
    )
    management_profile: str | None = option(
        "--management-profile",
        "The AWS profile of the management account. Without it: the same.",
        WHICH,
        "NAME",
    )
    region: str | None = option(
        "--region", "The region of the core stack; else AWS_REGION's.", WHICH, "REGION"
    )
    core_stack: str = option(
        "--core-stack", "The core stack's name.", _STACKS, "NAME", default="iam-key-auto-rotation"
    )
    member_stack: str = option(
        "--member-stack",
        "The name of the stack set and the member stacks.",
        _STACKS,
        "NAME",
        default="asa-iam-rotation-member-role",
    )
    list_stack: str = option(
        "--list-stack",
        "The name of the stack of the list role.",
        _STACKS,
        "NAME",
        default="asa-iam-rotation-list-accounts",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """What a deployment is to be like."""

    bucket: str | None = option(
        "--bucket", "The bucket for zips and receipts; made if need be.", _WANTED, "NAME"
    )
    prefix: str | None = option(
        "--prefix", "The folder in it that is Keyturn's.", _WANTED, "PREFIX"
    )
    admin: str | None = option("--admin", BY_NAME["AdminEmailAddress"].help, _WANTED, "ADDRESS")
    org_id: str | None = option(
        "--org-id", "Refuse any other organisation than this.", _WANTED, "ID"
    )
    ou: list[str] | None = option(
        "--ou", "A unit whose accounts get the member role; repeatable.", _WANTED, "ID"
    )
    enforced_accounts: list[str] | None = option(
        "--enforced-accounts", BY_NAME["EnforcedAccounts"].help, _WANTED, "ID"
    )
    preset: Preset | None = option("--preset", PRESET_HELP, _WANTED)
    parameter: list[str] | None = option(
        "--parameter",
        "A parameter of the templates; repeatable. What is not given stays as it is.",
        _WANTED,
        "NAME=VALUE",
    )
    source: Path | None = option(
        "--source",
        "A checkout, with its own templates and zips. Without it: those that came with Keyturn.",
        _WANTED,
        "DIR",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """How a deployment is gone about."""

    enforce: bool = flag("--enforce", "End Keyturn's own dry run: DryRunFlag=False.", _WANTED)
    yes: bool = flag("--yes -y", "Do not ask first.", ORDER)
    dry_run: bool = flag("--dry-run", "Show what would change, and change nothing.", ORDER)
    format: Findings = option(
        "--format",
        "How it is written what became of each step.",
        OUTPUT,
        default=Findings.TABLE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """How a deployment is looked over, and how the findings are written."""

    role_name: str | None = option(
        "--role-name",
        "A role that may look, in each account, and trusts the management account. "
        "Without it: the member role.",
        WHICH,
        "ROLE",
    )
    format: Findings = option(
        "--format", "How the findings are written.", OUTPUT, default=Findings.TABLE
    )
