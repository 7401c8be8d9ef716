"""Jira, from the Lambda event down, against a real server on loopback."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from keyturn import wiring
from keyturn.adapters import https
from keyturn.adapters.channels.jira.words import document_of, preformatted, that_fit
from keyturn.adapters.https import Answer, HttpsSender
from keyturn.functions.connect import disconnect
from keyturn_sandbox.simulation.deployment import ADMIN
from tests.functions.channels_stage import Channels, measured
from tests.functions.jira_site import SITE, TOKEN, Jira, required, way_to_done
from tests.receivers import Receiver, Reply, receiving
from tests.use_cases.harness import MEMBER, OWNER


class Sender(HttpsSender):
    """Takes the site's address for that of the server here."""

    def __init__(self, *args: Any, here: str, **kwargs: Any) -> None:  # noqa: ANN401 -- the base's own
        super().__init__(*args, plain_to_loopback=True, **kwargs)
        self._here = here

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        here = url.replace("https://jira.example.com", self._here)
        return super().send(method, here, body, headers)


def on(channels: Channels, site: Jira, monkeypatch: pytest.MonkeyPatch) -> Jira:
    sender = partial(Sender, here=site.receiver.url)
    monkeypatch.setattr(https, "HttpsSender", sender)
    disconnect()
    channels.set("JiraSecretArn", site.secret)
    channels.stage.settings |= {"JiraUrl": SITE, "JiraProject": "KEYS"}
    return site


@pytest.fixture
def site(channels: Channels, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Jira:
    return on(channels, Jira(receiver), monkeypatch)


@pytest.fixture(params=[True, False], ids=["Cloud", "Data Center"])
def either(
    channels: Channels,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Jira:
    return on(channels, Jira(receiver, cloud=request.param), monkeypatch)


def test_an_issue_begins_14_days_before_is_commented_at_each_step_and_closed_at_the_end(
    channels: Channels, either: Jira
) -> None:
    stage = channels.stage
    [key] = stage.user("ann", 76)
    lives = []
    for day in (0, 14, 21, 24, 31, 34):
        stage.at(day)
        stage.run()
        assert channels.say() == 0
        about = [each for each in either.issues if key in each.fields["summary"]]
        lives.append([(len(each.comments), each.status) for each in about])

    assert lives == [
        [(0, "To Do")],  # upcoming
        [(1, "To Do")],  # rotated
        [(2, "To Do")],  # stops working in three days
        [(3, "To Do")],  # disabled
        [(4, "To Do")],  # deleted in three days
        [(5, "Done")],  # deleted
    ]
    [issue] = [each for each in either.issues if key in each.fields["summary"]]
    assert issue.key == "KEYS-1"
    assert issue.fields["labels"] == ["keyturn", f"keyturn-{MEMBER}-{key}"]
    assert issue.fields["issuetype"] == {"name": "Task"}
    assert "assignee" not in issue.fields
    assert measured(stage, "JiraNotSent") == measured(stage, "JiraUnknown") == 0
    [mails] = {len([m for m in stage.cloud.sent_mails if m.to[0] == OWNER])}
    assert mails == 6


def test_project_and_assignee_come_from_the_owners_file(channels: Channels, site: Jira) -> None:
    stage = channels.stage
    stage.settings["JiraIssueType"] = "Aufgabe"
    [person] = site.people
    channels.owners(
        {
            "user": "ann",
            "addresses": "a@example.com b@example.com",
            "jira_project": "PAY",
            "jira_assignee": person,
        },
        {"user": "bob", "jira_project": "PAY", "jira_assignee": "left-last-year"},
        {"user": "carl", "jira_project": "GONE"},
    )
    for name in ("ann", "bob", "carl", "dora"):
        stage.user(name, 137)
    stage.invoke()

    assert channels.say() == 1  # that project

    made = {
        each.fields["summary"].split()[5]: (
            each.key.partition("-")[0],
            each.fields.get("assignee"),
            each.fields["issuetype"]["name"],
        )
        for each in site.issues
    }
    assert made == {
        "ann": ("PAY", {"accountId": person}, "Aufgabe"),
        "bob": ("PAY", None, "Aufgabe"),
        "dora": ("KEYS", None, "Aufgabe"),
    }
    assert measured(stage, "ChannelIncomplete") == 1
    assert measured(stage, "JiraNotSent") == 1
    said = [line["message"] for line in stage.lines() if line["service"] == "key-channels"]
    assert "jira: PAY-2 has no assignee: left-last-year was refused" in said
    assert (
        "Not sent by jira: jira: GET search/jql was answered with 400: "
        "is there a project GONE, and may we browse it?"
    ) in said


def test_without_a_project_there_is_no_issue(channels: Channels, site: Jira) -> None:
    del channels.stage.settings["JiraProject"]
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say() == 0
    assert site.receiver.got == []


def test_a_dry_run_makes_no_issue(channels: Channels, site: Jira) -> None:
    channels.stage.settings["DryRunFlag"] = "True"
    channels.stage.user("ann", 137)
    channels.stage.invoke()

    assert channels.say() == 0
    assert site.receiver.got == []


def test_whose_owner_is_the_admin_gets_an_issue_and_the_admins_copy_makes_none(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.settings["AllowedOwnerDomains"] = "nobody.example"
    stage.user("ann", 137)
    stage.invoke()

    assert channels.say() == 0
    stage.tell()

    assert {mail.to[0] for mail in stage.cloud.sent_mails} == {ADMIN}
    assert len(site.issues) == 1


def to_owner(channels: Channels) -> dict[str, Any]:
    """The event with the owner's digest, which waits."""
    [found] = [e for e in channels.waiting() if e["detail"]["digest"]["audience"] == "owner"]
    return found


# --- never twice --------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [Reply(cut=True), Reply(garbage=True)])
def test_an_issue_whose_making_was_not_heard_of_is_found_and_not_made_again(
    channels: Channels, either: Jira, lost: Reply
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.invoke()
    either.after = {"POST issue": [lost]}
    either.indexes = False

    assert channels.say() == 1
    assert channels.say() == 1  # claimed still: nobody asks at once
    for issue in either.issues:
        issue.is_indexed = True
    channels.later()
    assert channels.say() == 0

    [issue] = either.issues
    assert issue.comments == []
    stage.at(7)
    stage.run()
    assert channels.say() == 0
    assert len(issue.comments) == 1
    assert either.calls("POST issue") == 1


def test_a_comment_whose_answer_was_lost_is_not_written_again(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    stage.at(7)
    stage.run()
    site.after = {"POST issue/comment": [Reply(cut=True)]}

    assert channels.say() == 1
    channels.later()
    assert channels.say() == 0

    [issue] = site.issues
    assert len(issue.comments) == 1


def test_while_the_search_does_not_know_it_no_other_notice_makes_another(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.invoke()
    site.after = {"POST issue": [Reply(cut=True)]}
    site.indexes = False
    event = to_owner(channels)
    channels.say()
    channels.put_a_day_later(event)

    channels.say()

    assert len(site.issues) == 1
    assert site.calls("POST issue") == 1
    assert any("another is about to begin it" in line["message"] for line in stage.lines())


def test_a_reference_that_is_lost_is_found_by_its_label(channels: Channels, site: Jira) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    channels.forget_conversations()

    stage.at(7)
    stage.run()
    assert channels.say() == 0

    [issue] = site.issues
    assert len(issue.comments) == 1


@pytest.mark.parametrize(("pages", "failed"), [(1, 0), (5, 1)])
def test_an_empty_page_is_not_the_end_of_a_search(
    channels: Channels, site: Jira, pages: int, failed: int
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    channels.forget_conversations()
    page = json.dumps({"issues": [], "nextPageToken": "next", "isLast": False}).encode()
    site.instead = {"GET search/jql": [Reply(body=page)] * pages}

    stage.at(7)
    stage.run()
    assert channels.say() == failed

    [issue] = site.issues
    assert len(issue.comments) == 1 - failed


def test_an_issue_that_was_deleted_or_hidden_is_reported_and_not_made_again(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    site.issues[0].is_hidden = True

    for day in (7, 10):
        stage.at(day)
        stage.run()
        assert channels.say() == 0

    assert len(site.issues) == 1
    assert measured(stage, "JiraUnknown") == 2
    assert len([m for m in stage.cloud.sent_mails if m.to[0] == OWNER]) == 3


def test_a_token_that_ran_out_is_no_sign_that_an_issue_is_gone(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    site.token = "another"  # Cloud answers a stranger 404 and an empty search
    stage.at(7)
    stage.run()

    assert channels.say() == 1
    assert measured(stage, "JiraUnknown") == 0
    channels.forget_conversations()
    assert channels.say() == 1
    assert len(site.issues) == 1

    site.token = TOKEN
    assert channels.say() == 0
    assert len(site.issues[0].comments) == 1


@pytest.mark.parametrize("is_stranger", [True, False])
def test_a_new_token_is_read_and_tried_at_once(
    channels: Channels, site: Jira, *, is_stranger: bool
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.invoke()
    event = to_owner(channels)
    channels.say()
    channels.forget_conversations()
    channels.set("JiraSecretArn", site.secret.replace(TOKEN, "renewed"))
    site.token = "renewed"
    # The old one is in use here still, with which its issue is not found: it is no other's.
    site.instead = {} if is_stranger else {"GET search/jql": [Reply(status=401)]}
    stage.cloud.move_to(stage.cloud.now + timedelta(minutes=2))
    channels.put_a_day_later(event)

    assert channels.say() == 0
    [issue] = site.issues
    assert len(issue.comments) == 1


def test_an_issue_that_a_person_closed_is_commented_and_stays_closed(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    [issue] = site.issues
    issue.status = "Won't do"
    stage.at(7)
    stage.run()
    assert channels.say() == 0
    assert (len(issue.comments), issue.status) == (1, "Won't do")

    site.instead = {"POST issue/comment": [Reply(status=403)]}
    stage.at(10)
    stage.run()
    assert channels.say() == 0
    assert measured(stage, "JiraUnknown") == 1


# --- the end ------------------------------------------------------------------------------------


def played_to_the_end(channels: Channels) -> None:
    channels.stage.user("ann", 137)
    for day in (0, 7, 10, 17, 20):
        channels.stage.at(day)
        channels.stage.run()
        channels.say()


def test_a_way_that_asks_for_a_resolution_gets_one(channels: Channels, site: Jira) -> None:
    allowed = [{"id": "1", "name": "Won't do"}, {"id": "2", "name": "Done"}]
    site.transitions = [way_to_done(resolution=required(allowedValues=allowed))]

    played_to_the_end(channels)

    assert site.issues[0].status == "Done"
    [sent] = [e.json for e in site.receiver.got if e.path.endswith("/transitions")]
    assert sent["fields"] == {"resolution": {"id": "2"}}


@pytest.mark.parametrize("why", ["no way", "asks for more", "refused"])
def test_an_issue_that_cannot_be_closed_says_so_and_is_reported(
    channels: Channels, site: Jira, why: str
) -> None:
    if why == "refused":
        site.instead = {"POST issue/transitions": [Reply(status=403)]}
    else:
        more = way_to_done(customfield_1=required())
        site.transitions = [*site.transitions[:1], *([more] if why == "asks for more" else [])]

    played_to_the_end(channels)

    [issue] = site.issues
    assert issue.status == "To Do"
    assert "close the issue by hand" in json.dumps(issue.comments[-1])
    assert len(issue.comments) == 5
    assert measured(channels.stage, "ChannelIncomplete") == 1
    assert measured(channels.stage, "JiraNotSent") == 0


def test_of_a_key_that_is_gone_no_issue_is_begun(channels: Channels, site: Jira) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    for day in (0, 7, 10, 17, 20):
        site.projects = {"KEYS"} if day == 20 else set()
        stage.at(day)
        stage.run()
        messages = channels.say()
        if messages:
            channels.drop()

    assert site.issues == []
    assert measured(stage, "JiraUnknown") == 1


# --- what fails ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "reply"),
    [
        ("GET search/jql", Reply(cut=True)),
        ("GET search/jql", Reply(body=b"[1]")),
        ("GET myself", Reply(status=500)),
        ("POST issue", Reply(status=500)),
        ("POST issue", Reply(status=400)),
        ("POST issue", Reply(status=302, headers={"Location": "https://evil.example"})),
        ("POST issue", Reply(body=b"<html>")),
        ("POST issue", Reply(status=429, headers={"Retry-After": "86400"})),
    ],
    ids=["cuts", "a list", "me", "fails", "refuses", "redirects", "HTML", "throttles"],
)
def test_one_that_does_not_take_it_holds_nobody_and_gets_it_later_once(
    channels: Channels, site: Jira, reply: Reply, at: str
) -> None:
    stage = channels.stage
    with receiving() as hook:
        channels.webhook(hook.url)
        stage.user("ann", 137)
        stage.invoke()
        site.instead = {at: [reply]}

        assert channels.say() == 1
        assert stage.tell() == []
        assert len(hook.got) == len(stage.cloud.sent_mails) == 2
        channels.later()
        assert channels.say() == 0

        assert len(hook.got) == 2
        assert len(site.issues) == 1
    assert not [line for line in stage.lines() if TOKEN in json.dumps(line)]
    assert "evil.example" not in str([each.headers.get("host") for each in site.receiver.got])


@pytest.mark.parametrize("mistake", ["a page in Jira", "no address of the token"])
def test_what_is_no_site_says_which_values_to_look_at(
    channels: Channels, site: Jira, mistake: str
) -> None:
    stage = channels.stage
    if mistake == "a page in Jira":
        stage.settings |= {"JiraUrl": f"{SITE}/browse/KEYS"}
    else:
        channels.set("JiraSecretArn", TOKEN)
    stage.user("ann", 137)
    stage.invoke()

    assert channels.say() == 1

    assert measured(stage, "JiraNotSent") == 1
    [said] = {text for line in stage.lines() if "404" in (text := str(line.get("message")))}
    assert "404: JiraUrl has to be Jira's own address, without /browse or /rest;" in said
    assert "the secret needs the account's e-mail address" in said


def test_while_jira_hangs_the_others_hear_all(
    channels: Channels, site: Jira, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyturn.adapters.https.ANSWER_SECONDS", 1)
    stage = channels.stage
    with receiving() as hook:
        channels.webhook(hook.url)
        stage.user("ann", 137)
        stage.invoke()
        site.receiver.always = lambda _: Reply(hangs=True)

        assert channels.say() == 1
        assert len(hook.got) == 2


def test_jira_is_waited_for_as_long_as_it_says(
    channels: Channels, site: Jira, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(wiring, "_sleep", waits.append)
    channels.stage.user("ann", 137)
    channels.stage.invoke()
    site.instead = {"POST issue": [Reply(status=429, headers={"Retry-After": "3"})]}

    assert channels.say() == 0
    assert 3 in waits
    assert len(site.issues) == 1


# --- what others wrote --------------------------------------------------------------------------


@pytest.mark.parametrize("project", ["PAY", "KEYS"])
def test_the_label_of_a_key_on_an_issue_about_another_key_leads_no_notice_there(
    channels: Channels, either: Jira, project: str
) -> None:
    stage = channels.stage
    channels.owners({"user": "mallory", "jira_project": project})
    stage.user("mallory", 80)
    stage.run()
    channels.say()
    [hers] = either.issues
    [key] = stage.user("victim", 60)
    hers.fields["labels"].append(f"keyturn-{MEMBER}-{key}")  # names of keys are no secret

    for day in (18, 32):
        stage.at(day)
        stage.run()
        assert channels.say() == 0

    [about] = [each for each in either.issues if key in each.fields["summary"]]
    assert about.key.startswith("KEYS-")
    assert len(about.comments) == 1
    assert key not in hers.said.replace(f"keyturn-{MEMBER}-{key}", "")


@pytest.mark.parametrize("where", ["a comment", "the description", "a comment of ours"])
def test_what_others_write_in_our_words_keeps_nothing_out_of_an_issue(
    channels: Channels, either: Jira, where: str
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.run()
    channels.say()
    [issue] = either.issues
    stage.at(7)
    stage.run()
    either.instead = {"POST issue/comment": [Reply(status=500)]}
    assert channels.say() == 1
    [refused] = [e for e in either.receiver.got if e.path.endswith("/comment")]
    said = refused.json["body"]
    match where:
        case "a comment":
            issue.others.append(said)
        case "the description":
            issue.fields["description"] = said
        case _:
            issue.comments.append(said)
            issue.is_edited = True

    channels.later()
    assert channels.say() == 0

    assert issue.comments[-1] == said
    assert either.calls("POST issue/comment") == 2


def test_what_an_issue_began_with_is_not_said_again_though_people_wrote_over_it(
    channels: Channels, site: Jira
) -> None:
    stage = channels.stage
    stage.user("ann", 137)
    stage.invoke()
    event = to_owner(channels)
    channels.say()
    [issue] = site.issues
    issue.fields |= {"summary": "Ann's key", "description": "see the wiki"}
    channels.forget_receipts()
    channels.put(event)

    assert channels.say() == 0
    assert issue.comments == []
    assert site.calls("GET issue") == 1


def test_a_name_is_text_and_nothing_else(channels: Channels, either: Jira) -> None:
    stage = channels.stage
    name = "{noformat}h1. [~admin] !https://evil.example/x.png! @here `x` {code}"
    stage.user("ann", 137)
    stage.invoke({"account": MEMBER, "email": OWNER, "name": name})

    assert channels.say() == 0

    [issue] = either.issues
    description = issue.fields["description"]
    assert "evil.example" in json.dumps(description)
    if either.cloud:
        kinds = {run["type"] for each in description["content"] for run in each["content"]}
        assert kinds == {"text"}
        marks = [
            mark["type"]
            for each in description["content"]
            for run in each["content"]
            for mark in run.get("marks", [])
        ]
        assert set(marks) <= {"code"}
    else:
        assert description.count("{noformat}") == 2
        assert description.startswith("{noformat}\n")
        assert description.endswith("\n{noformat}")
        assert "[~" not in description
    assert "evil" not in issue.fields["summary"]


def test_what_is_too_long_is_cut() -> None:
    lines = that_fit(["x" * 5000] * 40)  # the limit of Jira's own

    assert len("\n".join(lines)) < 32_000
    assert lines[-1] == "… the mail says the rest"
    assert preformatted(["`aws iam " + "x " * 90 + "`"]).count("\n") == 2
    assert document_of(["a `b` c"])["content"] == [
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": "a "},
                {"type": "text", "text": "b", "marks": [{"type": "code"}]},
                {"type": "text", "text": " c"},
            ],
        }
    ]
