"""
The demo's lists beside its page: all mails, and each key's notices.

Each is one file that asks for nothing else, so it can be opened from a disk, mailed and printed.
Paths are relative to it and written as on the disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from keyturn_sandbox.demo.writing import write


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """A notice of a key: sent as it was due, or one of the two."""

    on: date
    what: str
    to: str
    mail: str | None
    fate: str = ""
    is_void: bool = False
    wrong: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesOfKey:
    """A key, what became of it in a few words, and its notices."""

    account_name: str
    user: str
    key_id: str
    path: str
    notices: tuple[NoticeLine, ...]

    @property
    def wrong(self) -> int:
        """How many of them are wrong."""
        return sum(notice.wrong is not None for notice in self.notices)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLine:
    """A mail in the list of all mails."""

    sent: datetime
    to: str
    subject: str
    path: str


def mail_index(mails: Iterable[MailLine], *, title: str = "Mails", home: str | None = None) -> str:
    """Write the list of all mails, by date; `home` is the path back to the page."""
    in_order = sorted(mails, key=lambda mail: (mail.sent, mail.to, mail.path))
    return write("mails.html", title=title, mails=in_order, home=home)


def notice_table(keys: Sequence[NoticesOfKey], wrong: Sequence[str], *, home: str) -> str:
    """Write the list of each key's notices; `wrong` is what is wrong with no key's."""
    return write("notices.html", title="Each key's notices", keys=keys, wrong=wrong, home=home)
