"""
What the notifier takes of the administrators' day: a digest, checked and read.

Each field of `digest_of_day.DueDigest` has its check here, as in `notices_due`. The bus takes
events from the whole organisation, so nothing in it is taken for granted.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from marshmallow import ValidationError, validate, validates_schema
from marshmallow import fields as rules

from keyturn.domain.admin_digest import (
    LONGEST,
    WORST,
    AdminDigest,
    Coverage,
    DigestLine,
    DigestList,
)
from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import SOURCE, EventType
from keyturn.schemas.admin_digest import VERSION
from keyturn.schemas.digest_of_day import LONGEST_NAME_SHOWN, STORED_OBJECT
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    CLOCKS_DIFFER,
    KEY_ID,
    QUEUE_HOLDS,
    IsoDay,
    LenientSchema,
    Plain,
    like,
    load,
    text_of_at_most,
    word_of,
)

MOST_COUNTED: Final = 10**9
_OBJECT: Final = like(STORED_OBJECT, "must be the name of an object in the bucket")


def _count() -> Plain:
    return Plain(int, required=True, validate=validate.Range(min=0, max=MOST_COUNTED))


class _Line(LenientSchema):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    name = text_of_at_most(LONGEST_NAME_SHOWN, required=True)
    user = text_of_at_most(LONGEST_NAME_SHOWN, required=True, allow_none=True)
    key = rules.String(required=True, allow_none=True, validate=KEY_ID)
    what = text_of_at_most(LONGEST, required=True)
    day = IsoDay(required=True, allow_none=True)
    action = rules.String(required=True, allow_none=True, validate=word_of(Action))


class _List(LenientSchema):
    total = _count()
    worst = rules.List(rules.Nested(_Line), required=True, validate=validate.Length(max=WORST))

    @validates_schema
    def _counts_what_it_shows(self, data: Mapping[str, Any], **_: object) -> None:
        if data["total"] < len(data["worst"]):
            raise ValidationError("is less than the lines that are shown", "total")


def _list() -> rules.Nested:
    return rules.Nested(_List, required=True)


class _Coverage(LenientSchema):
    listed = Plain(
        int, required=True, allow_none=True, validate=validate.Range(min=0, max=MOST_COUNTED)
    )
    skipped = _count()
    reached = _count()
    failed = _count()
    users_left = _count()
    not_seen = _list()
    # A digest that a reporter of the version before published has none: it is sent without.
    not_entered = rules.Nested(_List, load_default=lambda: {"total": 0, "worst": []})


def _counts() -> rules.Dict:
    return rules.Dict(rules.String(validate=word_of(Action)), _count(), required=True)


class _Digest(LenientSchema):
    version = Plain(
        int, required=True, validate=validate.Equal(VERSION, error="is of another version")
    )
    date = IsoDay(required=True)
    accounts_enforced = _count()
    accounts_dry = _count()
    keys = _count()
    coverage = rules.Nested(_Coverage, required=True)
    breaks = _list()
    done_counts = _counts()
    done = _list()
    planned_counts = _counts()
    planned = _list()
    blocked = _list()
    restored = _list()
    # A digest that a reporter of the version before published has none: it is sent without.
    unexpected = rules.Nested(_List, load_default=lambda: {"total": 0, "worst": []})
    exempted = _list()
    without_owner = _list()
    rejected = _list()
    failures = _list()
    remarks = rules.List(
        text_of_at_most(LONGEST), required=True, validate=validate.Length(max=WORST)
    )
    failures_lasting = _count()
    csv = rules.String(required=True, validate=_OBJECT)


class _Detail(LenientSchema):
    digest = rules.Nested(_Digest, required=True)


class _DigestDue(LenientSchema):
    account = rules.String(required=True)
    source = rules.String(required=True, validate=validate.Equal(SOURCE, error="must be ours"))
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
    given = load(_DigestDue(), event)
    if given["account"] != own_account:
        raise InvalidValue("account", given["account"], "may not ask for a digest")
    digest = given["detail"]["digest"]
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
            not_seen=_read_list(coverage["not_seen"]),
            not_entered=_read_list(coverage["not_entered"]),
            users_left=coverage["users_left"],
        ),
        breaks=_read_list(digest["breaks"]),
        done=_read_list(digest["done"]),
        done_counts=_read_counts(digest["done_counts"]),
        planned=_read_list(digest["planned"]),
        planned_counts=_read_counts(digest["planned_counts"]),
        blocked=_read_list(digest["blocked"]),
        restored=_read_list(digest["restored"]),
        unexpected=_read_list(digest["unexpected"]),
        exempted=_read_list(digest["exempted"]),
        without_owner=_read_list(digest["without_owner"]),
        rejected=_read_list(digest["rejected"]),
        failures=_read_list(digest["failures"]),
        failures_lasting=digest["failures_lasting"],
        keys=digest["keys"],
        csv=digest["csv"],
        remarks=tuple(digest["remarks"]),
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


def _read_list(found: Mapping[str, Any]) -> DigestList:
    return DigestList(
        total=found["total"],
        worst=tuple(
            DigestLine(
                account=line["account"],
                name=line["name"],
                user=line["user"],
                key_id=line["key"],
                what=line["what"],
                day=line["day"],
                action=Action(line["action"]) if line["action"] else None,
            )
            for line in found["worst"]
        ),
    )
