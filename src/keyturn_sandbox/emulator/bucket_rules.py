"""
What a bucket's policy refuses.

moto (5.2.5) judges such policies without their conditions, so it is done here: as far as the
policy of a deployment goes, and no further. What it does not know it does not guess.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from keyturn_sandbox.emulator.protocol import ApiRequest

_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
}
"""The right that an operation asks for, where it is not called like it."""
_ASSUMED = re.compile(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.*")


def is_denied(policy: Mapping[str, Any], request: ApiRequest) -> bool:
    """Whether a statement of the policy denies the call."""
    return any(_applies(each, request) for each in policy["Statement"])


def _applies(statement: Mapping[str, Any], request: ApiRequest) -> bool:
    if (statement["Effect"], statement["Principal"]) != ("Deny", "*"):
        raise NotImplementedError("the sandbox knows denials of everybody only")
    action = _ACTIONS.get(request.operation, f"s3:{request.operation}")
    name = request.params.get("Key")
    arn = "arn:aws:s3:::" + "/".join(filter(None, (request.params["Bucket"], name)))
    return (
        any(fnmatchcase(action, each) for each in statement["Action"])
        and any(fnmatchcase(arn, each) for each in statement["Resource"])
        and all(_conditions(statement.get("Condition", {}), request))
    )


def _conditions(condition: Mapping[str, Mapping[str, str]], request: ApiRequest) -> Iterator[bool]:
    context = {
        "aws:PrincipalArn": _principal_arn(request.principal),
        "aws:SecureTransport": "true",
        "s3:if-none-match": request.params.get("IfNoneMatch"),
    }
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            yield _OPERATORS[operator](context[key], wanted)


_OPERATORS: Mapping[str, Callable[[str | None, str], bool]] = {
    "ArnNotEquals": lambda value, wanted: not fnmatchcase(value or "", wanted),
    "Bool": lambda value, wanted: value == wanted,
    "Null": lambda value, wanted: (value is None) is (wanted == "true"),
}


def _principal_arn(principal: str) -> str:
    """The role that is behind a session."""
    found = _ASSUMED.fullmatch(principal)
    return principal if found is None else f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}"
