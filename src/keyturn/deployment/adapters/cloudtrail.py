"""CloudTrail: which trails there are, and what goes into them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import Trail

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import GetEventSelectorsResponseTypeDef, TrailTypeDef

_LAMBDA = "AWS::Lambda::Function"


class AwsCloudTrail:
    """
    Meets `deployment.ports.CloudTrailStatus`.

    in_region: a client in that region, for a trail tells all of itself in its home region only.
    """

    def __init__(
        self, in_region: Callable[[str], "CloudTrailClient"], iam_region: str, function: str = ""
    ) -> None:
        """function: the ARN of the one whose invocations count."""
        self._in_region = in_region
        self._iam_region = iam_region
        self._function = function

    def trails(self) -> tuple[Trail, ...]:
        """The trails that cover this region."""
        with aws_errors_translated():
            found = self._in_region(self._iam_region).describe_trails(includeShadowTrails=True)
            return tuple(map(self._trail, found["trailList"]))

    def _trail(self, description: "TrailTypeDef") -> Trail:
        home, arn = description["HomeRegion"], description["TrailARN"]
        aws = self._in_region(home)
        everywhere = description.get("IsMultiRegionTrail", False)
        status, selectors = aws.get_trail_status(Name=arn), aws.get_event_selectors(TrailName=arn)
        is_near = everywhere or f":{home}:" in self._function
        return Trail(
            name=description["Name"],
            of_organization=description.get("IsOrganizationTrail", False),
            is_logging=status["IsLogging"],
            has_global_events=description.get("IncludeGlobalServiceEvents", False),
            has_writes=_has_writes(selectors),
            reaches_iam=everywhere or home == self._iam_region,
            logs_invocations=is_near and _has_invocations(selectors, self._function),
        )


def _has_writes(selectors: "GetEventSelectorsResponseTypeDef") -> bool:
    simple = any(
        each.get("IncludeManagementEvents") and each.get("ReadWriteType") in {"All", "WriteOnly"}
        for each in selectors.get("EventSelectors", [])
    )
    return simple or any(
        _takes_writes({one["Field"]: one for one in each["FieldSelectors"]})
        for each in selectors.get("AdvancedEventSelectors", [])
    )


def _takes_writes(fields: Any) -> bool:  # noqa: ANN401 -- by a field's name, of many kinds
    """Whether an advanced selector takes IAM's writes; one that is narrowed otherwise may not."""
    if "Management" not in fields.get("eventCategory", {}).get("Equals", []):
        return False
    if "true" in fields.get("readOnly", {}).get("Equals", []):
        return False
    source = fields.get("eventSource", {})
    iam = "iam.amazonaws.com"
    return iam not in source.get("NotEquals", []) and iam in source.get("Equals", [iam])


def _has_invocations(selectors: "GetEventSelectorsResponseTypeDef", function: str) -> bool:
    """Whether data events of the function go in; CloudTrail takes an invocation for a write."""
    simple = any(
        each.get("ReadWriteType") in {"All", "WriteOnly"}
        and any(
            resource.get("Type") == _LAMBDA
            # "arn:aws:lambda" stands for every function.
            and any(function == one or one.count(":") == 2 for one in resource.get("Values", []))  # noqa: PLR2004 -- as in the line above
            for resource in each.get("DataResources", [])
        )
        for each in selectors.get("EventSelectors", [])
    )
    return simple or any(
        _takes_invocations({one["Field"]: one for one in each["FieldSelectors"]}, function)
        for each in selectors.get("AdvancedEventSelectors", [])
    )


def _takes_invocations(fields: Any, function: str) -> bool:  # noqa: ANN401 -- as above
    """Whether an advanced selector does; one that is narrowed otherwise may not."""
    if fields.keys() - {"eventCategory", "resources.type", "resources.ARN", "readOnly"}:
        return False
    if _LAMBDA not in fields.get("resources.type", {}).get("Equals", []):
        return False
    if "true" in fields.get("readOnly", {}).get("Equals", []):
        return False
    named = fields.get("resources.ARN", {"StartsWith": [""]})
    begins = tuple(named.get("StartsWith", []))
    return function in named.get("Equals", []) or (bool(begins) and function.startswith(begins))
