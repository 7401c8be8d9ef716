"""
The receipts of an account's keys, listed ahead: a page shows those of the keys that come next.

A list of one key's folder is a call for a handful of objects, where S3 gives 1,000. So a list
goes on into the folders behind, and these are known when they are asked for. The first begins
where the account does, another at the folder that is asked for. At the worst they are six calls
more than a list for each (decision 0077).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import PortError
from keyturn.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

BELIEVED_FOR: Final = timedelta(minutes=5)
"""How long a page is: a bounce may come meanwhile. A run that reads each key for itself takes as
long from its first key to its first write."""
_PAGES_KEPT: Final = 32
"""A quarter of a megabyte each."""
_PAGES_FOR_NOTHING: Final = 5
"""So many pages more than they have saved lists, and the keys lie too far apart."""
_LARGEST_PAGE: Final = 1000

Folder = Mapping[str, tuple[datetime, int]]
"""Object's name → S3's time of it, UTC; its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """All that is in the folders from `first` on, and before `end`: one answer of S3."""

    within: str
    """Folders two steps within it are told apart; those of another place are not."""
    first: str
    end: str
    read: datetime
    folders: Mapping[str, Folder]
    """Those that hold anything."""

    def shows(self, within: str, folder: str, now: datetime) -> bool:
        """Whether it says all about a folder, and is new enough to be believed."""
        return (
            within == self.within
            and self.first <= folder < self.end
            and now - self.read < BELIEVED_FOR
        )


class S3FoldersAhead:
    """
    Knows folders `<within><user>/<key id>/`, or others two steps within, for one run.

    Its workers share it. A folder is known from one answer of S3 as it was at one moment, or not
    at all: what voids a receipt must not be lost between two pages. Needs s3:ListBucket on
    `<within>*`.
    """

    def __init__(
        self,
        s3: "S3Client",
        *,
        bucket: str,
        prefix: str = "",  # noqa: ARG002 -- whoever asks names folders whole
        clock: Clock,
        largest_page: int = _LARGEST_PAGE,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._largest_page = largest_page
        self._pages: deque[_Page] = deque(maxlen=_PAGES_KEPT)
        self._begun: set[str] = set()
        self._read = self._saved = 0
        self._is_off = False
        self._lock = Lock()

    def __call__(self, within: str, folder: str) -> Folder | None:
        """
        All that is in a folder; None: it has to be listed by itself, for nothing is known of it.

        So it is where S3 refuses, too: what is said of a key is what its own list says.
        """
        # Users named with a stroke would end in another's folder; IAM knows none.
        if not folder.startswith(within) or _folder_of(f"{folder}x", within) != folder:
            return None
        # The lock is held while S3 answers: whoever waits gets what the same page shows.
        with self._lock:
            if (known := self._known(within, folder)) is not None:
                self._saved += 1
                return known
            if self._is_off or self._read - self._saved >= _PAGES_FOR_NOTHING:
                return None
            try:
                self._read_for(within, folder)
            except PortError:
                self._is_off = True
            return self._known(within, folder)

    def _known(self, within: str, folder: str) -> Folder | None:
        now = self._clock()
        for page in reversed(self._pages):
            if page.shows(within, folder, now):
                return page.folders.get(folder, {})
        return None

    def _read_for(self, within: str, folder: str) -> None:
        """Read the page that begins with a folder; before the first, that of the beginning."""
        # Workers do not ask in the order of names. In most accounts the first page is the last.
        if within not in self._begun:
            self._begun.add(within)
            self._pages.append(self._page(within, within))
            self._read += 1
        if self._known(within, folder) is None:
            self._pages.append(self._page(within, folder))
            self._read += 1

    def _page(self, within: str, folder: str) -> _Page:
        """Read what is behind the folder's name, as far as one answer goes."""
        read = self._clock()  # before: what is written while S3 answers may not be in it
        with aws_errors_translated():
            answer = self._s3.list_objects_v2(
                Bucket=self._bucket, Prefix=within, StartAfter=folder, MaxKeys=self._largest_page
            )
        folders: dict[str, dict[str, tuple[datetime, int]]] = {}
        for thing in answer.get("Contents", []):
            name = thing["Key"]
            found = (thing["LastModified"].astimezone(UTC), thing["Size"])
            folders.setdefault(_folder_of(name, within), {})[name] = found
        end = _end_of(answer, within, folder)
        whole = {name: found for name, found in folders.items() if name < end}
        return _Page(within=within, first=folder, end=end, read=read, folders=whole)


def _end_of(answer: "ListObjectsV2OutputTypeDef", within: str, first: str) -> str:
    """The first folder of which an answer may lack something; S3 lists names in their order."""
    if not answer["IsTruncated"]:
        return f"{within[:-1]}0"  # "0" comes after the stroke: beyond all names within
    found = answer.get("Contents", [])
    # A page of nothing is one of deleted objects, in a bucket that keeps them.
    return _folder_of(found[-1]["Key"], within) if found else first


def _folder_of(name: str, within: str) -> str:
    """The folder of a key that an object lies in; its own name, where it lies in none."""
    parts = name.removeprefix(within).split("/", 2)
    user_and_key = 2
    return f"{within}{parts[0]}/{parts[1]}/" if len(parts) > user_and_key else name
