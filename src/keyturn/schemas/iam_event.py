"""What the notifier takes from IAM: a call that CloudTrail saw done to a group."""

from datetime import UTC, datetime, timedelta

from marshmallow import fields as rules
from marshmallow import validate

from keyturn.domain import names
from keyturn.domain.days import can_be
from keyturn.domain.errors import InvalidValue
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    USER_NAME,
    LenientSchema,
    check_age,
    like,
    load,
    text_of_at_most,
)

GROUP_NAME = like(names.GROUP_NAME, "must be the name of an IAM group or policy")
DEAD_LETTERS_HOLD = timedelta(days=14)
"""How long a change of an exemption group is still news: it may come back from there."""
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


class _Caller(LenientSchema):
    type = text_of_at_most(64, load_default="nobody known")
    arn = text_of_at_most(2048)
    principal = text_of_at_most(512, data_key="principalId")


class _GroupParameters(LenientSchema):
    group = rules.String(data_key="groupName", required=True, validate=GROUP_NAME)
    user = rules.String(data_key="userName", load_default=None, validate=USER_NAME)
    policy = rules.String(data_key="policyName", load_default=None, validate=GROUP_NAME)
    attached = text_of_at_most(2048, data_key="policyArn", load_default=None)
    new_name = rules.String(data_key="newGroupName", load_default=None, validate=GROUP_NAME)


class _GroupCall(LenientSchema):
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


class _IamEvent(LenientSchema):
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
        raise InvalidValue(
            "detail.eventTime", call["at"].isoformat(), "must be in the years 2000 to 2200"
        )
    check_age("detail.eventTime", call["at"], now, DEAD_LETTERS_HOLD)
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
