"""The runs: as their snapshots tell of them, and how long they take."""

from datetime import timedelta
from math import ceil
from typing import ClassVar, Final

from keyturn.deployment.checks.health_check import HealthCheck, problem, warning
from keyturn.deployment.checks.observed import Observed, some
from keyturn.deployment.model.health import Check, Finding, FindingCode
from keyturn.deployment.model.resources import INVENTORY, ROTATION
from keyturn.domain.amounts import pluralize
from keyturn.domain.errors import InvalidValue
from keyturn.use_cases.day_over import AT_LATEST

LONGEST_PAUSE: Final = timedelta(hours=26)
"""Between two daily runs, as the alarm on missing runs has it."""
MOST_AT_ONCE: Final = 1000
"""Invocations that SQS gives a function at once, as the template has it."""
_DAY: Final = timedelta(days=1)
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


class RunsEndInTime(HealthCheck):
    """A daily run over all accounts ends before the digest of the day is made."""

    id = Check.RUN_TIME
    needs = "cloudwatch:GetMetricData, organizations:ListAccounts"
    remedies: ClassVar = {
        FindingCode.RUN_TOO_LONG: problem(
            "raise MaximumConcurrency: `keyturn deploy --parameter MaximumConcurrency=…`. "
            "RotationReservedConcurrency goes with it if that is not 0, and Lambda's quota comes "
            "first if the check concurrency says so"
        ),
    }

    def look(self, seen: Observed) -> Finding:
        """Divide what a day's accounts take by how many are worked on at the same time."""
        at_once = _at_once(seen)
        accounts = len(seen.accounts)
        found = seen.probes.function_durations.between(ROTATION, seen.now - _DAY, seen.now)
        if found is None:
            return self._unchecked(
                f"CloudWatch knows of no invocation of {ROTATION} in the last 24 hours",
                "wait for the daily run, and look again",
            )
        # Half of the accounts may take much longer than the median: the day's sum knows them.
        work = max(accounts * found.median, found.total)
        said = (
            f"{pluralize(accounts, 'account')}, {_spelled(found.median)} each (median; "
            f"{_spelled(found.total)} in all), {at_once} at a time: a run takes "
            f"{_spelled(work / at_once)}"
        )
        if work / at_once <= AT_LATEST:
            return self.well(said)
        enough = ceil(work / AT_LATEST)
        limit = f"{enough} at a time would do"
        if enough > MOST_AT_ONCE:
            limit = f"even {MOST_AT_ONCE} at a time, the most there are, would not do"
        hours = int(AT_LATEST.total_seconds() // 3600)
        return self.faulty(FindingCode.RUN_TOO_LONG, f"{said}, more than {hours} hours; {limit}")


def _at_once(seen: Observed) -> int:
    """How many accounts are worked on at the same time: also what is reserved limits that."""
    most, reserved = (
        seen.number(name) for name in ("MaximumConcurrency", "RotationReservedConcurrency")
    )
    if most < 1:
        raise InvalidValue("MaximumConcurrency", most, "lets nothing run")
    return min(most, reserved or most)


def _spelled(time: timedelta) -> str:
    """Two figures of it, in words."""
    seconds = time.total_seconds()
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"


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
