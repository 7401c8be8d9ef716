"""
What the signed webhook sends: for programs of others, so a change that breaks one gets a version.

Its head is that of Standard Webhooks: type, timestamp, data. Nothing in it is secret.
"""

from datetime import datetime
from typing import Final, Literal, TypedDict

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.events import Digest
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import Recipient
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.digest import DigestItem, DigestRun, write_digest
from keyturn.schemas.digest_of_day import DigestDue, write_digest_due
from keyturn.schemas.event import Exemption, write_exemption
from keyturn.schemas.report_of_period import ReportDue, write_report_due

VERSION: Final = 1


class NoticesData(TypedDict):
    """What one recipient is notified of."""

    version: Literal[1]
    subject: str
    """What it is about, in one line for people."""
    to: str
    """The e-mail address of whom the notices are for."""
    audience: Literal["owner", "admin"]
    run: DigestRun
    region: str
    """Where the account's secrets are stored."""
    part: int
    failures: list[str]
    items: list[DigestItem]


class ExemptionData(Exemption):
    """A change of the exemption group."""

    version: Literal[1]
    subject: str
    to: str
    account: AccountId
    id: str
    """CloudTrail's id of the call."""
    at: Moment
    """When the call was made."""


class DigestData(DigestDue):
    """A day of the whole organisation, or one run of a command line, for its administrators."""

    version: Literal[1]
    subject: str
    to: str


class ReportData(ReportDue):
    """A week or a month of the whole organisation, for its administrators."""

    version: Literal[1]
    subject: str
    to: str


class WebhookMessage(TypedDict):
    """The body of a request."""

    type: Literal["notices.due", "exemption.changed", "digest.due", "report.due"]
    timestamp: Moment
    """When it was written."""
    data: NoticesData | ExemptionData | DigestData | ReportData


def write_webhook_message(
    content: NoticeContent, recipient: Recipient, *, subject: str, at: datetime
) -> WebhookMessage:
    """The body of the request that says this to whom the recipient names."""
    match content:
        case Digest():
            return {
                "type": "notices.due",
                "timestamp": format_utc(at),
                "data": _notices(content, recipient, subject),
            }
        case ExemptionChange():
            return {
                "type": "exemption.changed",
                "timestamp": format_utc(at),
                "data": {
                    "version": VERSION,
                    "subject": subject,
                    "to": recipient.address,
                    "account": content.account,
                    "id": content.id,
                    "at": format_utc(content.at),
                    **write_exemption(content),
                },
            }
        case AdminDigest():
            return {
                "type": "digest.due",
                "timestamp": format_utc(at),
                "data": {
                    "version": VERSION,
                    "subject": subject,
                    "to": recipient.address,
                    **write_digest_due(content),
                },
            }
        case PeriodReport():
            return {
                "type": "report.due",
                "timestamp": format_utc(at),
                "data": {
                    "version": VERSION,
                    "subject": subject,
                    "to": recipient.address,
                    **write_report_due(content),
                },
            }


def _notices(digest: Digest, recipient: Recipient, subject: str) -> NoticesData:
    form = write_digest(digest)
    return {
        "version": VERSION,
        "subject": subject,
        "to": recipient.address,
        "audience": form["audience"],
        "run": form["run"],
        "region": form["region"],
        "part": form["part"],
        "failures": form["failures"],
        "items": form["items"],
    }
