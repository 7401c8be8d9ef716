"""What is so without a bucket: there are no receipts, so no key is disabled or deleted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from keyturn.domain.deferral import Deferral
from keyturn.domain.errors import NotFound, Refused
from keyturn.domain.key import Receipt, SentNotice, Unknown
from keyturn.domain.recipient import Recipient, RecipientId
from keyturn.domain.removal import Removal
from keyturn.ports import Pause, Reservation, StoredDeferral


class NoReceipts:
    """Meets `ports.Receipts`."""

    def of_key(self, account: str, user: str, key_id: str) -> tuple[Receipt, ...]:  # noqa: ARG002 -- meets the port
        """There are none."""
        return ()

    def notices_of_key(self, account: str, user: str, key_id: str) -> tuple[SentNotice, ...]:  # noqa: ARG002 -- meets the port
        """There are none."""
        return ()

    def undeliverable(self) -> Mapping[RecipientId, datetime]:
        """Recipient → when: none is known of."""
        return {}

    def last_dry_run_digest(self, account: str, recipient: Recipient) -> datetime | None:  # noqa: ARG002 -- meets the port
        """There was none."""
        return None


class NoDeferrals:
    """Meets `ports.Deferrals`."""

    def known_of(self, account: str) -> frozenset[str]:  # noqa: ARG002 -- meets the port
        """Nobody can give time where nothing is stored, nor is anybody removed."""
        return frozenset()

    def of_key(self, account: str, key_id: str) -> StoredDeferral:  # noqa: ARG002 -- meets the port
        """Raises NotFound: no key was given any."""
        raise NotFound("without a bucket no key was given more time")

    def put(self, deferral: Deferral, *, instead_of: str | None) -> None:  # noqa: ARG002 -- meets the port
        """Raises Refused: no run would know of it."""
        raise Refused("without a bucket no run would know of it")

    def removal_of(self, account: str, user_id: str) -> Removal | Unknown:  # noqa: ARG002 -- meets the port
        """Raises NotFound: nobody was removed."""
        raise NotFound("without a bucket nobody was removed from the exemption group")

    def put_removal(self, removal: Removal) -> None:  # noqa: ARG002 -- meets the port
        """Raises Refused: no run would know of it."""
        raise Refused("without a bucket no run would know of it")


class NoDailyLimitLedger:
    """Meets `ports.DailyLimitLedger`."""

    def of_day(self, account: str, day: date) -> Sequence[Reservation]:  # noqa: ARG002 -- meets the port
        """No key was to end."""
        return ()

    def reserve(
        self,
        account: str,  # noqa: ARG002 -- meets the port
        day: date,  # noqa: ARG002 -- meets the port
        run: str,  # noqa: ARG002 -- meets the port
        keys: Collection[str],  # noqa: ARG002 -- meets the port
        *,
        ordered: bool = False,
    ) -> None:
        """Raises Refused but for an order: what cannot be counted must not be done."""
        if not ordered:
            raise Refused("without a bucket nobody can count how many keys end in a day")


class NoPauseFlag:
    """Meets `ports.PauseFlag`."""

    def pause(self) -> Pause | None:
        """Nobody can pause what has no bucket."""
        return None

    def set(self, pause: Pause) -> None:  # noqa: ARG002 -- meets the port
        """Raises Refused: nobody would see it."""
        raise Refused("without a bucket nobody would see a pause")

    def replace(self, pause: Pause) -> None:
        """Raises Refused: nobody would see it."""
        self.set(pause)

    def clear(self) -> None:
        """There is none to lift."""
