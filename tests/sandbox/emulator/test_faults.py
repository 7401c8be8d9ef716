"""What goes wrong on the way, and how the sandbox goes back to where it was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from mypy_boto3_iam import IAMClient

from keyturn.adapters.clients import ATTEMPTS, client
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.emulator.faults import Fault, Faults, KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest
from tests.sandbox.emulator.aws_says import HUB, MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START, ticks=False) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        cloud.organization.create_account("hub", "hub@example.com", account_id=HUB)
        cloud.session(HUB).client("s3").create_bucket(Bucket="receipts")
        yield cloud


@pytest.fixture
def iam(cloud: LocalCloud) -> IAMClient:
    return cloud.session(MEMBER).client("iam")


def about_a_user(request: ApiRequest) -> str:
    name: str = request.params.get("UserName", "")
    return name


def faults(fault: Fault, at: int, of: str = "") -> Faults:
    return Faults(fault=fault, at=at, of=of, watches=lambda _: True, subject=about_a_user)


def test_the_calls_about_each_user_have_numbers_of_their_own(
    cloud: LocalCloud, iam: IAMClient
) -> None:
    for name in ("ann", "bob"):
        cloud.add_user(MEMBER, name)
    layer = faults(Fault.DENIED, 2, of="bob")
    cloud.layers.append(layer)

    iam.list_access_keys(UserName="ann")
    iam.list_access_keys(UserName="bob")
    iam.list_user_tags(UserName="ann")

    assert refusal(iam.list_user_tags, UserName="bob") == "AccessDenied"
    assert layer.seen == [
        ("ann", "iam:ListAccessKeys"),
        ("bob", "iam:ListAccessKeys"),
        ("ann", "iam:ListUserTags"),
        ("bob", "iam:ListUserTags"),
    ]


@pytest.mark.parametrize(("fault", "made"), [(Fault.KILLED_BEFORE, 0), (Fault.KILLED_AFTER, 1)])
def test_the_killed_reach_nothing_any_more_in_any_thread(
    cloud: LocalCloud, iam: IAMClient, fault: Fault, made: int
) -> None:
    names = [f"user-{number}" for number in range(8)]
    for name in names:
        cloud.add_user(MEMBER, name)
    cloud.layers.append(faults(fault, 2, of="user-3"))

    def lives(name: str) -> None:
        while True:
            iam.list_access_keys(UserName=name)
            if name == "user-3":
                iam.create_access_key(UserName=name)

    def works(name: str) -> None:
        with pytest.raises(KilledError):
            lives(name)
        with pytest.raises(KilledError):  # as a `finally` would
            iam.create_access_key(UserName=name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(works, names))

    assert len(cloud.keys(MEMBER)) == made


@pytest.mark.parametrize(
    ("fault", "befallen"),
    [
        (Fault.LOST_REQUEST, 1),
        (Fault.LOST_ANSWER, 1),
        (Fault.TIMED_OUT, 1),
        (Fault.THROTTLED_A_WHILE, ATTEMPTS - 1),
    ],
)
def test_what_passes_by_itself_is_outlasted_by_keyturns_retries(
    cloud: LocalCloud, fault: Fault, befallen: int
) -> None:
    layer = faults(fault, 1)
    cloud.layers.append(layer)

    client(cloud.session(MEMBER), "iam").list_users()

    assert len(layer.seen) == befallen + 1


def test_a_fault_of_kms_befalls_the_storing_of_values_alone() -> None:
    of_kms = {fault for fault in Fault if not fault.befalls("iam:CreateAccessKey")}

    assert of_kms == {Fault.KMS_DENIED, Fault.KMS_DISABLED}
    assert all(fault.befalls("secretsmanager:PutSecretValue") for fault in Fault)


def test_a_clock_that_does_not_tick_moves_by_calls(cloud: LocalCloud, iam: IAMClient) -> None:
    before = cloud.now

    iam.list_users()
    iam.list_users()

    assert round((cloud.now - before) / timedelta(milliseconds=1)) == 2


def test_everything_can_be_put_back_as_it_was(cloud: LocalCloud, iam: IAMClient) -> None:
    secret_store = cloud.session(MEMBER).client("secretsmanager")
    s3 = cloud.session(HUB).client("s3")
    cloud.add_user(MEMBER, "ann")
    old = cloud.add_key(MEMBER, "ann")
    secret_store.create_secret(Name="one", SecretString="before")
    s3.put_object(Bucket="receipts", Key="a", Body=b"before")
    iam.create_group(GroupName="exempt")
    put_back = cloud.checkpoint([MEMBER])

    def everything() -> tuple[object, ...]:
        return (
            cloud.keys(MEMBER),
            cloud.secrets(MEMBER),
            cloud.objects("receipts"),
            [call.operation for call in cloud.calls],
            set(cloud.secret_values()) & {key.key_id for key in cloud.keys(MEMBER)},
            cloud.now.replace(microsecond=0),
        )

    before = everything()
    made = []
    for _ in range(2):
        new = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName="ann", AccessKeyId=old, Status="Inactive")
        iam.add_user_to_group(GroupName="exempt", UserName="ann")
        secret_store.put_secret_value(SecretId="one", SecretString="after")
        s3.put_object(Bucket="receipts", Key="b", Body=b"after")
        cloud.deny(MEMBER, "ListUsers")
        cloud.move_to(START + timedelta(days=3))
        made.append(new)
        assert everything() != before
        put_back()
        assert everything() == before
        assert iam.get_group(GroupName="exempt")["Users"] == []

        put_back()

    assert made[0] == made[1]
