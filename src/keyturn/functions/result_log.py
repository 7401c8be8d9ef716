"""What became of an account, as the log lines that operators grep for."""

from collections.abc import Mapping

from aws_lambda_powertools import Logger

from keyturn.domain.decision import Action, Decision, Reason, UserDecisions
from keyturn.domain.plain_text import shown
from keyturn.domain.policy import RotationPolicy
from keyturn.domain.result import AccountResult
from keyturn.functions.log_lines import LogEvent, log

WRITE_OF = {
    Action.ROTATE: "iam:CreateAccessKey",
    Action.DISABLE: "iam:UpdateAccessKey",
    Action.DELETE: "iam:DeleteAccessKey",
    Action.REPAIR: "iam:UpdateAccessKey",
    Action.END_EXEMPTION: "iam:RemoveUserFromGroup",
    Action.RESTORE: "iam:UpdateAccessKey",
    Action.REVOKE: "iam:UpdateAccessKey",
}


def log_result(logger: Logger, result: AccountResult, policy: RotationPolicy) -> None:
    """Log every user, what was decided, and what went wrong."""
    run = result.plan.run
    about = {"account": run.account.id, "run": run.id}
    for decided in result.plan.users:
        _log_user(logger, decided, policy, about, dry_run=run.dry_run)
    _log_secrets(logger, result, about)
    if result.plan.unlisted is not None:
        log(logger, LogEvent.SECRETS_NOT_LISTED, result.plan.unlisted, **about)
    for warning in result.plan.warnings:
        log(logger, LogEvent.RUN_WARNED, warning, **about)
    for failure in result.failures:
        log(logger, LogEvent.RUN_FAILED, str(failure), **about, user=failure.user)
    for odd in result.rejected:
        value = {"source": odd.rejected.source, "value": shown(odd.rejected.value)}
        log(logger, LogEvent.OWNER_REJECTED, shown(odd), **about, user=odd.user, **value)
    for user, key_id in result.quarantined:
        text = f"Quarantined key {key_id} (user {user}): its secret was never stored"
        log(logger, LogEvent.KEY_QUARANTINED, text, **about, user=user, key=key_id)


def _log_secrets(logger: Logger, result: AccountResult, about: Mapping[str, str]) -> None:
    """Log what is done about secrets, and what somebody should look at."""
    done = {each.name for each in result.secrets_done}
    for each in result.plan.secrets.decisions if result.plan.secrets else ():
        if each.is_told:
            log(
                logger,
                LogEvent.SECRET_DECIDED,
                f"Secret: {shown(each)}",
                **about,
                user=each.user,
                secret=each.name,
                step=each.step,
                done=each.name in done,
                dry_run=result.plan.run.dry_run,
            )


def _log_user(
    logger: Logger,
    decided: UserDecisions,
    policy: RotationPolicy,
    about: Mapping[str, str],
    *,
    dry_run: bool,
) -> None:
    user = {**about, "user": decided.user.name}
    log(logger, LogEvent.USER_LOOKED_AT, f"User: {decided.user.name}", **user)
    active = {key.key_id for key in decided.user.keys if key.is_active}
    oldest = next((decision for decision in decided.decisions if decision.key_id in active), None)
    if oldest is not None:
        text = f"Oldest active key: {oldest.key_id}  age={oldest.age}d"
        log(logger, LogEvent.OLDEST_KEY, text, **user, key=oldest.key_id, age=oldest.age)
    for decision in decided.decisions:
        log(
            logger,
            LogEvent.KEY_DECIDED,
            f"Decision: {decision.action} ({_rule(decision, policy)})",
            **user,
            key=decision.key_id,
            age=decision.age,
            state=decision.state,
            action=decision.action,
            reason=decision.reason,
            dry_run=dry_run,
        )
        if dry_run and decision.action in WRITE_OF:
            removed = decision.reason is Reason.ORPHAN_OVER
            call = WRITE_OF[Action.DELETE if removed else decision.action]
            text = f"DryRun=True → skipping {call}"
            key = {**user, "key": decision.key_id}
            log(logger, LogEvent.WRITE_SKIPPED, text, **key, action=decision.action, call=call)


def _rule(decision: Decision, policy: RotationPolicy) -> str:
    """The line of the policy that a decision follows, or else its reason."""
    match decision.action:
        case Action.ROTATE if decision.age >= policy.rotation_period:
            return f"age >= RotationPeriod={policy.rotation_period}"
        case Action.ROTATE if decision.reason is Reason.ROTATION_DUE:
            early, period = policy.rotate_early_days, policy.rotation_period
            return f"up to RotateEarlyDays={early} before RotationPeriod={period}"
        case Action.DISABLE if decision.age >= policy.inactive_period:
            return f"age >= InactivePeriod={policy.inactive_period}"
        case Action.DELETE if decision.age >= policy.delete_period:
            return f"age >= InactivePeriod+RecoveryGracePeriod={policy.delete_period}"
    return str(decision.reason)
