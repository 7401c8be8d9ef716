"""The periods and options of the rotation policy, checked when made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keyturn.domain.errors import InvalidValue
from keyturn.domain.parameter import Topic, Unit, parameters_of, setting
from keyturn.domain.recipient import ChannelName

SHORT_GRACE = 7
"""Days of grace below which an operator is warned."""
MOST_DAYS = 36_500
"""A hundred years: no date that is counted from today lies beyond what a calendar holds."""
MONTHLY_JOB = 35
"""Days: what reads its secret once a month has read it within them."""
WHOLE = 100
"""Percent."""
CAN_PROVE: Final = (ChannelName.EMAIL, ChannelName.SLACK)
"""
The channels by which a message reaches its owner in person (decision 0047).

A webhook and a workflow of Teams are taken by a program, and by no person.
"""
_PERIOD: Final = {"metavar": "DAYS", "unit": Unit.DAYS, "least": 1, "most": MOST_DAYS}
"""What is the same of each period."""


class ProofOfNotice(StrEnum):
    """What of a message proves that its recipient was notified (proof.py)."""

    ACCEPTED = "Accepted"
    """The channel took it, and it did not come back."""
    DELIVERED = "Delivered"
    """The recipient's mail server took it. AWS reports that by best effort."""


class CopiesToAdmin(StrEnum):
    """How the administrators hear of what is no proof: AdminDigest."""

    ACCOUNT = "Account"
    """By a copy of every run over every account."""
    DAILY = "Daily"
    """By one digest a day, which the reporter makes."""


class Preset(StrEnum):
    """Three periods that go together, by the ages at which a key is rotated, disabled, deleted."""

    NINETY = "90/100/110"
    """The default: an old key is Active for 10 days more than 90."""
    SEVENTY_FIVE = "75/85/95"
    """Every Active key stays under 90 days, as AWS Config and Security Hub count."""

    @property
    def periods(self) -> Mapping[str, int]:
        """Parameter → days."""
        rotation, inactive, deletion = map(int, self.split("/"))
        return {
            "RotationPeriod": rotation,
            "InactivePeriod": inactive,
            "RecoveryGracePeriod": deletion - inactive,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """
    What becomes of a key, when, and of how many at once; periods in whole days.

    Each field is described as a CloudFormation parameter where it stands. Raises InvalidValue if
    a value breaks its limits, or if InactivePeriod leaves no installation window.
    Source: docs/settings.md; R, I and G of docs/lifecycle.md are its first three fields.
    """

    rotation_period: int = setting(
        default=90,
        name="RotationPeriod",
        option="--rotation-period",
        help="The age at which a key is rotated ({default}).",
        **_PERIOD,
    )
    inactive_period: int = setting(
        default=100,
        name="InactivePeriod",
        option="--inactive-period",
        help="The age at which it is disabled ({default}).",
        **_PERIOD,
    )
    recovery_grace_period: int = setting(
        default=10,
        name="RecoveryGracePeriod",
        option="--recovery-grace-period",
        help="How long it then stays Inactive before it is deleted ({default}).",
        **_PERIOD,
    )
    warn_days: tuple[int, ...] = setting(
        default=(14, 7, 1),
        name="WarnDays",
        option="--warn-days",
        help="How many days before its rotation an owner is warned ({default}).",
        metavar="DAYS,…",
        unit=Unit.DAYS,
    )
    unused_period: int | None = setting(
        default=None,
        name="UnusedPeriod",
        option="--unused-period",
        help="A key unused for so long is retired instead of rotated ({default}).",
        **_PERIOD,
    )
    hold_if_used_within: int | None = setting(
        default=None,
        name="HoldIfUsedWithin",
        option="--hold-if-used-within",
        help="Disabling waits while the key was used within so many days ({default}).",
        **_PERIOD,
    )
    max_hold: int = setting(
        default=30,
        name="MaxHold",
        option="--max-hold",
        help="How long it waits at most ({default}).",
        **_PERIOD,
    )
    retire_in_use: bool = setting(
        default=False,
        name="RetireInUse",
        option="--retire-in-use",
        help="Of two keys that are both in use, retire the older.",
    )
    max_keys_per_day: int = setting(
        default=10,
        name="MaxKeysPerDay",
        option="--max-keys-per-day",
        help="How many keys of an account may be disabled or deleted in one day ({default}) …",
        metavar="KEYS",
        unit=Unit.KEYS,
        least=0,
    )
    max_percent_per_day: int = setting(
        default=25,
        name="MaxPercentPerDay",
        option="--max-percent-per-day",
        help="… or what part of them, whichever is more ({default}).",
        metavar="PERCENT",
        unit=Unit.PERCENT,
        least=0,
        most=WHOLE,
    )
    spread_days: int = setting(
        default=1,
        name="SpreadDays",
        option="--spread-days",
        help="Over how many days the rotation of keys that are found old is spread ({default}).",
        **_PERIOD,
    )
    rotate_early_days: int = setting(
        default=0,
        name="RotateEarlyDays",
        option="--rotate-early-days",
        help="Up to how many days before its rotation period a key is rotated, by a hash of its "
        "user ({default}).",
        **{**_PERIOD, "least": 0},
    )
    allow_missing_exemption_group: bool = setting(
        default=False,
        name="AllowMissingExemptionGroup",
        option="--allow-missing-group",
        help="Write also in accounts that have no such group.",
    )
    max_exemption: int = setting(
        default=90,
        name="MaxExemption",
        option="--max-exemption",
        help="How far ahead the end of an exemption may be ({default}).",
        **_PERIOD,
    )
    end_exemptions: bool = setting(
        default=False,
        name="EndExemptions",
        option="--end-exemptions",
        help="Remove from the group whose exemption is over, after 14 days' notice.",
    )
    max_deferral: int = setting(
        default=30,
        name="MaxDeferral",
        option="--max-deferral",
        help="For how many days in all a key can be given more time ({default}).",
        **_PERIOD,
    )
    remove_secrets_after: int | None = setting(
        default=None,
        name="RemoveSecretsAfter",
        option="--remove-secrets-after",
        help="A secret that nobody needs or reads for so long is scheduled for deletion "
        "({default}).",
        **{**_PERIOD, "least": MONTHLY_JOB},
    )
    proof_of_notice: ProofOfNotice = setting(  # noqa: RUF009 -- a field, as the others
        default=ProofOfNotice.ACCEPTED,
        name="ProofOfNotice",
        option="--proof-of-notice",
        help="Whether a mail counts as notice when SES has Accepted it, or only when it was "
        "Delivered ({default}).",
        metavar="PROOF",
        topic=Topic.NOTICES,
    )
    proving_channels: tuple[ChannelName, ...] = setting(
        default=(ChannelName.EMAIL,),
        name="ProvingChannels",
        option="--proving-channel",
        help="A channel by which a message counts as notice: email, and slack besides "
        "({default}); repeatable.",
        metavar="CHANNEL",
        topic=Topic.NOTICES,
        repeatable=True,
    )

    def __post_init__(self) -> None:
        """Refuse what would turn a misconfiguration into downtime."""
        for field, described in parameters_of(type(self)).items():
            value = getattr(self, field)
            rule = described.broken_by(value) if isinstance(value, int) else None
            if rule is not None:
                raise InvalidValue(described.name, value, rule)
        if self.rotation_period >= self.inactive_period:
            raise InvalidValue(
                "InactivePeriod",
                self.inactive_period,
                f"must be greater than RotationPeriod={self.rotation_period}",
            )
        channels = tuple(each for each in CAN_PROVE if each in self.proving_channels)
        if ChannelName.EMAIL not in channels or len(channels) != len(self.proving_channels):
            given = ",".join(self.proving_channels)
            # Without mail, whoever is not found in Slack would be notified anew each day.
            raise InvalidValue("ProvingChannels", given, "must be email, or email,slack")
        object.__setattr__(self, "proving_channels", channels)
        # Entries of zero or less say nothing; the rest is kept once, the earliest warning first.
        wanted = {days for days in self.warn_days if 0 < days <= MOST_DAYS}
        object.__setattr__(self, "warn_days", tuple(sorted(wanted, reverse=True)))
        self._check_early_days()

    def _check_early_days(self) -> None:
        """
        Refuse early days that nobody is told of: switched on, they would bring all keys at once.

        And those by which a new key would be due, or warned of, on its first day.
        """
        early, period = self.rotate_early_days, self.rotation_period
        if not early:
            return
        ahead = max(self.warn_days, default=0)
        warned = f"WarnDays={','.join(map(str, self.warn_days))}"
        if not ahead:
            why = "keys are rotated early only on days that were announced"
            rule = f"needs more than WarnDays=0: {why}"
        elif period - ahead < 2:  # noqa: PLR2004 -- no number would be less
            rule = f"needs RotationPeriod={ahead + early + 1} or more beside {warned}"
        elif early >= period - ahead:
            rule = f"must be less than RotationPeriod={period} minus {ahead}, the most of {warned}"
        else:
            return
        raise InvalidValue("RotateEarlyDays", early, rule)

    @property
    def installation_window(self) -> int:
        """Days that an owner has had the new key before the old one stops."""
        return self.inactive_period - self.rotation_period

    @property
    def delete_period(self) -> int:
        """The age in days from which a disabled key may be deleted."""
        return self.inactive_period + self.recovery_grace_period

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed, but deserves a second thought: a sentence each."""
        found = []
        if self.recovery_grace_period < SHORT_GRACE:
            days = f"RecoveryGracePeriod={self.recovery_grace_period}"
            why = f"fewer than {SHORT_GRACE} days leave little time to notice a broken pipeline"
            found.append(f"{days}: {why}")
        # Both keys of a user are early by as much: the old one lives longer, the new one shorter.
        fit = max(0, (2 * self.rotation_period - self.delete_period) // 2)
        if self.rotate_early_days > fit:
            found.append(
                f"RotateEarlyDays={self.rotate_early_days}: with more than {fit} days the old key "
                "may still be there when the new one is due; that one then waits for its slot"
            )
        return tuple(found)


def parameter(name: str) -> str:
    """The name of a policy field as operators know it: rotation_period is RotationPeriod."""
    return parameters_of(RotationPolicy)[name].name
