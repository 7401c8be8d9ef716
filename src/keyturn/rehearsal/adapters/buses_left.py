"""What probes left in EventBridge."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound, Refused
from keyturn.rehearsal.model.own import ID_TAG, PREFIX, id_in_name
from keyturn.rehearsal.ports import Found, why_unread

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class BusesLeft:
    """Meets `rehearsal.ports.Leftovers`: event buses whose name begins as ours do."""

    kind = "event bus"

    def __init__(self, events: "EventBridgeClient") -> None:
        self._events = events

    def look(self, made: Iterable[str]) -> Sequence[Found]:
        """All buses of that beginning, and those that were asked for."""
        names = set(made)
        token: dict[str, str] = {}
        with aws_errors_translated():
            while True:
                page = self._events.list_event_buses(NamePrefix=PREFIX, **token)  # type: ignore[arg-type]  # NextToken, or nothing
                names |= {each["Name"] for each in page["EventBuses"]}
                if "NextToken" not in page:
                    break
                token = {"NextToken": page["NextToken"]}
        looked = (self._found(name) for name in sorted(names))
        return [found for found in looked if found is not None]

    def remove(self, found: Found) -> None:
        """Take it away, with its rules and their targets."""
        bus = found.name
        with suppress(NotFound), aws_errors_translated():
            for rule in self._events.list_rules(EventBusName=bus)["Rules"]:
                name = rule["Name"]
                listed = self._events.list_targets_by_rule(Rule=name, EventBusName=bus)
                if ids := [target["Id"] for target in listed["Targets"]]:
                    self._events.remove_targets(Rule=name, EventBusName=bus, Ids=ids)
                self._events.delete_rule(Name=name, EventBusName=bus)
            self._events.delete_event_bus(Name=bus)

    def _found(self, name: str) -> Found | None:
        own = id_in_name(name)
        try:
            with aws_errors_translated():
                arn = self._events.describe_event_bus(Name=name)["Arn"]
                listed = self._events.list_tags_for_resource(ResourceARN=arn)["Tags"]
        except NotFound:
            return None
        except Refused as error:
            return Found(kind=self.kind, name=name, id=own, not_ours=why_unread(error))
        tags = {tag["Key"]: tag["Value"] for tag in listed}
        is_ours = own is not None and tags.get(ID_TAG) == own.text
        why = None if is_ours else f"it has no tag {ID_TAG} of the id in its name"
        return Found(kind=self.kind, name=name, id=own, not_ours=why)
