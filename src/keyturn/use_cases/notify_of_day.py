"""Send the administrators the digest of a day: one a day, however often it is asked for."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.admin_digest import AdminDigest
from keyturn.domain.recipient import Recipient
from keyturn.use_cases.mail_fate import Reachable
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOfDay:
    """Sends the administrators one digest a day."""

    sender: SendOnce
    reachable: Reachable
    admin: Recipient

    def send(self, digest: AdminDigest, now: datetime, patience: Patience) -> Sent[AdminDigest]:
        """
        Send it, unless that day's was sent already. Raises what `SendOnce.send` raises.

        Nothing is sent to administrators who cannot be reached. Also raises a PortError where what
        was sent before cannot be read; nothing was sent then.
        """
        return self.reachable.sent(
            self.admin, now, lambda: send_day(self.sender, digest, self.admin, now, patience)
        )


def send_day(
    sender: SendOnce,
    digest: AdminDigest,
    recipient: Recipient,
    now: datetime,
    patience: Patience,
) -> Sent[AdminDigest]:
    """Send the digest of a day to one recipient, by their channel; likewise."""
    return sender.send(
        [digest],
        recipient,
        now,
        claim=lambda digest: sender.book.claim_day(digest, recipient, now),
        write=lambda _: digest,
        patience=patience,
    )
