"""When so many rotations fail that no further one is begun, wherever Keyturn runs."""

from dataclasses import dataclass
from typing import Final

from keyturn.domain.amounts import pluralize
from keyturn.domain.decision import Action
from keyturn.domain.errors import CreationDenied
from keyturn.domain.result import AccountResult

MOST_FAILED: Final = 50
"""Percent of a day's rotations: FailedPercentToPause of the alarms' template."""
LEAST_ROTATIONS: Final = 10
"""So many have to be tried before their share says anything: RotationsToPause."""
ALL: Final = 100
"""Percent."""


@dataclass(frozen=True, slots=True)
class Rotations:
    """How many rotations were carried out, and how many failed."""

    rotated: int = 0
    failed: int = 0

    @classmethod
    def of(cls, result: AccountResult) -> "Rotations":
        """
        Count those of an account; what a pause, an exemption or another run stopped is none.

        An account that forbids new keys refuses the first of a run: that is one.
        """
        refused = any(isinstance(each.error, CreationDenied) for each in result.plan.failures)
        return cls(
            rotated=sum(
                done.decision.action is Action.ROTATE
                for outcome in result.outcomes
                for done in outcome.done
            ),
            failed=refused
            + sum(
                outcome.is_failure
                and outcome.failed is not None
                and outcome.failed.action is Action.ROTATE
                for outcome in result.outcomes
            ),
        )

    def __add__(self, other: "Rotations") -> "Rotations":
        """Both together."""
        return Rotations(self.rotated + other.rotated, self.failed + other.failed)

    @property
    def why_stopped(self) -> str | None:
        """Why nothing more should be begun, a sentence; None: it may go on."""
        tried = self.rotated + self.failed
        if tried < LEAST_ROTATIONS or ALL * self.failed <= MOST_FAILED * tried:
            return None
        return (
            f"{self.failed} of {pluralize(tried, 'rotation')} failed, more than {MOST_FAILED} "
            "percent: no further account was entered"
        )
