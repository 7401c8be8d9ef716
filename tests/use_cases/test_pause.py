"""One pause that stops every write, within a run."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyturn.domain.errors import (
    AlreadyThere,
    Denied,
    OrderNotDone,
    Paused,
    PortError,
    SkippedAccount,
    Unavailable,
)
from keyturn.domain.key import SecretFacts
from keyturn.domain.result import Request
from keyturn.domain.secret_names import secret_name
from keyturn.ports import Pause
from keyturn.use_cases.adopt import Adopt
from keyturn.use_cases.gate import ASKED_EVERY, Gate
from keyturn.use_cases.stop import stop
from tests.fakes import FakePauseFlag, FakeSecretStore
from tests.use_cases.account import ACCOUNT, NOW, RUN, an_account, some_keys

PAUSE = Pause(by="ops@example.com", at=NOW, why="something is wrong")


def test_a_pause_stops_every_write_and_says_who_and_why() -> None:
    keys, secret_store = some_keys(ann=137, bob=12), FakeSecretStore()
    account = an_account(keys, secret_store, pause_flag=FakePauseFlag(paused=PAUSE))

    result = account.carry_out(account.plan(RUN, Request()))

    assert len(keys.held["ann"]) == 1
    assert secret_store.secrets == {}
    [failure] = result.failures
    assert isinstance(failure.error, Paused)
    assert str(failure) == (
        "ops@example.com paused Keyturn at 2026-03-02 05:00Z (something is wrong): "
        "nothing is written"
    )
    assert result.lost is None
    assert result.left == ()


@pytest.mark.parametrize("error", [Denied("GetObject: no"), Unavailable("GetObject: ?")])
def test_a_switch_that_does_not_answer_is_no_permission(error: PortError) -> None:
    keys, secret_store = some_keys(ann=137), FakeSecretStore()
    account = an_account(keys, secret_store, pause_flag=FakePauseFlag(refuses={"pause": error}))

    result = account.carry_out(account.plan(RUN, Request()))

    assert len(keys.held["ann"]) == 1
    assert secret_store.secrets == {}
    [failure] = result.failures
    assert isinstance(failure.error, SkippedAccount)
    assert result.lost is not None


def test_a_stop_that_meets_the_end_of_an_earlier_one_stops_all_the_same() -> None:
    class Lifted(FakePauseFlag):
        def set(self, pause: Pause) -> None:
            try:
                super().set(pause)
            finally:
                if pause is not self.paused:
                    self.paused = None

    pause_flag = Lifted(paused=replace(PAUSE, why="another"))

    assert stop(pause_flag, PAUSE) == PAUSE
    assert pause_flag.paused == PAUSE


def test_a_pause_that_cannot_be_kept_beside_an_earlier_one_is_a_failure() -> None:
    pause_flag = FakePauseFlag(paused=replace(PAUSE, by="bob"))
    pause_flag.refuses["replace"] = Denied("no")

    with pytest.raises(
        OrderNotDone, match=r"paused by bob, but that .* asked for it too could not"
    ):
        stop(pause_flag, PAUSE)
    # Writes are stopped all the same.
    assert pause_flag.paused == replace(PAUSE, by="bob")


def test_a_switch_that_is_always_taken_and_never_there_is_tried_three_times() -> None:
    class Flickering(FakePauseFlag):
        tries = 0

        def set(self, pause: Pause) -> None:
            self.tries += 1
            raise AlreadyThere("paused")

    pause_flag = Flickering()

    with pytest.raises(AlreadyThere, match="comes and goes: try again"):
        stop(pause_flag, PAUSE)
    assert (pause_flag.tries, pause_flag.asked) == (3, 3)


@pytest.mark.parametrize("even_paused", [False, True])
def test_an_adoption_that_waited_at_its_prompt_heeds_a_pause(*, even_paused: bool) -> None:
    name = secret_name(ACCOUNT.id, "ann")
    arn = f"arn:aws:secretsmanager:us-east-1:333333333333:secret:{name}-AbCdEf"
    secret_store, pause_flag = (
        FakeSecretStore(secrets={name: SecretFacts(tags={}, arn=arn)}),
        FakePauseFlag(),
    )
    work = Adopt(
        keys=some_keys(ann=12),
        secret_store=secret_store,
        exempt=frozenset,
        kms_key=None,
        pause_flag=pause_flag,
    )
    planned = work.plan(name)
    pause_flag.paused = PAUSE

    with nullcontext() if even_paused else pytest.raises(OrderNotDone, match="paused Keyturn"):
        work.carry_out(planned, even_paused=even_paused)

    assert bool(secret_store.secrets[name].tags) is even_paused


def test_what_is_told_without_a_write_is_told_all_the_same() -> None:
    account = an_account(some_keys(ann=80, bob=137), pause_flag=FakePauseFlag(paused=PAUSE))

    result = account.carry_out(account.plan(RUN, Request()))

    assert [outcome.decided.user.name for outcome in result.outcomes] == ["ann"]


def test_nobody_is_asked_where_nothing_is_to_be_written() -> None:
    pause_flag = FakePauseFlag(paused=PAUSE)
    account = an_account(some_keys(ann=80), pause_flag=pause_flag)

    result = account.carry_out(account.plan(RUN, Request()))

    assert pause_flag.asked == 0
    assert result.failures == ()


def test_a_pause_reaches_a_run_that_is_under_way() -> None:
    names = [f"user-{number}" for number in range(9)]
    keys, pause_flag = some_keys(**dict.fromkeys(names, 137)), FakePauseFlag()
    now = [NOW]

    class Slow(FakeSecretStore):
        """Each new key takes 20 seconds; after the third somebody pauses."""

        def store(self, *args: object) -> None:
            super().store(*args)  # type: ignore[arg-type]  # passed on
            now[0] += timedelta(seconds=20)
            if len(self.stored) == 3:
                pause_flag.paused = PAUSE

    account = an_account(keys, Slow(), pause_flag=pause_flag, clock=lambda: now[0])

    result = account.carry_out(account.plan(RUN, Request()))

    rotated = sum(len(held) == 2 for held in keys.held.values())
    assert 3 <= rotated <= 5
    assert [type(failure.error) for failure in result.failures] == [Paused]


def test_an_answer_holds_for_half_a_minute_and_a_no_for_the_whole_run() -> None:
    pause_flag, now = FakePauseFlag(), [NOW]

    def clock() -> datetime:
        return now[0]

    gate = Gate(pause_flag, clock, frozenset)
    assert gate.is_open()
    pause_flag.paused = PAUSE
    now[0] += ASKED_EVERY - timedelta(seconds=1)
    assert gate.is_open()
    now[0] += timedelta(seconds=1)
    assert not gate.is_open()
    pause_flag.paused = None
    now[0] += 10 * ASKED_EVERY
    assert not gate.is_open()
    assert pause_flag.asked == 2


def test_what_was_ordered_even_so_is_done_during_a_pause() -> None:
    keys = some_keys(ann=12)
    account = an_account(keys, FakeSecretStore(), pause_flag=FakePauseFlag(paused=PAUSE))
    forced = Request(users=frozenset({"ann"}), forced="ann", forced_at=NOW, even_paused=True)

    result = account.carry_out(account.plan(RUN, forced))

    assert result.failures == ()
    assert len(keys.held["ann"]) == 2
