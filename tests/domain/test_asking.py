"""Which facts are read: as few as a decision needs, and what becomes of those that cannot be."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyturn.domain.decision import Action, Asked, Change, Overlay, Question, Reason
from keyturn.domain.key import KeyFacts, SecretFacts, Status, UserFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import Intent, KeyRecord
from tests.domain.world import (
    MINUTE,
    NOW,
    SILENCE,
    a_key,
    a_secret,
    ago,
    ann,
    look,
    on,
    told,
)

SECRET = (Asked.SECRET, None)
DISABLED = a_secret(records={"OLD": KeyRecord(disabled=ago(10))})


def test_a_user_without_keys_is_asked_nothing_about() -> None:
    looked = look(ann())

    assert looked.decided.decisions == ()
    assert looked.asked == ()


@pytest.mark.parametrize("age", [3, 30, 75])
def test_a_quiet_day_asks_nothing(age: int) -> None:
    looked = look(ann(a_key(age=age)))

    assert looked["OLD"].action is Action.KEEP
    assert looked["OLD"].reason is Reason.NOTHING_DUE
    assert looked.asked == ()


def test_an_exempt_user_with_one_key_is_asked_nothing_about() -> None:
    looked = look(ann(a_key(age=900), exempt=True, forced=NOW))

    assert looked.asked == ()


def test_of_an_exempt_user_with_two_keys_only_the_record_is_read() -> None:
    looked = look(ann(a_key(age=900), a_key("SECOND", age=900), exempt=True, forced=NOW))

    assert looked.asked == (Question(Asked.SECRET),)


@pytest.mark.parametrize(
    ("user", "questions"),
    [
        pytest.param(
            ann(a_key(age=76)),
            [SECRET, (Asked.RECEIPTS, "OLD")],
            id="near its rotation: what is in its way, and the receipts",
        ),
        pytest.param(ann(a_key(age=90)), [SECRET], id="due: the record"),
        pytest.param(ann(a_key(age=5), forced=NOW), [SECRET], id="forced: the record"),
        pytest.param(
            ann(a_key(age=5), a_key("SECOND", age=2)), [SECRET], id="two young keys: the record"
        ),
        pytest.param(
            ann(a_key(age=5, inactive=True)),
            [SECRET, (Asked.RECEIPTS, "OLD")],
            id="Inactive: the record and the receipts",
        ),
        pytest.param(
            ann(a_key(age=200), a_key("NEW", age=3), secret=a_secret("NEW")),
            [SECRET, (Asked.RECEIPTS, "OLD")],
            id="replaced by us: no last use",
        ),
        pytest.param(
            ann(a_key(age=200, used=50), a_key("SECOND", age=150)),
            [SECRET, (Asked.RECEIPTS, "OLD"), (Asked.RECEIPTS, "SECOND"), (Asked.LAST_USE, "OLD")],
            id="two keys, the older quiet: the younger's last use does not matter",
        ),
        pytest.param(
            ann(a_key(age=200), a_key("SECOND", age=150, used=50)),
            [
                SECRET,
                (Asked.RECEIPTS, "OLD"),  # the one that is announced goes first
                (Asked.RECEIPTS, "SECOND"),
                (Asked.LAST_USE, "OLD"),
                (Asked.LAST_USE, "SECOND"),
            ],
            id="two keys, the older in use: the younger's last use does",
        ),
        pytest.param(
            ann(a_key(age=200), a_key("SECOND", age=20)),
            [SECRET, (Asked.LAST_USE, "OLD"), (Asked.RECEIPTS, "OLD")],
            id="two keys, the younger not due: its last use does not matter",
        ),
        pytest.param(
            ann(a_key(age=300, inactive=True, told=[told(9, delete=1)]), secret=DISABLED),
            [SECRET, (Asked.RECEIPTS, "OLD")],
            id="Inactive and not over: no last use",
        ),
        pytest.param(
            ann(a_key(age=300, inactive=True, told=[told(9, delete=0)]), secret=DISABLED),
            [SECRET, (Asked.RECEIPTS, "OLD"), (Asked.LAST_USE, "OLD")],
            id="to be deleted: the last use",
        ),
    ],
)
def test_no_fact_is_read_that_no_decision_needs(
    user: UserFacts, questions: list[tuple[Asked, str | None]]
) -> None:
    assert look(user).questions == questions


@pytest.mark.parametrize(
    "user",
    [
        ann(a_key(age=900), secret=SILENCE),
        ann(a_key(age=900), a_key("SECOND", age=5), secret=SILENCE),
        ann(a_key(age=900, inactive=True), secret=SILENCE),
    ],
)
def test_without_the_record_nothing_is_done(user: UserFacts) -> None:
    looked = look(user)

    for made in looked.decided.decisions:
        assert made.action is Action.WAIT
        assert made.reason is Reason.RECORD_UNREADABLE
        assert made.overlays == {Overlay.BLOCKED}
        assert made.sentence == "its record could not be read (AccessDenied)"
        assert made.next is not None
        assert made.next.day == on(1)
        assert made.notice is None
    assert looked.decided.record_changes == ()


@pytest.mark.parametrize(
    "user",
    [
        ann(a_key(age=80, told=SILENCE)),
        ann(a_key(age=900, told=SILENCE), a_key("NEW", age=50), secret=a_secret("NEW")),
        ann(a_key(age=900, inactive=True, told=SILENCE), secret=DISABLED),
        ann(a_key(age=900, inactive=True, told=SILENCE)),
    ],
)
def test_without_the_receipts_a_key_waits(user: UserFacts) -> None:
    made = look(user)["OLD"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.RECEIPTS_UNREADABLE)
    assert made.is_blocked
    assert made.sentence == "which notices its owner got could not be read (AccessDenied)"
    assert made.next is not None
    assert made.next.day == on(1)


@pytest.mark.parametrize(
    ("user", "policy"),
    [
        pytest.param(
            ann(a_key(age=900, used=SILENCE), a_key("SECOND", age=300, used=50)),
            RotationPolicy(),
            id="which of two keys is quiet",
        ),
        pytest.param(
            ann(a_key(age=900, used=SILENCE), a_key("SECOND", age=300)),
            RotationPolicy(retire_in_use=True),
            id="which of two keys is quiet, though it need not be",
        ),
        pytest.param(
            ann(a_key(age=900, used=SILENCE)),
            RotationPolicy(unused_period=90),
            id="whether it is unused",
        ),
        pytest.param(
            ann(
                a_key(age=900, used=SILENCE, told=[told(10, disable=0)]),
                a_key("NEW", age=10),
                secret=a_secret("NEW"),
            ),
            RotationPolicy(hold_if_used_within=3),
            id="whether to hold it",
        ),
        pytest.param(
            ann(
                a_key(age=900, inactive=True, used=SILENCE, told=[told(9, delete=0)]),
                secret=DISABLED,
            ),
            RotationPolicy(),
            id="whether it was used since",
        ),
    ],
)
def test_without_the_last_use_a_key_waits(user: UserFacts, policy: RotationPolicy) -> None:
    looked = look(user, policy)

    assert looked["OLD"].action is Action.WAIT
    assert looked["OLD"].reason is Reason.LAST_USE_UNKNOWN
    assert all(made.action in {Action.WAIT, Action.KEEP} for made in looked.decided.decisions)
    assert looked["OLD"].is_blocked
    assert (
        looked["OLD"].sentence
        == "the last use of its user's keys could not be read (AccessDenied)"
    )


def test_an_older_key_in_use_and_a_younger_one_of_which_nobody_can_say() -> None:
    looked = look(ann(a_key(age=900), a_key("SECOND", age=300, used=SILENCE)))

    assert {made.reason for made in looked.decided.decisions} == {Reason.LAST_USE_UNKNOWN}


def test_a_block_whose_receipts_are_unreadable_tells_nobody_again() -> None:
    made = look(ann(a_key(age=900, told=SILENCE), a_key("SECOND", age=30)))["OLD"]

    assert made.reason is Reason.TWO_KEYS_IN_USE
    assert made.notice is None


# --- another run --------------------------------------------------------------------------


def an_intent(at: datetime, *, settled: bool = False) -> Intent:
    return Intent(run="another", at=at, seen=frozenset({"OLD"}), replaces="OLD", settled=settled)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize(("minutes", "leaves"), [(0, True), (15, True), (16, False)])
def test_a_user_at_whom_another_run_is_at_work_is_left_to_it(
    minutes: int, *, settled: bool, leaves: bool
) -> None:
    intent = an_intent(NOW - minutes * MINUTE, settled=settled)

    looked = look(ann(a_key(age=900), secret=a_secret(intent=intent)))

    assert (looked["OLD"].action is Action.WAIT) is leaves
    assert (looked["OLD"].reason is Reason.RUN_UNDER_WAY) is leaves
    assert looked["OLD"].is_blocked is leaves
    if leaves:
        assert looked["OLD"].sentence == (
            "Keyturn was at work on this user less than 15 minutes ago; look again in 15 minutes"
        )
        assert looked.decided.record_changes == ()
        assert looked["OLD"].next is not None
        assert looked["OLD"].next.day == on(1)


def test_an_intent_of_next_year_proves_no_run() -> None:
    secret = a_secret(intent=an_intent(NOW + 365 * 24 * 60 * MINUTE))

    assert look(ann(a_key(age=900), secret=secret))["OLD"].action is Action.ROTATE


@pytest.mark.parametrize("time", ["disabling", "disabled"])
@pytest.mark.parametrize(("minutes", "leaves"), [(0, True), (15, True), (16, False)])
def test_a_key_just_disabled_may_still_be_listed_as_active(
    time: str, minutes: int, *, leaves: bool
) -> None:
    record = KeyRecord(**{time: NOW - minutes * MINUTE})
    secret = a_secret("NEW", records={"OLD": record})

    looked = look(ann(a_key(age=900), a_key("NEW", age=10), secret=secret))

    assert (looked["OLD"].reason is Reason.RUN_UNDER_WAY) is leaves
    if not leaves:  # and of a disabling that broke off nobody knows whether it was done
        found = {"disabling": Change.INTERRUPTED, "disabled": Change.RESTORED}[time]
        assert (found, "OLD") in looked.changes


def test_a_key_that_is_inactive_by_now_is_nobodys_work() -> None:
    record = KeyRecord(disabling=NOW - MINUTE, disabled=NOW - MINUTE)
    secret = a_secret("NEW", records={"OLD": record})

    looked = look(ann(a_key(age=900, inactive=True), a_key("NEW", age=10), secret=secret))

    assert looked["OLD"].reason is Reason.DATES_NOT_NOTICED


def settled(minutes: float, *, made: str = "NEW") -> UserFacts:
    """Ann, so many minutes after a rotation of an old key that ended well."""
    at = NOW - timedelta(minutes=minutes)
    intent = Intent(run="r", at=at, seen=frozenset({"OLD"}), replaces="OLD", settled=True)
    promised = told(minutes / 1_440, disable=10, delete=20)
    return ann(
        a_key(age=137, told=[promised]),
        KeyFacts(key_id=made, status=Status.ACTIVE, created=at, receipts=()),
        secret=a_secret(made, intent=intent),
    )


def test_minutes_after_a_rotation_it_is_shown_what_was_done_and_what_comes() -> None:
    looked = look(settled(4))

    old, new = looked["OLD"], looked["NEW"]
    assert old.sentence.startswith("rotated 4 minutes ago, all done; it was replaced by NEW")
    assert (old.action, old.is_blocked) == (Action.KEEP, False)
    assert old.next is not None
    assert (old.next.action, old.next.day) == (Action.DISABLE, on(10))
    assert (new.action, new.is_blocked) == (Action.KEEP, False)
    assert not looked.decided.writes


def test_minutes_after_a_rotation_nothing_is_written_and_nobody_notified() -> None:
    facts = settled(4)
    untold = replace(facts, keys=tuple(replace(key, receipts=()) for key in facts.keys))
    not_listed_yet = replace(facts, keys=facts.keys[:1])
    again = replace(facts, forced=NOW)

    for user in (untold, not_listed_yet, again):
        decided = look(user).decided
        assert not decided.writes
        assert [made.notice for made in decided.decisions] == [None] * len(decided.decisions)
    [due] = look(not_listed_yet).decided.decisions
    assert (due.action, due.reason, due.is_blocked) == (
        Action.WAIT,
        Reason.RUN_UNDER_WAY,
        True,
    )


def test_a_rotation_that_has_not_ended_shows_no_dates() -> None:
    facts = settled(4)
    assert isinstance(facts.secret, SecretFacts)
    tags = {tag: text.removesuffix(" settled=yes") for tag, text in facts.secret.tags.items()}

    for made in look(replace(facts, secret=replace(facts.secret, tags=tags))).decided.decisions:
        assert (made.reason, made.is_blocked) == (Reason.RUN_UNDER_WAY, True)
