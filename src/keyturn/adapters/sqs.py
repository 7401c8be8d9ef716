"""The queue between inventory and rotation."""

import json
from collections.abc import Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
"""The most messages that SQS takes at once."""


class SqsQueue:
    """Meets `ports.Queue`."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, requests: Iterable[Mapping[str, object]], *, run: str) -> None:
        """Queue one rotation request an account, each in its account's own group."""
        numbers = count()
        entries = [_entry(request, run, next(numbers)) for request in requests]
        refused: list[PortError] = []
        for start in range(0, len(entries), BATCH):
            try:
                self._send(entries[start : start + BATCH])
            except PortError as error:  # the other accounts' messages go all the same
                refused.append(error)
        if refused:
            raise refused[0]

    def _send(self, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> None:
        with aws_errors_translated():
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        if failed := answer.get("Failed"):
            message = f"SendMessageBatch: {failed[0]['Code']} ({len(failed)} messages)"
            raise Unavailable(message)


def _entry(
    request: Mapping[str, object], run: str, number: int
) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(number),
        "MessageBody": json.dumps(request),
        "MessageGroupId": str(request["account"]),
        # Never the content: a hand-back of the same account would be swallowed as a double.
        "MessageDeduplicationId": f"{run}-{number}",
    }
