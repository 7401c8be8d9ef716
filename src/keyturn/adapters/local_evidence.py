"""A copy of the bucket on this machine, as `aws s3 sync` makes it."""

import hashlib
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from keyturn.domain.errors import NotFound, Unavailable
from keyturn.domain.reading import LARGEST
from keyturn.ports.evidence import StoredObject


class LocalEvidence:
    """Meets `ports.Evidence`. A copy may hold anything: no link of the file system is followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[tuple[bytes, StoredObject]] | None = None

    @property
    def place(self) -> str:
        """The folder."""
        return f"{self._folder}/"

    def listed(self, start: str, *, after: str = "") -> Iterator[StoredObject]:
        """The files whose names begin so, in S3's order, which is that of bytes."""
        if self._files is None:
            self._files = sorted(self._walk(), key=_name_of)
        first, behind = os.fsencode(start), os.fsencode(after)
        begin = bisect_left(self._files, first, key=_name_of)
        if after:
            begin = max(begin, bisect_right(self._files, behind, key=_name_of))
        for number in range(begin, len(self._files)):
            name, stored = self._files[number]
            if not name.startswith(first):
                return
            yield stored

    def folders(self, start: str) -> Iterator[str]:
        """The folders just below."""
        found = {
            start + rest.partition("/")[0] + "/"
            for each in self.listed(start)
            if "/" in (rest := each.name.removeprefix(start))
        }
        yield from sorted(found)

    def read(self, name: str) -> bytes:
        """A file. Raises NotFound where there is none, Unavailable where it cannot be read."""
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(LARGEST + 1)  # what is larger is refused by whoever reads it
        except FileNotFoundError:
            raise NotFound(f"{name} is not in {self._folder}") from None
        except OSError as error:
            raise Unavailable(f"{name} cannot be read ({error.strerror})") from None

    def sha256(self, name: str) -> str:
        """A file's SHA-256. Raises NotFound and Unavailable likewise."""
        try:
            with (self._folder / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise NotFound(f"{name} is not in {self._folder}") from None
        except OSError as error:
            raise Unavailable(f"{name} cannot be read ({error.strerror})") from None

    def _walk(self) -> Iterator[tuple[bytes, StoredObject]]:
        for root, _, files in os.walk(self._folder):
            for each in files:
                path = Path(root, each)
                if path.is_symlink() or not path.is_file():
                    continue
                name, about = path.relative_to(self._folder).as_posix(), path.stat()
                at = datetime.fromtimestamp(about.st_mtime, UTC)
                yield os.fsencode(name), StoredObject(name=name, size=about.st_size, at=at)


def _name_of(file: tuple[bytes, StoredObject]) -> bytes:
    return file[0]
