"""What a channel needs from outside: its turns, the fields of its secret, somewhere to post."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from keyturn.domain.errors import PortError, RateExceeded, Refused, Unavailable


class Turns(Protocol):
    """Gives out the turns to send, so many a second."""

    def take_turn(self, *, within: float) -> float | None:
        """In how many seconds the turn comes that is taken now; None: not within so many."""


class Values(Protocol):
    """A secret's fields."""

    def read(self) -> Mapping[str, str]:
        """Field → text. Raises a PortError where it cannot be read."""

    def forget(self) -> None:
        """Read it anew next time."""


class Answer(Protocol):
    """What a server answered."""

    @property
    def status(self) -> int:
        """HTTP's number."""

    @property
    def body(self) -> bytes:
        """What stands in it."""

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, where the answer names them."""


class Outbox(Protocol):
    """In place of a channel's server: what is sent to it stays here."""

    def sent_by(self, send: Callable[[], str]) -> Mapping[str, Any]:
        """What that sends, as JSON: what kind of message → its body."""


Post = Callable[[str, bytes, Mapping[str, str]], Answer]
"""Sends a body with headers to a URL; raises Refused, Throttled or Unavailable."""
Call = Callable[[str, str, bytes | None, Mapping[str, str]], Answer]
"""Calls a URL by a method of HTTP, with a body or none, and headers; raises likewise."""


def refusal_of(said: str, answer: Answer) -> PortError | None:
    """
    What an answer comes to that is no success: the error to raise; None: it is a success.

    RateExceeded: nothing was sent, and it may be tried again soon. Unavailable: nobody knows
    whether it was sent. Refused: nothing was sent, and it would be refused again.
    """
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateExceeded(said, retry_after=answer.retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.OK:
        return Unavailable(said)
    if status < HTTPStatus.BAD_REQUEST:
        return Refused(f"{said}: no redirect is followed")
    return Refused(said)
