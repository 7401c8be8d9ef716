"""Each line of the table of transitions, at its boundaries."""

from datetime import timedelta

import pytest

from keyturn.domain.decision import Action, Change, Next, NoticeType, Overlay, Reason, State
from keyturn.domain.key import Act, KeyFacts, Receipt
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from tests.domain.world import (
    NOW,
    POLICY,
    SILENCE,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
    only,
    told,
)

HOUR = 1 / 24


# --- T0: warn ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "step"),
    [
        (75.4, None),
        (75.5, "upcoming-14"),
        (76, "upcoming-14"),
        (82.4, "upcoming-14"),
        (82.5, "upcoming-7"),
        (88.4, "upcoming-7"),
        (88.5, "upcoming-1"),
        (89.4, "upcoming-1"),
    ],
)
def test_a_key_near_its_rotation_is_warned_of_the_latest_step_that_has_come(
    age: float, step: str | None
) -> None:
    made = only(ann(a_key(age=age)))

    assert made.action is (Action.WARN if step else Action.KEEP)
    assert (made.notice.step if made.notice else None) == step
    assert made.state is State.ACTIVE


def test_a_warning_names_the_day_of_the_rotation() -> None:
    made = only(ann(a_key(age=76)))

    assert made.reason is Reason.ROTATION_AHEAD
    assert made.sentence == f"it is 76 days old and will be rotated on {on(14)}"
    assert made.next == Next(Action.ROTATE, on(14))
    assert made.notice is not None
    assert made.notice.day == on(14)
    assert made.notice.promises == {}


@pytest.mark.parametrize(
    ("step", "days", "again"),
    [
        ("upcoming-14", 14, False),
        ("upcoming-14", 13, False),  # the hour of the run may move the date by a day
        ("upcoming-14", 15, False),
        ("upcoming-14", 16, True),  # the rotation was put off: it is told of the new date
        ("upcoming-14", 12, True),
        ("upcoming-7", 14, True),
    ],
)
def test_a_warning_is_given_once_for_a_date(step: str, days: int, *, again: bool) -> None:
    receipt = Receipt(step=step, day=on(days), at=ago(1))

    assert (only(ann(a_key(age=76, told=[receipt]))).action is Action.WARN) is again


def test_the_days_of_warning_can_be_chosen() -> None:
    policy = RotationPolicy(warn_days=(30,))

    assert only(ann(a_key(age=61)), policy).action is Action.WARN
    assert only(ann(a_key(age=59)), policy).action is Action.KEEP
    assert only(ann(a_key(age=89)), RotationPolicy(warn_days=())).action is Action.KEEP


# --- T1: rotate -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "action"),
    [
        (90 - 13 * HOUR, Action.WARN),
        (90 - 12 * HOUR, Action.ROTATE),
        (90 - 11 * HOUR, Action.ROTATE),
        (90, Action.ROTATE),
        (400, Action.ROTATE),
    ],
)
def test_a_single_key_is_rotated_from_day_90(age: float, action: Action) -> None:
    assert only(ann(a_key(age=age))).action is action


@pytest.mark.parametrize("hours", [0, 1, 2])
def test_a_period_of_one_day_has_a_slack_of_one_hour(hours: int) -> None:
    policy = RotationPolicy(rotation_period=1, inactive_period=3)

    made = only(ann(a_key(age=1 - hours * HOUR)), policy)

    assert (made.action is Action.ROTATE) is (hours <= 1)


@pytest.mark.parametrize(
    ("age", "disable", "delete"), [(90, 10, 20), (95, 10, 20), (900, 10, 20), (89.6, 10, 20)]
)
def test_a_rotation_promises_the_dates_of_disabling_and_deleting(
    age: float, disable: int, delete: int
) -> None:
    made = only(ann(a_key(age=age)))

    assert made.reason is Reason.ROTATION_DUE
    assert made.notice is not None
    assert made.notice.type is NoticeType.ROTATED
    assert made.notice.promises == {Act.DISABLE: on(disable), Act.DELETE: on(delete)}
    assert made.notice.day == on(disable)
    assert made.next == Next(Action.DISABLE, on(disable))


@pytest.mark.parametrize("used", [None, 0, 400])
def test_an_unused_key_is_rotated_like_any_other_unless_the_policy_says_otherwise(
    used: float | None,
) -> None:
    assert only(ann(a_key(age=900, used=used))).action is Action.ROTATE


# --- T4 and T2: notice, and disable -----------------------------------------------------


def decided(
    *receipts: Receipt,
    age: float = 300,
    successor: float = 10,
    record: KeyRecord | None = None,
    policy: RotationPolicy = POLICY,
) -> Action:
    user = ann(
        a_key(age=age, told=receipts),
        a_key("NEW", age=successor),
        secret=a_secret("NEW", records={"OLD": record or KeyRecord()}),
    )
    return look(user, policy)["OLD"].action


@pytest.mark.parametrize(
    ("days", "action"),
    [(9, Action.WARN), (9.49, Action.WARN), (9.5, Action.DISABLE), (10, Action.DISABLE)],
)
def test_a_replaced_key_is_disabled_when_its_owner_was_told_the_window_ago(
    days: float, action: Action
) -> None:
    assert decided(told(days, disable=0), successor=20) is action


@pytest.mark.parametrize(
    ("days", "action"), [(9.49, Action.WARN), (9.5, Action.DISABLE), (10, Action.DISABLE)]
)
def test_a_replaced_key_is_disabled_when_its_successor_is_as_old_as_the_window(
    days: float, action: Action
) -> None:
    assert decided(told(20, disable=0), successor=days) is action


@pytest.mark.parametrize(
    ("age", "action"), [(99.49, Action.WARN), (99.5, Action.DISABLE), (100, Action.DISABLE)]
)
def test_a_replaced_key_is_disabled_from_day_100(age: float, action: Action) -> None:
    assert decided(told(20, disable=0), successor=20, age=age) is action


@pytest.mark.parametrize(
    ("promised", "action"),
    [(1, Action.WARN), (0, Action.DISABLE), (-30, Action.DISABLE), (-31, Action.NOTICE)],
)
def test_a_key_is_disabled_from_the_promised_day_and_until_the_receipt_is_stale(
    promised: int, action: Action
) -> None:
    assert decided(told(50, disable=promised), successor=50) is action


def test_a_date_that_has_come_too_soon_moves_to_the_next_run() -> None:
    told_late = a_key(age=300, told=[told(9, disable=0)])
    disabled_late = a_key(age=300, inactive=True, told=[told(9, delete=0)])
    secret = a_secret("NEW", records={"OLD": KeyRecord(disabled=ago(9))})

    disable = look(ann(told_late, a_key("NEW", age=20), secret=a_secret("NEW")))["OLD"]
    delete = look(ann(disabled_late, secret=secret))["OLD"]

    assert disable.next == Next(Action.DISABLE, on(1))
    assert delete.next == Next(Action.DELETE, on(1))
    assert disable.notice is not None
    assert disable.notice.promises == {Act.DISABLE: on(1)}


def test_a_replaced_key_is_disabled_no_sooner_than_the_last_date_promised() -> None:
    assert decided(told(20, disable=-5), told(15, disable=2), successor=20) is Action.WARN
    assert decided(told(20, disable=2), told(15, disable=-5), successor=20) is Action.WARN


@pytest.mark.parametrize(
    "receipt",
    [
        pytest.param(told(20, delete=0), id="of the deletion only"),
        pytest.param(Receipt(step="disable", day=on(0), at=ago(20)), id="that promises nothing"),
        pytest.param(told(90, disable=-31), id="that is stale"),
    ],
)
def test_a_receipt_that_does_not_promise_the_disabling_is_none(receipt: Receipt) -> None:
    assert decided(receipt, successor=50) is Action.NOTICE


def test_a_date_that_changed_says_so() -> None:
    old = a_key(age=90, told=[told(20, disable=2)])

    made = look(ann(old, a_key("NEW", age=20), secret=a_secret("NEW")))["OLD"]

    assert made.reason is Reason.DATES_CHANGED
    assert made.sentence == "it was replaced by NEW, and the date of its end has changed"
    assert made.next == Next(Action.DISABLE, on(10))


@pytest.mark.parametrize("delivered", [True, False])
def test_a_decision_knows_whether_we_delivered_the_successor(*, delivered: bool) -> None:
    secret = a_secret(*(["NEW"] if delivered else []))

    looked = look(ann(a_key(age=300), a_key("NEW", age=10), secret=secret))

    assert looked["OLD"].successor == "NEW"
    assert looked["OLD"].delivered is delivered
    assert not looked["NEW"].delivered


@pytest.mark.parametrize("age", [5, 50, 95, 300])
def test_a_replaced_key_is_told_of_its_end_at_any_age(age: float) -> None:
    user = ann(a_key(age=age), a_key("NEW", age=1), secret=a_secret("NEW"))

    made = look(user)["OLD"]

    assert (made.action, made.reason) == (Action.NOTICE, Reason.DATES_NOT_NOTICED)
    assert made.state is State.ROTATED
    assert made.successor == "NEW"
    assert made.sentence == "it was replaced by NEW"
    assert made.notice is not None
    assert made.notice.type is NoticeType.RETIRING
    day = on(max(10, 100 - int(age)))
    assert made.notice.promises == {Act.DISABLE: day, Act.DELETE: day + timedelta(days=10)}


def test_a_disabled_key_is_told_when_it_will_be_deleted() -> None:
    user = ann(
        a_key(age=300, told=[told(10, disable=0)]), a_key("NEW", age=10), secret=a_secret("NEW")
    )

    made = look(user)["OLD"]

    assert (made.action, made.reason) == (Action.DISABLE, Reason.WINDOW_OVER)
    assert made.sentence == f"it was replaced by NEW, and its end was announced for {on(0)}"
    assert made.notice is not None
    assert made.notice.type is NoticeType.DISABLED
    assert made.notice.promises == {Act.DELETE: on(10)}
    assert made.next == Next(Action.DELETE, on(10))


@pytest.mark.parametrize(("days", "warns"), [(4, False), (3, True), (1, True)])
def test_three_days_before_it_is_disabled_a_key_is_warned_once(days: int, *, warns: bool) -> None:
    receipt = told(10 - days, disable=days)
    before = told(0, disable=days, step="before-disable")
    an_earlier = told(5, disable=days - 5, step="before-disable")

    assert (decided(receipt, successor=10 - days) is Action.WARN) is warns
    assert (decided(receipt, an_earlier, successor=10 - days) is Action.WARN) is warns
    assert decided(receipt, before, successor=10 - days) is Action.KEEP


def test_a_key_whose_end_is_far_is_kept() -> None:
    user = ann(
        a_key(age=300, told=[told(2, disable=8)]), a_key("NEW", age=2), secret=a_secret("NEW")
    )

    made = look(user)["OLD"]

    assert (made.action, made.reason) == (Action.KEEP, Reason.WINDOW_RUNNING)
    assert made.sentence == f"it was replaced by NEW; it works until {on(8)}"
    assert made.next == Next(Action.DISABLE, on(8))


@pytest.mark.parametrize(
    ("promised", "action"), [(5, Action.NOTICE), (8, Action.NOTICE), (9, Action.KEEP)]
)
def test_a_date_that_is_put_off_by_more_than_a_day_is_told_anew(
    promised: int, action: Action
) -> None:
    assert decided(told(20, disable=promised), successor=20, age=90) is action


@pytest.mark.parametrize(
    ("used", "quiet"),
    [
        (10, False),
        (10.49, False),
        (10.5, True),
        (11, True),
        (None, True),
    ],
)
def test_quiet_is_more_than_the_window_since_the_last_use(
    used: float | None, *, quiet: bool
) -> None:
    looked = look(ann(a_key(age=300, used=used), a_key("SECOND", age=200)))

    assert looked["OLD"].action is (Action.NOTICE if quiet else Action.WAIT)


@pytest.mark.parametrize(("age", "quiet"), [(19.4, False), (19.5, True), (20, True)])
def test_a_key_that_was_never_used_is_quiet_when_it_is_as_old_as_the_window(
    age: float, *, quiet: bool
) -> None:
    policy = RotationPolicy(rotation_period=5, inactive_period=25)

    looked = look(ann(a_key(age=age, used=None), a_key("SECOND", age=1)), policy)

    assert looked["OLD"].action is (Action.NOTICE if quiet else Action.WAIT)
    assert looked["OLD"].next is not None
    if not quiet:
        assert looked["OLD"].sentence.endswith("in use: too young to tell")
        assert looked["OLD"].next == Next(Action.NOTICE, on(1))


# --- T3: delete -------------------------------------------------------------------------


def inactive(*receipts: Receipt, age: float = 300, **times: float) -> Action:
    record = KeyRecord(**{name: ago(days) for name, days in times.items()})
    user = ann(
        a_key(age=age, inactive=True, used=None, told=receipts),
        secret=a_secret(records={"OLD": record}),
    )
    return look(user)["OLD"].action


@pytest.mark.parametrize("time", ["disabled", "seen"])
@pytest.mark.parametrize(
    ("days", "action"), [(9.49, Action.WARN), (9.5, Action.DELETE), (10, Action.DELETE)]
)
def test_an_inactive_key_is_deleted_when_the_grace_is_over(
    time: str, days: float, action: Action
) -> None:
    assert inactive(told(9, delete=0), **{time: days}) is action


@pytest.mark.parametrize(
    ("age", "action"), [(109.49, Action.WARN), (109.5, Action.DELETE), (110, Action.DELETE)]
)
def test_an_inactive_key_is_deleted_from_day_110(age: float, action: Action) -> None:
    assert inactive(told(10, delete=0), age=age, disabled=20) is action


@pytest.mark.parametrize(
    ("promised", "action"),
    [(1, Action.WARN), (0, Action.DELETE), (-30, Action.DELETE), (-31, Action.NOTICE)],
)
def test_an_inactive_key_is_deleted_from_the_promised_day_and_until_the_receipt_is_stale(
    promised: int, action: Action
) -> None:
    assert inactive(told(50, delete=promised), disabled=60) is action


def test_a_promise_older_than_the_disabling_is_no_notice_of_the_deletion() -> None:
    assert inactive(told(20, disable=-10, delete=0), disabled=12) is Action.NOTICE
    assert inactive(told(12, delete=0), disabled=12) is Action.DELETE


def test_a_promise_older_than_the_disabling_is_kept_all_the_same() -> None:
    early, late = told(20, disable=-10, delete=2), told(10, delete=0)

    assert inactive(early, late, disabled=12) is Action.WARN
    assert inactive(early, disabled=12) is Action.NOTICE


def test_a_key_found_inactive_keeps_the_date_of_deletion_that_was_promised() -> None:
    made = only(ann(a_key(age=300, inactive=True, told=[told(5, disable=20, delete=30)])))

    assert made.next == Next(Action.DELETE, on(30))


def test_a_disabled_key_keeps_the_date_of_deletion_that_was_promised_with_its_disabling() -> None:
    user = ann(
        a_key(age=300, told=[told(10, disable=0, delete=40)]),
        a_key("NEW", age=10),
        secret=a_secret("NEW"),
    )

    made = look(user)["OLD"]

    assert made.notice is not None
    assert made.notice.promises == {Act.DELETE: on(40)}


@pytest.mark.parametrize("times", [{}, {"disabling": 3}])
def test_an_inactive_key_without_a_time_is_on_record_from_now(times: dict[str, float]) -> None:
    record = KeyRecord(**{name: ago(days) for name, days in times.items()})
    secret = a_secret(records={"OLD": record})

    looked = look(ann(a_key(age=900, inactive=True), secret=secret))

    assert looked["OLD"].action is Action.NOTICE
    assert looked["OLD"].next == Next(Action.DELETE, on(10))
    assert looked.changes == [(Change.DISABLED if times else Change.SEEN, "OLD")]


def test_who_found_a_key_inactive_says_so() -> None:
    found = look(ann(a_key(age=900, inactive=True)))["OLD"]
    record = a_secret(records={"OLD": KeyRecord(seen=ago(2))})
    seen = look(ann(a_key(age=900, inactive=True), secret=record))["OLD"]
    ours = a_secret(records={"OLD": KeyRecord(disabled=ago(2))})
    disabled = look(ann(a_key(age=900, inactive=True), secret=ours))["OLD"]

    begun = a_secret(records={"OLD": KeyRecord(disabling=ago(2))})
    broken = look(ann(a_key(age=900, inactive=True), secret=begun))["OLD"]

    assert broken.reason is Reason.DATES_NOT_NOTICED
    assert broken.notice is not None
    assert broken.notice.type is NoticeType.DISABLED
    assert found.reason is Reason.FOUND_INACTIVE
    assert found.sentence == "it was found Inactive; its grace begins now"
    assert seen.reason is disabled.reason is Reason.DATES_NOT_NOTICED
    assert found.notice is not None
    assert seen.notice is not None
    assert disabled.notice is not None
    assert found.notice.type is seen.notice.type is NoticeType.DELETING
    assert disabled.notice.type is NoticeType.DISABLED
    assert found.state is seen.state is disabled.state is State.DISABLED


@pytest.mark.parametrize(("since", "promised"), [(2, 8), (7, 3), (8, 3), (50, 3)])
def test_a_deletion_is_announced_at_least_three_days_ahead(since: float, promised: int) -> None:
    secret = a_secret(records={"OLD": KeyRecord(disabled=ago(since))})

    made = look(ann(a_key(age=900, inactive=True), secret=secret))["OLD"]

    assert made.notice is not None
    assert made.notice.promises == {Act.DELETE: on(promised)}


@pytest.mark.parametrize(
    ("promised", "action"), [(7, Action.NOTICE), (8, Action.NOTICE), (9, Action.KEEP)]
)
def test_a_deletion_that_is_put_off_by_more_than_a_day_is_told_anew(
    promised: int, action: Action
) -> None:
    # The grace of ten days that began today and ends on day 10, or at an age of 110.
    assert inactive(told(0, delete=promised), disabled=0) is action
    assert inactive(told(20, delete=promised), disabled=20, age=100) is action


@pytest.mark.parametrize(("days", "warns"), [(4, False), (3, True)])
def test_three_days_before_it_is_deleted_a_key_is_warned_once(days: int, *, warns: bool) -> None:
    receipt = told(10 - days, delete=days)
    before = told(0, delete=days, step="before-delete")

    assert (inactive(receipt, disabled=10 - days) is Action.WARN) is warns
    assert inactive(receipt, before, disabled=10 - days) is Action.KEEP


@pytest.mark.parametrize(("told_ago", "warns"), [(0, False), (1, False), (2, True)])
def test_a_deletion_that_was_announced_three_days_ahead_needs_no_reminder(
    told_ago: int, *, warns: bool
) -> None:
    made = inactive(told(told_ago, delete=2), disabled=8)

    assert made is (Action.WARN if warns else Action.KEEP)


@pytest.mark.parametrize(("window", "warns"), [(3, False), (4, True)])
def test_a_disabling_that_was_announced_three_days_ahead_needs_no_reminder(
    window: int, *, warns: bool
) -> None:
    policy = RotationPolicy(inactive_period=90 + window)

    made = decided(told(1, disable=window - 1), successor=1, policy=policy)

    assert made is (Action.WARN if warns else Action.KEEP)


def test_a_key_in_its_grace_says_until_when_it_can_be_enabled_again() -> None:
    secret = a_secret(records={"OLD": KeyRecord(disabled=ago(2))})
    user = ann(a_key(age=900, inactive=True, told=[told(2, delete=8)]), secret=secret)

    made = look(user)["OLD"]

    assert (made.action, made.reason) == (Action.KEEP, Reason.GRACE_RUNNING)
    assert made.sentence == (
        f"it has been Inactive since {on(-2)} and can be re-enabled until {on(8)}"
    )


@pytest.mark.parametrize(
    ("used", "renewed", "anew"),
    [(12, None, False), (10, None, False), (9, None, True), (0, None, True), (0, 11, False)],
)
def test_use_since_the_disabling_begins_the_grace_anew_once(
    used: float, renewed: float | None, *, anew: bool
) -> None:
    record = KeyRecord(disabled=ago(10), renewed=ago(renewed) if renewed else None)
    user = ann(
        a_key(age=300, inactive=True, used=used, told=[told(10, delete=0)]),
        secret=a_secret(records={"OLD": record}),
    )

    looked = look(user)

    made = looked["OLD"]
    assert made.action is (Action.NOTICE if anew else Action.DELETE)
    assert looked.changes == ([(Change.RENEWED, "OLD")] if anew else [])
    if anew:
        assert made.reason is Reason.USED_AFTER_DISABLING
        assert made.notice is not None
        assert made.notice.type is NoticeType.GRACE_RENEWED
        assert made.notice.promises == {Act.DELETE: on(10)}


def test_a_deletion_says_why() -> None:
    secret = a_secret(records={"OLD": KeyRecord(disabled=ago(10))})
    user = ann(a_key(age=300, inactive=True, used=50, told=[told(10, delete=0)]), secret=secret)

    made = look(user)["OLD"]

    assert (
        made.sentence == f"it is Inactive since {on(-10)}, its deletion was announced for {on(0)}"
    )
    assert made.notice is not None
    assert made.notice.type is NoticeType.DELETED
    assert made.next is None


@pytest.mark.parametrize("days", [9.49, 9.5])
def test_a_forced_key_is_disabled_and_deleted_at_any_age(days: float) -> None:
    forced = KeyRecord(forced=ago(days), disabled=None)

    disabled = decided(told(days, disable=0), successor=days, age=15, record=forced)
    deleted = inactive(told(9, delete=0), age=30, forced=20, disabled=days)

    assert (disabled is Action.DISABLE) is (days >= 9.5)
    assert (deleted is Action.DELETE) is (days >= 9.5)


# --- T6: wait ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("older", "record", "free"),
    [
        pytest.param(
            a_key(age=300, inactive=True, told=[told(4, delete=6)]),
            KeyRecord(disabled=ago(4)),
            6,
            id="the day it is deleted",
        ),
        pytest.param(a_key(age=300, inactive=True), KeyRecord(), 10, id="the day it is told"),
        pytest.param(
            a_key(age=300, told=[told(9, disable=5)]), KeyRecord(), 15, id="the grace after"
        ),
        pytest.param(a_key(age=300), KeyRecord(), 20, id="the window and the grace after"),
        pytest.param(
            a_key(age=300), KeyRecord(restored=ago(4)), 26, id="once it is told, and then both"
        ),
        pytest.param(
            a_key(age=300, told=[told(10, disable=0)]), KeyRecord(), 10, id="disabled today"
        ),
    ],
)
def test_a_due_key_waits_until_the_slot_comes_free(
    older: KeyFacts, record: KeyRecord, free: int
) -> None:
    secret = a_secret("NEW", records={"OLD": record})

    made = look(ann(older, a_key("NEW", age=90), secret=secret))["NEW"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.SLOT_TAKEN)
    assert made.overlays == {Overlay.BLOCKED}
    assert made.next == Next(Action.ROTATE, on(free))
    assert made.sentence == (
        f"its user has a second key, OLD, and IAM allows two; the slot comes free from {on(free)}"
    )
    assert made.notice is None


def test_a_slot_of_a_key_that_is_held_has_no_date() -> None:
    policy = RotationPolicy(hold_if_used_within=3)
    older = a_key(age=300, told=[told(10, disable=0)], used=1)

    made = look(ann(older, a_key("NEW", age=90), secret=a_secret("NEW")), policy)["NEW"]

    assert made.next == Next(Action.WAIT, on(1))


def test_a_slot_of_a_key_of_which_nobody_can_say_has_no_date() -> None:
    older = a_key(age=300, told=SILENCE)

    made = look(ann(older, a_key("NEW", age=90), secret=a_secret("NEW")))["NEW"]

    assert made.reason is Reason.SLOT_TAKEN
    assert made.sentence == "its user has a second key, OLD, and IAM allows two"
    assert made.next == Next(Action.WAIT, on(1))


def test_a_slot_that_is_freed_today_is_used_today() -> None:
    secret = a_secret(records={"OLD": KeyRecord(disabled=ago(10))})
    older = a_key(age=300, inactive=True, used=50, told=[told(10, delete=0)])

    looked = look(ann(older, a_key("SECOND", age=90), secret=secret))

    assert looked["OLD"].action is Action.DELETE
    assert looked["SECOND"].action is Action.ROTATE


def test_the_moment_is_a_fact_like_any_other() -> None:
    assert look(ann(a_key(age=90)), now=NOW - timedelta(days=1))["OLD"].action is Action.WARN
