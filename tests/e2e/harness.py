"""An organisation on the emulated AWS, into which the manual's own commands bring Keyturn."""

import json
import re
import ssl
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import time_machine
from botocore.exceptions import ClientError

from tests.e2e.emulator import Emulator, running

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# The accounts and the organisation of docs/deploy.md, so that its commands need no change.
ORGANIZATION = "o-xxxxxxxxxx"
MANAGEMENT, PROD, SHOP, LAB = "111111111111", "222222222222", "333333333333", "444444444444"
WITHOUT_ROLE, SUSPENDED, SECURITY = "555555555555", "666666666666", "999999999999"
OUTSIDER = "777777777777"
NAMES = {
    MANAGEMENT: "management",
    PROD: "prod-workload",
    SHOP: "shop",
    LAB: "lab",
    WITHOUT_ROLE: "bought-last-week",
    SUSPENDED: "closed",
    SECURITY: "security",
}
KEPT = (MANAGEMENT, PROD, SHOP, LAB, SECURITY)
"""The accounts that the member role is brought into."""

ADMIN = "security-ops@example.com"
INVENTORY, NOTIFIER = "ASA-Account-Inventory", "ASA-Notifier"
ROTATION = "ASA-IAM-Access-Key-Rotation-Function"
CHANNELS, REPORTER = "ASA-Channels", "ASA-Reporter"
FUNCTIONS = (INVENTORY, ROTATION, NOTIFIER, CHANNELS, REPORTER)
STACK = "iam-key-auto-rotation"
BUCKET = f"asa-iam-rotation-{SECURITY}-us-east-1"
EXEMPT = "IAMKeyRotationExemptionGroup"
PATIENCE = 120

Seen = TypeVar("Seen")


@dataclass
class Harness:
    """What the story needs to act and to look."""

    aws: Emulator
    _travel: Any = None
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    # --- acting -----------------------------------------------------------------------------

    def follow(self, section: str, account: str, block: int = 0) -> str:
        """Type the commands of a section of docs/deploy.md, as the account's administrator."""
        return self.type(commands(section)[block], account)

    def type(self, command: str, account: str) -> str:
        """Type a command, in a shell where the first block of docs/deploy.md was typed before."""
        [names] = commands("What you need")
        # The AWS CLI on PyPI is version 1: it takes payloads as they are, and has no such option.
        typed = names + command.replace("--cli-binary-format raw-in-base64-out", "")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],  # noqa: S607 -- the shell on PATH
            cwd=ROOT,
            env=self.aws.environment(account),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def move_to(self, then: datetime) -> None:
        """Let it be then, everywhere."""
        self.aws.order("move_clock", to=then.isoformat())
        if self._travel is not None:
            self._travel.stop()
        self._travel = time_machine.travel(then, tick=True)
        self._travel.start()

    def next_day(self, days: int = 1) -> None:
        """Let it be a day to come, when the daily rule has just become due."""
        then = (datetime.now(UTC) + timedelta(days=days)).replace(hour=5, minute=0, second=1)
        self.move_to(then)

    def wait(self, minutes: int) -> None:
        """Let so many minutes pass."""
        self.move_to(datetime.now(UTC) + timedelta(minutes=minutes))

    def keep_logs(self) -> None:
        """Write down what the functions logged, beside the emulator's own log."""
        for function in FUNCTIONS:
            with suppress(ClientError):  # the log goes with the stack
                self._keep_log(function)

    def _keep_log(self, function: str) -> None:
        lines = [json.dumps(line, ensure_ascii=False) for line in self.log(function)]
        (self.aws.folder / f"{function}.log").write_text("\n".join(lines))

    def home(self) -> None:
        """Come back to the present."""
        if self._travel is not None:
            self._travel.stop()

    def user(self, account: str, name: str, *ages: int, owner: str | None = None) -> list[str]:
        """Make a user with keys of these ages in days; the keys' ids."""
        iam = self.client(account, "iam")
        tags = [{"Key": "owner", "Value": owner}] if owner else []
        iam.create_user(UserName=name, Tags=tags)
        keys = [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in ages]
        for key, age in zip(keys, ages, strict=True):
            self.aws.order("age_key", account=account, key=key, days=age)
        return keys

    def invoke(self, event: object) -> Any:  # noqa: ANN401 -- the answer is the test's to read
        """Ask the rotation function directly."""
        answer = self.client(SECURITY, "lambda").invoke(
            FunctionName=ROTATION, Payload=json.dumps(event)
        )
        return json.load(answer["Payload"])

    def send(self, message: object, group: str) -> None:
        """Put a message of an operator's own into the queue of accounts."""
        sqs = self.client(SECURITY, "sqs")
        url = sqs.get_queue_url(QueueName="asa-iam-key-rotation.fifo")["QueueUrl"]
        body = json.dumps(message)
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=group
        )

    def credentials(self, function: str) -> dict[str, str]:
        """What a function runs with."""
        return dict(self.aws.order("credentials", account=SECURITY, function=function))

    def administrator(self, account: str, role: str) -> None:
        """Make a role that may do everything in its account, and that its account may assume."""
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
        }
        iam = self.client(account, "iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)
        everything = "arn:aws:iam::aws:policy/AdministratorAccess"
        iam.attach_role_policy(RoleName=role, PolicyArn=everything)

    def assume(self, account: str, role: str, **caller: str) -> dict[str, str]:
        """Become a role, as its account's administrator or with the caller's credentials."""
        sts = self.aws.client(account, "sts", **caller)
        arn = f"arn:aws:iam::{account}:role/{role}"
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {name: answer[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

    # --- looking ----------------------------------------------------------------------------

    def client(self, account: str, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        """A client of the account's administrator."""
        return self._clients.setdefault((account, service), self.aws.client(account, service))

    def keys(self, account: str, user: str) -> dict[str, str]:
        """The user's keys and their status."""
        listed = self.client(account, "iam").list_access_keys(UserName=user)
        return {key["AccessKeyId"]: key["Status"] for key in listed["AccessKeyMetadata"]}

    def every_key(self) -> dict[str, dict[str, str]]:
        """All keys of all users of the accounts that are kept."""
        return {
            f"{account} {user['UserName']}": self.keys(account, user["UserName"])
            for account in KEPT
            for page in self.client(account, "iam").get_paginator("list_users").paginate()
            for user in page["Users"]
        }

    def rotated(self) -> set[tuple[str, str]]:
        """The users with two Active keys."""
        return self._users(lambda statuses: statuses == ["Active", "Active"])

    def inactive(self) -> set[tuple[str, str]]:
        """The users with an Inactive key."""
        return self._users(lambda statuses: "Inactive" in statuses)

    def _users(self, wanted: Callable[[list[str]], bool]) -> set[tuple[str, str]]:
        return {
            (user[:12], user[13:])
            for user, keys in self.every_key().items()
            if wanted(list(keys.values()))
        }

    def works(self, key: str, secret: str) -> bool:
        """Whether AWS knows who calls with this key."""
        sts = self.aws.client("", "sts", AccessKeyId=key, SecretAccessKey=secret)
        try:
            return "Arn" in sts.get_caller_identity()
        except ClientError:
            return False

    def secrets(self, account: str) -> list[str]:
        """The names of the account's secrets."""
        listed = self.client(account, "secretsmanager").list_secrets()
        return [secret["Name"] for secret in listed["SecretList"]]

    def delivered(self, account: str, user: str) -> dict[str, str]:
        """What an administrator of the account reads in the user's secret."""
        name = f"Account_{account}_User_{user.replace(',', '=2C')}_AccessKey"
        value = self.client(account, "secretsmanager").get_secret_value(SecretId=name)
        return dict(json.loads(value["SecretString"]))

    def secret_values(self) -> dict[str, str]:
        """Every secret access key that Keyturn stored and that is still to be read, by key id."""
        found = {}
        for account in KEPT:
            secret_store = self.client(account, "secretsmanager")
            for name in self.secrets(account):
                for label in ("AWSCURRENT", "AWSPREVIOUS"):
                    if not name.startswith(f"Account_{account}_User_"):
                        continue
                    with suppress(ClientError):  # there is no previous one
                        value = secret_store.get_secret_value(SecretId=name, VersionStage=label)
                        key = json.loads(value["SecretString"])
                        found[key["AccessKeyId"]] = key["SecretAccessKey"]
        return found

    def texts(self) -> Iterator[tuple[str, str]]:
        """All that came out of the deployment, by where it lies."""
        for function in FUNCTIONS:
            yield f"the log of {function}", "\n".join(self.lines(function))
        for address, mails in self.told().items():
            yield f"the mails to {address}", "\n".join(mails)
        for queue in ("asa-iam-key-rotation-dead.fifo", "asa-iam-key-notices-dead"):
            yield queue, json.dumps(self.dead(queue))
        s3 = self.client(SECURITY, "s3")
        for name in self.objects():
            if not name.endswith(".zip"):
                yield name, s3.get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()

    def receipts(self) -> list[str]:
        """Every object that says what somebody was told."""
        stored = self.objects("asa/asa-iam-rotation/receipts/")
        return [name for name in stored if "/_messages/" not in name]

    def objects(self, prefix: str = "") -> list[str]:
        """The objects in the bucket."""
        pages = self.client(SECURITY, "s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Contents", [])]

    def told(self) -> dict[str, list[str]]:
        """The text of every mail that SES has sent, by its receiver."""
        told = defaultdict[str, list[str]](list)
        for mail in self.aws.get("/_ministack/ses/messages")["messages"].get(SECURITY, []):
            for address in mail["To"]:
                told[address].append(json.dumps(mail))
        return told

    def under_way(self) -> int:
        """How many messages wait for a function, apart from those that one has failed at."""
        sqs = self.client(SECURITY, "sqs")
        waiting = 0
        for name in ("asa-iam-key-rotation.fifo", "asa-iam-key-notices"):
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            asked = ["ApproximateNumberOfMessages"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)
            waiting += int(answer["Attributes"][asked[0]])
        return waiting

    def log(self, function: str) -> list[dict[str, Any]]:
        """The JSON lines that a function has logged."""
        return [json.loads(line) for line in self.lines(function) if line.startswith("{")]

    def lines(self, function: str) -> list[str]:
        """All that a function has logged."""
        pages = self.client(SECURITY, "logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=f"/aws/lambda/{function}")
        return [event["message"] for page in found for event in page["events"]]

    def metric(self, function: str, name: str) -> list[float]:
        """The values that a function has given for a metric."""
        lines = [line for line in self.log(function) if "_aws" in line]
        return [value for line in lines for value in line.get(name, [])]

    def dead(self, queue: str) -> list[dict[str, Any]]:
        """The messages in a dead-letter queue, which stay there."""
        sqs = self.client(SECURITY, "sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in taken.get("Messages", [])]


def commands(section: str) -> list[str]:
    """The blocks of a section of docs/deploy.md, in order."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    [found] = [part for part in parts if part.startswith(section)]
    return BLOCK.findall(found)


def until(look: Callable[[], Seen], wanted: Callable[[Seen], object] = bool) -> Seen:
    """Look again and again until it is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(seen := look()):
        assert time.monotonic() < deadline, f"still not so after {PATIENCE} s: {seen!r}"
        time.sleep(0.5)
    return seen


@contextmanager
def staged(folder: Path) -> Iterator[Harness]:
    """An organisation of seven accounts, with nothing in it, on an AWS that enforces IAM."""
    # By it the functions trust whoever has the emulator's certificate: a receiver on this machine.
    trusted = str(folder / "certificate.pem")
    with running(folder, AUTH="true", SSL_CERT_FILE=trusted) as aws:
        aws.order("found_organization", head=MANAGEMENT, name=ORGANIZATION, members=NAMES)
        stage = Harness(aws)
        stage.client(MANAGEMENT, "organizations").close_account(AccountId=SUSPENDED)
        try:
            yield stage
        finally:
            stage.keep_logs()
            stage.home()


@dataclass
class Hook:
    """A receiver of webhooks on this machine, by HTTPS."""

    url: str
    got: list[dict[str, Any]] = field(default_factory=list)
    """The bodies that it took."""
    refused: int = 0
    refuses: int = 0
    """How many of the next it answers with 400."""

    def keys(self) -> set[str]:
        """The keys of which it was told."""
        told = [each["data"] for each in self.got if each["type"] == "notices.due"]
        return {item["key"] for data in told for item in data["items"]}


@contextmanager
def receiving(aws: Emulator) -> Iterator[Hook]:
    """Run the receiver until the block ends."""
    hook = Hook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_refused = hook.refuses > 0
            if is_refused:
                hook.refuses, hook.refused = hook.refuses - 1, hook.refused + 1
            else:
                hook.got.append(body)
            self.send_response(400 if is_refused else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(aws.folder / "certificate.pem", aws.folder / "key.pem")
    server.socket = secure.wrap_socket(server.socket, server_side=True)
    hook.url = f"https://localhost:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
