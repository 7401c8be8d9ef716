"""
What the notifier takes of the administrators' day: a digest, checked and read.

Each field of `digest_of_day.DayForm` has its check here, as in `notices_due`. The bus takes
events from the whole organisation, so nothing in it is taken for granted.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from marshmallow import fields as rules
from marshmallow import validate

from keyturn.domain import names
from keyturn.domain.admin_digest import LISTS, AdminDigest, Coverage
from keyturn.domain.audit_chain import HEAD
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import EventType
from keyturn.domain.pause import Pause
from keyturn.domain.worst_lines import LONGEST, WORST
from keyturn.schemas.admin_digest import VERSION
from keyturn.schemas.from_bus import OBJECT, FromBus, detail_of
from keyturn.schemas.lines_given import MOST_COUNTED, counted, lines, lines_if_any, read_list
from keyturn.schemas.rules import (
    CLOCKS_DIFFER,
    QUEUE_HOLDS,
    IsoDay,
    LenientSchema,
    Plain,
    like,
    load,
    text_of_at_most,
    word_of,
)

_CHAIN_END: Final = like(
    re.compile(f"(?:{HEAD.pattern})?"), "must be a link's number and its SHA-256, or empty"
)
_RUN: Final = like(re.compile(f"(?:{names.RUN_ID.pattern})?"), "must be a run's id, or empty")


class _Coverage(LenientSchema):
    listed = Plain(
        int, required=True, allow_none=True, validate=validate.Range(min=0, max=MOST_COUNTED)
    )
    skipped = counted()
    reached = counted()
    failed = counted()
    users_left = counted()
    not_seen = lines()
    not_entered = lines_if_any()


def _counts() -> rules.Dict:
    return rules.Dict(rules.String(validate=word_of(Action)), counted(), required=True)


class _Pause(LenientSchema):
    by = text_of_at_most(LONGEST, required=True)
    at = rules.AwareDateTime(format="iso", required=True)
    why = text_of_at_most(LONGEST, required=True)


class _Digest(LenientSchema):
    version = Plain(
        int, required=True, validate=validate.Equal(VERSION, error="is of another version")
    )
    date = IsoDay(required=True)
    accounts_enforced = counted()
    accounts_dry = counted()
    keys = counted()
    coverage = rules.Nested(_Coverage, required=True)
    breaks = lines()
    done_counts = _counts()
    done = lines()
    planned_counts = _counts()
    planned = lines()
    blocked = lines()
    restored = lines()
    unexpected = lines_if_any()
    exempted = lines()
    exemptions = lines_if_any()
    deferrals = lines_if_any()
    secrets = lines_if_any()
    without_owner = lines()
    rejected = lines()
    failures = lines()
    remarks = rules.List(
        text_of_at_most(LONGEST), required=True, validate=validate.Length(max=WORST)
    )
    failures_lasting = counted()
    csv = rules.String(required=True, validate=OBJECT)
    # A digest that a reporter of the version before published has none: it is of a whole day.
    chain_end = rules.String(load_default="", validate=_CHAIN_END)
    run = rules.String(load_default="", validate=_RUN)
    pause = rules.Nested(_Pause, load_default=None, allow_none=True)
    keys_waiting = Plain(int, load_default=0, validate=validate.Range(min=0, max=MOST_COUNTED))


class _Detail(LenientSchema):
    digest = rules.Nested(_Digest, required=True)


class _DigestDue(FromBus):
    detail = rules.Nested(_Detail, required=True)


def is_digest_due(event: object) -> bool:
    """Whether it is for `read_digest_due`, whatever it holds."""
    return isinstance(event, Mapping) and event.get("detail-type") == EventType.DIGEST_DUE


def read_digest_due(event: object, *, own_account: str, now: datetime) -> AdminDigest:
    """
    Read the digest of a `Digest Due` event; it remembers nothing for the next day.

    Raises InvalidValue where it is none of ours, Stale where it is of a day that no queue can
    have held so long: the digests of the days after it tell what still lasts.
    """
    detail = detail_of(_DigestDue(), event, own_account=own_account, what="digest")
    digest = detail["digest"]
    _check_day(digest["date"], now)
    return _digest(digest)


def read_due_digest(found: object) -> AdminDigest:
    """Read a digest that was written for the notifier; raises InvalidValue as it would."""
    return _digest(load(_Digest(), found))


def _digest(digest: Mapping[str, Any]) -> AdminDigest:
    coverage = digest["coverage"]
    return AdminDigest(
        day=digest["date"],
        accounts_enforced=digest["accounts_enforced"],
        accounts_dry=digest["accounts_dry"],
        coverage=Coverage(
            listed=coverage["listed"],
            skipped=coverage["skipped"],
            reached=coverage["reached"],
            failed=coverage["failed"],
            not_seen=read_list(coverage["not_seen"]),
            not_entered=read_list(coverage["not_entered"]),
            users_left=coverage["users_left"],
        ),
        done_counts=_read_counts(digest["done_counts"]),
        planned_counts=_read_counts(digest["planned_counts"]),
        failures_lasting=digest["failures_lasting"],
        keys=digest["keys"],
        csv=digest["csv"],
        remarks=tuple(digest["remarks"]),
        chain_end=digest["chain_end"],
        run=digest["run"],
        pause=Pause(**digest["pause"]) if digest["pause"] else None,
        keys_waiting=digest["keys_waiting"],
        **{name: read_list(digest[name]) for name in LISTS},  # type: ignore[arg-type]  # lists alone
    )


def _check_day(day: date, now: datetime) -> None:
    if day > (now + CLOCKS_DIFFER).date():
        raise InvalidValue("detail.digest.date", day.isoformat(), "is in the future")
    if day < (now - QUEUE_HOLDS).date():
        raise Stale(
            f"detail.digest.date={day.isoformat()}: is older than {QUEUE_HOLDS.days} days: "
            "it was dropped"
        )


def _read_counts(counts: Mapping[str, int]) -> Mapping[Action, int]:
    return {Action(action): count for action, count in counts.items()}
