"""E-mail: our mails, sent through SES, version 2 of its interface."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from keyturn.adapters.aws_errors import Meanings, aws_errors_translated
from keyturn.domain.errors import (
    NoSuchRecipient,
    PortError,
    RateExceeded,
    Refused,
    Throttled,
)
from keyturn.domain.events import Mail
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Clock, RenderedNotice
from keyturn.ports.sending import Turns
from keyturn.schemas.ses_event import OUR_TAG

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import ContentTypeDef, SendEmailRequestTypeDef

_MEANINGS: Final[Meanings] = {
    "MessageRejected": Refused,  # an unverified address, too: _recipient_told_from_others
    "BadRequestException": Refused,
    "MailFromDomainNotVerifiedException": Refused,
    "AccountSuspendedException": Refused,
    "NotFoundException": Refused,  # the configuration set
    "LimitExceededException": Throttled,
    "SendingPausedException": Throttled,
}
_UNVERIFIED = re.compile(r"identities failed the check in region [\w-]+:\s*(?P<named>.+)")
_MALFORMED = re.compile(
    r"(illegal|invalid|missing).*\b(address|domain|local)|(address|domain).*\b(illegal|control)",
    re.IGNORECASE,
)
_FOR_LONGER = re.compile(r"SendingPaused|daily|\bday\b|24.?hour", re.IGNORECASE)
_IN_A_MOMENT = re.compile(r"TooManyRequests|Throttl|\brate\b", re.IGNORECASE)

SAFE_RATE: Final = 1.0
"""Mails a second of an account whose rate is not known: what SES gives each one at first."""
RATE_KNOWN_FOR: Final = timedelta(hours=1)
ASKED_AGAIN_AFTER: Final = timedelta(minutes=5)
"""After which a rate that could not be read is asked for again."""


class MailRenderer(Protocol):
    """Writes the mails: those of `keyturn.mail`, or with the operators' templates among them."""

    def mail_of(self, content: NoticeContent) -> Mail:
        """Write the mail of a notice."""


class SendRate:
    """
    How many mails a second one sender may send: SES's rate, shared by all that send at once.

    It is asked for now and then, for it grows. A rate that cannot be read stops nobody.
    """

    def __init__(
        self,
        ses: "SESV2Client",
        *,
        shared_by: int,
        clock: Clock,
        complain: Callable[[str], None],
    ) -> None:
        """complain: gets a sentence each time that the rate could not be read."""
        self._ses = ses
        self._shared_by = shared_by
        self._clock = clock
        self._complain = complain
        self._rate = SAFE_RATE
        self._known_until: datetime | None = None
        self._lock = Lock()

    def __call__(self) -> float:
        """Mails a second; many threads may ask, and one of them asks SES."""
        with self._lock:
            now = self._clock()
            if self._known_until is None or now >= self._known_until:
                self._ask(now)
            return self._rate / self._shared_by

    def _ask(self, now: datetime) -> None:
        why = "GetAccount gives none"
        try:
            with aws_errors_translated():
                rate = self._ses.get_account().get("SendQuota", {}).get("MaxSendRate", 0)
        except PortError as error:
            rate, why = 0, str(error)
        if rate > 0:
            self._rate, self._known_until = rate, now + RATE_KNOWN_FOR
            return
        self._rate, self._known_until = SAFE_RATE, now + ASKED_AGAIN_AFTER
        self._complain(
            f"SES's sending rate could not be read ({why}): "
            f"mails go out as if it were {SAFE_RATE:g} a second"
        )


class EmailChannel:
    """
    Meets `ports.Channel`.

    Give it a client that makes one attempt (`retries={"total_max_attempts": 1}`): a mail whose
    acceptance was not heard of would go out twice. The queue tries again.
    """

    name = ChannelName.EMAIL

    def __init__(  # noqa: PLR0913 -- what every mail goes out with
        self,
        ses: "SESV2Client",
        renderer: MailRenderer,
        *,
        sender: str,
        turns: Turns,
        taken: set[str] | None = None,
        configuration_set: str | None = None,
    ) -> None:
        """
        Begin.

        turns: kept as long as the client is, for SES counts all that came from it; so is taken:
        the senders of whom SES has taken a mail.
        """
        self._ses = ses
        self._turns = turns
        self._renderer = renderer
        self._sender = sender
        self._configuration_set = configuration_set
        self._taken = set() if taken is None else taken

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:
        """Write the mail."""
        return _Email(
            ses=self._ses,
            sender=self._sender,
            recipient=recipient,
            mail=self._renderer.mail_of(content),
            configuration_set=self._configuration_set,
            taken=self._taken,
        )

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:  # noqa: ARG002 -- SES counts mails, whoever gets them
        """Take the next turn, at SES's rate."""
        return self._turns.take_turn(within=within)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Email:
    """Meets `ports.RenderedNotice`."""

    ses: Any = field(repr=False)
    sender: str
    recipient: Recipient
    mail: Mail
    configuration_set: str | None
    taken: set[str] = field(repr=False)
    """The senders of whom SES has taken a mail."""

    @property
    def to(self) -> str:
        """To whom, as addresses are compared."""
        return self.recipient.normalized_address

    @property
    def is_to_its_sender(self) -> bool:
        """Whether SES cannot find fault with the one and not with the other."""
        return self.to == self.sender.lower()

    def send(self) -> str:
        """
        Send, and answer with SES's message id.

        Raises Refused for what is no one address, NoSuchRecipient where SES refuses it.
        """
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
        with (
            _recipient_told_from_others(self),
            _rates_told_from_quotas(),
            aws_errors_translated(_MEANINGS),
        ):
            answer = self.ses.send_email(**request)
        self.taken.add(self.sender)
        return str(answer["MessageId"])


@contextmanager
def _rates_told_from_quotas() -> Generator[None]:
    """
    Raise RateExceeded where SES says "too fast", and leave "enough for today" as it is.

    Both have the same codes; the words tell them apart: "Maximum sending rate exceeded", "Daily
    message quota exceeded".
    https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
    """
    try:
        yield
    except Throttled as refused:
        said = str(refused)
        if _FOR_LONGER.search(said) or not _IN_A_MOMENT.search(said):
            raise
        raise RateExceeded(said) from refused


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}


@contextmanager
def _recipient_told_from_others(mail: _Email) -> Generator[None]:
    """
    Raise NoSuchRecipient where SES refuses a mail because of its recipient, and nothing else.

    In its sandbox SES names the addresses that it has not verified: the sender, the recipient, or
    both. Where it finds fault with the form of an address, it does not say with whose: the
    sender's is good, if SES has taken a mail of it since this process began. All that is wrong
    with the sender, the content or the account would be so for every recipient.
    https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    """
    try:
        yield
    except Refused as refused:
        said, code = str(refused), _code_of(refused)
        unverified = _UNVERIFIED.search(said) if code == "MessageRejected" else None
        malformed = _MALFORMED.search(said) if code == "BadRequestException" else None
        is_its_fault = not mail.is_to_its_sender and (
            (unverified is not None and _named(unverified["named"]) == {mail.to})
            or (malformed is not None and mail.sender in mail.taken)
        )
        if not is_its_fault:
            raise
        raise NoSuchRecipient(said) from refused


def _code_of(error: PortError) -> str:
    """SES's own word for what is wrong; empty: it is not SES that says so."""
    answer = error.__cause__
    return answer.response["Error"]["Code"] if isinstance(answer, ClientError) else ""


def _named(listed: str) -> set[str]:
    """The identities of a list of SES's; one that is too long ends in dots, which are none."""
    return {each.strip(" <>").lower() for each in listed.split(",")}
