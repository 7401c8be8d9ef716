"""What becomes of a message by the status that a channel's server answers with."""

from dataclasses import dataclass

import pytest

from keyturn.domain.errors import PortError, RateExceeded, Refused, Unavailable
from keyturn.ports.sending import refusal_of


@dataclass(frozen=True)
class Answered:
    """Meets `ports.sending.Answer`."""

    status: int
    body: bytes = b""
    retry_after: float | None = 7


@pytest.mark.parametrize(
    ("status", "becomes", "says"),
    [
        (199, Unavailable, "it answered 199"),
        (200, None, ""),
        (299, None, ""),
        (300, Refused, "it answered 300: no redirect is followed"),
        (399, Refused, "it answered 399: no redirect is followed"),
        (400, Refused, "it answered 400"),
        (429, RateExceeded, "it answered 429"),
        (499, Refused, "it answered 499"),
        (500, Unavailable, "it answered 500"),
        (599, Unavailable, "it answered 599"),
    ],
)
def test_whether_a_message_was_sent_goes_by_the_status(
    status: int, becomes: type[PortError] | None, says: str
) -> None:
    refusal = refusal_of(f"it answered {status}", Answered(status))

    assert (type(refusal) if refusal else None) is becomes
    assert says == (str(refusal) if refusal else "")


def test_whoever_is_too_busy_says_for_how_long() -> None:
    refusal = refusal_of("it answered 429", Answered(429))

    assert isinstance(refusal, RateExceeded)
    assert refusal.retry_after == 7
