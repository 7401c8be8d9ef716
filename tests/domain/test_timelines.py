"""Whole lives of keys, day by day: what is done, what is told, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyturn.domain.decision import Action, Overlay, Reason
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.secret_names import version_id_for
from tests.domain.world import DAY, NOW, POLICY, SILENCE, Life, a_key, a_secret

FIRST_DAYS = [(0, "OLD", "ROTATE"), (10, "OLD", "DISABLE"), (20, "OLD", "DELETE")]


def born_today(start: datetime = NOW) -> Life:
    return Life(replace(a_key(age=0), created=start), start=start)


DEFAULT_ACTS = [(90, "OLD", "ROTATE"), (100, "OLD", "DISABLE"), (110, "OLD", "DELETE")]


def test_a_key_is_rotated_on_day_90_disabled_on_100_and_deleted_on_110() -> None:
    life = born_today().days(1, 111)

    assert life.acts == DEFAULT_ACTS
    assert life.told == [
        (76, "OLD", "upcoming-14"),
        (83, "OLD", "upcoming-7"),
        (89, "OLD", "upcoming-1"),
        (90, "OLD", "rotated"),
        (97, "OLD", "before-disable"),
        (100, "OLD", "disabled"),
        (107, "OLD", "before-delete"),
        (110, "OLD", "deleted"),
    ]


@pytest.mark.parametrize(
    "hour", [(6, 0), (12, 0), (18, 0), (23, 10), (23, 50), (0, 0), (0, 20), (0, 50), (1, 20)]
)
def test_at_any_hour_and_with_any_jitter_each_step_comes_to_the_day_and_is_told_once(
    hour: tuple[int, int],
) -> None:
    plain = born_today().days(70, 111).told
    for seed in range(5):
        life = born_today(datetime(2025, 12, 20, *hour, tzinfo=UTC))
        life.jitter = lambda day, seed=seed: (day * 37 + seed * 11) % 61 - 30  # type: ignore[misc]  # a lambda's default

        life.days(70, 111)

        assert life.acts == DEFAULT_ACTS
        assert [name for _, _, name in life.told] == [name for _, _, name in plain]
        # A date says midnight: within an hour of it, "three days before" may be a run sooner.
        assert all(
            0 <= due - day <= 1 for (due, *_), (day, *_) in zip(plain, life.told, strict=True)
        )


def test_the_successor_lives_the_same_life() -> None:
    life = born_today().days(1, 201)

    assert life.acts[3:] == [
        (180, "NEW1", "ROTATE"),
        (190, "NEW1", "DISABLE"),
        (200, "NEW1", "DELETE"),
    ]


@pytest.mark.parametrize("age", [137, 900])
@pytest.mark.parametrize("used", [True, False])
def test_an_old_key_met_on_the_first_day_has_ten_days_and_then_ten_more(
    age: int, *, used: bool
) -> None:
    life = Life(a_key(age=age))
    if not used:
        life.left = {"OLD"}

    life.days(0, 21)

    assert life.acts == FIRST_DAYS
    assert [name for _, _, name in life.told] == [
        "rotated",
        "before-disable",
        "disabled",
        "before-delete",
        "deleted",
    ]


def test_a_quiet_key_whose_owner_made_a_younger_one_is_told_disabled_and_deleted() -> None:
    life = Life(a_key(age=900), a_key("YOUNG", age=40))
    life.left = {"OLD"}

    life.days(0, 21)

    assert life.acts == [(10, "OLD", "DISABLE"), (20, "OLD", "DELETE")]
    assert life.told[0] == (0, "OLD", "retiring")


def test_of_two_old_keys_none_is_disabled_on_first_sight_and_the_older_goes_first() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=300))
    life.left = {"OLD", "SECOND"}

    life.days(0, 45)

    assert life.acts == [
        (10, "OLD", "DISABLE"),
        (20, "OLD", "DELETE"),
        (20, "SECOND", "ROTATE"),  # in the run that frees the slot
        (30, "SECOND", "DISABLE"),
        (40, "SECOND", "DELETE"),
    ]


def test_the_younger_of_two_old_keys_goes_when_it_is_the_quiet_one() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=300))
    life.left = {"SECOND"}

    life.days(0, 21)

    assert life.acts == [
        (10, "SECOND", "DISABLE"),
        (20, "SECOND", "DELETE"),
        (20, "OLD", "ROTATE"),
    ]


def test_of_two_keys_in_use_none_is_ever_disabled_and_the_owner_hears_it_weekly() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=300), jitter=lambda day: day * 37 % 61 - 30)

    life.days(0, 200)

    assert life.acts == []
    assert [day for day, key, _ in life.told if key == "OLD"] == list(range(0, 201, 7))
    assert {name for _, _, name in life.told} == {"blocked"}


def test_when_one_of_two_keys_in_use_falls_quiet_it_is_retired() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=300)).days(0, 5)
    life.left = {"OLD"}

    life.days(6, 40)

    # Last used on day 5: more than ten days ago on day 16.
    assert (16, "OLD", "retiring") in life.told
    assert life.acts[:2] == [(26, "OLD", "DISABLE"), (36, "OLD", "DELETE")]


def test_retire_in_use_retires_the_older_of_two_keys_in_use() -> None:
    life = Life(
        a_key(age=900), a_key("SECOND", age=300), policy=RotationPolicy(retire_in_use=True)
    )

    life.days(0, 20)

    assert life.acts == [
        (10, "OLD", "DISABLE"),
        (20, "OLD", "DELETE"),
        (20, "SECOND", "ROTATE"),
    ]


def test_a_restored_key_is_left_alone_then_told_disabled_and_deleted_again() -> None:
    life = Life(a_key(age=200)).days(0, 12)
    life.set_status("OLD", "Active")

    life.days(13, 46)

    assert life.acts == [
        (0, "OLD", "ROTATE"),
        (10, "OLD", "DISABLE"),
        (33, "OLD", "DISABLE"),
        (43, "OLD", "DELETE"),
    ]
    told = [(day, name) for day, key, name in life.told if key == "OLD"]
    assert told[3:] == [
        (13, "restored"),
        (23, "retiring"),
        (30, "before-disable"),
        (33, "disabled"),
        (40, "before-delete"),
        (43, "deleted"),
    ]


def test_a_key_found_inactive_has_its_whole_grace_from_that_day() -> None:
    life = Life(a_key(age=300, inactive=True))

    life.days(0, 11)

    assert life.acts == [(10, "OLD", "DELETE")]
    assert life.told == [
        (0, "OLD", "deleting"),
        (7, "OLD", "before-delete"),
        (10, "OLD", "deleted"),
    ]


def test_a_young_key_found_inactive_stays_until_it_is_110_days_old() -> None:
    life = Life(a_key(age=30, inactive=True))

    life.days(0, 81)

    assert life.acts == [(80, "OLD", "DELETE")]


def test_a_key_that_a_person_disabled_and_enabled_again_is_simply_active() -> None:
    life = Life(a_key(age=300, inactive=True)).days(0, 5)
    life.set_status("OLD", "Active")

    life.days(6, 30)

    assert life.acts == [(6, "OLD", "ROTATE"), (16, "OLD", "DISABLE"), (26, "OLD", "DELETE")]
    assert not any(name == "restored" for _, _, name in life.told)


def test_a_key_used_after_it_was_disabled_gets_its_grace_anew_once() -> None:
    life = Life(a_key(age=300)).days(0, 10)
    life.left = {"OLD"}
    life.uses["OLD"] = NOW + 11 * DAY

    life.days(11, 25)
    life.uses["OLD"] = NOW + 25 * DAY  # again; it does not count a second time
    life.days(26, 31)

    assert life.acts == [(0, "OLD", "ROTATE"), (10, "OLD", "DISABLE"), (30, "OLD", "DELETE")]
    assert (20, "OLD", "grace-renewed") in life.told


def test_a_grace_that_began_anew_is_whole_even_if_nobody_could_be_told() -> None:
    life = Life(a_key(age=300)).days(0, 10)
    life.uses["OLD"] = NOW + 11 * DAY
    life.days(11, 19)
    life.channel_is_up = False
    life.days(20, 20)
    life.channel_is_up = True

    life.days(21, 31)

    assert life.acts[-1] == (30, "OLD", "DELETE")


def test_a_forced_key_of_five_days_ends_after_the_window_and_the_grace() -> None:
    life = Life(a_key(age=5))
    life.forced = NOW

    life.days(0, 21)

    assert life.acts == FIRST_DAYS


def test_a_force_that_comes_again_rotates_nothing_twice() -> None:
    life = Life(a_key(age=5))
    life.forced = NOW - timedelta(minutes=5)
    life.run(0)

    for minutes in (5, 20, 600, 1430, 1600):
        life.run(0, minutes=minutes)

    assert life.acts == [(0, "OLD", "ROTATE")]


def test_a_force_is_void_after_a_day() -> None:
    life = Life(a_key(age=5))
    life.forced = NOW - timedelta(hours=24)

    life.days(0, 3)

    assert life.acts == []


def test_an_unused_key_ends_without_a_successor_where_the_policy_says_so() -> None:
    life = Life(a_key(age=300), policy=RotationPolicy(unused_period=90))
    life.left = {"OLD"}

    life.days(0, 21)

    assert life.acts == [(10, "OLD", "DISABLE"), (20, "OLD", "DELETE")]


def test_an_unused_key_that_is_used_again_in_time_is_rotated() -> None:
    life = Life(a_key(age=300), policy=RotationPolicy(unused_period=90))
    life.left = {"OLD"}
    life.days(0, 5)
    life.left = set()

    life.days(6, 26)

    assert life.acts == [(6, "OLD", "ROTATE"), (16, "OLD", "DISABLE"), (26, "OLD", "DELETE")]


@pytest.mark.parametrize("max_hold", [5, 30, 60])
def test_a_key_in_use_is_held_no_longer_than_max_hold(max_hold: int) -> None:
    policy = RotationPolicy(hold_if_used_within=3, max_hold=max_hold)
    life = Life(a_key(age=300), policy=policy)

    life.days(0, 10 + max_hold)

    assert life.acts == [(0, "OLD", "ROTATE"), (10 + max_hold, "OLD", "DISABLE")]


def test_a_held_key_is_disabled_when_it_falls_quiet() -> None:
    life = Life(a_key(age=300), policy=RotationPolicy(hold_if_used_within=3)).days(0, 12)
    life.left = {"OLD"}  # last used on day 12

    life.days(13, 26)

    assert life.acts == [(0, "OLD", "ROTATE"), (16, "OLD", "DISABLE"), (26, "OLD", "DELETE")]


def test_a_longer_inactive_period_begins_no_hold_before_its_end() -> None:
    life = born_today().days(1, 95)
    life.policy = RotationPolicy(inactive_period=140, hold_if_used_within=3, max_hold=5)

    life.days(96, 152)

    # Told on day 96 that the window is now fifty days, so that the hold begins on day 146.
    assert life.acts == [(90, "OLD", "ROTATE"), (151, "OLD", "DISABLE")]


@pytest.mark.parametrize(
    "now",
    [
        pytest.param({"versions": frozenset({"a", "b"}), "current": "a"}, id="twice"),
        pytest.param(
            {
                "versions": frozenset({version_id_for("NEW1"), "somebody-elses"}),
                "current": "somebody-elses",
            },
            id="once",
        ),
        pytest.param({"current": None}, id="label-taken-off"),
    ],
)
def test_an_overwritten_secret_makes_the_successor_a_persons_key(now: dict[str, Any]) -> None:
    life = Life(a_key(age=300)).days(0, 3)
    assert life.secret is not None
    life.secret = replace(life.secret, **now)

    life.days(4, 30)

    assert life.acts == [(0, "OLD", "ROTATE")]
    assert [told for told in life.told if told[1] == "NEW1"] == [(4, "NEW1", "overwritten")]


@pytest.mark.parametrize("foreign", ["another-user", "AIDAEARLIER"])
def test_beside_a_foreign_secret_nothing_is_done(foreign: str) -> None:
    life = Life(a_key(age=300))
    secret = a_secret()
    name = "keyturn:user" if foreign == "another-user" else "keyturn:user-id"
    life.secret = replace(secret, tags={**secret.tags, name: foreign})

    life.days(0, 30)

    assert life.acts == []
    assert [day for day, _, _ in life.told] == [0, 7, 14, 21, 28]


def test_longer_periods_put_the_dates_off_and_are_told_anew() -> None:
    life = born_today().days(1, 95)
    life.policy = RotationPolicy(rotation_period=90, inactive_period=120)

    life.days(96, 131)

    assert life.acts == [(90, "OLD", "ROTATE"), (126, "OLD", "DISABLE")]
    assert (96, "OLD", "retiring") in life.told  # thirty days from then


def test_a_wider_window_counts_from_the_first_notice_and_is_told_anew() -> None:
    life = Life(a_key(age=300)).days(0, 5)
    life.policy = RotationPolicy(rotation_period=70)

    life.days(6, 36)

    assert (6, "OLD", "retiring") in life.told
    assert life.acts == [(0, "OLD", "ROTATE"), (36, "OLD", "DISABLE")]


def test_shorter_periods_come_no_sooner_than_promised() -> None:
    life = born_today().days(1, 95)
    life.policy = RotationPolicy(rotation_period=30, inactive_period=31, recovery_grace_period=1)

    life.days(96, 111)

    assert life.acts == [(90, "OLD", "ROTATE"), (100, "OLD", "DISABLE"), (110, "OLD", "DELETE")]


def test_a_shorter_grace_does_not_shorten_one_that_was_promised() -> None:
    life = Life(a_key(age=300)).days(0, 12)
    life.policy = RotationPolicy(recovery_grace_period=1)

    life.days(13, 21)

    assert life.acts == FIRST_DAYS


def test_a_longer_grace_is_told_anew() -> None:
    life = Life(a_key(age=300)).days(0, 12)
    life.policy = RotationPolicy(recovery_grace_period=30)

    life.days(13, 41)

    assert (13, "OLD", "deleting") in life.told
    assert life.acts[-1] == (40, "OLD", "DELETE")


def test_without_a_channel_nothing_is_disabled() -> None:
    life = Life(a_key(age=300))
    life.channel_is_up = False

    life.days(0, 60)

    assert life.acts == [(0, "OLD", "ROTATE")]


def test_the_window_begins_when_the_notice_got_through() -> None:
    life = Life(a_key(age=300))
    life.channel_is_up = False
    life.days(0, 6)
    life.channel_is_up = True

    life.days(7, 30)

    assert life.acts == [(0, "OLD", "ROTATE"), (17, "OLD", "DISABLE"), (27, "OLD", "DELETE")]


def test_a_notice_that_bounced_is_given_anew() -> None:
    life = Life(a_key(age=300)).days(0, 4)
    life.receipts["OLD"].clear()

    life.days(5, 25)

    assert life.acts == [(0, "OLD", "ROTATE"), (15, "OLD", "DISABLE"), (25, "OLD", "DELETE")]


def test_a_deletion_that_nobody_heard_of_waits_for_a_notice_of_three_days() -> None:
    life = Life(a_key(age=300)).days(0, 9)
    life.channel_is_up = False
    life.days(10, 24)
    life.channel_is_up = True

    life.days(25, 29)

    assert life.acts[-1] == (28, "OLD", "DELETE")


@pytest.mark.parametrize(
    ("back", "disabled"),
    [(10, 10), (12, 12), (17, 17), (40, 40), (41, 51)],  # after 30 days the receipt is stale
)
def test_weeks_without_a_run_only_put_off(back: int, disabled: int) -> None:
    life = Life(a_key(age=300)).days(0, 0)

    life.days(back, disabled + 10)

    assert life.acts == [
        (0, "OLD", "ROTATE"),
        (disabled, "OLD", "DISABLE"),
        (disabled + 10, "OLD", "DELETE"),
    ]


@pytest.mark.parametrize(("back", "deleted"), [(20, 20), (27, 27), (50, 50), (51, 54)])
def test_weeks_without_a_run_put_off_a_deletion_too(back: int, deleted: int) -> None:
    life = Life(a_key(age=300)).days(0, 10)

    life.days(back, deleted)

    assert life.acts[-1] == (deleted, "OLD", "DELETE")


def test_a_key_of_seven_skipped_days_is_warned_of_the_latest_step_only() -> None:
    life = born_today().days(1, 70).days(84, 90)

    assert [name for _, _, name in life.told] == ["upcoming-7", "upcoming-1", "rotated"]


@pytest.mark.parametrize("fact", ["secret", "receipts"])
def test_while_the_record_or_the_receipts_are_unreadable_no_key_ends(fact: str) -> None:
    life = Life(a_key(age=300)).days(0, 4)
    life.answers = {fact: SILENCE}
    life.days(5, 30)
    blocked = life.last
    life.answers = {}

    life.days(31, 31)

    assert life.acts == [(0, "OLD", "ROTATE"), (31, "OLD", "DISABLE")]
    assert blocked is not None
    assert blocked["OLD"].action is Action.WAIT


def test_while_nobody_can_say_who_uses_a_key_none_of_two_is_retired() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=300))
    life.left = {"OLD", "SECOND"}
    life.answers = {"last use": SILENCE}

    life.days(0, 40)

    assert life.acts == []


def test_an_exempt_key_is_left_alone_however_old_it_is() -> None:
    life = Life(a_key(age=900), a_key("SECOND", age=900, inactive=True))
    life.exempt = True

    life.days(0, 60)

    assert life.acts == []
    assert life.told == []


def test_who_is_no_longer_exempt_has_the_whole_window() -> None:
    life = Life(a_key(age=300))
    life.exempt = True
    life.days(0, 30)
    life.exempt = False

    life.days(31, 51)

    assert life.acts == [(31, "OLD", "ROTATE"), (41, "OLD", "DISABLE"), (51, "OLD", "DELETE")]


def test_an_exemption_in_the_middle_stops_everything_and_nothing_is_lost() -> None:
    life = Life(a_key(age=300)).days(0, 8)
    life.exempt = True
    life.days(9, 20)
    life.exempt = False

    life.days(21, 31)

    assert life.acts == [(0, "OLD", "ROTATE"), (21, "OLD", "DISABLE"), (31, "OLD", "DELETE")]


def test_a_due_key_waits_for_the_slot_of_an_inactive_one() -> None:
    life = Life(a_key(age=900, inactive=True), a_key("SECOND", age=300))

    life.days(0, 30)

    assert life.acts == [
        (10, "OLD", "DELETE"),
        (10, "SECOND", "ROTATE"),
        (20, "SECOND", "DISABLE"),
        (30, "SECOND", "DELETE"),
    ]


def test_two_inactive_keys_go_in_time_and_nothing_is_rotated() -> None:
    life = Life(a_key(age=900, inactive=True), a_key("SECOND", age=300, inactive=True))

    life.days(0, 20)

    assert life.acts == [(10, "OLD", "DELETE"), (10, "SECOND", "DELETE")]


def test_a_key_whose_successor_a_person_deleted_is_rotated_anew() -> None:
    life = Life(a_key(age=300)).days(0, 5)
    life.remove("NEW1")

    life.days(6, 26)

    assert life.acts == [
        (0, "OLD", "ROTATE"),
        (6, "OLD", "ROTATE"),
        (16, "OLD", "DISABLE"),
        (26, "OLD", "DELETE"),
    ]


def test_the_shortest_policy_takes_a_day_for_each_step() -> None:
    life = born_today()
    life.policy = RotationPolicy(rotation_period=1, inactive_period=2, recovery_grace_period=1)
    life.jitter = lambda day: day * 37 % 61 - 30

    life.days(1, 3)

    assert life.acts[:3] == [(1, "OLD", "ROTATE"), (2, "OLD", "DISABLE"), (3, "OLD", "DELETE")]


def test_two_runs_on_one_day_do_and_tell_what_one_would() -> None:
    once, twice = Life(a_key(age=60)), Life(a_key(age=60))

    for day in range(60):
        once.run(day)
        twice.run(day)
        twice.run(day, minutes=20)

    assert twice.acts == once.acts
    assert twice.told == once.told


def test_a_restored_key_shows_it() -> None:
    life = Life(a_key(age=200)).days(0, 12)
    life.set_status("OLD", "Active")

    life.days(13, 22)

    assert life.last is not None
    assert Overlay.RESTORED in life.last["OLD"].overlays
    assert life.last["OLD"].reason is Reason.RESTORED


def test_the_default_policy_is_the_one_the_timelines_speak_of() -> None:
    assert (POLICY.rotation_period, POLICY.inactive_period, POLICY.delete_period) == (90, 100, 110)
