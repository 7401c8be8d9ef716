"""The contract of `ports.Audit`, for the fake and for S3."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest
from botocore.exceptions import ReadTimeoutError

from keyturn.adapters.clients import client
from keyturn.adapters.s3_audit import S3Audit
from keyturn.domain.errors import AlreadyThere, PortError
from keyturn.ports import Audit, AuditEntry
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.fakes import FakeAudit
from tests.use_cases.harness import HUB, START

BUCKET = "asa-audit"
ENTRY = AuditEntry(
    entry_id="a1", command="restore", at=START, by="arn:aws:iam::1:user/ops", why="INC-7"
)


class Scene(Protocol):
    audit: Audit

    def kept(self) -> Sequence[tuple[str, str | None, str]]:
        """Command, why and outcome of each entry."""
        ...


class FakeScene:
    def __init__(self) -> None:
        self.fake = FakeAudit()
        self.audit: Audit = self.fake

    def kept(self) -> Sequence[tuple[str, str | None, str]]:
        return [(each.command, each.why, each.outcome) for each in self.fake.written]


class CloudScene:
    def __init__(self, cloud: LocalCloud) -> None:
        self.s3 = cloud.session(HUB).client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.audit: Audit = S3Audit(
            client(cloud.session(HUB), "s3"), bucket=BUCKET, prefix="asa/rotation/"
        )

    def kept(self) -> Sequence[tuple[str, str | None, str]]:
        documents = sorted(self.documents().values(), key=lambda each: str(each["ended"] or ""))
        return [(each["command"], each["why"], each["outcome"]) for each in documents]

    def documents(self) -> dict[str, dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        names = [each["Key"] for each in found]
        return {
            name: json.loads(self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read())
            for name in names
        }


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(now=START) as opened:
        opened.organization.create_account("hub", "hub@example.com", account_id=HUB)
        yield opened


@pytest.fixture(params=["fake", "s3"])
def scene(request: pytest.FixtureRequest, cloud: LocalCloud) -> Scene:
    return FakeScene() if request.param == "fake" else CloudScene(cloud)


def test_the_end_of_a_command_stands_beside_its_beginning(scene: Scene) -> None:
    scene.audit.write(ENTRY)
    begun = scene.kept()
    scene.audit.write(replace(ENTRY, outcome="done", ended=START + timedelta(seconds=9)))

    assert begun == [("restore", "INC-7", "begun")]
    assert scene.kept() == [*begun, ("restore", "INC-7", "done")]


@pytest.mark.parametrize("outcome", ["begun", "done"])
def test_no_entry_is_ever_overwritten(scene: Scene, outcome: str) -> None:
    scene.audit.write(replace(ENTRY, outcome=outcome))

    with pytest.raises(AlreadyThere):
        scene.audit.write(replace(ENTRY, outcome=outcome, why="nothing to see here"))

    assert scene.kept() == [("restore", "INC-7", outcome)]


def test_an_entry_whose_answer_was_lost_is_not_refused_as_somebody_elses(
    cloud: LocalCloud,
) -> None:
    scene = CloudScene(cloud)
    lost: list[ApiResponse] = []

    def lose(request: ApiRequest, perform: Perform) -> ApiResponse:
        answer = perform(request)
        if request.operation == "PutObject" and not lost:
            lost.append(answer)
            raise ReadTimeoutError(endpoint_url=request.http.url)
        return answer

    cloud.layers.append(lose)
    scene.audit.write(ENTRY)

    assert len(lost) == 1
    assert scene.kept() == [("restore", "INC-7", "begun")]


def test_two_commands_of_one_second_are_two_entries(scene: Scene) -> None:
    scene.audit.write(ENTRY)
    scene.audit.write(replace(ENTRY, entry_id="a2"))

    assert len(scene.kept()) == 2


def test_an_entry_is_found_by_day_time_and_command_and_says_it_all(cloud: LocalCloud) -> None:
    scene = CloudScene(cloud)

    scene.audit.write(
        replace(
            ENTRY,
            account="222222222222",
            user="ann",
            key="AKIAIOSFODNN7EXAMPLE",
            run="r1",
            request="q1",
            outcome="failed",
            said=("AccessDenied",),
            ended=START + timedelta(seconds=9),
        )
    )

    assert scene.documents() == {
        "asa/rotation/audit/2026-03-02/050000Z-restore-a1.json": {
            "version": 1,
            "command": "restore",
            "by": "arn:aws:iam::1:user/ops",
            "claimed": False,
            "request": "q1",
            "why": "INC-7",
            "account": "222222222222",
            "user": "ann",
            "key": "AKIAIOSFODNN7EXAMPLE",
            "secret": None,
            "plan": None,
            "plan_sha256": None,
            "run": "r1",
            "begun": "2026-03-02T05:00:00Z",
            "ended": "2026-03-02T05:00:09Z",
            "outcome": "failed",
            "said": ["AccessDenied"],
        }
    }


def test_a_bucket_that_is_not_there_is_an_error_of_ours(cloud: LocalCloud) -> None:
    audit = S3Audit(cloud.session(HUB).client("s3"), bucket="nobodys")

    with pytest.raises(PortError, match="PutObject: NoSuchBucket"):
        audit.write(ENTRY)
