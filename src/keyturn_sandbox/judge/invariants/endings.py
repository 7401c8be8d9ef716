"""How Keyturn ended a key, and on whose word; several invariants ask."""

from collections.abc import Iterator
from dataclasses import dataclass

from keyturn_sandbox.judge.evidence import INACTIVE
from keyturn_sandbox.judge.history import KeyStory, ReplayedHistory, StatusChange
from keyturn_sandbox.judge.invariants.calls import format_utc


@dataclass(frozen=True, slots=True)
class KeyEnding:
    """Keyturn disabled or deleted a key."""

    story: KeyStory
    change: StatusChange

    def __str__(self) -> str:
        done = "disabled" if self.change.status == INACTIVE else "deleted"
        return f"{self.story} was {done} by Keyturn at {format_utc(self.change.at)}"


def endings_of(history: ReplayedHistory, status: str) -> Iterator[KeyEnding]:
    """What Keyturn did to bring keys into a status: INACTIVE or DELETED."""
    for story in history.stories.values():
        for change in story.changes[1:]:
            if change.by_keyturn and change.status == status:
                yield KeyEnding(story, change)


def is_orphan(history: ReplayedHistory, ending: KeyEnding) -> bool:
    """Whether Keyturn made the key itself and nobody can have its secret: nobody has used it."""
    story, told = ending.story, ending.change.at - history.evidence.use_is_told_after
    return (
        story.made_by_keyturn
        and not history.is_delivered(story, ending.change.index)
        and story.last_used(told) is None
    )


def is_revoked(history: ReplayedHistory, story: KeyStory, change: StatusChange) -> bool:
    """Whether an operator ordered that the key be stopped."""
    run = history.run_of(change.index)
    return run is not None and story.key_id in run.revokes
