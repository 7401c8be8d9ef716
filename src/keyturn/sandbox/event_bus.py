"""
EventBridge's PutEvents: what is put on a bus arrives in the queues of the rules that match.

moto delivers to rules that are disabled, to rules that have only a schedule, and
writes the time of an event into the event that its next target gets.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import uuid4

from moto.events.models import Rule, events_backends
from moto.events.utils import EventMessageType

from keyturn.sandbox.queues import Queues
from keyturn.sandbox.wire import Params, Refused, Request

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_ENTRIES_PER_CALL = 10
_REQUIRED = ("Source", "DetailType", "Detail")


class EventBus:
    """Answers the call that puts events on a bus; moto keeps buses, rules and targets."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def answers(self) -> Mapping[str, Callable[[Request], Params]]:
        """Name the calls that are answered here."""
        return {"PutEvents": self._put_events}

    def _put_events(self, request: Request) -> Params:
        entries = request.params["Entries"]
        if len(entries) > _ENTRIES_PER_CALL:
            raise Refused(
                "ValidationException",
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                "Member must have length less than or equal to 10",
            )
        results = [self._put_event(request, entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _put_event(self, request: Request, entry: Params) -> Params:
        for name in _REQUIRED:
            if not entry.get(name):
                message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        try:
            event = _event(request, entry)
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        bus_name = entry.get("EventBusName", "default").rsplit("/", 1)[-1]
        bus = events_backends[request.account][request.region].event_buses.get(bus_name)
        # An event for a bus that does not exist is accepted and lost:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
        for rule in bus.rules.values() if bus else []:
            if _is_for(rule, event):
                self._deliver(rule, event, request.at)
        return {"EventId": event["id"]}

    def _deliver(self, rule: Rule, event: EventMessageType, now: datetime) -> None:
        for target in rule.targets:
            if ":sqs:" not in target["Arn"] or "InputTransformer" in target:
                raise NotImplementedError("the sandbox delivers events to queues, as they are")
            group = target.get("SqsParameters", {}).get("MessageGroupId")
            self._queues.put(target["Arn"], json.dumps(event), now, group=group)


def _event(request: Request, entry: Params) -> EventMessageType:
    at = datetime.fromtimestamp(entry["Time"], UTC) if "Time" in entry else request.at
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": request.account,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": request.region,
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry["Detail"]),
    }


def _is_for(rule: Rule, event: EventMessageType) -> bool:
    has_pattern = bool(rule.event_pattern.get_pattern())  # else it has a schedule only
    return rule.state == "ENABLED" and has_pattern and rule.event_pattern.matches_event(event)
