"""`keyturn audit verify` and `chain`: in the bucket, and in a copy of it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from typer.testing import CliRunner, Result

from keyturn.adapters.s3_evidence import S3Evidence
from keyturn.cli.app import app
from keyturn.domain.audit_chain import Head
from keyturn.use_cases.audit_chain import MakeChain
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.cli.organisation import environment
from tests.functions.test_reporter import published
from tests.schemas import SCHEMAS
from tests.use_cases.harness import ASKED, HUB, MINUTE, START, Harness

PLACE = ("--bucket", BUCKET, "--prefix", PREFIX)
HOUR = timedelta(hours=1)


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["audit", *args])


@pytest.fixture
def stage(stage: Harness, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Two orders and a daily digest, in the chain by the reporter's own turns."""
    for name, value in environment(stage.cloud.session(HUB)).items():
        monkeypatch.setenv(name, value)
    stage.user("ann", 12)
    stage.invoke({**ASKED, "ForceRotate": "ann"})
    stage.take_inventory()
    stage.rotate_queued()
    stage.cloud.move_to(START + HOUR)
    stage.report()
    stage.cloud.move_to(START + 2 * HOUR)
    stage.invoke({**ASKED, "Revoke": next(iter(stage.keys("ann")))})
    stage.report()
    return stage


def s3(stage: Harness) -> Any:  # noqa: ANN401 -- boto3 makes the class at run time
    return stage.cloud.session(HUB).client("s3")


def forger(stage: Harness) -> Any:  # noqa: ANN401 -- likewise
    """Somebody who may change the bucket's policy, which else keeps the evidence."""
    s3(stage).put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
    return s3(stage)


def named(stage: Harness, part: str) -> str:
    return next(name for name in sorted(stage.cloud.objects(BUCKET)) if part in name)


def copied(stage: Harness, folder: Path) -> Path:
    """As `aws s3 sync` copies it."""
    for name, body in stage.cloud.objects(BUCKET).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def test_the_reporters_chain_is_whole_in_the_bucket_and_in_a_copy(
    stage: Harness, tmp_path: Path
) -> None:
    logged = [line for line in stage.lines() if line["event"] == "audit.chained"]
    log = tmp_path / "reporter.log"
    log.write_text("".join(f"2026-03-02T06:00:00.000Z {json.dumps(each)}\n" for each in logged))
    since = len(stage.cloud.calls)

    shown = keyturn("verify", *PLACE, "--logs", str(log))
    reads = {call.operation for call in stage.cloud.calls[since:]}
    offline = keyturn(
        "verify", "--folder", str(copied(stage, tmp_path / "copy")), "--prefix", PREFIX
    )
    answer = keyturn("verify", *PLACE, "--format", "json")

    assert [each["link"] for each in logged] == [1, 2]
    assert shown.exit_code == 0, shown.stdout
    assert shown.stdout.startswith(f"Whole: s3://{BUCKET}/{PREFIX}/, 2 links, 7 objects as they")
    assert f"Last link: --head 2:{logged[1]['sha256']}" in shown.stdout
    assert "Receipts and snapshots are not in it" in shown.stdout
    assert reads == {"GetCallerIdentity", "ListObjectsV2", "GetObject"}
    assert offline.exit_code == 0
    assert "2 links, 7 objects as they were" in offline.stdout
    found = json.loads(answer.stdout)
    validate(found, SCHEMAS["audit-verdict"]())
    assert (found["whole"], found["last"]["number"]) == (True, 2)


def test_what_was_done_to_the_evidence_is_named_and_the_code_is_1(
    stage: Harness, tmp_path: Path
) -> None:
    entry, gone = named(stage, "-rotate-"), named(stage, "keys.csv")
    forger(stage).put_object(Bucket=BUCKET, Key=entry, Body=b"{}")
    forger(stage).delete_object(Bucket=BUCKET, Key=gone)
    stage.cloud.move_to(START + 72 * HOUR)
    stage.invoke({**ASKED, "ForceRotate": "ann"})
    stage.report()
    forger(stage).put_object(
        Bucket=BUCKET, Key=f"{PREFIX}/audit/2026-02-01/000000Z-run-x.json", Body=b"{}"
    )

    shown = keyturn("verify", *PLACE)

    assert shown.exit_code == 1
    broken = [line for line in shown.stdout.splitlines() if line.startswith("BROKEN")]
    assert broken[:2] == [
        f"BROKEN: {gone.removeprefix(PREFIX + '/')} is gone",
        f"BROKEN: {entry.removeprefix(PREFIX + '/')} was changed",
    ]
    [late] = broken[2:]
    assert late.startswith("BROKEN: audit/2026-02-01/000000Z-run-x.json is not in the chain")

    # And the end of a chain, by what was written down of it.
    [*_, last] = [line for line in stage.lines() if line["event"] == "audit.chained"]
    log = tmp_path / "log.json"
    messages = [json.dumps(last), json.dumps({**last, "link": [0]}), "{"]
    log.write_text(json.dumps({"events": [{"message": each} for each in messages]}, indent=1))
    s3(stage).delete_object(Bucket=BUCKET, Key=f"{PREFIX}/audit/chain/0000000003.json")
    cut = "BROKEN: the chain's end is cut off: {} names link {}, and the last one is {}"

    by_log = keyturn("verify", *PLACE, "--logs", str(log))
    by_head = keyturn("verify", *PLACE, "--head", f"3:{last['sha256']}")

    assert cut.format(f"{log}, event 1", 3, 2) in by_log.stdout
    assert f"{log}, event 2 names no link: it is not compared with" in by_log.stdout
    assert f"{log}, event 3 is no JSON: it is not compared with" in by_log.stdout
    assert cut.format("--head", 3, 2) in by_head.stdout
    assert "the chain's end is cut off" not in keyturn("verify", *PLACE).stdout

    # A mail that the administrators have knows an end, too.
    [*_, mailed] = published(stage)
    s3(stage).delete_object(Bucket=BUCKET, Key=f"{PREFIX}/audit/chain/0000000002.json")
    by_mail = keyturn("verify", *PLACE, "--head", mailed["chain_end"])
    assert cut.format("--head", 2, 1) in by_mail.stdout


def test_without_a_reporter_it_is_made_by_hand_and_of_two_at_once_one_does_it(
    stage: Harness,
) -> None:
    stage.invoke({**ASKED, "ForceRotate": "ann"})
    slow = MakeChain(store=S3Evidence(s3(stage), bucket=BUCKET, prefix=PREFIX))
    found: list[Head] = []
    dry = keyturn("chain", *PLACE)
    waits = keyturn("verify", *PLACE)

    class Overtaken(S3Evidence):
        """Between its look and its write, another makes the link."""

        def add(self, name: str, body: bytes) -> None:
            if not found:
                found.extend(slow.turn(stage.cloud.now, lambda: True))
            super().add(name, body)

    late = MakeChain(store=Overtaken(s3(stage), bucket=BUCKET, prefix=PREFIX))
    lost = list(late.turn(stage.cloud.now + MINUTE, lambda: True))

    assert dry.stdout == "2 objects would be put into the chain.\n"
    assert "2 objects stored since the last link" in waits.stdout
    assert ([head.number for head in found], lost) == ([3], [])
    assert "since the last link" not in keyturn("verify", *PLACE).stdout
    stage.invoke({**ASKED, "ForceRotate": "ann"})
    assert keyturn("chain", *PLACE, "--enforce").stdout.startswith("Made link --head 4:")
    assert keyturn("verify", *PLACE).exit_code == 0


def test_a_leaked_key_waits_for_no_chain(stage: Harness) -> None:
    """Who writes an entry reads and writes nothing of the chain, and a broken one stops nobody."""
    [*_, key] = stage.user("bob", 12)
    forger(stage).put_object(Bucket=BUCKET, Key=f"{PREFIX}/audit/chain/0000000009.json", Body=b"x")
    since = stage.mark()

    stage.invoke({**ASKED, "Revoke": key})

    assert stage.keys("bob")[key] == "Inactive"
    assert not [call for call in stage.ours(since) if "audit/chain" in str(call.params)]
    assert keyturn("verify", *PLACE).exit_code == 1


def test_where_to_look_has_to_be_said(tmp_path: Path) -> None:
    for args, said in (
        (("verify",), "--bucket: is needed, or --deployed, or --folder"),
        (("verify", "--folder", str(tmp_path)), "must be a copy of the bucket"),
        (
            ("verify", "--folder", str(tmp_path), "--bucket", "b"),
            "--bucket: goes without --folder",
        ),
        (("verify", *PLACE, "--head", "x"), "--head x: must be a link's number"),
        (("chain", "--folder", str(tmp_path)), "is a copy"),
    ):
        refused = keyturn(*args)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr
