"""
For `test_canary.py`: tests that pass, and let a secret out; pytest collects them only when asked.

The canary has to name the place and the form of every one.
"""

import base64
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import typer
from aws_lambda_powertools import Logger
from moto import mock_aws
from typer.testing import CliRunner

from keyturn.adapters import clients
from keyturn.adapters.iam import IamAccessKeys
from keyturn.domain.errors import Unavailable
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT, LocalCloud
from keyturn_sandbox.emulator.iam_rules import Keyring
from keyturn_sandbox.judge.secret_scanner import smtp_password
from tests.canary import see
from tests.listening import OF_THE_SDK

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
ME = "keys@example.com"
FORMS: Mapping[str, tuple[str, str]] = {
    "plain": (SECRET, "as it is"),
    "url": (quote(SECRET, safe=""), "as it is, URL-encoded"),
    "url-in-lower-case": (quote(SECRET, safe="").replace("%2B", "%2b"), "as it is, URL-encoded"),
    "json": (SECRET.replace("/", r"\/"), "as it is, JSON-escaped"),
    "base64-0": (base64.b64encode(SECRET.encode()).decode(), "in Base64"),
    "base64-1": (base64.b64encode(f"x{SECRET}".encode()).decode(), "in Base64"),
    "base64-2": (base64.urlsafe_b64encode(f"xx{SECRET}".encode()).decode(), "in Base64"),
    "smtp": (smtp_password(SECRET, "eu-north-1"), "SMTP password for eu-north-1"),
}


@pytest.fixture(autouse=True)
def _handed_out() -> None:
    Keyring().add(MANAGEMENT_ACCOUNT, KEY, SECRET)


def in_aws(service: str, act: Callable[[Any], object]) -> Callable[[Path], None]:
    """Let somebody call AWS."""

    def plant(_: Path) -> None:
        with LocalCloud(now=NOW) as cloud:
            cloud.verify_sender(MANAGEMENT_ACCOUNT, ME)
            act(clients.client(cloud.session(MANAGEMENT_ACCOUNT), service))

    return plant


def put_event(events: Any) -> None:  # noqa: ANN401 -- boto3 makes the class at run time
    events.create_event_bus(Name="ours")
    entry = {"Source": "x", "DetailType": "y", "Detail": json.dumps({"secret": SECRET})}
    events.put_events(Entries=[{**entry, "EventBusName": "ours"}])


def queue(sqs: Any) -> None:  # noqa: ANN401 -- as above
    url = sqs.create_queue(QueueName="ours")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=SECRET)


def store(s3: Any) -> None:  # noqa: ANN401 -- as above
    s3.create_bucket(Bucket="ours")
    s3.put_object(Bucket="ours", Key="receipts/x", Body=SECRET.encode())


def tag(secret_store: Any) -> None:  # noqa: ANN401 -- as above
    secret_store.create_secret(Name="ours", Tags=[{"Key": "made", "Value": SECRET}])


def mail(ses: Any) -> None:  # noqa: ANN401 -- as above
    body = {"Text": {"Data": f"Use {SECRET}."}}
    ses.send_email(
        FromEmailAddress=ME,
        Destination={"ToAddresses": [ME]},
        Content={"Simple": {"Subject": {"Data": "New key"}, "Body": body}},
    )


def mail_as_mime(ses: Any) -> None:  # noqa: ANN401 -- as above
    message = EmailMessage()
    message["From"] = message["To"] = ME
    message.set_content(f"Use {SECRET}.", cte="base64")
    ses.send_email(Content={"Raw": {"Data": bytes(message)}})


def in_log(_: Path) -> None:
    logging.getLogger("somebodys").debug("made %s", SECRET)


def beside_log(_: Path) -> None:
    logging.getLogger("somebodys.extra").info("made", extra={"secret": SECRET})


def in_logged_error(_: Path) -> None:
    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("somebodys.error").exception("lost")


def in_function_log(_: Path) -> None:
    logger = Logger(service="planted")
    logger.append_keys(secret=SECRET)
    logger.debug("Wrote iam:CreateAccessKey")


def in_sdk_log(_: Path) -> None:
    """Call through a client that nobody keeps from logging its answers."""
    for name in OF_THE_SDK:
        logging.getLogger(name).setLevel(logging.NOTSET)
    with LocalCloud(now=NOW) as cloud:
        cloud.add_user(MANAGEMENT_ACCOUNT, "ann")
        iam = cloud.session(MANAGEMENT_ACCOUNT).client("iam")
        IamAccessKeys(iam, lambda: iam).create("ann")


def in_output(_: Path) -> None:
    sys.stdout.write(SECRET)


def in_errors(_: Path) -> None:
    sys.stderr.write(SECRET)


def in_thread(_: Path) -> None:
    thread = Thread(target=in_output, args=[_])
    thread.start()
    thread.join()


def in_command_output(_: Path) -> None:
    command(lambda: typer.echo(SECRET))


def in_command_errors(_: Path) -> None:
    command(lambda: typer.echo(SECRET, err=True))


def in_command_error(_: Path) -> None:
    def fail() -> None:
        raise Unavailable(SECRET)

    command(fail)


def command(act: Callable[[], None]) -> None:
    app = typer.Typer()
    app.command()(act)
    CliRunner().invoke(app, [])


def in_process(_: Path) -> None:
    subprocess.run([sys.executable, "-c", f"print('{SECRET}')"], capture_output=True, check=True)


def in_child(_: Path) -> None:
    """Print a secret that the emulator made in the process that prints it."""
    code = f"""
from keyturn_sandbox.emulator.iam_rules import Keyring
from tests.listening import tell_the_canary
tell_the_canary()
Keyring().add("1", "{KEY}", "{SECRET[::-1]}")
print("{SECRET[::-1]}")
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def in_plain_moto(_: Path) -> None:
    """Print a secret that moto made without a sandbox around it."""
    with mock_aws():
        iam = boto3.client("iam", "us-east-1")
        iam.create_user(UserName="ann")
        sys.stdout.write(iam.create_access_key(UserName="ann")["AccessKey"]["SecretAccessKey"])


def in_awaited_error(_: Path) -> None:
    with pytest.raises(Unavailable):
        raise Unavailable("lost") from ValueError(SECRET)


def in_warning(_: Path) -> None:
    warnings.warn(SECRET, stacklevel=1)


def in_file(folder: Path) -> None:
    (folder / "plan.json").write_text(SECRET)


def handed_in(_: Path) -> None:
    see("what only a test sees", SECRET)


PLACES: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "event": (in_aws("events", put_event), "a call of events:PutEvents"),
    "message": (in_aws("sqs", queue), "a call of sqs:SendMessage"),
    "object": (in_aws("s3", store), "a call of s3:PutObject"),
    "tag": (in_aws("secretsmanager", tag), "a call of secretsmanager:CreateSecret"),
    "mail": (in_aws("sesv2", mail), "a call of sesv2:SendEmail"),
    "mime": (in_aws("sesv2", mail_as_mime), "a mail"),
    "log": (in_log, "the log of somebodys"),
    "beside-log": (beside_log, "the log of somebodys.extra"),
    "logged-error": (in_logged_error, "the log of somebodys.error"),
    "function-log": (in_function_log, "the log of a function"),
    "sdk-log": (in_sdk_log, "the log of botocore.parsers"),
    "output": (in_output, "what was printed"),
    "errors": (in_errors, "what was printed"),
    "thread": (in_thread, "what was printed"),
    "command-output": (in_command_output, "what a command printed"),
    "command-errors": (in_command_errors, "what a command printed"),
    "command-error": (in_command_error, "the error of a command"),
    "process": (in_process, "what a process printed"),
    "child": (in_child, "what a process printed"),
    "plain-moto": (in_plain_moto, "what was printed"),
    "awaited-error": (in_awaited_error, "an error that a test waits for"),
    "warning": (in_warning, "a warning"),
    "file": (in_file, "the file "),
    "handed-in": (handed_in, "what only a test sees"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("default")
def test_place(place: str, tmp_path: Path) -> None:
    PLACES[place][0](tmp_path)


@pytest.mark.xfail(raises=Unavailable, strict=True, reason="its error holds the secret")
def test_failed() -> None:
    raise Unavailable(SECRET)


@pytest.mark.parametrize("form", FORMS)
def test_form(form: str) -> None:
    see("a form", FORMS[form][0])


def test_where_it_belongs() -> None:
    """In the answer that makes a key, and in Secrets Manager."""
    with LocalCloud(now=NOW) as cloud:
        cloud.add_user(MANAGEMENT_ACCOUNT, "ann")
        session = cloud.session(MANAGEMENT_ACCOUNT)
        made = session.client("iam").create_access_key(UserName="ann")["AccessKey"]
        secret_store = session.client("secretsmanager")
        secret_store.create_secret(Name="ours", SecretString=made["SecretAccessKey"])
        secret_store.put_secret_value(SecretId="ours", SecretString=SECRET)
        assert secret_store.get_secret_value(SecretId="ours")["SecretString"] == SECRET


@pytest.mark.lets_a_secret_out
def test_marked(tmp_path: Path) -> None:
    in_output(tmp_path)
    in_file(tmp_path)


@pytest.mark.lets_a_secret_out
def test_marked_for_nothing() -> None:
    pass
