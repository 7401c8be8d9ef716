"""Have every call of a session pass the rule of model/guard.py before it is sent, and count it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any, Protocol, TypeVar

from keyturn.rehearsal.model.errors import OutsideRehearsal
from keyturn.rehearsal.model.guard import Allowed, is_write, why_not

_MAKES: Mapping[str, tuple[str, str]] = {
    "CreateUser": ("user", "UserName"),
    "CreateGroup": ("group", "GroupName"),
    "CreateSecret": ("secret", "Name"),
    "CreateQueue": ("queue", "QueueName"),
    "CreateEventBus": ("event bus", "Name"),
}
"""Operation → the kind of what it makes, and the parameter that names it."""

_ASKED = "keyturn-rehearsal"
"""In a call's context: the kind and the name of what it makes."""


def _is_refusal(status: int) -> bool:
    """Whether AWS definitely did nothing."""
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


class HasEvents(Protocol):
    """A session of boto3's, as far as it lets others hear its calls."""

    @property
    def events(self) -> Any:  # noqa: ANN401 -- botocore's emitter, which has no types
        """Where handlers are registered."""


Session = TypeVar("Session", bound=HasEvents)


class BrokenOff(BaseException):
    """The process is dead, as far as the engine can tell: nothing of it catches this."""


class Guard:
    """
    What stands before every call of a rehearsal, whoever makes it.

    It hears a call when its parameters are whole, and before it is signed: what it refuses never
    leaves this machine.
    """

    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed
        self._own = f"keyturn-rehearsal-{id(self)}"
        self._tags: Mapping[str, str] = {}
        self._lock = Lock()
        self._dies_at: tuple[str, str] | None = None
        self.calls = 0
        """How many calls were made, sent again or not."""
        self._writes = Counter[str]()
        self.refused: list[str] = []
        """The calls that were not sent; each is a fault of ours."""
        self._made: dict[str, set[str]] = {}

    def watch(self, session: Session) -> Session:
        """Stand before all clients that the session makes from now on; gives the session."""
        # The last one: whatever else changes parameters has done so.
        session.events.register_last("before-parameter-build", self._hear, f"{self._own}-before")
        session.events.register_last("after-call", self._learn, f"{self._own}-after")
        return session

    def stamp(self, tags: Mapping[str, str]) -> None:
        """Set these tags, name → value, on every secret that is made: it is known as ours."""
        self._tags = tags

    def owns(self, *keys: str) -> None:
        """Let orders be about these access keys of the rehearsal's users, too."""
        self.allowed = replace(self.allowed, keys=self.allowed.keys | set(keys))

    def die_at(self, service: str, operation: str) -> None:
        """Raise BrokenOff before the next such call, once."""
        self._dies_at = (service, operation)

    def writes_to(self, *services: str) -> int:
        """How many calls of these services could change something, or showed a secret."""
        return sum(self._writes[service] for service in services)

    def made(self) -> Mapping[str, Collection[str]]:
        """Kind → the names of what was asked for: a list may not show it yet."""
        with self._lock:
            return {kind: frozenset(names) for kind, names in self._made.items()}

    def _hear(
        self,
        params: dict[str, Any],
        model: Any,  # noqa: ANN401 -- botocore's model of an operation
        context: dict[str, Any],
        **_: object,
    ) -> None:
        service, operation = model.service_model.service_name, model.name
        with self._lock:
            self.calls += 1
            if self._dies_at == (service, operation):
                self._dies_at = None
                raise BrokenOff
            why = why_not(service, operation, params, self.allowed)
            if why is not None:
                call = f"{service}:{operation}"
                self.refused.append(call)
                raise OutsideRehearsal(call, why)
            if is_write(service, operation):
                self._writes[service] += 1
            if operation in _MAKES:
                kind, name = _MAKES[operation]
                self._made.setdefault(kind, set()).add(str(params[name]))
                context[_ASKED] = (kind, str(params[name]))
        if operation == "CreateSecret" and self._tags:
            of_ours = [{"Key": name, "Value": value} for name, value in self._tags.items()]
            params["Tags"] = [*params.get("Tags", ()), *of_ours]

    def _learn(
        self,
        http_response: Any,  # noqa: ANN401 -- botocore's, without types
        model: Any,  # noqa: ANN401 -- likewise
        context: dict[str, Any],
        **_: object,
    ) -> None:
        """Forget what AWS definitely did not make."""
        if model.name not in _MAKES or not _is_refusal(http_response.status_code):
            return
        kind, name = context.get(_ASKED, (None, None))
        with self._lock:
            self._made.get(kind, set()).discard(name)
