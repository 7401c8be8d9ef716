"""What an operator may order about a key, and what is refused with the reason."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.domain.commands import OperatorCommand, decide_command
from keyturn.domain.decision import (
    Action,
    Change,
    Decision,
    Next,
    Notice,
    NoticeType,
    Overlay,
    Question,
    Reason,
    RecordChange,
    UserDecisions,
)
from keyturn.domain.errors import InvalidValue, OrderNotDone
from keyturn.domain.key import Act, SecretFacts, Unknown, UserFacts
from keyturn.domain.lifecycle.decide import decide
from keyturn.domain.record import Intent, KeyRecord
from tests.domain.world import NOW, POLICY, SILENCE, a_key, a_secret, ago, ann, look, on, told

RESTORE = OperatorCommand(action=Action.RESTORE, key_id="OLD", given=NOW)
REVOKE = OperatorCommand(action=Action.REVOKE, key_id="OLD", given=NOW)
DISABLED = a_key(age=100, inactive=True)
ACTIVE = a_key(age=12)
NEW = a_key("NEW", age=10)
ON_RECORD = a_secret("NEW", records={"OLD": KeyRecord(disabled=ago(2))})


def obeyed(order: OperatorCommand, user: UserFacts) -> Decision:
    """The decision on an order about a user of whom everything is known."""
    answer = decide_command(order, user, POLICY, NOW)
    assert not isinstance(answer, Question)
    [decision] = answer.decisions
    return decision


def refused(order: OperatorCommand, user: UserFacts) -> str:
    with pytest.raises(OrderNotDone) as refusal:
        decide_command(order, user, POLICY, NOW)
    return str(refusal.value)


def test_only_a_leaked_key_is_touched_even_if_its_user_is_exempt() -> None:
    with pytest.raises(InvalidValue, match="even_exempt=True: is for a leaked key alone"):
        replace(RESTORE, even_exempt=True)


def test_the_rule_is_not_to_be_ordered_about() -> None:
    with pytest.raises(InvalidValue, match="nobody orders this"):
        OperatorCommand(action=Action.DELETE, key_id="OLD", given=NOW)


def test_an_order_is_void_after_a_day() -> None:
    last_minute = replace(RESTORE, given=ago(1) + timedelta(minutes=1))

    assert obeyed(last_minute, ann(DISABLED, NEW, secret=ON_RECORD)).action is Action.RESTORE
    assert "void" in refused(replace(RESTORE, given=ago(1)), ann(DISABLED, secret=ON_RECORD))


def test_a_key_of_somebody_else_is_not_touched() -> None:
    assert refused(REVOKE, ann(NEW)) == "ann has no access key OLD"


# --- restore ------------------------------------------------------------------------------


def test_a_disabled_key_is_enabled_and_then_left_alone_for_the_grace() -> None:
    made = obeyed(RESTORE, ann(DISABLED, NEW, secret=ON_RECORD))

    assert (made.action, made.reason) == (Action.RESTORE, Reason.FORCED)
    assert made.next == Next(Action.NOTICE, on(10))
    assert made.notice == Notice(type=NoticeType.RESTORED, day=NOW.date())
    assert made.overlays == {Overlay.RESTORED}


def test_a_key_that_a_person_disabled_before_anybody_wrote_of_it_is_enabled_too() -> None:
    assert obeyed(RESTORE, ann(DISABLED, secret=None)).action is Action.RESTORE


FOREIGN = SecretFacts(tags={})
LEFT_BEHIND = Intent(run="run", at=ago(1), seen=frozenset(), replaces="GONE")


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (ann(ACTIVE), "OLD is Active already"),
        (ann(DISABLED, exempt=True), "ann is exempt, and Keyturn leaves its keys alone"),
        (ann(DISABLED, secret=SILENCE), r"the record of ann could not be read \(AccessDenied\)"),
        (
            ann(DISABLED, secret=FOREIGN),
            "was not made by Keyturn, so nothing can be put on record",
        ),
        (
            ann(DISABLED, secret=a_secret(records={"OLD": KeyRecord(revoked=ago(1))})),
            "OLD was revoked as leaked on 2026-02-28",
        ),
        (
            ann(DISABLED, secret=a_secret(records={"OLD": KeyRecord(orphan=ago(1))})),
            "nobody has the secret of OLD",
        ),
        (
            ann(a_key(age=1, inactive=True, used=None), secret=a_secret(intent=LEFT_BEHIND)),
            "nobody has the secret of OLD",
        ),
        (
            ann(a_key(age=1, inactive=True, used=SILENCE), secret=a_secret(intent=LEFT_BEHIND)),
            "whether it was ever used could not be read .*by hand: aws iam update-access-key",
        ),
    ],
)
def test_what_must_not_be_enabled_is_refused_with_the_reason(user: UserFacts, why: str) -> None:
    with pytest.raises(OrderNotDone, match=why):
        decide_command(RESTORE, user, POLICY, NOW)


def test_a_refusal_that_a_person_may_overrule_says_how() -> None:
    command = "aws iam update-access-key --user-name ann --access-key-id OLD --status Active"

    assert refused(RESTORE, ann(DISABLED, exempt=True)).endswith(f"by hand: {command}")


# --- revoke -------------------------------------------------------------------------------


def test_a_leaked_key_is_stopped_and_replaced_at_any_age() -> None:
    made = obeyed(REVOKE, ann(ACTIVE))

    assert (made.action, made.reason, made.rotates) == (Action.REVOKE, Reason.LEAKED, True)
    assert made.sentence == "an operator revoked it as leaked; a new key is made and delivered"
    assert made.notice == Notice(
        type=NoticeType.REVOKED, day=on(10), promises={Act.DELETE: on(10)}
    )
    assert made.notice.step == "delete"
    assert made.next == Next(Action.DELETE, on(10))
    assert made.overlays == {Overlay.REVOKED}


@pytest.mark.parametrize("age", [5, 20])
def test_whoever_has_another_active_key_gets_none(age: int) -> None:
    made = obeyed(REVOKE, ann(ACTIVE, a_key("OTHER", age=age), secret=a_secret("OTHER")))

    assert (made.action, made.rotates) == (Action.REVOKE, False)
    assert (made.successor, made.delivered) == ("OTHER", True)
    assert made.sentence.endswith("; its user works with OTHER")


ORPHANED = Intent(run="run", at=ago(1), seen=frozenset({"OLD"}), replaces="OLD")
LEFT = a_key("LEFT", age=1, used=None)


@pytest.mark.parametrize(
    ("user", "hindrance"),
    [
        (
            ann(ACTIVE, a_key("SECOND", age=50, inactive=True)),
            (
                "the other slot is taken by SECOND, which is Inactive: keyturn restore SECOND; or "
                "aws iam delete-access-key --user-name ann --access-key-id SECOND, and again"
            ),
        ),
        (ann(ACTIVE, secret=FOREIGN), "the secret of that name was not made by Keyturn"),
        (ann(ACTIVE, secret=SILENCE), "its record could not be read (AccessDenied)"),
        (
            ann(ACTIVE, secret=a_secret(intent=replace(ORPHANED, at=ago(0.005)))),
            "Keyturn was at work on this user less than 15 minutes ago: try again in 15 minutes",
        ),
        (
            ann(ACTIVE, LEFT, secret=a_secret(intent=ORPHANED)),
            (
                "LEFT is left of a rotation that broke off; "
                "when a daily run has removed it, do this again"
            ),
        ),
    ],
)
def test_what_hinders_a_new_key_does_not_hinder_the_stop(user: UserFacts, hindrance: str) -> None:
    made = obeyed(REVOKE, user)

    assert (made.action, made.rotates) == (Action.REVOKE, False)
    assert made.sentence == f"an operator revoked it as leaked; no new key is made: {hindrance}"
    assert made.successor is None


@pytest.mark.parametrize("secret", [FOREIGN, SILENCE])
def test_no_deletion_is_promised_that_is_not_on_record(secret: SecretFacts | Unknown) -> None:
    made = obeyed(REVOKE, ann(ACTIVE, secret=secret))

    assert made.notice == Notice(type=NoticeType.REVOKED, day=NOW.date())
    assert made.notice.step == "revoked"
    assert made.next is None


def test_a_promised_date_of_deletion_is_kept_and_told_once_for_each_end() -> None:
    promised = a_key(age=12, told=[told(3, delete=15)])
    unreadable = a_key(age=12, told=SILENCE)

    assert obeyed(REVOKE, ann(promised)).next == Next(Action.DELETE, on(16))
    assert obeyed(REVOKE, ann(unreadable)).next == Next(Action.DELETE, on(10))


def test_an_exempt_users_key_is_stopped_and_no_more_without_an_express_word() -> None:
    exempt = ann(ACTIVE, exempt=True)

    alone = decide_command(REVOKE, exempt, POLICY, NOW)
    made = obeyed(replace(REVOKE, even_exempt=True), exempt)

    assert isinstance(alone, UserDecisions)
    [stopped] = alone.decisions
    assert (stopped.action, stopped.rotates) == (Action.REVOKE, False)
    assert stopped.overlays == {Overlay.REVOKED, Overlay.EXEMPT}
    assert alone.only_stops is not None
    assert "--even-exempt" in alone.only_stops
    assert (made.action, made.rotates) == (Action.REVOKE, True)
    assert made.overlays == {Overlay.REVOKED, Overlay.EXEMPT}
    # Nobody but a person will delete it: an exempt user's keys are left alone.
    assert made.notice is not None
    assert made.notice.promises == {}


REVOKED = KeyRecord(disabled=ago(0.02), forced=ago(0.02), revoked=ago(0.02))


def test_a_second_order_goes_on_where_the_first_one_stopped() -> None:
    stopped = a_key(age=12, inactive=True)

    made = obeyed(REVOKE, ann(stopped, secret=a_secret(records={"OLD": REVOKED})))

    assert (made.action, made.rotates) == (Action.REVOKE, True)
    assert made.notice is not None
    assert made.notice.step == "revoked-successor"


def test_a_third_order_finds_nothing_to_do() -> None:
    stopped = a_key(age=12, inactive=True)

    made = obeyed(REVOKE, ann(stopped, NEW, secret=a_secret("NEW", records={"OLD": REVOKED})))

    assert (made.action, made.reason, made.notice) == (Action.KEEP, Reason.LEAKED, None)
    assert made.sentence == "it is revoked already; its user works with NEW"


def test_an_inactive_key_that_turns_out_to_have_leaked_is_put_on_record() -> None:
    made = obeyed(REVOKE, ann(DISABLED, NEW, secret=ON_RECORD))

    assert (made.action, made.rotates) == (Action.REVOKE, False)
    assert made.notice is not None
    assert made.notice.step == "revoked"


# --- and then -----------------------------------------------------------------------------


def test_nobody_is_told_that_a_revoked_key_can_be_enabled_again() -> None:
    stopped = a_key(age=20, inactive=True, told=[told(7.1, delete=3)])
    record = KeyRecord(disabled=ago(7.2), forced=ago(7.2), revoked=ago(7.2))

    made = look(ann(stopped, NEW, secret=a_secret("NEW", records={"OLD": record})))["OLD"]

    assert (made.action, made.reason) == (Action.WARN, Reason.DELETION_AHEAD)
    assert made.overlays == {Overlay.REVOKED}
    assert made.sentence == "it was revoked as leaked on 2026-02-22"


@pytest.mark.parametrize(("minutes", "waits"), [(15, True), (16, False)])
def test_a_key_that_was_revoked_just_now_and_is_listed_as_active_is_left(
    minutes: int, *, waits: bool
) -> None:
    """IAM's list may be half a minute old: it is no key that a person enabled."""
    revoked = KeyRecord(disabled=ago(2), revoked=NOW - timedelta(minutes=minutes))

    answer = decide(
        ann(a_key(age=20), NEW, secret=a_secret("NEW", records={"OLD": revoked})), POLICY, NOW
    )

    assert isinstance(answer, UserDecisions)
    assert all(made.reason is Reason.RUN_UNDER_WAY for made in answer.decisions) is waits
    assert (answer.record_changes == ()) is waits


def test_a_revoked_key_is_deleted_after_the_grace_at_any_age() -> None:
    stopped = a_key(age=20, inactive=True, used=11, told=[told(10, delete=0)])
    record = KeyRecord(disabled=ago(10.01), forced=ago(10.01), revoked=ago(10.01))

    made = look(ann(stopped, NEW, secret=a_secret("NEW", records={"OLD": record})))["OLD"]

    assert made.action is Action.DELETE


def test_a_revoked_key_that_a_person_enables_is_restored_like_any_other() -> None:
    for times in (REVOKED, KeyRecord(revoked=ago(5))):
        enabled = ann(a_key(age=20), NEW, secret=a_secret("NEW", records={"OLD": times}))

        answer = decide(enabled, POLICY, NOW)

        assert isinstance(answer, UserDecisions)
        assert RecordChange(Change.RESTORED, "OLD") in answer.record_changes
