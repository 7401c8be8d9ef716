"""A copy of the bucket on this machine, as `aws s3 sync` makes it: it keeps the objects' times."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from keyturn.domain.errors import InvalidValue, Unavailable
from keyturn.ports.archive import StoredObject


class LocalArchive:
    """Meets `ports.Archive`."""

    def __init__(self, root: Path, *, option: str) -> None:
        """
        Look at a copy of what is below Keyturn's prefix.

        Raises InvalidValue where it is no folder.

        Args:
            root: where it is.
            option: what the path was given by, for the error.

        """
        if not root.is_dir():
            raise InvalidValue(option, root, "must be a folder")
        self._root = root

    def folders(self, below: str) -> tuple[str, ...]:
        """The folders right below one."""
        folder = self._root / below
        try:
            return tuple(sorted(each.name for each in folder.iterdir() if each.is_dir()))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Unavailable(_why(folder, error)) from error

    def objects(self, below: str) -> Iterator[StoredObject]:
        """Every file below a folder."""
        folder = self._root / below
        for path in sorted(folder.rglob("*")):
            try:
                if not path.is_file():
                    continue
                about = path.stat()
            except OSError as error:
                raise Unavailable(_why(path, error)) from error
            yield StoredObject(
                name=path.relative_to(self._root).as_posix(),
                at=datetime.fromtimestamp(about.st_mtime, UTC),
                size=about.st_size,
            )

    def read(self, name: str) -> bytes | None:
        """A file."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(_why(self._root / name, error)) from error


def _why(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror}"
