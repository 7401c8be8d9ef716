"""
The course of a key, and the notices that it prescribes: by docs/lifecycle.md, and by nothing else.

What was done to the key, and when, is read from the emulator's call log; who reads its notices,
from the company. The engine is not asked: this is what it is held to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from keyturn_sandbox.judge.evidence import (
    ACTIVE,
    DELETED,
    INACTIVE,
    Windows,
    have_passed,
    secret_name,
)
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory, StatusChange
from keyturn_sandbox.simulation.people import Habit, Person

DAY: Final = timedelta(days=1)
WARNED_AHEAD: Final = (14, 7, 1)
"""Days before a rotation."""
REMINDED: Final = 3
"""Days before a disabling, and before a deletion."""
REPEATED: Final = 7
"""Days after which what still waits is told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNotice:
    """A notice that a key must have."""

    step: str
    about: date
    """The date that it names."""
    on: date
    """The day of the run that sends it."""
    to: str

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.step} of {self.about} to {self.to} on {self.on}"


_Obstacle = tuple[str, datetime, datetime | None]
"""Why it waits, from which run on, and until which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What became of a key, and the notices that this prescribes."""

    story: KeyStory
    person: Person
    mailbox: str
    """Where its owner reads."""
    history: ReplayedHistory
    runs: Sequence[datetime]
    """When each day's first run of enforcement began."""
    places: Mapping[datetime, int]
    """Where each run begins in the log."""
    windows: Windows

    def notices(self) -> tuple[DueNotice, ...]:
        """Put them in the order of their days."""
        if self.person.exempt:
            return ()
        due = [
            *self._of_rotation(),
            *self._of_disabling(),
            *self.deletion(),
            *self._of_waiting(),
            *self._at_once(),
        ]
        return tuple(sorted(due, key=lambda notice: notice.on))

    # What comes ahead of it

    def _of_rotation(self) -> Iterator[DueNotice]:
        """The latest warning that has come, while the key is its user's only one."""
        rotates = self._aged_on("rotation")
        warned = {self._first_aged(self.windows.rotation - ahead): ahead for ahead in WARNED_AHEAD}
        for run, ahead in warned.items():
            if run is None or self._is_aged(run, "rotation"):
                continue
            if self.is_active(run) and all(
                each.makes_room(run, rotates) for each in self._siblings()
            ):
                yield self._notice(f"upcoming-{ahead}", rotates, run)

    def _of_disabling(self) -> Iterator[DueNotice]:
        """That it ends, and three days before that once more, unless something came between."""
        announced = sorted(self._announcements())
        for number, run in enumerate(announced):
            ends = self._from(run, self.windows.installation, self._aged_on("inactive"))
            to_dead = self.person.gone is not None and run == self.runs[0]
            yield self._notice("disable", ends, run, to=self.person.email if to_dead else None)
            later = [*announced[number + 1 :], *self._turns_of_course()]
            yield from self._reminder("before-disable", ends, run, later, "inactive")

    def deletion(self) -> Iterator[DueNotice]:
        """That it is gone soon: once it is Inactive, and three days before the day."""
        for change in self.story.changes:
            if change.status == INACTIVE and (run := self._seen(change)) is not None:
                ends = self._from(run, self.windows.grace, self._aged_on("inactive", "grace"))
                yield self._notice("delete", ends, run)
                turns = self._turns_of_course()
                yield from self._reminder("before-delete", ends, run, turns, "inactive", "grace")

    def _reminder(
        self,
        step: str,
        ends: date,
        since: datetime,
        later: Sequence[datetime],
        *windows: str,
    ) -> Iterator[DueNotice]:
        until = min((turn for turn in later if turn > since), default=None)
        for run in self.runs:
            # A run that comes minutes too early on the day itself puts it off to the next.
            early = run.date() == ends and not self._is_aged(run, *windows)
            day = ends + DAY if early else ends
            if day - REMINDED * DAY <= run.date() < day:
                if run > since and (until is None or run < until):
                    yield self._notice(step, day, run)
                return

    # What has happened

    def _at_once(self) -> Iterator[DueNotice]:
        """What people or Keyturn did, as soon as a run sees it."""
        for before, change in zip(self.story.changes, self.story.changes[1:], strict=False):
            run = self._seen(change)
            if run is None:
                continue
            if change.status == DELETED:
                yield self._notice("deleted", run.date(), run)
            elif change.status == ACTIVE and before.by_keyturn:
                yield self._notice("restored", run.date(), run)
        if self.story.made_by_keyturn and (run := self._overwritten()) is not None:
            [first, *_] = [each for each in self._family() if each.made_by_keyturn]
            if self.story is first:
                yield self._notice("overwritten", run.date(), run)

    # What cannot be done

    def _of_waiting(self) -> Iterator[DueNotice]:
        """Why it waits: at first, and every week."""
        for reason, start, end in self._obstacles():
            last: datetime | None = None
            for run in self.runs:
                again = last is None or have_passed(REPEATED, last, run)
                waits = start <= run and (end is None or run < end) and self.is_active(run)
                if waits and again:
                    yield self._notice(f"blocked-{reason}", run.date(), run)
                    last = run

    def _obstacles(self) -> Iterator[_Obstacle]:
        for reason, start, end in self._reasons():
            if start is not None and (end is None or start < end):
                yield reason, start, end

    def _reasons(self) -> Iterator[tuple[str, datetime | None, datetime | None]]:
        due = self._first_aged(self.windows.rotation)
        if not self.story.made_by_keyturn:
            match self.person.habit:
                case Habit.TWO_WORKLOADS:
                    yield "two-keys-in-use", due, None
                case Habit.SQUATTED:
                    yield "secret-foreign", due, None
                case Habit.STORES_OLD if successor := self._successor():
                    other = self._of(successor)
                    yield "two-keys-in-use", self._overwritten(), other.retired()
                case _:
                    pass
        for other in self._siblings():
            gone = other.ended()
            if self._is_older_than(other) and self.person.habit is Habit.ROLLS_BACK:
                for change in other.story.changes:
                    if change.status == INACTIVE and not change.by_keyturn:
                        yield "successor-taken-away", self._seen(change), gone
                continue
            waits_since = [other.retired(), *other.stopped()]
            since = min((run for run in waits_since if run is not None), default=None)
            past = self._first_aged(self.windows.inactive)
            if since is not None and past is not None:
                yield "slot-taken", max(since, past), gone

    # What is known of it

    def _announcements(self) -> Iterator[datetime]:
        """The runs that say when it stops working."""
        for other in self._siblings():
            if self._made_successor(other):
                made = self._run_after(other.story.created, or_of=True)
                if made is not None:
                    yield made
        retired = self.retired()
        if retired is not None:
            yield retired
        for before, change in zip(self.story.changes, self.story.changes[1:], strict=False):
            if change.status == ACTIVE and before.by_keyturn:
                seen = self._seen(change)
                rested = [
                    run
                    for run in self.runs
                    if seen is not None and have_passed(self.windows.grace, seen, run)
                ]
                yield from rested[:1]
        # A notice that came back is told again to whom the next source names.
        first, second = self.runs[:1], self.runs[1:2]
        if self.person.gone is not None and first and self._is_aged(first[0], "rotation"):
            yield from second

    def _turns_of_course(self) -> Sequence[datetime]:
        """What makes a reminder void: it ended, or waits, or works again."""
        changed = [self._seen(change) for change in self.story.changes[1:]]
        waits = [start for _, start, _ in self._obstacles()]
        return [*waits, *(run for run in changed if run is not None)]

    def retired(self) -> datetime | None:
        """When the end began of one that its user does not need beside another."""
        for run in self.runs:
            beside = [other for other in self._siblings() if other.is_active(run)]
            if not self.is_active(run) or not beside or not self._is_aged(run, "rotation"):
                continue
            [other] = beside
            delivered = other.story.made_by_keyturn and self._overwritten() is None
            first = not other.is_quiet(run) or self._is_older_than(other)
            if self.is_quiet(run) and first and not delivered:
                return run
        return None

    def makes_room(self, run: datetime, by: date) -> bool:
        """Whether a run knows that it is gone when its user's other key is to be rotated."""
        match self.story.status(self.places[run]):
            case None:
                return True
            case status if status == INACTIVE:
                announced = (each.about for each in self.deletion() if each.on <= run.date())
                return any(day <= by for day in announced)
            case status:
                return status == DELETED

    def is_quiet(self, run: datetime) -> bool:
        used = self.story.last_used(run)
        if used is None:
            return have_passed(self.windows.installation, self.story.created, run)
        return have_passed(self.windows.installation + 1, used, run)

    def _overwritten(self) -> datetime | None:
        """When a run first saw that somebody had changed what the user's secret holds."""
        secret = (self.story.account, secret_name(self.story.account, self.person.user))
        if self.person.habit is not Habit.STORES_OLD:
            return None
        for change in self.history.secrets.get(secret, ()):
            if change.current is not None and not change.by_keyturn:
                return self._run_after(self.history.calls[change.index].at)
        return None

    def is_active(self, run: datetime) -> bool:
        """Whether it was Active when the run began."""
        return self.story.status(self.places[run]) == ACTIVE

    def _made_successor(self, other: "Course") -> bool:
        """Whether the other was made by Keyturn to replace this one, which was there then."""
        made = self.history.index_after(other.story.created)
        return (
            other.story.made_by_keyturn
            and self._is_older_than(other)
            and self.story.status(made) == ACTIVE
        )

    def _successor(self) -> KeyStory | None:
        made = [o.story for o in self._siblings() if self._made_successor(o)]
        return min(made, key=lambda story: story.created, default=None)

    def _is_older_than(self, other: "Course") -> bool:
        return self.story.created < other.story.created

    def stopped(self) -> list[datetime | None]:
        return [self._seen(change) for change in self.story.changes if change.status == INACTIVE]

    def ended(self) -> datetime | None:
        gone = [self._seen(change) for change in self.story.changes if change.status == DELETED]
        return gone[0] if gone else None

    def _family(self) -> Sequence[KeyStory]:
        family = self.history.of_holder[self.story.holder]
        return sorted(family, key=lambda story: (story.created, story.key_id))

    def _siblings(self) -> "list[Course]":
        return [self._of(story) for story in self._family() if story is not self.story]

    def _of(self, story: KeyStory) -> "Course":
        return replace(self, story=story)

    # Days and runs

    def _seen(self, change: StatusChange) -> datetime | None:
        """The run that made a change, or the first to see it."""
        return self._run_after(change.at, or_of=change.by_keyturn)

    def _run_after(self, at: datetime, *, or_of: bool = False) -> datetime | None:
        """The first run after a moment; or that of its day, which did it."""
        for run in self.runs:
            if run > at or (or_of and run.date() == at.date()):
                return run
        return None

    def _first_aged(self, days: int) -> datetime | None:
        created = self.story.created
        return next((run for run in self.runs if have_passed(days, created, run)), None)

    def _is_aged(self, run: datetime, *windows: str) -> bool:
        return have_passed(self._days_of(windows), self.story.created, run)

    def _days_of(self, windows: Sequence[str]) -> int:
        return sum(getattr(self.windows, window) for window in windows)

    def _aged_on(self, *windows: str) -> date:
        at = self.story.created + self._days_of(windows) * DAY
        # A run comes at about five o'clock: half a day of slack decides which day it is.
        return (at - timedelta(hours=17)).date() + DAY

    def _from(self, run: datetime, days: int, not_before: date) -> date:
        return max(run.date() + days * DAY, not_before)

    def _notice(
        self, step: str, about: date, run: datetime, *, to: str | None = None
    ) -> DueNotice:
        return DueNotice(step=step, about=about, on=run.date(), to=to or self.mailbox)
