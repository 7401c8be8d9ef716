"""The AWSs on this machine on which probes are tried, each as a bench."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from keyturn.adapters.clients import client as make_client
from keyturn.rehearsal.guarding import Guard
from keyturn.rehearsal.model.guard import Allowed
from keyturn.rehearsal.model.own import Marks, RehearsalId
from keyturn.rehearsal.probes.bench import Bench
from keyturn_sandbox.emulator.cloud import LocalCloud

IDS = tuple(RehearsalId(f"{number:08x}") for number in range(64))
"""One for each time that a probe is tried in the same place."""
ID = IDS[0]
REGION = "us-east-1"
ACCOUNT = "111111111111"
BUCKET = "keyturn-rehearsals"
SEAL_KEY = "alias/keyturn-seal"
START = datetime(2026, 3, 2, 5, tzinfo=UTC)

Make = Callable[[str, str | None, str | None], boto3.Session]
"""Makes a session: of the operator where no key is given, else of an access key and its secret."""


@dataclass(frozen=True)
class Place:
    """A bench, and what was asked of it."""

    bench: Bench
    guard: Guard


def key_session(key_id: str, secret: str) -> boto3.Session:
    """A session with an access key."""
    return boto3.Session(key_id, secret, region_name=REGION)


class Waiting:
    """A clock that only measures, and goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0

    def sleep(self, seconds: float) -> None:
        """Wait, without waiting."""
        self.passed += seconds


def place(  # noqa: PLR0913 -- what a bench has
    session: boto3.Session,
    as_key: Callable[[str, str], boto3.Session],
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    seconds: Callable[[], float],
    wrap: Callable[[str, Any], Any] = lambda _service, client: client,
    made: Callable[[boto3.Session, str], object] = make_client,
) -> Place:
    """A bench whose every call passes the rehearsal's guard; wrap: takes each client's place."""
    tags = Marks.of(
        ID, by="arn:aws:iam::111111111111:user/tester", now=START, region="us-east-1"
    ).tags()
    folders = frozenset(each.folder for each in IDS)
    guard = Guard(Allowed(ids=frozenset(IDS), bucket=BUCKET, folders=folders))
    guard.stamp(tags)
    guard.watch(session)

    @cache
    def client(service: str) -> object:
        return wrap(service, made(session, service))

    def key_client(service: str, key_id: str, secret: str) -> object:
        return wrap(service, made(guard.watch(as_key(key_id, secret)), service))

    bench = Bench(
        client=client,
        as_key=key_client,
        id=ID,
        tags=tags,
        clock=clock,
        seconds=seconds,
        sleep=sleep,
        bucket=BUCKET,
        seal_key=SEAL_KEY,
        message_wait=0,
    )
    return Place(bench=bench, guard=guard)


@contextmanager
def sandbox() -> Iterator[LocalCloud]:
    """The local AWS of demo and tests, with a bucket and a seal key."""
    with LocalCloud(now=START, ticks=False) as cloud:
        cloud.session(ACCOUNT).client("s3").create_bucket(Bucket=BUCKET)
        cloud.add_seal_key(ACCOUNT, SEAL_KEY)
        yield cloud


def in_sandbox(
    cloud: LocalCloud, wrap: Callable[[str, Any], Any] = lambda _service, client: client
) -> Place:
    """A bench in the management account; errors that are injected are met there."""
    begun = cloud.now

    def sleep(seconds: float) -> None:
        cloud.move_to(cloud.now + timedelta(seconds=seconds))

    def passed() -> float:
        return (cloud.now - begun).total_seconds()

    return place(
        cloud.role_session(ACCOUNT, "Rehearser"),
        key_session,
        clock=lambda: cloud.now,
        sleep=sleep,
        seconds=passed,
        wrap=wrap,
    )


@contextmanager
def bare_moto() -> Iterator[Place]:
    """moto without anything of ours."""
    waiting = Waiting()
    with mock_aws():
        session = boto3.Session("AKIAEXAMPLE", "made-up", region_name=REGION)
        session.client("s3").create_bucket(Bucket=BUCKET)
        kms = session.client("kms")
        made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        kms.create_alias(AliasName=SEAL_KEY, TargetKeyId=made["KeyMetadata"]["KeyId"])
        yield place(
            boto3.Session("AKIAEXAMPLE", "made-up", region_name=REGION),
            key_session,
            clock=lambda: datetime.now(UTC),
            sleep=waiting.sleep,
            seconds=lambda: waiting.passed,
        )


class Bent:
    """A client some of whose calls come out otherwise."""

    def __init__(self, client: object, bends: Mapping[str, Callable[..., object]]) -> None:
        self._client = client
        self._bends = bends

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- as boto3's own
        real = getattr(self._client, name)
        if name not in self._bends:
            return real
        return lambda **params: self._bends[name](real, **params)
