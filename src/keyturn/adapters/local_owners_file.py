"""The owners file that an operator has on this machine."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from keyturn.domain.errors import InvalidValue
from keyturn.domain.owners_file import OwnersFile
from keyturn.schemas.owners_file import LARGEST, FileForm, read_owners_file


class LocalOwnersFile:
    """Meets `ports.OwnersFileStore`."""

    def __init__(
        self, path: Path, *, option: str, allows: Callable[[str], bool] = lambda _address: True
    ) -> None:
        """
        Read the file, once.

        Raises InvalidValue where it cannot be read, or its name does not say which form it has.

        Args:
            path: where it is.
            option: what the path was given by, for the error.
            allows: whether owners may have an address.

        """
        form = path.suffix.removeprefix(".")
        if form not in set(map(str, FileForm)):
            raise InvalidValue(option, path, "must end in .yaml or .csv")
        try:
            with path.open("rb") as file:
                body = file.read(LARGEST + 1)
        except OSError as error:
            raise InvalidValue(option, path, f"cannot be read: {error.strerror}") from None
        version = sha256(body).hexdigest()
        self._file = read_owners_file(
            body, FileForm(form), place=str(path), version=version, allows=allows
        )

    def read(self) -> OwnersFile:
        """What it held."""
        return self._file
