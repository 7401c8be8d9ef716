"""Which accounts are looked after, and which are left out on purpose."""

from dataclasses import replace

import pytest

from keyturn.domain.errors import Denied, InvalidValue
from keyturn.domain.key import Account
from keyturn.domain.scope import Scope
from keyturn.ports import Listed
from keyturn.use_cases.inventory import take_inventory
from tests.fakes import FakeOrganization

ROOT, OUTER, INNER, OTHER = "r-root", "ou-root-00000001", "ou-root-00000002", "ou-root-00000003"
A, B, C, CLOSED = "111111111111", "222222222222", "333333333333", "444444444444"


def organization() -> FakeOrganization:
    def account(each: str, state: str = "ACTIVE") -> Listed:
        return Listed(account=Account(id=each), state=state)

    return FakeOrganization(
        listed={
            (ROOT,): [account(A), account(CLOSED, state="SUSPENDED")],
            (ROOT, OUTER, INNER): [account(B)],
            (ROOT, OTHER): [account(C)],
        },
        units={ROOT, OUTER, INNER, OTHER},
    )


def ids(pairs: tuple[tuple[Account, str], ...]) -> dict[str, str]:
    return {account.id: why for account, why in pairs}


def test_several_units_are_looked_after_and_one_inside_another_counts_once() -> None:
    found = take_inventory(organization(), scope=Scope(units=(OUTER, INNER, OTHER)))

    assert [each.id for each in found.accounts] == [B, C]


def test_excluded_accounts_and_units_are_skipped_with_the_reason_and_are_no_failure() -> None:
    scope = Scope(excluded_accounts=(A,), excluded_units=(OUTER,))

    found = take_inventory(organization(), scope=scope)

    assert [each.id for each in found.accounts] == [C]
    assert ids(found.skipped) == {
        A: "it is excluded",
        B: f"it is excluded, with the unit {OUTER}",
        CLOSED: "it is SUSPENDED",
    }
    assert found.lost == ()
    assert found.warnings == ()


def test_addresses_that_mails_cannot_be_sent_to_are_warned_of() -> None:
    with_addresses = organization()
    addresses = {A: "root@larkfield.example", B: "ops@localhost", C: "öps@example.com"}
    with_addresses.listed = {
        units: [
            replace(each, account=replace(each.account, email=addresses.get(each.account.id, "")))
            for each in listed
        ]
        for units, listed in with_addresses.listed.items()
    }

    [warning] = take_inventory(with_addresses).warnings

    assert warning == (
        f"SES sends nothing to the address of {B} (ops@localhost), {C} (öps@example.com): whoever "
        "has no other source is notified at the administrators' address"
    )


def test_a_suspended_account_that_is_excluded_is_counted_once() -> None:
    found = take_inventory(organization(), scope=Scope(excluded_accounts=(CLOSED,)))

    assert ids(found.skipped) == {CLOSED: "it is excluded"}


def test_exclusions_that_mean_nobody_are_named_once() -> None:
    scope = Scope(excluded_accounts=("999999999999",), excluded_units=("ou-root-99999999",))

    found = take_inventory(organization(), scope=scope)

    assert found.warnings == (
        "ExcludedUnits names ou-root-99999999: the organisation has no such unit",
        (
            "ExcludedAccounts names 999999999999: it is not in the organisation, or not below the "
            "unit"
        ),
    )
    assert [each.id for each in found.accounts] == [A, B, C]


def test_an_account_that_was_asked_for_and_lies_in_an_excluded_unit_is_lost() -> None:
    found = take_inventory(organization(), scope=Scope(excluded_units=(OUTER,)), only=[B, C])

    assert [each.id for each in found.accounts] == [C]
    assert ids(found.lost) == {B: f"it is excluded, with the unit {OUTER}"}
    assert found.skipped == ()


def test_a_unit_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidValue, match="InventoryOU=ou-root-99999999: the organisation has"):
        take_inventory(organization(), scope=Scope(units=(OUTER, "ou-root-99999999")))


def test_whether_an_excluded_unit_holds_an_account_is_never_guessed() -> None:
    refusing = organization()
    refusing.refuses["accounts"] = Denied("ListAccountsForParent: AccessDenied")

    with pytest.raises(Denied):
        take_inventory(refusing, scope=Scope(excluded_units=(OUTER,)))
