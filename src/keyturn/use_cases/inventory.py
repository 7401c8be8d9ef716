"""Which accounts there are, and who of them gets a run today."""

from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.domain.key import Account
from keyturn.ports import Organization, Queue

SUSPENDED = "it is suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The accounts of an organisation: those to look after, and those skipped with the reason."""

    accounts: tuple[Account, ...]
    skipped: tuple[tuple[Account, str], ...] = ()


def take_inventory(
    organization: Organization, *, ou: str | None = None, only: Iterable[str] = ()
) -> Inventory:
    """List the accounts below `ou` (None: all); `only` keeps those ids of them."""
    wanted = set(only)
    listed = [
        each for each in organization.accounts(ou) if not wanted or each.account.id in wanted
    ]
    known = {each.account.id for each in listed}
    return Inventory(
        accounts=tuple(each.account for each in listed if not each.suspended),
        skipped=(
            *((each.account, SUSPENDED) for each in listed if each.suspended),
            *(
                (Account(id=missing), "it is not in the organisation, or not below the unit")
                for missing in sorted(wanted - known)
            ),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Queues one rotation an account."""

    organization: Organization
    queue: Queue
    ou: str | None

    def look(self) -> Inventory:
        """Find the accounts."""
        return take_inventory(self.organization, ou=self.ou)

    def send(self, inventory: Inventory, run: str) -> None:
        """Queue every account that is not skipped; raises which could not be queued."""
        self.queue.send(
            (
                {
                    "account": account.id,
                    "email": account.email,
                    "name": account.name,
                    "run": run,
                }
                for account in inventory.accounts
            ),
            run=run,
        )
