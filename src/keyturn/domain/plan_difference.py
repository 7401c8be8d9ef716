"""What other parameters would change: a run's decisions beside those of the same facts now."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.decision import DecisionSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBothWays:
    """One key, as a run decided it and as it would be decided now."""

    account: str
    user: str
    before: DecisionSummary
    after: DecisionSummary | None
    """None: nobody can say."""
    unknown: str | None = None
    """Why nobody can say what is decided now; None: it is known."""
    supposed: tuple[str, ...] = ()
    """The facts that the snapshot does not hold, and that are supposed to stand in no way."""

    @property
    def differs(self) -> bool:
        """Whether something else is done, or for another reason, or on another day."""
        if self.after is None:
            return True
        return _course(self.before) != _course(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDifference:
    """All keys of the snapshots, and when the runs were whose decisions these are."""

    keys: tuple[KeyBothWays, ...]
    first: datetime
    """Of the oldest of these snapshots, UTC."""
    last: datetime
    unread: tuple[str, ...] = ()
    """The snapshots that are of no form that we know."""

    @property
    def changed(self) -> tuple[KeyBothWays, ...]:
        """Those that differ, and those of which nobody can say."""
        return tuple(each for each in self.keys if each.differs)

    def counts(self) -> Counter[tuple[str, str]]:
        """(action before, action now; not-known: nobody can say) → keys that differ."""
        return Counter(_actions(each) for each in self.changed)


def _course(decided: DecisionSummary) -> tuple[object, ...]:
    return decided.action, decided.reason, decided.next


def _actions(each: KeyBothWays) -> tuple[str, str]:
    return str(each.before.action), str(each.after.action) if each.after else "not-known"
