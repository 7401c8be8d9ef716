"""A plan that is carried out late: what another run, a person or the clock did meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action
from keyturn.domain.errors import AnotherRun, ClockOff
from keyturn.domain.events import Run
from keyturn.domain.key import Account
from keyturn.domain.record import KeyRecord, said_of
from keyturn.domain.result import AccountPlan, AccountResult, Request
from keyturn.domain.secret_names import INTENT_TAG
from keyturn_sandbox.emulator.faults import Fault
from tests.chaos.world import DAY, FIRST_DAY, MEMBER, OWNER, Asked, World
from tests.use_cases.harness import before

MINUTE = timedelta(minutes=1)
LATE = 3 * MINUTE
CarryOut = Callable[[AccountPlan], AccountResult]


def planned(world: World, asked: Asked | None = None) -> tuple[CarryOut, AccountPlan]:
    """Make a plan, as a run does that has a large account to look at; and how to carry it out."""
    world.begin()
    aws = world.aws()
    account = Account(id=MEMBER, name="member", email=OWNER)
    run = Run(id="slow", account=account, at=world.cloud.now, dry_run=False)
    if isinstance(asked, OperatorCommand):
        command = aws.run_command(run, aws.by_mail(print))
        return command.carry_out, command.plan(run, asked)
    rotation = aws.run_account(run, aws.by_mail(print))
    return rotation.carry_out, rotation.plan(run, asked or Request())


def carried_out(
    world: World, meanwhile: Callable[[World], object], asked: Asked | None = None
) -> AccountResult:
    """Plan, let something happen, and carry out the plan three minutes later."""
    carry_out, plan = planned(world, asked)
    world.cloud.move_to(world.cloud.now + LATE / 2)
    meanwhile(world)
    world.go_to(world.cloud.now + LATE)
    return carry_out(plan)


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
    secret_store = world.cloud.session(MEMBER).client("secretsmanager")
    secret_store.tag_resource(SecretId=secret.name, Tags=[{"Key": INTENT_TAG, "Value": text}])

    world.run()

    assert len(world.cloud.keys(MEMBER)) == 2
    assert the_end_of(world) == []


# --- an order that waited at its prompt -----------------------------------------------------


@pytest.fixture
def disabled() -> Iterator[tuple[World, str]]:
    """A key that was disabled two days ago, beside its successor."""
    with World() as world:
        [old] = world.user("ann", (137, True))
        for day in (0, 7, 10):
            world.go_to(world.day(day))
            world.run()
        world.go_to(world.day(12))
        yield world, old


@pytest.fixture
def announced() -> Iterator[tuple[World, str]]:
    """A key whose end was announced for today, beside its successor."""
    with World() as world:
        [old] = world.user("ann", (137, True))
        for day in (0, 7):
            world.go_to(world.day(day))
            world.run()
        world.go_to(world.day(10))
        yield world, old


def on_record(world: World, key_id: str) -> KeyRecord:
    [secret] = world.cloud.secrets(MEMBER)
    return KeyRecord.read(
        said_of(key_id, secret.tags), created=FIRST_DAY - 200 * DAY, now=world.cloud.now
    )


def set_by_hand(key_id: str, status: str) -> Callable[[World], object]:
    """A person's hand on a key."""
    return lambda world: world.hand("iam").update_access_key(
        UserName="ann", AccessKeyId=key_id, Status=status
    )


@pytest.mark.parametrize("again", [False, True])
def test_a_leaked_key_that_a_person_enabled_meanwhile_is_stopped(
    disabled: tuple[World, str], *, again: bool
) -> None:
    world, old = disabled
    if again:
        world.run(asked=world.ordering(Action.REVOKE, old))
    asked = world.ordering(Action.REVOKE, old)

    result = carried_out(world, set_by_hand(old, "Active"), asked)

    assert result.failures == ()
    assert world.status(old) == "Inactive"
    since = on_record(world, old).disabled
    assert since is not None
    assert world.cloud.now - since < MINUTE


def test_a_key_that_was_revoked_meanwhile_is_not_restored(disabled: tuple[World, str]) -> None:
    world, old = disabled
    asked = world.ordering(Action.RESTORE, old)

    result = carried_out(
        world, lambda world: world.run(asked=world.ordering(Action.REVOKE, old)), asked
    )

    assert [f"the record of {old} changed" in str(failure) for failure in result.failures] == [
        True
    ]
    assert world.status(old) == "Inactive"
    assert on_record(world, old).revoked is not None


def test_a_key_that_is_revoked_while_it_is_enabled_is_stopped_again(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled
    revoke = before("UpdateAccessKey", lambda: world.run(asked=world.ordering(Action.REVOKE, old)))
    world.cloud.layers.append(revoke)

    result = world.run(asked=world.ordering(Action.RESTORE, old)).result

    assert result is not None
    [failure] = result.failures
    assert "was revoked meanwhile" in str(failure)
    assert world.status(old) == "Inactive"


def test_a_key_that_is_enabled_while_it_is_revoked_is_stopped_again_though_lists_are_late(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled
    world.cloud.delays.lists = timedelta(seconds=30)
    restore = before("TagResource", lambda: world.run(asked=world.ordering(Action.RESTORE, old)))
    world.cloud.layers.append(restore)

    world.run(asked=world.ordering(Action.REVOKE, old))

    assert world.status(old) == "Inactive"
    assert on_record(world, old).revoked is not None


@pytest.mark.parametrize("how", ["a daily run", "another order", "a person"])
def test_who_has_no_other_key_any_more_is_not_said_to_work_with_it(how: str) -> None:
    with World() as world:
        [old] = world.user("ann", (137, True))
        for day in (0, 7):
            world.go_to(world.day(day))
            world.run()
        [new] = {key.key_id for key in world.cloud.keys(MEMBER)} - {old}
        world.go_to(world.day(10))
        meanwhile: dict[str, Callable[[World], object]] = {
            "a daily run": lambda world: world.run(),
            "another order": lambda world: world.run(asked=world.ordering(Action.REVOKE, old)),
            "a person": set_by_hand(old, "Inactive"),
        }

        result = carried_out(world, meanwhile[how], world.ordering(Action.REVOKE, new))

        [failure] = result.failures
        assert f"no new key was made: {old}, Inactive" in str(failure)
        [outcome] = result.outcomes
        assert [made.decision.successor for made in outcome.done] == [None]


def test_who_has_no_other_key_any_more_gets_one() -> None:
    with World() as world:
        other, leaked = world.user("ann", (40, True), (20, True))
        delete = world.hand("iam").delete_access_key

        result = carried_out(
            world,
            lambda _: delete(UserName="ann", AccessKeyId=other),
            world.ordering(Action.REVOKE, leaked),
        )

        assert result.failures == ()
        [outcome] = result.outcomes
        [made] = outcome.done
        assert made.new_key is not None
        assert world.status(made.new_key) == "Active"


# --- a run that an operator overtakes -------------------------------------------------------


def overtaken(world: World, order: Asked) -> None:
    """Run, and let an operator do something two minutes later, before the keys are listed."""

    def act() -> None:
        world.cloud.move_to(world.cloud.now + 2 * MINUTE)
        world.run(asked=order)

    layer = before("ListAccessKeys", act)
    world.cloud.layers.append(layer)
    world.run()
    world.cloud.layers.remove(layer)


def test_a_key_that_is_restored_during_a_run_is_left_alone_by_it(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled

    overtaken(world, world.ordering(Action.RESTORE, old))

    assert world.status(old) == "Active"
    world.finish()
    assert world.violations() == []


def test_a_revocation_is_not_undone_by_a_run_that_had_found_the_key_enabled(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled
    set_by_hand(old, "Active")(world)

    result = carried_out(world, lambda world: world.run(asked=world.ordering(Action.REVOKE, old)))

    assert result.failures == ()
    assert world.status(old) == "Inactive"
    assert on_record(world, old).revoked is not None
    ran = world.run(asked=world.ordering(Action.RESTORE, old)).result
    assert ran is not None
    assert "was revoked as leaked" in str(ran.failures[0])


def revoked_and_enabled(world: World, key_id: str) -> None:
    """An operator revokes a key, and next day a person enables it."""
    world.run(asked=world.ordering(Action.REVOKE, key_id))
    world.go_to(world.day(13))
    set_by_hand(key_id, "Active")(world)


def test_a_revoked_key_that_a_person_enabled_is_no_longer_revoked(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled
    revoked_and_enabled(world, old)

    world.run()

    assert on_record(world, old).revoked is None
    assert on_record(world, old).restored is not None
    assert the_end_of(world) == []


def test_a_run_takes_no_revocation_back_that_was_written_since(
    disabled: tuple[World, str],
) -> None:
    world, old = disabled
    revoked_and_enabled(world, old)
    again = before("DescribeSecret", lambda: world.run(asked=world.ordering(Action.REVOKE, old)))
    world.cloud.layers.append(before("TagResource", lambda: world.cloud.layers.append(again)))

    world.run()

    assert world.status(old) == "Inactive"
    assert on_record(world, old).revoked is not None


def test_a_restoration_is_not_undone_by_a_run_that_had_found_the_key_inactive(
    announced: tuple[World, str],
) -> None:
    world, old = announced
    set_by_hand(old, "Inactive")(world)
    told = len(world.cloud.sent_mails)

    result = carried_out(world, lambda world: world.run(asked=world.ordering(Action.RESTORE, old)))

    assert result.failures == ()
    assert on_record(world, old).restored is not None
    assert [m.subject for m in world.cloud.sent_mails[told:] if "delete" in m.subject] == []
    world.go_to(world.day(11))
    world.run()
    assert world.status(old) == "Active"


def test_a_key_that_was_disabled_and_restored_since_the_plan_is_left_alone(
    announced: tuple[World, str],
) -> None:
    world, old = announced

    def meanwhile(world: World) -> None:
        world.run()
        world.run(asked=world.ordering(Action.RESTORE, old))

    result = carried_out(world, meanwhile)

    assert result.failures == ()
    assert world.status(old) == "Active"


def test_a_key_that_a_fast_clock_restored_is_left_alone(disabled: tuple[World, str]) -> None:
    world, old = disabled
    ours = world.clock
    with replaced_clock(world, lambda: ours() + timedelta(hours=26)):
        world.run(asked=world.ordering(Action.RESTORE, old))

    world.go_to(world.day(13))
    world.run()

    assert world.status(old) == "Active"


def test_of_a_key_that_is_revoked_during_a_run_nobody_is_told_a_second_time() -> None:
    with World() as world:
        leaked, _ = world.user("ann", (40, True), (5, True))
        world.go_to(world.day(1))

        overtaken(world, world.ordering(Action.REVOKE, leaked))
        told = [mail for mail in world.cloud.sent_mails if mail.to == [OWNER]]
        for day in (8, 11):
            world.go_to(world.day(day))
            world.run()

        assert len(told) == 1
        assert leaked not in {key.key_id for key in world.cloud.keys(MEMBER)}


@contextmanager
def replaced_clock(world: World, clock: Callable[[], datetime]) -> Iterator[None]:
    """Let Keyturn look at another clock for a while."""
    ours, world.clock = world.clock, clock
    world.forget()
    yield
    world.clock = ours
    world.forget()
