"""What people did against a key's end, counted on the record."""

import re
from dataclasses import dataclass
from datetime import date

from keyturn.domain.days import read_day
from keyturn.domain.tag_text import count, words

AGAIN = 2
"""From which time on what people do against a key's end is a finding of its own."""
_KEY_ID = re.compile(r"\w{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What people did against a key's end, counted; it is told, and nothing is done for it."""

    restored: int = 0
    """How often it was enabled again after we had disabled it."""
    taken: int = 0
    """How often a successor that we had delivered for it was taken out of use."""
    successor: str | None = None
    """The one that was taken last."""
    promised: date | None = None
    """The date that was told first for its end, before a successor was taken."""

    @classmethod
    def read(cls, text: str) -> "History":
        """Read a tag's value; what is malformed was not counted."""
        said = words(text)
        successor = said.get("successor", "")
        return cls(
            restored=count(said.get("restored", "")),
            taken=count(said.get("taken", "")),
            successor=successor if _KEY_ID.fullmatch(successor) else None,
            promised=read_day(said.get("promised", "")),
        )

    def __str__(self) -> str:
        """As a tag's value."""
        words = {
            "restored": self.restored,
            "taken": self.taken,
            "successor": self.successor,
            "promised": self.promised,
        }
        return " ".join(f"{name}={value}" for name, value in words.items() if value)

    @property
    def is_contested(self) -> bool:
        """Whether it happened again: once is a mistake, or a roll-back."""
        return max(self.restored, self.taken) >= AGAIN
