"""What a rotation answers."""

from keyturn.schemas.answer import Answer
from keyturn.schemas.decision import write_decision
from keyturn.use_cases.account_run import AccountResult
from keyturn.use_cases.tell import counts, failed, quarantined


def answer(result: AccountResult) -> Answer:
    """The JSON of a direct invocation."""
    run = result.plan.run
    return {
        "account": run.account.id,
        "run": run.id,
        "dry_run": run.dry_run,
        "decisions": [
            write_decision(decided.user.name, made)
            for decided in result.plan.users
            for made in decided.decisions
        ],
        "failures": failed(result.failures),
        "quarantined": quarantined(result),
        "warnings": list(result.plan.warnings),
        "counts": counts(result),
    }
