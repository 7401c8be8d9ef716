"""
What the notifier takes from a run: a digest, checked before `digest` reads it.

Each field of `digest.DigestForm` has its check here, a test holds them to each other: a field
without one would reach the reader as it came.

The bus takes events from the whole organisation, so nothing in it is taken for granted.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, validate, validates_schema
from marshmallow import fields as rules

from keyturn.domain import names
from keyturn.domain.days import can_be
from keyturn.domain.decision import Action, NoticeType, Overlay, Reason, State
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import SOURCE, Audience, Digest, NoticeItem
from keyturn.domain.key import Act
from keyturn.domain.key_usage import LONGEST_OF_CALLER
from keyturn.domain.owner import OwnerSource
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.secret_names import owner_of_secret
from keyturn.schemas.digest import read_digest
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    ADDRESS_OR_NONE,
    CLOCKS_DIFFER,
    KEY_ID,
    LONGEST_NAME,
    QUEUE_HOLDS,
    RUN_ID,
    USER_NAME,
    IsoDay,
    LenientSchema,
    Plain,
    check_age,
    like,
    load,
    text_of_at_most,
    word_of,
)

MOST_AGE = 73_000
"""Days: two hundred years."""
YEAR = timedelta(days=400)
MOST_CALLERS = 10
"""Of one key: a later version may name more of them than this one does."""
_WORD = validate.Regexp(r"[A-Za-z0-9/._-]{1,64}\Z", error="is no name of AWS's")
"""The name of a service or a region, as GetAccessKeyLastUsed spells it: "N/A" among them."""


class _Account(LenientSchema):
    id = rules.String(required=True, validate=ACCOUNT_ID)
    name = text_of_at_most(LONGEST_NAME, required=True)
    email = rules.String(required=True, validate=ADDRESS_OR_NONE)


class _Run(LenientSchema):
    id = rules.String(required=True, validate=RUN_ID)
    at = rules.AwareDateTime(format="iso", required=True)
    dry_run = Plain(bool, required=True)
    account = rules.Nested(_Account, required=True)


class _Next(LenientSchema):
    action = rules.String(required=True, validate=word_of(Action))
    date = IsoDay(required=True)


class _Use(LenientSchema):
    at = rules.AwareDateTime(format="iso", required=True, allow_none=True)
    service = rules.String(required=True, allow_none=True, validate=_WORD)
    region = rules.String(required=True, allow_none=True, validate=_WORD)


class _Fetched(LenientSchema):
    on = IsoDay(required=True, allow_none=True)


class _Caller(LenientSchema):
    address = text_of_at_most(LONGEST_OF_CALLER, required=True)
    agent = text_of_at_most(LONGEST_OF_CALLER, required=True)
    service = text_of_at_most(LONGEST_OF_CALLER, required=True)


class _Trail(LenientSchema):
    callers = rules.List(
        rules.Nested(_Caller), required=True, validate=validate.Length(max=MOST_CALLERS)
    )
    unread = Plain(bool, required=True)


class _Usage(LenientSchema):
    old = rules.Nested(_Use, required=True, allow_none=True)
    new = rules.Nested(_Use, required=True, allow_none=True)
    fetched = rules.Nested(_Fetched, required=True, allow_none=True)
    trail = rules.Nested(_Trail)


class _Channels(LenientSchema):
    slack_user = rules.String(
        validate=like(names.SLACK_MEMBER, "must be the id of a Slack member")
    )
    slack_channel = rules.String(validate=like(names.SLACK_CHANNEL, "must be a Slack channel"))
    jira_project = rules.String(
        validate=like(names.JIRA_PROJECT, "must be the key of a Jira project")
    )
    jira_assignee = rules.String(validate=like(names.JIRA_ASSIGNEE, "must be one of Jira's users"))


class _Item(LenientSchema):
    user = rules.String(required=True, validate=USER_NAME)
    key = rules.String(required=True, validate=KEY_ID)
    age = Plain(int, required=True, validate=validate.Range(min=-1, max=MOST_AGE))
    state = rules.String(required=True, validate=word_of(State))
    overlays = rules.List(
        rules.String(validate=word_of(Overlay)),
        required=True,
        validate=validate.Length(max=len(Overlay)),
    )
    action = rules.String(required=True, validate=word_of(Action))
    reason = rules.String(required=True, validate=word_of(Reason))
    sentence = text_of_at_most(2000, required=True)
    told = rules.String(required=True, validate=word_of(NoticeType))
    day = IsoDay(required=True)
    variant = rules.String(
        required=True, validate=validate.Regexp(r"[a-z0-9-]{0,64}\Z", error="is no variant")
    )
    promises = rules.Dict(rules.String(validate=word_of(Act)), IsoDay(), required=True)
    next = rules.Nested(_Next, required=True, allow_none=True)
    successor = rules.String(required=True, allow_none=True, validate=KEY_ID)
    secret = text_of_at_most(512, required=True, allow_none=True)
    usage = rules.Nested(_Usage)
    named_by = rules.String(validate=word_of(OwnerSource))
    channels = rules.Nested(_Channels)
    has_smtp_passwords = Plain(bool)


class _Odd(LenientSchema):
    count = Plain(int, required=True, validate=validate.Range(min=1, max=100_000))
    first = rules.List(text_of_at_most(600), required=True, validate=validate.Length(max=100))


class _Digest(LenientSchema):
    run = rules.Nested(_Run, required=True)
    audience = rules.String(required=True, validate=word_of(Audience))
    channel = rules.String(load_default=ChannelName.EMAIL, validate=word_of(ChannelName))
    address = rules.String(required=True)
    region = rules.String(required=True, validate=like(names.REGION, "must be a region"))
    failures = rules.List(text_of_at_most(600), required=True, validate=validate.Length(max=100))
    odd = rules.Nested(_Odd)
    proves = Plain(bool, required=True)
    part = Plain(int, required=True, validate=validate.Range(min=1, max=10_000))
    items = rules.List(rules.Nested(_Item), required=True, validate=validate.Length(max=500))

    @validates_schema
    def _can_be_reached(self, data: Mapping[str, Any], **_: object) -> None:
        recipient = Recipient(ChannelName(data["channel"]), data["address"])
        if not recipient.can_be_reached:
            raise ValidationError(f"must be {recipient.channel.one_address}", "address")


class _Notices(LenientSchema):
    digest = rules.Nested(_Digest, required=True)


class _NoticesDue(LenientSchema):
    account = rules.String(required=True)
    source = rules.String(required=True, validate=validate.Equal(SOURCE, error="must be ours"))
    detail = rules.Nested(_Notices, required=True)


def read_notices_due(event: object, *, own_account: str, now: datetime) -> Digest:
    """
    Read the digest of a `Notices Due` event.

    The bus takes events from the whole organisation, and a digest becomes the proof that an
    owner was notified: only our own account may put one there, and nothing in it may be odd.
    Raises InvalidValue where it is none of ours, Stale where it tells of a world that is gone.
    """
    given = load(_NoticesDue(), event)
    if given["account"] != own_account:
        raise InvalidValue("account", given["account"], "may not ask for notices")
    digest = given["detail"]["digest"]
    run = digest["run"]
    at, day = run["at"], run["at"].date()
    if not can_be(at) or at.utcoffset():
        raise InvalidValue("detail.digest.run.at", at.isoformat(), "must be UTC, in 2000 to 2200")
    check_age("detail.digest.run.at", at, now, QUEUE_HOLDS)
    for number, item in enumerate(digest["items"]):
        where = f"detail.digest.items.{number}"
        _in_its_time(where, item, day)
        for which, use in (item.get("usage") or {}).items():
            _was_before(f"{where}.usage.{which}", use, now)
        if item["secret"] and owner_of_secret(item["secret"])[0] != run["account"]["id"]:
            raise InvalidValue(f"{where}.secret", item["secret"], "is of another account")
    found: Mapping[str, Any] = event["detail"]["digest"]  # type: ignore[index]  # it was just loaded
    return _without_stale(read_digest(found), now.date())


def _without_stale(digest: Digest, today: date) -> Digest:
    """
    The digest without the notices that promise a past date: the engine makes those anew.

    What is said once, by the run that does it (a key is deleted), stays. Raises Stale where
    nothing is left.
    """
    stale = [min(each.promises.values()) for each in digest.items if _is_stale(each, today)]
    kept = tuple(each for each in digest.items if not _is_stale(each, today))
    if stale and not kept and not digest.failures:
        raise Stale(f"a notice promises {min(stale)}, which is past: it was dropped")
    return replace(digest, items=kept)


def _is_stale(item: NoticeItem, today: date) -> bool:
    return any(day < today for day in item.promises.values())


def _was_before(where: str, use: Mapping[str, Any] | None, now: datetime) -> None:
    """No key was used, and no secret read, after now; nor at a time that cannot be."""
    at = (use or {}).get("at")
    if at is not None and (not can_be(at) or at > now + CLOCKS_DIFFER):
        raise InvalidValue(f"{where}.at", at.isoformat(), "must be a time that has been")
    on = (use or {}).get("on")
    if on is not None and on > (now + CLOCKS_DIFFER).date():
        raise InvalidValue(f"{where}.on", on.isoformat(), "must be a day that has been")


def _in_its_time(where: str, item: Mapping[str, Any], run: date) -> None:
    """No date from before the run, but for what happened before it: that is a year old at most."""
    looks_back = item["told"] == NoticeType.RESTORED
    dates = {
        f"{where}.day": (item["day"], run - YEAR if looks_back else run),
        f"{where}.next.date": (item["next"]["date"] if item["next"] else run, run - YEAR),
        **{f"{where}.promises.{act}": (day, run) for act, day in item["promises"].items()},
    }
    for field, (day, first) in dates.items():
        if day < first:
            raise InvalidValue(field, day.isoformat(), "is before the run that gives notice of it")
