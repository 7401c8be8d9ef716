"""The administrators' day: what became of a whole organisation, short enough to be read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Final

from keyturn.domain.decision import Action
from keyturn.domain.pause import Pause
from keyturn.domain.worst_lines import NO_LINES, DigestList


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who was to be seen, by an inventory."""

    queued: Mapping[str, str]
    """Account id → name, of those that get a run."""
    skipped: int = 0
    lost: Mapping[str, str] = field(default_factory=dict)
    """Account id → why it has none, where more is known than that."""


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
class Lasting:
    """A failure that is remembered: since when, and when it was last reported."""

    since: date
    reported: date


FailureKey = tuple[str, str, str]
"""(account, user's name or empty, the message without what differs from day to day)."""


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
    not_entered: DigestList = NO_LINES
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
    exemptions: DigestList
    """Users whose exemption ends, is over, or was ended (domain/exemptions_file.py)."""
    deferrals: DigestList
    """Keys that an operator gave more time."""
    secrets: DigestList
    """Secrets that nobody needs any more: what was done about them (RemoveSecretsAfter)."""
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
    chain_end: str = ""
    """The last link of the audit chain, as `HEAD` has it; empty: there is none, or not known."""
    remarks: tuple[str, ...] = ()
    """What is odd about the digest itself, a sentence each: to be read before the rest."""
    memory: Mapping[FailureKey, Lasting] = field(default_factory=dict, repr=False)
    """What is remembered of failures until the next day."""
    pause: Pause | None = None
    """Why nothing is written; None: nobody paused Keyturn, or it is not known (a remark)."""
    keys_waiting: int = 0
    """Keys, in accounts that enforce, for which something was due and was not done."""
    run: str = ""
    """The id of the one run that it is of, from a command line; empty: it is of a whole day."""

    @property
    def saw_nothing(self) -> bool:
        """Whether nothing shows that anything ran: no inventory is known, and no account's run."""
        return self.coverage.listed is None and not self.accounts_enforced + self.accounts_dry


LISTS: Final = tuple(each.name for each in fields(AdminDigest) if each.type is DigestList)
"""The names of its lists: each is a field, and nothing else says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a digest leaves for the next one."""

    made: datetime
    """When it began to be made, UTC: what was stored since is in none."""
    memory: Mapping[FailureKey, Lasting] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDigest:
    """A digest, as it is stored."""

    digest: AdminDigest
    at: datetime
    """When it began to be made, UTC."""


def with_lists(digest: AdminDigest, change: Callable[[DigestList], DigestList]) -> AdminDigest:
    """The digest with each of its lists changed."""
    lists = {name: change(found) for name, found in lists_of(digest).items()}
    seen = digest.coverage
    coverage = replace(seen, not_seen=change(seen.not_seen), not_entered=change(seen.not_entered))
    return replace(digest, coverage=coverage, **lists)  # type: ignore[arg-type]  # lists alone


def lists_of(digest: AdminDigest) -> Mapping[str, DigestList]:
    """Its lists: name → list."""
    return {name: getattr(digest, name) for name in LISTS}
