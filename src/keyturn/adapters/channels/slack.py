"""
Slack: a message to each owner, where the owners file says, or found by the address of their mail.

The admin's go to a channel.

https://docs.slack.dev/reference/methods/chat.postMessage: one message a second and channel.
https://docs.slack.dev/reference/methods/users.lookupByEmail: Tier 3, fifty and more a minute.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.errors import (
    NoSuchRecipient,
    PortError,
    RateExceeded,
    Refused,
    Throttled,
    Unavailable,
)
from keyturn.domain.events import Audience, Brief, BriefNote, Digest, left_out
from keyturn.domain.exemption import ExemptionChange
from keyturn.domain.names import SLACK_MEMBER
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import Clock, Conversations, RenderedNotice
from keyturn.ports.sending import Post, Turns, Values, refusal_of

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.models.blocks import Block

API: Final = "https://slack.com/api/"
TOKEN: Final = "token"  # noqa: S105 -- the name of a field
URL: Final = "url"
SECONDS: Final = 10
"""That a call may wait for each part of its answer."""
KNOWN_FOR: Final = timedelta(hours=1)
"""
How long it is believed who has an address, and that nobody has.

No longer, for Slack takes messages to members who have left, and a message can be a proof:
https://github.com/slackapi/python-slack-sdk/issues/1156
"""
_MOST_BLOCKS: Final = 50
_LONGEST_TEXT: Final = 3000
_LONGEST_HEADER: Final = 150
"""As Slack takes them: https://docs.slack.dev/reference/block-kit/blocks."""
_LONGEST_MESSAGE: Final = 10_000
"""
Characters of all blocks. Slack refuses more than about 11,000 to 13,000, and documents no limit.

Measured by others: https://github.com/slackapi/bolt-js/issues/2509 and issues/2867.
"""
_LONGEST_TOP: Final = 6000
"""Of it, what comes before the failures and the keys."""
_LONGEST_OF_OTHERS: Final = 600
_NO_THREAD: Final = frozenset({"thread_not_found", "cannot_reply_to_message", "message_not_found"})
_BAD_TOKEN: Final = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}
)
_NO_PLACE: Final = frozenset(
    {
        "channel_not_found",
        "user_not_found",
        "user_disabled",
        "not_in_channel",
        "is_archived",
        "cannot_dm_bot",
        "messages_tab_disabled",
    }
)
"""What is answered for a place that takes no message of ours, now and on the next try."""
_NOBODY_KNOWS: Final = frozenset({"internal_error", "fatal_error", "request_timeout"})
_CONFIRMED: Final = "is_email_confirmed"
_CODE: Final = re.compile(r"[a-z_]{1,60}")


BriefOf = Callable[[NoticeContent], Brief]


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has an address, as Slack said; None: nobody."""

    id: str | None
    until: datetime


class SlackChannel:
    """
    Meets `ports.Channel`, by a bot's token.

    Scopes: chat:write, users:read.email, users:read.
    """

    name = ChannelName.SLACK

    def __init__(  # noqa: PLR0913 -- each is one thing that Slack needs
        self,
        values: Values,
        *,
        brief: BriefOf,
        conversations: Conversations,
        turns: Callable[[], Turns],
        lookups: Turns,
        clock: Clock,
        api: str = API,
    ) -> None:
        """turns: makes the pace of one more recipient. lookups: the pace of all lookups."""
        self._values = values
        self._brief = brief
        self._conversations = conversations
        self._new_turns = turns
        self._lookups = lookups
        self._clock = clock
        self._api = api
        self._turns: dict[Recipient, Turns] = {}
        self._known: dict[str, _Known] = {}

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:
        """One a second and recipient; and one of the lookups for somebody who is not known yet."""
        turn = self._turns.setdefault(recipient, self._new_turns()).take_turn(within=within)
        if turn is None or _is_place(recipient.address) or self._still_known(recipient):
            return turn
        lookup = self._lookups.take_turn(within=within)
        return None if lookup is None else max(turn, lookup)

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:
        """Write the message."""
        brief = self._brief(content)
        one = content.items[0].key_id if isinstance(content, Digest) and _is_one(content) else None
        return _Message(
            channel=self,
            recipient=recipient,
            account=_account_of(content),
            key_id=one,
            is_to_owner=isinstance(content, Digest) and content.audience is Audience.OWNER,
            text=_cut(escaped(brief.subject), _LONGEST_TEXT),
            blocks=blocks_of(brief),
        )

    def deliver(self, message: "_Message") -> str:
        """
        Post it, under what was said of its key before, and answer with its reference.

        Raises NoSuchRecipient where the owner's place takes no message, a PortError likewise.
        """
        client = self._client()
        place = self._place(client, message.recipient)
        thread = self._thread(message)
        try:
            sent = self._posted(client, message, place, thread)
        except _ThreadGone:
            thread, sent = None, self._posted(client, message, place, None)
        except _NoPlace as error:
            if not message.is_to_owner:
                raise
            raise NoSuchRecipient(f"{error} ({place}); the mail reaches its owner") from None
        if thread is None and message.key_id is not None:
            # A lost one only begins another thread: the message is sent, and stays so.
            with suppress(PortError):
                self._conversations.begin(message.recipient, message.account, message.key_id, sent)
        return sent

    def _thread(self, message: "_Message") -> str | None:
        if message.key_id is None:
            return None
        try:
            return self._conversations.find(message.recipient, message.account, message.key_id)
        except PortError:
            return None

    def _posted(
        self, client: "WebClient", message: "_Message", place: str, thread: str | None
    ) -> str:
        with self._errors_translated():
            answer = client.chat_postMessage(
                channel=place,
                text=message.text,
                blocks=message.blocks,
                thread_ts=thread,
                unfurl_links=False,
                unfurl_media=False,
            )
        sent = answer.get("ts")
        if not isinstance(sent, str):
            raise Unavailable("slack: the answer names no message")
        return sent

    def _place(self, client: "WebClient", recipient: Recipient) -> str:
        """Where to post: what is named, or who has the address. Raises NoSuchRecipient."""
        address = recipient.normalized_address
        if _is_place(address):
            return address
        if not self._still_known(recipient):
            self._known[address] = _Known(
                self._look_up(client, address), self._clock() + KNOWN_FOR
            )
        found = self._known[address].id
        if found is None:
            raise NoSuchRecipient(f"slack: nobody has the address {address}; the mail reaches it")
        return found

    def _still_known(self, recipient: Recipient) -> bool:
        known = self._known.get(recipient.normalized_address)
        return known is not None and self._clock() < known.until

    def _look_up(self, client: "WebClient", address: str) -> str | None:
        try:
            # Nothing is sent by looking: whatever is not known of it, a later try may find.
            with self._errors_translated():
                user = client.users_lookupByEmail(email=address).get("user")
        except _Unknown:
            return None
        except Unavailable as error:
            raise Throttled(f"{error} (nothing was sent)") from None
        if isinstance(user, dict) and not _is_there(user):
            return None
        found = user.get("id") if isinstance(user, dict) else None
        if not isinstance(found, str) or not SLACK_MEMBER.fullmatch(found):
            raise Throttled("slack: the answer names no member (nothing was sent)")
        return found

    def _client(self) -> "WebClient":
        from slack_sdk import WebClient  # noqa: PLC0415 -- in the zip of the channels alone

        return WebClient(
            token=self._values.read()[TOKEN],
            base_url=self._api,
            timeout=SECONDS,
            retry_handlers=[],  # a message whose answer was lost may have been posted
        )

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415 -- as above

        try:
            yield
        except SlackApiError as error:
            raise self._in_our_words(error.response) from None
        except URLError as error:
            kind = type(error.reason).__name__
            if isinstance(error.reason, (ConnectionRefusedError, OSError)) and not isinstance(
                error.reason, (TimeoutError, ConnectionResetError)
            ):
                raise Throttled(f"slack: no connection: {kind}") from None
            raise Unavailable(f"slack: no answer: {kind}") from None
        except (SlackClientError, OSError, ValueError, AttributeError) as error:
            raise Unavailable(f"slack: no answer: {type(error).__name__}") from None
        except Exception as error:
            if type(error).__module__ != "http.client":
                raise
            raise Unavailable(f"slack: no answer: {type(error).__name__}") from None

    def _in_our_words(self, response: Any) -> PortError:  # noqa: ANN401 -- of several types
        status = getattr(response, "status_code", None)
        data = getattr(response, "data", None)
        said = data.get("error") if isinstance(data, dict) else None
        code = said if isinstance(said, str) and _CODE.fullmatch(said) else None
        if status == HTTPStatus.TOO_MANY_REQUESTS or code in {"ratelimited", "rate_limited"}:
            return RateExceeded("slack: too fast", retry_after=_retry_after(response))
        if code is None or code in _NOBODY_KNOWS:
            return Unavailable(f"slack: no clear answer ({status})")
        if code in _BAD_TOKEN:
            self._values.forget()
        return _KINDS.get(code, Refused)(f"slack: {code}")


class _Unknown(Refused):
    """Nobody has the address."""


class _ThreadGone(Refused):
    """What the message was to be put under is not there any more."""


class _NoPlace(Refused):
    """There is no such place, or it takes no message of ours."""


_KINDS: Final = {
    "users_not_found": _Unknown,
    **dict.fromkeys(_NO_THREAD, _ThreadGone),
    **dict.fromkeys(_NO_PLACE, _NoPlace),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """Meets `ports.RenderedNotice`."""

    channel: SlackChannel = field(repr=False)
    recipient: Recipient
    account: str
    key_id: str | None
    """The one key that it is about; None: several, or none."""
    is_to_owner: bool
    """Whether the owners file may have named the place, and the mail says the same."""
    text: str
    blocks: "list[dict[Any, Any] | Block]"

    def send(self) -> str:
        """Send, and answer with the time stamp that is Slack's id of it."""
        return self.channel.deliver(self)


class SlackWebhook:
    """Meets `ports.Channel`, by an incoming webhook: all of it goes to the one channel it has."""

    name = ChannelName.SLACK

    def __init__(self, values: Values, *, brief: BriefOf, post: Post, turns: Turns) -> None:
        self._values = values
        self._brief = brief
        self._post = post
        self._turns = turns

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:  # noqa: ARG002 -- there is one
        """One a second."""
        return self._turns.take_turn(within=within)

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:  # noqa: ARG002 -- as above
        """Write the message."""
        brief = self._brief(content)
        form = {
            "text": _cut(escaped(brief.subject), _LONGEST_TEXT),
            "blocks": blocks_of(brief),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        return _Hooked(channel=self, body=json.dumps(form).encode())

    def deliver(self, body: bytes) -> str:
        """Send it. Raises RateExceeded, Refused and Unavailable by what is answered."""
        answer = self._post(self._values.read()[URL], body, {"Content-Type": "application/json"})
        refusal = refusal_of(f"slack: the incoming webhook answered {answer.status}", answer)
        if refusal is None:
            return "incoming webhook"  # Slack gives such a message no id
        if isinstance(refusal, Refused):
            self._values.forget()
        raise refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hooked:
    """Meets `ports.RenderedNotice`."""

    channel: SlackWebhook = field(repr=False)
    body: bytes = field(repr=False)

    def send(self) -> str:
        """Send."""
        return self.channel.deliver(self.body)


# --- how it looks ---------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Text in which nothing is a mention or a link: https://docs.slack.dev/messaging/formatting."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blocks_of(brief: Brief) -> "list[dict[Any, Any] | Block]":
    """The message in Block Kit: what does not fit is counted."""
    subject = brief.subject[:_LONGEST_HEADER]
    header = {
        "type": "header",
        "text": {"type": "plain_text", "text": subject, "emoji": False},
    }
    texts = [
        *_fitting(brief.top, "line", _LONGEST_TOP),
        *_fitting([*_failures(brief)], "failure", _LONGEST_TEXT),
    ]
    keys = [_text(_lines_of(note)) for note in brief.notes]
    kept = _how_many(
        keys[: _MOST_BLOCKS - 1 - len(texts) - 1],
        _LONGEST_MESSAGE - len(subject) - sum(map(len, texts)),
    )
    texts += keys[:kept]
    if kept < len(keys):
        texts.append(left_out(len(keys) - kept, "key"))
    return [header, *map(_section, texts)]


def _fitting(lines: Sequence[str], thing: str, room: int) -> list[str]:
    """The lines as texts of sections, as many as there is room for; the rest is counted."""
    each = [_text([line]) for line in lines]
    kept = _how_many(each, room)
    if kept < len(each):
        each = [*each[:kept], left_out(len(each) - kept, thing)]
    texts: list[str] = []
    for line in each:
        if texts and len(texts[-1]) + 1 + len(line) <= _LONGEST_TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def _how_many(texts: Sequence[str], room: int) -> int:
    """Of the texts, those that there is room for, and beside them for what counts the rest."""
    lengths = accumulate(len(text) + 1 for text in texts)
    return sum(length <= room - len(left_out(len(texts), "failure")) for length in lengths)


def _failures(brief: Brief) -> Iterator[str]:
    for failure in brief.failures:
        yield f"• {_cut(failure, _LONGEST_OF_OTHERS)}"


def _lines_of(note: BriefNote) -> list[str]:
    return [f"*{note.user}*: `{note.key_id}`: {note.todo}", *note.lines]


def _text(lines: Iterable[str]) -> str:
    return _cut("\n".join(map(escaped, lines)), _LONGEST_TEXT)


def _section(text: str) -> dict[str, object]:
    # Verbatim: no address, channel or name in the text becomes a link of Slack's own making.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    # Not within an entity: half of one would be shown as it is.
    return re.sub(r"&[a-z]{0,3}$", "", text[: longest - 1]) + "…"


def _is_place(address: str) -> bool:
    """Whether Slack takes it as it is: a member's or channel's id, or a channel's name."""
    return "@" not in address


def _account_of(content: NoticeContent) -> str:
    """Whose conversations it belongs to; a day of all accounts has none."""
    match content:
        case Digest(run=run):
            return run.account.id
        case ExemptionChange(account=account):
            return account
        case AdminDigest() | PeriodReport():
            return ""


def _is_there(user: Mapping[str, object]) -> bool:
    """
    Whether a member is a person who reads, at an address that they have shown to be theirs.

    What Slack does not say is not held against them:
    https://docs.slack.dev/reference/objects/user-object
    """
    return (
        not user.get("deleted") and not user.get("is_bot") and user.get(_CONFIRMED, True) is True
    )


def _is_one(digest: Digest) -> bool:
    return len(digest.items) == 1 and not digest.run.dry_run and not digest.failures


def _retry_after(response: Any) -> float | None:  # noqa: ANN401 -- of several types
    headers = getattr(response, "headers", None) or {}
    said = {str(name).lower(): value for name, value in headers.items()}.get("retry-after")
    said = said[0] if isinstance(said, list) and said else said
    return float(said) if isinstance(said, str) and said.isascii() and said.isdigit() else None
