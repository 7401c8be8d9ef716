"""
One function of Keyturn in a process of its own, of whatever checkout is on the path.

Arguments: the module of its handler; with `--at MOMENT`, the moment (UTC) at which its clock
begins; with `--profile FILE`, where a profile goes. An event comes on standard input, a line of
JSON each, and its time in seconds with it; what it took goes out.
"""

import argparse
import cProfile
import importlib
import json
import os
import sys
import time
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

OWN_ACCOUNT = "222222222222"


class Context:
    """Lambda's context, as far as it is asked."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    aws_request_id = "bench"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:{OWN_ACCOUNT}:function:bench"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def main() -> None:
    """Load the handler, and let it handle what comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--at")
    parser.add_argument("--profile")
    given = parser.parse_args()
    # Whatever the function logs goes nowhere; what we say has a way of its own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if given.at:
        import time_machine  # noqa: PLC0415 -- it costs memory, and only the past needs it

        moment = datetime.fromisoformat(given.at).timestamp()
        time_machine.travel(moment, tick=True).start()
    began, used = time.perf_counter(), time.process_time()
    handler = importlib.import_module(given.module).handler
    answers.write(_line(began, used, answer=None))
    answers.flush()
    profile = cProfile.Profile(time.thread_time) if given.profile else None
    for line in sys.stdin:
        asked = json.loads(line)
        began, used = time.perf_counter(), time.process_time()
        with profile or nullcontext():
            answer = handler(asked["event"], Context(asked["seconds"]))
        answers.write(_line(began, used, answer=answer))
        answers.flush()
    if profile is not None:
        profile.dump_stats(given.profile)


def _line(began: float, used: float, *, answer: Any) -> str:  # noqa: ANN401 -- whatever it is
    took = {
        "wall": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "peak_mb": peak_mb(),
        "answer": answer,
    }
    return json.dumps(took, default=str) + "\n"


def peak_mb() -> float:
    """The most memory that this process had, in MB (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the memory of whoever started us
        [line] = (one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return getrusage(RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
