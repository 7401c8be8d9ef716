"""In place of all that channels send to: keeps what they send, for previews. Nothing leaves."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from keyturn.domain.errors import NoSuchRecipient
from keyturn.domain.recipient import Recipient

MESSAGE: Final = "message"
"""What a channel sends that sends one thing."""
_ISSUE: Final = {
    "id": "1",
    "key": "KEYS-1",
    "fields": {"status": {"statusCategory": {"key": "new"}}, "description": None},
}
_ANSWERS: Final[Mapping[str, Mapping[str, object]]] = {
    "myself": {"accountId": "keyturn"},
    "jql": {"issues": []},
    "1": _ISSUE,
    "comment": {"comments": []},
    "transitions": {
        "transitions": [
            {"id": "31", "to": {"name": "Done", "statusCategory": {"key": "done"}}},
        ]
    },
}
"""What Jira answers, by the last word of the place that is asked."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Meets `ports.sending.Answer`."""

    status: int
    body: bytes
    retry_after: float | None = None


class Outbox:
    """Meets `ports.sending.Outbox`, and channels' Values, Post, Call and Conversations."""

    def __init__(self) -> None:
        self._has_issue = False
        self._sent: dict[str, Any] = {}

    def sent_by(self, send: Callable[[], str]) -> Mapping[str, Any]:
        """What it sends when nothing was begun about the key, and when something was."""
        self._sent = {}
        for has_issue in (False, True):
            self._has_issue = has_issue
            with suppress(NoSuchRecipient):  # of a key that is gone no issue is begun
                send()
        return self._sent

    # --- Post and Call ----------------------------------------------------------------------

    def post(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> _Answer:
        """Take a message."""
        self._sent[MESSAGE] = json.loads(body)
        return _Answer(HTTPStatus.OK, b"")

    def call(
        self, _method: str, url: str, body: bytes | None, _headers: Mapping[str, str]
    ) -> _Answer:
        """Answer as a Jira of Cloud, and take what is written."""
        place = url.partition("?")[0].rpartition("/")[2]
        if body is None:
            return _Answer(HTTPStatus.OK, json.dumps(_ANSWERS[place]).encode())
        self._sent[place] = json.loads(body)
        return _Answer(HTTPStatus.CREATED, json.dumps(_ISSUE).encode())

    # --- Values -----------------------------------------------------------------------------

    def read(self) -> Mapping[str, str]:
        """Field of a secret → text, all of it made up."""
        return {
            "url": "https://example.com",
            "secret": f"whsec_{'0' * 32}",
            "token": "none",
            "email": "keyturn@example.com",
        }

    def forget(self) -> None:
        """There is nothing to read anew."""

    # --- Conversations ----------------------------------------------------------------------

    def find(self, _recipient: Recipient, _account: str, _key_id: str) -> str | None:
        """The one issue, if there is one."""
        return "1" if self._has_issue else None

    def begin(self, _recipient: Recipient, _account: str, _key_id: str, _reference: str) -> None:
        """Nothing is remembered."""

    def reserve(self, _recipient: Recipient, _account: str, _key_id: str, _now: datetime) -> str:
        """Nobody else is here."""
        return "right"

    def give_back(self, _recipient: Recipient, _account: str, _key_id: str, _right: str) -> None:
        """Nobody waits for it."""
