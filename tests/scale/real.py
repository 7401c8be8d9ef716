"""
A day of many accounts through the local queue, in processes of their own, and the same simulated.

The inventory fills the queue while so many rotation functions take from it. A call waits long,
against what it takes of a processor: the local AWS performs one at a time, and what this shows is
the queueing, not how fast a processor is.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.bench.day import Queues
from tests.bench.process import Emulator, Function, Took, emulated, function
from tests.bench.scene import Scene
from tests.scale.calibrate import SECONDS, Each
from tests.scale.calibration import AccountDay, Calibration, cost_of
from tests.scale.queueing import simulate

ACCOUNTS, USERS, AT_ONCE = 500, 3, 8
WAITS = 0.25
"""Seconds a call."""
COMPARED = Path(__file__).parent / "compared.json"
"""What came of it the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How long it took from the inventory's begin to the last account, seconds."""

    measured: float
    simulated: float
    accounts: int
    at_once: int = AT_ONCE
    waits: float = WAITS

    @property
    def difference(self) -> float:
        """Of the simulated one from the measured one; 0.1 is ten percent."""
        return self.simulated / self.measured - 1


def compared(calibration: Calibration) -> Compared:
    """Do both."""
    with emulated(Scene(accounts=ACCOUNTS, users=USERS)) as emulator:
        emulator.order("latency", WAITS)
        measured, handled = _real(emulator)
    return Compared(measured=measured, simulated=simulated(calibration), accounts=handled)


def _real(emulator: Emulator) -> tuple[float, int]:
    """How long it took, and how many accounts were handled."""
    with ExitStack() as opened:
        rotations = [opened.enter_context(function("rotation", emulator)) for _ in range(AT_ONCE)]
        inventory = opened.enter_context(function("inventory", emulator))
        listed, parts = Event(), [Each() for _ in rotations]
        workers = [
            Thread(target=_work, args=(emulator, each, part, listed))
            for each, part in zip(rotations, parts, strict=True)
        ]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        inventory.invoke({}, seconds=SECONDS)
        listed.set()
        for worker in workers:
            worker.join()
        return time.perf_counter() - began, sum(part.invocations for part in parts)


def _work(emulator: Emulator, rotation: Function, part: Each, listed: Event) -> None:
    queues = Queues(emulator)

    def invoke(event: Mapping[str, Any]) -> Took:
        return rotation.invoke(event, seconds=SECONDS)

    while True:
        over = listed.is_set()
        queues.drain(emulator.rotation_queue, 1, invoke, part)
        if over:
            return
        time.sleep(0.02)


def simulated(calibration: Calibration) -> float:
    """The same day, simulated: seconds from the inventory's begin to the last account."""
    cost = cost_of(calibration, AccountDay(users=USERS))
    pages = ACCOUNTS // 20 + 1
    calls_before = 1 + pages + 1  # the role, the list, the record of what is queued
    arrivals = [(calls_before + 1 + number // 10) * WAITS for number in range(ACCOUNTS)]
    services = [cost.wall + cost.depth * WAITS] * ACCOUNTS
    cold = calibration.cold
    return simulate(arrivals, services, at_once=AT_ONCE, cold=cold, grows=False).end
