"""The organisation: where the member stacks are, and what keeps others from the secrets."""

import json
from typing import ClassVar

from keyturn.deployment.checks.core import lack_of
from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.guard import guard, lacks
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.organization import STACK_SETS_TRUSTED
from keyturn.domain.amounts import pluralize


class TrustedAccess(HealthCheck):
    """Stack sets may act in the organisation."""

    id = Check.TRUSTED_ACCESS
    needs = (
        "organizations:DescribeOrganization and "
        "ListAWSServiceAccessForOrganization in the management account"
    )
    remedies: ClassVar = {
        FindingCode.NO_TRUSTED_ACCESS: problem(
            "in the management account: `aws cloudformation activate-organizations-access`"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Ask Organizations whom it trusts."""
        if STACK_SETS_TRUSTED not in seen.probes.organization_features.facts().trusted:
            said = "stack sets have no trusted access: accounts that join get no role"
            return self.faulty(FindingCode.NO_TRUSTED_ACCESS, said)
        return self.well("stack sets may act in the organisation")


class MemberStacks(HealthCheck):
    """Every account has its member stack, of this version."""

    id = Check.MEMBER_STACKS
    needs = (
        "cloudformation:DescribeStackSet and ListStackInstances, "
        "organizations:ListAccounts in the management account"
    )
    remedies: ClassVar = {
        FindingCode.STACK_SET_MISSING: problem(
            "run `keyturn deploy` with --ou; or give the right --member-stack"
        ),
        FindingCode.ACCOUNTS_WITHOUT_STACK: problem(
            "run `keyturn deploy` with the --ou that they are in, or keep them out by InventoryOU"
        ),
        FindingCode.STACKS_NOT_CURRENT: problem(
            f"fix what is named, and {AGAIN}. Where something exists already, or the account was "
            'suspended: "An account that comes back" in docs/templates.md'
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare where the stack set is with where the accounts are."""
        name = seen.names.member
        if seen.stack_set is None:
            said = f"there is no stack set {name} in {seen.management.account}"
            return self.faulty(FindingCode.STACK_SET_MISSING, said)
        instances = list(seen.probes.stack_sets.instances(name))
        kept = {each.id for each in seen.accounts}
        lagging = [
            f"{each.account}: {each.why}"
            for each in instances
            if not each.is_current and (each.account in kept or not each.was_suspended)
        ]
        there = {(each.account, each.region) for each in instances}
        without = [
            account.id
            for account in seen.accounts
            # A stack set leaves that account out.
            if account.id != seen.management.account
            and any((account.id, region) not in there for region in seen.regions)
        ]
        if without:
            return self.faulty(FindingCode.ACCOUNTS_WITHOUT_STACK, f"no stack in {some(without)}")
        if lagging:
            return self.faulty(
                FindingCode.STACKS_NOT_CURRENT, f"not up to date in {some(lagging)}"
            )
        count = sum(each.is_current for each in instances)
        return self.well(f"{pluralize(count, 'stack')}, all up to date")


class ManagementAccount(HealthCheck):
    """The management account, which stack sets leave out, has member stacks of its own."""

    id = Check.MANAGEMENT_ACCOUNT
    needs = "cloudformation:DescribeStacks in the management account"
    remedies: ClassVar = {
        FindingCode.MANAGEMENT_WITHOUT_STACK: problem(
            f"{AGAIN}: stack sets leave that account out, so it has a stack of its own"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the stack in each region."""
        if seen.management.account not in {each.id for each in seen.accounts}:
            return self.well("InventoryOU, or an exclusion, leaves it out")
        regions = sorted(seen.regions)
        for region in regions:
            name = f"stack {seen.names.member} in {seen.management.account} {region}"
            found = seen.probes.head_stacks(region).find(seen.names.member)
            if lack := lack_of(found, name):
                return self.faulty(FindingCode.MANAGEMENT_WITHOUT_STACK, lack)
        return self.well(f"a stack of its own in {', '.join(regions)}")


class Guard(HealthCheck):
    """A service control policy keeps everybody but Keyturn from writing to the secrets."""

    id = Check.GUARD
    needs = (
        "organizations:ListPolicies, DescribePolicy and ListTargetsForPolicy "
        "in the management account"
    )
    remedies: ClassVar = {
        FindingCode.SECRETS_UNGUARDED: warning(
            "attach this service control policy to the root or the unit; it does not bind the "
            "management account"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look for such a policy; where there is none it is given, to be copied."""
        placeholders = {"partition": seen.partition, "role": seen.parameter("IAMRoleName")}
        found = [
            each.name
            for each in seen.probes.organization_features.control_policies()
            if each.targets and not lacks(json.loads(each.content), **placeholders)
        ]
        if not found:
            said = "no service control policy keeps others from writing to the secrets"
            return self.faulty(
                FindingCode.SECRETS_UNGUARDED, said, f": {json.dumps(guard(**placeholders))}"
            )
        named = ", ".join(found)
        return self.well(f"{named}; whether it is attached above every account was not looked at")
