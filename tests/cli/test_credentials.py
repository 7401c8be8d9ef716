"""`keyturn credentials`: an SDK gets the newest delivered key by itself."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.cli.laptop import SECRET, USER, Laptop, be_at, keyturn, set_up
from tests.use_cases.harness import MEMBER, Harness

HOUR = timedelta(hours=1)
ASK = ("credentials", "--secret", SECRET, "--source-profile", "admin")

prints = pytest.mark.lets_a_secret_out


@pytest.fixture
def laptop(stage: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    with set_up(stage, tmp_path, monkeypatch) as laptop:
        laptop.write(laptop.admin() + laptop.section("old", laptop.old))
        monkeypatch.setenv("XDG_CACHE_HOME", str(laptop.folder / "cache"))
        yield laptop


def kept(laptop: Laptop) -> Path:
    [path] = (laptop.folder / "cache" / "keyturn").iterdir()
    return path


def later(laptop: Laptop, hours: float) -> None:
    laptop.stage.cloud.move_to(laptop.stage.cloud.now + hours * HOUR)


def rotated_again(laptop: Laptop) -> str:
    """Let a person deliver a third key in the place of the old one; its id."""
    iam = laptop.stage.iam()
    iam.delete_access_key(UserName=USER, AccessKeyId=laptop.old)
    made = iam.create_access_key(UserName=USER)["AccessKey"]
    value = {
        "AccessKeyId": made["AccessKeyId"],
        "SecretAccessKey": made["SecretAccessKey"],
        "UserName": USER,
    }
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))
    return str(made["AccessKeyId"])


def given(laptop: Laptop, *args: str) -> dict[str, Any]:
    result = laptop.keyturn(*(args or ASK))
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@prints
def test_the_answer_is_what_the_sdks_want_and_nothing_else(laptop: Laptop) -> None:
    result = laptop.keyturn(*ASK)

    answer = json.loads(result.stdout)
    expiration = datetime.fromisoformat(answer.pop("Expiration"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert answer == {
        "Version": 1,
        "AccessKeyId": laptop.new,
        "SecretAccessKey": laptop.secret(laptop.new),
    }
    assert timedelta(minutes=59) < expiration - laptop.stage.cloud.now <= HOUR


@prints
def test_a_key_is_kept_for_its_owner_alone_and_given_without_aws(laptop: Laptop) -> None:
    given(laptop)
    since = laptop.stage.mark()

    again = given(laptop)

    assert again["AccessKeyId"] == laptop.new
    assert laptop.stage.cloud.calls[since:] == []
    path = kept(laptop)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@prints
def test_after_an_hour_the_secret_is_read_again(laptop: Laptop) -> None:
    given(laptop)
    newest = rotated_again(laptop)

    before = given(laptop)["AccessKeyId"]
    later(laptop, 1.1)
    after = given(laptop)["AccessKeyId"]

    assert (before, after) == (laptop.new, newest)


@prints
def test_a_key_that_was_tried_is_not_tried_again(laptop: Laptop) -> None:
    given(laptop)
    later(laptop, 2)
    since = laptop.stage.mark()

    given(laptop)

    assert [each.operation for each in laptop.stage.cloud.calls[since:]] == ["GetSecretValue"]


@prints
def test_while_the_secret_cannot_be_read_the_key_of_before_is_given_for_a_day(
    laptop: Laptop,
) -> None:
    given(laptop)
    laptop.stage.secret_store().delete_secret(SecretId=SECRET)

    later(laptop, 2)
    soon = laptop.keyturn(*ASK)
    later(laptop, 23)
    late = laptop.keyturn(*ASK)

    answer = json.loads(soon.stdout)
    until = datetime.fromisoformat(answer["Expiration"])
    assert answer["AccessKeyId"] == laptop.new
    assert (
        timedelta(minutes=15) < until - laptop.stage.cloud.now + 23 * HOUR < timedelta(minutes=21)
    )
    assert soon.stderr.startswith(f"the secret {SECRET} is scheduled for deletion")
    assert f"{laptop.new} is given, read at 2026-03-02 " in soon.stderr
    assert len(soon.stderr.splitlines()) == 1
    assert late.exit_code == 1
    assert late.stdout == ""


@prints
def test_a_new_key_that_does_not_work_yet_leaves_the_one_of_before(laptop: Laptop) -> None:
    given(laptop)
    newest = rotated_again(laptop)
    laptop.stage.iam().update_access_key(UserName=USER, AccessKeyId=newest, Status="Inactive")
    later(laptop, 2)

    result = laptop.keyturn(*ASK)

    assert json.loads(result.stdout)["AccessKeyId"] == laptop.new
    assert f"the new key {newest} does not work" in result.stderr


def test_a_key_of_somebody_else_is_not_given(laptop: Laptop) -> None:
    [planted] = laptop.stage.user("mallory", 5)
    value = {
        "AccessKeyId": planted,
        "SecretAccessKey": laptop.secret(planted),
        "UserName": USER,
    }
    laptop.stage.secret_store().put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))

    result = laptop.keyturn(*ASK)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "user/mallory, and not of deploy-bot" in result.stderr


# --- with the delivered key itself

OWN = ("credentials", "--user", USER, "--own-key", "--source-profile", "old")


@prints
def test_where_a_user_reads_its_own_secret_the_old_key_is_needed_once(laptop: Laptop) -> None:
    first = given(laptop, *OWN)["AccessKeyId"]
    newest = rotated_again(laptop)  # with it the old key is gone
    later(laptop, 2)

    second = given(laptop, *OWN)["AccessKeyId"]

    assert (first, second) == (laptop.new, newest)


@prints
def test_a_key_that_ended_meanwhile_leaves_the_reading_to_the_source(laptop: Laptop) -> None:
    ask = ("credentials", "--user", USER, "--own-key", "--source-profile", "admin")
    given(laptop, *ask, "--account", MEMBER)
    rotated_again(laptop)
    laptop.stage.iam().delete_access_key(UserName=USER, AccessKeyId=laptop.new)
    later(laptop, 2)

    assert given(laptop, *ask, "--account", MEMBER)["AccessKeyId"] != laptop.new


@prints
def test_where_neither_may_read_both_reasons_are_named(laptop: Laptop) -> None:
    given(laptop, *OWN)
    rotated_again(laptop)
    laptop.stage.iam().delete_access_key(UserName=USER, AccessKeyId=laptop.new)
    later(laptop, 25)

    result = laptop.keyturn(*OWN)

    assert result.exit_code == 1
    assert "; and with the key of before: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


@prints
def test_the_examples_of_the_manual_run_one_after_the_other(laptop: Laptop) -> None:
    laptop.write(laptop.admin() + laptop.section("build", laptop.old))
    examples = re.findall(r"^\$ keyturn (credentials.*)$", PAGE, re.MULTILINE)

    keys = [given(laptop, *shlex.split(each))["AccessKeyId"] for each in examples]

    assert keys == [laptop.new] * 3


# --- usage


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--secret: or --user is needed"),
        (("--user", USER, "--refresh", "29"), "--refresh 29: must be 30 to 720 minutes"),
        (("--user", USER, "--refresh", "721"), "--refresh 721: must be 30 to 720 minutes"),
        (("--user", USER, "--stale", "73"), "--stale 73: must be 0 to 72 hours"),
        (("--user", USER, "--source-profile", ""), "--source-profile: must not be empty"),
    ],
)
def test_wrong_usage_is_refused(args: tuple[str, ...], said: str) -> None:
    result = keyturn("credentials", *args)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{said}\n"


@prints
def test_where_nothing_can_be_kept_the_key_is_given_all_the_same(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (laptop.folder / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(laptop.folder / "a file"))

    result = laptop.keyturn(*ASK)

    assert json.loads(result.stdout)["AccessKeyId"] == laptop.new
    assert result.stderr.startswith("the key is not kept: ")
    assert len(result.stderr.splitlines()) == 1


# --- with botocore itself, in processes of their own

KEYTURN = Path(sys.executable).with_name("keyturn")
BOT = "Account_123456789012_User_bot_AccessKey"


class Aws:
    """An AWS on this machine, in which a user has a delivered key."""

    def __init__(self, endpoint: str) -> None:
        make = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "aws_secret_access_key": "admin",
        }
        self._iam: Any = boto3.client("iam", **make)  # type: ignore[call-overload]  # any service
        self._secrets: Any = boto3.client("secretsmanager", **make)  # type: ignore[call-overload]  # any service
        self._iam.create_user(UserName="bot", Path="/team/")
        self._secrets.create_secret(Name=BOT)

    def deliver(self) -> str:
        made = self._iam.create_access_key(UserName="bot")["AccessKey"]
        value = {
            "AccessKeyId": made["AccessKeyId"],
            "SecretAccessKey": made["SecretAccessKey"],
            "UserName": "bot",
        }
        self._secrets.put_secret_value(SecretId=BOT, SecretString=json.dumps(value))
        return str(made["AccessKeyId"])


@pytest.fixture
def server() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@prints
def test_boto3_gets_the_newest_key_by_itself(
    server: ThreadedMotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    aws = Aws(endpoint)
    first = aws.deliver()
    be_at(tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    (tmp_path / "config").write_text(
        "[profile work]\nregion = us-east-1\n"
        f"credential_process = {KEYTURN} credentials --secret {BOT} --source-profile reader\n"
        f"[profile circle]\ncredential_process = {KEYTURN} credentials --user bot "
        "--source-profile circle\n"
        "[profile reader]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
        "aws_secret_access_key = reader\n"
    )

    session = boto3.Session(profile_name="work")
    held: Any = session.get_credentials()
    used = [held.access_key]
    arn = session.client("sts").get_caller_identity()["Arn"]
    second = aws.deliver()
    used.append(boto3.Session(profile_name="work").get_credentials().access_key)  # type: ignore[union-attr]  # there are some
    [kept] = (tmp_path / ".cache" / "keyturn").iterdir()
    past = json.loads(kept.read_text()) | {"read_at": "2020-01-01T00:00:00Z"}
    kept.write_text(json.dumps(past))
    held._expiry_time = datetime.now(UTC)  # noqa: SLF001 -- what an hour does
    used.append(held.get_frozen_credentials().access_key)
    kept.write_text(
        json.dumps(
            json.loads(kept.read_text()) | {"read_at": (datetime.now(UTC) - 2 * HOUR).isoformat()}
        )
    )
    server.stop()
    held._expiry_time = datetime.now(UTC)  # noqa: SLF001 -- what an hour does
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    used.append(held.get_frozen_credentials().access_key)

    assert arn.endswith(":user/team/bot")
    assert used == [first, first, second, second]

    circle = subprocess.run(
        [KEYTURN, "credentials", "--user", "bot", "--source-profile", "circle"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert circle.returncode == 1
    assert circle.stdout == ""
    assert "come from this command: give --source-profile" in circle.stderr
