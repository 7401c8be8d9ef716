"""The local AWS itself: its clock, its log, its callers, and the chain a request goes through."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from mypy_boto3_iam.type_defs import TagTypeDef

from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.sandbox.emulator.aws_says import MEMBER, refusal

START = datetime(2026, 1, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        cloud.add_user(MEMBER, "ann")
        yield cloud


def test_everybody_sees_the_moved_clock(cloud: LocalCloud) -> None:
    cloud.move_to(START + 90 * DAY)

    iam = cloud.session(MEMBER).client("iam")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert key["CreateDate"] == START + 90 * DAY
    assert datetime.now(UTC) - (START + 90 * DAY) < DAY
    assert time.time() - (START + 90 * DAY).timestamp() < DAY.total_seconds()


def test_the_clock_goes_on_by_itself(cloud: LocalCloud) -> None:
    before = cloud.now
    time.sleep(0.01)

    assert before < cloud.now < before + DAY


def test_a_closed_cloud_gives_the_clock_and_the_environment_back() -> None:
    before = dict(os.environ)

    with LocalCloud(now=START):
        pass

    assert abs(datetime.now(UTC) - START) > DAY
    assert dict(os.environ) == before


def test_a_cloud_remembers_nothing_of_the_one_before() -> None:
    for _ in range(3):
        with LocalCloud(now=START) as cloud:
            account = cloud.organization.create_account("prod", "prod@example.com")
            session = cloud.session(account)
            assert session.client("iam").list_users()["Users"] == []
            session.client("iam").create_user(UserName="ann")
            session.client("s3").create_bucket(Bucket="reports")
            session.client("events").create_event_bus(Name="keyturn")
            assert cloud.secrets(account) == []
            session.client("secretsmanager").create_secret(Name="one")


def test_a_cloud_opens_quickly() -> None:
    with LocalCloud(now=START):
        pass
    begun = time.perf_counter()

    with LocalCloud(now=START):
        assert time.perf_counter() - begun < 0.1


def test_the_log_tells_who_asked_what_and_what_became_of_it(cloud: LocalCloud) -> None:
    iam = cloud.role_session(MEMBER, "Rotation", "run-1").client("iam")
    answer = iam.create_access_key(UserName="ann")
    refusal(iam.delete_access_key, UserName="ann", AccessKeyId="AKIAIOSFODNN7EXAMPLE")

    created, deleted = cloud.calls
    assert created.account == MEMBER
    assert created.principal == f"arn:aws:sts::{MEMBER}:assumed-role/Rotation/run-1"
    assert (created.service, created.operation) == ("iam", "CreateAccessKey")
    assert created.params == {"UserName": "ann"}
    assert created.result == {
        "UserName": "ann",
        "AccessKeyId": answer["AccessKey"]["AccessKeyId"],
    }
    assert created.error is None
    assert created.request_id == answer["ResponseMetadata"]["RequestId"]
    assert START <= created.at < START + DAY
    assert deleted.error == "NoSuchEntity"
    assert deleted.result == {}


def test_the_log_holds_no_secret_and_no_body(cloud: LocalCloud) -> None:
    session = cloud.session(MEMBER)
    secrets, s3 = session.client("secretsmanager"), session.client("s3")
    secrets.create_secret(Name="one", SecretString="canary", Tags=[{"Key": "a", "Value": "b"}])
    secrets.get_secret_value(SecretId="one")
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="one", Body=b"canary", IfNoneMatch="*")
    key = session.client("iam").create_access_key(UserName="ann")["AccessKey"]
    refusal(
        session.client("sesv2").send_email,
        FromEmailAddress="a@example.com",
        Content={"Raw": {"Data": b"canary"}},
    )

    assert "canary" not in repr(cloud.calls)
    assert key["SecretAccessKey"] not in repr(cloud.calls)
    assert cloud.calls[0].params["Tags"] == [{"Key": "a", "Value": "b"}]
    put = next(call for call in cloud.calls if call.operation == "PutObject")
    assert (put.params["Bucket"], put.params["Key"]) == ("reports", "one")
    assert put.params["IfNoneMatch"] == "*"
    assert put.result["ETag"]


def test_the_log_tells_of_what_moto_answers_too(cloud: LocalCloud) -> None:
    session = cloud.session(MEMBER)
    iam = session.client("iam")
    tags: list[TagTypeDef] = [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]

    made = iam.create_user(UserName="bob", Tags=tags)
    assert refusal(iam.get_user, UserName="carl") == "NoSuchEntity"
    secrets = session.client("secretsmanager")
    assert refusal(secrets.put_resource_policy, SecretId="none", ResourcePolicy="{}") == (
        "ResourceNotFoundException"
    )

    assert [call.error for call in cloud.calls] == [
        None,
        "NoSuchEntity",
        "ResourceNotFoundException",
    ]
    assert cloud.calls[0].params == {"UserName": "bob", "Tags": tags}
    assert cloud.calls[0].request_id == made["ResponseMetadata"]["RequestId"]


def test_each_attempt_is_a_call_of_its_own(cloud: LocalCloud) -> None:
    cloud.throttle(MEMBER, "ListUsers", times=2)

    begun = time.monotonic()
    cloud.role_session(MEMBER, "Rotation").client("iam").list_users()

    assert time.monotonic() - begun < 0.5  # nobody slept: the clock was moved
    assert [call.error for call in cloud.calls] == ["Throttling", "Throttling", None]


def test_a_denial_stands_until_it_is_lifted(cloud: LocalCloud) -> None:
    secrets = cloud.role_session(MEMBER, "Rotation").client("secretsmanager")
    denial = cloud.deny(MEMBER, "secretsmanager:CreateSecret")
    cloud.deny("999999999999", "CreateSecret")

    assert refusal(secrets.create_secret, Name="one") == "AccessDeniedException"
    cloud.session(MEMBER).client("secretsmanager").create_secret(Name="an-administrators")
    denial.lift()
    secrets.create_secret(Name="one")


def test_a_denial_can_have_a_name_of_its_own(cloud: LocalCloud) -> None:
    cloud.deny(None, "CreateSecret", "EncryptionFailure", times=1)
    secrets = cloud.role_session(MEMBER, "Rotation").client("secretsmanager")

    assert refusal(secrets.create_secret, Name="one") == "EncryptionFailure"
    secrets.create_secret(Name="one")


def test_a_layer_can_lose_a_request_before_it_arrives(cloud: LocalCloud) -> None:
    def lose(request: ApiRequest, _: Perform) -> ApiResponse:
        raise ConnectTimeoutError(endpoint_url=request.http.url)

    cloud.layers.append(lose)
    with pytest.raises(ConnectTimeoutError):
        cloud.session(MEMBER).client("iam").create_access_key(UserName="ann")

    assert cloud.keys(MEMBER) == []
    assert cloud.calls == []


def test_a_layer_can_lose_an_answer_and_the_caller_tries_again(cloud: LocalCloud) -> None:
    lost: list[ApiResponse] = []

    def lose_the_first_answer(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if not lost:
            lost.append(answer)
            raise ConnectTimeoutError(endpoint_url=request.http.url)
        return answer

    cloud.layers.append(lose_the_first_answer)
    cloud.session(MEMBER).client("iam").create_access_key(UserName="ann")

    assert [call.operation for call in cloud.calls] == ["CreateAccessKey"] * 2
    assert len(cloud.keys(MEMBER)) == 2


def test_a_layer_can_end_its_caller(cloud: LocalCloud) -> None:
    def kill(_: ApiRequest, __: Perform) -> ApiResponse:
        raise KeyboardInterrupt

    cloud.layers.append(kill)
    with pytest.raises(KeyboardInterrupt):
        cloud.session(MEMBER).client("iam").list_users()


def test_the_first_layer_is_the_outermost(cloud: LocalCloud) -> None:
    seen: list[str] = []

    def first(request: ApiRequest, perform: Perform) -> ApiResponse:
        seen.append("first")
        return perform(request)

    def second(request: ApiRequest, perform: Perform) -> ApiResponse:
        seen.append("second")
        return perform(request)

    cloud.layers.extend([first, second])
    cloud.session(MEMBER).client("iam").list_users()

    assert seen == ["first", "second"]


def test_handlers_may_run_in_threads(cloud: LocalCloud) -> None:
    def work(number: int) -> None:
        iam = cloud.role_session(MEMBER, f"Role{number}").client("iam")
        for step in range(10):
            iam.create_user(UserName=f"user-{number}-{step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(cloud.calls) == 40
    paginator = cloud.session(MEMBER).client("iam").get_paginator("list_users")
    assert sum(len(page["Users"]) for page in paginator.paginate()) == 41


def test_what_the_sandbox_does_not_know_is_no_silent_success(cloud: LocalCloud) -> None:
    with pytest.raises(NotImplementedError, match="translate:ListLanguages"):
        cloud.session(MEMBER).client("translate").list_languages()
    with pytest.raises(NotImplementedError, match="s3:ListBuckets"):
        cloud.session(MEMBER).client("s3").list_buckets()


def test_credentials_from_elsewhere_do_not_work(cloud: LocalCloud) -> None:
    nobody = boto3.Session("AKIAIOSFODNN7EXAMPLE", "none", region_name="us-east-1")

    assert refusal(nobody.client("iam").list_users) == "InvalidClientTokenId"
    assert refusal(nobody.client("secretsmanager").list_secrets) == "UnrecognizedClientException"


def test_a_call_without_a_signature_is_refused(cloud: LocalCloud) -> None:
    unsigned = cloud.session(MEMBER).client("iam", config=Config(signature_version=UNSIGNED))

    assert refusal(unsigned.list_users) == "InvalidClientTokenId"
    assert cloud.calls[-1].account == ""


def test_a_key_works_for_its_owner_while_it_is_active(cloud: LocalCloud) -> None:
    key_id = cloud.add_key(MEMBER, "ann")
    owner = cloud.key_session(key_id).client("sts")
    iam = cloud.session(MEMBER).client("iam")

    assert owner.get_caller_identity()["Arn"] == f"arn:aws:iam::{MEMBER}:user/ann"
    iam.update_access_key(UserName="ann", AccessKeyId=key_id, Status="Inactive")
    assert refusal(owner.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName="ann", AccessKeyId=key_id, Status="Active")
    owner.get_caller_identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key_id)
    assert refusal(owner.get_caller_identity) == "InvalidClientTokenId"


def test_a_key_needs_its_secret(cloud: LocalCloud) -> None:
    key_id = cloud.add_key(MEMBER, "ann")
    thief = boto3.Session(key_id, "guessed", region_name="us-east-1")

    assert refusal(thief.client("sts").get_caller_identity) == "SignatureDoesNotMatch"
    assert cloud.last_used_of(MEMBER, key_id) is None


def test_every_secret_handed_out_is_known_afterwards(cloud: LocalCloud) -> None:
    iam = cloud.session(MEMBER).client("iam")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])

    assert cloud.secret_values()[key["AccessKeyId"]] == key["SecretAccessKey"]
