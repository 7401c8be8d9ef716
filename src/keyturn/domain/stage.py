"""In which accounts a deployment enforces; every other account stays in dry run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PARAMETER: Final = "EnforcedAccounts"
"""What operators know it as."""
_STAYS: Final = f"the account stays in dry run: {PARAMETER}"
_NAMED: Final = 5
"""Units that a sentence names."""


@dataclass(frozen=True, slots=True)
class SeenBelow:
    """Below which units an inventory found an account, of those that it could list."""

    units: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    """The units whose accounts are known; of any other nobody can say that it is not below it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    The accounts that are enforced, by their own ids and by those of units above them.

    A list without any means all accounts. What is not proven is not enforced (decision 0064).
    """

    accounts: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Iterable[str]) -> "Stage":
        """Part the ids: an account's are digits."""
        named = frozenset(ids)
        accounts = frozenset(each for each in named if each.isdecimal())
        return cls(accounts, named - accounts)

    @property
    def is_everywhere(self) -> bool:
        """Whether every account is enforced."""
        return not self.accounts and not self.units

    def why_not(self, account: str, seen: SeenBelow | None) -> str | None:
        """
        Why an account is not enforced, a sentence; None: it is.

        seen: what an inventory knows of it; None: no inventory was asked, so its own id decides.
        """
        if self.is_everywhere or account in self.accounts:
            return None
        if not self.units:
            return f"{_STAYS} does not name it"
        if seen is None:
            return (
                f"{_STAYS} does not name it by its id, and only the inventory of the daily run "
                "knows which accounts are below the units that it names"
            )
        if seen.units & self.units:
            return None
        if unknown := sorted(self.units - seen.listed):
            more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
            return (
                f"{_STAYS} does not name it, and which accounts are below "
                f"{', '.join(unknown[:_NAMED])}{more} is not known"
            )
        return f"{_STAYS} names neither it nor a unit above it"


EVERYWHERE: Final = Stage()
