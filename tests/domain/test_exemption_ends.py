"""Exemptions that end: said, told once for each end; and ended, where that is switched on."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from keyturn.domain.decision import Action, Decision, Next, Overlay, Reason
from keyturn.domain.exemptions_file import Exemption, ExemptionEntry, Standing
from keyturn.domain.key import Act, Receipt, Unknown
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.removal import Removal, RemovalState
from tests.domain.world import a_key, a_secret, ago, ann, look, on, told

ENDS = "exemption-ends"


def exemption(standing: Standing, ends_in: int | None = None) -> Exemption:
    entry = None
    if ends_in is not None:
        entry = ExemptionEntry(
            line=3,
            account="1" * 12,
            user="ann",
            ticket="SEC-1",
            owner="erp@example.com",
            reason="x",
            expiry=on(ends_in),
        )
    return Exemption(standing=standing, entry=entry, why="WHY")


def decided(found: Exemption | None, *receipts: Receipt) -> list[Decision]:
    user = ann(a_key(age=500, told=list(receipts)), a_key("NEW", age=200))
    looked = look(replace(user, exempt=True, exemption=found))
    assert all(each.overlays == {Overlay.EXEMPT} for each in looked.decided.decisions)
    assert not looked.decided.writes
    return list(looked.decided.decisions)


def receipt(day: int, days_ago: int = 0) -> Receipt:
    return Receipt(step=ENDS, day=on(day), at=ago(days_ago))


@pytest.mark.parametrize(
    ("found", "reason", "sentence"),
    [
        (None, Reason.EXEMPT, "its user is exempt"),
        (
            exemption(Standing.VALID, 60),
            Reason.EXEMPT,
            f"its user is exempt until {on(60)} (SEC-1)",
        ),
        (
            exemption(Standing.UNKNOWN, -1),
            Reason.EXEMPT,
            "its user is exempt; until when is not known: WHY",
        ),
    ],
)
def test_who_is_exempt_for_longer_is_told_of_nothing(
    found: Exemption | None, reason: Reason, sentence: str
) -> None:
    for made in decided(found):
        assert (made.action, made.reason, made.sentence) == (Action.KEEP, reason, sentence)
        assert made.notice is None


@pytest.mark.parametrize(
    ("found", "reason", "day"),
    [
        (exemption(Standing.ENDING, 14), Reason.EXEMPTION_ENDING, 14),
        (exemption(Standing.ENDING, 3), Reason.EXEMPTION_ENDING, 14),
        (exemption(Standing.ENDED, -3), Reason.EXEMPTION_LAPSED, 14),
        (exemption(Standing.TOO_LONG, 300), Reason.EXEMPTION_LAPSED, 14),
        (exemption(Standing.MISSING), Reason.EXEMPTION_LAPSED, 14),
    ],
)
def test_an_end_is_told_once_on_behalf_of_the_oldest_key_fourteen_days_ahead(
    found: Exemption, reason: Reason, day: int
) -> None:
    first, second = decided(found)

    assert (first.action, first.reason, second.reason) == (Action.NOTICE, reason, reason)
    assert first.notice is not None
    assert (first.notice.step, first.notice.day, first.notice.promises) == (ENDS, on(day), {})
    assert (second.action, second.notice) == (Action.KEEP, None)
    told, _ = decided(found, receipt(day))
    assert (told.action, told.notice) == (Action.KEEP, None)


@pytest.mark.parametrize(
    ("ends_in", "told_of", "is_told"),
    [
        (10, -60, False),  # of the end before it was extended
        (10, 10, True),
        (10, 14, True),
        (-20, -6, True),
        (-50, -31, False),  # a month after what was said, it is said again
    ],
)
def test_a_new_end_is_a_new_notice(ends_in: int, told_of: int, *, is_told: bool) -> None:
    standing = Standing.ENDING if ends_in > 0 else Standing.ENDED

    first, _ = decided(exemption(standing, ends_in), receipt(told_of, 1))

    assert (first.notice is None) is is_told


ENDING = replace(RotationPolicy(), end_exemptions=True)
MISSING = exemption(Standing.MISSING)


def removal(day: int, days_ago: float) -> Receipt:
    return Receipt(step=f"{ENDS}-removal", day=on(day), at=ago(days_ago))


def removed(days_ago: float, state: RemovalState = RemovalState.DONE) -> Removal:
    return Removal(
        account="1" * 12,
        user="ann",
        user_id="AIDA1",
        group="Exempt",
        run="run",
        at=ago(days_ago),
        state=state,
    )


def ended(
    *receipts: Receipt,
    found: Exemption = MISSING,
    otherwise: datetime | Unknown | None = None,
    taken_out: Removal | Unknown | None = None,
    policy: RotationPolicy = ENDING,
) -> Decision:
    user = ann(a_key(age=500, told=list(receipts)), a_key("NEW", age=200))
    user = replace(user, exempt=True, exemption=found, otherwise=otherwise, removal=taken_out)
    first, second = look(user, policy).decided.decisions
    assert (second.action, second.reason) in {
        (Action.KEEP, Reason.EXEMPTION_LAPSED),
        (Action.KEEP, Reason.EXEMPTION_ENDING),
    }
    return first


@pytest.mark.parametrize(
    ("told", "action"),
    [
        ([], Action.NOTICE),
        ([removal(0, 14)], Action.END_EXEMPTION),
        ([removal(0, 13)], Action.KEEP),
        ([removal(1, 14)], Action.KEEP),
        ([removal(-30, 44)], Action.END_EXEMPTION),
        ([removal(-31, 45)], Action.NOTICE),  # a month after its day, it is told anew
        ([receipt(0, 14)], Action.NOTICE),  # it named no removal
        ([receipt(0, 14), removal(9, 5)], Action.KEEP),
    ],
)
def test_a_member_is_removed_on_the_day_that_a_notice_named_for_it(
    told: list[Receipt], action: Action
) -> None:
    made = ended(*told)

    assert made.action is action
    if action is Action.NOTICE:
        assert made.notice is not None
        assert (made.notice.step, made.notice.day) == (f"{ENDS}-removal", on(14))
        assert made.next == Next(Action.END_EXEMPTION, on(14))
    if action is Action.KEEP:
        assert made.next == Next(Action.END_EXEMPTION, max(told[-1].day, on(1)))
    if action is Action.END_EXEMPTION:
        assert made.reason is Reason.EXEMPTION_OVER
        assert made.overlays == {Overlay.EXEMPT}


@pytest.mark.parametrize(
    ("found", "is_over"),
    [
        (exemption(Standing.ENDED, 0), True),
        (exemption(Standing.TOO_LONG, 300), True),
        (exemption(Standing.UNKNOWN, -1), False),
        (exemption(Standing.VALID, 60), False),
        (exemption(Standing.ENDING, 1), False),
    ],
)
def test_only_whose_exemption_surely_lapsed_is_removed(found: Exemption, *, is_over: bool) -> None:
    user = ann(a_key(age=500, told=[removal(0, 14)]))
    user = replace(user, exempt=True, exemption=found, otherwise=None)

    made = look(user, ENDING)["OLD"]

    assert (made.action is Action.END_EXEMPTION) is is_over


def test_without_the_option_nobody_is_removed_and_what_announced_it_is_enough() -> None:
    assert ended(removal(0, 14), policy=RotationPolicy()).action is Action.KEEP


@pytest.mark.parametrize(
    ("otherwise", "taken_out", "action"),
    [
        (ago(15), None, Action.END_EXEMPTION),
        (ago(13), None, Action.NOTICE),
        (Unknown("AccessDenied"), None, Action.KEEP),
        (None, removed(20), Action.END_EXEMPTION),
        (None, removed(1), Action.NOTICE),
        (None, removed(1, RemovalState.BEGUN), Action.NOTICE),
        (None, removed(1, RemovalState.REFUSED), Action.END_EXEMPTION),
        (None, Unknown("AccessDenied"), Action.KEEP),
    ],
)
def test_whose_lapse_was_interrupted_since_the_notice_is_warned_anew(
    otherwise: datetime | Unknown | None, taken_out: Removal | Unknown | None, action: Action
) -> None:
    made = ended(removal(0, 14), otherwise=otherwise, taken_out=taken_out)

    assert made.action is action
    if action is Action.KEEP:
        assert made.sentence.endswith("so it stays in the group (AccessDenied)")


@pytest.mark.parametrize("state", list(RemovalState))
def test_what_was_announced_before_a_removal_ends_no_key_after_it(state: RemovalState) -> None:
    at = partial(told, disable=0, delete=10)
    user = ann(a_key(age=137, told=[at(20)]), a_key("NEW", age=30), secret=a_secret("NEW"))
    assert look(user)["OLD"].action is Action.DISABLE

    made = look(replace(user, removal=removed(1, state)))["OLD"]

    assert (made.action, made.reason) == (Action.NOTICE, Reason.DATES_NOT_NOTICED)
    assert made.promises[Act.DISABLE] == on(10)


def test_unreadable_receipts_are_no_reason_to_tell_it_daily() -> None:
    user = ann(replace(a_key(age=500), receipts=Unknown("AccessDenied")))
    user = replace(user, exempt=True, exemption=exemption(Standing.MISSING))

    made = look(user)["OLD"]

    assert (made.action, made.notice) == (Action.KEEP, None)
