"""
How fast an account is asked: workers, an AWS that bears so much, and a clock, all simulated.

No time passes here, so each of these is the same on any machine.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.adapters.throttling import SENT_AGAIN_FOR, pause
from keyturn.adapters.token_bucket import BURST, LEAST_RATE, LONGEST_WAIT, RATE, TokenBucket

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
CALL = 0.04
CALLS = 1230
"""A quiet day of 1,000 users."""
WORKERS = 8
SEEDS = st.integers(0, 10**6)


@dataclass(kw_only=True)
class Iam:
    """Bears `rate` calls a second and `burst` at once; throttles a share of them at random."""

    rate: float | None = None
    burst: float = 40.0
    share: float = 0.0
    seed: int = 1
    away_until: float = 0.0
    """Until when it throttles everything: others ask, too."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 -- the same again
        self.tokens, self.since = self.burst, 0.0

    def bears(self, now: float) -> bool:
        if now < self.away_until or self.chance.random() < self.share:
            return False
        if self.rate is None:
            return True
        self.tokens = min(self.burst, self.tokens + (now - self.since) * self.rate)
        self.since = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(kw_only=True)
class Day:
    """Some workers ask for so much, all by one bucket, as `throttling` has botocore do it."""

    iam: Iam
    calls: int = CALLS
    workers: int = WORKERS
    now: float = 0.0
    sent: int = 0
    throttled: int = 0
    given_up: int = 0
    longest_wait: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def lived(self) -> "Day":
        self.bucket, self.number = TokenBucket(self.clock), count()
        self.chance, self.left = self.iam.chance, self.calls
        for _ in range(self.workers):
            self.after(0.0, self.next_call)
        while self._events:
            self.now, _, event = heappop(self._events)
            event()
        return self

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heappush(self._events, (self.now + seconds, next(self.number), event))

    def next_call(self) -> None:
        if self.left > 0:
            self.left -= 1
            self.ask(0, 0.0)

    def ask(self, throttles: int, waited: float) -> None:
        token = self.bucket.take()
        self.longest_wait = max(self.longest_wait, token.wait)
        waited += token.wait

        def send() -> None:
            self.sent += 1
            is_borne = self.iam.bears(self.now)
            self.after(CALL * self.chance.uniform(0.7, 1.3), lambda: answer(is_borne))

        def answer(is_borne: bool) -> None:
            if is_borne:
                self.bucket.passed(token)
                self.next_call()
                return
            self.throttled += 1
            self.bucket.throttled(token)
            if waited >= SENT_AGAIN_FOR:
                self.given_up += 1
                self.next_call()
                return
            behind = pause(throttles + 1, self.chance.random)
            self.after(behind, lambda: self.ask(throttles + 1, waited + behind))

        self.after(token.wait, send)


AT_BEST = CALLS * CALL / WORKERS


def test_where_nothing_throttles_the_bucket_costs_nothing_worth_a_word() -> None:
    day = Day(iam=Iam()).lived()

    assert day.sent == CALLS
    assert day.now < 1.05 * AT_BEST


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_what_iam_bears_is_used_and_it_is_not_hammered(seed: int) -> None:
    day = Day(iam=Iam(rate=20, seed=seed)).lived()

    assert day.given_up == 0
    assert day.throttled < 0.12 * day.sent
    assert day.now < 1.1 * (CALLS - 40) / 20


def test_that_holds_for_a_day_of_5000_users_too() -> None:
    day = Day(iam=Iam(rate=20), calls=5000).lived()

    assert day.given_up == 0
    assert day.throttled < 0.1 * day.sent
    assert day.now < 1.1 * (5000 - 40) / 20


@pytest.mark.parametrize(("rate", "workers"), [(5, 8), (20, 1), (20, 64), (100, 8), (100, 64)])
def test_no_call_is_given_up_whatever_iam_bears(rate: float, workers: int) -> None:
    day = Day(iam=Iam(rate=rate, burst=2 * rate), workers=workers).lived()

    assert day.given_up == 0
    assert day.throttled < 0.25 * day.sent
    assert day.now < 1.2 * max((CALLS - 2 * rate) / rate, CALLS * CALL / workers)


@given(SEEDS, st.sampled_from([0.01, 0.1]))
@settings(max_examples=20, deadline=None)
def test_lone_throttles_do_not_slow_the_others_down(seed: int, share: float) -> None:
    day = Day(iam=Iam(share=share, seed=seed)).lived()

    assert day.given_up == 0
    assert day.now < 1.5 * AT_BEST


def test_lone_throttles_on_top_of_a_limit_are_borne_too() -> None:
    day = Day(iam=Iam(rate=20, share=0.1)).lived()

    assert day.given_up == 0
    assert day.now < 1.2 * (CALLS - 40) / 20


def test_while_iam_throttles_everything_hardly_anything_is_sent() -> None:
    day = Day(iam=Iam(away_until=10.0)).lived()

    assert day.given_up == 0
    assert day.throttled < 100  # eight workers at full speed would be throttled 2,000 times


@dataclass
class Moved:
    """A clock that somebody sets."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


def about(seconds: float) -> object:
    """A time of day as a float is not exact to the last digit."""
    return pytest.approx(seconds, abs=1e-5)


def test_forty_go_at_once_and_then_twenty_a_second() -> None:
    clock = Moved()
    bucket = TokenBucket(clock)

    waits = [bucket.take().wait for _ in range(int(BURST) + 20)]

    assert waits[: int(BURST)] == [0.0] * int(BURST)
    assert waits[int(BURST) :] == [about(n / RATE) for n in range(1, 21)]


def test_what_must_not_wait_goes_on_credit_and_the_others_pay() -> None:
    bucket = TokenBucket(Moved())

    assert [bucket.owe().wait for _ in range(60)] == [0.0] * 60
    assert bucket.take().wait == about(21 / RATE)


def test_nobody_waits_longer_than_said_however_much_is_owed() -> None:
    bucket = TokenBucket(Moved())
    for _ in range(10_000):
        bucket.owe()

    assert bucket.take().wait == about(LONGEST_WAIT)


def test_a_clock_set_back_or_far_ahead_hangs_nobody() -> None:
    clock = Moved()
    bucket = TokenBucket(clock)
    for _ in range(41):
        bucket.take()

    clock.now -= timedelta(days=1)
    assert bucket.take().wait == about(2 / RATE)
    clock.now += timedelta(seconds=0.1)
    assert bucket.take().wait == about(1 / RATE)
    clock.now += timedelta(days=300)
    assert [bucket.take().wait for _ in range(int(BURST) + 1)][-2:] == [0.0, about(1 / RATE)]


def test_the_rate_never_falls_to_nothing() -> None:
    bucket = TokenBucket(Moved())

    for _ in range(1000):
        bucket.throttled(bucket.owe())

    assert bucket.rate == LEAST_RATE


def test_what_was_sent_before_the_rate_fell_says_nothing_of_the_new_one() -> None:
    bucket = TokenBucket(Moved())
    sent = [bucket.owe() for _ in range(64)]

    for token in sent:
        bucket.throttled(token)

    assert bucket.rate == RATE / 2  # not once for each nine of them


def test_a_rate_that_nobody_uses_is_not_learnt() -> None:
    clock = Moved()
    bucket = TokenBucket(clock)

    for _ in range(1000):  # one call a second
        token = bucket.take()
        clock.now += timedelta(seconds=1)
        bucket.passed(token)

    assert bucket.rate == RATE
