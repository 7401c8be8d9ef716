"""E-mail: our mails, sent through SES, version 2 of its interface."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from keyturn.adapters.aws_errors import Meanings, aws_errors_translated
from keyturn.domain.errors import Refused, Throttled
from keyturn.domain.events import Mail
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import NoticeContent, RenderedNotice
from keyturn.schemas.ses_event import OUR_TAG

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import ContentTypeDef, SendEmailRequestTypeDef

_MEANINGS: Final[Meanings] = {
    "MessageRejected": Refused,  # an unverified address, too
    "MailFromDomainNotVerifiedException": Refused,
    "AccountSuspendedException": Refused,
    "NotFoundException": Refused,  # the configuration set
    "LimitExceededException": Throttled,  # the day's quota
    "SendingPausedException": Throttled,
}


class MailRenderer(Protocol):
    """Writes the mails: those of `keyturn.mail`, or with the operators' templates among them."""

    def mail_of(self, content: NoticeContent) -> Mail:
        """Write the mail of a notice."""


class EmailChannel:
    """
    Meets `ports.Channel`.

    Give it a client that makes one attempt (`retries={"total_max_attempts": 1}`): a mail whose
    acceptance was not heard of would go out twice. The queue tries again.
    """

    name = ChannelName.EMAIL

    def __init__(
        self,
        ses: "SESV2Client",
        renderer: MailRenderer,
        *,
        sender: str,
        configuration_set: str | None = None,
    ) -> None:
        self._ses = ses
        self._renderer = renderer
        self._sender = sender
        self._configuration_set = configuration_set

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:
        """Write the mail."""
        return _Email(
            ses=self._ses,
            sender=self._sender,
            recipient=recipient,
            mail=self._renderer.mail_of(content),
            configuration_set=self._configuration_set,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Email:
    """Meets `ports.RenderedNotice`."""

    ses: Any = field(repr=False)
    sender: str
    recipient: Recipient
    mail: Mail
    configuration_set: str | None

    def send(self) -> str:
        """Send, and answer with SES's message id. Raises Refused for what is no one address."""
        if not self.recipient.can_be_reached:
            raise Refused(f"SendEmail: {self.recipient.address!r} is not one mail address")
        request: SendEmailRequestTypeDef = {
            "FromEmailAddress": self.sender,
            "Destination": {"ToAddresses": [self.recipient.address]},
            "Content": {
                "Simple": {
                    "Subject": _utf8(self.mail.subject),
                    "Body": {"Text": _utf8(self.mail.text), "Html": _utf8(self.mail.html)},
                }
            },
            # By this tag what SES says of it later is known to be of ours.
            "EmailTags": [{"Name": OUR_TAG, "Value": "notice"}],
        }
        if self.mail.headers:
            request["Content"]["Simple"]["Headers"] = [
                {"Name": name, "Value": value} for name, value in self.mail.headers.items()
            ]
        if self.configuration_set:
            request["ConfigurationSetName"] = self.configuration_set
        with aws_errors_translated(_MEANINGS):
            answer = self.ses.send_email(**request)
        return str(answer["MessageId"])


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
