"""
The one rule about writes: a rehearsal writes to what is its own, and to nothing else.

Every call of a rehearsal passes `why_not` before it is sent, whoever makes it: the story, a probe,
the clean-up, or the engine (guarding.py). A call that only reads passes. A write
passes if its line in `WRITES` says so; what has no line does not. So a new kind of write has to be
written down here first, with what it may write to.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from keyturn.rehearsal.model.own import PATH, RehearsalId, is_named_for, name_in_secret

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What belongs to the rehearsal, or to those that are cleaned up."""

    ids: frozenset[RehearsalId]
    bucket: str | None = None
    """None: no object is written."""
    folders: frozenset[str] = frozenset()
    """Its folders in the bucket, without a slash at the end."""
    addresses: frozenset[str] = frozenset()
    """To whom a mail may go."""
    function: str | None = None
    """The deployed function that takes orders; None: none is asked."""
    account: str | None = None
    """The account that orders are about; None: none is given."""
    keys: frozenset[str] = frozenset()
    """The ids of its users' access keys."""


Rule = Callable[[Params, Allowed], bool]

_READS: Final = re.compile(r"(Get|List|Describe|Head|BatchGet)[A-Z]")
_NO_WRITES: Final = frozenset(
    {
        ("sts", "AssumeRole"),
        ("kms", "GenerateMac"),
        ("kms", "VerifyMac"),
        ("events", "TestEventPattern"),
    }
)
"""What changes nothing, whatever its name."""
_READS_A_VALUE: Final = frozenset(
    {("secretsmanager", "GetSecretValue"), ("secretsmanager", "BatchGetSecretValue")}
)
"""Reads of what is secret: they need a line, as writes do."""


def _named(*names: str) -> Rule:
    """Each of these parameters is there, and is a name of the rehearsal's."""
    # A call of IAM without UserName is about whoever calls: it has to be there.
    return lambda params, own: all(is_named_for(params.get(name), own.ids) for name in names)


def _made_under_the_path(name: str) -> Rule:
    return lambda params, own: (
        params.get("Path") == PATH and is_named_for(params.get(name), own.ids)
    )


def _secret(name: str) -> Rule:
    return lambda params, own: is_named_for(name_in_secret(params.get(name)), own.ids)


def _in_folder(own: Allowed, key: object) -> bool:
    return isinstance(key, str) and any(key.startswith(f"{each}/") for each in own.folders)


def _object(params: Params, own: Allowed) -> bool:
    is_there = own.bucket is not None and params.get("Bucket") == own.bucket
    return is_there and _in_folder(own, params.get("Key"))


def _objects(params: Params, own: Allowed) -> bool:
    listed = params.get("Delete", {}).get("Objects", [])
    is_there = own.bucket is not None and params.get("Bucket") == own.bucket
    return is_there and all(_in_folder(own, each.get("Key")) for each in listed)


def _mail(params: Params, own: Allowed) -> bool:
    given = params.get("Destination", {})
    to = [address for kind in given.values() for address in kind]
    return bool(to) and set(to) <= own.addresses


def _last(text: object) -> str:
    """The last part of an ARN or a URL: a name."""
    return re.split(r"[/:]", str(text))[-1]


def _queue(params: Params, own: Allowed) -> bool:
    return is_named_for(_last(params.get("QueueUrl", "")), own.ids)


def _on_bus(*names: str) -> Rule:
    return lambda params, own: all(
        is_named_for(_last(params.get(name, "")), own.ids) for name in names
    )


def _events(params: Params, own: Allowed) -> bool:
    entries = params.get("Entries", [])
    return bool(entries) and all(
        is_named_for(_last(each.get("EventBusName", "")), own.ids) for each in entries
    )


_SAID_OF_AN_ORDER: Final = frozenset({"account", "email", "users", "by", "reason", "requested"})
"""What an order says beside what is to be done."""
_ORDERS: Final = frozenset({"ForceRotate", "Restore", "Revoke"})
"""What a rehearsal may ask of the deployed function; each order is one of them."""


def _order(params: Params, own: Allowed) -> bool:
    """
    An order for the deployed function, about a user or a key of the rehearsal's alone.

    What the function may learn to do one day is forbidden until it is named here.
    """
    if own.function is None or params.get("FunctionName") != own.function:
        return False
    try:
        event = json.loads(params.get("Payload", b""))
    except ValueError:
        return False
    return (
        isinstance(event, dict)
        and event.keys() <= _SAID_OF_AN_ORDER | _ORDERS
        and own.account is not None
        and event.get("account") == own.account
        and event.get("email") in [None, *own.addresses]
        and _is_about_one_of_ours(event, own)
    )


def _is_about_one_of_ours(event: Params, own: Allowed) -> bool:
    """One user of ours, and one thing to be done to them, or to a key of ours."""
    users, ordered = event.get("users"), event.keys() & _ORDERS
    if not isinstance(users, list) or len(users) != 1 or len(ordered) != 1:
        return False
    [order] = ordered
    about = users if order == "ForceRotate" else [*own.keys]
    return is_named_for(users[0], own.ids) and event[order] in about


_USER: Final = _named("UserName")
_GROUP: Final = _named("GroupName")
_SECRET: Final = _secret("SecretId")
WRITES: Final[Mapping[tuple[str, str], Rule]] = {
    ("iam", "CreateUser"): _made_under_the_path("UserName"),
    ("iam", "DeleteUser"): _USER,
    ("iam", "TagUser"): _USER,
    ("iam", "UntagUser"): _USER,
    ("iam", "CreateAccessKey"): _USER,
    ("iam", "UpdateAccessKey"): _USER,
    ("iam", "DeleteAccessKey"): _USER,
    ("iam", "CreateGroup"): _made_under_the_path("GroupName"),
    ("iam", "DeleteGroup"): _GROUP,
    ("iam", "AddUserToGroup"): _named("GroupName", "UserName"),
    ("iam", "RemoveUserFromGroup"): _named("GroupName", "UserName"),
    ("secretsmanager", "GetSecretValue"): _SECRET,
    ("secretsmanager", "CreateSecret"): _secret("Name"),
    ("secretsmanager", "PutSecretValue"): _SECRET,
    ("secretsmanager", "TagResource"): _SECRET,
    ("secretsmanager", "UntagResource"): _SECRET,
    ("secretsmanager", "DeleteSecret"): _SECRET,
    ("secretsmanager", "RestoreSecret"): _SECRET,
    ("s3", "PutObject"): _object,
    ("s3", "DeleteObject"): _object,
    ("s3", "DeleteObjects"): _objects,
    ("sesv2", "SendEmail"): _mail,
    ("sqs", "CreateQueue"): _named("QueueName"),
    ("sqs", "DeleteQueue"): _queue,
    ("sqs", "SendMessage"): _queue,
    ("sqs", "SendMessageBatch"): _queue,
    ("sqs", "ReceiveMessage"): _queue,
    ("sqs", "DeleteMessage"): _queue,
    ("sqs", "DeleteMessageBatch"): _queue,
    ("sqs", "SetQueueAttributes"): _queue,
    ("events", "CreateEventBus"): _named("Name"),
    ("events", "DeleteEventBus"): _named("Name"),
    ("events", "PutRule"): _on_bus("EventBusName", "Name"),
    # A bus of ours goes with whatever anybody put on it.
    ("events", "DeleteRule"): _on_bus("EventBusName"),
    ("events", "PutTargets"): _on_bus("EventBusName", "Rule"),
    ("events", "RemoveTargets"): _on_bus("EventBusName"),
    ("events", "PutEvents"): _events,
    ("events", "PutPermission"): _on_bus("EventBusName"),
    ("events", "RemovePermission"): _on_bus("EventBusName"),
    ("lambda", "Invoke"): _order,
}
"""Service and operation → whether these parameters are about the rehearsal's own."""


def is_write(service: str, operation: str) -> bool:
    """Whether a call could change something, or shows a secret."""
    call = (service, operation)
    if call in _READS_A_VALUE:
        return True
    return call not in _NO_WRITES and _READS.match(operation) is None


def why_not(service: str, operation: str, params: Params, own: Allowed) -> str | None:
    """Why a call must not be sent; None: it may be. Names no value that it was given."""
    if not is_write(service, operation):
        return None
    rule = WRITES.get((service, operation))
    if rule is None:
        return "a rehearsal makes no such call"
    return None if rule(params, own) else "it is not about what the rehearsal made"
