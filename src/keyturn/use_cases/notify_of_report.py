"""Send the administrators the report of a week or a month: once, however often it is asked for."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.domain.period_report import PeriodReport
from keyturn.domain.recipient import Recipient
from keyturn.use_cases.mail_fate import Reachable
from keyturn.use_cases.patience import Patience
from keyturn.use_cases.send_once import SendOnce, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyOfReport:
    """Sends the administrators one report a week or month."""

    sender: SendOnce
    reachable: Reachable
    admin: Recipient

    def send(self, report: PeriodReport, now: datetime, patience: Patience) -> Sent[PeriodReport]:
        """
        Send it, unless that time's was sent already. Raises what `NotifyOfDay.send` raises.

        Nothing is sent to administrators who cannot be reached.
        """
        return self.reachable.sent(
            self.admin, now, lambda: send_report(self.sender, report, self.admin, now, patience)
        )


def send_report(
    sender: SendOnce,
    report: PeriodReport,
    recipient: Recipient,
    now: datetime,
    patience: Patience,
) -> Sent[PeriodReport]:
    """Send a report to one recipient, by their channel; likewise."""
    return sender.send(
        [report],
        recipient,
        now,
        claim=lambda report: sender.book.claim_report(report, recipient, now),
        write=lambda _: report,
        patience=patience,
    )
