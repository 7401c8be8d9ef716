"""One user's failure stands beside the others; none goes unreported, and no write unlogged."""

from typing import Any

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET
from tests.use_cases.harness import (
    HUB,
    MEMBER,
    OWNER,
    START,
    WRITES,
    Harness,
    before,
    decisions_of,
    failures_of,
)


def refuse_for(user: str, operation: str, stage: Harness) -> None:
    """Let an operation fail for one user only."""

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        about = [str(request.params.get(name)) for name in ("UserName", "SecretId", "Name")]
        if request.operation == operation and user in " ".join(about):
            denial = stage.cloud.deny(MEMBER, operation)
            answer = perform(request)
            denial.lift()
            return answer
        return perform(request)

    stage.cloud.layers.append(layer)


@pytest.mark.parametrize(
    "operation", ["ListAccessKeys", "CreateSecret", "CreateAccessKey", "PutSecretValue"]
)
def test_one_users_failure_is_an_outcome_beside_the_others(operation: str, stage: Harness) -> None:
    for name in ("ann", "bob", "carl"):
        stage.user(name, 137)
    refuse_for("bob", operation, stage)

    answer = stage.run()

    assert list(failures_of(answer)) == ["bob"]
    assert len(stage.keys("ann")) == len(stage.keys("carl")) == 2
    assert len(stage.keys("bob")) == 1
    [line] = [line for line in stage.lines() if line["level"] == "ERROR"]
    assert line["message"].startswith("bob: ")
    to_admin = [mail for mail in stage.cloud.sent_mails if mail.to == [ADMIN]]
    assert any("bob: " in str(mail.text) for mail in to_admin)
    events = [entry for call in stage.ours() for entry in call.params.get("Entries", ())]  # type: ignore[attr-defined]  # PutEvents' own
    failed = [each for each in events if each.get("DetailType") == "Rotation Failed"]
    assert len(failed) == 1
    assert answer["counts"]["failures"] == 1


def test_a_user_who_leaves_between_two_calls_is_nobodys_business(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob")
    stage.cloud.layers.append(
        before("GetGroup", lambda: None)  # nothing: the list of users is read after the group
    )
    stage.cloud.layers.append(
        before("ListAccessKeys", lambda: stage.iam().delete_user(UserName="bob"))
    )

    answer = stage.run()

    assert answer["failures"] == []
    assert {made["user"] for made in answer["decisions"]} == {"ann"}


def test_what_could_not_be_read_is_a_failure_and_nothing_is_done_about_it(stage: Harness) -> None:
    old, new = stage.user("ann", 900, 400)
    stage.cloud.use_key(MEMBER, old, START.replace(year=2025))
    stage.cloud.deny(MEMBER, "GetAccessKeyLastUsed")

    answer = stage.run()

    assert {reason for _, reason in decisions_of(answer, "ann")} == {"last-use-unknown"}
    assert "last use" in failures_of(answer)["ann"]
    assert stage.keys("ann") == {old: "Active", new: "Active"}


def test_receipts_that_cannot_be_read_stop_what_waits_for_them(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    stage.run()
    since = stage.at(10).mark()
    stage.cloud.deny(HUB, "ListObjectsV2")

    answer = stage.run()

    assert ("WAIT", "receipts-unreadable") in decisions_of(answer, "ann")
    assert list(failures_of(answer)) == ["ann"]
    assert stage.writes(since) == []
    assert stage.keys("ann")[old] == "Active"


def test_a_status_that_nobody_knows_is_that_users_failure_alone(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 137)

    def expired(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == "ListAccessKeys" and request.params["UserName"] == "bob":
            body = answer.body.replace(b">Active<", b">Expired<")
            return ApiResponse(status=answer.status, body=body, headers=answer.headers)
        return answer

    stage.cloud.layers.append(expired)

    answer = stage.run()

    assert failures_of(answer) == {
        "bob": "ListAccessKeys: the status Expired is none that we know"
    }
    assert len(stage.keys("ann")) == 2


def test_a_bus_that_is_down_is_reported_and_the_next_run_tells(stage: Harness) -> None:
    [old] = stage.user("ann", 90)
    down = stage.cloud.deny(HUB, "PutEvents")

    answer = stage.run()

    assert "PutEvents" in failures_of(answer)[None]
    assert stage.cloud.sent_mails == []
    assert len(stage.keys("ann")) == 2

    down.lift()
    assert ("NOTICE", "dates-not-noticed") in decisions_of(stage.at(1).run(), "ann")
    assert any(old in str(mail.text) for mail in stage.cloud.sent_mails if mail.to == [OWNER])
    for day in range(2, 12):
        stage.at(day).run()
        assert stage.keys("ann")[old] == ("Active" if day < 11 else "Inactive")


def test_every_write_is_in_the_log_under_the_id_that_aws_knows(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.user("bob", 90)
    for day in (0, 10, 20):
        stage.at(day).run()
    stage.cloud.deny(MEMBER, "CreateAccessKey")
    stage.user("carl", 137)
    stage.at(21).run()

    made = [
        (f"{call.service}:{call.operation}", call.request_id)
        for call in stage.ours()
        if call.operation in WRITES.get(call.service, ())
    ]
    assert sorted(stage.logged_writes()) == sorted(made)  # users are worked on side by side
    assert len({request_id for _, request_id in made}) == len(made)
    wrote: list[dict[str, Any]] = [line for line in stage.lines() if "request_id" in line]
    [disabled] = [
        line
        for line in wrote
        if line["message"] == "Wrote iam:UpdateAccessKey" and line["UserName"] == "ann"
    ]
    assert disabled["Status"] == "Inactive"
    created = next(line for line in wrote if line["message"] == "Wrote iam:CreateAccessKey")
    assert created["AccessKeyId"] in stage.keys(created["UserName"])
    refused = [line for line in wrote if "error" in line]
    assert [(line["message"], line["error"]) for line in refused] == [
        ("Wrote iam:CreateAccessKey", "AccessDenied")
    ]


def test_a_dry_run_writes_nothing_and_plans_what_enforcement_then_does(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 80)
    stage.user("carl", 400, 300)
    stage.settings["DryRunFlag"] = "True"

    planned = stage.run()
    before_it = stage.writes()
    stage.settings["DryRunFlag"] = "False"
    done = stage.run()

    assert before_it == []
    assert stage.cloud.secrets(MEMBER)
    assert planned["dry_run"] is True
    assert done["dry_run"] is False
    what = ("user", "key", "age", "state", "action", "reason", "next", "overlays")
    assert [{name: each[name] for name in what} for each in planned["decisions"]] == [
        {name: each[name] for name in what} for each in done["decisions"]
    ]
    assert any("would" in str(mail.text) for mail in stage.cloud.sent_mails)
    receipts = [name for name in stage.cloud.objects(BUCKET) if "/ann/" in name]
    assert len(receipts) == 2  # of the enforcing run: the proof, and the admin's copy
