"""What SQS hands over, and which of it has to come back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]
"""A message, as SQS hands it over."""


def tries(record: Record) -> int:
    """How often SQS has handed the message over."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def failed_of(records: Iterable[Record], take: Callable[[Record], None]) -> dict[str, object]:
    """
    Take each message of a FIFO queue, and answer which of them failed: SQS hands these over again.

    Behind a message that failed the others of its group come back untouched, or they would be done
    before it.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    failed: list[str] = []
    stopped: set[str] = set()
    for record in records:
        group = record.get("attributes", {}).get("MessageGroupId")
        try:
            if group not in stopped:
                take(record)
                continue
        except Exception:  # noqa: BLE001 -- one message must not stop the rest; `take` has said why
            stopped |= {group} - {None}
        failed.append(str(record["messageId"]))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
