"""What the inventory function answers."""

from collections.abc import Iterable
from typing import TypedDict

from keyturn.domain.key import Account
from keyturn.schemas.account import AccountId, Skipped, write_skipped


class InventoryAnswer(TypedDict):
    """The accounts that were queued, and those that get no run."""

    run: str
    queued: list[AccountId]
    skipped: list[Skipped]


def write_inventory_answer(
    run: str, accounts: Iterable[Account], skipped: Iterable[tuple[Account, str]]
) -> InventoryAnswer:
    """What became of an inventory; skipped: each account with the reason."""
    return {
        "run": run,
        "queued": [account.id for account in accounts],
        "skipped": write_skipped(skipped),
    }
