"""The mails: whether SES sends in the administrators' name, and to the owners."""

from typing import ClassVar

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode


class SenderVerified(HealthCheck):
    """SES has verified the address that mails come from."""

    id = Check.SENDER
    needs = "ses:GetEmailIdentity"
    remedies: ClassVar = {
        FindingCode.SENDER_UNVERIFIED: problem(
            "nobody can be notified: `aws sesv2 create-email-identity`, and follow the mail "
            "that comes"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Ask SES for the address."""
        admin = seen.parameter("AdminEmailAddress")
        if not seen.ses_identities.is_verified(admin):
            said = f"SES in {seen.security.region} has not verified {admin}"
            return self.faulty(FindingCode.SENDER_UNVERIFIED, said)
        return self.well(f"{admin} is verified")


class OwnersVerified(HealthCheck):
    """SES sends to every owner."""

    id = Check.OWNERS
    needs = "ses:GetAccount and GetEmailIdentity, organizations:ListAccounts"
    remedies: ClassVar = {
        FindingCode.SES_SANDBOX: warning(
            "ask for SES production access: an owner who is not verified would not be notified"
        ),
        FindingCode.OWNERS_UNVERIFIED: problem(
            "ask for SES production access, or verify these addresses: nothing of theirs ends "
            "until they can be notified"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Ask SES whether it is in its sandbox, and then for the accounts' own addresses."""
        if not seen.ses_identities.is_in_sandbox():
            return self.well("SES sends to everybody")
        addresses = sorted({each.email for each in seen.accounts if each.email})
        unverified = [each for each in addresses if not seen.ses_identities.is_verified(each)]
        if unverified:
            said = f"SES is in its sandbox, and has not verified: {some(unverified)}"
            return self.faulty(FindingCode.OWNERS_UNVERIFIED, said)
        said = "SES is in its sandbox; the accounts' own addresses are verified"
        return self.faulty(FindingCode.SES_SANDBOX, said)
