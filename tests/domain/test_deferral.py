"""More time for one key: it only delays, it is bounded, and it is over by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.decision import Action, Overlay, Question, Reason
from keyturn.domain.deferral import Deferral
from keyturn.domain.key import Act, KeyFacts, Unknown
from keyturn.domain.policy import RotationPolicy
from tests.domain.world import DAY, NOW, Life, a_key

LONGEST = RotationPolicy().max_deferral


def more_time(until: int, *, ordered: int = 0, first: int | None = None) -> Deferral:
    """Until so many days after day 0, ordered an hour before the run of a day."""
    return Deferral(
        account="333333333333",
        key_id="OLD",
        until=(NOW + until * DAY).date(),
        first=NOW + (ordered if first is None else first) * DAY - timedelta(hours=1),
        at=NOW + ordered * DAY - timedelta(hours=1),
        by="ann",
        ticket="SEC-1",
    )


def give(life: Life, deferral: Deferral | Unknown | None) -> Life:
    life.keys["OLD"] = replace(life.keys["OLD"], deferral=deferral)
    return life


def acts_of(life: Life) -> list[tuple[int, str]]:
    return [(day, act) for day, key, act in life.acts if key == "OLD"]


def test_a_replaced_key_gets_its_window_anew_when_its_time_is_over() -> None:
    life = Life(a_key(age=90)).days(0, 5)
    give(life, more_time(25, ordered=6)).days(6, 60)

    assert life.acts == [(0, "OLD", "ROTATE"), (35, "OLD", "DISABLE"), (45, "OLD", "DELETE")]
    assert life.told == [
        (0, "OLD", "rotated"),
        (6, "OLD", "deferred"),
        (32, "OLD", "before-disable"),
        (35, "OLD", "disabled"),
        (42, "OLD", "before-delete"),
        (45, "OLD", "deleted"),
    ]
    [told] = [receipt for receipt in life.receipts["OLD"] if receipt.day == (NOW + 35 * DAY).date()
              and receipt.at < NOW + 7 * DAY]  # fmt: skip
    assert told.step == "disable"
    assert told.promises == {
        Act.DISABLE: (NOW + 35 * DAY).date(),
        Act.DELETE: (NOW + 45 * DAY).date(),
    }


def test_a_lone_key_is_rotated_when_its_time_is_over_and_warned_of_no_other_day() -> None:
    life = give(Life(a_key(age=80)), more_time(25)).days(0, 50)

    assert acts_of(life) == [(25, "ROTATE"), (35, "DISABLE"), (45, "DELETE")]
    assert life.told[:2] == [(0, "OLD", "deferred"), (25, "OLD", "rotated")]


def test_time_that_is_over_before_a_key_is_due_changes_nothing_but_what_is_shown() -> None:
    plain, life = Life(a_key(age=60)), give(Life(a_key(age=60)), more_time(25))

    assert life.days(0, 55).told == plain.days(0, 55).told
    shown = give(Life(a_key(age=60)), more_time(25)).run(0)["OLD"]
    assert (shown.reason, set(shown.overlays)) == (Reason.NOTHING_DUE, {Overlay.DEFERRED})


def test_a_young_key_shows_the_later_day_of_its_rotation() -> None:
    shown = give(Life(a_key(age=70)), more_time(25)).run(0)["OLD"]

    assert shown.next is not None
    assert (shown.next.action, shown.next.day) == (Action.ROTATE, (NOW + 25 * DAY).date())
    assert shown.sentence == (
        f"it is 70 days old, rotation is due at 90; it has more time until {shown.next.day}"
    )


def test_a_disabled_key_is_kept_and_its_grace_begins_anew_behind_it() -> None:
    life = Life(a_key(age=100)).days(0, 12)
    give(life, more_time(30, ordered=13)).days(13, 60)

    assert acts_of(life) == [(0, "ROTATE"), (10, "DISABLE"), (40, "DELETE")]
    assert [name for _, _, name in life.told] == [
        "rotated",
        "before-disable",
        "disabled",
        "deferred",
        "before-delete",
        "deleted",
    ]


@pytest.mark.parametrize("ordered", [0, 5, 9, 10, 15, 20])
@pytest.mark.parametrize("days", [1, 29])
@pytest.mark.parametrize("age", [80, 137])
def test_it_only_ever_delays_and_nothing_comes_before_it_is_over(
    ordered: int, days: int, age: int
) -> None:
    plain = acts_of(Life(a_key(age=age)).days(0, 40))
    life = Life(a_key(age=age)).days(0, ordered - 1)
    until = ordered + days

    give(life, more_time(until, ordered=ordered)).days(ordered, 100)

    acts = acts_of(life)
    assert [act for _, act in acts] == [act for _, act in plain]
    assert all(then >= before for (then, _), (before, _) in zip(acts, plain, strict=True))
    assert not [day for day, _ in acts if ordered <= day < until]
    # W and G days between what is done, and W or G behind its end.
    rotated, disabled, deleted = (day for day, _ in acts)
    assert disabled >= rotated + 10
    assert deleted >= disabled + 10
    if rotated < ordered <= disabled:
        assert disabled >= until + 10
    if disabled < ordered <= deleted:
        assert deleted >= until + 10


def test_without_its_object_the_date_that_was_promised_still_holds() -> None:
    life = Life(a_key(age=90)).days(0, 5)
    give(life, more_time(25, ordered=6)).days(6, 8)
    give(life, None).days(9, 60)

    assert acts_of(life)[1:] == [(35, "DISABLE"), (45, "DELETE")]


def test_without_a_notice_the_end_is_announced_when_its_time_is_over() -> None:
    life = Life(a_key(age=90)).days(0, 5)
    life.channel_is_up = False
    give(life, more_time(25, ordered=6)).days(6, 24)
    life.channel_is_up = True
    life.days(25, 60)

    assert acts_of(life)[1:] == [(35, "DISABLE"), (45, "DELETE")]
    assert (25, "OLD", "retiring") in life.told


def test_more_than_the_bound_is_cut_whatever_the_object_says() -> None:
    far = give(Life(a_key(age=90)), more_time(3000)).days(0, LONGEST + 1)
    again = give(Life(a_key(age=90)), more_time(40, ordered=20, first=0)).days(0, LONGEST + 1)

    assert far.acts == [(LONGEST, "OLD", "ROTATE")]
    assert again.acts == far.acts


@pytest.mark.parametrize(
    "life",
    [
        Life(a_key(age=85)),
        Life(a_key(age=137)),
        Life(a_key(age=137), a_key("YOUNG", age=40)),
        Life(a_key(age=137, inactive=True), a_key("YOUNG", age=40)),
    ],
)
def test_while_nobody_can_tell_nothing_is_warned_of_announced_or_done(life: Life) -> None:
    life.left = {"OLD"}
    give(life, Unknown("AccessDenied")).days(0, 30)

    assert life.last is not None
    made = life.last["OLD"]
    assert (made.action, made.reason) == (Action.WAIT, Reason.DEFERRAL_UNREADABLE)
    assert (
        made.sentence == "whether an operator gave it more time could not be read (AccessDenied)"
    )
    assert acts_of(life) == []
    assert [told for told in life.told if told[1] == "OLD"] == []


def test_an_order_to_rotate_does_not_wait_but_the_end_behind_it_does() -> None:
    life = give(Life(a_key(age=20)), more_time(25))
    life.forced = NOW
    life.run(0)
    life.forced = None
    life.days(1, 60)

    assert acts_of(life) == [(0, "ROTATE"), (35, "DISABLE"), (45, "DELETE")]


def test_a_leaked_key_is_stopped_all_the_same() -> None:
    life = give(Life(a_key(age=90)), more_time(25))
    order = OperatorCommand(action=Action.REVOKE, key_id="OLD", given=NOW)

    for deferral in (more_time(25), Unknown("AccessDenied")):
        facts = give(life, deferral).facts()
        decided = decide_command(order, facts, RotationPolicy(), NOW)
        assert not isinstance(decided, Question)
        [made] = decided.decisions
        assert (made.action, made.reason) == (Action.REVOKE, Reason.LEAKED)


def test_the_time_of_one_key_is_not_that_of_the_other() -> None:
    young: KeyFacts = a_key("YOUNG", age=95)
    life = Life(a_key(age=137), young)
    life.left = {"OLD", "YOUNG"}
    give(life, more_time(20)).days(0, 45)

    assert [(day, key, act) for day, key, act in life.acts if day < 45] == [
        (30, "OLD", "DISABLE"),
        (40, "OLD", "DELETE"),
        (40, "YOUNG", "ROTATE"),
    ]
