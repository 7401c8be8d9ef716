"""What CloudWatch is told: the alarms watch these numbers and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from keyturn.domain.errors import Denied, InvalidValue, Unexpected
from keyturn.functions import rotation
from keyturn.functions.metrics import METRICS, NAMESPACE, Service
from keyturn_sandbox.emulator.cloud import MANAGEMENT_ACCOUNT
from tests.use_cases.harness import (
    ASKED,
    CLOSED,
    HUB,
    MEMBER,
    Harness,
    batch,
    lose_answer,
    staged,
)

NOTHING_YET = {"OldestKeyAge", "AverageKeyAge"}
"""What has no value where there is no key."""


@pytest.fixture
def stage() -> Iterator[Harness]:
    with staged() as stage:
        yield stage


def last(stage: Harness) -> dict[str, Any]:
    """The values of the last line."""
    return values(stage.measured()[-1])


def values(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value[0] for name, value in line.items() if isinstance(value, list)}


def names(service: Service) -> set[str]:
    return {each.name for each in METRICS.values() if each.service is service}


def test_a_line_is_of_the_form_that_cloudwatch_reads(stage: Harness) -> None:
    stage.user("ann", 137)

    answer = stage.invoke()

    [line] = stage.measured()
    [told] = line["_aws"]["CloudWatchMetrics"]
    assert told["Namespace"] == NAMESPACE
    assert told["Dimensions"] == [["service"]]
    assert line["service"] == "key-rotation"
    assert {each["Name"]: each["Unit"] for each in told["Metrics"]} == {
        each.name: each.unit for each in METRICS.values() if each.service is Service.ROTATION
    }
    assert {each.unit for each in METRICS.values()} <= {unit.value for unit in MetricUnit}
    assert line["_aws"]["Timestamp"] // 1000 == int(stage.cloud.now.timestamp())
    assert (line["account"], line["run"]) == (MEMBER, answer["run"])


def test_a_run_measures_what_it_saw_and_did(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.user("bob", 83)
    stage.user("carl")
    stage.user("dora", 300)
    stage.user("emil", 400, 200)
    stage.exempt("dora")

    stage.run()

    assert values(stage.measured()[0]) == {
        "KeysActive": 4,
        "KeysRotated": 1,
        "KeysDisabled": 0,
        "OldestKeyAge": 400,
        "AverageKeyAge": (137 + 83 + 300 + 400 + 200) / 5,
        "Users": 5,
        "ExemptUsers": 1,
        "KeysBlocked": 2,
        "KeysOverCap": 0,
        "QuarantinedKeys": 0,
        "KeysReachNobody": 0,
        "KeysOverdue": 3,  # ann's, and both of emil's; dora is exempt
        "KeysRestored": 0,
        "SuccessorsTaken": 0,
        "KeysLeaked": 0,
        "KeysContested": 0,
        "ExemptionsFound": 0,
        "RunsDropped": 0,
        "Paused": 0,
        "ActionsWarned": 1,
        "ActionsNoticed": 0,
        "ActionsRotated": 1,
        "RotationsFailed": 0,
        "RotationsFailedAccounts": 0,
        "ActionsDisabled": 0,
        "ActionsDeleted": 0,
        "Failures": 0,
        "RunCompleted": 1,
        "AccountsReached": 1,
        "AccountsFailed": 0,
    }


def test_the_end_of_a_key_is_measured_on_its_days(stage: Harness) -> None:
    stage.user("ann", 90)
    happened = {}
    for day in range(21):
        stage.at(day).run()
        line = next(values(each) for each in reversed(stage.measured()) if "RunCompleted" in each)
        done = {name for name in line if name.startswith("Actions") and line[name]}
        if done:
            happened[day] = done

    assert happened == {
        0: {"ActionsRotated"},
        7: {"ActionsWarned"},
        10: {"ActionsDisabled"},
        17: {"ActionsWarned"},
        20: {"ActionsDeleted"},
    }


@pytest.mark.parametrize(("age", "overdue"), [(113, 0), (114, 0), (115, 1)])
def test_a_key_is_overdue_two_weeks_after_its_end_and_not_on_the_day(
    stage: Harness, age: int, overdue: int
) -> None:
    stage.user("ann", age)

    stage.invoke()

    assert last(stage)["KeysOverdue"] == overdue


def test_the_key_of_an_exempt_user_and_a_disabled_one_are_never_overdue(stage: Harness) -> None:
    stage.user("dora", 300)
    stage.exempt("dora")
    [key] = stage.user("emil", 300)
    stage.iam().update_access_key(UserName="emil", AccessKeyId=key, Status="Inactive")

    stage.invoke()

    assert last(stage)["KeysOverdue"] == 0


def test_a_restoration_is_measured_once(stage: Harness) -> None:
    [key] = stage.user("ann", 90)
    stage.run()
    stage.at(10).run()
    stage.iam().update_access_key(UserName="ann", AccessKeyId=key, Status="Active")
    restored = []
    for day in (11, 11.1, 11.2, 12, 13):
        # Without the notifier: nobody is notified yet, and each run says so again.
        stage.at(day).invoke()
        lines = [values(each) for each in stage.measured() if "KeysRestored" in each]
        restored.append(lines[-1]["KeysRestored"])

    assert restored == [1, 0, 0, 0, 0]


def test_a_dry_run_measures_keys_and_no_action(stage: Harness) -> None:
    stage.user("ann", 137)

    stage.invoke({**ASKED, "dryrun": True})

    line = last(stage)
    assert line["KeysActive"] == 1
    assert not any(line[name] for name in line if name.startswith("Actions"))


def test_an_account_without_keys_has_no_age_rather_than_a_young_one(stage: Harness) -> None:
    stage.user("carl")

    stage.invoke()

    assert last(stage).keys() == names(Service.ROTATION) - NOTHING_YET


def test_a_key_that_nobody_can_have_is_measured_until_it_is_gone(stage: Harness) -> None:
    stage.user("ann", 90)
    stage.cloud.layers.append(lose_answer("CreateAccessKey"))
    stage.run()

    seen = []
    for day in (1, 2, 3):
        stage.at(day).invoke()
        seen.append(last(stage)["QuarantinedKeys"])

    assert seen == [1, 0, 0]  # it was made Inactive, then removed


def test_a_users_failure_is_measured_and_the_account_is_not_failed(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "CreateAccessKey")

    stage.invoke()

    line = last(stage)
    assert (line["Failures"], line["RunCompleted"], line["AccountsFailed"]) == (1, 1, 0)
    # An account that forbids new keys is no rotation that was begun: it pauses nobody else's.
    assert (line["ActionsRotated"], line["RotationsFailed"]) == (0, 0)


def test_a_rotation_that_was_begun_and_failed_is_measured_with_its_account(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(MEMBER, "PutSecretValue")

    stage.invoke()

    line = last(stage)
    assert (line["RotationsFailed"], line["RotationsFailedAccounts"]) == (1, 1)


def test_an_account_that_cannot_be_entered_is_measured_as_failed_and_the_others_go_on(
    stage: Harness,
) -> None:
    stage.user("ann", 137)
    stage.cloud.organization.create_account("bought", "b@example.com", account_id=CLOSED)
    stage.send({"account": CLOSED}, group=CLOSED)
    stage.send(ASKED)

    stage.rotate_queued()

    of: dict[str, list[dict[str, float]]] = {CLOSED: [], MEMBER: []}
    for line in stage.measured():
        of[line["account"]].append(values(line))
    assert len(of[CLOSED]) == 3
    for line in of[CLOSED]:
        assert (line["AccountsFailed"], line["AccountsReached"], line["RunCompleted"]) == (1, 0, 0)
        assert line["KeysActive"] == 0
    [line] = of[MEMBER]
    assert (line["AccountsFailed"], line["AccountsReached"], line["RunCompleted"]) == (0, 1, 1)
    assert line["KeysActive"] == 1


def test_a_run_that_nobody_could_be_told_of_is_reached_and_failed(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.cloud.deny(HUB, "PutEvents")

    stage.invoke()

    line = last(stage)
    assert (line["AccountsFailed"], line["AccountsReached"], line["RunCompleted"]) == (1, 1, 0)


def test_a_message_that_makes_no_run_is_measured_as_failed(stage: Harness) -> None:
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.rotation_queue,
        MessageBody="not JSON",
        MessageGroupId="999999999999",
        MessageDeduplicationId="malformed",
    )

    stage.rotate_queued()

    assert [values(line) for line in stage.measured()] == [
        {"AccountsFailed": 1, "Failures": 1, "RunCompleted": 0, "AccountsReached": 0}
    ] * 3


def test_a_typing_error_of_an_operator_is_no_failed_account(stage: Harness) -> None:
    with pytest.raises(InvalidValue):
        stage.hand_over({"acount": MEMBER})

    assert stage.measured() == []


def test_users_who_are_handed_back_are_measured_once(stage: Harness) -> None:
    stage.settings["ParallelUsers"] = "1"
    for name in ("ann", "bob", "carl", "dora"):
        stage.user(name, 137)
    stage.send(ASKED)
    stage.slow("CreateAccessKey", 5)
    stage.rotate_queued(context=stage.minutes(11), rounds=1)
    stage.cloud.layers.clear()
    stage.rotate_queued()

    first, rest = map(values, stage.measured())
    assert first["Users"] + rest["Users"] == 4
    assert first["KeysActive"] + rest["KeysActive"] == 4
    assert (first["RunCompleted"], rest["RunCompleted"]) == (0, 1)


def test_two_messages_in_one_batch_are_two_lines(stage: Harness) -> None:
    """A function that stays warm, or takes several messages at once, mixes no numbers."""
    stage.user("ann", 137)
    stage.cloud.organization.create_account("bought", "b@example.com", account_id=CLOSED)
    stage.send({"account": CLOSED}, group=CLOSED)
    stage.send(ASKED)
    messages = stage.receive(stage.deployment.rotation_queue)
    assert len(messages) == 2

    stage.hand_over(batch(messages))

    assert [(each["account"], values(each)["KeysActive"]) for each in stage.measured()] == [
        (CLOSED, 0),
        (MEMBER, 1),
    ]


# The other functions


def test_the_inventory_measures_whom_it_listed_and_skipped(stage: Harness) -> None:
    stage.cloud.organization.create_account("closed", "c@example.com", account_id=CLOSED)
    stage.cloud.organization.suspend_account(CLOSED)

    stage.take_inventory()

    [line] = stage.measured()
    assert line["service"] == "account-inventory"
    assert values(line) == {"AccountsListed": 4, "AccountsSkipped": 1, "InventoryCompleted": 1}


def test_an_inventory_that_fails_is_measured_as_not_completed(stage: Harness) -> None:
    stage.cloud.deny(MANAGEMENT_ACCOUNT, "ListAccounts")

    with pytest.raises(Denied):
        stage.take_inventory()

    assert last(stage) == {"AccountsListed": 0, "AccountsSkipped": 0, "InventoryCompleted": 0}


def test_the_notifier_measures_each_message(stage: Harness) -> None:
    stage.user("ann", 137)
    stage.invoke()
    stage.cloud.session(HUB).client("sqs").send_message(
        QueueUrl=stage.deployment.notifier_queue, MessageBody="not JSON"
    )
    since = len(stage.measured())

    stage.tell()

    told = [values(line) for line in stage.measured()[since:]]
    assert {line["service"] for line in stage.measured()[since:]} == {"key-notifier"}
    assert [(line["NotTold"], line["EventsDropped"]) for line in told].count((0, 0)) == 2
    assert [(line["NotTold"], line["EventsDropped"]) for line in told].count((0, 1)) == 1


# What nobody foresaw


def test_a_fault_of_our_own_answers_with_its_place_and_not_with_what_it_held(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ValueError("wJalrXUtnFEMI/K7MDENG")

    monkeypatch.setattr(rotation, "read_rotation", breaks)

    with pytest.raises(Unexpected, match="this is a bug of Keyturn's") as raised:
        stage.invoke()

    assert "wJalr" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert "wJalr" not in stage.log.getvalue()
    [error] = [line for line in stage.lines() if line["level"] == "ERROR"]
    assert error["message"] == str(raised.value)
    assert "read_rotation" in json.dumps(error["trace"])
