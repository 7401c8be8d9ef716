"""
The administrators' day: what became of a whole organisation, short enough to be read.

A fold over the accounts' days, one after the other: of each list it keeps the worst few and how
many there are, so ten thousand accounts take no more room than ten. Whatever was not seen is said
first: a day on which nobody looked is no quiet one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from keyturn.domain.days import DAY
from keyturn.domain.decision import ENDING, WRITING, Action, Overlay, Reason
from keyturn.domain.owner import OwnerSource
from keyturn.domain.plain_text import cut


class CopiesToAdmin(StrEnum):
    """How the administrators hear of what is no proof: AdminDigest."""

    ACCOUNT = "Account"
    """By a copy of every run over every account."""
    DAILY = "Daily"
    """By one digest a day, which the reporter makes."""


WORST: Final = 10
"""Lines of each list that are shown; the rest is counted, and stands in the CSV."""
_KEPT: Final = 200
"""Lines that are kept before the worst of them are chosen: to sort at each line takes long."""
REPEATED_AFTER: Final = timedelta(days=7)
"""A lasting failure is reported on its first day, and then so often."""
LONGEST: Final = 300
"""Characters of what a line says: AWS's messages can be pages."""

_CHANGING: Final = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4,})+|\d+")
"""What differs from day to day in the message of one failure: ids of requests, dates, counts."""
_RESTORED: Final = frozenset({Reason.RESTORED, Reason.RESTORED_BY_COMMAND})
_HINDERED: Final = frozenset(
    {Reason.ORPHAN_FOUND, Reason.ORPHAN_WAITING, Reason.SECRET_OVERWRITTEN, Reason.SECRET_FOREIGN}
)
"""Reasons for which somebody has to look at a key, though nothing holds its dates up."""
NO_RUN: Final = "no run that day"
NOT_ENTERED: Final = "it could not be entered or read"
_UNEXPECTED: Final = (
    Reason.USED_AFTER_DISABLING,
    Reason.DISABLING_INTERRUPTED,
    Reason.FOUND_INACTIVE,
    Reason.DATES_CHANGED,
)
"""Reasons for which a key's dates are not those that were expected, the worst first."""
_EACH_DRY_RUN: Final = frozenset(_UNEXPECTED) - {Reason.USED_AFTER_DISABLING}
"""Those that every dry run finds again, for it notes nothing: its plan has them."""
EXEMPTED: Final = "exempt now, and not when it was last looked at: ask who did that, and why"
_UNKNOWN_OWNER: Final = frozenset({OwnerSource.NONE, OwnerSource.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One thing to know, of an account, a user or a key."""

    account: str
    """Its id."""
    name: str
    """The account's name; empty: not known."""
    user: str | None = None
    key_id: str | None = None
    what: str = ""
    """What there is to say of it."""
    day: date | None = None
    """The date that it is about, UTC: when a key stops working, since when something fails."""
    action: Action | None = None
    """What is done about the key; None: it is about no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestList:
    """The worst lines of a list, the worst first, and how many there are."""

    total: int = 0
    worst: tuple[DigestLine, ...] = ()

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDay:
    """A key on a day, as its account's snapshot has it."""

    user: str
    key_id: str
    age: int
    """In days."""
    action: Action
    reason: str
    sentence: str
    done: bool
    overlays: frozenset[str] = frozenset()
    ends_on: date | None = None
    """The date, UTC, from which it can be disabled or deleted next; None: nothing comes."""
    breaks: bool = False
    """Whether it is known that something breaks then."""
    last_used: date | None = None
    service: str | None = None
    at: datetime | None = None
    """When the run began that decided it, UTC; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an earlier run of the same day did about a key."""

    user: str
    key_id: str
    age: int
    action: Action
    reason: str
    sentence: str
    at: datetime
    """When that run began, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDay:
    """A user on a day, as far as anybody looked for the owner; None: nobody did."""

    user: str
    source: str | None = None
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """An account on a day."""

    account: str
    name: str
    dry_run: bool
    reached: bool
    """Whether its users could be listed."""
    keys: tuple[KeyDay, ...] = ()
    users: tuple[UserDay, ...] = ()
    failures: tuple[tuple[str | None, str], ...] = ()
    """(user's name, or None for the account; message) of each."""
    left: int = 0
    """Users for whom there was no time yet."""
    at: datetime | None = None
    """When the run began, UTC; None: not known."""
    exempted: tuple[str, ...] = ()
    """Names of users who are exempt now, and were not when it was looked at before."""
    earlier: tuple[Step, ...] = ()
    """What runs of the same day before this one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who was to be seen, by an inventory."""

    queued: Mapping[str, str]
    """Account id → name, of those that get a run."""
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What came on the day before, after its digest was made: it is told today."""

    accounts: Iterable[AccountDay]
    since: datetime | None
    """When that digest was made, UTC; None: not known, and then all of it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A failure that is remembered: since when, and when it was last reported."""

    since: date
    reported: date


FailureKey = tuple[str, str, str]
"""(account, user's name or empty, the message without what differs from day to day)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInventory:
    """What an inventory left word of."""

    run: str
    at: datetime
    """When it began, UTC."""
    queued: Mapping[str, str]
    """Account id → name."""
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a digest leaves for the next one."""

    made: datetime
    """When it began to be made, UTC: what was stored since is in none."""
    memory: Mapping[FailureKey, Lasting] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the organisation was seen."""

    listed: int | None
    """Accounts in the inventory; None: there was none today, or nobody can read it."""
    skipped: int
    reached: int
    failed: int
    """Accounts that were looked at, and could not be entered."""
    not_seen: DigestList
    """Accounts that are looked after, and had no run; day: since when."""
    not_entered: DigestList = DigestList()
    """The accounts that could not be entered, every day again: why, and since when."""
    users_left: int = 0
    """Users for whom there was no time yet."""

    @property
    def is_whole(self) -> bool:
        """Whether every account that is looked after was seen."""
        unseen = self.failed or self.not_seen.total or self.users_left
        return self.listed is not None and not unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDigest:
    """What the administrators are told of one day."""

    day: date
    """UTC."""
    accounts_enforced: int
    accounts_dry: int
    """Accounts whose run was a dry one."""
    coverage: Coverage
    breaks: DigestList
    done: DigestList
    done_counts: Mapping[Action, int]
    """Action → keys, of accounts that enforce."""
    planned: DigestList
    planned_counts: Mapping[Action, int]
    """Action → keys, of accounts in dry run: what would be done."""
    blocked: DigestList
    """Keys that wait for somebody: blocked, contested, or with a secret that is not right."""
    restored: DigestList
    unexpected: DigestList
    """Keys with other dates than were expected: used though disabled, or found Inactive."""
    exempted: DigestList
    """Users who are exempt now, and were not the day before."""
    without_owner: DigestList
    rejected: DigestList
    """Values of owners that do not serve."""
    failures: DigestList
    """
    Those that are reported today: the new ones, and the lasting ones once a week.

    Why an account could not be entered is not among them: the coverage says it every day.
    """
    failures_lasting: int
    """Those that were reported within the week before."""
    keys: int
    csv: str = ""
    """Where the whole is stored: the name of an object in the bucket, empty: nowhere."""
    remarks: tuple[str, ...] = ()
    """What is odd about the digest itself, a sentence each: to be read before the rest."""
    memory: Mapping[FailureKey, Lasting] = field(default_factory=dict, repr=False)
    """What is remembered of failures until the next day."""

    @property
    def saw_nothing(self) -> bool:
        """Whether nothing shows that anything ran: no inventory is known, and no account's run."""
        return self.coverage.listed is None and not self.accounts_enforced + self.accounts_dry


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDigest:
    """A digest, as it is stored."""

    digest: AdminDigest
    at: datetime
    """When it began to be made, UTC."""


def fold(
    days: Iterable[AccountDay],
    *,
    day: date,
    expected: Expected | None,
    memory: Mapping[FailureKey, Lasting],
    late: Late | None = None,
) -> AdminDigest:
    """
    Fold the accounts' days into one digest; each is looked at once and let go.

    Args:
        days: of all accounts that have one, in any order.
        day: which day it is, UTC.
        expected: what the inventory listed; None: not known, and then that is said.
        memory: the failures of the digest before. None remembered: each is reported.
        late: what came after the digest of the day before; None: nothing.

    """
    found = _Found(day=day, memory=memory)
    # First what came late: where today says the same, today's line is the one that is told.
    for each in late.accounts if late else ():
        found.add_late(each, late.since if late else None)
    for each in days:
        found.add(each)
    found.add_what_was_late_only()
    queued = expected.queued if expected else {}
    for account, name in queued.items():
        if account not in found.seen:
            found.add_unseen(account, name)
    return AdminDigest(
        day=day,
        accounts_enforced=found.enforced,
        accounts_dry=found.dry,
        coverage=Coverage(
            listed=len(queued) + expected.skipped if expected else None,
            skipped=expected.skipped if expected else 0,
            reached=found.reached,
            failed=found.failed,
            not_seen=found.not_seen.chosen(),
            not_entered=found.not_entered.chosen(),
            users_left=found.left,
        ),
        breaks=found.breaks.chosen(),
        done=found.done.chosen(),
        done_counts=dict(sorted(found.done_counts.items())),
        planned=found.planned.chosen(),
        planned_counts=dict(sorted(found.planned_counts.items())),
        blocked=found.blocked.chosen(),
        restored=found.restored.chosen(),
        unexpected=found.unexpected.chosen(),
        exempted=found.exempted.chosen(),
        without_owner=found.without_owner.chosen(),
        rejected=found.rejected.chosen(),
        failures=found.failures.chosen(),
        failures_lasting=found.lasting,
        keys=found.keys,
        memory=found.remembered,
    )


def with_lists(digest: AdminDigest, change: Callable[[DigestList], DigestList]) -> AdminDigest:
    """The digest with each of its lists changed."""
    lists = {
        each.name: change(found)
        for each in fields(digest)
        if isinstance(found := getattr(digest, each.name), DigestList)
    }
    seen = digest.coverage
    coverage = replace(seen, not_seen=change(seen.not_seen), not_entered=change(seen.not_entered))
    return replace(digest, coverage=coverage, **lists)  # type: ignore[arg-type]  # lists alone


def failure_key(account: str, user: str | None, message: str) -> FailureKey:
    """By what a failure is known again on another day."""
    return account, user or "", _CHANGING.sub("#", message)[:LONGEST]


@dataclass(slots=True)
class _Worst:
    """Keeps the lines with the smallest ranks."""

    total: int = 0
    _kept: list[tuple[tuple[Any, ...], DigestLine]] = field(default_factory=list)

    def add(self, rank: tuple[object, ...], line: DigestLine) -> None:
        """rank: what is worse comes first; all ranks of a list are of one form."""
        self.total += 1
        self._kept.append((rank, line))
        if len(self._kept) >= _KEPT:
            self._cut()

    def chosen(self) -> DigestList:
        """The list."""
        self._cut()
        return DigestList(total=self.total, worst=tuple(line for _, line in self._kept))

    def _cut(self) -> None:
        self._kept = sorted(self._kept, key=_rank_of)[:WORST]


def _rank_of(kept: tuple[tuple[Any, ...], DigestLine]) -> Any:  # noqa: ANN401 -- ranks of one list compare
    return kept[0]


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the accounts so far came to."""

    day: date
    memory: Mapping[FailureKey, Lasting]
    seen: set[str] = field(default_factory=set)
    enforced: int = 0
    dry: int = 0
    reached: int = 0
    failed: int = 0
    left: int = 0
    keys: int = 0
    lasting: int = 0
    not_seen: _Worst = field(default_factory=_Worst)
    not_entered: _Worst = field(default_factory=_Worst)
    breaks: _Worst = field(default_factory=_Worst)
    done: _Worst = field(default_factory=_Worst)
    planned: _Worst = field(default_factory=_Worst)
    blocked: _Worst = field(default_factory=_Worst)
    restored: _Worst = field(default_factory=_Worst)
    unexpected: _Worst = field(default_factory=_Worst)
    exempted: _Worst = field(default_factory=_Worst)
    without_owner: _Worst = field(default_factory=_Worst)
    rejected: _Worst = field(default_factory=_Worst)
    failures: _Worst = field(default_factory=_Worst)
    done_counts: Counter[Action] = field(default_factory=Counter)
    planned_counts: Counter[Action] = field(default_factory=Counter)
    remembered: dict[FailureKey, Lasting] = field(default_factory=dict)
    told: set[tuple[str, ...]] = field(default_factory=set)
    """What the lists have of the account at hand: two runs of a day find the same."""
    is_late: bool = False
    """Whether the account at hand is one of the day before."""
    late: dict[tuple[str, ...], tuple[tuple[object, ...], DigestLine]] = field(
        default_factory=dict
    )
    """What came late, until today's runs say the same."""
    late_failures: dict[FailureKey, tuple[AccountDay, str | None, str]] = field(
        default_factory=dict
    )

    def add(self, account: AccountDay) -> None:
        """Take an account's day in."""
        self.told.clear()
        self.seen.add(account.account)
        self.reached += account.reached
        self.failed += not account.reached
        self.enforced += not account.dry_run
        self.dry += account.dry_run
        self.left += account.left
        for key in account.keys:
            self._add_key(account, key)
        for user in account.users:
            self._add_user(account, user)
        if not account.reached:
            self._add_not_entered(account)
        for name, message in account.failures:
            if account.reached or name is not None:
                self._add_failure(account, name, message)
        for step in account.earlier:
            self._add_step(account, step)
        self._add_exempted(account)

    def add_late(self, account: AccountDay, since: datetime | None) -> None:
        """
        Take in what came in an account after the digest of the day before was made.

        Of a failure that was reported before, the digest of today knows whether it lasts.
        """
        self.is_late = True
        named = replace(account, keys=(), users=(), failures=(), earlier=(), exempted=())
        if since is not None and account.at is not None:
            # A run that was under way then is in no digest, from its beginning.
            since = min(since, account.at)
        for key in account.keys:
            if _is_since(key.at, since):
                self._add_done(account, key)
                self._add_told(account, key, _line(account, key))
        for step in account.earlier:
            if _is_since(step.at, since):
                self._add_step(account, step)
        for user in account.users:
            self._add_user(account, user)
        for name, message in account.failures:
            known = failure_key(account.account, name, message)
            if known not in self.memory:
                self.late_failures[known] = named, name, message
        self._add_exempted(account)
        self.is_late = False

    def add_what_was_late_only(self) -> None:
        """Tell what came late the day before, and was not met again today."""
        for (name, *_), (rank, line) in self.late.items():
            getattr(self, name).add(rank, line)
        for account, user, message in list(self.late_failures.values()):
            self._add_failure(account, user, message)

    def add_unseen(self, account: str, name: str) -> None:
        """Name an account that nobody saw, and remember its failures: they may last."""
        theirs = {key: each for key, each in self.memory.items() if key[0] == account}
        self.remembered.update(theirs)
        since = self._told_daily(account, NO_RUN)
        line = DigestLine(account=account, name=name, what=NO_RUN, day=self._unless_today(since))
        self.not_seen.add(_newest_first(since, account), line)

    def _add_key(self, account: AccountDay, key: KeyDay) -> None:
        self.keys += 1
        line = _line(account, key)
        # What cannot be taken back comes first, then what people notice at once, then the oldest.
        rank = (key.action not in ENDING, -key.age, account.account, key.key_id)
        if account.dry_run and key.action in WRITING:
            self.planned_counts[key.action] += 1
            self.planned.add(rank, line)
        self._add_done(account, key)
        if key.breaks and key.ends_on is not None:
            self.breaks.add((key.ends_on, account.account, key.key_id), line)
        self._add_told(account, key, line)

    def _add_told(self, account: AccountDay, key: KeyDay | Step, line: DigestLine) -> None:
        """Put a key of which somebody has to know into the list of its reason."""
        rank = (-key.age, account.account, key.key_id)
        is_held = isinstance(key, KeyDay) and key.overlays & {Overlay.BLOCKED, Overlay.CONTESTED}
        if is_held or key.reason in _HINDERED:
            self._tell("blocked", rank, line)
        if key.reason in _RESTORED:
            self._tell("restored", rank, line)
        if key.reason in _UNEXPECTED and not (account.dry_run and key.reason in _EACH_DRY_RUN):
            worst_first = _UNEXPECTED.index(Reason(key.reason))
            self._tell("unexpected", (worst_first, *rank), line)

    def _tell(
        self, name: str, rank: tuple[object, ...], line: DigestLine, which: str = ""
    ) -> None:
        """Add a line to a list: once, however many runs say the same of a key or a user."""
        known = (name, line.account, line.user or "", line.key_id or "", which)
        if self.is_late:
            self.late[known] = rank, line
        elif known not in self.told:
            self.told.add(known)
            self.late.pop(known, None)
            getattr(self, name).add(rank, line)

    def _add_done(self, account: AccountDay, key: KeyDay) -> None:
        if not key.done or key.action in {Action.KEEP, Action.WAIT}:
            return
        self.done_counts[key.action] += 1
        if key.action in WRITING:
            rank = (key.action not in ENDING, -key.age, account.account, key.key_id)
            self.done.add(rank, _line(account, key))

    def _add_step(self, account: AccountDay, step: Step) -> None:
        self.done_counts[step.action] += 1
        line = DigestLine(
            account=account.account,
            name=account.name,
            user=step.user,
            key_id=step.key_id,
            what=cut(step.sentence, LONGEST),
            action=step.action,
        )
        if step.action in WRITING:
            rank = (step.action not in ENDING, -step.age, account.account, step.key_id)
            self.done.add(rank, line)
        self._add_told(account, step, line)

    def _add_exempted(self, account: AccountDay) -> None:
        for user in account.exempted:
            line = DigestLine(account=account.account, name=account.name, user=user, what=EXEMPTED)
            self._tell("exempted", (account.account, user), line)

    def _add_user(self, account: AccountDay, user: UserDay) -> None:
        line = DigestLine(account=account.account, name=account.name, user=user.user)
        rank = (account.account, user.user)
        if user.source in _UNKNOWN_OWNER:
            self._tell("without_owner", rank, replace(line, what="no source names an owner"))
        for why in user.rejected:
            self._tell("rejected", (*rank, why), replace(line, what=cut(why, LONGEST)), why)

    def _add_not_entered(self, account: AccountDay) -> None:
        """Say it each day anew: that a mail alarms without a name, nobody can act on."""
        why = [message for name, message in account.failures if name is None] or [NOT_ENTERED]
        since = min(self._told_daily(account.account, each) for each in why)
        line = DigestLine(
            account=account.account,
            name=account.name,
            what=cut("; ".join(why), LONGEST),
            day=self._unless_today(since),
        )
        self.not_entered.add(_newest_first(since, account.account), line)

    def _told_daily(self, account: str, what: str) -> date:
        """Remember what is told of an account every day; since when it is so."""
        known = failure_key(account, None, what)
        before = self.memory.get(known)
        since = before.since if before else self.day
        self.remembered[known] = Lasting(since=since, reported=self.day)
        return since

    def _unless_today(self, since: date) -> date | None:
        return since if since != self.day else None

    def _add_failure(self, account: AccountDay, user: str | None, message: str) -> None:
        known = failure_key(account.account, user, message)
        if known in self.remembered:
            return  # the same twice in one day
        before = self.memory.get(known)
        is_due = before is None or self.day - before.reported >= REPEATED_AFTER
        came = self.day - DAY if known in self.late_failures else self.day
        since = before.since if before else came
        reported = self.day if before is None or is_due else before.reported
        self.remembered[known] = Lasting(since=since, reported=reported)
        if before is not None and reported != self.day:
            self.lasting += 1
            return
        line = DigestLine(
            account=account.account,
            name=account.name,
            user=user,
            what=cut(message, LONGEST),
            day=self._unless_today(since),
        )
        # A whole account is worse than a user; what lasts longest is worse than what is new.
        self.failures.add((user is not None, since, account.account, user or "", message), line)


def _newest_first(since: date, account: str) -> tuple[int, str]:
    """The rank of what is told every day: what has come today may not go under in the rest."""
    return -since.toordinal(), account


def _is_since(at: datetime | None, since: datetime | None) -> bool:
    """In doubt it is: what is told twice is better than what is told never."""
    return at is None or since is None or at >= since


def _line(account: AccountDay, key: KeyDay) -> DigestLine:
    what = key.sentence
    if key.breaks and key.last_used is not None:
        by = f" for {key.service}" if key.service else ""
        what = f"last used on {key.last_used.isoformat()}{by}"
    return DigestLine(
        account=account.account,
        name=account.name,
        user=key.user,
        key_id=key.key_id,
        what=cut(what, LONGEST),
        day=key.ends_on,
        action=key.action,
    )
