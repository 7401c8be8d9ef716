"""
End `keyturn rehearse` at each of its calls: `python -m tests.rehearsal.killed [EVERY [PART]]`.

One rehearsal is played. At each call the process splits: one half ends there, in one of four ways,
cleans up, and says whether anything is left; the other goes on to the next call. So each end costs
a clean-up, and not a rehearsal. EVERY: at how many calls once (1: at all). PART: story or probes.

- killed before the call leaves, or when its effect is done: nothing of the command runs any more,
  and a later `--clean` cleans up.
- interrupted (Ctrl-C) there: the command cleans up by itself.
"""

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import pytest
from typer.testing import Result

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.listening import tell_the_canary
from tests.rehearsal.scene import CLEAN, HERE, PROBES, Rehearsing, rehearsing

LATER = timedelta(minutes=1)
"""IAM shows what was made some seconds late; who types `--clean` comes later."""


@dataclass
class Splitter:
    """Stands between the command and AWS, and splits the process at its calls."""

    every: int
    calls: int = 0
    ends: int = 0
    failed: list[str] = field(default_factory=list)
    is_child: str = ""
    """How this process ends its command; empty: it is the one that goes on."""

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if self.is_child or ":user/" in request.principal:
            return perform(request)
        self.calls += 1
        if self.calls % self.every == 0:
            for how in (
                "killed before",
                "killed after",
                "interrupted before",
                "interrupted after",
            ):
                if self._is_child_of(how, request):
                    self.is_child = how
                    if how.endswith("after"):
                        perform(request)
                    raise KilledError if how.startswith("killed") else KeyboardInterrupt
        return perform(request)

    def _is_child_of(self, how: str, request: ApiRequest) -> bool:
        child = os.fork()
        if child == 0:
            return True
        self.ends += 1
        _, status = os.waitpid(child, 0)
        if status:
            call = f"{request.service}:{request.operation}"
            self.failed.append(f"{how} call {self.calls}, {call}")
        return False


def check_child(operator: Rehearsing, result: Result | None) -> None:
    """Clean up if the command could not, and see that nothing is left and nobody was touched."""
    operator.cloud.layers.pop()
    operator.cloud.move_to(operator.cloud.now + LATER)
    if result is not None:
        # At its very end nothing is left to interrupt.
        assert result.exit_code in {0, 130}, result.output
    if operator.left():
        # Ctrl-C within the clean-up itself: the operator is told how to go on.
        assert result is None or "Interrupted again" in result.stderr, result.stderr
        cleaned = operator.keyturn(*CLEAN)
        assert cleaned.exit_code == 0, cleaned.output
    assert operator.left() == [], operator.left()
    assert operator.others() == operator.before


PARTS = {"story": HERE, "probes": PROBES}


def main(every: int, part: str) -> int:
    """End it at every so many calls; 1 if anything was left once."""
    tell_the_canary()
    began, splitter = monotonic(), Splitter(every)
    with pytest.MonkeyPatch.context() as patch, rehearsing(patch) as operator:
        operator.cloud.layers.append(splitter)
        result = None
        try:
            with suppress(KilledError):
                result = operator.keyturn(*PARTS[part])
            if splitter.is_child:
                check_child(operator, result)
        except BaseException:
            if not splitter.is_child:
                raise
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        if splitter.is_child:
            os._exit(0)
        assert result is not None
        # Of the probes some come out differently: the local AWS lacks what they try.
        assert result.exit_code == 0 or part == "probes", result.output
    said = [f"left something: {line}" for line in splitter.failed]
    said.append(
        f"{splitter.calls} calls, ended {splitter.ends} times, {len(splitter.failed)} times "
        f"something was left; {monotonic() - began:.0f} s"
    )
    sys.stdout.write("\n".join(said) + "\n")
    return 1 if splitter.failed else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    every, part = [*given, *["1", "story"][len(given) :]]
    sys.exit(main(int(every), part))
