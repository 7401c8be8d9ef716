"""
How what happened in a run reaches people: over the bus, from here, or not at all.

The deployed function publishes, and the notifier behind the bus sends. A laptop sends by itself.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from keyturn.domain.errors import ClaimInProgress, KeyturnError, NoticesNotSent, PortError
from keyturn.domain.events import Digest, Event, EventType, OddValues, Run
from keyturn.domain.plain_text import shown
from keyturn.domain.recipient import Recipient
from keyturn.domain.result import Failure
from keyturn.ports import Bus, Clock
from keyturn.schemas.digest_of_day import write_digest_due
from keyturn.schemas.event import write_notices
from keyturn.use_cases.notifications import Notifications

if TYPE_CHECKING:
    # What only a laptop sends with, no function need load.
    from keyturn.domain.admin_digest import AdminDigest
    from keyturn.use_cases.notify import Notify
    from keyturn.use_cases.notify_of_report import NotifyOfReport
    from keyturn.use_cases.patience import Patience
    from keyturn.use_cases.send_once import Sent
from keyturn.use_cases.side_by_side import side_by_side

MOST_FAILURES = 50
LONGEST_FAILURE = 500
LONGEST_PART = 200
"""Items of a digest that travel in one event: some 100 KB of the 256 KB that the bus takes."""

AT_A_TIME = 10
"""Events that go to the bus together; how many one call takes is the bus's affair."""
AT_ONCE = 8
"""Calls to the bus at the same time: a first day of 1,000 keys makes 200 of them."""


class Announcer(Protocol):
    """A way for notifications to reach people."""

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:
        """Tell it, and answer with what could not be told; no KeyturnError leaves it."""


class RunAnnouncer(Announcer, Protocol):
    """One that also tells the administrators of a whole run, over many accounts, in one mail."""

    def announce_run(self, digest: "AdminDigest", run: Run) -> tuple[Failure, ...]:
        """Tell it; likewise."""


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
        return self._published((*notices, *notifications.events))

    def announce_run(self, digest: "AdminDigest", run: Run) -> tuple[Failure, ...]:
        """Publish what the administrators are to be told of a whole run."""
        detail = {**write_digest_due(digest)}
        return self._published([Event(type=EventType.DIGEST_DUE, run=run, detail=detail)])

    def _published(self, events: Iterable[Event]) -> tuple[Failure, ...]:
        """Publish all, several calls at once; last the call that says that the run is complete."""
        told = tuple(events)

        def put(some: tuple[Event, ...]) -> KeyturnError | None:
            try:
                self.bus.publish(some)
            except KeyturnError as error:
                return error
            return None

        *first, last = (
            told[start : start + AT_A_TIME] for start in range(0, max(len(told), 1), AT_A_TIME)
        )
        errors = [*side_by_side(put, first, workers=AT_ONCE), put(last)]
        return tuple(Failure(error=error) for error in errors if error is not None)[:1]


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

    notify: "Notify"
    notify_of_report: "NotifyOfReport"
    clock: Clock
    patience: "Callable[[], Patience]"
    """How long each digest may wait, from when it is asked for."""

    def announce(self, notifications: Notifications) -> tuple[Failure, ...]:
        """Send every digest; one that fails does not hold the others."""
        failures: list[Failure] = []
        for digest in notifications.digests:
            send = partial(self.notify.send, digest)
            failures += self._sent(send, digest.recipient)
        return tuple(failures)

    def announce_run(self, digest: "AdminDigest", run: Run) -> tuple[Failure, ...]:  # noqa: ARG002 -- meets RunAnnouncer
        """Send the administrators one mail of a whole run."""
        return self._sent(partial(self.notify_of_report.send, digest), self.notify_of_report.admin)

    def _sent(
        self, send: "Callable[[datetime, Patience], Sent[Any]]", to: Recipient
    ) -> tuple[Failure, ...]:
        try:
            sent = send(self.clock(), self.patience())
        except KeyturnError as error:
            return tuple(Failure(error=each) for each in _not_told(error))
        if sent.unreachable is None:
            return ()
        said = f"no mail was sent to {to.address}: it is {sent.unreachable}"
        return (Failure(error=PortError(said)),)


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

    def announce_run(self, digest: "AdminDigest", run: Run) -> tuple[Failure, ...]:  # noqa: ARG002 -- meets RunAnnouncer
        """Tell nobody."""
        return ()
