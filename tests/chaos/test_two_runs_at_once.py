"""Two runs over one user: every order of their calls."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest

from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action
from keyturn.domain.record import KeyRecord, said_of
from keyturn.domain.result import Request
from tests.chaos.interleavings import RUNS, Interleaving, Schedule, Walk, end_of, interleave
from tests.chaos.scale import FORM
from tests.chaos.scenario_runner import End, ScenarioRunner, follow
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.world import DAY, FIRST_DAY, MEMBER, Asked, World

ALIKE = (
    "rotate-first",
    "disable",
    "restored",
)
MORE_ALIKE = (
    *ALIKE,
    "rotate-again",
    "orphan-found",
    "delete",
    "delete-and-rotate",
    "found-inactive",
    "two-disable",
    "used-after-disabling",
    "unsettled",
    "order-restore",
    "order-revoke-of-two",
)
"""Of one user each: several are worked on in threads that nobody lets through one by one."""


def oldest(world: World) -> str:
    """The key of longest standing."""
    return min(world.cloud.keys(MEMBER), key=lambda key: (key.created, key.key_id)).key_id


def newest(world: World) -> str:
    """The last one that was made."""
    return max(world.cloud.keys(MEMBER), key=lambda key: (key.created, key.key_id)).key_id


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asks for in a scene, while another run is on."""

    scene: str
    action: Action
    which: Callable[[World], str]
    beside: Action | None = None
    """What another operator orders about the same key; None: it is a daily run that is on."""

    def asks(self, world: World) -> Asked:
        """Ask for it now."""
        if self.action is Action.ROTATE:
            return world.forcing("ann")
        return world.ordering(self.action, self.which(world))

    def meets(self, world: World) -> Asked:
        """What the other run is asked for."""
        if self.beside is None:
            return Request()
        return world.ordering(self.beside, self.which(world))

    def both(self, world: World) -> Mapping[str, Asked]:
        """What each run is asked for."""
        return {"a": self.meets(world), "b": self.asks(world)}

    def assert_kept(self, world: World, met: Interleaving) -> None:
        """What was ordered is so, or its run says that it is not; and nobody else's fails."""
        failures = failures_of(met)
        assert self.beside or not failures["a"], met.taken
        assert failures["b"] or is_as_ordered(world, met.asked["b"]), met.taken


ORDERS = {
    "restore-what-is-deleted": Order("delete", Action.RESTORE, oldest),
    "revoke-the-successor": Order("disable", Action.REVOKE, newest),
}
MORE_ORDERS = ORDERS | {
    "revoke-what-is-disabled": Order("disable", Action.REVOKE, oldest),
    "revoke-beside-an-orphan": Order("orphan-found", Action.REVOKE, oldest),
    "restore-what-is-renewed": Order("used-after-disabling", Action.RESTORE, oldest),
    "restore-what-was-found": Order("found-inactive", Action.RESTORE, oldest),
    "revoke-what-is-rotated": Order("rotate-first", Action.REVOKE, oldest),
    "revoke-what-is-rotated-again": Order("rotate-again", Action.REVOKE, oldest),
    "revoke-what-is-deleted": Order("delete", Action.REVOKE, oldest),
    "revoke-beside-what-is-deleted": Order("delete", Action.REVOKE, newest),
    "revoke-what-was-restored": Order("restored", Action.REVOKE, oldest),
    "revoke-what-is-being-restored": Order(
        "order-restore", Action.REVOKE, oldest, beside=Action.RESTORE
    ),
    "force-what-is-rotated": Order("rotate-first", Action.ROTATE, oldest),
    "force-what-is-disabled": Order("disable", Action.ROTATE, oldest),
}


WALKS = {"": 10, "ci": 40, "long": 400}[FORM]
MOST = {"": 20, "ci": 800, "long": None}[FORM]
"""Schedules of one meeting that are played, drawn evenly; None: every one there is."""


@pytest.fixture(scope="module")
def runner() -> Iterator[ScenarioRunner]:
    runner = ScenarioRunner()
    yield runner
    runner.close()


@pytest.mark.parametrize("name", MORE_ALIKE if FORM == "long" else ALIKE)
def test_two_runs_do_what_one_would_in_whatever_order_they_come(
    runner: ScenarioRunner, record_property: Callable[[str, object], None], name: str
) -> None:
    scenario = SCENARIOS[name]
    end = runner.end_of(name)
    ends: set[str] = set()

    def asked(world: World) -> Mapping[str, Asked]:
        wanted = scenario.asks(world)
        assert isinstance(wanted, Request | OperatorCommand)
        return dict.fromkeys(RUNS, wanted)

    for world, met in interleavings(runner, name, asked, record_property):
        failures = failures_of(met)
        # Of two equal orders one may say that nothing came of it, but not both.
        assert not all(failures.values()), met.taken
        if isinstance(met.asked["a"], Request):
            assert not any(failures.values()), met.taken
        if end_of(world) not in ends:
            ends.add(end_of(world))
            scenario.afterwards(world)
            assert followed(world, met) == end, met.taken


@pytest.mark.parametrize("name", MORE_ORDERS if FORM == "long" else ORDERS)
def test_an_order_and_another_run_keep_every_promise_in_whatever_order_they_come(
    runner: ScenarioRunner, record_property: Callable[[str, object], None], name: str
) -> None:
    order = MORE_ORDERS[name]
    ends: set[str] = set()
    for world, met in interleavings(runner, order.scene, order.both, record_property):
        order.assert_kept(world, met)
        if end_of(world) not in ends:
            ends.add(end_of(world))
            followed(world, met)


@pytest.mark.parametrize("name", MORE_ORDERS)
def test_an_order_that_takes_its_time_and_another_run_keep_every_promise(
    runner: ScenarioRunner, record_property: Callable[[str, object], None], name: str
) -> None:
    """At a second for each call hardly two orders of the calls end alike: a sample of them."""
    order, dice = MORE_ORDERS[name], Random(name)  # noqa: S311 -- the same dice every time
    aws = {each: runner.at(order.scene).aws() for each in RUNS}
    for _ in range(WALKS):
        world = runner.at(order.scene)
        met = interleave(world, aws, order.both(world), Walk(dice), pace=timedelta(seconds=1))
        world.finish()
        assert world.violations() == [], met.taken
        order.assert_kept(world, met)
    record_property("schedules", WALKS)


def interleavings(
    runner: ScenarioRunner,
    scene: str,
    asked: Callable[[World], Mapping[str, Asked]],
    record_property: Callable[[str, object], None],
) -> Iterator[tuple[World, Interleaving]]:
    """All that can come of two runs that meet in a scene, once neither has broken a promise."""
    aws = {each: runner.at(scene).aws() for each in RUNS}
    seen: set[str] = set()
    beginnings, schedules = [""], 0
    dice = Random(scene)  # noqa: S311 -- the same dice every time
    while beginnings and (MOST is None or schedules < MOST):
        schedule = Schedule(beginnings.pop(dice.randrange(len(beginnings))), seen)
        world = runner.at(scene)
        met = interleave(world, aws, asked(world), schedule)
        schedules += 1
        beginnings += schedule.others
        if met.results:
            world.finish()
            assert world.violations() == [], met.taken
            yield world, met
    record_property("schedules", schedules)
    record_property("states", len(seen))


def failures_of(met: Interleaving) -> Mapping[str, list[str]]:
    """What each run reports as not done."""
    return {name: [str(f) for f in result.failures] for name, result in met.results.items()}


def followed(world: World, met: Interleaving) -> End:
    """How it ends, if no promise is broken on the way."""
    follow(world, met.started)
    assert world.violations() == [], met.taken
    return world.state


def is_as_ordered(world: World, asked: Asked) -> bool:
    """Whether what was ordered is so, after both runs, and is on record."""
    if isinstance(asked, Request):
        return len(world.cloud.keys(MEMBER)) > 1
    key_id = asked.key_id
    status = world.status(key_id)
    [secret] = world.cloud.secrets(MEMBER)
    on_record = KeyRecord.read(
        said_of(key_id, secret.tags), created=FIRST_DAY - 999 * DAY, now=world.cloud.now
    )
    if asked.action is Action.RESTORE:
        return status == "Active" and on_record.restored is not None
    return status is None or (status == "Inactive" and on_record.revoked is not None)
