"""The exemptions file that an operator has on this machine."""

import tempfile
from hashlib import sha256
from pathlib import Path

from keyturn.domain.errors import AlreadyThere, InvalidValue
from keyturn.domain.exemptions_file import ExemptionsFile
from keyturn.schemas.exemptions_file import LARGEST, read_exemptions_file


class LocalExemptionsFile:
    """
    Meets `ports.ExemptionsFileStore`.

    Each method raises InvalidValue, by the option, where the file cannot be read or written.
    """

    def __init__(self, path: Path, *, option: str) -> None:
        """option: what the path was given by, for the error."""
        self._path = path
        self._option = option

    @property
    def place(self) -> str:
        """The file, as people write it."""
        return str(self._path)

    def read(self) -> ExemptionsFile | None:
        """Read the file; None: there is none."""
        body = self._body()
        if body is None:
            return None
        return read_exemptions_file(body, place=self.place, version=sha256(body).hexdigest())

    def write(self, text: str, *, instead_of: str | None) -> None:
        """
        Put it in the place of what was read, whole or not at all.

        Raises AlreadyThere where somebody changed the file meanwhile, InvalidValue where it cannot
        be written.
        """
        body = self._body()
        if (None if body is None else sha256(body).hexdigest()) != instead_of:
            raise AlreadyThere(f"{self.place} was changed meanwhile")
        try:
            with tempfile.NamedTemporaryFile(
                "wb", dir=self._path.parent, prefix=f".{self._path.name}.", delete=False
            ) as new:
                new.write(text.encode())
            if body is not None:
                Path(new.name).chmod(self._path.stat().st_mode & 0o777)
            Path(new.name).replace(self._path)
        except OSError as error:
            rule = f"cannot be written: {error.strerror}"
            raise InvalidValue(self._option, self._path, rule) from None

    def _body(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                return file.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            rule = f"cannot be read: {error.strerror}"
            raise InvalidValue(self._option, self._path, rule) from None
