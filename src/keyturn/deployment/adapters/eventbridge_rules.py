"""EventBridge's rules, read and never written to."""

from typing import TYPE_CHECKING, Any

from keyturn.adapters.aws_errors import aws_errors_translated

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class EventBridgeRules:
    """Meets `deployment.ports.EventRules`."""

    def __init__(self, events: "EventBridgeClient") -> None:
        self._events = events

    def is_enabled(self, name: str, bus: str | None) -> bool:
        """Whether the rule is enabled."""
        where: Any = {"EventBusName": bus} if bus else {}
        with aws_errors_translated():
            return self._events.describe_rule(Name=name, **where)["State"] != "DISABLED"

    def targets(self, name: str) -> tuple[str, ...]:
        """Where a rule of the default bus sends to; it has five targets at most, so one page."""
        with aws_errors_translated():
            found = self._events.list_targets_by_rule(Rule=name)["Targets"]
        return tuple(each["Arn"] for each in found)
