"""How long a sender may wait for a channel, and how it waits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keyturn.domain.back_off import back_off

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 8.0
"""Seconds. A pause is twice the one before, between these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    What one message may cost in waiting.

    How fast a channel takes messages is the channel's to say; how long somebody may wait for it is
    the invocation's, so the two meet here.
    """

    left: Callable[[], float]
    """How many seconds may still be spent in waiting."""
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    """A number from 0 up to 1, another each time."""

    def waits(self, seconds: float) -> bool:
        """Wait so long; False if there is not so much time, and then it does not wait at all."""
        if seconds <= 0:
            return True
        if seconds > self.left():
            return False
        self.sleep(seconds)
        return True

    def pause_after(self, refusals: int) -> float:
        """How many seconds to wait after so many refusals in a row."""
        return back_off(refusals, first=FIRST_PAUSE, longest=LONGEST_PAUSE, chance=self.chance())
