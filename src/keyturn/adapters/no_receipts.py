"""Where no notifier was ever deployed, nobody was told anything."""

from datetime import datetime

from keyturn.domain.key import Receipt


class NoReceipts:
    """Meets `ports.Receipts`."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:  # noqa: ARG002 -- meets the port
        """There are none."""
        return ()

    def last_dry_run_digest(self, account: str, address: str) -> datetime | None:  # noqa: ARG002 -- meets the port
        """There was none."""
        return None
