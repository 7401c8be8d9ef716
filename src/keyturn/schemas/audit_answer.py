"""What `keyturn audit` answers: as JSON, and a row for each piece as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Literal, TypedDict

from keyturn.domain.audit_answer import Answer, Kind, Notified, Order, Piece
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Moment
from keyturn.schemas.decision import Day
from keyturn.schemas.plan_csv import harmless


class AskedFile(TypedDict):
    """What was asked; null: of any."""

    key: str | None
    user: str | None
    account: str | None
    owner: str | None
    since: Day
    until: Day


class NotifiedFile(TypedDict):
    """A notice, its recipient, and what became of it; proves is false for the admin's copy."""

    step: str
    channel: str
    address: str
    message_id: str
    promises: dict[str, str]
    fate: str
    fate_at: Moment | None
    why: str
    proves: bool


class OrderFile(TypedDict):
    """Who ordered the run, by its audit entry; claimed: only by what an event says of itself."""

    by: str
    claimed: bool
    command: str
    why: str | None
    outcome: str
    source: str


class PieceFile(TypedDict):
    """Something that happened; exact is false where `at` is when the run began."""

    at: Moment | None
    exact: bool
    kind: Kind
    account: str | None
    user: str | None
    key: str | None
    new_key: str | None
    caller: str | None
    run: str | None
    order: OrderFile | None
    what: str
    notified: NotifiedFile | None
    sources: list[str]


class AuditAnswerFile(TypedDict):
    """What the evidence says, by which sources, and what could not be seen."""

    version: Literal[1]
    asked: AskedFile
    pieces: list[PieceFile]
    read: dict[str, int]
    """Source → how many objects, lines or events of it were read."""
    unseen: list[str]
    unreadable: list[str]
    """Evidence that cannot be read, or contradicts its own name."""


def write_audit_answer(answer: Answer) -> AuditAnswerFile:
    """The answer, as JSON has it."""
    asked = answer.question
    return {
        "version": 1,
        "asked": {
            "key": asked.key,
            "user": asked.user,
            "account": asked.account,
            "owner": asked.owner,
            "since": asked.since.isoformat(),
            "until": asked.until.isoformat(),
        },
        "pieces": [_piece(each) for each in answer.pieces],
        "read": dict(answer.places),
        "unseen": list(answer.unseen),
        "unreadable": list(answer.unreadable),
    }


def _piece(piece: Piece) -> PieceFile:
    return {
        "at": format_utc(piece.at) if piece.at else None,
        "exact": piece.is_exact,
        "kind": piece.kind,
        "account": piece.account,
        "user": piece.user,
        "key": piece.key,
        "new_key": piece.new_key,
        "caller": piece.caller,
        "run": piece.run,
        "order": _order(piece.order) if piece.order else None,
        "what": piece.what,
        "notified": _notified(piece.notified) if piece.notified else None,
        "sources": list(piece.sources),
    }


def _order(order: Order) -> OrderFile:
    return {
        "by": order.by,
        "claimed": order.claimed,
        "command": order.command,
        "why": order.why,
        "outcome": order.outcome,
        "source": order.source,
    }


def _notified(told: Notified) -> NotifiedFile:
    return {
        "step": told.step,
        "channel": told.channel,
        "address": told.address,
        "message_id": told.message_id,
        "promises": dict(told.promises),
        "fate": told.fate,
        "fate_at": format_utc(told.fate_at) if told.fate_at else None,
        "why": told.why,
        "proves": told.proves,
    }


_COLUMNS = (
    *("at", "kind", "account", "user", "key", "new_key", "ordered_by", "caller", "run"),
    *("step", "channel", "address", "message_id", "promises", "fate", "fate_at", "what"),
    "sources",
)


def write_audit_csv(answer: Answer) -> str:
    """A CSV text with one row a piece, and a row of headings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for piece in answer.pieces:
        writer.writerow(map(harmless, _cells(piece)))
    return text.getvalue()


def _cells(piece: Piece) -> Iterator[object]:
    told = piece.notified
    yield format_utc(piece.at) if piece.at else None
    yield piece.kind
    yield from (piece.account, piece.user, piece.key, piece.new_key)
    yield piece.order.by if piece.order else None
    yield from (piece.caller, piece.run)
    if told is None:
        yield from (None,) * 7
    else:
        yield from (told.step, told.channel, told.address, told.message_id)
        yield " ".join(f"{act}={day}" for act, day in told.promises.items())
        yield told.fate
        yield format_utc(told.fate_at) if told.fate_at else None
    yield piece.what
    yield " ".join(piece.sources)
