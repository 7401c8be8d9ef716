"""The channels beside mail, from the Lambda event down, against real servers on loopback."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from keyturn import wiring
from keyturn.adapters import https
from keyturn.adapters.https import HttpsSender
from keyturn.functions.channels import handler
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    CHANNELS_ROLE,
)
from tests.cloudformation.stacks import CHANNELS, Stack, granted
from tests.functions.channels_stage import SECRET, Channels, measured
from tests.functions.test_exemptions import see
from tests.receivers import Receiver, Reply, nowhere
from tests.schemas import SCHEMAS, closed
from tests.use_cases.harness import HUB, MINUTE, OWNER, Clock, batch

OLDER = "whsec_" + "YW4tb2xkZXItc2VjcmV0LTAxMjM0NTY3ODktYWJjZGVm"
SCHEMA = Draft202012Validator(closed(SCHEMAS["webhook-message"]()))


def told(receiver: Receiver) -> list[tuple[str, list[str]]]:
    """To whom which keys were sent, as the receiver has it."""
    return sorted(
        (each.json["data"]["to"], sorted(item["user"] for item in each.json["data"]["items"]))
        for each in receiver.got
    )


# --- what is said, and that it is ours ----------------------------------------------------------


def test_nothing_is_said_where_no_channel_is_on(channels: Channels) -> None:
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say() == 0
    assert channels.stored() == []


def test_the_webhook_hears_what_the_mails_say_signed_so_that_others_can_verify_it(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.webhook(f"{receiver.url}/hook?team=a")
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.invoke()

    assert channels.say() == 0
    stage.tell()

    assert told(receiver) == [(OWNER, ["ann", "bob"]), (ADMIN, ["ann", "bob"])]
    assert len(stage.cloud.sent_mails) == 2
    subjects = {mail.subject for mail in stage.cloud.sent_mails}
    for each in receiver.got:
        assert each.path == "/hook?team=a"
        SCHEMA.validate(each.json)
        assert each.json["data"]["subject"] in subjects
        # The library checks the time by the machine's clock, which is that of the stage.
        assert Webhook(SECRET).verify(each.body, dict(each.headers)) == each.json
        with pytest.raises(WebhookVerificationError):
            Webhook(OLDER).verify(each.body, dict(each.headers))
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(each.body + b" ", dict(each.headers))
    assert measured(stage, "WebhookSent") == 2


def test_a_receiver_may_change_its_secret_without_missing_a_message(
    channels: Channels, receiver: Receiver
) -> None:
    channels.webhook(receiver.url, f"{SECRET} {OLDER}")
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    channels.say()

    for secret in (SECRET, OLDER):
        assert Webhook(secret).verify(receiver.got[0].body, dict(receiver.got[0].headers))


def test_the_webhook_hears_of_the_exemption_group(channels: Channels, receiver: Receiver) -> None:
    channels.webhook(receiver.url)
    see(channels.stage)

    assert channels.say() == 0

    [request] = receiver.got
    SCHEMA.validate(request.json)
    assert request.json["type"] == "exemption.changed"
    assert (request.json["data"]["to"], request.json["data"]["change"]) == (ADMIN, "added")


def test_a_dry_run_and_a_failure_are_said_too(channels: Channels, receiver: Receiver) -> None:
    channels.webhook(receiver.url)
    channels.stage.settings["DryRunFlag"] = "True"
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say() == 0

    assert [each.json["data"]["run"]["dry_run"] for each in receiver.got] == [True, True]
    for each in receiver.got:
        SCHEMA.validate(each.json)


def test_what_comes_once_more_is_not_said_again(channels: Channels, receiver: Receiver) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    sqs = stage.cloud.session(HUB).client("sqs")
    messages = stage.receive(channels.queue)
    for message in [*messages, *messages]:
        sqs.send_message(QueueUrl=channels.queue, MessageBody=message["Body"])

    assert channels.say() == 0

    assert len(receiver.got) == 2


def test_a_malformed_event_is_dropped_alone(channels: Channels, receiver: Receiver) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    body = '{"account": "444444444444", "source": "iam.key-rotation", "detail": {}}'
    stage.cloud.session(HUB).client("sqs").send_message(QueueUrl=channels.queue, MessageBody=body)

    assert channels.say() == 0

    assert len(receiver.got) == 2
    assert measured(stage, "ChannelEventsDropped") == 1


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=400),
        Reply(status=401),
        Reply(status=302, headers={"Location": "https://example.com/"}),
        Reply(cut=True),
        Reply(garbage=True),
        Reply(status=429, headers={"Retry-After": "86400"}),
    ],
    ids=["fails", "refuses", "no access", "redirects", "cuts", "talks garbage", "throttles"],
)
def test_what_the_receiver_did_not_take_is_tried_again_and_the_mails_go_out(
    channels: Channels, receiver: Receiver, reply: Reply
) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    receiver.replies = [reply, reply]

    assert channels.say() == 2
    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2
    assert channels.stored() == []
    assert measured(stage, "WebhookNotSent") == 2
    assert all("127.0.0.1" not in json.dumps(line) for line in stage.lines())

    channels.later()
    assert channels.say() == 0

    first = {each.headers["webhook-id"] for each in receiver.got[:2]}
    assert {each.headers["webhook-id"] for each in receiver.got[2:]} == first
    assert len(channels.stored()) == 2


def test_one_that_is_refused_does_not_keep_the_other_from_being_sent(
    channels: Channels, receiver: Receiver
) -> None:
    channels.webhook(receiver.url)
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    receiver.replies = [Reply(status=400)]

    assert channels.say() == 1
    assert channels.say() == 0

    assert len(receiver.got) == 3
    assert told(receiver)[-1][0] == ADMIN


@pytest.mark.parametrize("said", ["1", "0"])
def test_a_receiver_that_is_too_busy_is_asked_again_when_it_says(
    channels: Channels, receiver: Receiver, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(wiring, "_sleep", waited.append)
    channels.webhook(receiver.url)
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    receiver.replies = [Reply(status=503, headers={"Retry-After": said})]

    assert channels.say() == 0

    assert len(receiver.got) == 3
    assert sum(waited) == float(said)


def test_a_receiver_that_is_gone_is_asked_no_more_until_its_secret_changes(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    receiver.replies = [Reply(status=410)]

    assert channels.say() == 0  # to try again is no use

    assert len(receiver.got) == 1
    assert measured(stage, "WebhookOff") == 2

    channels.webhook(f"{receiver.url}/new")
    stage.cloud.move_to(stage.cloud.now + 6 * MINUTE)
    stage.user("bob", 137)
    stage.invoke()
    assert channels.say() == 0
    assert {each.path for each in receiver.got[1:]} == {"/new"}


@pytest.mark.parametrize(
    "reply", [Reply(hangs=True), Reply(status=500, drips=True)], ids=["hangs", "drips"]
)
def test_a_receiver_that_hangs_holds_neither_the_mails_nor_the_function(
    channels: Channels, receiver: Receiver, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "ANSWER_SECONDS", 0.3)
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    receiver.replies = [reply] * 2

    assert channels.say() == 2
    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 2
    receiver.let_go.set()
    channels.later()
    assert channels.say() == 0
    assert len(channels.stored()) == 2


def test_what_there_is_no_time_for_is_handed_back_untouched(
    channels: Channels, receiver: Receiver
) -> None:
    channels.webhook(receiver.url)
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say(seconds=1) == 1
    assert len(receiver.got) == 1

    assert channels.say() == 0
    assert len(receiver.got) == 2


def test_where_nobody_listens_nothing_was_sent_and_it_goes_out_once_somebody_does(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.webhook(nowhere())
    stage.user("ann", 137)
    stage.invoke()
    assert channels.say() == 2

    channels.webhook(receiver.url)
    stage.cloud.move_to(stage.cloud.now + 6 * MINUTE)

    assert channels.say() == 0
    assert len(receiver.got) == 2


IMPOSSIBLE = (
    " ",
    "{}",
    '{"url": "https://example.com/"}',
    json.dumps({"url": "https://example.com/", "secret": "whsec_c2hvcnQ="}),
    json.dumps({"url": "https://example.com/", "secret": SECRET.removeprefix("whsec_")}),
    json.dumps({"url": "http://example.com/hook-0815", "secret": SECRET}),
    json.dumps({"url": "https://user:0815@example.com/", "secret": SECRET}),
    json.dumps({"url": "file:///etc/passwd-0815", "secret": SECRET}),
    json.dumps({"url": "https://exa mple.com/0815", "secret": SECRET}),
    json.dumps({"url": "https://example.com:0815x/", "secret": SECRET}),
    json.dumps({"url": "https://", "secret": SECRET}),
)


def test_a_secret_that_cannot_be_right_is_refused_without_showing_it(channels: Channels) -> None:
    stage = channels.stage
    see(stage)
    messages = stage.receive(channels.queue)

    for value in IMPOSSIBLE:
        channels.set("WebhookSecretArn", value)
        stage.cloud.move_to(stage.cloud.now + 6 * MINUTE)  # it is read anew
        with stage.being(CHANNELS_ROLE):
            answer: Any = handler(batch(messages), Clock())  # type: ignore[arg-type]  # all that it asks
        assert len(answer["batchItemFailures"]) == 1, value

    errors = [str(line["message"]) for line in stage.lines() if line["level"] == "ERROR"]
    assert len(errors) == len(IMPOSSIBLE)
    assert all(each.startswith("Not sent by webhook: ") for each in errors)
    assert not [each for each in errors if "0815" in each or "whsec_c" in each]


def test_the_role_does_all_that_it_is_granted(channels: Channels, receiver: Receiver) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    receiver.replies = [Reply(status=400)]  # its claim is given back
    channels.say()
    taken = stage.receive(channels.queue)
    assert taken

    called = {
        f"{call.service}:{call.operation}"
        for call in stage.cloud.calls
        if f":assumed-role/{CHANNELS_ROLE}/" in call.principal
    }
    stack = Stack(name=CHANNELS, given={"WebhookSecretArn": channels.secrets["WebhookSecretArn"]})
    by_services = {"kms:Decrypt", "s3:GetObject"} | {
        action
        for action in granted(stack.statements("ChannelsRole"))
        if action.startswith(("sqs:", "logs:"))
    }
    known = {"ListObjectsV2": "s3:ListBucket", "HeadObject": "s3:GetObject"}
    done = {known.get(name.partition(":")[2], name) for name in called}
    assert done | by_services == granted(stack.statements("ChannelsRole"))


# --- it proves nothing --------------------------------------------------------------------------


def test_a_key_whose_owner_heard_by_webhook_alone_is_never_disabled(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    [old] = stage.user("ann", 137)

    for day in range(15):
        stage.at(day)
        stage.invoke()
        channels.say()

    assert receiver.got
    assert stage.keys("ann")[old] == "Active"


def test_the_function_writes_no_receipt_of_mails_and_of_a_program_only_a_copy(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.webhook(receiver.url)
    stage.user("ann", 137)
    stage.invoke()
    channels.say()

    objects = stage.cloud.objects(BUCKET)
    assert not [name for name in objects if "/receipts/" in name]
    written = channels.stored()
    assert all(".webhook." in name for name in written)
    assert all(name.endswith(".admin.json") for name in written)


# --- the address, and nothing else --------------------------------------------------------------


NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("Mon, 02 Mar 2026 05:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 04:00:00 GMT", 0),
        ("-3", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_server_may_say_when_to_come_again_in_seconds_or_by_date(
    receiver: Receiver, said: str, seconds: float | None
) -> None:
    receiver.replies = [Reply(status=429, headers={"Retry-After": said})]
    sender = HttpsSender(lambda: NOW, plain_to_loopback=True)

    assert sender.post(receiver.url, b"", {}).retry_after == seconds


def test_no_proxy_of_the_environment_sees_what_is_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, nowhere())

    HttpsSender(lambda: NOW, plain_to_loopback=True).post(receiver.url, b"x", {})

    assert receiver.got[0].body == b"x"
