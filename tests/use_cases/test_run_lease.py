"""An operator's order and a run that ends keys: each sees the other, whoever comes first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.domain.commands import OperatorCommand
from keyturn.domain.decision import Action
from keyturn.domain.errors import AnotherRun, Denied
from keyturn.domain.key import KeyFacts, Status, UserFacts
from keyturn.domain.record import KeyRecord
from keyturn.domain.result import AccountResult, Request
from keyturn.domain.secret_names import KEY_TAG, secret_name
from keyturn.ports import Reservation
from keyturn.use_cases.run_lease import RunLease, of_living
from tests.fakes import FakeDailyLimitLedger
from tests.use_cases.account import ACCOUNT, DAY, NOW, RUN, a_command, a_key
from tests.use_cases.test_daily_cap import Estate

MINUTE = timedelta(minutes=1)
TODAY = NOW.date()


def ordered(estate: Estate, action: Action, key_id: str) -> AccountResult:
    """What comes of an order."""
    command = a_command(estate.keys, estate.secret_store, estate.receipts, estate.ledger)
    ordered = OperatorCommand(action=action, key_id=key_id, given=NOW)
    return command.carry_out(command.plan(RUN, ordered))


def claimed(
    estate: Estate,
    *key_ids: str,
    ago: timedelta = MINUTE,
    ordered: bool = False,
    run: str = "other",
) -> None:
    """Another run, or an order, noted keys down some time ago."""
    note = Reservation(run=run, keys=frozenset(key_ids), at=NOW - ago, ordered=ordered)
    estate.ledger.noted.setdefault((ACCOUNT.id, TODAY), {})[run] = note


def status(estate: Estate, key_id: str) -> Status:
    [found] = [key for held in estate.keys.held.values() for key in held if key.key_id == key_id]
    return found.status


def stop(estate: Estate, key_id: str, since: timedelta) -> None:
    """It was disabled some time ago, and that is on record."""
    name = key_id.removeprefix("OLD-")
    held = estate.keys.held[name]
    estate.keys.held[name] = [
        replace(key, status=Status.INACTIVE) if key.key_id == key_id else key for key in held
    ]
    secret = estate.secret_store.secrets[secret_name(ACCOUNT.id, name)]
    tags = {**secret.tags, KEY_TAG + key_id: str(KeyRecord(disabled=NOW - since))}
    estate.secret_store.secrets[secret_name(ACCOUNT.id, name)] = replace(secret, tags=tags)


# --- a run leaves a user to an order -----------------------------------------------------------


def test_a_run_leaves_the_user_of_an_ordered_key_and_strikes_them_from_its_note() -> None:
    estate = Estate()
    claimed(estate, "NEW-ann", ordered=True)

    result = estate.run()

    assert estate.disabled == ["bob"]
    assert estate.noted == {"NEW-ann", "OLD-bob"}
    [ann] = [outcome for outcome in result.outcomes if outcome.decided.user.name == "ann"]
    assert isinstance(ann.error, AnotherRun)
    assert str(ann.error) == "an operator's order about a key of ann is being carried out"
    assert result.failures == ()


def test_an_order_counts_for_no_end() -> None:
    estate = Estate()
    claimed(estate, "SOME", "OTHER", ordered=True)

    estate.run()

    assert estate.disabled == ["ann", "bob"]


@pytest.mark.parametrize(("ago", "left"), [(15 * MINUTE, True), (16 * MINUTE, False)])
def test_an_order_holds_for_as_long_as_a_run_may_live(ago: timedelta, *, left: bool) -> None:
    estate = Estate()
    claimed(estate, "OLD-ann", ago=ago, ordered=True)

    estate.run()

    assert ("ann" not in estate.disabled) is left


def test_an_order_of_the_last_minutes_of_the_day_before_holds() -> None:
    estate = Estate()
    midnight = NOW.replace(hour=0, minute=3)
    note = Reservation(
        run="o", keys=frozenset({"OLD-ann"}), at=midnight - 5 * MINUTE, ordered=True
    )
    estate.ledger.noted[ACCOUNT.id, (midnight - DAY).date()] = {"o": note}
    estate.ledger.clock = lambda: midnight

    estate.run(run=replace(RUN, at=midnight))

    assert "ann" not in estate.disabled


def test_what_was_noted_long_ago_is_ended_by_nobody_any_more() -> None:
    estate = Estate()
    account = estate.account(clock=lambda: NOW + (15 * MINUTE if estate.disabled else 0 * MINUTE))

    result = account.carry_out(account.plan(RUN, Request()))

    assert estate.disabled == ["ann"]
    assert result.left == ("bob",)


# --- an order knows what it cannot rely on -----------------------------------------------------


def test_an_order_is_noted_down_with_all_keys_of_its_user() -> None:
    estate = Estate()
    stop(estate, "OLD-ann", since=DAY)

    ordered(estate, Action.RESTORE, "OLD-ann")

    [note] = estate.ledger.of_day(ACCOUNT.id, TODAY)
    assert (note.run, sorted(note.keys), note.ordered) == ("order", ["NEW-ann", "OLD-ann"], True)
    assert status(estate, "OLD-ann") is Status.ACTIVE


@pytest.mark.parametrize(
    ("disabled", "runs", "restored"),
    [
        (10 * DAY, ("run",), False),  # it is about to be deleted
        (0 * MINUTE, ("run",), True),  # the run is through with it
        (0 * MINUTE, ("run", "another"), False),  # one of the runs is through with it
    ],
)
def test_a_key_that_a_run_is_about_to_delete_is_not_enabled(
    disabled: timedelta, runs: tuple[str, ...], *, restored: bool
) -> None:
    estate = Estate()
    stop(estate, "OLD-ann", since=disabled)
    for run in runs:
        claimed(estate, "OLD-ann", run=run)

    result = ordered(estate, Action.RESTORE, "OLD-ann")

    assert (status(estate, "OLD-ann") is Status.ACTIVE) is restored
    said = [str(failure) for failure in result.failures]
    assert any("a run may be about to delete OLD-ann" in each for each in said) is not restored


@pytest.mark.parametrize("method", ["note", "of_day"])
def test_where_nobody_can_tell_no_key_is_enabled(method: str) -> None:
    estate = Estate()
    stop(estate, "OLD-ann", since=DAY)
    estate.ledger.refuses[method] = Denied(f"{method}: no")

    result = ordered(estate, Action.RESTORE, "OLD-ann")

    assert status(estate, "OLD-ann") is Status.INACTIVE
    assert [f"{method}: no" in str(failure) for failure in result.failures] == [True]


def test_a_key_that_a_run_is_about_to_disable_is_no_key_to_work_with() -> None:
    estate = Estate()
    claimed(estate, "OLD-ann")

    result = ordered(estate, Action.REVOKE, "NEW-ann")

    assert status(estate, "NEW-ann") is Status.INACTIVE
    assert [str(failure) for failure in result.failures] == [
        (
            "ann: NEW-ann is revoked; no new key was made: a run may be about to disable OLD-ann; "
            "order it again in 15 minutes"
        )
    ]


@pytest.mark.parametrize("method", ["note", "of_day"])
def test_where_nobody_can_tell_a_leaked_key_is_stopped_all_the_same(method: str) -> None:
    estate = Estate()
    estate.ledger.refuses[method] = Denied(f"{method}: no")

    result = ordered(estate, Action.REVOKE, "NEW-ann")

    assert status(estate, "NEW-ann") is Status.INACTIVE
    assert [
        "whether a run is about to disable OLD-ann could not be read" in str(each)
        for each in result.failures
    ] == [True]


def test_who_has_no_other_key_gets_one_whatever_the_tally_says() -> None:
    estate = Estate()
    estate.keys.held = {"ann": [a_key("OLD-ann", 20)]}
    estate.ledger.refuses["of_day"] = Denied("of_day: no")

    result = ordered(estate, Action.REVOKE, "OLD-ann")

    assert result.failures == ()
    assert len(estate.keys.held["ann"]) == 2


# --- the notes of others -----------------------------------------------------------------------


def a_hold(ledger: FakeDailyLimitLedger, clock: Callable[[], object] = lambda: NOW) -> RunLease:
    return RunLease(ledger=ledger, clock=clock, id="mine")  # type: ignore[arg-type]  # a clock of the test


def user(*key_ids: str) -> UserFacts:
    keys: tuple[KeyFacts, ...] = tuple(a_key(key_id, 20) for key_id in key_ids)
    return UserFacts(account=ACCOUNT.id, name="ann", user_id="AIDA", keys=keys)


def test_only_what_others_end_of_the_users_own_keys_is_answered() -> None:
    ledger = FakeDailyLimitLedger(clock=lambda: NOW)
    ledger.reserve(ACCOUNT.id, TODAY, "run", {"OLD", "SOMEBODY-ELSES"})
    ledger.reserve(ACCOUNT.id, TODAY, "order", {"NEW"}, ordered=True)

    assert a_hold(ledger).take(user("OLD", "NEW")) == {"OLD": [NOW]}


def test_the_time_is_the_tallys_and_not_ours() -> None:
    ledger = FakeDailyLimitLedger(clock=lambda: NOW)
    ledger.reserve(ACCOUNT.id, TODAY, "run", {"OLD"})

    fast = a_hold(ledger, lambda: NOW + 40 * MINUTE)

    assert fast.take(user("OLD")) == {"OLD": [NOW]}


def test_without_a_note_of_our_own_nobody_was_asked() -> None:
    assert list(of_living([Reservation(run="run", keys=frozenset({"OLD"}), at=NOW)], "mine")) == []
