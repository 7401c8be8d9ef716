"""Keeps one account within policy: ASA-IAM-Access-Key-Rotation-Function."""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.amounts import pluralize
from keyturn.domain.commands import OperatorCommand
from keyturn.domain.errors import InvalidValue, KeyturnError, Stale
from keyturn.domain.events import Run
from keyturn.domain.result import AccountResult, Request
from keyturn.functions.connect import connected
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log, logger_of
from keyturn.functions.metrics import (
    Service,
    emit,
    of_dropped_message,
    of_failed_message,
    of_result,
)
from keyturn.functions.operator_event import (
    adopt,
    begun,
    pause_or_resume,
    sentences_of,
    unwritten,
    without_time,
    written_down,
)
from keyturn.functions.result_log import log_result
from keyturn.functions.sqs_record import Record, failed_of
from keyturn.schemas.answer import write_answer
from keyturn.schemas.pause_event import is_about_pause, read_pause_event
from keyturn.schemas.plan import read_plan
from keyturn.schemas.queue_message import in_parts, write_message
from keyturn.schemas.rotation_event import RotationRequest, read_queued, read_rotation
from keyturn.schemas.rules import read_body
from keyturn.use_cases import (  # noqa: F401 -- loaded while Lambda starts, and not in the first call
    daily_cap,
    deliver,
    end_exemption,
    executor,
    exempt_users,
    fact_gatherer,
    find_owner,
    keep_account,
    keep_secrets,
    memberships,
    notifications,
    run_account,
    run_lease,
    snapshot,
)
from keyturn.wiring import Aws

logger = logger_of(Service.ROTATION)

SPARE_MILLISECONDS = 180_000
"""
What a rotation leaves of its time: enough to finish the users that were begun, and to tell.

A call that hangs to its end takes a minute. There may be one in a user's turn and one in the
telling, and AWS may have slowed us down; more than that T5 repairs.
"""

TELLING_MILLISECONDS = 100
"""
What it takes, beside that, to notify the owner of a user.

When all writes are done that is two calls of IAM, which bears 20 a second: of 3,300 users who were
rotated in one invocation it took 172 seconds (decision 0082).
"""


class AccountNotKeptError(Exception):
    """An account could not be looked at, or nobody be told; its message is tried again."""


def handler(event: dict[str, Any], context: LambdaContext) -> object:
    """
    Take a direct invocation and answer, or a batch from the queue and say what failed.

    Of a batch the answer is SQS's `batchItemFailures`; each message is an account of its own.
    Raises KeyturnError, in our own words, where a direct invocation could not be carried out;
    what failed in one that could is in its answer (docs/schemas).
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    now = datetime.now(UTC)
    aws = connected(logger, os.environ, context)
    if not isinstance(event, Mapping) or "Records" not in event:
        with in_our_words(logger, LogEvent.INVOCATION_FAILED):
            if is_about_pause(event):
                return pause_or_resume(aws, read_pause_event(event), context)
            asked = read_rotation(event, now=now)
            if asked.adopt is not None:
                done = adopt(aws, asked, asked.adopt, context)
                log_result(logger, done.result, aws.settings.policy)
                return done.answer
            return write_answer(_measured(aws, asked, context))

    def one(record: Record) -> None:
        try:
            with in_our_words(logger, LogEvent.MESSAGE_FAILED):
                asked = read_queued(read_body(str(record["body"])), now=now)
                result = _measured(aws, asked, context)
        except Stale:
            # Not a failure: tried again it would be as old, and hold its account's group up.
            emit(Service.ROTATION, of_dropped_message())
            return
        except KeyturnError:
            emit(Service.ROTATION, of_failed_message())
            raise
        if result.lost is not None:
            raise AccountNotKeptError(str(result.lost))

    return failed_of(event["Records"], one)


def _measured(aws: Aws, asked: RotationRequest, context: LambdaContext) -> AccountResult:
    result = _rotate(aws, asked, context)
    run = result.plan.run
    values = of_result(result, aws.settings.policy)
    if asked.ordered is not None:
        # It looked at one user: the account's numbers are the daily run's to tell.
        values = {"Failures": values["Failures"]}
    emit(Service.ROTATION, values, account=run.account.id, run=run.id)
    return result


def _rotate(aws: Aws, asked: RotationRequest, context: LambdaContext) -> AccountResult:
    run = begun(aws, asked)
    given = context.get_remaining_time_in_millis()

    def has_time(to_tell: int = 0) -> bool:
        spared = SPARE_MILLISECONDS + to_tell * TELLING_MILLISECONDS
        return context.get_remaining_time_in_millis() > spared

    def may_look() -> bool:
        # Looking at all users must leave the time to do something about them.
        return has_time() and context.get_remaining_time_in_millis() > given / 2

    request = _approved(aws, asked)
    with written_down(aws, asked, run, context) as notes:
        if asked.ordered is not None:
            result = _commanded(aws, asked.ordered, run, has_time)
        else:
            # What somebody asked for by hand is told at once, whatever hour it is.
            rotation = aws.run_account(
                run,
                aws.over_bus(),
                is_of_the_day=asked.run is not None and asked.command is None,
            )
            result = rotation.run(run, request, may_look=may_look, has_time=has_time)
        result, rest = without_time(result, asked)
        notes.ends(*sentences_of(result), failed=bool(result.failures))
    result = replace(result, not_notified=(*result.not_notified, *unwritten(notes)))
    log_result(logger, result, aws.settings.policy)
    if rest:
        _hand_back(aws, asked, rest)
    return result


def _commanded(
    aws: Aws, command: OperatorCommand, run: Run, has_time: Callable[[], bool]
) -> AccountResult:
    # A rehearsal of a command tells nobody: "your key would be revoked" helps no owner.
    announcer = None if run.dry_run else aws.over_bus()
    return aws.run_command(run, announcer).run(run, command, has_time)


def _approved(aws: Aws, asked: RotationRequest) -> Request:
    """The request, narrowed to the lines of the plan that it names."""
    name, account = asked.approve_plan, asked.account.id
    if name is None:
        return asked.request
    plan = read_plan(aws.plans().read(name), option="ApprovePlan", name=name)
    if plan.sha256 != asked.plan_sha256:
        rule = f"is not the plan stored as {name}: its SHA-256 is {plan.sha256}"
        raise InvalidValue("PlanSha256", asked.plan_sha256, rule)
    if account not in plan.lines:
        raise InvalidValue("ApprovePlan", name, f"says nothing of account {account}")
    return replace(asked.request, approved=plan.lines[account])


def _hand_back(aws: Aws, asked: RotationRequest, users: Sequence[str]) -> None:
    """Queue the users for whom there was no time left; that they were asked for ages on."""
    rest = write_message(
        asked.account,
        run=asked.run or "",
        requested=asked.requested,
        dry_run=asked.dry_run,
        seen=asked.seen,
    )
    # Each a run of its own: what goes wrong in it is told besides what went wrong in this one.
    parts = [{**part, "run": uuid.uuid4().hex} for part in in_parts(rest, users)]
    aws.queue().send(parts, run=str(parts[0]["run"]))
    for part in parts:
        number = len(part["users"])
        log(
            logger,
            LogEvent.USERS_HANDED_BACK,
            f"No time left for {pluralize(number, 'user')}: handed back",
            account=asked.account.id,
            run=part["run"],
            users=number,
        )
