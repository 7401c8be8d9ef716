"""Two runs over one user: every order of their calls."""

from collections.abc import Callable, Iterator

import pytest

from keyturn.use_cases.keep_account import Request
from tests.chaos.meeting import RUNS, Met, Schedule, end_of, meet
from tests.chaos.scale import FORM
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.theatre import Theatre, follow
from tests.chaos.world import World

MEETINGS = (
    "rotate-first",
    "rotate-again",
    "disable",
    "orphan-found",
    "restored",
)
MORE = (
    *MEETINGS,
    "delete",
    "orphan-over",  # 11,000 schedules
    "delete-and-rotate",
    "found-inactive",
    "two-disable",
    "used-after-disabling",
    "unsettled",
    "order-restore",
    "order-revoke",
)
"""Of one user each: several are worked on in threads that nobody lets through one by one."""


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    theatre = Theatre()
    yield theatre
    theatre.close()


@pytest.mark.parametrize("name", MORE if FORM == "long" else MEETINGS)
def test_two_runs_do_what_one_would_in_whatever_order_they_come(
    theatre: Theatre, record_property: Callable[[str, object], None], name: str
) -> None:
    world, scenario = theatre.at(name), SCENARIOS[name]
    aws = {each: world.aws() for each in RUNS}
    end = theatre.end_of(name)
    seen: set[str] = set()
    ends: set[str] = set()
    beginnings, schedules = [""], 0
    while beginnings:
        schedule = Schedule(beginnings.pop(), seen)
        world = theatre.at(name)
        start = world.cloud.now

        asked = scenario.asks(world)
        assert isinstance(asked, Request)
        met = meet(world, aws, asked, schedule)

        schedules += 1
        beginnings += schedule.others
        if met.results:
            assert_well(world, met, asked)
            if end_of(world) not in ends:
                ends.add(end_of(world))
                scenario.afterwards(world)
                follow(world, start)
                assert world.violations() == [], met.taken
                assert world.state == end, met.taken
    record_property("schedules", schedules)
    record_property("states", len(seen))


def assert_well(world: World, met: Met, asked: Request) -> None:
    """
    Neither run has broken a promise, or reports a failure for what the other did.

    Of two equal orders one may say that nothing came of it, but not both.
    """
    failures = [[str(f) for f in result.failures] for result in met.results.values()]
    world.finish()
    if asked.order is None:
        assert not any(failures), met.taken
    assert not all(failures), met.taken
    assert world.violations() == [], met.taken
