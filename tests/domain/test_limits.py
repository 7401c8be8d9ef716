"""How much at once: the cap of keys that end in one account and day, and spreading."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import (
    Action,
    Decision,
    NoticeType,
    Overlay,
    Reason,
    State,
    UserDecisions,
)
from keyturn.domain.key import KeyFacts, Status, Unknown, UserFacts
from keyturn.domain.limits import cap_of, over_cap
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from tests.domain.world import (
    DAY,
    NOW,
    SILENCE,
    Life,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
    only,
    told,
)

FEW = RotationPolicy(max_keys_per_day=2, max_percent_per_day=0)
SPREAD = RotationPolicy(spread_days=7)
TO_DISABLE = a_key("OLD", age=137, told=[told(10, disable=0, delete=10)])
TO_DELETE = a_key("OLD", age=147, inactive=True, used=11, told=[told(10, delete=0)])
SUCCESSOR = a_key("NEW", age=10)
DISABLED = {"OLD": KeyRecord(disabled=ago(10))}
OVER = RunConstraints(over_limit={"OLD": True})


def a_turn(user: str, age: int, action: Action = Action.DISABLE) -> UserDecisions:
    key = KeyFacts(key_id=f"KEY-{user}", status=Status.ACTIVE, created=NOW - age * DAY)
    decision = Decision(
        key_id=key.key_id,
        age=age,
        state=State.ROTATED,
        action=action,
        reason=Reason.WINDOW_OVER,
        sentence="",
    )
    facts = UserFacts(account="111122223333", name=user, user_id=user, keys=(key,))
    return UserDecisions(user=facts, decisions=(decision,))


@pytest.mark.parametrize(
    ("keys", "cap"), [(0, 10), (10, 10), (40, 10), (43, 10), (44, 11), (400, 100)]
)
def test_the_cap_is_ten_keys_or_a_quarter_whichever_is_more(keys: int, cap: int) -> None:
    assert cap_of(RotationPolicy(), keys) == cap


def test_the_oldest_come_first_and_the_rest_has_to_wait() -> None:
    all_decided = [a_turn("young", 101), a_turn("old", 900), a_turn("middle", 300)]

    assert over_cap(all_decided, FEW, begun=()) == {"KEY-young"}


def test_deleting_counts_like_disabling_and_nothing_else_does() -> None:
    all_decided = [
        a_turn("a", 900, Action.DELETE),
        a_turn("b", 800),
        a_turn("c", 700, Action.ROTATE),
        a_turn("d", 600, Action.REPAIR),
        a_turn("e", 500),
    ]

    assert over_cap(all_decided, FEW, begun=()) == {"KEY-e"}


def test_what_another_run_of_the_day_began_counts_and_may_be_gone_on_with() -> None:
    all_decided = [a_turn("a", 900), a_turn("b", 800), a_turn("c", 700)]

    assert over_cap(all_decided, FEW, begun={"KEY-c"}) == {"KEY-b"}
    assert over_cap(all_decided, FEW, begun={"KEY-c", "KEY-gone"}) == {"KEY-a", "KEY-b"}
    assert over_cap(all_decided, FEW, begun={"GONE-1", "GONE-2", "GONE-3"}) == {
        "KEY-a",
        "KEY-b",
        "KEY-c",
    }


def test_where_more_began_than_may_end_nothing_is_gone_on_with() -> None:
    all_decided = [a_turn("a", 900), a_turn("b", 800), a_turn("c", 700)]

    assert over_cap(all_decided, FEW, begun={"KEY-a", "KEY-b", "KEY-c"}) == {
        "KEY-a",
        "KEY-b",
        "KEY-c",
    }


@given(
    ages=st.lists(st.integers(100, 900), max_size=40),
    begun=st.sets(st.integers(0, 60), max_size=30),
    cap=st.integers(0, 20),
    percent=st.integers(0, 100),
)
def test_never_more_end_in_a_day_than_the_cap_allows(
    ages: list[int], begun: set[int], cap: int, percent: int
) -> None:
    policy = RotationPolicy(max_keys_per_day=cap, max_percent_per_day=percent)
    all_decided = [a_turn(str(number), age) for number, age in enumerate(ages)]
    noted = {f"KEY-{number}" for number in begun}

    ending = {f"KEY-{number}" for number in range(len(ages))} - over_cap(
        all_decided, policy, noted
    )

    assert len(ending | noted) <= max(cap_of(policy, len(ages)), len(noted))
    assert len(ending) <= max(cap_of(policy, len(ages)) - len(noted - ending), 0)


@pytest.mark.parametrize(
    ("user", "action"),
    [
        (ann(TO_DISABLE, SUCCESSOR, secret=a_secret("NEW")), "DISABLE"),
        (ann(TO_DELETE, SUCCESSOR, secret=a_secret(records=DISABLED)), "DELETE"),
    ],
)
def test_a_key_over_the_cap_waits_for_tomorrow(user: UserFacts, action: str) -> None:
    made = look(user, constraints=OVER)["OLD"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.OVER_CAP)
    assert made.overlays == {Overlay.BLOCKED}
    assert made.next is not None
    assert (made.next.action, made.next.day) == (action, on(1))
    assert made.notice is None


def test_without_a_cap_the_same_keys_end() -> None:
    assert look(ann(TO_DISABLE, SUCCESSOR, secret=a_secret("NEW")))["OLD"].action == "DISABLE"
    assert look(ann(TO_DELETE, SUCCESSOR, secret=a_secret(records=DISABLED)))["OLD"].action == (
        "DELETE"
    )


def test_a_count_that_cannot_be_read_ends_no_key() -> None:
    unread = RunConstraints(over_limit={"OLD": Unknown("AccessDenied")})

    made = look(ann(TO_DISABLE, SUCCESSOR, secret=a_secret("NEW")), constraints=unread)["OLD"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.TALLY_UNREADABLE)
    assert "AccessDenied" in made.sentence


def test_a_deletion_that_waits_frees_no_slot_for_a_rotation() -> None:
    due = a_key("DUE", age=100)
    user = ann(TO_DELETE, due, secret=a_secret(records=DISABLED))

    assert look(user, constraints=OVER)["DUE"].reason is Reason.SLOT_TAKEN
    assert look(user)["DUE"].action is Action.ROTATE


def test_an_orphan_is_taken_back_whatever_the_cap() -> None:
    assert not {Action.REPAIR, Action.ROTATE} & {Action.DISABLE, Action.DELETE}
    assert over_cap([a_turn("a", 1, Action.REPAIR)], replace(FEW, max_keys_per_day=0), ()) == set()


# --- spreading ----------------------------------------------------------------------------


def rotated_on(user: UserFacts, policy: RotationPolicy = SPREAD, now: datetime = NOW) -> int:
    """How many days from now the user's key is rotated, if runs come daily."""
    days = range(40)
    return next(d for d in days if only(user, policy, now + d * DAY).action is Action.ROTATE)


@pytest.mark.parametrize("name", ["ann", "bob", "carl", "dora", "emil", "fred", "gina", "hal"])
def test_a_key_found_old_is_rotated_on_its_users_day_and_the_plan_says_which(name: str) -> None:
    user = replace(ann(a_key(age=400)), name=name)

    day = rotated_on(user)

    assert 0 <= day < SPREAD.spread_days
    for before in range(day):
        made = only(user, SPREAD, NOW + before * DAY)
        assert (made.action, made.reason) == (Action.WARN, Reason.SPREAD)
        assert made.next is not None
        assert made.next.day == on(day)
        assert made.notice is not None
        assert (made.notice.type, made.notice.day) == (NoticeType.UPCOMING, on(day))


def test_many_users_are_spread_over_all_the_days() -> None:
    days = {rotated_on(replace(ann(a_key(age=400)), name=f"user-{n}")) for n in range(60)}

    assert days == set(range(7))


def test_spread_over_one_day_is_off() -> None:
    user = ann(a_key(age=400))

    assert only(user, RotationPolicy(spread_days=1)).action is Action.ROTATE


def test_whoever_was_warned_before_is_rotated_on_the_day_of_the_warning() -> None:
    warned = told(1, step="upcoming-1")

    for n in range(10):
        user = replace(ann(a_key(age=90, told=[warned])), name=f"user-{n}")
        assert only(user, SPREAD).action is Action.ROTATE


@pytest.mark.parametrize("start", range(SPREAD.spread_days))
@pytest.mark.parametrize(
    "days", [range(15), range(0, 15, 7), (0, 3, 12)], ids=["daily", "weekly", "irregular"]
)
def test_a_key_found_old_is_told_its_day_once_and_rotated_by_the_first_run_from_then(
    start: int, days: Iterable[int]
) -> None:
    life = Life(a_key(age=400), policy=SPREAD, start=NOW + start * DAY)
    due = rotated_on(ann(a_key(age=400)), now=life.start)

    for day in days:
        life.run(day)

    assert life.acts[0] == (next(day for day in days if day >= due), "OLD", "ROTATE")
    warned = [(day, key, step) for day, key, step in life.told if step == "upcoming-spread"]
    assert warned == ([] if due == 0 else [(0, "OLD", "upcoming-spread")])


def test_a_forced_rotation_is_not_spread() -> None:
    for n in range(10):
        user = replace(ann(a_key(age=400), forced=ago(0)), name=f"user-{n}")
        assert only(user, SPREAD).reason is Reason.FORCED


def test_receipts_that_cannot_be_read_make_nobody_new_or_known() -> None:
    users = [replace(ann(a_key(age=400, told=SILENCE)), name=f"user-{n}") for n in range(20)]

    made = {only(user, SPREAD).reason for user in users}

    assert made == {Reason.RECEIPTS_UNREADABLE, Reason.ROTATION_DUE}


def test_each_account_has_days_of_its_own() -> None:
    user = ann(a_key(age=400))

    assert len({rotated_on(replace(user, account=f"{n:012}")) for n in range(30)}) > 1


# --- an orphan that is alone --------------------------------------------------------------


def test_a_lone_new_key_is_looked_up_for_it_may_be_an_orphan() -> None:
    assert look(ann(a_key(age=2))).questions
    assert not look(ann(a_key(age=3))).questions


def test_a_window_is_no_shorter_for_the_cap() -> None:
    """What waits over the cap is disabled the next day: its promise stands, and is not renewed."""
    user = ann(TO_DISABLE, SUCCESSOR, secret=a_secret("NEW"))

    assert look(user, now=NOW + timedelta(days=1))["OLD"].action is Action.DISABLE
