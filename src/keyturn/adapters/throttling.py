"""Ask no faster than an account bears, and again what was throttled: by botocore's events."""

import random
import time
from collections.abc import Callable, Container, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from botocore.awsrequest import AWSRequest

from keyturn.adapters.aws_errors import is_throttled
from keyturn.adapters.token_bucket import Token, TokenBucket
from keyturn.domain.back_off import back_off

SENT_AGAIN_FOR: Final = 20.0
"""Seconds that a throttled call has waited, all in all, when it is given up."""
SHORTLY: Final = 5.0
"""
Seconds that the pauses of a call take in all that is to be given up soon: eight attempts.

A write was allowed on news that grows old: `gate.ASKED_EVERY` (20 s) and this are 25 s, and 5 s
of the 30 s that an exemption may take (invariant 5) are left for the attempts themselves.
"""
FIRST_PAUSE: Final = 0.05
"""Seconds behind the first throttle; each time twice as long."""
LONGEST_PAUSE: Final = 5.0

_TAKEN: Final = "keyturn-taken"
_WAITED: Final = "keyturn-waited"
_PAUSED: Final = "keyturn-paused"


def keep_to(
    bucket: TokenBucket,
    client: Any,  # noqa: ANN401 -- boto3 makes the class at run time
    *,
    on_credit: Container[str],
    shortly: Container[str],
    once: bool,
) -> None:
    """
    Have each call of the client take a token, and be sent again if it was throttled.

    Args:
        bucket: of the account and the service, for all clients there.
        client: how often it repeats what was not answered stays botocore's affair.
        on_credit: the operations that do not wait for their token: other calls wait the longer.
        shortly: the operations that are given up after `SHORTLY`.
        once: whether nothing is ever sent again.

    """

    def take(request: AWSRequest, operation_name: str, **_: object) -> None:
        token = bucket.owe() if operation_name in on_credit else bucket.take()
        request.context[_TAKEN] = token
        _wait(request.context, token.wait)

    def learn(
        parsed_response: Mapping[str, Any] | None, context: dict[str, Any], **_: object
    ) -> None:
        token: Token | None = context.get(_TAKEN)
        if token is None or parsed_response is None:
            return
        if is_throttled(parsed_response):
            bucket.throttled(token)
        elif _status_of(parsed_response) < HTTPStatus.INTERNAL_SERVER_ERROR:
            bucket.passed(token)

    service = client.meta.service_model.service_id.hyphenize()
    events = client.meta.events
    # Before the call is signed: a signature that waits grows old.
    events.register_first(f"request-created.{service}", take)
    events.register(f"response-received.{service}", learn)
    if not once:
        # Before botocore's own, which gives up after as many throttles as lost answers.
        events.register_first(f"needs-retry.{service}", partial(_pause_behind_a_throttle, shortly))


def pause(throttles: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait behind so many throttles."""
    return back_off(throttles, first=FIRST_PAUSE, longest=LONGEST_PAUSE, chance=chance())


def _pause_behind_a_throttle(
    shortly: Container[str],
    *,
    response: tuple[object, Mapping[str, Any]] | None,
    attempts: int,
    operation: Any,  # noqa: ANN401 -- botocore's model of an operation
    request_dict: Mapping[str, Any],
    **_: object,
) -> float | bool | None:
    """Say when to send again, as botocore is told: seconds; False: never; None: it decides."""
    if response is None or not is_throttled(response[1]):
        return None
    context = request_dict["context"]
    seconds, paused = pause(attempts), context.get(_PAUSED, 0.0)
    if operation.name in shortly:
        seconds = min(seconds, SHORTLY - paused)
    if seconds <= 0 or context[_WAITED] >= SENT_AGAIN_FOR:
        return False
    context[_PAUSED] = paused + seconds
    context[_WAITED] += seconds
    return seconds


def _wait(context: dict[str, Any], seconds: float) -> None:
    context[_WAITED] = context.get(_WAITED, 0.0) + seconds
    if seconds:
        time.sleep(seconds)  # looked up when it is called, as in wiring.py


def _status_of(parsed_response: Mapping[str, Any]) -> int:
    return int(parsed_response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
