"""S3, SQS, EventBridge and SES, as far as Keyturn uses them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import boto3
import pytest

from keyturn_sandbox.emulator.cloud import LocalCloud
from tests.sandbox.emulator.aws_says import HUB, MEMBER, refusal

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as cloud:
        cloud.organization.create_account("hub", "hub@example.com", account_id=HUB)
        cloud.organization.create_account("prod", "prod@example.com", account_id=MEMBER)
        yield cloud


@pytest.fixture
def hub(cloud: LocalCloud) -> boto3.Session:
    return cloud.session(HUB)


# S3


def test_an_object_comes_back_as_it_was_put(cloud: LocalCloud, hub: boto3.Session) -> None:
    s3 = hub.client("s3")
    s3.create_bucket(Bucket="reports")
    s3.put_object(
        Bucket="reports",
        Key="date=2026-01-01/a b+c.json",
        Body=b"{}",
        ContentType="application/json",
        Metadata={"run": "1"},
    )

    answer = s3.get_object(Bucket="reports", Key="date=2026-01-01/a b+c.json")

    assert answer["Body"].read() == b"{}"
    assert answer["ContentType"] == "application/json"
    assert answer["Metadata"] == {"run": "1"}
    assert answer["LastModified"] == START
    assert cloud.objects("reports") == {"date=2026-01-01/a b+c.json": b"{}"}
    head = s3.head_object(Bucket="reports", Key="date=2026-01-01/a b+c.json")
    assert head["ETag"] == answer["ETag"]


def test_a_claim_is_granted_once(cloud: LocalCloud, hub: boto3.Session) -> None:
    s3 = hub.client("s3")
    s3.create_bucket(Bucket="reports")
    claim: Any = {"Bucket": "reports", "Key": "claim", "IfNoneMatch": "*"}
    s3.put_object(Body=b"first", **claim)

    assert refusal(s3.put_object, Body=b"second", **claim) == "PreconditionFailed"
    assert cloud.objects("reports") == {"claim": b"first"}


def test_an_object_is_overwritten_only_as_it_was_read(hub: boto3.Session) -> None:
    s3 = hub.client("s3")
    s3.create_bucket(Bucket="reports")
    etag = s3.put_object(Bucket="reports", Key="one", Body=b"1")["ETag"]
    s3.put_object(Bucket="reports", Key="one", Body=b"2", IfMatch=etag)
    other = {"Bucket": "reports", "Body": b"3", "IfMatch": etag}

    assert refusal(s3.put_object, Key="one", **other) == "PreconditionFailed"
    assert refusal(s3.put_object, Key="two", **other) == "NoSuchKey"


def test_what_is_not_in_a_bucket(cloud: LocalCloud, hub: boto3.Session) -> None:
    s3 = hub.client("s3")
    s3.create_bucket(Bucket="reports")
    member = cloud.session(MEMBER).client("s3")

    assert refusal(s3.get_object, Bucket="reports", Key="none") == "NoSuchKey"
    assert refusal(s3.head_object, Bucket="reports", Key="none") == "404"
    assert refusal(s3.get_object, Bucket="no-bucket", Key="none") == "NoSuchBucket"
    assert refusal(s3.head_bucket, Bucket="no-bucket") == "404"
    assert refusal(member.get_object, Bucket="reports", Key="none") == "AccessDenied"
    assert refusal(member.create_bucket, Bucket="reports") == "BucketAlreadyExists"
    s3.delete_object(Bucket="reports", Key="none")
    s3.head_bucket(Bucket="reports")


def test_objects_are_listed_in_pages_and_folders(hub: boto3.Session) -> None:
    s3 = hub.client("s3")
    s3.create_bucket(Bucket="reports")
    keys = [f"day {day}/{number}.json" for day in (1, 2) for number in range(3)] + ["index"]
    for key in keys:
        s3.put_object(Bucket="reports", Key=key, Body=b"")

    paginator = s3.get_paginator("list_objects_v2")
    pages = list(paginator.paginate(Bucket="reports", PaginationConfig={"PageSize": 3}))
    folders = s3.list_objects_v2(Bucket="reports", Delimiter="/", MaxKeys=2)
    rest = s3.list_objects_v2(
        Bucket="reports", Delimiter="/", ContinuationToken=folders["NextContinuationToken"]
    )
    one_day = s3.list_objects_v2(Bucket="reports", Prefix="day 2/")

    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    assert [page["KeyCount"] for page in pages] == [3, 3, 1]
    assert [entry["Prefix"] for entry in folders["CommonPrefixes"]] == ["day 1/", "day 2/"]
    assert [entry["Key"] for entry in rest["Contents"]] == ["index"]
    assert [entry["Key"] for entry in one_day["Contents"]] == keys[3:6]


# SQS


def a_queue(session: boto3.Session, name: str, **attributes: str) -> str:
    wanted: Any = attributes
    return session.client("sqs").create_queue(QueueName=name, Attributes=wanted)["QueueUrl"]


def bodies(session: boto3.Session, url: str) -> list[str]:
    answer = session.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_group_waits_for_its_message_in_work(hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work.fifo", FifoQueue="true")
    for number, group in enumerate(["a", "a", "b"]):
        sqs.send_message(
            QueueUrl=url,
            MessageBody=f"{group}{number}",
            MessageGroupId=group,
            MessageDeduplicationId=str(number),
        )

    [first] = sqs.receive_message(QueueUrl=url)["Messages"]
    others = bodies(hub, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])

    assert first["Body"] == "a0"
    assert others == ["b2"]
    assert bodies(hub, url) == ["a1"]


def test_a_repetition_is_swallowed_for_five_minutes(cloud: LocalCloud, hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work.fifo", FifoQueue="true", VisibilityTimeout="0")

    def send(body: str) -> None:
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId="a", MessageDeduplicationId="same"
        )

    send("first")
    send("swallowed")
    cloud.move_to(START + timedelta(minutes=6))
    send("later")

    assert bodies(hub, url) == ["first", "later"]


def test_a_fifo_queue_wants_a_group_and_a_deduplication(hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work.fifo", FifoQueue="true")
    message = {"QueueUrl": url, "MessageBody": "m"}

    assert refusal(sqs.send_message, MessageGroupId="a", **message) == "InvalidParameterValue"
    assert refusal(sqs.send_message, MessageDeduplicationId="1", **message) == "MissingParameter"


def test_a_message_comes_back_after_its_time_and_goes_to_the_dead_letters(
    cloud: LocalCloud, hub: boto3.Session
) -> None:
    dead = a_queue(hub, "dead")
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{HUB}:dead", "maxReceiveCount": 2}
    url = a_queue(hub, "work", VisibilityTimeout="60", RedrivePolicy=json.dumps(redrive))
    hub.client("sqs").send_message(QueueUrl=url, MessageBody="m")

    received = []
    for minutes in range(1, 7):
        cloud.move_to(START + timedelta(minutes=minutes, seconds=minutes))
        received.append(bodies(hub, url))

    assert received == [["m"], ["m"], [], [], [], []]
    assert bodies(hub, dead) == ["m"]


def test_what_is_known_of_a_message_and_of_its_queue(hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work")
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sqs.send_message(QueueUrl=url, MessageBody="two", DelaySeconds=60)

    [message] = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )["Messages"]
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert attributes["QueueArn"] == f"arn:aws:sqs:us-east-1:{HUB}:work"
    assert sqs.get_queue_url(QueueName="work")["QueueUrl"] == url


def test_a_batch_does_what_it_can(hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    entries: Any = [
        {"Id": "good", "MessageBody": "m", "MessageGroupId": "a"},
        {"Id": "bad", "MessageBody": "n"},
    ]

    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Code"] for entry in answer["Failed"]] == ["MissingParameter"]
    too_many = [{"Id": str(n), "MessageBody": "m", "MessageGroupId": "a"} for n in range(11)]
    refused = refusal(sqs.send_message_batch, QueueUrl=url, Entries=too_many)
    assert refused == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    handles: Any = [{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}]
    sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    assert bodies(hub, url) == []


def test_a_queue_has_its_limits(hub: boto3.Session) -> None:
    sqs = hub.client("sqs")
    url = a_queue(hub, "work", VisibilityTimeout="60")
    invalid = "InvalidParameterValue"

    assert a_queue(hub, "work", VisibilityTimeout="60") == url
    assert refusal(sqs.create_queue, QueueName="work") == "QueueAlreadyExists"
    assert refusal(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11) == invalid
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="m" * 1_048_577) == invalid
    assert refusal(
        sqs.change_message_visibility, QueueUrl=url, ReceiptHandle="none", VisibilityTimeout=0
    ) == ("ReceiptHandleIsInvalid")


def test_a_queue_that_is_not_there_or_anothers(cloud: LocalCloud, hub: boto3.Session) -> None:
    url = a_queue(hub, "work")
    member = cloud.session(MEMBER).client("sqs")

    missing = refusal(hub.client("sqs").receive_message, QueueUrl=f"{url}-missing")
    assert missing == "AWS.SimpleQueueService.NonExistentQueue"
    assert refusal(member.receive_message, QueueUrl=url) == "AccessDenied"


# EventBridge


def test_an_event_reaches_the_queues_of_the_rules_that_match(hub: boto3.Session) -> None:
    events = hub.client("events")
    url = a_queue(hub, "told")
    pattern = json.dumps({"source": ["iam.key-rotation"], "detail-type": ["Key Rotated"]})
    events.create_event_bus(Name="keyturn")
    events.put_rule(Name="tell", EventBusName="keyturn", EventPattern=pattern)
    events.put_rule(Name="off", EventBusName="keyturn", EventPattern=pattern, State="DISABLED")
    events.put_rule(Name="daily", ScheduleExpression="rate(1 day)")
    target: Any = [{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{HUB}:told"}]
    events.put_targets(Rule="tell", EventBusName="keyturn", Targets=target)
    events.put_targets(Rule="off", EventBusName="keyturn", Targets=target)
    events.put_targets(Rule="daily", Targets=target)

    entries: Any = [
        {
            "Source": "iam.key-rotation",
            "DetailType": detail_type,
            "Detail": '{"user": "ann"}',
            "EventBusName": bus,
        }
        for detail_type, bus in (
            ("Key Rotated", "keyturn"),
            ("Key Warned", "keyturn"),
            ("Key Rotated", "default"),
            ("Key Rotated", "no-bus"),
        )
    ]
    answer = events.put_events(Entries=entries)

    assert answer["FailedEntryCount"] == 0
    [event] = [json.loads(body) for body in bodies(hub, url)]
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert event["detail"] == {"user": "ann"}
    assert event["account"] == HUB
    assert event["time"] == "2026-01-01T00:00:00Z"


def test_a_call_carries_ten_events_at_most(hub: boto3.Session) -> None:
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}

    refused = refusal(hub.client("events").put_events, Entries=[entry] * 11)

    assert refused == "ValidationException"


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"Detail": "{"}, "MalformedDetail"), ({"Source": ""}, "InvalidArgument")],
)
def test_a_bad_event_fails_alone(hub: boto3.Session, changed: dict[str, str], error: str) -> None:
    good = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    entries: Any = [good, {**good, **changed}]

    answer = hub.client("events").put_events(Entries=entries)

    assert answer["FailedEntryCount"] == 1
    assert "EventId" in answer["Entries"][0]
    assert answer["Entries"][1]["ErrorCode"] == error


# SES


def test_mail_is_taken_from_verified_senders_only(cloud: LocalCloud, hub: boto3.Session) -> None:
    ses = hub.client("sesv2")
    mail: Any = {
        "FromEmailAddress": "Keyturn <keys@example.com>",
        "Destination": {"ToAddresses": ["ann@example.org"], "CcAddresses": ["ops@example.org"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "A new key"},
                "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}},
                "Headers": [{"Name": "X-Step", "Value": "rotate"}],
            }
        },
    }

    assert refusal(ses.send_email, **mail) == "MessageRejected"
    assert cloud.sent_mails == []
    cloud.verify_sender(HUB, "example.com")
    message_id = ses.send_email(**mail)["MessageId"]

    [sent] = cloud.sent_mails
    assert sent.message_id == message_id
    assert (sent.account, sent.sender) == (HUB, "Keyturn <keys@example.com>")
    assert sent.to == ["ann@example.org", "ops@example.org"]
    assert (sent.subject, sent.text, sent.html) == ("A new key", "text", "<p>html</p>")
    assert sent.headers == {"X-Step": "rotate"}
    assert cloud.calls[-1].result == {"MessageId": message_id}


def test_mail_may_be_sent_as_mime(cloud: LocalCloud, hub: boto3.Session) -> None:
    ses = hub.client("sesv2")
    ses.create_email_identity(EmailIdentity="keys@example.com")
    message = EmailMessage()
    message["From"], message["To"] = "keys@example.com", "Ann <ann@example.org>, ops@example.org"
    message["Subject"] = "Ein neuer Schlüssel"
    message.set_content("text\n")
    message.add_alternative("<p>html</p>\n", subtype="html")

    ses.send_email(Content={"Raw": {"Data": message.as_bytes()}})

    [sent] = cloud.sent_mails
    assert sent.sender == "keys@example.com"
    assert sent.to == ["Ann <ann@example.org>", "ops@example.org"]
    assert sent.subject == "Ein neuer Schlüssel"
    assert (sent.text, sent.html) == ("text\n", "<p>html</p>\n")


def test_there_are_no_mail_templates(hub: boto3.Session) -> None:
    content: Any = {"Template": {"TemplateName": "t", "TemplateData": "{}"}}

    refused = refusal(
        hub.client("sesv2").send_email, FromEmailAddress="a@example.com", Content=content
    )

    assert refused == "BadRequestException"


def a_mail_to(address: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any parameter
    return {
        "FromEmailAddress": "keys@example.com",
        "Destination": {"ToAddresses": [address]},
        "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
        **more,
    }


def test_a_mail_names_a_configuration_set_that_exists(
    cloud: LocalCloud, hub: boto3.Session
) -> None:
    ses = hub.client("sesv2")
    cloud.verify_sender(HUB, "example.com")
    mail = a_mail_to("ann@example.org", ConfigurationSetName="mails")

    assert refusal(ses.send_email, **mail) == "NotFoundException"
    ses.create_configuration_set(ConfigurationSetName="mails")
    ses.send_email(**mail)

    assert len(cloud.sent_mails) == 1


def test_an_address_that_bounces_is_on_the_list_but_none_of_the_simulators(
    cloud: LocalCloud, hub: boto3.Session
) -> None:
    ses = hub.client("sesv2")
    cloud.verify_sender(HUB, "example.com")
    cloud.close_mailbox("Ann@example.org")
    simulated = "bounce@simulator.amazonses.com"
    for address in ("ann@example.org", simulated):
        ses.send_email(**a_mail_to(address))

    listed = ses.get_suppressed_destination(EmailAddress="ann@example.org")

    assert listed["SuppressedDestination"]["Reason"] == "BOUNCE"
    assert refusal(ses.get_suppressed_destination, EmailAddress=simulated) == "NotFoundException"
    ses.delete_suppressed_destination(EmailAddress="ann@example.org")
    gone = refusal(ses.get_suppressed_destination, EmailAddress="ann@example.org")
    assert gone == "NotFoundException"


def test_an_address_that_calls_a_mail_spam_is_on_the_list(
    cloud: LocalCloud, hub: boto3.Session
) -> None:
    ses = hub.client("sesv2")
    cloud.verify_sender(HUB, "example.com")
    cloud.call_spam("Ann@example.org")
    ses.send_email(**a_mail_to("ann@example.org"))

    listed = ses.get_suppressed_destination(EmailAddress="ann@example.org")

    assert listed["SuppressedDestination"]["Reason"] == "COMPLAINT"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("success@simulator.amazonses.com", ["Email Delivered"]),
        ("bounce+x@simulator.amazonses.com", ["Email Bounced General"]),
        ("suppressionlist@simulator.amazonses.com", ["Email Bounced Suppressed"]),
        (
            "complaint@simulator.amazonses.com",
            ["Email Delivered", "Email Complaint Received"],
        ),
        ("dead@example.org", ["Email Bounced OnAccountSuppressionList"]),
        ("angry@example.org", ["Email Complaint Received OnAccountSuppressionList"]),
    ],
)
def test_what_becomes_of_a_mail_is_said_on_the_default_bus(
    cloud: LocalCloud, hub: boto3.Session, address: str, said: list[str]
) -> None:
    ses, events, sqs = hub.client("sesv2"), hub.client("events"), hub.client("sqs")
    cloud.verify_sender(HUB, "example.com")
    queue = sqs.create_queue(QueueName="fates")["QueueUrl"]
    events.put_rule(Name="fates", EventPattern=json.dumps({"source": ["aws.ses"]}))
    arn = f"arn:aws:sqs:us-east-1:{HUB}:fates"
    events.put_targets(Rule="fates", Targets=[{"Id": "q", "Arn": arn}])
    ses.create_configuration_set(ConfigurationSetName="mails")
    bus = {"EventBusArn": f"arn:aws:events:us-east-1:{HUB}:event-bus/default"}
    wanted: Any = {
        "Enabled": True,
        "MatchingEventTypes": ["BOUNCE", "COMPLAINT", "DELIVERY"],
        "EventBridgeDestination": bus,
    }
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="mails", EventDestinationName="bus", EventDestination=wanted
    )
    ses.put_suppressed_destination(EmailAddress="dead@example.org", Reason="BOUNCE")
    ses.put_suppressed_destination(EmailAddress="angry@example.org", Reason="COMPLAINT")

    ses.send_email(**a_mail_to(address))  # of a mail without the set nothing is said
    sent = ses.send_email(**a_mail_to(address, ConfigurationSetName="mails"))["MessageId"]

    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    heard = [json.loads(each["Body"]) for each in got]
    assert {each["detail"]["mail"]["messageId"] for each in heard} == {sent}
    assert [_said(each) for each in heard] == said


def _said(event: dict[str, Any]) -> str:
    detail = event["detail"]
    sub_type = detail.get("bounce", {}).get("bounceSubType") or detail.get("complaint", {}).get(
        "complaintSubType"
    )
    return " ".join(filter(None, (event["detail-type"], sub_type)))
