"""What `keyturn trace --format json` answers."""

from typing import Literal, TypedDict

from keyturn.domain.key_trace import Trace, Use
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import AccountId, Moment
from keyturn.schemas.snapshot import LastUsed


class UseFile(TypedDict):
    """All calls of one program from one address to one service in a region."""

    service: str
    region: str
    address: str
    agent: str
    """What the program calls itself."""
    calls: int
    refused: int
    first: Moment
    last: Moment


class TraceFile(TypedDict):
    """Where a key is used; last_use is null where it could not be read."""

    version: Literal[1]
    key: str
    account: AccountId
    user: str
    status: str
    quarantined: str | None
    """The policy by which AWS says that the key leaked; null: there is none, or nobody looked."""
    last_use: LastUsed | None
    since: Moment
    regions: list[str]
    uses: list[UseFile]
    unseen: list[str]


def write_trace(trace: Trace) -> TraceFile:
    """The answer."""
    use = trace.last_use
    return {
        "version": 1,
        "key": trace.key,
        "account": trace.account,
        "user": trace.user,
        "status": trace.status,
        "quarantined": trace.quarantined,
        "last_use": None
        if use is None
        else {
            "at": format_utc(use.at) if use.at else None,
            "service": use.service,
            "region": use.region,
        },
        "since": format_utc(trace.since),
        "regions": list(trace.regions),
        "uses": [_use(each) for each in trace.uses],
        "unseen": list(trace.unseen),
    }


def _use(use: Use) -> UseFile:
    return {
        "service": use.caller.service,
        "region": use.region,
        "address": use.caller.address,
        "agent": use.caller.agent,
        "calls": use.calls,
        "refused": use.refused,
        "first": format_utc(use.first),
        "last": format_utc(use.last),
    }
