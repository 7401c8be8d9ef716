"""The administrators' one mail a day: from the event on the bus to what they read."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.events import SOURCE, Event, EventType, Run
from keyturn.domain.key import Account
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn.domain.worst_lines import DigestLine, DigestList
from keyturn.mail.samples_of_day import DAYS
from keyturn.schemas.digest_of_day import write_digest_due
from keyturn.schemas.event import write_event
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    BUS,
    PREFIX,
    deploy_mail_events,
)
from tests.functions.channels_stage import Channels
from tests.functions.notifier_at_work import put
from tests.functions.test_digest_due import HOSTILE
from tests.functions.test_mail_fate import BOUNCE, counted, hands_on, say, stored, suppress
from tests.receivers import Receiver
from tests.schemas import SCHEMAS, closed
from tests.use_cases.harness import DAY, HUB, MEMBER, START, Harness, staged

TODAY = START.date()
BAD = replace(DAYS["daily-bad"], day=TODAY, csv="keyturn/reports/daily/date=2026-03-02/keys.csv")


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        stage.settings |= deploy_mail_events(stage.cloud, stage.deployment)
        yield stage


def publish(stage: Harness, digest: AdminDigest = BAD, *, by: str = HUB) -> None:
    """Put a day on the bus, as its own account does, or another."""
    run = Run(id="daily", account=Account(id=HUB), at=stage.cloud.now, dry_run=False)
    event = Event(type=EventType.DIGEST_DUE, run=run, detail=write_digest_due(digest))
    bus = f"arn:aws:events:eu-central-1:{HUB}:event-bus/{BUS}" if by != HUB else BUS
    stage.cloud.session(by).client("events").put_events(
        Entries=[
            {
                "Source": SOURCE,
                "DetailType": event.type,
                "Detail": json.dumps(write_event(event)),
                "EventBusName": bus,
            }
        ]
    )


def mails(stage: Harness) -> list[SentMail]:
    return list(stage.cloud.sent_mails)


def daily(stage: Harness, ending: str = ".json") -> dict[str, Any]:
    """What is stored of the administrators' days."""
    return {
        name: found for name, found in stored(stage, ending).items() if name.startswith("_daily/")
    }


def test_a_day_that_is_published_twice_is_one_mail(stage: Harness) -> None:
    publish(stage)
    publish(stage, replace(BAD, keys=51))

    assert stage.tell() == []
    publish(stage)
    assert stage.tell() == []

    assert len(mails(stage)) == 1
    [mail] = mails(stage)
    assert list(mail.to) == [ADMIN]
    assert mail.subject == (
        "[AWS access keys] 2 keys in use stop working, the first on 2 March; "
        "2 accounts not reached; 1 user not looked at yet (44 accounts, 2 March)"
    )
    assert mail.headers["List-Id"].startswith("AWS access keys, each day <access-keys-daily.")
    assert mail.headers["References"].startswith("<2026-03.daily.keyturn@")
    assert counted(stage, "DigestsSent") == 1
    assert counted(stage, "NotTold") == 0
    [receipt] = daily(stage).values()
    assert (receipt["address"], receipt["message_id"]) == (ADMIN, mail.message_id)
    [sent] = [line for line in stage.lines() if line.get("event") == "digest.sent"]
    assert (sent["day"], sent["breaks"], sent["not_seen"]) == ("2026-03-02", 2, 2)
    assert "run" not in sent


def test_the_log_names_the_run_of_a_mail_that_is_of_one_run(stage: Harness) -> None:
    for _ in range(2):
        publish(stage, replace(BAD, run="cli-1"))
        assert stage.tell() == []

    lines = [line for line in stage.lines() if str(line.get("event")).startswith("digest.")]
    assert [(line["message"], line["day"], line["run"]) for line in lines] == [
        ("Sent the administrators the mail of the run cli-1", "2026-03-02", "cli-1"),
        ("The mail of the run cli-1 was sent before", "2026-03-02", "cli-1"),
    ]


def test_each_day_has_its_own_mail_and_a_month_is_a_thread(stage: Harness) -> None:
    publish(stage)
    stage.tell()
    stage.at(1)
    publish(stage, replace(BAD, day=TODAY + DAY))

    assert stage.tell() == []

    first, second = mails(stage)
    assert first.headers["References"] == second.headers["References"]
    assert {name.split(".")[0] for name in daily(stage)} == {
        "_daily/2026-03-02",
        "_daily/2026-03-03",
    }


def test_the_mail_says_what_breaks_and_when_and_where_the_whole_is(stage: Harness) -> None:
    publish(stage)

    stage.tell()

    [mail] = mails(stage)
    for text in (" ".join((mail.text or "").split()), mail.html or ""):
        for line in BAD.breaks.worst:
            assert (line.key_id or "?") in text
            assert f"{line.day:%A} {line.day.day} {line.day:%B %Y}" in text  # type: ignore[union-attr]  # each has one
        assert f"s3://{BUCKET}/keyturn/reports/daily/date=2026-03-02/keys.csv" in text
        assert "new-team-0 (400000000000)" in text
        assert "Reference: daily/2026-03-02" in text
    assert "console.aws.amazon.com/s3/object/" in (mail.html or "")


@pytest.mark.parametrize(
    "body",
    [
        {"detail-type": "Digest Due"},
        {"detail-type": "Digest Due", "source": SOURCE, "account": HUB, "detail": {"digest": {}}},
        {
            "detail-type": "Digest Due",
            "source": SOURCE,
            "account": MEMBER,
            "detail": write_digest_due(BAD),
        },
        {
            "detail-type": "Digest Due",
            "source": SOURCE,
            "account": HUB,
            "detail": write_digest_due(replace(BAD, day=date(2026, 2, 20))),
        },
    ],
    ids=["nothing in it", "no digest", "of another account", "of long ago"],
)
def test_what_is_no_day_of_ours_is_dropped_and_counted(body: object, stage: Harness) -> None:
    put(stage, json.dumps(body))

    assert stage.tell() == []

    assert mails(stage) == []
    assert daily(stage) == {}
    assert counted(stage, "EventsDropped") == 1


def test_nobody_in_another_account_can_publish_a_day(stage: Harness) -> None:
    publish(stage, by=MEMBER)

    assert stage.tell() == []

    assert mails(stage) == []


MARKUP = '<img src=x onerror="x()">\u202eevil `rm -rf` {{ 7*7 }} https://evil.example'


def test_no_name_and_no_message_of_others_becomes_markup_or_a_link(stage: Harness) -> None:
    for number, odd in enumerate((MARKUP, HOSTILE)):
        line = DigestLine(account=MEMBER, name=odd, user=odd[:64], what=odd)
        found = DigestList(total=1, worst=(line,))
        lists = dict.fromkeys(("breaks", "failures", "blocked", "rejected", "done"), found)
        coverage = replace(BAD.coverage, not_seen=found)
        digest = replace(BAD, coverage=coverage, remarks=(odd,), **lists)  # type: ignore[arg-type]  # lists alone
        publish(stage, replace(digest, day=TODAY - number * DAY))

    assert stage.tell() == []

    assert len(mails(stage)) == 2
    for mail in mails(stage):
        html = mail.html or ""
        assert "<img" not in html
        assert "<script" not in html
        assert "{{ 7*7 }}" in html or "Bcc: all" in html
        assert "https://evil" not in html + (mail.text or "") + mail.subject
        assert (mail.subject + html).isprintable() or "\u202e" not in mail.subject + html
        assert "\n" not in mail.subject
        assert "\u202e" not in html + (mail.text or "")


def test_a_day_whose_mail_came_back_was_not_told(stage: Harness) -> None:
    publish(stage)
    stage.tell()
    [mail] = mails(stage)

    bounced = {**BOUNCE, "bouncedRecipients": [{"emailAddress": ADMIN}]}
    say(stage, "Email Bounced", bounced, message_id=mail.message_id)

    assert stage.tell() == []
    [receipt] = daily(stage)
    assert f"{receipt}.bounced" in daily(stage, "")
    assert counted(stage, "MailsBounced") == 1
    assert counted(stage, "AdminUnreachable") == 1


@pytest.mark.parametrize("folder", ["_weekly", "_monthly"])
def test_a_report_of_another_kind_whose_mail_came_back_was_not_told(
    folder: str, stage: Harness
) -> None:
    publish(stage)
    stage.tell()
    [mail] = mails(stage)
    rename_daily(stage, folder)

    bounced = {**BOUNCE, "bouncedRecipients": [{"emailAddress": ADMIN}]}
    say(stage, "Email Bounced", bounced, message_id=mail.message_id)

    assert stage.tell() == []
    assert [name.split(".")[0] for name in stored(stage, ".bounced")] == [f"{folder}/2026-03-02"]
    assert counted(stage, "AdminUnreachable") == 1


def rename_daily(stage: Harness, folder: str) -> None:
    """Let what is stored of the day's mail be that of another report."""
    bucket = hands_on(stage)
    for name, body in stage.cloud.objects(BUCKET).items():
        if "/receipts/_daily/" in name or "/receipts/_messages/" in name:
            bucket.delete_object(Bucket=BUCKET, Key=name)
            new = name.replace("_daily", folder)
            bucket.put_object(
                Bucket=BUCKET, Key=new, Body=body.replace(b"_daily", folder.encode())
            )


def test_administrators_on_the_suppression_list_are_sent_nothing_and_that_is_counted(
    stage: Harness,
) -> None:
    suppress(stage, ADMIN)
    publish(stage)

    assert stage.tell() == []

    assert mails(stage) == []
    assert counted(stage, "MailsNotSent") == 1
    assert counted(stage, "AdminUnreachable") == 1
    assert counted(stage, "DigestsSent") == 0


def test_a_day_that_ses_does_not_take_comes_again_and_is_sent_once(stage: Harness) -> None:
    stage.cloud.deny(HUB, "SendEmail", times=1)
    publish(stage)

    stage.tell()
    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=20))
    assert stage.tell() == []

    assert len(mails(stage)) == 1
    assert len(daily(stage)) == 1


def template(stage: Harness, name: str, text: str) -> None:
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/Template/daily/{name}", Body=text.encode()
    )


def test_operators_say_it_in_their_words_where_those_name_the_day_and_what_breaks(
    stage: Harness,
) -> None:
    template(stage, "subject.txt", "Our day: {{ digest.breaks.total }} break")
    publish(stage)
    stage.tell()
    stage.at(1)
    template(stage, "body.txt", "Nothing of note")
    publish(stage, replace(BAD, day=TODAY + DAY))
    stage.tell()

    theirs, ours = mails(stage)
    assert theirs.subject == "[AWS access keys] Our day: 2 break"
    assert "WHAT BREAKS, AND WHEN" in (ours.text or "")
    assert counted(stage, "TemplateBroken") == 1


def test_the_channels_of_the_administrators_hear_the_day_too(
    channels: Channels, receiver: Receiver
) -> None:
    channels.webhook(receiver.url)
    publish(channels.stage)
    publish(channels.stage)

    assert channels.say() == 0

    [request] = receiver.got
    validator = Draft202012Validator(closed(SCHEMAS["webhook-message"]()))
    validator.validate(request.json)
    assert request.json["type"] == "digest.due"
    assert request.json["data"]["digest"]["date"] == "2026-03-02"
    assert request.json["data"]["to"] == ADMIN


def test_a_run_of_the_day_has_another_webhook_id_than_the_day(
    channels: Channels, receiver: Receiver
) -> None:
    """A receiver that takes each id once has all of them; that of the day is as it always was."""
    channels.webhook(receiver.url)
    for run in ("a" * 32, "b" * 32, ""):
        publish(channels.stage, replace(BAD, run=run))

    assert channels.say() == 0

    ids = [dict(request.headers)["webhook-id"] for request in receiver.got]
    assert len(set(ids)) == 3
    by_rule = f"{Recipient(ChannelName.WEBHOOK, ADMIN).id}\n{TODAY.isoformat()}"
    assert f"msg_{hashlib.sha256(by_rule.encode()).hexdigest()[:32]}" in ids


def test_what_the_reporter_makes_of_a_day_is_one_mail_however_often_it_comes(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.take_inventory()
    stage.rotate_queued()
    stage.tell()
    before = len(mails(stage))
    stage.cloud.move_to(START + timedelta(minutes=20))
    stage.report()
    [event] = [each["Body"] for each in stage.receive(stage.deployment.notifier_queue)]
    put(stage, event)
    put(stage, event)

    assert stage.tell() == []

    [mail] = mails(stage)[before:]
    assert list(mail.to) == [ADMIN]
    assert mail.subject == "[AWS access keys] 2 accounts not reached (3 accounts, 2 March)"
    assert "1 key got a new key." in (mail.text or "")


def test_an_account_that_stays_shut_is_named_with_its_reason_in_the_mail_of_every_day(
    stage: Harness,
) -> None:
    for day in range(3):
        stage.at(day).take_inventory()
        stage.rotate_queued()
        stage.tell()
        stage.cloud.move_to(START + timedelta(days=day, minutes=20))
        stage.report()
        assert stage.tell() == []

    told = [mail for mail in mails(stage) if "not reached" in mail.subject]
    assert len(told) == 3
    days = ("today", "Monday 2 March 2026 (UTC)", "Monday 2 March 2026 (UTC)")
    for mail, since in zip(told, days, strict=True):
        for text in (" ".join((mail.text or "").split()), mail.html or ""):
            assert "could not be assumed" in text.partition("111111111111")[2]
            assert f"(since {since})" in text
