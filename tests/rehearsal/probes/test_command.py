"""`keyturn rehearse --probes`, as an operator types it."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.rehearsal.model.permissions import Wanted, policies
from keyturn.rehearsal.probes.catalogue import PROBES, UNPROBED
from keyturn.rehearsal.probes.probe import Probe
from keyturn_sandbox.emulator.cloud import Perform
from keyturn_sandbox.emulator.faults import KilledError
from keyturn_sandbox.emulator.protocol import ApiRequest, ApiResponse
from tests.cli.organisation import BUCKET, OURS, SEALED
from tests.rehearsal.scene import CLEAN, Rehearsing

PROBING = ("rehearse", "--probes", "--bucket", BUCKET, *SEALED, "--yes")


ONE_OF_EACH_KIND = [
    each
    for name in ("third-key", "group-members", "labels-move", "listed-at-once", "batch-in-part")
    for each in ("--only", name)
] + ["--only", "put-in-part"]
"""Users, groups, secrets, objects, queues, buses."""


def test_each_probe_is_tried_told_and_cleaned_up(operator: Rehearsing, tmp_path: Path) -> None:
    operator.keyturn(*PROBING, "--report", str(tmp_path / "report.json"))

    text = (tmp_path / "report.json").read_text()
    answer = json.loads(text)
    found = {each["name"]: each for each in answer["findings"]}
    assert list(found) == [probe.name for probe in PROBES]
    assert {each["kind"] for each in answer["findings"]} == {"probe"}
    # What the local AWS has not, docs/fidelity.md says.
    others = {name for name, each in found.items() if each["verdict"] != "as-expected"}
    assert others == {"kms-refusal", "bus-condition"}
    assert answer["clean_up"]["left"] == []
    assert operator.left() == []
    assert operator.client("sqs").list_queues().get("QueueUrls", []) == []
    buses = operator.client("events").list_event_buses(NamePrefix="keyturn-rehearsal")
    assert buses["EventBuses"] == []
    assert operator.others() == operator.before
    assert "AKIA" not in text
    assert OURS not in text
    assert not [each for each in operator.cloud.secret_values().values() if each in text]


def test_without_bucket_and_seal_key_the_others_are_tried(operator: Rehearsing) -> None:
    result = operator.keyturn("rehearse", "--probes", "--only", "if-none-match", "--yes")

    assert result.exit_code == 1
    assert "no bucket is given (--bucket)" in result.stdout
    assert "0 as expected, 0 different, 1 not tried" in result.stdout


def test_one_probe_alone_is_tried(operator: Rehearsing) -> None:
    result = operator.keyturn(*PROBING, "--only", "third-key")

    assert result.exit_code == 0, result.output
    assert "1 as expected, 0 different, 0 not tried" in result.stdout
    assert "LimitExceeded" in result.stdout


@pytest.mark.parametrize("name", ["third-kay", "rotated", UNPROBED[0].name])
def test_a_name_that_no_probe_has_is_refused_before_anything_is_asked(
    operator: Rehearsing, name: str
) -> None:
    result = operator.keyturn(*PROBING, "--only", name)

    assert result.exit_code == 2
    assert f"--only {name}: must be one of third-key" in " ".join(result.stderr.split())
    assert operator.made_by_operator() == []


def test_where_nobody_may_make_users_nothing_is_tried(operator: Rehearsing) -> None:
    operator.cloud.deny(OURS, "iam:CreateUser")

    result = operator.keyturn(*PROBING)

    assert result.exit_code == 1
    assert f"0 as expected, 0 different, {len(PROBES)} not tried" in result.stdout
    assert "no user could be made" in result.stdout
    assert operator.left() == []


def killed_at(number: int) -> Callable[[ApiRequest, Perform], ApiResponse]:
    """Let the process end when a call's effect is done."""
    came = 0

    def layer(request: ApiRequest, perform: Perform) -> ApiResponse:
        nonlocal came
        came += 1
        answer = perform(request)
        if came == number:
            raise KilledError
        return answer

    return layer


@pytest.mark.parametrize(
    ("number", "only"),
    [
        *((number, ONE_OF_EACH_KIND) for number in (3, 7, 11, 14, 19, 24, 30, 36, 41)),
        *((number, []) for number in (100, 270, 440)),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value),
)
def test_killed_at_a_call_and_cleaned_up_later_nothing_is_left(
    number: int, only: list[str], operator: Rehearsing
) -> None:
    operator.cloud.layers.append(killed_at(number))
    with suppress(KilledError):
        operator.keyturn(*PROBING, *only)
    operator.cloud.layers.pop()
    # IAM is seconds late; the list of secrets is minutes late, and is not waited for.
    operator.cloud.move_to(operator.cloud.now + timedelta(minutes=1))

    cleaned = operator.keyturn(*CLEAN)

    assert cleaned.exit_code == 0, cleaned.output
    assert operator.left() == []
    assert operator.client("sqs").list_queues().get("QueueUrls", []) == []
    assert operator.others() == operator.before


def actions_in(wanted: Wanted) -> set[str]:
    return {
        action
        for policy in policies(wanted).values()
        for statement in policy["Statement"]  # type: ignore[attr-defined]  # a list of statements
        for action in statement["Action"]
    }


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_policies_to_copy_allow_what_a_probe_takes(probe: Probe) -> None:
    assert set(probe.actions) <= actions_in(Wanted(exemption_group="g"))


def test_for_the_story_alone_they_allow_no_queue_and_no_bus() -> None:
    allowed = actions_in(Wanted(exemption_group="g", has_probes=False))

    assert not [each for each in allowed if each.startswith(("sqs:", "events:"))]
