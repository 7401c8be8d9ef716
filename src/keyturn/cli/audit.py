"""The audit entry of what an operator commands from the command line."""

import uuid
from collections.abc import Iterable, Iterator, Sequence

from keyturn.cli.local_run import now
from keyturn.domain.errors import KeyturnError, PortError
from keyturn.domain.result import AccountResult
from keyturn.ports import AuditEntry
from keyturn.wiring import Aws

SOMEBODY = "somebody (STS did not say)"
MOST_SAID = 2000
"""Sentences of an entry: of a larger run, the snapshots have the rest."""


def entry_of(
    aws: Aws, command: str, *, why: str | None = None, urgent: bool = False
) -> AuditEntry:
    """Begin an entry; in an emergency, who gives the command may stay unknown."""
    try:
        by = aws.caller()
    except PortError:
        if not urgent:
            raise
        by = SOMEBODY
    return AuditEntry(entry_id=uuid.uuid4().hex[:12], command=command, at=now(), by=by, why=why)


def said(results: Sequence[AccountResult]) -> Iterator[str]:
    """What was done, for the entry."""
    for result in results:
        for outcome in result.outcomes:
            for done in outcome.done:
                new = f", new key {done.new_key}" if done.new_key else ""
                decision = done.decision
                yield f"{decision.action} {decision.key_id}: {decision.sentence}{new}"
        yield from (f"{each.step} {each}" for each in result.secrets_done)


def shortened(lines: Sequence[str]) -> Sequence[str]:
    """As many sentences as an entry holds, and how many there are beside."""
    more = len(lines) - MOST_SAID
    if more <= 0:
        return lines
    return [*lines[:MOST_SAID], f"and {more} more, in the snapshots of the run"]


def unkept(errors: Iterable[KeyturnError]) -> Iterator[str]:
    """That an entry could not be written; what it tells of was done all the same."""
    for error in errors:
        yield f"an audit entry could not be written: {error}"
