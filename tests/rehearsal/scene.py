"""An operator who rehearses on the local AWS, beside people whose keys must not be touched."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import (
    ADMIN,
    BUCKET,
    NOW,
    OURS,
    SEALED,
    SHOP,
    add_user,
    build,
    environment,
)

PATH = "/keyturn-rehearsal/"
NAME = "keyturn-rehearsal-"
HERE = ("rehearse", "--story", "--bucket", BUCKET, "--admin", ADMIN, *SEALED, "--yes")
PROBES = ("rehearse", "--probes", "--bucket", BUCKET, *SEALED, "--yes")
IN_THE_SHOP = (
    *HERE,
    *("--account", SHOP, "--role-name", "Rehearser", "--secrets-kms-key", "aws/secretsmanager"),
)
CLEAN = ("rehearse", "--clean", "--bucket", BUCKET, "--yes")


@dataclass(kw_only=True)
class Rehearsing:
    """The operator, and the account that they rehearse in."""

    cloud: LocalCloud
    before: Any = field(default=None, repr=False)

    def keyturn(self, *args: str, width: int = 120, typed: str | None = None) -> Result:
        return CliRunner(env={"COLUMNS": str(width)}).invoke(app, args, input=typed)

    def answer(self, *args: str) -> Any:  # noqa: ANN401 -- JSON
        result = self.keyturn(*args, "--format", "json")
        return json.loads(result.stdout)

    def client(self, service: str, account: str = OURS) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        session: Any = self.cloud.session(account)
        return session.client(service)

    def left(self, account: str = OURS) -> list[str]:
        """What of any rehearsal is there."""
        iam = self.client("iam", account)
        users = [each["UserName"] for each in iam.list_users(PathPrefix=PATH)["Users"]]
        listed = iam.list_groups()["Groups"]  # moto does not heed the path here
        groups = [each["GroupName"] for each in listed if each["Path"].startswith(PATH)]
        named = [each.name for each in self.cloud.secrets(account) if NAME in each.name]
        queues = self.client("sqs", account).list_queues(QueueNamePrefix=NAME)
        buses = self.client("events", account).list_event_buses(NamePrefix=NAME)["EventBuses"]
        return [
            *users,
            *groups,
            *named,
            *queues.get("QueueUrls", []),
            *(each["Name"] for each in buses),
            *self.objects(f"{NAME.rstrip('-')}/"),
        ]

    def objects(self, prefix: str = "") -> list[str]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=prefix)
        return [
            each["Key"]
            for page in pages
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]

    def others(self) -> Any:  # noqa: ANN401 -- to be compared whole
        """Everything that is none of a rehearsal's."""
        return (
            [
                (account, key.user, key.key_id, key.status)
                for account in (OURS, SHOP)
                for key in self.cloud.keys(account)
                if not key.user.startswith(NAME)
            ],
            [
                (secret.name, dict(secret.tags), secret.gone_at)
                for account in (OURS, SHOP)
                for secret in self.cloud.secrets(account)
                if NAME not in secret.name
            ],
            [each for each in self.objects() if not each.startswith(NAME.rstrip("-"))],
        )

    def made_by_operator(self) -> Sequence[Call]:
        """The calls of the command, from the emulator's own log."""
        return [call for call in self.cloud.calls if call.principal.endswith("/operator")]


def people(cloud: LocalCloud) -> None:
    """Other users, with keys that are due for everything, and with a secret."""
    for account in (OURS, SHOP):
        add_user(cloud, account, "deploy-bot", 95)
        add_user(cloud, account, "etl", 400, 3)
        secrets = cloud.session(account).client("secretsmanager")
        secrets.create_secret(Name=f"Account_{account}_User_deploy-bot_AccessKey")
    s3 = cloud.session(OURS).client("s3")
    s3.put_object(Bucket=BUCKET, Key="receipts/somebody", Body=b"kept")


def users_have_no_rights(request: ApiRequest, perform: Perform) -> ApiResponse:
    """Refuse an IAM user everything but what nobody can be denied: none has a policy here."""
    if ":user/" in request.principal and request.service != "sts":
        return refused(request, ApiError("AccessDeniedException", "not authorized", 400))
    return perform(request)


@contextmanager
def rehearsing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsing]:
    with LocalCloud(now=NOW) as cloud:
        build(cloud)
        cloud.add_role(SHOP, "Rehearser", OURS)
        people(cloud)
        operator = cloud.role_session(OURS, "Operator", "operator")
        for name, value in environment(operator).items():
            monkeypatch.setenv(name, value)
        cloud.layers.append(users_have_no_rights)
        rehearsal = Rehearsing(cloud=cloud)
        rehearsal.before = rehearsal.others()
        cloud.calls.clear()
        yield rehearsal


def written_report(folder: Path) -> str:
    return (folder / "report.json").read_text()
