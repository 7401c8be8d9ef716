"""
What the page says of an organisation: read from the bucket, account by account.

Of each account its snapshots of the last days, and its receipts by their names alone. One that is
done with is rows of numbers, so that the whole is never in memory as it is stored.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from keyturn.domain.admin_digest import Expected
from keyturn.domain.amounts import pluralize
from keyturn.domain.days import DAY, read_day
from keyturn.domain.decision import Overlay
from keyturn.domain.errors import InvalidValue, NotFound, PortError
from keyturn.domain.exemptions_file import ExemptionEntry
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.plain_text import visible
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.recipient import ChannelName, Recipient, RecipientId
from keyturn.domain.replacement import TITLES, instead_of
from keyturn.domain.tag_text import format_utc
from keyturn.domain.users_target import UsersCount, UsersTarget, course_to_target
from keyturn.domain.way_out import Advice, advise
from keyturn.ports.evidence import Evidence
from keyturn.report.columns import Columns, Texts
from keyturn.schemas.exemptions_file import read_exemptions_file
from keyturn.schemas.inventory_record import read_inventory
from keyturn.schemas.receipt import BOUNCED, CLAIM_SIZE, DELIVERED, MISSED
from keyturn.schemas.receipt_name import ReceiptName, read_receipt_name
from keyturn.schemas.snapshot import Snapshot, SnapshotKey, read_snapshot
from keyturn.use_cases.account_course import (
    GONE,
    AccountCourse,
    DayFigures,
    KeyCourse,
    Seen,
    course_of,
    last_used_on,
    users_known,
)
from keyturn.use_cases.kept_months import kept_months
from keyturn.use_cases.side_by_side import side_by_side

VERSION: Final = 1
AT_ONCE: Final = 16
"""Accounts whose days are held at a time."""
LONGEST_HISTORY: Final = 400
"""Days: of more, a page says nothing that could be read on it."""
EPOCH: Final = date(1970, 1, 1)

_SNAPSHOTS: Final = "snapshots/"
_DATE: Final = "date="
_EXEMPTIONS: Final = "exemptions.yaml"
_NOT_THERE: Final = 2
"""Instead of whether a user is exempt: gone with their keys."""
_NEVER: Final = -1
_NOT_READ: Final = -2
_STATES: Final = ("ACTIVE", "ROTATED", "DISABLED", "DELETED", GONE)
_THERE: Final = 3
"""So many of them, the first, are of keys that are there."""
_BREAKS: Final[Mapping[object, int]] = {True: 1, False: 0}
_FATES: Final[Mapping[str, int]] = {"": 0, DELIVERED: 1, MISSED: 2, BOUNCED: 3}
TOO_LARGE: Final = (
    "are more than the {most} of a page: `keyturn report page --account` makes one of some"
)
SHORT: Final = "The history is of {days}: the snapshots of earlier ones are too many for a page"
NO_RECORD: Final = (
    "Which accounts there are is not known: no inventory of the day left a record that can be read"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsked:
    """Which page is wanted."""

    made: datetime
    """Now, UTC."""
    day: date | None = None
    """UTC; None: the newest that has snapshots."""
    history: int = 30
    """Of how many days, with this one."""
    accounts: frozenset[str] | None = None
    """Their ids; None: all."""
    users_target: UsersTarget | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """Name of a receipt → where what was sent can be read."""
    most_snapshots: int | None = None
    """So many are read at most, the newest; None: all."""
    most_keys: int | None = None
    """More do not fit a page; None: all do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCounts:
    """What a page holds, in a line."""

    day: date
    keys: int
    """That are there."""
    seen: int
    """Accounts seen, whole or in part."""
    lacking: str
    """What was not seen; empty: nothing."""

    @property
    def is_whole(self) -> bool:
        """Whether everything was seen."""
        return not self.lacking


def counts_of(block: Mapping[str, Any]) -> PageCounts:
    """Count what a page holds."""
    seen = Counter(block["texts"][each] for each in block["accounts"]["seen"])
    lacks = [
        f"{seen[word]} {word}"
        for word in (Seen.NO_RUN, Seen.NOT_ENTERED, Seen.PARTLY)
        if seen[word]
    ]
    if block["expected"] is None:
        lacks.append("which accounts there are is not known")
    return PageCounts(
        day=EPOCH + block["day"] * DAY,
        keys=sum(state < _THERE for state in block["keys"]["state"]),
        seen=seen[Seen.WHOLE] + seen[Seen.PARTLY],
        lacking=f"Not everything was seen: {', '.join(lacks)}" if lacks else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What is stored of the days."""

    day: date
    days: tuple[date, ...]
    """With snapshots, the oldest first."""
    of_account: Mapping[str, Sequence[tuple[date, date]]]
    """Account id → its days, each with that under which its snapshot is stored."""
    expected: Expected | None
    exemptions: Mapping[tuple[str, str], ExemptionEntry]
    """(account id, user) → what the exemptions file says."""
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherPage:
    """Reads what the page is made of."""

    evidence: Evidence
    workers: int

    def of(
        self, asked: PageAsked, progress: Callable[[int, int], None] = lambda _done, _of: None
    ) -> dict[str, Any]:
        """
        Everything that the page says, as its script reads it.

        Raises InvalidValue where no snapshot of the day is stored, or there are more keys than
        were asked for, a PortError where what is stored cannot be listed: half of it would pass
        for the whole.
        """
        listed = self._listed(asked)
        names = dict(listed.expected.queued) if listed.expected else {}
        accounts = sorted({*listed.of_account, *names})
        if asked.accounts is not None:
            for each in sorted(asked.accounts.difference(accounts)):
                raise InvalidValue("--account", each, "has no snapshot, and no inventory names it")
            accounts = [each for each in accounts if each in asked.accounts]
        written = _Written(asked, listed)
        for start in range(0, len(accounts), AT_ONCE):
            some = accounts[start : start + AT_ONCE]
            found = side_by_side(
                lambda each: self._account(each, names, listed), some, workers=self.workers
            )
            for course, notices in found:
                written.add(course, notices)
            if asked.most_keys is not None and written.keys > asked.most_keys:
                raise InvalidValue("keys", written.keys, TOO_LARGE.format(most=asked.most_keys))
            progress(min(start + AT_ONCE, len(accounts)), len(accounts))
        return written.block(self.evidence)

    # What there is

    def _listed(self, asked: PageAsked) -> _Listed:
        stored = sorted(filter(None, map(_day_of, self.evidence.folders(_SNAPSHOTS))))
        known = [each for each in stored if asked.day is None or each <= asked.day]
        if not known or (asked.day is not None and known[-1] != asked.day):
            which = asked.day.isoformat() if asked.day else "any day"
            raise InvalidValue("--date", asked.day, f"no snapshot of {which} is stored there")
        day, later = known[-1], None
        if asked.day is None and self._inventories(day) == () and len(known) > 1:
            before = known[-2]
            if before == day - DAY and self._inventories(before):
                # That day's runs have gone on after midnight: an account's newest is its last.
                day, later = before, day
        elif asked.day is not None and day + DAY in stored and not self._inventories(day + DAY):
            later = day + DAY
        entries, said = self._exemptions()
        days = [each for each in known if day - asked.history * DAY < each <= day]
        of_account = self._snapshots(days, day, later)
        kept = _newest(of_account, days, asked.most_snapshots)
        if len(kept) < len(days):
            said = (*said, SHORT.format(days=pluralize(len(kept), "day")))
            of_account = {
                account: [each for each in of if each[0] in kept]
                for account, of in of_account.items()
            }
        return _Listed(
            day=day,
            days=tuple(kept),
            of_account=of_account,
            expected=self._expected(day),
            exemptions={(each.account, each.user): each for each in entries},
            remarks=(*self._remarks(day), *said),
        )

    def _exemptions(self) -> tuple[Sequence[ExemptionEntry], Sequence[str]]:
        """What the exemptions file says of users, and what is to be said of it."""
        try:
            body = self.evidence.read(_EXEMPTIONS)
        except NotFound:
            return (), ()
        except PortError as error:
            return (), (f"{_EXEMPTIONS} could not be read, so no end of an exemption: {error}",)
        found = read_exemptions_file(body, place=_EXEMPTIONS)
        odd = sum(not each.is_warning for each in found.problems)
        why = f"{_EXEMPTIONS}: {pluralize(odd, 'mistake')}, and what has one is left out"
        return found.entries, (why,) if odd else ()

    def _snapshots(
        self, days: Sequence[date], day: date, later: date | None
    ) -> Mapping[str, Sequence[tuple[date, date]]]:
        found: dict[str, dict[date, date]] = {}
        for on in [*days, later]:
            if on is None:
                continue
            for each in self.evidence.listed(f"{_SNAPSHOTS}{_DATE}{on.isoformat()}/"):
                account = each.name.rpartition("account=")[2].removesuffix(".json")
                # One that had its run on the day itself may have had another since, by hand.
                found.setdefault(account, {}).setdefault(day if on == later else on, on)
        return {account: sorted(of.items()) for account, of in found.items()}

    def _inventories(self, day: date) -> tuple[str, ...]:
        folder = f"reports/daily/{_DATE}{day.isoformat()}/inventory/"
        return tuple(each.name for each in self.evidence.listed(folder))

    def _expected(self, day: date) -> Expected | None:
        """Who was to be seen; None: that is not known, or not of all inventories of the day."""
        taken = [
            read_inventory(_body(self.evidence, name) or b"") for name in self._inventories(day)
        ]
        records = [each for each in taken if each is not None]
        if not records or len(records) < len(taken):
            return None
        records.sort(key=lambda each: each.at)
        queued = {account: name for each in records for account, name in each.queued.items()}
        return Expected(queued=queued, skipped=records[-1].skipped)

    def _remarks(self, day: date) -> Iterator[str]:
        """What the administrators' digest of the day remarks on it, if there is one."""
        body = _body(self.evidence, f"reports/daily/{_DATE}{day.isoformat()}/digest.json")
        try:
            found: Any = read_json(body) if body else {}
            yield from map(str, found.get("remarks", ()))
        except (NotReadableError, AttributeError, TypeError):
            yield "The administrators' digest of the day could not be read"

    # An account

    def _account(
        self, account: str, names: Mapping[str, str], listed: _Listed
    ) -> tuple[AccountCourse, Mapping[str, list["_Notice"]]]:
        days = listed.of_account.get(account, ())
        read = ((on, self._snapshot(account, stored)) for on, stored in days)
        course = course_of(account, names.get(account, ""), read, day=listed.day)
        expected = listed.expected
        if course.seen is Seen.NO_RUN and expected is not None and account not in expected.queued:
            course.seen = Seen.LEFT_OUT
            course.why = "no run was to come: the account is closed or left out by now"
        return course, self._notices(account, course) if course.keys else {}

    def _snapshot(self, account: str, day: date) -> Snapshot | None:
        name = f"snapshots/{_DATE}{day.isoformat()}/account={account}.json"
        try:
            body = self.evidence.read(name)
        except PortError:
            return None  # of one account; it counts as not entered
        return read_snapshot(body)

    def _notices(self, account: str, course: AccountCourse) -> Mapping[str, list["_Notice"]]:
        """Key id → the notices of it."""
        addresses = {
            Recipient(channel, address).id: address
            for address in course.owners
            for channel in (ChannelName.EMAIL, ChannelName.SLACK)
        }
        found: dict[str, _Notice] = {}
        for folder in (f"receipts/{account}/", f"channels/{account}/"):
            for each in self.evidence.listed(folder):
                name = read_receipt_name(each.name)
                if name is None or name.is_copy or name.key_id not in course.keys:
                    continue
                if not name.fate and each.size > CLAIM_SIZE:
                    found[name.receipt] = _Notice(name, each.at, addresses)
                elif (notice := found.get(name.receipt)) is not None:
                    notice.became(name.fate, each.at)
        of_key: dict[str, list[_Notice]] = {}
        for notice in sorted(found.values(), key=lambda each: each.at):
            of_key.setdefault(notice.name.key_id, []).append(notice)
        return of_key


class _Notice:
    """A notice that a channel took, and what became of it."""

    def __init__(
        self, name: ReceiptName, at: datetime, addresses: Mapping[RecipientId, str]
    ) -> None:
        self.name = name
        self.at = at
        self.to = addresses.get(name.to, "") if name.to else ""
        self.fate = ""
        self.fate_at: datetime | None = None

    def became(self, fate: str, at: datetime) -> None:
        """Take over a fate: that it came back has the last word, whatever else was said."""
        if _FATES[fate] >= _FATES[self.fate] or self.fate == MISSED:
            self.fate, self.fate_at = fate, at


class _Written:
    """The rows of the page."""

    def __init__(self, asked: PageAsked, listed: _Listed) -> None:
        self._asked = asked
        self._listed = listed
        self._texts = Texts()
        self._accounts = Columns("id", "name", "seen", "why", "last", "dry", "policy", "left")
        self._users = Columns(
            "account",
            "name",
            "exempt",
            "owner",
            "source",
            "rejected",
            "ticket",
            "answers",
            "reason",
            "expires",
            *("kind", "sure", "instead"),
        )
        self._keys = Columns(
            *("id", "user", "created", "age", "state", "overlays", "action", "why", "sentence"),
            *("used", "service", "next", "due", "breaks", "blocked", "successor"),
            *("deferred", "ticket", "by"),
        )
        self._states = Columns("key", "day", "state")
        self._steps = Columns("key", "day", "action", "sentence")
        self._notices = Columns(
            "key", "at", "step", "about", "channel", "to", "fate", "fate_at", "why", "link"
        )
        self._failures = Columns("account", "user", "message")
        self._policies: dict[tuple[int, int, int], int] = {}
        self._bounced: list[tuple[int, str]] = []
        self._figures = {day: DayFigures() for day in listed.days}

    @property
    def keys(self) -> int:
        """How many keys have a row."""
        return self._keys.rows

    def add(self, course: AccountCourse, notices: Mapping[str, list[_Notice]]) -> None:
        """Add an account's rows."""
        text = self._texts.number
        policy = -1
        if course.policy:
            policy = self._policies.setdefault(course.policy, len(self._policies))
        account = self._accounts.add(
            *(visible(course.account), text(course.name), text(course.seen), text(course.why)),
            *(_number(course.last_seen), int(course.dry_run), policy, course.left),
        )
        for user, message in course.failures:
            self._failures.add(account, text(user), text(message))
        users: dict[str, int] = {}
        advices = {each.user: advise(each) for each in users_known(course, self._listed.day)}
        for each in course.users:
            known = self._listed.exemptions.get((course.account, each["user"]))
            users[each["user"]] = self._users.add(
                *(account, text(each["user"]), int(each["exempt"])),
                *(text(each.get("owner")), text(each.get("owner_source"))),
                text("; ".join(map(str, each.get("owner_rejected", ())))),
                *map(text, (known.ticket, known.owner, known.reason) if known else ("", "", "")),
                _number(known.expiry) if known else 0,
                *map(text, _in_words(advices.get(each["user"]))),
            )
        for key in course.keys.values():
            if key.user not in users:
                # Gone with their keys, or the keys alone are known: a row, so that each has one.
                users[key.user] = self._users.add(account, text(key.user), _NOT_THERE, *([0] * 10))
            self._add_key(key, users[key.user], notices.get(key.key_id, ()))
        for day, figures in course.days.items():
            if day in self._figures:
                self._figures[day].add(figures)

    def _add_key(self, key: KeyCourse, user: int, notices: Sequence[_Notice]) -> None:
        text, last = self._texts.number, key.last
        is_there = key.state in _STATES[:_THERE]
        coming = last["next"] if is_there else None
        used = last["last_used"]
        on = last_used_on(last)
        row = self._keys.add(
            *(
                visible(key.key_id),
                user,
                _number(key.created),
                last["age"],
                _STATES.index(key.state),
            ),
            text(" ".join(last["overlays"])),
            *(text(last["action"]), text(last["reason"]), text(last["sentence"])),
            (_number(on) if on else _NEVER) if used else _NOT_READ,
            text(used["service"] if used else ""),
            text(coming["action"] if coming else ""),
            _number(read_day(coming["date"])) if coming else 0,
            _BREAKS.get(last.get("breaks"), _NEVER) if is_there else _NEVER,
            _number(key.blocked_since) if Overlay.BLOCKED in last["overlays"] and is_there else 0,
            text(last["successor"]),
            *self._deferral(last),
        )
        for day, state in key.states:
            self._states.add(row, _number(day), _STATES.index(state))
        for step in key.steps:
            self._steps.add(row, _number(step.day), text(step.action), text(step.sentence))
        for notice in notices:
            name = notice.name
            to = notice.to or (str(name.to.address_hash) if name.to else "")
            added = self._notices.add(
                *(row, _minute(notice.at), text(name.step), _number(name.day)),
                *(text(name.channel), text(to), _FATES[notice.fate]),
                _minute(notice.fate_at) if notice.fate_at else 0,
                0,
                text(self._asked.links.get(name.receipt)),
            )
            if notice.fate in {BOUNCED, MISSED}:
                self._bounced.append((added, name.receipt + notice.fate))

    def _deferral(self, key: SnapshotKey) -> tuple[int, int, int]:
        """Until when a key was given more time, by which ticket and whom; zeros: it was not."""
        given = key.get("deferral")
        try:
            until = read_day(given["until"]) if given else None
            if given is None or until is None:
                return 0, 0, 0
            text = self._texts.number
            return _number(until), text(str(given["ticket"])), text(str(given["by"]))
        except (LookupError, TypeError):  # of no form that is known
            return 0, 0, 0

    def _target(self, months: Sequence[UsersCount], *, is_whole: bool) -> dict[str, Any] | None:
        """The target, and how users stand to it; None: none is set."""
        target, days = self._asked.users_target, self._figures
        if target is None:
            return None
        # One that was never entered is lacking on earlier days, too; which ones there were then,
        # nobody knows: as many as today's, or as on the day that saw most.
        expected = self._listed.expected
        most = max(
            len(expected.queued) if expected else 0,
            *(each.accounts for each in days.values()),
            0,
        )
        counts = [
            *(each for each in months if not days or each.day < min(days)),
            *(
                UsersCount(
                    day=day,
                    users=each.users,
                    is_whole=is_whole
                    if day == self._listed.day
                    else expected is not None and each.accounts == most,
                )
                for day, each in days.items()
                if each.accounts
            ),
        ]
        course = course_to_target(target, counts)
        if course is None:
            return None
        start = course.start
        begin = [_number(start.day), start.users] if start else None
        return {
            "users": course.users,
            "by": _number(course.by),
            "start": begin,
            "says": course.says,
        }

    def block(self, evidence: Evidence) -> dict[str, Any]:
        """The whole, once every account is added."""
        for row, name in self._bounced:
            self._notices.listed()["why"][row] = self._texts.number(_why(evidence, name))
        asked, listed = self._asked, self._listed
        expected = listed.expected
        remarks = [*listed.remarks, *(() if expected else (NO_RECORD,))]
        months: Sequence[UsersCount] = ()
        if asked.accounts is None:
            try:
                months = kept_months(evidence, Period.of(PeriodKind.MONTHLY, listed.day))
            except PortError as error:
                remarks.append(f"The users of earlier months could not be read: {error}")
        seen = {self._texts.number(each) for each in (Seen.WHOLE, Seen.LEFT_OUT)}
        is_whole = expected is not None and seen.issuperset(self._accounts.listed()["seen"])
        return {
            "version": VERSION,
            "made": format_utc(asked.made),
            "day": _number(listed.day),
            "history": asked.history,
            "part": sorted(asked.accounts) if asked.accounts is not None else None,
            "expected": None if expected is None else len(expected.queued),
            "skipped": None if expected is None else expected.skipped,
            "remarks": list(map(visible, remarks)),
            "policies": [list(each) for each in self._policies],
            "states": list(_STATES),
            "accounts": self._accounts.listed(),
            "users": self._users.listed(),
            "keys": self._keys.listed(),
            "courses": self._states.listed(),
            "steps": self._steps.listed(),
            "notices": self._notices.listed(),
            "failures": self._failures.listed(),
            "target": self._target(months, is_whole=is_whole),
            "months": [
                [_number(each.day), -1 if each.users is None else each.users, int(each.is_whole)]
                for each in months
            ],
            "trend": [
                [
                    *(_number(day), each.accounts, each.users, each.keys, each.active),
                    *(each.ages, each.oldest, each.within),
                ]
                for day, each in self._figures.items()
            ],
            "texts": self._texts.listed(),
        }


def _newest(
    of_account: Mapping[str, Sequence[tuple[date, date]]], days: Sequence[date], most: int | None
) -> Sequence[date]:
    """As many of the days as have so many snapshots, the last ones; the last one in any case."""
    if most is None:
        return days
    stored = Counter(on for of in of_account.values() for on, _ in of)
    kept: list[date] = []
    for day in reversed(days):
        most -= stored[day]
        if kept and most < 0:
            break
        kept.insert(0, day)
    return kept


def _body(evidence: Evidence, name: str) -> bytes | None:
    """An object; None: there is none."""
    with suppress(NotFound):
        return evidence.read(name)
    return None


def _in_words(advice: Advice | None) -> tuple[str, str, str]:
    """What a user is, how sure that is, and what is instead; empty: there is no key."""
    if advice is None:
        return "", "", ""
    return TITLES[advice.kind], str(advice.sureness), instead_of(advice)


def _why(evidence: Evidence, name: str) -> str:
    """Why a notice did not arrive, in the channel's words."""
    try:
        found: Any = read_json(evidence.read(name))
        return str(found["why"])
    except (PortError, NotReadableError, KeyError, TypeError):
        return ""


def _day_of(folder: str) -> date | None:
    name = folder.removeprefix(_SNAPSHOTS).removesuffix("/")
    return read_day(name.removeprefix(_DATE)) if name.startswith(_DATE) else None


def _number(day: date | None) -> int:
    """A day as the page has it: days since 1970; 0: none."""
    return (day - EPOCH).days if day else 0


def _minute(at: datetime) -> int:
    return int(at.timestamp() // timedelta(minutes=1).total_seconds())
