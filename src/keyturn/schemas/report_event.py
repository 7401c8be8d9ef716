"""What ASA-Reporter's rules ask for beside a day's digest: the report of a week or a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyturn.domain.errors import InvalidValue
from keyturn.domain.period import PeriodKind

_MOST: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAsked:
    """Which report a rule asks for."""

    kind: PeriodKind
    users_target: int | None = None
    """How many IAM users there are to be at most at the end of the quarter; None: nobody said."""


def read_report_asked(event: object) -> ReportAsked | None:
    """Read such an event; None: it asks for a day. Raises InvalidValue where it is malformed."""
    if not isinstance(event, Mapping) or "report" not in event:
        return None
    kind = event["report"]
    if kind not in set(PeriodKind):
        raise InvalidValue("report", kind, f"must be one of {', '.join(PeriodKind)}")
    return ReportAsked(kind=PeriodKind(kind), users_target=_target(event.get("users_target")))


def _target(found: object) -> int | None:
    """A template hands over a text, and an empty one where nobody set it."""
    if found is None or found == "":
        return None
    is_text = isinstance(found, str) and found.isascii() and found.isdigit()
    if is_text or (isinstance(found, int) and not isinstance(found, bool)):
        number = int(str(found)[: len(str(_MOST))])
        if 0 <= number <= _MOST:
            return number
    raise InvalidValue("users_target", found, "must be a number of users, or empty")
