"""Have a command that is told to end (SIGTERM) end as by Ctrl-C, so that it can clean up."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ended_as_interrupted() -> Generator[None]:
    """
    Raise KeyboardInterrupt where the process is told to end: CI systems end a job so.

    Only a process's first thread hears of it; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
