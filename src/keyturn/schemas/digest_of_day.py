"""
The administrators' digest of a day, as it travels over the bus to the notifier.

Keyturn's own: nobody else is to build on it. `digest_due` checks one and reads it. What is written
passes there whatever is in it: names and messages are of others' making, and none of them may keep
the digest from being sent.
"""

import json
import re
from dataclasses import replace
from typing import Final, TypedDict

from keyturn.domain.admin_digest import AdminDigest, with_lists
from keyturn.domain.plain_text import cut, shown
from keyturn.domain.worst_lines import LONGEST, WORST
from keyturn.schemas.account import Count
from keyturn.schemas.admin_digest import AdminDigestFile, write_admin_digest
from keyturn.schemas.worst_lines import cleaned

LARGEST_DUE: Final = 200_000
"""Bytes of the event's detail: EventBridge takes 256 KB with the rest of it."""
STORED_OBJECT: Final = re.compile(r"[A-Za-z0-9!_.*'()=/-]{0,1024}")
"""The name of an object in the bucket, or nothing."""


class DayForm(AdminDigestFile):
    """
    The digest, how many failures of it last, and where the whole is stored.

    chain_end: the last link of the audit chain when it was made, or empty.
    run: its id, where it is of one run from a command line; empty: it is of a whole day.
    """

    failures_lasting: Count
    csv: str
    chain_end: str
    run: str


class DigestDue(TypedDict):
    """What asks for the administrators' mail of a day."""

    digest: DayForm


def write_digest_due(digest: AdminDigest) -> DigestDue:
    """
    The detail of a `Digest Due` event, as long as one may be.

    Where the worst lines of all lists are too long for an event, each list shows fewer.
    """
    due = _write(digest, WORST)
    for lines in reversed(range(WORST)):
        if len(json.dumps(due).encode()) <= LARGEST_DUE:
            break
        due = _write(digest, lines)
    return due


def _write(digest: AdminDigest, lines: int) -> DigestDue:
    remarks = tuple(cut(shown(each), LONGEST) for each in digest.remarks[:WORST])
    listed = with_lists(digest, lambda found: cleaned(found, lines))
    pause = digest.pause and replace(
        digest.pause,
        by=cut(shown(digest.pause.by), LONGEST),
        why=cut(shown(digest.pause.why), LONGEST),
        also=(),  # `doctor` and `resume` name who else asked for it
    )
    clean = replace(listed, remarks=remarks, pause=pause)
    return {
        "digest": {
            **write_admin_digest(clean),
            "failures_lasting": digest.failures_lasting,
            "csv": digest.csv if STORED_OBJECT.fullmatch(digest.csv) else "",
            "chain_end": digest.chain_end,
            "run": digest.run,
        }
    }
