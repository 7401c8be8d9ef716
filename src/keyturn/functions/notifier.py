"""Sends the mails that a run asks for, and those about exemptions: ASA-Notifier."""

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

from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.functions.connect import connected, own_account
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log
from keyturn.functions.metrics import Service, emit
from keyturn.mail import overrides  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.schemas.iam_event import IAM_SOURCE, read_exemption
from keyturn.schemas.notices_due import read_notices_due
from keyturn.schemas.rules import read_body
from keyturn.wiring import Aws

logger = Logger(service=Service.NOTIFIER)


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """
    Take a batch of events from the bus, through the queue; what fails is tried again.

    Answers with SQS's `batchItemFailures`. A notice that was sent and could not be confirmed may
    come twice; none is counted as told that was not sent (use_cases/send_once.py).
    """
    aws = connected(logger, os.environ, context)
    notify = aws.notify(_complain)

    def one(record: SQSRecord) -> None:
        measured = {"NotTold": 1, "ExemptionsAdded": 0, "EventsDropped": 0}
        now = datetime.now(UTC)
        try:
            with in_our_words(logger, LogEvent.MESSAGE_DROPPED, "Dropped: "):
                about = _read(aws, record.body, own_account(context), now)
        except (InvalidValue, Stale):
            # It would be as odd on the next try: it is counted, and nobody is told.
            emit(Service.NOTIFIER, {**measured, "NotTold": 0, "EventsDropped": 1})
            return
        try:
            with in_our_words(logger, LogEvent.NOTICE_NOT_SENT, "Not sent: "):
                if isinstance(about, Digest):
                    notify.send(about, now)
                else:
                    _notify_of_exemption(aws, about, measured)
            measured["NotTold"] = 0
        finally:
            emit(Service.NOTIFIER, measured)

    return process_partial_response(
        event=event,
        record_handler=one,
        processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


def _read(aws: Aws, body: str, own: str, now: datetime) -> Digest | ExemptionChange | None:
    """What a message is about; None: of a group that exempts nobody."""
    asked = read_body(body)
    if isinstance(asked, Mapping) and asked.get("source") == IAM_SOURCE:
        return read_exemption(asked, group=aws.settings.exemption_group, now=now)
    return read_notices_due(asked, own_account=own, now=now)


def _notify_of_exemption(
    aws: Aws, change: ExemptionChange | None, measured: dict[str, int]
) -> None:
    if change is None:
        text = "A call about a group did not change the exemption group: nobody is notified"
        log(logger, LogEvent.GROUP_UNCHANGED, text)
        return
    # Until it is known to have been told before: the alarm must not wait for the mail.
    measured["ExemptionsAdded"] = int(change.change.exempts)
    if not aws.notify_of_exemption(_complain).send(change, datetime.now(UTC)):
        measured["ExemptionsAdded"] = 0
        return
    log(
        logger,
        LogEvent.EXEMPTION_NOTIFIED,
        f"Notified the administrators of {change.group} in {change.account}: {change.change}",
        account=change.account,
        group=change.group,
        change=change.change,
        user=change.user,
        policy=change.policy,
        by=change.by,
        id=change.id,
    )


def _complain(text: str) -> None:
    log(logger, LogEvent.TEMPLATE_BROKEN, text)
    emit(Service.NOTIFIER, {"TemplateBroken": 1})
