"""
Keep to the clock that the stage moves: Python imports this at its start, from PYTHONPATH.

Without it a function that is still warm would live ten days ago, and AWS refuse its signatures.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

CLOCK = Path(os.environ["CLOCK_FILE"])


class Watching:
    """Standard input that looks at the clock with each line; each line is an invocation."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._moved = "0"
        self._travel: Any = None

    def readline(self, *size: int) -> str:
        line = self._stream.readline(*size)
        self.look()
        return line

    def look(self) -> None:
        """Go as far as the clock was moved."""
        moved = CLOCK.read_text() if CLOCK.exists() else "0"
        if moved == self._moved:
            return
        if self._travel is not None:
            self._travel.stop()
        now = datetime.now(UTC) + timedelta(seconds=float(moved))
        self._travel = time_machine.travel(now, tick=True)
        self._travel.start()
        self._moved = moved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


sys.stdin = Watching(sys.stdin)
sys.stdin.look()
