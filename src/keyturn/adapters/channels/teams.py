"""
Microsoft Teams, by the webhook of a workflow: an Adaptive Card with the admin's digest.

https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
says what a card may be: 28 KB, four requests a second.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from keyturn.domain.errors import Refused
from keyturn.domain.events import Brief, BriefNote, left_out
from keyturn.domain.notice_content import NoticeContent
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.ports import RenderedNotice
from keyturn.ports.sending import Post, Turns, Values, refusal_of

URL: Final = "url"
_LARGEST: Final = 28_000
"""Bytes of a message, below the 28 KB that Teams takes."""
_LONGEST_LINE: Final = 1000
_MOST_FAILURES: Final = 10
"""Shown, where all of them are too long."""


class TeamsChannel:
    """Meets `ports.Channel`."""

    name = ChannelName.TEAMS

    def __init__(
        self,
        values: Values,
        *,
        brief: Callable[[NoticeContent], Brief],
        post: Post,
        turns: Turns,
    ) -> None:
        self._values = values
        self._brief = brief
        self._post = post
        self._turns = turns

    def take_turn(self, recipient: Recipient, *, within: float) -> float | None:  # noqa: ARG002 -- there is one
        """One a second."""
        return self._turns.take_turn(within=within)

    def render(self, content: NoticeContent, recipient: Recipient) -> RenderedNotice:  # noqa: ARG002 -- as above
        """Write the card."""
        return _Card(channel=self, body=message_of(self._brief(content)))

    def deliver(self, body: bytes) -> str:
        """Send it. Raises RateExceeded, Refused and Unavailable by what is answered."""
        # Without a charset Teams counts two bytes a character, and answers 413 from 14 KB on.
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = self._post(self._values.read()[URL], body, headers)
        refusal = refusal_of(f"teams: the workflow answered {answer.status}", answer)
        if refusal is None:
            return "workflow"  # Teams gives such a message no id
        if isinstance(refusal, Refused):
            self._values.forget()
        raise refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """Meets `ports.RenderedNotice`."""

    channel: TeamsChannel = field(repr=False)
    body: bytes = field(repr=False)

    def send(self) -> str:
        """Send."""
        return self.channel.deliver(self.body)


def message_of(brief: Brief) -> bytes:
    """The message, with as many keys as fit; the rest is counted."""
    for kept in range(len(brief.notes), -1, -1):
        left = len(brief.notes) - kept
        body = _written(replace(brief, notes=brief.notes[:kept]), left)
        if len(body) <= _LARGEST:
            return body
    # Without a key it is still too long: for its failures.
    failures, rest = brief.failures[:_MOST_FAILURES], brief.failures[_MOST_FAILURES:]
    if rest:
        failures = (*failures, left_out(len(rest), "failure"))
    return _written(replace(brief, notes=(), failures=failures), len(brief.notes))


def _written(brief: Brief, more: int) -> bytes:
    body = [
        _text([brief.subject], bold=True),
        *([_text(brief.top)] if brief.top else []),
        *([_text(brief.failures)] if brief.failures else []),
        *map(_of_key, brief.notes),
        *([_text([left_out(more, "key")])] if more else []),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json.dumps({"type": "message", "attachments": [content]}).encode()


def _of_key(note: BriefNote) -> Mapping[str, object]:
    return _text([f"{note.user}, {note.key_id}: {note.todo}", *note.what, *note.dates])


def _text(lines: Sequence[str], *, bold: bool = False) -> Mapping[str, object]:
    # Runs, and no TextBlock: that one reads Markdown, in which a name could make a link.
    text = "\n".join(line[:_LONGEST_LINE] for line in lines)
    run = {"type": "TextRun", "text": text, **({"weight": "Bolder"} if bold else {})}
    return {"type": "RichTextBlock", "inlines": [run]}
