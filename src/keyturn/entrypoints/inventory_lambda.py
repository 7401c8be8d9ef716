"""Lists the organisation's accounts and queues a rotation for each: ASA-Account-Inventory."""

import os
import uuid

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from keyturn.entrypoints.connect import connected

logger = Logger(service="account-inventory")


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:  # noqa: ARG001 -- Lambda's signature
    """Queue every account below InventoryOU (or all); answer with who was skipped, and why."""
    run = uuid.uuid4().hex
    inventory = connected(logger, os.environ).fan_out().send(run)
    logger.info(f"Queued {len(inventory.accounts)} accounts", extra={"run": run})
    for account, why in inventory.skipped:
        logger.warning(f"Skipped account {account.id} ({account.name}): {why}")
    return {
        "run": run,
        "queued": [account.id for account in inventory.accounts],
        "skipped": [
            {"account": account.id, "name": account.name, "reason": why}
            for account, why in inventory.skipped
        ],
    }
