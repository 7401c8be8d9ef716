"""`keyturn defer`: one key has more time, and every run, mail and answer knows of it."""

import json

import pytest
from typer.testing import CliRunner, Result

from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX, ROTATION_ROLE
from tests.cli.organisation import audit_entries, environment
from tests.cli.test_reachable import functions_of
from tests.test_schemas import validator
from tests.use_cases.harness import HUB, MEMBER, OWNER, Harness, decisions_of

DO_IT = ("--deployed", "--enforce", "--yes")
ASKED = ("--days", "20", "--ticket", "SEC-1")


def keyturn(stage: Harness, *arguments: str) -> Result:
    if not any(isinstance(layer, functions_of) for layer in stage.cloud.layers):
        stage.cloud.layers.append(functions_of(stage))
    # Member roles trust the rotation role, and whoever is named in OperatorPrincipalArn.
    session = stage.cloud.role_session(HUB, ROTATION_ROLE)
    return CliRunner(env=environment(session)).invoke(app, arguments)


def stored(stage: Harness, key: str) -> dict[str, object] | None:
    s3 = stage.cloud.session(HUB).client("s3")
    name = f"{PREFIX}/deferrals/{MEMBER}/{key}.json"
    if not s3.list_objects_v2(Bucket=BUCKET, Prefix=name)["KeyCount"]:
        return None
    found: dict[str, object] = json.loads(s3.get_object(Bucket=BUCKET, Key=name)["Body"].read())
    validator("deferral").validate(found)
    return found


def test_a_key_with_more_time_lives_until_its_new_dates(stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.run()

    dry = keyturn(stage.at(5), "defer", old, *ASKED, "--deployed")
    assert (dry.exit_code, stored(stage, old)) == (0, None)
    assert "Dry run: nothing was written." in dry.stderr
    given = keyturn(stage, "defer", old, *ASKED, "--reason", "a release freeze", *DO_IT)

    assert given.stdout == f"{old} of ann ({MEMBER}) has more time until 2026-03-27 (SEC-1).\n"
    found = stored(stage, old)
    assert found is not None
    assert (found["until"], found["why"]) == ("2026-03-27", "a release freeze")
    [entry] = audit_entries(stage.cloud.session(HUB).client("s3"), BUCKET, f"{PREFIX}/")
    assert (entry["command"], entry["user"], entry["key"]) == ("defer", "ann", old)
    assert entry["outcome"] == "done"
    # Told once, in words, with the new dates.
    mails = len(stage.cloud.sent_mails)
    assert ("NOTICE", "deferred") in decisions_of(stage.run(), "ann")
    [mail] = [each for each in stage.cloud.sent_mails[mails:] if OWNER in each.to]
    assert "More time for the access key of ann: it stops working on 6 April" in mail.subject
    for day in (8, 10, 24):
        answer = stage.at(day).run()
        assert ("KEEP", "deferred") in decisions_of(answer, "ann")
    explained = keyturn(stage, "explain", old, "--deployed").stdout
    assert "until 2026-03-27 (SEC-1)" in " ".join(explained.split())
    listed = keyturn(
        stage, "plan", "--deployed", "--account", MEMBER, "--format", "json", "--state", "DEFERRED"
    )
    [planned] = json.loads(listed.stdout)["accounts"][0]["decisions"]
    assert planned["key"] == old
    [decided] = [each for each in answer["decisions"] if each["key"] == old]
    assert decided["overlays"] == ["DEFERRED"]
    assert decided["next"] == {"action": "DISABLE", "date": "2026-04-06"}
    stage.at(34).run()
    assert stage.keys("ann")[old] == "Active"
    stage.at(35).run()
    assert stage.keys("ann")[old] == "Inactive"


def test_time_is_bounded_in_all_and_never_taken(stage: Harness) -> None:
    stage.settings["MaxDeferral"] = "25"
    [old] = stage.user("ann", 91)
    assert keyturn(stage, "defer", old, *ASKED, *DO_IT).exit_code == 0

    shorter = keyturn(stage, "defer", old, "--days", "20", "--ticket", "T", *DO_IT)
    far = keyturn(stage, "defer", old, "--days", "26", "--ticket", "T", *DO_IT)
    later = keyturn(stage.at(10), "defer", old, "--days", "16", "--ticket", "T", *DO_IT)
    last = keyturn(stage, "defer", old, "--days", "15", "--ticket", "T", *DO_IT)

    assert "has time until 2026-03-22, which is no sooner" in shorter.stderr
    assert far.stderr == "--days 26: must be at most 25 (MaxDeferral)\n"
    assert "can have it until 2026-03-27 at the latest (MaxDeferral=25)" in later.stderr
    assert [each.exit_code for each in (shorter, far, later, last)] == [1, 2, 1, 0]
    assert (stored(stage, old) or {})["until"] == "2026-03-27"


@pytest.mark.parametrize("broken", ["ListObjectsV2", "GetObject", "an odd object"])
def test_what_cannot_be_read_about_it_keeps_the_key(broken: str, stage: Harness) -> None:
    [old] = stage.user("ann", 137)
    stage.user("bob", 20)
    stage.run()
    keyturn(stage.at(5), "defer", old, "--days", "1", "--ticket", "T", *DO_IT)

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        about = request.params.get("Prefix", request.params.get("Key", ""))
        if request.operation == broken and "/deferrals/" in about:
            return refused(request, ApiError("AccessDenied", "Access Denied", 403))
        return perform(request)

    stage.cloud.layers.append(layer)
    if broken == "an odd object":
        s3 = stage.cloud.session(HUB).client("s3")
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/deferrals/{MEMBER}/{old}.json", Body=b"[]")
    answer = stage.at(30).run()
    revoked = keyturn(stage, "revoke", old, "--leaked", *DO_IT)

    assert ("WAIT", "deferral-unreadable") in decisions_of(answer, "ann")
    assert decisions_of(answer, "bob") == [("KEEP", "nothing-due")]
    assert any("whether an operator gave it" in each["message"] for each in answer["failures"])
    assert revoked.exit_code == 0, revoked.output
    assert stage.keys("ann")[old] == "Inactive"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bucket", "bucket"), "--days, --ticket: are needed"),
        (("--days", "0", "--ticket", "T"), "--days 0: must be at least 1"),
        (("--days", "1.5", "--ticket", "T"), "--days 1.5: must be a whole number of days"),
        (("--days", "5", "--ticket", " "), "--ticket: must not be empty"),
        (("--days", "5", "--ticket", "T"), "--bucket: is needed: there all runs look"),
    ],
)
def test_what_breaks_a_rule_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    run = CliRunner(env={"AWS_REGION": "us-east-1"})
    result = run.invoke(app, ["defer", "AKIAIOSFODNN7EXAMPLE", *arguments])

    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) == 1
