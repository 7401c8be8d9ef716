"""
What an auditor asks of keys, and what the evidence answers: pieces of several sources, joined.

A piece says what happened, by one source. Two sources that tell of the same step are one piece
with two sources. Nothing is concluded from what is missing: it is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from keyturn.domain.days import DAY

ONE_STEP: Final = timedelta(hours=1)
"""So far apart two sources may date the same step: a snapshot knows when its run began."""


class Kind(StrEnum):
    """What happened."""

    ORDERED = "ordered"
    MADE = "made"
    ROTATED = "rotated"
    DISABLED = "disabled"
    ENABLED = "enabled again"
    DELETED = "deleted"
    REVOKED = "revoked"
    REPAIRED = "repaired"
    NOTIFIED = "notified"
    READ = "secret read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which keys are asked about, and of which days."""

    key: str | None = None
    user: str | None = None
    account: str | None = None
    owner: str | None = None
    """An address."""
    since: date
    until: date
    """Both days are part of it, UTC."""

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.since + number * DAY for number in range((self.until - self.since).days + 1)]

    def covers(self, at: datetime | None) -> bool:
        """Whether a time is within; one that is not known may be."""
        return at is None or self.since <= at.date() <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A notice, its recipient, and what became of it."""

    step: str
    channel: str
    address: str
    message_id: str
    promises: Mapping[str, str]
    """Act → the date that was announced for it."""
    fate: str
    """accepted: nothing was heard since."""
    fate_at: datetime | None = None
    why: str = ""
    proves: bool = True
    """False: the admin's copy, which stands for no owner's notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who ordered a run, as the audit entry has it."""

    by: str
    claimed: bool
    command: str
    why: str | None
    outcome: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something that happened, by what the sources say."""

    kind: Kind
    at: datetime | None
    is_exact: bool = True
    """False: it is when the run began."""
    account: str | None = None
    user: str | None = None
    key: str | None = None
    new_key: str | None = None
    caller: str | None = None
    """Who made the call, as CloudTrail has it."""
    run: str | None = None
    order: Order | None = None
    what: str = ""
    notified: Notified | None = None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that is known."""

    question: Question
    pieces: tuple[Piece, ...]
    """In the order in which it happened; what has no time comes last."""
    places: Mapping[str, int] = field(default_factory=dict)
    """What was read: source → how many objects, lines or events."""
    unseen: tuple[str, ...] = ()
    """What could not be seen, a sentence each."""
    unreadable: tuple[str, ...] = ()
    """Evidence that cannot be read, or contradicts itself."""


def joined(pieces: Iterable[Piece], orders: Mapping[str, Order]) -> tuple[Piece, ...]:
    """One piece a step, with who ordered its run; orders: run → order."""
    steps: dict[tuple[object, ...], list[Piece]] = {}
    alone: list[Piece] = []
    for piece in sorted(pieces, key=_when):
        if piece.kind in _APART or piece.at is None:
            alone.append(piece)
            continue
        before = steps.setdefault(_step(piece), [])
        if before and _is_same(before[-1], piece):
            before[-1] = _one(before[-1], piece)
        else:
            before.append(piece)
    known = [*alone, *(each for found in steps.values() for each in found)]
    return tuple(
        replace(each, order=orders.get(each.run or "")) for each in sorted(known, key=_when)
    )


_APART: Final = {Kind.ORDERED, Kind.NOTIFIED, Kind.READ, Kind.FAILED}
"""What each source tells of once."""


def _step(piece: Piece) -> tuple[object, ...]:
    if piece.kind is Kind.MADE:
        return (Kind.ROTATED, piece.key)
    if piece.kind is Kind.ROTATED and piece.new_key:
        return (Kind.ROTATED, piece.new_key)
    # A leaked key is disabled: AWS and the log tell of that alone.
    kind = Kind.DISABLED if piece.kind is Kind.REVOKED else piece.kind
    return (kind, piece.key)


def _is_same(one: Piece, other: Piece) -> bool:
    assert one.at is not None  # noqa: S101 -- those without a time are told apart before
    assert other.at is not None  # noqa: S101 -- likewise
    return abs(other.at - one.at) <= ONE_STEP


def _one(one: Piece, other: Piece) -> Piece:
    """The same step, as both tell it; what a snapshot says is Keyturn's own word for it."""
    first, second = (other, one) if other.run and not one.run else (one, other)
    exact = next((each for each in (one, other) if each.is_exact), one)
    if Kind.MADE in {one.kind, other.kind} and one.kind is not other.kind:
        first, second = (one, other) if other.kind is Kind.MADE else (other, one)
    kind = Kind.REVOKED if Kind.REVOKED in {one.kind, other.kind} else first.kind
    return replace(
        first,
        kind=kind,
        at=exact.at,
        is_exact=exact.is_exact,
        account=first.account or second.account,
        user=first.user or second.user,
        new_key=first.new_key or second.new_key,
        caller=first.caller or second.caller,
        run=first.run or second.run,
        what=first.what or second.what,
        sources=(*first.sources, *(each for each in second.sources if each not in first.sources)),
    )


def _when(piece: Piece) -> tuple[bool, float, str, str]:
    at = piece.at.timestamp() if piece.at else 0.0
    return (piece.at is None, at, piece.kind, piece.key or "")


def reads_of(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """
    One piece for each who read a secret, from one new key of it to the next.

    A program may read it every minute: what counts is who, since when, and until when.
    """
    turns = sorted(
        each.at
        for each in pieces
        if each.kind in {Kind.ROTATED, Kind.MADE} and each.at is not None
    )
    found: dict[tuple[object, ...], list[Piece]] = {}
    for each in pieces:
        if each.kind is Kind.READ and each.at is not None:
            turn = sum(at <= each.at for at in turns)
            who = (each.account, each.user, each.caller, each.what, turn)
            found.setdefault(who, []).append(each)
    kept = [each for each in pieces if each.kind is not Kind.READ]
    for several in found.values():
        first, last = several[0], several[-1]
        times = f"{len(several)} times, last {last.at:%Y-%m-%d %H:%MZ}"
        what = first.what if len(several) == 1 else f"{first.what}, {times}"
        kept.append(replace(first, what=what))
    return tuple(sorted(kept, key=_when))


def ranges(days: Sequence[date]) -> str:
    """Days as people write them: 2026-03-01 to 2026-03-05, 2026-03-09."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == DAY:
            found[-1][-1:] = [*found[-1][-1:], day]
        else:
            found.append([day])
    return ", ".join(
        str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in found
    )
