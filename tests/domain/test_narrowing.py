"""What was approved is done, as far as it is due; nothing else is."""

import pytest

from keyturn.domain.decision import Action, Change, Reason, RecordChange, UserDecisions
from keyturn.domain.key import Status
from keyturn.domain.narrowing import Approved, not_due, only_approved
from keyturn.domain.record import Intent, KeyRecord
from keyturn.domain.result import Request
from tests.domain.world import a_key as key
from tests.domain.world import a_secret, ago, ann, look, told
from tests.use_cases.account import RUN, an_account, some_keys

TWO_STEPS = look(
    ann(
        key("OLD", age=147, inactive=True, used=11, told=[told(10, delete=0)]),
        key("DUE", age=100),
        secret=a_secret(records={"OLD": KeyRecord(disabled=ago(10))}),
    )
).decided

SEEN = Intent(run="r", at=ago(2), seen=frozenset({"DUE"}), replaces="DUE")
REPAIRED = look(
    ann(
        key("DUE", age=137),
        key("ORPHAN", age=2, inactive=True, used=None),
        secret=a_secret(intent=SEEN, records={"ORPHAN": KeyRecord(orphan=ago(1))}),
    )
).decided


def actions(decided: UserDecisions) -> list[tuple[Action, Reason]]:
    return [(made.action, made.reason) for made in decided.decisions]


def test_only_the_approved_line_is_done() -> None:
    keys = some_keys(ann=137, bob=137)
    account = an_account(keys)
    approved = frozenset({Approved("bob", "AKIA-bob", Action.ROTATE)})

    result = account.carry_out(account.plan(RUN, Request(approved=approved)))

    assert [outcome.decided.user.name for outcome in result.outcomes] == ["bob"]
    assert len(keys.held["bob"]) == 2
    assert len(keys.held["ann"]) == 1


def test_nothing_approved_is_nothing_done() -> None:
    keys = some_keys(ann=137)
    account = an_account(keys)

    result = account.carry_out(account.plan(RUN, Request(approved=frozenset())))

    assert result.outcomes == ()
    assert len(keys.held["ann"]) == 1


def test_an_approved_line_that_is_not_due_now_is_named_and_left() -> None:
    keys = some_keys(ann=20)
    account = an_account(keys)
    approved = frozenset(
        {Approved("ann", "AKIA-ann", Action.DISABLE), Approved("ann", "GONE", Action.DELETE)}
    )

    result = account.carry_out(account.plan(RUN, Request(approved=approved)))

    assert result.plan.warnings == (
        "ann AKIA-ann: DISABLE was approved, but now it is KEEP (nothing-due): left",
        "ann GONE: DELETE was approved, but the key is gone",
    )
    assert keys.held["ann"][0].status is Status.ACTIVE


def test_a_user_who_is_gone_is_a_failure() -> None:
    approved = frozenset({Approved("zoe", "AKIA-zoe", Action.ROTATE)})

    plan = an_account(some_keys(ann=137)).plan(RUN, Request(approved=approved))

    assert [failure.user for failure in plan.failures] == ["zoe"]


def test_another_action_than_the_approved_one_is_left() -> None:
    decided = only_approved(TWO_STEPS, {Approved("ann", "OLD", Action.DISABLE)})

    assert actions(decided) == [(Action.WAIT, Reason.NOT_APPROVED)] * 2
    assert decided.record_changes == ()
    assert not decided.writes
    assert list(not_due([TWO_STEPS], [Approved("ann", "OLD", Action.DELETE)])) == []


@pytest.mark.parametrize(
    ("decided", "first"),
    [
        (TWO_STEPS, Approved("ann", "OLD", Action.DELETE)),
        (REPAIRED, Approved("ann", "ORPHAN", Action.REPAIR)),
    ],
    ids=["deletion", "repair"],
)
def test_a_rotation_waits_for_the_approval_of_what_frees_its_slot(
    decided: UserDecisions, first: Approved
) -> None:
    rotation = Approved("ann", "DUE", Action.ROTATE)

    assert only_approved(decided, {first, rotation}) == decided
    alone = only_approved(decided, {rotation})
    assert actions(alone) == [(Action.WAIT, Reason.NOT_APPROVED)] * 2


def test_what_was_found_is_written_down_only_with_what_was_approved() -> None:
    found = RecordChange(Change.SEEN, "OLD")
    decided = UserDecisions(
        user=TWO_STEPS.user, decisions=TWO_STEPS.decisions, record_changes=(found,)
    )

    assert only_approved(decided, {Approved("ann", "OLD", Action.DELETE)}).record_changes == (
        found,
    )
    assert only_approved(decided, set()).record_changes == ()
