"""Where moto's Secrets Manager is kinder than AWS's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_secretsmanager.type_defs import TagTypeDef

from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.sandbox.emulator.aws_says import MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO, THREE = (sha256(text.encode()).hexdigest() for text in ("one", "two", "three"))


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        yield cloud


@pytest.fixture
def secrets(cloud: LocalCloud) -> SecretsManagerClient:
    return cloud.session(MEMBER).client("secretsmanager")


def labels(secrets: SecretsManagerClient, name: str = "one") -> dict[str, list[str]]:
    return secrets.describe_secret(SecretId=name).get("VersionIdsToStages", {})


@pytest.mark.parametrize("name", ["Account_1_User_a=2Cb_AccessKey", "a/b_c+d=e.f@g-h", "x" * 512])
def test_names_that_are_taken(secrets: SecretsManagerClient, name: str) -> None:
    secrets.create_secret(Name=name)

    assert secrets.describe_secret(SecretId=name)["Name"] == name


@pytest.mark.parametrize("name", ["a,b", "a b", "ä", "a:b", "x" * 513])
def test_names_that_are_refused(secrets: SecretsManagerClient, name: str) -> None:
    assert refusal(secrets.create_secret, Name=name) == "ValidationException"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user", "a,b"),
        ("user", "x" * 257),
        ("k" * 129, "v"),
        ("a,b", "v"),
        ("aws:owner", "v"),
    ],
)
def test_tags_that_are_refused(secrets: SecretsManagerClient, key: str, value: str) -> None:
    tags: list[TagTypeDef] = [{"Key": key, "Value": value}]
    secrets.create_secret(Name="one")

    assert refusal(secrets.create_secret, Name="two", Tags=tags) == "InvalidParameterException"
    assert refusal(secrets.tag_resource, SecretId="one", Tags=tags) == "InvalidParameterException"
    assert refusal(secrets.describe_secret, SecretId="two") == "ResourceNotFoundException"


def test_a_secret_has_fifty_tags_at_most(secrets: SecretsManagerClient) -> None:
    tags: list[TagTypeDef] = [{"Key": f"key {number}", "Value": "v"} for number in range(50)]
    secrets.create_secret(Name="one", Tags=tags)

    secrets.tag_resource(SecretId="one", Tags=[{"Key": "key 0", "Value": "changed"}])
    one_more: list[TagTypeDef] = [{"Key": "key 50", "Value": "v"}]
    assert refusal(secrets.tag_resource, SecretId="one", Tags=one_more) == (
        "InvalidParameterException"
    )
    secrets.untag_resource(SecretId="one", TagKeys=["key 1"])
    secrets.tag_resource(SecretId="one", Tags=one_more)


def test_a_token_has_64_characters_at_most(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one")
    token = {"ClientRequestToken": "t" * 65}

    assert refusal(secrets.put_secret_value, SecretId="one", SecretString="v", **token) == (
        "InvalidParameterException"
    )


def test_a_secret_without_a_value_has_no_version(secrets: SecretsManagerClient) -> None:
    created = secrets.create_secret(Name="one", ClientRequestToken=ONE)

    assert "VersionId" not in created
    assert labels(secrets) == {}
    assert refusal(secrets.get_secret_value, SecretId="one") == "ResourceNotFoundException"


def test_a_name_is_given_once(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one")
    secrets.create_secret(Name="two", SecretString="v", ClientRequestToken=ONE)

    assert refusal(secrets.create_secret, Name="one") == "ResourceExistsException"
    again = secrets.create_secret(Name="two", SecretString="v", ClientRequestToken=ONE)
    assert again["VersionId"] == ONE


def test_the_token_becomes_the_versions_id(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one")

    put = secrets.put_secret_value(SecretId="one", SecretString="v1", ClientRequestToken=ONE)

    assert put["VersionId"] == ONE
    assert labels(secrets) == {ONE: ["AWSCURRENT"]}


def test_the_same_value_may_be_put_twice_and_another_may_not(
    secrets: SecretsManagerClient,
) -> None:
    secrets.create_secret(Name="one")
    for _ in range(2):
        secrets.put_secret_value(SecretId="one", SecretString="v", ClientRequestToken=ONE)

    assert refusal(
        secrets.put_secret_value, SecretId="one", SecretString="other", ClientRequestToken=ONE
    ) == ("ResourceExistsException")
    assert labels(secrets) == {ONE: ["AWSCURRENT"]}
    assert secrets.get_secret_value(SecretId="one")["SecretString"] == "v"


def test_labels_move_on_and_a_version_without_one_is_not_listed(
    cloud: LocalCloud, secrets: SecretsManagerClient
) -> None:
    secrets.create_secret(Name="one")
    for token, value in ((ONE, "v1"), (TWO, "v2"), (THREE, "v3")):
        secrets.put_secret_value(SecretId="one", SecretString=value, ClientRequestToken=token)

    assert labels(secrets) == {TWO: ["AWSPREVIOUS"], THREE: ["AWSCURRENT"]}
    assert secrets.get_secret_value(SecretId="one")["SecretString"] == "v3"
    previous = secrets.get_secret_value(SecretId="one", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "v2"
    [state] = cloud.secrets(MEMBER)
    assert state.versions == {ONE: (), TWO: ("AWSPREVIOUS",), THREE: ("AWSCURRENT",)}
    assert state.values[THREE] == "v3"


def test_labels_moved_by_hand_change_what_is_read(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one", SecretString="v1", ClientRequestToken=ONE)
    secrets.put_secret_value(SecretId="one", SecretString="v2", ClientRequestToken=TWO)

    secrets.update_secret_version_stage(
        SecretId="one",
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=TWO,
        MoveToVersionId=ONE,
    )

    assert labels(secrets) == {ONE: ["AWSCURRENT"], TWO: ["AWSPREVIOUS"]}
    assert secrets.get_secret_value(SecretId="one")["SecretString"] == "v1"


def test_labels_of_ones_own_leave_the_current_version_alone(
    secrets: SecretsManagerClient,
) -> None:
    secrets.create_secret(Name="one", SecretString="v1", ClientRequestToken=ONE)
    secrets.put_secret_value(
        SecretId="one", SecretString="v2", ClientRequestToken=TWO, VersionStages=["PENDING"]
    )

    assert labels(secrets) == {ONE: ["AWSCURRENT"], TWO: ["PENDING"]}


def test_a_secret_scheduled_for_deletion_cannot_be_written(
    secrets: SecretsManagerClient,
) -> None:
    tags: list[TagTypeDef] = [{"Key": "a", "Value": "b"}]
    secrets.create_secret(Name="one", SecretString="v", ClientRequestToken=ONE, Tags=tags)
    secrets.delete_secret(SecretId="one", RecoveryWindowInDays=7)

    deleted = "InvalidRequestException"
    assert refusal(secrets.create_secret, Name="one") == deleted
    assert refusal(secrets.put_secret_value, SecretId="one", SecretString="w") == deleted
    assert refusal(secrets.get_secret_value, SecretId="one") == deleted
    assert refusal(secrets.tag_resource, SecretId="one", Tags=tags) == deleted
    assert refusal(secrets.untag_resource, SecretId="one", TagKeys=["a"]) == deleted
    described = secrets.describe_secret(SecretId="one")
    assert described["DeletedDate"] > START
    assert described["VersionIdsToStages"] == {ONE: ["AWSCURRENT"]}


def test_a_restored_secret_is_as_it_was(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one", SecretString="v")
    secrets.delete_secret(SecretId="one")

    secrets.restore_secret(SecretId="one")

    assert "DeletedDate" not in secrets.describe_secret(SecretId="one")
    assert secrets.get_secret_value(SecretId="one")["SecretString"] == "v"


def test_a_secret_is_gone_when_its_recovery_window_ends(
    cloud: LocalCloud, secrets: SecretsManagerClient
) -> None:
    secrets.create_secret(Name="one")
    secrets.delete_secret(SecretId="one", RecoveryWindowInDays=7)

    cloud.move_to(START + 6 * DAY)
    secrets.describe_secret(SecretId="one")
    cloud.move_to(START + 8 * DAY)

    assert refusal(secrets.restore_secret, SecretId="one") == "ResourceNotFoundException"
    assert refusal(secrets.describe_secret, SecretId="one") == "ResourceNotFoundException"
    secrets.create_secret(Name="one")


@pytest.mark.parametrize("days", [6, 31])
def test_a_recovery_window_has_7_to_30_days(secrets: SecretsManagerClient, days: int) -> None:
    secrets.create_secret(Name="one")
    window = {"RecoveryWindowInDays": days}

    assert refusal(secrets.delete_secret, SecretId="one", **window) == "InvalidParameterException"


def test_the_key_is_named_as_it_was_given(secrets: SecretsManagerClient) -> None:
    secrets.create_secret(Name="one", KmsKeyId="alias/keyturn")
    secrets.create_secret(Name="two")

    assert secrets.describe_secret(SecretId="one")["KmsKeyId"] == "alias/keyturn"
    assert "KmsKeyId" not in secrets.describe_secret(SecretId="two")


def test_a_secret_is_found_by_its_arn(secrets: SecretsManagerClient) -> None:
    arn = secrets.create_secret(Name="one")["ARN"]

    assert secrets.describe_secret(SecretId=arn)["Name"] == "one"


def listed(secrets: SecretsManagerClient) -> dict[str, tuple[dict[str, str], list[list[str]]]]:
    """Name → tags, and the labels of the versions, of all pages."""
    pages = secrets.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
    return {
        each["Name"]: (
            {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])},
            sorted(each.get("SecretVersionsToStages", {}).values()),
        )
        for page in pages
        for each in page["SecretList"]
    }


def test_a_list_shows_a_change_five_minutes_late(
    cloud: LocalCloud, secrets: SecretsManagerClient
) -> None:
    secrets.create_secret(Name="one", Tags=[{"Key": "a", "Value": "b"}])
    before = listed(secrets)
    cloud.move_to(START + timedelta(minutes=4))
    secrets.tag_resource(SecretId="one", Tags=[{"Key": "a", "Value": "c"}])
    secrets.put_secret_value(SecretId="one", SecretString="x")
    cloud.move_to(START + timedelta(minutes=6))
    made = listed(secrets)
    secrets.delete_secret(SecretId="one", ForceDeleteWithoutRecovery=True)
    cloud.move_to(START + timedelta(minutes=10))
    changed = listed(secrets)
    cloud.move_to(START + timedelta(minutes=12))

    assert before == {}
    assert made == {"one": ({"a": "b"}, [])}
    assert changed == {"one": ({"a": "c"}, [["AWSCURRENT"]])}
    assert listed(secrets) == {}


def test_a_list_comes_by_pages_and_names_no_replicas(
    cloud: LocalCloud, secrets: SecretsManagerClient
) -> None:
    for name in ("one", "two", "three", "four"):
        secrets.create_secret(Name=name, AddReplicaRegions=[{"Region": "eu-west-1"}])
    cloud.delays.secrets = timedelta(0)

    page = secrets.list_secrets()

    assert len(page["SecretList"]) == 3
    assert "NextToken" in page
    assert not any("ReplicationStatus" in each for each in page["SecretList"])
    assert set(listed(secrets)) == {"one", "two", "three", "four"}


@pytest.mark.parametrize(
    ("disabled", "error"), [(False, "AccessDeniedException"), (True, "EncryptionFailure")]
)
def test_kms_is_asked_for_values_alone(cloud: LocalCloud, disabled: bool, error: str) -> None:
    cloud.add_role(MEMBER, "keyturn", MEMBER)
    secrets = cloud.role_session(MEMBER, "keyturn").client("secretsmanager")
    closed = cloud.close_kms(MEMBER, disabled=disabled)

    secrets.create_secret(Name="one")
    secrets.tag_resource(SecretId="one", Tags=[{"Key": "a", "Value": "b"}])
    refused = refusal(secrets.put_secret_value, SecretId="one", SecretString="x")
    refused_at_once = refusal(secrets.create_secret, Name="two", SecretString="x")
    closed.lift()
    secrets.put_secret_value(SecretId="one", SecretString="x")

    assert refused == refused_at_once == error
    assert labels(secrets)
