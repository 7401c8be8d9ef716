"""What the notifier takes from the bus: a run's notices, and IAM's own events."""

from collections.abc import Mapping
from datetime import UTC

from marshmallow import EXCLUDE, Schema, validate
from marshmallow import fields as rules

from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import Digest, digest_from_json
from keyturn.domain.exemption import ExemptionChange, GroupChange
from keyturn.entrypoints.requests import load
from keyturn.settings import ACCOUNT_ID


def read_digest(event: object, *, own_account: str) -> Digest:
    """
    Read the digest of a `Notices Due` event.

    The bus takes events from the whole organisation, and a digest becomes the proof that an
    owner was told: only our own account may put one there.
    """
    envelope = event if isinstance(event, Mapping) else {}
    detail = envelope.get("detail")
    if not isinstance(detail, Mapping) or not isinstance(detail.get("digest"), Mapping):
        raise InvalidValue("detail", repr(detail)[:100], "holds no digest")
    if envelope.get("account") != own_account:
        raise InvalidValue("account", envelope.get("account"), "may not ask for notices")
    return digest_from_json(detail["digest"])


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


class _Foreign(Schema):
    class Meta:
        unknown = EXCLUDE  # AWS's events hold more than we read, and may come to hold still more


class _Caller(_Foreign):
    type = rules.String(load_default="nobody known")
    arn = rules.String()
    principal = rules.String(data_key="principalId")


class _GroupParameters(_Foreign):
    group = rules.String(data_key="groupName", required=True, validate=validate.Length(min=1))
    user = rules.String(data_key="userName", load_default=None)
    policy = rules.String(data_key="policyName", load_default=None)
    attached = rules.String(data_key="policyArn", load_default=None)
    new_name = rules.String(data_key="newGroupName", load_default=None)


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


def read_exemption(event: object, *, group: str) -> ExemptionChange | None:
    """
    Read what CloudTrail saw done to a group; None: to the exemption group, nothing was done.

    AWS refused the call, or it was about another group: who may rename groups makes one that is
    full of users the exemption group without adding anybody to it.
    """
    given = load(_IamEvent(), event)
    call = given["detail"]
    if call["refused"]:
        return None
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
