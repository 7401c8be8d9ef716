"""Two processes, started together, over one AWS that both reach over the network."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from keyturn.domain.secret_names import secret_name, version_id_for

KEYTURN = Path(sys.executable).with_name("keyturn")
REGION = "us-east-1"
ADMIN = "security@example.com"
SEAL = "alias/asa-iam-key-rotation-seal"
USERS = [f"user-{number:02}" for number in range(20)]
PATIENCE = 240


@dataclass(frozen=True, slots=True)
class Net:
    """An AWS that is reached over the network."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "nobody-checks-it",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
        session: Any = boto3.Session("AKIAIOSFODNN7EXAMPLE", "nobody-checks-it", None, REGION)
        return session.client(service, endpoint_url=self.url)

    def start(self) -> "subprocess.Popen[str]":
        """Begin a run that enforces and tells by mail."""
        return subprocess.Popen(
            [
                *(str(KEYTURN), "run", "--enforce", "--yes", "--format", "json"),
                *("--notify", "ses", "--bucket", "receipts", "--admin", ADMIN),
                *("--owner-tag", "owner", "--seal-key", SEAL),
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def net() -> Iterator[Net]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Net(f"http://{host}:{port}")
    finally:
        server.stop()


def old_keys(net: Net) -> dict[str, str]:
    """An account of users whose one key is due, and all that a run needs there."""
    iam = net.client("iam")
    iam.create_group(GroupName="IAMKeyRotationExemptionGroup")
    net.client("s3").create_bucket(Bucket="receipts")
    kms = net.client("kms")
    seal = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    kms.create_alias(AliasName=SEAL, TargetKeyId=seal["KeyId"])
    net.client("sesv2").create_email_identity(EmailIdentity=ADMIN)
    keys = {}
    for name in USERS:
        iam.create_user(UserName=name, Tags=[{"Key": "owner", "Value": f"{name}@example.com"}])
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    made = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=137)
    for key in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].access_keys.values():
        key.create_date = made
    return keys


def test_two_processes_rotate_each_user_once_and_tell_everybody_once(net: Net) -> None:
    old = old_keys(net)

    both = [net.start(), net.start()]
    ended = [process.communicate(timeout=PATIENCE) for process in both]

    assert [process.returncode for process in both] == [0, 0], ended
    iam, secret_store = net.client("iam"), net.client("secretsmanager")
    for name in USERS:
        keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        [new] = {key["AccessKeyId"] for key in keys} - {old[name]}
        secret = secret_store.describe_secret(SecretId=secret_name(DEFAULT_ACCOUNT_ID, name))
        assert [key["Status"] for key in keys] == ["Active", "Active"]
        assert version_id_for(new) in secret["VersionIdsToStages"]
    told = Counter(
        address
        for mail in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        for address in mail.destinations["ToAddresses"]
        if address != ADMIN
    )
    assert told == {f"{name}@example.com": 1 for name in USERS}
    rotated = Counter(
        done["user"]
        for out, _ in ended
        for account in json.loads(out)["accounts"]
        for done in account["done"]
        if done["action"] == "ROTATE"
    )
    assert rotated == dict.fromkeys(USERS, 1)
