"""
The policies that an operator needs for a rehearsal, to be copied: least privilege.

Two: for the account that it plays in, and for the operator's own (bucket, mails, functions).
Where they are one account, they are one policy. Every write is limited to the rehearsal's path and
names, so that even without the guard (guard.py) nothing else could be written to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyturn.rehearsal.model.own import FOLDER, PATH, PREFIX

Statement = Mapping[str, object]
_ASK_SES = ["ses:GetAccount", "ses:GetEmailIdentity", "ses:GetSuppressedDestination"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """For what the policies are; what is not known is a `*`, or a word to be replaced."""

    partition: str = "aws"
    account: str = "*"
    """The account that it plays in."""
    role: str | None = None
    """The role by which it is entered; None: it is the operator's own."""
    exemption_group: str
    bucket: str | None = None
    seal_key: str | None = None
    """Id, ARN or alias; None: not known."""
    functions: Sequence[str] = ()
    """The deployed functions whose settings are read; the last one is given orders."""
    has_kms_key: bool = False
    """Whether secrets are encrypted with a key that is not AWS's own."""
    has_probes: bool = True
    """Whether AWS's own behaviour is tried, too."""
    has_reader: bool = False
    """Whether a role reads the secret, and not the operator."""


def policies(wanted: Wanted) -> Mapping[str, Mapping[str, object]]:
    """For whom → the policy, as IAM takes it."""
    there = [*_in_the_account(wanted), *(_for_probes(wanted) if wanted.has_probes else ())]
    own = list(_in_the_own_account(wanted))
    if wanted.has_probes:
        own.append(
            _allow("NameKeys", ["kms:DescribeKey"], [f"arn:{wanted.partition}:kms:*:*:key/*"])
        )
    if wanted.role is None:
        return {"you": _policy([*there, *own])}
    arn = f"arn:{wanted.partition}:iam::{wanted.account}:role/{wanted.role}"
    may_enter = _allow("EnterTheAccount", ["sts:AssumeRole"], [arn])
    return {
        f"the role {wanted.role} in the account that it plays in": _policy(there),
        "you, in your own account": _policy([may_enter, *own]),
    }


def _in_the_account(wanted: Wanted) -> list[Statement]:
    iam = f"arn:{wanted.partition}:iam::{wanted.account}"
    users, groups = f"{iam}:user{PATH}{PREFIX}*", f"{iam}:group{PATH}{PREFIX}*"
    secret = f"arn:{wanted.partition}:secretsmanager:*:{wanted.account}:secret"
    secrets = [f"{secret}:Account_*_User_{PREFIX}*", f"{secret}:{PREFIX}*"]
    statements = [
        _allow("SeeUsersAndGroups", ["iam:ListUsers", "iam:ListGroups"], ["*"]),
        _allow(
            "SeeOwnUsers",
            [
                "iam:GetUser",
                "iam:ListUserTags",
                "iam:ListAccessKeys",
                "iam:GetAccessKeyLastUsed",
                "iam:ListGroupsForUser",
            ],
            # Whoever is under the path is looked at. Of one who is gone IAM knows no path.
            [f"{iam}:user{PATH}*", f"{iam}:user/{PREFIX}*"],
        ),
        _allow(
            "MakeOwnUsers",
            [
                "iam:CreateUser",
                "iam:TagUser",
                "iam:DeleteUser",
                "iam:CreateAccessKey",
                "iam:UpdateAccessKey",
                "iam:DeleteAccessKey",
            ],
            [users],
        ),
        _allow(
            "SeeExemptionGroup",
            ["iam:GetGroup"],
            [
                f"{iam}:group/{wanted.exemption_group}",
                f"{iam}:group{PATH}*",
                f"{iam}:group/{PREFIX}*",
            ],
        ),
        _allow(
            "MakeOwnGroups",
            [
                "iam:CreateGroup",
                "iam:DeleteGroup",
                "iam:AddUserToGroup",
                "iam:RemoveUserFromGroup",
            ],
            [groups],
        ),
        _allow("ListSecrets", ["secretsmanager:ListSecrets"], ["*"]),
        _allow(
            "MakeOwnSecrets",
            [
                "secretsmanager:CreateSecret",
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                *([] if wanted.has_reader else ["secretsmanager:GetSecretValue"]),
                "secretsmanager:PutSecretValue",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:DeleteSecret",
            ],
            secrets,
        ),
    ]
    if wanted.has_kms_key:
        through = {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}
        statements.append(
            {
                **_allow("EncryptSecrets", ["kms:GenerateDataKey", "kms:Decrypt"], ["*"]),
                "Condition": through,
            }
        )
    return statements


def _for_probes(wanted: Wanted) -> list[Statement]:
    """What only probes take; queues and buses of the rehearsal's own names."""
    partition, account = wanted.partition, wanted.account
    queues = f"arn:{partition}:sqs:*:{account}:{PREFIX}*"
    buses = f"arn:{partition}:events:*:{account}:event-bus/{PREFIX}*"
    rules = f"arn:{partition}:events:*:{account}:rule/{PREFIX}*/*"
    return [
        _allow(
            "SeeTheAccount",
            [
                "account:GetAlternateContact",
                "events:ListEventBuses",
                "events:ListRules",
                "events:ListTargetsByRule",
                "iam:GetAccountSummary",
                "iam:ListEntitiesForPolicy",
                "sqs:ListQueues",
            ],
            ["*"],
        ),
        _allow(
            "RestoreOwnSecrets",
            ["secretsmanager:RestoreSecret"],
            [f"arn:{partition}:secretsmanager:*:{account}:secret:{PREFIX}*"],
        ),
        _allow(
            "MakeOwnQueues",
            [
                "sqs:CreateQueue",
                "sqs:DeleteMessage",
                "sqs:DeleteQueue",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ListQueueTags",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
                "sqs:TagQueue",
            ],
            [queues],
        ),
        _allow(
            "MakeOwnBuses",
            [
                "events:CreateEventBus",
                "events:DeleteEventBus",
                "events:DescribeEventBus",
                "events:ListTagsForResource",
                "events:PutEvents",
                "events:PutPermission",
                "events:TagResource",
            ],
            [buses],
        ),
        _allow("EmptyOwnBuses", ["events:DeleteRule", "events:RemoveTargets"], [rules]),
    ]


def _in_the_own_account(wanted: Wanted) -> list[Statement]:
    if wanted.functions:
        names = [f"arn:{wanted.partition}:lambda:*:*:function:{name}" for name in wanted.functions]
        bucket = f"arn:{wanted.partition}:s3:::{wanted.bucket or 'BUCKET'}"
        return [
            _allow("ReadSettings", ["lambda:GetFunctionConfiguration"], names),
            _allow("GiveOrders", ["lambda:InvokeFunction"], names[-1:]),
            _allow("ReadReceipts", ["s3:ListBucket", "s3:GetObject"], [bucket, f"{bucket}/*"]),
        ]
    bucket = f"arn:{wanted.partition}:s3:::{wanted.bucket or 'BUCKET'}"
    return [
        _allow("FindObjects", ["s3:ListBucket", "s3:ListBucketVersions"], [bucket]),
        _allow(
            "KeepOwnObjects",
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            [f"{bucket}/{FOLDER}/*"],
        ),
        _allow("SendMails", ["ses:SendEmail"], [f"arn:{wanted.partition}:ses:*:*:identity/*"]),
        _allow("AskSes", _ASK_SES, ["*"]),
        _sealing(wanted),
    ]


def _sealing(wanted: Wanted) -> Statement:
    """Of the seal key alone: GenerateMac of another key would be another's seal."""
    key = wanted.seal_key or "alias/SEAL_KEY"
    if key.startswith("arn:") and ":alias/" not in key:
        return _allow("SealSecrets", ["kms:GenerateMac"], [key])
    if "alias/" not in key:
        arn = f"arn:{wanted.partition}:kms:*:*:key/{key}"
        return _allow("SealSecrets", ["kms:GenerateMac"], [arn])
    # An alias is no resource of a call: KMS names those of a key in a condition.
    alias = "alias/" + key.partition("alias/")[2]
    by_alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    keys = f"arn:{wanted.partition}:kms:*:*:key/*"
    return {**_allow("SealSecrets", ["kms:GenerateMac"], [keys]), "Condition": by_alias}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(resources),
    }


def _policy(statements: Sequence[Statement]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
