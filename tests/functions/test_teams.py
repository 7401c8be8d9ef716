"""Microsoft Teams, from the Lambda event down, against a real server on loopback."""

import json

import pytest

from keyturn.adapters.channels.teams import message_of
from keyturn.domain.events import Brief, BriefNote
from tests.functions.channels_stage import Channels, measured
from tests.receivers import Receiver, Reply, receiving

SIGNATURE = "who-has-it-may-post"  # no digits alone: an id of a request may hold any four


def test_a_workflow_gets_the_admins_digest_as_a_card(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.set("TeamsWebhookSecretArn", f"{receiver.url}/workflows/x?sig={SIGNATURE}")
    receiver.always = lambda _: Reply(status=202)
    [key] = stage.user("ann", 137)
    stage.invoke()

    assert channels.say() == 0

    [message] = receiver.got
    assert message.path == f"/workflows/x?sig={SIGNATURE}"
    assert message.headers["content-type"] == "application/json; charset=utf-8"
    [attached] = message.json["attachments"]
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (attached["content"]["type"], attached["content"]["version"]) == ("AdaptiveCard", "1.4")
    assert key in json.dumps(attached["content"]["body"])
    assert {each["type"] for each in attached["content"]["body"]} == {"RichTextBlock"}
    assert measured(stage, "TeamsSent") == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=404),
        Reply(cut=True),
        Reply(status=429, headers={"Retry-After": "86400"}),
    ],
    ids=["fails", "is gone", "cuts", "throttles"],
)
def test_while_teams_takes_nothing_the_others_hear_all(
    channels: Channels, receiver: Receiver, reply: Reply
) -> None:
    stage = channels.stage
    channels.set("TeamsWebhookSecretArn", f"{receiver.url}/workflows/x?sig={SIGNATURE}")
    with receiving() as hook:
        channels.webhook(hook.url)
        stage.user("ann", 137)
        stage.invoke()
        receiver.replies = [reply]

        assert channels.say() == 1
        assert stage.tell() == []
        assert len(stage.cloud.sent_mails) == len(hook.got) == 2
        channels.later()
        assert channels.say() == 0

        assert len(hook.got) == len(receiver.got) == 2
    assert not [line for line in stage.lines() if SIGNATURE in json.dumps(line)]


def test_a_card_stays_within_what_teams_takes() -> None:
    notes = tuple(
        BriefNote(user=f"u{n}", key_id="K", todo="", what=("é" * 900,), dates=(), steps=())
        for n in range(60)
    )

    body = message_of(Brief(subject="s", top=("t",), notes=notes))

    assert len(body) <= 28 * 1024
    assert b"more keys: the mail shows all of them" in body
    failed = message_of(Brief(subject="s", top=(), failures=("f" * 600,) * 100))
    assert len(failed) <= 28 * 1024
    assert b"and 90 more failures: the mail shows all of them" in failed
