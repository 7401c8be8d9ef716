"""The notifier function: what it takes from its queue, and what it gives back."""

import json
from collections.abc import Iterator

import pytest

from keyturn.sandbox.deployment import ADMIN, BUCKET, PREFIX
from tests.entrypoints.test_exemptions import see
from tests.use_cases.stage import HUB, OWNER, Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def test_a_run_ends_in_one_mail_an_owner_and_one_to_the_admin(stage: Stage) -> None:
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.invoke()

    assert stage.tell() == []

    assert sorted(mail.to[0] for mail in stage.cloud.sent_mails) == sorted([OWNER, ADMIN])


def test_every_receipt_says_by_which_channel_and_to_whom(stage: Stage) -> None:
    stage.user("ann", 137)
    stage.invoke()
    see(stage)
    stage.tell()

    receipts = {
        name.split("/receipts/")[1]: json.loads(body)
        for name, body in stage.cloud.objects(BUCKET).items()
        if "/receipts/" in name
    }

    assert any("_exemptions" in name for name in receipts)
    assert {each["channel"] for each in receipts.values()} == {"email"}
    assert {each["address"] for each in receipts.values()} == {OWNER, ADMIN}


def test_a_message_that_comes_twice_is_told_once(stage: Stage) -> None:
    stage.user("ann", 137)
    stage.invoke()
    messages = stage.receive(stage.deployment.notifier_queue)
    sqs = stage.cloud.session(HUB).client("sqs")
    for message in [*messages, *messages]:
        sqs.send_message(QueueUrl=stage.deployment.notifier_queue, MessageBody=message["Body"])

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("not JSON", "Not told: body=not JSON: is not JSON"),
        ("[]", "Not told: detail=None: holds no digest"),
        ('{"detail": "?"}', "Not told: detail='?': holds no digest"),
        (
            '{"detail": {"digest": {}}, "account": "222222222222"}',
            "Not told: detail=KeyError: 'run': is no digest",
        ),
    ],
)
def test_a_malformed_message_fails_alone_and_says_why(body: str, why: str, stage: Stage) -> None:
    stage.user("ann", 137)
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.notifier_queue, MessageBody=body
    )
    stage.invoke()

    failed = stage.tell()

    assert len(failed) == 3
    assert len(stage.cloud.sent_mails) == 2
    assert {line["message"] for line in stage.lines() if line["level"] == "ERROR"} == {why}
    [dead] = stage.receive(stage.deployment.dead_letters[1])
    assert dead["Body"] == body


def test_what_ses_refuses_for_now_is_tried_again(stage: Stage) -> None:
    stage.user("ann", 137)
    stage.cloud.throttle(HUB, "SendEmail", times=1)
    stage.invoke()

    assert len(stage.tell()) == 1

    assert len(stage.cloud.sent_mails) == 2
    assert len([name for name in stage.cloud.objects(BUCKET) if "/ann/" in name]) == 2


def put_template(stage: Stage, name: str, text: str) -> None:
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/Template/{name}", Body=text.encode()
    )


def test_operators_write_the_mails_in_their_own_words_without_a_redeploy(stage: Stage) -> None:
    [ann] = stage.user("ann", 137)
    put_template(stage, "owner/subject.txt", "Larkfield: your keys")
    stage.invoke()

    assert stage.tell() == []

    subjects = {mail.to[0]: mail.subject for mail in stage.cloud.sent_mails}
    assert subjects[OWNER] == "Larkfield: your keys"
    assert subjects[ADMIN] != "Larkfield: your keys"
    assert all(ann in str(mail.text) for mail in stage.cloud.sent_mails)


@pytest.mark.parametrize("operation", [None, "GetObject"])
def test_a_broken_template_is_loud_and_everybody_is_told_all_the_same(
    operation: str | None, stage: Stage
) -> None:
    stage.user("ann", 137)
    put_template(stage, "owner/subject.txt", "{{ no_such_thing }}")
    if operation:
        stage.cloud.deny(HUB, operation)
    stage.invoke()
    since = len(stage.measured())

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2
    assert len([name for name in stage.cloud.objects(BUCKET) if "/disable/" in name]) == 2
    errors = [line for line in stage.lines() if line["level"] == "ERROR"]
    assert all("in the bucket" in error["message"] for error in errors)
    broken = [
        line["TemplateBroken"] for line in stage.measured()[since:] if "TemplateBroken" in line
    ]
    assert broken == [[1.0]] * len(errors)
    assert errors


def test_every_event_on_the_bus_is_of_the_documented_form(stage: Stage) -> None:
    stage.user("ann", 90)
    busy = stage.user("bob", 400, 300)
    for day in (0, 10, 20):
        stage.at(day).use(*busy)
        stage.run()

    entries = [
        entry
        for call in stage.ours()
        if call.operation == "PutEvents"
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # PutEvents' own
    ]
    assert {entry["Source"] for entry in entries} == {"iam.key-rotation"}
    assert {entry["DetailType"] for entry in entries} == {
        "Key Blocked",
        "Key Deleted",
        "Key Disabled",
        "Key Rotated",
        "Notices Due",
        "Run Completed",
    }
    for entry in entries:
        detail = json.loads(entry["Detail"])
        assert {"version", "run", "account", "dry_run"} <= detail.keys()
        assert detail["version"] == 1
