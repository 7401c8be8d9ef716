"""Somebody changes who is exempt; the member's rule passes what CloudTrail saw on to the hub."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, BUS
from tests.use_cases.harness import GROUP, HUB, MEMBER, Harness, lose_answer, staged

ID = "0f5b3c1e-2a7d-4b8e-9c61-4d2f8a7e1b30"
ADMINISTRATORS = "arn:aws:iam::aws:policy/AdministratorAccess"
JANE = f"arn:aws:iam::{MEMBER}:user/jane"
CALL: Mapping[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "arn": JANE, "principalId": "AIDAEXAMPLE"},
    "eventTime": "2026-03-02T04:58:21Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "AddUserToGroup",
    "awsRegion": "us-east-1",
    "requestParameters": {"groupName": GROUP, "userName": "deploy-bot"},
    "responseElements": None,
    "eventID": ID,
    "recipientAccountId": MEMBER,
}
"""As CloudTrail writes it, and some fields that we do not read."""


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def see(stage: Harness, **changes: object) -> None:
    """Let CloudTrail see a call in the member account."""
    stage.cloud.pass_on(
        MEMBER,
        "aws.iam",
        "AWS API Call via CloudTrail",
        {**CALL, **changes},
        bus=stage.deployment.bus,
    )


def events(stage: Harness) -> list[dict[str, Any]]:
    """What was put on the bus."""
    return [
        entry
        for call in stage.ours()
        if call.operation == "PutEvents" and call.error is None
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # PutEvents' own
    ]


def added(stage: Harness) -> list[float]:
    return [line["ExemptionsAdded"][0] for line in stage.measured()]


def test_an_exemption_is_told_to_the_admin_the_bus_and_the_alarm(stage: Harness) -> None:
    see(stage)

    assert stage.tell() == []

    [mail] = stage.cloud.sent_mails
    assert mail.to == [ADMIN]
    assert mail.subject == (
        f"[AWS access keys] deploy-bot is exempt from key rotation now (account {MEMBER})"
    )
    assert JANE in str(mail.text)
    [event] = events(stage)
    assert (event["DetailType"], event["EventBusName"]) == ("Exemption Changed", BUS)
    assert json.loads(event["Detail"]) == {
        "version": 1,
        "run": ID,
        "account": MEMBER,
        "dry_run": False,
        "change": "added",
        "group": GROUP,
        "user": "deploy-bot",
        "policy": None,
        "other_group": None,
        "by": JANE,
    }
    assert event["Time"] == datetime(2026, 3, 2, 4, 58, 21, tzinfo=UTC).timestamp()
    assert added(stage) == [1]


@pytest.mark.parametrize(
    ("changes", "detail", "subject"),
    [
        (
            {"eventName": "RemoveUserFromGroup"},
            {"change": "removed", "user": "deploy-bot", "policy": None},
            "deploy-bot is no longer exempt",
        ),
        (
            {
                "eventName": "PutGroupPolicy",
                "requestParameters": {"groupName": GROUP, "policyName": "All"},
            },
            {"change": "policy", "user": None, "policy": "All"},
            "A policy was put on the group",
        ),
        (
            {
                "eventName": "AttachGroupPolicy",
                "requestParameters": {"groupName": GROUP, "policyArn": ADMINISTRATORS},
            },
            {"change": "policy", "user": None, "policy": ADMINISTRATORS},
            "A policy was put on the group",
        ),
        (
            {
                "eventName": "DetachGroupPolicy",
                "requestParameters": {"groupName": GROUP, "policyArn": ADMINISTRATORS},
            },
            {"change": "policy-removed", "user": None, "policy": ADMINISTRATORS},
            "A policy was taken off the group",
        ),
        (
            {
                "eventName": "DeleteGroupPolicy",
                "requestParameters": {"groupName": GROUP, "policyName": "All"},
            },
            {"change": "policy-removed", "policy": "All"},
            "A policy was taken off the group",
        ),
        (
            {"eventName": "CreateGroup", "requestParameters": {"groupName": GROUP}},
            {"change": "created", "user": None, "other_group": None},
            "The group of exempt users was created",
        ),
        (
            {"eventName": "DeleteGroup", "requestParameters": {"groupName": GROUP}},
            {"change": "deleted", "user": None},
            "The group of exempt users was deleted",
        ),
        (
            {
                "eventName": "UpdateGroup",
                "requestParameters": {"groupName": GROUP.lower(), "newGroupName": "old"},
            },
            {"change": "renamed-from", "group": GROUP.lower(), "other_group": "old"},
            "The group of exempt users was renamed: nobody is exempt now",
        ),
    ],
)
def test_the_other_changes_are_told_and_raise_no_alarm(
    changes: dict[str, object], detail: dict[str, object], subject: str, stage: Harness
) -> None:
    see(stage, **changes)

    assert stage.tell() == []

    [mail] = stage.cloud.sent_mails
    assert mail.subject.startswith(f"[AWS access keys] {subject}")
    [event] = events(stage)
    assert detail.items() <= json.loads(event["Detail"]).items()
    assert added(stage) == [0]


def test_a_group_that_gets_the_name_of_the_exemption_group_raises_the_alarm(
    stage: Harness,
) -> None:
    renamed = {"groupName": "developers", "newGroupName": GROUP.upper()}
    see(stage, eventName="UpdateGroup", requestParameters=renamed)

    assert stage.tell() == []

    [mail] = stage.cloud.sent_mails
    assert "Another group was renamed: its users are exempt" in mail.subject
    assert "The group developers was renamed" in " ".join(str(mail.text).split())
    [event] = events(stage)
    assert {
        "change": "renamed-to",
        "group": GROUP.upper(),
        "other_group": "developers",
    }.items() <= json.loads(event["Detail"]).items()
    assert added(stage) == [1]


@pytest.mark.parametrize(
    "parameters",
    [
        {"groupName": GROUP, "newPath": "/teams/"},
        {"groupName": GROUP, "newGroupName": GROUP.lower()},
        {"groupName": "developers", "newGroupName": "people"},
    ],
)
def test_a_renaming_that_exempts_nobody_and_frees_nobody_is_not_told(
    parameters: dict[str, str], stage: Harness
) -> None:
    see(stage, eventName="UpdateGroup", requestParameters=parameters)

    assert stage.tell() == []

    assert list(stage.cloud.sent_mails) == []
    assert added(stage) == [0]


def test_what_cloudtrail_delivers_twice_is_told_once(stage: Harness) -> None:
    see(stage)
    stage.tell()
    see(stage)

    assert stage.tell() == []

    assert len(stage.cloud.sent_mails) == 1
    assert len(events(stage)) == 1
    assert added(stage) == [1, 0]
    [receipt] = [
        json.loads(body)
        for name, body in stage.cloud.objects(BUCKET).items()
        if "/_exemptions/" in name
    ]
    assert (receipt["address"], receipt["run"]) == (ADMIN, ID)
    assert receipt["promises"] == {}


def test_our_own_event_comes_back_to_nobody(stage: Harness) -> None:
    """Its source is ours, and no rule sends that one to the notifier."""
    see(stage)
    stage.tell()

    assert stage.receive(stage.deployment.notifier_queue) == []


def test_a_call_that_iam_refused_changed_nothing_and_is_not_told(stage: Harness) -> None:
    see(stage, errorCode="AccessDenied", requestParameters=None)

    assert stage.tell() == []

    assert list(stage.cloud.sent_mails) == []
    assert added(stage) == [0]


def test_another_group_is_not_told_and_the_case_of_its_name_makes_no_other(stage: Harness) -> None:
    see(stage, requestParameters={"groupName": "developers", "userName": "ann"})
    see(stage, requestParameters={"groupName": GROUP.lower(), "userName": "bob"})

    assert stage.tell() == []

    assert [mail.subject.split("] ")[1][:3] for mail in stage.cloud.sent_mails] == ["bob"]


@pytest.mark.parametrize(
    ("identity", "by"),
    [
        ({"type": "AssumedRole", "principalId": "AROAEXAMPLE:jane"}, "AROAEXAMPLE:jane"),
        ({"type": "AWSService"}, "AWSService"),
        ({}, "nobody known"),
    ],
)
def test_who_made_the_change_is_named_as_far_as_it_is_known(
    identity: dict[str, str], by: str, stage: Harness
) -> None:
    see(stage, userIdentity=identity)

    stage.tell()

    [event] = events(stage)
    assert json.loads(event["Detail"])["by"] == by


@pytest.mark.parametrize(
    "changes",
    [
        {"eventID": None},
        {"eventID": "../../receipts"},
        {"eventName": "DeleteRole"},
        {"eventTime": "yesterday"},
        {"eventTime": "9999-03-02T04:58:21Z"},
        {"eventTime": "2020-03-02T04:58:21Z"},
        {"eventTime": "2026-02-16T04:00:00Z"},
        {"eventTime": "2026-03-02T05:07:00Z"},
        {"requestParameters": None},
        {"requestParameters": {"userName": "ann"}},
        {"requestParameters": {"groupName": GROUP}},
        {"requestParameters": {"groupName": GROUP, "userName": "x/../y"}},
        {"requestParameters": {"groupName": GROUP, "userName": "x" * 65}},
        {"requestParameters": {"groupName": "g" * 129, "userName": "x"}},
        {"userIdentity": "jane"},
        {"userIdentity": {"arn": "arn:aws:iam::1:user/jane\nBcc: x"}},
    ],
)
def test_what_is_no_such_event_is_dropped_by_name_and_counted(
    changes: dict[str, object], stage: Harness
) -> None:
    body = {"source": "aws.iam", "account": MEMBER, "detail": {**CALL, **changes}}
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.notifier_queue, MessageBody=json.dumps(body)
    )

    assert stage.tell() == []

    assert list(stage.cloud.sent_mails) == []
    assert events(stage) == []
    assert stage.cloud.objects(BUCKET) == {}
    [error] = [line["message"] for line in stage.lines() if line["level"] == "ERROR"]
    [field] = changes
    assert error.startswith("Dropped: ")
    assert field in error
    assert "_schema" not in error
    assert [line["EventsDropped"] for line in stage.measured()] == [[1]]


def test_a_mail_that_is_refused_is_tried_again_and_the_alarm_does_not_wait(stage: Harness) -> None:
    stage.cloud.deny(HUB, "SendEmail", times=1, error="SendingPausedException")
    see(stage)

    assert len(stage.tell()) == 1

    assert len(stage.cloud.sent_mails) == 1
    assert added(stage) == [1, 1]


def test_a_mail_whose_answer_was_lost_is_not_sent_again_at_once(stage: Harness) -> None:
    stage.cloud.layers.append(lose_answer("SendEmail"))
    see(stage)

    assert len(stage.tell()) == 3

    assert len(stage.cloud.sent_mails) == 1
    assert len(stage.receive(stage.deployment.dead_letters[1])) == 1


def test_a_bus_that_refuses_holds_the_mail_until_it_takes_the_event(stage: Harness) -> None:
    bus = stage.cloud.deny(HUB, "PutEvents", times=1)
    see(stage)

    assert len(stage.tell()) == 1

    assert bus.times == 0
    assert len(events(stage)) == 1
    assert len(stage.cloud.sent_mails) == 1


def test_no_account_but_our_own_can_put_the_proof_of_a_notice_into_the_notifiers_hands(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.invoke()
    [message, *_] = stage.receive(stage.deployment.notifier_queue)
    forged = {**json.loads(message["Body"]), "account": MEMBER}
    stage.at(1)
    stage.tell()
    before, mails = dict(stage.cloud.objects(BUCKET)), len(stage.cloud.sent_mails)

    forged["detail"]["digest"]["items"][0]["key"] = "AKIAFORGEDEXAMPLE000"
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.notifier_queue, MessageBody=json.dumps(forged)
    )
    failed = stage.tell()

    assert failed == []
    assert dict(stage.cloud.objects(BUCKET)) == before
    assert len(stage.cloud.sent_mails) == mails
    assert f"Dropped: account={MEMBER}: may not ask for notices" in stage.messages()


def test_a_member_cannot_put_a_forged_notice_on_the_bus_for_the_notifier(stage: Harness) -> None:
    for source in ("iam.key-rotation", "aws.iam"):
        stage.cloud.session(MEMBER).client("events").put_events(
            Entries=[
                {
                    "Source": source,
                    "DetailType": "Notices Due",
                    "Detail": "{}",
                    "EventBusName": stage.deployment.bus,
                }
            ]
        )

    assert stage.receive(stage.deployment.notifier_queue) == []
