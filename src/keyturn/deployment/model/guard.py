"""
The service control policy that keeps everybody but Keyturn from the secrets of new keys.

Whoever may make, fill, tag, share or copy such a secret could hold a rotation up, or have a key
delivered to where they read it. The account's own administrators are bound by nothing else.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

ACTIONS: Final = tuple(
    f"secretsmanager:{action}"
    for action in (
        "CreateSecret",
        "PutSecretValue",
        "UpdateSecret",
        "UpdateSecretVersionStage",
        "TagResource",
        "UntagResource",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "ReplicateSecretToRegions",
        "RemoveRegionsFromReplication",
        "StopReplicationToReplica",
        "RotateSecret",
        "CancelRotateSecret",
        "DeleteSecret",
        "RestoreSecret",
    )
)
"""All that changes a secret, or who reads it."""


def guard(*, partition: str, role: str) -> Mapping[str, Any]:
    """Write the policy, as JSON has it, for member accounts whose role has this name."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyKeyturnWritesItsSecrets",
                "Effect": "Deny",
                "Action": list(ACTIONS),
                "Resource": _secrets(partition),
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": _role(partition, role)}},
            }
        ],
    }


def lacks(policy: Mapping[str, Any], *, partition: str, role: str) -> tuple[str, ...]:
    """The actions that a policy leaves to others than that role."""
    denied = [
        pattern
        for each in _list(policy.get("Statement", []))
        if _guards(each, _secrets(partition), _role(partition, role))
        for pattern in _list(each.get("Action", []))
    ]
    # IAM does not tell the names of actions apart by case.
    return tuple(
        each
        for each in ACTIONS
        if not any(fnmatchcase(each.lower(), str(pattern).lower()) for pattern in denied)
    )


def _guards(statement: Mapping[str, Any], secrets: str, role: str) -> bool:
    """Whether it denies something on the secrets to all but the role; in doubt it does not."""
    condition = statement.get("Condition", {})
    exceptions = [
        _list(keys.get("aws:PrincipalArn"))
        for operator, keys in condition.items()
        if operator in {"ArnNotLike", "ArnNotEquals", "StringNotLike"}
        and list(keys) == ["aws:PrincipalArn"]
    ]
    return (
        statement.get("Effect") == "Deny"
        and not {"*", secrets}.isdisjoint(map(str, _list(statement.get("Resource", []))))
        and len(exceptions) == len(condition) == 1
        and role in exceptions[0]
    )


def _secrets(partition: str) -> str:
    return f"arn:{partition}:secretsmanager:*:*:secret:Account_*_User_*_AccessKey*"


def _role(partition: str, role: str) -> str:
    return f"arn:{partition}:iam::*:role/{role}"


def _list(value: Any) -> list[Any]:  # noqa: ANN401 -- one thing, or a list of them
    return value if isinstance(value, list) else [value]
