"""The contracts of the ports that a deployment needs, for the fakes and for AWS."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.waiter
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from keyturn.deployment.adapters.cloudformation import (
    CloudFormationStacks,
    CloudFormationStackSets,
)
from keyturn.deployment.adapters.organization_features import AwsOrganizationFeatures
from keyturn.deployment.adapters.s3_artifact_bucket import S3ArtifactBucket
from keyturn.deployment.model.bucket import Protection, Stored
from keyturn.deployment.model.organization import STACK_SETS_TRUSTED, ControlPolicy
from keyturn.deployment.model.places import IAM_REGIONS
from keyturn.deployment.model.stacks import Proposal, Stack
from keyturn.deployment.ports import ArtifactBucket, OrganizationFeatures, Stacks, StackSets
from keyturn.domain.errors import Denied, DeploymentFailed
from tests.cloudformation.stacks import MEMBER, template
from tests.deployment.fakes import (
    FakeArtifactBucket,
    FakeOrganizationFeatures,
    FakeStacks,
    FakeStackSets,
)

ACCOUNT = "123456789012"  # moto's own
REGION = "eu-west-1"
UNIT = "ou-ab12-cdef3456"
TEMPLATE = json.dumps(
    {
        "Parameters": {"Name": {"Type": "String"}, "Seconds": {"Type": "String", "Default": "30"}},
        "Resources": {
            "Thing": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "QueueName": {"Ref": "Name"},
                    "VisibilityTimeout": {"Ref": "Seconds"},
                },
            }
        },
    }
)
OTHER_TEMPLATE = TEMPLATE.replace('"30"', '"31"')


def no_sleep(_: float) -> None:
    raise AssertionError("moto is never still at it")


@pytest.fixture(autouse=True)
def waiters(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let boto3's waiters sleep here."""
    time = SimpleNamespace(sleep=no_sleep)
    monkeypatch.setattr(botocore.waiter, "time", time)
    return time


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    # moto judges a bucket's policy without its conditions, so that ours would lock everybody out:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


# --- stacks -------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "aws"])
def stacks(request: pytest.FixtureRequest) -> Stacks:
    if request.param == "fake":
        return FakeStacks()
    session: boto3.Session = request.getfixturevalue("aws")
    return CloudFormationStacks(session.client("cloudformation"))


def made(stacks: Stacks, **parameters: str) -> None:
    stacks.carry_out(stacks.propose("s", TEMPLATE, {"Name": "a", **parameters}, new=True))


def found(stacks: Stacks, name: str = "s") -> Stack:
    stack = stacks.find(name)
    assert stack is not None
    return stack


def test_a_stack_that_is_not_there_is_none(stacks: Stacks) -> None:
    assert stacks.find("s") is None


def test_a_proposal_says_what_it_would_make_and_makes_nothing(stacks: Stacks) -> None:
    proposal = stacks.propose("s", TEMPLATE, {"Name": "a"}, new=True)

    assert [(each.action, each.resource) for each in proposal.changes] == [("Add", "Thing")]
    assert not proposal.is_empty
    assert not found(stacks).is_there


def test_a_proposal_that_is_thrown_away_leaves_nothing(stacks: Stacks) -> None:
    stacks.discard(stacks.propose("s", TEMPLATE, {"Name": "a"}, new=True))

    assert stacks.find("s") is None


def test_a_proposal_that_is_carried_out_is_the_stack(stacks: Stacks) -> None:
    made(stacks, Seconds="40")

    stack = found(stacks)
    assert stack.status == "CREATE_COMPLETE"
    assert (stack.parameters["Name"], stack.parameters["Seconds"]) == ("a", "40")
    assert stack.is_there
    assert not stack.is_busy


def test_what_is_not_given_anew_stays(stacks: Stacks) -> None:
    made(stacks, Seconds="40")

    stacks.carry_out(
        stacks.propose("s", OTHER_TEMPLATE, {"Name": "b", "Seconds": None}, new=False)
    )

    assert found(stacks).parameters["Name"] == "b"
    assert found(stacks).parameters["Seconds"] == "40"


def test_what_is_there_already_is_no_change(stacks: Stacks) -> None:
    made(stacks, Seconds="40")

    proposal = stacks.propose("s", TEMPLATE, {"Name": None, "Seconds": None}, new=False)

    assert proposal.is_empty
    assert found(stacks).status == "CREATE_COMPLETE"


def test_a_discarded_update_leaves_the_stack_as_it_was(stacks: Stacks) -> None:
    made(stacks, Seconds="40")

    stacks.discard(stacks.propose("s", TEMPLATE, {"Name": None, "Seconds": "41"}, new=False))

    assert found(stacks).parameters["Seconds"] == "40"


def test_a_stack_can_be_taken_away(stacks: Stacks) -> None:
    made(stacks)

    stacks.remove("s")

    assert stacks.find("s") is None


# --- stack sets ---------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "aws"])
def stack_sets(request: pytest.FixtureRequest) -> tuple[StackSets, str]:
    """The stack sets, and a unit with one account."""
    if request.param == "fake":
        return FakeStackSets(accounts={UNIT: ["222222222222"]}), UNIT
    session: boto3.Session = request.getfixturevalue("aws")
    organizations = session.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="unit")
    account = organizations.create_account(AccountName="a", Email="a@example.com")
    organizations.move_account(
        AccountId=account["CreateAccountStatus"]["AccountId"],
        SourceParentId=root,
        DestinationParentId=unit["OrganizationalUnit"]["Id"],
    )
    sets = CloudFormationStackSets(session.client("cloudformation"), no_sleep)
    return sets, unit["OrganizationalUnit"]["Id"]


def test_a_stack_set_that_is_not_there_is_none(stack_sets: tuple[StackSets, str]) -> None:
    assert stack_sets[0].find("s") is None


def test_a_new_stack_set_is_service_managed_and_nowhere_yet(
    stack_sets: tuple[StackSets, str],
) -> None:
    sets, _ = stack_sets

    sets.create("s", TEMPLATE, {"Name": "a"})

    made = sets.find("s")
    assert made is not None
    assert made.is_service_managed
    assert (made.body, dict(made.parameters)) == (TEMPLATE, {"Name": "a"})
    assert made.regions == set()
    assert list(sets.instances("s")) == []


def test_it_goes_to_the_accounts_of_a_unit(stack_sets: tuple[StackSets, str]) -> None:
    sets, unit = stack_sets
    sets.create("s", TEMPLATE, {"Name": "a"})

    sets.extend("s", {unit}, {REGION})

    [instance] = sets.instances("s")
    assert instance.region == REGION
    assert instance.is_current
    made = sets.find("s")
    assert made is not None
    assert made.regions == {REGION}


def test_it_is_brought_up_to_date(stack_sets: tuple[StackSets, str]) -> None:
    sets, unit = stack_sets
    sets.create("s", TEMPLATE, {"Name": "a"})
    sets.extend("s", {unit}, {REGION})

    sets.update("s", OTHER_TEMPLATE, {"Name": "b"})

    made = sets.find("s")
    assert made is not None
    assert made.body == OTHER_TEMPLATE
    assert made.parameters["Name"] == "b"


# --- the bucket ---------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "aws"])
def artifact_bucket(request: pytest.FixtureRequest) -> ArtifactBucket:
    if request.param == "fake":
        return FakeArtifactBucket()
    session: boto3.Session = request.getfixturevalue("aws")
    return S3ArtifactBucket(session.client("s3"), account=ACCOUNT, region=REGION, partition="aws")


def test_a_bucket_is_there_once_it_is_made(artifact_bucket: ArtifactBucket) -> None:
    before = artifact_bucket.exists("a-bucket")
    artifact_bucket.create("a-bucket")

    assert (before, artifact_bucket.exists("a-bucket")) == (False, True)


def test_a_new_bucket_lacks_protections_until_it_is_given_them(
    artifact_bucket: ArtifactBucket,
) -> None:
    artifact_bucket.create("a-bucket")

    lacking = artifact_bucket.lacks("a-bucket", "asa")
    for each in Protection:
        artifact_bucket.protect("a-bucket", "asa", each)

    assert {Protection.VERSIONS, Protection.ONLY_TLS, Protection.LIFECYCLE} <= set(lacking)
    assert artifact_bucket.lacks("a-bucket", "asa") == ()


@pytest.mark.parametrize("protection", Protection)
def test_each_protection_is_one_of_its_own(
    artifact_bucket: ArtifactBucket, protection: Protection
) -> None:
    artifact_bucket.create("a-bucket")
    before = set(artifact_bucket.lacks("a-bucket", "asa"))

    artifact_bucket.protect("a-bucket", "asa", protection)

    assert set(artifact_bucket.lacks("a-bucket", "asa")) == before - {protection}


def test_another_prefix_has_receipts_of_its_own_to_end(artifact_bucket: ArtifactBucket) -> None:
    artifact_bucket.create("a-bucket")
    for each in Protection:
        artifact_bucket.protect("a-bucket", "asa", each)

    assert artifact_bucket.lacks("a-bucket", "other") == (
        Protection.RECEIPTS,
        Protection.RECORDS,
        Protection.LIFECYCLE,
    )


def test_the_statements_that_are_missing_are_shown_to_be_copied(
    artifact_bucket: ArtifactBucket,
) -> None:
    artifact_bucket.create("a-bucket")
    artifact_bucket.protect("a-bucket", "asa", Protection.ONLY_TLS)

    missing = artifact_bucket.missing_statements("a-bucket", "asa")
    for each in (Protection.RECEIPTS, Protection.RECORDS):
        artifact_bucket.protect("a-bucket", "asa", each)

    assert [re.sub("[0-9a-f]{8}$", "", each["Sid"]) for each in missing] == [
        "ReceiptsByTheNotifierAlone",
        "ChannelsByTheirRoleAlone",
        "RecordsAreNeverOverwritten",
        "RecordsAreNeverDeleted",
    ]
    assert artifact_bucket.missing_statements("a-bucket", "asa") == ()


def test_an_object_that_was_put_tells_what_it_holds(artifact_bucket: ArtifactBucket) -> None:
    artifact_bucket.create("a-bucket")
    before = artifact_bucket.stored("a-bucket", "asa/a.zip")

    artifact_bucket.put("a-bucket", "asa/a.zip", b"zip")

    assert before is None
    found = artifact_bucket.stored("a-bucket", "asa/a.zip")
    assert found == Stored(hashlib.sha256(b"zip").hexdigest(), hashlib.sha256(b"zip").hexdigest())
    assert found.is_ours


@pytest.mark.parametrize("checksum", [{}, {"ChecksumAlgorithm": "SHA256"}])
@pytest.mark.parametrize("mark", [None, hashlib.sha256(b"zip").hexdigest()])
def test_what_somebody_else_says_of_an_object_is_not_what_it_holds(
    aws: boto3.Session, checksum: dict[str, Any], mark: str | None
) -> None:
    artifact_bucket = S3ArtifactBucket(
        aws.client("s3"), account=ACCOUNT, region=REGION, partition="aws"
    )
    artifact_bucket.create("a-bucket")
    said: Any = {"Metadata": {"keyturn-sha256": mark}} if mark else {}
    aws.client("s3").put_object(Bucket="a-bucket", Key="a.zip", Body=b"evil", **said, **checksum)

    found = artifact_bucket.stored("a-bucket", "a.zip")

    assert found == Stored(hashlib.sha256(b"evil").hexdigest(), mark or "")
    assert not found.is_ours


@pytest.mark.parametrize(
    ("told", "reads"),
    [
        ({"ChecksumSHA256": base64.b64encode(hashlib.sha256(b"zip").digest()).decode()}, False),
        ({"ChecksumSHA256": base64.b64encode(b"of its parts").decode() + "-2"}, True),
        ({"ChecksumCRC64NVME": "AAAAAAAAAAA="}, True),
    ],
)
def test_s3s_own_checksum_spares_the_reading(told: dict[str, str], *, reads: bool) -> None:
    client = boto3.Session(region_name=REGION).client("s3")
    stubber, whose = Stubber(client), {"Bucket": "b", "Key": "a.zip"}
    stubber.add_response(
        "head_object", {"Metadata": {}, **told}, {**whose, "ChecksumMode": "ENABLED"}
    )
    if reads:
        stubber.add_response("get_object", {"Body": BytesIO(b"zip")}, whose)
    stubber.activate()
    artifact_bucket = S3ArtifactBucket(client, account=ACCOUNT, region=REGION, partition="aws")

    assert artifact_bucket.stored("b", "a.zip") == Stored(hashlib.sha256(b"zip").hexdigest())

    stubber.assert_no_pending_responses()


def test_what_else_a_bucket_was_told_stays(aws: boto3.Session) -> None:
    s3 = aws.client("s3")
    artifact_bucket = S3ArtifactBucket(s3, account=ACCOUNT, region=REGION, partition="aws")
    artifact_bucket.create("a-bucket")
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::a-bucket/theirs/*",
    }
    policy = {"Version": "2012-10-17", "Statement": theirs}
    s3.put_bucket_policy(Bucket="a-bucket", Policy=json.dumps(policy))
    rule: Any = {
        "Expiration": {"Days": 1},
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "t/"},
    }
    s3.put_bucket_lifecycle_configuration(
        Bucket="a-bucket",
        LifecycleConfiguration={"Rules": [rule]},
    )

    for each in Protection:
        artifact_bucket.protect("a-bucket", "asa", each)

    kept = json.loads(s3.get_bucket_policy(Bucket="a-bucket")["Policy"])["Statement"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket="a-bucket")["Rules"]
    assert [re.sub("[0-9a-f]{8}$", "", each["Sid"]) for each in kept] == [
        "Theirs",
        "OnlyEncryptedConnections",
        "ReceiptsByTheNotifierAlone",
        "ChannelsByTheirRoleAlone",
        "RecordsAreNeverOverwritten",
        "RecordsAreNeverDeleted",
    ]
    assert [(each["ID"], each["Expiration"]["Days"]) for each in rules] == [
        ("theirs", 1),
        ("receipts", 400),
        ("tally", 30),
    ]


# --- the organisation ---------------------------------------------------------------------------


@pytest.fixture(params=["fake", "aws"])
def organization_features(request: pytest.FixtureRequest) -> OrganizationFeatures:
    if request.param == "fake":
        return FakeOrganizationFeatures()
    organizations = request.getfixturevalue("aws").client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    organizations.enable_aws_service_access(ServicePrincipal=STACK_SETS_TRUSTED)
    return AwsOrganizationFeatures(organizations)


def test_the_organisation_says_what_it_is_and_whom_it_trusts(
    organization_features: OrganizationFeatures,
) -> None:
    facts = organization_features.facts()

    assert facts.id.startswith("o-")
    assert len(facts.management_account) == 12
    assert facts.has_all_features
    assert facts.trusted == {STACK_SETS_TRUSTED}


def test_control_policies_come_with_what_they_say_and_where_they_hold(aws: boto3.Session) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    made = organizations.create_policy(
        Content='{"Statement": []}', Description="", Name="keys", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]["Id"]
    organization_features = AwsOrganizationFeatures(organizations)

    def keys() -> ControlPolicy:
        return next(
            each for each in organization_features.control_policies() if each.name == "keys"
        )

    before = keys()
    organizations.attach_policy(PolicyId=made, TargetId=root)

    assert before == ControlPolicy(name="keys", content='{"Statement": []}', targets=0)
    assert keys().targets == 1


@pytest.fixture
def unit(request: pytest.FixtureRequest, organization_features: OrganizationFeatures) -> str:
    if isinstance(organization_features, FakeOrganizationFeatures):
        return min(organization_features.units)
    organizations = request.getfixturevalue("aws").client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    made = organizations.create_organizational_unit(ParentId=root, Name="work")
    return str(made["OrganizationalUnit"]["Id"])


def test_the_organisation_knows_its_units(
    organization_features: OrganizationFeatures, unit: str
) -> None:
    assert organization_features.has_unit(unit)
    assert not organization_features.has_unit("ou-else-12345678")


def test_the_regions_of_iams_events_are_the_member_templates() -> None:
    table = template(MEMBER)["Mappings"]["Partition"]

    assert {name: told["IamRegion"] for name, told in table.items()} == IAM_REGIONS


# --- what no local AWS does: fail, and take its time --------------------------------------------


@dataclass
class Answers:
    """A client that gives these answers in turn, each held to the service's own model."""

    session: boto3.Session
    given: list[tuple[str, dict[str, Any]]]
    slept: int = 0

    def sleep(self, _: float) -> None:
        self.slept += 1

    def client(self) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        client = self.session.client("cloudformation")
        stubber = Stubber(client)
        for operation, answer in self.given:
            stubber.add_response(operation, answer)
        stubber.activate()
        return client


NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def stack(status: str) -> tuple[str, dict[str, Any]]:
    told = {"StackName": "s", "CreationTime": NOW, "StackStatus": status}
    return "describe_stacks", {"Stacks": [told]}


def event(resource: str, status: str, reason: str, kind: str = "AWS::A::Thing") -> dict[str, Any]:
    return {
        "StackId": "arn:s",
        "EventId": f"{resource}-{status}",
        "StackName": "s",
        "Timestamp": NOW,
        "LogicalResourceId": resource,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def test_a_stack_that_fails_is_waited_for_and_told_by_its_first_failure(
    waiters: SimpleNamespace,
) -> None:
    whole = "AWS::CloudFormation::Stack"
    newest_first = [
        event("s", "ROLLBACK_COMPLETE", "", whole),
        event("Queue", "CREATE_FAILED", "Resource creation cancelled"),
        event("Function", "CREATE_FAILED", "the quota is 10"),
        event("s", "CREATE_IN_PROGRESS", "User Initiated", whole),
        event("Bucket", "UPDATE_FAILED", "of an earlier attempt"),
    ]
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("execute_change_set", {}),
            stack("CREATE_IN_PROGRESS"),
            stack("ROLLBACK_IN_PROGRESS"),
            stack("ROLLBACK_COMPLETE"),
            ("describe_stack_events", {"StackEvents": newest_first}),
        ],
    )
    waiters.sleep = answers.sleep
    stacks = CloudFormationStacks(answers.client())

    with pytest.raises(DeploymentFailed, match=r"^s: Function: the quota is 10$"):
        stacks.carry_out(Proposal(stack="s", id="arn:proposal", is_new=True))

    assert answers.slept == 2


def test_a_proposal_that_cloudformation_cannot_make_is_told_and_taken_away(
    waiters: SimpleNamespace,
) -> None:
    refused = {"Status": "FAILED", "StatusReason": "Export x is in use"}
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("create_change_set", {"Id": "arn:proposal"}),
            ("describe_change_set", {"Status": "CREATE_IN_PROGRESS"}),
            ("describe_change_set", refused),
            ("delete_change_set", {}),
        ],
    )
    waiters.sleep = answers.sleep
    stacks = CloudFormationStacks(answers.client())

    with pytest.raises(DeploymentFailed, match="s: Export x is in use"):
        stacks.propose("s", TEMPLATE, {}, new=False)

    assert answers.slept == 1


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information",
        "No updates are to be performed.",
    ],
)
def test_a_change_set_that_fails_because_it_is_empty_is_no_failure(reason: str) -> None:
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("create_change_set", {"Id": "arn:proposal"}),
            ("describe_change_set", {"Status": "FAILED", "StatusReason": reason}),
            ("delete_change_set", {}),
        ],
    )

    proposal = CloudFormationStacks(answers.client()).propose("s", TEMPLATE, {}, new=False)

    assert proposal.is_empty


def test_an_update_that_cloudformation_has_not_begun_yet_is_waited_for(
    waiters: SimpleNamespace,
) -> None:
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("execute_change_set", {}),
            stack("CREATE_COMPLETE"),
            stack("UPDATE_IN_PROGRESS"),
            stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            stack("UPDATE_COMPLETE"),
        ],
    )
    waiters.sleep = answers.sleep

    CloudFormationStacks(answers.client()).carry_out(
        Proposal(stack="s", id="arn:proposal", is_new=False)
    )

    assert answers.slept == 3


def test_a_stack_that_cannot_be_deleted_is_told_by_what_failed() -> None:
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("delete_stack", {}),
            stack("DELETE_FAILED"),
            ("describe_stack_events", {"StackEvents": []}),
        ],
    )

    with pytest.raises(DeploymentFailed, match=r"^s could not be deleted: DELETE_FAILED$"):
        CloudFormationStacks(answers.client()).remove("s")


def test_who_may_not_look_while_it_is_waited_is_told_so_as_anywhere_else() -> None:
    client = boto3.Session(region_name=REGION).client("cloudformation")
    stubber = Stubber(client)
    stubber.add_response("execute_change_set", {})
    stubber.add_client_error("describe_stacks", "AccessDenied", "you may not", 403)
    stubber.activate()

    with pytest.raises(Denied, match=r"^DescribeStacks: AccessDenied: you may not$"):
        CloudFormationStacks(client).carry_out(
            Proposal(stack="s", id="arn:proposal", is_new=False)
        )


# The percentages are AWS's largest: API_StackSetOperationPreferences.html, "Maximum value of 100".
TO_ALL_AT_ONCE = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "MaxConcurrentPercentage": 100,
}


def test_an_update_leaves_alone_what_becomes_of_stacks_whose_account_leaves() -> None:
    session = boto3.Session(region_name=REGION)
    client, told = session.client("cloudformation"), {"StackSetOperation": {"Status": "SUCCEEDED"}}
    stubber = Stubber(client)
    asked = {
        "StackSetName": "s",
        "TemplateBody": TEMPLATE,
        "Parameters": [{"ParameterKey": "Name", "UsePreviousValue": True}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "PermissionModel": "SERVICE_MANAGED",
        "OperationPreferences": TO_ALL_AT_ONCE,
    }
    stubber.add_response("update_stack_set", {"OperationId": "1234"}, asked)
    stubber.add_response("describe_stack_set_operation", told)
    stubber.add_response("list_stack_set_operation_results", {"Summaries": []})
    stubber.activate()

    CloudFormationStackSets(client, no_sleep).update("s", TEMPLATE, {"Name": None})

    stubber.assert_no_pending_responses()


def test_a_stack_set_goes_to_all_accounts_at_once_and_stops_at_none() -> None:
    client = boto3.Session(region_name=REGION).client("cloudformation")
    stubber = Stubber(client)
    asked = {
        "StackSetName": "s",
        "DeploymentTargets": {"OrganizationalUnitIds": [UNIT]},
        "Regions": [REGION],
        "OperationPreferences": TO_ALL_AT_ONCE,
    }
    told = {"StackSetOperation": {"Status": "SUCCEEDED"}}
    stubber.add_response("create_stack_instances", {"OperationId": "1234"}, asked)
    stubber.add_response("describe_stack_set_operation", told)
    stubber.add_response("list_stack_set_operation_results", {"Summaries": []})
    stubber.activate()

    CloudFormationStackSets(client, no_sleep).extend("s", {UNIT}, {REGION})

    stubber.assert_no_pending_responses()


def test_an_account_that_was_suspended_is_told_from_one_that_failed() -> None:
    instances = [
        {
            "Account": account,
            "Region": REGION,
            "Status": "OUTDATED",
            "StackInstanceStatus": {"DetailedStatus": status},
        }
        for account, status in (
            ("222222222222", "SKIPPED_SUSPENDED_ACCOUNT"),
            ("333333333333", "FAILED"),
        )
    ]
    answers = Answers(
        boto3.Session(region_name=REGION), [("list_stack_instances", {"Summaries": instances})]
    )

    suspended, failed = CloudFormationStackSets(answers.client(), answers.sleep).instances("s")

    assert (suspended.is_current, suspended.was_suspended) == (False, True)
    assert (failed.is_current, failed.was_suspended) == (False, False)


def outcome(account: str, status: str, reason: str) -> dict[str, str]:
    return {"Account": account, "Region": REGION, "Status": status, "StatusReason": reason}


@pytest.mark.parametrize(
    ("status", "results", "told"),
    [
        (
            "SUCCEEDED",
            [
                outcome("222222222222", "SUCCEEDED", ""),
                outcome("333333333333", "FAILED", "the role exists"),
                outcome("444444444444", "FAILED", "the group exists"),
            ],
            r"^s: 333333333333 in eu-west-1: the role exists \(and 1 more\)$",
        ),
        (
            "SUCCEEDED",
            [outcome("333333333333", "CANCELLED", "the role exists")],
            r"^s: 333333333333 in eu-west-1: the role exists$",
        ),
        ("STOPPED", [], "^s: the operation ended as STOPPED$"),
    ],
)
def test_an_operation_on_a_stack_set_is_waited_for_and_no_accounts_failure_is_passed_over(
    status: str, results: list[dict[str, str]], told: str
) -> None:
    answers = Answers(
        boto3.Session(region_name=REGION),
        [
            ("create_stack_instances", {"OperationId": "1234"}),
            ("describe_stack_set_operation", {"StackSetOperation": {"Status": "RUNNING"}}),
            ("describe_stack_set_operation", {"StackSetOperation": {"Status": status}}),
            ("list_stack_set_operation_results", {"Summaries": results}),
        ],
    )
    sets = CloudFormationStackSets(answers.client(), answers.sleep)

    with pytest.raises(DeploymentFailed, match=told):
        sets.extend("s", {UNIT}, {REGION})

    assert answers.slept == 1


def test_a_bucket_of_somebody_else_is_not_taken_for_a_missing_one() -> None:
    client = boto3.Session(region_name=REGION).client("s3")
    stubber = Stubber(client)
    stubber.add_client_error("head_bucket", "403", http_status_code=403)
    stubber.activate()

    with pytest.raises(Denied):
        S3ArtifactBucket(client, account=ACCOUNT, region=REGION, partition="aws").exists("b")
