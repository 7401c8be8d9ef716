"""The addresses to which SES takes mails and sends none: the account's suppression list."""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound
from keyturn.domain.recipient import ChannelName, Recipient

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class SesSuppressionList:
    """Meets `ports.SuppressionList`; of recipients by other channels SES knows nothing."""

    def __init__(self, ses: "SESV2Client") -> None:
        self._ses = ses

    def why_suppressed(self, recipient: Recipient) -> str | None:
        """Ask for one address."""
        if recipient.channel is not ChannelName.EMAIL or not recipient.can_be_reached:
            return None
        try:
            with aws_errors_translated():
                found = self._ses.get_suppressed_destination(
                    EmailAddress=recipient.normalized_address
                )
        except NotFound:
            return None
        return str(found["SuppressedDestination"]["Reason"])
