"""Where a key is used: its calls of the last 90 days, put together by who made them, and how."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.domain.key import LastUse
from keyturn.domain.key_usage import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was signed with the key."""

    at: datetime
    region: str
    caller: Caller
    is_refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """All calls of one program from one address to one service in a region."""

    caller: Caller
    region: str
    calls: int
    refused: int
    """How many of them AWS refused."""
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is known of where a key is used."""

    key: str
    account: str
    user: str
    status: str
    last_use: LastUse | None
    """By IAM; None: it could not be read."""
    uses: tuple[Use, ...]
    """The one with most calls first."""
    regions: tuple[str, ...]
    """Where calls were looked up."""
    since: datetime
    """From when on."""
    unseen: tuple[str, ...]
    quarantined: str | None = None
    """The policy by which AWS says that the key leaked."""


def uses_of(calls: Iterable[Call]) -> tuple[Use, ...]:
    """Put calls together, the most frequent first."""
    found: dict[tuple[Caller, str], Use] = {}
    for each in calls:
        known = found.get((each.caller, each.region))
        if known is None:
            known = Use(
                caller=each.caller,
                region=each.region,
                calls=0,
                refused=0,
                first=each.at,
                last=each.at,
            )
        found[each.caller, each.region] = replace(
            known,
            calls=known.calls + 1,
            refused=known.refused + each.is_refused,
            first=min(known.first, each.at),
            last=max(known.last, each.at),
        )
    return tuple(sorted(found.values(), key=lambda use: (-use.calls, use.caller.address)))
