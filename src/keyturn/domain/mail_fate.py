"""What became of a mail after SES had taken it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MailFate(StrEnum):
    """What became of a mail, as it is stored beside the receipts of the mail."""

    DELIVERED = "delivered"
    """The recipient's mail server has taken it."""
    BOUNCED = "bounced"
    """It was refused for good: the address is dead."""
    SUPPRESSED = "suppressed"
    """SES took it and never sent it: the address is on a suppression list."""
    COMPLAINED = "complained"
    """The recipient calls it spam: nobody reads what comes there from us."""
    REJECTED = "rejected"
    """SES took it and found a virus in it: it was never sent."""
    NOT_RENDERED = "not-rendered"
    """SES could not write it out: it was never sent."""
    TRANSIENT = "transient"
    """It did not arrive, and may arrive next time: a full mailbox, a mail server that is down."""
    NOT_SPAM = "not-spam"
    """The recipient says that it is no spam."""

    @property
    def voids(self) -> bool:
        """Whether nobody was notified by such a mail: its receipts prove nothing."""
        return self in _VOIDS

    @property
    def condemns_address(self) -> bool:
        """Whether the address was at fault: the next mail to it would come to the same."""
        return self in _CONDEMNS


_CONDEMNS = {MailFate.BOUNCED, MailFate.SUPPRESSED, MailFate.COMPLAINED}
_VOIDS = {*_CONDEMNS, MailFate.REJECTED, MailFate.NOT_RENDERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailEvent:
    """What SES said of one mail."""

    id: str
    """The event's own."""
    message_id: str
    """The mail's, as SES gave it when it took the mail."""
    fate: MailFate
    why: str
    """In SES's words, on one line."""
    at: datetime
    """When it happened, UTC."""
    sent_at: datetime
    """When SES took the mail, UTC."""
    is_tagged: bool
    """Whether the mail has our tag: a configuration set may serve other applications too."""

    @property
    def dead_since(self) -> datetime:
        """
        From when the address counts as dead, if it does: what arrives later says otherwise.

        That is when the mail was sent, however late AWS says what became of it; but somebody
        calls a mail spam when they do.
        """
        return self.at if self.fate is MailFate.COMPLAINED else self.sent_at
