"""
SES as the sandbox needs it: it takes mail from verified senders, and keeps it to be read.

moto's SES keeps one of the two bodies of a mail, without headers; here the whole
mail is kept as it was sent.
"""

import base64
import email
import email.policy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from uuid import uuid4

from keyturn_sandbox.emulator.mail_feedback import MailFeedback, TakenMail
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """A mail as SES received it."""

    at: datetime
    message_id: str
    account: str
    sender: str
    to: Sequence[str]  # with those in copy
    subject: str
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    raw: bytes | None = field(default=None, repr=False)  # if it was sent as MIME


class Mailbox:
    """Answers the calls about mail."""

    def __init__(self, feedback: MailFeedback) -> None:
        self.feedback = feedback
        self.sent: list[SentMail] = []
        self._verified: set[tuple[str, str, str]] = set()
        self.max_send_rate = 14.0
        """Mails a second, as SES gives them to who has left its sandbox."""

    def verify(self, account: str, region: str, identity: str) -> None:
        """Let an address or a domain send."""
        self._verified.add((account, region, identity.lower()))

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {
            "SendEmail": self._send,
            "CreateEmailIdentity": self._create_identity,
            "GetEmailIdentity": self._get_identity,
            "GetAccount": self._get_account,
            **self.feedback.answers(),
        }

    def _get_account(self, _: ApiRequest) -> Params:
        # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
        quota = {
            "Max24HourSend": 50_000.0,
            "MaxSendRate": self.max_send_rate,
            "SentLast24Hours": float(len(self.sent)),
        }
        return {"ProductionAccessEnabled": True, "SendQuota": quota, "SendingEnabled": True}

    def _create_identity(self, request: ApiRequest) -> Params:
        # Nobody here waits for the owner to click on the link in SES's mail.
        self.verify(request.account, request.region, request.params["EmailIdentity"])
        return {"VerifiedForSendingStatus": True}

    def _get_identity(self, request: ApiRequest) -> Params:
        # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
        identity = request.params["EmailIdentity"]
        if (request.account, request.region, identity.lower()) not in self._verified:
            message = f"Email identity {identity} does not exist."
            raise ApiError("NotFoundException", message, 404)
        return {"VerifiedForSendingStatus": True}

    def _send(self, request: ApiRequest) -> Params:
        mail = _read(request)
        address = parseaddr(mail.sender)[1].lower()
        identities = {address, address.rpartition("@")[2]}
        # https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html
        if not any(
            (request.account, request.region, identity) in self._verified
            for identity in identities
        ):
            raise ApiError(
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in "
                f"region {request.region.upper()}: {address}",
            )
        params = request.params
        configuration_set = params.get("ConfigurationSetName")
        self.feedback.check(request, configuration_set)
        self.sent.append(mail)
        taken = TakenMail(
            message_id=mail.message_id,
            at=mail.at,
            sender=mail.sender,
            to=[parseaddr(each)[1] for each in mail.to],
            configuration_set=configuration_set,
            tags={tag["Name"]: tag["Value"] for tag in params.get("EmailTags", [])},
        )
        self.feedback.publish(request, taken)
        return {"MessageId": mail.message_id}


def _read(request: ApiRequest) -> SentMail:
    params, content = request.params, request.params["Content"]
    destination = params.get("Destination", {})
    to = [
        address
        for field_name in ("ToAddresses", "CcAddresses", "BccAddresses")
        for address in destination.get(field_name, [])
    ]
    if "Raw" in content:
        return _read_mime(request, base64.b64decode(content["Raw"]["Data"]), to)
    if "Simple" not in content:
        raise ApiError("BadRequestException", "The sandbox has no mail templates.")
    simple = content["Simple"]
    return SentMail(
        at=request.at,
        message_id=str(uuid4()),
        account=request.account,
        sender=params["FromEmailAddress"],
        to=to,
        subject=simple["Subject"]["Data"],
        text=simple["Body"].get("Text", {}).get("Data"),
        html=simple["Body"].get("Html", {}).get("Data"),
        headers={header["Name"]: header["Value"] for header in simple.get("Headers", [])},
    )


def _read_mime(request: ApiRequest, raw: bytes, to: Sequence[str]) -> SentMail:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    headers = {name: str(value) for name, value in message.items()}
    return SentMail(
        at=request.at,
        message_id=str(uuid4()),
        account=request.account,
        sender=request.params.get("FromEmailAddress") or headers.get("From", ""),
        to=to or [address.strip() for address in headers.get("To", "").split(",")],
        subject=headers.get("Subject", ""),
        text=text.get_content() if text else None,
        html=html.get_content() if html else None,
        headers=headers,
        raw=raw,
    )
