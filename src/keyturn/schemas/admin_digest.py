"""The administrators' digest of a day, for programs."""

from typing import Final, Literal, TypedDict, cast

from keyturn.domain.admin_digest import AdminDigest, lists_of
from keyturn.domain.decision import Action
from keyturn.schemas.account import Count
from keyturn.schemas.decision import Day
from keyturn.schemas.pause import PauseFile, pause_file
from keyturn.schemas.worst_lines import ListFile, write_list

VERSION: Final = 1


class CoverageFile(TypedDict):
    """How much was seen; listed is null where nobody knows how many accounts there are."""

    listed: Count | None
    skipped: Count
    reached: Count
    failed: Count
    users_left: Count
    not_seen: ListFile
    not_entered: ListFile


class DayFigures(TypedDict):
    """
    How much there was of a day; remarks: what is odd about the digest itself.

    keys_waiting: for which something was due, and was not done. pause: while it is in force
    nothing is written; null: nobody paused, or it could not be read, and then a remark says so.
    """

    version: Literal[1]
    date: Day
    accounts_enforced: Count
    accounts_dry: Count
    keys: Count
    keys_waiting: Count
    pause: PauseFile | None
    coverage: CoverageFile
    done_counts: dict[Action, Count]
    planned_counts: dict[Action, Count]
    remarks: list[str]


class DigestLists(TypedDict):
    """The lists of a digest: a test holds them to `LISTS`."""

    breaks: ListFile
    done: ListFile
    planned: ListFile
    blocked: ListFile
    restored: ListFile
    unexpected: ListFile
    exempted: ListFile
    exemptions: ListFile
    deferrals: ListFile
    secrets: ListFile
    without_owner: ListFile
    rejected: ListFile
    failures: ListFile


class AdminDigestFile(DayFigures, DigestLists):
    """A day of the whole organisation."""


def write_admin_digest(digest: AdminDigest) -> AdminDigestFile:
    """The form of a digest; what it remembers for the next day is not in it."""
    coverage = digest.coverage
    lists = {name: write_list(found) for name, found in lists_of(digest).items()}
    return {
        "version": VERSION,
        "date": digest.day.isoformat(),
        "accounts_enforced": digest.accounts_enforced,
        "accounts_dry": digest.accounts_dry,
        "keys": digest.keys,
        "keys_waiting": digest.keys_waiting,
        "pause": pause_file(digest.pause) if digest.pause else None,
        "coverage": {
            "listed": coverage.listed,
            "skipped": coverage.skipped,
            "reached": coverage.reached,
            "failed": coverage.failed,
            "users_left": coverage.users_left,
            "not_seen": write_list(coverage.not_seen),
            "not_entered": write_list(coverage.not_entered),
        },
        "done_counts": dict(digest.done_counts),
        "planned_counts": dict(digest.planned_counts),
        "remarks": list(digest.remarks),
        **cast("DigestLists", lists),
    }
