"""How long functions took, as Lambda tells CloudWatch."""

from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import Durations
from keyturn.domain.errors import Unavailable

_MEDIAN: Final = "p50"
_TOTAL: Final = "Sum"
_DAY: Final = 86_400


class CloudWatchDurations:
    """Meets `deployment.ports.FunctionDurations`."""

    def __init__(self, cloudwatch: Any) -> None:  # noqa: ANN401 -- boto3 makes the class at run time
        self._cloudwatch = cloudwatch

    def between(self, name: str, since: datetime, until: datetime) -> Durations | None:
        """How long the invocations of a function took that ended in this time."""
        with aws_errors_translated():
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=[_query(name, statistic) for statistic in (_MEDIAN, _TOTAL)],
                StartTime=since,
                EndTime=until,
            )
        found = {each["Id"]: each for each in answer.get("MetricDataResults", ())}
        medians, totals = (_values(found.get(each.lower())) for each in (_MEDIAN, _TOTAL))
        if not medians and not totals:
            return None
        if not medians or not totals:
            raise Unavailable("GetMetricData: half of an answer")
        # CloudWatch may cut the time in two at midnight; the longer median is the safe one.
        return Durations(
            median=timedelta(milliseconds=max(medians)),
            total=timedelta(milliseconds=sum(totals)),
        )


def _query(name: str, statistic: str) -> dict[str, object]:
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": name}],
    }
    return {
        "Id": statistic.lower(),
        "MetricStat": {"Metric": metric, "Period": _DAY, "Stat": statistic},
    }


def _values(result: Any) -> list[float]:  # noqa: ANN401 -- a part of boto3's answer
    """Milliseconds; raises Unavailable where they are not all, or none that time can take."""
    if result is None or result.get("StatusCode") != "Complete":
        raise Unavailable("GetMetricData: not all of an answer")
    values: list[float] = result.get("Values", [])
    if not all(isfinite(value) and value > 0 for value in values):
        raise Unavailable(f"GetMetricData: a duration of {min(values)} milliseconds")
    return values
