"""What is compared with a limit, at the limit itself and one step beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from keyturn.domain.decision import Action, Decision, Reason, State, UserDecisions
from keyturn.domain.errors import ClockOff, DeliveryUnclear
from keyturn.domain.key import SecretFacts, UserFacts
from keyturn.domain.result import AccountResult, Request
from keyturn.ports import CreatedSecret, NewKey, Reservation
from keyturn.use_cases.daily_cap import is_too_late
from keyturn.use_cases.run_lease import of_living
from tests.fakes import FakeKeys, FakeSecretStore
from tests.use_cases.account import NOW, RUN, a_key, an_account, some_keys

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass
class Slow(FakeSecretStore):
    """A secret store with a clock of its own, whose calls take time."""

    now: datetime = NOW
    ahead: timedelta = timedelta()
    """By how much AWS's clock is ahead of ours."""
    tagging: list[timedelta] = field(default_factory=list)
    """How long each write of tags takes."""
    intents: int = 0

    def look(self, name: str) -> SecretFacts | None:
        found = super().look(name)
        return found and replace(found, told_at=self.now + self.ahead)

    def create(self, name: str, tags: Mapping[str, str]) -> CreatedSecret:
        made = super().create(name, tags)
        self._took(tags)
        return replace(made, ahead=self.ahead)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        super().tag(name, tags)
        self._took(tags)

    def _took(self, tags: Mapping[str, str]) -> None:
        if "keyturn:intent" in tags:
            self.intents += 1
            self.now += self.tagging.pop(0) if self.tagging else timedelta()


class SlowKeys(FakeKeys):
    """IAM that takes its time to make a key."""

    takes: timedelta
    secret_store: Slow

    def create(self, user: str) -> NewKey:
        made = super().create(user)
        self.secret_store.now += self.takes
        return made


def rotated(secret_store: Slow, keys: FakeKeys | None = None) -> tuple[AccountResult, int]:
    """Carry out a run about one old key: what came of it, and how many keys there are then."""
    keys = keys or some_keys(ann=137)
    account = an_account(keys, secret_store, clock=lambda: secret_store.now)
    result = account.carry_out(account.plan(RUN, Request()))
    return result, len(keys.held["ann"])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("off", "errors"), [(30, []), (31, [ClockOff])])
def test_a_clock_that_is_off_by_half_a_minute_will_do_and_a_second_more_will_not(
    off: int, errors: list[type], sign: int
) -> None:
    result, keys = rotated(Slow(ahead=sign * off * SECOND))

    assert [type(failure.error) for failure in result.failures] == errors
    assert keys == (1 if errors else 2)


@pytest.mark.parametrize(("took", "intents"), [(59, 1), (60, 2)])
def test_an_intent_of_a_minute_is_written_anew_before_a_key_is_made(
    took: int, intents: int
) -> None:
    secret_store = Slow(tagging=[took * SECOND])

    result, keys = rotated(secret_store)

    assert (result.failures, keys) == ((), 2)
    assert secret_store.intents - 1 == intents  # and once when it is settled


@pytest.mark.parametrize(
    ("took", "errors"), [(15 * MINUTE - SECOND, []), (15 * MINUTE, [DeliveryUnclear])]
)
def test_a_key_is_stored_until_it_may_be_taken_for_an_orphan(
    took: timedelta, errors: list[type]
) -> None:
    secret_store = Slow()
    keys = SlowKeys(
        clock=lambda: secret_store.now, held={"ann": [a_key("OLD", 137)]}, groups={"Exempt": set()}
    )
    keys.takes, keys.secret_store = took, secret_store

    result, _ = rotated(secret_store, keys)

    assert [type(failure.error) for failure in result.failures] == errors
    assert bool(secret_store.stored) is not bool(errors)


def a_turn(action: Action) -> UserDecisions:
    key = a_key("OLD", 137)
    made = Decision(
        key_id=key.key_id,
        age=137,
        state=State.ROTATED,
        action=action,
        reason=Reason.WINDOW_OVER,
        sentence="",
    )
    user = UserFacts(account="333333333333", name="ann", user_id="ann", keys=(key,))
    return UserDecisions(user=user, decisions=(made,))


@pytest.mark.parametrize(("ago", "late"), [(14 * MINUTE, False), (14 * MINUTE + SECOND, True)])
def test_a_turn_must_be_over_within_a_quarter_of_an_hour_of_its_note(
    ago: timedelta, *, late: bool
) -> None:
    assert is_too_late(a_turn(Action.DISABLE), NOW - ago, NOW) is late
    assert not is_too_late(a_turn(Action.ROTATE), NOW - ago, NOW)


@pytest.mark.parametrize(("ago", "lives"), [(15 * MINUTE, True), (15 * MINUTE + SECOND, False)])
def test_a_note_lives_for_a_quarter_of_an_hour_by_our_own(ago: timedelta, *, lives: bool) -> None:
    ours = Reservation(run="mine", keys=frozenset(), at=NOW, ordered=False)
    other = replace(ours, run="other", at=NOW - ago)

    assert (list(of_living([other, ours], "mine")) == [other]) is lives
