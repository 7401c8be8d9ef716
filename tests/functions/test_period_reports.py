"""The reports of weeks and months: made once by the reporter, mailed once, kept as they are."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from jsonschema import validate

from keyturn.domain.errors import AlreadyThere, InvalidValue, KeyturnError, NoTimeLeft
from keyturn.schemas.report_due import read_report_due
from keyturn.use_cases import report_in_parts
from keyturn_sandbox.simulation.deployment import ADMIN, BUCKET, PREFIX
from tests.report.bucket import block_of, rows, said
from tests.schemas import SCHEMAS
from tests.use_cases.harness import HUB, START, Clock, Harness

WEEKLY = {"report": "weekly"}
PAGE = {"report": "page", "users_target": "1@2026-03-31"}
MONDAY = START + timedelta(days=7, hours=2)
FOLDER = f"{PREFIX}/reports/weekly/date=2026-03-09/2026-W10/"


@pytest.fixture
def stage(stage: Harness) -> Harness:
    """A first day with an overdue key, an exempt one and one that was rotated; then a week."""
    stage.user("ann", 95)
    stage.user("printer", 200)
    stage.exempt("printer")
    stage.take_inventory()
    stage.rotate_queued()
    stage.cloud.move_to(MONDAY)
    return stage


def stored(stage: Harness) -> dict[str, bytes]:
    return {
        name.removeprefix(FOLDER): body
        for name, body in stage.cloud.objects(BUCKET).items()
        if name.startswith(FOLDER)
    }


def entries_of(params: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- as boto3 took them
    entries: list[dict[str, Any]] = params["Entries"]
    return entries


def mails(stage: Harness) -> list[Any]:
    return [mail for mail in stage.cloud.sent_mails if "week 2026-W10" in mail.subject]


def test_a_week_is_reported_once_mailed_once_and_kept(stage: Harness) -> None:
    first = stage.report(WEEKLY)
    kept = stored(stage)
    try:
        again = stage.report(WEEKLY)
    except AlreadyThere:
        pytest.fail("a turn makes a report that is stored anew")
    stage.tell()

    assert (first, again) == ({"made": ["2026-W10"], "waits": {}}, {"made": [], "waits": {}})
    assert stored(stage) == kept
    report = json.loads(kept["report.json"])
    validate(report, SCHEMAS["period-report"]())
    assert report["csv"] == f"{FOLDER}report.csv"
    assert b",printer," in kept["report.csv"]
    [mail] = mails(stage)
    assert list(mail.to) == [ADMIN]
    text = " ".join(mail.text.split())
    assert "NOT EVERYTHING WAS SEEN" in text
    assert "KEYS PAST THEIR AGE IN THE EXEMPTION GROUP: 1" in text
    assert f"s3://{BUCKET}/{FOLDER}report.csv" in text


def test_broken_off_before_the_bus_the_next_turn_publishes_what_is_stored(stage: Harness) -> None:
    stage.report(WEEKLY)
    kept = stored(stage)
    client = stage.cloud.session(HUB).client("s3")
    client.put_bucket_policy(Bucket=BUCKET, Policy='{"Version": "2012-10-17", "Statement": []}')
    client.delete_object(Bucket=BUCKET, Key=f"{FOLDER}published.json")
    stage.user("late", 300)
    stage.cloud.move_to(MONDAY + timedelta(days=1))

    again = stage.report(WEEKLY)
    stage.tell()

    assert again["made"] == ["2026-W10"]
    assert stored(stage) == kept
    assert len(mails(stage)) == 1


def test_without_time_for_all_accounts_nothing_is_stored(stage: Harness) -> None:
    with pytest.raises(NoTimeLeft):
        stage.report(WEEKLY, context=Clock(lambda: timedelta(minutes=1)))

    assert stored(stage) == {}
    assert stage.report(WEEKLY)["made"] == ["2026-W10"]


def test_what_does_not_fit_a_turn_goes_on_in_the_next_and_nothing_stored_is_replaced(
    stage: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_in_parts, "AT_ONCE", 1)
    s3 = stage.cloud.session(HUB).client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}report.csv", Body=b"of a turn that broke off")
    left = iter([timedelta(minutes=15)])

    first = stage.report(WEEKLY, context=Clock(lambda: next(left, timedelta(minutes=1))))
    unfinished = stored(stage)
    second = stage.report(WEEKLY)

    assert first == {"made": [], "waits": {"2026-W10": "1 of 3 accounts are folded"}}
    assert list(unfinished) == ["report.csv"]
    assert second["made"] == ["2026-W10"]
    kept = stored(stage)
    report = json.loads(kept["report.json"])
    assert report["figures"]["accounts_listed"]["value"] == 3
    assert kept["report.csv"] == b"of a turn that broke off"
    assert report["csv"] == f"{FOLDER}report-{report['sha256'][report['csv']][:12]}.csv"
    assert report["sha256"] == {
        f"{FOLDER}{each}": sha256(body).hexdigest()
        for each, body in kept.items()
        if each not in {"report.csv", "report.json", "published.json"}
    }


def test_the_page_of_the_day_before_is_made_once_and_the_weeks_mail_links_it(
    stage: Harness,
) -> None:
    none_yet = stage.report(PAGE)
    stage.cloud.move_to(MONDAY - timedelta(days=1))
    stage.take_inventory()
    stage.rotate_queued()
    stage.cloud.move_to(MONDAY)

    made, again = stage.report(PAGE), stage.report(PAGE)
    stage.report(WEEKLY)
    stage.tell()

    assert "no snapshot of 2026-03-08 is stored there" in none_yet["waits"]["page"]
    assert (made, again) == (
        {"made": ["2026-03-08"], "waits": {}},
        {"made": [], "waits": {}},
    )
    objects = stage.cloud.objects(BUCKET)
    folder = f"{PREFIX}/reports/page/date=2026-03-09/2026-03-08/"
    record = json.loads(objects[f"{folder}page.json"])
    page = objects[record["page"]]
    assert record["sha256"] == sha256(page).hexdigest()
    block = block_of(page.decode())
    assert said(block, rows(block, "users")[0]["name"]) == "ann"
    assert "IAM users, target 1 by 2026-03-31" in block["target"]["says"]
    assert json.loads(stored(stage)["report.json"])["fleet"] == record["page"]
    [mail] = mails(stage)
    assert f"s3://{BUCKET}/{folder}page.html" in " ".join(mail.text.split())


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        ({"report": "yearly"}, "report 'yearly'|must be one of weekly, monthly"),
        ({"report": ["monthly"]}, "must be one of weekly, monthly"),
        ({"report": {}}, "must be one of weekly, monthly"),
        (
            {"report": "monthly", "users_target": "many"},
            "must be a number of users, or with its day",
        ),
        ({"report": "page", "users_target": "many"}, "must be a number of users"),
        ({"report": "monthly", "users_target": -1}, "must be a number of users, or with its day"),
    ],
)
def test_what_a_rule_asks_for_is_checked(stage: Harness, event: dict[str, Any], rule: str) -> None:
    with pytest.raises(KeyturnError, match=rule):
        stage.report(event)


def test_a_month_knows_the_target_that_the_template_hands_over(stage: Harness) -> None:
    stage.cloud.move_to(START + timedelta(days=30, hours=2))

    stage.report({"report": "monthly", "users_target": "1"})

    [body] = [
        b for n, b in stage.cloud.objects(BUCKET).items() if n.endswith("2026-03/report.json")
    ]
    figures = json.loads(body)["figures"]
    assert (figures["users"]["value"], figures["users_above_target"]["value"]) == (2, 1)


def test_the_notifier_refuses_a_report_that_is_none_of_ours(stage: Harness) -> None:
    stage.report(WEEKLY)
    [entry] = [
        entry
        for call in stage.ours()
        if call.operation == "PutEvents"
        for entry in entries_of(call.params)
        if '"report"' in entry["Detail"]
    ]
    detail = json.loads(entry["Detail"])
    event = {"account": HUB, "source": entry["Source"], "detail": detail}
    wrong: list[dict[str, Any]] = [
        {**event, "account": "999999999999"},
        {**event, "detail": {"report": {**detail["report"], "first": "2026-03-03"}}},
        {**event, "detail": {"report": {**detail["report"], "figures": {"keys": "many"}}}},
        {**event, "detail": {"report": {**detail["report"], "made": "2030-01-01T00:00:00Z"}}},
        {**event, "detail": {"report": {**detail["report"], "csv": "a b"}}},
    ]

    assert read_report_due(event, own_account=HUB, now=MONDAY).period.name == "2026-W10"
    for each in wrong:
        with pytest.raises(InvalidValue):
            read_report_due(each, own_account=HUB, now=MONDAY)
