"""
EventBridge's PutEvents: what is put on a bus arrives in the queues of the rules that match.

moto (5.2.5) delivers to rules that are disabled and to rules that have only a schedule, leaves the
account out of an event, takes events in AWS's own name, refuses what is put on a bus that is not
there, and finds no bus of another account. docs/decisions/0032 has the whole list.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.events.models import Rule, events_backends
from moto.events.utils import EventMessageType

from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params
from keyturn_sandbox.emulator.queues import Queues

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_ENTRIES_PER_CALL = 10
_REQUIRED = ("Source", "DetailType", "Detail")


class EventBus:
    """Answers the call that puts events on a bus; moto keeps buses, rules and targets."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {"PutEvents": self._put_events}

    def _put_events(self, request: ApiRequest) -> Params:
        entries = request.params["Entries"]
        if len(entries) > _ENTRIES_PER_CALL:
            raise ApiError(
                "ValidationException",
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                "Member must have length less than or equal to 10",
            )
        results = [self._put_event(request, entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _put_event(self, request: ApiRequest, entry: Params) -> Params:
        for name in _REQUIRED:
            if not entry.get(name):
                message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        if entry["Source"].startswith("aws."):
            # API_PutEventsRequestEntry.html: only AWS's own services are such a source.
            code = "NotAuthorizedForSourceException"
            return {"ErrorCode": code, "ErrorMessage": "Not authorized for the source."}
        try:
            event = _event(request, entry)
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        self.receive(event, entry.get("EventBusName", "default"), request.at)
        return {"EventId": event["id"]}

    def receive(self, event: EventMessageType, bus_name: str, now: datetime) -> None:
        """
        Take an event: put there, AWS's own, or one that another account's rule passes on.

        bus_name is an ARN where the bus is not the event's own account's, or not in its region. A
        bus that does not exist takes everything, and loses it:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
        """
        here = (event["region"], event["account"])
        region, owner = bus_name.split(":")[3:5] if bus_name.startswith("arn:") else here
        buses = events_backends[owner][region].event_buses
        bus = buses.get(bus_name.rsplit("/", 1)[-1])
        for rule in bus.rules.values() if bus else []:
            if _is_for(rule, event):
                self._deliver(rule, event, now)

    def _deliver(self, rule: Rule, event: EventMessageType, now: datetime) -> None:
        for target in rule.targets:
            if ":event-bus/" in target["Arn"]:
                # Of another region: an event goes on as it is, and says where it comes from.
                # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
                self.receive(event, target["Arn"], now)
                continue
            if ":sqs:" not in target["Arn"] or "InputTransformer" in target:
                raise NotImplementedError("the sandbox delivers events to queues, as they are")
            group = target.get("SqsParameters", {}).get("MessageGroupId")
            self._queues.put(target["Arn"], json.dumps(event), now, group=group)


def _event(request: ApiRequest, entry: Params) -> EventMessageType:
    return envelope(
        account=request.account,
        region=request.region,
        source=entry["Source"],
        detail_type=entry["DetailType"],
        at=datetime.fromtimestamp(entry["Time"], UTC) if "Time" in entry else request.at,
        detail=json.loads(entry["Detail"]),
        resources=entry.get("Resources", []),
    )


def envelope(  # noqa: PLR0913 -- an envelope's own fields
    *,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    at: datetime,
    detail: dict[str, Any],
    resources: Sequence[str] = (),
) -> EventMessageType:
    """An event as its receivers see it."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }


def _is_for(rule: Rule, event: EventMessageType) -> bool:
    has_pattern = bool(rule.event_pattern.get_pattern())  # else it has a schedule only
    return rule.state == "ENABLED" and has_pattern and rule.event_pattern.matches_event(event)
