"""
CloudTrail's event history: who called what with a key, for whoever looks that up.

Calls are not noted down by themselves: a scene says which ones CloudTrail saw.
Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from keyturn_sandbox.emulator.protocol import ApiError, ApiRequest, Params

_LARGEST_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """One event of a region's history."""

    account: str
    region: str
    key_id: str
    at: datetime
    event: str
    """The event as CloudTrail keeps it: JSON."""


@dataclass(slots=True)
class EventHistory:
    """Answers the calls about it."""

    seen: list[SeenCall] = field(default_factory=list)

    def answers(self) -> Mapping[str, Callable[[ApiRequest], Params]]:
        """The calls that are answered here: operation → what answers it."""
        return {"LookupEvents": self._look_up}

    def _look_up(self, request: ApiRequest) -> Params:
        [asked] = request.params["LookupAttributes"]  # "Currently the list can contain only one"
        most = request.params.get("MaxResults", _LARGEST_PAGE)
        if not 1 <= most <= _LARGEST_PAGE:
            raise ApiError("InvalidMaxResultsException", "1 through 50.")
        begin = float(request.params.get("StartTime", 0))  # seconds, in AWS's JSON
        end = float(request.params.get("EndTime", math.inf))
        place = (request.account, request.region, asked["AttributeValue"])
        found = [
            each
            for each in self.seen
            if (each.account, each.region, _attribute(each, asked["AttributeKey"])) == place
            and begin <= each.at.timestamp() <= end
        ]
        # "The events list is sorted by time. The most recent event is listed first."
        found.sort(key=lambda each: each.at, reverse=True)
        first = int(request.params.get("NextToken", 0))
        more = {"NextToken": str(first + most)} if len(found) > first + most else {}
        return more | {
            "Events": [
                {
                    "AccessKeyId": each.key_id,
                    "EventTime": each.at.timestamp(),
                    "CloudTrailEvent": each.event,
                }
                for each in found[first : first + most]
            ]
        }


def _attribute(seen: SeenCall, name: str) -> object:
    match name:
        case "AccessKeyId":
            return seen.key_id
        case "EventName":
            return json.loads(seen.event).get("eventName")
    raise NotImplementedError(f"the sandbox looks up no {name}")


def event_of(address: str, agent: str, service: str) -> str:
    """What CloudTrail keeps of a call, as far as anybody reads it here."""
    told = {
        "eventVersion": "1.11",
        "sourceIPAddress": address,
        "userAgent": agent,
        "eventSource": service,
    }
    return json.dumps(told)
