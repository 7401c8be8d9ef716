"""What every check has: an id, a sentence, remedies for its faults, and what it needs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from keyturn.deployment.checks.observed import NoAccounts, Observed, some
from keyturn.deployment.model.health import (
    Check,
    Finding,
    FindingCode,
    Grade,
    Remedy,
)
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue, PortError

AGAIN: Final = "run `keyturn deploy` again"
UNCHECKED: Final = Remedy(Grade.WARNING, "give what it names, and look again")


def problem(fix: str) -> Remedy:
    """Say what to do about what keeps Keyturn from its work, or from being safe."""
    return Remedy(Grade.PROBLEM, fix)


def warning(fix: str) -> Remedy:
    """Say what to do about what an operator may have meant."""
    return Remedy(Grade.WARNING, fix)


class HealthCheck(ABC):
    """
    One thing that is looked at; the docstring of each says what has to be true.

    A check answers for itself. One that may not look says so, and is never taken for well.
    """

    id: ClassVar[Check]
    needs: ClassVar[str]
    """The permissions that it needs, in words."""
    remedies: ClassVar[Mapping[FindingCode, Remedy]]
    """The faults that it finds, and what to do about each."""

    @abstractmethod
    def look(self, seen: Observed) -> Finding:
        """Say what is found. Raises a PortError or InvalidValue where nobody can say."""

    def finding(self, seen: Observed) -> Finding:
        """Say what is found, or that it could not be looked at."""
        try:
            return self.look(seen)
        except (PortError, InvalidValue) as error:
            return self.unchecked(error)
        except NoAccounts:
            return self._nobody(seen)

    def well(self, said: str) -> Finding:
        """Say that all is well."""
        return Finding(check=self.id, said=said)

    def faulty(self, fault: FindingCode, said: str, more: str = "") -> Finding:
        """Say what is wrong; the fix goes with it, and `more` behind the fix."""
        remedy = self.remedies[fault]
        return Finding(
            check=self.id, said=said, fault=fault, grade=remedy.grade, fix=remedy.fix + more
        )

    def unchecked(self, why: object) -> Finding:
        """Say why it could not be looked at, and what it needs."""
        return self._unchecked(why, f"needs {self.needs}")

    def everywhere(self, seen: Observed, said: str, unknown: Mapping[str, object]) -> Finding:
        """
        Say that all is well, if every account could be looked at.

        unknown: account id → why it could not be.
        """
        if unknown:
            why = next(iter(unknown.values()))
            return self.unchecked(f"in {some(unknown)}: {why}")
        return self.well(f"{said} of {pluralize(len(seen.entered), 'account')}")

    def _nobody(self, seen: Observed) -> Finding:
        where = f" in {', '.join(seen.scope.units)}" if seen.scope.units else ""
        return self._unchecked(
            f"no account was found{where}",
            "set InventoryOU to a unit that has accounts, or to nothing: "
            "`keyturn deploy --parameter InventoryOU=`",
        )

    def _unchecked(self, why: object, fix: str) -> Finding:
        return Finding(
            check=self.id,
            said=f"could not be checked: {why}",
            fault=FindingCode.UNCHECKED,
            grade=UNCHECKED.grade,
            fix=fix,
        )
