"""The notifier at work: its queue and Lambda, many messages, and what came of them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from keyturn.functions import notifier
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET, NOTIFIER_ROLE
from tests.cloudformation.notifier_queue import Deployed, deployed
from tests.use_cases.harness import HUB, MEMBER, OWNER, Clock, Harness, batch

OWN = f":assumed-role/{NOTIFIER_ROLE}/"


def put(stage: Harness, body: str) -> None:
    """Put a message into the notifier's queue, past the bus."""
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.notifier_queue, MessageBody=body
    )


def taken(stage: Harness) -> list[str]:
    """Take what lies in the notifier's queue."""
    queue, sqs = stage.deployment.notifier_queue, stage.cloud.session(HUB).client("sqs")
    messages = stage.receive(queue)
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in messages]


@dataclass(kw_only=True)
class Queue:
    """The notifier's queue as the template makes it, and Lambda, which takes from it."""

    stage: Harness
    numbers: Deployed = field(default_factory=deployed)
    invocations: int = 0
    sqs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sqs = self.stage.cloud.session(HUB).client("sqs")
        dead = self.stage.deployment.dead_letters[1]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": self.numbers.tries,
        }
        self.sqs.set_queue_attributes(
            QueueUrl=self.url,
            Attributes={
                "VisibilityTimeout": str(int(self.numbers.visibility.total_seconds())),
                "RedrivePolicy": json.dumps(redrive),
            },
        )

    @property
    def url(self) -> str:
        return self.stage.deployment.notifier_queue

    def work_until_empty(self, *, rounds: int = 20) -> None:
        """Batch by batch; what fails is seen again when its time-out is over."""
        for _ in range(rounds):
            while messages := self._receive():
                self._invoke(messages)
            if not self.waiting:
                return
            self.stage.cloud.move_to(self.stage.cloud.now + self.numbers.visibility)
        raise AssertionError(f"{self.waiting} messages are left after {rounds} rounds")

    @property
    def waiting(self) -> int:
        return self._depth(self.url)

    @property
    def dead(self) -> int:
        return self._depth(self.stage.deployment.dead_letters[1])

    def _receive(self) -> Sequence[Mapping[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=self.numbers.batch, AttributeNames=["All"]
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def _invoke(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self.invocations += 1
        back = invoked(self.stage, messages, self.numbers.timeout)
        for message in messages:
            if message["MessageId"] not in back:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def _depth(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))


def invoked(
    stage: Harness, messages: Sequence[Mapping[str, Any]], timeout: timedelta
) -> list[str]:
    """One invocation with so much time; the ids of what came back, in the order of the answer."""
    end = stage.cloud.now + timeout
    context: Any = Clock(lambda: end - stage.cloud.now)
    with stage.being(NOTIFIER_ROLE):
        answer: Any = notifier.handler(batch(messages), context)
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def owner(number: int) -> str:
    return f"owner-{number:04}@example.com"


def digests(stage: Harness, owners: int, keys: int = 1) -> list[str]:
    """The messages by which so many owners are notified of so many keys each."""
    stage.user("ann", 137)
    stage.invoke()
    [event] = [
        event
        for event in map(json.loads, taken(stage))
        if event["detail"]["digest"]["address"] == OWNER
    ]
    [item] = event["detail"]["digest"]["items"]
    made = []
    for number in range(owners):
        mine = deepcopy(event)
        digest = mine["detail"]["digest"]
        digest["address"] = owner(number)
        digest["items"] = [
            {
                **item,
                "user": f"user-{number:04}-{key:03}",
                "key": f"AKIAOLD{number:06}{key:07}",
                "secret": None,
            }
            for key in range(keys)
        ]
        made.append(json.dumps(mine))
    return made


def messages_of(bodies: Sequence[str], tries: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Messages as SQS hands them over; tries: how often each."""
    return [
        {
            "MessageId": f"message-{number}",
            "ReceiptHandle": f"receipt-{number}",
            "Body": body,
            "Attributes": {"ApproximateReceiveCount": str(tries[number] if tries else 1)},
        }
        for number, body in enumerate(bodies)
    ]


def throttle(stage: Harness, share: float, seed: int = 1) -> Callable[[], int]:
    """Let SES refuse this share of the mails; how many it has refused."""
    chance, refusals = Random(seed), [0]  # noqa: S311 -- the same every time

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "SendEmail" and chance.random() < share:
            refusals[0] += 1
            error = ApiError("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
            return refused(request, error)
        return perform(request)

    stage.cloud.layers.append(layer)
    return lambda: refusals[0]


def told(stage: Harness) -> Counter[str]:
    return Counter(address for mail in stage.cloud.sent_mails for address in mail.to)


def receipts(stage: Harness) -> int:
    """How many notices have been proved; a claim is no receipt."""
    found = stage.cloud.objects(BUCKET).items()
    return sum(f"/{MEMBER}/user-" in name and len(body) > 36 for name, body in found)


def calls(stage: Harness, since: int) -> Counter[str]:
    """What the notifier called, apart from its templates."""
    return Counter(
        call.operation
        for call in stage.ours(since)
        if OWN in call.principal and "/Template/" not in str(call.params)
    )
