"""
A run over one account, as it waits in the queue.

Its form and its reader are in `rotation_event`: whoever may put something into the queue is
checked there, and a use case writes it here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from keyturn.domain.key import Account
from keyturn.domain.stage import SeenBelow
from keyturn.domain.tag_text import format_utc

MOST_ASKED: Final = 2_000
"""
Units that were asked for: an organisation has no more.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""

LARGEST_MESSAGE: Final = 200_000
"""
Bytes. SQS takes 1,048,576 by now, and 262,144 where a queue was made before that.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""


def write_message(  # noqa: PLR0913 -- a field of the message each
    account: Account,
    *,
    run: str,
    requested: datetime,
    users: Sequence[str] | None = None,
    dry_run: bool = False,
    seen: SeenBelow | None = None,
) -> dict[str, object]:
    """
    The message: field → value, as JSON has it; what the account has not is left out.

    requested: UTC; a message that is too old is dropped.
    users: None means all of them; an empty list is written as one, and refused when it is read.
    dry_run: it asks for one, and cannot ask for the opposite.
    seen: below which units of the stage an inventory found it. No event but those of this queue
    may say that: whoever orders a run by hand does not enforce by it.
    """
    return {
        "account": account.id,
        **({"email": account.email} if account.email else {}),
        **({"name": account.name} if account.name else {}),
        **({} if account.units is None else {"units": list(account.units)}),
        **({} if account.units_asked is None else {"unitsAsked": sorted(account.units_asked)}),
        "run": run,
        "requested": format_utc(requested),
        **({} if users is None else {"users": list(users)}),
        **({"dryrun": True} if dry_run else {}),
        **({} if seen is None else {"stage": sorted(seen.units)}),
        **({} if seen is None else {"stageAsked": sorted(seen.listed)}),
    }


def in_parts(message: Mapping[str, Any], users: Sequence[str]) -> Iterator[dict[str, Any]]:
    """
    The message for these users: several, where their names fill more than one.

    5,000 users with the longest names are 340,000 bytes. Each user is in one message, in order.
    """
    left = LARGEST_MESSAGE - len(json.dumps({**message, "users": []}))
    part: list[str] = []
    size = 0
    for name in users:
        length = len(json.dumps(name)) + len(", ")
        if part and size + length > left:
            yield {**message, "users": part}
            part, size = [], 0
        part.append(name)
        size += length
    if part:
        yield {**message, "users": part}
