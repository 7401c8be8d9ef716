"""What ASA-Reporter's rules ask for beside a day's digest: the report of a week or a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keyturn.domain.errors import InvalidValue
from keyturn.domain.period import PeriodKind
from keyturn.domain.users_target import RULE, UsersTarget, read_users_target


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAsked:
    """Which report a rule asks for."""

    kind: PeriodKind
    users_target: UsersTarget | None = None
    """How many IAM users there are to be at most at the end of the quarter; None: nobody said."""


PAGE: Final = "page"
"""What an event asks for beside a kind of report: the page of all accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfDay:
    """A rule asks for the page of the day before."""

    users_target: UsersTarget | None = None


def read_page_asked(event: object) -> PageOfDay | None:
    """Read an event that asks for the page; None: it does not. Raises InvalidValue likewise."""
    if not isinstance(event, Mapping) or event.get("report") != PAGE:
        return None
    return PageOfDay(users_target=_target(event.get("users_target")))


def read_report_asked(event: object) -> ReportAsked | None:
    """Read such an event; None: it asks for a day. Raises InvalidValue where it is malformed."""
    if not isinstance(event, Mapping) or "report" not in event:
        return None
    kind = event["report"]
    if not isinstance(kind, str) or kind not in set(PeriodKind):
        raise InvalidValue("report", kind, f"must be one of {', '.join([*PeriodKind, PAGE])}")
    return ReportAsked(kind=PeriodKind(kind), users_target=_target(event.get("users_target")))


def _target(found: object) -> UsersTarget | None:
    """A template hands over a text, and an empty one where nobody set it."""
    if found is None or found == "":
        return None
    is_number = isinstance(found, int) and not isinstance(found, bool)
    target = read_users_target(str(found)) if is_number or isinstance(found, str) else None
    if target is None:
        raise InvalidValue("users_target", found, f"{RULE}, or empty")
    return target
