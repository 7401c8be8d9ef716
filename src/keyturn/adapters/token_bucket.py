"""
How fast an account's API is asked: as fast as it answers, and slower when it throttles.

AWS gives each account a bucket of tokens that is filled at a rate that nobody is told; each
call takes one, and without one it is throttled. This is our copy of it, and it learns the rate:

- It begins with what IAM bears anyway.
- As in TCP's slow start each answer raises the rate, while the bucket is in use: what nobody needs
  is not learnt. In a second or less that is as fast as our workers can ask.
- A lone throttled answer means little: others use the account too. Only when a large part of the
  answers is throttled the rate is halved; from then on it rises slowly.

Who takes a token is told how long to wait for it, and never waits for anything else: nothing
can hang, whatever the clock does.
"""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from keyturn.ports import Clock

RATE: Final = 20.0
"""Calls a second that are asked for at first."""
BURST: Final = 40.0
"""Calls that may go at once."""
LEAST_RATE: Final = 2.0
LONGEST_WAIT: Final = 15.0
"""Seconds that one call waits for its token at most."""
FAST: Final = 2.0
SLOW: Final = 0.05
"""Calls a second that an answer adds to the rate: until it was halved once, and from then on."""
OF_A_THROTTLE: Final = 4
"""What a throttled answer adds to the count of them; any other takes 1 away, down to 0."""
TOO_MANY: Final = 36
"""
At this count the rate is halved.

Nine answers reach it if all are throttled. If one in five is, it stays where it is; if one in ten
is, at random, it is reached once in some hundred thousand answers.
"""


@dataclass(frozen=True, slots=True)
class Token:
    """The right to send one call."""

    wait: float
    """Seconds until it may be sent."""
    era: int
    """How often the rate had been halved when it was taken."""


class TokenBucket:
    """One account's, shared by all who call there: threads and clients."""

    def __init__(self, clock: Clock) -> None:
        """Begin full. The clock may jump: set back it adds no token, set forward a full bucket."""
        self._clock = clock
        self._lock = Lock()
        self._rate = RATE
        self._tokens = BURST
        """Below 0: so many calls wait, or were sent on credit."""
        self._gain = FAST
        self._count = 0
        self._era = 0
        self._seen = clock().timestamp()

    @property
    def rate(self) -> float:
        """Calls a second, as of now."""
        return self._rate

    def take(self) -> Token:
        """Take the next token, and wait for it before the call is sent."""
        with self._lock:
            self._take()
            return Token(max(0.0, -self._tokens / self._rate), self._era)

    def owe(self) -> Token:
        """Take a token on credit: the call is sent at once, and those after it pay."""
        with self._lock:
            self._take()
            return Token(0.0, self._era)

    def passed(self, token: Token) -> None:
        """Learn that a call was answered."""
        with self._lock:
            self._fill()
            if self._tokens < BURST:
                self._rate += self._gain
            if token.era == self._era:
                self._count = max(0, self._count - 1)

    def throttled(self, token: Token) -> None:
        """Learn that a call was throttled; one sent at an earlier rate tells nothing of this."""
        with self._lock:
            self._fill()
            if token.era != self._era:
                return
            self._count += OF_A_THROTTLE
            if self._count >= TOO_MANY:
                self._rate = max(LEAST_RATE, self._rate / 2)
                self._gain = SLOW
                self._tokens = min(self._tokens, 0.0)
                self._count = 0
                self._era += 1

    def _take(self) -> None:
        self._fill()
        self._tokens = max(self._tokens - 1, -LONGEST_WAIT * self._rate)

    def _fill(self) -> None:
        now = self._clock().timestamp()
        self._tokens = min(BURST, self._tokens + max(0.0, now - self._seen) * self._rate)
        self._seen = now
