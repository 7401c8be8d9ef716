"""How far one user's part of a run has got, while it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from keyturn.domain.decision import Decision
from keyturn.domain.result import Done
from keyturn.ports import AccessKeys
from keyturn.use_cases.deliver import Deliver


@dataclass(slots=True, kw_only=True)
class Progress:
    done: list[Done] = field(default_factory=list)
    current: Decision | None = None
    deleted: set[str] = field(default_factory=set)
    may_write: Callable[[], None]
    keys: AccessKeys
    deliver: Deliver
