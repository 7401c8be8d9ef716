"""What a line of the rule is: a case answers, or passes on to the next one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from keyturn.domain.decision import Reason

Seen = TypeVar("Seen")
Said = TypeVar("Said")


@dataclass(frozen=True, slots=True)
class Case(Generic[Seen, Said]):
    """
    One line of the rule.

    Its name and the first paragraph of its docstring are what the table of cases in
    docs/lifecycle.md says of it, so each stands once.
    """

    answer: Callable[[Seen], Said | None]
    """What it looks at → what it decides; None passes on."""
    reasons: tuple[Reason, ...]
    """All that it may answer with; a test holds it to that."""

    def __call__(self, seen: Seen) -> Said | None:
        """Decide; None passes on to the next case."""
        return self.answer(seen)

    @property
    def name(self) -> str:
        """What it is called, as words."""
        return self.answer.__name__.replace("_", " ")

    @property
    def about(self) -> str:
        """What it does, and which row of lifecycle.md it is, on one line."""
        paragraph = (self.answer.__doc__ or "").strip().partition("\n\n")[0]
        return " ".join(paragraph.split())


def case(
    *reasons: Reason,
) -> Callable[[Callable[[Seen], Said | None]], Case[Seen, Said]]:
    """Make a function a line of the rule; `reasons` are all that it may answer with."""
    return lambda answer: Case(answer, reasons)
