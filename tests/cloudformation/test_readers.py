"""Who can read a new key: whom the operator names, and never our own role."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cloudformation.stacks import MEMBER, MEMBERS, Stack, granted, template

READER = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_KeyReaders_*"
BREAK_GLASS = f"arn:aws:iam::{MEMBERS}:role/BreakGlass"
NAMED = {"SecretReaderArns": f"{READER},{BREAK_GLASS}"}
THROUGH = "secretsmanager.us-east-1.amazonaws.com"
OURS = f"arn:aws:secretsmanager:us-east-1:{MEMBERS}:secret:Account_{MEMBERS}_User_*_AccessKey*"
KMS_KEYS = f"arn:aws:kms:us-east-1:{MEMBERS}:key/*"


def key_policy(**given: str) -> list[Mapping[str, Any]]:
    key = Stack(name=MEMBER, given=given).of_type("AWS::KMS::Key")["SecretsKey"]
    found: list[Mapping[str, Any]] = key["KeyPolicy"]["Statement"]
    return found


def policies(**given: str) -> dict[str, Any]:
    return {
        each["ManagedPolicyName"]: each["PolicyDocument"]["Statement"]
        for each in Stack(name=MEMBER, given=given).of_type("AWS::IAM::ManagedPolicy").values()
    }


def test_by_default_the_account_decides_as_before_and_nothing_is_made_for_readers() -> None:
    _, everybody = key_policy()

    assert everybody["Principal"] == {"AWS": "*"}
    assert everybody["Condition"] == {
        "StringEquals": {"kms:CallerAccount": MEMBERS, "kms:ViaService": THROUGH}
    }
    assert policies() == {}


def test_who_is_named_decrypts_through_secrets_manager_and_nobody_else_by_the_keys_policy() -> (
    None
):
    administrators, readers = key_policy(**NAMED)

    assert administrators["Sid"] == "AccountAdministersTheKey"
    assert readers == {
        "Sid": "ReadersThroughSecretsManager",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kms:CallerAccount": MEMBERS, "kms:ViaService": THROUGH},
            "ArnLike": {"aws:PrincipalArn": [READER, BREAK_GLASS]},
        },
    }


@pytest.mark.parametrize("given", [{}, NAMED, {"OwnersReadBy": "email"}])
def test_the_account_and_our_own_role_are_never_kept_out_of_the_key(given: dict[str, str]) -> None:
    """By IAM's policies: the key's own policy leaves the account's use of it to them."""
    first = key_policy(**given)[0]
    role = granted(Stack(name=MEMBER, given=given).statements("RotationRole"))

    assert first["Principal"] == {"AWS": f"arn:aws:iam::{MEMBERS}:root"}
    assert (first["Action"], first["Resource"]) == ("kms:*", "*")
    assert "Condition" not in first
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= role
    assert "secretsmanager:GetSecretValue" not in role


def test_where_only_owners_read_the_keys_policy_lets_nobody_else() -> None:
    assert [each["Sid"] for each in key_policy(OwnersReadBy="email")] == [
        "AccountAdministersTheKey"
    ]


DECRYPT = {
    "Sid": "Decrypt",
    "Effect": "Allow",
    "Action": "kms:Decrypt",
    "Resource": KMS_KEYS,
    "Condition": {
        "StringEquals": {"kms:ViaService": THROUGH},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/asa-iam-key-rotation"},
    },
}
READ = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
}


def test_readers_get_a_policy_that_helps_nobody_else() -> None:
    assert policies(**NAMED) == {
        "asa-iam-key-auto-rotation-readers": [
            {
                **READ,
                "Resource": OURS,
                "Condition": {"ArnLike": {"aws:PrincipalArn": [READER, BREAK_GLASS]}},
            },
            DECRYPT,
        ]
    }


def test_an_owner_reads_the_secret_whose_tag_is_the_readers_own() -> None:
    assert policies(OwnersReadBy="email") == {
        "asa-iam-key-auto-rotation-owners": [
            {
                **READ,
                "Resource": OURS,
                "Condition": {
                    "StringEquals": {
                        "secretsmanager:ResourceTag/keyturn:owner": "${aws:PrincipalTag/email}"
                    }
                },
            },
            DECRYPT,
        ]
    }


@pytest.mark.parametrize("yes", ["True", "true", "TRUE"])
def test_a_user_reads_its_own_secret_only_where_an_operator_wants_it(yes: str) -> None:
    own = f"arn:aws:secretsmanager:us-east-1:{MEMBERS}:secret:Account_{MEMBERS}_User_"

    assert policies(UsersReadTheirOwn=yes) == {
        "asa-iam-key-auto-rotation-own-key": [
            {**READ, "Resource": own + "${aws:username}_AccessKey-??????"},
            DECRYPT,
        ]
    }
    assert template(MEMBER)["Parameters"]["UsersReadTheirOwn"]["Default"] == "False"


def test_the_policies_are_made_once_where_the_role_is() -> None:
    given = {"HomeRegion": "eu-west-1", **NAMED, "OwnersReadBy": "email"}
    home = Stack(name=MEMBER, given=given, region="eu-west-1")
    head = Stack(name=MEMBER, given=given, region="us-east-1")

    assert home.of_type("AWS::IAM::ManagedPolicy") == {}
    for policy in head.of_type("AWS::IAM::ManagedPolicy").values():
        read, decrypt = policy["PolicyDocument"]["Statement"]
        assert ":eu-west-1:" in read["Resource"]
        assert decrypt["Condition"]["StringEquals"] == {
            "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"
        }


@pytest.mark.parametrize(
    "value",
    [
        *("*", "arn:aws:iam::*:root", "arn:aws:iam::*:role/*", "arn:aws:iam::*:*/Readers"),
        *("arn:aws:iam::33333*:role/R", "arn:aws:iam::*:role/R*", "arn:*:iam::*:role/R"),
        *("arn:aws:iam::*:role/R_*,", "arn:aws:iam::*:role/R, arn:aws:iam::*:role/S"),
        *("arn:aws:iam::*:role/_?", "arn:aws:iam::*:role/*_*", "arn:aws:sts::*:assumed-role/R/s"),
    ],
)
def test_nobody_is_named_as_a_reader_by_a_wildcard(value: str) -> None:
    pattern = template(MEMBER)["Parameters"]["SecretReaderArns"]["AllowedPattern"]

    assert not re.fullmatch(pattern, value, re.ASCII)


@pytest.mark.parametrize("value", ["", READER, BREAK_GLASS, NAMED["SecretReaderArns"]])
def test_a_role_in_each_account_can_be_named(value: str) -> None:
    pattern = template(MEMBER)["Parameters"]["SecretReaderArns"]["AllowedPattern"]

    assert re.fullmatch(pattern, value, re.ASCII)


@pytest.mark.parametrize("value", ["*", "a}b", "${aws:username}", "a b", "x" * 129])
def test_a_tag_to_read_by_is_a_tags_key(value: str) -> None:
    pattern = template(MEMBER)["Parameters"]["OwnersReadBy"]["AllowedPattern"]

    assert not re.fullmatch(pattern, value, re.ASCII)
