"""The bus on which everything that happened is told."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError, Unavailable
from keyturn.domain.events import SOURCE, Event
from keyturn.schemas.event import write_event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

BATCH = 10
"""The most entries that PutEvents takes."""
LARGEST_BATCH = 240_000
"""Bytes; PutEvents takes 256 KB, counted with some overhead an entry."""


class EventBridgeBus:
    """Meets `ports.Bus`."""

    def __init__(self, events: "EventBridgeClient", bus: str) -> None:
        self._events = events
        self._bus = bus

    def publish(self, events: Iterable[Event]) -> None:
        """
        Put the events on the bus, in order.

        Raises the first PortError of a batch that was refused; the others have been sent.
        """
        refused: list[PortError] = []
        for batch in self._batches(events):
            try:
                self._put(batch)
            except PortError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def _batches(self, events: Iterable[Event]) -> "Iterator[list[PutEventsRequestEntryTypeDef]]":
        batch: list[PutEventsRequestEntryTypeDef] = []
        size = 0
        for event in events:
            entry = self._entry(event)
            length = len(entry["Detail"].encode())
            if batch and (len(batch) == BATCH or size + length > LARGEST_BATCH):
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += length
        if batch:
            yield batch

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "Source": SOURCE,
            "DetailType": str(event.type),
            "Time": event.run.at,
            "Detail": json.dumps(write_event(event)),
            "EventBusName": self._bus,
        }

    def _put(self, batch: "list[PutEventsRequestEntryTypeDef]") -> None:
        with aws_errors_translated():
            answer = self._events.put_events(Entries=batch)
        # PutEvents answers 200 though it took only some of the entries:
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        if answer["FailedEntryCount"]:
            codes = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
            message = f"PutEvents: {', '.join(sorted(codes))}"
            raise Unavailable(message)
