"""The contracts of the ports that the doctor looks through, for the fakes and for AWS."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.sesv2.models import sesv2_backends

from keyturn.deployment.adapters.cloudtrail import AwsCloudTrail
from keyturn.deployment.adapters.cloudwatch_durations import CloudWatchDurations
from keyturn.deployment.adapters.cloudwatch_log_groups import CloudWatchLogGroups
from keyturn.deployment.adapters.eventbridge_rules import EventBridgeRules
from keyturn.deployment.adapters.lambda_functions import AwsFunctions
from keyturn.deployment.adapters.member_account import MemberAccount
from keyturn.deployment.adapters.s3_archive import S3Archive
from keyturn.deployment.adapters.ses_identities import AwsSesIdentities
from keyturn.deployment.adapters.sqs_queue_depth import SqsQueueDepth
from keyturn.deployment.model.facts import (
    Concurrency,
    Durations,
    FunctionFacts,
    LastRun,
    SecretSeen,
    Trail,
)
from keyturn.deployment.ports import (
    Archive,
    ChannelSecrets,
    CloudTrailStatus,
    EventRules,
    Functions,
    LogGroups,
    MemberAccountProbe,
    QueueDepth,
    SesIdentities,
)
from keyturn.deployment.wiring import channel_secrets
from keyturn.domain.errors import NotFound, Refused, Unavailable
from tests.adapters.test_s3_snapshots import a_snapshot
from tests.deployment.fakes import FakeLogGroups
from tests.deployment.fakes_doctor import (
    FakeArchive,
    FakeCloudTrail,
    FakeEventRules,
    FakeFunctions,
    FakeMemberAccount,
    FakeQueueDepth,
    FakeSesIdentities,
)

MOTO_ACCOUNT = "123456789012"
REGION = "us-east-1"


@pytest.fixture
def aws() -> Iterator[boto3.Session]:
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def made(request: pytest.FixtureRequest) -> boto3.Session | None:
    """A session with the local AWS, for the half of the tests that want it."""
    session: boto3.Session | None = None
    if request.param == "aws":
        session = request.getfixturevalue("aws")
    return session


both = pytest.fixture(params=["fake", "aws"])


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("code.py", "")
    return file.getvalue()


ZIP = zipped()
CODE = base64.b64encode(hashlib.sha256(ZIP).digest()).decode()
FUNCTION = FunctionFacts(
    runtime="python3.13",
    handler="code.handler",
    timeout=60,
    memory=256,
    architecture="arm64",
    variables={"DryRunFlag": "True"},
    code=CODE,
    reserved=3,
)


@both
def functions(request: pytest.FixtureRequest) -> Functions:
    session = made(request)
    if session is None:
        return FakeFunctions(held={"f": FUNCTION}, sources={"f": {"work"}})
    role = session.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    client = session.client("lambda")
    client.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="code.handler",
        Code={"ZipFile": ZIP},
        Timeout=60,
        MemorySize=256,
        Architectures=["arm64"],
        Environment={"Variables": {"DryRunFlag": "True"}},
    )
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=3)
    sqs = session.client("sqs")
    for name, enabled in (("work", True), ("other", False)):
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        client.create_event_source_mapping(
            EventSourceArn=sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
                "Attributes"
            ]["QueueArn"],
            FunctionName="f",
            Enabled=enabled,
        )
    return AwsFunctions(client)


def test_a_function_tells_how_it_is_configured_and_what_code_it_runs(functions: Functions) -> None:
    assert functions.look("f") == FUNCTION


def test_a_function_tells_which_queues_give_it_work(functions: Functions) -> None:
    assert functions.takes_from("f") == {"work"}
    assert functions.takes_from("g") == set()


def test_a_function_that_is_not_there_is_not_found(functions: Functions) -> None:
    with pytest.raises(NotFound):
        functions.look("g")


def test_a_function_takes_from_the_queues_whose_mappings_are_not_off() -> None:
    client = boto3.Session(region_name=REGION).client("lambda")
    stubber = Stubber(client)
    states = ("Enabled", "Updating", "Disabled", "Disabling", "Deleting")
    mappings = [
        {"EventSourceArn": f"arn:aws:sqs:{REGION}:{MOTO_ACCOUNT}:{state}", "State": state}
        for state in states
    ]
    first = {"EventSourceMappings": mappings[:1], "NextMarker": "more"}
    stubber.add_response("list_event_source_mappings", first)
    stubber.add_response("list_event_source_mappings", {"EventSourceMappings": mappings[1:]})
    stubber.activate()

    assert AwsFunctions(client).takes_from("f") == {"Enabled", "Updating"}


def test_the_accounts_concurrency_is_told() -> None:
    client = boto3.Session(region_name=REGION).client("lambda")
    stubber = Stubber(client)
    limit = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 7}
    stubber.add_response("get_account_settings", {"AccountLimit": limit})
    stubber.activate()

    assert AwsFunctions(client).concurrency() == Concurrency(limit=10, unreserved=7)


@pytest.fixture
def cloudwatch() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.Session(region_name=REGION).client("cloudwatch")
    stubber = Stubber(client)
    stubber.activate()
    yield client, stubber
    stubber.assert_no_pending_responses()


UNTIL = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=1)


def measured(*values: float, status: str = "Complete", id_: str = "p50") -> dict[str, Any]:
    times = [SINCE + timedelta(hours=number) for number in range(len(values))]
    return {"Id": id_, "StatusCode": status, "Values": list(values), "Timestamps": times}


def of_function(statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": "FunctionName", "Value": "rotation"}]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Duration", "Dimensions": dimensions}
    return {
        "Id": statistic.lower(),
        "MetricStat": {"Metric": metric, "Period": 86400, "Stat": statistic},
    }


@pytest.mark.parametrize(
    ("medians", "totals", "found"),
    [
        ((1500.0,), (90_000.0,), (1.5, 90)),
        ((1500.0, 900.0), (90_000.0, 1_000.0), (1.5, 91)),  # two parts: the longer median
        ((900.0, 1500.0), (90_000.0, 1_000.0), (1.5, 91)),
        ((), (), None),
    ],
)
def test_how_long_a_function_took_is_told_in_one_call(
    cloudwatch: tuple[Any, Stubber],
    medians: tuple[float, ...],
    totals: tuple[float, ...],
    found: tuple[float, float] | None,
) -> None:
    client, stubber = cloudwatch
    stubber.add_response(
        "get_metric_data",
        {"MetricDataResults": [measured(*totals, id_="sum"), measured(*medians)]},
        {
            "MetricDataQueries": [of_function("p50"), of_function("Sum")],
            "StartTime": SINCE,
            "EndTime": UNTIL,
        },
    )

    told = CloudWatchDurations(client).between("rotation", SINCE, UNTIL)

    assert told == (
        None
        if found is None
        else Durations(median=timedelta(seconds=found[0]), total=timedelta(seconds=found[1]))
    )


@pytest.mark.parametrize(
    "results",
    [
        [],
        [measured(1500.0)],
        [measured(1500.0), measured(9000.0, id_="sum", status="PartialData")],
        [measured(1500.0, status="Forbidden"), measured(9000.0, id_="sum")],
        [measured(1500.0), measured(id_="sum")],
        [measured(), measured(9000.0, id_="sum")],
        [measured(0.0), measured(9000.0, id_="sum")],
        [measured(-1.0), measured(9000.0, id_="sum")],
        [measured(float("nan")), measured(9000.0, id_="sum")],
        [measured(1500.0), measured(float("inf"), id_="sum")],
    ],
)
def test_half_of_an_answer_about_durations_is_none(
    cloudwatch: tuple[Any, Stubber], results: list[dict[str, Any]]
) -> None:
    client, stubber = cloudwatch
    stubber.add_response("get_metric_data", {"MetricDataResults": results})

    with pytest.raises(Unavailable, match="GetMetricData"):
        CloudWatchDurations(client).between("rotation", SINCE, UNTIL)


@both
def rules(request: pytest.FixtureRequest) -> EventRules:
    session = made(request)
    if session is None:
        enabled = {("on", None): True, ("off", None): False, ("mine", "bus"): True}
        return FakeEventRules(enabled=dict(enabled))
    events = session.client("events")
    events.create_event_bus(Name="bus")
    events.put_rule(Name="on", ScheduleExpression="rate(1 day)")
    events.put_rule(Name="off", ScheduleExpression="rate(1 day)", State="DISABLED")
    events.put_rule(Name="mine", EventBusName="bus", EventPattern='{"source": ["a"]}')
    return EventBridgeRules(events)


@pytest.mark.parametrize(
    ("name", "bus", "enabled"), [("on", None, True), ("off", None, False), ("mine", "bus", True)]
)
def test_a_rule_is_enabled_or_not(
    rules: EventRules, name: str, bus: str | None, enabled: bool
) -> None:
    assert rules.is_enabled(name, bus) is enabled


@pytest.mark.parametrize(("name", "bus"), [("none", None), ("mine", None), ("on", "bus")])
def test_a_rule_that_is_not_on_that_bus_is_not_found(
    rules: EventRules, name: str, bus: str | None
) -> None:
    with pytest.raises(NotFound):
        rules.is_enabled(name, bus)


@both
def queue_depth(request: pytest.FixtureRequest) -> QueueDepth:
    session = made(request)
    if session is None:
        return FakeQueueDepth(counts={"empty": 0, "dead": 2})
    sqs = session.client("sqs")
    sqs.create_queue(QueueName="empty")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    for text in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=text)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)  # somebody is reading one
    return SqsQueueDepth(sqs)


def test_the_messages_in_a_queue_are_counted_those_that_are_being_read_too(
    queue_depth: QueueDepth,
) -> None:
    assert (queue_depth.waiting("empty"), queue_depth.waiting("dead")) == (0, 2)


def test_a_queue_that_is_not_there_is_not_empty(queue_depth: QueueDepth) -> None:
    with pytest.raises(NotFound):
        queue_depth.waiting("none")


@both
def log_groups(request: pytest.FixtureRequest) -> LogGroups:
    session = made(request)
    if session is None:
        return FakeLogGroups(names={"/aws/lambda/ASA-Reporter"})
    logs = session.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/ASA-Reporter")
    return CloudWatchLogGroups(logs)


def test_a_log_group_is_found_by_its_whole_name(log_groups: LogGroups) -> None:
    names = ("ASA-Reporter", "ASA-Report", "ASA-Channels")

    assert [log_groups.exists(f"/aws/lambda/{each}") for each in names] == [True, False, False]


@both
def ses_identities(request: pytest.FixtureRequest) -> SesIdentities:
    session = made(request)
    if session is None:
        return FakeSesIdentities(verified={"ops@example.com", "shop.example"})
    ses = session.client("sesv2")
    for identity in ("ops@example.com", "shop.example"):
        ses.create_email_identity(EmailIdentity=identity)
    # As if somebody had followed the link; moto has no way to.
    for known in sesv2_backends[MOTO_ACCOUNT][REGION].core_backend.email_identities.values():
        known.verified_for_sending_status = True
    return AwsSesIdentities(ses)


@pytest.mark.parametrize(
    ("address", "verified"),
    [
        ("ops@example.com", True),
        ("ann@example.com", False),
        ("ann@shop.example", True),
        ("ann@mail.shop.example", True),
        ("ann@eu.mail.shop.example", True),
        ("ann@workshop.example", False),
    ],
)
def test_an_address_is_verified_by_itself_or_by_its_domain_or_one_above(
    ses_identities: SesIdentities, address: str, verified: bool
) -> None:
    assert ses_identities.is_verified(address) is verified


@pytest.mark.parametrize("production", [True, False])
def test_ses_tells_whether_it_is_in_its_sandbox(production: bool) -> None:
    client = boto3.Session(region_name=REGION).client("sesv2")
    stubber = Stubber(client)
    stubber.add_response("get_account", {"ProductionAccessEnabled": production})
    stubber.activate()

    assert AwsSesIdentities(client).is_in_sandbox() is not production


def test_an_address_whose_link_nobody_followed_is_not_verified() -> None:
    client = boto3.Session(region_name=REGION).client("sesv2")
    stubber = Stubber(client)
    stubber.add_response("get_email_identity", {"VerifiedForSendingStatus": False})
    stubber.add_client_error("get_email_identity", "NotFoundException", http_status_code=404)
    stubber.activate()

    assert not AwsSesIdentities(client).is_verified("ops@example.com")
    stubber.assert_no_pending_responses()


@both
def trails(request: pytest.FixtureRequest) -> CloudTrailStatus:
    session = made(request)
    if session is None:
        told = {"of_organization": False, "has_writes": True}
        return FakeCloudTrail(
            held=[
                Trail(
                    name="not", is_logging=False, has_global_events=False, reaches_iam=True, **told
                ),
                Trail(
                    name="all", is_logging=True, has_global_events=True, reaches_iam=True, **told
                ),
            ]
        )
    session.client("s3").create_bucket(Bucket="trails")
    cloudtrail = session.client("cloudtrail")
    cloudtrail.create_trail(Name="not", S3BucketName="trails", IncludeGlobalServiceEvents=False)
    cloudtrail.create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="all")
    for name in ("not", "all"):
        cloudtrail.put_event_selectors(
            TrailName=name,
            EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}],
        )
    return AwsCloudTrail(lambda region: session.client("cloudtrail", region_name=region), REGION)


def test_a_trail_tells_what_goes_into_it(trails: CloudTrailStatus) -> None:
    found = {each.name: each for each in trails.trails()}

    assert found["all"].carries_iam
    assert not found["all"].of_organization
    assert not found["not"].is_logging
    assert not found["not"].has_global_events
    assert not found["not"].carries_iam


ADVANCED = {"Field": "eventCategory", "Equals": ["Management"]}


@pytest.mark.parametrize(
    ("selectors", "writes"),
    [
        (
            {"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]},
            True,
        ),
        (
            {"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]},
            False,
        ),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [ADVANCED]}]}, True),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [ADVANCED, {"Field": "readOnly", "Equals": ["true"]}]}
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            ADVANCED,
                            {"Field": "eventSource", "NotEquals": ["iam.amazonaws.com"]},
                        ]
                    }
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
                ]
            },
            False,
        ),
        ({}, False),
    ],
    ids=[
        "writes",
        "reads",
        "data",
        "advanced",
        "advanced-reads",
        "without-iam",
        "advanced-data",
        "none",
    ],
)
def test_a_trail_has_iams_writes_only_if_its_selectors_let_them_in(
    selectors: dict[str, Any], writes: bool
) -> None:
    client = boto3.Session(region_name=REGION).client("cloudtrail")
    stubber = Stubber(client)
    trail = {
        "Name": "t",
        "TrailARN": "arn:aws:cloudtrail:eu-west-1:111111111111:trail/t",
        "HomeRegion": "eu-west-1",
        "IsMultiRegionTrail": False,
        "IsOrganizationTrail": True,
        "IncludeGlobalServiceEvents": True,
    }
    stubber.add_response("describe_trails", {"trailList": [trail]})
    stubber.add_response("get_trail_status", {"IsLogging": True})
    stubber.add_response("get_event_selectors", selectors)
    stubber.activate()
    asked: list[str] = []

    def in_region(region: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        asked.append(region)
        return client

    [found] = AwsCloudTrail(in_region, REGION).trails()

    assert found.has_writes is writes
    assert found.of_organization
    assert not found.reaches_iam  # it is of another region alone
    assert asked == [REGION, "eu-west-1"]


INVOKED = "arn:aws:lambda:eu-west-1:999999999999:function:rotation"
LAMBDA = {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]}
DATA = {"Field": "eventCategory", "Equals": ["Data"]}


def simple(value: str, kind: str = "All") -> dict[str, Any]:
    resources = [{"Type": "AWS::Lambda::Function", "Values": [value]}]
    return {"EventSelectors": [{"ReadWriteType": kind, "DataResources": resources}]}


def advanced(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"FieldSelectors": [DATA, LAMBDA, *fields]}]}


@pytest.mark.parametrize(
    ("selectors", "logs"),
    [
        (simple("arn:aws:lambda"), True),
        (simple(INVOKED), True),
        (simple(INVOKED, "WriteOnly"), True),
        (simple(INVOKED, "ReadOnly"), False),
        (simple(INVOKED + "-other"), False),
        (simple(INVOKED[:-1]), False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, False),
        (advanced(), True),
        (advanced({"Field": "resources.ARN", "Equals": [INVOKED]}), True),
        (advanced({"Field": "resources.ARN", "StartsWith": [INVOKED[:30]]}), True),
        (advanced({"Field": "resources.ARN", "Equals": ["x"]}), False),
        (advanced({"Field": "resources.ARN", "NotEquals": [INVOKED]}), False),
        (advanced({"Field": "readOnly", "Equals": ["true"]}), False),
        (advanced({"Field": "readOnly", "Equals": ["false"]}), True),
        (advanced({"Field": "userIdentity.arn", "StartsWith": ["x"]}), False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [DATA]}]}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("home", ["eu-west-1", "us-east-1"])
def test_a_trail_knows_who_invokes_only_if_its_selectors_let_data_events_in(
    selectors: dict[str, Any], logs: bool, home: str
) -> None:
    client = boto3.Session(region_name=REGION).client("cloudtrail")
    stubber = Stubber(client)
    trail = {"Name": "t", "TrailARN": "arn:aws:cloudtrail:x:1:trail/t", "HomeRegion": home}
    stubber.add_response("describe_trails", {"trailList": [trail]})
    stubber.add_response("get_trail_status", {"IsLogging": True})
    stubber.add_response("get_event_selectors", selectors)
    stubber.activate()

    [found] = AwsCloudTrail(lambda _: client, REGION, INVOKED).trails()

    # One of another region alone does not see the function's.
    assert found.logs_invocations is (logs and home == "eu-west-1")


def snapshot(account: str, **other: Any) -> bytes:  # noqa: ANN401 -- any field
    told = {
        **a_snapshot(),
        "account": account,
        "at": "2026-03-02T05:00:00Z",
        "dry_run": True,
        "policy": {"RotationPeriod": 90},
        "failures": [{"user": "ann", "message": "throttled"}],
    }
    return json.dumps(told | other).encode()


@both
def archive(request: pytest.FixtureRequest) -> Archive:
    session = made(request)
    at = datetime(2026, 3, 2, 5, tzinfo=UTC)
    told: dict[str, Any] = {"at": at, "dry_run": True, "policy": {"RotationPeriod": 90}}
    if session is None:
        return FakeArchive(
            runs=[
                LastRun(
                    account="222222222222",
                    reached=True,
                    odd_owners=("ann: the tag says x",),
                    **told,
                ),
                LastRun(account="333333333333", reached=False, **told),
                LastRun(
                    account="777777777777", reached=True, **{**told, "at": at - timedelta(days=1)}
                ),
            ],
            zips={"Lambda/a.zip": CODE},
        )
    s3 = session.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    shut = [{"user": None, "message": "the role could not be assumed"}]
    objects = {
        "snapshots/date=2026-02-28/account=666666666666.json": snapshot("666666666666"),
        "snapshots/date=2026-03-01/account=222222222222.json": snapshot(
            "222222222222", at="2026-03-01T05:00:00Z"
        ),
        # Since then somebody has run other accounts by hand, and not this one.
        "snapshots/date=2026-03-01/account=777777777777.json": snapshot(
            "777777777777", at="2026-03-01T05:00:00Z"
        ),
        "snapshots/date=2026-03-02/account=222222222222.json": snapshot(
            "222222222222",
            users=[
                {"user": "ann", "exempt": False, "owner_rejected": ["the tag says x"]},
                {"user": "bob", "exempt": False, "owner_rejected": 1},
            ],
        ),
        "snapshots/date=2026-03-02/account=333333333333.json": snapshot(
            "333333333333", failures=shut
        ),
        "snapshots/date=2026-03-02/account=444444444444.json": snapshot("444444444444", version=2),
        "snapshots/date=2026-03-02/account=555555555555.json": b"not JSON",
        "snapshots/date=2026-03-02/account=888888888888.json": snapshot(
            "888888888888", at="0001-01-01T00:00:00Z"
        ),
        "snapshots/date=2026-03-02/account=999999999999.json": b"[" * 200_000,
        "Lambda/a.zip": ZIP,
    }
    for name, body in objects.items():
        s3.put_object(Bucket="a-bucket", Key=f"asa/{name}", Body=body)
    return S3Archive(s3, bucket="a-bucket", prefix="asa")


def test_each_accounts_newest_snapshot_tells_of_its_last_run(archive: Archive) -> None:
    found = {each.account: each for each in archive.last_runs()}

    assert {account: each.reached for account, each in found.items()} == {
        "222222222222": True,
        "333333333333": False,
        "777777777777": True,
    }
    assert found["777777777777"].at == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert found["222222222222"].at == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert found["222222222222"].policy == {"RotationPeriod": 90}
    assert found["222222222222"].dry_run
    assert found["222222222222"].odd_owners == ("ann: the tag says x",)
    assert found["777777777777"].odd_owners == ()


def test_a_zip_tells_the_hash_that_lambda_would_have_of_it(archive: Archive) -> None:
    assert archive.code_of("Lambda/a.zip") == CODE


def test_a_zip_that_is_not_there_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFound):
        archive.code_of("Lambda/b.zip")


def test_where_nothing_ran_yet_there_is_no_last_run(aws: boto3.Session) -> None:
    aws.client("s3").create_bucket(Bucket="a-bucket")

    assert S3Archive(aws.client("s3"), bucket="a-bucket", prefix="asa").last_runs() == ()


EMPTY, FULL = (f"Account_222222222222_User_{name}_AccessKey" for name in ("ann", "bob"))
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
        ],
    }
)


@both
def member(request: pytest.FixtureRequest) -> MemberAccountProbe:
    session = made(request)
    trust = '{"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}'
    if session is None:
        return FakeMemberAccount(
            roles={"role": trust},
            groups={"group"},
            keys={"alias/on": "Enabled", "alias/off": "Disabled"},
            rules={"on": True, "off": False},
            held=[
                SecretSeen(name=EMPTY, holds_key=False),
                SecretSeen(name=FULL, holds_key=True, has_policy=True, replicas=("eu-west-3",)),
            ],
        )
    iam, kms = session.client("iam"), session.client("kms")
    events, secrets = session.client("events"), session.client("secretsmanager")
    for name in ("on", "off"):
        events.put_rule(Name=name, EventPattern='{"source": ["aws.iam"]}')
    events.disable_rule(Name="off")
    for name in (EMPTY, FULL, "Account_of_mine", f"{FULL}s"):
        secrets.create_secret(Name=name)
    secrets.put_secret_value(SecretId=FULL, SecretString="key")
    secrets.put_resource_policy(SecretId=FULL, ResourcePolicy=POLICY)
    secrets.replicate_secret_to_regions(SecretId=FULL, AddReplicaRegions=[{"Region": "eu-west-3"}])
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust)
    iam.create_group(GroupName="group")
    for alias in ("alias/on", "alias/off"):
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key)
        if alias == "alias/off":
            kms.disable_key(KeyId=key)
    return MemberAccount(iam, kms, events, secrets)


def test_a_rule_is_enabled_disabled_or_not_there(member: MemberAccountProbe) -> None:
    assert (member.rule_is_enabled("on"), member.rule_is_enabled("off")) == (True, False)
    with pytest.raises(NotFound):
        member.rule_is_enabled("none")


def test_a_secret_of_a_key_tells_who_gets_at_it(member: MemberAccountProbe) -> None:
    found = {each.name: replace(each, was_fetched=False) for each in member.secrets()}

    assert found == {
        EMPTY: SecretSeen(name=EMPTY, holds_key=False),
        FULL: SecretSeen(name=FULL, holds_key=True, has_policy=True, replicas=("eu-west-3",)),
    }


def test_a_role_tells_whom_it_trusts(member: MemberAccountProbe) -> None:
    assert "arn:aws:iam::999999999999:root" in member.trust_of("role")
    with pytest.raises(NotFound):
        member.trust_of("none")


def test_a_group_is_there_or_not(member: MemberAccountProbe) -> None:
    assert (member.has_group("group"), member.has_group("none")) == (True, False)


def test_a_key_tells_its_state_by_its_alias(member: MemberAccountProbe) -> None:
    states = (member.key_state("alias/on"), member.key_state("alias/off"))

    assert states == ("Enabled", "Disabled")
    with pytest.raises(NotFound):
        member.key_state("alias/none")


def stubbed(*answers: tuple[str, dict[str, Any]]) -> AwsSesIdentities:
    """SES, as AWS's own API reference has its answers; moto knows none of these."""
    client = boto3.Session(region_name=REGION).client("sesv2")
    stubber = Stubber(client)
    for method, answer in answers:
        stubber.add_response(method, answer)
    stubber.activate()
    return AwsSesIdentities(client)


def test_only_an_enabled_destination_of_eventbridge_publishes() -> None:
    bus = {"EventBusArn": "arn:aws:events:us-east-1:999999999999:event-bus/default"}

    def to(types: list[str], *, enabled: bool = True, **where: object) -> dict[str, object]:
        return {"Name": "x", "Enabled": enabled, "MatchingEventTypes": types, **where}

    ses = stubbed(
        (
            "get_configuration_set_event_destinations",
            {
                "EventDestinations": [
                    to(["BOUNCE"], EventBridgeDestination=bus),
                    to(["COMPLAINT", "BOUNCE"], EventBridgeDestination=bus),
                    to(["DELIVERY"], enabled=False, EventBridgeDestination=bus),
                    to(["REJECT"], SnsDestination={"TopicArn": "arn:aws:sns:x"}),
                ]
            },
        )
    )

    assert ses.published("mails") == {"BOUNCE", "COMPLAINT"}


def test_the_suppression_list_is_read_to_its_last_page() -> None:
    def listed(address: str, reason: str) -> dict[str, Any]:
        return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": datetime(2026, 1, 1)}  # noqa: DTZ001 -- as botocore's stub takes it

    ses = stubbed(
        (
            "list_suppressed_destinations",
            {
                "SuppressedDestinationSummaries": [listed("Ann@example.com", "BOUNCE")],
                "NextToken": "n",
            },
        ),
        (
            "list_suppressed_destinations",
            {"SuppressedDestinationSummaries": [listed("bob@example.com", "COMPLAINT")]},
        ),
    )

    assert ses.suppressed() == {"ann@example.com": "BOUNCE", "bob@example.com": "COMPLAINT"}


@pytest.mark.parametrize(
    ("dkim", "status"),
    [
        ({"SigningEnabled": True, "Status": "SUCCESS"}, "SUCCESS"),
        ({"SigningEnabled": True, "Status": "PENDING"}, "PENDING"),
    ],
)
def test_the_first_identity_that_signs_says_how_far_its_dkim_is(
    dkim: dict[str, Any], status: str
) -> None:
    ses = stubbed(
        ("get_email_identity", {"DkimAttributes": {"SigningEnabled": False, "Status": "FAILED"}}),
        ("get_email_identity", {"DkimAttributes": dkim}),
    )

    assert ses.dkim_of("ops@example.com") == status


@pytest.mark.parametrize(("quota", "left"), [(200, 5), (-1, None)])
def test_what_is_left_is_the_quota_less_what_was_sent(quota: int, left: int | None) -> None:
    told = {"Max24HourSend": quota, "SentLast24Hours": 195, "MaxSendRate": 14}
    facts = stubbed(("get_account", {"SendingEnabled": True, "SendQuota": told})).sending()

    assert facts.left == left
    assert (facts.enabled, facts.rate) == (True, 14)


# --- the secrets of the channels ----------------------------------------------------------------

SIGNING = "whsec_" + base64.b64encode(b"0123456789-abcdefghijklmnop").decode()


@pytest.mark.parametrize(
    ("parameter", "value", "wrong"),
    [
        ("SlackTokenSecretArn", "xoxb-0815", None),
        ("SlackTokenSecretArn", '{"token": ""}', "no text 'token'"),
        ("SlackWebhookSecretArn", "https://hooks.example.com/0815", None),
        ("TeamsWebhookSecretArn", "http://hooks.example.com/0815", "must begin with https://"),
        ("WebhookSecretArn", f'{{"url": "https://a.example/0815", "secret": "{SIGNING}"}}', None),
        ("WebhookSecretArn", '{"url": "https://a.example/0815"}', "no text 'secret'"),
        ("WebhookSecretArn", '{"url": "https://a.example/", "secret": "0815"}', "must be whsec_"),
        ("JiraSecretArn", '{"email": "a@example.com", "token": "0815"}', None),
        ("JiraSecretArn", '{"email": "a@example.com"}', "no text 'token'"),
    ],
)
def test_a_channels_secret_is_read_as_its_function_does_and_is_not_shown(
    aws: boto3.Session, parameter: str, value: str, wrong: str | None
) -> None:
    made = aws.client("secretsmanager").create_secret(Name="of-a-channel", SecretString=value)
    found: ChannelSecrets = channel_secrets(aws, lambda: datetime.now(UTC))

    assert found.kms_key(made["ARN"]) == ""
    if wrong is None:
        found.check(parameter, made["ARN"])
        return
    with pytest.raises(Refused) as refused:
        found.check(parameter, made["ARN"])
    assert wrong in str(refused.value)
    assert "0815" not in str(refused.value)


def test_a_channels_secret_that_is_not_there_or_is_going_is_no_secret(aws: boto3.Session) -> None:
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="going", SecretString="x", KmsKeyId="alias/ours")["ARN"]
    found = channel_secrets(aws, lambda: datetime.now(UTC))

    assert found.kms_key(arn) == "alias/ours"
    client.delete_secret(SecretId=arn)
    with pytest.raises(Refused):
        found.check("SlackTokenSecretArn", arn)
    with pytest.raises(NotFound):
        found.kms_key(f"{arn[:-6]}abcdef")
