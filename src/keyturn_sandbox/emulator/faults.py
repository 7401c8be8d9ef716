"""
What goes wrong between a caller and AWS, made to happen at a chosen call.

One `Faults` stands in the way of one run. The calls of the principals that it watches are
counted from 1, as they are made, for each subject of its own: users whose turns are taken side by
side do not shift each other's numbers. An attempt that the SDK makes again is a call of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from threading import RLock

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.injected_errors import InjectedError, KmsClosed, Throttling
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused


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
    THROTTLED_A_WHILE = "throttled-a-while"
    """Three attempts are throttled, and the next is not."""
    DENIED = "denied"
    """From this call on, its operation is denied for the rest of the run."""
    KMS_DENIED = "kms-denied"
    """From this call on, the KMS key's policy refuses whatever a secret's value needs."""
    KMS_DISABLED = "kms-disabled"
    """From this call on, the KMS key is disabled."""
    KILLED_BEFORE = "killed-before"
    """The process dies before the call leaves it."""
    KILLED_AFTER = "killed-after"
    """The process dies with the call's effect done and its answer not read."""

    @property
    def passes(self) -> bool:
        """Whether Keyturn's retries outlast it."""
        return self in _LASTS

    @property
    def kills(self) -> bool:
        """Whether the process dies of it."""
        return self in _KILLS

    def befalls(self, call: str) -> bool:
        """Whether the fault can happen at a call of this name: KMS is asked for values alone."""
        return self not in _OF_KMS or call == "secretsmanager:PutSecretValue"


_LASTS: Mapping[Fault, int] = {
    Fault.LOST_REQUEST: 1,
    Fault.LOST_ANSWER: 1,
    Fault.TIMED_OUT: 1,
    Fault.THROTTLED_A_WHILE: 3,
}
"""How many attempts it befalls, where it passes by itself."""
_OF_KMS = {Fault.KMS_DENIED, Fault.KMS_DISABLED}
_KILLS = {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}
_REFUSALS: Mapping[Fault, Callable[..., InjectedError]] = {
    Fault.THROTTLED: Throttling,
    Fault.THROTTLED_A_WHILE: Throttling,
    Fault.DENIED: InjectedError,
    Fault.KMS_DENIED: KmsClosed,
    Fault.KMS_DISABLED: partial(KmsClosed, disabled=True),
}
_WITH_EFFECT = {Fault.LOST_ANSWER, Fault.SILENT, Fault.TIMED_OUT, Fault.KILLED_AFTER}


class KilledError(BaseException):
    """The process is dead: whatever it still tries does not reach AWS."""


def _all_alike(_request: ApiRequest) -> str:
    return ""


@dataclass(slots=True, kw_only=True)
class Faults:
    """
    A layer for `LocalCloud.layers`: one fault, at the call of one number.

    It befalls the first call from there on that it can befall.
    """

    fault: Fault | None
    at: int = 0
    of: str = ""
    """The subject whose calls are counted."""
    on: str | None = None
    """Instead of a number: the first call of this name, as `service:Operation`."""
    watches: Callable[[ApiRequest], bool]
    """Whose calls count; others pass untouched."""
    subject: Callable[[ApiRequest], str] = _all_alike
    """What a call is about."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """The calls so far, each with its subject, as `service:Operation`."""
    operation: str | None = None
    """What the fault befell."""
    befell: Mapping[str, object] = field(default_factory=dict)
    """The parameters of that call."""
    dead: bool = False
    _attempts: int = 0
    _lock: RLock = field(default_factory=RLock)

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        """
        Pass the request on, or do harm; one at a time, so that the dead are dead at once.

        Raises KilledError where the process dies here, or is dead already.
        """
        if not self.watches(request):
            return perform(request)
        with self._lock:
            if self.dead:
                raise KilledError
            return self._meet(request, perform)

    def _meet(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        call, subject = f"{request.service}:{request.operation}", self.subject(request)
        self.seen.append((subject, call))
        if self.fault is None:
            return perform(request)
        if self.operation is None and self._is_it(self.fault, subject, call):
            self.operation, self.befell = call, request.params
        if self.operation != call:
            return perform(request)
        self._attempts += 1
        return self._harm(self.fault, request, perform)

    def _is_it(self, fault: Fault, subject: str, call: str) -> bool:
        if self.on is not None:
            return call == self.on
        number = sum(seen == subject for seen, _ in self.seen)
        return subject == self.of and number >= self.at and fault.befalls(call)

    def _harm(self, fault: Fault, request: ApiRequest, perform: Perform) -> ApiResponse:
        if self._attempts > _LASTS.get(fault, self._attempts):
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
            case Fault.KILLED_BEFORE | Fault.KILLED_AFTER:
                raise KilledError
            case _:
                return _answer(_REFUSALS[fault](operation=request.operation), request)


def _answer(injected: InjectedError, request: ApiRequest) -> ApiResponse:
    try:
        injected.apply(request)
    except ApiError as refusal:
        return refused(request, refusal)
    raise AssertionError(injected)
