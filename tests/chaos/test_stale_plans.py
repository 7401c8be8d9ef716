"""A plan that is carried out late: what another run, a person or the clock did meanwhile."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from keyturn.domain.errors import AnotherRun, ClockOff
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.record import INTENT_TAG
from keyturn.sandbox.faults import Fault
from keyturn.use_cases.keep_account import AccountPlan, AccountResult
from keyturn.use_cases.keep_account import Request as Asked
from keyturn.use_cases.run_account import RunAccount
from tests.chaos.world import DAY, MEMBER, OWNER, World

LATE = timedelta(minutes=3)


def planned(world: World) -> tuple[RunAccount, AccountPlan]:
    """Make a plan, as a run does that has a large account to look at."""
    world.begin()
    aws = world.aws()
    account = Account(id=MEMBER, name="member", email=OWNER)
    run = Run(id="slow", account=account, at=world.cloud.now, dry_run=False)
    rotation = aws.run_account(run, aws.by_mail(print))
    return rotation, rotation.plan(run, Asked())


def carried_out(world: World, meanwhile: Callable[[World], object]) -> AccountResult:
    """Plan, let something happen, and carry out the plan three minutes later."""
    rotation, plan = planned(world)
    meanwhile(world)
    world.go_to(world.cloud.now + LATE)
    return rotation.carry_out(plan)


def the_end_of(world: World) -> list[str]:
    """Run for some days more, and judge."""
    start = world.cloud.now
    for days in (1, 2, 3, 11, 12, 13, 22, 23, 24):
        world.go_to(start + days * DAY)
        world.run()
    world.finish()
    return world.violations()


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        # Its second rotation: the secret is there already, so creating it guards nothing.
        world.user("ann", (137, True))
        for day in (0, 10, 20):
            world.go_to(world.day(day))
            world.run()
        world.go_to(world.day(90))
        yield world


@pytest.mark.parametrize("fault", [None, Fault.KILLED_AFTER])
def test_a_rotation_that_another_run_began_meanwhile_is_left_to_it(
    world: World, fault: Fault | None
) -> None:
    result = carried_out(world, lambda world: world.run(fault, on="iam:CreateAccessKey"))

    [outcome] = result.outcomes
    assert isinstance(outcome.error, AnotherRun)
    assert result.failures == ()
    assert the_end_of(world) == []
    assert world.state == [("ann", "Active")]


def test_who_was_exempted_since_the_plan_was_made_is_left_alone(world: World) -> None:
    result = carried_out(world, lambda world: world.exempt("ann"))

    assert result.outcomes == ()
    assert len(world.cloud.keys(MEMBER)) == 1


def test_a_group_that_cannot_be_read_anew_stops_the_account(world: World) -> None:
    result = carried_out(world, lambda world: world.cloud.deny(MEMBER, "GetGroup"))

    assert result.outcomes == ()
    assert "could not be read" in str(result.failures[0])
    assert len(world.cloud.keys(MEMBER)) == 1


@pytest.mark.parametrize("seconds", [-180, -31, 31, 90, 180])
def test_no_key_is_made_by_a_clock_that_is_off(world: World, seconds: int) -> None:
    ours = world.clock
    world.clock = lambda: ours() + timedelta(seconds=seconds)

    ran = world.run(Fault.SILENT, on="iam:CreateAccessKey")
    world.clock = ours

    assert ran.befell is None
    assert ran.result is not None
    assert isinstance(ran.result.outcomes[0].error, ClockOff)
    assert the_end_of(world) == []


@pytest.mark.parametrize("text", ["", "nonsense", "run=r at=yesterday seen= replaces=k"])
def test_an_intent_that_nobody_can_read_holds_no_rotation_up(world: World, text: str) -> None:
    [secret] = world.cloud.secrets(MEMBER)
    vault = world.cloud.session(MEMBER).client("secretsmanager")
    vault.tag_resource(SecretId=secret.name, Tags=[{"Key": INTENT_TAG, "Value": text}])

    world.run()

    assert len(world.cloud.keys(MEMBER)) == 2
    assert the_end_of(world) == []
