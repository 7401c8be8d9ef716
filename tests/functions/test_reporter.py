"""The reporter: the administrators' one digest of each day, when its runs are over."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyturn.domain.errors import KeyturnError, NoTimeLeft
from keyturn.schemas.digest_due import read_digest_due
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT
from keyturn_sandbox.simulation.deployment import (
    ADMIN,
    BUCKET,
    MEMBER_ROLE,
    PREFIX,
    ROTATION_ROLE,
    role_arn,
)
from keyturn_sandbox.simulation.people import OWNER_TAG
from tests.use_cases.harness import ASKED, GROUP, HUB, MEMBER, MINUTE, OWNER, START, Harness

FOLDER = f"{PREFIX}/reports/daily/date=2026-03-02/"
HOUR = timedelta(hours=1)


def after(stage: Harness, since: timedelta) -> Harness:
    """So long after the hour of the first inventory."""
    stage.cloud.move_to(START + since)
    return stage


def published(stage: Harness) -> list[dict[str, Any]]:
    """The digests on the bus, as the notifier reads them."""
    found = []
    for call in stage.ours():
        if call.operation == "PutEvents":
            entries: Any = call.params["Entries"]
            for entry in entries:
                if entry["DetailType"] == "Digest Due":
                    detail = json.loads(entry["Detail"])
                    event = {"account": HUB, "source": entry["Source"], "detail": detail}
                    at = datetime.fromisoformat(detail["digest"]["date"]).replace(tzinfo=UTC)
                    assert read_digest_due(event, own_account=HUB, now=at)
                    found.append(detail["digest"])
    return found


def stored(stage: Harness) -> dict[str, bytes]:
    """What is stored of the first day."""
    return {
        name.removeprefix(FOLDER): body
        for name, body in stage.cloud.objects(BUCKET).items()
        if name.startswith(FOLDER)
    }


def a_day(stage: Harness) -> None:
    """An inventory, and the runs that it queued."""
    stage.take_inventory()
    stage.rotate_queued()


def test_a_day_that_is_over_is_reported_once(stage: Harness) -> None:
    stage.user("ann", 137)
    a_day(stage)

    waits = stage.report()
    answer = after(stage, 20 * MINUTE).report()
    before = stage.mark()
    again = after(stage, 35 * MINUTE).report()

    assert waits["waits"] == {"2026-03-02": "its inventory has only just been taken"}
    assert answer == {"made": ["2026-03-02"], "waits": {}}
    assert again == {"made": [], "waits": {}}
    # Both days, and whether there was an inventory before them; then the audit chain: its links,
    # the last one twice, and what may be new of entries and reports.
    looks, chain = ["ListObjectsV2"] * 3, ["ListObjectsV2", *["GetObject"] * 2]
    assert [call.operation for call in stage.ours(before)] == [
        *looks,
        *chain,
        *["ListObjectsV2"] * 3,
    ]
    [digest] = published(stage)
    assert digest["coverage"]["listed"] == 3
    assert digest["coverage"]["reached"] == 1  # the others have no role to be entered by
    assert digest["coverage"]["failed"] == 2
    assert (digest["done_counts"], digest["remarks"]) == ({"ROTATE": 1}, [])
    files = stored(stage)
    assert digest["csv"] == f"{FOLDER}keys.csv"
    heading, row = files["keys.csv"].decode().splitlines()
    assert heading.startswith("account,name,dry_run,user,key")
    assert row.startswith(f"{MEMBER},prod,no,ann,")
    kept = json.loads(files["digest.json"])
    assert [each["account"] for each in kept["memory"]] == [MANAGEMENT_ACCOUNT, HUB]


def test_it_waits_for_every_run_and_for_none_after_six_hours(stage: Harness) -> None:
    """A message that is being worked on, or waits to be tried again, is a run, too."""
    stage.take_inventory()
    stage.receive(stage.deployment.rotation_queue)
    waits = after(stage, HOUR).report()

    made = after(stage, 6 * HOUR + MINUTE).report()

    assert waits["waits"] == {"2026-03-02": "accounts wait for their runs"}
    assert made["made"] == ["2026-03-02"]
    [digest] = published(stage)
    assert digest["coverage"]["not_seen"]["total"] == 3
    assert digest["remarks"] == [
        "Not all runs were over 6 hours after the inventory: the digest waits no more"
    ]


def test_a_queue_that_cannot_be_read_is_not_an_empty_one(stage: Harness) -> None:
    a_day(stage)
    stage.cloud.deny(HUB, "GetQueueAttributes")

    waits = after(stage, HOUR).report()
    made = after(stage, 6 * HOUR + MINUTE).report()

    assert waits == {
        "made": [],
        "waits": {"2026-03-02": "how many accounts wait is not known"},
    }
    assert [line["level"] for line in stage.lines() if line["event"] == "backlog.unknown"] == [
        "WARNING"
    ]
    assert made["made"] == ["2026-03-02"]


def test_a_second_inventory_of_the_day_takes_no_account_from_the_first(stage: Harness) -> None:
    a_day(stage)
    after(stage, 5 * MINUTE).settings["ExcludedAccounts"] = MANAGEMENT_ACCOUNT
    a_day(stage)

    after(stage, HOUR).report()

    [digest] = published(stage)
    # Two of three are listed again, and what was queued first was queued all the same.
    assert (digest["coverage"]["listed"], digest["coverage"]["skipped"]) == (4, 1)
    assert digest["coverage"]["not_seen"]["total"] == 0
    assert len([name for name in stored(stage) if name.startswith("inventory/")]) == 2


def test_an_inventory_that_cannot_be_written_down_queues_all_the_same(stage: Harness) -> None:
    stage.cloud.deny(HUB, "PutObject", times=1)
    stage.take_inventory()

    assert len(stage.receive(stage.deployment.rotation_queue)) == 3
    [line] = [each for each in stage.lines() if each["event"] == "inventory.not-recorded"]
    assert line["level"] == "ERROR"
    assert "AccessDenied" in line["message"]


def test_a_day_without_an_inventory_is_said_the_night_after(stage: Harness) -> None:
    assert after(stage, 24 * HOUR).report() == {"made": [], "waits": {}}, "nothing began yet"
    a_day(stage)
    after(stage, 25 * HOUR).report()
    assert after(stage, 44 * HOUR).report() == {"made": [], "waits": {}}

    # Of 4 March there is none, and at two in the morning it is said.
    assert after(stage, 68 * HOUR).report()["made"] == []
    answer = after(stage, 70 * HOUR).report()

    assert answer["made"] == ["2026-03-04"]
    _, digest = published(stage)
    assert digest["coverage"]["listed"] is None
    assert digest["remarks"][0].startswith("There is no record of an inventory of 2026-03-04")


def test_what_is_done_after_the_digest_is_told_the_day_after(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.take_inventory()
    after(stage, 7 * HOUR).report()
    stage.rotate_queued()
    stage.at(1)
    a_day(stage)

    after(stage, 25 * HOUR).report()

    first, second = published(stage)
    assert (first["coverage"]["not_seen"]["total"], first["done_counts"]) == (3, {})
    assert second["done_counts"]["ROTATE"] == 1
    assert second["coverage"]["not_seen"]["total"] == 0


def test_what_a_run_finds_after_the_digest_is_told_the_day_after(stage: Harness) -> None:
    """A failure that is over by then, too: nobody would have heard of it."""
    a_day(stage)
    after(stage, HOUR).report()
    stage.user("bad", 137, Owner=OWNER)
    stage.at(1).take_inventory()
    after(stage, 31 * HOUR).report()
    stage.cloud.deny(MEMBER, "CreateSecret", times=1)
    stage.rotate_queued()
    stage.at(2)
    a_day(stage)

    after(stage, 49 * HOUR).report()

    *_, before, digest = published(stage)
    assert "CreateSecret" not in str(before)
    [line] = [each for each in digest["failures"]["worst"] if "CreateSecret" in each["what"]]
    assert (line["user"], line["day"]) == ("bad", "2026-03-03")


def test_a_second_run_of_the_day_takes_nothing_out_of_the_lists(stage: Harness) -> None:
    """The secret that was overwritten is told once; the second run has nothing to tell."""
    [old] = stage.user("app", 95, Owner=OWNER)
    for day in range(5):
        stage.at(day)
        a_day(stage)
        stage.tell()
    overwritten = json.dumps({"AccessKeyId": old, "SecretAccessKey": "x"})
    stage.secret_store().put_secret_value(
        SecretId=stage.secret("app").arn, SecretString=overwritten
    )
    stage.use(old)
    for since in (5 * 24 * HOUR, 5 * 24 * HOUR + 10 * MINUTE):
        a_day(after(stage, since))
        stage.tell()

    after(stage, 5 * 24 * HOUR + HOUR).report()

    [*_, digest] = published(stage)
    told = [each["key"] for each in digest["blocked"]["worst"] if "overwritten" in each["what"]]
    assert len(told) == 1
    assert told[0] != old


def test_a_dry_run_takes_no_finding_of_an_enforced_run_out_of_the_day(daily: Harness) -> None:
    """And the mail does not say of the account that nothing was changed there."""
    [old] = daily.user("app", 137, Owner=OWNER)
    a_day(daily)
    daily.at(1)
    daily.iam().update_access_key(UserName="app", AccessKeyId=old, Status="Inactive")
    daily.user("bob", 137, Owner=OWNER)
    a_day(daily)
    daily.tell()
    daily.settings["DryRunFlag"] = "True"
    daily.user("new", 137, Owner=OWNER)
    before = len(to_admin(daily))
    after(daily, 24 * HOUR + 30 * MINUTE).invoke()

    [copy] = to_admin(daily)[before:]
    after(daily, 25 * HOUR).report()
    daily.tell()

    assert copy.endswith("in prod: 1 rotated")  # which no digest has
    [*_, digest] = published(daily)
    assert [each["key"] for each in digest["unexpected"]["worst"]] == [old]
    assert (digest["accounts_dry"], digest["done_counts"]["ROTATE"]) == (0, 1)
    *_, mail = [each for each in daily.cloud.sent_mails if each.to == [ADMIN]]
    assert "1 key not as expected" in mail.subject
    assert "dry run" not in f"{mail.subject} {mail.text}"


def test_a_key_that_is_used_after_it_was_disabled_is_named(daily: Harness) -> None:
    [old] = daily.user("app", 95, Owner=OWNER)
    for day in (0, 3, 7, 10, 11, 13):
        daily.at(day)
        a_day(daily)
        daily.tell()
    daily.at(14).cloud.use_key(MEMBER, old, daily.cloud.now)
    for day in (17, 20, 21):
        daily.at(day)
        a_day(daily)
        after(daily, day * 24 * HOUR + HOUR).report()

    told = [mail for _ in to_admin(daily) for mail in daily.cloud.sent_mails if mail.to == [ADMIN]]

    assert any("not as expected" in mail.subject and old in str(mail.text) for mail in told)


def test_runs_that_begin_after_midnight_belong_to_the_inventory_before_it(stage: Harness) -> None:
    stage.user("ann", 137)
    after(stage, 18 * HOUR + 50 * MINUTE).take_inventory()
    after(stage, 19 * HOUR + 5 * MINUTE).rotate_queued()

    answer = after(stage, 19 * HOUR + 30 * MINUTE).report()

    assert answer["made"] == ["2026-03-02"]
    [digest] = published(stage)
    assert digest["coverage"]["not_seen"]["total"] == 0
    assert digest["done_counts"] == {"ROTATE": 1}


def test_a_lasting_failure_is_reported_on_its_first_day_and_then_weekly(stage: Harness) -> None:
    """And whatever could not be entered is named every day: it alarms every day."""
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "ListUserTags")
    shown = []
    for day in range(9):
        stage.at(day)
        a_day(stage)
        after(stage, day * 24 * HOUR + HOUR).report()
        [*_, digest] = published(stage)
        shown.append((digest["failures"]["total"], digest["failures_lasting"]))
        unseen = digest["coverage"]["not_entered"]["worst"]
        assert {line["day"] for line in unseen} == {"2026-03-02" if day else None}
        assert all("could not be assumed" in line["what"] for line in unseen)
        assert len(unseen) == 2

    assert shown == [(1, 0), *[(0, 1)] * 6, (1, 0), (0, 1)]


def test_where_the_memory_cannot_be_read_everything_is_reported_and_that_is_said(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "ListUserTags")
    a_day(stage)
    after(stage, HOUR).report()
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{FOLDER}digest.json", Body=b"{"
    )
    stage.at(1)
    a_day(stage)

    after(stage, 25 * HOUR).report()

    [_, digest] = published(stage)
    assert digest["failures"]["total"] == 1
    [said] = digest["remarks"]
    assert said.startswith("What was reported before could not be read (it is of no known form")


def test_what_may_not_be_read_is_said_and_keeps_no_digest(stage: Harness) -> None:
    a_day(stage)
    after(stage, HOUR).report()
    stage.at(1)
    a_day(stage)
    stage.cloud.deny(HUB, "GetObject")

    with pytest.raises(KeyturnError, match="GetObject"):  # of the audit chain
        after(stage, 25 * HOUR).report()

    [_, digest] = published(stage)
    assert digest["coverage"]["listed"] is None
    assert [remark.split(" could")[0] for remark in digest["remarks"]] == [
        "Which accounts were queued on 2026-03-03",
        "What was reported before",
        "The end of the audit chain",
    ]
    assert digest["coverage"]["not_entered"]["total"] == 3  # each snapshot


def test_broken_off_between_bus_and_bucket_it_is_published_again(stage: Harness) -> None:
    """The notifier's receipt of the day keeps that one mail."""
    a_day(stage)
    after(stage, HOUR)
    denied = stage.cloud.deny(HUB, "PutObject")
    with pytest.raises(KeyturnError, match="PutObject"):
        stage.report()
    assert published(stage) == [], "the next turn would publish another one"
    denied.lift()
    bus = stage.cloud.deny(HUB, "PutEvents")
    with pytest.raises(KeyturnError, match="PutEvents"):
        stage.report()
    bus.lift()
    held = json.loads(stored(stage)["held.json"])
    stage.user("late", 137)
    a_day(after(stage, HOUR + 10 * MINUTE))

    assert after(stage, HOUR + 20 * MINUTE).report()["made"] == ["2026-03-02"]

    digest = published(stage)[-1]
    assert digest["done_counts"] == {}, "what came since is told the day after"
    assert {name: held[name] for name in digest if name != "run"} | {"run": ""} == digest
    assert json.loads(stored(stage)["digest.json"])["made"] == held["made"]


def test_a_day_that_cannot_be_made_does_not_hold_the_next_one(stage: Harness) -> None:
    a_day(stage)
    stage.at(1)
    a_day(stage)
    after(stage, 25 * HOUR)
    stage.cloud.deny(HUB, "PutObject", times=2)  # of the first day: its rows, and itself

    with pytest.raises(KeyturnError, match="PutObject"):
        stage.report()

    [digest] = published(stage)
    assert digest["date"] == "2026-03-03"


def test_a_snapshot_that_cannot_be_read_is_a_failure_of_its_account(stage: Harness) -> None:
    stage.user("ann", 137)
    a_day(stage)
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/snapshots/date=2026-03-02/account={MEMBER}.json", Body=b"{"
    )

    after(stage, HOUR).report()

    [digest] = published(stage)
    assert digest["coverage"]["failed"] == 3
    assert any(
        line["account"] == MEMBER and "snapshot could not be read" in line["what"]
        for line in digest["coverage"]["not_entered"]["worst"]
    )


@pytest.mark.parametrize("owner_source", [["x"], {"x": 1}])
def test_a_snapshot_that_cannot_be_folded_is_a_failure_of_its_account(
    owner_source: object, stage: Harness
) -> None:
    stage.user("ann", 137)
    a_day(stage)
    name = f"{PREFIX}/snapshots/date=2026-03-02/account={MEMBER}.json"
    poisoned = json.loads(stage.cloud.objects(BUCKET)[name])
    poisoned["users"][0]["owner_source"] = owner_source
    stage.cloud.session(HUB).client("s3").put_object(
        Bucket=BUCKET, Key=name, Body=json.dumps(poisoned).encode()
    )

    answer = after(stage, HOUR).report()

    assert answer["made"] == ["2026-03-02"]
    [digest] = published(stage)
    assert any(
        line["account"] == MEMBER and "snapshot could not be read" in line["what"]
        for line in digest["coverage"]["not_entered"]["worst"]
    )


def test_where_the_time_is_too_short_it_fails_aloud_and_begins_anew(stage: Harness) -> None:
    a_day(stage)
    after(stage, HOUR)

    with pytest.raises(NoTimeLeft, match="there was time for 0 of"):
        stage.report(context=stage.minutes(1))

    assert stage.lines()[-1]["level"] == "ERROR"
    assert published(stage) == []
    assert stage.report()["made"] == ["2026-03-02"]


# AdminDigest=Daily: what still goes out at once


def to_admin(stage: Harness) -> list[str]:
    """The subjects of the administrators' mails so far."""
    stage.tell()
    return [mail.subject for mail in stage.cloud.sent_mails if mail.to == [ADMIN]]


@pytest.fixture
def daily(stage: Harness) -> Harness:
    stage.settings["AdminDigest"] = "Daily"
    return stage


@pytest.mark.parametrize("setting", ["Account", "Daily"])
def test_a_copy_of_each_run_goes_out_only_where_no_digest_tells_of_it(
    setting: str, stage: Harness
) -> None:
    stage.settings["AdminDigest"] = setting
    stage.user("ann", 137, Owner=OWNER)
    stage.send({**ASKED, "run": "a" * 32})

    stage.rotate_queued()

    assert len(to_admin(stage)) == (setting == "Account")
    assert [mail.to for mail in stage.cloud.sent_mails if mail.to != [ADMIN]] == [[OWNER]]


def test_in_a_dry_run_nothing_is_a_proof_and_all_waits_for_the_digest(daily: Harness) -> None:
    daily.settings["DryRunFlag"] = "True"
    daily.user("ann", 137)
    daily.send({**ASKED, "run": "a" * 32})

    daily.rotate_queued()

    assert to_admin(daily) == []


def test_what_the_admins_own_acceptance_proves_goes_out_at_once(daily: Harness) -> None:
    """And alone: what else the run has to say is the digest's."""
    daily.user("ann", 137)
    daily.user("bob", 137)
    daily.user("carl", 137, **{OWNER_TAG: ADMIN})
    daily.settings["ParallelUsers"] = "1"
    daily.cloud.deny(MEMBER, "CreateSecret", times=1)
    daily.send({**ASKED, "run": "a" * 32})

    daily.rotate_queued()
    daily.tell()

    [mail] = [mail for mail in daily.cloud.sent_mails if mail.to == [ADMIN]]
    assert "bob" not in str(mail.text)
    assert "CreateSecret" not in str(mail.text)
    [snapshot] = [
        json.loads(body)
        for name, body in daily.cloud.objects(BUCKET).items()
        if name.endswith(f"account={MEMBER}.json")
    ]
    assert [failure["user"] for failure in snapshot["failures"]] == ["ann"]


def test_an_operators_order_is_told_at_once(daily: Harness) -> None:
    daily.user("ann", 12, Owner=OWNER)

    daily.invoke({**ASKED, "ForceRotate": "ann"})

    assert len(to_admin(daily)) == 1


def test_a_run_that_no_digest_can_know_of_is_told_at_once(daily: Harness) -> None:
    daily.user("ann", 137, Owner=OWNER)
    daily.cloud.deny(HUB, "PutObject", times=2)  # the snapshot's, and again behind the notices
    daily.send({**ASKED, "run": "a" * 32})

    daily.rotate_queued()

    assert len(to_admin(daily)) == 1


# A fleet, over three days


def test_forty_two_accounts_and_three_days_are_three_mails_to_the_administrators(
    daily: Harness,
) -> None:
    """Through the real functions, from the inventory to the mail."""
    accounts = [f"4444444{number:05}" for number in range(41)]
    for account in accounts:
        name = f"a{account[-2:]}"
        daily.cloud.organization.create_account(name, f"{name}@example.com", account_id=account)
        daily.cloud.add_role(account, MEMBER_ROLE, role_arn(HUB, ROTATION_ROLE))
        daily.cloud.session(account).client("iam").create_group(GroupName=GROUP)
        daily.cloud.add_user(account, "bot")
        daily.cloud.add_key(account, "bot", created=START - timedelta(days=137))
    daily.user("ann", 137)
    daily.settings["ExcludedAccounts"] = f"{MANAGEMENT_ACCOUNT},{HUB}"
    subjects: list[list[str]] = []

    for day in range(3):
        daily.at(day).take_inventory()
        daily.rotate_queued()
        daily.tell()
        before = len(to_admin(daily))
        for turn in range(3):
            after(daily, day * 24 * HOUR + (turn + 1) * 20 * MINUTE).report()
        subjects.append(to_admin(daily)[before:])
        assert before == day, "nothing but the digests of the days before"

    assert [len(each) for each in subjects] == [1, 1, 1]
    first, *_ = published(daily)
    assert first["coverage"]["reached"] == 42
    assert first["done_counts"] == {"ROTATE": 42}
    owners = {mail.to[0] for mail in daily.cloud.sent_mails} - {ADMIN}
    assert len(owners) == 42


def test_during_a_pause_the_digest_says_it_first_and_announces_no_end_that_it_holds(
    daily: Harness,
) -> None:
    """Not on the day alone on which a run first failed by it, and not as "Nothing to do"."""
    [old] = daily.user("ann", 137, Owner=OWNER)
    subjects = []
    for day in range(13):
        daily.at(day)
        if day < 11:
            daily.use(old)
        a_day(daily)
        if day == 7:
            daily.invoke({"Pause": "the alarm went off", "by": "Keyturn-ManyRestored"})
        after(daily, day * 24 * HOUR + HOUR).report()
        [*_, subject] = to_admin(daily)
        subjects.append(subject.removeprefix("[AWS access keys] "))

    quiet, paused = "2 accounts not reached (3 accounts", "Keyturn is paused since 9 March, by "
    paused += "Keyturn-ManyRestored: nothing is written"
    assert [subject.rpartition(",")[0] for subject in subjects] == [
        *[quiet] * 3,
        *[f"1 key in use stops working on 12 March; {quiet}"] * 4,
        *[f"{paused}; {quiet}"] * 3,
        f"{paused}, 1 key waits; 2 accounts not reached; 1 failure (3 accounts",
        *[f"{paused}, 1 key waits; {quiet}"] * 2,
    ]
    mails = {mail.subject: mail for mail in daily.cloud.sent_mails if mail.to == [ADMIN]}
    eve, last = (
        " ".join((mails[f"[AWS access keys] {subjects[day]}"].text or "").split())
        for day in (9, 12)
    )
    first = "11 March 2026 (UTC) Keyturn is paused since 2026-03-09 05:00 UTC, by Keyturn-Many"
    assert f"Wednesday {first}Restored (the alarm went off): nothing is written." in eve
    assert "WHAT BREAKS AFTER THE PAUSE: 1 KEY" in eve
    assert "1 key waits: what was due for it was not done." in last
    assert "1 failure of earlier days still lasts" in last
    for text in (eve, last):
        assert "othing to do" not in text
        assert "stops working" not in text
    # Who paused is not known where that cannot be read: said, and no "not paused".
    daily.at(13)
    a_day(daily)
    daily.cloud.deny(HUB, "GetObject")
    with pytest.raises(KeyturnError, match="GetObject"):  # of the audit chain
        after(daily, 13 * 24 * HOUR + HOUR).report()
    assert "Whether Keyturn is paused could not be read" in published(daily)[-1]["remarks"][0]
