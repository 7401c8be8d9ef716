"""
What a run over an account takes, measured: each function in a process of its own, the local AWS in
another, one invocation after the other. `make scale CALIBRATE=1` keeps it in `calibration.json`.

The same accounts are seen on the days on which their keys are rotated, disabled and deleted.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from tests.bench.day import Part, Queues
from tests.bench.process import Emulator, Took, emulated, function
from tests.bench.scene import Scene
from tests.cloudformation.notifier_queue import deployed
from tests.scale.calibration import LATENCY, Calibration, Measured
from tests.use_cases.harness import DAY, OWNER, staged

ACCOUNTS = 4
"""Of each scene; the first one meets a cold function."""
FEW, MANY = 4, 20
"""Users of an account."""
KINDS = {0: "rotated", 11: "disabled", 22: "deleted"}
"""Days after the first one → what its keys are on that day, with 90/100/110."""
SECONDS = 900.0


@dataclass(kw_only=True)
class Each(Part):
    """What each invocation took."""

    took: list[Took] = field(default_factory=list)

    def add(self, took: Took) -> None:
        """One more invocation."""
        super().add(took)
        self.took.append(took)


@dataclass(frozen=True, kw_only=True)
class DayTook:
    """What became of a day."""

    rotation: Each
    notifier: Each
    mails: int


def calibrated(today: str, commit: str) -> Calibration:
    """Measure all of it: some minutes."""
    found = [
        *_measured(FEW, ("quiet",), due=0),
        *_measured(MANY, ("quiet",), due=0),
        *_measured(MANY, tuple(KINDS.values()), due=1),
        *_measured(MANY, tuple(KINDS.values()), due=MANY),
    ]
    with emulated(Scene(accounts=1, users=1)) as emulator:
        loaded = {name: _loaded(name, emulator) for name in ("rotation", "notifier")}
    return Calibration(
        measured_on=today,
        commit=commit,
        command="make scale CALIBRATE=1",
        loaded=loaded,
        log_bytes=_log_bytes(),
        notice_days=_notice_days(),
        measured=found,
    )


def _loaded(name: str, emulator: Emulator) -> float:
    with function(name, emulator) as started:
        return started.loaded.wall


def _measured(users: int, kinds: Sequence[str], *, due: int) -> Iterator[Measured]:
    scene = Scene(accounts=ACCOUNTS, users=users)
    quick, slow = ([*_days(scene, due, len(kinds), latency)] for latency in (0.0, LATENCY))
    for kind, at_once, late in zip(kinds, quick, slow, strict=True):
        rotation, notifier = at_once.rotation, at_once.notifier
        warm = rotation.took[1:]
        yield Measured(
            kind=kind,
            users=users,
            due=due,
            calls=_shared(rotation.calls, ACCOUNTS),
            cpu=median(took.cpu for took in warm),
            wall=median(took.wall for took in warm),
            wall_slow=median(took.wall for took in late.rotation.took[1:]),
            cold=rotation.took[0].wall - median(took.wall for took in warm),
            mails=at_once.mails / ACCOUNTS,
            notifier_calls=_shared(notifier.calls, ACCOUNTS),
            notifier_cpu=notifier.cpu / ACCOUNTS,
            notifier_wall=notifier.wall / ACCOUNTS,
            notifier_wall_slow=late.notifier.wall / ACCOUNTS,
        )


def _shared(calls: Mapping[str, int], accounts: int) -> dict[str, float]:
    return {name: round(count / accounts, 3) for name, count in sorted(calls.items())}


def _days(scene: Scene, due: int, days: int, latency: float) -> Iterator[DayTook]:
    with emulated(scene) as emulator:
        emulator.order("due", [0, due])
        begun = datetime.now(UTC)
        emulator.order("latency", latency)
        for number in list(KINDS)[:days]:
            at = (begun + timedelta(days=number)).isoformat()
            emulator.order("move", at)
            yield _day(emulator, at)


def _day(emulator: Emulator, at: str) -> DayTook:
    mails = emulator.order("mails")
    with function("inventory", emulator, at=at) as inventory:
        inventory.invoke({}, seconds=SECONDS)
    rotation = drained(emulator, "rotation", emulator.rotation_queue, 1, at)
    notifier = drained(emulator, "notifier", emulator.notifier_queue, deployed().batch, at)
    return DayTook(rotation=rotation, notifier=notifier, mails=emulator.order("mails") - mails)


def drained(emulator: Emulator, name: str, queue: str, most: int, at: str) -> Each:
    """Let one function empty a queue."""
    part = Each()
    emulator.order("forget")
    with function(name, emulator, at=at, AdminDigest="Daily") as started:

        def invoke(event: Mapping[str, Any]) -> Took:
            return started.invoke(event, seconds=SECONDS)

        Queues(emulator).drain(queue, most, invoke, part)
    part.calls = emulator.counted()
    return part


def _log_bytes() -> dict[str, float]:
    """What a function logs of an account: by itself, of a quiet user, of a rotated one."""
    sizes = {}
    for name, ages in {"none": (), "quiet": (40,) * MANY, "rotated": (137,) * MANY}.items():
        with staged() as stage, redirect_stdout(io.StringIO()):
            for number, age in enumerate(ages):
                stage.user(f"user-{number}", age)
            stage.invoke()
            sizes[name] = float(len(stage.log.getvalue()) + len(stage.metrics.getvalue()))
    of_account = sizes["none"]
    return {
        "account": of_account,
        "quiet": (sizes["quiet"] - of_account) / MANY,
        "rotated": (sizes["rotated"] - of_account) / MANY,
    }


def _notice_days() -> int:
    """On how many days of a key's life its owner gets a mail, from its first to its last."""
    with staged() as stage:
        [key] = stage.user("user", 0)
        days = 0
        while key in stage.keys("user"):
            before = len(stage.cloud.sent_mails)
            stage.run()
            mails = list(stage.cloud.sent_mails)[before:]
            days += any(OWNER in mail.to for mail in mails)
            stage.cloud.move_to(stage.cloud.now + DAY)
        return days


def kept(calibration: Calibration) -> str:
    """As it is committed."""
    return json.dumps(asdict(calibration), indent=1) + "\n"
