"""The queue between inventory and rotation."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError, Unavailable
from keyturn.schemas.queue_message import LARGEST_MESSAGE

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
"""The most messages that SQS takes at once."""
ROUNDS = 3
"""How often a message is offered that SQS fails on though it took the call."""
_TOLD: Final = 10
"""So many refused batches are told one by one; 10,000 accounts would fill a log line."""

_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
"""What waits, what is being worked on or waits to be tried again, and what comes later."""


class SqsQueue:
    """Meets `ports.Queue` and `ports.Backlog`."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        """
        Queue one rotation request an account, each in its account's own group.

        Raises a PortError that names the accounts whose requests were not taken; the others' were.
        """
        refused: list[PortError] = []
        for batch in _batches(_entries(requests, run)):
            try:
                self._send(batch)
            except PortError as error:  # the other accounts' messages go all the same
                refused.append(error)
        if refused:
            # Each names its accounts; one of them may be for now only, and another not.
            told = "; ".join(map(str, refused[:_TOLD]))
            more = f"; and {len(refused) - _TOLD} more batches" if len(refused) > _TOLD else ""
            raise type(refused[0])(told + more) from refused[0]

    def is_empty(self) -> bool:
        """
        Whether SQS counts no message in it; it counts at least a minute behind.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
        """
        with aws_errors_translated():
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=_COUNTS)
        counts = answer.get("Attributes", {})
        unknown = [name for name in _COUNTS if not counts.get(name, "").isdecimal()]
        if unknown:
            raise Unavailable(f"GetQueueAttributes: no {', '.join(unknown)}")
        return not any(int(counts[name]) for name in _COUNTS)

    def _send(self, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> None:
        """Send a batch, and again what SQS does not say that it took."""
        codes = ""
        try:
            for _ in range(ROUNDS):
                with aws_errors_translated():
                    answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
                taken = {each["Id"] for each in answer.get("Successful", ())}
                entries = [each for each in entries if each["Id"] not in taken]
                if not entries:
                    return
                failed = {each["Code"] for each in answer.get("Failed", ())}
                codes = ", ".join(sorted(failed)) or "no answer"
        except PortError as error:
            raise type(error)(f"{error}: not queued: {_accounts(entries)}") from error
        raise Unavailable(f"SendMessageBatch: {codes}: not queued: {_accounts(entries)}")


def _batches(
    entries: "Iterable[SendMessageBatchRequestEntryTypeDef]",
) -> "Iterator[list[SendMessageBatchRequestEntryTypeDef]]":
    """As many at once as SQS takes, by their number and by their size."""
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"])  # JSON in ASCII: a character is a byte
        if batch and (len(batch) == BATCH or size + length > LARGEST_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _accounts(entries: "Iterable[SendMessageBatchRequestEntryTypeDef]") -> str:
    return ", ".join(entry["MessageGroupId"] for entry in entries)


def _entries(
    requests: Iterable[Mapping[str, object]], run: str
) -> "Iterator[SendMessageBatchRequestEntryTypeDef]":
    of_account: Counter[str] = Counter()
    for number, request in enumerate(requests):
        account = str(request["account"])
        yield {
            "Id": str(number),
            "MessageBody": json.dumps(request),
            "MessageGroupId": account,
            # Never the content: SQS swallows for five minutes what has the same id, so a hand-back
            # of the same account would be lost as a double.
            "MessageDeduplicationId": f"{run}-{account}-{of_account[account]}",
        }
        of_account[account] += 1
