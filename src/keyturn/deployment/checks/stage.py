"""Where a deployment enforces, of all the accounts that it looks after."""

from typing import ClassVar

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.domain.amounts import pluralize
from keyturn.domain.stage import PARAMETER
from keyturn.use_cases.inventory import enforced


class StageReached(HealthCheck):
    """What EnforcedAccounts names is there, and is what is enforced."""

    id = Check.STAGE
    needs = (
        "organizations:ListAccounts, ListAccountsForParent and ListOrganizationalUnitsForParent "
        "in the management account"
    )
    remedies: ClassVar = {
        FindingCode.STAGE_EMPTY: problem(
            "name accounts or units that Keyturn looks after: `keyturn deploy "
            f"--enforced-accounts …`; or all of them: `--parameter {PARAMETER}=`"
        ),
        FindingCode.STAGE_UNKNOWN: warning(
            "correct the id: nothing is enforced by it. An account may also be excluded, "
            "suspended, or outside InventoryOU"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare the ids with the accounts of the inventory."""
        stage = seen.stage
        accounts, reached = seen.accounts, enforced(seen.staged, stage)
        is_dry = seen.parameter("DryRunFlag").lower() != "false"
        there = f"{len(reached)} of {pluralize(len(accounts), 'account')}"
        lost = [*sorted(stage.accounts - {each.id for each in accounts}), *seen.units_unlisted]
        if stage.is_everywhere:
            every = f"{PARAMETER} is empty: DryRunFlag alone decides, for every account"
            return self.well(every)
        if not reached and not is_dry:
            said = f"{PARAMETER} reaches {there}: nothing is enforced"
            return self.faulty(FindingCode.STAGE_EMPTY, said)
        if lost:
            said = f"{there}; {PARAMETER} names in vain: {some(lost)}"
            return self.faulty(FindingCode.STAGE_UNKNOWN, said)
        if is_dry:
            return self.well(f"DryRunFlag=True: nothing is enforced. Without it {there} would be")
        if len(reached) == len(accounts):
            return self.well(f"{PARAMETER} reaches every account: it can be emptied")
        return self.well(f"{there} are enforced, the others stay in dry run")
