"""Send the administrators a report of a day, week or month: once, however often it is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from keyturn.domain.notice_content import AdminReport
from keyturn.domain.recipient import Recipient
from keyturn.use_cases.mail_fate import Reachable
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent

Report = TypeVar("Report", bound=AdminReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOfReport:
    """Sends the administrators one report of each day, week and month."""

    sender: SendOnce
    reachable: Reachable
    admin: Recipient

    def send(self, report: Report, now: datetime, patience: Patience) -> Sent[Report]:
        """
        Send it, unless that time's was sent already. Raises what `SendOnce.send` raises.

        Nothing is sent to administrators who cannot be reached. Also raises a PortError where what
        was sent before cannot be read; nothing was sent then.
        """
        return self.reachable.sent(
            self.admin, now, lambda: send_report(self.sender, report, self.admin, now, patience)
        )


def send_report(
    sender: SendOnce, report: Report, recipient: Recipient, now: datetime, patience: Patience
) -> Sent[Report]:
    """Send a report to one recipient, by their channel; likewise."""
    return sender.send(
        [report],
        recipient,
        now,
        claim=lambda each: sender.book.claim_report(each, recipient, now),
        write=lambda _: report,
        patience=patience,
    )
