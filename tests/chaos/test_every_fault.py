"""
Every call of every scenario, broken in every way.

A run is broken at one call; then clean runs follow until nothing is due any more. The ten
invariants are judged over all of it, and the end must be the one that an unbroken run leads
to. One case alone: pytest tests/chaos -k 'disable-killed-after-9'.
"""

import os
from collections.abc import Iterator
from functools import cache

import pytest

from keyturn.sandbox.faults import Fault
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.world import DAY, Ran, World

CLEAN_RUNS = (1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 24, 33, 34, 44)
"""Days after the broken run: all on which something can fall due, and the days after."""
SAMPLE = {
    "rotate-first": ("iam:CreateAccessKey", "secretsmanager:PutSecretValue"),
    "disable": ("iam:UpdateAccessKey",),
}
"""What is broken in an ordinary test run; `make chaos` breaks everything."""


def play(name: str, fault: Fault | None = None, at: int = 0) -> tuple[World, Ran]:
    """Bring a scenario to its day, break a run, and let clean ones follow."""
    scenario = SCENARIOS[name]
    with World() as world:
        scenario.prepare(world)
        start = world.cloud.now
        ran = world.run(fault, at, forced=scenario.forced)
        for days in CLEAN_RUNS:
            world.go_to(start + days * DAY)
            world.run()
        world.finish()
        return world, ran


@cache
def calls_of(name: str) -> tuple[str, ...]:
    """The calls of an unbroken run."""
    return tuple(play(name)[1].calls)


@cache
def end_of(name: str) -> list[tuple[str, str]]:
    """How an unbroken run ends."""
    return play(name)[0].state


def cases() -> Iterator[object]:
    """Scenario, fault and call; all of them, or a sample."""
    everything = os.environ.get("CHAOS") == "all"
    for name in SCENARIOS if everything else SAMPLE:
        for number, call in enumerate(calls_of(name), start=1):
            if everything or call in SAMPLE[name]:
                for fault in Fault:
                    yield pytest.param(name, fault, number, id=f"{name}-{fault}-{number}-{call}")


@pytest.mark.parametrize(("name", "fault", "number"), list(cases()))
def test_no_fault_breaks_a_promise(name: str, fault: Fault, number: int) -> None:
    world, ran = play(name, fault, number)

    assert world.violations(forgiving=_excused(ran)) == []
    assert world.state == end_of(name)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_without_a_fault_keeps_every_promise(name: str) -> None:
    world, _ = play(name)

    assert world.violations() == []


def _excused(ran: Ran) -> str | None:
    """
    What may be told a second time: a notice whose acceptance nobody could note down.

    A claim without a receipt is tried again after 15 minutes; better twice than never.
    """
    told = {"sesv2:SendEmail", "s3:PutObject", "s3:HeadObject"}
    return "a second time" if ran.befell in told else None
