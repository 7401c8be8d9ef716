"""Lists that stay short: of whatever is found, the worst few lines, and how many there are."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Protocol

from keyturn.domain.decision import Action

WORST: Final = 10
"""Lines of a list that are shown; the rest is counted, and stands in the CSV."""
_SHARE: Final = 3
"""Lines of one account before those of others: whoever may tag users could fill a list."""
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


class OfAccount(Protocol):
    """What every line of a report is of."""

    @property
    def account(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """The account's."""

    @property
    def user(self) -> str | None:
        """The user's name."""

    @property
    def key_id(self) -> str | None:
        """The key."""


def who_text(line: OfAccount) -> str:
    """What a line is of, as people read it."""
    place = f"{line.name} ({line.account})" if line.name else line.account
    return ", ".join(filter(None, (line.user, line.key_id, place)))


NO_LINES: Final = DigestList()
_Ranked = tuple[tuple[Any, ...], DigestLine]


@dataclass(slots=True)
class Worst:
    """Keeps the lines with the smallest ranks."""

    is_shared: bool = False
    """Whether no account may keep those of others out of it."""
    total: int = 0
    _kept: list[_Ranked] = field(default_factory=list)

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
        ranked = sorted(self._kept, key=_rank_of)
        chosen = _shared(ranked) if self.is_shared else ranked
        self._kept = sorted(chosen[:WORST], key=_rank_of)


def _shared(ranked: list[_Ranked]) -> list[_Ranked]:
    """The first few lines of each account, and then the rest; each part in its order."""
    seen: Counter[str] = Counter()
    first: list[_Ranked] = []
    rest: list[_Ranked] = []
    for each in ranked:
        account = each[1].account
        seen[account] += 1
        (first if seen[account] <= _SHARE else rest).append(each)
    return [*first, *rest]


def _rank_of(kept: _Ranked) -> Any:  # noqa: ANN401 -- ranks of one list compare
    return kept[0]
