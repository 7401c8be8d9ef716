"""What was measured of single accounts, and what a run over any account takes by that."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from keyturn_sandbox.emulator.rate_limits import BURST, RATE

FILE = Path(__file__).parent / "calibration.json"
LATENCY = 0.2
"""Seconds that each call waits in the slow one of two measurements: much, for what else varies."""
AT_ONCE = 8
"""Users of an account that are worked on side by side: `ParallelUsers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an account took on a day of one kind; seconds, and calls by `service:Operation`."""

    kind: str
    """What became of the keys that something was due for: rotated, disabled, deleted; or quiet."""
    users: int
    due: int
    """How many of them have such a key."""
    calls: Mapping[str, float]
    """Operation → how many of it, of one account."""
    cpu: float
    wall: float
    wall_slow: float
    """With `LATENCY`."""
    cold: float
    """More for the first invocation of a process."""
    mails: float
    notifier_calls: Mapping[str, float]
    """Likewise, for what is said of one account."""
    notifier_cpu: float
    notifier_wall: float
    notifier_wall_slow: float

    @property
    def depth(self) -> float:
        """How many calls lie one behind the other."""
        return (self.wall_slow - self.wall) / LATENCY

    @property
    def notifier_depth(self) -> float:
        """Likewise, for what is said of one account."""
        return (self.notifier_wall_slow - self.notifier_wall) / LATENCY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """All that was measured, when, and how."""

    measured_on: str
    commit: str
    command: str
    loaded: Mapping[str, float]
    """Function → seconds to import it."""
    log_bytes: Mapping[str, float]
    """Of an account by itself, of a quiet user, of a rotated one → bytes."""
    notice_days: int
    """On how many days of a key's life its owner gets a mail."""
    measured: list[Measured]

    @property
    def cold(self) -> float:
        """Seconds more for the first invocation of a process."""
        quiet = self.of("quiet")
        return sum(each.cold for each in quiet) / len(quiet)

    def of(self, kind: str) -> tuple[Measured, Measured]:
        """The smaller and the larger account of a kind, or with fewer and more keys due."""
        few, many = sorted(
            (each for each in self.measured if each.kind == kind),
            key=lambda each: (each.users, each.due),
        )
        return few, many


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """How many users an account has, and what is due for their keys on one day."""

    users: int
    rotated: int = 0
    disabled: int = 0
    deleted: int = 0
    warned: int = 0
    """Their owner is mailed, and nothing is done."""

    @property
    def due(self) -> Mapping[str, int]:
        """Kind → for how many keys."""
        return {"rotated": self.rotated, "disabled": self.disabled, "deleted": self.deleted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run over an account takes."""

    calls: Counter[str]
    """Operation → how many; parts of one, where they are averages."""
    cpu: float
    """Seconds, on the machine that measured."""
    wall: float
    """Seconds, there, where no call waits."""
    depth: float
    """How many calls lie one behind the other."""

    def seconds(self, latency: float, *, processors: float = 1.0) -> float:
        """How long it takes where a call waits so long, and it has so much of a processor."""
        by_calls = self.cpu / processors + self.depth * latency
        iam = sum(count for name, count in self.calls.items() if name.startswith("iam:"))
        return max(by_calls, (iam - BURST) / RATE)


def read(text: str) -> Calibration:
    """Read what `kept` wrote."""
    given = json.loads(text)
    return Calibration(**{**given, "measured": [Measured(**each) for each in given["measured"]]})


def cost_of(calibration: Calibration, day: AccountDay) -> Cost:
    """
    What an account takes, by those that were measured.

    Quiet users lie on a line through two accounts of different size, and so do keys that something
    is due for. Calls behind one another come in steps, for users are worked on side by side.
    """
    few, quiet = calibration.of("quiet")
    cost = _between(few, quiet, few.users, quiet.users, day.users)
    for kind, keys in day.due.items():
        if not keys:
            continue
        one, many = calibration.of(kind)
        due = _between(one, many, one.due, many.due, keys)
        cost = Cost(
            calls=Counter(
                {
                    name: cost.calls[name] + due.calls[name] - quiet.calls.get(name, 0)
                    for name in {*cost.calls, *due.calls}
                }
            ),
            cpu=cost.cpu + due.cpu - quiet.cpu,
            wall=cost.wall + due.wall - quiet.wall,
            depth=cost.depth + due.depth - quiet.depth,
        )
    return cost


def notices_of(calibration: Calibration, keys: int) -> Cost:
    """What the notifier takes to tell of so many keys of one account."""
    one, many = calibration.of("rotated")
    x = (one.due, many.due, keys)
    return Cost(
        calls=_calls(one.notifier_calls, many.notifier_calls, *x),
        cpu=_line(one.notifier_cpu, many.notifier_cpu, *x),
        wall=_line(one.notifier_wall, many.notifier_wall, *x),
        depth=_line(one.notifier_depth, many.notifier_depth, *x),
    )


def _between(few: Measured, many: Measured, x1: int, x2: int, x: int) -> Cost:
    """The account at x of the line through two that were measured at x1 and x2."""
    return Cost(
        calls=_calls(few.calls, many.calls, x1, x2, x),
        cpu=_line(few.cpu, many.cpu, x1, x2, x),
        wall=_line(few.wall, many.wall, x1, x2, x),
        depth=_line(few.depth, many.depth, _steps(x1), _steps(x2), _steps(x)),
    )


def _calls(
    few: Mapping[str, float], many: Mapping[str, float], x1: int, x2: int, x: int
) -> "Counter[str]":
    names = {*few, *many}
    return Counter({name: _line(few.get(name, 0), many.get(name, 0), x1, x2, x) for name in names})


def _steps(users: int) -> int:
    return ceil(users / AT_ONCE)


def _line(y1: float, y2: float, x1: float, x2: float, x: float) -> float:
    """The value at x of the line through two points; none below nothing."""
    return max(0.0, y1 + (y2 - y1) * (x - x1) / (x2 - x1))
