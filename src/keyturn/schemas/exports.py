"""
What auditors bring: exported logs and CloudTrail's events, in the forms that AWS's tools write.

Anybody can have written such a file, so nothing in it is believed, and nothing in it raises.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from keyturn.domain.days import can_be
from keyturn.domain.reading import NotReadableError, read_json

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A piece of an export that is nothing we know."""

    where: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedLine:
    """A line of a function's log."""

    where: str
    """The file and the line."""
    at: datetime | None
    """UTC."""
    event: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A fact that is text; None: there is none, or it is something else."""
        found = self.facts.get(name)
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """A call to AWS, as CloudTrail has it."""

    where: str
    """CloudTrail's own id of it, and where it was read."""
    at: datetime
    call: str
    service: str
    """Such as `iam.amazonaws.com`."""
    account: str | None
    by: str
    """An ARN, or what else is known of who called."""
    by_key: str | None
    """The access key that signed the call."""
    address: str
    agent: str
    user: str | None = None
    key: str | None = None
    """The access key that the call is about, or that it made."""
    status: str | None = None
    secrets: tuple[str, ...] = ()
    """Names or ARNs of the secrets that it is about."""
    error: str | None = None
    """AWS's code, if it refused the call."""


def read_logs(lines: Iterable[tuple[str, str]]) -> Iterator[LoggedLine | Unreadable]:
    """
    The lines of a log: JSON lines, with or without CloudWatch's time before, or AWS's answers.

    lines: where each is, and its text; of a file that is one JSON document, that document.
    """
    for where, text in lines:
        for piece, message in _messages(where, text):
            yield from _logged(piece, message)


def _messages(where: str, text: str) -> Iterator[tuple[str, str]]:
    """The log's own lines: of an answer of AWS's, each that is in it."""
    with suppress(NotReadableError):
        found = read_json(text)
        match found:
            case {"events": [*events]}:  # aws logs filter-log-events, get-log-events
                for number, each in enumerate(events, start=1):
                    if isinstance(each, dict):
                        yield f"{where}, event {number}", str(each.get("message"))
                return
            case {"results": [*rows]}:  # aws logs get-query-results
                for number, row in enumerate(rows, start=1):
                    for cell in row if isinstance(row, list) else ():
                        if isinstance(cell, dict) and cell.get("field") == "@message":
                            yield f"{where}, result {number}", str(cell.get("value"))
                return
    yield where, text


def _logged(where: str, message: str) -> Iterator[LoggedLine | Unreadable]:
    begin = message.find("{")
    if begin < 0:  # START, END, REPORT, or a line of Python's
        return
    try:
        found = read_json(message[begin:])
    except NotReadableError as error:
        yield Unreadable(where=where, why=str(error))
        return
    if not isinstance(found, dict):
        yield Unreadable(where=where, why="is no object")
    elif isinstance(event := found.get("event"), str):
        yield LoggedLine(
            where=where, at=read_moment(found.get("timestamp")), event=event, facts=found
        )


def read_trail(lines: Iterable[tuple[str, str]]) -> Iterator[TrailEvent | Unreadable]:
    """CloudTrail's events: its log files, `lookup-events`' answer, or an event a line."""
    for where, text in lines:
        try:
            found = read_json(text)
        except NotReadableError as error:
            yield Unreadable(where=where, why=str(error))
            continue
        for number, each in enumerate(_events(found), start=1):
            piece = f"{where}, event {number}"
            yield trail_event(each, piece) or Unreadable(
                where=piece, why="is no event of CloudTrail's"
            )


def _events(found: Any) -> Iterator[Any]:  # noqa: ANN401 -- JSON can be anything
    match found:
        case {"Records": [*records]} | {"Events": [*records]} | [*records]:
            yield from records
        case _:
            yield found


def trail_event(found: Any, where: str) -> TrailEvent | None:  # noqa: ANN401 -- likewise
    """An event of CloudTrail's; None: it is none."""
    with suppress(NotReadableError, KeyError, TypeError, ValueError):
        if "CloudTrailEvent" in found:
            found = read_json(found["CloudTrailEvent"])
        at = read_moment(found["eventTime"])
        if at is None:
            return None
        asked, made = _object(found, "requestParameters"), _object(found, "responseElements")
        who = _object(found, "userIdentity")
        key = asked.get("accessKeyId") or _object(made, "accessKey").get("accessKeyId")
        several = asked.get("secretIdList")
        secrets = (asked.get("secretId"), *(several if isinstance(several, list) else ()))
        return TrailEvent(
            where=f"CloudTrail {_text(found.get('eventID')) or 'without an id'} ({where})",
            at=at,
            call=str(found["eventName"]),
            service=str(found["eventSource"]),
            account=_text(found.get("recipientAccountId")),
            by=_text(who.get("arn")) or _text(who.get("invokedBy")) or "nobody known",
            by_key=_text(who.get("accessKeyId")),
            address=_text(found.get("sourceIPAddress")) or "",
            agent=_text(found.get("userAgent")) or "",
            user=_text(asked.get("userName")),
            key=_text(key),
            status=_text(asked.get("status")),
            secrets=tuple(each for each in secrets if isinstance(each, str)),
            error=_text(found.get("errorCode")),
        )
    return None


def read_moment(found: object) -> datetime | None:
    """A time as logs and CloudTrail write it, UTC to the second; None: it is none."""
    match = _MOMENT.match(found) if isinstance(found, str) else None
    if match is None:
        return None
    zone = (match[3] or "Z").replace("Z", "+00:00")
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
        return at if can_be(at) else None
    return None


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None
