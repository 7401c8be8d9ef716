"""Between the plan and the first write, and between users: may writes go on?"""

from datetime import datetime, timedelta
from threading import Lock

from keyturn.domain.errors import KeyturnError, Paused, PortError, SkippedAccount
from keyturn.ports import Clock, Switch

ASKED_EVERY = timedelta(seconds=30)
"""How long an answer holds: a pause reaches a run under way within it, and one user more."""


class Gate:
    """
    Opens for writes until somebody pauses them; then it stays shut for this run.

    Workers ask it side by side. What cannot be read is no permission. Without a switch it is
    always open: an operator ordered it even so.
    """

    def __init__(self, switch: Switch | None, clock: Clock) -> None:
        self._switch = switch
        self._clock = clock
        self._asked: datetime | None = None
        self._lock = Lock()
        self.shut: KeyturnError | None = None
        """Why nothing more is written."""

    def is_open(self) -> bool:
        """Whether the next write may begin."""
        with self._lock:
            now = self._clock()
            if self.shut is None and (self._asked is None or now - self._asked >= ASKED_EVERY):
                self.shut, self._asked = self._why_shut(), now
            return self.shut is None

    def _why_shut(self) -> KeyturnError | None:
        if self._switch is None:
            return None
        try:
            pause = self._switch.pause()
        except PortError as error:
            return SkippedAccount(
                f"whether Keyturn is paused could not be read: nothing is written ({error})"
            )
        return None if pause is None else Paused(pause.by, pause.at, pause.why)
