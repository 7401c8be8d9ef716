"""The emulator's own log: what reached AWS, who asked, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse

# What no log may hold: secrets, and the long bodies of objects and mails.
_HIDDEN = frozenset({"SecretString", "SecretBinary", "Body", "Content"})
# What a later judgement asks for, and is no secret.
_KEPT = {
    "AssumeRole": ("Arn",),
    "CreateAccessKey": ("UserName", "AccessKeyId"),
    "CreateSecret": ("ARN", "VersionId"),
    "PutEvents": ("FailedEntryCount",),
    "PutObject": ("ETag",),
    "PutSecretValue": ("ARN", "VersionId"),
    "SendEmail": ("MessageId",),
    "SendMessage": ("MessageId",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that reached the emulator, successful or refused."""

    at: datetime
    account: str  # in which it acted
    principal: str
    service: str
    operation: str
    params: Mapping[str, object]
    result: Mapping[str, object]
    error: str | None
    request_id: str


def logged(request: ApiRequest, answer: ApiResponse) -> Call:
    """Put on record a call and its answer, without their secrets."""
    return Call(
        at=request.at,
        account=request.account,
        principal=request.principal,
        service=request.service,
        operation=request.operation,
        params={
            name: "***" if name in _HIDDEN else value for name, value in request.params.items()
        },
        result={} if answer.error else _kept(request.operation, answer.result),
        error=answer.error,
        request_id=request.request_id,
    )


def _kept(operation: str, result: Mapping[str, object]) -> Mapping[str, object]:
    names = _KEPT.get(operation, ())
    inner = [value for value in result.values() if isinstance(value, Mapping)]
    return {name: part[name] for part in [*inner, result] for name in names if name in part}
