"""From where an old key is used, by CloudTrail, from the Lambda event to the owner's mail."""

import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.event_history import event_of
from keyturn_sandbox.emulator.mailbox import SentMail
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.use_cases.harness import MEMBER, MINUTE, OWNER, Harness

AGENT = "aws-cli/2.15.30 Python/3.11.8"


@pytest.fixture(autouse=True)
def reads_cloudtrail(stage: Harness) -> None:
    stage.settings["ReadCloudTrail"] = "True"


def told(stage: Harness) -> SentMail:
    """Run, and take the owner's mail of it."""
    before = len(stage.cloud.sent_mails)
    stage.run()
    [mail] = [each for each in stage.cloud.sent_mails[before:] if OWNER in each.to]
    return mail


def words(text: str | None) -> str:
    return " ".join((text or "").split())


def looked_up(stage: Harness) -> list[str]:
    """The key of each lookup."""
    asked: list[Any] = [c.params for c in stage.cloud.calls if c.operation == "LookupEvents"]
    return [each["LookupAttributes"][0]["AttributeValue"] for each in asked]


def test_the_mail_says_from_where_the_old_key_is_used_the_latest_first(stage: Harness) -> None:
    [old] = stage.user("ann", 91)
    stage.cloud.use_key(MEMBER, old, stage.cloud.now, "sts", "eu-west-1")
    for address in ("203.0.113.1", "203.0.113.2", "203.0.113.2", "203.0.113.3", "203.0.113.4"):
        event = event_of(address, AGENT, "sts.amazonaws.com")
        stage.cloud.see_call(MEMBER, old, event, "eu-west-1")
        stage.cloud.move_to(stage.cloud.now + MINUTE)
    stage.cloud.see_call(
        MEMBER, old, event_of("192.0.2.7", AGENT, "x.amazonaws.com"), "eu-north-1"
    )

    mail = told(stage)

    callers = [f"203.0.113.{last} for sts.amazonaws.com (by {AGENT})" for last in (4, 3, 2)]
    assert f"CloudTrail saw this key used from {'; '.join(callers)}." in words(mail.text)
    assert f"CloudTrail saw this key used from {'; '.join(callers)}." in words(mail.html)
    assert "203.0.113.1 " not in words(mail.text)
    assert looked_up(stage) == [old, old]  # in the region of its last use, and at home


def test_what_a_caller_calls_itself_makes_no_link_no_markup_and_no_line(stage: Harness) -> None:
    [old] = stage.user("ann", 91)
    evil = "<a href=x>\r\nBcc: `rm`\u202e https://evil.example/ www.evil.example " + "x" * 500
    stage.cloud.see_call(MEMBER, old, event_of("203.0.113.1", evil, "sts.amazonaws.com"))

    mail = told(stage)

    assert "<a href=x>" not in (mail.html or "")
    assert "&lt;a href=x&gt; Bcc: &#39;rm&#39;" in words(mail.html)
    for body in (mail.text or "", mail.html or ""):
        assert "https[://]evil" in body
        assert "www[.]evil" in body
        assert "\u202e" not in body
        assert "x" * 101 not in body


@pytest.mark.parametrize("how", ["denied", "throttled", "malformed", "unanswered", "half"])
def test_what_cannot_be_read_is_said_and_stops_nothing(stage: Harness, how: str) -> None:
    [old] = stage.user("ann", 91)
    stage.user("bob", 91)
    match how:
        case "denied":
            stage.cloud.deny(MEMBER, "LookupEvents")
        case "throttled":
            stage.cloud.throttle(MEMBER, "LookupEvents")
        case "malformed":
            for event in ("no JSON", json.dumps(["list"]), json.dumps({"userAgent": "x"})):
                stage.cloud.see_call(MEMBER, old, event)
        case "half":
            stage.cloud.see_call(MEMBER, old, "no JSON")
            stage.cloud.see_call(MEMBER, old, event_of("203.0.113.1", AGENT, "sts.amazonaws.com"))
        case _:

            def hangs(request: ApiRequest, perform: Perform) -> ApiResponse:
                if request.operation == "LookupEvents":
                    raise ReadTimeoutError(endpoint_url="cloudtrail")
                return perform(request)

            stage.cloud.layers.append(hangs)

    mail = told(stage)

    said = "else it is used" if how == "half" else "it is used"
    assert f"From where {said} could not be read from CloudTrail." in words(mail.text)
    assert [len(stage.keys(user)) for user in ("ann", "bob")] == [2, 2]
    if how in {"denied", "throttled"}:  # and it is not asked again in this run
        assert len(looked_up(stage)) == 1


def test_a_history_without_the_key_is_not_said_to_prove_anything(stage: Harness) -> None:
    stage.user("ann", 91)

    assert "reads of data, such as S3's, are not in it" in words(told(stage).text)


def test_only_keys_whose_rotation_or_end_is_announced_are_looked_up(stage: Harness) -> None:
    """The earlier an owner hears from where a key is used, the better."""
    [early] = stage.user("ann", 76)
    stage.user("new", 5)
    [due] = stage.user("due", 91)
    stage.cloud.see_call(MEMBER, early, event_of("203.0.113.1", AGENT, "sts.amazonaws.com"))

    mail = told(stage)

    assert {*looked_up(stage)} == {early, due}
    assert (
        f"CloudTrail saw this key used from 203.0.113.1 for sts.amazonaws.com (by {AGENT})."
        in (words(mail.text))
    )


def test_it_is_off_by_default_and_in_a_dry_run(stage: Harness) -> None:
    stage.user("ann", 91)
    stage.settings["DryRunFlag"] = "True"
    stage.run()
    stage.settings |= {"DryRunFlag": "False", "ReadCloudTrail": ""}

    mail = told(stage)

    assert looked_up(stage) == []
    assert "CloudTrail saw" not in words(mail.text)
