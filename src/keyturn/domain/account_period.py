"""
What became of an account in a week or a month: its days, folded one after the other.

Every key that the last look found has exactly one standing, so that the figures add up.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from keyturn.domain.account_seen import AccountSeen, KeySeen, SecretsSeen, StepSeen
from keyturn.domain.advice_of_account import advices_of
from keyturn.domain.days import DAY
from keyturn.domain.decision import WRITING, Action, Overlay, Reason, State
from keyturn.domain.exemptions_file import ExemptionEntry
from keyturn.domain.key import Account
from keyturn.domain.owner import OwnerSource
from keyturn.domain.period import Period
from keyturn.domain.plain_text import cut
from keyturn.domain.replacement import advice_text
from keyturn.domain.way_out import Advice, Kind, short_rank
from keyturn.domain.worst_lines import LONGEST

CONTROLS_AGE: Final = 90
"""Days: what CIS, Security Hub and AWS Config allow a key, whatever our own policy says."""
_ACTIVE: Final = frozenset({State.ACTIVE, State.ROTATED})
_HELD: Final = frozenset({Overlay.BLOCKED, Overlay.CONTESTED})
_RESTORED: Final = frozenset({Reason.RESTORED, Reason.RESTORED_BY_COMMAND})
_UNKNOWN_OWNER: Final = frozenset({OwnerSource.NONE, OwnerSource.ADMIN})
NO_ENTRY: Final = "it has no entry in the exemptions file"
NO_FILE: Final = "there is no exemptions file that could be read"
BROKEN: Final = "the exemptions file is broken, and no entry for it can be read"
NO_OWNER: Final = "no source names an owner"
NOT_ENTERED: Final = "it could not be entered or read"
NO_RUN: Final = "it had no run"


class Standing(StrEnum):
    """Where a key stands beside the policy; each key has one."""

    WITHIN = "within"
    """Active, and at most RotationPeriod days old."""
    REPLACED = "replaced"
    """Active and older, and its successor is there: it is disabled after its owner's window."""
    RESTORED = "restored"
    """Active and older, for somebody enabled it again."""
    BLOCKED = "blocked"
    """Active and older, and something keeps what is due from being done."""
    EXEMPT = "exempt"
    """Active and older, of a user in the exemption group."""
    OVERDUE = "overdue"
    """Active and older, and nothing of the above: it waits for a run, or the run is a dry one."""
    INACTIVE = "inactive"


class ListName(StrEnum):
    """The lists of a report."""

    OVERDUE = "overdue"
    BLOCKED = "blocked"
    EXEMPT = "exempt"
    EXEMPTION_OVER = "exemption_over"
    DEFERRED = "deferred"
    RESTORED = "restored"
    WITHOUT_OWNER = "without_owner"
    WAY_OUT = "way_out"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodLine:
    """One thing to know of an account, a user or a key."""

    account: str
    name: str
    user: str | None = None
    key_id: str | None = None
    age: int | None = None
    """In days, at the last look."""
    since: date | None = None
    """UTC; None: not known."""
    is_since_known: bool = True
    """False: it was so at the first look already, so it began then or before."""
    what: str = ""
    ticket: str = ""
    reason: str = ""
    owner: str = ""
    """Of an exemption: who answers for it."""
    expiry: date | None = None
    dry_run: bool = False
    """Whether the account's run was a dry one: nothing is done there."""
    rank: tuple[float, int] = (0, 0)
    """What stands before the age, small first: the oldest is not always the first to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPeriod:
    """What the days of an account came to. Of what stands, the last day that was seen counts."""

    account: str
    name: str
    days_seen: int = 0
    days_missing: int = 0
    """Days of the period, so far, on which it was not looked at or could not be entered."""
    last: date | None = None
    """The last day on which it was seen, UTC; None: never."""
    dry_run: bool = False
    users: int = 0
    users_first: int | None = None
    """At the first look, if there were two; else None."""
    users_left: int = 0
    users_with_two: int = 0
    """Users with two Active keys."""
    standings: Mapping[Standing, int] = field(default_factory=dict)
    age_sum: int = 0
    """Days, of the Active keys."""
    oldest: int = 0
    over_control: int = 0
    """Active keys that are older than 90 days."""
    done: Mapping[Action, int] = field(default_factory=dict)
    first_uses: tuple[int, ...] = ()
    """Days from its making to its first use, of each new key that is known to be used."""
    new_keys: int = 0
    """Keys that were made in the period in the place of others, and seen."""
    users_rotated: frozenset[str] = frozenset()
    users_active: int = 0
    """Users with an Active key."""
    secrets: SecretsSeen | None = None
    """None: nobody listed them at the last look."""
    users_by_day: Mapping[date, int] = field(default_factory=dict)
    ways_out: Mapping[Kind, int] = field(default_factory=dict)
    """Users with keys, by what would let them stop having any."""
    lines: Mapping[ListName, tuple[PeriodLine, ...]] = field(default_factory=dict)

    @property
    def keys(self) -> int:
        """All keys."""
        return sum(self.standings.values())

    @property
    def active(self) -> int:
        """The Active ones."""
        return self.keys - self.standings.get(Standing.INACTIVE, 0)

    @property
    def is_whole(self) -> bool:
        """Whether it was seen on every day, with every user on the last one."""
        return self.last is not None and not self.days_missing and not self.users_left


def is_within(age: int, rotation_period: int) -> bool:
    """Whether an Active key is within policy: the one meaning, of reports, page and simulation."""
    return age <= rotation_period


def standing_of(key: KeySeen, rotation_period: int) -> Standing:
    """The one standing of a key."""
    if key.state not in _ACTIVE:
        return Standing.INACTIVE
    if is_within(key.age, rotation_period):
        return Standing.WITHIN
    if key.exempt:
        return Standing.EXEMPT
    if key.overlays & _HELD:
        return Standing.BLOCKED
    if Overlay.RESTORED in key.overlays:
        return Standing.RESTORED
    return Standing.REPLACED if key.state is State.ROTATED else Standing.OVERDUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemptions:
    """What the exemptions file says."""

    entries: Mapping[tuple[str, str], ExemptionEntry]
    """(account id, user's name) → what was approved of."""
    is_whole: bool
    """Whether nothing of the file was left out: what was may be the very entry that is missing."""


def fold_account(  # noqa: PLR0913 -- all that is known of an account
    days: Iterable[AccountSeen],
    *,
    account: Account,
    period: Period,
    expected: Collection[date],
    exemptions: Exemptions | None,
    before: Iterable[AccountSeen] = (),
) -> AccountPeriod:
    """
    Fold the days of an account; each is looked at once and let go.

    Args:
        days: those that have a snapshot, the first one first.
        account: its id, and what an inventory calls it; a snapshot's own name comes first.
        period: of which the days are.
        expected: the days of it on which the account was to be seen.
        exemptions: what the exemptions file says; None: nobody knows.
        before: what was seen before the period, the last day first: looked at where a key was
            held up already at the first look, to know since when.

    """
    found = _Account(account=account.id, name=account.name, period=period, exemptions=exemptions)
    for each in days:
        found.add(each)
    found.look_back(before)
    return found.made(expected)


@dataclass(slots=True, kw_only=True)
class _Account:
    """What the days so far came to."""

    account: str
    name: str
    period: Period
    exemptions: Exemptions | None
    first: AccountSeen | None = None
    last: AccountSeen | None = None
    why: str = ""
    users_by_day: dict[date, int] = field(default_factory=dict)
    done: Counter[Action] = field(default_factory=Counter)
    held: dict[str, tuple[date, bool]] = field(default_factory=dict)
    restored: dict[str, PeriodLine] = field(default_factory=dict)
    removed: dict[str, PeriodLine] = field(default_factory=dict)
    """User's name → that they were removed from the exemption group."""
    new: dict[str, int | None] = field(default_factory=dict)
    rotated: set[str] = field(default_factory=set)

    def add(self, day: AccountSeen) -> None:
        self.name = day.name or self.name
        if not day.reached:
            self.why = day.why or NOT_ENTERED
            return
        self.users_by_day[day.day] = len(day.users) + day.left
        self._add_done(day)
        self._add_held(day)
        self._add_restored(day)
        self._add_new(day)
        self.first = self.first or day
        self.last = day

    def look_back(self, before: Iterable[AccountSeen]) -> None:
        """Find since when those keys are held up that were so at the first look already."""
        unknown = {key for key, (_, is_known) in self.held.items() if not is_known}
        if not unknown:
            return
        for day in before:
            if not day.reached:
                continue
            held = {key.key_id for key in day.keys if key.overlays & _HELD}
            for key in unknown:
                since, _ = self.held[key]
                self.held[key] = (day.day, False) if key in held else (since, True)
            unknown &= held
            if not unknown:
                return

    def made(self, expected: Collection[date]) -> AccountPeriod:
        missing = len(set(expected) - self.users_by_day.keys())
        last = self.last
        if last is None:
            line = PeriodLine(account=self.account, name=self.name, what=self.why or NO_RUN)
            return AccountPeriod(
                account=self.account,
                name=self.name,
                days_missing=missing,
                done=dict(self.done),
                lines={ListName.NOT_REACHED: (line,)},
            )
        active = [key for key in last.keys if key.state in _ACTIVE]
        each_user = Counter(key.user for key in active)
        standings = [standing_of(key, last.rotation_period) for key in last.keys]
        advices = advices_of(last)
        return AccountPeriod(
            account=self.account,
            name=self.name,
            days_seen=len(self.users_by_day),
            days_missing=missing,
            last=last.day,
            dry_run=last.dry_run,
            users=len(last.users) + last.left,
            users_first=self.users_by_day[self.first.day] if self.first else None,
            users_left=last.left,
            users_with_two=sum(number > 1 for number in each_user.values()),
            standings=Counter(standings),
            age_sum=sum(key.age for key in active),
            oldest=max((key.age for key in active), default=0),
            over_control=sum(key.age > CONTROLS_AGE for key in active),
            done=dict(self.done),
            first_uses=tuple(sorted(each for each in self.new.values() if each is not None)),
            new_keys=len(self.new),
            users_rotated=frozenset(self.rotated),
            users_active=len(each_user),
            secrets=last.secrets,
            users_by_day=self.users_by_day,
            ways_out=Counter(each.kind for each in advices),
            lines=self._lines(last, standings, missing)
            | {ListName.WAY_OUT: tuple(self._ways_out(last, advices))},
        )

    def _add_done(self, day: AccountSeen) -> None:
        done: tuple[KeySeen | StepSeen, ...] = (
            *(key for key in day.keys if key.done),
            *day.steps,
        )
        for key in done:
            if key.action in WRITING:
                self.done[key.action] += 1
            if key.action is Action.ROTATE:
                self.rotated.add(key.user)
            if key.action is Action.END_EXEMPTION:
                self.removed[key.user] = PeriodLine(
                    account=self.account,
                    name=self.name,
                    user=key.user,
                    since=day.day,
                    what=cut(key.sentence, LONGEST),
                )

    def _add_held(self, day: AccountSeen) -> None:
        """Since when each key is held up without a day between."""
        self.held = {
            key.key_id: self.held.get(key.key_id, (day.day, self.first is not None))
            for key in day.keys
            if key.overlays & _HELD
        }

    def _add_restored(self, day: AccountSeen) -> None:
        found: tuple[KeySeen | StepSeen, ...] = (*day.keys, *day.steps)
        for key in found:
            if key.reason in _RESTORED and key.key_id not in self.restored:
                self.restored[key.key_id] = PeriodLine(
                    account=self.account,
                    name=self.name,
                    user=key.user,
                    key_id=key.key_id,
                    age=key.age if isinstance(key, KeySeen) else None,
                    since=day.day,
                    is_since_known=self.first is not None,
                    what=cut(key.sentence, LONGEST),
                    dry_run=day.dry_run,
                )

    def _add_new(self, day: AccountSeen) -> None:
        successors = {key.successor for key in day.keys}
        for key in day.keys:
            is_new = key.created >= self.period.first
            if not is_new or (key.key_id not in successors and key.key_id not in self.new):
                continue
            if self.new.get(key.key_id) is None:
                used = key.used
                self.new[key.key_id] = (used - key.created) // DAY if used else None

    def _lines(
        self, last: AccountSeen, standings: list[Standing], missing: int
    ) -> dict[ListName, tuple[PeriodLine, ...]]:
        lines: dict[ListName, list[PeriodLine]] = {name: [] for name in ListName}
        for key, standing in zip(last.keys, standings, strict=True):
            match standing:
                case Standing.EXEMPT:
                    lines[ListName.EXEMPT].append(self._exempt(last, key))
                case Standing.BLOCKED:
                    since, known = self.held.get(key.key_id, (last.day, False))
                    lines[ListName.BLOCKED].append(self._of(last, key, since, known=known))
                case Standing.OVERDUE:
                    lines[ListName.OVERDUE].append(self._overdue(last, key))
                case _:
                    pass
        lines[ListName.RESTORED] = list(self.restored.values())
        lines[ListName.EXEMPTION_OVER] = list(self.removed.values())
        lines[ListName.DEFERRED] = [
            self._of(last, key, None) for key in last.keys if Overlay.DEFERRED in key.overlays
        ]
        lines[ListName.WITHOUT_OWNER] = [
            PeriodLine(account=self.account, name=self.name, user=user.user, what=NO_OWNER)
            for user in last.users
            if user.source in _UNKNOWN_OWNER
        ]
        if missing:
            what = f"seen on {len(self.users_by_day)} days, and not on {missing}"
            lines[ListName.NOT_REACHED].append(
                PeriodLine(
                    account=self.account,
                    name=self.name,
                    since=last.day,
                    what=f"{what}: {self.why}" if self.why else what,
                )
            )
        return {name: tuple(found) for name, found in lines.items() if found}

    def _ways_out(self, last: AccountSeen, advices: Iterable[Advice]) -> Iterator[PeriodLine]:
        """The users of whom it is known what to do; a number of keys is what each would end."""
        for each in advices:
            if each.kind is not Kind.NOT_KNOWN:
                yield PeriodLine(
                    account=self.account,
                    name=self.name,
                    user=each.user.user,
                    age=each.oldest,
                    what=cut(advice_text(each), LONGEST),
                    owner=each.user.owner,
                    dry_run=last.dry_run,
                    rank=short_rank(each),
                )

    def _of(
        self, last: AccountSeen, key: KeySeen, since: date | None, *, known: bool = True
    ) -> PeriodLine:
        return PeriodLine(
            account=self.account,
            name=self.name,
            user=key.user,
            key_id=key.key_id,
            age=key.age,
            since=since,
            is_since_known=known,
            what=cut(key.sentence, LONGEST),
            dry_run=last.dry_run,
        )

    def _overdue(self, last: AccountSeen, key: KeySeen) -> PeriodLine:
        # By the very number that made it overdue, so that both always agree.
        return self._of(last, key, last.day - (key.age - last.rotation_period - 1) * DAY)

    def _exempt(self, last: AccountSeen, key: KeySeen) -> PeriodLine:
        known = self.exemptions
        entry = known.entries.get((self.account, key.user)) if known else None
        past = last.day - (key.age - last.rotation_period - 1) * DAY
        if entry is None:
            what = NO_ENTRY if known and known.is_whole else NO_FILE if known is None else BROKEN
        elif entry.days_left(self.period.last) <= 0:
            what = f"its exemption ended on {entry.expiry.isoformat()}"
        else:
            what = f"exempt until {entry.expiry.isoformat()}"
        return PeriodLine(
            account=self.account,
            name=self.name,
            user=key.user,
            key_id=key.key_id,
            age=key.age,
            since=past,
            what=what,
            ticket=entry.ticket if entry else "",
            reason=entry.reason if entry else "",
            owner=entry.owner if entry else "",
            expiry=entry.expiry if entry else None,
            dry_run=last.dry_run,
        )
