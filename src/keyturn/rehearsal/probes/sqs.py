"""What Keyturn relies on of the FIFO queue between inventory and rotation."""

from typing import Any, Final

from keyturn.rehearsal.probes.bench import Bench, expect
from keyturn.rehearsal.probes.probe import Probe, Unprobed

_API: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference"
_GUIDE: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
_MAKE: Final = ("sqs:CreateQueue", "sqs:TagQueue")
_USE: Final = (*_MAKE, "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage")


def _deduplication(bench: Bench) -> str:
    queue = _Queue(bench, "deduplication")
    first = queue.send("first", group="a", once="token")
    taken = queue.take()
    expect([each["Body"] for each in taken] == ["first"], "a message was not delivered")
    queue.delete(taken)
    again = queue.send("second", group="a", once="token")
    expect(not queue.take(), "a message of the same deduplication id was delivered again")
    same = "the same" if first == again else "another"
    return f"taken, not delivered, also after the first was deleted; {same} MessageId"


def _group_order(bench: Bench) -> str:
    queue = _Queue(bench, "group-order")
    for body in ("1", "2"):
        queue.send(body, group="a", once=f"a{body}")
    first = queue.take(1)
    expect([each["Body"] for each in first] == ["1"], "the first message did not come first")
    expect(not queue.take(), "a second message of a group came while the first is in work")
    queue.send("other", group="b", once="b")
    other = queue.take()
    expect(
        [each["Body"] for each in other] == ["other"], "another group had to wait, or not alone"
    )
    queue.delete(first)
    expect([each["Body"] for each in queue.take()] == ["2"], "the second message did not follow")
    return "one of a group at a time, in order; other groups go on"


def _batch_in_part(bench: Bench) -> str:
    queue = _Queue(bench, "batch")
    entry = {"MessageBody": "x", "MessageGroupId": "a", "MessageDeduplicationId": "x"}
    without_group = {"MessageBody": "x", "MessageDeduplicationId": "y"}
    answer = bench.client("sqs").send_message_batch(
        QueueUrl=queue.url,
        Entries=[{"Id": "taken", **entry}, {"Id": "refused", **without_group}],
    )
    taken = {each["Id"] for each in answer.get("Successful", [])}
    failed = {each["Id"]: each.get("Code") for each in answer.get("Failed", [])}
    expect(taken == {"taken"}, "the good entry of a batch was not taken")
    expect(set(failed) == {"refused"}, "the bad entry of a batch is not named")
    return f"the good entry is taken, the other is named: {failed['refused']}"


def _counts(bench: Bench) -> str:
    queue = _Queue(bench, "counts")
    queue.send("x", group="a", once="x")
    counted, passed = bench.until(lambda: queue.counted() or None)
    expect(counted is not None, f"a message is not counted after {passed:.0f} s")
    return f"counted after {passed:.1f} s"


class _Queue:
    """A FIFO queue of the rehearsal's own."""

    def __init__(self, bench: Bench, what: str) -> None:
        self._sqs = bench.client("sqs")
        self._wait = bench.message_wait
        made = self._sqs.create_queue(
            QueueName=f"{bench.named(what)}.fifo",
            Attributes={"FifoQueue": "true", "VisibilityTimeout": "120"},
            tags=dict(bench.tags),
        )
        self.url: str = made["QueueUrl"]
        # API_CreateQueue.html: "you must wait at least one second after the queue is created".
        bench.sleep(1)

    def send(self, body: str, *, group: str, once: str) -> str:
        answer = self._sqs.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=once
        )
        return str(answer["MessageId"])

    def take(self, most: int = 10) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=most, WaitTimeSeconds=self._wait
        )
        return list(answer.get("Messages", []))

    def delete(self, messages: list[dict[str, Any]]) -> None:
        for each in messages:
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])

    def counted(self) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(answer["Attributes"][name])


PROBES: Final = (
    Probe(
        name="deduplication",
        claim=(
            "A FIFO queue takes a second message of the same deduplication id, and does not "
            "deliver it for five minutes, also when the first was deleted"
        ),
        source=f"{_GUIDE}/FIFO-key-terms.html",
        rests_on_it=("adapters/sqs.py", "use_cases/inventory.py"),
        otherwise=(
            "An account could be kept twice after an inventory was tried again: slower, never "
            "wrong"
        ),
        actions=_USE,
        run=_deduplication,
    ),
    Probe(
        name="group-order",
        claim="Of a message group one message is in work at a time, in order; other groups go on",
        source=f"{_GUIDE}/FIFO-key-terms.html",
        rests_on_it=("adapters/sqs.py",),
        otherwise="Two runs of an account could meet: each leaves the other's users alone",
        actions=_USE,
        run=_group_order,
    ),
    Probe(
        name="batch-in-part",
        claim="`SendMessageBatch` takes the good entries of a batch and names the others",
        source=f"{_API}/API_SendMessageBatch.html",
        rests_on_it=("adapters/sqs.py",),
        otherwise="Accounts could be left out without a word, or one could stop nine others",
        actions=(*_MAKE, "sqs:SendMessage"),
        run=_batch_in_part,
    ),
    Probe(
        name="queue-counts",
        claim="`GetQueueAttributes` counts a waiting message within a minute",
        source=f"{_API}/API_GetQueueAttributes.html",
        rests_on_it=("adapters/sqs.py", "use_cases/day_over.py"),
        otherwise="The day could be reported before its last account was kept",
        actions=(*_MAKE, "sqs:SendMessage", "sqs:GetQueueAttributes"),
        run=_counts,
    ),
)

UNPROBED: Final = (
    Unprobed(
        name="lambda-batches",
        claim=(
            "Lambda gives the messages of one group to one invocation at a time, and those that "
            "fail come again"
        ),
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
        rests_on_it=("0078", "functions/rotation.py"),
        otherwise="Two runs of an account could meet: each leaves the other's users alone",
        why="it takes a function; `make e2e` lives it on an AWS on this machine",
    ),
)
