"""
Live through many days: each day one run of the functions that are handed in, then the owners.

What Lambda, EventBridge and SQS do between the functions is done here; everything else is the
functions' own doing.
"""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from keyturn_sandbox.emulator.cloud import REGION, LocalCloud
from keyturn_sandbox.judge.evidence import JudgedRun
from keyturn_sandbox.simulation.deployment import (
    INVENTORY_ROLE,
    NOTIFIER_ROLE,
    REPORTER_ROLE,
    ROTATION_ROLE,
    Deployment,
)
from keyturn_sandbox.simulation.owners import OwnerAction, Owners
from keyturn_sandbox.simulation.people import CompanyAccount

RUN_AT = timedelta(hours=5)
"""The cron's hour, UTC."""
JITTER = timedelta(minutes=30)
REPORTED_AFTER = timedelta(minutes=20)
"""How long after a run the reporter finds that it is over."""
REPEATED_AFTER = timedelta(hours=1)
"""How long after a run the second one of a day comes."""
OWNERS_AT = timedelta(hours=13)
MESSAGES = 10
"""The most that SQS hands over at once."""


class Handler(Protocol):
    """A Lambda function's handler."""

    def __call__(self, event: dict[str, Any], context: Any, /) -> object:  # noqa: ANN401 -- Lambda's own class, which the sandbox does not know
        """Handle the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The functions to live with."""

    inventory: Handler
    rotation: Handler
    notifier: Handler
    reporter: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What Lambda hands over beside the event, as far as anybody asks for it."""

    function_name: str
    account: str
    aws_request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    memory_limit_in_mb: int = 256

    @property
    def invoked_function_arn(self) -> str:
        """Its account is the security account."""
        return f"arn:aws:lambda:{REGION}:{self.account}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """There is always time."""
        return 900_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day was like."""

    number: int
    began: datetime
    dry_run: bool
    runs: tuple[JudgedRun, ...]
    owner_actions: Counter[OwnerAction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days there are, counted from 0."""

    days: int
    dry_run_days: int
    skipped: frozenset[int] = frozenset()
    """Days on which nothing starts the run."""
    repeated: frozenset[int] = frozenset()
    """Days on which it is started twice."""


class SimulatedDays:
    """The days, one after the other."""

    def __init__(  # noqa: PLR0913 -- everything that a day is made of
        self,
        cloud: LocalCloud,
        deployment: Deployment,
        owners: Owners,
        functions: Handlers,
        calendar: Calendar,
        *,
        seed: int,
        before_run: Callable[[int], None] = lambda _day: None,
    ) -> None:
        self._cloud = cloud
        self._deployment = deployment
        self._owners = owners
        self._functions = functions
        self._calendar = calendar
        self._chance = Random(seed)  # noqa: S311 -- the same days every time is the point
        self._before_run = before_run
        self._midnight = cloud.now.replace(hour=0, minute=0, second=0, microsecond=0)
        admin = cloud.session(deployment.account)
        self._sqs = admin.client("sqs")
        self._environments = {
            role: _environment(cloud, deployment, role)
            for role in (INVENTORY_ROLE, ROTATION_ROLE, NOTIFIER_ROLE, REPORTER_ROLE)
        }

    def live(self) -> Iterator[Day]:
        """Live through them."""
        for number in range(self._calendar.days):
            began = self._midnight + timedelta(days=number)
            dry_run = number < self._calendar.dry_run_days
            runs: list[JudgedRun] = []
            if number not in self._calendar.skipped:
                jitter = timedelta(seconds=self._chance.uniform(-1, 1) * JITTER.total_seconds())
                self._cloud.move_to(began + RUN_AT + jitter)
                self._before_run(number)
                runs.append(self._run(dry_run=dry_run))
                self._cloud.move_to(self._cloud.now + REPORTED_AFTER)
                self._report(dry_run=dry_run)
                if number in self._calendar.repeated:
                    self._cloud.move_to(self._cloud.now + REPEATED_AFTER - REPORTED_AFTER)
                    runs.append(self._run(dry_run=dry_run, repeats=True))
            else:  # the reporter has a schedule of its own
                self._cloud.move_to(began + RUN_AT)
                self._report(dry_run=dry_run)
            self._cloud.move_to(began + OWNERS_AT)
            yield Day(
                number=number,
                began=began,
                dry_run=dry_run,
                runs=tuple(runs),
                owner_actions=self._owners.live(),
            )

    def plan(self, accounts: Sequence[CompanyAccount]) -> list[object]:
        """Ask the rotation function what it would do in each account; nobody is told."""
        with self._as(ROTATION_ROLE, dry_run=True):
            return [
                self._functions.rotation(
                    # Without the account's address nobody would know whose keys they are.
                    {
                        "account": account.account_id,
                        "email": account.email,
                        "name": account.name,
                        "dryrun": True,
                    },
                    self._context("rotation"),
                )
                for account in accounts
            ]

    def _run(self, *, dry_run: bool, repeats: bool = False) -> JudgedRun:
        started = self._cloud.now
        with self._as(INVENTORY_ROLE, dry_run=dry_run):
            self._functions.inventory({}, self._context("inventory"))
        failed: set[str] = set()
        with self._as(ROTATION_ROLE, dry_run=dry_run):
            self._drain(self._deployment.rotation_queue, self._functions.rotation, failed)
        with self._as(NOTIFIER_ROLE, dry_run=dry_run):
            self._drain(self._deployment.notifier_queue, self._functions.notifier, set())
        return JudgedRun(
            started=started,
            ended=self._cloud.now,
            dry_run=dry_run,
            repeats=repeats,
            failed=frozenset(failed),
        )

    def _report(self, *, dry_run: bool) -> None:
        with self._as(REPORTER_ROLE, dry_run=dry_run):
            self._functions.reporter({}, self._context("reporter"))
        with self._as(NOTIFIER_ROLE, dry_run=dry_run):
            self._drain(self._deployment.notifier_queue, self._functions.notifier, set())

    def _drain(self, queue: str, handler: Handler, failed: set[str]) -> None:
        """Hand a queue's messages over until none is left, as an event source mapping does."""
        while messages := self._receive(queue):
            event = {"Records": [_record(message) for message in messages]}
            answer = handler(event, self._context(queue.rsplit("/", 1)[-1]))
            back = {item["itemIdentifier"] for item in _failures(answer)}
            for message in messages:
                receipt = message["ReceiptHandle"]
                if message["MessageId"] in back:
                    failed.add(message["Attributes"].get("MessageGroupId", ""))
                    self._sqs.change_message_visibility(
                        QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0
                    )
                else:
                    self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipt)

    def _receive(self, queue: str) -> Sequence[Mapping[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=MESSAGES, AttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def _context(self, function: str) -> Context:
        return Context(function_name=function, account=self._deployment.account)

    @contextmanager
    def _as(self, role: str, *, dry_run: bool) -> Iterator[None]:
        """Be the function that has this role: an environment is all that it has."""
        environment = self._environments[role] | {"DryRunFlag": str(dry_run)}
        with patch.dict(os.environ, environment):
            yield


def _environment(cloud: LocalCloud, deployment: Deployment, role: str) -> dict[str, str]:
    credentials = cloud.role_session(deployment.account, role).get_credentials()
    if credentials is None:
        raise RuntimeError(f"no credentials for {role}")
    return {
        **deployment.settings,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.token or "",
    }


def _record(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as Lambda gets it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": REGION,
    }


def _failures(answer: object) -> Sequence[Mapping[str, str]]:
    failures: Sequence[Mapping[str, str]] = (
        answer.get("batchItemFailures", []) if isinstance(answer, Mapping) else []
    )
    return failures
