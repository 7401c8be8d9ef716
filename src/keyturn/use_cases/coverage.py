"""Which accounts nobody looked after, though the inventory lists them: their runs got lost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.days import DAY
from keyturn.domain.errors import KeyturnError
from keyturn.ports import Coverage
from keyturn.use_cases.inventory import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """The accounts that had no run, and why that is not known, if it is not."""

    accounts: tuple[str, ...]
    """Their ids."""
    unknown: KeyturnError | None = None
    """None: it is known."""


def not_reached(
    connect: Callable[[], Coverage], inventory: Inventory, now: datetime
) -> NotReached | None:
    """
    Find the accounts that had no run since the day before began; None before the first whole day.

    By each account's own snapshot, and not by counting runs: two runs over one account make up
    for none over another. An account that joined since had no inventory that could list it. Where
    the snapshots cannot be listed it is all of them: an alarm that nobody can ask is not quiet.
    """
    today = now.date()
    before = today - DAY
    due = [
        account.id
        for account in inventory.accounts
        if account.id not in inventory.joined or inventory.joined[account.id].date() < before
    ]
    try:
        coverage = connect()
        if not coverage.has_before(today):
            return None
        # Today's, for whoever waited in the queue beyond midnight.
        reached = coverage.accounts_of(before) | coverage.accounts_of(today)
    except KeyturnError as error:
        return NotReached(accounts=tuple(due), unknown=error)
    return NotReached(accounts=tuple(each for each in due if each not in reached))
