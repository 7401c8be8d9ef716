"""
How an organisation's day becomes the administrators' digest.

A fold over the accounts' days, one after the other: of each list it keeps the worst few and how
many there are, so ten thousand accounts take no more room than ten. Whatever was not seen is said
first: a day on which nobody looked is no quiet one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from keyturn.domain.account_day import AccountDay, KeyDay, Step, UserDay
from keyturn.domain.admin_digest import (
    LISTS,
    AdminDigest,
    Coverage,
    Expected,
    FailureKey,
    Lasting,
)
from keyturn.domain.days import DAY
from keyturn.domain.decision import ENDING, WRITING, Action, Overlay, Reason
from keyturn.domain.owner import OwnerSource
from keyturn.domain.plain_text import cut
from keyturn.domain.worst_lines import LONGEST, DigestLine, Worst

REPEATED_AFTER: Final = timedelta(days=7)
"""A lasting failure is reported on its first day, and then so often."""
NO_RUN: Final = "no run that day"
NOT_ENTERED: Final = "it could not be entered or read"
EXEMPTED: Final = "exempt now, and not when it was last looked at: ask who did that, and why"
_CHANGING: Final = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4,})+|\d+")
"""What differs from day to day in the message of one failure: ids of requests, dates, counts."""
_RESTORED: Final = frozenset({Reason.RESTORED, Reason.RESTORED_BY_COMMAND})
_HINDERED: Final = frozenset(
    {Reason.ORPHAN_FOUND, Reason.ORPHAN_WAITING, Reason.SECRET_OVERWRITTEN, Reason.SECRET_FOREIGN}
)
"""Reasons for which somebody has to look at a key, though nothing holds its dates up."""
_UNEXPECTED: Final = (
    Reason.USED_AFTER_DISABLING,
    Reason.DISABLING_INTERRUPTED,
    Reason.FOUND_INACTIVE,
    Reason.DATES_CHANGED,
)
"""Reasons for which a key's dates are not those that were expected, the worst first."""
_OF_EXEMPTIONS: Final = (
    Reason.EXEMPTION_OVER,
    Reason.EXEMPTION_LAPSED,
    Reason.EXEMPTION_ENDING,
)
"""Reasons for which somebody has to look at an exemption; what is done already comes first."""
_EACH_DRY_RUN: Final = frozenset(_UNEXPECTED) - {Reason.USED_AFTER_DISABLING}
"""Those that every dry run finds again, for it notes nothing: its plan has them."""
_UNKNOWN_OWNER: Final = frozenset({OwnerSource.NONE, OwnerSource.ADMIN})
_BY_RANK: Final = frozenset({"done", "planned"})
"""Lists in which what is worse always comes first; of the others each account has its share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What came on the day before, after its digest was made: it is told today."""

    accounts: Iterable[AccountDay]
    since: datetime | None
    """When that digest was made, UTC; None: not known, and then all of it is told."""


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
            found.add_unseen(account, name, expected.lost.get(account, NO_RUN) if expected else "")
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
        done_counts=dict(sorted(found.done_counts.items())),
        planned_counts=dict(sorted(found.planned_counts.items())),
        failures_lasting=found.lasting,
        keys=found.keys,
        keys_waiting=found.waiting,
        memory=found.remembered,
        **{name: lines.chosen() for name, lines in found.lists.items()},  # type: ignore[arg-type]  # lists alone
    )


def failure_key(account: str, user: str | None, message: str) -> FailureKey:
    """By what a failure is known again on another day."""
    return account, user or "", _CHANGING.sub("#", message)[:LONGEST]


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
    waiting: int = 0
    not_seen: Worst = field(default_factory=Worst)
    not_entered: Worst = field(default_factory=Worst)
    lists: Mapping[str, Worst] = field(
        default_factory=lambda: {name: Worst(is_shared=name not in _BY_RANK) for name in LISTS}
    )
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
        self.enforced += account.enforces
        self.dry += not account.enforces
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
        self._add_secrets(account)

    def add_late(self, account: AccountDay, since: datetime | None) -> None:
        """
        Take in what came in an account after the digest of the day before was made.

        Of a failure that was reported before, the digest of today knows whether it lasts.
        """
        self.is_late = True
        named = replace(
            account, keys=(), users=(), failures=(), earlier=(), exempted=(), secrets=()
        )
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
        self._add_secrets(account)
        self.is_late = False

    def add_what_was_late_only(self) -> None:
        """Tell what came late the day before, and was not met again today."""
        for (name, *_), (rank, line) in self.late.items():
            self.lists[name].add(rank, line)
        for account, user, message in list(self.late_failures.values()):
            self._add_failure(account, user, message)

    def add_unseen(self, account: str, name: str, why: str) -> None:
        """Name an account that nobody saw, and remember its failures: they may last."""
        theirs = {key: each for key, each in self.memory.items() if key[0] == account}
        self.remembered.update(theirs)
        since = self._told_daily(account, why)
        line = DigestLine(
            account=account, name=name, what=cut(why, LONGEST), day=self._unless_today(since)
        )
        self.not_seen.add(_newest_first(since, account), line)

    def _add_key(self, account: AccountDay, key: KeyDay) -> None:
        self.keys += 1
        self.waiting += account.enforces and key.action in WRITING and not key.done
        line = _line(account, key)
        # What cannot be taken back comes first, then what people notice at once, then the oldest.
        rank = (key.action not in ENDING, -key.age, account.account, key.key_id)
        if not account.enforces and key.action in WRITING:
            self.planned_counts[key.action] += 1
            self.lists["planned"].add(rank, line)
        self._add_done(account, key)
        if key.breaks and key.ends_on is not None:
            self.lists["breaks"].add((key.ends_on, account.account, key.key_id), line)
        self._add_told(account, key, line)

    def _add_told(self, account: AccountDay, key: KeyDay | Step, line: DigestLine) -> None:
        """Put a key of which somebody has to know into the list of its reason."""
        rank = (-key.age, account.account, key.key_id)
        is_held = isinstance(key, KeyDay) and key.overlays & {Overlay.BLOCKED, Overlay.CONTESTED}
        if is_held or key.reason in _HINDERED:
            self._tell("blocked", rank, line)
        if key.reason in _OF_EXEMPTIONS:
            # One line a user: of each key it would say the same.
            worst_first = _OF_EXEMPTIONS.index(Reason(key.reason))
            of_user = replace(line, key_id=None, day=None)
            self._tell("exemptions", (worst_first, account.account, key.user), of_user)
        if isinstance(key, KeyDay) and Overlay.DEFERRED in key.overlays:
            self._tell("deferrals", rank, replace(line, day=None))
        if key.reason in _RESTORED:
            self._tell("restored", rank, line)
        if key.reason in _UNEXPECTED and (account.enforces or key.reason not in _EACH_DRY_RUN):
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
            self.lists[name].add(rank, line)

    def _add_done(self, account: AccountDay, key: KeyDay) -> None:
        if not key.done or key.action in {Action.KEEP, Action.WAIT}:
            return
        self.done_counts[key.action] += 1
        if key.action in WRITING:
            rank = (key.action not in ENDING, -key.age, account.account, key.key_id)
            self.lists["done"].add(rank, _line(account, key))

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
            self.lists["done"].add(rank, line)
        self._add_told(account, step, line)

    def _add_exempted(self, account: AccountDay) -> None:
        for user in account.exempted:
            line = DigestLine(account=account.account, name=account.name, user=user, what=EXEMPTED)
            self._tell("exempted", (account.account, user), line)

    def _add_secrets(self, account: AccountDay) -> None:
        for user, what in account.secrets:
            line = DigestLine(
                account=account.account, name=account.name, user=user, what=cut(what, LONGEST)
            )
            self._tell("secrets", (account.account, user), line, what)

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
        self.lists["failures"].add(
            (user is not None, since, account.account, user or "", message), line
        )


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
