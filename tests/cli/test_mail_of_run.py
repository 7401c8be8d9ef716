"""The administrators' one mail of a run over several accounts, from a laptop."""

import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import (
    ADMIN,
    BUCKET,
    CLOSED_TO_US,
    DAY,
    GROUP,
    NOW,
    OURS,
    PREFIX,
    ROLE,
    SECRETS,
    SHOP,
    TELLING,
    add_user,
    deploy,
    environment,
)

ENFORCED = ("run", "--role-name", ROLE, "--enforce", "--yes", *TELLING)
IN_BOTH = ("--account", OURS, "--account", SHOP)


@pytest.fixture(autouse=True)
def two_teams(cloud: LocalCloud) -> list[str]:
    """A user with a key that is due in each of two accounts, and the keys' ids."""
    return [*add_user(cloud, OURS, "deploy-bot", 137), *add_user(cloud, SHOP, "orders", 137)]


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, args)


def to_admin(cloud: LocalCloud) -> list[SentMail]:
    return [mail for mail in cloud.sent_mails if ADMIN in mail.to]


def words(mail: SentMail) -> str:
    return " ".join((mail.text or "").split())


def test_of_a_run_over_many_accounts_the_administrators_get_one_mail(
    cloud: LocalCloud, two_teams: list[str]
) -> None:
    result = keyturn(*ENFORCED)
    [mail] = to_admin(cloud)
    again = keyturn(*ENFORCED, *IN_BOTH)

    assert result.exit_code == 1  # an account does not know our role
    assert len(cloud.sent_mails) == 3  # and each owner theirs
    assert mail.subject == (
        "[AWS access keys] 1 account not reached (3 accounts, a run on 2 March)"
    )
    assert "one run from a command line, over 3 accounts" in words(mail)
    assert all(key in words(mail) for key in two_teams)
    assert f"bought ({CLOSED_TO_US}): the role" in words(mail)
    assert "keyturn doctor" not in words(mail)
    [receipt] = [name for name in cloud.objects(BUCKET) if "_runs/" in name]
    assert receipt.startswith("receipts/_runs/")
    # Run once more, there is nothing new to tell.
    assert again.exit_code == 0, again.stderr
    assert to_admin(cloud) == [mail]


def test_of_a_dry_run_they_get_one_too(cloud: LocalCloud, two_teams: list[str]) -> None:
    result = keyturn("run", "--role-name", ROLE, *IN_BOTH, *TELLING)

    assert result.exit_code == 0, result.stderr
    assert len(to_admin(cloud)) == 1
    [mail] = to_admin(cloud)
    assert mail.subject == (
        "[AWS access keys] [dry run] 2 keys would be changed (2 accounts, a run on 2 March)"
    )
    assert all(key in words(mail) for key in two_teams)


def test_of_one_account_it_is_the_copy(cloud: LocalCloud) -> None:
    keyturn(*ENFORCED, "--account", SHOP)

    [mail] = to_admin(cloud)
    assert "a run on" not in mail.subject
    assert "orders" in words(mail)


def test_over_the_bus_it_is_one_event(cloud: LocalCloud, two_teams: list[str]) -> None:
    cloud.session(OURS).client("events").create_event_bus(Name="keys")
    telling = ("--notify", "bus", "--bus", "keys", "--bucket", BUCKET, "--admin", ADMIN)

    keyturn("run", "--role-name", ROLE, *IN_BOTH, "--enforce", "--yes", *telling, *SECRETS)

    [detail] = details(cloud, "Digest Due")
    digest = detail["digest"]
    assert {line["key"] for line in digest["done"]["worst"]} == set(two_teams)
    assert digest["run"] == detail["run"]
    audiences = [each["digest"]["audience"] for each in details(cloud, "Notices Due")]
    assert audiences == ["owner", "owner"]


def details(cloud: LocalCloud, event_type: str) -> list[dict[str, Any]]:
    return [
        json.loads(event["Detail"]) for event in events(cloud) if event["DetailType"] == event_type
    ]


def events(cloud: LocalCloud) -> Iterator[Mapping[str, str]]:
    for call in cloud.calls:
        if call.operation == "PutEvents":
            yield from call.params["Entries"]  # type: ignore[misc] # PutEvents' own


def test_where_a_reporter_makes_the_days_digest_that_one_tells_it(
    cloud: LocalCloud, two_teams: list[str]
) -> None:
    deploy(cloud, AdminDigest="Daily")
    run = ("run", "--deployed", *IN_BOTH, "--notify", "ses")

    # What is stored elsewhere it does not see.
    keyturn(*run, "--prefix", f"{PREFIX}/test")
    [elsewhere] = to_admin(cloud)
    keyturn(*run, "--enforce", "--yes")
    day = keyturn("digest", "--deployed")

    assert to_admin(cloud) == [elsewhere]
    assert all(key in day.stdout for key in two_teams)

    # A dry run is told at once, and the day stays that of what was done.
    add_user(cloud, SHOP, "late", 137)
    keyturn(*run)
    [_, dry] = to_admin(cloud)
    assert dry.subject.startswith("[AWS access keys] [dry run] 1 key would be changed")
    assert "late" in words(dry)
    assert all(key in keyturn("digest", "--deployed").stdout for key in two_teams)


def test_an_account_that_was_named_and_is_not_found_is_not_seen(cloud: LocalCloud) -> None:
    keyturn(*ENFORCED, *IN_BOTH)
    lost = [f"9999999999{each:02}" for each in range(12)]
    for some in (lost[:1], lost):
        named = [option for each in some for option in ("--account", each)]
        assert keyturn(*ENFORCED, *IN_BOTH, *named).exit_code == 1

    _, one, many = to_admin(cloud)
    assert one.subject == "[AWS access keys] 1 account not reached (3 accounts, a run on 2 March)"
    assert f"{lost[0]}: it is not in the organisation" in words(one)
    assert "12 accounts not reached" in many.subject
    assert f"{lost[9]}:" in words(many)
    assert "and 2 more" in words(many)
    assert "All of them were seen" not in f"{words(one)} {words(many)}"


class InterruptedAtWork:
    """Presses Ctrl-C while the first key is made, and goes on when it was heard."""

    def __init__(self) -> None:
        self.pressed = False
        self.heard = threading.Event()

    def hear(self, number: int, frame: FrameType | None) -> None:
        self.heard.set()
        signal.default_int_handler(number, frame)

    def __call__(self, request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "CreateAccessKey" and not self.pressed:
            self.pressed = True
            ident = threading.main_thread().ident
            assert ident is not None
            signal.pthread_kill(ident, signal.SIGINT)
            assert self.heard.wait(60)
            time.sleep(0.2)  # for the few lines until no other account can begin
        return perform(request)


def test_an_interrupted_run_says_what_it_did(
    cloud: LocalCloud,
) -> None:
    # Whoever starts the tests in the background of a shell may have them ignore it.
    interrupted = InterruptedAtWork()
    as_it_was = signal.signal(signal.SIGINT, interrupted.hear)
    cloud.layers.append(interrupted)
    try:
        result = keyturn(*ENFORCED, *IN_BOTH, "--parallel", "1")
    finally:
        signal.signal(signal.SIGINT, as_it_was)

    assert result.exit_code == 130
    [mail] = to_admin(cloud)
    first, second = sorted((OURS, SHOP))
    made = {account: len(cloud.keys(account)) for account in (first, second)}
    assert made == {first: 2, second: 1}
    text = words(mail)
    assert mail.subject.startswith("[AWS access keys] 1 account not reached")
    assert "The run was interrupted." in text
    assert f"{second})" in text.partition("not looked at, or not to the end. Nothing in it")[2]


def test_who_was_made_exempt_is_found_again_until_the_mail_went_out(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud.role_session(OURS, "Operator")).items():
        monkeypatch.setenv(name, value)
    iam = cloud.session(SHOP).client("iam")
    keyturn(*ENFORCED, *IN_BOTH)
    iam.add_user_to_group(GroupName=GROUP, UserName="orders")
    cloud.move_to(NOW + DAY)
    refused = cloud.deny(OURS, "SendEmail")

    untold = keyturn(*ENFORCED, *IN_BOTH)
    refused.lift()
    told = keyturn(*ENFORCED, *IN_BOTH)
    again = keyturn(*ENFORCED, *IN_BOTH)

    assert untold.exit_code == 1
    assert "the administrators were not notified: " in untold.stderr
    assert "(no later run sends this mail: `keyturn digest` shows what was done)" in untold.stderr
    assert told.exit_code == again.exit_code == 0
    [_, mail] = to_admin(cloud)
    assert "1 user newly exempt" in mail.subject


def test_who_is_newly_exempt_is_not_noted_over_the_snapshot_of_a_later_run(
    cloud: LocalCloud,
) -> None:
    keyturn(*ENFORCED, *IN_BOTH)
    cloud.session(SHOP).client("iam").add_user_to_group(GroupName=GROUP, UserName="orders")
    cloud.move_to(NOW + DAY)
    name = f"snapshots/date=2026-03-03/account={SHOP}.json"
    later = b""

    def meanwhile(request: ApiRequest, perform: Perform) -> ApiResponse:
        """A function's run takes the account's snapshot before the mail goes out."""
        nonlocal later
        if request.operation == "SendEmail" and not later:
            [key] = [each for each in cloud.objects(BUCKET) if each.endswith(name)]
            later = json.dumps(
                {**json.loads(cloud.objects(BUCKET)[key]), "run": "b" * 32}
            ).encode()
            cloud.session(OURS).client("s3").put_object(Bucket=BUCKET, Key=key, Body=later)
        return perform(request)

    cloud.layers.append(meanwhile)
    result = keyturn(*ENFORCED, *IN_BOTH)

    assert result.exit_code == 0, result.stderr
    [stored] = [body for key, body in cloud.objects(BUCKET).items() if key.endswith(name)]
    assert stored == later != b""
