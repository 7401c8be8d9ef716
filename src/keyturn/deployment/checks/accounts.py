"""What the member stack makes in every account: role, group, key and rule."""

from typing import ClassVar

from keyturn.deployment.checks.health_check import AGAIN, HealthCheck, problem
from keyturn.deployment.checks.observed import AccountSeen, Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.domain.errors import AccountUnreachable, NotFound, PortError


class MemberRole(HealthCheck):
    """Every account has the member role, and it trusts the rotation function."""

    id = Check.MEMBER_ROLE
    needs = "a role in each account with iam:GetRole: --role-name"
    remedies: ClassVar = {
        FindingCode.ROLE_MISSING: problem(f"{AGAIN}; member-stacks says which stacks lack"),
        FindingCode.ROLE_DISTRUSTS: problem(
            "give core and member stacks the same ExecutionRoleName: "
            "run `keyturn deploy` with --parameter"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the role; to have entered by it is proof enough."""
        role = seen.parameter("IAMRoleName")
        missing = [each.account.id for each in seen.entered if _lacks_role(seen, each)]
        if missing:
            return self.faulty(FindingCode.ROLE_MISSING, f"no {role} in {some(missing)}")
        distrusts = [
            each.account.id
            for each in seen.entered
            if isinstance(each.trust, str) and not _trusts_us(seen, each.trust)
        ]
        if distrusts:
            said = f"{role} does not trust the rotation function in {some(distrusts)}"
            return self.faulty(FindingCode.ROLE_DISTRUSTS, said)
        unknown = {
            each.account.id: each.trust
            for each in seen.entered
            if isinstance(each.trust, PortError) and not _was_let_in(seen, each)
        }
        return self.everywhere(seen, f"{role} in each", unknown)


def _lacks_role(seen: Observed, one: AccountSeen) -> bool:
    if isinstance(one.trust, NotFound):
        return True
    # AWS does not tell a role that is missing from one that does not trust us. Where we do
    # enter other accounts by it, it is the role that is missing.
    return (
        seen.enters_as_member
        and isinstance(one.trust, AccountUnreachable)
        and any(_was_let_in(seen, each) for each in seen.entered)
    )


def _was_let_in(seen: Observed, one: AccountSeen) -> bool:
    """Whether the member role itself let us in, whatever it may see then."""
    return seen.enters_as_member and not isinstance(one.trust, AccountUnreachable)


def _trusts_us(seen: Observed, policy: str) -> bool:
    return seen.security.account in policy and (
        f"role/{seen.parameters['ExecutionRoleName']}" in policy
    )


class ExemptionGroup(HealthCheck):
    """Every account has the exemption group, unless it may be missing."""

    id = Check.EXEMPTION_GROUP
    needs = "a role in each account with iam:GetGroup: --role-name"
    remedies: ClassVar = {
        FindingCode.GROUP_MISSING: problem(
            "enforcement skips these accounts: make the group, or set "
            "AllowMissingExemptionGroup=True"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look for the group."""
        group = seen.parameter("IAMExemptionGroup")
        missing = [each.account.id for each in seen.entered if each.group is False]
        if missing and seen.parameter("AllowMissingExemptionGroup").lower() != "true":
            return self.faulty(FindingCode.GROUP_MISSING, f"no {group} in {some(missing)}")
        unknown = {e.account.id: e.group for e in seen.entered if isinstance(e.group, PortError)}
        said = f"{group} in each"
        if missing:
            said = f"AllowMissingExemptionGroup: no {group} in {some(missing)}"
        return self.everywhere(seen, said, unknown)


class ExemptionRule(HealthCheck):
    """Every account has the rule that reports who becomes exempt, and it is enabled."""

    id = Check.EXEMPTION_RULE
    needs = "a role in each account with events:DescribeRule: --role-name"
    remedies: ClassVar = {
        FindingCode.EXEMPTION_RULE_OFF: problem(
            "somebody there disabled or deleted it: find out who, and "
            "`aws events enable-rule`, or run `keyturn deploy` again"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the rule."""
        off = [
            each.account.id
            for each in seen.entered
            if each.rule is False or isinstance(each.rule, NotFound)
        ]
        if off:
            said = f"no {seen.exemption_rule} that is enabled in {some(off)}"
            return self.faulty(FindingCode.EXEMPTION_RULE_OFF, said)
        unknown = {e.account.id: e.rule for e in seen.entered if isinstance(e.rule, PortError)}
        return self.everywhere(seen, f"{seen.exemption_rule} enabled in each", unknown)


class SecretsKey(HealthCheck):
    """Every account has the KMS key of the secrets, and it can be used."""

    id = Check.SECRETS_KEY
    needs = "a role in each account with kms:DescribeKey: --role-name"
    remedies: ClassVar = {
        FindingCode.KEY_MISSING: problem(
            f"nothing is rotated there: {AGAIN}, or make the alias in HomeRegion"
        ),
        FindingCode.KEY_UNUSABLE: problem(
            "enable it (`aws kms enable-key`), or cancel its deletion: without it delivered "
            "secrets cannot be read"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the key behind the alias."""
        alias = seen.parameter("SecretsKmsKey")
        missing = [each.account.id for each in seen.entered if isinstance(each.key, NotFound)]
        if missing:
            return self.faulty(FindingCode.KEY_MISSING, f"no {alias} in {some(missing)}")
        unusable = [
            f"{each.account.id}: {each.key}"
            for each in seen.entered
            if isinstance(each.key, str) and each.key != "Enabled"
        ]
        if unusable:
            return self.faulty(FindingCode.KEY_UNUSABLE, f"{alias} in {some(unusable)}")
        unknown = {e.account.id: e.key for e in seen.entered if isinstance(e.key, PortError)}
        return self.everywhere(seen, f"{alias} enabled in each", unknown)
