"""What pauses everything: from AWS's sample of an alarm's event to a run that writes nothing."""

import json
import re
from typing import Any

import pytest
from moto.events.models import EventPattern

from keyturn.domain.breaker import Breaker, Rotations
from keyturn.domain.breaker_limits import LEAST_ROTATIONS, MOST_FAILED
from keyturn.functions.metrics import METRICS
from keyturn.schemas.pause_event import read_pause_event
from tests.cloudformation.stacks import ALARMS, CORE, SECURITY, Stack, template
from tests.use_cases.harness import Harness, staged

STACK = Stack(name=ALARMS)
ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html,
# "State change for a single-metric alarm"; reasonData left out.
SAMPLE: dict[str, Any] = {
    "version": "0",
    "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "account": "123456789012",
    "time": "2019-10-02T17:04:40Z",
    "region": "us-east-1",
    "resources": [f"{ALARM}ServerCpuTooHigh"],
    "detail": {
        "alarmName": "ServerCpuTooHigh",
        "configuration": {
            "description": "Goes into alarm when server CPU utilization is too high!",
            "metrics": [
                {
                    "id": "30b6c6b2-a864-43a2-4877-c09a1afc3b87",
                    "metricStat": {
                        "metric": {
                            "dimensions": {"InstanceId": "i-12345678901234567"},
                            "name": "CPUUtilization",
                            "namespace": "AWS/EC2",
                        },
                        "period": 300,
                        "stat": "Average",
                    },
                    "returnData": True,
                }
            ],
        },
        "previousState": {
            "reason": "Threshold Crossed: 1 out of the last 1 datapoints was not greater …",
            "timestamp": "2019-10-01T13:56:40.987+0000",
            "value": "OK",
        },
        "state": {
            "reason": "Threshold Crossed: 1 out of the last 1 datapoints was greater …",
            "timestamp": "2019-10-02T17:04:40.989+0000",
            "value": "ALARM",
        },
    },
}


def of_ours(alarm: str = "Keyturn-ManyRestored", state: str = "ALARM") -> dict[str, Any]:
    """The sample, as it comes of an alarm of ours."""
    text = json.dumps(SAMPLE).replace("123456789012", SECURITY).replace("ServerCpuTooHigh", alarm)
    event: dict[str, Any] = json.loads(text)
    event["detail"]["state"]["value"] = state
    return event


def rule() -> Any:  # noqa: ANN401 -- whatever the template says
    return STACK.of_type("AWS::Events::Rule")["PauseRule"]


def matches(event: Any) -> bool:  # noqa: ANN401 -- moto has a type of its own for it
    """Whether the rule takes an event."""
    return bool(_pattern().matches_event(event))


def _pattern() -> EventPattern:
    """The rule's own, with the ARNs that CloudFormation gives the alarms."""
    names = {
        f"arn:{logical}": f"{ALARM}{made['AlarmName']}".replace("123456789012", SECURITY)
        for logical, made in STACK.of_type("AWS::CloudWatch::Alarm").items()
    }
    text = json.dumps(rule()["EventPattern"])
    for reference, arn in names.items():
        text = text.replace(f'"{reference}"', f'"{arn}"')
    return EventPattern.load(text)


def transformed(event: dict[str, Any]) -> dict[str, Any]:
    """What the target gets: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html."""
    [target] = rule()["Targets"]
    text = target["InputTransformer"]["InputTemplate"]
    for name, path in target["InputTransformer"]["InputPathsMap"].items():
        value: Any = event
        for step in path.removeprefix("$.").split("."):
            value = value[step]
        text = text.replace(f"<{name}>", value)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("alarm", ["Keyturn-ManyRestored", "Keyturn-RotationsFail"])
def test_an_alarm_that_goes_off_pauses_and_the_next_run_writes_nothing(alarm: str) -> None:
    event = of_ours(alarm)
    assert matches(event)
    [target] = rule()["Targets"]
    [function] = (
        each["FunctionName"]
        for each in Stack(name=CORE).of_type("AWS::Lambda::Function").values()
        if each["FunctionName"] in target["Arn"]
    )
    assert target["Arn"] == f"arn:aws:lambda:us-east-1:{SECURITY}:function:{function}"

    with staged() as stage:
        [old] = stage.user("ann", 137)
        answer = stage.hand_over(transformed(event))
        stage.run()
        again = stage.hand_over(transformed(event))

        assert stage.keys("ann") == {old: "Active"}
        assert answer["paused"]["by"] == alarm
        assert "2019-10-02T17:04:40Z" in answer["paused"]["why"]
        assert again["paused"] == answer["paused"]
        _a_person_resumes(stage)
        stage.run()
        assert len(stage.keys("ann")) == 2


def _a_person_resumes(stage: Harness) -> None:
    assert stage.hand_over({"Resume": "repaired", "by": "ann"})["paused"] is None


@pytest.mark.parametrize(
    "event",
    [
        SAMPLE,
        of_ours(state="OK"),
        of_ours(state="INSUFFICIENT_DATA"),
        of_ours("Keyturn-Restorations"),
        of_ours() | {"account": "123456789012"},
        of_ours() | {"source": "my.own"},
        of_ours() | {"detail-type": "CloudWatch Alarm Configuration Change"},
    ],
)
def test_nothing_else_pauses_and_nothing_resumes(event: dict[str, Any]) -> None:
    assert not matches(event)
    assert "Resume" not in json.dumps(rule())


def test_what_could_not_be_delivered_is_kept_where_the_core_lets_it() -> None:
    [target] = rule()["Targets"]
    core = Stack(name=CORE)
    policy = core.of_type("AWS::SQS::QueuePolicy")["UndeliveredQueuePolicy"]

    queue = target["DeadLetterConfig"]["Arn"].rpartition(":")[2]
    assert queue in {each["QueueName"] for each in core.of_type("AWS::SQS::Queue").values()}
    assert f"rule/{rule()['Name']}" in str(policy)
    [permission] = STACK.of_type("AWS::Lambda::Permission").values()
    assert permission["SourceArn"] == "arn:PauseRule"
    assert permission["FunctionName"] == target["Arn"]


def test_without_it_there_are_the_alarms_alone() -> None:
    made = Stack(name=ALARMS, given={"PauseByAlarm": "false"})

    assert "Keyturn-ManyRestored" in str(made.of_type("AWS::CloudWatch::Alarm"))
    assert not made.of_type("AWS::Events::Rule")
    assert not made.of_type("AWS::Lambda::Permission")


@pytest.mark.parametrize(
    ("rotated", "failed", "accounts", "goes_off"),
    [
        (0, 0, 0, False),
        (0, 1, 1, False),
        (0, 9, 9, False),
        (5, 5, 5, False),
        (4, 6, 2, True),
        (4, 6, 1, False),
        (90, 89, 89, False),
    ],
)
def test_the_share_counts_from_a_least_number_on_and_in_more_than_one_account(
    rotated: int, failed: int, accounts: int, *, goes_off: bool
) -> None:
    alarm = STACK.of_type("AWS::CloudWatch::Alarm")["RotationsFailAlarm"]
    [share, *watched] = alarm["Metrics"]
    condition, value, other = re.fullmatch(  # type: ignore[union-attr]  # it is of that form, or fails
        r"IF\((.+), (.+), (.+)\)", share["Expression"]
    ).groups()
    numbers = {"rotated": rotated, "failed": failed, "accounts": accounts}

    # CloudWatch's metric math has Python's operators, as far as they are used here.
    found = eval(value if eval(condition, numbers) else other, numbers)  # noqa: S307 -- of our own template

    assert (found > int(alarm["Threshold"])) is goes_off
    assert alarm["TreatMissingData"] == "notBreaching"
    assert share["ReturnData"]
    assert not any(each["ReturnData"] for each in watched)
    assert {each["Id"] for each in watched} == set(numbers) - {"__builtins__"}
    assert Breaker().why_stopped(Rotations(rotated, failed, accounts)) is None or goes_off
    for each in watched:
        metric = each["MetricStat"]["Metric"]
        [of] = metric["Dimensions"]
        assert of == {"Name": "service", "Value": METRICS[metric["MetricName"]].service}
        assert each["MetricStat"]["Period"] == 24 * 3600


def test_a_laptop_counts_by_the_same_numbers() -> None:
    defaults = {
        name: int(each["Default"])
        for name, each in template(ALARMS)["Parameters"].items()
        if name in {"FailedPercentToPause", "RotationsToPause"}
    }

    assert defaults == {"FailedPercentToPause": MOST_FAILED, "RotationsToPause": LEAST_ROTATIONS}
    assert read_pause_event(transformed(of_ours())).pauses
