"""The alarms and the dashboard: every number of them, and that somebody says what they watch."""

import json
import re
from datetime import timedelta
from typing import Any, Final, NamedTuple

import pytest

from keyturn.functions.metrics import METRICS, NAMESPACE, OVERDUE_AFTER
from keyturn.use_cases.day_over import AT_LATEST
from tests.cloudformation.stacks import ALARMS, CHANNELS, CORE, REPORTS, ROOT, SECURITY, Stack

HOUR, DAY = 3600, 24 * 3600
ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
QUIET, ALARMING = "notBreaching", "breaching"

ROTATION = {"FunctionName": "ASA-IAM-Access-Key-Rotation-Function"}
RUNS, NOTICES = {"QueueName": "asa-iam-key-rotation.fifo"}, {"QueueName": "asa-iam-key-notices"}
DEAD_RUNS = {"QueueName": "asa-iam-key-rotation-dead.fifo"}
DEAD_NOTICES = {"QueueName": "asa-iam-key-notices-dead"}
UNDELIVERED = {"QueueName": "asa-iam-key-undelivered"}
BY_ROTATION, BY_NOTIFIER = {"service": "key-rotation"}, {"service": "key-notifier"}
BY_INVENTORY = {"service": "account-inventory"}
BY_REPORTER = {"service": "key-reporter"}


class Watch(NamedTuple):
    """What an alarm watches, and when it goes off."""

    namespace: str
    metric: str
    of: dict[str, str]
    statistic: str
    period: int
    periods: int
    breaching: int
    """So many of the periods must be over the threshold."""
    comparison: str
    threshold: object
    missing: str


def lambdas(metric: str, statistic: str, periods: int, threshold: int) -> Watch:
    return Watch(
        *("AWS/Lambda", metric, ROTATION, statistic, HOUR, periods, 1, ABOVE, threshold, QUIET)
    )


def queue(metric: str, of: dict[str, str], threshold: int) -> Watch:
    return Watch("AWS/SQS", metric, of, "Maximum", 300, 1, 1, ABOVE, threshold, QUIET)


def within_a_day(metric: str, of: dict[str, str], statistic: str = "Sum") -> Watch:
    return Watch(NAMESPACE, metric, of, statistic, HOUR, 24, 1, ABOVE, 0, QUIET)


def never_for_26_hours(metric: str, of: dict[str, str]) -> Watch:
    return Watch(NAMESPACE, metric, of, "Sum", HOUR, 26, 26, BELOW, 1, ALARMING)


WATCHED: Final = {
    "RotationErrors": lambdas("Errors", "Sum", 24, 0),
    "RotationDuration": lambdas("Duration", "Maximum", 1, 450_000),
    "RotationThrottles": lambdas("Throttles", "Sum", 1, 0),
    "DeadRotations": queue("ApproximateNumberOfMessagesVisible", DEAD_RUNS, 0),
    "DeadNotices": queue("ApproximateNumberOfMessagesVisible", DEAD_NOTICES, 0),
    "Undelivered": queue("ApproximateNumberOfMessagesVisible", UNDELIVERED, 0),
    "RotationQueueAge": queue("ApproximateAgeOfOldestMessage", RUNS, 12 * HOUR),
    "NoticesAge": queue("ApproximateAgeOfOldestMessage", NOTICES, 12 * HOUR),
    "NoInventory": never_for_26_hours("InventoryCompleted", BY_INVENTORY),
    "NoCompletedRun": never_for_26_hours("RunCompleted", BY_ROTATION),
    "AccountsFailed": within_a_day("AccountsFailed", BY_ROTATION),
    "AccountsNotReached": within_a_day("AccountsNotReached", BY_INVENTORY, "Maximum"),
    "KeysOverdue": within_a_day("KeysOverdue", BY_ROTATION),
    "KeysLeaked": within_a_day("KeysLeaked", BY_ROTATION),
    "KeysContested": within_a_day("KeysContested", BY_ROTATION),
    "KeysOverCap": within_a_day("KeysOverCap", BY_ROTATION),
    "QuarantinedKeys": within_a_day("QuarantinedKeys", BY_ROTATION),
    "Restorations": Watch(
        *(NAMESPACE, "KeysRestored", BY_ROTATION, "Sum", DAY, 1, 1, ABOVE, "3", QUIET)
    ),
    "ManyRestored": Watch(
        *(NAMESPACE, "KeysRestored", BY_ROTATION, "Sum", DAY, 1, 1, ABOVE, "10", QUIET)
    ),
    "Paused": within_a_day("Paused", BY_ROTATION, "Maximum"),
    "RunsDropped": within_a_day("RunsDropped", BY_ROTATION),
    "NotTold": within_a_day("NotTold", BY_NOTIFIER),
    "AdminUnreachable": within_a_day("AdminUnreachable", BY_NOTIFIER),
    "KeysReachNobody": within_a_day("KeysReachNobody", BY_ROTATION),
    "EventsDropped": within_a_day("EventsDropped", BY_NOTIFIER),
    "BrokenTemplate": within_a_day("TemplateBroken", BY_NOTIFIER),
    "ExemptionGroup": Watch(
        *(NAMESPACE, "ExemptionsAdded", BY_NOTIFIER, "Sum", 300, 1, 1, ABOVE, 0, QUIET)
    ),
    "ExemptionFound": Watch(
        *(NAMESPACE, "ExemptionsFound", BY_ROTATION, "Sum", 300, 1, 1, ABOVE, 0, QUIET)
    ),
    "NoDigest": Watch(
        *(NAMESPACE, "DigestsPublished", BY_REPORTER, "Sum", HOUR, 32, 32, BELOW, 1, ALARMING)
    ),
}
"""Every alarm, by its name without `Keyturn-`."""

ALL = Stack(name=ALARMS, given={"AdminDigest": "Daily"}).of_type("AWS::CloudWatch::Alarm")
OF_SHARES = {logical: each for logical, each in ALL.items() if "Metrics" in each}
"""Those of more than one metric: test_breaker.py."""
MADE = {logical: each for logical, each in ALL.items() if logical not in OF_SHARES}
OF_CHANNELS = Stack(name=CHANNELS).of_type("AWS::CloudWatch::Alarm")
OF_REPORTS = Stack(name=REPORTS).of_type("AWS::CloudWatch::Alarm")


def watch(made: dict[str, Any]) -> Watch:
    """What the template says of an alarm; without DatapointsToAlarm all periods have to breach."""
    return Watch(
        namespace=made["Namespace"],
        metric=made["MetricName"],
        of={each["Name"]: each["Value"] for each in made["Dimensions"]},
        statistic=made["Statistic"],
        period=made["Period"],
        periods=made["EvaluationPeriods"],
        breaching=made.get("DatapointsToAlarm", made["EvaluationPeriods"]),
        comparison=made["ComparisonOperator"],
        threshold=made["Threshold"],
        missing=made["TreatMissingData"],
    )


@pytest.mark.parametrize("logical", MADE)
def test_an_alarm_watches_what_it_says_and_goes_off_when_it_should(logical: str) -> None:
    name = MADE[logical]["AlarmName"].removeprefix("Keyturn-")

    assert watch(MADE[logical]) == WATCHED[name]


def test_everything_that_must_be_watched_is() -> None:
    assert [each["AlarmName"] for each in MADE.values()] == [f"Keyturn-{name}" for name in WATCHED]


def test_every_alarm_is_whole() -> None:
    """Nothing that would change what it watches, and everything that it needs."""
    fixed = {"AlarmName", "AlarmDescription", "AlarmActions", "Dimensions", "DatapointsToAlarm"}
    fixed |= {"Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold"}
    fixed |= {"ComparisonOperator", "TreatMissingData"}

    for each in MADE.values():
        assert set(each) | {"DatapointsToAlarm"} == fixed
        assert len(each["AlarmDescription"]) > 40


@pytest.mark.parametrize("name", [n for n, each in WATCHED.items() if each.namespace == NAMESPACE])
def test_somebody_emits_what_is_watched(name: str) -> None:
    each = WATCHED[name]

    assert each.of == {"service": METRICS[each.metric].service}


@pytest.mark.parametrize(
    ("dimension", "kind", "property_"),
    [
        ("FunctionName", "AWS::Lambda::Function", "FunctionName"),
        ("QueueName", "AWS::SQS::Queue", "QueueName"),
    ],
)
def test_an_alarm_names_what_the_core_stack_makes(
    dimension: str, kind: str, property_: str
) -> None:
    made = {each[property_] for each in Stack(name=CORE).of_type(kind).values()}
    named = {each.of[dimension] for each in WATCHED.values() if dimension in each.of}

    assert named <= made
    # Of dead letters any is an alarm; of the others one that is old.
    assert dimension != "QueueName" or named == made


def test_every_alarm_reaches_the_admin_by_the_core_stacks_topic() -> None:
    core = Stack(name=CORE)
    [topic] = core.of_type("AWS::SNS::Topic").values()

    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "security-ops@example.com"}]
    for alarm in ALL.values():
        assert alarm["AlarmActions"] == [f"arn:aws:sns:us-east-1:{SECURITY}:{topic['TopicName']}"]


def test_half_of_the_time_out_is_too_long() -> None:
    seconds = Stack(name=CORE).of_type("AWS::Lambda::Function")["RotationFunction"]["Timeout"]

    assert WATCHED["RotationDuration"].threshold == seconds * 1000 / 2


def test_the_number_of_restorations_is_the_operators() -> None:
    given = Stack(name=ALARMS, given={"RestorationsPerDay": "40"})

    assert given.resources["RestorationsAlarm"]["Properties"]["Threshold"] == "40"


def test_an_overdue_key_is_two_weeks_past_its_end() -> None:
    assert OVERDUE_AFTER == 14
    assert f"{OVERDUE_AFTER} days" in MADE["KeysOverdueAlarm"]["AlarmDescription"]


@pytest.mark.parametrize("name", [n for n, each in WATCHED.items() if each.periods > 1])
def test_cloudwatch_looks_back_so_far(name: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    each = WATCHED[name]

    assert each.period * each.periods <= (7 if each.period >= HOUR else 1) * DAY


def test_every_alarm_stands_in_the_manual() -> None:
    text = (ROOT / "docs" / "templates.md").read_text()

    assert re.findall(r"^\| `(Keyturn-\w+)` \|", text, re.MULTILINE) == [
        each["AlarmName"] for each in (*ALL.values(), *OF_CHANNELS.values(), *OF_REPORTS.values())
    ]


def test_the_channels_alarms_watch_their_own_metrics_and_dead_letters() -> None:
    watched = {
        each["AlarmName"].removeprefix("Keyturn-"): watch(each) for each in OF_CHANNELS.values()
    }
    dead = watched.pop("DeadChannels")
    names = {
        each["QueueName"] for each in Stack(name=CHANNELS).of_type("AWS::SQS::Queue").values()
    }

    assert dead == queue("ApproximateNumberOfMessagesVisible", dead.of, 0)
    assert dead.of["QueueName"] in names
    assert watched == {
        name: within_a_day(name, {"service": METRICS[name].service}) for name in watched
    }
    assert {METRICS[name].service for name in watched} == {"key-channels"}
    # Who is unknown to a channel has the mail: that is no alarm.
    assert set(watched) == {
        name
        for name, metric in METRICS.items()
        if metric.service == "key-channels"
        and name.endswith(("NotSent", "Off", "Dropped", "Incomplete"))
    }


def test_the_dashboard_shows_metrics_that_are_emitted() -> None:
    body = json.loads(Stack(name=ALARMS).resources["Dashboard"]["Properties"]["DashboardBody"])
    shown = set()
    for widget in body["widgets"]:
        before: list[Any] = []
        for row in widget["properties"]["metrics"]:
            namespace, name, dimension, service, *_ = (
                before[at] if cell == "." else cell for at, cell in enumerate(row)
            )
            before = [namespace, name, dimension, service]
            assert (namespace, dimension) == (NAMESPACE, "service")
            assert METRICS[name].service == service
            shown.add(name)

    assert {each for each in METRICS if each.startswith(("Keys", "Actions", "Accounts"))} <= shown
    assert {"OldestKeyAge", "AverageKeyAge", "Failures", "NotTold"} <= shown


def test_the_reports_alarm_watches_that_it_works() -> None:
    watched = {
        each["AlarmName"].removeprefix("Keyturn-"): watch(each) for each in OF_REPORTS.values()
    }
    [made] = Stack(name=REPORTS).of_type("AWS::Lambda::Function").values()
    of_function = {"FunctionName": made["FunctionName"]}

    assert watched == {
        "ReporterErrors": Watch(
            *("AWS/Lambda", "Errors", of_function, "Sum", 3 * HOUR, 1, 1, ABOVE, 1, QUIET)
        ),
    }


def test_that_no_digest_comes_is_watched_where_there_is_to_be_one_whoever_makes_it() -> None:
    """The latest digest comes six hours later than the earliest of the day before."""
    without = Stack(name=ALARMS).of_type("AWS::CloudWatch::Alarm")

    assert ALL.keys() - without.keys() == {"NoDigestAlarm"}
    assert timedelta(hours=32) > timedelta(days=1) + AT_LATEST


def test_the_price_in_the_manual_counts_the_alarms_that_are_made_by_default() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| dashboard, alarms |"))
    _, _, number, _, price, _ = (cell.strip() for cell in row.split("|"))

    made = len(ALL) + len(OF_REPORTS)
    assert number == f"1, {made}"
    assert price == f"{3 + 0.1 * made:.2f}"


def test_the_readme_counts_functions_and_templates_as_there_are() -> None:
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    with_functions = (CORE, CHANNELS, REPORTS)
    functions = [Stack(name=each).of_type("AWS::Lambda::Function") for each in with_functions]
    templates = list((ROOT / "CloudFormation").glob("*.yaml"))

    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"{words[sum(map(len, functions))]} Lambda functions" in readme
    assert f"{words[len(templates)]} CloudFormation templates" in readme
