"""What is known to break when an old key ends; what is unknown is no outage."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.key import LastUse
from keyturn.domain.key_usage import Fetched, KeyUsage, breaks, is_left_behind

NOW = datetime(2027, 3, 8, 4, tzinfo=UTC)
NEVER = LastUse(at=None)
YESTERDAY = LastUse(at=NOW - timedelta(days=1), service="s3", region="eu-central-1")
LEFT_BEHIND = KeyUsage(old=YESTERDAY, new=NEVER, fetched=Fetched(None))


def test_a_used_old_key_beside_a_new_one_that_nobody_fetched_or_used_breaks() -> None:
    assert is_left_behind(LEFT_BEHIND, NOW)
    assert breaks(LEFT_BEHIND, NOW)


@pytest.mark.parametrize(
    "known",
    [
        {"old": None},
        {"old": NEVER},
        {"old": LastUse(at=NOW - timedelta(days=7))},
        {"new": None},
        {"new": YESTERDAY},
    ],
)
def test_nobody_is_left_behind_by_what_is_unknown_or_unused(known: dict[str, object]) -> None:
    usage = replace(LEFT_BEHIND, **known)  # type: ignore[arg-type]  # as KeyUsage names them

    assert not is_left_behind(usage, NOW)
    assert not breaks(usage, NOW)


@pytest.mark.parametrize("fetched", [None, Fetched(date(2027, 3, 2))])
def test_whoever_fetched_the_new_key_may_be_at_work_with_it(fetched: Fetched | None) -> None:
    usage = replace(LEFT_BEHIND, fetched=fetched)

    assert is_left_behind(usage, NOW)
    assert not breaks(usage, NOW)


def test_without_a_look_nothing_is_known() -> None:
    assert not is_left_behind(None, NOW)
    assert not breaks(None, NOW)


@pytest.mark.parametrize(("hours", "used"), [(155, True), (157, False)])  # seven days, with slack
def test_a_key_is_in_use_for_a_week_after_its_use(hours: int, *, used: bool) -> None:
    old = LastUse(at=NOW - timedelta(hours=hours))

    assert is_left_behind(replace(LEFT_BEHIND, old=old), NOW) is used
