"""What a line of the rule is: a case answers, or passes the key on to the next one."""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.domain.decision import Decision, Reason
from keyturn.domain.lifecycle.view import KeyView

Answer = Callable[[KeyView], Decision | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the rule, with the reasons that it may give; the docs' table is made of them."""

    answer: Answer
    reasons: tuple[Reason, ...]

    def __call__(self, view: KeyView) -> Decision | None:
        """Decide, or pass the key on: None."""
        return self.answer(view)

    @property
    def name(self) -> str:
        """What it is called, as words."""
        return self.answer.__name__.replace("_", " ")

    @property
    def about(self) -> str:
        """The first sentence of its docstring: which row of lifecycle.md it is."""
        return (self.answer.__doc__ or "").strip().partition("\n\n")[0]


def case(*reasons: Reason) -> Callable[[Answer], Case]:
    """Make a function a line of the rule; `reasons` are all that it may answer with."""
    return lambda answer: Case(answer, reasons)
