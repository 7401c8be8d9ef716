"""What a plan says of the root user's keys, and what becomes of it when the time is short."""

import pytest

from keyturn.domain.errors import Denied
from keyturn.domain.result import Request
from keyturn.ports import NewKey
from tests.fakes import FakeKeys
from tests.use_cases.account import GROUP, NOW, RUN, a_key, an_account


def some_keys(*users: str, age: int = 20) -> FakeKeys:
    held = {user: [a_key("AKIA", age)] for user in users}
    return FakeKeys(clock=lambda: NOW, held=held, groups={GROUP: set()})


def test_the_root_users_keys_are_reported_where_that_was_asked_for() -> None:
    keys = some_keys("ann")
    keys.root_keys = 1

    asked = an_account(keys, reports_root_keys=True).plan(RUN, Request())
    not_asked = an_account(keys).plan(RUN, Request())

    assert asked.warnings == ("the root user has access keys: delete them by hand",)
    assert not_asked.warnings == ()
    assert len(asked.users) == 1


def test_root_keys_that_cannot_be_looked_for_are_a_failure_and_stop_nobody() -> None:
    keys = some_keys("ann")
    keys.refuses["root_has_keys"] = Denied("GetAccountSummary: AccessDenied")

    plan = an_account(keys, reports_root_keys=True).plan(RUN, Request())

    assert [str(failure) for failure in plan.failures] == ["GetAccountSummary: AccessDenied"]
    assert len(plan.users) == 1


def test_users_for_whom_there_was_no_time_to_look_are_left_and_the_others_are_kept() -> None:
    keys = some_keys("ann", "ben", "cat", age=95)
    looks = iter([True, True, False])
    account = an_account(keys)

    plan = account.plan(RUN, Request(), may_look=lambda: next(looks))
    result = account.carry_out(plan)

    assert [decided.user.name for decided in plan.users] == ["ann", "ben"]
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
