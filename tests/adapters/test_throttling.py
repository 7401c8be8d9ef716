"""Throttled calls, as botocore sends them again, and one bucket for all who ask in an account."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from keyturn.adapters.clients import ATTEMPTS, shared_client
from keyturn.adapters.iam import IamAccessKeys
from keyturn.adapters.throttling import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    SENT_AGAIN_FOR,
    SHORTLY,
    pause,
)
from keyturn.adapters.token_bucket import BURST, LONGEST_WAIT, TokenBucket
from keyturn.domain.errors import NotFound, PortError, Throttled, Unavailable
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.settings import Settings
from keyturn.use_cases.gate import ASKED_EVERY
from keyturn.wiring import Aws
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.injected_errors import too_fast
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse, refused
from keyturn_sandbox.emulator.rate_limits import RateLimit
from tests.use_cases.harness import HUB, MEMBER, START

ROLE = "member"
OTHER = "444444444444"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
MANY = 40
"""Throttled calls after which the rate is at its lowest."""


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START, ticks=False) as cloud:
        cloud.organization.create_account("security", "s@example.com", account_id=HUB)
        cloud.add_role(HUB, "Rotation", HUB)
        for account in (MEMBER, OTHER):
            cloud.organization.create_account("m", "m@example.com", account_id=account)
            cloud.add_role(account, ROLE, HUB)
            cloud.add_user(account, "ann")
        yield cloud


def connected(cloud: LocalCloud) -> Aws:
    return Aws(
        session=cloud.role_session(HUB, "Rotation"),
        settings=Settings.read({"IAMRoleName": ROLE}),
        journal=lambda _action, _facts: None,
        clock=lambda: datetime.now(UTC),
    )


def keys_in(aws: Aws, account: str) -> IamAccessKeys:
    run = Run(id="r", account=Account(id=account), at=START, dry_run=True)
    keys = aws.run_account(run).keep.keys
    assert isinstance(keys, IamAccessKeys)
    return keys


def member(cloud: LocalCloud) -> IamAccessKeys:
    iam = shared_client(cloud.session(MEMBER), "iam", TokenBucket(lambda: cloud.now))
    return IamAccessKeys(iam, lambda: iam)


class Throttle:
    """A layer that throttles an operation, so often or for ever, and counts all attempts."""

    def __init__(self, operation: str, times: int | None = None, code: str = "Throttling") -> None:
        self.operation, self.times, self.code = operation, times, code
        self.attempts = 0

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation != self.operation:
            return perform(request)
        self.attempts += 1
        if self.times is not None and self.attempts > self.times:
            return perform(request)
        return refused(request, too_fast(request, self.code))


def seconds(cloud: LocalCloud, since: datetime) -> float:
    return (cloud.now - since) / timedelta(seconds=1)


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded"])
def test_a_call_that_is_throttled_more_often_than_botocore_tries_is_answered_at_last(
    cloud: LocalCloud, code: str
) -> None:
    layer = Throttle("ListAccessKeys", times=2 * ATTEMPTS, code=code)
    cloud.layers.append(layer)

    assert member(cloud).keys_of("ann") == ()

    assert layer.attempts == 2 * ATTEMPTS + 1


def test_a_call_that_is_always_throttled_is_given_up_within_the_time_that_is_said(
    cloud: LocalCloud,
) -> None:
    layer = Throttle("ListAccessKeys")
    cloud.layers.append(layer)
    began = cloud.now

    with pytest.raises(Throttled):
        member(cloud).keys_of("ann")

    longest = SENT_AGAIN_FOR + LONGEST_PAUSE + LONGEST_WAIT
    assert SENT_AGAIN_FOR <= seconds(cloud, began) < longest
    assert 8 < layer.attempts < 20


@pytest.mark.parametrize("operation", ["UpdateAccessKey", "DeleteAccessKey", "TagResource"])
def test_a_write_that_is_always_throttled_is_given_up_within_five_seconds(
    cloud: LocalCloud, operation: str
) -> None:
    """Whoever allowed it asked who is exempt 20 s ago at most: 30 s are not passed."""
    layer = Throttle(operation)
    cloud.layers.append(layer)
    bucket, session = TokenBucket(lambda: cloud.now), cloud.session(MEMBER)
    keys, secrets = member(cloud), shared_client(session, "secretsmanager", bucket)
    began = cloud.now

    write: Mapping[str, Callable[[], object]] = {
        "UpdateAccessKey": lambda: keys.disable("ann", KEY_ID),
        "DeleteAccessKey": lambda: keys.delete("ann", KEY_ID),
        "TagResource": lambda: secrets.tag_resource(SecretId="ann", Tags=[]),
    }
    with pytest.raises((Throttled, ClientError)):
        write[operation]()

    assert 0.9 * SHORTLY < seconds(cloud, began) < SHORTLY + 1
    assert timedelta(seconds=SHORTLY) + ASKED_EVERY <= timedelta(seconds=25)
    assert layer.attempts >= 7  # with one in ten throttled, one write in ten million fails


def test_a_secret_that_is_nowhere_else_is_sent_again_as_patiently_as_a_read(
    cloud: LocalCloud,
) -> None:
    layer = Throttle("PutSecretValue")
    cloud.layers.append(layer)
    bucket = TokenBucket(lambda: cloud.now)
    secrets = shared_client(cloud.session(MEMBER), "secretsmanager", bucket)
    began = cloud.now

    with pytest.raises(ClientError):
        secrets.put_secret_value(SecretId="ann", SecretString="x", ClientRequestToken="t" * 32)

    assert seconds(cloud, began) >= SENT_AGAIN_FOR


def test_what_stops_a_leaked_key_waits_for_no_token_and_is_stubborn(cloud: LocalCloud) -> None:
    aws = connected(cloud)
    throttled_to_the_floor(cloud, keys_in(aws, MEMBER))
    run = Run(id="r", account=Account(id=MEMBER), at=START, dry_run=False)
    keys = aws.run_command(run).keys
    made = keys.create("ann")

    began = cloud.now
    assert keys.owner_of(made.key_id) == "ann"
    assert [key.key_id for key in keys.keys_of("ann")] == [made.key_id]
    assert seconds(cloud, began) < 0.1

    cloud.layers.append(Throttle("UpdateAccessKey", times=9))
    keys.disable("ann", made.key_id)
    assert seconds(cloud, began) > SHORTLY


def test_lost_answers_are_asked_for_as_often_as_before(cloud: LocalCloud) -> None:
    attempts = []

    def lost(request: ApiRequest, _perform: Perform) -> ApiResponse:
        attempts.append(request.operation)
        raise ReadTimeoutError(endpoint_url=request.http.url)

    cloud.layers.append(lost)

    with pytest.raises(Unavailable):
        member(cloud).keys_of("ann")

    assert len(attempts) == ATTEMPTS


def test_a_refusal_that_is_no_throttle_is_given_at_once(cloud: LocalCloud) -> None:
    began = cloud.now

    with pytest.raises(NotFound):
        member(cloud).keys_of("bob")

    assert seconds(cloud, began) < FIRST_PAUSE


def test_pauses_double_up_to_the_longest_and_are_never_less_than_half() -> None:
    shortest = [pause(n, lambda: 0.0) for n in range(1, 10)]
    longest = [pause(n, lambda: 1.0) for n in range(1, 10)]

    assert longest == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert shortest == [each / 2 for each in longest]


def throttled_to_the_floor(cloud: LocalCloud, keys: IamAccessKeys) -> None:
    """Have the client that makes keys be throttled, which nobody else of the account is."""
    layer = Throttle("CreateAccessKey")
    cloud.layers.append(layer)
    for _ in range(MANY):
        with pytest.raises(Throttled):
            keys.create("ann")
    cloud.layers.remove(layer)
    assert layer.attempts == MANY  # each of them once


def test_all_clients_of_an_account_share_its_bucket_and_no_other_account_does(
    cloud: LocalCloud,
) -> None:
    aws = connected(cloud)
    keys, others = keys_in(aws, MEMBER), keys_in(aws, OTHER)
    throttled_to_the_floor(cloud, keys)

    began = cloud.now
    for _ in range(10):
        others.keys_of("ann")
    assert seconds(cloud, began) < 0.1

    began = cloud.now
    for _ in range(10):
        keys.keys_of("ann")
    assert seconds(cloud, began) > 2


def test_what_an_account_bears_is_known_when_its_clients_are_made_anew(cloud: LocalCloud) -> None:
    aws = connected(cloud)
    throttled_to_the_floor(cloud, keys_in(aws, MEMBER))

    aws.forget(MEMBER)
    keys = keys_in(aws, MEMBER)
    began = cloud.now
    for _ in range(10):
        keys.keys_of("ann")

    assert seconds(cloud, began) > 2


def test_a_write_waits_for_no_read(cloud: LocalCloud) -> None:
    """An intent holds for a minute, and a leaked key works until it is stopped."""
    keys = keys_in(connected(cloud), MEMBER)
    throttled_to_the_floor(cloud, keys)

    began = cloud.now
    made = keys.create("ann")
    keys.disable("ann", made.key_id)
    keys.delete("ann", made.key_id)

    assert seconds(cloud, began) < 0.1


def test_reads_pay_for_the_writes_that_went_before(cloud: LocalCloud) -> None:
    keys = keys_in(connected(cloud), MEMBER)
    throttled_to_the_floor(cloud, keys)
    for _ in range(10):
        keys.delete("ann", "AKIAIOSFODNN7EXAMPLE")

    began = cloud.now
    keys.keys_of("ann")

    assert seconds(cloud, began) > 4


def test_an_account_that_bears_little_is_asked_slowly_and_answers_everything(
    cloud: LocalCloud,
) -> None:
    limit = RateLimit(clock=time.time)
    cloud.layers.append(limit)
    keys = member(cloud)

    for _ in range(300):
        keys.keys_of("ann")

    assert limit.passed == 300
    assert limit.throttled < 0.3 * limit.passed


def test_a_signature_is_made_when_the_wait_is_over(cloud: LocalCloud) -> None:
    """A call that waited must not go out with the time at which it began to wait."""
    bucket = TokenBucket(lambda: cloud.now)
    iam = shared_client(cloud.session(MEMBER), "iam", bucket)
    signed: list[Mapping[str, object]] = []

    def note(request: ApiRequest, perform: Perform) -> ApiResponse:
        signed.append({"at": cloud.now, "date": request.http.headers["X-Amz-Date"]})
        return perform(request)

    cloud.layers.append(note)
    for _ in range(int(BURST) + 200):
        bucket.owe()
    iam.list_users()

    [sent] = signed
    assert sent["at"] == pytest.approx(START + timedelta(seconds=10), abs=timedelta(seconds=1))
    assert sent["date"] == sent["at"].strftime("%Y%m%dT%H%M%SZ").encode()  # type: ignore[attr-defined]  # a time


def test_what_cannot_be_told_teaches_the_bucket_nothing(cloud: LocalCloud) -> None:
    bucket = TokenBucket(lambda: cloud.now)
    iam = shared_client(cloud.session(MEMBER), "iam", bucket, attempts=1)
    keys = IamAccessKeys(iam, lambda: iam)
    before = bucket.rate

    def broken(request: ApiRequest, _perform: Perform) -> ApiResponse:
        return ApiResponse(status=500, body=b"", error="InternalFailure")

    cloud.layers.append(broken)
    for _ in range(20):
        with pytest.raises(PortError):
            keys.keys_of("ann")

    assert bucket.rate == before


def test_our_own_accounts_calls_are_sent_again_as_patiently(cloud: LocalCloud) -> None:
    layer = Throttle("GetCallerIdentity", times=2 * ATTEMPTS)
    cloud.layers.append(layer)

    assert connected(cloud).own_account() == HUB

    assert layer.attempts == 2 * ATTEMPTS + 1
