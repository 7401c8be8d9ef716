"""
How what happened in a run reaches people: over the bus, from here, or not at all.

The deployed function publishes, and the notifier behind the bus sends. A laptop sends by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from keyturn.domain.errors import ClaimInProgress, KeyturnError, NoticesNotSent, PortError
from keyturn.domain.events import Digest, Event, EventType, OddValues
from keyturn.domain.plain_text import shown
from keyturn.domain.result import Failure
from keyturn.ports import Bus, Clock
from keyturn.schemas.event import write_notices
from keyturn.use_cases.notifications import Notifications
from keyturn.use_cases.notify import Notify
from keyturn.use_cases.patience import Patience

MOST_FAILURES = 50
LONGEST_FAILURE = 500
LONGEST_PART = 200
"""Items of a digest that travel in one event: some 100 KB of the 256 KB that the bus takes."""


class Announcer(Protocol):
    """A way for notifications to reach people."""

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:
        """Tell it, and answer with what could not be told; no KeyturnError leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishToBus:
    """Leaves the mails to the notifier behind the bus."""

    bus: Bus

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:
        """Publish what happened and what is to be told."""
        notices = (
            Event(
                type=EventType.NOTICES_DUE,
                run=part.run,
                detail=write_notices(part),
            )
            for digest in notifications.digests
            for part in _parts(digest)
        )
        try:
            self.bus.publish((*notices, *notifications.events))
        except KeyturnError as error:
            return (Failure(error=error),)
        return ()


def _parts(digest: Digest) -> Iterator[Digest]:
    """Cut a digest so that each part fits into an event; the failures go with the first."""
    starts = range(0, max(len(digest.items), 1), LONGEST_PART)
    for part, start in enumerate(starts, start=1):
        yield replace(
            digest,
            items=digest.items[start : start + LONGEST_PART],
            failures=_some(digest.failures) if part == 1 else (),
            odd=_cut(digest.odd) if part == 1 else OddValues(),
            part=part,
        )


def _cut(odd: OddValues) -> OddValues:
    return replace(odd, first=tuple(shown(each)[:LONGEST_FAILURE] for each in odd.first))


def _some(failures: tuple[str, ...]) -> tuple[str, ...]:
    """As many as people read, each at a length that people read; the log has all."""
    first = tuple(shown(failure)[:LONGEST_FAILURE] for failure in failures[:MOST_FAILURES])
    more = len(failures) - len(first)
    return (*first, f"and {more} more: see the log") if more else first


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFromHere:
    """Sends the mails at once, for runs from a laptop."""

    notify: Notify
    clock: Clock
    patience: Callable[[], Patience]
    """How long each digest may wait, from when it is asked for."""

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:
        """Send every digest; one that fails does not hold the others."""
        failures: list[Failure] = []
        for digest in notifications.digests:
            try:
                sent = self.notify.send(digest, self.clock(), self.patience())
                if sent.unreachable is not None:
                    said = f"no mail was sent to {digest.recipient.address}: it is "
                    failures.append(Failure(error=PortError(said + sent.unreachable)))
            except KeyturnError as error:
                failures.extend(Failure(error=each) for each in _not_told(error))
        return tuple(failures)


def _not_told(error: KeyturnError) -> tuple[KeyturnError, ...]:
    """What is a failure of ours: if another run tells it just now and dies, the next one tells."""
    errors = error.errors if isinstance(error, NoticesNotSent) else (error,)
    own = tuple(each for each in errors if not isinstance(each, ClaimInProgress))
    return (error,) if own == errors else own


class NotifyNobody:
    """Tells nobody: the plan is read by whoever asked for it."""

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:  # noqa: ARG002 -- meets Announcer
        """Tell nobody."""
        return ()
