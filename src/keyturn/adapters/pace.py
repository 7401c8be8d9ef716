"""How fast a channel takes messages: turns, one after the other, so many a second."""

from collections.abc import Callable
from threading import Lock

from keyturn.ports import Clock


class Pace:
    """Gives out turns, to many threads and over warm invocations."""

    def __init__(self, rate: Callable[[], float], clock: Clock) -> None:
        """rate: turns a second, asked before each turn."""
        self._rate = rate
        self._clock = clock
        self._lock = Lock()
        self._free = 0.0
        """When the next turn is free, in seconds of the clock."""
        self._seen = 0.0
        """What the clock said last."""

    def take_turn(self, *, within: float) -> float | None:
        """Take the next turn and say in how many seconds it comes; None: not within so many."""
        interval = 1 / self._rate()
        with self._lock:
            now = self._clock().timestamp()
            if now < self._seen:  # set back: turns given out lie ahead, as far as it was set back
                self._free = now
            self._seen = now
            turn = max(now, self._free)
            if turn - now > within:
                return None
            self._free = turn + interval
        return turn - now
