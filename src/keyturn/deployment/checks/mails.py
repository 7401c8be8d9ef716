"""The mails: whether SES sends in the administrators' name, and to the owners."""

from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import MAILS_RULE, NOTICES, REPORTER, REPORTER_RULE
from keyturn.deployment.model.wanted import ADMIN_DIGEST, DAILY
from keyturn.domain.errors import NotFound
from keyturn.domain.policy import ProofOfNotice

DKIM_WELL: Final = "SUCCESS"
DELIVERY: Final = "DELIVERY"
HEARD: Final = frozenset({"BOUNCE", "COMPLAINT", DELIVERY, "REJECT", "RENDERING_FAILURE"})
"""What the notifier hears of mails, in SES's words."""


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
    """SES sends to the accounts' own addresses."""

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


class DkimSigns(HealthCheck):
    """Mails are signed in the name of the admin's domain."""

    id = Check.DKIM
    needs = "ses:GetEmailIdentity"
    remedies: ClassVar = {
        FindingCode.DKIM_OFF: warning(
            "verify the domain and publish its three CNAME records (step 1 of docs/deploy.md): "
            "unsigned notices end in spam folders"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Ask SES for the identity that signs."""
        admin = seen.parameter("AdminEmailAddress")
        status = seen.ses_identities.dkim_of(admin)
        if status is None:
            return self.faulty(FindingCode.DKIM_OFF, f"no mail from {admin} is signed")
        if status != DKIM_WELL:
            said = f"the DKIM status of the domain of {admin} is {status or 'unknown'}"
            return self.faulty(FindingCode.DKIM_OFF, said)
        return self.well(f"mails from {admin} are signed")


class MailEvents(HealthCheck):
    """The notifier hears what became of its mails."""

    id = Check.MAIL_EVENTS
    needs = "ses:GetConfigurationSetEventDestinations, events:DescribeRule and ListTargetsByRule"
    remedies: ClassVar = {
        FindingCode.NO_CONFIGURATION_SET: warning(
            "`keyturn deploy --parameter ConfigurationSet=asa-iam-key-rotation`: until then a "
            "mail that bounces counts as a notice"
        ),
        FindingCode.CONFIGURATION_SET_MISSING: problem(
            "SES refuses every mail that names it: run `keyturn deploy` again"
        ),
        FindingCode.MAIL_EVENTS_LACKING: problem(
            "a mail that bounces counts as a notice: run `keyturn deploy` again"
        ),
        FindingCode.DELIVERY_UNREPORTED: problem(
            "ProofOfNotice is Delivered, and no mail counts whose delivery is not reported: no "
            "key ends. `keyturn deploy --parameter ConfigurationSet=asa-iam-key-rotation` if that "
            "is empty, or run `keyturn deploy` again"
        ),
        FindingCode.MAIL_RULE_OFF: problem(
            "a mail that bounces counts as a notice: `aws events enable-rule`, or run "
            "`keyturn deploy` again"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Follow the events to the queue; worse is what keeps a delivery from being reported."""
        found, unheard = self._heard(seen)
        by_delivery = seen.parameters.get("ProofOfNotice") == ProofOfNotice.DELIVERED
        if by_delivery and DELIVERY in unheard:
            return self.faulty(FindingCode.DELIVERY_UNREPORTED, found.said)
        return found

    def _heard(self, seen: Observed) -> tuple[Finding, frozenset[str]]:
        """Follow the events from the configuration set; of which nothing is heard, too."""
        name = seen.parameters.get("ConfigurationSet", "")
        if not name:
            said = "mails are sent without a configuration set"
            return self.faulty(FindingCode.NO_CONFIGURATION_SET, said), HEARD
        try:
            lacking = HEARD - seen.ses_identities.published(name)
        except NotFound:
            said = f"SES has no configuration set {name}"
            return self.faulty(FindingCode.CONFIGURATION_SET_MISSING, said), frozenset()
        if lacking:
            said = f"{name} does not publish to EventBridge: {', '.join(sorted(lacking))}"
            return self.faulty(FindingCode.MAIL_EVENTS_LACKING, said), lacking
        here = seen.security.region
        away = seen.parameters.get("MailRegion") or here
        place = f"{here}:{seen.security.account}"
        wrong = None
        if away != here:
            wrong = self._wrong(seen, away, f"{place}:event-bus/default")
        wrong = wrong or self._wrong(seen, here, f"{place}:{NOTICES}")
        if wrong:
            return wrong, HEARD
        return self.well(f"the notifier hears what becomes of mails by {name}"), frozenset()

    def _wrong(self, seen: Observed, region: str, target: str) -> Finding | None:
        """What is wrong with the rule of a region, that is to send to what ends so."""
        rules = seen.probes.rules_of(region)
        try:
            if not rules.is_enabled(MAILS_RULE, None):
                said = f"the rule {MAILS_RULE} in {region} is disabled"
                return self.faulty(FindingCode.MAIL_RULE_OFF, said)
            targets = rules.targets(MAILS_RULE)
        except NotFound:
            said = f"there is no rule {MAILS_RULE} on the default bus in {region}"
            return self.faulty(FindingCode.MAIL_RULE_OFF, said)
        if any(each.endswith(f":{target}") for each in targets):
            return None
        said = f"the rule {MAILS_RULE} in {region} does not send to {target}"
        return self.faulty(FindingCode.MAIL_RULE_OFF, said)


class DigestMade(HealthCheck):
    """Somebody makes the administrators' digest of each day, where no copies are sent."""

    id = Check.REPORTS
    needs = "lambda:GetFunctionConfiguration and GetFunctionConcurrency, events:DescribeRule"
    remedies: ClassVar = {
        FindingCode.REPORTER_MISSING: problem(
            "the admin hears of nothing but what they own: run `keyturn deploy` again, or deploy "
            "the core with AdminDigest=Account"
        ),
        FindingCode.REPORTER_OFF: problem(
            "the admin hears of nothing but what they own: `aws events enable-rule`, or `aws "
            "lambda delete-function-concurrency`"
        ),
        FindingCode.REPORTER_NOT_NEEDED: warning(
            "the admin gets a copy of each run over each account, and the digest of the day too: "
            "`keyturn deploy --parameter AdminDigest=Daily` leaves the copies out, or delete the "
            "reports stack"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the function and at what gives it its turns."""
        if seen.parameters.get(ADMIN_DIGEST) != DAILY:
            return self._beside_copies(seen)
        try:
            found = seen.probes.functions.look(REPORTER)
            is_enabled = seen.probes.event_rules.is_enabled(REPORTER_RULE, None)
        except NotFound:
            said = f"there is no {REPORTER}, or no rule {REPORTER_RULE}"
            return self.faulty(FindingCode.REPORTER_MISSING, said)
        if not is_enabled:
            said = f"the rule {REPORTER_RULE} is disabled"
            return self.faulty(FindingCode.REPORTER_OFF, said)
        if found.reserved == 0:
            said = f"{REPORTER} may not run: 0 is reserved for it"
            return self.faulty(FindingCode.REPORTER_OFF, said)
        return self.well(f"{REPORTER} makes the admin's digest of each day")

    def _beside_copies(self, seen: Observed) -> Finding:
        try:
            is_enabled = seen.probes.event_rules.is_enabled(REPORTER_RULE, None)
        except NotFound:
            is_enabled = False
        if is_enabled:
            said = f"AdminDigest is Account, and {REPORTER} makes a digest of each day beside it"
            return self.faulty(FindingCode.REPORTER_NOT_NEEDED, said)
        return self.well("the admin gets a copy of each run over each account")


class NobodySuppressed(HealthCheck):
    """SES sends to the admin and to the accounts' own addresses."""

    id = Check.SUPPRESSED
    needs = "ses:ListSuppressedDestinations, organizations:ListAccounts"
    remedies: ClassVar = {
        FindingCode.ADMIN_SUPPRESSED: problem(
            "find out why mails came back, then `aws sesv2 delete-suppressed-destination`: until "
            "then the admin is notified of nothing"
        ),
        FindingCode.OWNERS_SUPPRESSED: warning(
            "their next source is notified instead; is the address good again, `aws sesv2 "
            "delete-suppressed-destination`"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Read the account's suppression list."""
        listed = seen.ses_identities.suppressed()
        admin = seen.parameter("AdminEmailAddress")
        if reason := listed.get(admin.lower()):
            said = f"{admin} is on SES's suppression list ({reason})"
            return self.faulty(FindingCode.ADMIN_SUPPRESSED, said)
        addresses = sorted({each.email for each in seen.accounts if each.email})
        dead = [each for each in addresses if each.lower() in listed]
        if dead:
            said = f"on SES's suppression list: {some(dead)}"
            return self.faulty(FindingCode.OWNERS_SUPPRESSED, said)
        return self.well("no address of the admin or an account is on SES's suppression list")


class EnoughQuota(HealthCheck):
    """SES sends, and as much as a day may need."""

    id = Check.SENDING
    needs = "ses:GetAccount, organizations:ListAccounts"
    remedies: ClassVar = {
        FindingCode.SENDING_PAUSED: problem(
            "nobody is notified, so nothing ends: AWS's mail to the account says why"
        ),
        FindingCode.QUOTA_SMALL: warning(
            "have SES's sending quota raised: mails that it refuses come days later, and so do "
            "the windows"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare what may be sent with a mail to each account's owner, and the admin's."""
        facts = seen.ses_identities.sending()
        if not facts.enabled:
            return self.faulty(FindingCode.SENDING_PAUSED, "SES has paused sending")
        accounts = len(seen.accounts)
        is_daily = seen.parameters.get(ADMIN_DIGEST) == DAILY
        needed = accounts + (1 if is_daily else accounts)
        if facts.left is not None and facts.left < needed:
            said = (
                f"{facts.left:.0f} of {facts.quota:.0f} mails are left for these 24 hours; a day "
                f"may need {needed}"
            )
            return self.faulty(FindingCode.QUOTA_SMALL, said)
        left = "any number of" if facts.left is None else f"{facts.left:.0f}"
        return self.well(
            f"{left} mails may be sent in these 24 hours, {facts.rate:.0f} a second; a day may "
            f"need {needed}"
        )
