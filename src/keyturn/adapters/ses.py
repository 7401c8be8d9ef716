"""Mails go out through SES, version 2 of its interface."""

from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import Meanings, aws_errors_translated
from keyturn.domain.errors import Refused, Throttled
from keyturn.domain.events import Mail
from keyturn.domain.names import ONE_ADDRESS

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


class SesMailer:
    """
    Meets `ports.Mailer`.

    Give it a client that makes one attempt (`retries={"total_max_attempts": 1}`): a mail whose
    acceptance was not heard of would go out twice. The queue tries again.
    """

    def __init__(
        self, ses: "SESV2Client", *, sender: str, configuration_set: str | None = None
    ) -> None:
        self._ses = ses
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, address: str, mail: Mail) -> str:
        """Send, and answer with SES's message id."""
        if not ONE_ADDRESS.fullmatch(address):
            raise Refused(f"SendEmail: {address!r} is not one mail address")
        request: SendEmailRequestTypeDef = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": [address]},
            "Content": {
                "Simple": {
                    "Subject": _utf8(mail.subject),
                    "Body": {"Text": _utf8(mail.text), "Html": _utf8(mail.html)},
                }
            },
        }
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        with aws_errors_translated(_MEANINGS):
            answer = self._ses.send_email(**request)
        return answer["MessageId"]


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
