"""Ended at its calls, in four ways: nothing is left, and nobody else is touched."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.scale import FORM

ROOT = Path(__file__).parents[2]
LONG = FORM == "long"


# At how many calls once: some ten of the story, some five of the probes.
@pytest.mark.parametrize(("part", "every"), [("story", "41"), ("probes", "97")])
def test_wherever_it_ends_nothing_is_left_and_nobody_else_is_touched(
    part: str, every: str
) -> None:
    # In a process of its own: it splits at each call, which one with threads must not.
    done = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal.killed", "1" if LONG else every, part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    ended = re.search(r"ended (\d+) times, 0 times something was left", done.stdout)
    assert ended is not None
    assert int(ended[1]) >= 16
