"""The mail-events stack: what SES says of mails comes to the notifier, from where SES is."""

import json
from typing import Any

from keyturn.schemas.ses_event import _PARTS
from keyturn_sandbox.simulation.deployment import deploy_mail_events
from tests.cloudformation.stacks import CORE, MAIL_EVENTS, SECURITY, Stack
from tests.use_cases.harness import HUB, staged

BUS = f"arn:aws:events:us-east-1:{SECURITY}:event-bus/default"
AWAY = {"MailRegion": "eu-west-1", "CoreRegion": "us-east-1"}


def rule_of(stack: Stack) -> Any:  # noqa: ANN401 -- whatever the template says
    return stack.of_type("AWS::Events::Rule")["MailsRule"]


def in_eu_west() -> Stack:
    """As the stack is where SES is, and the core is not."""
    return Stack(name=MAIL_EVENTS, given={"CoreRegion": "eu-west-1"})


def test_ses_publishes_all_that_the_notifier_reads_on_the_default_bus() -> None:
    stack = Stack(name=MAIL_EVENTS)
    [destination] = stack.of_type("AWS::SES::ConfigurationSetEventDestination").values()

    assert destination["ConfigurationSetName"] == "ref:Mails"
    event = destination["EventDestination"]
    assert event["Enabled"] is True
    assert event["EventBridgeDestination"] == {"EventBusArn": BUS}
    assert set(event["MatchingEventTypes"]) == {
        *("bounce", "complaint", "delivery", "reject", "renderingFailure")
    }
    assert set(rule_of(stack)["EventPattern"]["detail-type"]) == set(_PARTS)


def test_the_rule_takes_our_own_mails_alone_and_the_queue_takes_that_rule() -> None:
    rule = rule_of(Stack(name=MAIL_EVENTS))
    queues = Stack(name=CORE).of_type("AWS::SQS::Queue").values()
    policy = Stack(name=CORE).of_type("AWS::SQS::QueuePolicy")["NotifierQueuePolicy"]

    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["account"]) == (["aws.ses"], [SECURITY])
    assert pattern["detail"]["mail"]["tags"] == {"ses:configuration-set": ["asa-iam-key-rotation"]}
    assert "EventBusName" not in rule
    [target] = rule["Targets"]
    letters = target["DeadLetterConfig"]["Arn"]
    named = {f"arn:aws:sqs:us-east-1:{SECURITY}:{each['QueueName']}" for each in queues}
    assert {target["Arn"], letters} <= named
    assert f"rule/{rule['Name']}" in str(policy)


def test_a_set_that_exists_is_not_made_and_gets_the_destination() -> None:
    stack = Stack(name=MAIL_EVENTS, given={"MakeConfigurationSet": "False"})

    assert stack.of_type("AWS::SES::ConfigurationSet") == {}
    [destination] = stack.of_type("AWS::SES::ConfigurationSetEventDestination").values()
    assert destination["ConfigurationSetName"] == "asa-iam-key-rotation"


def test_where_ses_is_not_there_is_the_rule_alone() -> None:
    stack = Stack(name=MAIL_EVENTS, given={**AWAY, "CoreRegion": ""})

    assert set(stack.resources) == {"MailsRule"}


def test_from_another_region_events_go_to_the_bus_of_the_core() -> None:
    stack = in_eu_west()

    [target] = rule_of(stack)["Targets"]
    away = f"arn:aws:events:eu-west-1:{SECURITY}:event-bus/default"
    assert target == {"Id": "core-region", "Arn": away, "RoleArn": "arn:PassOnRole"}
    [statement] = stack.statements("PassOnRole")
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", away)


def test_what_the_sandbox_deploys_has_the_pattern_of_the_template() -> None:
    pattern = rule_of(Stack(name=MAIL_EVENTS))["EventPattern"]
    with staged() as stage:
        deploy_mail_events(stage.cloud, stage.deployment)
        events = stage.cloud.session(HUB).client("events")
        made = events.describe_rule(Name="keyturn-mails")["EventPattern"]

    assert pattern == {**_json(made), "account": [SECURITY]}


def _json(text: str) -> dict[str, object]:

    found: dict[str, object] = json.loads(text)
    return found
