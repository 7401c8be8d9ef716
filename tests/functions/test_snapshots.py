"""Each run leaves what it saw and did in the bucket: one document an account and day."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyturn.domain.secret_names import INTENT_TAG, KEY_TAG, secret_name
from keyturn.domain.tag_text import format_utc
from keyturn.use_cases import snapshot as snapshots
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.use_cases.harness import (
    ASKED,
    CLOSED,
    DAY,
    GROUP,
    HUB,
    MEMBER,
    MINUTE,
    OWNER,
    Harness,
    break_down,
    failures_of,
    lose_answer,
    staged,
)


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def snapshot(stage: Harness, account: str = MEMBER) -> dict[str, Any]:
    """The snapshot of the day; there is one."""
    name = f"{PREFIX}/snapshots/date={stage.cloud.now:%Y-%m-%d}/account={account}.json"
    taken: dict[str, Any] = json.loads(stage.cloud.objects(BUCKET)[name])
    return taken


def taken(stage: Harness) -> list[str]:
    return [name for name in stage.cloud.objects(BUCKET) if "/snapshots/" in name]


def users(stage: Harness) -> list[str]:
    return [each["user"] for each in snapshot(stage)["users"]]


def test_a_snapshot_says_what_a_run_found_decided_and_did(stage: Harness) -> None:
    [ann] = stage.user("ann", 137)
    stage.user("bob")
    stage.exempt("bob")

    answer = stage.invoke()

    [_, new] = stage.keys("ann")
    [created] = [key.created for key in stage.cloud.keys(MEMBER) if key.key_id == ann]
    found = snapshot(stage)
    [of_ann] = found.pop("facts")
    assert (of_ann["user"], of_ann["owners"]) == (
        "ann",
        [{"source": "account", "addresses": [OWNER]}],
    )
    assert of_ann["keys"][0]["notice"]["type"] == "rotated"
    assert found == {
        "version": 1,
        "date": "2026-03-02",
        "account": MEMBER,
        "name": "prod",
        "run": answer["run"],
        "at": snapshot(stage)["at"],
        "dry_run": False,
        "whole": True,
        "policy": {"RotationPeriod": 90, "InactivePeriod": 100, "RecoveryGracePeriod": 10},
        "counts": answer["counts"],
        "users": [
            {
                "user": "ann",
                "exempt": False,
                "owner": OWNER,
                "owner_source": "account",
                "owner_rejected": [],
            },
            {"user": "bob", "exempt": True},
        ],
        "keys": [
            {
                **answer["decisions"][0],
                "successor": new,
                "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
                "last_used": None,
                "exempt": False,
                "done": True,
                "breaks": None,
            }
        ],
        "quarantined": [],
        "failures": [],
        "warnings": ["from today on it is watched who becomes exempt; now it is bob"],
        "left": [],
    }
    assert answer["decisions"][0]["key"] == ann
    assert snapshot(stage)["at"].startswith("2026-03-02T05:00:")


def test_where_a_key_was_last_used_is_there_if_a_decision_needed_it(stage: Harness) -> None:
    stage.user("ann", 400, 200)

    stage.invoke()

    [older, _] = snapshot(stage)["keys"]
    assert older["reason"] == "two-keys-in-use"
    assert older["last_used"]["at"].startswith("2026-03-02T04:59:")
    assert older["last_used"]["service"]
    assert older["done"] is False


@pytest.mark.parametrize(
    ("hands", "breaks"),
    [
        ("the old key alone", True),
        ("nothing", False),
        ("both keys", False),
        ("the secret, and the old key", False),
    ],
)
def test_a_key_whose_end_is_near_says_whether_something_breaks(
    hands: str, breaks: bool, stage: Harness
) -> None:
    [old] = stage.user("ann", 90)
    stage.run()
    [_, new] = stage.keys("ann")
    stage.at(2.9)
    if hands != "nothing":
        stage.use(old)
    if hands == "both keys":
        stage.use(new)
    if hands.startswith("the secret"):
        name = secret_name(MEMBER, "ann")
        stage.secret_store().get_secret_value(SecretId=name)

    stage.at(8 if hands == "nothing" else 3).run()

    [first, second] = snapshot(stage)["keys"]
    assert (first["key"], first["next"]["action"]) == (old, "DISABLE")
    assert first["breaks"] is breaks
    assert first["last_used"]["at"] is not None
    assert second["breaks"] is None


@pytest.mark.parametrize("at_which", [1, 2])
def test_a_use_that_cannot_be_read_breaks_nothing_and_is_not_called_fine(
    at_which: int, stage: Harness
) -> None:
    [old] = stage.user("ann", 90)
    stage.run()
    stage.at(3).use(old)
    asked: list[str] = []

    def fail(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetAccessKeyLastUsed":
            asked.append(request.operation)
            if len(asked) >= at_which:
                return ApiResponse(status=403, body=b"", error="AccessDenied")
        return perform(request)

    stage.cloud.layers.append(fail)
    answer = stage.run()

    [first, _] = snapshot(stage)["keys"]
    assert first["breaks"] is None
    assert answer["failures"] == []


def test_what_a_user_has_for_an_owner_and_does_not_serve_is_there(stage: Harness) -> None:
    stage.settings["ResourceOwnerTag"] = "Owner"
    stage.user("ann", 137, Owner="@team")

    stage.invoke()

    [ann] = snapshot(stage)["users"]
    assert (ann["owner"], ann["owner_source"]) == (OWNER, "account")
    [why] = ann["owner_rejected"]
    assert why.startswith('the user\'s tag says "@team"')


def test_a_dry_run_takes_one_too_and_says_that_nothing_was_done(stage: Harness) -> None:
    stage.user("ann", 137)

    stage.invoke({**ASKED, "dryrun": True})

    [key] = snapshot(stage)["keys"]
    assert snapshot(stage)["dry_run"] is True
    assert (key["action"], key["done"], key["successor"]) == ("ROTATE", False, None)
    assert stage.writes() == []


def test_every_day_has_its_own_and_a_later_run_of_the_day_takes_its_place(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.run()
    stage.at(1).run()
    second = stage.at(1.1).run()

    assert [name.split("/")[-2] for name in taken(stage)] == ["date=2026-03-02", "date=2026-03-03"]
    assert snapshot(stage)["run"] == second["run"]


def test_a_run_that_fails_takes_one_that_says_why(stage: Harness) -> None:
    stage.cloud.organization.create_account("bought", "b@example.com", account_id=CLOSED)

    stage.invoke({"account": CLOSED, "name": "bought"})

    found = snapshot(stage, CLOSED)
    assert (found["whole"], found["users"], found["keys"]) == (False, [], [])
    [failure] = found["failures"]
    assert failure["user"] is None
    assert "could not be assumed" in failure["message"]
    assert found["counts"]["failures"] == 1


def test_a_run_that_could_not_enter_the_account_takes_nothing_away_from_the_day(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.invoke()
    stage.cloud.deny(MEMBER, "GetGroup")

    answer = stage.invoke()

    found = snapshot(stage)
    assert users(stage) == ["ann"]
    assert found["whole"] is True
    assert found["run"] == answer["run"]
    assert [failure["user"] for failure in found["failures"]] == [None]


# In parts


def test_a_run_that_is_handed_back_makes_one_snapshot_of_all_its_parts(stage: Harness) -> None:
    stage.settings["ParallelUsers"] = "1"
    for name in ("ann", "bob", "carl", "dora"):
        stage.user(name, 137)
    stage.send(ASKED)
    stage.slow("CreateAccessKey", 5)
    stage.rotate_queued(context=stage.minutes(11), rounds=1)
    first = snapshot(stage)
    stage.cloud.layers.clear()

    stage.rotate_queued()

    assert 0 < len(first["left"]) < 4
    assert {key["user"]: key["done"] for key in first["keys"]} == {
        name: name not in first["left"] for name in ("ann", "bob", "carl", "dora")
    }
    whole = snapshot(stage)
    assert users(stage) == ["ann", "bob", "carl", "dora"]
    assert all(key["done"] for key in whole["keys"])
    assert (whole["left"], whole["whole"]) == ([], True)
    assert whole["counts"]["keys"] == 4
    assert len(taken(stage)) == 1


def test_a_run_over_some_users_changes_nothing_of_the_others(stage: Harness) -> None:
    for name in ("ann", "bob", "carl"):
        stage.user(name, 12)
    stage.cloud.deny(MEMBER, "ListAccessKeys", times=1)
    stage.settings["ParallelUsers"] = "1"
    stage.invoke()
    assert users(stage) == ["bob", "carl"]
    before = {key["user"]: key for key in snapshot(stage)["keys"]}
    stage.iam().delete_access_key(UserName="bob", AccessKeyId=before["bob"]["key"])
    stage.iam().delete_user(UserName="bob")

    stage.invoke({**ASKED, "users": ["ann", "bob"]})

    found = snapshot(stage)
    assert users(stage) == ["ann", "carl"]
    assert {key["user"]: key for key in found["keys"]}["carl"] == before["carl"]
    assert [failure["user"] for failure in found["failures"]] == ["bob"]
    assert found["counts"]["users"] == 2
    assert found["whole"] is True


def test_a_run_over_some_users_alone_says_that_it_is_not_the_whole(stage: Harness) -> None:
    for name in ("ann", "bob"):
        stage.user(name, 12)

    stage.invoke({**ASKED, "users": ["ann"]})

    assert users(stage) == ["ann"]
    assert snapshot(stage)["whole"] is False

    stage.invoke()
    assert users(stage) == ["ann", "bob"]
    assert snapshot(stage)["whole"] is True


def test_what_an_earlier_run_of_the_day_did_and_found_stays_in_the_days_snapshot(
    stage: Harness,
) -> None:
    """The administrators' digest is made from it: a second run takes nothing out of the day."""
    stage.user("ann", 137)
    stage.user("eve", 12)
    stage.invoke()
    first = snapshot(stage)
    stage.exempt("eve")
    for _ in range(2):
        stage.invoke()

    found = snapshot(stage)

    assert [(key["action"], key["done"]) for key in first["keys"] if key["user"] == "ann"] == [
        ("ROTATE", True)
    ]
    assert not any(key["done"] for key in found["keys"])
    [step] = found["done_earlier"]
    assert (step["user"], step["action"], step["at"]) == ("ann", "ROTATE", first["at"])
    assert found["newly_exempt"] == ["eve"]


def test_a_dry_run_takes_no_place_of_a_run_of_the_day_that_did_something(stage: Harness) -> None:
    """Nothing of what was done and promised may go, and nothing that it finds either."""
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.user("eve", 12)
    stage.invoke()
    stage.at(1)
    stage.invoke({**ASKED, "users": ["ann"]})
    enforced = snapshot(stage)
    stage.settings["DryRunFlag"] = "True"
    stage.exempt("eve")
    stage.cloud.deny(MEMBER, "ListAccessKeys", times=1)

    stage.cloud.move_to(stage.cloud.now + MINUTE)
    stage.invoke()
    stage.invoke()

    found = snapshot(stage)
    kept = {name: enforced[name] for name in ("dry_run", "run", "at")}
    assert {name: found[name] for name in kept} == kept
    assert [key for key in found["keys"] if key["user"] == "ann"] == enforced["keys"]
    assert {key["user"] for key in found["keys"]} == {"ann", "bob", "eve"}
    assert any("ListAccessKeys" in each["message"] for each in found["failures"])
    assert found["newly_exempt"] == ["eve"]
    assert found["whole"] is True


# When it cannot be written


def test_a_snapshot_that_cannot_be_written_is_told_and_holds_nobody(stage: Harness) -> None:
    stage.user("ann", 137)
    bucket = stage.cloud.deny(HUB, "PutObject")
    stage.send(ASKED)

    failed = stage.rotate_queued()
    bucket.lift()
    stage.tell()

    assert failed == []
    assert len(stage.keys("ann")) == 2
    assert taken(stage) == []
    why = "the snapshot of 2026-03-02 could not be written (PutObject: AccessDenied"
    [error] = [line["message"] for line in stage.lines() if line["level"] == "ERROR"]
    assert error.startswith(why)
    admins = " ".join(str(mail.text) for mail in stage.cloud.sent_mails if mail.to == [ADMIN])
    assert why in " ".join(admins.split())
    [line] = [each for each in stage.measured() if "Failures" in each]
    assert (line["Failures"], line["AccountsFailed"], line["RunCompleted"]) == ([1], [0], [1])


def test_a_part_is_not_written_over_a_snapshot_that_cannot_be_read(stage: Harness) -> None:
    for name in ("ann", "bob"):
        stage.user(name, 12)
    stage.invoke()
    before = snapshot(stage)
    stage.cloud.deny(HUB, "GetObject")

    answer = stage.invoke({**ASKED, "users": ["ann"]})

    assert "could not be written (GetObject" in str(failures_of(answer)[None])
    assert snapshot(stage) == before


def test_what_could_not_be_told_is_in_the_snapshot(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(HUB, "PutEvents")

    stage.invoke()

    [failure] = snapshot(stage)["failures"]
    assert "PutEvents" in failure["message"]


def test_a_key_that_nobody_can_have_is_named(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))
    stage.run()
    stage.at(1).run()

    [_, orphan] = stage.keys("ann")
    assert snapshot(stage)["quarantined"] == [{"user": "ann", "key": orphan}]
    assert snapshot(stage)["counts"]["quarantined"] == 1


# Who became exempt since


def found(stage: Harness) -> list[str]:
    """Whom the bus was told to be exempt, and was not before."""
    return [
        detail["user"]
        for call in stage.ours()
        if call.operation == "PutEvents" and call.error is None
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # PutEvents' own
        for detail in [json.loads(entry["Detail"])]
        if detail.get("change") == "found"
    ]


def measured_found(stage: Harness) -> list[float]:
    lines = stage.measured()
    return [line["ExemptionsFound"][0] for line in lines if "ExemptionsFound" in line]


def told_admin(stage: Harness) -> str:
    return " ".join(str(mail.text) for mail in stage.cloud.sent_mails if mail.to == [ADMIN])


@pytest.mark.parametrize("dry_run", ["True", "False"])
def test_who_is_exempt_and_was_not_before_is_told_whoever_did_it(
    dry_run: str, stage: Harness
) -> None:
    """A renamed group makes all its users exempt, and adds nobody to any group."""
    stage.settings["DryRunFlag"] = dry_run
    for name in ("ann", "bob", "carl"):
        stage.user(name, 12)
    stage.exempt("carl")
    stage.run()
    iam = stage.iam()
    iam.create_group(GroupName="developers")
    for name in ("ann", "bob", "carl"):
        iam.add_user_to_group(GroupName="developers", UserName=name)
    iam.update_group(GroupName=GROUP, NewGroupName="old")
    iam.update_group(GroupName="developers", NewGroupName=GROUP)

    answer = stage.at(1).run()

    assert found(stage) == ["ann", "bob"]
    assert "ann, bob: exempt now, and not on 2026-03-02" in answer["warnings"]
    assert answer["failures"] == []
    assert measured_found(stage) == [0, 2]
    told = " ".join(told_admin(stage).split())
    assert "ann is exempt from key rotation now, and was not" in told
    assert "carl is exempt" not in told
    assert "exemptions_told" not in snapshot(stage)


def test_who_was_told_to_be_exempt_is_not_told_again(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.run()
    stage.exempt("ann")

    for day in (1, 1.1, 2, 5):
        stage.at(day).run()

    assert found(stage) == ["ann"]


def test_a_new_user_who_is_exempt_at_once_is_told(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.run()
    stage.user("mallory", 300)
    stage.exempt("mallory")

    stage.at(1).run()

    assert found(stage) == ["mallory"]


def test_the_first_run_says_that_it_begins_to_watch_and_calls_nobody_new(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.exempt("ann")

    answer = stage.run()

    assert answer["warnings"] == ["from today on it is watched who becomes exempt; now it is ann"]
    assert found(stage) == []
    assert stage.at(1).run()["warnings"] == []


def test_a_bus_that_refuses_does_not_hide_who_became_exempt(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.run()
    stage.exempt("ann")
    stage.cloud.deny(HUB, "PutEvents", times=1)
    stage.at(1).run()
    assert snapshot(stage)["exemptions_told"] is False

    stage.at(2).run()

    assert found(stage) == ["ann"]


def test_a_snapshot_that_cannot_be_read_is_said_and_hides_nobody(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.run()
    stage.exempt("ann")
    stage.cloud.layers.append(break_down("GetObject"))

    answer = stage.at(1).run()

    [of_file, of_snapshot] = answer["warnings"]
    assert of_file.startswith("the exemptions file could not be read: no exemption counts as ")
    assert of_snapshot.startswith("who was exempt before could not be read (")
    assert found(stage) == []
    stage.cloud.layers.clear()
    stage.at(2).run()
    assert found(stage) == ["ann"]


MALFORMED: dict[str, dict[str, Any]] = {
    "users is null": {"users": None},
    "users has a text": {"users": ["ann"]},
    "keys is a text": {"keys": "x"},
    "keys has a text": {"keys": ["x"]},
    "failures has null": {"failures": [None]},
    "quarantined has a list": {"quarantined": [[]]},
    "left is null": {"left": None},
    "at is a number": {"at": 5},
    "date cannot be": {"date": "2026-02-30"},
    "exemptions_told is a text": {"exemptions_told": "no"},
}


def spoil(stage: Harness, **fields: object) -> None:
    """Write the day's snapshot anew, with other fields."""
    name = f"{PREFIX}/snapshots/date={stage.cloud.now:%Y-%m-%d}/account={MEMBER}.json"
    body = json.dumps(snapshot(stage) | fields).encode()
    stage.cloud.session(HUB).client("s3").put_object(Bucket=BUCKET, Key=name, Body=body)


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_snapshot_keeps_no_owner_from_being_notified(
    fields: dict[str, Any], stage: Harness
) -> None:
    [old] = stage.user("ann", 137)
    [waits] = stage.user("carl", 137)
    stage.user("bob", 12)
    stage.exempt("bob")
    stage.run()
    stage.at(1).run()
    spoil(stage, **fields)
    stage.at(10).use(stage.value("ann")["AccessKeyId"])
    pretends_a_run(stage, waits, INTENT_TAG, "carl")
    sent = len(stage.cloud.sent_mails)

    answer = stage.run()

    assert stage.keys("ann")[old] == "Inactive"
    assert any(
        OWNER in mail.to and old in str(mail.text) for mail in stage.cloud.sent_mails[sent:]
    )
    assert answer["failures"] == []
    assert snapshot(stage)["whole"] is True


@pytest.mark.parametrize("name", ["users is null", "keys has a text", "failures has null"])
def test_a_part_takes_the_place_of_a_malformed_snapshot_of_its_day(
    name: str, stage: Harness
) -> None:
    for user in ("ann", "bob"):
        stage.user(user, 12)
    stage.run()
    spoil(stage, **MALFORMED[name])

    answer = stage.invoke({**ASKED, "users": ["ann"]})

    assert answer["failures"] == []
    assert (users(stage), snapshot(stage)["whole"]) == (["ann"], False)


@pytest.mark.parametrize("function", ["_waits_for_a_run", "write_snapshot"])
def test_a_fault_of_ours_with_snapshots_is_reported_and_keeps_no_owner_from_being_notified(
    function: str, stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = stage.user("ann", 137)

    def fail(*_: object) -> None:
        raise TypeError(old)

    monkeypatch.setattr(snapshots, function, fail)
    stage.send(ASKED)
    stage.rotate_queued(rounds=1)
    stage.tell()

    assert len(stage.keys("ann")) == 2
    mails = {to: mail for mail in stage.cloud.sent_mails for to in mail.to}
    assert old in str(mails[OWNER].text)
    assert "this is a bug of Keyturn's" in " ".join(str(mails[ADMIN].text).split())


def test_a_day_without_a_run_is_passed_over(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.run()
    stage.exempt("ann")

    stage.at(14).run()

    assert found(stage) == ["ann"]


def test_a_run_over_some_users_compares_those_and_hides_no_other(stage: Harness) -> None:
    stage.user("ann", 12)
    stage.user("bob", 12)
    stage.run()
    stage.exempt("ann", "bob")
    stage.at(1).run({**ASKED, "users": ["ann"]})
    assert found(stage) == ["ann"]

    stage.at(2).run()

    assert set(found(stage)) == {"ann", "bob"}


LISTED_AFTER = 6 * MINUTE / DAY
"""Days after which the list of secrets shows a tag: before, its user is at rest one day more."""


def pretends_a_run(stage: Harness, old: str, tag: str, user: str = "ann") -> None:
    """Write into a user's record, as a run does that is at work on them right now."""
    text = {
        INTENT_TAG: f"run=x at={format_utc(stage.cloud.now)} seen={old} replaces={old}",
        f"{KEY_TAG}{old}": f"disabling={format_utc(stage.cloud.now)}",
    }
    name = secret_name(MEMBER, user)
    written = next(tag_ for tag_ in text if tag_.startswith(tag))
    stage.secret_store().tag_resource(
        SecretId=name, Tags=[{"Key": written, "Value": text[written]}]
    )


@pytest.mark.parametrize("tag", [INTENT_TAG, KEY_TAG])
def test_who_pretends_every_day_that_a_run_is_at_work_is_found(stage: Harness, tag: str) -> None:
    [old] = stage.user("ann", 137)
    stage.user("bob", 20)
    stage.run()
    found = []
    for day in range(1, 6):
        stage.at(day - LISTED_AFTER)
        pretends_a_run(stage, old, tag)
        found.append(failures_of(stage.at(day).run()))

    assert [set(failures) for failures in found] == [set(), set(), {"ann"}, {"ann"}, {"ann"}]
    assert "on every day since 2026-03-03 another run seemed to be at work" in found[2]["ann"]
    assert any(
        "another run seemed to be at work" in str(mail.text) for mail in stage.cloud.sent_mails
    )


def test_a_run_that_comes_twice_a_day_is_no_finding(stage: Harness) -> None:
    stage.user("ann", 137)
    failures = []
    for day in (0, 1, 2, 3, 10, 11, 12, 13):
        stage.at(day)
        failures += [failures_of(stage.run()), failures_of(stage.run())]

    assert not any(failures)


def test_for_how_long_somebody_waited_is_said_if_it_cannot_be_read(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.run()
    stage.at(1 - LISTED_AFTER)
    pretends_a_run(stage, old, INTENT_TAG)
    stage.at(1)
    stage.cloud.layers.append(break_down("GetObject"))

    answer = stage.invoke()

    assert any("how long ann waited could not be read" in said for said in answer["warnings"])
