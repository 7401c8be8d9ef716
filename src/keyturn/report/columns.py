"""Tables as columns, and each text once: what a page of many keys is small by."""

from typing import Final

from keyturn.domain.plain_text import visible


class Texts:
    """Texts that cells name by number; the first is the empty one."""

    def __init__(self) -> None:
        self._numbers: Final[dict[str, int]] = {"": 0}
        self._listed: Final[list[str]] = [""]

    def number(self, text: object) -> int:
        """The number of a text, None being the empty one; what hides or turns text is seen."""
        spelt = "" if text is None else str(text)
        found = self._numbers.get(spelt)
        if found is None:
            found = self._numbers[spelt] = len(self._listed)
            # Of strangers: a character that turns a line round would show another owner.
            self._listed.append(visible(spelt))
        return found

    def listed(self) -> list[str]:
        """All texts, by their numbers."""
        return self._listed


class Columns:
    """A table, column by column."""

    def __init__(self, *names: str) -> None:
        self._cells: Final[dict[str, list[object]]] = {name: [] for name in names}
        self.rows = 0

    def add(self, *cells: object) -> int:
        """Add a row, a cell for each column; its number."""
        for column, cell in zip(self._cells.values(), cells, strict=True):
            column.append(cell)
        self.rows += 1
        return self.rows - 1

    def listed(self) -> dict[str, list[object]]:
        """Name of a column → its cells, row by row."""
        return self._cells
