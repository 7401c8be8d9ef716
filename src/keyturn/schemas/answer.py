"""What a direct invocation of the rotation function answers."""

from keyturn.domain.result import AccountResult
from keyturn.schemas.account import (
    AccountFound,
    write_counts,
    write_failed,
    write_quarantined,
)
from keyturn.schemas.decision import Decided, write_decision


class Answer(AccountFound):
    """What a direct invocation of the rotation function answers."""

    dry_run: bool
    decisions: list[Decided]


def write_answer(result: AccountResult) -> Answer:
    """What became of an account."""
    run = result.plan.run
    return {
        "account": run.account.id,
        "run": run.id,
        "dry_run": run.dry_run,
        "decisions": [
            write_decision(decided.user.name, decision)
            for decided in result.plan.users
            for decision in decided.decisions
        ],
        "failures": write_failed(result.failures),
        "quarantined": write_quarantined(result),
        "warnings": list(result.plan.warnings),
        "counts": write_counts(result),
    }
