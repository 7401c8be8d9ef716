"""The rules of an owners file as they stand in it, before anybody asks what they mean; and CSV."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from keyturn.domain.errors import InvalidValue
from keyturn.domain.file_problem import FileProblem
from keyturn.domain.plain_text import shown


class UnusableError(Exception):
    """A rule, or the whole file, cannot be used."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class FoundValue:
    """What a field has, and where that stands."""

    line: int
    texts: tuple[str, ...]
    """One, or those of a list."""
    is_list: bool = False
    span: tuple[int, int] | None = None
    """Where YAML has it: from which character of the text up to which; None: it is CSV."""


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A rule, with the names of its fields as they are written; each stands there once."""

    line: int
    values: Mapping[str, FoundValue]


def refuse(line: int, text: str) -> NoReturn:
    """Give up a rule, or with line 0 the whole. Raises UnusableError."""
    raise UnusableError(FileProblem(line=line, text=text))


def wrong(line: int, name: str, value: str, rule: str) -> FileProblem:
    """Name a field, its value and the rule that it breaks."""
    return FileProblem(line=line, text=str(InvalidValue(shown(name), shown(value), rule)))


def rules_in_csv(text: str, columns: Collection[str]) -> Iterator[FoundRule | FileProblem]:
    """
    Read CSV whose first line names its columns; an empty cell is a field that is left out.

    Raises UnusableError where it is none, or names a column that is none of these.
    """
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                if header is None:
                    header = _header(line, row, columns)
                else:
                    yield _in_row(line, header, row)
            line = rows.line_num + 1
    except csv.Error as error:
        # Behind a quotation mark that nobody closed, nothing is what it seems to be.
        refuse(line, f"it is no CSV: {error}")


def _header(line: int, row: list[str], known: Collection[str]) -> list[str]:
    header = [cell.strip() for cell in row]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        refuse(line, "its columns must be separated by commas")
    for column in header:
        if column not in known:
            rule = f"no column has that name; they are {', '.join(known)}"
            raise UnusableError(wrong(line, "column", column, rule))
        if header.count(column) > 1:
            raise UnusableError(wrong(line, "column", column, "stands there twice"))
    return header


def _in_row(line: int, header: list[str], row: list[str]) -> FoundRule | FileProblem:
    if len(row) != len(header):
        text = f"the rule has {len(row)} cells, and the first line {len(header)}"
        return FileProblem(line=line, text=text)
    cells = zip(header, (cell.strip() for cell in row), strict=True)
    return FoundRule(line, {name: FoundValue(line, (cell,)) for name, cell in cells if cell})
