"""Ended at its calls, in four ways: nothing is left, and nobody else is touched."""

import re
import subprocess
import sys
from pathlib import Path

from tests.chaos.scale import FORM

ROOT = Path(__file__).parents[2]
EVERY = "1" if FORM == "long" else "41"
"""At how many calls once; a rehearsal makes some 390."""


def test_wherever_it_ends_nothing_is_left_and_nobody_else_is_touched() -> None:
    # In a process of its own: it splits at each call, which one with threads must not.
    done = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal.killed", EVERY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    ended = re.search(r"ended (\d+) times, 0 times something was left", done.stdout)
    assert ended is not None
    assert int(ended[1]) >= 32
