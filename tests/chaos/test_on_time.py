"""When nothing fails and nobody interferes, every step comes on the very day that is promised."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from keyturn_sandbox.emulator.faults import Fault
from tests.chaos.scale import FORM
from tests.chaos.world import World

Steps = list[tuple[int, str]]


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def steps(world: World, start: datetime) -> Steps:
    """What Keyturn did to keys, each with its day."""
    names = {"CreateAccessKey": "rotate", "DeleteAccessKey": "delete"}
    of_keys = {*names, "UpdateAccessKey"}
    return [
        ((call.at - start).days, names.get(call.operation, "disable"))
        for call in world.cloud.calls
        if call.operation in of_keys and "Administrator" not in call.principal
    ]


def run_daily(world: World, days: int, also: Callable[[int], object] = lambda _day: None) -> Steps:
    """Run on each day, and let people do what they do an hour later."""
    world.begin()
    for day in range(days):
        world.go_to(world.day(day))
        world.run()
        also(day)
    world.finish()
    assert world.violations() == []
    return steps(world, world.day(0))


LIFE = [(90, "rotate"), (100, "disable"), (110, "delete")]


COURSES: list[tuple[list[tuple[int, bool]], dict[str, str], Steps]] = [
    ([(0, True)], {}, LIFE),
    ([(137, True)], {}, [(0, "rotate"), (10, "disable"), (20, "delete")]),
    ([(900, True)], {}, [(0, "rotate"), (10, "disable"), (20, "delete")]),
    ([(85, True)], {}, [(5, "rotate"), (15, "disable"), (25, "delete")]),
    ([(900, True), (20, True)], {}, [(10, "disable"), (20, "delete"), (70, "rotate")]),
    ([(400, False), (20, True)], {}, [(10, "delete"), (70, "rotate")]),
    (
        [(400, False), (137, True)],
        {},
        [(10, "delete"), (10, "rotate"), (20, "disable"), (30, "delete")],
    ),
    ([(400, False), (300, False)], {}, [(10, "delete"), (10, "delete")]),
    (
        [(0, True)],
        {"RotationPeriod": "75", "InactivePeriod": "85"},
        [(75, "rotate"), (85, "disable"), (95, "delete")],
    ),
    (
        [(137, True)],
        {"RotationPeriod": "90", "InactivePeriod": "95", "RecoveryGracePeriod": "7"},
        [(0, "rotate"), (5, "disable"), (12, "delete")],
    ),
]


@pytest.mark.parametrize(("keys", "settings", "expected"), COURSES if FORM else COURSES[1:3])
def test_every_step_comes_on_its_day(
    world: World, keys: list[tuple[int, bool]], settings: dict[str, str], expected: Steps
) -> None:
    world.configure(**settings)
    world.user("ann", *keys)

    days = expected[-1][0] + 2

    assert run_daily(world, days) == expected


def test_an_unused_key_ends_without_a_successor(world: World) -> None:
    world.configure(UnusedPeriod="60")
    world.user("ann", (137, True), in_use=False)

    assert run_daily(world, 30) == [(10, "disable"), (20, "delete")]


def test_two_keys_in_use_wait_until_one_falls_quiet(world: World) -> None:
    old, new = world.user("ann", (200, True), (120, True))
    world.used_daily = {old: "ann", new: "ann"}

    def stop(day: int) -> None:
        if day == 5:
            del world.used_daily[old]

    # Last used on day 5: quiet from day 16 on, W days of notice, G of grace, then the other.
    assert run_daily(world, 60, stop)[:3] == [(26, "disable"), (36, "delete"), (36, "rotate")]


def test_a_restored_key_is_left_alone_for_the_grace_and_told_of_anew(world: World) -> None:
    [old] = world.user("ann", (137, True))

    def restore(day: int) -> None:
        if day == 12:
            iam = world.hand("iam")
            iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Active")

    assert run_daily(world, 50, restore) == [
        *((0, "rotate"), (10, "disable")),
        *((33, "disable"), (43, "delete")),  # found on day 13: G, W and G from there
    ]


def test_a_key_used_after_it_was_disabled_gets_its_grace_once_more(world: World) -> None:
    [old] = world.user("ann", (137, True))

    def use(day: int) -> None:
        if day in {15, 25}:
            world.use(old)

    assert run_daily(world, 40, use) == [(0, "rotate"), (10, "disable"), (30, "delete")]


def test_a_forced_rotation_has_the_same_windows(world: World) -> None:
    world.user("ann", (5, True))
    world.begin()
    world.run(asked=world.forcing("ann"))
    for day in range(1, 22):
        world.go_to(world.day(day))
        world.run()

    assert steps(world, world.day(0)) == [(0, "rotate"), (10, "disable"), (20, "delete")]


def test_a_rotation_that_broke_off_is_repaired_and_begun_anew_within_two_days(
    world: World,
) -> None:
    world.user("ann", (137, True))
    world.run(Fault.KILLED_AFTER, on="iam:CreateAccessKey")
    for day in range(1, 25):
        world.go_to(world.day(day))
        world.run()

    assert steps(world, world.day(0)) == [
        *((0, "rotate"), (1, "disable"), (2, "delete")),
        *((2, "rotate"), (12, "disable"), (22, "delete")),
    ]


def test_skipped_weeks_put_every_step_off_and_shorten_no_window(world: World) -> None:
    world.user("ann", (137, True))
    for day in (0, 21, 22, 42, 43, 60):
        world.go_to(world.day(day))
        world.run()

    assert steps(world, world.day(0)) == [(0, "rotate"), (21, "disable"), (42, "delete")]
