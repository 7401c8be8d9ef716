"""`keyturn audit`: what an auditor asks, from the bucket, and from a copy of it with exports."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn.domain.secret_names import secret_name
from keyturn_sandbox.emulator.event_history import SeenCall
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX, ROTATION_ROLE
from tests.cli.organisation import environment
from tests.schemas import SCHEMAS
from tests.use_cases.harness import ASKED, HUB, MEMBER, OWNER, START, Harness, staged

DAYS = ("--since", "2026-03-02", "--until", "2026-03-13")
READER = f"arn:aws:sts::{MEMBER}:assumed-role/app/i-1"
MANAGER = f"arn:aws:iam::{MEMBER}:user/terraform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A life of two keys, and where it is kept."""

    stage: Harness
    copy: Path
    logs: Path
    trail: Path
    old: str
    new: str


def call(name: str, at: str, by: str, **asked: object) -> dict[str, Any]:
    """An event of CloudTrail's."""
    return {
        "eventID": f"id-{name}-{at}",
        "eventTime": at,
        "eventName": name,
        "eventSource": f"{'iam' if 'AccessKey' in name else 'secretsmanager'}.amazonaws.com",
        "recipientAccountId": MEMBER,
        "userIdentity": {"arn": by},
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2",
        "requestParameters": asked,
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A forced rotation, its window's end, and a hand that enabled the old key again."""
    folder = tmp_path_factory.mktemp("audit")
    with staged() as stage:
        [old] = stage.user("ann", 12)
        order = {"ForceRotate": "ann", "by": "ops@example.com", "reason": "INC-7"}
        stage.run({**ASKED, **order})
        [new] = {*stage.keys("ann")} - {old}
        for day in (10, 11):
            stage.at(day).run()
            stage.iam().update_access_key(UserName="ann", AccessKeyId=old, Status="Active")
        secret = (
            f"arn:aws:secretsmanager:us-east-1:{MEMBER}:secret:{secret_name(MEMBER, 'ann')}-Ab1cD2"
        )
        events = [
            *(
                call("GetSecretValue", f"2026-03-0{day}T07:00:00Z", READER, secretId=secret)
                for day in (3, 4)
            ),
            call("GetSecretValue", "2026-03-03T08:00:00Z", READER, secretId="another"),
            call(
                "UpdateAccessKey",
                "2026-03-12T05:30:00Z",
                MANAGER,
                userName="ann",
                accessKeyId=old,
                status="Active",
            ),
        ]
        for each in events:
            at = START + timedelta(days=int(each["eventTime"][8:10]) - 2)
            stage.cloud.event_history.seen.append(
                SeenCall(
                    account=MEMBER,
                    region="us-east-1",
                    key_id="",
                    at=at,
                    event=json.dumps(each),
                )
            )
        for name, body in stage.cloud.objects(BUCKET).items():
            path = folder / "copy" / name.removeprefix(f"{PREFIX}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        logs, trail = folder / "rotation.log", folder / "trail.json.gz"
        lines = "".join(f"2026-03-02T05:00:01.000Z {json.dumps(line)}\n" for line in stage.lines())
        logs.write_text(f"START RequestId: x\n{lines}")
        trail.write_bytes(gzip.compress(json.dumps({"Records": events}, indent=1).encode()))
        yield Told(stage=stage, copy=folder / "copy", logs=logs, trail=trail, old=old, new=new)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["audit", *args])


def brought(told: Told) -> tuple[str, ...]:
    return ("--folder", str(told.copy), "--logs", str(told.logs), "--trail", str(told.trail))


def section(text: str, title: str) -> list[str]:
    return text.partition(f"{title}\n")[2].partition("\n\n")[0].splitlines()


def test_the_three_questions_are_answered_from_a_copy_and_exports(told: Told) -> None:
    shown = keyturn(*brought(told), "--key", told.old, "--account", MEMBER, *DAYS)

    assert shown.exit_code == 0, shown.stdout
    [rotated] = section(shown.stdout, "Who rotated it")
    assert f"{told.old} of ann in {MEMBER}: rotated, " in rotated
    assert f"new key {told.new}" in rotated
    assert (
        'ordered by ops@example.com (by what the event says of itself), rotate because "INC-7"'
        in rotated
    )
    assert f"snapshots/date=2026-03-02/account={MEMBER}.json" in rotated
    assert "rotation.log:" in rotated
    [ordered] = section(shown.stdout, "Who ordered something")
    assert "[audit/2026-03-02/" in ordered
    notified = section(shown.stdout, "Who was notified")
    [first] = [line for line in notified if ", disable, " in line and "admin" not in line]
    assert f"{OWNER} by email, disable, disable on 2026-03-12, delete on 2026-03-22" in first
    assert "; accepted, message " in first
    assert "[receipts/" in first
    disabled = section(shown.stdout, "Disabled, revoked, deleted")
    assert "no order is stored for its run" in disabled[0]
    enabled = section(shown.stdout, "Who enabled it again")
    assert any(f"called by {MANAGER}" in line for line in enabled)
    [read] = section(shown.stdout, "Who read the new key")
    assert "read the secret from 203.0.113.9 (aws-cli/2), 2 times, last 2026-03-04 07:00Z" in read
    assert f"called by {READER}" in read
    assert f"NOT SEEN: No snapshot of {MEMBER}: 2026-03-03 to 2026-03-11." in shown.stdout.replace(
        "; what runs did then is not known by them", ""
    )
    assert "Read, of 2026-03-02 to 2026-03-13 (UTC): " in shown.stdout


def test_of_the_bucket_the_same_and_what_was_not_given_is_said(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(told.stage.cloud.role_session(HUB, ROTATION_ROLE)).items():
        monkeypatch.setenv(name, value)
    place = ("--bucket", BUCKET, "--prefix", PREFIX)

    shown = keyturn(*place, "--key", told.new, *DAYS)
    looked = keyturn(
        *place,
        *("--role-name", "asa-iam-key-auto-rotation", "--cloudtrail", "--user", "ann"),
        *("--account", MEMBER, *DAYS, "--format", "timeline"),
    )

    assert shown.exit_code == 0, shown.output
    assert f"new key {told.new}" in section(shown.stdout, "Who rotated it")[0]
    assert section(shown.stdout, "Who read the new key") == ["  nothing is known of it"]
    assert "NOT SEEN: No logs were given (--logs)" in shown.stdout
    assert "NOT SEEN: CloudTrail was not read" in shown.stdout
    assert "CloudTrail was not read" not in looked.stdout
    lines = [line for line in looked.stdout.splitlines() if line.startswith("2026-")]
    times = [line[:16] for line in lines]
    assert times == sorted(times)
    assert any("secret read" in line and READER in line for line in lines)
    assert any("enabled again" in line and MANAGER in line for line in lines)


def test_programs_get_json_and_csv_with_every_source(told: Told) -> None:
    args = (*brought(told), "--owner", OWNER, "--account", MEMBER, *DAYS)

    found = json.loads(keyturn(*args, "--format", "json").stdout)
    rows = list(csv.DictReader(keyturn(*args, "--format", "csv").stdout.splitlines()))

    validate(found, SCHEMAS["audit-answer"]())
    assert len(rows) == len(found["pieces"]) > 5
    assert all(each["sources"] for each in found["pieces"])
    told_of = [each for each in found["pieces"] if each["notified"]]
    assert {each["notified"]["address"] for each in told_of if each["notified"]["proves"]} == {
        OWNER
    }
    assert {row["kind"] for row in rows} >= {"rotated", "notified", "disabled", "ordered"}
    [rotated] = [each for each in found["pieces"] if each["kind"] == "rotated"]
    assert rotated["order"]["by"] == "ops@example.com"
    assert found["read"]["receipts"] > 0


def test_forged_and_malformed_evidence_is_named_and_raises_nothing(
    told: Told, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    for path in told.copy.rglob("*.json"):
        target = folder / path.relative_to(told.copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    receipt = next(path for path in folder.rglob("receipts/*/ann/*/disable/*.json"))
    body = json.loads(receipt.read_text())
    forged = {
        receipt.with_name("2026-03-12_2026-03-22.email.0123456789abcdef.json"): body,
        receipt.with_name("2026-03-11.email.json"): {
            **body,
            "promises": {"disable": "2026-01-01"},
        },
        receipt.with_name("2026-03-10.email.json"): [["x"] * 3],
        next(folder.rglob("audit/*/*-rotate-*.json")).with_name("050000Z-rotate-ff.json"): {},
        folder / "audit/2026-03-04/000000Z-revoke-aa.json": {"version": 1, "said": "\u202e"},
        folder / f"snapshots/date=2026-03-05/account={MEMBER}.json": {"date": told.old},
    }
    for path, what in forged.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(what))
    other = folder / f"snapshots/date=2026-03-06/account={MEMBER}.json"
    other.parent.mkdir(parents=True)
    other.write_bytes((folder / f"snapshots/date=2026-03-02/account={MEMBER}.json").read_bytes())
    logs, trail = tmp_path / "logs", tmp_path / "trail"
    logs.write_bytes(
        b'{"event": "write.made", "AccessKeyId": 7}\n{"a": \xff\n[[[[\n{"a":1,"a":2}\n'
    )
    trail.write_text('{"Records": [7, {"eventTime": "9999-99-99"}, {"CloudTrailEvent": "{"}]}')

    shown = keyturn(
        *("--folder", str(folder), "--key", told.old, "--account", MEMBER, *DAYS),
        *("--logs", str(logs), "--trail", str(trail)),
    )

    assert shown.exit_code == 1
    assert "Traceback" not in shown.output
    assert "bug" not in shown.output
    named = [line for line in shown.stdout.splitlines() if line.startswith("NOT TO BE TRUSTED")]
    for path in (*forged, other):
        assert any(str(path.relative_to(folder)) in line for line in named), path
    assert any("its name is that of another recipient" in line for line in named)
    assert any("it is of another day or account than its name says" in line for line in named)
    assert sum("is no event of CloudTrail's" in line for line in named) == 3
    assert section(shown.stdout, "Who rotated it"), "the rest is told all the same"


def test_what_an_order_did_is_told_where_it_is_asked_for_and_no_order_about_others(
    told: Told, tmp_path: Path
) -> None:
    entry = {
        **dict.fromkeys(("request", "run", "secret", "plan", "plan_sha256", "why")),
        "version": 1,
        "by": "arn:aws:iam::1:role/ops",
        "claimed": False,
        "account": MEMBER,
        "ended": "2026-03-13T09:00:05Z",
        "outcome": "done",
    }
    begun = {"begun": "2026-03-13T09:00:00Z"}
    about = {"key": told.old, "user": "ann", "said": [f"RESTORE {told.old}: asked for"]}
    other = {"key": None, "user": "bob", "said": ["expiry: 2026-05-01"]}
    entries: dict[str, dict[str, Any]] = {
        "restore-aa": {"command": "restore", **begun, **about},
        "restore-bb": {"command": "restore", **begun, **about, "outcome": "failed"},
        "exemptions-add-cc": {"command": "exemptions-add", **begun, **other},
    }
    folder = tmp_path / "audit" / "2026-03-13"
    folder.mkdir(parents=True)
    for name, said in entries.items():
        (folder / f"090000Z-{name}.json").write_text(json.dumps({**entry, **said}))

    asked = ("--folder", str(tmp_path), "--account", MEMBER, *DAYS)
    of_key, of_bob = keyturn(*asked, "--key", told.old), keyturn(*asked, "--user", "bob")

    [enabled] = section(of_key.stdout, "Who enabled it again")
    assert "[audit/2026-03-13/090000Z-restore-aa.json]" in enabled
    assert "RESTORE" in enabled
    assert len(section(of_key.stdout, "Who ordered something")) == 2
    assert "bob" not in of_key.stdout
    [ordered] = section(of_bob.stdout, "Who ordered something")
    assert "exemptions-add by arn:aws:iam::1:role/ops: done: expiry: 2026-05-01" in ordered
    assert "NOT TO BE TRUSTED" not in of_key.stdout


def test_of_nobody_known_it_says_so_and_the_code_is_1(told: Told) -> None:
    nobody = "AKIAIOSFODNN7EXAMPLE"
    for asked in (("--key", nobody), ("--owner", "nobody@example.com"), ("--user", "nobody")):
        shown = keyturn("--folder", str(told.copy), *asked, *DAYS)

        assert shown.exit_code == 1
        assert f"Nothing is known of {asked[0].removeprefix('--')} {asked[1]}" in shown.stdout
    for args, said in (
        ((), "needs --key, --user, --account or --owner"),
        (("--key", "x"), "must be an access key's id"),
        (("--owner", "x"), "--owner x: must be one e-mail address"),
        (("--account", "7"), "7"),
        (("--user", "ann", "--since", "yesterday"), "must be a date"),
        (("--user", "ann", "--since", "2026-03-04", "--until", "2026-03-03"), "must not be after"),
        (("--user", "ann", "--user", "bob"), "was given before as ann"),
        (("--user", "ann", "verify"), "its options go behind verify"),
    ):
        refused = keyturn("--folder", str(told.copy), *args)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
