"""The notifier function: what it takes from its queue, and what it gives back."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.functions.notifier_at_work import put, taken
from tests.functions.test_exemptions import see
from tests.use_cases.harness import DAY, HUB, MINUTE, OWNER, START, Harness, staged


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def test_a_run_ends_in_one_mail_an_owner_and_one_to_the_admin(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.invoke()

    assert stage.tell() == []

    assert sorted(mail.to[0] for mail in stage.cloud.sent_mails) == sorted([OWNER, ADMIN])


def test_every_receipt_says_by_which_channel_and_to_whom(stage: Harness) -> None:
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


def test_a_message_that_comes_twice_is_told_once(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.invoke()
    messages = stage.receive(stage.deployment.notifier_queue)
    sqs = stage.cloud.session(HUB).client("sqs")
    for message in [*messages, *messages]:
        sqs.send_message(QueueUrl=stage.deployment.notifier_queue, MessageBody=message["Body"])

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2


def dropped(stage: Harness) -> list[float]:
    return [line["EventsDropped"][0] for line in stage.measured() if "EventsDropped" in line]


def errors(stage: Harness) -> list[str]:
    return [str(line["message"]) for line in stage.lines() if line["level"] == "ERROR"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("not JSON", "Dropped: body=not JSON: is no JSON"),
        ("[" * 100_000, "nests deeper than 40 levels"),
        ("[]", "Dropped: event=[]: must be a JSON object"),
        ('{"detail": "?"}', "Dropped: account=: Missing data for required field"),
        (
            '{"detail": {}, "account": "222222222222", "source": "iam.key-rotation"}',
            "Dropped: detail.digest=: Missing data for required field",
        ),
    ],
    ids=["no JSON", "deep", "list", "text", "no digest"],
)
def test_a_malformed_message_is_dropped_alone_and_says_why(
    body: str, why: str, stage: Harness
) -> None:
    stage.user("ann", 137)
    put(stage, body)
    stage.invoke()

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2
    [error] = errors(stage)
    assert why in error
    assert len(error) < 400
    assert sorted(dropped(stage)) == [0, 0, 1]
    assert stage.receive(stage.deployment.dead_letters[1]) == []


def deep(levels: int) -> object:
    thing: object = "x"
    for _ in range(levels):
        thing = {"x": thing}
    return thing


ODD: list[tuple[str, object]] = [
    ("address", "a@example.com, b@example.com"),
    ("address", "a b@example.com"),
    ("address", "success"),
    ("channel", "pigeon"),
    ("channel", None),
    ("address", ["a@example.com"]),
    ("audience", "everybody"),
    ("failures", ["x\nBcc: all@example.com"]),
    ("failures", ["x"] * 101),
    ("failures", ["x" * 601]),
    ("failures", "x"),
    ("items", {"0": {}}),
    ("items.0.action", "SHRED"),
    ("items.0.age", "137"),
    ("items.0.age", True),
    ("items.0.age", 10**17),
    ("items.0.day", "2020-01-01"),
    ("items.0.day", "9999-12-31"),
    ("items.0.day", "2026-3-1"),
    ("items.0.key", "../../444444444444/victim/AKIAIOSFODNN7EXAMPLE"),
    ("items.0.key", "akiaiosfodnn7example"),
    ("items.0.key", "AKIAIOSFODNN7EXAMPLE\n"),
    ("items.0.key", ""),
    ("items.0.next", "soon"),
    ("items.0.next.date", "2020-01-01"),
    ("items.0.overlays", ["CURSED"]),
    ("items.0.promises", [["disable", "2026-03-12"]]),
    ("items.0.promises.delete", "2020-01-01"),
    ("items.0.promises.disable", "2026-03-01"),
    ("items.0.promises.disable", "9999-01-01"),
    ("items.0.promises.disable", ["2026-03-12"]),
    ("items.0.promises.disable", []),
    ("items.0.promises.shred", "2026-03-12"),
    ("items.0.has_smtp_passwords", "yes"),
    ("items.0.usage", "s3"),
    ("items.0.usage.trail", {"callers": [], "unread": "no"}),
    ("items.0.usage.trail", {"callers": ["203.0.113.5"], "unread": False}),
    (
        "items.0.usage.trail",
        {"callers": [{"address": "a", "agent": "x\u202e", "service": "s"}], "unread": False},
    ),
    (
        "items.0.usage.trail",
        {"callers": [{"address": "a" * 101, "agent": "x", "service": "s"}], "unread": False},
    ),
    ("items.0.usage.old.at", "2036-03-01T05:00:00+00:00"),
    ("items.0.usage.old.at", "yesterday"),
    ("items.0.usage.old.service", "s3 https://evil.example"),
    ("items.0.usage.old.region", ["us-east-1"]),
    ("items.0.usage.fetched", {"on": "2036-03-01"}),
    ("items.0.usage.fetched", {"on": "once"}),
    ("items.0.usage.new", {"at": None}),
    ("items.0.reason", "because"),
    ("items.0.secret", "Account_444444444444_User_ann_AccessKey"),
    ("items.0.secret", "arn:aws:secretsmanager:x"),
    ("items.0.sentence", "x" * 2001),
    ("items.0.sentence", "x\u202e"),
    ("items.0.state", "ZOMBIE"),
    ("items.0.successor", "AKIA/../.."),
    ("items.0.told", "nobody"),
    ("items.0.user", "ann/AKIAIOSFODNN7EXAMPLE/disable/../.."),
    ("items.0.user", "a" * 200_000),
    ("items.0.user", None),
    ("items.0.user", deep(60)),
    ("items.0.variant", "../x"),
    ("part", 0),
    ("part", 1.5),
    ("proves", "yes"),
    ("proves", 1),
    ("region", "eu-west-1.evil.example"),
    ("run.account.email", "nobody"),
    ("run.account.id", "33333333333"),
    ("run.account.name", "x" * 129),
    ("run.account.name", "x\x1b[2J"),
    ("run.at", "2025-03-02T05:00:00+00:00"),
    ("run.at", "2026-02-26T04:00:00+00:00"),
    ("run.at", "2026-03-02T05:06:00+00:00"),
    ("run.at", "2026-03-02T05:00:00"),
    ("run.at", "2026-03-02T06:00:00+01:00"),
    ("run.at", "9999-03-02T05:00:00+00:00"),
    ("run.at", 0),
    ("run.dry_run", "false"),
    ("run.id", "../_exemptions/x"),
    ("run.id", "r" * 65),
]


def changed(body: str, path: str, value: object) -> str:
    """A message with something else in its digest."""
    event = json.loads(body)
    *way, last = path.split(".")
    place: Any = event["detail"]["digest"]
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return json.dumps(event)


def test_an_odd_digest_is_dropped_and_counted_and_proves_nothing(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.invoke()
    body, *_ = taken(stage)
    before = dict(stage.cloud.objects(BUCKET))

    for path, value in ODD:
        told = len(errors(stage))
        put(stage, changed(body, path, value))

        assert stage.tell() == [], path
        assert list(stage.cloud.sent_mails) == [], (path, value)
        [error] = errors(stage)[told:]
        assert error.startswith("Dropped: "), path
        assert path.split(".")[-1] in error or "deeper" in error, (path, error)
        assert len(error) < 500, path

    assert dict(stage.cloud.objects(BUCKET)) == before
    assert dropped(stage) == [1] * len(ODD)
    put(stage, body)
    stage.tell()
    assert len(stage.cloud.sent_mails) == 1  # as it was, it is good


def test_a_digest_whose_first_promised_day_is_past_is_dropped_and_never_mailed(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.settings |= {"InactivePeriod": "92"}  # W is two days
    stage.invoke()
    bodies = taken(stage)

    stage.at(2)
    put(stage, bodies[0])
    stage.tell()
    assert len(stage.cloud.sent_mails) == 1  # on the day itself it is news
    stage.at(3)
    put(stage, bodies[1])
    stage.tell()

    assert len(stage.cloud.sent_mails) == 1
    assert dropped(stage) == [0, 1]
    assert "promises 2026-03-04, which is past" in errors(stage)[0]


@pytest.mark.parametrize(("late", "mails"), [(4 * DAY, 2), (4 * DAY + 2 * MINUTE, 0)])
def test_a_notice_as_old_as_the_queue_can_hold_it_is_told_and_no_older(
    late: timedelta, mails: int, stage: Harness
) -> None:
    stage.user("ann", 137)
    stage.invoke()
    bodies = taken(stage)
    stage.cloud.move_to(START + late - MINUTE)
    for body in bodies:
        put(stage, body)

    stage.tell()

    assert len(stage.cloud.sent_mails) == mails


def test_what_ses_refuses_for_now_is_tried_again(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(HUB, "SendEmail", times=1, error="SendingPausedException")
    stage.invoke()

    assert len(stage.tell()) == 1

    assert len(stage.cloud.sent_mails) == 2
    assert len([name for name in stage.cloud.objects(BUCKET) if "/ann/" in name]) == 2


def put_template(stage: Harness, name: str, text: str) -> None:
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/Template/{name}", Body=text.encode()
    )


def test_operators_write_the_mails_in_their_own_words_without_a_redeploy(stage: Harness) -> None:
    [ann] = stage.user("ann", 137)
    put_template(stage, "owner/subject.txt", "Larkfield: your keys")
    stage.invoke()

    assert stage.tell() == []

    subjects = {mail.to[0]: mail.subject for mail in stage.cloud.sent_mails}
    assert subjects[OWNER] == "[AWS access keys] Larkfield: your keys"
    assert subjects[ADMIN] != subjects[OWNER]
    assert all(ann in str(mail.text) for mail in stage.cloud.sent_mails)


@pytest.mark.parametrize("operation", [None, "GetObject"])
def test_a_broken_template_is_loud_and_everybody_is_told_all_the_same(
    operation: str | None, stage: Harness
) -> None:
    stage.user("ann", 137)
    put_template(stage, "owner/subject.txt", "{{ no_such_thing }}")
    if operation:
        stage.cloud.deny(HUB, operation)
    stage.invoke()
    since, lines = len(stage.measured()), len(stage.lines())

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2
    assert len([name for name in stage.cloud.objects(BUCKET) if "/disable/" in name]) == 2
    errors = [line for line in stage.lines()[lines:] if line["level"] == "ERROR"]
    assert all("in the bucket" in error["message"] for error in errors)
    broken = [
        line["TemplateBroken"] for line in stage.measured()[since:] if "TemplateBroken" in line
    ]
    assert broken == [[1.0]] * len(errors)
    assert errors


def test_every_event_on_the_bus_is_of_the_documented_form(stage: Harness) -> None:
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
