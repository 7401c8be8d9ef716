"""An account that forbids new keys, or lets none be delivered: tried with one user."""

from collections import Counter
from dataclasses import replace

import pytest

from keyturn.domain.decision import Action, NoticeType, UserDecisions
from keyturn.domain.errors import Throttled
from keyturn.domain.result import Outcome
from keyturn.use_cases.first_key import in_turn, try_first
from tests.domain.world import a_key, a_secret, ann, look
from tests.use_cases.harness import (
    DAY,
    MEMBER,
    START,
    Harness,
    break_down,
    decisions_of,
    failures_of,
)
from tests.use_cases.test_notifications import a_turn

USERS = tuple(f"user-{number:02}" for number in range(12))
DENIED = ("WAIT", "creation-denied")
FAILING = ("WAIT", "delivery-failing")


def found(stage: Harness) -> None:
    for name in USERS:
        stage.user(name, 137)


@pytest.mark.parametrize("parallel", ["1", "8"])
def test_the_first_refusal_of_a_run_is_the_accounts_and_leaves_one_secret(
    stage: Harness, parallel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ParallelUsers", parallel)
    found(stage)
    stage.cloud.deny(MEMBER, "CreateAccessKey")

    for day in (0, 1, 2, 9):
        since = stage.at(day).mark()
        answer = stage.run()

        assert list(failures_of(answer)) == [None]
        assert "CreateAccessKey" in failures_of(answer)[None]
        assert {tuple(decisions_of(answer, name)) for name in USERS} == {(DENIED,)}
        assert Counter(stage.writes(since))["CreateAccessKey"] == 1
        assert len([s for s in stage.cloud.secrets(MEMBER) if s.gone_at is None]) == 1


def test_who_has_no_secret_is_not_tried_where_somebody_has_one(stage: Harness) -> None:
    stage.user("zoe", 137)
    stage.cloud.deny(MEMBER, "CreateAccessKey")
    stage.run()
    stage.user("ann", 137)

    stage.at(1).run()

    assert len(stage.cloud.secrets(MEMBER)) == 1


def test_one_user_whose_secret_refuses_keys_does_not_come_first_every_day() -> None:
    all_decided = [
        UserDecisions(
            user=replace(ann(a_key(age=137), secret=a_secret()), name=name),
            decisions=look(ann(a_key(age=137), secret=a_secret())).decided.decisions,
        )
        for name in ("ann", "bob", "eve")
    ]

    first = {in_turn(all_decided, START.date() + day * DAY)[0].user.name for day in range(10)}

    assert first == {"ann", "bob", "eve"}


def test_a_refused_account_goes_on_when_it_is_allowed_again(stage: Harness) -> None:
    found(stage)
    refusal = stage.cloud.deny(MEMBER, "CreateAccessKey")
    stage.run()
    refusal.lift()

    answer = stage.at(1).run()

    assert answer["failures"] == []
    assert all(len(stage.keys(name)) == 2 for name in USERS)


def test_what_else_is_due_is_done_in_an_account_that_forbids_new_keys(stage: Harness) -> None:
    [old] = stage.user("bob", 90)
    stage.run()
    stage.at(10).user("ann", 137)
    stage.cloud.deny(MEMBER, "CreateAccessKey")

    stage.run()

    assert stage.keys("bob")[old] == "Inactive"


def of_days(stage: Harness, days: int) -> dict[int, int]:
    """How many keys each of so many daily runs tried to make."""
    made: dict[int, int] = {}
    for day in range(days):
        since = stage.at(day).mark()
        stage.run()
        made[day] = Counter(stage.writes(since))["CreateAccessKey"]
    return {day: count for day, count in made.items() if count}


def test_a_secret_that_is_refused_for_good_makes_three_keys_and_then_one_a_week(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 137)
    refusal = stage.cloud.deny(MEMBER, "PutSecretValue")

    assert of_days(stage, 20) == {0: 1, 1: 1, 2: 1, 9: 1, 16: 1}
    assert stage.keys("ann") == {old: "Active"}
    blocked = [mail for mail in stage.cloud.sent_mails if "cannot be stored" in mail.subject]
    assert blocked
    refusal.lift()
    stage.at(23).run()
    assert len(stage.keys("ann")) == 2


def test_a_delivery_that_breaks_off_for_good_makes_three_keys_and_then_one_a_week(
    stage: Harness,
) -> None:
    [old] = stage.user("ann", 137)
    stage.cloud.layers.append(break_down("PutSecretValue"))

    made = of_days(stage, 30)

    assert len([day for day in made if day < 7]) <= 3
    assert sum(made.values()) <= 7
    assert stage.keys("ann")[old] == "Active"


def test_a_delivery_that_is_denied_is_tried_with_one_user_of_the_account(stage: Harness) -> None:
    found(stage)
    stage.cloud.deny(MEMBER, "PutSecretValue")

    answer = stage.run()

    assert sum(stage.writes().count(call) for call in ("CreateAccessKey",)) == 1
    reasons = Counter(decisions_of(answer, name)[0] for name in USERS)
    assert reasons[FAILING] == len(USERS) - 1
    assert all(len(stage.keys(name)) == 1 for name in USERS)


@pytest.mark.parametrize("call", ["CreateAccessKey", "PutSecretValue"])
def test_nobody_is_warned_of_a_rotation_while_the_account_lets_no_key_be_made(
    stage: Harness, call: str
) -> None:
    stage.user("ann", 137)
    stage.user("bob", 80)
    refusal = stage.cloud.deny(MEMBER, call)

    answer = stage.run()

    assert decisions_of(answer, "bob") == [("KEEP", "nothing-due")]
    [bob] = (made for made in answer["decisions"] if made["user"] == "bob")
    assert "lets no new access key be made" in bob["sentence"]
    assert not any("bob" in mail.subject for mail in stage.cloud.sent_mails)
    refusal.lift()
    assert decisions_of(stage.at(1).run(), "bob") == [("WARN", "rotation-ahead")]


def test_nobody_is_told_of_a_day_among_spread_ones_while_the_account_forbids_keys(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SpreadDays", "3")
    found(stage)
    stage.cloud.deny(MEMBER, "CreateAccessKey")

    answer = stage.run()

    assert {tuple(decisions_of(answer, name)) for name in USERS} == {(DENIED,)}


@pytest.mark.parametrize(("throttled", "tried"), [(0, 1), (1, 2), (2, 3), (3, 3)])
def test_users_are_tried_until_one_tells_how_the_account_answers(
    throttled: int, tried: int
) -> None:
    today = START.date()
    rotations = [
        a_turn(name, NoticeType.ROTATED, Action.ROTATE) for name in ("ann", "bob", "carl")
    ]
    all_decided = in_turn(rotations, today)
    unclear = {decided.user.name for decided in all_decided[:throttled]}

    def carry_out(decided: UserDecisions) -> Outcome:
        error = Throttled("slow down") if decided.user.name in unclear else None
        return Outcome(decided=decided, error=error)

    found = try_first(rotations, carry_out, lambda: True, today)

    assert [each.decided for each in found.outcomes if each] == all_decided[:tried]
    assert found.users == {decided.user.name for decided in all_decided[:tried]}
    assert found.refusal is None
