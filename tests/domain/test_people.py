"""What people and operators do by hand: restored keys, two keys, forced, held, unused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.domain.decision import Action, Change, Next, NoticeType, Overlay, Reason
from keyturn.domain.key import Act, LastUse, Receipt, SecretFacts
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.record import KeyRecord
from tests.domain.world import NOW, SILENCE, a_key, a_secret, ago, ann, look, on, told

NEW = a_key("NEW", age=20)


# --- restored by hand -------------------------------------------------------------------


INTERRUPTED = [KeyRecord(disabling=ago(1)), KeyRecord(interrupted=ago(1))]


@pytest.mark.parametrize("record", INTERRUPTED)
def test_an_interrupted_disabling_is_told_as_what_it_is_and_comes_three_days_later(
    record: KeyRecord,
) -> None:
    old = a_key(age=300, told=[told(20, disable=-3)])

    looked = look(ann(old, NEW, secret=a_secret("NEW", records={"OLD": record})))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.NOTICE, Reason.DISABLING_INTERRUPTED)
    assert made.overlays == frozenset()
    assert "by hand" not in made.sentence
    assert made.sentence.startswith("Keyturn was interrupted while disabling this key; it works")
    assert made.notice is not None
    assert made.notice.promises == {Act.DISABLE: on(3), Act.DELETE: on(13)}
    changes = [] if record.interrupted else [(Change.INTERRUPTED, "OLD")]
    assert looked.changes == changes


@pytest.mark.parametrize(
    ("promised", "action"), [(1, Action.KEEP), (0, Action.DISABLE), (-1, Action.DISABLE)]
)
def test_after_an_interruption_a_key_ends_on_the_day_that_was_told_since(
    promised: int, action: Action
) -> None:
    receipts = [told(20, disable=-8), told(3 - promised, disable=promised)]
    old = a_key(age=300, told=receipts)
    record = KeyRecord(interrupted=ago(3 - promised + 0.01))

    made = look(ann(old, NEW, secret=a_secret("NEW", records={"OLD": record})))["OLD"]

    assert made.action is action


def test_an_interruption_promises_no_day_before_the_one_that_was_promised() -> None:
    old = a_key(age=300, told=[told(20, disable=-3), told(15, disable=7)])
    secret = a_secret("NEW", records={"OLD": KeyRecord(disabling=ago(1))})

    made = look(ann(old, NEW, secret=secret))["OLD"]

    assert made.next == Next(Action.DISABLE, on(7))


def test_a_key_that_an_operator_restored_is_not_said_to_be_restored_by_hand() -> None:
    old = a_key(age=300, told=[told(20, disable=-8)])
    secret = a_secret("NEW", records={"OLD": KeyRecord(restored=ago(2), ordered=ago(2))})

    made = look(ann(old, NEW, secret=secret))["OLD"]

    assert made.reason is Reason.RESTORED_BY_COMMAND
    assert made.sentence == (
        f"it was re-enabled by an operator's command and is left alone until {on(8)}"
    )


@pytest.mark.parametrize(
    "record", [KeyRecord(disabled=ago(3)), KeyRecord(disabled=ago(3), disabling=ago(3))]
)
@pytest.mark.parametrize("keys", [1, 2])
def test_an_active_key_that_we_disabled_was_restored(record: KeyRecord, keys: int) -> None:
    old = a_key(age=300, told=[told(20, disable=-3)])
    secret = a_secret("NEW", records={"OLD": record})

    looked = look(ann(*(old, NEW)[:keys], secret=secret))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.NOTICE, Reason.RESTORED)
    assert made.overlays == {Overlay.RESTORED}
    assert made.sentence == f"it was re-enabled by hand and is left alone until {on(10)}"
    assert made.next == Next(Action.NOTICE, on(10))
    assert made.notice is not None
    assert made.notice.type is NoticeType.RESTORED
    assert made.notice.promises == {}
    # Of one that we were about to disable, nobody can say whether somebody enabled it.
    counted = [(Change.COUNTED, "OLD")] if record.disabled else []
    assert looked.changes == [(Change.RESTORED, "OLD"), *counted]


@pytest.mark.parametrize(("days", "alone"), [(0, True), (9.49, True), (9.5, False), (30, False)])
def test_a_restored_key_is_left_alone_for_the_grace(days: float, *, alone: bool) -> None:
    restored = Receipt(step=NoticeType.RESTORED, day=ago(days).date(), at=ago(days))
    old = a_key(age=300, told=[told(40, disable=-3), restored])
    secret = a_secret("NEW", records={"OLD": KeyRecord(restored=ago(days))})

    made = look(ann(old, NEW, secret=secret))["OLD"]

    assert made.action is (Action.KEEP if alone else Action.NOTICE)
    assert made.reason is (Reason.RESTORED if alone else Reason.DATES_NOT_NOTICED)
    assert (made.overlays == {Overlay.RESTORED}) is alone


@pytest.mark.parametrize("days", [1, 9])
def test_that_a_key_is_left_alone_is_told_until_somebody_was_told(days: int) -> None:
    before = Receipt(step=NoticeType.RESTORED, day=on(-40), at=ago(40))
    secret = a_secret("NEW", records={"OLD": KeyRecord(restored=ago(days))})

    made = look(ann(a_key(age=300, told=[before]), NEW, secret=secret))["OLD"]

    assert made.action is Action.NOTICE
    assert made.notice is not None
    assert (made.notice.type, made.notice.day) == (NoticeType.RESTORED, on(-days))
    assert made.overlays == {Overlay.RESTORED}


def test_a_key_that_is_restored_twice_on_one_day_is_told_of_once() -> None:
    first = Receipt(step=NoticeType.RESTORED, day=on(-2), at=ago(2.1))
    secret = a_secret("NEW", records={"OLD": KeyRecord(restored=ago(2))})

    made = look(ann(a_key(age=300, told=[first]), NEW, secret=secret))["OLD"]

    assert (made.action, made.reason) == (Action.KEEP, Reason.RESTORED)


@pytest.mark.parametrize(("days", "action"), [(21, Action.NOTICE), (20, Action.DISABLE)])
def test_only_a_notice_after_the_restoration_counts(days: float, action: Action) -> None:
    old = a_key(age=300, told=[told(days, disable=-3)])
    secret = a_secret("NEW", records={"OLD": KeyRecord(restored=ago(20))})

    assert look(ann(old, NEW, secret=secret))["OLD"].action is action


def test_a_restored_key_is_not_rotated_while_it_is_left_alone() -> None:
    secret = a_secret(records={"OLD": KeyRecord(restored=ago(2))})

    assert look(ann(a_key(age=300), secret=secret))["OLD"].reason is Reason.RESTORED
    assert (
        look(ann(a_key(age=300), secret=secret), now=NOW + timedelta(days=8))["OLD"].action
        is Action.ROTATE
    )


def test_a_restored_younger_key_is_left_alone_beside_an_older_one() -> None:
    record = {"NEW": KeyRecord(disabled=ago(3))}

    ours = look(ann(a_key(age=300), NEW, secret=a_secret("NEW", records=record)))
    theirs = look(ann(a_key(age=300), NEW, secret=a_secret(records=record)))

    assert ours["NEW"].reason is theirs["NEW"].reason is Reason.RESTORED
    assert ours["OLD"].reason is Reason.DATES_NOT_NOTICED
    assert theirs["OLD"].reason is Reason.TWO_KEYS_IN_USE


def test_a_restored_key_of_two_is_not_retired_though_it_is_quiet() -> None:
    record = {"OLD": KeyRecord(restored=ago(3))}
    old, second = a_key(age=300, used=50), a_key("SECOND", age=200, used=50)

    looked = look(ann(old, second, secret=a_secret(records=record)))

    assert looked["OLD"].reason is Reason.RESTORED
    assert looked["SECOND"].action is Action.NOTICE


def test_a_key_that_a_person_disabled_and_enabled_again_is_simply_active() -> None:
    record = KeyRecord(seen=ago(3))

    looked = look(ann(a_key(age=300), secret=a_secret(records={"OLD": record})))

    assert looked["OLD"].action is Action.ROTATE
    assert looked.changes == [(Change.UNSEEN, "OLD")]


# --- two Active keys --------------------------------------------------------------------


def test_two_keys_in_use_are_told_to_people_at_first_and_weekly() -> None:
    def notice_after(days: float) -> bool:
        receipt = Receipt(step="blocked-two-keys-in-use", day=ago(days).date(), at=ago(days))
        other = Receipt(step="blocked-held", day=on(0), at=ago(0))
        keys = a_key(age=300, told=[receipt, other]), a_key("SECOND", age=200)
        return look(ann(*keys))["OLD"].notice is not None

    assert [notice_after(days) for days in (0, 6, 6.49, 6.5, 7, 8)] == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_key_in_use_beside_another_is_blocked_until_it_can_be_quiet() -> None:
    last = LastUse(at=ago(3), service="s3", region="eu-west-1")
    keys = replace(a_key(age=300), last_use=last), a_key("SECOND", age=20)

    looked = look(ann(*keys))

    made = looked["OLD"]
    assert (made.action, made.reason) == (Action.WAIT, Reason.TWO_KEYS_IN_USE)
    assert made.overlays == {Overlay.BLOCKED}
    assert made.sentence == (
        "its user has two Active keys and this one is in use: "
        f"last used on {on(-3)} (s3 in eu-west-1)"
    )
    assert made.next == Next(Action.NOTICE, on(8))
    assert made.notice is not None
    assert made.notice.step == "blocked-two-keys-in-use"
    assert looked["SECOND"].reason is Reason.NOTHING_DUE


def test_where_a_key_was_used_is_said_only_if_it_is_known() -> None:
    policy = RotationPolicy(hold_if_used_within=3)
    held = a_key(age=300, used=1, told=[told(10, disable=0)])

    made = look(ann(held, NEW, secret=a_secret("NEW")), policy)["OLD"]
    blocked = look(ann(a_key(age=300, used=1), NEW))["OLD"]

    assert made.sentence == f"it is still in use: last on {on(-1)}; held until {on(30)} at most"
    assert blocked.sentence.endswith(f"in use: last used on {on(-1)}")


def test_of_two_quiet_keys_the_older_is_retired() -> None:
    keys = a_key(age=300, used=50), a_key("SECOND", age=200, used=None)

    looked = look(ann(*keys))

    assert looked["OLD"].reason is Reason.DATES_NOT_NOTICED
    assert looked["OLD"].notice is not None
    assert looked["OLD"].notice.promises == {Act.DISABLE: on(10), Act.DELETE: on(20)}
    assert looked["SECOND"].reason is Reason.SLOT_TAKEN


@pytest.mark.parametrize(("used", "why"), [(50, "works with"), (0, "replaced by")])
def test_the_key_that_ends_says_which_one_remains(used: float, why: str) -> None:
    receipts = [told(10, disable=0)]
    keys = (
        a_key(age=300, used=50 - used, told=receipts),
        a_key("SECOND", age=200, used=used, told=receipts),
    )

    looked = look(ann(*keys))

    ends, remains = ("SECOND", "OLD") if used else ("OLD", "SECOND")
    assert looked[ends].action is Action.DISABLE
    assert f"{why} {remains}" in looked[ends].sentence
    assert looked[remains].action is not Action.DISABLE


def test_a_quiet_key_younger_than_the_rotation_period_is_kept() -> None:
    looked = look(ann(a_key(age=300), a_key("SECOND", age=80, used=None)))

    assert looked["SECOND"].reason is Reason.NOTHING_DUE
    assert looked["OLD"].reason is Reason.TWO_KEYS_IN_USE


def test_a_quiet_old_key_ends_though_the_younger_is_a_minute_old() -> None:
    user = ann(
        a_key(age=300, used=50, told=[told(10, disable=0)]), a_key("SECOND", age=0, used=None)
    )

    assert look(user)["OLD"].action is Action.DISABLE


def test_retire_in_use_prefers_the_quiet_key() -> None:
    keys = a_key(age=300), a_key("SECOND", age=200, used=50)

    looked = look(ann(*keys), RotationPolicy(retire_in_use=True))

    assert looked["SECOND"].action is Action.NOTICE
    assert looked["OLD"].reason is Reason.SLOT_TAKEN


def test_retire_in_use_touches_no_young_key() -> None:
    keys = a_key(age=80), a_key("SECOND", age=20)

    looked = look(ann(*keys), RotationPolicy(retire_in_use=True))

    assert {made.action for made in looked.decided.decisions} <= {Action.KEEP, Action.WARN}


def test_of_a_delivered_key_and_a_younger_one_that_a_person_made_a_quiet_one_goes() -> None:
    keys = a_key(age=300), a_key("SECOND", age=20)

    assert look(ann(*keys, secret=a_secret("OLD")))["OLD"].reason is Reason.TWO_KEYS_IN_USE


# --- the secret -------------------------------------------------------------------------

DELIVERED = {"NEW": KeyRecord(delivered=ago(20))}


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(a_secret(records=DELIVERED), id="overwritten"),
        pytest.param(a_secret("NEW", "BY-HAND", records=DELIVERED), id="overwritten-once"),
        pytest.param(a_secret("NEW", "OLD", records=DELIVERED), id="rolled-back"),
        pytest.param(
            a_secret("NEW", records=DELIVERED, scheduled_for_deletion=True), id="deleted"
        ),
    ],
)
def test_a_secret_that_no_longer_holds_the_new_key_is_told(secret: SecretFacts) -> None:
    looked = look(ann(a_key(age=300, told=[told(20, disable=0)]), NEW, secret=secret))

    assert looked["OLD"].reason is Reason.TWO_KEYS_IN_USE
    assert (looked["NEW"].action, looked["NEW"].reason) == (
        Action.NOTICE,
        Reason.SECRET_OVERWRITTEN,
    )
    assert looked["NEW"].sentence == (
        "the secret that Keyturn delivered for it was overwritten or deleted by hand"
    )
    assert looked["NEW"].notice is not None
    assert looked["NEW"].notice.type is NoticeType.OVERWRITTEN


def test_an_overwritten_secret_is_told_once() -> None:
    receipt = Receipt(step="overwritten", day=on(-1), at=ago(1))
    new = a_key("NEW", age=20, told=[receipt])
    record = {"NEW": KeyRecord(delivered=ago(20))}

    made = look(ann(a_key(age=300), new, secret=a_secret(records=record)))["NEW"]

    assert made.action is Action.KEEP


def test_an_overwritten_secret_is_not_told_while_the_receipts_are_unreadable() -> None:
    new = replace(NEW, receipts=SILENCE)

    made = look(ann(a_key(age=300), new, secret=a_secret(records=DELIVERED)))["NEW"]

    assert made.action is Action.KEEP


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, "the secret of that name was not made by Keyturn"),
        (
            {"keyturn:user": "ann", "keyturn:user-id": "AIDAEARLIER"},
            "the secret belongs to an earlier user of the same name",
        ),
    ],
)
def test_a_foreign_secret_blocks_what_is_due(tags: dict[str, str], why: str) -> None:
    secret = SecretFacts(tags=tags)
    due = look(ann(a_key(age=90), secret=secret))
    inactive = look(ann(a_key(age=5, inactive=True), secret=secret))
    forced = look(ann(a_key(age=5), secret=secret, forced=NOW))
    near = look(ann(a_key(age=76), secret=secret))
    young = look(ann(a_key(age=75), a_key("SECOND", age=5), secret=secret))

    for looked in (due, inactive, forced, near):
        made = looked["OLD"]
        assert (made.action, made.reason) == (Action.WAIT, Reason.SECRET_FOREIGN)
        assert made.sentence == f"{why}; an operator has to adopt or move it"
        assert made.notice is not None
        assert made.notice.step == "blocked-secret-foreign"
        assert looked.decided.record_changes == ()
    for made in young.decided.decisions:
        assert (made.action, made.notice) == (Action.KEEP, None)
        assert why in made.sentence
        assert made.next is not None
        assert made.next.action is Action.WAIT


def test_a_secret_under_another_kms_key_blocks_what_is_due() -> None:
    secret = replace(a_secret(), kms_key="alias/theirs")

    made = look(ann(a_key(age=90), secret=secret), kms_key="alias/ours")["OLD"]

    assert made.reason is Reason.SECRET_FOREIGN
    assert made.sentence == (
        "the secret is encrypted with another KMS key (alias/theirs); it must be moved, "
        "or the setting SecretsKmsKey is not this deployment's"
    )
    default = look(ann(a_key(age=90), secret=a_secret()), kms_key="alias/ours")["OLD"]
    assert "(aws/secretsmanager)" in default.sentence


# --- forced -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "rotates"), [(0, True), (23.9, True), (24, False), (100, False), (-1, True)]
)
def test_an_operators_word_holds_for_a_day(hours: float, *, rotates: bool) -> None:
    made = look(ann(a_key(age=30), forced=NOW - timedelta(hours=hours)))["OLD"]

    assert made.action is (Action.ROTATE if rotates else Action.KEEP)


def test_a_forced_rotation_promises_the_window_and_the_grace_whatever_its_age() -> None:
    made = look(ann(a_key(age=30), forced=NOW))["OLD"]

    assert (made.reason, made.sentence) == (Reason.FORCED, "an operator asked for it")
    assert made.notice is not None
    assert made.notice.promises == {Act.DISABLE: on(10), Act.DELETE: on(20)}


@pytest.mark.parametrize("asked", [0.02, 0.01])
def test_an_operators_word_is_not_about_a_key_made_since(asked: float) -> None:
    made = look(ann(a_key(age=0.01), forced=ago(asked)))["OLD"]

    assert made.action is Action.KEEP


def test_an_operators_word_is_not_about_an_inactive_key() -> None:
    looked = look(ann(a_key(age=30, inactive=True), forced=NOW))

    assert looked["OLD"].reason is Reason.FOUND_INACTIVE


@pytest.mark.parametrize("inactive", [True, False])
def test_a_forced_key_waits_for_the_slot_and_says_so(*, inactive: bool) -> None:
    other = a_key(age=40, inactive=inactive)

    made = look(ann(other, a_key("SECOND", age=30), forced=NOW))["SECOND"]

    assert (made.action, made.reason) == (Action.WAIT, Reason.SLOT_TAKEN)


def test_a_force_after_the_force_waits_for_the_first_to_end() -> None:
    records = {"OLD": KeyRecord(forced=ago(5))}
    keys = a_key(age=30, told=[told(5, disable=5)]), a_key("NEW", age=5)

    looked = look(ann(*keys, secret=a_secret("NEW", records=records), forced=NOW))

    assert looked["NEW"].next == Next(Action.ROTATE, on(15))
    assert looked["OLD"].reason is Reason.WINDOW_RUNNING


def test_a_forced_key_whose_secret_was_overwritten_needs_to_be_quiet() -> None:
    records = {"OLD": KeyRecord(forced=ago(20))}

    in_use = look(ann(a_key(age=30), NEW, secret=a_secret(records=records)))
    quiet = look(ann(a_key(age=30, used=15), NEW, secret=a_secret(records=records)))

    assert in_use["OLD"].reason is Reason.TWO_KEYS_IN_USE
    assert quiet["OLD"].action is Action.NOTICE
    assert quiet["OLD"].notice is not None
    assert quiet["OLD"].notice.promises == {Act.DISABLE: on(10), Act.DELETE: on(20)}


def test_a_key_once_forced_that_is_due_has_the_window_only() -> None:
    policy = RotationPolicy(rotation_period=30, inactive_period=60)
    records = {"OLD": KeyRecord(forced=ago(29))}

    made = look(ann(a_key(age=30), secret=a_secret(records=records)), policy)["OLD"]

    assert made.reason is Reason.ROTATION_DUE
    assert made.next == Next(Action.DISABLE, on(30))


# --- held, and unused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "promised", "action"),
    [
        (3, 0, Action.WAIT),
        (3.49, 0, Action.WAIT),
        (3.5, 0, Action.DISABLE),
        (None, 0, Action.DISABLE),
        (1, -4, Action.WAIT),
        (1, -5, Action.DISABLE),
    ],
)
def test_a_key_in_use_is_held_up_to_max_hold(
    used: float | None, promised: int, action: Action
) -> None:
    policy = RotationPolicy(hold_if_used_within=3, max_hold=5)
    old = a_key(age=300, used=used, told=[told(20, disable=promised)])

    made = look(ann(old, NEW, secret=a_secret("NEW")), policy)["OLD"]

    assert made.action is action
    if action is Action.WAIT:
        assert made.reason is Reason.HELD
        assert made.is_blocked


def test_a_hold_names_the_last_use_and_its_end() -> None:
    policy = RotationPolicy(hold_if_used_within=3)
    last = LastUse(at=ago(1), service="sqs", region="us-east-1")
    old = replace(a_key(age=300, told=[told(10, disable=0)]), last_use=last)

    made = look(ann(old, NEW, secret=a_secret("NEW")), policy)["OLD"]

    assert made.sentence == (
        f"it is still in use: last on {on(-1)} (sqs in us-east-1); held until {on(30)} at most"
    )
    assert made.next == Next(Action.DISABLE, on(3))
    assert made.notice is not None
    assert made.notice.step == "blocked-held"


def test_a_hold_ends_no_later_than_its_last_day() -> None:
    policy = RotationPolicy(hold_if_used_within=3, max_hold=5)
    old = a_key(age=300, used=0, told=[told(20, disable=-4)])

    made = look(ann(old, NEW, secret=a_secret("NEW")), policy)["OLD"]

    assert made.next == Next(Action.DISABLE, on(1))


@pytest.mark.parametrize(
    ("receipts", "held"),
    [
        pytest.param([told(50, disable=-5), told(30, disable=-2)], True, id="put off in time"),
        pytest.param([told(50, disable=-5), told(4, disable=0)], False, id="told anew after it"),
        pytest.param([told(50, disable=-5), told(5, disable=0)], False, id="told anew on it"),
        pytest.param([told(50, disable=-2), told(30, disable=-5)], True, id="put forward"),
    ],
)
def test_a_hold_begins_on_the_last_date_promised_before_that_date(
    receipts: list[Receipt], *, held: bool
) -> None:
    policy = RotationPolicy(hold_if_used_within=3, max_hold=5)
    old = a_key(age=300, told=receipts)

    made = look(ann(old, a_key("NEW", age=50), secret=a_secret("NEW")), policy)["OLD"]

    assert (made.reason is Reason.HELD) is held


@pytest.mark.parametrize(
    ("age", "used", "ends"),
    [
        (300, None, True),
        (300, 120, True),
        (300, 119.5, True),
        (300, 119.4, False),
        (119, None, False),
        (120, None, True),
    ],
)
def test_an_unused_key_ends_without_a_successor(
    age: float, used: float | None, *, ends: bool
) -> None:
    policy = RotationPolicy(unused_period=120)

    made = look(ann(a_key(age=age, used=used)), policy)["OLD"]

    assert made.action is (Action.NOTICE if ends else Action.ROTATE)
    if ends:
        assert made.sentence.startswith("it is not in use and ends without a successor")


def test_an_unused_key_is_disabled_as_such() -> None:
    policy = RotationPolicy(unused_period=120)

    made = look(ann(a_key(age=300, used=None, told=[told(10, disable=0)])), policy)["OLD"]

    assert (made.action, made.reason) == (Action.DISABLE, Reason.UNUSED)
    assert made.sentence == (
        f"it is not in use and ends without a successor, and its end was announced for {on(0)}"
    )


def test_an_unused_key_needs_no_free_slot_to_end() -> None:
    policy = RotationPolicy(unused_period=120)
    keys = a_key(age=400, inactive=True), a_key("SECOND", age=300, used=None)

    assert look(ann(*keys), policy)["SECOND"].action is Action.NOTICE


def test_an_unused_key_is_rotated_where_an_operator_asks_for_it() -> None:
    policy = RotationPolicy(unused_period=120)

    assert look(ann(a_key(age=300, used=None), forced=NOW), policy)["OLD"].action is Action.ROTATE
