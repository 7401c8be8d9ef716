"""A mistake in a file that administrators write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """What is wrong in a file, and where."""

    line: int
    """0: the file as a whole."""
    text: str
    """Field, value and rule, as an error of ours says it."""
    is_warning: bool = False
    """Whether all of the rule serves all the same."""

    def __str__(self) -> str:
        """In a line; without the file's name."""
        at = f"line {self.line}: " if self.line else ""
        return f"{at}{'warning: ' if self.is_warning else ''}{self.text}"
