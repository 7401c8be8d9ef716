"""What a plan says of the root user's keys, and what becomes of it when the time is short."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.adapters.no_receipts import NoReceipts
from keyturn.domain.errors import Denied
from keyturn.domain.events import Run
from keyturn.domain.key import Account, KeyFacts, Status
from keyturn.domain.policy import RotationPolicy
from keyturn.ports import NewKey
from keyturn.use_cases.deliver import Deliver
from keyturn.use_cases.keep_account import KeepAccount, Request
from keyturn.use_cases.look import Look
from keyturn.use_cases.turn import TakeTurn
from tests.fakes import FakeKeys, FakeVault

NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
RUN = Run(id="run", account=Account(id="333333333333"), at=NOW, dry_run=False)
GROUP = "Exempt"


def some_keys(*users: str, age: int = 20) -> FakeKeys:
    key = KeyFacts(key_id="AKIA", status=Status.ACTIVE, created=NOW - timedelta(days=age))
    return FakeKeys(clock=lambda: NOW, held={user: [key] for user in users}, groups={GROUP: set()})


def an_account(keys: FakeKeys, *, reports_root_keys: bool = False) -> KeepAccount:
    vault, policy = FakeVault(), RotationPolicy()
    return KeepAccount(
        keys=keys,
        look=Look(keys=keys, vault=vault, receipts=NoReceipts(), policy=policy, kms_key=None),
        take_turn=TakeTurn(
            keys=keys,
            vault=vault,
            deliver=Deliver(keys=keys, vault=vault, run_id="run"),
            clock=lambda: NOW,
            kms_key=None,
        ),
        policy=policy,
        exemption_group=GROUP,
        can_tell=True,
        reports_root_keys=reports_root_keys,
    )


def test_the_root_users_keys_are_reported_where_that_was_asked_for() -> None:
    keys = some_keys("ann")
    keys.root_keys = 1

    asked = an_account(keys, reports_root_keys=True).plan(RUN, Request())
    not_asked = an_account(keys).plan(RUN, Request())

    assert asked.warnings == ("the root user has access keys: delete them by hand",)
    assert not_asked.warnings == ()
    assert len(asked.turns) == 1


def test_root_keys_that_cannot_be_looked_for_are_a_failure_and_stop_nobody() -> None:
    keys = some_keys("ann")
    keys.refuses["root_has_keys"] = Denied("GetAccountSummary: AccessDenied")

    plan = an_account(keys, reports_root_keys=True).plan(RUN, Request())

    assert [str(failure) for failure in plan.failures] == ["GetAccountSummary: AccessDenied"]
    assert len(plan.turns) == 1


def test_users_for_whom_there_was_no_time_to_look_are_left_and_the_others_are_kept() -> None:
    keys = some_keys("ann", "ben", "cat", age=95)
    looks = iter([True, True, False])
    account = an_account(keys)

    plan = account.plan(RUN, Request(), may_look=lambda: next(looks))
    result = account.carry_out(plan)

    assert [turn.user.name for turn in plan.turns] == ["ann", "ben"]
    assert result.left == ("cat",)
    assert [len(keys.held[user]) for user in ("ann", "ben", "cat")] == [2, 2, 1]


def test_a_fault_of_our_own_ends_one_users_turn_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = some_keys("ann", "ben", age=95)
    account = an_account(keys)
    plan = account.plan(RUN, Request())
    create = keys.create

    def broken(user: str) -> NewKey:
        if user == "ann":
            raise ZeroDivisionError("with something secret in it")
        return create(user)

    monkeypatch.setattr(keys, "create", broken)
    result = account.carry_out(plan)

    assert [len(keys.held[user]) for user in ("ann", "ben")] == [1, 2]
    [failure] = result.failures
    assert str(failure).startswith("ann: ZeroDivisionError in ")
    assert "secret" not in str(failure)
