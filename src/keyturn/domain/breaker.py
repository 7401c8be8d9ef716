"""When so many rotations fail that no further one is begun, wherever Keyturn runs."""

from dataclasses import dataclass
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.breaker_limits import LEAST_ROTATIONS, MOST_FAILED
from keyturn.domain.decision import Action
from keyturn.domain.result import AccountResult

LEAST_ACCOUNTS: Final = 2
"""So many accounts have to have a failure: that of one alone is the account's own."""
ALL: Final = 100
"""Percent."""


@dataclass(frozen=True, slots=True)
class Rotations:
    """How many rotations were carried out, and how many failed, in how many accounts."""

    rotated: int = 0
    failed: int = 0
    accounts: int = 0
    """With a failure."""

    @classmethod
    def of(cls, result: AccountResult) -> "Rotations":
        """
        Count those of an account; what a pause, an exemption or another run stopped is none.

        Neither is it where the account forbids new keys: nothing was begun, nothing is half done,
        and an organisation that forbids them on purpose is in no danger (decision 0065).
        """
        failed = sum(
            outcome.is_failure
            and outcome.failed is not None
            and outcome.failed.action is Action.ROTATE
            for outcome in result.outcomes
        )
        return cls(
            rotated=sum(
                done.decision.action is Action.ROTATE
                for outcome in result.outcomes
                for done in outcome.done
            ),
            failed=failed,
            accounts=int(failed > 0),
        )

    def __add__(self, other: "Rotations") -> "Rotations":
        """Both together; of two different accounts."""
        return Rotations(
            self.rotated + other.rotated,
            self.failed + other.failed,
            self.accounts + other.accounts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """From which share of failures on nothing more is begun: the parameters of the two alarms."""

    failed_percent: int = MOST_FAILED
    rotations: int = LEAST_ROTATIONS

    def why_stopped(self, found: Rotations) -> str | None:
        """Why nothing more should be begun, a sentence; None: it may go on."""
        tried = found.rotated + found.failed
        if tried < self.rotations or found.accounts < LEAST_ACCOUNTS:
            return None
        if ALL * found.failed <= self.failed_percent * tried:
            return None
        return (
            f"{found.failed} of {pluralize(tried, 'rotation')} failed, more than "
            f"{self.failed_percent} percent: no further account was entered"
        )
