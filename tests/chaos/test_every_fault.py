"""
Every call of every scenario, broken in every way.

A run is broken at one call; then clean runs follow until nothing is due any more. The ten
invariants are judged over all of it, and the end must be the one that an unbroken run leads
to. What the broken run left undone, it reports. One case alone, in the form that it is part of:
make chaos LONG=1 T='-k disable-killed-after-9'.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from keyturn_sandbox.emulator.faults import Fault
from tests.chaos.scale import FORM
from tests.chaos.scenario_runner import ScenarioRunner
from tests.chaos.scenarios import SCENARIOS

SAMPLE = {
    "rotate-first": ("iam:CreateAccessKey", "secretsmanager:PutSecretValue"),
    "disable": ("iam:UpdateAccessKey",),
    "order-revoke": ("iam:CreateAccessKey", "secretsmanager:PutSecretValue"),
}
"""What is broken in an ordinary test run."""
READS = ("Get", "List", "Describe", "Head", "AssumeRole")
OF_KEYS = ("iam:", "secretsmanager:")
LISTS = {timedelta(0): "", timedelta(seconds=30): "-late"}
"""How late IAM's lists may be."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way to break one call."""

    name: str
    fault: Fault
    number: int
    user: str
    """Whose call it is, where there are several users."""
    lists_late: timedelta
    """How late IAM's lists show a change, in all runs."""


def is_chosen(scenario: int, number: int, call: str, fault: int) -> bool:
    """
    Whether the bounded form breaks this call in this way.

    Every write call of every scenario is broken, those of keys and secrets more often; every
    fault comes to every scenario and, from one to the next, to every call.
    """
    operation = call.partition(":")[2]
    one_in = 40 if operation.startswith(READS) else 5 if call.startswith(OF_KEYS) else 8
    return (scenario + number + fault) % one_in == 0


def is_tried_late(number: int, call: str, fault: int) -> bool:
    """Whether the long form tries it once more with late lists: writes, and a third of reads."""
    is_read = call.partition(":")[2].startswith(READS)
    return FORM == "long" and (not is_read or (number + fault) % 3 == 0)


def cases() -> Iterator[object]:
    """Scenario, fault and call; all of them, or a choice."""
    runner = ScenarioRunner()
    for place, name in enumerate(SCENARIOS if FORM else SAMPLE):
        counts: dict[str, int] = {}
        # Users are worked on side by side: only the order of each one's own calls is the same.
        for user, call in sorted(runner.calls_of(name), key=lambda made: made[0]):
            number = counts[user] = counts.get(user, 0) + 1
            for kind, fault in enumerate(Fault):
                chosen = {
                    "": call in SAMPLE.get(name, ()),
                    "ci": is_chosen(place, number, call, kind),
                    "long": True,
                }
                if fault.befalls(call) and chosen[FORM]:
                    whose = f"{user}-" if user else ""
                    for late, how in LISTS.items():
                        if late and not is_tried_late(number, call, kind):
                            continue
                        yield pytest.param(
                            Case(name, fault, number, user, late),
                            id=f"{name}-{fault}-{whose}{number}-{call}{how}",
                            marks=pytest.mark.xdist_group(name),
                        )
    runner.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[ScenarioRunner]:
    runner = ScenarioRunner()
    yield runner
    runner.close()


@pytest.mark.parametrize("case", list(cases()))
def test_no_fault_breaks_a_promise(
    runner: ScenarioRunner, record_property: Callable[[str, object], None], case: Case
) -> None:
    record_property("broken", f"{case.name} {case.user} {case.number} {case.fault}")
    unbroken = runner.unbroken(case.name)

    played = runner.play(case.name, case.fault, case.number, case.user, case.lists_late)

    assert played.broken.befell is not None
    assert played.violations == ()
    assert played.end == unbroken.end
    undone = unbroken.done - played.done
    assert not undone or played.says_so, undone


@pytest.mark.parametrize("name", SCENARIOS if FORM else SAMPLE)
def test_a_scenario_without_a_fault_keeps_every_promise(runner: ScenarioRunner, name: str) -> None:
    assert runner.play(name).violations == ()
