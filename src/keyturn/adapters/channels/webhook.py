"""A webhook, signed as Standard Webhooks has it: https://www.standardwebhooks.com."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, assert_never

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import Gone, RateExceeded, Refused
from keyturn.domain.events import Digest, NoticeItem
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Clock, RenderedNotice
from keyturn.ports.sending import Post, Values, refusal_of
from keyturn.schemas.webhook_message import write_webhook_message

URL: Final = "url"
SIGNING_SECRET: Final = "secret"  # noqa: S105 -- the name of a field
FIELDS: Final = (URL, SIGNING_SECRET)
"""What stands in the webhook's secret."""
_PREFIX: Final = "whsec_"
_SHORTEST_SECRET: Final = 24
"""Bytes, as the standard has it."""
_NO_ACCESS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class WebhookChannel:
    """Meets `ports.Channel`."""

    name = ChannelName.WEBHOOK

    def __init__(
        self, values: Values, *, post: Post, subject: Callable[[NoticeContent], str], clock: Clock
    ) -> None:
        """subject: one line that says what a notice is about, in the mails' words."""
        self._values = values
        self._post = post
        self._subject = subject
        self._clock = clock
        self._gone: Mapping[str, str] | None = None
        """What the secret held when the receiver said that it wants nothing more."""

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:  # noqa: ARG002 -- the receiver says itself if it is too fast
        """At once, for everybody."""
        return 0.0

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:
        """Write the message, with an id that is the same for the same notices."""
        form = write_webhook_message(
            content, recipient, subject=self._subject(content), at=self._clock()
        )
        return _Signed(
            channel=self,
            id=message_id(content, recipient),
            body=json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode(),
        )

    def deliver(self, message: "_Signed") -> None:
        """
        Sign it and send it, in one attempt.

        Raises Gone, RateExceeded, Refused and Unavailable by what is answered.
        """
        values = self._values.read()
        if values == self._gone:
            raise Gone("webhook: the receiver answered 410 Gone before, and is sent nothing more")
        timestamp = str(int(self._clock().timestamp()))
        signed = b".".join((message.id.encode(), timestamp.encode(), message.body))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Keyturn",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            # Several, so that a receiver can change its secret: any of them that fits will do.
            "webhook-signature": " ".join(
                f"v1,{_signature(key, signed)}" for key in _keys(values[SIGNING_SECRET])
            ),
        }
        answer = self._post(values[URL], message.body, headers)
        status = answer.status
        said = f"webhook: the receiver answered {status}"
        if status == HTTPStatus.GONE:
            self._gone = values
            raise Gone(f"{said} Gone, and is sent nothing more")
        if status == HTTPStatus.SERVICE_UNAVAILABLE:  # so a receiver may ask for patience, too
            raise RateExceeded(said, retry_after=answer.retry_after)
        if status in _NO_ACCESS:
            self._values.forget()
        if refusal := refusal_of(said, answer):
            raise refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """Meets `ports.RenderedNotice`."""

    channel: WebhookChannel = field(repr=False)
    id: str
    body: bytes = field(repr=False)

    def send(self) -> str:
        """Send, and answer with the message's id."""
        self.channel.deliver(self)
        return self.id


def check(values: Mapping[str, str]) -> None:
    """Raises Refused where nothing can be signed with what stands in the secret."""
    _keys(values[SIGNING_SECRET])


def message_id(content: NoticeContent, recipient: Recipient) -> str:
    """The id by which a receiver knows that it has a message already."""
    parts = "\n".join((str(recipient.id), *_told(content)))
    return f"msg_{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def _told(content: NoticeContent) -> Iterator[str]:
    """What a message tells, in the words that its claims go by."""
    match content:
        case Digest():
            yield f"{content.run.account.id} {content.audience} {content.proves} {content.part}"
            if content.run.dry_run or content.failures:
                yield content.run.id
            yield from sorted(map(_name_of, content.items))
        case ExemptionChange():
            yield content.id
        case AdminDigest():
            yield content.day.isoformat()
            if content.run:
                yield content.run
        case PeriodReport():
            yield content.period.name
        case _:
            assert_never(content)


def _name_of(item: NoticeItem) -> str:
    return f"{item.user} {item.key_id} {item.notice.step} {' '.join(map(str, item.days))}"


def _keys(secrets: str) -> list[bytes]:
    """The keys of one or more signing secrets, the newest first. Raises Refused."""
    keys = []
    for secret in secrets.split():
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not secret.startswith(_PREFIX) or len(key) < _SHORTEST_SECRET:
            raise Refused(
                f"WebhookSecretArn: {SIGNING_SECRET!r} must be {_PREFIX} and the Base64 of "
                f"{_SHORTEST_SECRET} bytes or more"
            )
        keys.append(key)
    return keys


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
