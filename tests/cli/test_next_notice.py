"""`keyturn notices preview` for a real key: what its owner would be sent next; nothing is sent."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.schemas.receipt import write_receipt
from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.cli.organisation import ADMIN, BUCKET, GROUP, OURS, PREFIX, ROLE, SHOP, add_user, deploy

IN_THE_SHOP = ("--role-name", ROLE, "--account", SHOP, "--owner-tag", "owner", "--admin", ADMIN)


def preview(folder: Path, *arguments: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "160", "AWS_REGION": "us-east-1"})
    return runner.invoke(app, ["notices", "preview", str(folder), *arguments])


def text_of(folder: Path, key: str) -> str:
    return " ".join((folder / f"{key}.txt").read_text("utf-8").split())


@pytest.fixture
def shop(cloud: LocalCloud) -> LocalCloud:
    add_user(cloud, SHOP, "ann-bot", 95)
    tag(cloud, "ann@example.com")
    return cloud


def test_a_key_that_is_due_shows_the_mail_of_today_with_its_real_facts(
    shop: LocalCloud, tmp_path: Path
) -> None:
    [key] = [each.key_id for each in shop.keys(SHOP)]
    shop.use_key(SHOP, key, shop.now, service="dynamodb", region="eu-west-3")
    before = len(shop.calls)

    result = preview(
        tmp_path / "mails", "--user", "ann-bot", *IN_THE_SHOP, "--organization-name", "Brightwater"
    )

    assert result.exit_code == 0, result.output
    assert f"ann-bot {key}: disable of " in result.stdout
    assert " to ann@example.com" in result.stdout
    text = text_of(tmp_path / "mails", key)
    assert "at Brightwater" in text
    assert "dynamodb" in text
    assert "eu-west-3" in text
    assert "the successor" not in text
    assert f"{key}.html" in (tmp_path / "mails" / "index.html").read_text("utf-8")
    assert not shop.sent_mails
    written = {
        call.operation
        for call in shop.calls[before:]
        if call.operation.startswith(("Create", "Put", "Update", "Delete", "Send", "Tag"))
    }
    assert written == set()


def test_a_key_that_is_young_shows_the_first_warning_on_its_day(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    [key] = add_user(cloud, SHOP, "new-bot", 60)

    result = preview(tmp_path / "mails", "--key", key, *IN_THE_SHOP)

    assert result.exit_code == 0, result.output
    [line] = [each for each in result.stdout.splitlines() if key in each]
    assert line.startswith(f"new-bot {key}: upcoming-14 of ")
    assert line.endswith(" to shop@example.com")
    sent = line.split(" on ")[1].split(" ")[0]
    assert sent > str(cloud.now.date())
    assert key in text_of(tmp_path / "mails", key)


def test_beside_a_deployment_its_settings_and_receipts_count(
    shop: LocalCloud, tmp_path: Path
) -> None:
    deploy(shop, ResourceOwnerTag="owner", OrganizationName="Larkfield")
    [key] = [each.key_id for each in shop.keys(SHOP)]

    result = preview(tmp_path / "mails", "--key", key, "--deployed")

    assert result.exit_code == 0, result.output
    assert "at Larkfield" in text_of(tmp_path / "mails", key)


def missed(cloud: LocalCloud, key: str, address: str) -> None:
    """Say that ann-bot's owner was notified a moment ago, and that the mailbox took no mail."""
    to = Recipient(ChannelName.EMAIL, address)
    name = f"{PREFIX}/receipts/{SHOP}/ann-bot/{key}/disable/2026-02-25.{to.id}.json"
    receipt = write_receipt(to, at=cloud.now, message_id="1", promises={}, run="2")
    s3 = cloud.session(OURS).client("s3")
    for ending in ("", ".missed"):
        s3.put_object(Bucket=BUCKET, Key=name + ending, Body=receipt)


def tag(cloud: LocalCloud, address: str) -> None:
    cloud.session(SHOP).client("iam").tag_user(
        UserName="ann-bot", Tags=[{"Key": "owner", "Value": address}]
    )


@pytest.mark.parametrize(
    ("settings", "tagged", "to"),
    [
        ({}, "ann@example.com", "ann@example.com, shop@example.com"),
        ({"ProofOfNotice": "Delivered"}, "shop@example.com", f"shop@example.com, {ADMIN}"),
    ],
    ids=["the next source stands by", "two sources name one address"],
)
def test_while_a_mailbox_takes_no_mail_the_preview_is_to_whom_a_run_sends(
    shop: LocalCloud, tmp_path: Path, settings: dict[str, str], tagged: str, to: str
) -> None:
    deploy(shop, ResourceOwnerTag="owner", **settings)
    tag(shop, tagged)
    shop.add_key(SHOP, "ann-bot", created=shop.now - timedelta(days=30))
    key = min(shop.keys(SHOP), key=lambda each: each.created).key_id
    missed(shop, key, tagged)

    result = preview(tmp_path / "mails", "--key", key, "--deployed")

    assert result.exit_code == 0, result.output
    [line] = [each for each in result.stdout.splitlines() if key in each]
    assert line.partition(" to ")[2] == to
    assert {each.name for each in (tmp_path / "mails").glob("AKIA*.txt")} == {
        f"{key}.txt",
        f"{key}-2.txt",
    }


def test_a_tag_that_names_the_administrators_shows_their_mail(
    shop: LocalCloud, tmp_path: Path
) -> None:
    tag(shop, ADMIN.upper())
    [key] = [each.key_id for each in shop.keys(SHOP)]

    result = preview(tmp_path / "mails", "--key", key, *IN_THE_SHOP)

    assert result.exit_code == 0, result.output
    assert "for your address is named for them, or none is known" in text_of(
        tmp_path / "mails", key
    )


def test_of_a_key_that_nothing_comes_for_the_reason_is_said(
    shop: LocalCloud, tmp_path: Path
) -> None:
    iam = shop.session(SHOP).client("iam")
    iam.add_user_to_group(GroupName=GROUP, UserName="ann-bot")

    result = preview(tmp_path / "mails", "--user", "ann-bot", *IN_THE_SHOP)

    assert result.exit_code == 0, result.output
    assert ": nothing is in sight: its user is exempt" in result.stdout
    assert not (tmp_path / "mails").exists()


def test_a_user_that_is_not_there_is_said_and_nothing_is_written(
    shop: LocalCloud, tmp_path: Path
) -> None:
    result = preview(tmp_path / "mails", "--user", "nobody", *IN_THE_SHOP)

    assert result.exit_code == 1
    assert not (tmp_path / "mails").exists()


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("preview", ["--account", SHOP], f"--account {SHOP}: goes with --user or --key"),
        ("preview", ["--deployed"], "--deployed: goes with --user or --key"),
        ("preview", ["--bucket", BUCKET, "--prefix", PREFIX], "goes with --user or --key"),
        ("preview", ["--user", ""], "--user: must not be empty"),
        ("preview", ["--key", "akia"], "must be an access key's id"),
        ("preview", ["--key", "AKIAIOSFODNN7EXAMPLE", "--user", "ann"], "goes without --user"),
        ("lint", ["--user", "ann"], "--user ann: is for preview"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    tmp_path: Path, command: str, arguments: list[str], said: str
) -> None:
    result = CliRunner().invoke(app, ["notices", command, str(tmp_path / "mails"), *arguments])

    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert said in line
    assert not (tmp_path / "mails").exists()
