"""The exemptions file beside the exemption group, as the rotation function sees both."""

import json
from typing import Any

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.test_schemas import validator
from tests.use_cases.harness import GROUP, HUB, MEMBER, OWNER, Harness, decisions_of

ERP = "erp@example.com"
FILE = f"""\
version: 1
exemptions:
- {{account: "{MEMBER}", user: ann, ticket: SEC-1, owner: erp@example.com, reason: x, expiry: END}}
"""
MORE = f"""\
- {{account: "{MEMBER}", user: bob, ticket: SEC-2, owner: erp@example.com, reason: x, expiry: END}}
"""


def write(stage: Harness, end: str, more: str = "") -> None:
    body = (FILE.replace("END", end) + more).encode()
    s3 = stage.cloud.session(HUB).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/exemptions.yaml", Body=body)


def snapshot_of(stage: Harness) -> dict[str, Any]:
    s3 = stage.cloud.session(HUB).client("s3")
    day = f"{stage.cloud.now:%Y-%m-%d}"
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/snapshots/")["Contents"]
    [name] = [each["Key"] for each in found if day in each["Key"] and MEMBER in each["Key"]]
    taken: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=name)["Body"].read())
    return taken


def subjects(stage: Harness, to: str = OWNER) -> list[str]:
    return [mail.subject for mail in stage.cloud.sent_mails if to in mail.to]


@pytest.fixture
def exempted(stage: Harness) -> Harness:
    """Two old keys whose users are exempt."""
    for name in ("ann", "bob"):
        stage.user(name, 500)
        stage.exempt(name)
    return stage


def test_a_member_is_reported_and_their_owner_notified_once(exempted: Harness) -> None:
    write(exempted, "2026-03-12")

    answer = exempted.run()
    exempted.at(1).run()

    assert decisions_of(answer, "ann") == [("NOTICE", "exemption-ending")]
    assert decisions_of(answer, "bob") == [("NOTICE", "exemption-lapsed")]
    assert exempted.writes() == []
    # The entry names ann's owner; of bob there is none, and the account's address is notified.
    [mail] = subjects(exempted, ERP)
    assert "The exemption of ann ends on 16 March" in mail
    [mail] = subjects(exempted)
    assert "No valid exemption is on file for bob" in mail
    owners = {each["user"]: each.get("owner_source") for each in snapshot_of(exempted)["users"]}
    assert owners == {"ann": "exemptions-file", "bob": "account"}
    users = {each["user"]: each.get("exemption") for each in snapshot_of(exempted)["users"]}
    assert users["bob"]["standing"] == "missing"
    assert users["ann"] == {
        "standing": "ending",
        "expiry": "2026-03-12",
        "since": None,
        "ticket": "SEC-1",
        "owner": "erp@example.com",
        "reason": "x",
    }


@pytest.fixture
def ending(exempted: Harness) -> Harness:
    """The same, where exemptions end."""
    exempted.settings["EndExemptions"] = "true"
    write(exempted, "2026-03-12")
    return exempted


def through(stage: Harness, first: int, last: int) -> dict[str, Any]:
    """
    Run on the first and the last of these days; the last answer.

    Of those between, the bucket has what runs store that see the same as the first: a day without
    a snapshot proves no lapse.
    """
    stage.at(first).run()
    taken, s3 = snapshot_of(stage), stage.cloud.session(HUB).client("s3")
    for day in range(first + 1, last):
        at = stage.at(day).cloud.now
        body = {**taken, "date": f"{at:%Y-%m-%d}", "at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        s3.put_object(Bucket=BUCKET, Key=place_of(body["date"]), Body=json.dumps(body).encode())
    return stage.at(last).run()


def place_of(day: str) -> str:
    return f"{PREFIX}/snapshots/date={day}/account={MEMBER}.json"


def members(stage: Harness) -> set[str]:
    found = stage.iam().get_group(GroupName=GROUP)["Users"]
    return {each["UserName"] for each in found}


def stored(stage: Harness, folder: str) -> list[dict[str, Any]]:
    s3 = stage.cloud.session(HUB).client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/{folder}/").get("Contents", [])
    bodies = (s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found)
    return [json.loads(body) for body in bodies]


def test_a_member_is_removed_two_weeks_after_the_notice_and_then_kept_as_any_other(
    ending: Harness,
) -> None:
    """Cat's key was to stop on day 10; it was exempted the day before, without an entry."""
    [old] = ending.user("cat", 137)
    through(ending, 0, 8)
    [mail] = [mail for mail in ending.cloud.sent_mails if ERP in mail.to]
    assert "Keyturn removes ann from the group" in " ".join(str(mail.text).split())
    ending.exempt("cat")
    assert decisions_of(ending.at(9).run(), "cat")[0] == ("NOTICE", "exemption-lapsed")

    early = through(ending, 10, 13)
    assert decisions_of(early, "bob") == [("KEEP", "exemption-lapsed")]
    before = ending.mark()
    removed = ending.at(14).run()

    for name in ("ann", "bob"):
        assert decisions_of(removed, name) == [("END-EXEMPTION", "exemption-over")]
    assert ending.writes(before) == ["RemoveUserFromGroup"] * 2
    assert members(ending) == {"cat"}
    assert "The exemption of ann is over" in subjects(ending, ERP)[-1]
    assert "The exemption of bob is over" in subjects(ending)[-1]
    ended = {each["user"]: each for each in stored(ending, "audit") if "ended" in each}
    assert {name: each["outcome"] for name, each in ended.items()} == dict.fromkeys(
        ("ann", "bob"), "done"
    )
    assert "its exemption ended on 2026-03-12 (SEC-1)" in ended["ann"]["why"]
    for each in stored(ending, "deferrals"):
        validator("removal").validate(each)
        assert each["state"] == "done"

    ending.exempt("bob")
    again = ending.at(15).run()
    assert ("ROTATE", "rotation-due") in decisions_of(again, "ann")
    assert decisions_of(again, "bob") == [("NOTICE", "exemption-lapsed")]
    assert decisions_of(through(ending, 16, 23), "cat")[0] == ("END-EXEMPTION", "exemption-over")
    assert decisions_of(ending.at(24).run(), "cat")[0] == ("NOTICE", "dates-not-noticed")
    assert decisions_of(through(ending, 25, 28), "bob") == [("KEEP", "exemption-lapsed")]
    assert decisions_of(ending.at(29).run(), "bob") == [("END-EXEMPTION", "exemption-over")]
    ending.at(33).run()
    assert ending.keys("cat")[old] == "Active"
    assert decisions_of(ending.at(34).run(), "cat")[0] == ("DISABLE", "window-over")


def deny_the_file(request: ApiRequest, perform: Perform) -> ApiResponse:
    if str(request.params.get("Key", "")).endswith("exemptions.yaml"):
        return refused(request, ApiError("AccessDenied", "Access Denied", 403))
    return perform(request)


@pytest.mark.parametrize("how", ["extended", "broken", "denied", "left"])
def test_nobody_is_removed_where_the_last_look_says_otherwise(how: str, ending: Harness) -> None:
    through(ending, 0, 13)
    read = iter(range(99))

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetGroup" and next(read) == 1:
            match how:
                case "extended":
                    write(ending, "2026-05-01", MORE.replace("END", "2026-05-01"))
                case "broken":
                    write(ending, "2026-03-12", "- {user: bob}\n")
                case "denied":
                    ending.cloud.layers.append(deny_the_file)
                case _:
                    for name in ("ann", "bob"):
                        ending.iam().remove_user_from_group(GroupName=GROUP, UserName=name)
        return perform(request)

    ending.at(14).cloud.layers.append(layer)
    before = ending.mark()
    answer = ending.run()

    assert decisions_of(answer, "bob") == [("END-EXEMPTION", "exemption-over")]
    assert ending.writes(before) == []
    assert stored(ending, "deferrals") == []
    assert answer["failures"] == []


def test_neither_a_dry_run_nor_a_pause_removes_anybody_and_a_refusal_is_tried_again(
    ending: Harness,
) -> None:
    through(ending, 0, 13)
    ending.at(14).settings["DryRunFlag"] = "true"
    assert decisions_of(ending.run(), "bob") == [("END-EXEMPTION", "exemption-over")]
    ending.settings["DryRunFlag"] = "false"
    ending.invoke({"Pause": "incident", "by": "eve"})
    ending.run()
    ending.invoke({"Resume": "over", "by": "eve"})
    assert (members(ending), stored(ending, "deferrals")) == ({"ann", "bob"}, [])

    def deny(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "RemoveUserFromGroup":
            return refused(request, ApiError("AccessDenied", "not authorized", 403))
        return perform(request)

    ending.cloud.layers.append(deny)
    answer = ending.run()
    ending.cloud.layers.remove(deny)

    assert {each["user"]: each["message"] for each in answer["failures"]} == dict.fromkeys(
        ("ann", "bob"), "RemoveUserFromGroup: AccessDenied: not authorized"
    )
    assert {each["state"] for each in stored(ending, "deferrals")} == {"refused"}
    assert decisions_of(ending.at(15).run(), "bob") == [("END-EXEMPTION", "exemption-over")]
    assert members(ending) == set()


def test_whoever_was_outside_of_the_group_meanwhile_is_warned_anew(ending: Harness) -> None:
    through(ending, 0, 2)
    ending.iam().remove_user_from_group(GroupName=GROUP, UserName="bob")
    ending.at(3).run()
    ending.exempt("bob")

    answer = through(ending, 4, 14)

    assert decisions_of(answer, "bob")[0] == ("NOTICE", "exemption-lapsed")
    assert members(ending) == {"bob"}


def test_a_notice_of_before_a_valid_entry_or_another_end_proves_nothing(ending: Harness) -> None:
    """
    Bob was approved of for a day; ann's end came a day later; dan was not looked at on a day.

    Eve's entry has another ticket: that is the same end.
    """
    valid = "2026-05-20"
    for name in ("dan", "eve"):
        ending.user(name, 500)
        ending.exempt(name)
    old = MORE.replace("user: bob", "user: eve").replace("END", "2026-03-10")
    write(ending, "2026-03-12", old)
    ending.run()
    for day in (1, 2):
        ending.at(day).run()
    write(ending, "2026-03-12", old + MORE.replace("END", valid))
    ending.at(3).run()
    write(ending, "2026-03-13", old.replace("SEC-2", "SEC-3"))
    ending.at(4).run()
    ending.at(5).run()
    s3 = ending.cloud.session(HUB).client("s3")
    seen = snapshot_of(ending)
    seen["users"] = [each for each in seen["users"] if each["user"] != "dan"]
    s3.put_object(Bucket=BUCKET, Key=place_of(seen["date"]), Body=json.dumps(seen).encode())

    answer = through(ending, 6, 14)

    for name in ("ann", "bob", "dan"):
        assert decisions_of(answer, name) == [("NOTICE", "exemption-lapsed")]
    assert members(ending) == {"ann", "bob", "dan"}
    assert decisions_of(through(ending, 15, 27), "bob") == [("KEEP", "exemption-lapsed")]
    ending.at(28).run()
    assert members(ending) == set()


def test_a_day_without_a_run_proves_no_lapse_and_an_unread_one_removes_nobody(
    ending: Harness,
) -> None:
    through(ending, 0, 13)
    s3 = ending.cloud.session(HUB).client("s3")
    place = place_of("2026-03-09")
    body = s3.get_object(Bucket=BUCKET, Key=place)["Body"].read()

    def deny(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "GetObject" and request.params["Key"] == place:
            return refused(request, ApiError("AccessDenied", "Access Denied", 403))
        return perform(request)

    ending.at(14).cloud.layers.append(deny)
    unread = ending.run()
    ending.cloud.layers.remove(deny)
    assert decisions_of(unread, "bob") == [("KEEP", "receipts-unreadable")]

    s3.delete_object(Bucket=BUCKET, Key=place)
    assert decisions_of(ending.at(15).run(), "bob") == [("NOTICE", "exemption-lapsed")]
    s3.put_object(Bucket=BUCKET, Key=place, Body=body)
    # The owner was given another day meanwhile: the older notice ends nothing before it.
    assert decisions_of(ending.at(16).run(), "bob") == [("KEEP", "exemption-lapsed")]
    assert members(ending) == {"ann", "bob"}


def test_a_file_exempts_nobody_by_itself(stage: Harness) -> None:
    stage.user("ann", 137)
    write(stage, "2026-05-01")

    answer = stage.run()

    assert ("ROTATE", "rotation-due") in decisions_of(answer, "ann")
    assert any("an entry alone exempts nobody" in each for each in answer["warnings"])


@pytest.mark.parametrize("how", ["broken", "denied", "none"])
def test_a_file_that_says_nothing_ends_nothing_and_is_named(how: str, exempted: Harness) -> None:
    if how == "broken":
        write(exempted, "2026-01-01", "- {user: bob}\n")
    if how == "denied":
        write(exempted, "2026-01-01")

        def deny(request: ApiRequest, perform: Perform) -> ApiResponse:
            if str(request.params.get("Key", "")).endswith("exemptions.yaml"):
                return refused(request, ApiError("AccessDenied", "Access Denied", 403))
            return perform(request)

        exempted.cloud.layers.append(deny)

    answer = exempted.run()

    for name in ("ann", "bob"):
        assert decisions_of(answer, name) == [("KEEP", "exempt")]
    assert subjects(exempted) == []
    said = [each for each in answer["warnings"] if "exemptions" in each]
    assert [("line 4" in each, "could not be read" in each) for each in said] == {
        "broken": [(True, False)],
        "denied": [(False, True)],
        "none": [],
    }[how]
