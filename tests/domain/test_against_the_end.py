"""What people do against a key's end: successors taken away, keys enabled again and again."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyturn.domain.constraints import RunConstraints
from keyturn.domain.decision import ENDING, Action, Change, NoticeType, Overlay, Reason
from keyturn.domain.history import History
from keyturn.domain.key import KeyFacts, SecretFacts
from keyturn.domain.record import Intent, KeyRecord
from keyturn.domain.secret_names import HISTORY_TAG, KEY_TAG
from tests.domain.test_promises import ROLLS, examples, facts_of
from tests.domain.world import (
    SILENCE,
    Life,
    Looked,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
    told,
)

DELIVERED = KeyRecord(delivered=ago(5))
PROMISED = told(5, disable=5, delete=15)


def old(age: float = 137, **about: object) -> KeyFacts:
    return a_key(age=age, **{"told": [PROMISED], **about})  # type: ignore[arg-type]  # as a_key has them


def new(**about: object) -> KeyFacts:
    return a_key("NEW", age=5, **{"inactive": True, **about})  # type: ignore[arg-type]  # likewise


def a_record(
    of_new: KeyRecord = DELIVERED, history: str = "", of_old: KeyRecord | None = None
) -> SecretFacts:
    records = {"NEW": of_new} | ({"OLD": of_old} if of_old else {})
    secret = a_secret("NEW", records=records)
    tags = {HISTORY_TAG + "OLD": history} if history else {}
    return replace(secret, tags={**secret.tags, **tags})


def pluralize(looked: Looked) -> History | None:
    """What is put on record of the old key's history."""
    return next(
        (
            change.history
            for change in looked.decided.record_changes
            if (change.change, change.key_id) == (Change.COUNTED, "OLD")
        ),
        None,
    )


# --- a successor that is taken away -------------------------------------------------------


@pytest.mark.parametrize("age", [137, 90, 40])
def test_a_successor_that_somebody_made_inactive_is_told_at_once(age: float) -> None:
    looked = look(ann(old(age), new(), secret=a_record()))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.WAIT, Reason.SUCCESSOR_TAKEN_AWAY)
    assert made.overlays == {Overlay.BLOCKED}
    assert made.sentence == (
        "its successor NEW was made Inactive or deleted, and not by Keyturn; "
        f"its end was announced for {on(5)} at first"
    )
    assert made.notice is not None
    assert made.notice.step == "blocked-successor-taken-away"
    assert pluralize(looked) == History(taken=1, successor="NEW", promised=on(5))


@pytest.mark.parametrize(("days_ago", "tells"), [(1, False), (6, False), (7, True)])
def test_it_is_told_weekly_and_counted_once(days_ago: int, *, tells: bool) -> None:
    receipt = told(days_ago, step="blocked-successor-taken-away")
    seen = replace(DELIVERED, seen=ago(3))
    secret = a_record(seen, history="taken=1 successor=NEW")

    looked = look(ann(old(told=[receipt]), new(), secret=secret))

    assert looked["OLD"].reason is Reason.SUCCESSOR_TAKEN_AWAY
    assert (looked["OLD"].notice is not None) is tells
    assert pluralize(looked) is None


def test_the_second_time_is_told_at_once_and_is_a_finding_of_its_own() -> None:
    """The successor was enabled meanwhile, and the week is not over."""
    receipt = told(1, step="blocked-successor-taken-away")
    secret = a_record(history=f"taken=1 successor=NEW promised={on(-3)}")

    looked = look(ann(old(told=[receipt, PROMISED]), new(), secret=secret))

    made = looked["OLD"]
    assert made.notice is not None
    assert made.overlays == {Overlay.BLOCKED, Overlay.CONTESTED}
    assert made.sentence.endswith(
        f"announced for {on(-3)} at first; that has happened 2 times by now"
    )
    assert pluralize(looked) == History(taken=2, successor="NEW", promised=on(-3))


def test_a_successor_that_somebody_deleted_is_made_anew_and_the_notice_says_so() -> None:
    looked = look(ann(old(), secret=a_record()))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.ROTATE, Reason.SUCCESSOR_TAKEN_AWAY)
    assert "its successor NEW was made Inactive or deleted" in made.sentence
    assert made.notice is not None
    assert made.notice.type is NoticeType.ROTATED
    assert pluralize(looked) == History(taken=1, successor="NEW", promised=on(5))


def test_before_the_rotation_period_is_over_a_deleted_successor_is_told_of() -> None:
    """A forced rotation: its key is not due by age, and nothing makes another now."""
    made = look(ann(old(80), secret=a_record()))["OLD"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.SUCCESSOR_TAKEN_AWAY)
    assert made.notice is not None


def test_a_successor_in_whose_place_somebody_made_a_key_was_taken_away() -> None:
    looked = look(ann(old(), a_key("THEIRS", age=2), secret=a_record()))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.WAIT, Reason.SUCCESSOR_TAKEN_AWAY)
    assert "NEW" in made.sentence
    assert looked["THEIRS"].reason is Reason.NOTHING_DUE


def test_nobody_knows_whether_the_old_key_is_in_use_so_it_is_told() -> None:
    looked = look(ann(old(used=SILENCE), new(), secret=a_record()))

    assert looked["OLD"].reason is Reason.SUCCESSOR_TAKEN_AWAY


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(a_record(replace(DELIVERED, disabled=ago(1))), id="we disabled it"),
        pytest.param(a_record(replace(DELIVERED, disabling=ago(1))), id="we may have"),
        pytest.param(
            a_record(replace(DELIVERED, disabled=ago(1), revoked=ago(1))), id="revoked as leaked"
        ),
        pytest.param(a_record(replace(DELIVERED, orphan=ago(1))), id="an orphan taken back"),
        pytest.param(a_record(KeyRecord()), id="never delivered"),
        pytest.param(a_secret("NEW"), id="nothing on record"),
        pytest.param(None, id="no secret"),
        pytest.param(
            a_secret(
                intent=Intent(
                    run="r", at=ago(5), seen=frozenset({"OLD"}), replaces="OLD", made="NEW"
                )
            ),
            id="its secret was refused",
        ),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_what_keyturn_did_itself_is_nobodys_deed(
    secret: SecretFacts | None, *, is_there: bool
) -> None:
    keys = [old(), new()] if is_there else [old()]

    looked = look(ann(*keys, secret=secret))

    assert looked["OLD"].reason is not Reason.SUCCESSOR_TAKEN_AWAY
    assert pluralize(looked) is None


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([old(used=11), new()], id="the old key is not in use"),
        pytest.param([old(), new(inactive=False)], id="the successor works"),
        pytest.param([replace(old(), created=ago(4)), new()], id="it was made before the old key"),
        pytest.param([old(inactive=True), new()], id="the old key does not work either"),
    ],
)
def test_nothing_was_taken_away(keys: list[KeyFacts]) -> None:
    assert_nothing_was_taken_away(look(ann(*keys, secret=a_record())))


def test_a_successor_that_a_run_is_just_about_to_end_was_not_taken_away() -> None:
    ending = RunConstraints(ending_elsewhere={"NEW": True})

    looked = look(ann(old(), new(), secret=a_record()), constraints=ending)

    assert_nothing_was_taken_away(looked)


def assert_nothing_was_taken_away(looked: Looked) -> None:
    assert {made.reason for made in looked.decided.decisions}.isdisjoint(
        {Reason.SUCCESSOR_TAKEN_AWAY}
    )
    assert pluralize(looked) is None


def test_a_key_of_an_earlier_rotation_was_no_successor() -> None:
    """FIRST was replaced by OLD, and people deleted it after Keyturn had delivered OLD."""
    records = {"FIRST": KeyRecord(delivered=ago(230)), "OLD": KeyRecord(delivered=ago(137))}

    looked = look(ann(old(), secret=a_secret("OLD", records=records)))

    assert looked["OLD"].reason is Reason.ROTATION_DUE
    assert pluralize(looked) is None


def test_of_a_key_that_was_restored_too_both_are_told_one_after_the_other() -> None:
    restored = KeyRecord(restored=ago(1))
    disabled = KeyRecord(disabled=ago(2))
    first = look(ann(old(), new(), secret=a_record(of_old=disabled)))
    told_of = told(1, step="restored")
    then = look(ann(old(told=[told_of]), new(), secret=a_record(of_old=restored)))

    assert first["OLD"].reason is Reason.RESTORED
    assert then["OLD"].reason is Reason.SUCCESSOR_TAKEN_AWAY
    assert then["OLD"].overlays == {Overlay.BLOCKED, Overlay.RESTORED}
    assert then["OLD"].next is not None
    assert then["OLD"].next.day == on(9)


def test_a_successor_that_is_set_inactive_in_every_life_keeps_nobody_in_the_dark() -> None:
    """Whoever holds the old key sets each successor Inactive, for 260 days."""
    life = Life(a_key(age=137))
    for day in range(260):
        life.run(day)
        for key_id, key in list(life.keys.items()):
            if key_id != "OLD" and key.is_active:
                life.set_status(key_id, "Inactive")
                life.left.add(key_id)

    assert "OLD" in life.keys
    told_on = [day for day, key, what in life.told if key == "OLD" and what == "blocked"]
    gaps = [after - before for before, after in pairwise(told_on)]
    assert told_on[0] == 1
    assert max(gaps) <= 8  # on the day of each rotation the notice of its dates is sent
    assert life.last is not None
    assert Overlay.CONTESTED in life.last["OLD"].overlays


def test_in_a_life_in_which_each_successor_is_deleted_each_notice_says_so() -> None:
    life = Life(a_key(age=137))
    reasons = []
    for day in range(40):
        reasons.append(life.run(day)["OLD"].reason)
        for key_id in list(life.keys):
            if key_id != "OLD":
                life.remove(key_id)

    assert reasons == [Reason.ROTATION_DUE, *[Reason.SUCCESSOR_TAKEN_AWAY] * 39]
    assert life.last is not None
    assert "that has happened 39 times by now" in life.last["OLD"].sentence
    assert Overlay.CONTESTED in life.last["OLD"].overlays


def test_a_rolled_back_successor_that_is_enabled_again_ends_the_old_key_as_announced() -> None:
    life = Life(a_key(age=137))
    life.days(0, 2)
    [successor] = (key_id for key_id in life.keys if key_id != "OLD")
    life.set_status(successor, "Inactive")
    life.days(3, 5)
    life.set_status(successor, "Active")
    life.days(6, 20)

    assert (10, "OLD", "DISABLE") in life.acts
    assert (20, "OLD", "DELETE") in life.acts
    assert life.secret is not None
    assert HISTORY_TAG + "OLD" not in life.secret.tags


# --- a key that is enabled again and again ------------------------------------------------


@pytest.mark.parametrize(
    ("before", "times", "is_finding"),
    [("", 1, False), ("restored=1", 2, True), ("restored=6", 7, True)],
)
def test_restorations_are_counted_and_the_second_is_a_finding(
    before: str, times: int, *, is_finding: bool
) -> None:
    secret = a_record(history=before, of_old=KeyRecord(disabled=ago(1)))

    looked = look(ann(old(), new(inactive=False), secret=secret))

    made = looked["OLD"]
    assert made.reason is Reason.RESTORED
    assert pluralize(looked) == History(restored=times)
    assert (Overlay.CONTESTED in made.overlays) is is_finding
    assert (f"that has happened {times} times by now" in made.sentence) is is_finding


def test_it_stays_a_finding_until_the_key_is_gone() -> None:
    history = "restored=2"
    works = look(ann(old(told=()), new(inactive=False), secret=a_record(history=history)))
    disabled = a_record(history=history, of_old=KeyRecord(disabled=ago(1)))
    stopped = look(ann(old(inactive=True), new(inactive=False), secret=disabled))

    assert works["OLD"].overlays == {Overlay.CONTESTED}
    assert stopped["OLD"].overlays == {Overlay.CONTESTED}
    assert stopped["NEW"].overlays == frozenset()


def test_in_a_life_in_which_an_automation_enables_the_key_each_time_is_counted() -> None:
    life = Life(a_key(age=137))
    for day in range(75):
        life.run(day)
        if "OLD" in life.keys:
            life.set_status("OLD", "Active")

    restored = [day for day, key, what in life.told if key == "OLD" and what == "restored"]
    assert restored == [11, 32, 53, 74]
    assert life.secret is not None
    assert life.secret.tags[HISTORY_TAG + "OLD"] == "restored=4"


# --- what can be written into the tags ----------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "restored=-1 taken=1e3",
        "restored=99999 taken=",
        "restored=\uff12 taken=\xb2",
        "taken=1.5 successor=<b>x</b> promised=0001-01-01",
        "successor=a/b promised=9999-12-31",
        "promised=yesterday",
        "=" * 256,
    ],
)
def test_what_is_malformed_in_a_history_was_not_counted(text: str) -> None:
    assert History.read(text) == History()


def test_a_history_reads_as_it_was_written() -> None:
    history = History(restored=12, taken=3, successor="AKIAEXAMPLE", promised=date(2026, 3, 12))

    assert History.read(str(history)) == history
    assert len(str(replace(history, successor="A" * 128))) <= 256


@examples(150)
@example(rolls=b"\0" * 7 + b"\x03\0\0\0\xc5" + b"\0" * 2000, text="restored=9")
@given(
    ROLLS, st.sampled_from(["restored=9", "taken=9 successor=B", "taken=9999 promised=2000-01-01"])
)
def test_whoever_writes_a_history_or_a_gone_key_speeds_nothing_up(rolls: bytes, text: str) -> None:
    user, policy = facts_of(rolls)
    if not isinstance(user.secret, SecretFacts):
        return
    forged = {HISTORY_TAG + key.key_id: text for key in user.keys}
    forged[KEY_TAG + "GONE"] = str(KeyRecord(delivered=ago(0.1)))
    secret = replace(user.secret, tags={**user.secret.tags, **forged})

    before, after = look(user, policy), look(replace(user, secret=secret), policy)

    changes = ENDING | {Action.ROTATE, Action.REPAIR}
    for was, made in zip(before.decided.decisions, after.decided.decisions, strict=True):
        if made.action in changes:
            assert was.action == made.action
            assert (was.notice is None) == (made.notice is None)
        if made.action in changes and was.notice and made.notice:
            # Whose successor seems taken away keeps the date that was announced first.
            assert was.notice.promises.keys() <= made.notice.promises.keys()
            assert all(
                day <= made.notice.promises[act] for act, day in was.notice.promises.items()
            )
