"""Says in other channels what the notifier sends by mail, by a queue of its own."""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn import channel_wiring  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import Gone, InvalidValue, KeyturnError, NoSuchRecipient, Stale
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.functions.connect import connected, own_account
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log, logger_of
from keyturn.functions.metrics import Service, emit
from keyturn.functions.sqs_record import tries
from keyturn.mail import renderer  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.schemas.queue_content import read_content
from keyturn.schemas.rules import read_body
from keyturn.use_cases.channels import Errand, Said
from keyturn.wiring import Aws

logger = logger_of(Service.CHANNELS)

SPARE_MILLISECONDS: Final = 45_000
"""What the function leaves of its time: a call that hangs to its end, and what is written then."""


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """
    Take a batch of events from the bus, through the queue; what fails is tried again.

    Answers with SQS's `batchItemFailures`. A message comes back as a whole where one channel
    failed; what the others have said of it they do not say again.
    """
    aws = connected(logger, os.environ, context)
    channels = aws.say_in_channels(_complain)
    errands: list[Errand] = []
    failed: set[str] = set()
    # What has waited longest comes first, as in the notifier.
    for record in sorted(event["Records"], key=tries, reverse=True):
        message = str(record["messageId"])
        try:
            content = _read(aws, str(record["body"]), context)
        except KeyturnError:
            failed.add(message)
            continue
        if content is not None:
            errands += channels.errands(message, content)

    def left() -> float:
        return (context.get_remaining_time_in_millis() - SPARE_MILLISECONDS) / 1000

    said = channels.say(errands, left)
    _report(said)
    failed |= {each.errand.message for each in said if not each.is_over}
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}


def _complain(what: str) -> None:
    log(logger, LogEvent.CHANNEL_INCOMPLETE, what)
    emit(Service.CHANNELS, {"ChannelIncomplete": 1})


def _read(aws: Aws, body: str, context: LambdaContext) -> NoticeContent | None:
    """What a message is about; None: nothing that is said, or it was dropped."""
    now = datetime.now(UTC)
    try:
        with in_our_words(logger, LogEvent.MESSAGE_DROPPED, "Dropped: "):
            asked = read_body(body)
            own, group = own_account(context), aws.settings.exemption_group
            return read_content(asked, group=group, own_account=own, now=now)
    except (InvalidValue, Stale):
        # It would be as odd on the next try.
        emit(Service.CHANNELS, {"ChannelEventsDropped": 1})
        return None


def _report(said: Sequence[Said]) -> None:
    """Name what became of each errand, by its channel; a channel's numbers are its own."""
    counted: Counter[str] = Counter()
    unknown: set[tuple[str, str]] = set()
    for each in said:
        channel = each.errand.to.channel
        about = _about(each.errand)
        match each.error:
            case None:
                if each.message_id is None:  # said before
                    continue
                outcome, event, text = "Sent", LogEvent.CHANNEL_SENT, f"Sent by {channel}"
                about |= {"message_id": each.message_id}
            case NoSuchRecipient():
                named = (each.errand.message, str(each.error))
                if named in unknown:  # once a digest, however many keys it has
                    continue
                unknown.add(named)
                outcome, event = "Unknown", LogEvent.CHANNEL_UNKNOWN
                text = f"Not sent by {channel}: {each.error}"
            case Gone():
                outcome, event, text = "Off", LogEvent.CHANNEL_OFF, f"Dropped: {each.error}"
            case _:
                outcome, event = "NotSent", LogEvent.CHANNEL_NOT_SENT
                text = f"Not sent by {channel}: {each.error}"
        log(logger, event, text, channel=channel, **about)
        counted[f"{channel.title()}{outcome}"] += 1
    if counted:
        emit(Service.CHANNELS, counted)


def _about(errand: Errand) -> dict[str, str]:
    match errand.content:
        case Digest(run=run):
            return {"account": run.account.id, "run": run.id}
        case ExemptionChange(account=account):
            return {"account": account}
        case AdminDigest(day=day, run=run_id):
            return {"day": day.isoformat()} | ({"run": run_id} if run_id else {})
        case PeriodReport(period=period):
            return {"period": period.name}
