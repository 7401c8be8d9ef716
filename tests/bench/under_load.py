"""
How long notices take under load, a report, and a large page to open.

Times are printed and never asserted, for machines differ; what must hold whatever the time is
asserted here too, and on a smaller scale in tests/functions/test_under_load.py.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

from keyturn_sandbox.emulator.cloud import Layer, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cloudformation.notifier_queue import deployed
from tests.functions.notifier_at_work import (
    Queue,
    calls,
    digests,
    invoked,
    messages_of,
    owner,
    put,
    receipts,
    throttle,
    told,
)
from tests.report.in_time import large_page
from tests.report.many import large_month, large_report
from tests.use_cases.harness import Harness, staged

OWNERS = 2_000
RATE = 14
S3_TAKES = 0.09
"""Seconds."""


def notices_and_reports() -> None:
    """What notices and reports take."""
    five_heavy_digests()
    first_day_of_enforcement()
    print(large_report(accounts=10_000, keys=20), flush=True)  # noqa: T201 -- as below
    print(large_month(accounts=10_000, keys=20), flush=True)  # noqa: T201 -- as below


def pages() -> None:
    """What large pages take."""
    for accounts, keys, days in ((200, 101, 10), (1_000, 200, 2)):
        print(large_page(accounts=accounts, keys=keys, days=days), flush=True)  # noqa: T201 -- it says so


def five_heavy_digests() -> None:
    """5 digests of 200 keys, S3 at 90 ms a call, in one invocation; and once more."""
    numbers = deployed()
    with staged() as stage:
        messages = messages_of(digests(stage, 5, keys=200))
        stage.cloud.layers.append(slow("s3", S3_TAKES))
        for which in ("first try", "second try"):
            since = stage.mark()
            with timed(f"5 digests of 200 keys, {which}, S3 at 90 ms a call") as said:
                back = invoked(stage, messages, numbers.timeout)
                said.append(f"limit {numbers.timeout.seconds} s, {len(back)} handed back")
                said.append(spelled(calls(stage, since)))
            assert back == []
        assert told(stage) == {owner(number): 1 for number in range(5)}
        assert receipts(stage) == 1000


def first_day_of_enforcement() -> None:
    """2,000 owners, SES at 14 mails a second, half of the answers "too fast"."""
    with staged() as stage:
        for body in digests(stage, OWNERS):
            put(stage, body)
        limit(stage)
        refusals = throttle(stage, 0.5)
        queue, since, began = Queue(stage=stage), stage.mark(), stage.cloud.now
        with timed(
            f"{OWNERS} owners, SES at {RATE} mails/s, half of its answers throttled"
        ) as said:
            queue.work_until_empty()
            took = stage.cloud.now - began
            said.append(
                f"by AWS's clock {took / timedelta(minutes=1):.1f} min with one of "
                f"{queue.numbers.at_once} notifiers at work, {queue.invocations} invocations, "
                f"{refusals()} mails throttled"
            )
            said.append(spelled(calls(stage, since)))
        lost = OWNERS - len(told(stage))
        twice = sum(count > 1 for count in told(stage).values())
        print(f"  lost {lost}, twice {twice}, dead letters {queue.dead}")  # noqa: T201 -- what it is for
        assert (lost, twice, queue.dead, receipts(stage)) == (0, 0, 0, OWNERS)


def slow(service: str, seconds: float) -> Layer:
    """Let each call of a service take so long, really; several may wait at the same time."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.service == service:
            Event().wait(seconds)
        return perform(request)

    return layer


def limit(stage: Harness) -> None:
    """Let SES refuse what is more than its rate, second by second."""
    seconds: Counter[int] = Counter()

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != "SendEmail":
            return perform(request)
        second = int(request.at.timestamp())
        seconds[second] += 1
        if seconds[second] > RATE:
            error = ApiError("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
            return refused(request, error)
        return perform(request)

    stage.cloud.layers.append(layer)


def spelled(made: Counter[str]) -> str:
    return ", ".join(f"{operation} {count:,}" for operation, count in made.most_common())


@contextmanager
def timed(title: str) -> Iterator[list[str]]:
    """Print the title, how long it took, and what is said of it."""
    said: list[str] = []
    began = time.perf_counter()
    yield said
    lines = "".join(f"  {line}\n" for line in said)
    print(f"{title}: {time.perf_counter() - began:.1f} s\n{lines}", end="", flush=True)  # noqa: T201 -- as above
