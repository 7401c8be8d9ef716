"""Who may assume a role, and for how long."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3
import pytest
from mypy_boto3_sts.type_defs import CredentialsTypeDef

from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.sandbox.emulator.aws_says import HUB, MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)
HUB_ROLE = f"arn:aws:iam::{HUB}:role/Hub"
MEMBER_ROLE = f"arn:aws:iam::{MEMBER}:role/Rotation"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("hub", "hub@example.com", account_id=HUB)
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        yield cloud


def assume(cloud: LocalCloud, **params: object) -> str:
    """Try to assume the member's role from the hub."""
    hub = cloud.role_session(HUB, "Hub").client("sts")
    wanted: dict[str, Any] = {"RoleArn": MEMBER_ROLE, "RoleSessionName": "run", **params}
    return refusal(hub.assume_role, **wanted)


def test_a_trusted_caller_acts_in_the_other_account(cloud: LocalCloud) -> None:
    cloud.add_role(MEMBER, "Rotation", HUB_ROLE)
    hub = cloud.role_session(HUB, "Hub").client("sts")

    answer = hub.assume_role(RoleArn=MEMBER_ROLE, RoleSessionName="run")

    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/Rotation/run"
    identity = session_of(answer["Credentials"]).client("sts").get_caller_identity()
    assert identity["Account"] == MEMBER
    assert answer["Credentials"]["SecretAccessKey"] in cloud.secret_values().values()


def test_a_role_that_does_not_exist_cannot_be_assumed(cloud: LocalCloud) -> None:
    assert assume(cloud) == "AccessDenied"


@pytest.mark.parametrize("account", ["suspended", "closed", "unknown"])
def test_no_role_of_an_unusable_account_can_be_assumed(cloud: LocalCloud, account: str) -> None:
    cloud.add_role(MEMBER, "Rotation", HUB)
    match account:
        case "suspended":
            cloud.organization.suspend_account(MEMBER)
        case "closed":
            cloud.organization.close_account(MEMBER)
        case _:
            del cloud.organization.accounts[MEMBER]

    assert assume(cloud) == "AccessDenied"


@pytest.mark.parametrize("trusted", [MEMBER, f"arn:aws:iam::{HUB}:role/Other"])
def test_a_role_that_does_not_trust_the_caller_cannot_be_assumed(
    cloud: LocalCloud, trusted: str
) -> None:
    cloud.add_role(MEMBER, "Rotation", trusted)

    assert assume(cloud) == "AccessDenied"


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"ArnEquals": {"aws:PrincipalArn": HUB_ROLE}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{HUB}:role/Other"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": [f"arn:aws:iam::{HUB}:role/H*"]}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-keyturn001"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-another001"}}, False),
        ({"StringEquals": {"sts:ExternalId": "told"}}, False),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-keyturn001"}}, False),  # not known
    ],
)
def test_the_conditions_of_a_trust_policy_hold_or_do_not(
    cloud: LocalCloud, conditions: dict[str, dict[str, object]], *, holds: bool
) -> None:
    cloud.add_role(MEMBER, "Rotation", f"arn:aws:iam::{HUB}:root", conditions=conditions)

    if holds:
        hub = cloud.role_session(HUB, "Hub").client("sts")
        hub.assume_role(RoleArn=MEMBER_ROLE, RoleSessionName="run")
    else:
        assert assume(cloud) == "AccessDenied"


def test_an_external_id_opens_a_role_that_asks_for_it(cloud: LocalCloud) -> None:
    conditions = {"StringEquals": {"sts:ExternalId": "told"}}
    cloud.add_role(MEMBER, "Rotation", HUB, conditions=conditions)

    hub = cloud.role_session(HUB, "Hub").client("sts")
    hub.assume_role(RoleArn=MEMBER_ROLE, RoleSessionName="run", ExternalId="told")


@pytest.mark.parametrize(
    ("service", "operation", "error"),
    [
        ("iam", "list_users", "ExpiredToken"),
        ("secretsmanager", "list_secrets", "ExpiredTokenException"),
    ],
)
def test_a_session_ends_by_the_moved_clock(
    cloud: LocalCloud, service: Literal["iam", "secretsmanager"], operation: str, error: str
) -> None:
    cloud.add_role(MEMBER, "Rotation", HUB)
    hub = cloud.role_session(HUB, "Hub").client("sts")
    answer = hub.assume_role(RoleArn=MEMBER_ROLE, RoleSessionName="run", DurationSeconds=900)
    call = getattr(session_of(answer["Credentials"]).client(service), operation)

    call()
    cloud.move_to(START + timedelta(minutes=16))

    assert refusal(call) == error


def test_the_sandboxs_own_sessions_do_not_end(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")

    cloud.move_to(START + timedelta(days=400))

    iam.list_users()


def test_a_session_lasts_no_longer_than_its_role_allows(cloud: LocalCloud) -> None:
    cloud.add_role(MEMBER, "Rotation", HUB)

    assert assume(cloud, DurationSeconds=3601) == "ValidationError"


def test_a_role_reached_from_a_role_ends_after_an_hour(cloud: LocalCloud) -> None:
    cloud.session(MEMBER).client("iam").create_role(
        RoleName="Rotation",
        AssumeRolePolicyDocument='{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},'
        ' "Action": "sts:AssumeRole"}]}',
        MaxSessionDuration=7200,
    )
    cloud.add_user(HUB, "ann")
    person = cloud.key_session(cloud.add_key(HUB, "ann")).client("sts")

    assert assume(cloud, DurationSeconds=7200) == "ValidationError"
    person.assume_role(RoleArn=MEMBER_ROLE, RoleSessionName="run", DurationSeconds=7200)


def test_a_session_has_a_proper_name(cloud: LocalCloud) -> None:
    cloud.add_role(MEMBER, "Rotation", HUB)

    assert assume(cloud, RoleSessionName="account 333") == "ValidationError"


def test_nobody_acts_in_a_suspended_account(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    cloud.organization.suspend_account(MEMBER)

    assert refusal(iam.list_users) == "InvalidClientTokenId"
    cloud.organization.reopen_account(MEMBER)
    iam.list_users()


def session_of(credentials: CredentialsTypeDef) -> boto3.Session:
    return boto3.Session(
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        region_name="us-east-1",
    )
