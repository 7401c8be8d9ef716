"""
The demo's page: what happened to each key, day by day; and the list of all mails.

Both are one file each that asks for nothing else, so they can be opened from a disk, mailed and
printed. Paths are relative to the page and written as on the disk.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from keyturn.domain.decision import Overlay, State
from keyturn_sandbox.demo.scale import Scale
from keyturn_sandbox.demo.writing import write

# What a caller fills in.


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a key; a kind without a sign of its own gets a plain one."""

    day: date
    kind: str
    text: str
    mail: str | None = None
    """The path of the mail that told it."""
    fate: str = ""
    """To whom that went, and what became of it."""
    is_void: bool = False
    """Whether it reached nobody, and so proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days that a key spent in one state; `end` is the day on which it left it."""

    start: date
    end: date
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """
    One key, from its creation or the first day to its end or the last day.

    `state` is how it ended. What follows `ended` needs no span: it is drawn by itself.
    """

    account_id: str
    account_name: str
    user: str
    key_id: str
    created: datetime
    ended: datetime | None = None
    state: State
    overlays: tuple[Overlay, ...] = ()
    born_in_run: bool = False
    spans: tuple[Span, ...]
    happenings: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekLine:
    """What was done in seven days, and the average age of the Active keys at their end."""

    number: int
    first_day: date
    dry_run: bool
    rotated: int
    disabled: int
    deleted: int
    restored: int
    notices: int
    """Mails sent."""
    average_age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """What was looked at for one invariant, and what broke it."""

    number: int
    title: str
    checked: int
    violations: tuple[str, ...] = ()


class Reach(StrEnum):
    """How far a run got with an account."""

    REACHED = "reached"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """An account of the organisation, and why it was not reached."""

    account_id: str
    name: str
    reach: Reach = Reach.REACHED
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetApart:
    """A user whose keys do not take the usual course, and why."""

    account_name: str
    user: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A file beside the page."""

    label: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All that the page says."""

    title: str
    first_day: date
    last_day: date
    enforced_from: date
    """The first day that was no dry run."""
    rotation_period: int
    inactive_period: int
    recovery_grace_period: int
    accounts: tuple[AccountLine, ...]
    users: int
    exempt: tuple[SetApart, ...] = ()
    blocked: tuple[SetApart, ...] = ()
    average_age_before: float
    average_age_after: float
    took: timedelta
    links: tuple[Link, ...] = ()
    findings: tuple[FindingLine, ...]
    weeks: tuple[WeekLine, ...]
    keys: tuple[KeyLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """A notice of a key: sent as it was due, or one of the two."""

    on: date
    what: str
    to: str
    mail: str | None
    fate: str = ""
    is_void: bool = False
    wrong: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesOfKey:
    """A key, what became of it in a few words, and its notices."""

    account_name: str
    user: str
    key_id: str
    path: str
    notices: tuple[NoticeLine, ...]

    @property
    def wrong(self) -> int:
        """How many of them are wrong."""
        return sum(notice.wrong is not None for notice in self.notices)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLine:
    """A mail in the list of all mails."""

    sent: datetime
    to: str
    subject: str
    path: str


# What is drawn.


@dataclass(frozen=True, slots=True)
class Sign:
    """How a kind of happening is drawn: its word, and whether it stands above the bar."""

    kind: str
    word: str
    above: bool
    shape: str


_SIGNS = {
    sign.kind: sign
    for sign in (
        # The weightiest first: of two on one day, it is the one drawn.
        Sign("deleted", "Deleted", above=False, shape="cross"),
        Sign("disabled", "Disabled", above=False, shape="pause"),
        Sign("restored", "Restored by a person", above=False, shape="play"),
        Sign("rotated", "Rotated: a successor was made", above=False, shape="diamond"),
        Sign("created", "Created", above=False, shape="ring"),
        Sign("installed", "Its owner installed it", above=False, shape="tick"),
        Sign("used-last", "Last used", above=False, shape="dot"),
        Sign("returned", "A notice that reached nobody", above=True, shape="returned"),
        Sign("blocked", "Blocked: due, but not possible yet", above=True, shape="slash"),
        Sign("noticed", "Noticed: told what comes, and when", above=True, shape="envelope"),
        Sign("warned", "Warned ahead", above=True, shape="triangle"),
    )
}


@dataclass(frozen=True, slots=True)
class _Bar:
    x: str
    width: str
    state: State
    title: str


@dataclass(frozen=True, slots=True)
class _Mark:
    x: str
    sign: Sign
    title: str


@dataclass(frozen=True, slots=True)
class _Row:
    key: KeyLine
    bars: tuple[_Bar, ...]
    marks: tuple[_Mark, ...]
    course: str
    """The bar in words."""
    happenings: tuple[tuple[Happening, Sign], ...]


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class _Estate:
    account_id: str
    name: str
    users: tuple[_User, ...]
    keys: int


def render(page: Timeline) -> str:
    """Write the page as one HTML file."""
    scale = Scale(page.first_day, page.last_day)
    rows = [_row(key, scale) for key in sorted(page.keys, key=_order)]
    kinds = {happening.kind for key in page.keys for happening in key.happenings}
    return write(
        "timeline.html",
        page=page,
        estates=tuple(_estates(rows)),
        ticks=tuple(scale.ticks()),
        dry_width=scale.start_of(page.enforced_from),
        signs=sorted((_sign(kind) for kind in kinds), key=_weight),
        states=[(state, sum(key.state is state for key in page.keys)) for state in State],
        overlays=[
            (overlay, count)
            for overlay in Overlay
            if (count := sum(overlay in key.overlays for key in page.keys))
        ],
        broken=sum(len(finding.violations) for finding in page.findings),
        lost=_violations(page.findings, 3),
        untold=_violations(page.findings, 1),
        not_reached=[it for it in page.accounts if it.reach is not Reach.REACHED],
        oldest=max((week.average_age for week in page.weeks), default=0) or 1,
    )


def mail_index(mails: Iterable[MailLine], *, title: str = "Mails", home: str | None = None) -> str:
    """Write the list of all mails, by date; `home` is the path back to the page."""
    in_order = sorted(mails, key=lambda mail: (mail.sent, mail.to, mail.path))
    return write("mails.html", title=title, mails=in_order, home=home)


def notice_table(keys: Sequence[NoticesOfKey], wrong: Sequence[str], *, home: str) -> str:
    """Write the list of each key's notices; `wrong` is what is wrong with no key's."""
    return write("notices.html", title="Each key's notices", keys=keys, wrong=wrong, home=home)


def _violations(findings: Iterable[FindingLine], number: int) -> int | None:
    """Count what broke one invariant; None if it was not looked at."""
    for finding in findings:
        if finding.number == number and (finding.checked or finding.violations):
            return len(finding.violations)
    return None


def _order(key: KeyLine) -> tuple[str, str, str, datetime, str]:
    return key.account_name, key.account_id, key.user, key.created, key.key_id


def _estates(rows: Iterable[_Row]) -> Iterator[_Estate]:
    by_account = groupby(rows, key=lambda row: (row.key.account_id, row.key.account_name))
    for (account_id, name), of_account in by_account:
        users = tuple(
            _User(user, tuple(of_user))
            for user, of_user in groupby(of_account, key=lambda row: row.key.user)
        )
        yield _Estate(account_id, name, users, sum(len(user.rows) for user in users))


def _row(key: KeyLine, scale: Scale) -> _Row:
    in_order = sorted(key.happenings, key=lambda happening: happening.day)
    happenings = tuple((happening, _sign(happening.kind)) for happening in in_order)
    return _Row(
        key,
        tuple(_bars(key, scale)),
        tuple(_marks(happenings, scale)),
        _course(key),
        happenings,
    )


def _bars(key: KeyLine, scale: Scale) -> Iterator[_Bar]:
    spans = [span for span in key.spans if span.state is not State.DELETED]
    if key.ended:
        spans.append(Span(start=key.ended.date(), end=scale.end, state=State.DELETED))
    for span in spans:
        if scale.within(span.start) < scale.within(span.end):
            yield _Bar(
                scale.start_of(span.start),
                scale.width(span.start, span.end),
                span.state,
                _in_words(span, scale),
            )


def _in_words(span: Span, scale: Scale) -> str:
    since = "" if span.start < scale.first else f" from {span.start}"
    until = "" if span.end >= scale.end else f" until {span.end}"
    return f"{span.state.capitalize()}{since}{until}"


def _marks(happenings: Sequence[tuple[Happening, Sign]], scale: Scale) -> Iterator[_Mark]:
    """Draw one mark for each day and lane; its title tells everything of that day and lane."""
    for above in (False, True):
        of_lane = [(it, sign) for it, sign in happenings if sign.above is above]
        for day, of_day in groupby(of_lane, key=lambda pair: pair[0].day):
            if not scale.shows(day):
                continue
            told = list(of_day)
            title = "\n".join(f"{day} {sign.kind}: {it.text}" for it, sign in told)
            yield _Mark(scale.middle_of(day), min((sign for _, sign in told), key=_weight), title)


def _course(key: KeyLine) -> str:
    steps = [
        f"{span.state.capitalize()} from {span.start}"
        for span in key.spans
        if span.state is not State.DELETED
    ]
    if key.ended:
        steps.append(f"Deleted on {key.ended.date()}")
    return ", ".join(steps)


def _sign(kind: str) -> Sign:
    return _SIGNS.get(kind) or Sign(kind, kind.capitalize(), above=False, shape="square")


def _weight(sign: Sign) -> tuple[int, str]:
    known = list(_SIGNS)
    return (known.index(sign.kind) if sign.kind in known else len(known), sign.kind)
