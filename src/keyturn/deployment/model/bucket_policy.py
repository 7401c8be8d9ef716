"""
What the bucket's policy refuses, so that its proofs are the work of those who may give them.

Who may write receipts decides whether somebody counts as told; an audit entry or an approved plan
that can be changed afterwards proves nothing. An identity's own policies cannot promise that of
everybody else; the bucket's can, and it binds administrators until they change it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from keyturn.deployment.model.bucket import Protection
from keyturn.deployment.model.resources import CHANNELS_ROLE, NOTIFIER_ROLE

VERSION: Final = "2012-10-17"
_WRITES: Final = ("s3:PutObject", "s3:ReplicateObject")
_DELETES: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ReplicateDelete")

Statement = Mapping[str, Any]


def statements(
    *, partition: str, account: str, bucket: str, prefix: str
) -> Mapping[Protection, tuple[Statement, ...]]:
    """
    What a bucket's policy must say: protection → the statements that give it.

    Source: decision 0026; docs/deploy.md gives them to be copied, and a test holds it to these.
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    roles = f"arn:{partition}:iam::{account}:role"
    records = [f"{arn}/{prefix}/{folder}/*" for folder in ("audit", "plans")]
    # A second deployment in the same bucket has statements of its own.
    suffix = hashlib.sha256(prefix.encode()).hexdigest()[:8]
    return {
        Protection.ONLY_TLS: (
            _deny(
                "OnlyEncryptedConnections",
                ["s3:*"],
                [arn, f"{arn}/*"],
                {"Bool": {"aws:SecureTransport": "false"}},
            ),
        ),
        Protection.RECEIPTS: (
            _deny(
                f"ReceiptsByTheNotifierAlone{suffix}",
                [*_WRITES, *_DELETES],
                [f"{arn}/{prefix}/receipts/*"],
                {"ArnNotEquals": {"aws:PrincipalArn": f"{roles}/{NOTIFIER_ROLE}"}},
            ),
            # Also while no channel proves: what was written before one was chosen counts then.
            _deny(
                f"ChannelsByTheirRoleAlone{suffix}",
                [*_WRITES, *_DELETES],
                [f"{arn}/{prefix}/channels/*"],
                {"ArnNotEquals": {"aws:PrincipalArn": f"{roles}/{CHANNELS_ROLE}"}},
            ),
        ),
        Protection.RECORDS: (
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
            _deny(
                f"RecordsAreNeverOverwritten{suffix}",
                ["s3:PutObject"],
                records,
                {"Null": {"s3:if-none-match": "true"}},
            ),
            _deny(
                f"RecordsAreNeverDeleted{suffix}", ["s3:ReplicateObject", *_DELETES], records, {}
            ),
        ),
    }


def lacking(policy: Statement | None, wanted: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Those of the wanted statements that the policy (None: there is none) does not have."""
    there = [_essence(each) for each in _all(policy)]
    return tuple(each for each in wanted if _essence(each) not in there)


def with_statements(policy: Statement | None, wanted: tuple[Statement, ...]) -> dict[str, Any]:
    """The policy, as JSON has it, with these statements in it; what else it says stays."""
    named = {each["Sid"] for each in wanted}
    kept = [each for each in _all(policy) if each.get("Sid") not in named]
    return {**(policy or {"Version": VERSION}), "Statement": [*kept, *wanted]}


def _deny(
    sid: str, actions: list[str], resources: list[str], condition: Mapping[str, Any]
) -> Statement:
    denied = {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
    }
    return denied | ({"Condition": condition} if condition else {})


def _all(policy: Statement | None) -> list[Statement]:
    statements = [] if policy is None else policy["Statement"]
    return list(statements) if isinstance(statements, list) else [statements]


def _essence(statement: Statement) -> dict[str, Any]:
    """A statement without its name, and in one of the spellings that mean the same."""
    essence = {name: _plain(value) for name, value in statement.items() if name != "Sid"}
    if essence.get("Principal") == {"AWS": ["*"]}:
        essence["Principal"] = ["*"]
    return essence


def _plain(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted(map(str, value))
    return [str(value).lower() if isinstance(value, bool) else str(value)]
