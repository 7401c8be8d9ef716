"""Ended at each of its calls: nothing is left, and nobody else's user or secret is touched."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.rehearsal.scene import CLEAN, HERE, rehearsing

EVERY = os.environ.get("CHAOS") == "long"
CALLS = 420
"""About as many as a whole rehearsal makes; a call that does not come is a rehearsal that ends."""
SAMPLE = range(1, CALLS) if EVERY else (*range(1, 8), *range(11, CALLS, 61))


def ends_at(
    number: int, how: Callable[[], BaseException], *, after: bool
) -> Callable[..., ApiResponse]:
    """Let the process end at a call, before it leaves or when its effect is done."""
    seen = 0

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        nonlocal seen
        seen += 1
        if seen != number:
            return perform(request)
        if after:
            perform(request)
        raise how()

    return layer


@pytest.mark.parametrize("number", SAMPLE)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_a_call_and_cleaned_up_later_nothing_is_left(
    number: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rehearsing(monkeypatch) as operator:
        operator.cloud.layers.append(ends_at(number, KilledError, after=after))
        with suppress(KilledError):
            operator.keyturn(*HERE)
        operator.cloud.layers.pop()
        # IAM shows what was made some seconds late; who types the command comes later.
        operator.cloud.move_to(operator.cloud.now + timedelta(minutes=1))

        cleaned = operator.keyturn(*CLEAN)

        assert cleaned.exit_code == 0, cleaned.output
        assert operator.left() == []
        assert operator.others() == operator.before


@pytest.mark.parametrize("number", SAMPLE)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_interrupted_at_a_call_it_cleans_up_itself(
    number: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rehearsing(monkeypatch) as operator:
        layer = ends_at(number, KeyboardInterrupt, after=after)
        operator.cloud.layers.append(layer)

        result = operator.keyturn(*HERE)

        assert result.exit_code in {0, 130}, result.output
        operator.cloud.layers.pop()
        operator.cloud.move_to(operator.cloud.now + timedelta(minutes=1))
        if "Interrupted again" in result.output or "interrupted" in result.stderr.splitlines()[-1]:
            operator.keyturn(*CLEAN)
        assert operator.left() == []
        assert operator.others() == operator.before
