"""Have a command that is told to end end as by Ctrl-C, so that it can clean up."""

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType

_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def ended_as_interrupted() -> Generator[None]:
    """
    Raise KeyboardInterrupt where the process is told to end.

    CI systems end a job so (SIGTERM), and a terminal that is closed (SIGHUP); not where somebody
    had the process go on without its terminal (nohup). Only a process's first thread hears of it;
    in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number, end in _told_to_end_by()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _told_to_end_by() -> Iterator[tuple[signal.Signals, _Handler]]:
    yield signal.SIGTERM, _interrupt
    # Windows has no SIGHUP.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        yield signal.SIGHUP, _hang_up


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _hang_up(number: int, frame: FrameType | None) -> None:
    # One closed terminal is told of twice, by the system and by the shell, and nobody is there
    # any more who could mean the second one.
    signal.signal(number, signal.SIG_IGN)
    _interrupt(number, frame)
