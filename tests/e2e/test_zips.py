"""Each zip alone, in Lambda's own runtime, with an AWS behind it that asks for no permission."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.emulator import REGION, Emulator, running
from tests.e2e.runtime_api import Function, FunctionFailedError
from tools.package import HANDLERS, main

ACCOUNT = "222222222222"
ADMIN = "security@example.com"
SEAL_KEY = "alias/seal"
SECONDS = 300

Start = Callable[..., Function]


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Lambda")
    main(folder)
    return folder


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("aws"), AUTH="false") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def aws(emulator: Emulator) -> Callable[[str], Any]:
    """Make clients of an account that holds what a deployment needs, and a user."""

    def client(service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        return emulator.client(ACCOUNT, service)

    bus = "asa-iam-key-rotation"
    client("s3").create_bucket(Bucket="asa")
    client("sesv2").create_email_identity(EmailIdentity=ADMIN)
    client("sqs").create_queue(QueueName="accounts.fifo", Attributes={"FifoQueue": "true"})
    client("sqs").create_queue(QueueName="notices")
    client("events").create_event_bus(Name=bus)
    pattern = json.dumps({"detail-type": ["Notices Due", "Digest Due"]})
    client("events").put_rule(Name="notices", EventBusName=bus, EventPattern=pattern)
    queue = {"Id": "notices", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:notices"}
    client("events").put_targets(Rule="notices", EventBusName=bus, Targets=[queue])
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    client("iam").create_role(
        RoleName="asa-iam-key-auto-rotation",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    client("iam").create_group(GroupName="IAMKeyRotationExemptionGroup")
    made = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    client("kms").create_alias(AliasName=SEAL_KEY, TargetKeyId=made["KeyMetadata"]["KeyId"])
    client("iam").create_user(UserName="deploy-bot")
    return client


@pytest.fixture
def start(
    zips: Path, emulator: Emulator, aws: Callable[[str], Any], tmp_path: Path
) -> Iterator[Start]:
    """Start a function from its zip."""
    running: list[Function] = []

    def from_zip(name: str, **settings: str) -> Function:
        environment = {
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "AWS_CA_BUNDLE": emulator.certificate,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AdminEmailAddress": ADMIN,
            "S3BucketName": "asa",
            "EventBusName": "asa-iam-key-rotation",
            "SealKey": SEAL_KEY,
            "QueueUrl": aws("sqs").get_queue_url(QueueName="accounts.fifo")["QueueUrl"],
            **settings,
        }
        folder = tmp_path / name
        folder.mkdir()
        running.append(
            Function(
                zips / f"{name}.zip", f"{HANDLERS[name]}.handler", folder, environment, SECONDS
            )
        )
        return running[-1]

    yield from_zip
    for function in running:
        function.close()


def received(sqs: Any, name: str) -> list[dict[str, Any]]:  # noqa: ANN401 -- as above
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer["Messages"]]


def test_the_inventory_lists_the_organisation_and_queues_its_accounts(
    start: Start, aws: Callable[[str], Any]
) -> None:
    answer: Any = start("inventory").invoke({"source": "aws.events"})

    assert answer["queued"] == [ACCOUNT]
    [message] = received(aws("sqs"), "accounts.fifo")
    assert message["account"] == ACCOUNT


def test_the_rotation_makes_a_key_and_the_notifier_sends_the_mails(
    start: Start, aws: Callable[[str], Any]
) -> None:
    old = aws("iam").create_access_key(UserName="deploy-bot")["AccessKey"]["AccessKeyId"]

    answer: Any = start("rotation", DryRunFlag="False").invoke(
        {"account": ACCOUNT, "email": "owner@example.com", "ForceRotate": "deploy-bot"}
    )

    assert answer["failures"] == []
    assert [each["action"] for each in answer["decisions"]] == ["ROTATE"]
    secret = f"Account_{ACCOUNT}_User_deploy-bot_AccessKey"
    value = json.loads(aws("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    assert value["AccessKeyId"] != old

    notices = [
        {"messageId": str(number), "body": json.dumps(message)}
        for number, message in enumerate(received(aws("sqs"), "notices"))
    ]
    told: Any = start("notifier").invoke({"Records": notices})

    assert len(notices) == 2
    assert told == {"batchItemFailures": []}
    receipts = aws("s3").list_objects_v2(Bucket="asa", Prefix="receipts/")["Contents"]
    assert any(f"/deploy-bot/{old}/disable/" in each["Key"] for each in receipts)


def test_a_refused_event_is_answered_with_the_field_and_logged(start: Start) -> None:
    function = start("rotation")

    with pytest.raises(FunctionFailedError, match="account=: Missing data for required field"):
        function.invoke({"email": "owner@example.com"})

    assert "ERROR" in function.log
