"""One scenario at a time, prepared once and played again and again from the run to break."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.domain.decision import WRITING, Action
from keyturn_sandbox.emulator.faults import Fault
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.world import DAY, Ran, World

CLEAN_RUNS = (1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 24, 33, 34, 44, 45, 56)
"""Days after the broken run: all on which something can fall due, and the days after."""
LAST_OF_AN_UNBROKEN_RUN = 24
"""The days after it only wait for what a fault has held up."""
End = list[tuple[str, str]]
"""User and status of every key."""
Deed = tuple[str, str, Action]
"""User, key, and what was done."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a broken run and the clean ones after it."""

    broken: Ran
    end: End
    violations: tuple[str, ...]

    @property
    def done(self) -> frozenset[Deed]:
        """What the run did for whom; nothing of one that died."""
        result = self.broken.result
        return frozenset(
            (outcome.decided.user.name, made.decision.key_id, made.decision.action)
            for outcome in (result.outcomes if result else ())
            for made in outcome.done
            if made.decision.action in WRITING
        )

    @property
    def says_so(self) -> bool:
        """Whether it reports what was not done; of a run that died, others do."""
        result = self.broken.result
        return result is None or bool(result.failures)


@dataclass(slots=True)
class ScenarioRunner:
    """Keeps one scenario, and plays it from where it was prepared."""

    _name: str = ""
    _world: World | None = None
    _put_back: Callable[[], None] = lambda: None
    _unbroken: dict[str, Played] = field(default_factory=dict)

    def play(
        self,
        name: str,
        fault: Fault | None = None,
        at: int = 0,
        of: str = "",
        lists_late: timedelta = timedelta(0),
    ) -> Played:
        """Break a run at a call, and let clean ones follow; IAM's lists may be late throughout."""
        end = self.unbroken(name).end if fault else None
        world, scenario = self.at(name), SCENARIOS[name]
        if lists_late:
            world.cloud.delays.lists = lists_late
        start = world.cloud.now
        broken = world.run(fault, at, of=of, asked=scenario.asks(world))
        scenario.afterwards(world)
        follow(world, start, end)
        return Played(broken, world.state, tuple(world.violations()))

    def calls_of(self, name: str) -> tuple[tuple[str, str], ...]:
        """The calls of an unbroken run: user, where there are several, and name."""
        world = self.at(name)
        return tuple(world.run(asked=SCENARIOS[name].asks(world)).calls)

    def end_of(self, name: str) -> End:
        """How an unbroken run ends."""
        return self.unbroken(name).end

    def unbroken(self, name: str) -> Played:
        """The scenario as it goes without a fault."""
        if name not in self._unbroken:
            self._unbroken[name] = self.play(name)
        return self._unbroken[name]

    def close(self) -> None:
        """Leave the stage to others."""
        if self._world is not None:
            self._world.__exit__(None, None, None)
        self._name, self._world = "", None

    def at(self, name: str) -> World:
        """A scenario's world, as it is before the run to break."""
        if self._world is None or self._name != name:
            self.close()
            self._name, self._world = name, World().__enter__()
            SCENARIOS[name].prepare(self._world)
            self._world.begin()
            self._put_back = self._world.checkpoint()
        self._put_back()
        return self._world


def follow(world: World, start: datetime, end: End | None = None) -> None:
    """
    Run on all days on which something can fall due after `start`.

    Where the end is known, and reached when an unbroken run has reached it, they are over.
    """
    for days in CLEAN_RUNS:
        if days > LAST_OF_AN_UNBROKEN_RUN and world.held() == end:
            break
        day = start + days * DAY
        if day > world.cloud.now:
            world.go_to(day)
            world.run()
    world.finish()
