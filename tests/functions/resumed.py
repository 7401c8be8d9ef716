"""
A day of one account that no invocation has the time for: what is handed back, and resumed.

By the emulator's clock alone, so that it takes no time and comes out the same on each machine.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.emulator.rate_limits import RATE
from tests.use_cases.harness import ASKED, HUB, Clock, Harness, batch

IAM = timedelta(seconds=1) / RATE
"""What a call of IAM takes: an account bears twenty a second, whoever waits for them."""
OTHER = timedelta(milliseconds=40) / 8
"""What any other call takes: 40 ms, and eight users side by side."""
INVOCATION = timedelta(minutes=15)
HIDDEN = timedelta(seconds=5400)
"""How long SQS hides a message whose invocation died, as the template has it."""
MOST = 50
"""Invocations; no day of an account has so many."""


class Killed(BaseException):
    """Lambda ended the invocation: its time was over."""


@dataclass(kw_only=True)
class Resumed:
    """What came of the day."""

    invocations: int = 0
    killed: int = 0
    took: timedelta = timedelta(0)
    """From the first invocation to the end of the last."""
    least_left: timedelta = INVOCATION
    """Of an invocation's time, when it was over."""
    parts: list[list[str]] = field(default_factory=list)
    """The names in each message; none in the first."""
    rotated: list[frozenset[str]] = field(default_factory=list)
    """Whose keys were rotated by then."""


def day_of(
    stage: Harness,
    *,
    invocation: timedelta = INVOCATION,
    iam: timedelta = IAM,
    other: timedelta = OTHER,
    dies: tuple[int, timedelta] | None = None,
) -> Resumed:
    """
    Let the account's message come, and what is handed back, until there is nothing.

    dies: the invocation of this number, after so long, though nobody told it that.
    """
    # One at a time: how many wait side by side is in what a call takes.
    stage.settings["ParallelUsers"] = "1"
    found, began = Resumed(), stage.cloud.now
    sqs: Any = stage.cloud.session(HUB).client("sqs")
    url = stage.deployment.rotation_queue
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(HIDDEN.seconds)})
    stage.send(ASKED)
    while messages := _received(sqs, url):
        found.invocations += 1
        assert found.invocations <= MOST, "it comes to no end"
        found.parts.append(json.loads(messages[0]["Body"]).get("users", []))
        found.rotated.append(frozenset(rotations(stage)))
        end = stage.cloud.now + invocation
        context = Clock(lambda end=end: end - stage.cloud.now)  # type: ignore[misc]  # of this one
        try:
            early = dies[1] if dies is not None and found.invocations == dies[0] else invocation
            with _slowly(stage, iam, other, stage.cloud.now + early):
                answer = stage.hand_over(batch(messages), context=context)
        except Killed:
            found.killed += 1
            stage.cloud.move_to(stage.cloud.now + HIDDEN)
            continue
        found.least_left = min(found.least_left, end - stage.cloud.now)
        found.took = stage.cloud.now - began
        assert answer["batchItemFailures"] == []
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return found


def rotations(stage: Harness) -> Counter[str]:
    """User's name → new keys."""
    return Counter(str(call.params["UserName"]) for call in calls_of(stage, "CreateAccessKey"))


def calls_of(stage: Harness, operation: str) -> list[Call]:
    """Keyturn's calls of an operation that AWS did not refuse."""
    return [call for call in stage.ours() if call.operation == operation and not call.error]


def _received(sqs: Any, url: str) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 -- boto3's client
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, AttributeNames=["All"])
    messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
    return messages


@contextmanager
def _slowly(stage: Harness, iam: timedelta, other: timedelta, end: datetime) -> Iterator[None]:
    """Let each call take its time, and none come back once the invocation's is over."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        stage.cloud.move_to(stage.cloud.now + (iam if request.service == "iam" else other))
        if stage.cloud.now >= end:
            raise Killed
        return perform(request)

    stage.cloud.layers.append(layer)
    try:
        yield
    finally:
        stage.cloud.layers.remove(layer)
