"""Facts, decisions and notices: values that refuse what is wrong and answer simple questions."""

from dataclasses import replace
from datetime import datetime

import pytest

from keyturn.domain.decision import Action, Notice, NoticeType, Overlay, Reason
from keyturn.domain.errors import InvalidValue
from keyturn.domain.events import notice_item
from keyturn.domain.key import Account, KeyFacts, Status
from tests.domain.world import TODAY, a_key, a_secret, ann, look, on, only


def test_a_key_without_a_time_zone_is_refused() -> None:
    with pytest.raises(
        InvalidValue, match="CreateDate=2026-01-01 00:00:00: must carry a time zone"
    ):
        KeyFacts(key_id="OLD", status=Status.ACTIVE, created=datetime(2026, 1, 1))  # noqa: DTZ001 -- that is what is wrong


@pytest.mark.parametrize("wrong", ["", "11112222333", "1111222233334", "11112222333x", "١" * 12])  # noqa: RUF001 -- digits, but not ours
def test_an_account_id_has_twelve_digits(wrong: str) -> None:
    with pytest.raises(InvalidValue, match="must be the 12 digits"):
        Account(id=wrong)


def test_keys_are_put_in_order_and_of_the_same_second_the_larger_id_is_younger() -> None:
    user = ann(a_key("B", age=5), a_key("A", age=5))

    assert [key.key_id for key in user.keys] == ["A", "B"]
    assert look(user)["A"].successor == "B"
    assert look(user)["B"].successor is None


@pytest.mark.parametrize(
    ("told", "variant", "step"),
    [
        (NoticeType.ROTATED, "", "disable"),
        (NoticeType.RETIRING, "", "disable"),
        (NoticeType.DISABLED, "", "delete"),
        (NoticeType.DELETING, "", "delete"),
        (NoticeType.GRACE_RENEWED, "", "delete"),
        (NoticeType.UPCOMING, "14", "upcoming-14"),
        (NoticeType.BLOCKED, "held", "blocked-held"),
        (NoticeType.BEFORE_DISABLE, "", "before-disable"),
        (NoticeType.BEFORE_DELETE, "", "before-delete"),
        (NoticeType.DELETED, "", "deleted"),
        (NoticeType.RESTORED, "", "restored"),
        (NoticeType.OVERWRITTEN, "", "overwritten"),
        (NoticeType.DEFERRED, "", "deferred"),
        (NoticeType.ORPHAN, "removed", "orphan-removed"),
        (NoticeType.REVOKED, "", "revoked"),
        (NoticeType.REVOKED, "successor", "revoked-successor"),
    ],
)
def test_a_step_is_named_for_what_is_promised(told: NoticeType, variant: str, step: str) -> None:
    assert Notice(type=told, day=TODAY, variant=variant).step == step


def test_a_decision_is_due_if_something_is_done_or_told() -> None:
    kept, rotated = only(ann(a_key(age=10))), only(ann(a_key(age=90)))
    blocked = only(ann(a_key(age=200), a_key("SECOND", age=100)))

    assert (kept.action, kept.is_due, kept.is_blocked) == (Action.KEEP, False, False)
    assert (rotated.action, rotated.is_due) == (Action.ROTATE, True)
    assert (blocked.action, blocked.is_due, blocked.is_blocked) == (Action.WAIT, True, True)
    assert replace(rotated, notice=None).is_due
    assert not replace(blocked, notice=None).is_due


def test_a_notice_item_carries_what_a_mail_needs() -> None:
    made = only(ann(a_key(age=90)))
    assert made.notice is not None

    item = notice_item("ann", made, made.notice, "the secret")

    assert (item.user, item.key_id, item.age, item.secret) == ("ann", "OLD", 90, "the secret")
    assert (item.disable_on, item.delete_on) == (on(10), on(20))
    assert (item.action, item.reason, item.next) == (made.action, made.reason, made.next)
    assert item.sentence == "it is 90 days old (RotationPeriod=90)"


def test_a_notice_that_promises_nothing_has_no_dates() -> None:
    made = only(ann(a_key(age=80)))
    assert made.notice is not None

    item = notice_item("ann", made, made.notice, None)

    assert (item.disable_on, item.delete_on) == (None, None)


def test_an_exempt_users_decision_says_so() -> None:
    made = only(ann(a_key(age=900), secret=a_secret(), exempt=True))

    assert (made.action, made.reason, made.sentence) == (
        Action.KEEP,
        Reason.EXEMPT,
        "its user is exempt",
    )
    assert made.overlays == {Overlay.EXEMPT}
    assert made.next is None
    assert made.age == 900
