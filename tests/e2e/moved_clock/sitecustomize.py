"""Move the clock: Python imports this at its start when its folder is on PYTHONPATH."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

moved = Path(os.environ["CLOCK_FILE"])
if moved.exists() and (seconds := float(moved.read_text())):
    now = datetime.now(UTC) + timedelta(seconds=seconds)
    time_machine.travel(now, tick=True).start()
