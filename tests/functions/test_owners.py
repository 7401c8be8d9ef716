"""Who is notified, and from when the days count: from the tag to the disabled key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn.domain.recipient import ChannelName, Recipient
from keyturn_sandbox.emulator.cloud import REGION, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    MEMBER_ROLE,
    NOTIFIER_ROLE,
    PREFIX,
    ROTATION_ROLE,
)
from keyturn_sandbox.simulation.people import OWNER_TAG
from tests.use_cases.harness import (
    ASKED,
    HUB,
    MEMBER,
    OWNER,
    Harness,
    break_down,
    decisions_of,
    staged,
)

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def mailed(stage: Harness, since: int = 0) -> list[str]:
    """To whom mails went, day by day, but for the admin's copies."""
    by_day = sorted(stage.cloud.sent_mails[since:], key=lambda mail: (mail.at.date(), mail.to))
    return [to for mail in by_day for to in mail.to if to != ADMIN]


def tag(stage: Harness, value: str) -> None:
    stage.iam().tag_user(UserName="app", Tags=[{"Key": OWNER_TAG, "Value": value}])


def test_a_new_owner_is_notified_anew_and_has_the_whole_window(stage: Harness) -> None:
    stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    tag(stage, BOB)

    renoticed = stage.at(1).run()

    assert mailed(stage) == [ANN, BOB]
    assert ("NOTICE", "dates-not-noticed") in decisions_of(renoticed, "app")
    for day in (8, 10):  # the reminder, and the day that the former owner was promised
        assert all(
            action in {"WARN", "KEEP"} for action, _ in decisions_of(stage.at(day).run(), "app")
        )
    assert ("DISABLE", "window-over") in decisions_of(stage.at(11).run(), "app")
    assert mailed(stage)[2:] == [BOB, BOB]


def test_the_former_owner_back_again_needs_no_second_notice(stage: Harness) -> None:
    stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    tag(stage, BOB)
    stage.at(1).run()
    tag(stage, f"mailto:{ANN.upper()} ")

    stage.at(2).run()

    assert mailed(stage) == [ANN, BOB]
    # A date that was promised to anybody is kept: Bob's is a day later than hers.
    assert ("WARN", "disabling-ahead") in decisions_of(stage.at(10).run(), "app")
    assert ("DISABLE", "window-over") in decisions_of(stage.at(11).run(), "app")


def test_of_two_owners_each_gets_a_mail_of_their_own_and_one_is_the_proof(stage: Harness) -> None:
    stage.user("app", 95, **{OWNER_TAG: f"{ANN}:{BOB}"})
    stage.run()
    tag(stage, BOB)

    for day in (1, 7, 10):
        answer = stage.at(day).run()

    assert ("DISABLE", "window-over") in decisions_of(answer, "app")
    assert mailed(stage) == [ANN, BOB, BOB, BOB]


def test_who_is_added_to_the_owners_hears_at_once_of_the_date_that_stands(
    stage: Harness,
) -> None:
    stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    tag(stage, f"{ANN} {BOB}")

    added = stage.at(1).run()
    assert ("NOTICE", "dates-not-noticed") in decisions_of(added, "app")
    assert mailed(stage) == [ANN, BOB]
    [mail] = [mail for mail in stage.cloud.sent_mails if BOB in mail.to]
    assert "Thursday 12 March" in (mail.text or "")
    assert ("KEEP", "window-running") in decisions_of(stage.at(2).run(), "app")

    tag(stage, f"{ANN} {BOB} carol@example.com")
    for day in (7, 8, 9):  # the third is notified by the reminder, and no second time
        stage.at(day).run()
    assert mailed(stage)[2:] == [ANN, BOB, "carol@example.com"]
    ended = stage.at(10).run()

    assert ("DISABLE", "window-over") in decisions_of(ended, "app")
    tag(stage, f"{ANN} {BOB} carol@example.com dora@example.com")
    since = len(stage.cloud.sent_mails)
    for day in (11, 12):
        stage.at(day).run()
    assert mailed(stage, since) == ["dora@example.com"]
    assert ("DELETE", "grace-over") in decisions_of(stage.at(20).run(), "app")


def test_an_end_that_moves_from_owner_to_owner_is_said_and_counted(stage: Harness) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    for day in range(9, 28, 9):
        tag(
            stage,
            f"ann+{day}@example.com backup@example.com" if day == 9 else f"x{day}@example.com",
        )
        answer = stage.at(day).run()
        [moved] = [each for each in answer["decisions"] if each["key"] == old]
        assert ("CONTESTED" in moved["overlays"]) == (day > 9), day

    assert stage.keys("app")[old] == "Active"
    said = "its owner has changed 3 times since 2026-03-02, and its end was first promised for"
    assert f"{said} 2026-03-12" in moved["sentence"]
    copy = [mail for mail in stage.cloud.sent_mails if ADMIN in mail.to][-1]
    assert said in " ".join((copy.text or "").split())


def test_an_added_owner_whom_no_mail_reaches_holds_no_end(stage: Harness) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    tag(stage, f"{ANN} {BOB}")

    def refused(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "SendEmail" and BOB in str(request.params["Destination"]):
            return ApiResponse(status=400, body=b"", error="MessageRejected")
        return perform(request)

    stage.cloud.layers.append(refused)
    for day in (1, 7, 10):
        stage.at(day).run()

    assert stage.keys("app")[old] == "Inactive"
    assert mailed(stage) == [ANN, ANN, ANN]


@pytest.mark.parametrize(
    ("spelt", "notified"),
    [
        (ANN, [ANN]),
        (f"{ANN} {BOB}", [ANN, BOB]),
        (f"{ANN}:{BOB}", [ANN, BOB]),
        (f"{ANN}/{BOB}", [ANN, BOB]),
        (f"{ANN}  ", [ANN]),
        (f"mailto:{ANN}", [ANN]),
        ("@team", [OWNER]),
        ("Payments team", [OWNER]),
        (f"Ann Lee {ANN}", [ANN]),
        ("ann.example.com", [OWNER]),
        (ANN.upper(), [ANN.upper()]),
        ("ann@bob@example.com", [OWNER]),
        ("ann@gone.example", [OWNER]),
        ("ann@example.com.", [OWNER]),
        ("", [OWNER]),
    ],
)
def test_however_an_owner_is_spelt_somebody_is_notified_and_the_key_ends_in_time(
    spelt: str, notified: list[str], stage: Harness
) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: spelt})

    for day in (0, 7, 10):
        answer = stage.at(day).run()

    assert mailed(stage) == notified * 3
    assert stage.keys("app")[old] == "Inactive"
    assert answer["failures"] == []


def test_the_tag_is_the_owners_in_any_case_and_a_user_has_one_of_them(stage: Harness) -> None:
    stage.user("app", 95, **{OWNER_TAG.upper(): ANN})
    stage.run()
    stage.iam().tag_user(UserName="app", Tags=[{"Key": OWNER_TAG.lower(), "Value": BOB}])

    assert stage.iam().list_user_tags(UserName="app")["Tags"] == [
        {"Key": OWNER_TAG.lower(), "Value": BOB}
    ]
    stage.at(1).run()
    stage.iam().untag_user(UserName="app", TagKeys=[OWNER_TAG.upper()])
    stage.at(2).run()

    assert OWNER_TAG not in {OWNER_TAG.upper(), OWNER_TAG.lower()}
    assert mailed(stage) == [ANN, BOB, OWNER]


def test_a_value_that_does_not_serve_is_named_to_the_admin(stage: Harness) -> None:
    stage.user("app", 95, **{OWNER_TAG: "dev team@gone.example"})

    stage.run()

    [copy] = [mail for mail in stage.cloud.sent_mails if ADMIN in mail.to]
    said = " ".join((copy.text or "").split())
    assert 'app: the user\'s tag says "dev team@gone.example"' in said
    assert "AllowedOwnerDomains does not allow" in said
    assert f"notified instead: {OWNER} (the account's address)" in said


def test_values_that_do_not_serve_hide_no_failure_are_counted_apart_and_are_all_logged(
    stage: Harness,
) -> None:
    names = [f"user-{number:02}" for number in range(22)]
    for name in names:
        stage.user(name, 95, **{OWNER_TAG: "nobody"})
    stage.user("zed", 95, **{OWNER_TAG: ANN})

    def unmade(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "CreateSecret" and "zed" in str(request.params["Name"]):
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        return perform(request)

    stage.cloud.layers.append(unmade)
    stage.run()

    [copy] = [mail for mail in stage.cloud.sent_mails if ADMIN in mail.to]
    assert ": 1 failure, 22 owners' addresses to correct, 22 rotated" in copy.subject
    said = " ".join((copy.text or "").split())
    assert said.index("WHAT WENT WRONG") < said.index("zed: ") < said.index("OWNERS' ADDRESSES")
    assert said.count('the user\'s tag says "nobody"') == 20
    assert "and 2 more: see the log" in said
    logged = [line for line in stage.lines() if line.get("event") == "owner.rejected"]
    assert sorted(line["user"] for line in logged) == names
    assert {(line["source"], line["value"]) for line in logged} == {("tag", "nobody")}


def test_an_owner_that_cannot_be_read_stops_the_end_and_is_said(stage: Harness) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()

    stage.cloud.layers.append(break_down("ListUserTags"))
    answer = stage.at(10).run()
    stage.cloud.layers.pop()

    assert ("WAIT", "receipts-unreadable") in decisions_of(answer, "app")
    assert stage.keys("app")[old] == "Active"
    assert ("DISABLE", "window-over") in decisions_of(stage.at(11).run(), "app")


NO_ADDRESS = {name: value for name, value in ASKED.items() if name != "email"}


def test_where_no_owner_is_known_keys_wait_and_the_admin_hears_it_weekly_without_a_date(
    stage: Harness,
) -> None:
    old, *_ = stage.user("app", 95)
    stage.user("other", 95)
    stage.user("pair", 120, 110)  # both in use: blocked for a reason of its own
    stage.user("young", 80)

    answers = [stage.at(day).run(NO_ADDRESS) for day in range(15)]

    assert mailed(stage) == []
    assert len(stage.keys("app")) == 2  # a new key stops nothing, and waits for nobody
    assert stage.keys("app")[old] == "Active"
    first, *others = [decisions_of(answer, "app")[0] for answer in answers]
    assert first == ("ROTATE", "rotation-due")
    assert set(others) == {("WAIT", "owner-unknown")}
    assert ("WAIT", "two-keys-in-use") in decisions_of(answers[0], "pair")
    copies = [mail for mail in stage.cloud.sent_mails if ADMIN in mail.to]
    for user, days in (("app", {2, 3, 9, 16}), ("pair", {2, 9, 16}), ("young", {2, 9, 12, 16})):
        told = [mail for mail in copies if user in (mail.text or "")]
        # At first, of a new key (on the 2nd of app, on the 12th of young), and on Mondays. One of
        # the pair is quiet by the 13th, and waits for another reason.
        assert {mail.at.day for mail in told} - {13} == days, user
    assert "as far as an owner is known" in " ".join((copies[-1].text or "").split())
    for answer in answers:
        [failure] = [each["message"] for each in answer["failures"]]
        assert "other users) is not known: no source names one" in failure
        assert "the account's address is not known" in failure
    # No step is named with its day: a key is looked at again, and that is all.
    steps = ("stops working", "is disabled", "is deleted", "is rotated", "will be")
    texts = [mail.text or "" for mail in copies if mail.at.day != 13]
    assert not [each for each in steps if any(each in text for text in texts)]


def test_with_its_owner_known_again_a_key_goes_on_as_if_found_today(stage: Harness) -> None:
    old, *_ = stage.user("app", 95)
    stage.run(NO_ADDRESS)

    for day in (3, 10, 13):
        answer = stage.at(day).run()

    assert ("DISABLE", "window-over") in decisions_of(answer, "app")
    assert stage.keys("app")[old] == "Inactive"
    assert mailed(stage) == [OWNER] * 3


def test_a_rotation_that_was_ordered_is_done_and_names_no_date_to_a_copy_alone(
    stage: Harness,
) -> None:
    stage.user("app", 30)

    answer = stage.run({**NO_ADDRESS, "ForceRotate": "app"})

    assert ("ROTATE", "forced") in decisions_of(answer, "app")
    [copy] = stage.cloud.sent_mails
    assert "its owner is not known, so this key does not end" in " ".join(
        (copy.text or "").split()
    )
    assert "it is disabled" not in (copy.text or "")


def test_a_tag_that_cannot_be_read_lets_nothing_be_announced_and_is_told_once(
    stage: Harness,
) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.cloud.layers.append(break_down("ListUserTags"))

    answers = [stage.at(day).run() for day in range(3)]
    stage.cloud.layers.pop()
    stage.at(3).run()

    assert [decisions_of(each, "app")[0] for each in answers] == [
        ("ROTATE", "rotation-due"),
        *[("WAIT", "owner-unknown")] * 2,
    ]
    assert all("ListUserTags" in str(each["failures"]) for each in answers)
    copies = [mail for mail in stage.cloud.sent_mails if ADMIN in mail.to]
    assert len(copies) <= 3  # at first, perhaps at the end of a week, and of the rotation
    assert mailed(stage) == [ANN]
    assert stage.keys("app")[old] == "Active"


def test_a_dead_address_gives_way_to_the_next_source_for_thirty_days(stage: Harness) -> None:
    dead = Recipient(ChannelName.EMAIL, ANN).id
    stage.user("app", 95, **{OWNER_TAG: ANN})
    mark = f"{PREFIX}/receipts/_undeliverable/{dead}.json"
    stage.cloud.role_session(HUB, NOTIFIER_ROLE).client("s3").put_object(
        Bucket=BUCKET, Key=mark, Body=json.dumps({"why": "bounced"})
    )

    stage.run()
    assert mailed(stage) == [OWNER]

    stage.user("old", 95, **{OWNER_TAG: ANN})
    stage.at(31).run()
    assert ANN in mailed(stage)


def test_explain_shows_what_was_sent_and_what_became_of_it(stage: Harness) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    [receipt] = [
        name
        for name in stage.cloud.objects(BUCKET)
        if f"{old}/disable/" in name and ".admin." not in name
    ]
    s3: Any = stage.cloud.role_session(HUB, NOTIFIER_ROLE).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{receipt}.bounced", Body=b"{}")
    tag(stage, BOB)
    stage.at(1).run()

    with stage.being(ROTATION_ROLE):
        said = " ".join(explained("app").split())

    assert "disable of 2026-03-12 to somebody else: bounced 2026-03-02, so it proves" in said
    assert f"disable of 2026-03-13 to {BOB}: accepted 2026-03-03" in said


def explained(user: str) -> str:
    """What `keyturn explain` prints, by the settings of the functions."""
    options = {
        "--role-name": MEMBER_ROLE,
        "--account": MEMBER,
        "--region": REGION,
        "--owner-tag": OWNER_TAG,
        "--bucket": BUCKET,
        "--prefix": PREFIX,
    }
    flat = [part for option in options.items() for part in option]
    answer = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["explain", user, *flat])
    assert answer.exit_code == 0, answer.output
    return str(answer.stdout)


def test_dead_addresses_that_cannot_be_listed_stop_the_end_and_no_mail(stage: Harness) -> None:
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})

    def unlisted(request: ApiRequest, perform: Perform) -> ApiResponse:
        if "_undeliverable" in str(request.params.get("Prefix", "")):
            return ApiResponse(status=500, body=b"", error="InternalFailure")
        return perform(request)

    stage.cloud.layers.append(unlisted)
    stage.run()
    answer = stage.at(10).run()

    assert mailed(stage) == [ANN]
    assert ("WAIT", "receipts-unreadable") in decisions_of(answer, "app")
    assert stage.keys("app")[old] == "Active"


def test_what_is_not_reported_as_delivered_is_told_to_the_next_source_and_ends_nothing(
    stage: Harness,
) -> None:
    stage.settings["ProofOfNotice"] = "Delivered"
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})

    for day in range(3):
        stage.at(day).run()
    assert mailed(stage) == [ANN]  # what is on its way is not announced anew

    doubted = stage.at(3).run()
    assert ("NOTICE", "dates-not-noticed") in decisions_of(doubted, "app")
    assert sorted(mailed(stage)) == [ANN, ANN, OWNER]
    for day in (4, 5, 10, 17):  # from the tenth on the administrators are notified too
        stage.at(day).run()
    due = stage.at(21).run()

    assert ("WAIT", "notice-undelivered") in decisions_of(due, "app")
    assert stage.keys("app")[old] == "Active"
    assert any("has to wait" in mail.subject for mail in stage.cloud.sent_mails)


def test_what_is_delivered_counts_from_then(stage: Harness) -> None:
    stage.settings["ProofOfNotice"] = "Delivered"
    old, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    stage.run()
    [receipt] = [
        name
        for name in stage.cloud.objects(BUCKET)
        if f"{old}/disable/" in name and ".admin." not in name
    ]
    stage.at(2)
    s3: Any = stage.cloud.role_session(HUB, NOTIFIER_ROLE).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{receipt}.delivered", Body=b"{}")

    for day in (3, 7):
        stage.at(day).run()
    assert ("WAIT", "notice-undelivered") in decisions_of(stage.at(10).run(), "app")
    assert ("DISABLE", "window-over") in decisions_of(stage.at(12).run(), "app")


def test_a_deletion_is_said_also_where_another_key_in_the_mail_has_a_date_that_is_past(
    stage: Harness,
) -> None:
    gone, *_ = stage.user("app", 95, **{OWNER_TAG: ANN})
    for day in (0, 7, 10):
        stage.at(day).run()
    warned, *_ = stage.at(11).user("other", 95, **{OWNER_TAG: ANN})
    for day in (11, 17):
        stage.at(day).run()
    since = len(stage.cloud.sent_mails)

    done = stage.at(20).invoke()
    stage.at(22).tell()  # it promised the other key a day that is past by now

    assert ("DELETE", "grace-over") in decisions_of(done, "app")
    assert ("WARN", "disabling-ahead") in decisions_of(done, "other")
    [said] = [mail.text or "" for mail in stage.cloud.sent_mails[since:] if ANN in mail.to]
    assert gone in said
    assert warned not in said


def test_two_sources_of_one_address_are_one_recipient(stage: Harness) -> None:
    stage.settings["ProofOfNotice"] = "Delivered"
    stage.user("app", 95, **{OWNER_TAG: OWNER})

    for day in (0, 3):
        failed = stage.at(day).run()["failures"]
        assert failed == []

    assert stage.tell() == []
    assert mailed(stage).count(OWNER) == 2
