"""
Every line that a function logs: its event, its level, and the facts that stand beside its text.

The text is for people. Searches and filters go by the event and the facts, which stay what they
are: docs/events.md, "Log lines".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from logging import ERROR, INFO, WARNING
from typing import Final

from aws_lambda_powertools import Logger


class LogEvent(StrEnum):
    """What a line is about."""

    USER_LOOKED_AT = "user.looked-at"
    OLDEST_KEY = "user.oldest-key"
    KEY_DECIDED = "key.decided"
    WRITE_SKIPPED = "write.skipped"
    WRITE_MADE = "write.made"
    WRITE_REFUSED = "write.refused"
    KEY_QUARANTINED = "key.quarantined"
    SECRET_DECIDED = "secret.decided"  # noqa: S105 -- a name, not a password
    SECRETS_NOT_LISTED = "secrets.not-listed"
    RUN_WARNED = "run.warned"
    RUN_FAILED = "run.failed"
    OWNER_REJECTED = "owner.rejected"
    USERS_HANDED_BACK = "users.handed-back"
    INVOCATION_FAILED = "invocation.failed"
    MESSAGE_FAILED = "message.failed"
    SETTING_BLANK = "setting.blank"

    ACCOUNTS_QUEUED = "accounts.queued"
    ACCOUNT_SKIPPED = "account.skipped"
    INVENTORY_WARNED = "inventory.warned"
    INVENTORY_NOT_RECORDED = "inventory.not-recorded"
    OWNERS_FILE_READ = "owners-file.read"
    ACCOUNTS_NOT_REACHED = "accounts.not-reached"
    COVERAGE_UNKNOWN = "coverage.unknown"
    COVERAGE_NOT_YET = "coverage.not-yet"

    MESSAGE_DROPPED = "message.dropped"
    NOTICE_NOT_SENT = "notice.not-sent"
    NOTICE_HANDED_BACK = "notice.handed-back"
    SEND_RATE_UNKNOWN = "send-rate.unknown"
    EXEMPTION_NOTIFIED = "exemption.notified"
    DIGEST_SENT = "digest.sent"
    DIGEST_KNOWN = "digest.sent-before"
    REPORT_SENT = "report.sent"
    REPORT_KNOWN = "report.sent-before"
    GROUP_UNCHANGED = "exemption.unchanged"
    TEMPLATE_BROKEN = "template.broken"
    MAIL_VOIDED = "mail.voided"
    MAIL_DELIVERED = "mail.delivered"
    MAIL_MISSED = "mail.missed"
    MAIL_IGNORED = "mail.ignored"
    MAIL_EARLY = "mail.early"
    MAIL_NOT_RECORDED = "mail.not-recorded"
    ADDRESS_SUPPRESSED = "address.suppressed"
    ADDRESS_REACHABLE = "address.reachable"
    SUPPRESSION_UNKNOWN = "suppression.unknown"

    DIGEST_PUBLISHED = "digest.published"
    DIGEST_WAITS = "digest.waits"
    REPORT_PUBLISHED = "report.published"
    REPORT_UNFINISHED = "report.unfinished"
    PAGE_STORED = "page.stored"
    PAGE_NOT_MADE = "page.not-made"
    BACKLOG_UNKNOWN = "backlog.unknown"
    AUDIT_CHAINED = "audit.chained"

    CHANNEL_SENT = "channel.sent"
    CHANNEL_NOT_SENT = "channel.not-sent"
    CHANNEL_OFF = "channel.off"
    CHANNEL_UNKNOWN = "channel.unknown-recipient"
    CHANNEL_INCOMPLETE = "channel.incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """How a line is written."""

    level: int
    """Python's number: logging.ERROR."""
    facts: tuple[str, ...] = ()
    """The fields beside the text, by their names."""
    sometimes: tuple[str, ...] = ()
    """Those that a line may lack."""


_RUN: Final = ("account", "run")
_KEY: Final = (*_RUN, "user", "key")
_OF_WHAT: Final = (*_RUN, "day")
"""What a notice is of: a run over an account, or a day of all of them."""
_PERIOD: Final = ("kind", "period")
_MAIL: Final = ("message_id", "fate")
_NAMED: Final = ("UserName", "GroupName", "AccessKeyId", "SecretId", "Name", "Status")

LINES: Final[Mapping[LogEvent, LogLine]] = {
    LogEvent.USER_LOOKED_AT: LogLine(level=INFO, facts=(*_RUN, "user")),
    LogEvent.OLDEST_KEY: LogLine(level=INFO, facts=(*_KEY, "age")),
    LogEvent.KEY_DECIDED: LogLine(
        level=INFO, facts=(*_KEY, "age", "state", "action", "reason", "dry_run")
    ),
    LogEvent.WRITE_SKIPPED: LogLine(level=INFO, facts=(*_KEY, "action", "call")),
    LogEvent.WRITE_MADE: LogLine(level=INFO, facts=("call", "request_id"), sometimes=_NAMED),
    LogEvent.WRITE_REFUSED: LogLine(
        level=INFO, facts=("call", "request_id", "error"), sometimes=_NAMED
    ),
    LogEvent.KEY_QUARANTINED: LogLine(level=ERROR, facts=_KEY),
    LogEvent.SECRET_DECIDED: LogLine(
        level=INFO, facts=(*_RUN, "user", "secret", "step", "done", "dry_run")
    ),
    LogEvent.SECRETS_NOT_LISTED: LogLine(level=WARNING, facts=_RUN),
    LogEvent.RUN_WARNED: LogLine(level=WARNING, facts=_RUN),
    LogEvent.RUN_FAILED: LogLine(level=ERROR, facts=_RUN, sometimes=("user",)),
    LogEvent.OWNER_REJECTED: LogLine(level=WARNING, facts=(*_RUN, "user", "source", "value")),
    LogEvent.USERS_HANDED_BACK: LogLine(level=WARNING, facts=(*_RUN, "users")),
    LogEvent.INVOCATION_FAILED: LogLine(level=ERROR, sometimes=("trace",)),
    LogEvent.MESSAGE_FAILED: LogLine(level=ERROR, sometimes=("trace",)),
    LogEvent.SETTING_BLANK: LogLine(level=WARNING, facts=("setting",)),
    LogEvent.ACCOUNTS_QUEUED: LogLine(level=INFO, facts=("run", "accounts")),
    LogEvent.ACCOUNT_SKIPPED: LogLine(level=WARNING, facts=(*_RUN, "account_name", "reason")),
    LogEvent.INVENTORY_WARNED: LogLine(level=WARNING, facts=("run",)),
    LogEvent.INVENTORY_NOT_RECORDED: LogLine(level=ERROR, facts=("run",)),
    LogEvent.OWNERS_FILE_READ: LogLine(level=INFO, facts=("run", "rules")),
    LogEvent.ACCOUNTS_NOT_REACHED: LogLine(level=ERROR, facts=("run", "accounts", "named")),
    LogEvent.COVERAGE_UNKNOWN: LogLine(level=ERROR, facts=("run",)),
    LogEvent.COVERAGE_NOT_YET: LogLine(level=INFO, facts=("run",)),
    LogEvent.MESSAGE_DROPPED: LogLine(level=ERROR, sometimes=("trace",)),
    LogEvent.NOTICE_NOT_SENT: LogLine(level=ERROR, sometimes=("trace",)),
    LogEvent.NOTICE_HANDED_BACK: LogLine(level=INFO, facts=("message_id", "tries")),
    LogEvent.SEND_RATE_UNKNOWN: LogLine(level=WARNING),
    LogEvent.EXEMPTION_NOTIFIED: LogLine(
        level=INFO, facts=("account", "group", "change", "by", "id"), sometimes=("user", "policy")
    ),
    LogEvent.DIGEST_SENT: LogLine(
        level=INFO,
        facts=("day", "message_id", "breaks", "not_seen", "failures"),
        sometimes=("run",),
    ),
    LogEvent.DIGEST_KNOWN: LogLine(level=INFO, facts=("day",), sometimes=("run",)),
    LogEvent.REPORT_SENT: LogLine(level=INFO, facts=(*_PERIOD, "message_id")),
    LogEvent.REPORT_KNOWN: LogLine(level=INFO, facts=_PERIOD),
    LogEvent.REPORT_PUBLISHED: LogLine(level=INFO, facts=(*_PERIOD, "whole")),
    LogEvent.PAGE_STORED: LogLine(level=INFO, facts=("day", "keys", "accounts")),
    LogEvent.PAGE_NOT_MADE: LogLine(level=WARNING),
    LogEvent.REPORT_UNFINISHED: LogLine(level=INFO, facts=(*_PERIOD, "done", "accounts")),
    LogEvent.GROUP_UNCHANGED: LogLine(level=INFO),
    LogEvent.TEMPLATE_BROKEN: LogLine(level=ERROR),
    LogEvent.MAIL_VOIDED: LogLine(level=WARNING, facts=(*_MAIL, "address", "receipts", "why")),
    LogEvent.MAIL_MISSED: LogLine(level=WARNING, facts=(*_MAIL, "address", "receipts", "why")),
    LogEvent.MAIL_DELIVERED: LogLine(level=INFO, facts=(*_MAIL, "receipts")),
    LogEvent.MAIL_IGNORED: LogLine(level=INFO, facts=(*_MAIL, "why")),
    LogEvent.MAIL_EARLY: LogLine(level=INFO),
    LogEvent.MAIL_NOT_RECORDED: LogLine(level=ERROR, sometimes=("trace",)),
    LogEvent.ADDRESS_REACHABLE: LogLine(level=INFO, facts=("address", "by", "why")),
    LogEvent.ADDRESS_SUPPRESSED: LogLine(
        level=ERROR, facts=("address", "why"), sometimes=_OF_WHAT
    ),
    LogEvent.SUPPRESSION_UNKNOWN: LogLine(level=WARNING),
    LogEvent.DIGEST_PUBLISHED: LogLine(level=INFO, facts=("day", "accounts")),
    LogEvent.DIGEST_WAITS: LogLine(level=INFO, facts=("day",)),
    LogEvent.BACKLOG_UNKNOWN: LogLine(level=WARNING, facts=("day",)),
    LogEvent.AUDIT_CHAINED: LogLine(level=INFO, facts=("link", "sha256")),
    LogEvent.CHANNEL_SENT: LogLine(
        level=INFO, facts=("channel", "message_id"), sometimes=_OF_WHAT
    ),
    LogEvent.CHANNEL_NOT_SENT: LogLine(level=ERROR, facts=("channel",), sometimes=_OF_WHAT),
    LogEvent.CHANNEL_OFF: LogLine(level=ERROR, facts=("channel",), sometimes=_OF_WHAT),
    LogEvent.CHANNEL_UNKNOWN: LogLine(level=WARNING, facts=("channel",), sometimes=_OF_WHAT),
    LogEvent.CHANNEL_INCOMPLETE: LogLine(level=WARNING),
}
"""All of them; a test holds every line that the tests see to it, and docs/events.md too."""


def logger_of(service: str) -> Logger:
    """
    Make a function's logger. A text goes into its line as it is.

    Powertools would try each one for JSON: a twentieth of a quiet day's time, and what reads like
    JSON would be no text any more.
    """
    return Logger(service=service, json_deserializer=str)


def log(logger: Logger, event: LogEvent, text: str, **facts: object) -> None:
    """Write a line; a fact that is None is left out."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    write = {INFO: logger.info, WARNING: logger.warning, ERROR: logger.error}[LINES[event].level]
    write(text, extra={"event": event, **known}, stacklevel=3)  # `location` is whoever calls this
