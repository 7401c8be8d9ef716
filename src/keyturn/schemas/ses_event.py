"""
What the notifier takes from SES: what became of a mail, as EventBridge brings it.

Source: https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html, and for the parts of
`detail` .../event-publishing-retrieving-firehose-contents.html.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import fields as rules
from marshmallow import validate

from keyturn.domain.days import can_be
from keyturn.domain.errors import InvalidValue
from keyturn.domain.mail_fate import MailEvent, MailFate
from keyturn.domain.plain_text import shown
from keyturn.schemas.rules import ACCOUNT_ID, LenientSchema, load

SES_SOURCE: Final = "aws.ses"
"""Of SES's own events. Nobody can put such a one on a bus: AWS refuses sources in aws.…"""
OUR_TAG: Final = "keyturn"
"""The name of the tag (`EmailTags`) that every mail of ours has."""
LONGEST_WHY: Final = 300
"""Characters: what a mail server answers can be a page."""

_PARTS: Final = {
    "Email Bounced": "bounce",
    "Email Complaint Received": "complaint",
    "Email Rejected": "reject",
    "Email Rendering Failed": "failure",
    "Email Delivered": "delivery",
}
"""detail-type → the part of the detail that says what happened."""
_NEVER_SENT: Final = {"Suppressed", "OnAccountSuppressionList"}
"""Sub-types: of a list of all of SES, and of the account's."""
_PERMANENT: Final = "Permanent"
_NOT_SPAM: Final = "not-spam"


class _Mail(LenientSchema):
    message_id = rules.String(
        data_key="messageId",
        required=True,
        validate=validate.Regexp(r"[0-9A-Za-z._-]{1,200}\Z", error="must be SES's message id"),
    )
    sent_at = rules.AwareDateTime(data_key="timestamp", format="iso", required=True)
    tags = rules.Raw(load_default=None)


class _Recipient(LenientSchema):
    said = rules.String(data_key="diagnosticCode", load_default="", allow_none=True)


class _Bounce(LenientSchema):
    type = rules.String(
        data_key="bounceType",
        required=True,
        # One that we do not know is counted and looked into: it may be good or bad.
        validate=validate.OneOf([_PERMANENT, "Transient", "Undetermined"]),
    )
    sub_type = rules.String(data_key="bounceSubType", load_default="", allow_none=True)
    recipients = rules.List(
        rules.Nested(_Recipient), data_key="bouncedRecipients", load_default=list
    )


class _Complaint(LenientSchema):
    sub_type = rules.String(data_key="complaintSubType", load_default="", allow_none=True)
    type = rules.String(data_key="complaintFeedbackType", load_default="", allow_none=True)


class _Reject(LenientSchema):
    reason = rules.String(load_default="", allow_none=True)


class _Failure(LenientSchema):
    said = rules.String(data_key="errorMessage", load_default="", allow_none=True)


class _Delivery(LenientSchema):
    said = rules.String(data_key="smtpResponse", load_default="", allow_none=True)


class _Detail(LenientSchema):
    mail = rules.Nested(_Mail, required=True)
    bounce = rules.Nested(_Bounce)
    complaint = rules.Nested(_Complaint)
    reject = rules.Nested(_Reject)
    failure = rules.Nested(_Failure)
    delivery = rules.Nested(_Delivery)


class _SesEvent(LenientSchema):
    id = rules.String(
        required=True,
        validate=validate.Regexp(r"[0-9A-Za-z-]{1,64}\Z", error="must be EventBridge's id"),
    )
    account = rules.String(required=True, validate=ACCOUNT_ID)
    source = rules.String(required=True, validate=validate.Equal(SES_SOURCE))
    kind = rules.String(data_key="detail-type", required=True, validate=validate.OneOf(_PARTS))
    at = rules.AwareDateTime(data_key="time", format="iso", required=True)
    detail = rules.Nested(_Detail, required=True)


def read_mail_event(event: object, *, own_account: str) -> MailEvent:
    """
    Read what became of a mail.

    Raises InvalidValue where it is of another account, or not as SES writes it.
    """
    given = load(_SesEvent(), event)
    if given["account"] != own_account:
        raise InvalidValue("account", given["account"], f"is not {own_account}, which sends")
    detail, part = given["detail"], _PARTS[given["kind"]]
    if part not in detail:
        raise InvalidValue(f"detail.{part}", "", "is missing")
    fate, words = _FATES[part](detail[part])
    mail = detail["mail"]
    return MailEvent(
        id=given["id"],
        message_id=mail["message_id"],
        fate=fate,
        why=shown(": ".join(filter(None, words)))[:LONGEST_WHY],
        at=_moment("time", given["at"]),
        sent_at=_moment("detail.mail.timestamp", mail["sent_at"]),
        is_tagged=isinstance(mail["tags"], Mapping) and OUR_TAG in mail["tags"],
    )


def _moment(field: str, at: datetime) -> datetime:
    if not can_be(at):
        raise InvalidValue(field, at.isoformat(), "must be in the years 2000 to 2200")
    return at.astimezone(UTC)


def _bounced(bounce: Mapping[str, Any]) -> tuple[MailFate, list[str]]:
    kind, sub_type = bounce["type"], bounce["sub_type"]
    words = [f"{kind}/{sub_type}" if sub_type else kind]
    words += [each["said"] for each in bounce["recipients"][:1]]
    if sub_type in _NEVER_SENT:
        return MailFate.SUPPRESSED, words
    return (MailFate.BOUNCED if kind == _PERMANENT else MailFate.TRANSIENT), words


def _complained(complaint: Mapping[str, Any]) -> tuple[MailFate, list[str]]:
    words = [complaint["sub_type"], complaint["type"]]
    if complaint["sub_type"] in _NEVER_SENT:
        return MailFate.SUPPRESSED, words
    # RFC 6650: the one type of feedback that takes a complaint back.
    fate = MailFate.NOT_SPAM if complaint["type"] == _NOT_SPAM else MailFate.COMPLAINED
    return fate, words


_Read = Callable[[Mapping[str, Any]], tuple[MailFate, list[str]]]
_FATES: Final[Mapping[str, _Read]] = {
    "bounce": _bounced,
    "complaint": _complained,
    "reject": lambda reject: (MailFate.REJECTED, [reject["reason"]]),
    "failure": lambda failure: (MailFate.NOT_RENDERED, [failure["said"]]),
    "delivery": lambda delivery: (MailFate.DELIVERED, [delivery["said"]]),
}
"""Part of the detail → what it says became of the mail, and why."""
