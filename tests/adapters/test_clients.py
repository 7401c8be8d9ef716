"""How the clients of many accounts are made: with one set of models, and not without end."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ReadTimeoutError

from keyturn.adapters.clients import ATTEMPTS, client
from keyturn.domain.errors import AccountUnreachable, InvalidValue, Unavailable
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.settings import Settings
from keyturn.wiring import Aws
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.use_cases.harness import HUB, START

ROLE = "member"
KEPT = 64
"""Accounts whose clients are kept; said here too, so that nobody changes it unseen."""


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("security", "s@example.com", account_id=HUB)
        cloud.add_role(HUB, "Rotation", HUB)
        yield cloud


def connected(cloud: LocalCloud, journal: list[str]) -> Aws:
    def note(action: str, facts: Mapping[str, str]) -> None:
        journal.append(f"{action} {sorted(facts)}")

    return Aws(
        session=cloud.role_session(HUB, "Rotation"),
        settings=Settings.read({"IAMRoleName": ROLE}),
        journal=note,
        clock=lambda: datetime.now(UTC),
    )


def users_of(aws: Aws, account: str) -> list[str]:
    run = Run(id="r", account=Account(id=account), at=START, dry_run=True)
    return [user.name for user in aws.run_account(run).keep.keys.users()]


def members(cloud: LocalCloud, number: int) -> list[str]:
    made = [cloud.organization.create_account("m", f"m{n}@example.com") for n in range(number)]
    for account in made:
        cloud.add_role(account, ROLE, HUB)
        cloud.add_user(account, f"user-of-{account}")
    return made


def test_every_account_is_reached_by_its_own_role(cloud: LocalCloud) -> None:
    accounts = members(cloud, KEPT + 2)
    aws = connected(cloud, [])

    for account in accounts:
        assert users_of(aws, account) == [f"user-of-{account}"]

    asked = [call.params["RoleArn"] for call in cloud.calls if call.operation == "AssumeRole"]
    assert asked == [f"arn:aws:iam::{account}:role/{ROLE}" for account in accounts]


def test_a_role_is_assumed_once_while_its_account_is_among_the_last_ones(
    cloud: LocalCloud,
) -> None:
    accounts = members(cloud, KEPT + 1)
    aws = connected(cloud, [])

    for account in [*accounts[:-1], accounts[0], accounts[-1], accounts[-1], accounts[0]]:
        users_of(aws, account)

    asked = [call.params["RoleArn"] for call in cloud.calls if call.operation == "AssumeRole"]
    assert len(asked) == KEPT + 2  # the first one was let go when the last one came
    assert asked.count(f"arn:aws:iam::{accounts[0]}:role/{ROLE}") == 2


def test_what_is_made_late_in_an_account_is_not_anothers(cloud: LocalCloud) -> None:
    """Sessions share all but credentials; who makes keys is made with the first key."""
    accounts = members(cloud, 2)
    aws = connected(cloud, [])
    runs = [
        Run(id="r", account=Account(id=account), at=START, dry_run=True) for account in accounts
    ]
    keys = [aws.run_account(run).keep.keys for run in runs]

    for account in accounts:
        cloud.add_user(account, "ann")

    made = [each.create("ann") for each in keys]

    for account, key in zip(accounts, made, strict=True):
        assert [each.key_id for each in cloud.keys(account)] == [key.key_id]


def test_an_account_without_the_role_is_unreachable(cloud: LocalCloud) -> None:
    account = cloud.organization.create_account("new", "n@example.com")

    with pytest.raises(AccountUnreachable, match=f"{account}:role/{ROLE} could not be assumed"):
        users_of(connected(cloud, []), account)


def test_only_the_client_that_makes_keys_never_tries_again(cloud: LocalCloud) -> None:
    [account] = members(cloud, 1)
    run = Run(id="r", account=Account(id=account), at=START, dry_run=True)
    journal: list[str] = []
    keys = connected(cloud, journal).run_account(run).keep.keys
    attempts: list[str] = []

    def lost(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.service == "iam":
            attempts.append(request.operation)
            raise ReadTimeoutError(endpoint_url=request.http.url)
        return perform(request)

    cloud.layers.append(lost)
    for call in (lambda: keys.create("ann"), lambda: keys.disable("ann", "AKIAIOSFODNN7EXAMPLE")):
        with pytest.raises(Unavailable):
            call()

    assert attempts == ["CreateAccessKey"] + ["UpdateAccessKey"] * ATTEMPTS
    assert journal == []  # nothing that AWS answered


@pytest.mark.parametrize("service", ["organizations", "s3", "sesv2", "sts"])
def test_whoever_is_throttled_sends_less_for_a_while(cloud: LocalCloud, service: str) -> None:
    made = client(cloud.session(HUB), service)
    at_once = client(cloud.session(HUB), service, attempts=1, waits=False)

    assert made.meta.config.retries == {"mode": "adaptive", "total_max_attempts": ATTEMPTS}
    # What makes a key does not wait out of sight: its intent holds for a minute.
    assert at_once.meta.config.retries == {"mode": "standard", "total_max_attempts": 1}


def test_the_journal_is_told_what_was_written_to_and_never_a_value(cloud: LocalCloud) -> None:
    [account] = members(cloud, 1)
    run = Run(id="r", account=Account(id=account), at=START, dry_run=True)
    journal: list[str] = []
    keys = connected(cloud, journal).run_account(run).keep.keys

    made = keys.create(f"user-of-{account}")
    keys.disable(f"user-of-{account}", made.key_id)
    keys.delete(f"user-of-{account}", made.key_id)
    keys.delete(f"user-of-{account}", made.key_id)

    assert journal == [
        "iam:CreateAccessKey ['AccessKeyId', 'UserName', 'request_id']",
        "iam:UpdateAccessKey ['AccessKeyId', 'Status', 'UserName', 'request_id']",
        "iam:DeleteAccessKey ['AccessKeyId', 'UserName', 'request_id']",
        "iam:DeleteAccessKey ['AccessKeyId', 'UserName', 'error', 'request_id']",
    ]


def test_at_debug_level_nothing_of_a_key_is_logged(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture
) -> None:
    [account] = members(cloud, 1)
    run = Run(id="r", account=Account(id=account), at=START, dry_run=True)
    cloud.add_user(account, "ann")

    with caplog.at_level(logging.DEBUG):
        made = connected(cloud, []).run_account(run).keep.keys.create("ann")

    assert made.secret not in caplog.text
    assert cloud.secret_values()[made.key_id] == made.secret


def test_without_the_queues_address_there_is_no_queue(cloud: LocalCloud) -> None:
    with pytest.raises(InvalidValue, match="QueueUrl"):
        connected(cloud, []).queue()
