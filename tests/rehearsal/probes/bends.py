"""For each probe, an AWS that behaves otherwise, and what the probe must say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

Bend = Callable[..., Any]
"""Takes a client's method and its parameters, and answers in its place."""


@dataclass(frozen=True)
class Bent:
    """Method → how it comes out; and words of what the probe says."""

    methods: Mapping[str, Bend]
    says: str


def takes(*codes: str, answer: Mapping[str, Any] | None = None) -> Bend:
    """What is refused by one of these codes is taken."""

    def bend(call: Bend, **params: object) -> object:
        try:
            return call(**params)
        except ClientError as error:
            if error.response["Error"]["Code"] in codes:
                return answer or {}
            raise

    return bend


def refuses(code: str, when: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> Bend:
    """Refused with 400, under another code than AWS's."""

    def bend(call: Bend, **params: object) -> object:
        if when(params):
            raise refusal(call, code, 400)
        return call(**params)

    return bend


def refusal(call: Bend, code: str, status: int) -> ClientError:
    """A refusal as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, getattr(call, "__name__", "call"))


def answers(change: Callable[[dict[str, Any]], object]) -> Bend:
    """The answer is changed in place."""

    def bend(call: Bend, **params: object) -> object:
        answer = call(**params)
        change(answer)
        return answer

    return bend


def instead(**changed: object) -> Bend:
    """The call is made with other parameters."""
    return lambda call, **params: call(
        **{name: value for name, value in {**params, **changed}.items() if value is not None}
    )


def ignored(answer: Mapping[str, Any] | None = None) -> Bend:
    """Nothing happens."""
    return lambda _call, **_params: answer or {}


def only_first(bend: Bend) -> Bend:
    """As AWS does at the first call, and bent afterwards."""
    seen: list[None] = []

    def bent(call: Bend, **params: object) -> object:
        seen.append(None)
        return call(**params) if len(seen) == 1 else bend(call, **params)

    return bent


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        inner: Any = answer
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return change


def _shift_keys(answer: dict[str, Any]) -> None:
    for each in answer["AccessKeyMetadata"]:
        each["CreateDate"] += timedelta(seconds=1)


def _twice(field: str) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        answer[field] *= 2

    return change


def _macs() -> Bend:
    count = iter(range(100))

    def bend(call: Bend, **params: object) -> object:
        return {**call(**params), "Mac": str(next(count)).encode()}

    return bend


_KEY = {"UserName": "u", "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "x"}
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_NONE_LISTED = answers(_set("AccessKeyMetadata", to=[]))
_NO_SECRETS_TAGS = answers(_set("Tags", to=[]))
_OLD = "Thu, 01 Jan 2026 00:00:00 GMT"
_UNKNOWN_KEY = "InvalidClientTokenId"


def bends() -> Mapping[str, Bent]:
    """Probe → how its AWS is bent; made anew each time, for some count their calls."""
    return {
        "third-key": Bent(
            {
                "create_access_key": takes(
                    "LimitExceeded",
                    answer={
                        "AccessKey": {**_KEY, "CreateDate": _LONG_AGO},
                        "ResponseMetadata": {"HTTPHeaders": {"date": _OLD}},
                    },
                )
            },
            "a third key was not refused",
        ),
        "new-key-listed": Bent({"list_access_keys": _NONE_LISTED}, "not listed after 60 s"),
        "change-listed": Bent({"update_access_key": ignored()}, "still listed as Active"),
        "created-at": Bent({"list_access_keys": answers(_shift_keys)}, "differs between answer"),
        "unused-key": Bent(
            {
                "get_access_key_last_used": answers(
                    _set("AccessKeyLastUsed", "LastUsedDate", to=_LONG_AGO)
                )
            },
            "never used has a date",
        ),
        "last-use-lag": Bent(
            {
                "get_access_key_last_used": answers(
                    _set("AccessKeyLastUsed", "LastUsedDate", to=_LONG_AGO)
                )
            },
            "before it was made",
        ),
        "key-names-user": Bent(
            {"get_access_key_last_used": answers(_set("UserName", to="somebody"))}, "another user"
        ),
        "inactive-key": Bent({"update_access_key": ignored()}, "an Inactive key still works"),
        "restored-key": Bent(
            {"update_access_key": only_first(ignored())}, "Active again does not work"
        ),
        "deleted-key": Bent({"delete_access_key": ignored()}, "still listed"),
        "users-in-pages": Bent({"list_users": answers(_twice("Users"))}, "a user came twice"),
        "tag-case": Bent(
            {
                "list_user_tags": answers(
                    lambda answer: answer["Tags"].append({"Key": "OWNER", "Value": "third"})
                )
            },
            "2 tags",
        ),
        "name-case": Bent(
            {"create_user": takes("EntityAlreadyExists")}, "a name in another case was not refused"
        ),
        "user-id": Bent(
            {"create_user": answers(_set("User", "UserId", to="AIDAEXAMPLE"))}, "the same UserId"
        ),
        "comma-name": Bent(
            {"create_secret": takes("ValidationException", answer={"ARN": "arn"})},
            "a comma in the name of a secret was not refused",
        ),
        "group-members": Bent(
            {"get_group": answers(_set("Users", to=[]))}, "are not the user after"
        ),
        "alternate-contact": Bent(
            {"get_alternate_contact": refuses("ValidationException")}, "was refused"
        ),
        "quarantine-policy": Bent(
            {"list_entities_for_policy": takes("NoSuchEntity")}, "was not refused"
        ),
        "root-keys": Bent({"get_account_summary": answers(_set("SummaryMap", to={}))}, "is None"),
        "identity-without-rights": Bent(
            {"get_caller_identity": answers(_set("Arn", to="arn:aws:iam::1:user/x"))},
            "somebody else",
        ),
        "wrong-secret": Bent(
            {"get_caller_identity": takes("SignatureDoesNotMatch")},
            "another secret was not refused",
        ),
        "token-is-version": Bent(
            {"put_secret_value": answers(_set("VersionId", to="another"))}, "another id"
        ),
        "same-token": Bent(
            {"put_secret_value": takes("ResourceExistsException")}, "under the same token was not"
        ),
        "labels-move": Bent(
            {"put_secret_value": only_first(instead(VersionStages=["PENDING"]))},
            "after a second value",
        ),
        "empty-secret": Bent({"create_secret": instead(SecretString="x")}, "has a version"),
        "describe-tells-no-value": Bent(
            {"describe_secret": answers(_set("LastAccessedDate", to=_LONG_AGO))},
            "counts as reading",
        ),
        "list-tells-record": Bent(
            {
                "list_secrets": answers(
                    lambda answer: [each.pop("Tags", None) for each in answer["SecretList"]]
                )
            },
            "tags are missing",
        ),
        "list-in-pages": Bent(
            {"list_secrets": answers(_twice("SecretList"))}, "a secret came twice"
        ),
        "name-taken": Bent(
            {"create_secret": takes("ResourceExistsException", answer={"ARN": "arn"})},
            "a name that is taken was not refused",
        ),
        "scheduled": Bent(
            {"put_secret_value": takes("InvalidRequestException")}, "PutSecretValue while"
        ),
        "new-arn": Bent(
            {"create_secret": answers(lambda answer: answer.update(ARN=answer["Name"]))},
            "it has the ARN of the one",
        ),
        "most-tags": Bent(
            {"tag_resource": takes("InvalidParameterException")}, "a 51st tag was not refused"
        ),
        "tag-values": Bent({"tag_resource": ignored()}, "comes back changed"),
        "untag-gone": Bent(
            {"untag_resource": refuses("InvalidParameterException")}, "was refused"
        ),
        "no-policy": Bent(
            {"get_resource_policy": answers(_set("ResourcePolicy", to="{}"))}, "has a policy"
        ),
        "date-header": Bent(
            {"describe_secret": answers(_set("ResponseMetadata", "HTTPHeaders", "date", to=_OLD))},
            "s off AWS's",
        ),
        "kms-refusal": Bent({}, "was not refused"),
        "mac-is-the-same": Bent({"generate_mac": _macs()}, "has two MACs"),
        "one-key-many-names": Bent(
            {"describe_key": only_first(answers(_set("KeyMetadata", "Arn", to="another")))},
            "several ARNs",
        ),
        "if-none-match": Bent({"put_object": instead(IfNoneMatch=None)}, "was not refused"),
        "if-match": Bent({"put_object": instead(IfMatch=None)}, "was not refused"),
        "last-modified": Bent(
            {"head_object": answers(_set("LastModified", to=_LONG_AGO))}, "off the Date"
        ),
        "listed-at-once": Bent(
            {"list_objects_v2": answers(_set("KeyCount", to=0))}, "not listed at once"
        ),
        "list-order": Bent(
            {"list_objects_v2": answers(lambda answer: answer.get("Contents", []).reverse())},
            "listed as",
        ),
        "not-there": Bent(
            {"get_object": takes("NoSuchKey")}, "an object that is not there was not refused"
        ),
        "bucket-owner": Bent(
            {"list_objects_v2": instead(ExpectedBucketOwner=None)}, "was not refused"
        ),
        "deduplication": Bent(
            {
                "send_message": lambda call, **params: call(
                    **{**params, "MessageDeduplicationId": params["MessageBody"]}
                )
            },
            "delivered again",
        ),
        "group-order": Bent(
            {
                "send_message": lambda call, **params: call(
                    **{**params, "MessageGroupId": params["MessageBody"]}
                )
            },
            "while the first is in work",
        ),
        "batch-in-part": Bent(
            {"send_message_batch": answers(_set("Failed", to=[]))}, "is not named"
        ),
        "queue-counts": Bent({"send_message": ignored({"MessageId": "x"})}, "is not counted"),
        "put-in-part": Bent(
            {"put_events": answers(_set("FailedEntryCount", to=0))}, "FailedEntryCount is 0"
        ),
        "bus-condition": Bent({}, "an event of another source was not refused"),
        "send-rate": Bent(
            {"get_account": answers(_set("SendQuota", "MaxSendRate", to=0))}, "MaxSendRate is 0"
        ),
        "not-suppressed": Bent(
            {"get_suppressed_destination": takes("NotFoundException")}, "was not refused"
        ),
    }
