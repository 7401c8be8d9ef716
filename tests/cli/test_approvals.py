"""A plan that somebody approved of: from the command line, from an event, and refused."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keyturn.domain.decision import Action
from keyturn.domain.errors import InvalidValue, PortError
from keyturn.domain.narrowing import Approved
from keyturn.schemas.plan import read_plan
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.deployment import BUCKET as STAGE_BUCKET
from keyturn_sandbox.simulation.deployment import PREFIX
from tests.cli.organisation import (
    BUCKET,
    DAY,
    NOW,
    OURS,
    SHOP,
    TELLING,
    add_user,
    audit_entries,
    build,
)
from tests.cli.test_app import IN_THE_SHOP, become, keyturn
from tests.use_cases.harness import ASKED, MEMBER, Harness, decisions_of

CAPPED = ("--max-keys-per-day", "1", "--max-percent-per-day", "0")
ENFORCED = ("run", "--enforce", "--yes", *TELLING, *IN_THE_SHOP)
SHREDDED = {"user": "ann", "key": "AKIA", "action": "SHRED", "reason": "x"}
READING = ("plan", *IN_THE_SHOP, "--bucket", "asa-receipts")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    """A shop with three users whose old keys are to be disabled today."""
    with LocalCloud(now=NOW) as opened:
        build(opened)
        become(opened, monkeypatch)
        for name, age in (("ann", 300), ("bob", 200), ("carl", 137)):
            add_user(opened, SHOP, name, age)
        assert keyturn(*ENFORCED).exit_code == 0
        opened.move_to(NOW + 10 * DAY)
        yield opened


def inactive(cloud: LocalCloud) -> list[str]:
    return sorted(key.user for key in cloud.keys(SHOP) if key.status == "Inactive")


def audited(cloud: LocalCloud) -> list[dict[str, Any]]:
    return audit_entries(cloud.session(OURS).client("s3"), BUCKET)


def saved_plan(tmp_path: Path, *options: str) -> tuple[Path, dict[str, Any]]:
    path = tmp_path / "plan.json"
    assert keyturn(*READING, *options, "--format", "json", "-o", str(path)).exit_code == 0
    plan: dict[str, Any] = json.loads(path.read_text())
    return path, plan


def test_the_plan_shows_what_is_over_the_cap(cloud: LocalCloud) -> None:
    shown = keyturn(*READING, *CAPPED)

    assert "Due now: 1 key" in shown.stdout
    assert "Blocked: 2 keys" in shown.stdout
    assert "DISABLE is due, but enough keys of the account end today" in shown.stdout
    assert "warning: 2 keys have to wait: enough keys of the account end today" in shown.stderr


def test_a_run_keeps_to_the_cap(cloud: LocalCloud) -> None:
    keyturn(*ENFORCED, *CAPPED)
    assert inactive(cloud) == ["ann"]

    keyturn(*ENFORCED, *CAPPED)
    assert inactive(cloud) == ["ann"]

    cloud.move_to(NOW + 11 * DAY)
    keyturn(*ENFORCED, *CAPPED)
    assert inactive(cloud) == ["ann", "bob"]


def test_an_approved_plan_is_done_without_the_cap_and_nothing_else(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path, plan = saved_plan(tmp_path, *CAPPED)
    [account] = plan["accounts"]
    account["decisions"] = [made for made in account["decisions"] if made["user"] != "bob"]
    path.write_text(json.dumps(plan))
    add_user(cloud, SHOP, "dora", 500)

    done = keyturn(*ENFORCED, *CAPPED, "--approve", str(path))

    assert done.exit_code == 0, done.stderr
    assert inactive(cloud) == ["ann", "carl"]
    assert sum(key.user == "dora" for key in cloud.keys(SHOP)) == 1


def test_who_approved_of_a_plan_is_on_record_and_of_what_came_of_it(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path, _ = saved_plan(tmp_path)
    keyturn("run", *TELLING, *IN_THE_SHOP, "--approve", str(path))
    [before] = audited(cloud)  # of the enforced run, and none of a dry one
    assert (before["command"], before["account"], before["outcome"]) == ("run", SHOP, "done")
    assert before["by"].startswith("arn:aws:sts::")
    assert sum(line.startswith("ROTATE ") for line in before["said"]) == 3

    done = keyturn(*ENFORCED, "--approve", str(path))

    assert done.exit_code == 0, done.stderr
    _, entry = audited(cloud)
    assert (entry["command"], entry["account"], entry["outcome"]) == ("approve", SHOP, "done")
    assert entry["by"].startswith("arn:aws:sts::")
    assert sum(line.startswith("DISABLE ") for line in entry["said"]) == 3


def test_an_approved_plan_waits_where_it_cannot_be_put_on_record(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = saved_plan(tmp_path)
    become(cloud, monkeypatch, "Operator")
    cloud.deny(None, "s3:PutObject")

    for more in (("--approve", str(path)), ()):  # nor does any other enforced run begin
        refused = keyturn(*ENFORCED, *more)

        assert refused.exit_code == 1
        assert "nothing was done: no audit entry could be written" in refused.stderr
        assert inactive(cloud) == []


def test_without_enforce_an_approved_plan_is_only_shown(cloud: LocalCloud, tmp_path: Path) -> None:
    path, _ = saved_plan(tmp_path, *CAPPED)
    before = len(cloud.keys(SHOP)), inactive(cloud)

    shown = keyturn("run", *TELLING, *IN_THE_SHOP, *CAPPED, "--approve", str(path))

    assert "Due now: 3 keys" in shown.stdout
    assert (len(cloud.keys(SHOP)), inactive(cloud)) == before


def test_a_line_that_is_not_due_any_more_is_named_and_left(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path, _ = saved_plan(tmp_path)
    keyturn(*ENFORCED)
    cloud.move_to(NOW + 11 * DAY)

    again = keyturn(*ENFORCED, "--approve", str(path))

    assert again.exit_code == 0
    assert again.stderr.count("DISABLE was approved, but now it is KEEP (grace-running)") == 3


def test_an_account_of_the_plan_that_is_not_ours_is_a_failure(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path, plan = saved_plan(tmp_path)
    plan["accounts"].append({"account": "999999999999", "decisions": []})
    path.write_text(json.dumps(plan))

    done = keyturn(*ENFORCED, "--approve", str(path))

    assert done.exit_code == 1
    assert "999999999999: the plan names it, and it is not looked at here" in done.stderr
    assert inactive(cloud) == ["ann", "bob", "carl"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("nonsense", "is no JSON"),
        ("[]", "is no plan: must be an object\n"),
        (
            '{"version": 1, "accounts": [7]}',
            "is no plan: accounts.0: must be an object\n",
        ),
        ('{"version": 2, "accounts": []}', "is no plan: version: must be 1"),
        ('{"version": 1}', "is no plan: accounts: Missing data for required field"),
        (
            '{"version": 1, "accounts": [{"account": "12", "decisions": []}]}',
            "is no plan: accounts.0.account: must be the 12 digits of an AWS account id",
        ),
        (
            json.dumps({"version": 1, "accounts": [{"account": SHOP, "decisions": [SHREDDED]}]}),
            "is no plan: accounts.0.decisions.0.action: must be one of",
        ),
    ],
)
def test_what_is_no_plan_is_refused_before_anything_is_asked_of_aws(
    text: str, rule: str, cloud: LocalCloud, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    before = len(cloud.calls)

    refused = keyturn(*ENFORCED, "--approve", str(path))

    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"--approve {path}: {rule}")
    assert refused.stderr.count("\n") == 1
    assert len(cloud.calls) == before


def test_a_plan_says_already_whom_it_is_about(cloud: LocalCloud, tmp_path: Path) -> None:
    path, _ = saved_plan(tmp_path)

    refused = keyturn(*ENFORCED, "--approve", str(path), "--user", "ann")

    assert refused.exit_code == 2
    assert refused.stderr == f"--approve {path}: goes without --user\n"


def test_a_plan_that_is_not_there_is_refused(cloud: LocalCloud) -> None:
    refused = keyturn(*ENFORCED, "--approve", "/nonexistent/plan.json")

    assert refused.exit_code == 2
    assert refused.stderr == (
        "--approve /nonexistent/plan.json: cannot be read (No such file or directory)\n"
    )


def test_what_waits_over_the_cap_is_approved_for_what_it_waits_to_do() -> None:
    line = {"user": "ann", "key": "AKIA", "action": "WAIT"}
    over = {**line, "reason": "over-cap", "next": {"action": "DISABLE", "date": "2026-03-13"}}
    held = {**line, "reason": "held", "next": {"action": "DISABLE", "date": "2026-03-13"}}
    keep = {**line, "action": "KEEP", "reason": "nothing-due", "next": None}

    def read(*decisions: object) -> frozenset[Approved]:
        accounts = [{"account": SHOP, "decisions": list(decisions)}]
        text = json.dumps({"version": 1, "accounts": accounts})
        return read_plan(text.encode(), option="--approve", name="plan").lines[SHOP]

    assert read(over) == {Approved("ann", "AKIA", Action.DISABLE)}
    assert read(held, keep) == frozenset()


# --- as an event --------------------------------------------------------------------------


def upload(stage: Harness, name: str, *lines: tuple[str, str, str]) -> dict[str, str]:
    """Put a plan there; what an event says of it comes back."""
    decisions = [
        {"user": user, "key": key, "action": action, "reason": "x"} for user, key, action in lines
    ]
    body = json.dumps({"version": 1, "accounts": [{"account": MEMBER, "decisions": decisions}]})
    s3 = stage.cloud.session(stage.deployment.account).client("s3")
    s3.put_object(
        Bucket=STAGE_BUCKET,
        Key=f"{PREFIX}/plans/{name}",
        Body=body.encode(),
        IfNoneMatch="*",
    )
    return {"ApprovePlan": name, "PlanSha256": sha256(body.encode()).hexdigest()}


def test_an_event_names_the_plan_in_the_bucket(stage: Harness) -> None:
    [ann] = stage.user("ann", 137)
    stage.user("bob", 137)
    plan = upload(stage, "march.json", ("ann", ann, "ROTATE"))

    answer = stage.run({**ASKED, **plan})

    assert decisions_of(answer, "ann") == [("ROTATE", "rotation-due")]
    assert [len(stage.keys(name)) for name in ("ann", "bob")] == [2, 1]


def test_a_plan_that_was_replaced_since_it_was_approved_does_nothing(stage: Harness) -> None:
    [ann] = stage.user("ann", 137)
    [bob] = stage.user("bob", 137)
    lies_there = upload(stage, "march.json", ("ann", ann, "ROTATE"), ("bob", bob, "ROTATE"))
    approved = upload(stage, "april.json", ("ann", ann, "ROTATE"))
    approved |= {"ApprovePlan": lies_there["ApprovePlan"]}

    with pytest.raises(
        InvalidValue, match=r"PlanSha256=\w{64}: is not the plan stored as march\.json"
    ):
        stage.run({**ASKED, **approved})

    assert stage.writes() == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ApprovePlan": "march.json"}, "PlanSha256=: is needed beside ApprovePlan"),
        ({"PlanSha256": "0" * 64}, "ApprovePlan=: is needed beside PlanSha256"),
        (
            {"ApprovePlan": "march.json", "PlanSha256": "0" * 63},
            "PlanSha256=0+: must be a SHA-256",
        ),
        ({"ApprovePlan": "march.json", "PlanSha256": ""}, "PlanSha256=: must be a SHA-256"),
        ({"ApprovePlan": "march.json", "PlanSha256": None}, "PlanSha256=None: "),
    ],
)
def test_a_plan_is_named_by_what_it_holds_and_never_by_its_name_alone(
    asked: dict[str, object], said: str, stage: Harness
) -> None:
    [ann] = stage.user("ann", 137)
    upload(stage, "march.json", ("ann", ann, "ROTATE"))

    with pytest.raises(InvalidValue, match=said):
        stage.run({**ASKED, **asked})

    assert stage.writes() == []


def test_a_hash_may_be_written_in_capitals_and_the_entry_keeps_name_and_hash(
    stage: Harness,
) -> None:
    [ann] = stage.user("ann", 137)
    plan = upload(stage, "march.json", ("ann", ann, "ROTATE"))

    stage.run({**ASKED, **plan, "PlanSha256": plan["PlanSha256"].upper()})

    assert len(stage.keys("ann")) == 2
    s3 = stage.cloud.session(stage.deployment.account).client("s3")
    [entry] = audit_entries(s3, STAGE_BUCKET, f"{PREFIX}/")
    assert (entry["plan"], entry["plan_sha256"]) == ("march.json", plan["PlanSha256"])
    assert entry["claimed"] is True


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 100_000, "nests deeper than 40 levels"),
        (b'{"version": 1, "version": 1, "accounts": []}', "names version twice"),
        (b'{"version": NaN, "accounts": []}', "holds NaN, which is no number"),
        (b'{"version": 1' + b"0" * 5000 + b"}", "holds a number of 5001 digits"),
        (b'{"version": 1e999, "accounts": []}', "holds 1e999, which is too large a number"),
        (b'{"version": 1, "accounts": [], "x": "\\ud800"}', "holds text that is no Unicode"),
        (b"\xff\x00", "is no JSON"),
        (b"", "is no JSON"),
    ],
)
def test_a_plan_that_would_hurt_its_reader_is_refused_in_one_line(
    body: bytes, said: str, stage: Harness
) -> None:
    s3 = stage.cloud.session(stage.deployment.account).client("s3")
    s3.put_object(Bucket=STAGE_BUCKET, Key=f"{PREFIX}/plans/p.json", Body=body, IfNoneMatch="*")

    with pytest.raises(InvalidValue, match=f"ApprovePlan=p.json: {said}"):
        stage.invoke({**ASKED, "ApprovePlan": "p.json", "PlanSha256": sha256(body).hexdigest()})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_plan_may_have_a_byte_order_mark_or_be_in_utf_16(encoding: str) -> None:
    body = json.dumps({"version": 1, "accounts": []}).encode(encoding)

    plan = read_plan(body, option="--approve", name="plan")

    assert plan.lines == {}
    assert plan.sha256 == sha256(body).hexdigest()


def test_an_event_lifts_the_cap(stage: Harness) -> None:
    stage.settings |= {"MaxKeysPerDay": "0", "MaxPercentPerDay": "0"}
    [ann] = stage.user("ann", 137)
    stage.run()
    answer = stage.at(10).run()
    assert decisions_of(answer, "ann")[0] == ("WAIT", "over-cap")
    plan = upload(stage, "march.json", ("ann", ann, "DISABLE"))

    stage.run({**ASKED, **plan})

    assert stage.keys("ann")[ann] == "Inactive"


def test_the_parameter_spreads_the_rotation_of_keys_found_old(stage: Harness) -> None:
    stage.settings["SpreadDays"] = "4"
    users = [f"bot-{number}" for number in range(8)]
    for name in users:
        stage.user(name, 137)

    answer = stage.run()

    waiting = {each["user"] for each in answer["decisions"] if each["reason"] == "spread"}
    assert 0 < len(waiting) < len(users)
    assert {name for name in users if len(stage.keys(name)) == 1} == waiting
    for day in (1, 2, 3):
        stage.at(day).run()
    assert {len(stage.keys(name)) for name in users} == {2}


def test_a_plan_that_says_nothing_of_the_account_does_nothing(stage: Harness) -> None:
    stage.user("ann", 137)
    s3 = stage.cloud.session(stage.deployment.account).client("s3")
    body = b'{"version":1,"accounts":[]}'
    s3.put_object(Bucket=STAGE_BUCKET, Key=f"{PREFIX}/plans/p.json", Body=body, IfNoneMatch="*")
    plan = {"ApprovePlan": "p.json", "PlanSha256": sha256(body).hexdigest()}

    with pytest.raises(InvalidValue, match=f"p.json: says nothing of account {MEMBER}"):
        stage.invoke({**ASKED, **plan})

    assert stage.writes() == []


@pytest.mark.parametrize("name", ["", "../receipts/x.json", "a/../../b", "/x", "x y"])
def test_a_plan_lies_below_its_folder(name: str, stage: Harness) -> None:
    with pytest.raises(InvalidValue, match=r"ApprovePlan=.*must be the name of a plan"):
        stage.invoke({**ASKED, "ApprovePlan": name})


def test_a_plan_that_is_not_there_does_nothing(stage: Harness) -> None:
    stage.user("ann", 137)

    with pytest.raises(PortError, match="NoSuchKey"):
        stage.invoke({**ASKED, "ApprovePlan": "gone.json", "PlanSha256": "0" * 64})

    assert stage.writes() == []


def test_an_event_orders_one_thing(stage: Harness) -> None:
    with pytest.raises(InvalidValue, match=r"ApprovePlan=p\.json: goes without ForceRotate"):
        stage.invoke({**ASKED, "ApprovePlan": "p.json", "ForceRotate": "ann"})


def test_a_key_over_the_cap_is_an_event_on_every_run(stage: Harness) -> None:
    stage.settings |= {"MaxKeysPerDay": "0", "MaxPercentPerDay": "0"}
    [ann] = stage.user("ann", 137)
    stage.run()

    for _ in range(2):
        before = stage.at(10).mark()
        stage.run()
        assert blocked(stage, before) == [(ann, "over-cap")]


def test_a_key_that_nobody_can_have_is_named_everywhere_until_it_is_gone(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "PutSecretValue")
    denied = stage.cloud.deny(MEMBER, "DeleteAccessKey")
    stopped = stage.cloud.deny(MEMBER, "UpdateAccessKey")
    answer = stage.run()
    [_, orphan] = stage.keys("ann")
    named = [{"user": "ann", "key": orphan}]
    assert answer["quarantined"] == named
    assert orphan in answer["failures"][0]["message"]

    for day in (1, 2):  # it cannot even be made Inactive
        before = stage.at(day).mark()
        answer = stage.run()
        assert answer["quarantined"] == named
        waits = [(old, "slot-taken")] if day == 1 else []  # told at first, and then weekly
        assert blocked(stage, before) == [*waits, (orphan, "orphan-found")]
        assert (
            f"Quarantined key {orphan} (user ann): its secret was never stored"
            in stage.messages()[-9:]
        )
        [successor] = {made["successor"] for made in answer["decisions"]}
        assert successor is None

    stopped.lift()
    denied.lift()
    seen = [stage.at(day).run()["quarantined"] for day in (3, 4, 5)]
    assert seen == [named, [], []]
    assert orphan not in stage.keys("ann")


def blocked(stage: Harness, since: int) -> list[tuple[str, str]]:
    """Key and reason of each `Key Blocked` on the bus."""
    details = [
        json.loads(entry["Detail"])
        for call in stage.ours(since)
        if call.operation == "PutEvents"
        for entry in call.params["Entries"]  # type: ignore[attr-defined]  # a list of entries
        if entry["DetailType"] == "Key Blocked"
    ]
    return [(detail["key"], detail["reason"]) for detail in details]


def test_the_accounts_of_a_plan_that_are_not_ours_are_named_in_order(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path, plan = saved_plan(tmp_path)
    [ours] = plan["accounts"]
    strangers = ["888888888888", "777777777777"]
    plan["accounts"] += [ours | {"account": each} for each in strangers]
    path.write_text(json.dumps(plan))

    shown = keyturn("run", *TELLING, *IN_THE_SHOP, "--approve", str(path))

    assert shown.stderr.index("777777777777") < shown.stderr.index("888888888888")
