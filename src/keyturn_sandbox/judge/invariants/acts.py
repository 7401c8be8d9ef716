"""What Keyturn did to a key, and on whose word; several invariants ask."""

from collections.abc import Iterator
from dataclasses import dataclass

from keyturn_sandbox.judge.evidence import INACTIVE
from keyturn_sandbox.judge.history import Change, History, KeyStory
from keyturn_sandbox.judge.invariants.calls import stamp


@dataclass(frozen=True, slots=True)
class Act:
    """Keyturn disabled or deleted a key."""

    story: KeyStory
    change: Change

    def __str__(self) -> str:
        done = "disabled" if self.change.status == INACTIVE else "deleted"
        return f"{self.story} was {done} by Keyturn at {stamp(self.change.at)}"


def acts_of(history: History, status: str) -> Iterator[Act]:
    """What Keyturn did to bring keys into a status: INACTIVE or DELETED."""
    for story in history.stories.values():
        for change in story.changes[1:]:
            if change.by_keyturn and change.status == status:
                yield Act(story, change)


def is_orphan(history: History, act: Act) -> bool:
    """Whether Keyturn made the key itself and nobody can have its secret: nobody has used it."""
    story, told = act.story, act.change.at - history.evidence.use_is_told_after
    return (
        story.made_by_keyturn
        and not history.is_delivered(story, act.change.index)
        and story.last_used(told) is None
    )


def is_revoked(history: History, story: KeyStory, change: Change) -> bool:
    """Whether an operator ordered that the key be stopped."""
    run = history.run_of(change.index)
    return run is not None and story.key_id in run.revokes
