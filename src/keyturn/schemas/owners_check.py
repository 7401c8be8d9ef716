"""What `keyturn owners check` answers."""

from collections.abc import Iterable
from typing import Final, Literal, TypedDict

from keyturn.domain.file_problem import FileProblem
from keyturn.domain.owners_file import OwnersFile

VERSION: Final = 1


class ProblemFile(TypedDict):
    """What is wrong in an owners file; line 0 is the file as a whole."""

    line: int
    text: str
    warning: bool


class OwnersCheckFile(TypedDict):
    """An owners file, and what is wrong in it."""

    version: Literal[1]
    place: str
    rules: int
    problems: list[ProblemFile]


def write_owners_check(file: OwnersFile, problems: Iterable[FileProblem]) -> OwnersCheckFile:
    """How many rules serve, and these problems."""
    return {
        "version": VERSION,
        "place": file.place,
        "rules": len(file.rules),
        "problems": [
            {"line": each.line, "text": each.text, "warning": each.is_warning} for each in problems
        ],
    }
