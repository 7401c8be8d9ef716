"""What became of an account, as the log lines that operators grep for."""

from collections.abc import Iterator

from aws_lambda_powertools import Logger

from keyturn.domain.decision import Action, Decision, Reason, UserDecisions
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountResult

WRITE_OF = {
    Action.ROTATE: "iam:CreateAccessKey",
    Action.DISABLE: "iam:UpdateAccessKey",
    Action.DELETE: "iam:DeleteAccessKey",
    Action.REPAIR: "iam:UpdateAccessKey",
    Action.RESTORE: "iam:UpdateAccessKey",
    Action.REVOKE: "iam:UpdateAccessKey",
}


def log_result(logger: Logger, result: AccountResult, policy: RotationPolicy) -> None:
    """Log every user, what was decided, and what went wrong."""
    for decided in result.plan.users:
        for line in _lines(decided, policy, dry_run=result.plan.run.dry_run):
            logger.info(line)
    for warning in result.plan.warnings:
        logger.warning(warning)
    for failure in result.failures:
        logger.error(str(failure))
    for user, key_id in result.quarantined:
        logger.error(f"Quarantined: nobody has the secret of {key_id} of {user}")


def _lines(decided: UserDecisions, policy: RotationPolicy, *, dry_run: bool) -> Iterator[str]:
    yield f"User: {decided.user.name}"
    active = {key.key_id for key in decided.user.keys if key.is_active}
    oldest = next((made for made in decided.decisions if made.key_id in active), None)
    if oldest is not None:
        yield f"Oldest active key: {oldest.key_id}  age={oldest.age}d"
    for made in decided.decisions:
        yield f"Decision: {made.action} ({_rule(made, policy)})"
        if dry_run and made.action in WRITE_OF:
            removed = made.reason is Reason.ORPHAN_OVER
            write = WRITE_OF[Action.DELETE if removed else made.action]
            yield f"DryRun=True → skipping {write}"


def _rule(made: Decision, policy: RotationPolicy) -> str:
    """The line of the policy that a decision follows, or else its reason."""
    match made.action:
        case Action.ROTATE if made.age >= policy.rotation_period:
            return f"age >= RotationPeriod={policy.rotation_period}"
        case Action.DISABLE if made.age >= policy.inactive_period:
            return f"age >= InactivePeriod={policy.inactive_period}"
        case Action.DELETE if made.age >= policy.delete_period:
            return f"age >= InactivePeriod+RecoveryGracePeriod={policy.delete_period}"
    return str(made.reason)
