"""Lists that stay short: of whatever is found, the worst few lines, and how many there are."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from keyturn.domain.decision import Action

WORST: Final = 10
"""Lines of a list that are shown; the rest is counted, and stands in the CSV."""
_KEPT: Final = 200
"""Lines that are kept before the worst of them are chosen: to sort at each line takes long."""
LONGEST: Final = 300
"""Characters of what a line says: AWS's messages can be pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One thing to know, of an account, a user or a key."""

    account: str
    """Its id."""
    name: str
    """The account's name; empty: not known."""
    user: str | None = None
    key_id: str | None = None
    what: str = ""
    """What there is to say of it."""
    day: date | None = None
    """The date that it is about, UTC: when a key stops working, since when something fails."""
    action: Action | None = None
    """What is done about the key; None: it is about no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestList:
    """The worst lines of a list, the worst first, and how many there are."""

    total: int = 0
    worst: tuple[DigestLine, ...] = ()

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.worst)


NO_LINES: Final = DigestList()


@dataclass(slots=True)
class Worst:
    """Keeps the lines with the smallest ranks."""

    total: int = 0
    _kept: list[tuple[tuple[Any, ...], DigestLine]] = field(default_factory=list)

    def add(self, rank: tuple[object, ...], line: DigestLine) -> None:
        """rank: what is worse comes first; all ranks of a list are of one form."""
        self.total += 1
        self._kept.append((rank, line))
        if len(self._kept) >= _KEPT:
            self._cut()

    def chosen(self) -> DigestList:
        """The list."""
        self._cut()
        return DigestList(total=self.total, worst=tuple(line for _, line in self._kept))

    def _cut(self) -> None:
        self._kept = sorted(self._kept, key=_rank_of)[:WORST]


def _rank_of(kept: tuple[tuple[Any, ...], DigestLine]) -> Any:  # noqa: ANN401 -- ranks of one list compare
    return kept[0]
