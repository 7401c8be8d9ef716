"""A day of Keyturn: the inventory, then every account, then every notice; each by its function."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.bench.process import ROOT, Emulator, Took, function
from tests.cloudformation.notifier_queue import deployed
from tests.use_cases.harness import batch

ROTATION_SECONDS = 900.0
"""The template's, and Lambda's longest."""
ACCOUNTS_AT_ONCE = 1
"""Messages of a batch of the rotation's: the template says so."""


@dataclass(kw_only=True)
class Part:
    """What one function took on that day, and what it called."""

    invocations: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0
    back: int = 0
    """Messages that it handed back."""
    calls: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    """How many of the calls were."""

    def add(self, took: Took) -> None:
        """One more invocation."""
        self.invocations += 1
        self.wall += took.wall
        self.cpu += took.cpu
        self.peak_mb = max(self.peak_mb, took.peak_mb)
        self.back += len(took.answer["batchItemFailures"])


@dataclass(frozen=True, kw_only=True)
class Day:
    """What the functions took."""

    rotation: Part
    notifier: Part


def day(
    emulator: Emulator,
    *,
    checkout: Path = ROOT,
    at: str | None = None,
    profile: Path | None = None,
    before_notices: Callable[[], object] = lambda: None,
    **settings: str,
) -> Day:
    """Let a day pass, one invocation after the other; the first one of each function is cold."""

    def run(name: str, work: Callable[[Any], None]) -> None:
        kept = profile and profile.with_name(f"{profile.name}.{name}")
        with function(
            name, emulator, checkout=checkout, at=at, profile=kept, **settings
        ) as started:
            work(started)

    run("inventory", lambda started: started.invoke({}, seconds=ROTATION_SECONDS))
    rotation, notifier, numbers = Part(), Part(), deployed()
    queues = Queues(emulator)
    with _counted(emulator, rotation):
        run(
            "rotation",
            lambda started: queues.drain(
                emulator.rotation_queue,
                ACCOUNTS_AT_ONCE,
                lambda event: started.invoke(event, seconds=ROTATION_SECONDS),
                rotation,
            ),
        )
    before_notices()
    with _counted(emulator, notifier):
        run(
            "notifier",
            lambda started: queues.drain(
                emulator.notifier_queue,
                numbers.batch,
                lambda event: started.invoke(event, seconds=numbers.timeout.total_seconds()),
                notifier,
            ),
        )
    return Day(rotation=rotation, notifier=notifier)


@contextmanager
def _counted(emulator: Emulator, part: Part) -> Iterator[None]:
    emulator.order("forget")
    yield
    part.calls, part.throttled = emulator.counted(), emulator.throttled()


class Queues:
    """What Lambda does between a queue and a function."""

    def __init__(self, emulator: Emulator) -> None:
        held = emulator.credentials["administrator"]
        self._sqs: Any = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=emulator.url,
            aws_access_key_id=held["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=held["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=held["AWS_SESSION_TOKEN"],
        )

    def drain(
        self, url: str, most: int, invoke: Callable[[Mapping[str, Any]], Took], part: Part
    ) -> None:
        """Hand messages over until there are none; what came back is handed over again."""
        while messages := self._receive(url, most):
            took = invoke(batch(messages))
            part.add(took)
            back = {item["itemIdentifier"] for item in took.answer["batchItemFailures"]}
            for message in messages:
                self._settle(url, message, failed=message["MessageId"] in back)

    def _receive(self, url: str, most: int) -> Sequence[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"], VisibilityTimeout=43200
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def _settle(self, url: str, message: Mapping[str, Any], *, failed: bool) -> None:
        receipt = message["ReceiptHandle"]
        if failed:
            self._sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0
            )
        else:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
