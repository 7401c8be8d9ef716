"""Which addresses SES lets us send from, and to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class AwsSesIdentities:
    """Meets `deployment.ports.SesIdentities`."""

    def __init__(self, ses: "SESV2Client") -> None:
        self._ses = ses

    def is_verified(self, address: str) -> bool:
        """Whether SES knows that the address, its domain, or one above that, is ours."""
        return any(map(self._is_verified, _identities(address)))

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


def _identities(address: str) -> Iterator[str]:
    """
    What may be verified for an address: itself, its domain, and the domains above that.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    yield address
    domain = address.rpartition("@")[2]
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]
