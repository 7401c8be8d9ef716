"""The runs, as their snapshots tell of them."""

from datetime import timedelta
from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import INVENTORY
from keyturn.domain.amounts import pluralize

LONGEST_PAUSE: Final = timedelta(hours=26)
"""Between two daily runs, as the alarm on missing runs has it."""
_NEVER_RAN: Final = warning(
    f"wait for the daily rule, or `aws lambda invoke --function-name {INVENTORY}`"
)


class RecentRun(HealthCheck):
    """The last run is not long ago, and reached every account."""

    id = Check.LAST_RUN
    needs = "s3:ListBucket and GetObject on the snapshots"
    remedies: ClassVar = {
        FindingCode.NEVER_RAN: _NEVER_RAN,
        FindingCode.RUN_OLD: problem(
            "look at the rule, the inventory function's log and the dead letters"
        ),
        FindingCode.ACCOUNTS_NOT_REACHED: problem(
            "member-stacks and member-role say why; else the rotation function's log"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Look at the newest run of each account."""
        if not seen.runs:
            return self.faulty(FindingCode.NEVER_RAN, "no account was ever looked at")
        last = max(run.at for run in seen.runs)
        said = f"{last:%Y-%m-%d %H:%MZ}"
        if seen.now - last > LONGEST_PAUSE:
            hours = int((seen.now - last).total_seconds() // 3600)
            return self.faulty(FindingCode.RUN_OLD, f"{said}, {hours} hours ago")
        reached = {
            run.account for run in seen.runs if run.reached and seen.now - run.at <= LONGEST_PAUSE
        }
        missed = [each.id for each in seen.accounts if each.id not in reached]
        if missed:
            said = f"{said}; not looked after: {some(missed)}"
            return self.faulty(FindingCode.ACCOUNTS_NOT_REACHED, said)
        return self.well(f"{said}, {pluralize(len(reached), 'account')}")


class UnchangedSince(HealthCheck):
    """The stack says what the last run went by."""

    id = Check.CHANGES
    needs = "s3:ListBucket and GetObject on the snapshots"
    remedies: ClassVar = {
        FindingCode.NEVER_RAN: _NEVER_RAN,
        FindingCode.CHANGED_SINCE: warning(
            "nothing, if that is meant: the next run goes by it, and promises other dates"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Compare the policy of the newest run with the stack's parameters."""
        if not seen.runs:
            return self.faulty(FindingCode.NEVER_RAN, "nothing to compare with: nothing ran yet")
        last = max(seen.runs, key=lambda run: run.at)
        before = {name: str(value) for name, value in last.policy.items()}
        if seen.stage.is_everywhere:  # else an account's run may be a dry one by the stage
            before["DryRunFlag"] = str(last.dry_run)
        changed = [
            f"{name}: {value} → {now}"
            for name, value in before.items()
            if (now := seen.parameters.get(name, value)).lower() != value.lower()
        ]
        if changed:
            return self.faulty(FindingCode.CHANGED_SINCE, "; ".join(changed))
        return self.well(f"{', '.join(before)} are as in the last run")
