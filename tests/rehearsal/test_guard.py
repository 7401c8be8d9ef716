"""The one rule about writes: what is the rehearsal's own, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keyturn.adapters.clients import WRITES as OF_THE_ENGINE
from keyturn.domain.errors import InvalidValue
from keyturn.rehearsal.model.guard import WRITES, Allowed, is_write, why_not
from keyturn.rehearsal.model.own import RehearsalId, name_in_secret

ID = RehearsalId("0a1b2c3d")
OTHER = "keyturn-rehearsal-99999999"
USER = "keyturn-rehearsal-0a1b2c3d"
SECRET = f"Account_222222222222_User_{USER}_AccessKey"
ARN = f"arn:aws:secretsmanager:eu-west-1:222222222222:secret:{SECRET}-a1B2c3"
OWN = Allowed(
    ids=frozenset({ID}),
    bucket="asa-receipts",
    folders=frozenset({ID.folder}),
    addresses=frozenset({"you@example.com"}),
    function="rotation",
    account="222222222222",
    keys=frozenset({"AKIAIOSFODNN7EXAMPLE"}),
)


def event(**fields: object) -> dict[str, object]:
    payload = {"account": "222222222222", "users": [USER], **fields}
    return {"FunctionName": "rotation", "Payload": json.dumps(payload).encode()}


PASSES: list[tuple[str, str, Mapping[str, Any]]] = [
    ("iam", "CreateUser", {"UserName": USER, "Path": "/keyturn-rehearsal/"}),
    ("iam", "CreateUser", {"UserName": f"{USER}-broken", "Path": "/keyturn-rehearsal/"}),
    ("iam", "CreateAccessKey", {"UserName": USER}),
    ("iam", "AddUserToGroup", {"UserName": USER, "GroupName": f"{USER}-exempt"}),
    ("iam", "ListUsers", {}),
    ("secretsmanager", "PutSecretValue", {"SecretId": ARN}),
    ("secretsmanager", "CreateSecret", {"Name": SECRET}),
    ("secretsmanager", "GetSecretValue", {"SecretId": SECRET}),
    ("secretsmanager", "DescribeSecret", {"SecretId": "anybody's"}),
    ("s3", "PutObject", {"Bucket": "asa-receipts", "Key": f"{ID.folder}/a"}),
    ("s3", "DeleteObjects", {"Bucket": "asa-receipts", "Delete": {"Objects": []}}),
    ("sesv2", "SendEmail", {"Destination": {"ToAddresses": ["you@example.com"]}}),
    ("sqs", "SendMessage", {"QueueUrl": f"https://sqs/222222222222/{USER}-a.fifo"}),
    ("events", "PutRule", {"EventBusName": USER, "Name": f"{USER}-a"}),
    ("kms", "GenerateMac", {"KeyId": "alias/seal"}),
    ("lambda", "Invoke", event(ForceRotate=USER)),
    ("lambda", "Invoke", event(Revoke="AKIAIOSFODNN7EXAMPLE")),
    ("lambda", "Invoke", event(ForceRotate=USER, email=None, by="me", reason="x", requested="x")),
    ("lambda", "Invoke", event(ForceRotate=USER, email="you@example.com")),
]
IS_NOT_SENT: list[tuple[str, str, Mapping[str, Any]]] = [
    # Another user, another path, another rehearsal, and the caller's own keys.
    ("iam", "CreateUser", {"UserName": USER, "Path": "/"}),
    ("iam", "CreateUser", {"UserName": USER}),
    ("iam", "CreateUser", {"UserName": "deploy-bot", "Path": "/keyturn-rehearsal/"}),
    ("iam", "CreateAccessKey", {"UserName": "deploy-bot"}),
    ("iam", "CreateAccessKey", {"UserName": OTHER}),
    ("iam", "CreateAccessKey", {"UserName": f"{USER}x"}),
    ("iam", "CreateAccessKey", {}),
    ("iam", "DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ("iam", "UpdateAccessKey", {"UserName": None}),
    ("iam", "AddUserToGroup", {"UserName": USER, "GroupName": "Administrators"}),
    ("iam", "AddUserToGroup", {"UserName": "deploy-bot", "GroupName": USER}),
    # What gives anybody a right is not there at all.
    ("iam", "PutUserPolicy", {"UserName": USER}),
    ("iam", "AttachUserPolicy", {"UserName": USER}),
    ("iam", "CreateRole", {"RoleName": USER}),
    ("secretsmanager", "PutSecretValue", {"SecretId": "Account_1_User_deploy-bot_AccessKey"}),
    ("secretsmanager", "DeleteSecret", {"SecretId": SECRET.replace(USER, OTHER)}),
    ("secretsmanager", "DeleteSecret", {"SecretId": f"other/{SECRET}"}),
    ("secretsmanager", "DeleteSecret", {}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "anybody's"}),
    ("secretsmanager", "BatchGetSecretValue", {"SecretIdList": [SECRET]}),
    ("secretsmanager", "PutResourcePolicy", {"SecretId": SECRET}),
    ("s3", "PutObject", {"Bucket": "asa-receipts", "Key": "paused.json"}),
    ("s3", "PutObject", {"Bucket": "asa-receipts", "Key": f"{ID.folder}x/a"}),
    ("s3", "PutObject", {"Bucket": "another", "Key": f"{ID.folder}/a"}),
    (
        "s3",
        "DeleteObjects",
        {
            "Bucket": "asa-receipts",
            "Delete": {"Objects": [{"Key": f"{ID.folder}/a"}, {"Key": "receipts/b"}]},
        },
    ),
    ("s3", "PutBucketPolicy", {"Bucket": "asa-receipts"}),
    ("sesv2", "SendEmail", {"Destination": {"ToAddresses": ["owner@example.com"]}}),
    (
        "sesv2",
        "SendEmail",
        {"Destination": {"ToAddresses": ["you@example.com"], "BccAddresses": ["x@example.com"]}},
    ),
    ("sesv2", "SendEmail", {"Destination": {}}),
    ("sqs", "SendMessage", {"QueueUrl": "https://sqs/222222222222/asa-iam-key-rotation.fifo"}),
    ("sqs", "CreateQueue", {"QueueName": "asa"}),
    ("events", "PutRule", {"EventBusName": "default", "Name": f"{USER}-a"}),
    ("events", "PutEvents", {"Entries": [{"EventBusName": USER}, {"EventBusName": "keys"}]}),
    ("events", "PutEvents", {"Entries": []}),
    ("kms", "ScheduleKeyDeletion", {"KeyId": USER}),
    ("lambda", "Invoke", {"FunctionName": "rotation", "Payload": b"{}"}),
    ("lambda", "Invoke", {"FunctionName": "rotation", "Payload": b"nothing"}),
    ("lambda", "Invoke", {"FunctionName": "rotation", "Payload": b"[]"}),
    # A run of the day, and every order that is not the rehearsal's, whatever is beside it.
    ("lambda", "Invoke", event()),
    ("lambda", "Invoke", event(Pause={"by": "me", "reason": "x"})),
    ("lambda", "Invoke", event(ForceRotate=USER, Pause={"by": "me"})),
    ("lambda", "Invoke", event(ForceRotate=USER, Resume=True)),
    ("lambda", "Invoke", event(ForceRotate=USER, Defer="AKIAIOSFODNN7EXAMPLE")),
    ("lambda", "Invoke", event(ForceRotate=USER, NewOrder=True)),
    ("lambda", "Invoke", event(ForceRotate=USER, account="333333333333")),
    ("lambda", "Invoke", event(ForceRotate=USER, Restore="AKIAIOSFODNN7EXAMPLE")),
    ("lambda", "Invoke", event(ForceRotate=USER, email="owner@example.com")),
    ("lambda", "Invoke", event(ForceRotate=[USER])),
    ("lambda", "Invoke", event(Revoke=["AKIAIOSFODNN7EXAMPLE"])),
    ("lambda", "Invoke", event(users=[])),
    ("lambda", "Invoke", event(users=[], ForceRotate=USER)),
    ("lambda", "Invoke", event(users=[USER, "deploy-bot"], ForceRotate=USER)),
    ("lambda", "Invoke", event(ForceRotate="deploy-bot")),
    ("lambda", "Invoke", event(Revoke="AKIAI44QH8DHBEXAMPLE")),
    ("lambda", "Invoke", event(ForceRotate=USER, Adopt=SECRET)),
    ("lambda", "Invoke", event(ForceRotate=USER, ApprovePlan={})),
    ("lambda", "Invoke", {**event(ForceRotate=USER), "FunctionName": "inventory"}),
    ("organizations", "LeaveOrganization", {}),
]


@pytest.mark.parametrize(("service", "operation", "params"), PASSES)
def test_what_is_about_the_rehearsals_own_is_sent(
    service: str, operation: str, params: Mapping[str, Any]
) -> None:
    assert why_not(service, operation, params, OWN) is None


@pytest.mark.parametrize(("service", "operation", "params"), IS_NOT_SENT)
def test_what_is_not_is_not_sent(service: str, operation: str, params: Mapping[str, Any]) -> None:
    assert why_not(service, operation, params, OWN) is not None


@pytest.mark.parametrize(("service", "operation"), WRITES)
def test_a_write_that_names_nothing_is_not_sent(service: str, operation: str) -> None:
    assert is_write(service, operation)
    assert why_not(service, operation, {}, OWN) is not None


def test_every_write_of_the_engine_has_a_line() -> None:
    of_the_engine = {
        (service, operation) for service, some in OF_THE_ENGINE.items() for operation in some
    }

    assert of_the_engine <= WRITES.keys()


@pytest.mark.parametrize(
    "text", ["", "0A1B2C3D", "0a1b2c3", "0a1b2c3d4", "0a1b2c3g", "0a1b2c3d\n"]
)
def test_an_id_is_eight_hex_digits(text: str) -> None:
    with pytest.raises(InvalidValue, match="rehearsal"):
        RehearsalId(text)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        None,
        "Account_222222222222_User_deploy-bot_AccessKey",
        f"Account_2_User_{USER}_AccessKey",
        f"{SECRET}-a1B2c3",
        f"arn:aws:secretsmanager:eu-west-1:222222222222:secret:{SECRET}",
        f"arn:aws:kms:eu-west-1:222222222222:secret:{SECRET}-a1B2c3",
    ],
)
def test_no_other_secret_passes_for_a_rehearsals(secret: object) -> None:
    assert name_in_secret(secret) is None
