"""
The judge: what must never happen, checked from the emulator's own call log.

INVARIANTS is the list, read from top to bottom; a file of `invariants/` has one of them, or those
that look at the same acts. What people do to their own keys is no violation, and
the policy's ways out (retiring unused keys, or keys in use) are taken to be switched off. What an
operator orders is allowed for the keys that the run was ordered about, and for no others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from keyturn_sandbox.judge.evidence import Evidence
from keyturn_sandbox.judge.history import ReplayedHistory
from keyturn_sandbox.judge.invariants import Fact
from keyturn_sandbox.judge.invariants.failures import failures_are_told_and_stop_nobody
from keyturn_sandbox.judge.invariants.leaks import no_secret_gets_out
from keyturn_sandbox.judge.invariants.left_alone import (
    dry_runs_write_nothing,
    exempt_users_are_left_alone,
)
from keyturn_sandbox.judge.invariants.new_keys import no_new_key_is_lost
from keyturn_sandbox.judge.invariants.twice import twice_is_as_good_as_once
from keyturn_sandbox.judge.invariants.what_worked import what_worked_still_works
from keyturn_sandbox.judge.invariants.windows import (
    deleted_only_after_the_grace,
    disabled_only_with_notice_and_another_key,
    windows_hold_over_skipped_days,
)
from keyturn_sandbox.judge.replay import replay


class Invariant(NamedTuple):
    """What must always hold, and what looks whether it did."""

    title: str
    check: Callable[[ReplayedHistory], Iterator[Fact]]


INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        "disabled only with notice, and another key to use",
        disabled_only_with_notice_and_another_key,
    ),
    Invariant("deleted only after the grace", deleted_only_after_the_grace),
    Invariant("no new key is lost", no_new_key_is_lost),
    Invariant("what worked still works", what_worked_still_works),
    Invariant("exempt users are left alone", exempt_users_are_left_alone),
    Invariant("dry runs write nothing", dry_runs_write_nothing),
    Invariant("no secret gets out", no_secret_gets_out),
    Invariant("a failure stops nobody else, and is told", failures_are_told_and_stop_nobody),
    Invariant("twice is as good as once", twice_is_as_good_as_once),
    Invariant("skipped days shorten no window", windows_hold_over_skipped_days),
)
"""An invariant's number is its place in this list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge has to say about one invariant."""

    number: int
    title: str
    checked: int
    violations: tuple[str, ...]


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """Check the ten invariants."""
    history = replay(evidence)
    return tuple(
        _verdict(number, title, list(check(history)))
        for number, (title, check) in enumerate(INVARIANTS, start=1)
    )


def _verdict(number: int, title: str, facts: Sequence[Fact]) -> Verdict:
    violations = tuple(fact for fact in facts if fact is not None)
    return Verdict(number=number, title=title, checked=len(facts), violations=violations)
