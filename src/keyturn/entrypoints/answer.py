"""What a rotation answers."""

from keyturn.domain.result import AccountResult
from keyturn.schemas.account import write_counts, write_failed, write_quarantined
from keyturn.schemas.answer import Answer
from keyturn.schemas.decision import write_decision


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
        "failures": write_failed(result.failures),
        "quarantined": write_quarantined(result),
        "warnings": list(result.plan.warnings),
        "counts": write_counts(result),
    }
