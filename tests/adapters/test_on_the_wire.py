"""
What goes over the wire is what boto3 by itself would send: only who calls is named by us.

It is compared to the byte, signature and all, with the botocore that uv.lock pins.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import time_machine
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.session import Session, get_session
from moto.core.botocore_stubber import MockRawResponse

import keyturn
from keyturn.adapters.clients import (
    ATTEMPTS,
    CONNECT_SECONDS,
    MOST_CONNECTIONS,
    READ_SECONDS,
    client,
    shared_client,
)
from keyturn.adapters.sdk_session import AnySession
from keyturn.adapters.sts import session_as
from keyturn.adapters.token_bucket import TokenBucket

AT = datetime(2026, 3, 2, 5, tzinfo=UTC)
CREDENTIALS = ("ASIAIOSFODNN7EXAMPLE", "none", "token")
OF_BOTO3 = Config(
    retries={"total_max_attempts": ATTEMPTS, "mode": "adaptive"},
    max_pool_connections=MOST_CONNECTIONS,
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
)
SECRET = "Account_222222222222_User_ann_AccessKey"
ROLE = "arn:aws:iam::222222222222:role/m"
OF_AN_OPERATOR = f"Boto3/{boto3.__version__}"
OF_A_FUNCTION = f"Botocore/{metadata.version('botocore')}"
QUEUE = "https://sqs.us-east-1.amazonaws.com/222222222222/q"
CALLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "iam": ("create_access_key", {"UserName": "ann+é@example.com"}),
    "sts": ("assume_role", {"RoleArn": ROLE, "RoleSessionName": "keyturn"}),
    "secretsmanager": ("put_secret_value", {"SecretId": SECRET, "SecretString": '{"k": "v"}'}),
    "s3": (
        "put_object",
        {"Bucket": "b", "Key": "receipts/a b/ü", "Body": b"{}", "IfNoneMatch": "*"},
    ),
    "sesv2": ("get_email_identity", {"EmailIdentity": "ann@example.com"}),
    "sqs": ("send_message", {"QueueUrl": QUEUE, "MessageBody": "m"}),
    "events": ("put_events", {"Entries": [{"Source": "k", "Detail": "{}", "Time": AT}]}),
    "kms": ("generate_mac", {"KeyId": "k", "MacAlgorithm": "HMAC_SHA_256", "Message": b"m"}),
    "organizations": ("list_accounts", {}),
}
"""Service → one call of each protocol and each way to sign."""


class Sent(Exception):
    """It would leave now."""


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same time and the same id of a call for both."""
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=1))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with time_machine.travel(AT.timestamp(), tick=False):
        yield


def sent_by(made: Any, service: str) -> tuple[Any, ...]:  # noqa: ANN401 -- boto3 makes the class at run time
    """What one call sends: method, address, headers, body."""
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: object) -> None:
        caught.append(request)
        raise Sent

    made.meta.events.register_last("before-send", catch)
    operation, params = CALLS[service]
    with pytest.raises(Sent):
        getattr(made, operation)(**params)
    [request] = caught
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    body: Any = request.body
    return request.method, request.url, headers, body.read() if hasattr(body, "read") else body


@cache  # its models are read once
def own() -> boto3.Session:
    return boto3.Session(*CREDENTIALS, region_name="us-east-1")


@cache
def a_functions() -> Session:
    """A session as a function has it, without boto3."""
    session = get_session()
    session.set_config_variable("region", "us-east-1")
    session.set_credentials(*CREDENTIALS)
    return session


def member(of: Callable[[], AnySession] = own) -> AnySession:
    """A member account's session, which has the same credentials."""
    key_id, secret, token = CREDENTIALS
    answer = {
        "AccessKeyId": key_id,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": AT + timedelta(hours=1),
    }
    sts: Any = SimpleNamespace(assume_role=lambda **_: {"Credentials": answer})
    return session_as(of(), sts, ROLE, "us-east-1")


@pytest.mark.parametrize(
    ("service", "session", "sdk"),
    [
        *((service, own, OF_AN_OPERATOR) for service in CALLS),
        *((service, a_functions, OF_A_FUNCTION) for service in CALLS),
        *((service, member, OF_AN_OPERATOR) for service in ("iam", "secretsmanager")),
        *(
            (service, partial(member, a_functions), OF_A_FUNCTION)
            for service in ("iam", "secretsmanager")
        ),
    ],
)
def test_a_request_is_boto3s_but_for_the_name_of_who_calls(
    service: str, session: Callable[[], AnySession], sdk: str
) -> None:
    plain: Any = own().client(service, config=OF_BOTO3)  # type: ignore[call-overload] # any service

    *ours, headers, body = sent_by(client(session(), service), service)
    *theirs, their_headers, their_body = sent_by(plain, service)

    assert (ours, body) == (theirs, their_body)
    agent, theirs_was = headers.pop("user-agent"), their_headers.pop("user-agent")
    assert headers == their_headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/")
    assert "keyturn" not in theirs_was
    assert agent.split()[:2] == [f"keyturn/{keyturn.__version__}", sdk]
    assert OF_A_FUNCTION in agent.split()


@pytest.mark.parametrize("service", ["iam", "secretsmanager"])
def test_a_client_that_shares_a_bucket_sends_the_same(service: str) -> None:
    bucket = TokenBucket(lambda: datetime.now(UTC))

    assert sent_by(shared_client(own(), service, bucket), service) == sent_by(
        client(own(), service), service
    )


def test_the_version_that_is_named_is_the_packages() -> None:
    assert keyturn.__version__ == metadata.version("keyturn")


def test_an_application_of_the_operators_profile_is_named_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "our app/é")
    session = boto3.Session(*CREDENTIALS, region_name="us-east-1")
    plain: Any = session.client("iam", config=OF_BOTO3)

    agents = [sent_by(made, "iam")[2] for made in (client(session, "iam"), plain)]

    for headers in agents:
        assert isinstance(headers, dict)
        assert "app/our-app--" in headers["user-agent"].split()


@pytest.mark.parametrize(
    ("service", "body", "of"),
    [
        pytest.param(
            "iam",
            "<R><CreateAccessKeyResult><AccessKey><UserName>ann</UserName><CreateDate>{}</CreateDate>"
            "</AccessKey></CreateAccessKeyResult></R>",
            lambda answer: answer["AccessKey"]["CreateDate"],
            id="XML",
        ),
        pytest.param(
            "organizations",
            '{{"Accounts": [{{"JoinedTimestamp": {}}}]}}',
            lambda answer: answer["Accounts"][0]["JoinedTimestamp"],
            id="JSON",
        ),
    ],
)
def test_clients_read_times_as_boto3s_do(
    service: str, body: str, of: Callable[[Mapping[str, Any]], datetime]
) -> None:
    written = "2026-03-02T05:00:00Z" if service == "iam" else "1772427600.25"
    plain: Any = own().client(service, config=OF_BOTO3)  # type: ignore[call-overload] # any service
    read: list[datetime] = []
    for made in (client(own(), service), plain):

        def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
            raw: Any = MockRawResponse(body.format(written).encode())
            return AWSResponse(request.url, 200, HTTPHeaders(), raw)

        made.meta.events.register_last("before-send", answer)
        operation, params = CALLS[service]
        read.append(of(getattr(made, operation)(**params)))

    assert read[0] == read[1]
    assert read[0].utcoffset() == read[1].utcoffset()
