"""The templates by themselves: what operators are asked, what is made, and what must never be."""

import json
import re
from typing import Any

import pytest

from tests.cloudformation.stacks import (
    CORE,
    ENDPOINTS,
    FOLDER,
    GIVEN,
    IN_A_VPC,
    LIST,
    MEMBER,
    ORGANISATION,
    SECURITY,
    TEMPLATES,
    Stack,
    named_in,
    resources,
    strings,
    template,
)

PARAMETERS = [
    (name, parameter) for name in TEMPLATES for parameter in template(name)["Parameters"]
]
LARGEST_BODY = 51_200
"""Bytes that CloudFormation takes without a bucket; the commands of the manual give none."""
ROOM = 1_024
"""Bytes that stay free for what comes: what one can do without is a template of its own."""


def declared(name: str, parameter: str) -> Any:  # noqa: ANN401 -- a part of a template
    return template(name)["Parameters"][parameter]


# --- what operators are asked -------------------------------------------------------------------


def test_the_folder_holds_the_five_templates_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_can_be_given_without_a_bucket(name: str) -> None:
    assert len((FOLDER / name).read_bytes()) <= LARGEST_BODY - ROOM


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_stands_in_one_group(name: str) -> None:
    groups = template(name)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]

    assert sorted(grouped) == sorted(template(name)["Parameters"])


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_says_what_it_is_and_has_limits_with_a_message(
    name: str, parameter: str
) -> None:
    rule = declared(name, parameter)
    bounded = set(rule) & {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MaxLength"}

    assert rule["Description"].endswith(".")
    assert bounded or rule["Type"].startswith(("AWS::", "List<AWS::"))
    assert (
        ("MinValue" in rule)
        is ("MaxValue" in rule)
        is (rule["Type"] == "Number" and "AllowedValues" not in rule)
    )
    # Only a pattern does not say itself what it lets through.
    assert ("ConstraintDescription" in rule) is ("AllowedPattern" in rule)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_operators_give_is_enough(name: str) -> None:
    without_default = {
        parameter
        for parameter, rule in template(name)["Parameters"].items()
        if "Default" not in rule
    }

    assert without_default <= set(GIVEN[name])


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_parameters_default_keeps_its_own_rule(name: str, parameter: str) -> None:
    rule = declared(name, parameter)
    value = rule.get("Default", GIVEN[name].get(parameter))

    if pattern := rule.get("AllowedPattern"):
        assert re.search(pattern, str(value), re.ASCII)
    if allowed := rule.get("AllowedValues"):
        assert value in allowed


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_pattern_holds_for_the_whole_value(name: str, parameter: str) -> None:
    pattern = declared(name, parameter).get("AllowedPattern", "^$")

    assert pattern.startswith("^")
    assert pattern.endswith("$")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("OperatorPrincipalArn", "*"),
        ("OperatorPrincipalArn", "arn:aws:iam::444444444444:role/*"),
        ("OperatorPrincipalArn", "arn:aws:iam::*:role/ops"),
        ("OperatorPrincipalArn", "arn:aws:iam::444444444444:root"),
        ("ExecutionRoleName", "*"),
        ("ExecutionRoleName", "path/role"),
        ("IAMRoleName", "a*"),
        ("AWSOrgID", "o-*"),
        ("AWSOrgID", ""),
        ("PrimaryAccountID", "*"),
        ("PrimaryAccountID", ""),
        ("IAMExemptionGroup", "*"),
        ("SecretsKmsKey", "alias/aws/secretsmanager"),
        ("SecretsKmsKey", "alias/*"),
    ],
)
def test_nothing_that_is_trusted_can_be_given_as_a_wildcard(parameter: str, value: str) -> None:
    for name in (MEMBER, LIST):
        if parameter in template(name)["Parameters"]:
            assert not re.search(declared(name, parameter)["AllowedPattern"], value, re.ASCII)


FLAGS = [each for each in PARAMETERS if declared(*each).get("Default") in {"True", "False"}]


@pytest.mark.parametrize(("name", "parameter"), FLAGS)
def test_a_flag_is_true_or_false_and_never_a_guess(name: str, parameter: str) -> None:
    assert declared(name, parameter)["AllowedValues"] == [
        "True",
        "true",
        "TRUE",
        "False",
        "false",
        "FALSE",
    ]


def test_what_two_templates_ask_alike_they_default_alike() -> None:
    shared = {
        parameter: {
            json.dumps(declared(name, parameter).get("Default"))
            for name in (CORE, MEMBER, LIST)
            if parameter in template(name)["Parameters"]
        }
        for _, parameter in PARAMETERS
    }

    assert {name: found for name, found in shared.items() if len(found) > 1} == {}


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_reaches_something_that_is_made(name: str, parameter: str) -> None:
    made = template(name)["Resources"]
    conditions = template(name).get("Conditions", {})
    reached = named_in(made)
    while more := named_in([conditions[each] for each in reached & set(conditions)]) - reached:
        reached |= more

    assert parameter in reached


# --- where things are made ----------------------------------------------------------------------

GLOBAL = {"RotationRole", "ExemptionGroup"}
IAM_EVENTS = {"ExemptionRule", "ExemptionRuleRole"}
REGIONAL = {"SecretsKey", "SecretsKeyAlias"}


def member(region: str, partition: str = "aws", **given: str) -> set[str]:
    return set(Stack(name=MEMBER, given=given, region=region, partition=partition).resources)


def test_a_member_of_one_region_gets_everything() -> None:
    assert member("us-east-1") == GLOBAL | IAM_EVENTS | REGIONAL


def test_a_member_of_two_regions_gets_everything_once() -> None:
    home = {"HomeRegion": "eu-west-1"}

    assert member("us-east-1", **home) == GLOBAL | IAM_EVENTS
    assert member("eu-west-1", **home) == REGIONAL


def test_a_member_that_may_not_use_the_region_of_iam_gets_its_role_all_the_same() -> None:
    given = {"HomeRegion": "eu-west-1", "GlobalRegion": "eu-west-1"}

    assert member("eu-west-1", **given) == GLOBAL | REGIONAL
    assert member("us-east-1", **given) == IAM_EVENTS


@pytest.mark.parametrize(
    ("partition", "region"), [("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1")]
)
def test_the_rule_is_where_the_partition_has_its_iam_events(partition: str, region: str) -> None:
    assert member(region, partition) == GLOBAL | IAM_EVENTS | REGIONAL
    assert member("us-gov-east-1", partition) == REGIONAL


@pytest.mark.parametrize(
    ("parameter", "not_made"),
    [
        ("CreateExemptionGroup", {"ExemptionGroup"}),
        ("CreateSecretsKmsKey", {"SecretsKey", "SecretsKeyAlias"}),
    ],
)
@pytest.mark.parametrize("no", ["False", "false", "FALSE"])
def test_what_exists_already_is_not_made(parameter: str, not_made: set[str], no: str) -> None:
    everything = GLOBAL | IAM_EVENTS | REGIONAL

    assert member("us-east-1", **{parameter: no}) == everything - not_made


@pytest.mark.parametrize("logical", ["SecretsKey", "SecretsKeyAlias", "ExemptionGroup"])
def test_what_secrets_and_the_exempt_depend_on_outlives_the_stack(logical: str) -> None:
    made = template(MEMBER)["Resources"][logical]

    # Except on create: what a failed creation leaves behind is in the way of the next attempt.
    assert made["DeletionPolicy"] == "RetainExceptOnCreate"
    assert made["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_of_a_failed_creation_stays(name: str) -> None:
    policies = {
        each.get("DeletionPolicy", "Delete") for each in template(name)["Resources"].values()
    }

    assert policies <= {"Delete", "RetainExceptOnCreate"}


def test_iam_has_an_endpoint_in_one_region_only() -> None:
    def made(region: str) -> set[str]:
        return set(Stack(name=ENDPOINTS, region=region).of_type("AWS::EC2::VPCEndpoint"))

    assert "IamEndpoint" in made("us-east-1")
    assert made("us-east-1") - made("eu-west-1") == {"IamEndpoint"}


def test_the_functions_are_in_a_vpc_only_if_asked() -> None:
    for given, is_in in (({}, False), (IN_A_VPC, True)):
        for function in Stack(name=CORE, given=given).of_type("AWS::Lambda::Function").values():
            assert ("VpcConfig" in function) is is_in


# --- what every part must have ------------------------------------------------------------------


def test_no_arn_and_no_host_is_of_one_partition() -> None:
    for name in TEMPLATES:
        for text in strings(template(name)["Resources"]):
            assert not re.match(r"arn:(?!\$\{AWS::Partition})", text), text
            # The principals of services are these everywhere, logs' and the endpoints' apart.
            assert "amazonaws.com" not in text or re.fullmatch(
                r"(lambda|events|cloudwatch|iam)\.amazonaws\.com|com\.amazonaws\..+", text
            ), text


def test_no_code_stands_in_a_template() -> None:
    assert "ZipFile" not in set(strings(template(CORE)))


def test_every_function_runs_alike() -> None:
    core = Stack(name=CORE, given={"Architecture": "arm64"})
    for logical, function in core.of_type("AWS::Lambda::Function").items():
        log = function["LoggingConfig"]["LogGroup"].removeprefix("ref:")

        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert "ReservedConcurrentExecutions" not in function
        assert core.of_type("AWS::Logs::LogGroup")[log]["LogGroupName"] == (
            f"/aws/lambda/{function['FunctionName']}"
        ), logical


def test_concurrency_is_reserved_where_it_is_asked_for() -> None:
    given = {f"{name}ReservedConcurrency": "7" for name in ("Rotation", "Inventory", "Notifier")}

    for function in Stack(name=CORE, given=given).of_type("AWS::Lambda::Function").values():
        assert function["ReservedConcurrentExecutions"] == "7"


def test_logs_queues_and_topic_are_encrypted_by_our_own_key() -> None:
    core = Stack(name=CORE)

    for log in core.of_type("AWS::Logs::LogGroup").values():
        assert log["KmsKeyId"] == "arn:HubKey"
        assert log["RetentionInDays"] == "400"
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        for made in core.of_type(kind).values():
            assert made["KmsMasterKeyId"] == "arn:HubKey"


def test_every_queue_and_topic_refuses_connections_that_are_not_encrypted() -> None:
    core = Stack(name=CORE)
    refusing = set()
    for kind, of in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics")):
        for policy in core.of_type(kind).values():
            first = policy["PolicyDocument"]["Statement"][0]
            assert first["Effect"] == "Deny"
            assert first["Principal"] == "*"
            assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            refusing |= {reference.removeprefix("ref:") for reference in policy[of]}

    assert refusing == {*core.of_type("AWS::SQS::Queue"), *core.of_type("AWS::SNS::Topic")}


def test_nobody_may_use_a_queue_or_topic_but_our_rules_and_alarms() -> None:
    core = Stack(name=CORE)
    policies = [
        *core.of_type("AWS::SQS::QueuePolicy").values(),
        *core.of_type("AWS::SNS::TopicPolicy").values(),
    ]
    allowed = [
        statement["Principal"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    assert {json.dumps(principal) for principal in allowed} == {
        '{"Service": "events.amazonaws.com"}',
        '{"Service": "cloudwatch.amazonaws.com"}',
    }


# --- how messages travel ------------------------------------------------------------------------


def queue_of(mapping: str) -> tuple[Any, Any]:
    core = Stack(name=CORE)
    made = core.resources[mapping]["Properties"]
    queue = core.resources[made["EventSourceArn"].removeprefix("arn:")]["Properties"]
    return queue, core.resources[made["FunctionName"].removeprefix("ref:")]["Properties"]


@pytest.mark.parametrize("mapping", resources(CORE, "AWS::Lambda::EventSourceMapping"))
def test_a_message_waits_six_time_outs_and_ends_among_dead_letters(mapping: str) -> None:
    queue, function = queue_of(mapping)
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"].removeprefix("arn:")
    made = template(CORE)["Resources"][mapping]["Properties"]

    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert template(CORE)["Resources"][dead]["Type"] == "AWS::SQS::Queue"
    assert made["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumConcurrency" in made["ScalingConfig"]


def test_an_account_is_given_up_before_the_next_daily_run() -> None:
    rotation, _ = queue_of("RotationTakesFromItsQueue")

    assert rotation["VisibilityTimeout"] * rotation["RedrivePolicy"]["maxReceiveCount"] < 12 * 3600


def test_the_rotation_queue_is_fifo_and_never_compares_contents() -> None:
    queue, _ = queue_of("RotationTakesFromItsQueue")

    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is False


def test_everything_asynchronous_has_a_place_for_what_fails() -> None:
    core = Stack(name=CORE)
    waiting = {
        each["FunctionName"]: each["DestinationConfig"]["OnFailure"]["Destination"]
        for each in core.of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    targets = [
        target for rule in core.of_type("AWS::Events::Rule").values() for target in rule["Targets"]
    ]

    assert waiting == dict.fromkeys(
        ("ref:InventoryFunction", "ref:RotationFunction"), "arn:UndeliveredQueue"
    )
    assert {target["DeadLetterConfig"]["Arn"] for target in targets} == {"arn:UndeliveredQueue"}


def test_no_other_account_can_make_up_a_notice() -> None:
    core = Stack(name=CORE)
    notices = core.of_type("AWS::Events::Rule")["NoticesRule"]

    assert notices["EventPattern"]["account"] == [SECURITY]


def test_the_bus_admits_the_exemption_rules_of_this_organisation_only() -> None:
    [bus] = Stack(name=CORE).of_type("AWS::Events::EventBus").values()
    [statement] = bus["Policy"]["Statement"]
    [role] = [
        each["RoleName"]
        for logical, each in Stack(name=MEMBER).of_type("AWS::IAM::Role").items()
        if logical == "ExemptionRuleRole"
    ]

    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"].endswith(f":{SECURITY}:event-bus/{bus['Name']}")
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": ORGANISATION},
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{role}"},
        "StringEqualsIfExists": {
            "events:source": "aws.iam",
            "events:detail-type": "AWS API Call via CloudTrail",
        },
    }


def test_members_report_to_the_bus_and_the_hub_hears_of_the_same() -> None:
    rule = Stack(
        name=MEMBER, given={"PrimaryRegion": "eu-west-1", "IAMExemptionGroup": "Spared"}
    ).of_type("AWS::Events::Rule")["ExemptionRule"]
    hub = Stack(name=CORE, given={"IAMExemptionGroup": "Spared"}, region="eu-west-1")
    [bus] = hub.of_type("AWS::Events::EventBus").values()

    assert rule["Targets"][0]["Arn"] == (
        f"arn:aws:events:eu-west-1:{SECURITY}:event-bus/{bus['Name']}"
    )
    assert (
        rule["EventPattern"] == hub.of_type("AWS::Events::Rule")["ExemptionRule"]["EventPattern"]
    )
    assert rule["EventPattern"]["detail"]["eventName"] == [
        "AddUserToGroup",
        "RemoveUserFromGroup",
        "CreateGroup",
        "UpdateGroup",
        "DeleteGroup",
        "PutGroupPolicy",
        "DeleteGroupPolicy",
        "AttachGroupPolicy",
        "DetachGroupPolicy",
    ]
    assert rule["EventPattern"]["detail"]["requestParameters"] == {
        "$or": [
            {"groupName": [{"equals-ignore-case": "Spared"}]},
            {"newGroupName": [{"equals-ignore-case": "Spared"}]},
        ]
    }


# --- the cross-parameter rules ------------------------------------------------------------------


def test_equal_periods_are_refused_before_anything_is_made() -> None:
    [rule] = template(CORE)["Rules"]["PeriodsDiffer"]["Assertions"]

    assert rule["Assert"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "RotationPeriod"}, {"Ref": "InactivePeriod"}]}]
    }


def test_delivery_as_the_proof_wants_the_set_that_reports_it() -> None:
    rule = template(CORE)["Rules"]["DeliveryIsReported"]

    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "ProofOfNotice"}, "Delivered"]}
    assert named_in(rule["Assertions"]) == {"ConfigurationSet"}


def test_vpc_mode_wants_the_whole_vpc() -> None:
    rule = template(CORE)["Rules"]["TheVpcIsNamed"]

    assert named_in(rule["RuleCondition"]) == {"RunLambdaInVPC"}
    assert named_in(rule["Assertions"]) == {"VpcId", "VpcCidr", "SubnetId"}
