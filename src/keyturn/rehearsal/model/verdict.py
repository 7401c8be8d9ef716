"""What a step or a probe came to, in one form for tables, programs and people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Three answers, and no fourth: what could not be tried says nothing about AWS."""

    AS_EXPECTED = "as-expected"
    DIFFERENT = "different"
    NOT_TRIED = "not-tried"

    @property
    def words(self) -> str:
        """For people."""
        return str(self).replace("-", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one step of the story, or of one probe."""

    name: str
    """A stable word; scripts may match on it, and `--only` takes it."""
    title: str
    """What was tried, in a few words."""
    verdict: Verdict
    seen: str = ""
    """What was seen; of what is different, what it means, too."""
    why: str = ""
    """Why it could not be tried; empty: it was."""
    seconds: float = 0.0
    calls: int = 0
    """How many calls of AWS it took."""
    record: Mapping[str, str] = field(default_factory=dict)
    """Keyturn's record after it: tag of the user's secret → value; empty: there is none."""
    source: str = ""
    """Where AWS says what is expected: a URL; empty: it is Keyturn's own promise."""

    @property
    def said(self) -> str:
        """What was seen, or why it could not be."""
        return self.why if self.verdict is Verdict.NOT_TRIED else self.seen


class Different(Exception):
    """Raised by a step: it came out otherwise than expected; says what was seen."""


class NotTried(Exception):
    """Raised by a step: it cannot be had here; says why."""
