"""A rotation that broke off: finished, undone, or left to the person who made the key (T5)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.domain.decision import Action, Change, NoticeType, Reason
from keyturn.domain.key import KeyFacts, LastUse
from keyturn.domain.lifecycle.cases.orphan import remove_an_orphan_after_a_day
from keyturn.domain.lifecycle.view import KeyList, on_record
from keyturn.domain.lifecycle.views import views_of
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import Intent, KeyRecord
from keyturn.domain.secret_names import INTENT_TAG, version_id_for
from tests.domain.world import (
    DAY,
    MINUTE,
    NOW,
    POLICY,
    SILENCE,
    Life,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
)

INTENT = Intent(run="run", at=NOW - 60 * MINUTE, seen=frozenset({"OLD"}), replaces="OLD")
OLD = a_key(age=90)
ORPHAN = replace(a_key("NEW", age=0, used=None), created=INTENT.at + timedelta(seconds=2))
BROKEN_OFF = a_secret(intent=INTENT)


def test_a_key_whose_secret_nobody_has_is_stopped() -> None:
    looked = look(ann(OLD, ORPHAN, secret=BROKEN_OFF))

    made = looked["NEW"]
    assert (made.action, made.reason) == (Action.REPAIR, Reason.ORPHAN_FOUND)
    assert made.notice is not None
    assert made.notice.type is NoticeType.ORPHAN
    assert made.next is not None
    assert (made.next.action, made.next.day) == (Action.REPAIR, on(1))
    assert looked["OLD"].reason is Reason.SLOT_TAKEN
    assert "(nobody has its secret; Keyturn removes it)" in looked["OLD"].sentence
    assert looked["OLD"].successor is None
    assert looked["OLD"].next is not None
    assert looked["OLD"].next.day == on(1)
    assert looked.changes == []  # the intent stays until the key is gone


def test_an_exempt_users_orphan_is_named_and_left_alone() -> None:
    looked = look(ann(OLD, ORPHAN, secret=BROKEN_OFF, exempt=True))

    assert (looked["NEW"].action, looked["NEW"].reason) == (Action.KEEP, Reason.ORPHAN_FOUND)
    assert "exempt" in looked["NEW"].sentence
    assert (looked["OLD"].action, looked["OLD"].reason) == (Action.KEEP, Reason.EXEMPT)
    assert looked.changes == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(replace(ORPHAN, last_use=LastUse(at=ago(0))), id="it was used"),
        pytest.param(replace(ORPHAN, created=INTENT.at - 2 * MINUTE), id="it was made before"),
        pytest.param(replace(ORPHAN, created=INTENT.at + 3 * MINUTE), id="it was made after"),
    ],
)
def test_a_key_that_a_person_made_is_left_and_the_intent_is_cleared(key: KeyFacts) -> None:
    looked = look(ann(OLD, key, secret=BROKEN_OFF))

    assert looked["NEW"].action is Action.KEEP
    assert looked["OLD"].reason is Reason.TWO_KEYS_IN_USE
    assert looked.changes == [(Change.CLEAR_INTENT, None)]


def test_a_key_that_was_there_before_is_left() -> None:
    intent = replace(INTENT, seen=frozenset({"OLD", "NEW"}))

    looked = look(ann(OLD, ORPHAN, secret=a_secret(intent=intent)))

    assert looked["NEW"].action is Action.KEEP
    assert looked.changes == [(Change.CLEAR_INTENT, None)]


def test_a_key_whose_secret_was_stored_finishes_the_rotation() -> None:
    looked = look(ann(OLD, ORPHAN, secret=a_secret("NEW", intent=INTENT)))

    assert looked["NEW"].action is Action.KEEP
    assert looked["OLD"].reason is Reason.DATES_NOT_NOTICED
    assert looked.changes == [(Change.DELIVERED, "NEW")]


def test_a_key_that_is_on_record_as_delivered_is_no_orphan() -> None:
    secret = a_secret(records={"NEW": KeyRecord(delivered=NOW)}, intent=INTENT)

    looked = look(ann(OLD, ORPHAN, secret=secret))

    assert looked["NEW"].reason is Reason.SECRET_OVERWRITTEN
    assert looked.changes == [(Change.CLEAR_INTENT, None)]


def test_a_settled_intent_leaves_nothing_to_repair() -> None:
    secret = a_secret(intent=replace(INTENT, settled=True))

    looked = look(ann(OLD, ORPHAN, secret=secret))

    assert looked["NEW"].action is Action.KEEP
    assert looked.changes == []


def test_an_intent_that_makes_no_sense_makes_no_orphan_of_a_key_that_is_stored() -> None:
    intent = replace(INTENT, replaces="NEW")

    looked = look(ann(OLD, ORPHAN, secret=a_secret("NEW", intent=intent)))

    assert looked["NEW"].action is Action.KEEP


def test_a_stored_old_key_settles_nothing() -> None:
    looked = look(ann(OLD, ORPHAN, secret=a_secret("OLD", intent=INTENT)))

    assert looked["NEW"].reason is Reason.ORPHAN_FOUND


def test_while_nobody_can_say_whether_it_was_used_nothing_is_done() -> None:
    looked = look(ann(OLD, replace(ORPHAN, last_use=SILENCE), secret=BROKEN_OFF))

    assert {made.action for made in looked.decided.decisions} == {Action.WAIT}
    assert {made.reason for made in looked.decided.decisions} == {Reason.LAST_USE_UNKNOWN}
    assert looked.changes == []


def test_a_rotation_that_made_no_key_begins_anew() -> None:
    looked = look(ann(OLD, secret=BROKEN_OFF))

    assert looked["OLD"].action is Action.ROTATE
    assert looked.changes == []  # it writes its own intent over the old one


def test_a_rotation_that_made_no_key_and_is_not_due_any_more_is_forgotten() -> None:
    looked = look(ann(a_key(age=5), a_key("SECOND", age=3), secret=BROKEN_OFF))

    assert looked.changes == [(Change.CLEAR_INTENT, None)]


@pytest.mark.parametrize(
    ("hours", "reason"),
    [(1, Reason.ORPHAN_WAITING), (22.9, Reason.ORPHAN_WAITING), (23, Reason.ORPHAN_OVER)],
)
def test_a_stopped_orphan_is_removed_a_day_later(hours: float, reason: Reason) -> None:
    stopped = NOW - timedelta(hours=hours)
    intent = replace(INTENT, at=stopped - 60 * MINUTE)
    key = replace(a_key("NEW", age=0, inactive=True, used=None), created=intent.at)
    secret = a_secret(records={"NEW": KeyRecord(orphan=stopped)}, intent=intent)

    looked = look(ann(OLD, key, secret=secret))

    made = looked["NEW"]
    over = reason is Reason.ORPHAN_OVER
    assert made.reason is reason
    assert made.action is (Action.REPAIR if over else Action.WAIT)
    assert made.is_blocked is not over
    assert (made.notice is not None) is over
    assert looked["OLD"].action is (Action.ROTATE if over else Action.WAIT)
    assert looked.changes == []


@pytest.mark.parametrize("inactive", [True, False])
def test_an_orphan_that_was_not_stopped_or_not_noted_is_stopped_again(*, inactive: bool) -> None:
    key = replace(a_key("NEW", age=0, inactive=inactive, used=None), created=INTENT.at)
    records = {} if inactive else {"NEW": KeyRecord(orphan=NOW - 30 * MINUTE)}

    made = look(ann(OLD, key, secret=a_secret(records=records, intent=INTENT)))["NEW"]

    assert made.reason is Reason.ORPHAN_FOUND


def test_an_orphan_that_a_person_enabled_again_is_stopped_and_never_deleted_while_it_works() -> (
    None
):
    intent = replace(INTENT, at=NOW - 3 * DAY)
    key = replace(a_key("NEW", age=0, used=None), created=intent.at)
    secret = a_secret(records={"NEW": KeyRecord(orphan=NOW - 2 * DAY)}, intent=intent)
    user = ann(OLD, key, secret=secret)
    at = on_record(KeyList(user=user, policy=POLICY, now=NOW), secret)
    [view] = (each for each in views_of(replace(at, orphan=key)) if each.key is key)

    made = look(user)["NEW"]

    assert (made.action, made.reason) == (Action.REPAIR, Reason.ORPHAN_FOUND)
    assert remove_an_orphan_after_a_day(view) is None


@pytest.mark.parametrize("forced", [False, True])
def test_a_broken_rotation_is_undone_and_begun_anew_a_day_later(*, forced: bool) -> None:
    life = Life(a_key(age=5 if forced else 90))
    life.add("LOST", NOW - 59 * MINUTE)
    life.left = {"LOST"}
    records = {"OLD": KeyRecord(forced=INTENT.at)} if forced else {}
    life.secret = a_secret(records=records, intent=INTENT)

    life.days(0, 21)

    assert life.acts == [
        (0, "LOST", "REPAIR"),
        (1, "LOST", "REPAIR"),
        (1, "OLD", "ROTATE"),
        (11, "OLD", "DISABLE"),
        (21, "OLD", "DELETE"),
    ]
    assert [name for _, key, name in life.told if key == "LOST"] == ["orphan", "orphan"]


def test_a_broken_rotation_that_is_not_due_any_more_is_undone_only() -> None:
    life = Life(a_key(age=90), policy=RotationPolicy(rotation_period=200, inactive_period=210))
    life.add("LOST", NOW - 59 * MINUTE)
    life.left = {"LOST"}
    life.secret = BROKEN_OFF

    life.days(0, 5)

    assert life.acts == [(0, "LOST", "REPAIR"), (1, "LOST", "REPAIR")]
    assert life.secret is not None
    assert INTENT_TAG not in life.secret.tags


def test_a_forced_rotation_without_an_orphan_is_not_begun_anew_by_itself() -> None:
    life = Life(a_key(age=5))
    life.secret = a_secret(records={"OLD": KeyRecord(forced=ago(2))})

    life.days(0, 5)

    assert life.acts == []


def test_an_intent_is_settled_on_record_by_the_next_run() -> None:
    life = Life(a_key(age=200)).days(0, 0)
    assert life.secret is not None
    unsettled = str(replace(INTENT, at=NOW)).replace(" settled=yes", "")
    life.secret = replace(life.secret, tags={**life.secret.tags, INTENT_TAG: unsettled})

    looked = look(life.facts(), now=NOW + DAY)

    assert looked.changes == [(Change.DELIVERED, "NEW1")]
    assert version_id_for("NEW1") in life.secret.versions
