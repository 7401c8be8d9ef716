"""What operators had Keyturn do, as it is stored; none of ours reads it."""

import json
from typing import Final, Literal, TypedDict

from keyturn.domain.audit import AuditEntry
from keyturn.domain.tag_text import format_utc
from keyturn.schemas.account import Moment

VERSION: Final = 1


class AuditFile(TypedDict):
    """
    What was ordered, by whom and why, and what came of it.

    It is written twice, beside each other: at the begin (`ended` is null) and at the end.
    """

    version: Literal[1]
    command: str
    by: str
    claimed: bool
    request: str | None
    why: str | None
    account: str | None
    user: str | None
    key: str | None
    secret: str | None
    plan: str | None
    plan_sha256: str | None
    run: str | None
    begun: Moment
    ended: Moment | None
    outcome: str
    said: list[str]


def write_audit(entry: AuditEntry) -> bytes:
    """The object of an entry, JSON in UTF-8."""
    document: AuditFile = {
        "version": VERSION,
        "command": entry.command,
        "by": entry.by,
        "claimed": entry.claimed,
        "request": entry.request,
        "why": entry.why,
        "account": entry.account,
        "user": entry.user,
        "key": entry.key,
        "secret": entry.secret,
        "plan": entry.plan,
        "plan_sha256": entry.plan_sha256,
        "run": entry.run,
        "begun": format_utc(entry.at),
        "ended": format_utc(entry.ended) if entry.ended else None,
        "outcome": entry.outcome,
        "said": list(entry.said),
    }
    return json.dumps(document, indent=2).encode()
