"""The administrators' digest of a day, as it is stored."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from keyturn.domain.admin_digest import (
    FailureKey,
    Lasting,
    MadeDigest,
    Reported,
)
from keyturn.domain.days import read_day
from keyturn.domain.errors import InvalidValue
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.tag_text import format_utc, moment
from keyturn.domain.worst_lines import LONGEST
from keyturn.schemas.account import Count, Moment
from keyturn.schemas.admin_digest import AdminDigestFile, write_admin_digest
from keyturn.schemas.decision import Day
from keyturn.schemas.digest_due import read_due_digest
from keyturn.schemas.digest_of_day import write_digest_due


class RememberedFailure(TypedDict):
    """A failure that is known again: its message without what differs from day to day."""

    account: str
    user: str
    message: str
    since: Day
    reported: Day


class DailyDigestFile(AdminDigestFile):
    """
    The administrators' digest of a day, as it is stored.

    made: what was written from then on is told the day after. failures_lasting: how many were
    reported within the week before. csv: where all keys are. chain_end: the audit chain's last
    link then. memory: which failures are known.
    """

    made: Moment
    failures_lasting: Count
    csv: str
    chain_end: str
    memory: list[RememberedFailure]


def daily_digest_file(made: MadeDigest) -> DailyDigestFile:
    """The form of a digest that was made."""
    digest = made.digest
    return {
        **write_admin_digest(digest),
        "made": format_utc(made.at),
        "failures_lasting": digest.failures_lasting,
        "csv": digest.csv,
        "chain_end": digest.chain_end,
        "memory": [
            {
                "account": account,
                "user": user,
                "message": message,
                "since": each.since.isoformat(),
                "reported": each.reported.isoformat(),
            }
            for (account, user, message), each in sorted(digest.memory.items())
        ],
    }


def write_daily_digest(made: MadeDigest) -> bytes:
    """The object of a digest."""
    return _as_bytes(daily_digest_file(made))


def write_held(made: MadeDigest) -> bytes:
    """The object of a digest that is to be published: as the notifier takes it."""
    due = {**write_digest_due(made.digest)["digest"]}
    del due["run"]  # a day is of no one run
    return _as_bytes({**daily_digest_file(made), **due})


def read_held(body: bytes) -> MadeDigest | None:
    """Read such a digest; None: it is of no form that we know."""
    reported = read_reported(body)
    if reported is None:
        return None
    try:
        digest = read_due_digest(read_json(body))
    except (NotReadableError, InvalidValue):
        return None
    return MadeDigest(digest=replace(digest, memory=reported.memory), at=reported.made)


def read_reported(body: bytes) -> Reported | None:
    """Read what a digest remembers; None: it is of no form that we know."""
    try:
        found = read_json(body)
        made = moment(found["made"])
        if made is None:
            return None
        return Reported(made=made, memory=dict(map(_remembered, found["memory"])))
    except (NotReadableError, KeyError, TypeError, ValueError):
        return None


def _remembered(found: Mapping[str, Any]) -> tuple[FailureKey, Lasting]:
    known = found["account"], found["user"], found["message"]
    since, reported = read_day(found["since"]), read_day(found["reported"])
    if since is None or reported is None or not _are_texts(known):
        raise ValueError("memory")
    return (known[0], known[1], known[2][:LONGEST]), Lasting(since=since, reported=reported)


def _are_texts(found: Iterable[object]) -> bool:
    return all(isinstance(each, str) for each in found)


def _as_bytes(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, separators=(",", ":")) + "\n").encode()
