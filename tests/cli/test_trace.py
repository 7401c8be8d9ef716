"""`keyturn trace`: where a key is used, page by page, and what could not be read."""

import json
from datetime import timedelta

import pytest
from jsonschema import validate
from typer.testing import CliRunner, Result

from keyturn.adapters.clients import client
from keyturn.adapters.cloudtrail import BEHIND_A_THROTTLE, EventHistory
from keyturn.adapters.pace import Pace
from keyturn.cli.app import app
from keyturn_sandbox.emulator.cloud import LocalCloud, Perform
from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, ApiResponse, refused
from tests.cli.organisation import NOW, OURS, add_user
from tests.schemas import SCHEMAS


def keyturn(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["trace", *args])


def see(  # noqa: PLR0913 -- what a call is
    cloud: LocalCloud,
    key: str,
    address: str,
    *,
    times: int = 1,
    region: str = "us-east-1",
    agent: str = "aws-cli/2",
    error: str | None = None,
) -> None:
    for number in range(times):
        event = {
            "eventTime": f"{cloud.now - timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
            "eventName": "AssumeRole",
            "eventSource": "sts.amazonaws.com",
            "sourceIPAddress": address,
            "userAgent": agent,
            **({"errorCode": error} if error else {}),
        }
        cloud.see_call(OURS, key, json.dumps(event), region)


@pytest.fixture
def key(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("time.sleep", lambda _: None)
    [key] = add_user(cloud, OURS, "ann", 40)
    cloud.use_key(OURS, key, NOW, "s3", "eu-west-1")
    return key


def test_each_program_is_named_with_how_often_and_from_where(cloud: LocalCloud, key: str) -> None:
    see(cloud, key, "203.0.113.1", times=60)  # more than a page
    see(cloud, key, "203.0.113.2", region="eu-west-1", error="AccessDenied")
    see(cloud, key, "203.0.113.3", region="ap-south-1", agent="x\u202e https://evil.example")

    shown = keyturn(key, "--in-region", "ap-south-1")
    answer = json.loads(keyturn(key, "--format", "json").stdout)
    few = keyturn(key, "--most", "50")

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[:3] == [
        f"{key} of ann in {OURS}: Active",
        "Last used, by IAM: 2026-03-02 04:00Z, s3 in eu-west-1",
        "CloudTrail since 2025-12-02, in eu-west-1, us-east-1, ap-south-1: 62 calls",
    ]
    assert (
        "  sts.amazonaws.com in us-east-1 from 203.0.113.1 by aws-cli/2: 60 calls, "
        "2026-03-02 03:01Z to 2026-03-02 04:00Z"
    ) in shown.stdout
    assert "from 203.0.113.2 by aws-cli/2: 1 call, 1 of them refused" in shown.stdout
    assert "\u202e" not in shown.stdout
    assert "https[://]evil" in shown.stdout
    validate(answer, SCHEMAS["trace"]())
    assert [(each["address"], each["calls"]) for each in answer["uses"]] == [
        ("203.0.113.1", 60),
        ("203.0.113.2", 1),
    ]
    assert few.exit_code == 1
    assert "NOT SEEN: CloudTrail in us-east-1 has more" in few.stdout


def test_what_was_read_is_shown_where_a_region_does_not_answer(
    cloud: LocalCloud, key: str
) -> None:
    see(cloud, key, "203.0.113.2", region="eu-west-1")

    def off(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "LookupEvents" and request.region == "us-east-1":
            return refused(request, ApiError("UnrecognizedClientException", "off", 400))
        return perform(request)

    cloud.layers.append(off)

    shown = keyturn(key)

    assert shown.exit_code == 1
    assert "from 203.0.113.2 by aws-cli/2: 1 call, " in shown.stdout
    assert "NOT SEEN: CloudTrail in us-east-1 did not answer after 0 events" in shown.stdout
    for args, said in (
        (("x",), "must be an access key's id"),
        ((key, "--in-region", "here"), "--in-region here: must be a region"),
        ((key, "--most", "0"), "--most 0: must be at least 1"),
    ):
        wrong = keyturn(*args)
        assert (wrong.exit_code, said in wrong.stderr) == (2, True), wrong.output


def test_two_lookups_a_second_are_kept_to_and_a_throttled_one_is_asked_again(
    cloud: LocalCloud, key: str
) -> None:
    see(cloud, key, "203.0.113.1", times=120)
    slept: list[float] = []
    throttled = iter([True, *[False] * 3])

    def busy(request: ApiRequest, perform: Perform) -> ApiResponse:
        if request.operation == "LookupEvents" and next(throttled):
            return refused(request, ApiError("ThrottlingException", "slow down", 400))
        return perform(request)

    cloud.layers.append(busy)
    history = EventHistory(
        lambda region: client(
            cloud.session(OURS), "cloudtrail", attempts=1, waits=False, region=region
        ),
        turns=lambda: Pace(lambda: 2.0, lambda: NOW),
        sleep=slept.append,
    )

    pages = list(
        history.pages(
            "us-east-1", "AccessKeyId", key, since=NOW - timedelta(days=90), until=cloud.now
        )
    )

    assert [len(page) for page in pages] == [50, 50, 20]
    assert slept == [
        0,
        BEHIND_A_THROTTLE,
        0.5,
        1.0,
        1.5,
    ]  # the clock stands still: each turn is later
