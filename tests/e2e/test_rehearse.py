"""
`keyturn rehearse` on an AWS that enforces IAM, with the policies of `--permissions` and no more.

What the sandbox cannot say: that these policies are enough, and that a user without rights is
refused by AWS's own reasoning.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import ADMIN, EXEMPT, PROD, ROOT, SECURITY, Harness, staged

KEYTURN = ROOT / ".venv" / "bin" / "keyturn"
BUCKET = "receipts-of-rehearsals"
SEAL = "alias/seal"
SECRETS = "alias/secrets"
ROLE = "Rehearser"
HERE = ("--story", "--bucket", BUCKET, "--admin", ADMIN, "--seal-key", SEAL)
THERE = ("--account", PROD, "--role-name", ROLE, "--secrets-kms-key", SECRETS)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with staged(tmp_path_factory.mktemp("aws")) as stage:
        stage.client(SECURITY, "s3").create_bucket(Bucket=BUCKET)
        stage.client(SECURITY, "sesv2").create_email_identity(EmailIdentity=ADMIN)
        make_key(stage, SECURITY, SEAL, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        make_key(stage, PROD, SECRETS)
        for account in (SECURITY, PROD):
            stage.client(account, "iam").create_group(GroupName=EXEMPT)
            stage.user(account, "deploy-bot", 95)
        yield stage


def make_key(stage: Harness, account: str, alias: str, **what: str) -> None:
    kms = stage.client(account, "kms")
    key = kms.create_key(**what)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)


def keyturn(environment: dict[str, str], *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [KEYTURN, "rehearse", *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def operator(stage: Harness, *args: str) -> dict[str, str]:
    """The environment of somebody who has the policies of `--permissions`, and nothing else."""
    shown = keyturn(stage.aws.environment(SECURITY), "--permissions", "--format", "json", *args)
    assert shown.returncode == 0, shown.stderr
    policies = json.loads(shown.stdout)
    iam = stage.client(SECURITY, "iam")
    name = f"operator-{len(args)}"
    iam.create_user(UserName=name)
    for who, policy in policies.items():
        document = json.dumps(policy)
        if who.startswith("you"):
            iam.put_user_policy(UserName=name, PolicyName="rehearse", PolicyDocument=document)
        else:
            trust = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{SECURITY}:root"},
                "Action": "sts:AssumeRole",
            }
            there = stage.client(PROD, "iam")
            there.create_role(
                RoleName=ROLE,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
            )
            there.put_role_policy(RoleName=ROLE, PolicyName="rehearse", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        **stage.aws.environment(SECURITY),
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def left(stage: Harness, account: str) -> list[str]:
    iam = stage.client(account, "iam")
    users = [each["UserName"] for each in iam.list_users()["Users"]]
    listed = stage.client(account, "secretsmanager").list_secrets(IncludePlannedDeletion=True)
    objects = stage.client(SECURITY, "s3").list_object_versions(Bucket=BUCKET)
    return [
        *(each for each in users if each.startswith("keyturn-rehearsal-")),
        *(each["Name"] for each in listed["SecretList"]),
        *(each["Key"] for each in objects.get("Versions", ())),
    ]


def kill_while_it_plays(environment: dict[str, str], *args: str) -> None:
    """Let the machine go off when a key is rotated: nothing of the command runs any more."""
    with subprocess.Popen(
        [KEYTURN, "rehearse", *args, "--yes"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as playing:
        assert playing.stderr is not None
        for line in playing.stderr:
            if "stored under" in line:
                break
        playing.kill()


@pytest.mark.parametrize(("account", "args"), [(SECURITY, HERE), (PROD, (*HERE, *THERE))])
def test_with_the_policies_to_copy_the_whole_life_of_a_key_is_as_expected(
    stage: Harness, account: str, args: tuple[str, ...], tmp_path: Path
) -> None:
    before = stage.keys(account, "deploy-bot")
    environment = operator(stage, *args)

    done = keyturn(environment, *args, "--yes", "--format", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    answer: Any = json.loads(done.stdout)
    verdicts = {each["name"]: each["verdict"] for each in answer["findings"]}
    assert verdicts.pop("delivered") == "not-tried"
    assert set(verdicts.values()) == {"as-expected"}, answer
    assert left(stage, account) == []
    assert stage.keys(account, "deploy-bot") == before
    kill_while_it_plays(environment, *args)
    assert left(stage, account)
    where = THERE[:4] if account == PROD else ()
    cleaned = keyturn(environment, "--clean", "--story", "--bucket", BUCKET, "--yes", *where)
    assert cleaned.returncode == 0, cleaned.stderr
    assert left(stage, account) == []
    print(f"{answer['calls']} calls, {answer['seconds']} s")  # noqa: T201 -- the figures of docs/rehearse.md


PROBES = ("--probes", "--bucket", BUCKET, "--seal-key", SEAL)
ALLOWED = (
    *("third-key", "group-members", "root-keys", "scheduled", "untag-gone", "no-policy"),
    *("list-in-pages", "mac-is-the-same", "one-key-many-names", "if-none-match", "list-order"),
    *("batch-in-part", "queue-counts", "put-in-part", "send-rate", "not-suppressed"),
)
"""Probes that take each of the rights among them; those that wait are left out."""


def test_with_the_policies_to_copy_probes_are_tried_and_nothing_is_left(stage: Harness) -> None:
    environment = operator(stage, *PROBES)
    only = [each for name in ALLOWED for each in ("--only", name)]

    done = keyturn(environment, *PROBES, *only, "--yes", "--format", "json")

    answer: Any = json.loads(done.stdout)
    not_tried = {e["name"]: e["why"] for e in answer["findings"] if e["verdict"] == "not-tried"}
    assert not_tried == {}
    assert len(answer["findings"]) == len(ALLOWED)
    assert answer["clean_up"]["left"] == []
    assert left(stage, SECURITY) == []
    sqs, events = stage.client(SECURITY, "sqs"), stage.client(SECURITY, "events")
    assert sqs.list_queues(QueueNamePrefix="keyturn-").get("QueueUrls", []) == []
    assert events.list_event_buses(NamePrefix="keyturn-")["EventBuses"] == []
    print(f"{answer['calls']} calls, {answer['seconds']} s")  # noqa: T201 -- as above
