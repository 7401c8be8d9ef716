"""
What goes wrong between a caller and AWS, made to happen at a chosen call.

One `Faults` stands in the way of one run. The calls of the principals that it watches are
counted from 1, as they are made: an attempt that the SDK makes again is the same call.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from keyturn.sandbox.cloud import Perform
from keyturn.sandbox.obstacles import Obstacle, Throttling
from keyturn.sandbox.wire import Answer, Refused, Request, refused


class Fault(StrEnum):
    """What can happen at a call."""

    LOST_REQUEST = "lost-request"
    """One attempt never arrives."""
    LOST_ANSWER = "lost-answer"
    """One attempt has its effect, and its answer is lost."""
    UNREACHABLE = "unreachable"
    """From this call on, nothing of its operation arrives for the rest of the run."""
    SILENT = "silent"
    """From this call on, all of its operation has its effect, and every answer is lost."""
    TIMED_OUT = "timed-out"
    """One attempt has its effect, and its answer comes too late."""
    THROTTLED = "throttled"
    """From this call on, its operation is throttled for the rest of the run."""
    THROTTLED_ONCE = "throttled-once"
    DENIED = "denied"
    """From this call on, its operation is denied for the rest of the run."""
    KILLED_BEFORE = "killed-before"
    """The process dies before the call leaves it."""
    KILLED_AFTER = "killed-after"
    """The process dies with the call's effect done and its answer not read."""


_ONCE = {Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.TIMED_OUT, Fault.THROTTLED_ONCE}
_KILLS = {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}
_WITH_EFFECT = {Fault.LOST_ANSWER, Fault.SILENT, Fault.TIMED_OUT, Fault.KILLED_AFTER}


class KilledError(BaseException):
    """The process is dead: whatever it still tries does not reach AWS."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """A layer for `LocalCloud.layers`: one fault, at the call of one number."""

    fault: Fault | None
    at: int = 0
    on: str | None = None
    """Instead of a number: the first call of this name, as `service:Operation`."""
    watches: Callable[[Request], bool]
    """Whose calls count; others pass untouched."""
    seen: list[str] = field(default_factory=list)
    """The calls so far, as `service:Operation`."""
    operation: str | None = None
    """What the fault befell."""
    dead: bool = False
    _attempts: int = 0

    def __call__(self, request: Request, perform: Perform) -> Answer:
        """Pass the request on, or do harm."""
        if not self.watches(request):
            return perform(request)
        if self.dead:
            raise KilledError
        name = f"{request.service}:{request.operation}"
        self.seen.append(name)
        if self.fault is None:
            return perform(request)
        if self.operation is None and (len(self.seen) == self.at or name == self.on):
            self.operation = name
        if self.operation != name:
            return perform(request)
        self._attempts += 1
        return self._harm(self.fault, request, perform)

    def _harm(self, fault: Fault, request: Request, perform: Perform) -> Answer:
        if fault in _ONCE and self._attempts > 1:
            return perform(request)
        if fault in _KILLS:
            self.dead = True
        if fault in _WITH_EFFECT:
            perform(request)
        url = request.http.url
        match fault:
            case Fault.LOST_REQUEST | Fault.UNREACHABLE:
                raise EndpointConnectionError(endpoint_url=url)
            case Fault.LOST_ANSWER | Fault.SILENT:
                raise ConnectionClosedError(endpoint_url=url)
            case Fault.TIMED_OUT:
                raise ReadTimeoutError(endpoint_url=url)
            case Fault.THROTTLED | Fault.THROTTLED_ONCE:
                return _answer(Throttling(operation=request.operation), request)
            case Fault.DENIED:
                return _answer(Obstacle(operation=request.operation), request)
            case Fault.KILLED_BEFORE | Fault.KILLED_AFTER:
                raise KilledError


def _answer(obstacle: Obstacle, request: Request) -> Answer:
    try:
        obstacle.meet(request)
    except Refused as refusal:
        return refused(request, refusal)
    raise AssertionError(obstacle)
