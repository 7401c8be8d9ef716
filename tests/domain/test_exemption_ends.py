"""Exemptions that end: said, told once for each end, and of no other consequence."""

from dataclasses import replace

import pytest

from keyturn.domain.decision import Action, Decision, Overlay, Reason
from keyturn.domain.exemptions_file import Exemption, ExemptionEntry, Standing
from keyturn.domain.key import Receipt, Unknown
from tests.domain.world import a_key, ago, ann, look, on

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


def test_unreadable_receipts_are_no_reason_to_tell_it_daily() -> None:
    user = ann(replace(a_key(age=500), receipts=Unknown("AccessDenied")))
    user = replace(user, exempt=True, exemption=exemption(Standing.MISSING))

    made = look(user)["OLD"]

    assert (made.action, made.notice) == (Action.KEEP, None)
