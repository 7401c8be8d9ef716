"""Mails through SES, on the local cloud."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from keyturn.adapters.channels.email import EmailChannel, SendRate
from keyturn.adapters.pace import Pace
from keyturn.domain.errors import (
    Denied,
    NoSuchRecipient,
    PortError,
    RateExceeded,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Mail
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.mail import samples
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.adapters.test_s3_receipts import A_CHANGE, a_digest, an_item

SENDER = "aws-admins@example.com"
MAIL = Mail(subject="Grüße 🔑", text="Hello, Müller", html="<p>Hello, Müller</p>")
ROLE = "notifier"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=datetime(2027, 3, 1, tzinfo=UTC)) as cloud:
        cloud.add_role(MANAGEMENT_ACCOUNT, ROLE, MANAGEMENT_ACCOUNT)
        cloud.verify_sender(MANAGEMENT_ACCOUNT, SENDER, "us-east-1")
        yield cloud


@dataclass
class Written:
    """Meets `MailRenderer`: the mail is written already."""

    mail: Mail = MAIL
    about: list[object] = field(default_factory=list)

    def mail_of(self, content: NoticeContent) -> Mail:
        self.about.append(content)
        return self.mail


@dataclass
class Mailer:
    channel: EmailChannel
    written: Written

    def send(self, address: str, mail: Mail) -> str:
        self.written.mail = mail
        recipient = Recipient(ChannelName.EMAIL, address)
        return self.channel.render(a_digest(an_item()), recipient).send()


def a_mailer(
    cloud: LocalCloud, sender: str = SENDER, configuration_set: str | None = None
) -> "Mailer":
    ses = cloud.role_session(MANAGEMENT_ACCOUNT, ROLE).client(
        "sesv2", config=Config(retries={"total_max_attempts": 1})
    )
    written = Written()
    pace = Pace(lambda: 1, lambda: cloud.now)
    channel = EmailChannel(
        ses, written, sender=sender, turns=pace, configuration_set=configuration_set
    )
    return Mailer(channel, written)


def test_a_mail_arrives_as_it_was_written(cloud: LocalCloud) -> None:
    message_id = a_mailer(cloud).send("dev@example.com", MAIL)

    [mail] = cloud.sent_mails
    assert mail.message_id == message_id
    assert mail.sender == SENDER
    assert mail.to == ["dev@example.com"]
    assert (mail.subject, mail.text, mail.html) == (MAIL.subject, MAIL.text, MAIL.html)


def test_a_mail_bears_the_headers_of_its_thread(cloud: LocalCloud) -> None:
    two = samples.a_digest(samples.an_item(), samples.an_item(user="etl", key=2))
    letterhead = Letterhead(admin="keys@example.com")

    a_mailer(cloud).send("dev@example.com", Mails(letterhead).mail_of(two))

    [mail] = cloud.sent_mails
    assert mail.headers == {
        "List-Id": "AWS access keys <access-keys.example.com>",
        "Auto-Submitted": "auto-generated",
        "In-Reply-To": "<AKIAOLDEXAMPLE000001.keyturn@example.com>",
        "References": "<AKIAOLDEXAMPLE000001.keyturn@example.com> "
        "<AKIAOLDEXAMPLE000002.keyturn@example.com>",
    }


def test_the_headers_of_a_long_digest_keep_to_what_ses_takes(cloud: LocalCloud) -> None:
    items = [samples.an_item(user=f"user-{key}", key=key) for key in range(200)]
    mail = Mails(Letterhead(admin="keys@example.com")).mail_of(samples.a_digest(*items))

    a_mailer(cloud).send("dev@example.com", mail)

    [sent] = cloud.sent_mails
    assert all(len(f"{name}{value}") <= 996 for name, value in sent.headers.items())
    assert sent.headers["References"].endswith(".keyturn@example.com>")


def test_the_configuration_set_goes_along_if_there_is_one(cloud: LocalCloud) -> None:
    a_mailer(cloud).send("dev@example.com", MAIL)
    ses = cloud.session(MANAGEMENT_ACCOUNT).client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="bounces")
    a_mailer(cloud, configuration_set="bounces").send("dev@example.com", MAIL)

    sent = [call.params for call in cloud.calls if call.operation == "SendEmail"]
    assert [each.get("ConfigurationSetName") for each in sent] == [None, "bounces"]


def test_an_unverified_sender_is_refused(cloud: LocalCloud) -> None:
    with pytest.raises(Refused, match=r"SendEmail: MessageRejected: .*not verified"):
        a_mailer(cloud, sender="nobody@example.com").send("dev@example.com", MAIL)

    assert cloud.sent_mails == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MailFromDomainNotVerifiedException", Refused),
        ("AccountSuspendedException", Refused),
        ("NotFoundException", Refused),
        ("AccessDeniedException", Denied),
        ("LimitExceededException", Throttled),
        ("SendingPausedException", Throttled),
        ("TooManyRequestsException", RateExceeded),
        ("ThrottlingException", RateExceeded),
    ],
)
def test_a_no_is_for_good_or_for_now(cloud: LocalCloud, code: str, kind: type[PortError]) -> None:
    cloud.deny(MANAGEMENT_ACCOUNT, "SendEmail", error=code)

    with pytest.raises(kind) as raised:
        a_mailer(cloud).send("dev@example.com", MAIL)

    assert type(raised.value) is kind
    assert code in str(raised.value)


def test_a_lost_answer_means_that_nobody_knows_and_nothing_is_sent_twice(
    cloud: LocalCloud,
) -> None:
    def lost(request: ApiRequest, perform: "object") -> ApiResponse:
        assert callable(perform)
        perform(request)
        raise ReadTimeoutError(endpoint_url="https://email.example")

    mailer = a_mailer(cloud)
    cloud.layers.append(lost)

    with pytest.raises(Unavailable):
        mailer.send("dev@example.com", MAIL)

    assert len(cloud.sent_mails) == 1


@pytest.mark.parametrize(
    "address",
    ["", "dev", "a@example.com, b@example.com", "a@example.com\nBcc: b@example.com", "a b@c.com"],
)
def test_only_one_address_is_an_address(cloud: LocalCloud, address: str) -> None:
    with pytest.raises(Refused, match="not one mail address"):
        a_mailer(cloud).send(address, MAIL)

    assert cloud.sent_mails == []


def test_each_thing_has_its_own_mail_and_nothing_goes_out_before_it_is_sent(
    cloud: LocalCloud,
) -> None:
    mailer = a_mailer(cloud)
    recipient = Recipient(ChannelName.EMAIL, "dev@example.com")
    digest = a_digest(an_item())

    messages = [mailer.channel.render(content, recipient) for content in (digest, A_CHANGE)]

    assert mailer.written.about == [digest, A_CHANGE]
    assert cloud.calls == []
    assert len({message.send() for message in messages}) == 2


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("TooManyRequestsException", "Maximum sending rate exceeded.", RateExceeded),
        ("LimitExceededException", "Maximum sending rate exceeded.", RateExceeded),
        ("Throttling", "Rate exceeded", RateExceeded),
        ("TooManyRequestsException", "Daily message quota exceeded.", Throttled),
        ("ThrottlingException", "Daily sending quota exceeded", Throttled),
        ("LimitExceededException", "There are too many instances of the resource.", Throttled),
        ("SendingPausedException", "Sending is paused: your bounce rate is too high.", Throttled),
    ],
)
def test_what_is_over_for_today_is_not_repeated_at_once(
    cloud: LocalCloud, code: str, message: str, kind: type[PortError]
) -> None:
    cloud.layers.append(lambda request, _: refused(request, ApiError(code, message)))

    with pytest.raises(Throttled) as raised:
        a_mailer(cloud).send("dev@example.com", MAIL)

    assert type(raised.value) is kind
    assert message in str(raised.value)


# The rate


@dataclass
class Asked:
    """SES's rate, with what was complained of, and a clock."""

    cloud: LocalCloud
    complaints: list[str] = field(default_factory=list)
    now: datetime = datetime(2027, 3, 1, tzinfo=UTC)

    def rate(self, shared_by: int = 2) -> SendRate:
        ses = self.cloud.role_session(MANAGEMENT_ACCOUNT, ROLE).client(
            "sesv2", config=Config(retries={"total_max_attempts": 1})
        )
        return SendRate(
            ses, shared_by=shared_by, clock=lambda: self.now, complain=self.complaints.append
        )


def test_the_rate_is_sess_own_shared_by_all_that_send(cloud: LocalCloud) -> None:
    asked = Asked(cloud)

    assert asked.rate(2)() == 7
    assert asked.rate(4)() == 3.5
    assert asked.complaints == []


def test_the_rate_is_asked_for_once_an_hour(cloud: LocalCloud) -> None:
    asked = Asked(cloud)
    rate = asked.rate()
    rate()
    cloud.say_send_rate(50)

    asked.now += timedelta(minutes=59)
    assert rate() == 7
    asked.now += timedelta(minutes=1)
    assert rate() == 25
    assert [call.operation for call in cloud.calls] == ["GetAccount"] * 2


def test_a_rate_that_cannot_be_read_is_that_of_a_new_account_and_asked_for_again(
    cloud: LocalCloud,
) -> None:
    denied, asked = cloud.deny(MANAGEMENT_ACCOUNT, "GetAccount"), Asked(cloud)
    rate = asked.rate()

    assert rate() == 0.5
    assert rate() == 0.5
    [said] = asked.complaints
    assert said.startswith("SES's sending rate could not be read (GetAccount: AccessDenied")
    assert said.endswith("mails go out as if it were 1 a second")
    denied.lift()
    asked.now += timedelta(minutes=5)
    assert rate() == 7


@pytest.mark.parametrize("odd", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none_is_not_divided_by(cloud: LocalCloud, odd: float) -> None:
    cloud.say_send_rate(odd)
    asked = Asked(cloud)

    assert asked.rate()() == 0.5
    assert len(asked.complaints) == 1


def test_turns_come_at_the_rate_and_none_is_taken_that_comes_too_late(cloud: LocalCloud) -> None:
    moment = [datetime(2027, 3, 1, tzinfo=UTC)]
    pace = Pace(lambda: 4, lambda: moment[0])

    assert [pace.take_turn(within=9) for _ in range(3)] == [0, 0.25, 0.5]
    assert pace.take_turn(within=0.7) is None
    assert pace.take_turn(within=0.75) == 0.75
    moment[0] += timedelta(minutes=1)
    assert [pace.take_turn(within=9) for _ in range(2)] == [0, 0.25]


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    moment = [datetime(2027, 3, 1, tzinfo=UTC)]
    pace = Pace(lambda: 1, lambda: moment[0])
    for _ in range(3):
        pace.take_turn(within=60)
    moment[0] -= timedelta(hours=1)

    assert pace.take_turn(within=60) == 0
    assert pace.take_turn(within=60) == 1


NOT_VERIFIED = "Email address is not verified. The following identities failed the check in region"
DEV = "dev@example.com"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {DEV}"),
        ("MessageRejected", f"{NOT_VERIFIED} EU-WEST-1: <Dev@Example.com>"),
        ("BadRequestException", "Domain contains illegal character"),
        ("BadRequestException", "Missing final '@domain'"),
        ("BadRequestException", "Local address contains control or whitespace"),
        ("BadRequestException", "Invalid domain"),
    ],
)
def test_a_recipient_whom_ses_refuses_is_told_from_all_else(
    cloud: LocalCloud, code: str, said: str
) -> None:
    mailer = a_mailer(cloud)
    mailer.send("other@example.com", MAIL)
    refuse(cloud, code, said)

    with pytest.raises(NoSuchRecipient, match=code):
        mailer.send(DEV, MAIL)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {SENDER}"),
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {SENDER}, {DEV}"),
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {DEV}, {SENDER}"),
        # SES could not name them all: the sender may be among the rest.
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {DEV}..."),
        ("MessageRejected", f"{NOT_VERIFIED} US-EAST-1: {DEV}, ..."),
        ("MessageRejected", "Email address is not verified."),
        ("MessageRejected", "Address blacklisted."),
        ("MessageRejected", "Sending suspended for this account. For more information, …"),
        ("MailFromDomainNotVerifiedException", f"{NOT_VERIFIED} US-EAST-1: {DEV}"),
        ("AccountSuspendedException", f"Invalid domain {DEV}"),
        ("BadRequestException", "Header value is too long"),
        ("NotFoundException", "Configuration set <dev@example.com> does not exist."),
        ("AccessDeniedException", f"not authorized to perform ses:SendEmail on identity/{DEV}"),
    ],
)
def test_what_is_wrong_with_the_sender_or_the_account_is_no_recipients_fault(
    cloud: LocalCloud, code: str, said: str
) -> None:
    mailer = a_mailer(cloud)
    mailer.send("other@example.com", MAIL)
    refuse(cloud, code, said)

    with pytest.raises(Refused) as raised:
        mailer.send(DEV, MAIL)

    assert not isinstance(raised.value, NoSuchRecipient)


@pytest.mark.parametrize("to", [DEV, SENDER])
def test_nobody_knows_whose_address_is_odd_before_ses_has_taken_a_mail(
    to: str, cloud: LocalCloud
) -> None:
    mailer = a_mailer(cloud)
    if to == SENDER:  # one address: what SES takes of it, it takes to it
        mailer.send(DEV, MAIL)
    refuse(cloud, "BadRequestException", "Domain contains illegal character")

    with pytest.raises(Refused) as raised:
        mailer.send(to, MAIL)

    assert not isinstance(raised.value, NoSuchRecipient)


def refuse(cloud: LocalCloud, code: str, said: str) -> None:
    """Let SES refuse every mail from now on."""

    def answer(request: ApiRequest, perform: "object") -> ApiResponse:
        assert callable(perform)
        if request.operation != "SendEmail":
            return perform(request)  # type: ignore[no-any-return]  # perform's own
        return refused(request, ApiError(code, said))

    cloud.layers.append(answer)
