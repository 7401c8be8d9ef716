"""Which addresses SES lets us send from, and to."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from keyturn.adapters.aws_errors import aws_errors_translated
from keyturn.deployment.model.facts import SendingFacts
from keyturn.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import (
        GetEmailIdentityResponseTypeDef,
        ListSuppressedDestinationsRequestTypeDef,
    )


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

    def dkim_of(self, address: str) -> str | None:
        """Of the identities that may sign for the address, the first that SES knows."""
        for identity in _identities(address):
            found = self._identity(identity)
            dkim = found.get("DkimAttributes", {}) if found else {}
            if dkim.get("SigningEnabled"):
                return dkim.get("Status", "")
        return None

    def published(self, configuration_set: str) -> frozenset[str]:
        """The types of the enabled destinations that are EventBridge."""
        with aws_errors_translated():
            found = self._ses.get_configuration_set_event_destinations(
                ConfigurationSetName=configuration_set
            )
        return frozenset(
            kind
            for each in found.get("EventDestinations", [])
            if each.get("Enabled") and "EventBridgeDestination" in each
            for kind in each["MatchingEventTypes"]
        )

    def suppressed(self) -> Mapping[str, str]:
        """Every page of the list: address in lower case → SES's reason."""
        listed: dict[str, str] = {}
        more: ListSuppressedDestinationsRequestTypeDef = {}
        while True:
            with aws_errors_translated():
                page = self._ses.list_suppressed_destinations(**more)
            for each in page.get("SuppressedDestinationSummaries", []):
                listed[each["EmailAddress"].lower()] = each["Reason"]
            if not page.get("NextToken"):
                return listed
            more = {"NextToken": page["NextToken"]}

    def sending(self) -> SendingFacts:
        """The account's switch and quota."""
        with aws_errors_translated():
            found = self._ses.get_account()
        quota = found.get("SendQuota", {})
        return SendingFacts(
            enabled=found.get("SendingEnabled", False),
            quota=quota.get("Max24HourSend", 0),
            sent=quota.get("SentLast24Hours", 0),
            rate=quota.get("MaxSendRate", 0),
        )

    def _is_verified(self, identity: str) -> bool:
        found = self._identity(identity)
        return found is not None and found.get("VerifiedForSendingStatus", False)

    def _identity(self, identity: str) -> "GetEmailIdentityResponseTypeDef | None":
        try:
            with aws_errors_translated():
                return self._ses.get_email_identity(EmailIdentity=identity)
        except NotFound:
            return None


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
