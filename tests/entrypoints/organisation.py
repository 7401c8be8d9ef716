"""A small organisation in the local AWS, and an operator who has credentials in it."""

import os
from datetime import UTC, datetime, timedelta

import boto3

from keyturn.sandbox.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud

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
TELLING = ("--notify", "ses", "--bucket", BUCKET, "--admin", ADMIN)


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
