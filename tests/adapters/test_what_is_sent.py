"""
What each adapter sends to AWS, to the letter, and that AWS's own models allow it.

The local AWS takes a percentage of 101, an unknown word and a forgotten member without a word.
So the table below says of every operation what is sent, and `tests.aws_limits` holds each call,
here and in all other tests, to the limits that botocore's models know.
"""

import ast
import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ParamValidationError
from botocore.session import get_session

import keyturn.adapters
import keyturn.deployment.adapters
from keyturn.adapters.channel_secret import ChannelSecret
from keyturn.adapters.channels.email import EmailChannel, SendRate
from keyturn.adapters.cloudtrail import CloudTrailHistory
from keyturn.adapters.event_bus import EventBridgeBus
from keyturn.adapters.iam import IamAccessKeys
from keyturn.adapters.kms import KeyNames, SealKeyInKms
from keyturn.adapters.organizations import AwsOrganization
from keyturn.adapters.pace import Pace
from keyturn.adapters.s3_audit import S3Audit
from keyturn.adapters.s3_coverage import S3Coverage
from keyturn.adapters.s3_ledger import S3DailyLimitLedger
from keyturn.adapters.s3_pause_flag import S3PauseFlag
from keyturn.adapters.s3_plans import S3Plans
from keyturn.adapters.s3_receipts import S3Receipts
from keyturn.adapters.secret_list import SecretsManagerList
from keyturn.adapters.secrets_manager import SecretsManagerStore
from keyturn.adapters.ses_suppression import SesSuppressionList
from keyturn.adapters.sqs import SqsQueue
from keyturn.adapters.sts import session_as
from keyturn.deployment.adapters.cloudformation import (
    CloudFormationStacks,
    CloudFormationStackSets,
)
from keyturn.deployment.adapters.cloudtrail import AwsCloudTrail
from keyturn.deployment.adapters.cloudwatch_durations import CloudWatchDurations
from keyturn.deployment.adapters.cloudwatch_log_groups import CloudWatchLogGroups
from keyturn.deployment.adapters.eventbridge_rules import EventBridgeRules
from keyturn.deployment.adapters.lambda_functions import AwsFunctions
from keyturn.deployment.adapters.member_account import MemberAccount
from keyturn.deployment.adapters.organization_features import AwsOrganizationFeatures
from keyturn.deployment.adapters.s3_artifact_bucket import S3ArtifactBucket
from keyturn.deployment.adapters.ses_identities import AwsSesIdentities
from keyturn.deployment.adapters.sqs_queue_depth import SqsQueueDepth
from keyturn.deployment.model.bucket import Protection
from keyturn.deployment.model.stacks import Proposal
from keyturn.domain.errors import Refused
from keyturn.domain.events import Event, EventType, Mail, Run
from keyturn.domain.key import Account
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.seal import SealKey
from keyturn.domain.secret_names import SEAL_TAG, USER_ID_TAG
from keyturn.ports import AuditEntry, Claim, NewKey, Pause
from tests.adapters.test_email import Written
from tests.adapters.test_s3_receipts import A_CHANGE
from tests.aws_limits import without_limits

SERVICES = (
    *("cloudformation", "cloudtrail", "events", "iam", "kms", "lambda", "logs"),
    *("organizations", "s3", "secretsmanager", "sesv2", "sqs", "sts"),
)
AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "Account_222222222222_User_ann_AccessKey"
ROLE = "arn:aws:iam::222222222222:role/asa-iam-key-auto-rotation"
TRAIL = "arn:aws:cloudtrail:us-east-1:111111111111:trail/all"
QUEUE = "https://sqs.us-east-1.amazonaws.com/111111111111/Keyturn-Rotations.fifo"
SET = "keyturn-member-roles"
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "MaxConcurrentPercentage": 100,
}
GIVEN = [
    {"ParameterKey": "PrimaryAccountID", "ParameterValue": "222222222222"},
    {"ParameterKey": "AWSOrgID", "UsePreviousValue": True},
]
PARAMETERS = {"PrimaryAccountID": "222222222222", "AWSOrgID": None}


@dataclass
class Wire:
    """Clients whose calls go nowhere: what they send is noted, and the answers are made up."""

    answers: Mapping[str, Any]
    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        made: Any = boto3.client(
            service,  # type: ignore[call-overload] # any service
            region_name="us-east-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key="none",  # noqa: S106 -- made up
        )
        made.meta.events.register("provide-client-params", self._note)
        made.meta.events.register("before-call", self._answer)
        return made

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's model of an operation
        self.sent.append((model.name, dict(params)))

    def _answer(self, model: Any, **_: object) -> tuple[object, dict[str, Any]]:  # noqa: ANN401 -- as above
        http = SimpleNamespace(status_code=200, headers={})
        told = {"ResponseMetadata": {"HTTPHeaders": {}}, **self.answers.get(model.name, {})}
        return http, told


def nothing(_: float) -> None:
    raise AssertionError("there is nothing to wait for")


def stack_sets(wire: Wire) -> CloudFormationStackSets:
    return CloudFormationStackSets(wire.client("cloudformation"), nothing)


def stacks(wire: Wire) -> CloudFormationStacks:
    return CloudFormationStacks(wire.client("cloudformation"))


def artifact_bucket(wire: Wire, region: str = "us-east-1") -> S3ArtifactBucket:
    return S3ArtifactBucket(wire.client("s3"), account="2" * 12, region=region, partition="aws")


def secret_store(wire: Wire, kms_key: str | None = "alias/ours") -> SecretsManagerStore:
    return SecretsManagerStore(
        wire.client("secretsmanager"),
        kms_key,
        seal_key=lambda: A_SEAL_KEY,
        is_one_key=KeyNames(lambda: wire.client("kms")).are_one,
        clock=lambda: AT,
    )


def iam(wire: Wire) -> IamAccessKeys:
    client = wire.client("iam")
    return IamAccessKeys(client, lambda: client)


def member(wire: Wire) -> MemberAccount:
    return MemberAccount(
        wire.client("iam"),
        wire.client("kms"),
        wire.client("events"),
        wire.client("secretsmanager"),
    )


def a_new_key() -> NewKey:
    return NewKey(key_id=KEY, created=AT, secret="none")  # noqa: S106 -- made up


def published(wire: Wire) -> None:
    run = Run(id="run", account=Account(id="222222222222"), at=AT, dry_run=False)
    EventBridgeBus(wire.client("events"), "keys").publish(
        [Event(type=EventType.ROTATED, run=run, detail={"key": KEY})]
    )


def mailed(wire: Wire) -> None:
    written = Written(Mail(subject="Key", text="text", html="<p>"))
    ses = wire.client("sesv2")
    rate = SendRate(ses, shared_by=2, clock=lambda: AT, complain=print)
    channel = EmailChannel(
        ses,
        written,
        sender="ops@example.com",
        turns=Pace(rate, lambda: AT),
        configuration_set="set",
    )
    assert channel.take_turn(ANN, within=0) == 0
    channel.render(A_CHANGE, ANN).send()


def assumed(wire: Wire) -> None:
    own = boto3.Session("AKIAEXAMPLE", "none", region_name="us-east-1")
    session = session_as(own, wire.client("sts"), ROLE, "us-east-1", external_id="of-ours")
    credentials = session.get_credentials()
    assert credentials is not None
    credentials.get_frozen_credentials()


def asked_of_a_trail(wire: Wire) -> None:
    AwsCloudTrail(lambda _region: wire.client("cloudtrail"), "us-east-1").trails()


ARN = f"arn:aws:secretsmanager:us-east-1:222222222222:secret:{SECRET}-AbCdEf"
ANN = Recipient(ChannelName.EMAIL, "ann@example.com")
A_SEAL_KEY = SealKey(b"of these tests")
Rows = list[tuple[str, Callable[[Wire], object], list[tuple[str, Mapping[str, Any]]]]]


def duration_of(statistic: str) -> dict[str, object]:
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": "Rotation"}],
    }
    stat = {"Metric": metric, "Period": 86400, "Stat": statistic}
    return {"Id": statistic.lower(), "MetricStat": stat}


ROWS: Rows = [
    # CloudFormation
    (
        "find a stack",
        lambda w: stacks(w).find("core"),
        [("DescribeStacks", {"StackName": "core"})],
    ),
    (
        "read its template",
        lambda w: stacks(w).body_of("core"),
        [("GetTemplate", {"StackName": "core"})],
    ),
    (
        "carry out a change set",
        lambda w: stacks(w).carry_out(Proposal(stack="core", id="arn:change", is_new=False)),
        [
            ("ExecuteChangeSet", {"ChangeSetName": "arn:change"}),
            ("DescribeStacks", {"StackName": "core"}),
        ],
    ),
    (
        "throw a change set away",
        lambda w: stacks(w).discard(Proposal(stack="core", id="arn:change", is_new=False)),
        [("DeleteChangeSet", {"ChangeSetName": "arn:change"})],
    ),
    (
        "make a stack set",
        lambda w: stack_sets(w).create(SET, "{}", PARAMETERS),
        [
            (
                "CreateStackSet",
                {
                    "StackSetName": SET,
                    "Description": "Keyturn's role, KMS key and exemption group in every account",
                    "TemplateBody": "{}",
                    "Parameters": GIVEN,
                    "Capabilities": ["CAPABILITY_NAMED_IAM"],
                    "PermissionModel": "SERVICE_MANAGED",
                    "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False},
                },
            )
        ],
    ),
    (
        "update a stack set",
        lambda w: stack_sets(w).update(SET, "{}", PARAMETERS),
        [
            (
                "UpdateStackSet",
                {
                    "StackSetName": SET,
                    "TemplateBody": "{}",
                    "Parameters": GIVEN,
                    "Capabilities": ["CAPABILITY_NAMED_IAM"],
                    "PermissionModel": "SERVICE_MANAGED",
                    "OperationPreferences": PREFERENCES,
                },
            ),
            ("DescribeStackSetOperation", {"StackSetName": SET, "OperationId": "op"}),
            ("ListStackSetOperationResults", {"StackSetName": SET, "OperationId": "op"}),
        ],
    ),
    (
        "bring a stack set to more units",
        lambda w: stack_sets(w).extend(SET, {"r-ab12", "ou-ab12-cdef3456"}, {"us-east-1"}),
        [
            (
                "CreateStackInstances",
                {
                    "StackSetName": SET,
                    "DeploymentTargets": {"OrganizationalUnitIds": ["ou-ab12-cdef3456", "r-ab12"]},
                    "Regions": ["us-east-1"],
                    "OperationPreferences": PREFERENCES,
                },
            ),
            ("DescribeStackSetOperation", {"StackSetName": SET, "OperationId": "op"}),
            ("ListStackSetOperationResults", {"StackSetName": SET, "OperationId": "op"}),
        ],
    ),
    (
        "list its instances",
        lambda w: list(stack_sets(w).instances(SET)),
        [("ListStackInstances", {"StackSetName": SET})],
    ),
    (
        "find a stack set",
        lambda w: stack_sets(w).find(SET),
        [
            ("DescribeStackSet", {"StackSetName": SET}),
            ("ListStackInstances", {"StackSetName": SET}),
        ],
    ),
    # IAM
    ("list users", lambda w: list(iam(w).users()), [("ListUsers", {"MaxItems": 1000})]),
    (
        "list a group",
        lambda w: iam(w).members_of("Exempt"),
        [("GetGroup", {"GroupName": "Exempt", "MaxItems": 1000})],
    ),
    ("list keys", lambda w: iam(w).keys_of("ann"), [("ListAccessKeys", {"UserName": "ann"})]),
    (
        "ask whose key",
        lambda w: iam(w).owner_of(KEY),
        [("GetAccessKeyLastUsed", {"AccessKeyId": KEY})],
    ),
    (
        "ask when it was used",
        lambda w: iam(w).last_use(KEY),
        [("GetAccessKeyLastUsed", {"AccessKeyId": KEY})],
    ),
    (
        "read tags",
        lambda w: iam(w).tag_of("ann", "Owner"),
        [("ListUserTags", {"UserName": "ann"})],
    ),
    ("ask about root", lambda w: iam(w).root_has_keys(), [("GetAccountSummary", {})]),
    ("make a key", lambda w: iam(w).create("ann"), [("CreateAccessKey", {"UserName": "ann"})]),
    (
        "disable a key",
        lambda w: iam(w).disable("ann", KEY),
        [("UpdateAccessKey", {"UserName": "ann", "AccessKeyId": KEY, "Status": "Inactive"})],
    ),
    (
        "enable a key",
        lambda w: iam(w).enable("ann", KEY),
        [("UpdateAccessKey", {"UserName": "ann", "AccessKeyId": KEY, "Status": "Active"})],
    ),
    (
        "delete a key",
        lambda w: iam(w).delete("ann", KEY),
        [("DeleteAccessKey", {"UserName": "ann", "AccessKeyId": KEY})],
    ),
    (
        "remove a user from a group",
        lambda w: iam(w).remove_from_group("ann", "Exempt"),
        [("RemoveUserFromGroup", {"UserName": "ann", "GroupName": "Exempt"})],
    ),
    (
        "read a role's trust",
        lambda w: member(w).trust_of("rotator"),
        [("GetRole", {"RoleName": "rotator"})],
    ),
    (
        "look for a group",
        lambda w: member(w).has_group("Exempt"),
        [("GetGroup", {"GroupName": "Exempt", "MaxItems": 1})],
    ),
    (
        "look at a KMS key",
        lambda w: member(w).key_state("alias/ours"),
        [("DescribeKey", {"KeyId": "alias/ours"})],
    ),
    (
        "look at a rule in a member",
        lambda w: member(w).rule_is_enabled("rotator-exemption"),
        [("DescribeRule", {"Name": "rotator-exemption"})],
    ),
    # Secrets Manager
    (
        "look at a secret",
        lambda w: secret_store(w).look(SECRET),
        [("DescribeSecret", {"SecretId": SECRET})],
    ),
    (
        "look at one whose KMS key has another name",
        lambda w: secret_store(w, "alias/theirs").look(SECRET),
        [
            ("DescribeSecret", {"SecretId": SECRET}),
            ("DescribeKey", {"KeyId": "alias/ours"}),
            ("DescribeKey", {"KeyId": "alias/theirs"}),
        ],
    ),
    (
        "make a secret and seal it",
        lambda w: secret_store(w).create(SECRET, {USER_ID_TAG: "AIDAANN"}),
        [
            (
                "CreateSecret",
                {
                    "Name": SECRET,
                    "Description": "An IAM access key, rotated by Keyturn",
                    "KmsKeyId": "alias/ours",
                    "Tags": [
                        {"Key": USER_ID_TAG, "Value": "AIDAANN"},
                        {"Key": SEAL_TAG, "Value": A_SEAL_KEY.birth_mark(SECRET, "AIDAANN", AT)},
                    ],
                },
            ),
            (
                "TagResource",
                {
                    "SecretId": ARN,
                    "Tags": [{"Key": SEAL_TAG, "Value": A_SEAL_KEY.seal(ARN, "AIDAANN")}],
                },
            ),
        ],
    ),
    (
        "ask for a secret's policy",
        lambda w: secret_store(w).policy_of(SECRET),
        [("GetResourcePolicy", {"SecretId": SECRET})],
    ),
    (
        "ask for the key of all seals",
        lambda w: SealKeyInKms(lambda: w.client("kms"), "alias/seal")(),
        [
            (
                "GenerateMac",
                {
                    "KeyId": "alias/seal",
                    "MacAlgorithm": "HMAC_SHA_256",
                    "Message": b"keyturn seal 1",
                },
            )
        ],
    ),
    (
        "take a deletion back",
        lambda w: secret_store(w).restore(SECRET),
        [("RestoreSecret", {"SecretId": SECRET})],
    ),
    (
        "tag a secret",
        lambda w: secret_store(w).tag(SECRET, {"keyturn:user": "ann"}),
        [
            (
                "TagResource",
                {"SecretId": SECRET, "Tags": [{"Key": "keyturn:user", "Value": "ann"}]},
            )
        ],
    ),
    (
        "take tags off",
        lambda w: secret_store(w).untag(SECRET, ["keyturn:intent"]),
        [("UntagResource", {"SecretId": SECRET, "TagKeys": ["keyturn:intent"]})],
    ),
    (
        "store a key",
        lambda w: secret_store(w).store(SECRET, "ann", a_new_key()),
        [
            (
                "PutSecretValue",
                {
                    "SecretId": SECRET,
                    "ClientRequestToken": hashlib.sha256(KEY.encode()).hexdigest(),
                    "SecretString": json.dumps(
                        {
                            "AccessKeyId": KEY,
                            "SecretAccessKey": "none",
                            "UserName": "ann",
                            "CreateDate": "2026-03-02T04:00:00+00:00",
                        }
                    ),
                },
            )
        ],
    ),
    (
        "schedule the deletion of a secret",
        lambda w: secret_store(w).schedule(SECRET),
        [("DeleteSecret", {"SecretId": SECRET, "RecoveryWindowInDays": 30})],
    ),
    (
        "list secrets",
        lambda w: list(
            SecretsManagerList(w.client("secretsmanager"), lambda: AT).named("Account_")
        ),
        [
            (
                "ListSecrets",
                {
                    "IncludePlannedDeletion": True,
                    "Filters": [{"Key": "name", "Values": ["Account_"]}],
                },
            )
        ],
    ),
    # Organizations
    (
        "list accounts",
        lambda w: list(AwsOrganization(w.client("organizations")).accounts()),
        [("ListAccounts", {})],
    ),
    (
        "list the accounts of a unit",
        lambda w: list(AwsOrganization(w.client("organizations")).accounts("r-ab12")),
        [
            ("ListAccountsForParent", {"ParentId": "r-ab12"}),
            ("ListOrganizationalUnitsForParent", {"ParentId": "r-ab12"}),
        ],
    ),
    (
        "look at the organisation",
        lambda w: AwsOrganizationFeatures(w.client("organizations")).facts(),
        [("DescribeOrganization", {}), ("ListAWSServiceAccessForOrganization", {})],
    ),
    (
        "look for a unit",
        lambda w: AwsOrganizationFeatures(w.client("organizations")).has_unit("r-ab12"),
        [("ListOrganizationalUnitsForParent", {"ParentId": "r-ab12", "MaxResults": 1})],
    ),
    (
        "read the service control policies",
        lambda w: AwsOrganizationFeatures(w.client("organizations")).control_policies(),
        [
            ("ListPolicies", {"Filter": "SERVICE_CONTROL_POLICY"}),
            ("DescribePolicy", {"PolicyId": "p-examplepolicyid"}),
            ("ListTargetsForPolicy", {"PolicyId": "p-examplepolicyid"}),
        ],
    ),
    # KMS
    (
        "compare the names of KMS keys",
        lambda w: KeyNames(lambda: w.client("kms")).are_one("alias/ours", None),
        [
            ("DescribeKey", {"KeyId": "alias/ours"}),
            ("DescribeKey", {"KeyId": "alias/aws/secretsmanager"}),
        ],
    ),
    # Lambda
    (
        "look at a function",
        lambda w: AwsFunctions(w.client("lambda")).look("Rotation"),
        [
            ("GetFunctionConfiguration", {"FunctionName": "Rotation"}),
            ("GetFunctionConcurrency", {"FunctionName": "Rotation"}),
        ],
    ),
    (
        "ask for concurrency",
        lambda w: AwsFunctions(w.client("lambda")).concurrency(),
        [("GetAccountSettings", {})],
    ),
    (
        "ask how long a function took",
        lambda w: CloudWatchDurations(w.client("cloudwatch")).between(
            "Rotation", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
        ),
        [
            (
                "GetMetricData",
                {
                    "MetricDataQueries": [duration_of("p50"), duration_of("Sum")],
                    "StartTime": datetime(2026, 3, 1, tzinfo=UTC),
                    "EndTime": datetime(2026, 3, 2, tzinfo=UTC),
                },
            )
        ],
    ),
    (
        "ask what wakes a function",
        lambda w: AwsFunctions(w.client("lambda")).takes_from("Rotation"),
        [("ListEventSourceMappings", {"FunctionName": "Rotation"})],
    ),
    (
        "invoke a function",
        lambda w: AwsFunctions(w.client("lambda")).invoke("Notifier", {"Show": True}),
        [("Invoke", {"FunctionName": "Notifier", "Payload": b'{"Show": true}'})],
    ),
    # CloudWatch Logs
    (
        "look for a log group",
        lambda w: CloudWatchLogGroups(w.client("logs")).exists("/aws/lambda/ASA-Reporter"),
        [("DescribeLogGroups", {"logGroupNamePrefix": "/aws/lambda/ASA-Reporter"})],
    ),
    # EventBridge
    (
        "publish",
        published,
        [
            (
                "PutEvents",
                {
                    "Entries": [
                        {
                            "Source": "iam.key-rotation",
                            "DetailType": "Key Rotated",
                            "Time": AT,
                            "Detail": json.dumps(
                                {
                                    "version": 1,
                                    "run": "run",
                                    "account": "222222222222",
                                    "dry_run": False,
                                    "key": KEY,
                                }
                            ),
                            "EventBusName": "keys",
                        }
                    ]
                },
            )
        ],
    ),
    (
        "look at a rule of a bus",
        lambda w: EventBridgeRules(w.client("events")).is_enabled("daily", "keys"),
        [("DescribeRule", {"Name": "daily", "EventBusName": "keys"})],
    ),
    (
        "look at a rule",
        lambda w: EventBridgeRules(w.client("events")).is_enabled("daily", None),
        [("DescribeRule", {"Name": "daily"})],
    ),
    # SES
    (
        "send a mail",
        mailed,
        [
            ("GetAccount", {}),
            (
                "SendEmail",
                {
                    "FromEmailAddress": "ops@example.com",
                    "Destination": {"ToAddresses": ["ann@example.com"]},
                    "Content": {
                        "Simple": {
                            "Subject": {"Data": "Key", "Charset": "UTF-8"},
                            "Body": {
                                "Text": {"Data": "text", "Charset": "UTF-8"},
                                "Html": {"Data": "<p>", "Charset": "UTF-8"},
                            },
                        }
                    },
                    "EmailTags": [{"Name": "keyturn", "Value": "notice"}],
                    "ConfigurationSetName": "set",
                },
            ),
        ],
    ),
    (
        "ask whether an address is suppressed",
        lambda w: SesSuppressionList(w.client("sesv2")).why_suppressed(
            Recipient(ChannelName.EMAIL, "Ann@Example.com")
        ),
        [("GetSuppressedDestination", {"EmailAddress": "ann@example.com"})],
    ),
    (
        "read a channel's secret",
        lambda w: ChannelSecret(
            w.client("secretsmanager"),
            "arn:token",
            parameter="SlackTokenSecretArn",
            fields=("token",),
            clock=lambda: AT,
        ).read(),
        [("GetSecretValue", {"SecretId": "arn:token"})],
    ),
    (
        "look at a sender",
        lambda w: AwsSesIdentities(w.client("sesv2")).is_verified("ops@example.com"),
        [
            ("GetEmailIdentity", {"EmailIdentity": "ops@example.com"}),
            ("GetEmailIdentity", {"EmailIdentity": "example.com"}),
        ],
    ),
    (
        "ask for SES's sandbox",
        lambda w: AwsSesIdentities(w.client("sesv2")).is_in_sandbox(),
        [("GetAccount", {})],
    ),
    (
        "ask for the quota",
        lambda w: AwsSesIdentities(w.client("sesv2")).sending(),
        [("GetAccount", {})],
    ),
    (
        "ask for what signs",
        lambda w: AwsSesIdentities(w.client("sesv2")).dkim_of("ops@example.com"),
        [
            ("GetEmailIdentity", {"EmailIdentity": "ops@example.com"}),
            ("GetEmailIdentity", {"EmailIdentity": "example.com"}),
        ],
    ),
    (
        "ask for what a set publishes",
        lambda w: AwsSesIdentities(w.client("sesv2")).published("set"),
        [("GetConfigurationSetEventDestinations", {"ConfigurationSetName": "set"})],
    ),
    (
        "list who is suppressed",
        lambda w: AwsSesIdentities(w.client("sesv2")).suppressed(),
        [("ListSuppressedDestinations", {})],
    ),
    (
        "ask for a rule's targets",
        lambda w: EventBridgeRules(w.client("events")).targets("mails"),
        [("ListTargetsByRule", {"Rule": "mails"})],
    ),
    # SQS
    (
        "queue a run",
        lambda w: SqsQueue(w.client("sqs"), QUEUE).send([{"account": "222222222222"}], run="run"),
        [
            (
                "SendMessageBatch",
                {
                    "QueueUrl": QUEUE,
                    "Entries": [
                        {
                            "Id": "0",
                            "MessageBody": '{"account": "222222222222"}',
                            "MessageGroupId": "222222222222",
                            "MessageDeduplicationId": "run-222222222222-0",
                        }
                    ],
                },
            )
        ],
    ),
    (
        "count what waits",
        lambda w: SqsQueueDepth(w.client("sqs")).waiting("Keyturn-Rotations.fifo"),
        [
            ("GetQueueUrl", {"QueueName": "Keyturn-Rotations.fifo"}),
            (
                "GetQueueAttributes",
                {
                    "QueueUrl": QUEUE,
                    "AttributeNames": [
                        "ApproximateNumberOfMessages",
                        "ApproximateNumberOfMessagesNotVisible",
                    ],
                },
            ),
        ],
    ),
    # STS
    (
        "become the role",
        assumed,
        [
            (
                "AssumeRole",
                {"RoleArn": ROLE, "RoleSessionName": "keyturn", "ExternalId": "of-ours"},
            )
        ],
    ),
    # CloudTrail
    (
        "look at the trails",
        asked_of_a_trail,
        [
            ("DescribeTrails", {"includeShadowTrails": True}),
            ("GetTrailStatus", {"Name": TRAIL}),
            ("GetEventSelectors", {"TrailName": TRAIL}),
        ],
    ),
    (
        "look up who uses a key",
        lambda w: CloudTrailHistory(
            lambda _region: w.client("cloudtrail"),
            ("us-east-1",),
            turns=Pace(lambda: 2.0, lambda: datetime.now(UTC)),
            clock=lambda: datetime.now(UTC),
            sleep=lambda _: None,
        ).of(KEY, "N/A"),
        [
            (
                "LookupEvents",
                {
                    "LookupAttributes": [{"AttributeKey": "AccessKeyId", "AttributeValue": KEY}],
                    "MaxResults": 20,
                },
            )
        ],
    ),
    # S3, whose owner is named by the client (tests/adapters/test_in_the_bucket.py)
    (
        "read receipts",
        lambda w: S3Receipts(w.client("s3"), bucket="b-b", prefix="p").of_key("2", "a,b", KEY),
        [("ListObjectsV2", {"Bucket": "b-b", "Prefix": f"p/receipts/2/a=2Cb/{KEY}/"})],
    ),
    (
        "give a claim back",
        lambda w: S3Receipts(w.client("s3"), bucket="b-b").release(
            Claim(name="receipts/2/x.json", recipient=ANN, run="run", etag='"etag"')
        ),
        [("DeleteObject", {"Bucket": "b-b", "Key": "receipts/2/x.json", "IfMatch": '"etag"'})],
    ),
    (
        "note what will end",
        lambda w: S3DailyLimitLedger(w.client("s3"), bucket="b-b", prefix="p").reserve(
            "2", date(2026, 3, 2), "run", {"KEY-b", "KEY-a"}, ordered=True
        ),
        [
            (
                "PutObject",
                {
                    "Bucket": "b-b",
                    "Key": "p/tally/2/2026-03-02/run.order.json",
                    "Body": b'{"keys": ["KEY-a", "KEY-b"]}',
                    "ContentType": "application/json",
                },
            )
        ],
    ),
    (
        "ask for an earlier snapshot",
        lambda w: S3Coverage(w.client("s3"), bucket="b-b", prefix="p").has_before(AT.date()),
        [("ListObjectsV2", {"Bucket": "b-b", "Prefix": "p/snapshots/date=", "MaxKeys": 1})],
    ),
    (
        "list who has a snapshot",
        lambda w: S3Coverage(w.client("s3"), bucket="b-b").accounts_of(AT.date()),
        [
            (
                "ListObjectsV2",
                {"Bucket": "b-b", "Prefix": "snapshots/date=2026-03-02/account="},
            )
        ],
    ),
    (
        "read a plan",
        lambda w: S3Plans(w.client("s3"), bucket="b-b", prefix="p").read("monday.json"),
        [("GetObject", {"Bucket": "b-b", "Key": "p/plans/monday.json"})],
    ),
    (
        "ask for a pause",
        lambda w: S3PauseFlag(w.client("s3"), bucket="b-b", prefix="p").pause(),
        [("ListObjectsV2", {"Bucket": "b-b", "Prefix": "p/paused.json"})],
    ),
    (
        "see whether the pause is alone",
        lambda w: S3PauseFlag(w.client("s3"), bucket="b-b", prefix="p").is_alone(),
        [("ListObjectsV2", {"Bucket": "b-b", "Prefix": "p/", "MaxKeys": 2})],
    ),
    (
        "end a pause",
        lambda w: S3PauseFlag(w.client("s3"), bucket="b-b").clear(),
        [("DeleteObject", {"Bucket": "b-b", "Key": "paused.json"})],
    ),
    (
        "look whether the bucket is there",
        lambda w: artifact_bucket(w).exists("b-b"),
        [("HeadBucket", {"Bucket": "b-b"})],
    ),
    (
        "make the bucket elsewhere than where S3 began",
        lambda w: artifact_bucket(w, "eu-north-1").create("b-b"),
        [
            (
                "CreateBucket",
                {
                    "Bucket": "b-b",
                    "CreateBucketConfiguration": {"LocationConstraint": "eu-north-1"},
                },
            )
        ],
    ),
    (
        "make the bucket",
        lambda w: artifact_bucket(w).create("b-b"),
        [("CreateBucket", {"Bucket": "b-b"})],
    ),
    (
        "shut the bucket",
        lambda w: artifact_bucket(w).protect("b-b", "p", Protection.NO_PUBLIC_ACCESS),
        [
            (
                "PutPublicAccessBlock",
                {
                    "Bucket": "b-b",
                    "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": True,
                        "IgnorePublicAcls": True,
                        "BlockPublicPolicy": True,
                        "RestrictPublicBuckets": True,
                    },
                },
            )
        ],
    ),
    (
        "encrypt the bucket",
        lambda w: artifact_bucket(w).protect("b-b", "p", Protection.ENCRYPTION),
        [
            (
                "PutBucketEncryption",
                {
                    "Bucket": "b-b",
                    "ServerSideEncryptionConfiguration": {
                        "Rules": [
                            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                        ]
                    },
                },
            )
        ],
    ),
    (
        "what is locked",
        lambda w: artifact_bucket(w).object_lock("b-b"),
        [("GetObjectLockConfiguration", {"Bucket": "b-b"})],
    ),
    (
        "keep versions",
        lambda w: artifact_bucket(w).protect("b-b", "p", Protection.VERSIONS),
        [
            (
                "PutBucketVersioning",
                {"Bucket": "b-b", "VersioningConfiguration": {"Status": "Enabled"}},
            )
        ],
    ),
    (
        "let old things go",
        lambda w: artifact_bucket(w).protect("b-b", "p", Protection.LIFECYCLE),
        [
            ("GetBucketLifecycleConfiguration", {"Bucket": "b-b"}),
            (
                "PutBucketLifecycleConfiguration",
                {
                    "Bucket": "b-b",
                    "LifecycleConfiguration": {
                        "Rules": [
                            {
                                "ID": folder,
                                "Status": "Enabled",
                                "Filter": {"Prefix": f"p/{folder}/"},
                                "Expiration": {"Days": days},
                                "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                            }
                            for folder, days in (("receipts", 400), ("tally", 30))
                        ]
                    },
                },
            ),
        ],
    ),
    (
        "put a zip",
        lambda w: artifact_bucket(w).put("b-b", "p/Lambda/a.zip", b"zip"),
        [
            (
                "PutObject",
                {
                    "Bucket": "b-b",
                    "Key": "p/Lambda/a.zip",
                    "Body": b"zip",
                    "Metadata": {"keyturn-sha256": hashlib.sha256(b"zip").hexdigest()},
                    "ChecksumSHA256": base64.b64encode(hashlib.sha256(b"zip").digest()).decode(),
                },
            )
        ],
    ),
    (
        "look at a zip",
        lambda w: artifact_bucket(w).stored("b-b", "p/Lambda/a.zip"),
        [
            (
                "HeadObject",
                {"Bucket": "b-b", "Key": "p/Lambda/a.zip", "ChecksumMode": "ENABLED"},
            ),
            ("GetObject", {"Bucket": "b-b", "Key": "p/Lambda/a.zip"}),
        ],
    ),
]
ANSWERS: Mapping[str, Any] = {
    "DescribeLogGroups": {"logGroups": []},
    "Invoke": {"Payload": SimpleNamespace(read=lambda: b"{}")},
    "DescribeSecret": {"ARN": ARN, "Name": SECRET, "KmsKeyId": "alias/ours"},
    "CreateSecret": {"ARN": ARN, "Name": SECRET},
    "GenerateMac": {"Mac": b"m" * 32},
    "DescribeStacks": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
    "GetTemplate": {"TemplateBody": "{}"},
    "UpdateStackSet": {"OperationId": "op"},
    "CreateStackInstances": {"OperationId": "op"},
    "DescribeStackSetOperation": {"StackSetOperation": {"Status": "SUCCEEDED"}},
    "ListStackSetOperationResults": {"Summaries": []},
    "ListStackInstances": {"Summaries": []},
    "ListUsers": {"Users": []},
    "GetGroup": {"Users": []},
    "ListAccessKeys": {"AccessKeyMetadata": []},
    "GetAccessKeyLastUsed": {"UserName": "ann", "AccessKeyLastUsed": {}},
    "ListUserTags": {"Tags": []},
    "GetAccountSummary": {"SummaryMap": {"AccountAccessKeysPresent": 0}},
    "CreateAccessKey": {
        "AccessKey": {"AccessKeyId": KEY, "CreateDate": AT, "SecretAccessKey": "none"}
    },
    "GetRole": {"Role": {"AssumeRolePolicyDocument": "%7B%7D"}},
    "DescribeKey": {"KeyMetadata": {"KeyState": "Enabled", "KeyId": "k", "Arn": "arn:k"}},
    "ListAccounts": {"Accounts": []},
    "ListAccountsForParent": {"Accounts": []},
    "ListOrganizationalUnitsForParent": {"OrganizationalUnits": []},
    "DescribeOrganization": {
        "Organization": {"Id": "o-1", "MasterAccountId": "1", "FeatureSet": "ALL"}
    },
    "ListAWSServiceAccessForOrganization": {"EnabledServicePrincipals": []},
    "GetFunctionConfiguration": {"Timeout": 900, "MemorySize": 256, "CodeSha256": "x"},
    "GetAccountSettings": {
        "AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
    },
    "ListEventSourceMappings": {"EventSourceMappings": []},
    "GetMetricData": {
        "MetricDataResults": [
            {"Id": each, "StatusCode": "Complete", "Values": []} for each in ("p50", "sum")
        ]
    },
    "SendMessageBatch": {"Successful": [{"Id": "0"}], "Failed": []},
    "PutEvents": {"FailedEntryCount": 0, "Entries": []},
    "DescribeRule": {"State": "ENABLED"},
    "ListTargetsByRule": {"Targets": []},
    "SendEmail": {"MessageId": "m"},
    "GetSecretValue": {"SecretString": "xoxb-none"},
    "GetSuppressedDestination": {"SuppressedDestination": {"Reason": "BOUNCE"}},
    "GetQueueUrl": {"QueueUrl": QUEUE},
    "GetQueueAttributes": {
        "Attributes": {
            "ApproximateNumberOfMessages": "1",
            "ApproximateNumberOfMessagesNotVisible": "2",
        }
    },
    "AssumeRole": {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "none",
            "SessionToken": "none",
            "Expiration": datetime(2999, 1, 1, tzinfo=UTC),
        }
    },
    "DescribeTrails": {
        "trailList": [{"Name": "all", "HomeRegion": "us-east-1", "TrailARN": TRAIL}]
    },
    "GetTrailStatus": {"IsLogging": True},
    "HeadObject": {"Metadata": {}},
    "GetBucketLifecycleConfiguration": {"Rules": []},
    "GetObjectLockConfiguration": {
        "ObjectLockConfiguration": {
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 2}}
        }
    },
    "DescribeStackSet": {"StackSet": {"TemplateBody": "{}"}},
    "ListSecrets": {"SecretList": []},
    "ListPolicies": {"Policies": [{"Id": "p-examplepolicyid"}]},
    "DescribePolicy": {"Policy": {"PolicySummary": {"Name": "guard"}, "Content": "{}"}},
    "ListTargetsForPolicy": {"Targets": []},
    "GetObject": {"Body": SimpleNamespace(read=lambda *_: b"[]")},
}


@pytest.mark.parametrize(("does", "expected"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_an_adapter_sends_this_and_nothing_else(
    does: Callable[[Wire], object], expected: list[tuple[str, Mapping[str, Any]]]
) -> None:
    wire = Wire(ANSWERS)

    does(wire)

    assert wire.sent == expected


def test_an_audit_entry_and_a_pause_say_what_they_are_and_overwrite_no_other_pause() -> None:
    wire = Wire(ANSWERS)
    entry = AuditEntry(entry_id="mark", command="revoke", at=AT, by="ann")

    S3Audit(wire.client("s3"), bucket="b-b", prefix="p").write(entry)
    S3PauseFlag(wire.client("s3"), bucket="b-b").set(Pause(by="ann", at=AT, why="an incident"))

    (_, audit), (_, pause) = wire.sent
    assert audit["Key"] == "p/audit/2026-03-02/040000Z-revoke-mark.begun.json"
    assert audit["ContentType"] == pause["ContentType"] == "application/json"
    assert (pause["Key"], pause["IfNoneMatch"]) == ("paused.json", "*")
    assert json.loads(pause["Body"]) == {
        "by": "ann",
        "at": "2026-03-02T04:00:00Z",
        "why": "an incident",
    }


# Tried elsewhere, with what answers: a change set that is waited for, a secret that is made and
# marked, who is in quarantine, a bucket's policy, and what the bucket is asked for before anything
# is given to it.
ELSEWHERE = {
    "ListEntitiesForPolicy",
    "CreateChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "CreateSecret",
    "GetAccessKeyInfo",
    "GetCallerIdentity",
    "GetBucketPolicy",
    "PutBucketPolicy",
    "GetBucketEncryption",
    "GetBucketVersioning",
    "GetPublicAccessBlock",
}


def test_every_operation_that_an_adapter_names_is_in_the_table() -> None:
    known = {
        xform_name(operation): operation
        for service in SERVICES
        for operation in get_session().get_service_model(service).operation_names
    }
    sent = {operation for _, _, calls in ROWS for operation, _ in calls}
    named = {
        known[str(name)]
        for room in (keyturn.adapters, keyturn.deployment.adapters)
        for path in Path(str(room.__file__)).parent.glob("*.py")
        for name in _called(ast.parse(path.read_text()))
        if name in known
    }

    assert named - sent - ELSEWHERE == set()
    assert len(sent) > 50


def _called(tree: ast.AST) -> Iterator[object]:
    """The methods that are called, and the pages that are asked for."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            is_paged = call.func.attr == "get_paginator"
            yield ast.literal_eval(call.args[0]) if is_paged else call.func.attr


# --- and the limits that hold for all ----------------------------------------------------------


def a_call(**preferences: object) -> None:
    wire = Wire(ANSWERS)
    wire.client("cloudformation").create_stack_instances(
        StackSetName=SET,
        Regions=["us-east-1"],
        DeploymentTargets={"OrganizationalUnitIds": ["r-ab12"]},
        OperationPreferences=PREFERENCES | preferences,
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"FailureTolerancePercentage": 101}, "FailureTolerancePercentage=101: more than 100"),
        ({"MaxConcurrentPercentage": 101}, "MaxConcurrentPercentage=101: more than 100"),
        ({"MaxConcurrentPercentage": 0}, "MaxConcurrentPercentage"),
        ({"RegionConcurrencyType": "PARALEL"}, "none of SEQUENTIAL, PARALLEL"),
    ],
    ids=str,
)
def test_what_aws_would_refuse_is_not_sent(wrong: dict[str, object], why: str) -> None:
    a_call()
    with pytest.raises(ParamValidationError, match=why):
        a_call(**wrong)


TOO_MUCH: dict[str, Callable[[], object]] = {
    "a blank in a name": lambda: iam(Wire(ANSWERS)).keys_of("a b"),
    "a long name": lambda: iam(Wire(ANSWERS)).members_of("g" * 129),
    "a long tag": lambda: secret_store(Wire(ANSWERS)).untag(SECRET, ["x" * 129]),
    "a tag without a name": lambda: secret_store(Wire(ANSWERS)).tag(SECRET, {"": "x"}),
}


@pytest.mark.parametrize("call", TOO_MUCH.values(), ids=TOO_MUCH)
def test_lengths_and_patterns_are_looked_at_too(call: Callable[[], object]) -> None:
    with pytest.raises(Refused, match="does not fit the service's model"):
        call()


def test_what_aws_would_refuse_can_be_sent_on_purpose() -> None:
    with without_limits():
        a_call(FailureTolerancePercentage=101)
