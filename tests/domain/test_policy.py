"""Which periods are taken, and which are refused."""

from dataclasses import replace

import pytest

from keyturn.domain.errors import InvalidValue
from keyturn.domain.policy import RotationPolicy, parameter


def test_the_defaults_are_90_100_and_110() -> None:
    policy = RotationPolicy()

    assert policy.rotation_period == 90
    assert policy.inactive_period == 100
    assert policy.delete_period == 110
    assert policy.installation_window == 10
    assert policy.warn_days == (14, 7, 1)
    assert policy.warnings == ()
    assert policy.unused_period is None
    assert policy.hold_if_used_within is None
    assert not policy.retire_in_use
    assert not policy.allow_missing_exemption_group


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        ({"rotation_period": 0}, "RotationPeriod=0: must be at least 1 day"),
        ({"rotation_period": -1}, "RotationPeriod=-1: must be at least 1 day"),
        ({"inactive_period": 80}, "InactivePeriod=80: must be greater than RotationPeriod=90"),
        ({"inactive_period": 90}, "InactivePeriod=90: must be greater than RotationPeriod=90"),
        ({"inactive_period": 0}, "InactivePeriod=0: must be at least 1 day"),
        ({"recovery_grace_period": 0}, "RecoveryGracePeriod=0: must be at least 1 day"),
        ({"unused_period": 0}, "UnusedPeriod=0: must be at least 1 day"),
        ({"hold_if_used_within": 0}, "HoldIfUsedWithin=0: must be at least 1 day"),
        ({"max_hold": 0}, "MaxHold=0: must be at least 1 day"),
        ({"max_keys_per_day": -1}, "MaxKeysPerDay=-1: must be at least 0"),
        ({"max_percent_per_day": -1}, "MaxPercentPerDay=-1: must be from 0 to 100"),
        ({"max_percent_per_day": 101}, "MaxPercentPerDay=101: must be from 0 to 100"),
        ({"max_hold": 36_501}, "MaxHold=36501: must be at most 36500 days"),
        ({"rotate_early_days": -1}, "RotateEarlyDays=-1: must be at least 0 days"),
        ({"rotate_early_days": 36_501}, "RotateEarlyDays=36501: must be at most 36500 days"),
        (
            {"rotate_early_days": 76},
            (
                "RotateEarlyDays=76: must be less than RotationPeriod=90 minus 14, "
                "the most of WarnDays=14,7,1"
            ),
        ),
        (
            {"rotate_early_days": 1, "warn_days": (0, -1)},
            (
                "RotateEarlyDays=1: needs more than WarnDays=0: keys are rotated early only on "
                "days that were announced"
            ),
        ),
        (
            {"rotate_early_days": 1, "rotation_period": 15},
            "RotateEarlyDays=1: needs RotationPeriod=16 or more beside WarnDays=14,7,1",
        ),
        (
            {"rotate_early_days": 2, "rotation_period": 16},
            (
                "RotateEarlyDays=2: must be less than RotationPeriod=16 minus 14, "
                "the most of WarnDays=14,7,1"
            ),
        ),
        ({"rotation_period": 10**12}, f"RotationPeriod={10**12}: must be at most 36500 days"),
    ],
)
def test_a_refusal_names_the_parameter_its_value_and_the_rule(
    periods: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        RotationPolicy(**periods)  # type: ignore[arg-type]  # whole days by name

    assert str(refused.value) == message


def test_a_window_of_one_day_is_the_shortest() -> None:
    policy = RotationPolicy(rotation_period=1, inactive_period=2, recovery_grace_period=1)

    assert policy.installation_window == 1


def test_the_grace_may_bring_deletion_to_the_age_of_disabling_and_beyond() -> None:
    assert RotationPolicy(recovery_grace_period=10).delete_period == 110
    assert RotationPolicy(rotation_period=10, inactive_period=20).delete_period == 30


@pytest.mark.parametrize(("grace", "warns"), [(6, True), (7, False)])
def test_a_grace_under_seven_days_warns(grace: int, *, warns: bool) -> None:
    policy = RotationPolicy(recovery_grace_period=grace)

    assert bool(policy.warnings) is warns
    assert all("RecoveryGracePeriod=6" in warning for warning in policy.warnings)


def test_warn_days_of_zero_or_less_are_ignored_and_the_rest_is_put_in_order() -> None:
    assert RotationPolicy(warn_days=(0, 1, -3, 30, 1)).warn_days == (30, 1)


def test_a_field_knows_the_name_that_operators_use() -> None:
    assert parameter("hold_if_used_within") == "HoldIfUsedWithin"


def test_the_least_and_the_most_that_keep_the_rules_are_taken() -> None:
    for least in ("unused_period", "hold_if_used_within", "max_hold", "spread_days"):
        for days in (1, 36_500):
            assert getattr(replace(RotationPolicy(), **{least: days}), least) == days  # type: ignore[arg-type] # whole days by name
    for percent in (0, 100):
        assert RotationPolicy(max_percent_per_day=percent).max_percent_per_day == percent
    assert RotationPolicy(max_keys_per_day=0).max_keys_per_day == 0


@pytest.mark.parametrize(
    ("days", "warn"), [(75, (14, 7, 1)), (88, (1,)), (86, (3,)), (0, (90,)), (0, ())]
)
def test_a_new_key_is_neither_due_nor_warned_of_on_its_first_day(
    days: int, warn: tuple[int, ...]
) -> None:
    policy = RotationPolicy(rotate_early_days=days, warn_days=warn)

    assert days == 0 or policy.rotation_period - days - max(warn, default=0) == 1


@pytest.mark.parametrize(
    ("periods", "fit"),
    [((90, 100, 10), 35), ((75, 85, 10), 27), ((90, 92, 10), 39), ((90, 170, 10), 0)],
)
def test_more_early_days_than_the_second_slot_allows_warn(
    periods: tuple[int, int, int], fit: int
) -> None:
    def warned(days: int) -> tuple[str, ...]:
        rotation, inactive, grace = periods
        return RotationPolicy(
            rotation_period=rotation,
            inactive_period=inactive,
            recovery_grace_period=grace,
            rotate_early_days=days,
        ).warnings

    assert (warned(0), warned(fit)) == ((), ())
    [said] = warned(fit + 1)
    assert said.startswith(f"RotateEarlyDays={fit + 1}: with more than {fit} days the old key ")


def test_a_warning_of_a_hundred_years_is_the_earliest_and_none_later_than_that() -> None:
    assert RotationPolicy(warn_days=(36_500, 36_501, 1)).warn_days == (36_500, 1)
