"""
What each figure of a weekly or monthly report counts, and which control it is evidence for.

The numbers of controls are those of CIS AWS Foundations Benchmark 3.0.0 (5.0.0 has the same two as
1.12 and 1.13), AWS Security Hub, ISO/IEC 27001:2022 Annex A, SOC 2's trust services criteria and
PCI DSS 4.0.1 as Security Hub maps it. Evidence for a control is not compliance with it: decision
0062.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keyturn.domain.replacement import INSTEAD, TITLES
from keyturn.domain.way_out import Kind


class FigureName(StrEnum):
    """The figures of a report, by the names that programs know."""

    ACCOUNTS_LISTED = "accounts_listed"
    ACCOUNTS_WHOLE = "accounts_whole"
    ACCOUNTS_PARTLY = "accounts_partly"
    ACCOUNTS_NEVER = "accounts_never"
    USERS_LEFT = "users_left"
    KEYS = "keys"
    KEYS_ACTIVE = "keys_active"
    KEYS_INACTIVE = "keys_inactive"
    KEYS_WITHIN = "keys_within"
    KEYS_REPLACED = "keys_replaced"
    KEYS_RESTORED = "keys_restored"
    KEYS_BLOCKED = "keys_blocked"
    KEYS_EXEMPT = "keys_exempt"
    KEYS_OVERDUE = "keys_overdue"
    WITHIN_PERCENT = "within_percent"
    OVER_90 = "over_90"
    USERS_WITH_TWO = "users_with_two"
    AGE_AVERAGE = "age_average"
    AGE_OLDEST = "age_oldest"
    ROTATED = "rotated"
    DISABLED = "disabled"
    DELETED = "deleted"
    RESTORATIONS = "restorations"
    WITHOUT_OWNER = "without_owner"
    USERS = "users"
    USERS_CHANGE = "users_change"
    USERS_TARGET = "users_target"
    USERS_ABOVE_TARGET = "users_above_target"
    USERS_WITH_KEYS = "users_with_keys"
    WAY_OUT_INACTIVE = "way_out_inactive"
    WAY_OUT_NEVER_USED = "way_out_never_used"
    WAY_OUT_UNUSED = "way_out_unused"
    WAY_OUT_CONSOLE_ONLY = "way_out_console_only"
    WAY_OUT_CI = "way_out_ci"
    WAY_OUT_IN_AWS = "way_out_in_aws"
    WAY_OUT_PERSON = "way_out_person"
    WAY_OUT_SES_SMTP = "way_out_ses_smtp"
    WAY_OUT_ELSEWHERE = "way_out_elsewhere"
    WAY_OUT_SEVERAL = "way_out_several"
    WAY_OUT_NOT_KNOWN = "way_out_not_known"
    NEW_KEYS = "new_keys"
    NEW_KEYS_USED = "new_keys_used"
    NEW_KEYS_NOT_SEEN_USED = "new_keys_not_seen_used"
    FIRST_USE_MEDIAN = "first_use_median"
    FIRST_USE_LONGEST = "first_use_longest"
    USERS_ROTATED = "users_rotated"
    SECRETS_COST = "secrets_cost"
    SECRETS_COST_OF_ALL = "secrets_cost_of_all"
    SECRETS_ACCOUNTS = "secrets_accounts"
    SECRETS_KNOWN = "secrets_known"
    SECRETS_STORED = "secrets_stored"
    SECRETS_SCHEDULED = "secrets_scheduled"
    SECRETS_OF_GONE = "secrets_of_gone"
    SECRETS_COST_BEFORE = "secrets_cost_before"
    SECRETS_COST_AFTER = "secrets_cost_after"


class Unit(StrEnum):
    """What a figure is in."""

    COUNT = "count"
    PERCENT = "percent"
    DAYS = "days"
    DOLLARS_A_MONTH = "usd-per-month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What stands beside a figure."""

    title: str
    means: str
    unit: Unit = Unit.COUNT
    controls: tuple[str, ...] = ()


CIS_ONE_KEY: Final = "CIS AWS 3.0.0 1.13"
CIS_ROTATED: Final = "CIS AWS 3.0.0 1.14"
IAM_3: Final = "Security Hub IAM.3"
ISO_SECRETS: Final = "ISO/IEC 27001:2022 A.5.17"
ISO_RIGHTS: Final = "ISO/IEC 27001:2022 A.5.18"
SOC_ACCESS: Final = "SOC 2 CC6.1"
PCI_CHANGED: Final = "PCI DSS 4.0.1 8.3.9"
PCI_SYSTEM: Final = "PCI DSS 4.0.1 8.6.3"
ROTATION_CONTROLS: Final = (
    CIS_ROTATED,
    IAM_3,
    ISO_SECRETS,
    SOC_ACCESS,
    PCI_CHANGED,
    PCI_SYSTEM,
)
SECRET_PRICE: Final = 0.40
"""US dollars a secret and month, before tax and without calls: Secrets Manager's list price."""

WAY_OUT_OF: Final[Mapping[Kind, FigureName]] = {
    kind: FigureName(f"way_out_{kind}".replace("-", "_")) for kind in Kind
}
"""What would let users stop having keys → how many users that is of."""

DEFINITIONS: Final[Mapping[FigureName, Definition]] = {
    FigureName.ACCOUNTS_LISTED: Definition(
        title="Accounts",
        means=(
            "Accounts that an inventory of the time queued, or that were looked at. Those "
            "skipped on purpose are not among them."
        ),
        controls=(SOC_ACCESS,),
    ),
    FigureName.ACCOUNTS_WHOLE: Definition(
        title="seen every day",
        means="Accounts that were entered and read on every day of the time.",
    ),
    FigureName.ACCOUNTS_PARTLY: Definition(
        title="seen on some days",
        means="Accounts that were read on one day at least, and not on every day.",
    ),
    FigureName.ACCOUNTS_NEVER: Definition(
        title="never seen",
        means="Accounts that were read on no day. None of their users and keys is in any figure.",
    ),
    FigureName.USERS_LEFT: Definition(
        title="Users for whom there was no time",
        means="At the last look. Their keys are in no figure.",
    ),
    FigureName.KEYS: Definition(
        title="Keys",
        means="As the last look at each account found them, before what that run did.",
    ),
    FigureName.KEYS_ACTIVE: Definition(title="Active keys", means="IAM's status is Active."),
    FigureName.KEYS_INACTIVE: Definition(
        title="Inactive keys", means="IAM's status is Inactive: nobody can use them."
    ),
    FigureName.KEYS_WITHIN: Definition(
        title="within policy",
        means="Active, and at most RotationPeriod days old on the day of the last look.",
        controls=ROTATION_CONTROLS,
    ),
    FigureName.KEYS_REPLACED: Definition(
        title="older, and replaced",
        means="Active and older; the successor is made, and they end after the owner's window.",
    ),
    FigureName.KEYS_RESTORED: Definition(
        title="older, and enabled again",
        means="Active and older, for somebody enabled them again.",
    ),
    FigureName.KEYS_BLOCKED: Definition(
        title="older, and blocked",
        means="Active and older, and something keeps what is due from being done.",
    ),
    FigureName.KEYS_EXEMPT: Definition(
        title="older, and exempt", means="Active and older, of users in the exemption group."
    ),
    FigureName.KEYS_OVERDUE: Definition(
        title="older, and overdue",
        means=(
            "Active and older, and nothing of the above. In an account in dry run every such key "
            "is, for nothing is done there."
        ),
        controls=ROTATION_CONTROLS,
    ),
    FigureName.WITHIN_PERCENT: Definition(
        title="Active keys within policy",
        means="Of the Active keys that were seen; what was not seen is in no percentage.",
        unit=Unit.PERCENT,
        controls=ROTATION_CONTROLS,
    ),
    FigureName.OVER_90: Definition(
        title="Active keys older than 90 days",
        means="What CIS, Security Hub and AWS Config look at, whatever RotationPeriod is.",
        controls=(CIS_ROTATED, IAM_3, PCI_CHANGED),
    ),
    FigureName.USERS_WITH_TWO: Definition(
        title="Users with two Active keys",
        means="Between a rotation and the end of the old key a user has two on purpose.",
        controls=(CIS_ONE_KEY,),
    ),
    FigureName.AGE_AVERAGE: Definition(
        title="Average age", means="Of the Active keys.", unit=Unit.DAYS
    ),
    FigureName.AGE_OLDEST: Definition(
        title="Oldest Active key", means="Its age.", unit=Unit.DAYS, controls=(CIS_ROTATED,)
    ),
    FigureName.ROTATED: Definition(
        title="Rotated",
        means="New keys that were made and delivered by runs of the time.",
        controls=ROTATION_CONTROLS,
    ),
    FigureName.DISABLED: Definition(
        title="Disabled",
        means="Keys that runs of the time made Inactive, once each run.",
        controls=(ISO_RIGHTS, SOC_ACCESS),
    ),
    FigureName.DELETED: Definition(
        title="Deleted",
        means="Keys that runs of the time deleted.",
        controls=(ISO_RIGHTS, SOC_ACCESS),
    ),
    FigureName.RESTORATIONS: Definition(
        title="Enabled again",
        means="Keys that somebody enabled again, each once however long that was seen.",
    ),
    FigureName.WITHOUT_OWNER: Definition(
        title="Users whose owner is not known",
        means="Of those whose owner a run looked for: for the others nobody had to know it yet.",
        controls=(ISO_RIGHTS,),
    ),
    FigureName.USERS: Definition(
        title="IAM users",
        means="At the last look at each account, with keys or without.",
        controls=(ISO_RIGHTS, SOC_ACCESS),
    ),
    FigureName.USERS_CHANGE: Definition(
        title="Change of IAM users",
        means=(
            "From the first look of the time to the last one, of accounts that were seen on two "
            "days at least."
        ),
    ),
    FigureName.USERS_TARGET: Definition(
        title="Target of IAM users",
        means="At most so many at the end of the quarter, or by the day that is named.",
    ),
    FigureName.USERS_ABOVE_TARGET: Definition(
        title="IAM users above the target",
        means="Users less the target; none below it. Users of accounts not seen are not counted.",
    ),
    FigureName.USERS_WITH_KEYS: Definition(
        title="Users with keys",
        means="At the last look: each by what would let it stop having keys (docs/advise.md).",
        controls=(ISO_RIGHTS,),
    ),
    **{
        name: Definition(
            title=TITLES[kind],
            means=f"Instead of keys: {INSTEAD[kind]}. By the account's last snapshot alone.",
        )
        for kind, name in WAY_OUT_OF.items()
    },
    FigureName.NEW_KEYS: Definition(
        title="New keys seen",
        means=(
            "Keys that were made in the time in the place of others. One that the last run of the "
            "time made is first seen after it, so there may be fewer than were rotated."
        ),
    ),
    FigureName.NEW_KEYS_USED: Definition(
        title="known to be used", means="A run saw that they were used."
    ),
    FigureName.NEW_KEYS_NOT_SEEN_USED: Definition(
        title="not known to be used",
        means="They were not used, or no run had to look: a run looks where a decision needs it.",
    ),
    FigureName.FIRST_USE_MEDIAN: Definition(
        title="Days from rotation to first use, median",
        means=(
            "From the day on which the new key was made to the use that a run saw first: at most "
            "so long. Of the new keys that are known to be used."
        ),
        unit=Unit.DAYS,
    ),
    FigureName.FIRST_USE_LONGEST: Definition(
        title="Days from rotation to first use, longest", means="Likewise.", unit=Unit.DAYS
    ),
    FigureName.USERS_ROTATED: Definition(
        title="Users with a rotation",
        means="Each has one secret, which is kept from rotation to rotation.",
    ),
    FigureName.SECRETS_COST: Definition(
        title="Cost of the secrets of these users",
        means=(
            "0.40 US dollars a secret and month, the list price without calls. Before their first "
            "rotation by Keyturn these users had no such secret: then it was 0."
        ),
        unit=Unit.DOLLARS_A_MONTH,
    ),
    FigureName.SECRETS_COST_OF_ALL: Definition(
        title="Cost if each user with a key has a secret",
        means=(
            "0.40 US dollars a month for each user with an Active key at the last look: what it "
            "will be when all of them were rotated, without RemoveSecretsAfter."
        ),
        unit=Unit.DOLLARS_A_MONTH,
    ),
    FigureName.SECRETS_ACCOUNTS: Definition(
        title="Accounts whose secrets were listed",
        means=(
            "By the last look at each, where RemoveSecretsAfter is set. Of the other accounts "
            "nobody knows which secrets there are: they are in none of the figures below."
        ),
    ),
    FigureName.SECRETS_KNOWN: Definition(
        title="Secrets in these accounts",
        means="With a name that Keyturn gives, whoever made them.",
    ),
    FigureName.SECRETS_STORED: Definition(
        title="stored", means="Not scheduled for deletion: each costs 0.40 US dollars a month."
    ),
    FigureName.SECRETS_SCHEDULED: Definition(
        title="scheduled for deletion",
        means="They cost nothing, and can be taken back for 30 days.",
    ),
    FigureName.SECRETS_OF_GONE: Definition(
        title="Secrets of users who are gone",
        means="Of those stored: no user of the account has the name or the UserId.",
        controls=(ISO_RIGHTS,),
    ),
    FigureName.SECRETS_COST_BEFORE: Definition(
        title="Cost of these secrets without RemoveSecretsAfter",
        means=(
            "0.40 US dollars a month for each, scheduled ones too. Those that are gone for good "
            "by now are not in it."
        ),
        unit=Unit.DOLLARS_A_MONTH,
    ),
    FigureName.SECRETS_COST_AFTER: Definition(
        title="Cost of these secrets with it",
        means="0.40 US dollars a month for each that is stored.",
        unit=Unit.DOLLARS_A_MONTH,
    ),
}

SUMS: Final[Mapping[FigureName, tuple[FigureName, ...]]] = {
    FigureName.ACCOUNTS_LISTED: (
        FigureName.ACCOUNTS_WHOLE,
        FigureName.ACCOUNTS_PARTLY,
        FigureName.ACCOUNTS_NEVER,
    ),
    FigureName.KEYS: (FigureName.KEYS_ACTIVE, FigureName.KEYS_INACTIVE),
    FigureName.KEYS_ACTIVE: (
        FigureName.KEYS_WITHIN,
        FigureName.KEYS_REPLACED,
        FigureName.KEYS_RESTORED,
        FigureName.KEYS_BLOCKED,
        FigureName.KEYS_EXEMPT,
        FigureName.KEYS_OVERDUE,
    ),
    FigureName.USERS_WITH_KEYS: tuple(WAY_OUT_OF.values()),
    FigureName.SECRETS_KNOWN: (FigureName.SECRETS_STORED, FigureName.SECRETS_SCHEDULED),
    FigureName.NEW_KEYS: (FigureName.NEW_KEYS_USED, FigureName.NEW_KEYS_NOT_SEEN_USED),
}
"""What adds up: a figure → its parts."""

MONTHLY_ALONE: Final = frozenset(
    {
        FigureName.USERS_TARGET,
        FigureName.USERS_ABOVE_TARGET,
        FigureName.USERS_CHANGE,
        FigureName.NEW_KEYS,
        FigureName.NEW_KEYS_USED,
        FigureName.NEW_KEYS_NOT_SEEN_USED,
        FigureName.FIRST_USE_MEDIAN,
        FigureName.FIRST_USE_LONGEST,
        FigureName.USERS_ROTATED,
        FigureName.SECRETS_COST,
        FigureName.SECRETS_COST_OF_ALL,
        FigureName.SECRETS_ACCOUNTS,
        FigureName.SECRETS_KNOWN,
        FigureName.SECRETS_STORED,
        FigureName.SECRETS_SCHEDULED,
        FigureName.SECRETS_OF_GONE,
        FigureName.SECRETS_COST_BEFORE,
        FigureName.SECRETS_COST_AFTER,
    }
)
"""The figures that a week is too short for."""
