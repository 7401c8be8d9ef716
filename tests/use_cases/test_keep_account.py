"""What the engine does without AWS: on fakes, where the rest of it is played on the local AWS."""

from dataclasses import replace

import pytest

from keyturn.domain.decision import Action, Reason
from keyturn.domain.errors import Denied, NotFound, Unavailable
from keyturn.domain.events import EventType
from keyturn.domain.key import Account, LastUse
from keyturn.domain.result import Request
from keyturn.domain.scope import EVERYWHERE, Scope
from keyturn.domain.secret_names import secret_name, version_id_for
from keyturn.ports import Listed
from keyturn.use_cases.announcers import NotifyNobody, PublishToBus
from keyturn.use_cases.inventory import FanOut, take_inventory
from keyturn.use_cases.notifications import BuildNotifications
from keyturn.use_cases.run_account import RunAccount
from tests.fakes import (
    FakeBus,
    FakeKeys,
    FakeOrganization,
    FakeQueue,
    FakeReceipts,
    FakeSecretStore,
)
from tests.use_cases.account import (
    ACCOUNT,
    GROUP,
    NOW,
    RUN,
    a_finder,
    a_key,
    an_account,
    some_keys,
)


def told_over(bus: FakeBus, keys: FakeKeys) -> RunAccount:
    return RunAccount(
        keep=an_account(keys),
        build_notifications=BuildNotifications(
            keys=keys,
            find_owner=a_finder(keys, FakeReceipts(), admin="ops@example.com"),
            receipts=FakeReceipts(),
            admin="ops@example.com",
            region="us-east-1",
        ),
        announcer=PublishToBus(bus=bus),
    )


def test_without_a_notifier_no_step_is_taken_that_needs_a_notice() -> None:
    keys, secret_store = some_keys(ann=137, bob=12), FakeSecretStore()
    account = an_account(keys, secret_store, can_notify=False)

    plan = account.plan(RUN, Request())
    result = account.carry_out(plan)

    made = {decided.user.name: decided.decisions[0] for decided in plan.users}
    assert (made["ann"].action, made["ann"].reason) == (Action.WAIT, Reason.NO_NOTIFIER)
    assert made["ann"].is_blocked
    assert made["bob"].reason is Reason.NOTHING_DUE
    assert result.failures == ()
    assert secret_store.secrets == {}
    assert [len(held) for held in keys.held.values()] == [1, 1]


def test_without_a_notifier_a_dry_run_plans_as_if_there_were_one() -> None:
    account = an_account(some_keys(ann=137), can_notify=False)

    plan = account.plan(replace(RUN, dry_run=True), Request())

    assert plan.users[0].decisions[0].action is Action.ROTATE


def test_a_dry_run_carries_out_nothing() -> None:
    keys, secret_store = some_keys(ann=137), FakeSecretStore()
    account = an_account(keys, secret_store)

    result = account.carry_out(account.plan(replace(RUN, dry_run=True), Request()))

    assert result.outcomes == ()
    assert secret_store.secrets == {}
    assert len(keys.held["ann"]) == 1


def test_progress_tells_of_every_user_in_both_halves() -> None:
    keys = some_keys(ann=137, bob=12, carl=1)
    account = an_account(keys)
    seen: list[tuple[int, int]] = []

    plan = account.plan(RUN, Request(), lambda done, of: seen.append((done, of)))
    account.carry_out(plan, lambda done, of: seen.append((done, of)))

    assert seen == [(1, 3), (2, 3), (3, 3)] * 2


def test_only_the_users_asked_for_are_looked_at() -> None:
    account = an_account(some_keys(ann=137, bob=137))

    plan = account.plan(RUN, Request(users=frozenset({"bob", "nobody"})))

    assert [decided.user.name for decided in plan.users] == ["bob"]
    assert [str(failure) for failure in plan.failures] == [
        "nobody: the account has no user nobody"
    ]


def test_a_key_that_cannot_be_taken_back_keeps_its_intent() -> None:
    keys, secret_store = some_keys(ann=137), FakeSecretStore()
    secret_store.refuses["store"] = Denied("PutSecretValue: no")
    keys.refuses["delete"] = Denied("DeleteAccessKey: no")
    account = an_account(keys, secret_store)

    result = account.carry_out(account.plan(RUN, Request()))

    [failure] = result.failures
    assert "the next runs repair it: PutSecretValue: no; then DeleteAccessKey: no" in str(failure)
    assert len(keys.held["ann"]) == 2
    secret = secret_store.secrets[secret_name(ACCOUNT.id, "ann")]
    assert "keyturn:intent" in secret.tags


def test_what_was_stored_after_all_is_not_taken_back() -> None:
    keys, secret_store = some_keys(ann=137), FakeSecretStore()

    def store_and_refuse(*_: object) -> None:
        name = secret_name(ACCOUNT.id, "ann")
        stored = frozenset({version_id_for(keys.held["ann"][-1].key_id)})
        secret_store.secrets[name] = replace(secret_store.secrets[name], versions=stored)
        raise Denied("PutSecretValue: no")

    secret_store.store = store_and_refuse  # type: ignore[assignment, method-assign]  # a refusal that lies
    account = an_account(keys, secret_store)

    result = account.carry_out(account.plan(RUN, Request()))

    assert result.failures == ()
    assert len(keys.held["ann"]) == 2


def test_a_last_use_that_cannot_be_read_is_not_never_used() -> None:
    keys = FakeKeys(
        clock=lambda: NOW,
        held={"ann": [a_key("AKIA-1", 900), a_key("AKIA-2", 400)]},
        groups={GROUP: set()},
        used={"AKIA-1": LastUse(at=None)},
    )
    keys.refuses["last_use"] = Unavailable("GetAccessKeyLastUsed: ?")

    plan = an_account(keys).plan(RUN, Request())

    assert {made.reason for made in plan.users[0].decisions} == {Reason.LAST_USE_UNKNOWN}
    assert [failure.user for failure in plan.failures] == ["ann"]


def test_a_user_whose_key_is_gone_when_its_use_is_read_is_left_to_the_next_run() -> None:
    keys = FakeKeys(
        clock=lambda: NOW,
        held={"ann": [a_key("AKIA-1", 900), a_key("AKIA-2", 400)]},
        groups={GROUP: set()},
    )
    keys.refuses["last_use"] = NotFound("GetAccessKeyLastUsed: NoSuchEntity")

    plan = an_account(keys).plan(RUN, Request())

    assert plan.users == ()
    assert plan.failures == ()


def test_a_user_who_is_gone_when_their_keys_are_read_is_passed_over() -> None:
    keys = some_keys(ann=137)
    keys.refuses["keys_of"] = NotFound("ListAccessKeys: NoSuchEntity")

    plan = an_account(keys).plan(RUN, Request())

    assert plan.users == ()
    assert plan.failures == ()


def test_what_is_to_be_told_goes_on_the_bus_before_what_happened() -> None:
    bus = FakeBus()

    result = told_over(bus, some_keys(ann=137)).run(RUN, Request())

    assert [event.type for event in bus.published] == [
        EventType.NOTICES_DUE,
        EventType.NOTICES_DUE,
        EventType.ROTATED,
        EventType.RUN_COMPLETED,
    ]
    assert result.failures == ()


def test_a_bus_that_refuses_is_a_failure_of_the_account() -> None:
    bus = FakeBus()
    bus.refuses["publish"] = Unavailable("PutEvents: ?")

    result = told_over(bus, some_keys(ann=137)).run(RUN, Request())

    assert [(failure.user, str(failure)) for failure in result.failures] == [
        (None, "PutEvents: ?")
    ]


def test_nobody_is_told_where_nobody_shall_be() -> None:
    account = replace(told_over(FakeBus(), some_keys(ann=1)), announcer=NotifyNobody())

    assert account.run(RUN, Request()).not_notified == ()


# The inventory


def an_organization() -> FakeOrganization:
    return FakeOrganization(
        listed={
            ("r-root",): [
                Listed(account=Account(id="111111111111")),
                Listed(account=Account(id="222222222222"), state="SUSPENDED"),
            ],
            ("r-root", "ou-1"): [Listed(account=ACCOUNT)],
        },
        units={"r-root", "ou-1"},
    )


def test_accounts_that_were_asked_for_and_are_not_there_are_skipped_with_a_reason() -> None:
    found = take_inventory(
        an_organization(), only=["333333333333", "222222222222", "999999999999"]
    )

    assert [account.id for account in found.accounts] == ["333333333333"]
    assert [(account.id, why) for account, why in found.skipped] == [
        ("222222222222", "it is SUSPENDED"),
    ]
    assert [(account.id, why) for account, why in found.lost] == [
        ("999999999999", "it is not in the organisation, or not below the unit"),
    ]


def test_the_fan_out_queues_whom_the_inventory_found() -> None:
    queue = FakeQueue()

    fan_out = FanOut(organization=an_organization(), queue=queue, scope=Scope(units=("ou-1",)))

    found = fan_out.look()
    fan_out.send(found, "run-1", NOW)

    assert queue.sent == [
        {
            "account": "333333333333",
            "email": "owner@example.com",
            "name": "prod",
            "run": "run-1",
            "requested": "2026-03-02T05:00:00Z",
        }
    ]
    assert found.skipped == ()


def test_a_queue_that_refuses_fails_the_fan_out() -> None:
    queue = FakeQueue(refuses={"send": Unavailable("SendMessageBatch: ?")})

    fan_out = FanOut(organization=an_organization(), queue=queue, scope=EVERYWHERE)

    with pytest.raises(Unavailable):
        fan_out.send(fan_out.look(), "run-1", NOW)
