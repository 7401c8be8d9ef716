"""A report that takes several turns is the one that a single turn would make."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.adapters.local_evidence import LocalEvidence
from keyturn.domain.account_period import AccountPeriod
from keyturn.domain.errors import NoTimeLeft
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodReport
from keyturn.schemas.period_report import rows_of
from keyturn.use_cases import report_in_parts
from keyturn.use_cases.report_in_parts import ReportInParts, Unfinished
from keyturn.use_cases.report_period import PeriodAsked, ReportPeriod
from tests.report.a_week import DAYS, MONDAY, SUNDAY, a_week, aged
from tests.report.bucket import BOUGHT, LAB, SHOP, Bucket
from tests.report.many import KeptParts

PERIOD = Period.of(PeriodKind.WEEKLY, MONDAY)
NOW = datetime(2026, 5, 25, 6, tzinfo=UTC)
FOLDER = "reports/weekly/_parts/2026-W21/"


@pytest.fixture(autouse=True)
def one_account_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_in_parts, "AT_ONCE", 1)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    made, friday = a_week(tmp_path), DAYS[4]
    # A user with a way out: such a line has a rank besides.
    made.snapshot(LAB, friday, [aged(friday, "ci-probe", 20, 12, dry=True)], dry_run=True)
    return made


def at_once(bucket: Bucket) -> tuple[PeriodReport, str]:
    rows: list[str] = []
    report = reading(bucket).of(
        PeriodAsked(period=PERIOD, now=NOW), each=lambda each: rows.append(rows_of(each))
    )
    return report, "".join(rows)


def reading(bucket: Bucket) -> ReportPeriod:
    return ReportPeriod(evidence=LocalEvidence(bucket.root), workers=1)


def times(number: int) -> Callable[[], bool]:
    """Time for so many parts."""
    left = iter([True] * number)
    return lambda: next(left, False)


def turn(
    bucket: Bucket, kept: KeptParts, now: datetime, parts: int
) -> Unfinished | tuple[PeriodReport, str]:
    """A turn of the reporter with time for so many parts."""
    making = ReportInParts(reports=kept, report_period=reading(bucket))
    plan = making.plan(PERIOD, now)
    unfinished = making.go_on(plan, times(parts))
    if unfinished:
        return unfinished
    remarks: list[str] = []
    fold, rows = making.report_period.fold(plan, users_target=None), ""
    for account in making.accounts(plan, remarks.append):
        fold.add(account)
        rows += rows_of(account)
    return fold.report(remarks), rows


def test_in_three_turns_the_report_is_that_of_one(bucket: Bucket) -> None:
    whole, kept = at_once(bucket), KeptParts()

    first = turn(bucket, kept, NOW, 1)
    bucket.snapshot("111111111111", SUNDAY, [aged(SUNDAY, "late", 77, 99)])  # of no part of it
    bucket.put("exemptions.yaml", b"version: 1\nexemptions: []\n")
    second = turn(bucket, kept, NOW + timedelta(minutes=15), 1)
    third = turn(bucket, kept, NOW + timedelta(minutes=30), 1)

    assert (first, second) == (
        Unfinished(period=PERIOD, done=1, accounts=3),
        Unfinished(period=PERIOD, done=2, accounts=3),
    )
    assert third == whole


def test_a_part_reads_back_as_it_was_folded_with_every_field(bucket: Bucket) -> None:
    folding, kept = reading(bucket), KeptParts()
    plan = folding.plan(PERIOD, NOW)

    turn(bucket, kept, NOW, 3)

    back = list(ReportInParts(reports=kept, report_period=folding).accounts(plan, pytest.fail))
    assert back == list(folding.accounts(plan, [SHOP, LAB, BOUGHT]))
    shop, nothing = back[0], AccountPeriod(account=SHOP, name="")
    unset = {each.name for each in fields(nothing)} - {"account", "days_missing"}
    assert {name for name in unset if getattr(shop, name) == getattr(nothing, name)} <= {
        *("dry_run", "users_left", "users_with_two"),
    }


def test_two_turns_at_the_same_time_count_an_account_once(bucket: Bucket) -> None:
    whole, kept = at_once(bucket), KeptParts()
    making = ReportInParts(reports=kept, report_period=reading(bucket))
    plan = making.plan(PERIOD, NOW)

    def another_is_faster() -> bool:
        if f"{FOLDER}0000.json" not in kept.objects:
            turn(bucket, kept, NOW + timedelta(seconds=1), 1)
        return True

    assert making.go_on(plan, another_is_faster) is None
    assert turn(bucket, kept, NOW, 0) == whole


def test_a_part_that_has_gone_is_folded_again_and_one_that_is_broken_is_said(
    bucket: Bucket,
) -> None:
    whole, kept = at_once(bucket), KeptParts()
    turn(bucket, kept, NOW, 3)

    del kept.objects[f"{FOLDER}0001.json"]
    mended = turn(bucket, kept, NOW, 1)
    kept.objects[f"{FOLDER}0000.json"] = kept.objects[f"{FOLDER}0001.json"]
    broken = turn(bucket, kept, NOW, 1)

    assert mended == whole
    assert isinstance(broken, tuple)
    report, rows = broken
    assert not report.is_whole
    why = "was stored and cannot be read any more; not seen by that: 1 account"
    assert report.remarks == (f"{FOLDER}0000.json {why}",)
    assert report.figures["accounts_never"] == 2  # type: ignore[index]  # a StrEnum's own word
    assert report.figures["keys"] == 1  # type: ignore[index]  # likewise
    assert f"not_reached,{SHOP}" in rows


def test_a_turn_without_time_for_a_single_part_is_no_turn(bucket: Bucket) -> None:
    kept = KeptParts()

    with pytest.raises(NoTimeLeft, match="there was time for 0 of 3 accounts"):
        turn(bucket, kept, NOW, 0)

    assert list(kept.objects) == [f"{FOLDER}plan.json"]


@pytest.mark.parametrize(
    ("days_before", "since", "is_known"),
    [
        (0, MONDAY, False),
        (3, MONDAY - timedelta(days=3), True),
        (20, MONDAY - timedelta(days=20), True),
    ],
)
def test_a_key_that_is_held_up_since_before_the_time_has_its_true_date(
    tmp_path: Path, days_before: int, since: datetime, *, is_known: bool
) -> None:
    bucket = Bucket(tmp_path)
    for back in range(-6, days_before + 2 if days_before else 1):
        day = MONDAY - timedelta(days=back)
        overlays = ["BLOCKED"] if back <= days_before else []
        bucket.snapshot(SHOP, day, [aged(day, "held", 1, 120 - back, overlays=overlays)])

    report, _ = at_once(bucket)

    [line] = report.lists["blocked"].worst  # type: ignore[index]  # likewise
    assert (line.since, line.is_since_known) == (since, is_known)
