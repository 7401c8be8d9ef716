"""The simulation by itself, and that docs/scale.md says what the committed figures make of it."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.process import ROOT
from tests.scale import pages, prices
from tests.scale.calibration import FILE, AccountDay, Measured, cost_of, read
from tests.scale.organization import USERS, day, first, ordinary
from tests.scale.queueing import FIRST_AT_ONCE, LONGEST, MORE_A_SECOND, Ended, simulate
from tests.scale.real import ACCOUNTS, COMPARED, simulated

CALIBRATION = read(FILE.read_text())
NOTICE_DAYS = CALIBRATION.notice_days


def queued(*services: float, at_once: int, cold: float = 0.0, grows: bool = False) -> Ended:
    return simulate([0.0] * len(services), services, at_once=at_once, cold=cold, grows=grows)


def test_the_manual_has_what_the_committed_figures_make() -> None:
    compared = json.loads(COMPARED.read_text())
    page = (ROOT / "docs" / "scale.md").read_text()

    assert pages.put_into(page, pages.section(CALIBRATION, compared)) == page, "run `make scale`"
    plotted = pages.plot(*pages.simulated(CALIBRATION))
    assert (ROOT / "docs" / "scale.svg").read_text() == plotted, "run `make scale`"


def test_the_day_that_happened_is_simulated_within_20_percent() -> None:
    compared = json.loads(COMPARED.read_text())

    assert compared["accounts"] == ACCOUNTS == 500
    assert simulated(CALIBRATION) == pytest.approx(compared["measured"], rel=0.2)


def test_the_figure_that_is_committed_is_what_is_simulated_today() -> None:
    compared = json.loads(COMPARED.read_text())

    assert compared["simulated"] == pytest.approx(simulated(CALIBRATION)), "run `make scale`"


# The queue


@pytest.mark.parametrize(
    ("at_once", "end"), [(1, 12.0), (2, 6.0), (3, 4.0), (4, 4.0), (5, 4.0), (6, 2.0), (60, 2.0)]
)
def test_so_many_at_a_time_share_the_accounts(at_once: int, end: float) -> None:
    assert queued(*[2.0] * 6, at_once=at_once).end == end


def test_one_long_account_at_the_end_keeps_one_function_alone() -> None:
    assert queued(1.0, 1.0, 1.0, 9.0, at_once=2).end == 10.0
    assert queued(9.0, 1.0, 1.0, 1.0, at_once=2).end == 9.0


def test_nobody_begins_before_the_message_is_there() -> None:
    ended = simulate([5.0, 0.0], [1.0, 1.0], at_once=1, grows=False)

    assert (ended.end, ended.busy) == (6.0, 2.0)


@pytest.mark.parametrize(
    ("seconds", "invocations"), [(LONGEST, 1), (LONGEST + 1, 2), (2 * LONGEST + 1, 3)]
)
def test_what_no_invocation_has_time_for_comes_back_and_is_done(
    seconds: float, invocations: int
) -> None:
    ended = queued(seconds, at_once=4)

    assert ended.invocations == invocations
    assert (ended.end, ended.busy) == (seconds, seconds)


def test_each_function_is_cold_once() -> None:
    ended = queued(*[1.0] * 6, at_once=2, cold=0.5)

    assert (ended.cold, ended.busy, ended.end) == (2, 7.0, 3.5)


def test_the_first_functions_begin_alone() -> None:
    few = queued(*[10.0] * FIRST_AT_ONCE, at_once=FIRST_AT_ONCE + 1, grows=True)
    more = queued(*[10.0] * (FIRST_AT_ONCE + 1), at_once=FIRST_AT_ONCE + 1, grows=True)

    assert few.end == 10.0
    assert more.end == pytest.approx(10.0 + 1 / MORE_A_SECOND)


@settings(deadline=None)  # how fast it is says nothing about it
@given(
    services=st.lists(st.floats(0.01, 2_000.0), min_size=1, max_size=40),
    at_once=st.integers(1, 12),
)
def test_no_work_is_lost_and_none_is_done_faster_than_it_can_be(
    services: list[float], at_once: int
) -> None:
    ended = queued(*services, at_once=at_once)

    assert ended.busy == pytest.approx(sum(services))
    assert ended.end >= max(*services, sum(services) / at_once) - 1e-6
    assert ended.end <= sum(services) / at_once + max(services) + 1e-6  # Graham's bound


# A single account


@pytest.mark.parametrize(
    "measured", CALIBRATION.measured, ids=lambda each: f"{each.kind}-{each.users}-{each.due}"
)
def test_an_account_that_was_measured_costs_what_was_measured(measured: Measured) -> None:
    due = {} if measured.kind == "quiet" else {measured.kind: measured.due}
    cost = cost_of(CALIBRATION, AccountDay(users=measured.users, **due))

    assert cost.calls.total() == pytest.approx(sum(measured.calls.values()), rel=0.01)
    assert cost.cpu == pytest.approx(measured.cpu, rel=0.01)
    assert cost.depth == pytest.approx(measured.depth, rel=0.01)


def test_more_users_and_more_keys_never_cost_less() -> None:
    sizes = [cost_of(CALIBRATION, AccountDay(users=users)) for users in (0, 1, 8, 9, 100, 5_000)]
    dues = [cost_of(CALIBRATION, AccountDay(users=20, rotated=keys)) for keys in (0, 1, 2, 9, 20)]

    for costs in (sizes, dues):
        for less, more in pairwise(costs):
            assert less.calls.total() <= more.calls.total()
            assert less.seconds(0.04) <= more.seconds(0.04)


def test_iam_bears_no_more_than_it_bears() -> None:
    many = cost_of(CALIBRATION, AccountDay(users=5_000))

    assert many.seconds(0.001) >= (5_000 - 40) / 20


def test_every_call_has_a_price() -> None:
    every = {name for each in CALIBRATION.measured for name in (*each.calls, *each.notifier_calls)}

    assert all(prices.price_of(name) >= 0 for name in every)
    assert prices.price_of("s3:ListObjectsV2 receipts/") == prices.price_of("s3:ListObjectsV2")
    with pytest.raises(KeyError):
        prices.price_of("dynamodb:PutItem")


# A day of all of them


def test_ten_times_the_accounts_take_ten_times_as_much_and_mail_everybody_once() -> None:
    small, large = (
        day(CALIBRATION, first(accounts, NOTICE_DAYS), at_once=10) for accounts in (100, 1_000)
    )

    assert (small.mails, large.mails) == (101, 1_001)
    assert large.calls == pytest.approx(10 * small.calls, rel=0.01)
    assert large.dollars == pytest.approx(10 * small.dollars, rel=0.02)
    assert large.end > 8 * small.end


def test_more_at_a_time_end_earlier_and_cost_the_same_but_for_cold_starts() -> None:
    accounts = ordinary(1_000, NOTICE_DAYS)

    few, many = (day(CALIBRATION, accounts, at_once=at_once) for at_once in (10, 50))

    assert many.end < few.end
    assert many.calls == few.calls
    assert many.mails == few.mails
    assert few.dollars < many.dollars < 1.2 * few.dollars


def test_on_an_ordinary_day_one_in_ninety_keys_is_rotated() -> None:
    accounts = ordinary(10_000, NOTICE_DAYS)

    rotated = sum(each.rotated for each in accounts)
    assert rotated == pytest.approx(10_000 * USERS / 90, rel=0.1)
    assert ordinary(10_000, NOTICE_DAYS) == accounts  # the same every time
