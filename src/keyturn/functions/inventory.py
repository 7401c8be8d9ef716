"""Lists the organisation's accounts and queues a rotation for each: ASA-Account-Inventory."""

import os
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.domain.amounts import pluralize
from keyturn.functions.connect import connected
from keyturn.functions.faults import in_our_words
from keyturn.functions.log_lines import LogEvent, log, logger_of
from keyturn.functions.metrics import Service, emit, of_coverage, of_inventory
from keyturn.schemas.inventory_answer import write_inventory_answer
from keyturn.use_cases.coverage import not_reached
from keyturn.use_cases.inventory import FanOut, Inventory
from keyturn.wiring import Aws

logger = logger_of(Service.INVENTORY)

SPARE_MILLISECONDS = 60_000
"""
What the inventory leaves of its time: enough for a batch that hangs to its end, and to say which
accounts were not queued. Lambda then invokes it again with the same event.
"""
_NAMED = 20
"""Accounts that one log line names."""
_EVENT_ID = re.compile(r"[0-9a-f-]{32,36}")


def handler(event: object, context: LambdaContext) -> dict[str, object]:
    """
    Queue every account below InventoryOU (or all).

    Answers with the run's id, the ids of the accounts that were queued, and who was skipped, and
    why. Raises KeyturnError, in our own words, where one could not be listed or queued: Lambda
    then repeats the invocation.
    """
    run = _run_of(event)
    with in_our_words(logger, LogEvent.INVOCATION_FAILED):
        aws = connected(logger, os.environ, context)
        inventory = _queue_all(aws.fan_out(), run, context)
        queued = len(inventory.accounts)
        text = f"Queued {pluralize(queued, 'account')}"
        log(logger, LogEvent.ACCOUNTS_QUEUED, text, run=run, accounts=queued)
        _watch(aws, inventory, run)
    return {**write_inventory_answer(run, inventory.accounts, inventory.skipped)}


def _queue_all(fan_out: FanOut, run: str, context: LambdaContext) -> Inventory:
    inventory, queued = Inventory(accounts=()), False

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > SPARE_MILLISECONDS

    try:
        inventory = fan_out.look()
        for account, why in inventory.skipped:
            log(
                logger,
                LogEvent.ACCOUNT_SKIPPED,
                f"Skipped account {account.id} ({account.name}): {why}",
                run=run,
                account=account.id,
                account_name=account.name,
                reason=why,
            )
        if (file := inventory.owners_file) is not None:
            rules = len(file.rules)
            text = f"Owners file {file.place}, version {file.version}: {pluralize(rules, 'rule')}"
            log(logger, LogEvent.OWNERS_FILE_READ, text, run=run, rules=rules)
        for warning in inventory.warnings:
            log(logger, LogEvent.INVENTORY_WARNED, warning, run=run)
        now = datetime.now(UTC)
        if (error := fan_out.record(inventory, run, now)) is not None:
            text = f"The accounts are queued, but which ones could not be written down: {error}"
            log(logger, LogEvent.INVENTORY_NOT_RECORDED, text, run=run)
        fan_out.send(inventory, run, now, has_time)
        queued = True
    finally:
        emit(Service.INVENTORY, of_inventory(inventory, queued=queued), run=run)
    return inventory


def _watch(aws: Aws, inventory: Inventory, run: str) -> None:
    """Measure who is listed and has had no run; whatever comes of it, the accounts are queued."""
    found = not_reached(aws.coverage, inventory, datetime.now(UTC))
    if found is None:
        text = "Accounts without a run are not looked for: no snapshots yet"
        log(logger, LogEvent.COVERAGE_NOT_YET, text, run=run)
        return
    if found.unknown is not None:
        why = f"the snapshots could not be listed ({found.unknown}); so every account counts"
        text = f"Accounts without a run are not known: {why}"
        log(logger, LogEvent.COVERAGE_UNKNOWN, text, run=run)
    elif found.accounts:
        named = found.accounts[:_NAMED]
        more = f" and {len(found.accounts) - _NAMED} more" if len(found.accounts) > _NAMED else ""
        log(
            logger,
            LogEvent.ACCOUNTS_NOT_REACHED,
            f"No run since yesterday over {', '.join(named)}{more}",
            run=run,
            accounts=len(found.accounts),
            named=named,
        )
    emit(Service.INVENTORY, of_coverage(found), run=run)


def _run_of(event: object) -> str:
    """
    The schedule's own id for this hour, if it has one.

    Lambda repeats a failed invocation with the same event: the queue then knows the accounts
    that it has taken already.
    """
    given = event.get("id") if isinstance(event, Mapping) else None
    if isinstance(given, str) and _EVENT_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex
