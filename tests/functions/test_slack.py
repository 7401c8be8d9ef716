"""Slack, from the Lambda event down, against a real server on loopback."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.exceptions import ClientError

from keyturn import wiring
from keyturn.adapters.channels import slack
from keyturn.adapters.channels.slack import blocks_of, escaped
from keyturn.domain.events import Brief, BriefNote
from keyturn.functions import notifier
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    NOTIFIER_ROLE,
    PREFIX,
    ROTATION_ROLE,
)
from tests.functions.channels_stage import Channels, measured
from tests.receivers import Receiver, Reply, Request, receiving
from tests.use_cases.harness import HUB, MEMBER, OWNER, break_down, decisions_of

TOKEN = "xoxb-" + "0815-test"
PLACE = "C0ADMINS"


def given(request: Request) -> dict[str, Any]:
    """What a method of Slack's was called with."""
    if request.headers["content-type"].startswith("application/json"):
        return dict(request.json)
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def as_json(**answer: object) -> Reply:
    return Reply(body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})


class Slack:
    """Its Web API, as far as we call it."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.members = {OWNER: "U0OWNER"}
        self.as_found: dict[str, object] = {}
        """What else is said of a member who is found."""
        self.fails: dict[str, Reply] = {}
        """Channel → what a message to it gets."""
        self.lost_threads: set[str] = set()
        receiver.always = self.answer

    def answer(self, request: Request) -> Reply:
        asked = given(request)
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return as_json(ok=False, error="invalid_auth")
        if request.path.endswith("/users.lookupByEmail"):
            member = self.members.get(asked["email"])
            if member is None:
                return as_json(ok=False, error="users_not_found")
            return as_json(ok=True, user={"id": member, **self.as_found})
        if reply := self.fails.get(asked["channel"]):
            return reply
        if asked.get("thread_ts") in self.lost_threads:
            return as_json(ok=False, error="thread_not_found")
        return as_json(ok=True, ts=f"17000{len(self.receiver.got)}.0001", channel=asked["channel"])

    def posted(self, place: str) -> list[dict[str, Any]]:
        """The messages that came for a channel or a member."""
        return [
            given(each)
            for each in self.receiver.got
            if each.path.endswith("/chat.postMessage") and given(each)["channel"] == place
        ]

    def lookups(self) -> int:
        return sum(each.path.endswith("/users.lookupByEmail") for each in self.receiver.got)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, channels: Channels) -> list[float]:
    """The waits, by the clock that can be moved."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        cloud = channels.stage.cloud
        cloud.move_to(cloud.now + timedelta(seconds=seconds))

    monkeypatch.setattr(wiring, "_sleep", sleep)
    return waits


@pytest.fixture
def workspace(
    channels: Channels, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, waited: list[float]
) -> Slack:
    monkeypatch.setattr(slack, "API", f"{receiver.url}/api/")
    channels.set("SlackTokenSecretArn", TOKEN)
    channels.stage.settings["SlackAdminChannel"] = PLACE
    return Slack(receiver)


def text_of(message: dict[str, Any]) -> str:
    return "\n".join(each["text"]["text"] for each in message["blocks"])


def test_each_owner_gets_a_message_a_key_and_the_admins_their_digest(
    channels: Channels, workspace: Slack, waited: list[float]
) -> None:
    stage = channels.stage
    workspace.members["eve@example.com"] = "U0EVE"
    stage.settings["ResourceOwnerTag"] = "Owner"
    anns = stage.user("ann", 137)
    bobs = stage.user("bob", 137)
    eves = stage.user("eve", 137, Owner="eve@example.com")
    stage.invoke()

    assert channels.say() == 0

    to_owner = [text_of(each) for each in workspace.posted("U0OWNER")]
    assert len(to_owner) == 2
    assert all(sum(key in text for key in (*anns, *bobs)) == 1 for text in to_owner)
    [to_eve] = [text_of(each) for each in workspace.posted("U0EVE")]
    assert eves[0] in to_eve
    assert not [key for key in (*anns, *bobs) if key in to_eve]
    [to_admins] = [text_of(each) for each in workspace.posted(PLACE)]
    assert all(key in to_admins for key in (*anns, *bobs, *eves))
    assert workspace.lookups() == 2
    assert measured(stage, "SlackSent") == 4
    assert sum(waited) >= 1  # two to one member


# --- as the owners file names them --------------------------------------------------------------


def test_an_owner_is_reached_where_the_owners_file_says_and_nowhere_else(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    channels.owners(
        {
            "user": "a*",
            "addresses": "team@example.com, lead@example.com",
            "slack_channel": "#payments",
            "slack_user": "U0LEAD",
        },
        {"user": "b*", "addresses": "team@example.com", "slack_channel": "C0ROBOTS"},
        {"user": "c*", "slack_user": "U0CARL"},
    )
    keys = {name: stage.user(name, 137)[0] for name in ("ann", "bob", "carl", "dora")}
    stage.invoke()

    assert channels.say() == 0
    stage.tell()

    def told(place: str) -> list[str]:
        texts = [text_of(each) for each in workspace.posted(place)]
        return [name for name, key in keys.items() for text in texts if key in text]

    # Two addresses of one rule are one place, which hears it once.
    assert told("#payments") == told("U0LEAD") == ["ann"]
    assert told("C0ROBOTS") == ["bob"]
    assert told("U0CARL") == ["carl"]
    assert told("U0OWNER") == ["dora"]
    assert workspace.lookups() == 1
    mails = Counter(mail.to[0] for mail in stage.cloud.sent_mails)
    # A rule without an address: the next source has the mail's.
    assert mails == {"team@example.com": 1, "lead@example.com": 1, OWNER: 1, ADMIN: 1}
    [to_owner] = [mail for mail in stage.cloud.sent_mails if mail.to[0] == OWNER]
    assert keys["carl"] in str(to_owner.text)


def test_what_a_rule_says_of_another_owner_is_not_said_to_whom_the_tag_names(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    workspace.members["eve@example.com"] = "U0EVE"
    stage.settings["ResourceOwnerTag"] = "Owner"
    channels.owners(
        {"user": "ann", "addresses": "team@example.com", "slack_channel": "C0TEAM"},
        {"slack_channel": "C0ALL"},
    )
    anns = stage.user("ann", 137, Owner="eve@example.com")
    bobs = stage.user("bob", 137, Owner="eve@example.com")
    stage.invoke()

    assert channels.say() == 0

    assert workspace.posted("C0TEAM") == []
    assert [anns[0] in text_of(each) for each in workspace.posted("U0EVE")] == [True]
    assert [bobs[0] in text_of(each) for each in workspace.posted("C0ALL")] == [True]


def test_a_place_that_slack_does_not_know_is_reported_and_has_the_mail(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    channels.owners({"user": "ann", "slack_channel": "#gone", "slack_user": "U0LEFT"})
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.invoke()
    workspace.fails = {
        "#gone": as_json(ok=False, error="channel_not_found"),
        "U0LEFT": as_json(ok=False, error="user_disabled"),
    }

    assert channels.say() == 0
    stage.tell()

    assert measured(stage, "SlackUnknown") == 2
    assert measured(stage, "SlackNotSent") == 0
    assert len(workspace.posted("U0OWNER")) == 1
    assert OWNER in {mail.to[0] for mail in stage.cloud.sent_mails}
    said = [line["message"] for line in stage.lines() if "not_found" in line["message"]]
    assert said == [
        "Not sent by slack: slack: channel_not_found (#gone); the mail reaches its owner"
    ]


def test_the_administrators_channel_that_is_gone_is_a_failure(
    channels: Channels, workspace: Slack
) -> None:
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    workspace.fails = {PLACE: as_json(ok=False, error="channel_not_found")}

    assert channels.say() == 1
    assert measured(channels.stage, "SlackNotSent") == 1


@pytest.mark.parametrize(
    ("place", "dropped"),
    [
        ({"slack_channel": "<!channel>"}, 1),
        ({"slack_user": "ann"}, 1),
        ({"jira_project": 'KEYS" OR project = "PAY'}, 1),
        ({"jira_assignee": "a b"}, 1),
        ({"slack_user": "U0LATER", "pager": "of a later version"}, 0),
    ],
)
def test_a_place_in_an_event_is_checked_and_what_a_later_version_adds_is_left(
    channels: Channels, workspace: Slack, place: dict[str, str], dropped: int
) -> None:
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    [event] = [e for e in channels.waiting() if e["detail"]["digest"]["audience"] == "owner"]
    channels.drop()
    for item in event["detail"]["digest"]["items"]:
        item["channels"] = place
    channels.put_a_day_later(event)

    assert channels.say() == 0

    assert measured(channels.stage, "ChannelEventsDropped") == dropped
    assert len(workspace.posted("U0LATER")) == 1 - dropped


def test_two_owners_of_one_place_each_hear_of_a_dry_run_there(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    stage.settings["DryRunFlag"] = "True"
    channels.owners(
        {"user": "ann", "addresses": "a@example.com b@example.com", "slack_channel": "C0TEAM"},
        {"user": "bob", "addresses": "c@example.com", "slack_channel": "C0TEAM"},
    )
    keys = [*stage.user("ann", 137), *stage.user("bob", 137)]
    stage.invoke()

    assert channels.say() == 0

    texts = [text_of(each) for each in workspace.posted("C0TEAM")]
    assert sorted(key for text in texts for key in keys if key in text) == sorted(keys)


def test_an_owners_file_that_says_nothing_clear_keeps_no_tagged_owner_from_hearing(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    workspace.members["eve@example.com"] = "U0EVE"
    stage.settings["ResourceOwnerTag"] = "Owner"
    channels.owners({"unit": "ou-ab12-12345678", "slack_channel": "C0ALL"})
    stage.user("ann", 137, Owner="eve@example.com")

    answer = stage.invoke()  # which names no units of the account

    assert channels.say() == 0
    assert len(workspace.posted("U0EVE")) == 1
    assert "asks for the unit ou-ab12-12345678" in str(answer["failures"])


def test_what_follows_about_a_key_goes_under_what_was_said_before(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    for day in (0, 7, 10):
        stage.at(day)
        stage.run()
        channels.say()

    first, *later = workspace.posted("U0OWNER")
    assert later
    assert "thread_ts" not in first
    [thread] = {each["thread_ts"] for each in later}
    assert thread.startswith("17000")
    assert workspace.lookups() >= 1


def test_a_thread_that_is_lost_begins_anew(channels: Channels, workspace: Slack) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    workspace.lost_threads = {f"17000{number}.0001" for number in range(1, 9)}

    stage.at(7)
    stage.run()
    assert channels.say() == 0

    *_, refused, taken = workspace.posted("U0OWNER")
    assert "thread_ts" in refused
    assert "thread_ts" not in taken


def test_an_unknown_member_is_reported_once_a_digest_and_has_the_mail(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    workspace.members = {}
    stage.user("ann", 137)
    stage.user("bob", 137)
    stage.invoke()

    assert channels.say() == 0
    stage.tell()

    assert len(workspace.posted(PLACE)) == 1
    assert workspace.lookups() == 1
    assert measured(stage, "SlackUnknown") == 1
    assert sorted(mail.to[0] for mail in stage.cloud.sent_mails) == sorted([OWNER, ADMIN])


@pytest.mark.parametrize(
    ("said", "reached"),
    [
        ({"deleted": False, "is_bot": False, "is_email_confirmed": True}, 1),
        ({"deleted": True}, 0),
        ({"is_bot": True}, 0),
        ({"is_email_confirmed": False}, 0),
    ],
    ids=["a person", "who left", "a bot", "another's address"],
)
def test_only_a_person_with_an_address_of_their_own_is_the_owner(
    channels: Channels, workspace: Slack, said: dict[str, object], reached: int
) -> None:
    workspace.as_found = said
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say() == 0

    assert len(workspace.posted("U0OWNER")) == reached
    assert measured(channels.stage, "SlackUnknown") == 1 - reached


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=200, body=b"<html>"),
        Reply(cut=True),
        Reply(garbage=True),
        as_json(ok=False, error="restricted_action"),
        as_json(ok=False, error="internal_error"),
        as_json(ok=True),
        Reply(status=429, headers={"Retry-After": "86400"}, body=b"{}"),
    ],
    ids=["fails", "HTML", "cuts", "garbage", "refuses", "unsure", "no ts", "throttles"],
)
def test_one_that_does_not_get_it_holds_neither_the_others_nor_the_mails(
    channels: Channels, workspace: Slack, reply: Reply
) -> None:
    stage = channels.stage
    with receiving() as hook:
        channels.webhook(hook.url)
        stage.user("ann", 137)
        stage.invoke()
        workspace.fails = {"U0OWNER": reply}

        assert channels.say() == 1
        assert stage.tell() == []

        assert len(workspace.posted(PLACE)) == 1
        assert len(hook.got) == 2
        assert len(stage.cloud.sent_mails) == 2
        workspace.fails = {}
        channels.later()
        assert channels.say() == 0

        assert len(workspace.posted(PLACE)) == 1  # nothing twice
        assert len(hook.got) == 2
        assert len(workspace.posted("U0OWNER")) == 2  # and nothing lost
    assert not [line for line in stage.lines() if "xoxb" in json.dumps(line)]


def test_while_slack_hangs_the_webhook_hears_all(
    channels: Channels, workspace: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "SECONDS", 1)
    stage = channels.stage
    with receiving() as hook:
        channels.webhook(hook.url)
        stage.user("ann", 137)
        stage.invoke()
        workspace.receiver.always = lambda _: Reply(hangs=True)

        assert channels.say() == 2

        assert len(hook.got) == 2
        assert measured(stage, "WebhookSent") == 2
        assert measured(stage, "SlackNotSent") == 2


def test_slack_is_waited_for_as_long_as_it_says(
    channels: Channels, workspace: Slack, waited: list[float]
) -> None:
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    workspace.receiver.replies = [
        Reply(status=429, headers={"Retry-After": "3"}, body=b'{"ok": false}')
    ]

    assert channels.say() == 0
    assert 3 in waited
    assert len(workspace.posted("U0OWNER")) == 1


def test_a_token_that_is_refused_is_read_anew(channels: Channels, workspace: Slack) -> None:
    channels.set("SlackTokenSecretArn", "xoxb-" + "old")
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    assert channels.say() == 2

    channels.set("SlackTokenSecretArn", TOKEN)
    assert channels.say() == 0

    assert len(workspace.posted(PLACE)) == 2  # one of them refused


def test_an_incoming_webhook_gets_the_admins_digest_alone(
    channels: Channels, receiver: Receiver
) -> None:
    stage = channels.stage
    channels.set("SlackWebhookSecretArn", f"{receiver.url}/services/T0/B0/x")
    receiver.always = lambda _: Reply(body=b"ok")
    [key] = stage.user("ann", 137)
    stage.invoke()

    assert channels.say() == 0

    [message] = receiver.got
    assert key in text_of(message.json)
    assert message.json["text"].startswith("[AWS access keys] Access keys in prod")


# --- what it proves -----------------------------------------------------------------------------


CHOSEN = {"ProvingChannels": "email,slack"}


def live(channels: Channels, *days: int) -> list[str]:
    """Days on which Slack takes what SES does not; how often the engine listed its folder."""
    stage = channels.stage
    stage.cloud.layers.append(break_down("SendEmail"))
    begun = stage.mark()
    for day in days:
        stage.at(day)
        stage.invoke()
        stage.drain(stage.deployment.notifier_queue, NOTIFIER_ROLE, notifier.handler, rounds=1)
        channels.say()
    return [
        str(call.params["Prefix"])
        for call in stage.ours(begun)
        if call.operation == "ListObjectsV2" and ROTATION_ROLE in call.principal
    ]


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "by default"])
def test_what_an_owner_was_told_in_slack_counts_as_notice_only_if_slack_is_chosen(
    channels: Channels, workspace: Slack, *, chosen: bool
) -> None:
    stage = channels.stage
    stage.settings |= CHOSEN if chosen else {}
    [old] = stage.user("ann", 137)

    listed = live(channels, 0, 7, 9)
    assert stage.keys("ann")[old] == "Active"
    listed += live(channels, 10)

    assert stage.cloud.sent_mails == []
    assert workspace.posted("U0OWNER")
    assert stage.keys("ann")[old] == ("Inactive" if chosen else "Active")
    in_channels = [each for each in listed if "/channels/" in each]
    of_mail = [each for each in listed if f"/receipts/{MEMBER}/" in each]
    # One list more for each that is made anyway, and none unless Slack is chosen.
    assert of_mail
    assert len(in_channels) == (len(of_mail) if chosen else 0)


def test_a_mail_that_failed_goes_out_with_the_next_step_all_the_same(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    stage.settings |= CHOSEN
    [old] = stage.user("ann", 137)
    live(channels, 0)
    del stage.cloud.layers[-1]

    channels.later()
    stage.tell()
    for day in (7, 10, 17):
        stage.at(day)
        stage.run()
        channels.say()

    to_owner = [mail.subject for mail in stage.cloud.sent_mails if OWNER in mail.to]
    assert len(to_owner) == len(set(to_owner)) == 4
    assert len(workspace.posted("U0OWNER")) == 4
    assert stage.keys("ann")[old] == "Inactive"


def test_who_answers_for_the_key_since_has_to_be_told_for_themselves(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    stage.settings |= CHOSEN
    workspace.members["eve@example.com"] = "U0EVE"
    [old] = stage.user("ann", 137)
    live(channels, 0)
    stage.iam().tag_user(UserName="ann", Tags=[{"Key": "Owner", "Value": "eve@example.com"}])

    live(channels, 7, 10)

    assert stage.keys("ann")[old] == "Active"
    assert workspace.posted("U0EVE")
    live(channels, 17)
    assert stage.keys("ann")[old] == "Inactive"


@pytest.mark.parametrize("bot", [True, False], ids=["by the bot", "by an incoming webhook"])
def test_a_message_in_the_administrators_channel_proves_nothing_even_where_they_are_the_owner(
    channels: Channels, workspace: Slack, *, bot: bool
) -> None:
    stage = channels.stage
    stage.settings |= CHOSEN | {"AllowedOwnerDomains": ADMIN.partition("@")[2]}
    if not bot:
        channels.set("SlackWebhookSecretArn", f"{workspace.receiver.url}/services/T0/B0/x")
        workspace.receiver.always = lambda _: Reply(body=b"ok")
        del stage.settings["SlackTokenSecretArn"]
    [old] = stage.user("ann", 137, Owner=ADMIN)

    live(channels, 0, 7, 10, 11)

    assert workspace.receiver.got
    assert channels.stored()
    assert stage.keys("ann")[old] == "Active"


def test_where_slacks_receipts_cannot_be_listed_the_key_waits(
    channels: Channels, workspace: Slack
) -> None:
    stage = channels.stage
    stage.settings |= CHOSEN
    [old] = stage.user("ann", 137)
    stage.run()
    channels.say()

    def denied(request: ApiRequest, perform: Perform) -> ApiResponse:
        if "/channels/" in str(request.params.get("Prefix")):
            return ApiResponse(status=403, body=b"", error="AccessDenied")
        return perform(request)

    stage.cloud.layers.append(denied)
    stage.at(10)
    answer = stage.run()

    assert ("WAIT", "receipts-unreadable") in decisions_of(answer, "ann")
    assert stage.keys("ann")[old] == "Active"
    stage.cloud.layers.pop()
    stage.run()
    assert stage.keys("ann")[old] == "Inactive"


def test_nobody_but_the_channels_writes_what_proves(channels: Channels) -> None:
    stage = channels.stage
    name = f"{PREFIX}/channels/{MEMBER}/ann/{NOTE.key_id}/disable/2026-03-12_2026-03-22.json"

    for session in (
        stage.cloud.session(HUB),
        *(stage.cloud.role_session(HUB, role) for role in (ROTATION_ROLE, NOTIFIER_ROLE)),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            session.client("s3").put_object(Bucket=BUCKET, Key=name, Body=b"x" * 99)


# --- what others wrote --------------------------------------------------------------------------

NOTE = BriefNote(
    user="ann", key_id="AKIAIOSFODNN7EXAMPLE", todo="Install", what=(), dates=(), steps=()
)


def test_a_name_makes_no_mention_and_no_link(channels: Channels, workspace: Slack) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.invoke(
        {"account": MEMBER, "email": OWNER, "name": "<!channel> <https://evil.example|x> &"}
    )

    assert channels.say() == 0

    for place in ("U0OWNER", PLACE):
        [message] = workspace.posted(place)
        assert "<" not in message["text"]
        for block in message["blocks"]:
            if block["text"]["type"] == "mrkdwn":
                assert block["text"]["verbatim"] is True
                assert "<" not in block["text"]["text"]


def texts_of(brief: Brief) -> list[str]:
    """The texts of a message's blocks, which Slack takes as they are."""
    blocks: Any = blocks_of(brief)
    texts: list[str] = [each["text"]["text"] for each in blocks]
    assert len(texts) <= 50
    assert len(texts[0]) <= 150
    assert all(0 < len(each) <= 3000 for each in texts)
    assert sum(map(len, texts)) <= 10_000
    return texts


def test_what_does_not_fit_is_cut_as_slack_takes_it() -> None:
    long = tuple(replace(NOTE, what=("&" * 4000,)) for _ in range(200))
    texts = texts_of(Brief(subject="s" * 400, top=("t",), failures=("f" * 900,), notes=long))
    assert texts[3].endswith("&amp;…")
    assert texts[-1] == "and 197 more keys: the mail shows all of them"
    texts = texts_of(Brief(subject="s", top=("t",), notes=(NOTE,) * 48))
    assert texts[-1] == "and 1 more key: the mail shows all of them"
    assert escaped("<a&b>") == "&lt;a&amp;b&gt;"


def test_a_long_day_is_shown_whole_or_what_is_left_out_is_counted() -> None:
    day = Brief(subject="s", top=tuple(f"{number}: {'<' * 60}" for number in range(80)))
    lines = [line for text in texts_of(day)[1:] for line in text.split("\n")]
    shown = len(lines) - 1
    assert lines[shown] == f"and {80 - shown} more lines: the mail shows all of them"
    assert shown > 20
    assert lines[:shown] == [escaped(line) for line in day.top[:shown]]

    whole = replace(day, top=day.top[:shown], failures=("f" * 500,) * 9)
    texts = texts_of(whole)
    assert "more lines" not in "".join(texts)
    assert texts[-1].endswith("\nand 4 more failures: the mail shows all of them")
    assert all(len(line) > 60 for line in texts[1].split("\n"))
