"""That a run removed a user from the exemption group: `deferrals/<account>/<UserId>.json`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, TypedDict

from keyturn.domain.key import Unknown
from keyturn.domain.reading import NotReadableError, read_json
from keyturn.domain.removal import Removal, RemovalState
from keyturn.domain.tag_text import format_utc, moment
from keyturn.schemas.account import AccountId, Moment

VERSION: Final = 1


class RemovalFile(TypedDict):
    """
    The last removal of a user from the exemption group.

    at: when the run set out to. state: begun (nobody may know whether it was made), done, refused.
    """

    version: Literal[1]
    account: AccountId
    user: str
    user_id: str
    group: str
    run: str
    at: Moment
    state: RemovalState


def write_removal(removal: Removal) -> bytes:
    """What is stored."""
    form: RemovalFile = {
        "version": VERSION,
        "account": removal.account,
        "user": removal.user,
        "user_id": removal.user_id,
        "group": removal.group,
        "run": removal.run,
        "at": format_utc(removal.at),
        "state": removal.state,
    }
    return (json.dumps(form) + "\n").encode()


def read_removal(
    body: bytes, *, account: str, user_id: str, written: datetime
) -> Removal | Unknown:
    """
    Read what is stored for a user.

    Unknown: it is of no form that we know. Raises nothing.

    Args:
        body: the object.
        account: in whose folder it is.
        user_id: by whose name.
        written: when it was stored, UTC, by S3's clock: no removal was begun after it.

    """
    try:
        found = read_json(body)
        read = _read(found, account, user_id) if isinstance(found, Mapping) else None
    except (NotReadableError, KeyError, TypeError, ValueError, AttributeError):
        read = None
    if read is None:
        return Unknown("what is stored of a removal is of no form that this version knows")
    return replace(read, at=min(read.at, written))


def _read(found: Mapping[str, Any], account: str, user_id: str) -> Removal | None:
    at = moment(found["at"])
    if found["version"] != VERSION or at is None:
        return None
    return Removal(
        account=account,
        user=str(found["user"]),
        user_id=user_id,
        group=str(found["group"]),
        run=str(found["run"]),
        at=at,
        state=RemovalState(found["state"]),
    )
