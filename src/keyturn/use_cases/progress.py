"""How far one user's part of a run has got, while it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from keyturn.domain.decision import Decision
from keyturn.domain.result import Done
from keyturn.ports import AccessKeys
from keyturn.use_cases.deliver import Deliver


@dataclass(slots=True, kw_only=True)
class Progress:
    """What was done for one user so far, and what the rest is done with."""

    done: list[Done] = field(default_factory=list)
    """In the order in which it was done; what an error ends is not in it."""
    current: Decision | None = None
    """The one that is carried out right now."""
    deleted: set[str] = field(default_factory=set)
    """The ids of keys that IAM may still list for some seconds."""
    may_write: Callable[[], None]
    """Raises WriteStopped where no write may begin any more."""
    may_end: Callable[[], None]
    """Raises ChangedMeanwhile where no key may end any more for which the run noted it."""
    keys: AccessKeys
    """IAM behind `may_write`: each write asks first."""
    deliver: Deliver
    """Likewise behind `may_write`."""
