"""One member account, the functions around it, and whatever a test puts into their way."""

import io
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from logging import StreamHandler, getLevelName
from typing import Any, Self
from unittest.mock import patch

from botocore.exceptions import ReadTimeoutError

from keyturn.adapters.kms import SealKeyInKms
from keyturn.domain.record import said_of
from keyturn.domain.secret_names import (
    KEY_TAG,
    SEAL_TAG,
    USER_ID_TAG,
    USER_TAG,
    encode,
    secret_name,
    version_id_for,
)
from keyturn.domain.tag_text import format_utc
from keyturn.functions import channels, inventory, metrics, notifier, reporter, rotation
from keyturn.functions.connect import disconnect
from keyturn.functions.log_lines import LINES, LogEvent
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import KeyState, LocalCloud, Perform, SecretState
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import (
    CHANNELS_ROLE,
    INVENTORY_ROLE,
    MEMBER_ROLE,
    NOTIFIER_ROLE,
    REPORTER_ROLE,
    ROTATION_ROLE,
    SECRETS_KEY,
    Deployment,
    deploy,
    role_arn,
)
from keyturn_sandbox.simulation.people import Company, CompanyAccount
from tests.canary import see

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
HUB, MEMBER, CLOSED = "222222222222", "333333333333", "444444444444"
OWNER = "owner@example.com"
ASKED: Mapping[str, object] = {"account": MEMBER, "email": OWNER, "name": "prod"}
"""What the inventory asks for the member account."""
GROUP = "IAMKeyRotationExemptionGroup"
LOGGERS = (
    inventory.logger,
    rotation.logger,
    notifier.logger,
    channels.logger,
    reporter.logger,
)
OF_KEYTURN_ITSELF = frozenset({"events", "sqs", "s3", "sesv2"})
WRITES = {
    "iam": {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "RemoveUserFromGroup"},
    "secretsmanager": {
        "CreateSecret",
        "DeleteSecret",
        "PutSecretValue",
        "RestoreSecret",
        "TagResource",
        "UntagResource",
    },
}

Layer = Callable[[ApiRequest, Perform], ApiResponse]


class Clock:
    """Lambda's context, as far as it is asked how much time is left."""

    function_name = "stage"
    memory_limit_in_mb = 256
    aws_request_id = "stage"
    invoked_function_arn = "arn:aws:lambda:us-east-1:222222222222:function:stage"

    def __init__(self, left: Callable[[], timedelta] = lambda: 15 * MINUTE) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left() // timedelta(milliseconds=1)


@dataclass(kw_only=True)
class Harness:
    """A local AWS with Keyturn deployed; enforcing unless a test says otherwise."""

    cloud: LocalCloud
    deployment: Deployment
    log: io.StringIO
    metrics: io.StringIO
    settings: dict[str, str] = field(default_factory=lambda: {"DryRunFlag": "False"})
    credentials: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    hands: dict[str, Any] = field(default_factory=dict, repr=False)

    # The scene

    def at(self, days: float) -> Self:
        """Move to so many days after the start."""
        self.cloud.move_to(START + days * DAY)
        return self

    def let_lists_show_it(self) -> None:
        """Move on until the list of secrets shows what was done just now."""
        self.cloud.move_to(self.cloud.now + self.cloud.delays.secrets)

    def user(self, name: str, *ages: int, path: str = "/", **tags: str) -> list[str]:
        """Make a user with keys of these ages in days, used daily; their ids come back."""
        self.cloud.add_user(MEMBER, name, path=path, tags=tags)
        ids = []
        for age in ages:
            ids.append(
                self.cloud.add_key(MEMBER, name, created=self.cloud.now - age * DAY - MINUTE)
            )
            self.cloud.use_key(MEMBER, ids[-1], self.cloud.now - MINUTE)
        return ids

    def exempt(self, *names: str) -> None:
        """Put users into the exemption group."""
        for name in names:
            self.iam().add_user_to_group(GroupName=GROUP, UserName=name)

    def use(self, *key_ids: str) -> None:
        """Work with keys now."""
        for key_id in key_ids:
            self.cloud.use_key(MEMBER, key_id, self.cloud.now)

    def iam(self) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        """A person's own hands in the member account."""
        if "iam" not in self.hands:
            self.hands["iam"] = self.cloud.session(MEMBER).client("iam")
        return self.hands["iam"]

    def secret_store(self) -> Any:  # noqa: ANN401 -- as above
        """A person's own hands on the secrets."""
        if "secret_store" not in self.hands:
            self.hands["secret_store"] = self.cloud.session(MEMBER).client("secretsmanager")
        return self.hands["secret_store"]

    # Keyturn at work

    def minutes(self, minutes: int) -> Clock:
        """So much time from now on, by the clock that can be moved."""
        end = self.cloud.now + minutes * MINUTE
        return Clock(lambda: end - self.cloud.now)

    def slow(self, operation: str, minutes: int) -> None:
        """Let every call of an operation take so long."""

        def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
            answer = perform(request)
            if request.operation == operation:
                self.cloud.move_to(self.cloud.now + minutes * MINUTE)
            return answer

        self.cloud.layers.append(layer)

    def invoke(
        self, event: Mapping[str, object] = ASKED, *, context: Clock | None = None
    ) -> dict[str, Any]:
        """Invoke the rotation function directly."""
        return self.hand_over(dict(event), context=context)

    def hand_over(
        self,
        event: Any,  # noqa: ANN401 -- whatever somebody may send
        *,
        context: Clock | None = None,
    ) -> dict[str, Any]:
        """Give the rotation function an event as it is."""
        handed: Any = context or Clock()
        with self.being(ROTATION_ROLE):
            answer: Any = rotation.handler(event, handed)
        see("the answer of a function", json.dumps(answer))
        return dict(answer)

    def take_inventory(self, event: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Let the cron's hour come."""
        context: Any = Clock()
        with self.being(INVENTORY_ROLE):
            return inventory.handler(dict(event or {}), context)

    def tell(self) -> list[str]:
        """Let the notifier empty its queue; the messages that failed come back."""
        return self.drain(self.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler)

    def report(
        self, event: Mapping[str, object] | None = None, *, context: Clock | None = None
    ) -> dict[str, Any]:
        """Let the reporter have a turn; event: for what a rule of its asks, None: a day."""
        handed: Any = context or Clock()
        with self.being(REPORTER_ROLE):
            return reporter.handler(dict(event or {}), handed)

    def say(self, queue: str, *, context: Clock | None = None, rounds: int = 10) -> list[str]:
        """Let the channels empty their queue; the messages that failed come back."""
        return self.drain(queue, CHANNELS_ROLE, channels.handler, context=context, rounds=rounds)

    def run(self, event: Mapping[str, object] = ASKED) -> dict[str, Any]:
        """One run over the member account, and its mails."""
        answer = self.invoke(event)
        self.tell()
        return answer

    def rotate_queued(self, *, context: Clock | None = None, rounds: int = 10) -> list[str]:
        """Let the rotation function empty its queue; the accounts that failed come back."""
        return self.drain(
            self.deployment.rotation_queue,
            ROTATION_ROLE,
            rotation.handler,
            context=context,
            rounds=rounds,
        )

    def drain(
        self,
        queue: str,
        role: str,
        handler: Callable[[dict[str, Any], Any], object],
        *,
        context: Clock | None = None,
        rounds: int = 10,
    ) -> list[str]:
        """Hand messages over as an event source mapping does; failed ones at once again."""
        failed: list[str] = []
        for _ in range(rounds):
            messages = self.receive(queue)
            if not messages:
                break
            with self.being(role):
                answer: Any = handler(batch(messages), context or Clock())
            back = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
            for message in messages:
                self._settle(queue, message, failed=message["MessageId"] in back)
                if message["MessageId"] in back:
                    failed.append(message["Attributes"].get("MessageGroupId", ""))
        return failed

    def receive(self, queue: str) -> Sequence[Mapping[str, Any]]:
        """Take up to ten messages from a queue."""
        answer = self._sqs().receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def send(self, event: Mapping[str, object], *, group: str = MEMBER) -> None:
        """Put a message into the rotation queue; requested now, unless it says otherwise."""
        event = {"requested": self.cloud.now.isoformat(), **event}
        self._sqs().send_message(
            QueueUrl=self.deployment.rotation_queue,
            MessageBody=json.dumps(event),
            MessageGroupId=group,
            MessageDeduplicationId=f"{self.cloud.now.timestamp()}-{len(self.cloud.calls)}",
        )

    def _settle(self, queue: str, message: Mapping[str, Any], *, failed: bool) -> None:
        receipt = message["ReceiptHandle"]
        if failed:
            self._sqs().change_message_visibility(
                QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0
            )
        else:
            self._sqs().delete_message(QueueUrl=queue, ReceiptHandle=receipt)

    def _sqs(self) -> Any:  # noqa: ANN401 -- as above
        if "sqs" not in self.hands:
            self.hands["sqs"] = self.cloud.session(HUB).client("sqs")
        return self.hands["sqs"]

    @contextmanager
    def being(self, role: str) -> Iterator[None]:
        """Be the function that has this role: an environment is all that it has."""
        if role not in self.credentials:  # the same every time, as in a function that stays warm
            held = self.cloud.role_session(HUB, role).get_credentials()
            assert held is not None
            self.credentials[role] = {
                "AWS_ACCESS_KEY_ID": str(held.access_key),
                "AWS_SECRET_ACCESS_KEY": str(held.secret_key),
                "AWS_SESSION_TOKEN": str(held.token),
            }
        environment = {**self.deployment.settings, **self.settings, **self.credentials[role]}
        with patch.dict(os.environ, environment):
            yield

    # What came of it

    def ours(self, since: int = 0) -> list[Call]:
        """The calls that Keyturn made, from the so-manieth of all on."""
        roles = tuple(f":assumed-role/{role}/" for role in self.deployment.roles)
        return [
            call
            for call in self.cloud.calls[since:]
            if any(role in call.principal for role in roles)
        ]

    def mark(self) -> int:
        """Where the log stands now."""
        return len(self.cloud.calls)

    def costs(self, since: int) -> Counter[str]:
        """How often Keyturn called what, apart from its own queue, bus, bucket and mails."""
        return Counter(
            f"{call.service}:{call.operation}"
            for call in self.ours(since)
            if call.service not in OF_KEYTURN_ITSELF
        )

    def writes(self, since: int = 0) -> list[str]:
        """What Keyturn wrote, or tried to write, in order."""
        return [
            call.operation
            for call in self.ours(since)
            if call.operation in WRITES.get(call.service, ())
        ]

    def keys(self, user: str) -> dict[str, str]:
        """The status of a user's keys, oldest first."""
        keys = [key for key in self.cloud.keys(MEMBER) if key.user == user]
        return {key.key_id: key.status for key in sorted(keys, key=_age)}

    def secret(self, user: str) -> SecretState:
        """A user's secret, as it stands."""
        name = secret_name(MEMBER, user)
        return next(secret for secret in self.cloud.secrets(MEMBER) if secret.name == name)

    def sealed(self, user: str) -> SecretState:
        """Seal a secret that was made by hand, as an adoption does."""
        kms = self.cloud.session(self.deployment.account).client("kms")
        key = SealKeyInKms(lambda: kms, self.deployment.settings["SealKey"])()
        secret = self.secret(user)
        seal = key.seal(secret.arn, secret.tags[USER_ID_TAG])
        self.secret_store().tag_resource(
            SecretId=secret.arn, Tags=[{"Key": SEAL_TAG, "Value": seal}]
        )
        return self.secret(user)

    def holds(self, user: str, key_id: str, **tags: str) -> SecretState:
        """Give a user the secret that a rotation left that is complete since, and read it."""
        user_id = self.iam().get_user(UserName=user)["User"]["UserId"]
        stored = format_utc(self.cloud.now)
        noted = {
            USER_TAG: encode(user),
            USER_ID_TAG: user_id,
            KEY_TAG + key_id: f"delivered={stored}",
            **{f"keyturn:{name}": text for name, text in tags.items()},
        }
        name = secret_name(MEMBER, user)
        self.secret_store().create_secret(
            Name=name,
            KmsKeyId=SECRETS_KEY,
            Tags=[{"Key": tag, "Value": text} for tag, text in noted.items()],
        )
        self.secret_store().put_secret_value(
            SecretId=name,
            ClientRequestToken=version_id_for(key_id),
            SecretString=json.dumps({"AccessKeyId": key_id}),
        )
        self.value(user)
        return self.sealed(user)

    def value(self, user: str) -> dict[str, str]:
        """What the user's program reads."""
        answer = self.secret_store().get_secret_value(SecretId=secret_name(MEMBER, user))
        value: dict[str, str] = json.loads(answer["SecretString"])
        return value

    def noted(self, user: str, key_id: str) -> dict[str, datetime]:
        """The times on record for a key."""
        words = (word.split("=") for word in said_of(key_id, self.secret(user).tags).split())
        return {name: datetime.fromisoformat(time) for name, time in words}

    def lines(self) -> list[dict[str, Any]]:
        """The log, line by line."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def measured(self) -> list[dict[str, Any]]:
        """The lines that CloudWatch reads metrics from."""
        return [json.loads(line) for line in self.metrics.getvalue().splitlines()]

    def messages(self) -> list[str]:
        """What the log lines say."""
        return [str(line["message"]) for line in self.lines()]

    def logged_writes(self) -> list[tuple[str, str]]:
        """The writes in the log: the action and AWS's request id."""
        return [
            (line["message"].removeprefix("Wrote "), line["request_id"])
            for line in self.lines()
            if str(line["message"]).startswith("Wrote ")
        ]


def batch(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Messages as Lambda gets them."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": "us-east-1",
            }
            for message in messages
        ]
    }


@contextmanager
def staged(*, short_pages: bool = True, ticks: bool = True) -> Iterator[Harness]:
    """Open a stage: the hub, a member that trusts it, and the exemption group."""
    with LocalCloud(now=START, short_pages=short_pages, ticks=ticks) as cloud:
        for account, name in ((HUB, "security"), (MEMBER, "prod")):
            cloud.organization.create_account(name, f"{name}@example.com", account_id=account)
        company = Company(
            accounts=(
                CompanyAccount(account_id=HUB, name="security", email="", unit=None),
                CompanyAccount(account_id=MEMBER, name="prod", email=OWNER, unit=None),
            ),
            people=(),
            units={},
        )
        deployment = deploy(cloud, company)
        cloud.add_role(MEMBER, MEMBER_ROLE, role_arn(HUB, ROTATION_ROLE))
        cloud.session(MEMBER).client("iam").create_group(GroupName=GROUP)
        disconnect()
        log, measured = io.StringIO(), io.StringIO()
        with logging_to(log, measured):
            yield Harness(cloud=cloud, deployment=deployment, log=log, metrics=measured)
        assert_silent(log.getvalue() + measured.getvalue(), cloud)
        assert_described(log.getvalue())


@contextmanager
def logging_to(log: io.StringIO, measured: io.StringIO | None = None) -> Iterator[None]:
    """Catch what the functions log, and (apart, or among it) what they measure."""
    handlers = [
        (handler, measured if measured is not None and logger is metrics.lines else log)
        for logger in (*LOGGERS, metrics.lines)
        for handler in logger.handlers
        if type(handler) is StreamHandler
    ]
    before = [handler.setStream(stream) for handler, stream in handlers]
    try:
        yield
    finally:
        for (handler, _), stream in zip(handlers, before, strict=True):
            handler.setStream(stream)


def assert_silent(log: str, cloud: LocalCloud) -> None:
    """No secret is in the log, nor in anything that was mailed, put on the bus or stored."""
    told = [
        log,
        repr(cloud.calls),
        *(f"{mail.text} {mail.html} {mail.headers}" for mail in cloud.sent_mails),
    ]
    leaked = [
        key_id
        for key_id, secret in cloud.secret_values().items()
        if any(secret in text for text in told)
    ]
    assert leaked == []


USUAL = {"level", "location", "message", "timestamp", "service", "event"}
"""What every line of the log has."""


def assert_described(log: str) -> None:
    """Every line is of an event that is known, at its level, and with its facts."""
    for line in map(json.loads, log.splitlines()):
        known = LINES[LogEvent(line["event"])]
        facts = set(line) - USUAL - set(known.sometimes)
        assert (line["level"], facts) == (getLevelName(known.level), set(known.facts)), line


# What can go wrong on the way


def lose_answer(operation: str, *, times: int = 1) -> Layer:
    """AWS does what it is asked, and its answer is lost, so often."""
    left = [times]

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == operation and left[0] > 0:
            left[0] -= 1
            raise ReadTimeoutError(endpoint_url=request.http.url)
        return answer

    return layer


def break_down(operation: str) -> Layer:
    """AWS answers with an error of its own; nothing was done."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == operation:
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        return perform(request)

    return layer


def before(operation: str, act: Callable[[], object]) -> Layer:
    """Somebody does something once, just before a call of Keyturn's arrives."""
    done: list[bool] = []

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == operation and not done and MEMBER_ROLE in request.principal:
            done.append(True)
            act()
        return perform(request)

    return layer


def _age(key: KeyState) -> tuple[datetime, str]:
    return (key.created, key.key_id)


def decisions_of(answer: Mapping[str, Any], user: str) -> list[tuple[str, str]]:
    """Action and reason of each of a user's keys."""
    return [
        (made["action"], made["reason"]) for made in answer["decisions"] if made["user"] == user
    ]


def failures_of(answer: Mapping[str, Any]) -> dict[str | None, str]:
    """What failed, by user; nothing of others."""
    failed = {failure["user"]: failure["message"] for failure in answer["failures"]}
    return defaultdict(str, failed)


def stores(secret: SecretState, key_id: str) -> bool:
    """Whether the secret's current version is this key's."""
    return "AWSCURRENT" in secret.versions.get(version_id_for(key_id), ())
