"""The stacks of the two accounts that hold Keyturn together."""

from typing import ClassVar

from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem
from keyturn.deployment.checks.observed import Observed
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.stacks import Stack


class CoreStack(HealthCheck):
    """The core stack is there, and CloudFormation is done with it."""

    id = Check.CORE
    needs = "cloudformation:DescribeStacks"
    remedies: ClassVar = {
        FindingCode.CORE_MISSING: problem(
            "run `keyturn deploy`; or give the right --profile, --region and --core-stack"
        ),
        FindingCode.CORE_BROKEN: problem(
            "read the stack's events in CloudFormation, fix what they name, and "
            "run `keyturn deploy` again"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the stack; the sentence says, too, whether it enforces."""
        stack = seen.core
        name = f"stack {seen.names.core} in {seen.security.account} {seen.security.region}"
        if stack is None or not stack.is_there:
            return self.faulty(FindingCode.CORE_MISSING, f"there is no {name}")
        if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return self.faulty(FindingCode.CORE_BROKEN, f"{name}: {stack.status}")
        enforces = stack.parameters.get("DryRunFlag", "True").lower() == "false"
        return self.well(f"{name}; {'enforces' if enforces else 'in dry run'}")


class ListRole(HealthCheck):
    """The management account has the stack of the role that lists the accounts."""

    id = Check.LIST_ROLE
    needs = "cloudformation:DescribeStacks in the management account"
    remedies: ClassVar = {
        FindingCode.LIST_ROLE_MISSING: problem(f"{AGAIN}: without that role no account is found"),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the stack."""
        name = f"stack {seen.names.listing} in {seen.management.account} {seen.management.region}"
        found = seen.probes.head_stacks(seen.management.region).find(seen.names.listing)
        if lack := lack_of(found, name):
            return self.faulty(FindingCode.LIST_ROLE_MISSING, lack)
        return self.well(name)


def lack_of(stack: Stack | None, name: str) -> str | None:
    """What keeps a stack from being relied on; None if nothing does."""
    if stack is None or not stack.is_there:
        return f"there is no {name}"
    return None if stack.is_usable else f"{name}: {stack.status}"
