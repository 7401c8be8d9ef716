"""Whose the bucket is, stands in every call: its name alone could be anybody's."""

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from typer.testing import CliRunner

from keyturn.cli.app import app
from keyturn_sandbox.emulator.call_log import Call
from keyturn_sandbox.emulator.cloud import LocalCloud
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.cli import organisation
from tests.cli.organisation import OURS, ROLE, SHOP, TELLING, add_user
from tests.cli.test_deploy import opened
from tests.cli.test_doctor import doctor, ses_beyond_moto
from tests.use_cases.harness import ASKED, HUB, Harness, staged

SRC = Path(__file__).parents[2] / "src" / "keyturn"
NAMELESS = {"CreateBucket", "ListBuckets"}
"""Operations that know no owner."""


def without_owner(calls: Iterable[Call], owner: str) -> list[str]:
    return [
        f"{call.operation} {call.params.get('Key', call.params.get('Prefix', ''))}"
        for call in calls
        if call.service == "s3"
        and call.operation not in NAMELESS
        and call.params.get("ExpectedBucketOwner") != owner
    ]


def operations(calls: Iterable[Call]) -> set[str]:
    return {call.operation for call in calls if call.service == "s3"}


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def test_every_call_of_the_functions_names_the_owner(stage: Harness) -> None:
    stage.user("ann", 137)
    [leaked] = stage.user("bob", 12)
    hands = stage.cloud.session(HUB).client("s3")
    plan = {"version": 1, "generated_at": "2026-01-01T00:00:00Z", "accounts": []}
    body = json.dumps(plan).encode()
    hands.put_object(Bucket=BUCKET, Key=f"{PREFIX}/plans/p.json", Body=body, IfNoneMatch="*")
    hands.put_object(Bucket=BUCKET, Key=f"{PREFIX}/Template/owner/x.txt", Body=b"Ahoy")
    since = stage.mark()

    stage.run()
    stage.at(10).run()
    stage.run({**ASKED, "Revoke": leaked})
    stage.hand_over({"Pause": "a look", "by": "ops"})
    stage.hand_over({"Resume": "seen", "by": "ops"})
    stage.take_inventory()
    stage.rotate_queued()

    calls = stage.ours(since)
    assert without_owner(calls, HUB) == []
    assert operations(calls) >= {"PutObject", "GetObject", "ListObjectsV2", "DeleteObject"}


def test_every_call_from_a_laptop_names_the_owner() -> None:
    runner = CliRunner()
    everywhere = ("--role-name", ROLE, "--account", SHOP)
    bucket = ("--bucket", organisation.BUCKET)
    with LocalCloud(now=organisation.NOW) as cloud, pytest.MonkeyPatch.context() as patched:
        organisation.build(cloud)
        [leaked] = add_user(cloud, SHOP, "orders", 40)
        add_user(cloud, SHOP, "deploy", 137)
        for name, value in organisation.environment(cloud.session(OURS)).items():
            patched.setenv(name, value)
        cloud.calls.clear()
        for command in (
            ("plan", *everywhere, *bucket),
            ("run", *everywhere, "--enforce", "--yes", *TELLING),
            ("revoke", leaked, "--leaked", *everywhere, "--enforce", "--yes", *TELLING),
            ("pause", *bucket, "--enforce", "--yes", "--reason", "a look"),
            ("resume", *bucket, "--enforce", "--yes"),
        ):
            result = runner.invoke(app, command)
            assert result.exception is None or isinstance(result.exception, SystemExit)

        assert without_owner(cloud.calls, OURS) == []
        assert operations(cloud.calls) >= {"PutObject", "GetObject", "ListObjectsV2"}


def test_every_call_of_a_deployment_and_of_the_doctor_names_the_owner(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []
    make = Endpoint.make_request

    def noted(self: Endpoint, model: Any, request: dict[str, Any]) -> Any:  # noqa: ANN401 -- botocore's own
        if model.service_model.service_name == "s3":
            owner = request["headers"].get("x-amz-expected-bucket-owner")
            asked.append((model.name, owner))
        return make(self, model, request)

    with opened(tmp_path) as world, ses_beyond_moto(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(Endpoint, "make_request", noted)
        assert world.deploy(*world.first).exit_code == 0
        assert world.security in doctor().stdout

        nameless = {name for name, owner in asked if owner != world.security}
        assert nameless == {"CreateBucket"}
        assert {"HeadObject", "PutBucketPolicy", "ListObjectsV2"} <= {name for name, _ in asked}


def test_no_client_of_s3_is_made_anywhere_else() -> None:
    made = {
        path.relative_to(SRC).as_posix()
        for path in SRC.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and any(isinstance(each, ast.Constant) and each.value == "s3" for each in node.args)
    }

    # wiring.py keeps the client that it is given under that name, and the probes ask for theirs by
    # it: rehearsal/wiring.py makes it as all others.
    assert made - {"wiring.py", "rehearsal/probes/s3.py"} == {"adapters/clients.py"}
    assert "bucket_client(" in (SRC / "rehearsal/wiring.py").read_text()
    assert 'client(self.session, "s3"' not in (SRC / "wiring.py").read_text()


def test_a_bucket_that_changed_hands_is_not_believed(stage: Harness) -> None:
    """Whoever takes the name of a bucket that is gone could let us in, and answer as they like."""
    [old] = stage.user("ann", 137)
    stage.run()
    attacker = stage.cloud.organization.create_account("attacker", "a@example.com")
    stage.cloud.take_over(BUCKET, attacker)

    answer = stage.at(10).invoke()

    assert answer["failures"]
    assert stage.keys("ann")[old] == "Active"
