"""Which addresses SES lets us send from, and to."""

from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class SesSenders:
    """Meets `ports.Senders`."""

    def __init__(self, ses: "SESV2Client") -> None:
        self._ses = ses

    def is_verified(self, address: str) -> bool:
        """Whether SES knows that the address, or its domain, is ours."""
        return any(map(self._is_verified, (address, address.rpartition("@")[2])))

    def is_in_sandbox(self) -> bool:
        """Whether mails go to verified addresses only."""
        with aws_errors_translated():
            return not self._ses.get_account().get("ProductionAccessEnabled", False)

    def _is_verified(self, identity: str) -> bool:
        try:
            with aws_errors_translated():
                found = self._ses.get_email_identity(EmailIdentity=identity)
        except NotFound:
            return False
        return found.get("VerifiedForSendingStatus", False)
