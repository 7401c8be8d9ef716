"""What a broken run says of itself, and what the next days say: docs/faults.md, row by row."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from keyturn_sandbox.emulator.faults import Fault
from tests.chaos.scenario_runner import ScenarioRunner
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.world import DAY, Ran

LIST_IS_LATE = timedelta(minutes=5)
"""What people did in the last minutes is in no list of secrets."""
MAKE, STORE = "iam:CreateAccessKey", "secretsmanager:PutSecretValue"


@pytest.fixture(scope="module")
def runner() -> Iterator[ScenarioRunner]:
    runner = ScenarioRunner()
    yield runner
    runner.close()


def reasons(ran: Ran) -> list[str]:
    assert ran.result is not None
    return [str(made.reason) for decided in ran.result.plan.users for made in decided.decisions]


def failures(ran: Ran) -> str:
    return "; ".join(str(failure) for failure in ran.result.failures) if ran.result else "killed"


@pytest.mark.parametrize(
    ("name", "fault", "on", "says", "then"),
    [
        ("rotate-again", Fault.THROTTLED_A_WHILE, MAKE, "", [["window-running"]]),
        ("rotate-again", Fault.THROTTLED, MAKE, "Throttling", [["rotation-due"]]),
        ("disable", Fault.THROTTLED_A_WHILE, "iam:UpdateAccessKey", "", [["grace-running"]]),
        ("rotate-first", Fault.THROTTLED, "iam:ListAccessKeys", "Throttling", [["rotation-due"]]),
        ("rotate-first", Fault.DENIED, MAKE, "AccessDenied", [["rotation-due"]]),
        ("rotate-first", Fault.DENIED, "iam:GetGroup", "the account was skipped", []),
        ("rotate-again", Fault.DENIED, "secretsmanager:DescribeSecret", "could not be read", []),
        ("disable", Fault.DENIED, "s3:ListObjectsV2", "could not be read", []),
        ("two-disable", Fault.DENIED, "iam:GetAccessKeyLastUsed", "could not be read", []),
        ("rotate-first", Fault.DENIED, "sts:AssumeRole", "could not be assumed", []),
        ("rotate-first", Fault.KMS_DENIED, STORE, "was deleted again", [["rotation-due"]]),
        ("rotate-first", Fault.KMS_DISABLED, STORE, "was deleted again", [["rotation-due"]]),
        ("rotate-first", Fault.KILLED_BEFORE, MAKE, "killed", [["rotation-due"]]),
        (
            "rotate-first",
            Fault.LOST_ANSWER,
            MAKE,
            "is unfinished",
            [["orphan-found", "slot-taken"], ["orphan-over", "rotation-due"]],
        ),
        (
            "rotate-first",
            Fault.KILLED_AFTER,
            MAKE,
            "killed",
            [["orphan-found", "slot-taken"], ["orphan-over", "rotation-due"]],
        ),
        ("rotate-first", Fault.KILLED_AFTER, STORE, "killed", [["dates-not-noticed"]]),
        ("rotate-first", Fault.SILENT, STORE, "is unfinished", [["dates-not-noticed"]]),
        ("disable", Fault.KILLED_AFTER, "iam:UpdateAccessKey", "killed", [["dates-not-noticed"]]),
        ("delete", Fault.KILLED_AFTER, "iam:DeleteAccessKey", "killed", [["nothing-due"]]),
        ("rotate-first", Fault.DENIED, "sesv2:SendEmail", "SendEmail", [["dates-not-noticed"]]),
        ("rotate-first", Fault.SILENT, "sesv2:SendEmail", "", [["dates-not-noticed"]]),
    ],
)
def test_a_broken_run_and_the_days_after_it_say_so(  # noqa: PLR0913, PLR0917 -- the columns of the table
    runner: ScenarioRunner, name: str, fault: Fault, on: str, says: str, then: list[list[str]]
) -> None:
    world = runner.at(name)
    start = world.cloud.now

    broken = world.run(fault, on=on)

    assert says in failures(broken)
    for day, expected in enumerate(then, start=1):
        world.go_to(start + day * DAY)
        assert set(expected) <= set(reasons(world.run()))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rotate-into-scheduled", "rotation-due"),
        ("disable-overwritten", "secret-overwritten"),
        ("disable-secret-deleted", "secret-overwritten"),
        ("foreign-untagged", "secret-foreign"),
        ("foreign-kms-key", "secret-foreign"),
        ("foreign-user-made-again", "secret-foreign"),
        ("rotate-over-malformed-tags", "rotation-due"),
        ("orphan-exempt", "orphan-found"),
        ("restored", "restored"),
        ("restored-again", "restored"),
        ("successor-inactive", "successor-taken-away"),
        ("successor-deleted", "successor-taken-away"),
        ("slot-taken", "slot-taken"),
        ("used-after-disabling", "used-after-disabling"),
        ("disable-interrupted", "disabling-interrupted"),
        ("creation-denied", "creation-denied"),
    ],
)
def test_what_people_did_is_named_by_its_reason(
    runner: ScenarioRunner, name: str, reason: str
) -> None:
    world = runner.at(name)
    world.cloud.move_to(world.cloud.now + LIST_IS_LATE)

    assert reason in reasons(world.run(asked=SCENARIOS[name].asks(world)))


def test_what_is_unreadable_is_named_by_its_reason(runner: ScenarioRunner) -> None:
    for name, on, reason in (
        ("disable", "secretsmanager:DescribeSecret", "record-unreadable"),
        ("disable", "s3:ListObjectsV2", "receipts-unreadable"),
        ("two-disable", "iam:GetAccessKeyLastUsed", "last-use-unknown"),
    ):
        assert reason in reasons(runner.at(name).run(Fault.DENIED, on=on))
