"""An operator's word that comes as an event of the rotation function."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.adoption import Adoption
from keyturn.domain.errors import KeyturnError, OrderNotDone, PortError
from keyturn.domain.events import Run
from keyturn.domain.result import AccountPlan, AccountResult, Failure
from keyturn.ports import AuditEntry, Pause
from keyturn.schemas.adoption import write_adoption_answer
from keyturn.schemas.pause_answer import write_pause_answer
from keyturn.schemas.pause_event import PauseRequest
from keyturn.schemas.rotation_event import RotationRequest
from keyturn.use_cases.audited import Audited
from keyturn.use_cases.stop import stop
from keyturn.wiring import Aws


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What became of an adoption, and how that is answered: as any rotation, and the secret."""

    result: AccountResult
    answer: dict[str, object]


UNKNOWN = "an event that names nobody"


def begun(aws: Aws, asked: RotationRequest) -> Run:
    """
    Begin the run that is asked for: of an account that is not proven to be enforced, a dry one.

    An order about one key does not ask for the stage. A leaked key is stopped by a path that
    depends on nothing else, and a pipeline that broke waits for no inventory (decision 0064).
    """
    by_stage = None
    if not aws.settings.dry_run and asked.ordered is None:
        by_stage = aws.settings.stage.why_not(asked.account.id, asked.seen)
    return Run(
        id=asked.run or uuid.uuid4().hex,
        account=asked.account,
        at=datetime.now(UTC),
        dry_run=aws.settings.dry_run or asked.dry_run or by_stage is not None,
        held=by_stage,
    )


def written_down(aws: Aws, asked: RotationRequest, run: Run, context: LambdaContext) -> Audited:
    """Write down what an operator ordered, around the work; nothing for a daily or a dry run."""
    entry = AuditEntry(
        entry_id=uuid.uuid4().hex[:12],
        command=asked.command or "run",
        at=run.at,
        by=asked.by or UNKNOWN,
        claimed=True,
        request=context.aws_request_id,
        run=run.id,
        account=run.account.id,
        user=asked.request.forced,
        key=asked.ordered.key_id if asked.ordered else None,
        secret=asked.adopt,
        plan=asked.approve_plan,
        plan_sha256=asked.plan_sha256,
        why=asked.reason,
    )
    is_kept = asked.command is not None and not run.dry_run
    return Audited(
        audit=aws.audit(urgent=asked.ordered is not None) if is_kept else None,
        entry=entry,
        clock=lambda: datetime.now(UTC),
        urgent=asked.ordered is not None,
    )


def sentences_of(result: AccountResult) -> tuple[str, ...]:
    """What was done and what went wrong, a sentence each."""
    done = (
        f"{step.decision.action} {step.decision.key_id}: {step.decision.sentence}"
        + (f", new key {step.new_key}" if step.new_key else "")
        for outcome in result.outcomes
        for step in outcome.done
        if step.is_reported
    )
    return (*done, *(str(failure) for failure in result.failures))


def without_time(
    result: AccountResult, asked: RotationRequest
) -> tuple[AccountResult, tuple[str, ...]]:
    """
    Part the users for whom there was no time: what was ordered was not done, the rest can wait.

    Returns the result, and the names of the users that are handed back. No order goes into the
    queue: whoever may write there would be an operator.
    """
    if asked.command is None:
        return result, result.left
    forced = asked.request.forced
    ordered = result.left if forced is None else tuple({forced} & {*result.left})
    rest = () if forced is None else tuple(name for name in result.left if name != forced)
    failures = tuple(
        Failure(
            error=OrderNotDone(
                f'there was no time left, and nothing was done: order it again, with "users": '
                f'["{name}"] if it orders more than one'
            ),
            user=name,
        )
        for name in ordered
    )
    plan = replace(result.plan, failures=(*result.plan.failures, *failures))
    return replace(result, plan=plan), rest


def adopt(aws: Aws, asked: RotationRequest, secret: str, context: LambdaContext) -> Adopted:
    """Adopt a secret, unless it is a dry run."""
    run = begun(aws, asked)
    work = aws.adopt(run)
    planned: Adoption | None = None
    failures: tuple[Failure, ...] = ()
    try:
        planned = work.plan(secret)
        if planned.writes and not run.dry_run:
            with written_down(aws, asked, run, context) as notes:
                work.carry_out(planned, even_paused=asked.request.even_paused)
                notes.ends(f"removed {', '.join(planned.removes) or 'no tag'}", failed=False)
            failures = unwritten(notes)
    except KeyturnError as error:
        failures = (Failure(error=error, user=planned.user.name if planned else None),)
    held = (run.held,) if run.held else ()
    result = AccountResult(plan=AccountPlan(run=run, failures=failures, warnings=held))
    return Adopted(result=result, answer=write_adoption_answer(result, secret, planned))


def pause_or_resume(aws: Aws, asked: PauseRequest, context: LambdaContext) -> dict[str, object]:
    """Stop every write, or let them go on, unless it is a dry run; and say how things stand."""
    now = datetime.now(UTC)
    by = asked.by or UNKNOWN
    dry_run = aws.settings.dry_run or asked.dry_run
    entry = AuditEntry(
        entry_id=uuid.uuid4().hex[:12],
        command="pause" if asked.pauses else "resume",
        at=now,
        by=by,
        claimed=True,
        request=context.aws_request_id,
        why=asked.why,
    )
    in_force: Pause | None = None
    lifted: Pause | None = None
    try:
        in_force = aws.pause_flag().pause()
    except PortError:
        if dry_run or not asked.pauses:
            raise
        # Setting the pause finds an earlier one, too (use_cases/stop.py).
    failures: tuple[Failure, ...] = ()
    if not dry_run and (asked.pauses or in_force is not None):
        with Audited(
            audit=aws.audit(urgent=asked.pauses),
            entry=entry,
            clock=lambda: datetime.now(UTC),
            urgent=asked.pauses,  # nothing is to hold up a stop
        ) as notes:
            if asked.pauses:
                in_force = stop(aws.pause_flag(), Pause(by=by, at=now, why=asked.why))
            else:
                aws.pause_flag().clear()
                lifted, in_force = in_force, None
            notes.ends(asked.why, *_ended(in_force, lifted, entry), failed=False)
        failures = unwritten(notes)
    return write_pause_answer(in_force, failures, dry_run=dry_run, lifted=lifted)


def _ended(in_force: Pause | None, lifted: Pause | None, entry: AuditEntry) -> Iterator[str]:
    """What else an entry says: the earlier pause that stands, or all that was lifted."""
    if in_force is not None and (in_force.by, in_force.at) != (entry.by, entry.at):
        yield f"the pause of {in_force.by} stands, and this one is kept beside it"
    if lifted is not None:
        yield f"lifted the pause of {lifted.by}: {lifted.why}"
        yield from lifted.others


def unwritten(notes: Audited) -> tuple[Failure, ...]:
    """That an entry could not be written; the work was done all the same."""
    return tuple(
        Failure(error=KeyturnError(f"an audit entry could not be written: {error}"))
        for error in notes.unwritten
    )
