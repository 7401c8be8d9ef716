"""
From the version whose core stack made everything, to the core with its alarms beside it.

And each alarm, once: what is at its threshold does not set it off, and one more does.
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness import (
    BUCKET,
    PROD,
    ROOT,
    ROTATION,
    SECURITY,
    STACK,
    Harness,
    commands,
    staged,
    until,
)

BEFORE = "f1ba744"
"""The last commit whose core template made the alarms."""
CORE = "CloudFormation/ASA-iam-key-auto-rotation-and-notifier-solution.yaml"
RECEIPT = "asa/asa-iam-rotation/receipts/222222222222/kept.json"
QUEUES = (
    *("asa-iam-key-rotation.fifo", "asa-iam-key-rotation-dead.fifo", "asa-iam-key-notices"),
    *("asa-iam-key-notices-dead", "asa-iam-key-undelivered"),
)
TOPIC = f"arn:aws:sns:us-east-1:{SECURITY}:asa-iam-key-rotation-alarms"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with staged(tmp_path_factory.mktemp("aws")) as stage:
        yield stage


@pytest.fixture(scope="module")
def kept(stage: Harness, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The stack of before, with messages in its queues and a receipt in the bucket."""
    old = tmp_path_factory.mktemp("before") / "core.yaml"
    shown = ["git", "show", f"{BEFORE}:{CORE}"]
    found = subprocess.run(shown, cwd=ROOT, check=False, capture_output=True)
    if found.returncode:
        pytest.skip(f"a shallow clone has no {BEFORE} to upgrade from")
    old.write_bytes(found.stdout)
    stage.follow("1. ", SECURITY)
    stage.follow("2. ", SECURITY, 0)
    stage.follow("2. ", SECURITY, 1)
    stage.type(commands("5. ")[0].replace(CORE, str(old)), SECURITY)
    sqs = stage.client(SECURITY, "sqs")
    for name in QUEUES:
        # What no function may take yet cannot be dropped by one: the upgrade has to keep it.
        fifo: dict[str, Any] = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
        how = fifo if "fifo" in name else {"DelaySeconds": 900}
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody='{"account": "222222222222"}', **how)
    s3 = stage.client(SECURITY, "s3")
    s3.put_object(Bucket=BUCKET, Key=RECEIPT, Body=b'{"told": true}')
    return here(stage)


def messages(stage: Harness, queue: str) -> int:
    """How many there are, those that a function has just taken included."""
    sqs = stage.client(SECURITY, "sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    kinds = ("", "NotVisible", "Delayed")
    asked: Any = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    return sum(map(int, found.values()))


def here(stage: Harness) -> dict[str, Any]:
    """What an upgrade must leave as it is."""
    stacks = stage.client(SECURITY, "cloudformation")
    made = stacks.describe_stack_resources(StackName=STACK)["StackResources"]
    return {
        "messages": {name: messages(stage, name) for name in QUEUES},
        "receipt": stage.client(SECURITY, "s3").get_object(Bucket=BUCKET, Key=RECEIPT)["ETag"],
        "subscribed": [
            (each["Protocol"], each["Endpoint"], each["SubscriptionArn"])
            for each in stage.client(SECURITY, "sns").list_subscriptions_by_topic(TopicArn=TOPIC)[
                "Subscriptions"
            ]
        ],
        "resources": {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in made
            if each["ResourceType"] not in {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}
        },
    }


def alarms(stage: Harness) -> list[dict[str, Any]]:
    found = stage.client(SECURITY, "cloudwatch").describe_alarms(MaxRecords=100)
    made: list[dict[str, Any]] = found["MetricAlarms"]
    return made


def parameters(stage: Harness) -> dict[str, str]:
    described = stage.client(SECURITY, "cloudformation").describe_stacks(StackName=STACK)
    listed = described["Stacks"][0]["Parameters"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in listed}


def test_an_upgrade_keeps_messages_receipts_keys_and_who_has_subscribed(
    stage: Harness, kept: dict[str, Any]
) -> None:
    before, told = {each["AlarmName"] for each in alarms(stage)}, parameters(stage)
    assert len(before) == 13
    assert set(kept["messages"].values()) == {1}

    stage.follow("8. ", SECURITY)

    left = here(stage)
    assert left["resources"].items() >= kept["resources"].items()
    assert {**left, "resources": kept["resources"]} == kept
    assert parameters(stage).items() >= (told | {"LambdaFolder": "Lambda-next"}).items()
    now = [each["AlarmName"] for each in alarms(stage)]
    assert len(now) == len(set(now))
    assert before < set(now)
    assert {action for each in alarms(stage) for action in each["AlarmActions"]} == {TOPIC}


def test_after_it_the_functions_answer(stage: Harness, kept: dict[str, Any]) -> None:
    assert kept

    answer = stage.invoke({"account": PROD, "name": "prod-workload"})

    [failure] = answer["failures"]
    assert PROD in json.dumps(failure)  # it has no role for us yet
    assert until(lambda: stage.log(ROTATION))


def state(stage: Harness, name: str) -> str:
    [found] = [each for each in alarms(stage) if each["AlarmName"] == name]
    return str(found["StateValue"])


def values(alarm: dict[str, Any]) -> list[tuple[float, str]]:
    """What to measure, one after the other, and what the alarm must say of it."""
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return [(0, "ALARM"), (alarm["Threshold"], "OK")]
    # Sums add up over the alarm's periods; of the others the largest counts.
    more = 1 if alarm["Statistic"] == "Sum" else alarm["Threshold"] + 1
    return [(alarm["Threshold"], "OK"), (more, "ALARM")]


def test_each_alarm_goes_off_beyond_its_threshold_and_not_at_it(
    stage: Harness, kept: dict[str, Any]
) -> None:
    """The emulator looks at a metric's name alone: of several alarms on one the first is tried."""
    assert kept
    tried = {
        (each["Namespace"], each["MetricName"]): each
        for each in reversed(alarms(stage))
        if each["Namespace"] != "metric-math"  # see server.py: tests/cloudformation has it
    }
    wrong = {}
    for (namespace, metric), alarm in tried.items():
        said, right = [], values(alarm)
        for value, _ in right:
            measured = {
                "MetricName": metric,
                "Dimensions": alarm["Dimensions"],
                "Value": value,
            }
            stage.client(SECURITY, "cloudwatch").put_metric_data(
                Namespace=namespace, MetricData=[measured]
            )
            said.append(state(stage, alarm["AlarmName"]))
        if said != [state for _, state in right]:
            wrong[alarm["AlarmName"]] = (right, said)

    assert wrong == {}
    assert len(tried) == 24
