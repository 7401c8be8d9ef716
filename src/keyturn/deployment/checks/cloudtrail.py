"""CloudTrail: whether it reports who becomes exempt, and who invokes the rotation function."""

from typing import ClassVar

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import ROTATION


class IamTrail(HealthCheck):
    """A trail of the organisation carries IAM's events."""

    id = Check.TRAIL
    needs = (
        "cloudtrail:DescribeTrails, GetTrailStatus and GetEventSelectors in the management account"
    )
    remedies: ClassVar = {
        FindingCode.NO_TRAIL: problem(
            "make an organisation trail of management events: without one nobody reports "
            "who becomes exempt"
        ),
        FindingCode.TRAIL_OF_ONE_ACCOUNT: warning(
            "make it an organisation trail, or see to it that each account has one of its own"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the trails that the management account sees."""
        carrying = [each for each in seen.probes.cloudtrail.trails() if each.carries_iam]
        if not carrying:
            said = "no trail carries IAM's events in the management account"
            return self.faulty(FindingCode.NO_TRAIL, said)
        whole = next((each for each in carrying if each.of_organization), None)
        if whole is None:
            said = f"{carrying[0].name} is the management account's only; others not looked at"
            return self.faulty(FindingCode.TRAIL_OF_ONE_ACCOUNT, said)
        return self.well(f"{whole.name}, of the organisation")


class InvocationTrail(HealthCheck):
    """A trail logs who invokes the rotation function."""

    id = Check.INVOCATIONS
    needs = "cloudtrail:DescribeTrails, GetTrailStatus and GetEventSelectors in both accounts"
    remedies: ClassVar = {
        FindingCode.INVOCATIONS_UNLOGGED: warning(
            "log data events of AWS::Lambda::Function with a trail (`aws cloudtrail "
            "put-event-selectors`): without them `by` in an audit entry is only what the caller "
            "says"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the organisation's trails, and at the security account's own."""
        of_all = [each for each in seen.probes.cloudtrail.trails() if each.of_organization]
        logging = [
            each.name
            for each in (*of_all, *seen.probes.own_cloudtrail.trails())
            if each.is_logging and each.logs_invocations
        ]
        if not logging:
            said = f"no trail logs who invokes {ROTATION}"
            return self.faulty(FindingCode.INVOCATIONS_UNLOGGED, said)
        return self.well(f"{logging[0]} logs who invokes {ROTATION}")
