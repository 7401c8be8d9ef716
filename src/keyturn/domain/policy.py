"""The periods and options of the rotation policy, checked when made."""

from dataclasses import dataclass, field, fields

from keyturn.domain.errors import InvalidValue

SHORT_GRACE = 7
"""Days of grace below which an operator is warned."""
MOST_DAYS = 36_500
"""A hundred years: no date that is counted from today lies beyond what a calendar holds."""
WHOLE = 100
"""Percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """
    What becomes of a key, when, and of how many at once; periods in whole days.

    The metadata of each field is its name as a CloudFormation parameter. Raises InvalidValue
    if a period is below 1, InactivePeriod leaves no installation window, or a cap is no cap.
    Source: docs/settings.md; R, I and G of docs/lifecycle.md are its first three fields.
    """

    rotation_period: int = field(default=90, metadata={"parameter": "RotationPeriod"})
    inactive_period: int = field(default=100, metadata={"parameter": "InactivePeriod"})
    recovery_grace_period: int = field(default=10, metadata={"parameter": "RecoveryGracePeriod"})
    warn_days: tuple[int, ...] = field(default=(14, 7, 1), metadata={"parameter": "WarnDays"})
    unused_period: int | None = field(default=None, metadata={"parameter": "UnusedPeriod"})
    hold_if_used_within: int | None = field(
        default=None, metadata={"parameter": "HoldIfUsedWithin"}
    )
    max_hold: int = field(default=30, metadata={"parameter": "MaxHold"})
    retire_in_use: bool = field(default=False, metadata={"parameter": "RetireInUse"})
    max_keys_per_day: int = field(default=10, metadata={"parameter": "MaxKeysPerDay"})
    max_percent_per_day: int = field(default=25, metadata={"parameter": "MaxPercentPerDay"})
    spread_days: int = field(default=1, metadata={"parameter": "SpreadDays"})
    allow_missing_exemption_group: bool = field(
        default=False, metadata={"parameter": "AllowMissingExemptionGroup"}
    )

    def __post_init__(self) -> None:
        """Refuse what would turn a misconfiguration into downtime."""
        for name in (
            "rotation_period",
            "inactive_period",
            "recovery_grace_period",
            "unused_period",
            "hold_if_used_within",
            "max_hold",
            "spread_days",
        ):
            days = getattr(self, name)
            if days is not None and days < 1:
                raise InvalidValue(parameter(name), days, "must be at least 1 day")
            if days is not None and days > MOST_DAYS:
                raise InvalidValue(parameter(name), days, f"must be at most {MOST_DAYS} days")
        if self.max_keys_per_day < 0:
            raise InvalidValue("MaxKeysPerDay", self.max_keys_per_day, "must be at least 0")
        if not 0 <= self.max_percent_per_day <= WHOLE:
            raise InvalidValue(
                "MaxPercentPerDay", self.max_percent_per_day, f"must be from 0 to {WHOLE}"
            )
        if self.rotation_period >= self.inactive_period:
            raise InvalidValue(
                "InactivePeriod",
                self.inactive_period,
                f"must be greater than RotationPeriod={self.rotation_period}",
            )
        # Entries of zero or less say nothing; the rest is kept once, the earliest warning first.
        wanted = {days for days in self.warn_days if 0 < days <= MOST_DAYS}
        object.__setattr__(self, "warn_days", tuple(sorted(wanted, reverse=True)))

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
        if self.recovery_grace_period < SHORT_GRACE:
            days = f"RecoveryGracePeriod={self.recovery_grace_period}"
            why = f"fewer than {SHORT_GRACE} days leave little time to notice a broken pipeline"
            return (f"{days}: {why}",)
        return ()


def parameter(name: str) -> str:
    """The name of a policy field as operators know it: rotation_period is RotationPeriod."""
    return next(str(f.metadata["parameter"]) for f in fields(RotationPolicy) if f.name == name)
