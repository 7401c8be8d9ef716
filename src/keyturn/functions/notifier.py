"""Sends the mails that a run asks for, and those about exemptions; hears what became of them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, assert_never

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import ClaimInProgress, InvalidValue, NoTimeLeft, Stale
from keyturn.domain.events import AdminReport, Digest, NoticeContent
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.tag_text import format_utc
from keyturn.functions.connect import connected, own_account
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log
from keyturn.functions.metrics import Service, emit
from keyturn.functions.sqs_record import tries
from keyturn.mail import overrides  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.schemas.queue_content import read_content
from keyturn.schemas.reachable_event import ReachableRequest, read_reachable_event
from keyturn.schemas.rules import read_body
from keyturn.schemas.ses_event import SES_SOURCE, read_mail_event
from keyturn.use_cases.mail_fate import FateOutcome
from keyturn.use_cases.notify import Notify
from keyturn.use_cases.patience import Patience
from keyturn.wiring import Aws

logger = Logger(service=Service.NOTIFIER)

Measured = Mapping[str, int]
"""Metric → its value."""
_NOTHING: Final = {
    "NotTold": 0,
    "ExemptionsAdded": 0,
    "EventsDropped": 0,
    "MailsBounced": 0,
    "MailsDelivered": 0,
    "MailsMissed": 0,
    "MailsNotSent": 0,
    "AdminUnreachable": 0,
    "MailEventsIgnored": 0,
    "DigestsSent": 0,
}
"""What is measured of a message that came to nothing."""

SPARE_MILLISECONDS = 60_000
"""
What the notifier leaves of its time: enough for a digest of 200 keys that has not to wait.

A call that hangs to its end takes most of it.
"""


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """
    Take a batch of events from the bus, through the queue; what fails is tried again.

    Or take an operator's word that an address can be reached again, and answer.

    Answers with SQS's `batchItemFailures`. A notice that was sent and could not be confirmed may
    come twice; none is counted as told that was not sent (use_cases/send_once.py). For what there
    is no time left, it hands back untouched.
    """
    aws = connected(logger, os.environ, context)
    if "Records" not in event:
        with in_our_words(logger, LogEvent.INVOCATION_FAILED):
            return _say_reachable(aws, read_reachable_event(event))
    notify = aws.notify(_complain, _warn, _say_rate_unknown)
    # What has waited longest comes first: nothing is handed back over and over (decision 0040).
    records = sorted(event["Records"], key=tries, reverse=True)
    time = _TimeBudget(context=context, messages=len(records))

    def one(record: SQSRecord) -> None:
        if not time.may_begin():
            _hand_back(record)
        patience = aws.patience(time.share())
        now = datetime.now(UTC)
        try:
            with in_our_words(logger, LogEvent.MESSAGE_DROPPED, "Dropped: "):
                about = _read(aws, record.body, own_account(context), now)
        except (InvalidValue, Stale):
            # It would be as odd on the next try: it is counted, and nobody is told.
            emit(Service.NOTIFIER, {**_NOTHING, "EventsDropped": 1})
            return
        if isinstance(about, MailEvent):
            _record(aws, about, now)
            return
        # Until it is known to have been told before: that alarm must not wait for the mail.
        exempts = isinstance(about, ExemptionChange) and about.change.exempts
        measured = {**_NOTHING, "NotTold": 1, "ExemptionsAdded": int(exempts)}
        try:
            with in_our_words(logger, LogEvent.NOTICE_NOT_SENT, "Not sent: "):
                match about:
                    case Digest():
                        measured |= _notify(aws, notify, about, now, patience)
                    case AdminDigest() | PeriodReport():
                        measured |= _notify_of_report(aws, about, now, patience)
                    case ExemptionChange() | None:
                        measured |= _notify_of_exemption(aws, about, patience)
                    case _:
                        assert_never(about)
            measured["NotTold"] = 0
        finally:
            emit(Service.NOTIFIER, measured)

    return process_partial_response(
        event={**event, "Records": records},
        record_handler=one,
        processor=BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )


@dataclass(slots=True, kw_only=True)
class _TimeBudget:
    """The time of an invocation, shared among the messages of its batch."""

    context: LambdaContext
    messages: int
    """How many have not begun yet."""
    _begun: bool = False

    def may_begin(self) -> bool:
        """Whether there is time for one more; the first always begins, so that each call helps."""
        may = not self._begun or self._left() > 0
        self._begun = True
        return may

    def share(self) -> Callable[[], float]:
        """
        How many seconds the message that begins now may spend in waiting; asked at each wait.

        It gets its share of what is left, and what it does not need goes to those after it: one
        recipient's throttled mail holds up no other's.
        """
        end = self._left() - self._left() / self.messages
        self.messages -= 1
        return lambda: max(self._left() - end, 0.0)

    def _left(self) -> float:
        """Seconds, beside those that are spared."""
        return (self.context.get_remaining_time_in_millis() - SPARE_MILLISECONDS) / 1000


def _hand_back(record: SQSRecord) -> None:
    """Leave a message to a later invocation; it is no failure. Raises NoTimeLeft."""
    handed = tries(record.raw_event)
    text = "Handed back: no time is left in this invocation, the message comes again"
    log(logger, LogEvent.NOTICE_HANDED_BACK, text, message_id=record.message_id, tries=handed)
    emit(Service.NOTIFIER, {"NoticesHandedBack": 1})
    raise NoTimeLeft(text)


def _say_reachable(aws: Aws, asked: ReachableRequest) -> dict[str, object]:
    """Lift the mark of an address, unless it is a dry run; say whether there was one."""
    recipient, now = Recipient(ChannelName.EMAIL, asked.address), datetime.now(UTC)
    say = aws.say_reachable()
    since = say.dead_since(recipient, now)
    if not asked.dry_run:
        say.say(recipient, now)
        log(
            logger,
            LogEvent.ADDRESS_REACHABLE,
            f"An operator says that {asked.address} can be reached again",
            address=asked.address,
            by=asked.by or "an event that names nobody",
            why=asked.reason,
        )
    return {
        "address": asked.address,
        "dry_run": asked.dry_run,
        "unreachable_since": None if since is None else format_utc(since),
    }


def _read(aws: Aws, body: str, own: str, now: datetime) -> NoticeContent | MailEvent | None:
    """What a message is about; None: of a group that exempts nobody."""
    asked = read_body(body)
    if isinstance(asked, Mapping) and asked.get("source") == SES_SOURCE:
        return read_mail_event(asked, own_account=own)
    return read_content(asked, group=aws.settings.exemption_group, own_account=own, now=now)


def _notify(
    aws: Aws, notify: Notify, digest: Digest, now: datetime, patience: Patience
) -> Measured:
    sent = notify.send(digest, now, patience)
    if sent.unreachable is None:
        return {}
    about = {"account": digest.run.account.id, "run": digest.run.id}
    return _say_unreachable(aws, digest.recipient, sent.unreachable, **about)


def _notify_of_exemption(aws: Aws, change: ExemptionChange | None, patience: Patience) -> Measured:
    if change is None:
        text = "A call about a group did not change the exemption group: nobody is notified"
        log(logger, LogEvent.GROUP_UNCHANGED, text)
        return {}
    notify = aws.notify_of_exemption(_complain, _say_rate_unknown)
    if not notify.send(change, datetime.now(UTC), patience):
        return {"ExemptionsAdded": 0}
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
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReportSaid:
    """What is logged and counted of a report."""

    what: str
    about: Mapping[str, str]
    known: LogEvent
    sent: LogEvent
    facts: Mapping[str, object] = field(default_factory=dict)
    counts: Measured = field(default_factory=dict)


def _said_of(report: AdminReport) -> _ReportSaid:
    if isinstance(report, PeriodReport):
        return _ReportSaid(
            what=f"report of {report.period.name}",
            about={"kind": str(report.period.kind), "period": report.period.name},
            known=LogEvent.REPORT_KNOWN,
            sent=LogEvent.REPORT_SENT,
        )
    return _ReportSaid(
        what=f"mail of the run {report.run}" if report.run else f"digest of {report.day}",
        about={"day": report.day.isoformat()} | ({"run": report.run} if report.run else {}),
        known=LogEvent.DIGEST_KNOWN,
        sent=LogEvent.DIGEST_SENT,
        facts={
            "breaks": report.breaks.total,
            "not_seen": report.coverage.not_seen.total + report.coverage.failed,
            "failures": report.failures.total,
        },
        counts={"DigestsSent": 1},
    )


def _notify_of_report(
    aws: Aws, report: AdminReport, now: datetime, patience: Patience
) -> Measured:
    said = _said_of(report)
    notify = aws.notify_of_report(_complain, _warn, _say_rate_unknown)
    sent = notify.send(report, now, patience)
    if sent.unreachable is not None:
        return _say_unreachable(aws, notify.admin, sent.unreachable, **said.about)
    if sent.message_id is None:
        log(logger, said.known, f"The {said.what} was sent before", **said.about)
        return {}
    text = f"Sent the administrators the {said.what}"
    log(logger, said.sent, text, **said.about, message_id=sent.message_id, **said.facts)
    return said.counts


def _record(aws: Aws, event: MailEvent, now: datetime) -> None:
    """Write down what became of a mail. Raises what could not be, for the queue to try again."""
    measured = {**_NOTHING}
    try:
        recorded = aws.record_mail_fate().record(event, now)
    except ClaimInProgress as early:
        # Whoever sends the mail is about to write it down; nothing is amiss.
        log(logger, LogEvent.MAIL_EARLY, f"Tried again later: {early}")
        raise
    except Exception:
        with in_our_words(logger, LogEvent.MAIL_NOT_RECORDED, "Not recorded: "):
            raise
    about = {"message_id": event.message_id, "fate": event.fate}
    match recorded.outcome:
        case FateOutcome.VOIDED:
            to = recorded.recipient
            address = to.address if to else None
            text = f"A mail to {address} was {event.fate}: it proves nothing"
            log(
                logger,
                LogEvent.MAIL_VOIDED,
                text,
                **about,
                address=address,
                receipts=recorded.receipts,
                why=event.why,
            )
            measured["MailsBounced"] = 1
            measured["AdminUnreachable"] = int(
                event.fate.condemns_address and to is not None and _is_admin(aws, to)
            )
        case FateOutcome.DELIVERED:
            text = "A mail was delivered"
            log(logger, LogEvent.MAIL_DELIVERED, text, **about, receipts=recorded.receipts)
            measured["MailsDelivered"] = 1
        case FateOutcome.MISSED:
            address = recorded.recipient.address if recorded.recipient else None
            log(
                logger,
                LogEvent.MAIL_MISSED,
                f"A mail to {address} did not arrive; the next one may",
                **about,
                address=address,
                receipts=recorded.receipts,
                why=event.why,
            )
            measured["MailsMissed"] = 1
        case FateOutcome.IGNORED | FateOutcome.HARMLESS:
            text = f"An event about a mail changes nothing: {recorded.outcome}"
            log(logger, LogEvent.MAIL_IGNORED, text, **about, why=event.why)
            measured["MailEventsIgnored"] = 1
        case _:
            assert_never(recorded.outcome)
    emit(Service.NOTIFIER, measured)


def _say_unreachable(aws: Aws, recipient: Recipient, why: str, **about: str) -> Measured:
    text = f"No mail was sent to {recipient.address}: it is {why}"
    log(logger, LogEvent.ADDRESS_SUPPRESSED, text, **about, address=recipient.address, why=why)
    return {"MailsNotSent": 1, "AdminUnreachable": int(_is_admin(aws, recipient))}


def _is_admin(aws: Aws, recipient: Recipient) -> bool:
    """Whether it is whom no mail tells that mails do not reach them."""
    return recipient.is_same_as(Recipient(ChannelName.EMAIL, aws.settings.admin))


def _warn(text: str) -> None:
    log(logger, LogEvent.SUPPRESSION_UNKNOWN, f"{text}. Mails are sent all the same")


def _complain(text: str) -> None:
    log(logger, LogEvent.TEMPLATE_BROKEN, text)
    emit(Service.NOTIFIER, {"TemplateBroken": 1})


def _say_rate_unknown(text: str) -> None:
    log(logger, LogEvent.SEND_RATE_UNKNOWN, text)
