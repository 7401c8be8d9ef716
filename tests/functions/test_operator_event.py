"""An operator's word that comes as an event: what it does, answers, and leaves on record."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyturn.domain.errors import KeyturnError
from keyturn.domain.secret_names import secret_name
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.cli.organisation import audit_entries
from tests.use_cases.harness import (
    ASKED,
    HUB,
    MEMBER,
    Harness,
    decisions_of,
    failures_of,
    staged,
)

SECRET = secret_name(MEMBER, "ann")
SIGNED = {"by": "ops@example.com", "reason": "INC-7"}


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def entries(stage: Harness) -> list[dict[str, Any]]:
    return audit_entries(stage.cloud.session(HUB).client("s3"), BUCKET, f"{PREFIX}/")


def foreign(stage: Harness, **tags: str) -> None:
    stage.secret_store().create_secret(
        Name=SECRET,
        SecretString="theirs",
        KmsKeyId=stage.deployment.settings["SecretsKmsKey"],
        Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
    )


def test_who_ordered_it_and_what_came_of_it_is_on_record(stage: Harness) -> None:
    [leaked] = stage.user("ann", 12)

    answer = stage.invoke({**ASKED, "Revoke": leaked, **SIGNED})

    [entry] = entries(stage)
    [new] = set(stage.keys("ann")) - {leaked}
    told = {name: entry[name] for name in ("command", "by", "why", "key", "request", "outcome")}
    assert told == {
        "command": "revoke",
        "by": "ops@example.com",
        "why": "INC-7",
        "key": leaked,
        "request": "stage",
        "outcome": "done",
    }
    assert entry["run"] == answer["run"]
    assert entry["said"][0].endswith(f"new key {new}")


def test_a_restoration_is_on_record_too(stage: Harness) -> None:
    [key] = stage.user("ann", 12)
    stage.iam().update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")

    stage.invoke({**ASKED, "Restore": key, **SIGNED})

    [entry] = entries(stage)
    told = [entry[name] for name in ("command", "by", "why", "key", "outcome")]
    assert told == ["restore", "ops@example.com", "INC-7", key, "done"]
    assert stage.keys("ann") == {key: "Active"}


def test_a_forced_rotation_is_on_record_too_and_a_daily_run_is_not(stage: Harness) -> None:
    stage.user("ann", 12)

    stage.invoke()
    daily = entries(stage)
    stage.invoke({**ASKED, "ForceRotate": "ann"})

    assert daily == []
    [entry] = entries(stage)
    assert (entry["command"], entry["user"]) == ("rotate", "ann")
    assert entry["by"] == "an event that names nobody"


def test_a_forced_rotation_is_not_done_without_its_entry(stage: Harness) -> None:
    [old] = stage.user("ann", 12)
    stage.settings["S3BucketName"] = "lost"

    with pytest.raises(KeyturnError, match="no audit entry could be written"):
        stage.invoke({**ASKED, "ForceRotate": "ann"})

    assert stage.keys("ann") == {old: "Active"}


def test_a_revocation_is_done_without_its_entry_and_that_is_a_failure(stage: Harness) -> None:
    [leaked] = stage.user("ann", 12)
    denial = stage.cloud.deny(None, "PutObject")

    answer = stage.invoke({**ASKED, "Revoke": leaked})

    denial.lift()
    assert stage.keys("ann")[leaked] == "Inactive"
    assert "an audit entry could not be written" in failures_of(answer)[None]
    assert entries(stage) == []


def test_a_rehearsal_of_an_order_writes_and_tells_nothing(stage: Harness) -> None:
    [leaked] = stage.user("ann", 12)
    stage.settings["DryRunFlag"] = "True"
    since = stage.mark()

    answer = stage.run({**ASKED, "Revoke": leaked})

    assert answer["dry_run"] is True
    assert decisions_of(answer, "ann") == [("REVOKE", "leaked")]
    assert stage.writes(since) == []
    assert entries(stage) == []
    assert not stage.cloud.sent_mails
    assert "PutEvents" not in {call.operation for call in stage.ours(since)}


def test_an_order_does_not_measure_the_account_by_one_user(
    stage: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    [leaked] = stage.user("ann", 12)
    stage.user("bob", 20)

    stage.invoke({**ASKED, "Revoke": leaked})

    shown = capsys.readouterr().out
    assert "KeysActive" not in shown


def test_an_order_leaves_the_days_snapshot_as_the_daily_run_took_it(stage: Harness) -> None:
    older, newer = stage.user("ann", 50, 12)
    stage.invoke()
    before = snapshots(stage)

    stage.invoke({**ASKED, "Revoke": newer})

    assert snapshots(stage) == before
    assert older.encode() in b"".join(before.values())


def snapshots(stage: Harness) -> dict[str, bytes]:
    objects = stage.cloud.objects(BUCKET)
    return {name: body for name, body in objects.items() if "/snapshots/" in name}


def test_a_secret_is_adopted_and_the_answer_says_what_it_was(stage: Harness) -> None:
    stage.user("ann", 12)
    foreign(stage, team="core")

    answer = stage.invoke({**ASKED, "Adopt": SECRET, **SIGNED})

    assert answer["failures"] == []
    assert answer["decisions"] == []
    told = answer["secret"]
    assert told["foreign"] == "the secret of that name was not made by Keyturn"
    assert told["tags"] == {"team": "core"}
    assert told["versions"] == 1
    assert told["resource_policy"] is None
    tags = dict(stage.secret("ann").tags)
    assert tags.pop("keyturn:seal").startswith("seal=")
    assert tags == {"team": "core", **told["sets"]}
    assert "theirs" not in json.dumps(answer)
    [entry] = entries(stage)
    assert (entry["command"], entry["secret"], entry["outcome"]) == ("adopt", SECRET, "done")


def test_in_dry_run_a_secret_is_only_looked_at(stage: Harness) -> None:
    stage.user("ann", 12)
    foreign(stage)
    since = stage.mark()

    answer = stage.invoke({**ASKED, "Adopt": SECRET, "dryrun": True})

    assert answer["dry_run"] is True
    assert answer["secret"]["sets"]["keyturn:user"] == "ann"
    assert stage.writes(since) == []
    assert entries(stage) == []


# --- the pause ----------------------------------------------------------------------------


def test_a_pause_stops_every_write_until_it_is_lifted(stage: Harness) -> None:
    [old] = stage.user("ann", 137)

    paused = stage.invoke({"Pause": "an incident", "by": "ops@example.com"})
    held = stage.invoke()
    during = stage.keys("ann")
    resumed = stage.invoke({"Resume": "it is over"})
    stage.invoke()

    told = paused["paused"]
    assert (paused["dry_run"], paused["failures"]) == (False, [])
    assert (told["by"], told["why"]) == ("ops@example.com", "an incident")
    assert "ops@example.com paused Keyturn" in failures_of(held)[None]
    assert during == {old: "Active"}
    assert resumed["paused"] is None
    assert len(stage.keys("ann")) == 2
    assert [entry["command"] for entry in entries(stage)] == ["pause", "resume"]
    assert [entry["outcome"] for entry in entries(stage)] == ["done", "done"]


def test_a_second_pause_leaves_the_first_one_as_it_is(stage: Harness) -> None:
    stage.invoke({"Pause": "an incident", "by": "ann"})

    again = stage.invoke({"Pause": "another", "by": "bob"})

    assert (again["paused"]["by"], again["paused"]["why"]) == ("ann", "an incident")
    assert sorted(entry["by"] for entry in entries(stage)) == ["ann", "bob"]


def test_who_resumes_learns_of_everybody_who_had_paused(stage: Harness) -> None:
    alarm = {"Pause": "the alarm went off", "by": "Keyturn-ManyRestored"}
    first = stage.invoke({"Pause": "maintenance", "by": "ann"})["paused"]
    stage.at(0.25)

    stage.invoke(alarm)
    again = stage.invoke(alarm)["paused"]
    resumed = stage.invoke({"Resume": "maintenance is over", "by": "ann"})

    # The same order is kept once, however often Lambda repeats its event.
    [beside] = again["also"]
    assert {name: again[name] for name in ("by", "at", "why")} == first
    assert (beside["by"], beside["why"]) == (alarm["by"], alarm["Pause"])
    assert beside["at"] > first["at"]
    assert (resumed["paused"], resumed["lifted"]) == (None, again)
    [last] = [each for each in entries(stage) if each["command"] == "resume"]
    assert [each for each in last["said"] if alarm["by"] in each and alarm["Pause"] in each]
    # The next pause begins with none.
    assert "also" not in stage.invoke({"Pause": "a new one", "by": "bob"})["paused"]


def test_a_pause_that_cannot_be_read_is_no_reason_not_to_stop(stage: Harness) -> None:
    denial = stage.cloud.deny(None, "s3:ListObjectsV2")

    paused = stage.invoke({"Pause": "an incident", "by": "ann"})
    stage.invoke({"Pause": "another", "by": "bob"})

    assert paused["paused"]["by"] == "ann"
    with pytest.raises(KeyturnError):
        stage.invoke({"Resume": "it is over"})
    denial.lift()
    assert stage.invoke({"Pause": "a third", "by": "carl"})["paused"]["by"] == "ann"


def test_in_dry_run_the_switch_stays_as_it_is(stage: Harness) -> None:
    stage.settings["DryRunFlag"] = "True"

    answer = stage.invoke({"Pause": "an incident"})

    assert answer == {"dry_run": True, "paused": None, "failures": []}
    assert stage.invoke({"Resume": "over"})["paused"] is None
    assert entries(stage) == []


@pytest.mark.parametrize("order", ["Restore", "ForceRotate", "Adopt"])
def test_orders_wait_for_the_end_of_a_pause_unless_told_otherwise(
    stage: Harness, order: str
) -> None:
    [key] = stage.user("ann", 12)
    if order == "Restore":
        stage.iam().update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    if order == "Adopt":
        foreign(stage)
    what = {"Restore": key, "ForceRotate": "ann", "Adopt": SECRET}[order]
    stage.invoke({"Pause": "an incident", "by": "ops@example.com"})
    since = stage.mark()

    held = stage.invoke({**ASKED, order: what})
    written = stage.writes(since)
    done = stage.invoke({**ASKED, order: what, "EvenPaused": True})

    assert any("ops@example.com paused Keyturn" in said for said in failures_of(held).values())
    assert written == []
    assert done["failures"] == []
    assert stage.writes(since) != []


def test_a_leaked_key_is_stopped_during_a_pause_and_the_rest_waits(stage: Harness) -> None:
    [key] = stage.user("ann", 12)
    stage.invoke({"Pause": "an incident", "by": "ops@example.com"})
    since = stage.mark()

    held = stage.invoke({**ASKED, "Revoke": key})
    written = stage.writes(since)
    done = stage.invoke({**ASKED, "Revoke": key, "EvenPaused": True})

    assert f"{key} is Inactive; nothing else was done: ops@example.com paused Keyturn" in str(
        failures_of(held)["ann"]
    )
    assert set(written) == {"UpdateAccessKey"}
    assert stage.keys("ann")[key] == "Inactive"
    assert done["failures"] == []
    assert len(stage.keys("ann")) == 2


def test_what_is_forced_during_a_pause_is_forced_for_nobody_else(stage: Harness) -> None:
    for name in ("ann", "bob"):
        stage.user(name, 137)
    stage.invoke({"Pause": "an incident", "by": "ops@example.com"})

    answer = stage.invoke({**ASKED, "ForceRotate": "ann", "EvenPaused": True})

    assert answer["failures"] == []
    assert [len(stage.keys(name)) for name in ("ann", "bob")] == [2, 1]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"Pause": "a", "Resume": "b"}, "Resume=b: goes without Pause"),
        ({"Pause": ""}, "Pause=: Length must be between 1 and 1000"),
        ({"Pause": "a", "account": MEMBER}, f"account={MEMBER}: Unknown field"),
        ({**ASKED, "EvenPaused": True}, "EvenPaused=True: needs an order"),
    ],
)
def test_a_word_about_the_switch_is_about_nothing_else(
    stage: Harness, event: dict[str, object], why: str
) -> None:
    with pytest.raises(KeyturnError, match=why):
        stage.invoke(event)

    assert entries(stage) == []


# --- what cannot be -----------------------------------------------------------------------


def test_what_cannot_be_adopted_is_a_failure_with_the_reason(stage: Harness) -> None:
    stage.user("ann", 12)

    answer = stage.invoke({**ASKED, "Adopt": SECRET})

    assert failures_of(answer) == {None: f"there is no secret {SECRET}"}


def test_a_secret_of_another_account_is_refused(stage: Harness) -> None:
    with pytest.raises(KeyturnError, match=f"is not of the account {MEMBER}"):
        stage.invoke({**ASKED, "Adopt": secret_name(HUB, "ann")})


def test_nothing_is_adopted_by_way_of_the_queue(stage: Harness) -> None:
    stage.user("ann", 12)
    foreign(stage)
    stage.send({**ASKED, "Adopt": SECRET})

    failed = stage.rotate_queued(rounds=1)

    assert failed == [MEMBER]
    assert stage.secret("ann").tags == {}


def test_a_secret_that_changed_since_it_was_looked_at_is_left(stage: Harness) -> None:
    stage.user("ann", 12)
    foreign(stage)
    looks: list[bool] = []
    secret_store = stage.secret_store()

    def somebody_tags(request: Any, perform: Any) -> Any:  # noqa: ANN401 -- a layer of the sandbox
        answer = perform(request)
        if request.operation == "DescribeSecret" and not looks:
            looks.append(True)
            secret_store.tag_resource(SecretId=SECRET, Tags=[{"Key": "team", "Value": "core"}])
        return answer

    stage.cloud.layers.append(somebody_tags)
    since = stage.mark()

    answer = stage.invoke({**ASKED, "Adopt": SECRET})

    assert "changed since it was looked at: nothing was written" in failures_of(answer)["ann"]
    assert stage.writes(since) == []
    [entry] = entries(stage)
    assert entry["outcome"] == "failed"
