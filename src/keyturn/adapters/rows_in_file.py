"""Rows of a report, gathered in a file: no organisation is too large for it."""

from typing import IO

from keyturn.domain.errors import Refused


class RowsInFile:
    """Takes rows one after the other, and gives the whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._failed: OSError | None = None

    def write(self, rows: str) -> None:
        """Add rows; where there is no more room, nothing more is added."""
        if self._failed is None:
            try:
                self._file.write(rows.encode())
            except OSError as error:
                self._failed = error

    def whole(self) -> IO[bytes]:
        """All rows, from the first on. Raises Refused where there was no room: half is nothing."""
        if self._failed is not None:
            message = f"there was no room for it ({self._failed.strerror})"
            raise Refused(message)
        self._file.seek(0)
        return self._file
