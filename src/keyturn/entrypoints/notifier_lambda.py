"""Sends the mails that a run asks for: ASA-Notifier."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Digest, digest_from_json
from keyturn.entrypoints.connect import connected
from keyturn.entrypoints.faults import in_our_words
from keyturn.entrypoints.metrics import Service, emit
from keyturn.entrypoints.requests import read_body

logger = Logger(service=Service.NOTIFIER)


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Take a batch of `Notices Due` events from the queue; what fails is tried again."""
    notify = connected(logger, os.environ).notify()

    def one(record: SQSRecord) -> None:
        told = False
        try:
            with in_our_words(logger, "Not told: "):
                notify.tell(_digest(read_body(record.body)), datetime.now(UTC))
            told = True
        finally:
            emit(Service.NOTIFIER, {"NotTold": not told})

    return process_partial_response(
        event=event,
        record_handler=one,
        processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def _digest(event: object) -> Digest:
    detail = event.get("detail") if isinstance(event, Mapping) else None
    if not isinstance(detail, Mapping) or not isinstance(detail.get("digest"), Mapping):
        raise InvalidValue("detail", repr(detail)[:100], "holds no digest")
    return digest_from_json(detail["digest"])
