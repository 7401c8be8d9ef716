"""Sends the mails that a run asks for, and those about exemptions; hears what became of them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from math import ceil
from threading import Lock
from typing import Any, Final, assert_never

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import ClaimInProgress, InvalidValue, NoticesNotSent, Stale
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.mail_fate import MailEvent
from keyturn.domain.notice_content import AdminReport, NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.tag_text import format_utc
from keyturn.functions.connect import connected, own_account
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log, logger_of
from keyturn.functions.metrics import Service, emit
from keyturn.functions.sqs_record import tries
from keyturn.mail import overrides  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.schemas.queue_content import read_content
from keyturn.schemas.reachable_event import ReachableRequest, read_reachable_event
from keyturn.schemas.rules import read_body
from keyturn.schemas.ses_event import SES_SOURCE, read_mail_event
from keyturn.use_cases import exemption, notify_of_report, send_once  # noqa: F401 -- loaded while Lambda starts, and not in the first call
from keyturn.use_cases.mail_fate import FateOutcome
from keyturn.use_cases.notify import Notify
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.side_by_side import side_by_side
from keyturn.wiring import Aws

logger = logger_of(Service.NOTIFIER)

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

AT_ONCE: Final = 16
"""Messages worked on at the same time, each with its parts (send_once.py)."""


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

    def come_to(record: Mapping[str, Any], *, is_last: bool = False) -> _Outcome:
        patience, own = aws.patience(time.share()), own_account(context)
        try:
            _work_on(record, aws, notify, patience, own, is_last=is_last)
        except _HeldElsewhere:
            return _Outcome.HELD
        except Exception:  # noqa: BLE001 -- the log has it; a message fails by itself alone
            return _Outcome.FAILED
        return _Outcome.DONE

    outcomes = side_by_side(come_to, records, workers=AT_ONCE, may_begin=time.may_begin)
    begun, rest = records[: len(outcomes)], records[len(outcomes) :]
    failed = [
        record
        for record, outcome in zip(begun, outcomes, strict=True)
        if outcome is _Outcome.FAILED
    ]
    # What another held may have been a message of this very batch, which is done by now.
    held = [
        record for record, outcome in zip(begun, outcomes, strict=True) if outcome is _Outcome.HELD
    ]
    again = side_by_side(
        lambda record: come_to(record, is_last=True), held, workers=1, may_begin=time.may_begin
    )
    failed += [
        record
        for record, outcome in zip(held, again, strict=False)
        if outcome is not _Outcome.DONE
    ]
    untouched = [*rest, *held[len(again) :]]
    for record in untouched:
        _hand_back(record)
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in (*failed, *untouched)
        ]
    }


class _Outcome(Enum):
    """What came of a message."""

    DONE = auto()
    FAILED = auto()
    HELD = auto()
    """Another claims what it is about, just now; nothing is logged of it yet."""


class _HeldElsewhere(Exception):
    """A notice was left to whoever claims it."""


def _work_on(  # noqa: PLR0913 -- a message, and what it is worked on with
    record: Mapping[str, Any],
    aws: Aws,
    notify: Notify,
    patience: Patience,
    own: str,
    *,
    is_last: bool,
) -> None:
    """
    Do what a message asks for; raises whatever keeps it from being done, and logs it.

    is_last: also that another claims it; before, that raises _HeldElsewhere, and is not logged.
    """
    now = datetime.now(UTC)
    try:
        with in_our_words(logger, LogEvent.MESSAGE_DROPPED, "Dropped: "):
            about = _read(aws, str(record["body"]), own, now)
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
        match about:
            case Digest():
                is_first_try = not is_last and tries(record) == 1
                sent = _notify(aws, notify, about, now, patience, is_first_try=is_first_try)
            case AdminDigest() | PeriodReport():
                sent = _notify_of_report(aws, about, now, patience)
            case ExemptionChange() | None:
                sent = _notify_of_exemption(aws, about, patience)
            case _:
                assert_never(about)
        measured |= {**sent, "NotTold": 0}
    except Exception as error:
        if not is_last and _is_held(error):
            raise _HeldElsewhere from error
        emit(Service.NOTIFIER, measured)
        with in_our_words(logger, LogEvent.NOTICE_NOT_SENT, "Not sent: "):
            raise
    emit(Service.NOTIFIER, measured)


def _is_held(error: Exception) -> bool:
    """Whether nothing is amiss but that another claims it."""
    errors = error.errors if isinstance(error, NoticesNotSent) else (error,)
    return all(isinstance(each, ClaimInProgress) for each in errors)


@dataclass(slots=True, kw_only=True)
class _TimeBudget:
    """The time of an invocation, shared among the messages of its batch."""

    context: LambdaContext
    messages: int
    """How many have no share of it yet."""
    _is_begun: bool = False
    _lock: Lock = field(default_factory=Lock)

    def may_begin(self) -> bool:
        """Whether there is time for one more; the first always begins, so that each call helps."""
        may = not self._is_begun or self._left() > 0
        self._is_begun = True
        return may

    def share(self) -> Callable[[], float]:
        """
        How many seconds the message that begins now may spend in waiting; asked at each wait.

        Those that are worked on at once wait at once: the time is shared with those alone whose
        turn comes later, and they get what it does not need. So one recipient's throttled mail
        holds up no other's.
        """
        with self._lock:
            left = self._left()
            end = left - left / max(ceil(self.messages / AT_ONCE), 1)
            self.messages -= 1
        return lambda: max(self._left() - end, 0.0)

    def _left(self) -> float:
        """Seconds, beside those that are spared."""
        return (self.context.get_remaining_time_in_millis() - SPARE_MILLISECONDS) / 1000


def _hand_back(record: Mapping[str, Any]) -> None:
    """Leave a message to a later invocation; it is no failure."""
    log(
        logger,
        LogEvent.NOTICE_HANDED_BACK,
        "Handed back: no time is left in this invocation, the message comes again",
        message_id=record["messageId"],
        tries=tries(record),
    )
    emit(Service.NOTIFIER, {"NoticesHandedBack": 1})


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


def _notify(  # noqa: PLR0913 -- a message and its try
    aws: Aws,
    notify: Notify,
    digest: Digest,
    now: datetime,
    patience: Patience,
    *,
    is_first_try: bool,
) -> Measured:
    sent = notify.send(digest, now, patience, is_first_try=is_first_try)
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
