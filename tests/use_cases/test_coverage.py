"""Which accounts had no run, as the snapshots of the others tell."""

from datetime import UTC, date, datetime, timedelta

import pytest

from keyturn.domain.errors import Denied, InvalidValue
from keyturn.domain.key import Account
from keyturn.use_cases.coverage import NotReached, not_reached
from keyturn.use_cases.inventory import Inventory
from tests.fakes import FakeCoverage

NOW = datetime(2026, 3, 4, 5, tzinfo=UTC)
TODAY, YESTERDAY, BEFORE = (date(2026, 3, day) for day in (4, 3, 2))
A, B, C = "111111111111", "222222222222", "333333333333"
SECOND = timedelta(seconds=1)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def inventory(**joined: datetime) -> Inventory:
    return Inventory(
        accounts=tuple(Account(id=each) for each in (A, B, C)),
        skipped=((Account(id="4" * 12), "it is SUSPENDED"), (Account(id="5" * 12), "excluded")),
        joined={{"a": A, "b": B, "c": C}[name]: moment for name, moment in joined.items()},
    )


def missing(
    days: dict[date, set[str]], found: Inventory | None = None, now: datetime = NOW
) -> tuple[str, ...] | None:
    answer = not_reached(lambda: FakeCoverage(days=days), found or inventory(), now)
    return None if answer is None else answer.accounts


@pytest.mark.parametrize("days", [{}, {TODAY: {A}}])
def test_before_the_first_whole_day_nobody_is_missed(days: dict[date, set[str]]) -> None:
    assert missing(days) is None


def test_whoever_has_a_snapshot_of_yesterday_was_reached() -> None:
    assert missing({YESTERDAY: {A, B, C}}) == ()


def test_one_without_is_missed_and_who_is_skipped_is_not() -> None:
    assert missing({YESTERDAY: {A, C}}) == (B,)


def test_runs_over_one_account_make_up_for_no_other() -> None:
    assert missing({BEFORE: {A, B, C}, YESTERDAY: {A}, TODAY: {A}}) == (B, C)


def test_all_are_missed_after_a_day_without_a_run_and_after_two() -> None:
    assert missing({BEFORE: {A, B, C}}) == (A, B, C)
    assert missing({date(2026, 3, 1): {A, B, C}}) == (A, B, C)


def test_who_waited_beyond_midnight_was_reached() -> None:
    late = datetime(2026, 3, 4, 23, 45, tzinfo=UTC)

    assert missing({YESTERDAY: {A, B}, TODAY: {C}}, now=late) == ()


@pytest.mark.parametrize(
    ("joined", "expected"),
    [(MIDNIGHT - SECOND, (B,)), (MIDNIGHT, ()), (NOW, ())],
    ids=["just before yesterday", "as yesterday began", "now"],
)
def test_a_new_account_is_missed_once_it_could_have_been_reached(
    joined: datetime, expected: tuple[str, ...]
) -> None:
    assert missing({YESTERDAY: {A, C}}, inventory(b=joined)) == expected


@pytest.mark.parametrize("method", ["has_before", "accounts_of"])
def test_where_nobody_can_tell_it_is_all_but_the_new(method: str) -> None:
    denied = Denied("s3:ListBucket")
    coverage = FakeCoverage(refuses={method: denied}, days={YESTERDAY: {A, B, C}})

    found = not_reached(lambda: coverage, inventory(b=NOW), NOW)

    assert found == NotReached(accounts=(A, C), unknown=denied)


def test_a_bucket_that_is_not_set_is_no_quiet_day() -> None:
    unset = InvalidValue("S3BucketName", "", "is needed here and not set")

    def connect() -> FakeCoverage:
        raise unset

    assert not_reached(connect, inventory(), NOW) == NotReached(accounts=(A, B, C), unknown=unset)
