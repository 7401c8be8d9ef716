"""The exemptions file beside the exemption group, as the rotation function sees both."""

import json
from typing import Any

import pytest

from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from keyturn_sandbox.simulation.deployment import BUCKET, PREFIX
from tests.use_cases.harness import HUB, MEMBER, OWNER, Harness, decisions_of

FILE = f"""\
version: 1
exemptions:
- {{account: "{MEMBER}", user: ann, ticket: SEC-1, owner: erp@example.com, reason: x, expiry: END}}
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


def subjects(stage: Harness) -> list[str]:
    return [mail.subject for mail in stage.cloud.sent_mails if OWNER in mail.to]


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
    [mail] = subjects(exempted)
    assert "2 are exempt no longer than 16 March" in mail
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
