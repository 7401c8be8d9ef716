"""What the notifier takes from the bus: a run's notices, and IAM's own events."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from marshmallow import fields as rules

from keyturn.domain import names
from keyturn.domain.days import can_be, read_day
from keyturn.domain.decision import Action, NoticeType, Overlay, Reason, State
from keyturn.domain.errors import InvalidValue, Stale
from keyturn.domain.events import SOURCE, Audience, Digest
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.domain.key import Act
from keyturn.domain.secret_names import owner_of_secret
from keyturn.entrypoints.requests import (
    ADDRESS_OR_NONE,
    CLOCKS_DIFFER,
    KEY_ID,
    LONGEST_NAME,
    QUEUE_HOLDS,
    RUN_ID,
    USER_NAME,
    like,
    load,
)
from keyturn.schemas.digest import read_digest as read_digest_form
from keyturn.settings import ACCOUNT_ID

GROUP_NAME = like(names.GROUP_NAME, "must be the name of an IAM group or policy")
MOST_AGE = 73_000
"""Days: two hundred years."""
YEAR = timedelta(days=400)
DEAD_LETTERS_HOLD = timedelta(days=14)
"""How long a change of an exemption group is still news: it may come back from there."""


class _Foreign(Schema):
    class Meta:
        unknown = EXCLUDE  # AWS's events hold more than we read, and may come to hold still more


def _clean(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("must hold no control characters")


def _text(most: int, **more: Any) -> rules.String:  # noqa: ANN401 -- marshmallow's own options
    return rules.String(validate=[validate.Length(max=most), _clean], **more)


def _word(words: type[StrEnum]) -> validate.OneOf:
    return validate.OneOf([*map(str, words)], error="is none of its words")


class _Plain(rules.Field[Any]):
    """A value that JSON itself has: marshmallow's fields would take "yes" for true."""

    def __init__(self, kind: type, **more: Any) -> None:  # noqa: ANN401 -- as above
        super().__init__(**more)
        self._kind = kind

    def _deserialize(self, value: object, *_: object, **__: object) -> object:
        if type(value) is not self._kind:
            raise ValidationError(f"must be a JSON {'number' if self._kind is int else 'boolean'}")
        return value


class _Day(rules.Field[date]):
    def _deserialize(self, value: object, *_: object, **__: object) -> date:
        day = read_day(value) if isinstance(value, str) else None
        if day is None:
            raise ValidationError("must be a date that can be")
        return day


class _Account(_Foreign):
    id = rules.String(required=True, validate=ACCOUNT_ID)
    name = _text(LONGEST_NAME, required=True)
    email = rules.String(required=True, validate=ADDRESS_OR_NONE)


class _Run(_Foreign):
    id = rules.String(required=True, validate=RUN_ID)
    at = rules.AwareDateTime(format="iso", required=True)
    dry_run = _Plain(bool, required=True)
    account = rules.Nested(_Account, required=True)


class _Next(_Foreign):
    action = rules.String(required=True, validate=_word(Action))
    date = _Day(required=True)


class _Item(_Foreign):
    user = rules.String(required=True, validate=USER_NAME)
    key = rules.String(required=True, validate=KEY_ID)
    age = _Plain(int, required=True, validate=validate.Range(min=-1, max=MOST_AGE))
    state = rules.String(required=True, validate=_word(State))
    overlays = rules.List(
        rules.String(validate=_word(Overlay)),
        required=True,
        validate=validate.Length(max=len(Overlay)),
    )
    action = rules.String(required=True, validate=_word(Action))
    reason = rules.String(required=True, validate=_word(Reason))
    sentence = _text(2000, required=True)
    told = rules.String(required=True, validate=_word(NoticeType))
    day = _Day(required=True)
    variant = rules.String(
        required=True, validate=validate.Regexp(r"[a-z0-9-]{0,64}\Z", error="is no variant")
    )
    promises = rules.Dict(rules.String(validate=_word(Act)), _Day(), required=True)
    next = rules.Nested(_Next, required=True, allow_none=True)
    successor = rules.String(required=True, allow_none=True, validate=KEY_ID)
    secret = _text(512, required=True, allow_none=True)


class _Digest(_Foreign):
    run = rules.Nested(_Run, required=True)
    audience = rules.String(required=True, validate=_word(Audience))
    address = rules.String(
        required=True, validate=like(names.ONE_ADDRESS, "must be one e-mail address")
    )
    region = rules.String(required=True, validate=like(names.REGION, "must be a region"))
    failures = rules.List(_text(600), required=True, validate=validate.Length(max=100))
    proves = _Plain(bool, required=True)
    part = _Plain(int, required=True, validate=validate.Range(min=1, max=10_000))
    items = rules.List(rules.Nested(_Item), required=True, validate=validate.Length(max=500))


class _Notices(_Foreign):
    digest = rules.Nested(_Digest, required=True)


class _NoticesDue(_Foreign):
    account = rules.String(required=True)
    source = rules.String(required=True, validate=validate.Equal(SOURCE, error="must be ours"))
    detail = rules.Nested(_Notices, required=True)


def read_digest(event: object, *, own_account: str, now: datetime) -> Digest:
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
    _recent("detail.digest.run.at", at, now, QUEUE_HOLDS)
    for number, item in enumerate(digest["items"]):
        where = f"detail.digest.items.{number}"
        _in_its_time(where, item, day)
        if item["secret"] and owner_of_secret(item["secret"])[0] != run["account"]["id"]:
            raise InvalidValue(f"{where}.secret", item["secret"], "is of another account")
    promised = [each for item in digest["items"] for each in item["promises"].values()]
    if promised and min(promised) < now.date():
        raise Stale(f"a notice promises {min(promised)}, which is past: it was dropped")
    found: Mapping[str, Any] = event["detail"]["digest"]  # type: ignore[index]  # it was just loaded
    return read_digest_form(found)


def _recent(field: str, at: datetime, now: datetime, longest: timedelta) -> None:
    """Neither from the future nor so old that no queue can have held it."""
    if at > now + CLOCKS_DIFFER:
        raise InvalidValue(field, at.isoformat(), "lies in the future")
    if now - at > longest:
        raise Stale(f"{field}={at.isoformat()}: is older than {longest.days} days: it was dropped")


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
            raise InvalidValue(field, day.isoformat(), "lies before the run that tells of it")


IAM_SOURCE = "aws.iam"
"""Of IAM's own events. Nobody can put such a one on a bus: AWS refuses sources in aws.…"""

_CHANGES = {
    "AddUserToGroup": GroupChange.ADDED,
    "RemoveUserFromGroup": GroupChange.REMOVED,
    "CreateGroup": GroupChange.CREATED,
    "DeleteGroup": GroupChange.DELETED,
    "UpdateGroup": GroupChange.RENAMED_FROM,
    "PutGroupPolicy": GroupChange.POLICY,
    "AttachGroupPolicy": GroupChange.POLICY,
    "DeleteGroupPolicy": GroupChange.POLICY_REMOVED,
    "DetachGroupPolicy": GroupChange.POLICY_REMOVED,
}
_NAMES_A_USER = {GroupChange.ADDED, GroupChange.REMOVED}
_NAMES_A_POLICY = {GroupChange.POLICY, GroupChange.POLICY_REMOVED}


class _Caller(_Foreign):
    type = _text(64, load_default="nobody known")
    arn = _text(2048)
    principal = _text(512, data_key="principalId")


class _GroupParameters(_Foreign):
    group = rules.String(data_key="groupName", required=True, validate=GROUP_NAME)
    user = rules.String(data_key="userName", load_default=None, validate=USER_NAME)
    policy = rules.String(data_key="policyName", load_default=None, validate=GROUP_NAME)
    attached = _text(2048, data_key="policyArn", load_default=None)
    new_name = rules.String(data_key="newGroupName", load_default=None, validate=GROUP_NAME)


class _GroupCall(_Foreign):
    id = rules.String(
        data_key="eventID",
        required=True,
        validate=validate.Regexp(r"[0-9A-Za-z-]{1,64}\Z", error="must be CloudTrail's id"),
    )
    name = rules.String(data_key="eventName", required=True, validate=validate.OneOf(_CHANGES))
    at = rules.AwareDateTime(data_key="eventTime", format="iso", required=True)
    caller = rules.Nested(_Caller, data_key="userIdentity", required=True)
    parameters = rules.Nested(_GroupParameters, data_key="requestParameters", allow_none=True)
    refused = rules.String(data_key="errorCode", load_default=None)


class _IamEvent(_Foreign):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    source = rules.String(required=True, validate=validate.Equal(IAM_SOURCE))
    detail = rules.Nested(_GroupCall, required=True)


def read_exemption(event: object, *, group: str, now: datetime) -> ExemptionChange | None:
    """
    Read what CloudTrail saw done to a group; None: to the exemption group, nothing was done.

    AWS refused the call, or it was about another group: who may rename groups makes one that is
    full of users the exemption group without adding anybody to it.
    Raises InvalidValue where the event is not as CloudTrail writes it, Stale where it is too old.
    """
    given = load(_IamEvent(), event)
    call = given["detail"]
    if call["refused"]:
        return None
    if not can_be(call["at"]):
        raise InvalidValue("detail.eventTime", call["at"].isoformat(), "must lie in 2000 to 2200")
    _recent("detail.eventTime", call["at"], now, DEAD_LETTERS_HOLD)
    change, parameters, caller = _CHANGES[call["name"]], call.get("parameters"), call["caller"]
    if parameters is None:
        raise InvalidValue("requestParameters", "", "names no group")
    named, other = parameters["group"], parameters["new_name"]
    if change is GroupChange.RENAMED_FROM:
        if other is None or _same(named, other):
            return None  # it got another path
        if _same(other, group):
            change, named, other = GroupChange.RENAMED_TO, other, named
    if not _same(named, group):
        return None
    user = parameters["user"] if change in _NAMES_A_USER else None
    policy = (
        (parameters["policy"] or parameters["attached"]) if change in _NAMES_A_POLICY else None
    )
    if change in _NAMES_A_USER | _NAMES_A_POLICY and not (user or policy):
        raise InvalidValue("requestParameters", parameters, f"{call['name']} names more than that")
    return ExemptionChange(
        id=call["id"],
        account=given["account"],
        group=named,
        change=change,
        user=user,
        policy=policy,
        other_group=other,
        by=caller.get("arn") or caller.get("principal") or caller["type"],
        at=call["at"].astimezone(UTC).replace(microsecond=0),
    )


def _same(name: str, other: str) -> bool:
    """IAM does not tell names apart by case, and CloudTrail writes what the caller wrote."""
    return name.casefold() == other.casefold()
