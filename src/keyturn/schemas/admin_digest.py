"""The administrators' digest of a day, for programs."""

from typing import Final, Literal, TypedDict

from keyturn.domain.admin_digest import AdminDigest, DigestLine, DigestList
from keyturn.domain.decision import Action
from keyturn.schemas.account import AccountId, Count
from keyturn.schemas.decision import Day

VERSION: Final = 1


class LineFile(TypedDict):
    """One thing to know: of an account, a user, a key; day: the date that it is about."""

    account: AccountId
    name: str
    user: str | None
    key: str | None
    what: str
    day: Day | None
    action: Action | None


class ListFile(TypedDict):
    """How many there are, and the worst of them, the worst first."""

    total: Count
    worst: list[LineFile]


class CoverageFile(TypedDict):
    """How much was seen; listed is null where nobody knows how many accounts there are."""

    listed: Count | None
    skipped: Count
    reached: Count
    failed: Count
    users_left: Count
    not_seen: ListFile
    not_entered: ListFile


class AdminDigestFile(TypedDict):
    """A day of the whole organisation; remarks: what is odd about the digest itself."""

    version: Literal[1]
    date: Day
    accounts_enforced: Count
    accounts_dry: Count
    keys: Count
    coverage: CoverageFile
    breaks: ListFile
    done_counts: dict[Action, Count]
    done: ListFile
    planned_counts: dict[Action, Count]
    planned: ListFile
    blocked: ListFile
    restored: ListFile
    unexpected: ListFile
    exempted: ListFile
    without_owner: ListFile
    rejected: ListFile
    failures: ListFile
    remarks: list[str]


def write_admin_digest(digest: AdminDigest) -> AdminDigestFile:
    """The form of a digest; what it remembers for the next day is not in it."""
    coverage = digest.coverage
    return {
        "version": VERSION,
        "date": digest.day.isoformat(),
        "accounts_enforced": digest.accounts_enforced,
        "accounts_dry": digest.accounts_dry,
        "keys": digest.keys,
        "coverage": {
            "listed": coverage.listed,
            "skipped": coverage.skipped,
            "reached": coverage.reached,
            "failed": coverage.failed,
            "users_left": coverage.users_left,
            "not_seen": _list(coverage.not_seen),
            "not_entered": _list(coverage.not_entered),
        },
        "breaks": _list(digest.breaks),
        "done_counts": dict(digest.done_counts),
        "done": _list(digest.done),
        "planned_counts": dict(digest.planned_counts),
        "planned": _list(digest.planned),
        "blocked": _list(digest.blocked),
        "restored": _list(digest.restored),
        "unexpected": _list(digest.unexpected),
        "exempted": _list(digest.exempted),
        "without_owner": _list(digest.without_owner),
        "rejected": _list(digest.rejected),
        "failures": _list(digest.failures),
        "remarks": list(digest.remarks),
    }


def _list(found: DigestList) -> ListFile:
    return {"total": found.total, "worst": [_line(each) for each in found.worst]}


def _line(line: DigestLine) -> LineFile:
    return {
        "account": line.account,
        "name": line.name,
        "user": line.user,
        "key": line.key_id,
        "what": line.what,
        "day": line.day.isoformat() if line.day else None,
        "action": line.action,
    }
