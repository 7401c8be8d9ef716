"""A small organisation in the local AWS, and an operator who has credentials in it."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, answered, refused

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
DAY = timedelta(days=1)
OURS = MANAGEMENT_ACCOUNT
SHOP = "222222222222"
CLOSED = "333333333333"
CLOSED_TO_US = "444444444444"
ROLE = "asa-iam-key-auto-rotation"
GROUP = "IAMKeyRotationExemptionGroup"
BUCKET = "asa-receipts"
ADMIN = "security@example.com"
SEAL_KEY = "alias/asa-iam-key-rotation-seal"
SEALED = ("--seal-key", SEAL_KEY)
SECRETS = ("--secrets-kms-key", "aws/secretsmanager", *SEALED)
TELLING = ("--notify", "ses", "--bucket", BUCKET, "--admin", ADMIN, *SECRETS)

PREFIX = "asa/rotation"
KMS_KEY = "alias/asa-iam-key-rotation"
DEPLOYED_SETTINGS = {
    "AdminEmailAddress": ADMIN,
    "DryRunFlag": "False",
    "EventBusName": "keys",
    "HomeRegion": "",
    "IAMExemptionGroup": "IAMKeyRotationExemptionGroup",
    "IAMRoleName": ROLE,
    "QueueUrl": "https://sqs/queue",
    "RotationPeriod": "90",
    "S3BucketName": BUCKET,
    "S3BucketPrefix": PREFIX,
    "SecretsKmsKey": KMS_KEY,
    "SealKey": SEAL_KEY,
    "UnusedPeriod": "",
}
VARIABLES = {
    INVENTORY: {"InventoryOU": "", "OrgListRole": "", "OrgListAccount": ""},
    ROTATION: DEPLOYED_SETTINGS,
}


def build(cloud: LocalCloud) -> None:
    """Make four accounts: ours, a shop, a suspended one, and one that does not know our role."""
    organization = cloud.organization
    organization.create_account("shop", "shop@example.com", account_id=SHOP)
    organization.create_account("closed", "closed@example.com", account_id=CLOSED)
    organization.create_account("bought", "bought@example.com", account_id=CLOSED_TO_US)
    organization.suspend_account(CLOSED)
    for account in (OURS, SHOP):
        cloud.add_role(account, ROLE, OURS)
        cloud.session(account).client("iam").create_group(GroupName=GROUP)
    cloud.session(OURS).client("s3").create_bucket(Bucket=BUCKET)
    cloud.verify_sender(OURS, ADMIN)
    cloud.add_seal_key(OURS, SEAL_KEY)
    cloud.add_role(OURS, "Operator", OURS)


def add_user(cloud: LocalCloud, account: str, name: str, *ages: int) -> list[str]:
    """Make a user with keys of these ages in days."""
    cloud.add_user(account, name)
    return [cloud.add_key(account, name, created=cloud.now - age * DAY) for age in ages]


def environment(session: boto3.Session) -> dict[str, str]:
    """The environment of an operator with a session's credentials, and no others."""
    credentials = session.get_credentials()
    assert credentials is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": str(credentials.access_key),
        "AWS_SECRET_ACCESS_KEY": str(credentials.secret_key),
        "AWS_SESSION_TOKEN": str(credentials.token),
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def audit_entries(s3: Any, bucket: str, prefix: str = "") -> list[dict[str, Any]]:  # noqa: ANN401 -- boto3 makes the class at run time
    """The last word on each command, in order."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}audit/").get("Contents", [])
    names = {each["Key"] for each in found}
    last = sorted(name for name in names if name.replace(".begun", "") not in names - {name})
    return [json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read()) for name in last]


class Functions:
    """Lambda, as far as a laptop asks: the sandbox has none. They are in one account alone."""

    def __init__(self, variables: Mapping[str, Mapping[str, str]], *, account: str = OURS) -> None:
        self._variables = variables
        self._account = account

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.service != "lambda":
            return perform(request)
        assert request.operation == "GetFunctionConfiguration"
        if request.account != self._account:
            return refused(request, ApiError("ResourceNotFoundException", "not found", 404))
        [name] = (name for name in self._variables if name in request.http.url)
        return answered(request, {"Environment": {"Variables": self._variables[name]}})


def deploy(cloud: LocalCloud, **settings: str) -> None:
    """Put functions beside it, with some settings of their own, and what else they stand on."""
    session = cloud.session(OURS)
    session.client("events").create_event_bus(Name="keys")
    session.client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/Lambda/rotation.zip", Body=b"zip"
    )
    cloud.layers.append(Functions(VARIABLES | {ROTATION: DEPLOYED_SETTINGS | settings}))
